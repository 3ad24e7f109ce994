"""Configuration -> studies -> points: what there is to do. What becomes of it is in :mod:`isal.workflow.products`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from isal.errors import IsalError, NetworkError
from isal.model.network import Network
from isal.model.parameters import CLOCKS, Clock
from isal.model.radio import Radio
from isal.model.temporal import refuse_unlike
from isal.schemes.registry import REFERENCE, SCHEMES
from isal.schemes.schedule import node_caps
from isal.schemes.variant import Variant
from isal.study import files
from isal.study.axes import axes_of
from isal.study.config import ConfigError, Configuration, parse
from isal.study.fingerprint import Code, digest
from isal.study.observations import Assumptions, Sample, observable, random_samples, well_determined
from isal.study.points import AS_READ, Point, fingerprint
from isal.study.store.slabs import Slab
from isal.units import UJ_PER_J
from isal.validation import log_folder
from isal.workflow.record_files import SHARDS, Block, PointFile, RecordFile, Shard, shard_name

PLAN_NAME = "plan.json"

#: Points of an ensemble that one job solves at least: one point per job is for points that have names.
LEAST_PER_BLOCK = 1000

#: The part of the samples that are layouts; the others are ranges of random ones.
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
        for settings in itertools.chain(*map(self.settings, self.configuration.studies)):
            for best in (False, True):
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
                with self._naming(name, number):
                    slots.append(Network.from_mapping(slot, name=name))
            networks[name] = tuple(slots)
        return networks

    def _check_networks(self) -> None:
        for network, slots in self.networks.items():
            with self._naming(network):
                refuse_unlike(slots)
        used = {}
        for study in self.configuration.studies:
            for each in self.settings(study):
                slots, clock, radio = each["slots"], each["clock"], each["radio"]
                caps = each["radar_cap_w"], each["anchor_cap_w"]
                silent = tuple(cap == 0 for cap in caps)
                scheme = SCHEMES[each["scheme"]]
                used[slots[0].name, clock, _weight(radio), silent, scheme.alone] = slots, clock, radio, caps, scheme
        for (network, *_), (slots, clock, radio, caps, scheme) in sorted(used.items(), key=lambda item: item[0]):
            for number, slot in enumerate(slots, start=1):
                with self._naming(network, number, scheme.name if scheme.alone else ""):
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
        layout = self.configuration.layouts.get(network)
        several = slot is not None and layout is not None and len(layout.slots) > 1
        file = "ensembles" if layout is None else self.configuration.layouts_file
        try:
            yield
        except NetworkError as error:
            taken = f"taken for {scheme} alone, " if scheme else ""
            raise ConfigError(f"{file}: {taken}{f'slot {slot} of ' if several else ''}{error}") from error

    # --- points -------------------------------------------------------------------------------------------------------

    @cached_property
    def points(self) -> dict[str, Point]:
        """Every point of every study by its name; a point that several studies share stands once.

        Those of ensembles are left out: see :attr:`record_files`.
        """
        return {name: point for study in self.configuration.studies for name, point in self.study_points(study).items()}

    def study_points(self, name: str) -> dict[str, Point]:
        """The points of one study by their names, but for those of ensembles."""
        if name not in self._studies:
            found = self._studies[name] = {}
            sizes = self.configuration.studies[name].sizes
            for network in self.configuration.studies[name].axes["network"]:
                for curve in self._curves(name, network, self.networks[network]) if network not in sizes else ():
                    found |= {f"{point.curve}/{point.split}": point for point in curve}
        return self._studies[name]

    def member_points(self, study: str, ensemble: str, number: int) -> Iterator[list[Point]]:
        """The points of one network of an ensemble in a study, by curve."""
        yield from self._curves(study, ensemble, self.configuration.ensembles[ensemble].network(number))

    def _curves(self, study: str, network: str, slots: tuple[Network, ...]) -> Iterator[list[Point]]:
        """The points of each curve of a network; ``network`` is the name that the study has for it."""
        described = self.configuration.studies[study]
        for choice in self.choices(study):
            where = network, choice["clock"], choice["scheme"]
            total = described.total_energy_uj
            one = Point(slots=slots, energies_uj=(total,), **choice)  # of which only the curve counts
            best = [one.at((total,), best=True)] if described.has_best(*where) else []
            yield [*map(one.at, described.splits(*where)), *best]

    def settings(self, name: str) -> Iterator[dict[str, Any]]:
        """What the points of each curve of a study have in common: the arguments of :class:`Point` but its energies.

        Of an ensemble the first network stands for all.
        """
        for network in self.configuration.studies[name].axes["network"]:
            ensemble = self.configuration.ensembles.get(network)
            slots = self.networks[network] if ensemble is None else ensemble.network(0)
            for choice in self.choices(name):
                yield {"slots": slots, **choice}

    def choices(self, study: str) -> list[dict[str, Any]]:
        """The same of any network, once for all networks."""
        if study not in self._choices:
            self._choices[study] = list(self._made_choices(study))
        return self._choices[study]

    def _made_choices(self, name: str) -> Iterator[dict[str, Any]]:
        configuration = self.configuration
        own_caps = (configuration.radar_cap_w, configuration.anchor_cap_w)
        own: dict[str, Any] = {**configuration.radio, "power_cap_w": own_caps, **AS_READ}
        listed = {key: values for key, values in configuration.studies[name].axes.items() if key != "network"}
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
                "tolerance": configuration.tolerance,
                "solver": configuration.solver,
                "varied": tuple(each.name for each in chosen if each.optional and given[each.name] != own[each.name]),
            }

    def axes(self, study: str = "") -> list[str]:
        """Names of the axes that a study lists, or any study."""
        studies = self.configuration.studies
        listed = {name for each in ([study] if study else studies) for name in studies[each].axes}
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
        """Every record file by its path."""
        named: list[RecordFile] = (
            [PointFile(self, name) for name in self.points]
            if self.configuration.points_per_job == 1
            else [Shard(self, name) for name in self.shards]
        )
        return {file.path: file for file in [*named, *self._blocks]}

    def shard(self, name: str) -> RecordFile:
        """The record file of many points of this name."""
        return self.record_files[self.in_results(f"{SHARDS}/{name}.nc")]

    def record_file(self, path: Path, fingerprint: str) -> RecordFile:
        """The record file at a path.

        Raises
        ------
        PlanError
            If it is not the one of that fingerprint: the plan belongs to another configuration.
        """
        file = self.record_files.get(str(path))
        if file is None or file.fingerprint != fingerprint:
            raise PlanError(f"{path}: is not the file of the plan that this job is for; run snakemake again")
        return file

    def study_files(self, study: str) -> list[RecordFile]:
        """The record files that hold points of a study."""
        if self.configuration.points_per_job == 1:
            named: list[RecordFile] = [PointFile(self, name) for name in self.study_points(study)]
        else:
            shards = dict.fromkeys(map(self.shard_of, self.study_points(study)))
            named = [Shard(self, name) for name in sorted(shards, key=list(self.shards).index)]
        return [*named, *(block for block in self._blocks if block.study == study)]

    @cached_property
    def n_shards(self) -> int:
        """Number of jobs that named points are spread over: a power of two, so that a grown grid keeps most of them."""
        wanted = max(1, -(-len(self.points) // self.configuration.points_per_job))
        return 1 << (wanted - 1).bit_length()

    def shard_of(self, point: str) -> str:
        """The shard of a point is what the hash of its name says, whatever else there is."""
        return shard_name(point, self.n_shards)

    @cached_property
    def shards(self) -> dict[str, dict[str, Point]]:
        """Named points by name, by shard."""
        shards: dict[str, dict[str, Point]] = {}
        for name, point in self.points.items():
            shards.setdefault(self.shard_of(name), {})[name] = point
        return dict(sorted(shards.items(), key=lambda item: int(item[0].split("_")[0])))

    def slabs(self, study: str) -> list[Slab]:
        """The points of a study in parts that fit into memory: those that have names, and each block of an ensemble."""
        found = []
        if named := self.study_points(study):
            files = [file for file in self.study_files(study) if not isinstance(file, Block)]
            networks = {point.name: point.slots for point in named.values()}
            labels = dict.fromkeys(label for slots in networks.values() for label in slots[0].node_labels)
            found.append(
                Slab(
                    [(Path(file.path), file.fingerprint) for file in files],
                    lambda: list(named.values()),
                    lambda stored: _rows(stored, map(self.fingerprint, named.values())),
                    len(named),
                    list(networks),
                    list(labels),
                )
            )
        for block in self._blocks:
            if block.study == study:
                ensemble = self.configuration.ensembles[block.ensemble]
                members = list(map(ensemble.member, range(block.first, block.stop)))
                file = [(Path(block.path), block.fingerprint)]
                found.append(
                    Slab(file, block.points, _all_rows, block.n_points, members, ensemble.node_labels, ensemble)
                )
        return found

    def of_members(self, study: str, ensemble: str) -> str:
        """Digest of all that the points of any network of an ensemble depend on, whatever the size."""
        if (study, ensemble) not in self._members:
            # with one of its networks, as the code that draws them is part of no fingerprint
            first = [
                [point.curve_digest, point.split, self.code.digest(point.modules)]
                for curve in self.member_points(study, ensemble, 0)
                for point in curve
            ]
            self._members[study, ensemble] = digest([self.configuration.ensembles[ensemble].to_mapping(), first])
        return self._members[study, ensemble]

    @cached_property
    def _blocks(self) -> list[Block]:
        """Blocks of networks of ensembles: a power of two in each, so that a block of fewer lies within one of more."""
        found = []
        for name, study in self.configuration.studies.items():
            for ensemble, size in study.sizes.items():
                points = max(self.configuration.points_per_job, LEAST_PER_BLOCK)
                length = 1 << max(0, (points // study.n_points_of(ensemble)).bit_length() - 1)
                found += [
                    Block(self, name, ensemble, first, min(first + length, size)) for first in range(0, size, length)
                ]
        return found

    # --- deployments --------------------------------------------------------------------------------------------------

    def deployed(self, name: str) -> dict[str, Network]:
        """The networks of a deployment by name."""
        return {network: self.networks[network][0] for network in self.configuration.deployments[name].networks}

    def deployed_radio(self, name: str) -> Radio:
        """The radio of a deployment."""
        bandwidth = self.configuration.deployments[name].bandwidth_hz
        return Radio(**{**self.configuration.radio, "bandwidth_hz": bandwidth})

    # --- findings -----------------------------------------------------------------------------------------------------

    def assumptions(self, variant: str) -> Assumptions:
        """What a variant of the findings assumes."""
        findings = self.configuration.findings
        changed = dict(findings.variants[variant])
        cap = changed.pop("power_cap_w", None)
        scheme = Variant(**{key: changed.pop(key) for key in AS_READ if key in changed})
        radio = Radio(**{**self.configuration.radio, "bandwidth_hz": findings.bandwidth_hz, **changed})
        return Assumptions(variant, radio, findings.total_energy_j, cap, scheme)

    def observed_parts(self, variant: str) -> list[str]:
        """Names of the parts in which a variant is observed: the layouts, and ranges of random samples."""
        findings = self.configuration.findings
        stop = findings.samples if variant == "base" else findings.sensitivity_samples
        step = findings.samples_per_job
        return [LAYOUTS, *(f"random-{start}-{min(start + step, stop)}" for start in range(0, stop, step))]

    def samples(self, part: str) -> list[Sample]:
        """The samples of one part."""
        if part == LAYOUTS:
            return self._layouts
        start, stop = map(int, part.split("-")[1:])
        return list(random_samples(self.configuration.findings.seed, start, stop))

    @cached_property
    def _layouts(self) -> list[Sample]:
        """The layouts that can be observed in every variant, but for those that deployments alone are about."""
        deployments = self.configuration.deployments.values()
        deployed = {network for each in deployments for network in each.networks} - set(self._used)
        variants = (self.assumptions(name).radio for name in self.configuration.findings.variants)
        radios = {_weight(radio): radio for radio in variants}
        return [
            Sample(name, "layout", slots)
            for name, slots in self.networks.items()
            if name not in deployed and all(observable(slots, radio) for radio in radios.values())
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
            sample.name: [sample] for sample in self._layouts if sample.name in self._used and len(sample.slots) == 1
        }
        for start in range(0, number, RANDOM_PER_JOB):
            stop = min(start + RANDOM_PER_JOB, number)
            parts[f"random/{start}-{stop}"] = list(random_samples(self.configuration.findings.seed, start, stop))
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


def _all_rows(stored: Sequence[str]) -> Sequence[int]:
    return range(len(stored))


def curves(points: Mapping[str, Point]) -> list[list[Point]]:
    """Points by all that their names, which are given, tell but the split."""
    found: dict[str, list[Point]] = {}
    for name, point in points.items():
        found.setdefault(name.rpartition("/")[0], []).append(point)
    return list(found.values())


def _weight(radio: Radio) -> float:
    """What of a radio matters to whether a network can be observed: all else weighs all links alike."""
    return radio.radar_cross_section_m2
