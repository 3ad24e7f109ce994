"""Configuration -> studies -> points: what there is to do. What becomes of it is in :mod:`isal.workflow.products`."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from isal.errors import IsalError, NetworkError
from isal.model.ensemble import Ensemble
from isal.model.network import Network
from isal.model.parameters import CLOCKS, Clock
from isal.model.radio import Radio
from isal.model.temporal import refuse_unlike
from isal.schemes.registry import REFERENCE, SCHEMES
from isal.schemes.schedule import node_caps
from isal.study import files
from isal.study.axes import axes_of
from isal.study.config import ConfigError, Configuration, Study, parse
from isal.study.fingerprint import Code, digest
from isal.study.points import AS_READ, Point, fingerprint
from isal.study.samples import Assumptions, Sample, observable, random_samples, slot_name, well_determined
from isal.study.store.slabs import Slab
from isal.units import UJ_PER_J
from isal.validation import log_folder
from isal.workflow.findings import FOLDER, Studies
from isal.workflow.record_files import SHARDS, Block, PointFile, Pool, RecordFile, Shard

PLAN_NAME = "plan.json"

#: Points of an ensemble that one job solves at least: one point per job is for points that have names.
LEAST_PER_BLOCK = 1000

#: The same of what the findings are made from, most of which takes a millisecond.
LEAST_OF_FINDINGS = 16_000

#: Folder of the record files of the layouts among them.
LAYOUTS = "layouts"

#: Random networks whose step-by-step estimates one job simulates.
RANDOM_PER_JOB = 10


class PlanError(IsalError):
    """A plan that does not fit the job that reads it."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Every point of a configuration, and the code that results depend on."""

    configuration: Configuration
    code: Code = field(default_factory=Code)
    _studies: dict[str, dict[str, Point]] = field(default_factory=dict, init=False, repr=False)
    _choices: dict[str, list[dict[str, Any]]] = field(default_factory=dict, init=False, repr=False)
    _members: dict[tuple[str, str], str] = field(default_factory=dict, init=False, repr=False)
    _fingerprints: dict[Point, str] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, configuration: Configuration, code: Code | None = None) -> Plan:
        """The plan of a configuration, with every network that is used checked.

        Raises
        ------
        ConfigError
            If a network can't be evaluated; the message names the networks file, the network and the node.
        """
        plan = cls(configuration, code or Code())
        plan._check_networks()
        return plan

    @classmethod
    def read(cls, path: Path) -> Plan:
        """The plan that the workflow wrote to ``plan.json``, with the code as it was when the run began.

        Raises
        ------
        PlanError
            If there is none, or it is damaged or of another version; the message names the file and the way out.
        """
        remedy = "snakemake writes it anew before its first job"
        try:
            source = json.loads(path.read_text(encoding="utf-8"))
            plan = cls(parse(source, str(path)), Code(known=source["code"]))
        except FileNotFoundError as error:
            raise PlanError(f"{path}: there is no such plan; {remedy}") from error
        except OSError as error:
            raise PlanError(f"{path}: can't be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError) as error:
            raise PlanError(
                f"{path}: damaged, or of another version ({type(error).__name__}: {error}); {remedy}"
            ) from error
        return plan

    def write(self) -> None:
        """Write ``plan.json``, which tells every job what there is to do, and with which code."""
        for name in (*self.configuration.studies, *self.findings.studies):
            for settings, best in itertools.product(self.settings(name), {False, self.study(name).best}):
                self.code.digest(Point(energies_uj=(), best=best, **settings).modules)
        # in the order of the configuration: tables and pages follow it
        files.write(Path(self.path), json.dumps({**self.configuration.source, "code": self.code.known}).encode())

    @property
    def path(self) -> str:
        return self.in_results(PLAN_NAME)

    def in_results(self, path: str) -> str:
        """A path below ``results`` as seen from the working directory."""
        return str(PurePosixPath(self.configuration.results, path))

    # --- networks -----------------------------------------------------------------------------------------------------

    @cached_property
    def networks(self) -> dict[str, tuple[Network, ...]]:
        """Slots of every network, by name."""
        networks = {}
        for name, layout in self.configuration.layouts.items():
            slots = []
            for number, slot in enumerate(layout.slots, start=1):
                with self._naming(name, number if len(layout.slots) > 1 else None):
                    slots.append(Network.from_mapping(slot, name=name))
            networks[name] = tuple(slots)
        return networks

    def _check_networks(self) -> None:
        for network, slots in self.networks.items():
            with self._naming(network):
                refuse_unlike(slots)
        used = {}
        studies = self.configuration.studies.items()
        for name, network in ((name, network) for name, study in studies for network in study.axes["network"]):
            for each in self._settings_of(name, network):
                slots, clock, radio = each["slots"], each["clock"], each["radio"]
                caps = each["radar_cap_w"], each["anchor_cap_w"]
                silent = tuple(cap == 0 for cap in caps)
                scheme = SCHEMES[each["scheme"]]
                key = slots[0].name, clock, _weight(radio), silent, scheme.alone
                used[key] = network, slots, clock, radio, caps, scheme
        for network, slots, clock, radio, caps, scheme in (used[key] for key in sorted(used)):
            for number, slot in enumerate(slots, start=1):
                with self._naming(network, number if len(slots) > 1 else None, scheme.name if scheme.alone else ""):
                    well_determined(scheme.takes(slot), radio, clock, node_caps(slot, 1.0, *caps) > 0)
        own_caps = self.configuration.radar_cap_w, self.configuration.anchor_cap_w
        for name, deployment in self.configuration.deployments.items():
            for deployed, clock in itertools.product(self.deployed(name).values(), deployment.clocks):
                with self._naming(deployed.name):
                    transmits = node_caps(deployed, 1.0, *own_caps) > 0
                    well_determined(deployed, self.deployed_radio(name), clock, transmits)

    @contextmanager
    def _naming(self, network: str, slot: int | None = None, scheme: str = "") -> Iterator[None]:
        """Errors of a network become errors of the configuration that name the file, and which slot is meant.

        Where a scheme takes the network for less than it is, it is named, too.
        """
        file = self.configuration.layouts_file if network in self.configuration.layouts else "ensembles"
        try:
            yield
        except NetworkError as error:
            taken = f"taken for {scheme} alone, " if scheme else ""
            raise ConfigError(f"{file}: {taken}{f'slot {slot} of ' if slot else ''}{error}") from error

    # --- points -------------------------------------------------------------------------------------------------------

    @cached_property
    def points(self) -> dict[str, Point]:
        """Every point of every study by its name; a point that several studies share stands once.

        Those of ensembles are left out, and those of the findings: see :attr:`record_files`.
        """
        return {name: point for study in self.configuration.studies for name, point in self.study_points(study).items()}

    def study(self, name: str) -> Study:
        """A study of the configuration, or one that the findings are made from."""
        return self.configuration.studies.get(name) or self.findings.studies[name]

    def study_points(self, name: str) -> dict[str, Point]:
        """The points of one study by their names, but for those of ensembles."""
        if name not in self._studies:
            found = self._studies[name] = {}
            study = self.study(name)
            for network in study.axes["network"]:
                for curve in self._curves(name, network, self.networks[network]) if network not in study.sizes else ():
                    found |= {f"{point.curve}/{point.split}": point for point in curve}
        return self._studies[name]

    def member_points(self, study: str, ensemble: str, number: int) -> Iterator[list[Point]]:
        """The points of one network of an ensemble in a study, by curve."""
        yield from self._curves(study, ensemble, self.ensembles[ensemble].network(number))

    def _curves(self, study: str, network: str, slots: tuple[Network, ...]) -> Iterator[list[Point]]:
        """The points of each curve of a network; ``network`` is the name that the study has for it."""
        described = self.study(study)
        for some, choice in itertools.product(self._taken(study, slots), self.choices(study)):
            where = network, choice["clock"], choice["scheme"]
            total = described.total_energy_uj
            one = Point(slots=some, energies_uj=(total,), **choice)  # of which only the curve counts
            best = [one.at((total,), best=True)] if described.has_best(*where) else []
            yield [*map(one.at, described.splits(*where)), *best]

    def _taken(self, study: str, slots: tuple[Network, ...]) -> list[tuple[Network, ...]]:
        """What a study takes the slots of a network for: one network, or one each."""
        if not self.study(study).apart or len(slots) == 1:
            return [slots]
        return [(replace(slot, name=slot_name(slot.name, n)),) for n, slot in enumerate(slots, start=1)]

    def _names(self, study: str, ensemble: Ensemble, number: int) -> list[str]:
        """Names of what a study takes a network of an ensemble for."""
        name = ensemble.member(number)
        if not self.study(study).apart or ensemble.slots == 1:
            return [name]
        return [slot_name(name, slot) for slot in range(1, ensemble.slots + 1)]

    def settings(self, name: str) -> Iterator[dict[str, Any]]:
        """What the points of each curve of a study have in common: the arguments of :class:`Point` but its energies.

        Of an ensemble the first network stands for all.
        """
        for network in self.study(name).axes["network"]:
            yield from self._settings_of(name, network)

    def _settings_of(self, name: str, network: str) -> Iterator[dict[str, Any]]:
        """The same of one network."""
        ensemble = self.ensembles.get(network)
        slots = self.networks[network] if ensemble is None else ensemble.network(ensemble.first)
        for some, choice in itertools.product(self._taken(name, slots), self.choices(name)):
            yield {"slots": some, **choice}

    def choices(self, study: str) -> list[dict[str, Any]]:
        """The same of any network, once for all networks."""
        if study not in self._choices:
            self._choices[study] = list(self._made_choices(study))
        return self._choices[study]

    def _made_choices(self, name: str) -> Iterator[dict[str, Any]]:
        configuration, study = self.configuration, self.study(name)
        own_caps = (configuration.radar_cap_w, configuration.anchor_cap_w)
        own: dict[str, Any] = {**configuration.radio, "power_cap_w": own_caps, **AS_READ}
        listed = {key: values for key, values in study.axes.items() if key != "network"}
        for values in itertools.product(*listed.values()):
            along = dict(zip(listed, values, strict=True))
            chosen = axes_of(along, "network", "split")
            radio = {axis.parameter: along[axis.name] for axis in chosen if axis.parameter}
            caps = (along["power_cap_w"],) * 2 if "power_cap_w" in along else own_caps
            read = {key: along.get(key, value) for key, value in AS_READ.items()}
            given = {**radio, "power_cap_w": caps, **read}
            yield {
                "radio": Radio(**{**configuration.radio, **radio}),
                "clock": along["clock"],
                "scheme": along["scheme"],
                "radar_cap_w": caps[0],
                "anchor_cap_w": caps[1],
                **read,
                "tolerance": configuration.tolerance if study.tolerance is None else study.tolerance,
                "solver": configuration.solver,
                "unended": study.unended and not SCHEMES[along["scheme"]].convex,
                "varied": tuple(each.name for each in chosen if each.optional and given[each.name] != own[each.name]),
            }

    def axes(self, study: str = "") -> list[str]:
        """Names of the axes that a study lists, or any study."""
        listed = {name for each in ([study] if study else self.configuration.studies) for name in self.study(each).axes}
        return [axis.name for axis in axes_of(listed, "split")]

    def curve_points(self, study: str) -> list[Point]:
        """One point of every curve of a study."""
        return [curve[0] for curve in curves(self.study_points(study))]

    def fingerprint(self, point: Point) -> str:
        """What the record of a point depends on: a stored record with this fingerprint still holds."""
        if point not in self._fingerprints:
            self._fingerprints[point] = fingerprint(point, self.code.digest(point.modules))
        return self._fingerprints[point]

    @cached_property
    def record_files(self) -> dict[str, RecordFile]:
        """Every record file of the studies by its path."""
        named: list[RecordFile] = (
            [PointFile(self, name) for name in self.points]
            if self.configuration.points_per_job == 1
            else self._shards_of(self.pool, self.points)
        )
        return {file.path: file for file in [*named, *self._blocks]}

    @cached_property
    def findings_files(self) -> dict[str, RecordFile]:
        """Every record file of what the findings are made from, by its path."""
        named = self._shards_of(self.findings_pool, self.findings_pool.points)
        return {file.path: file for file in [*named, *self._findings_blocks]}

    def file_at(self, path: str) -> RecordFile | None:
        """The record file at a path, if one is there."""
        return self.record_files.get(path) or self.findings_files.get(path)

    def shard(self, name: str) -> RecordFile:
        """The record file of many points of this name."""
        file = self.file_at(self.in_results(f"{SHARDS}/{name}.nc"))
        if file is None:
            raise PlanError(f"there is no record file of many points {name}")
        return file

    def record_file(self, path: Path, fingerprint: str) -> RecordFile:
        """The record file at a path.

        Raises
        ------
        PlanError
            If it is not the one of that fingerprint: the plan belongs to another configuration.
        """
        file = self.file_at(str(path))
        if file is None or file.fingerprint != fingerprint:
            raise PlanError(f"{path}: is not the file of the plan that this job is for; run snakemake again")
        return file

    def study_files(self, study: str) -> list[RecordFile]:
        """The record files that hold points of a study."""
        points = self.study_points(study)
        if study not in self.configuration.studies:
            named = self._shards_of(self.findings_pool, points)
        elif self.configuration.points_per_job == 1:
            named = [PointFile(self, name) for name in points]
        else:
            named = self._shards_of(self.pool, points)
        return [*named, *self._blocks_of(study)]

    @cached_property
    def pool(self) -> Pool:
        """The named points of the studies."""
        return Pool(self.points, self.configuration.points_per_job)

    @cached_property
    def findings_pool(self) -> Pool:
        """The named points of what the findings are made from."""
        points = {name: point for study in self.findings.studies for name, point in self.study_points(study).items()}
        return Pool(points, self._least(LEAST_OF_FINDINGS), f"{FOLDER}/{LAYOUTS}/")

    def _shards_of(self, pool: Pool, points: Iterable[str]) -> list[RecordFile]:
        """The shards that some points of a pool are in."""
        wanted = set(map(pool.shard_of, points))
        return [Shard(self, pool, part) for part in pool.shards if part in wanted]

    def _least(self, points: int) -> int:
        """How many points a job solves about that solves so many at least."""
        return max(self.configuration.points_per_job, points)

    def slabs(self, study: str, members: int | None = None) -> list[Slab]:
        """The points of a study in parts that fit into memory: those that have names, and each block of an ensemble.

        With ``members`` blocks are left out that have none of the first so many networks.
        """
        found = []
        if named := self.study_points(study):
            files = [file for file in self.study_files(study) if not isinstance(file, Block)]
            networks = {point.name: point.slots for point in named.values()}
            labels = dict.fromkeys(label for slots in networks.values() for label in slots[0].node_labels)
            found.append(
                Slab(
                    [(Path(file.path), file.fingerprint) for file in files],
                    lambda: list(named.values()),
                    lambda found: _rows(found.fingerprints, map(self.fingerprint, named.values())),
                    len(named),
                    list(networks),
                    list(labels),
                )
            )
        for block in self._blocks_of(study):
            if members is not None and block.first >= members:
                continue
            ensemble = self.ensembles[block.ensemble]
            names = [name for number in block.numbers for name in self._names(study, ensemble, number)]
            file = [(Path(block.path), block.fingerprint)]
            points, rows = functools.partial(block.points_of, study), block.rows_of(study)
            found.append(Slab(file, points, rows, block.n_points_of(study), names, ensemble.node_labels, ensemble))
        return found

    def of_members(self, study: str, ensemble: str) -> str:
        """Digest of all that the points of any network of an ensemble depend on, whatever the size."""
        if (study, ensemble) not in self._members:
            # with one of its networks, as the code that draws them is part of no fingerprint
            first = [
                [point.curve_digest, point.split, self.code.digest(point.modules)]
                for curve in self.member_points(study, ensemble, self.ensembles[ensemble].first)
                for point in curve
            ]
            self._members[study, ensemble] = digest([self.ensembles[ensemble].to_mapping(), first])
        return self._members[study, ensemble]

    @cached_property
    def ensembles(self) -> dict[str, Ensemble]:
        """Every ensemble by its name."""
        random = self.configuration.findings.ensemble
        return {**self.configuration.ensembles, random.name: random}

    @cached_property
    def _blocks(self) -> list[Block]:
        """Blocks of networks of the studies' ensembles."""
        return [
            block
            for name, study in self.configuration.studies.items()
            for ensemble in study.sizes
            for block in self._blocks_over(
                f"{name}/{ensemble}-", (name,), ensemble, self.ensembles[ensemble].size, LEAST_PER_BLOCK
            )
        ]

    @cached_property
    def _findings_blocks(self) -> list[Block]:
        """Blocks of random samples of the findings: those of a variant have the points of all its own studies."""
        configuration = self.configuration.findings
        found: list[Block] = []
        for variant in configuration.variants:
            if own := self.findings.own(variant):
                prefix, size = f"{FOLDER}/{variant}/", configuration.samples_of(variant)
                found += self._blocks_over(prefix, own, configuration.ensemble.name, size, LEAST_OF_FINDINGS)
        return found

    def _blocks_of(self, study: str) -> list[Block]:
        """The blocks that hold points of a study."""
        blocks = self._blocks if study in self.configuration.studies else self._findings_blocks
        return [block for block in blocks if study in block.studies]

    def _blocks_over(self, prefix: str, studies: Sequence[str], ensemble: str, size: int, least: int) -> list[Block]:
        """Blocks of some studies: a power of two in each, so that a block of fewer lies within one of more."""
        points = sum(self.study(each).n_points_of(ensemble) for each in studies)
        length = 1 << max(0, (self._least(least) // points).bit_length() - 1)
        starts = range(0, size, length)
        blocks = (Block(self, prefix, tuple(studies), ensemble, first, min(first + length, size)) for first in starts)
        return [block for block in blocks if block.numbers]

    # --- deployments --------------------------------------------------------------------------------------------------

    def deployed(self, name: str) -> dict[str, Network]:
        """The networks of a deployment by name."""
        return {network: self.networks[network][0] for network in self.configuration.deployments[name].networks}

    def deployed_radio(self, name: str) -> Radio:
        """The radio of a deployment, whose time stamps do not jitter (:func:`isal.study.config.doubts`)."""
        own = {"bandwidth_hz": self.configuration.deployments[name].bandwidth_hz, "timestamp_jitter_s": 0.0}
        return Radio(**{**self.configuration.radio, **own})

    # --- findings -----------------------------------------------------------------------------------------------------

    @cached_property
    def findings(self) -> Studies:
        """The studies that the findings are made from."""
        return Studies.of(self.configuration, {sample.name: len(sample.slots) for sample in self.layout_samples})

    def assumptions(self, variant: str) -> Assumptions:
        """What a variant of the findings assumes."""
        return Assumptions.of(self.configuration, variant)

    def samples(self, variant: str) -> list[Sample]:
        """The samples that a variant of the findings is judged on: layouts first."""
        findings = self.configuration.findings
        return [*self.layout_samples, *random_samples(findings.ensemble, 0, findings.samples_of(variant))]

    @cached_property
    def layout_samples(self) -> list[Sample]:
        """The layouts that can be observed in every variant.

        Those of several targets, which the paper has not, only if a study uses them.
        """
        variants = (self.assumptions(name).radio for name in self.configuration.findings.variants)
        radios = {_weight(radio): radio for radio in variants}
        return [
            Sample(name, "layout", slots)
            for name, slots in self.networks.items()
            if (name in self._used or all(slot.n_targets <= 1 for slot in slots))
            and all(observable(slots, radio) for radio in radios.values())
        ]

    # --- measurements -------------------------------------------------------------------------------------------------

    @cached_property
    def measured(self) -> log_folder.LogFolder | None:
        """The logs of the configuration's folder of measurements; None if it names none."""
        folder = self.configuration.measurements
        return log_folder.find(folder) if folder else None

    # --- simulations --------------------------------------------------------------------------------------------------

    @cached_property
    def layout_points(self) -> list[Point]:
        """The integrated optimum, synchronous, with bandwidth and energy of the findings, of networks of one slot.

        Those with a target that a study uses, in the order of the networks file.
        """
        return [
            self._optimum(slots, "synchronous")
            for slots in self._used.values()
            if len(slots) == 1 and slots[0].n_targets
        ]

    @cached_property
    def simulated_points(self) -> dict[str, list[Point]]:
        """The same of each network that a study uses, in each clock mode; two slots have half of the energy each."""
        return {
            name: [self._optimum(slots, clock) for clock in CLOCKS]
            for name, slots in self._used.items()
            if len(slots) <= 2
        }

    @cached_property
    def stepped_samples(self) -> dict[str, list[Sample]]:
        """Samples in whose first slots step-by-step estimates are simulated, by part.

        A part is a layout that a study uses and that the findings can observe, or some random networks.
        """
        number = self.configuration.simulations.steps.networks
        parts = {
            sample.name: [sample]
            for sample in self.layout_samples
            if sample.name in self._used and len(sample.slots) == 1
        }
        for start in range(0, number, RANDOM_PER_JOB):
            stop = min(start + RANDOM_PER_JOB, number)
            parts[f"random/{start}-{stop}"] = list(random_samples(self.configuration.findings.ensemble, start, stop))
        return parts

    @cached_property
    def _used(self) -> dict[str, tuple[Network, ...]]:
        """Slots of the networks that studies use, by name, in the order of the networks file.

        Those alone that simulations are for: no estimator here knows of survey errors or biases.
        """
        used = {network for study in self.configuration.studies.values() for network in study.axes["network"]}
        return {
            name: slots
            for name, slots in self.networks.items()
            if name in used and not any(slot.installation.adds_unknowns(slot) for slot in slots)
        }

    def _optimum(self, slots: tuple[Network, ...], clock: Clock) -> Point:
        """The integrated scheme with bandwidth and energy of the findings, of which each slot has the same share."""
        configuration, findings = self.configuration, self.configuration.findings
        return Point(
            slots=slots,
            radio=Radio(bandwidth_hz=findings.bandwidth_hz, **configuration.radio),
            clock=clock,
            scheme=REFERENCE.name,
            energies_uj=(round(findings.total_energy_j * UJ_PER_J / len(slots)),) * len(slots),
            radar_cap_w=configuration.radar_cap_w,
            anchor_cap_w=configuration.anchor_cap_w,
            tolerance=configuration.tolerance,
            solver=configuration.solver,
        )


def _rows(stored: Sequence[str], wanted: Iterable[str]) -> list[int]:
    """Where some fingerprints stand among others."""
    row = {fingerprint: number for number, fingerprint in enumerate(stored)}
    return [row[fingerprint] for fingerprint in wanted]


def curves(points: Mapping[str, Point]) -> list[list[Point]]:
    """Points by all that their names, which are given, tell but the split."""
    found: dict[str, list[Point]] = {}
    for name, point in points.items():
        found.setdefault(name.rpartition("/")[0], []).append(point)
    return list(found.values())


def _weight(radio: Radio) -> float:
    """What of a radio matters to whether a network can be observed: all else weighs all links alike."""
    return radio.radar_cross_section_m2
