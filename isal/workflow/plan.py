"""Configuration -> studies -> points: what there is to do. What becomes of it is in :mod:`isal.workflow.products`."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import cast

from isal.errors import IsalError, NetworkError
from isal.model.network import Network
from isal.model.parameters import Clock
from isal.model.radio import Radio
from isal.model.temporal import refuse_unlike
from isal.schemes.registry import REFERENCE
from isal.schemes.schedule import node_caps
from isal.study import files
from isal.study.config import ConfigError, Configuration, parse, validate
from isal.study.fingerprint import Code
from isal.study.observations import Assumptions, Sample, observable, random_samples, well_determined
from isal.study.points import Point, fingerprint
from isal.units import UJ_PER_J

PLAN_NAME = "plan.json"
RECORD_PATTERN = "points/{point}.nc"

#: The part of the samples that are layouts; the others are ranges of random ones.
LAYOUTS = "layouts"


class PlanError(IsalError):
    """A plan that does not fit the job that reads it."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Every point of a configuration, and the code that results depend on."""

    configuration: Configuration
    code: Code = field(default_factory=Code)

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
    def read(cls, path: Path, by_hand: bool = False) -> Plan:
        """The plan that the workflow wrote to ``plan.json``.

        Parameters
        ----------
        path
            The file.
        by_hand
            Whether a person asks and not a job: all is checked as if it had been written by hand, and the code is what
            it is now and not what it was when the run began.

        Raises
        ------
        PlanError
            If there is none, or it is damaged or of another version; the message names the file and the way out.
        """
        remedy = (
            "snakemake writes it when its first job starts, or, where nothing is left to do, with "
            "--forcerun write_best_splits"
        )
        try:
            source = json.loads(path.read_text(encoding="utf-8"))
            if by_hand:
                for part in ("config", "networks"):
                    validate(source[part], part, part)
            plan = cls(parse(source, str(path)), Code() if by_hand else Code(known=source["code"]))
            if by_hand:
                plan._check_networks()
        except FileNotFoundError as error:
            raise PlanError(f"{path}: there is no such plan; {remedy}") from error
        except OSError as error:
            raise PlanError(f"{path}: can't be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError) as error:
            raise PlanError(
                f"{path}: damaged, or of another version ({type(error).__name__}: {error}); delete it: {remedy}"
            ) from error
        return plan

    def write(self) -> None:
        """Write ``plan.json``, which tells every job what there is to do, and with which code."""
        for modules in {point.modules for point in self.points.values()}:
            self.code.digest(modules)
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
        used = {
            (network, clock)
            for study in self.configuration.studies.values()
            for network in study.networks
            for clock in study.clocks
        }
        radio = Radio(**self.configuration.radio)
        radars, anchors = self.configuration.radar_cap_w, self.configuration.anchor_cap_w
        for network, slots in self.networks.items():
            with self._naming(network):
                refuse_unlike(slots)
        for network, clock in sorted(used):
            for number, slot in enumerate(self.networks[network], start=1):
                with self._naming(network, number):
                    transmit = node_caps(slot, 1.0, radars, anchors) > 0
                    well_determined(slot, radio, cast(Clock, clock), transmit)

    @contextmanager
    def _naming(self, network: str, slot: int | None = None) -> Iterator[None]:
        """Errors of a network become errors of the configuration that name the file, and which slot is meant."""
        several = slot is not None and len(self.configuration.layouts[network].slots) > 1
        try:
            yield
        except NetworkError as error:
            file = self.configuration.source["config"]["networks"]
            raise ConfigError(f"{file}: {f'slot {slot} of ' if several else ''}{error}") from error

    # --- points -------------------------------------------------------------------------------------------------------

    @cached_property
    def points(self) -> dict[str, Point]:
        """Every point of every study by its name; a point that several studies share stands once."""
        return {name: point for study in self.configuration.studies for name, point in self.study_points(study).items()}

    def study_points(self, name: str) -> dict[str, Point]:
        """The points of one study by their names."""
        configuration, study = self.configuration, self.configuration.studies[name]
        radios = [Radio(bandwidth_hz=bandwidth, **configuration.radio) for bandwidth in study.bandwidths_hz]
        points = {}
        for network, clock, radio, scheme in itertools.product(study.networks, study.clocks, radios, study.schemes):
            for energies in study.splits(scheme):
                point = Point(
                    slots=self.networks[network],
                    radio=radio,
                    clock=cast(Clock, clock),
                    scheme=scheme,
                    energies_uj=energies,
                    radar_cap_w=configuration.radar_cap_w,
                    anchor_cap_w=configuration.anchor_cap_w,
                    tolerance=configuration.tolerance,
                    solver=configuration.solver,
                )
                points[point.label] = point
        return points

    def curve_points(self, study: str) -> list[Point]:
        """One point of every curve of a study."""
        return [curve[0] for curve in curves(self.study_points(study).values())]

    def fingerprint(self, point: Point) -> str:
        """What the record of a point depends on: a stored record with this fingerprint still holds."""
        return fingerprint(point, self.code.digest(point.modules))

    def record_path(self, name: str) -> str:
        """Where the record of a point is."""
        return self.in_results(RECORD_PATTERN.format(point=name))

    @cached_property
    def n_shards(self) -> int:
        """Number of jobs that the points are spread over: a power of two, so that a grown grid keeps most of them."""
        wanted = max(1, -(-len(self.points) // self.configuration.points_per_job))
        return 1 << (wanted - 1).bit_length()

    @cached_property
    def shards(self) -> dict[str, dict[str, Point]]:
        """Points by name, by shard; a point belongs to the shard that the hash of its name says, whatever else is."""
        shards: dict[str, dict[str, Point]] = {}
        for name, point in self.points.items():
            number = int(hashlib.sha256(RECORD_PATTERN.format(point=name).encode()).hexdigest(), 16) % self.n_shards
            shards.setdefault(f"{number + 1}_of_{self.n_shards}", {})[name] = point
        return dict(sorted(shards.items(), key=lambda item: int(item[0].split("_")[0])))

    # --- findings -----------------------------------------------------------------------------------------------------

    def assumptions(self, variant: str) -> Assumptions:
        """What a variant of the findings assumes."""
        findings = self.configuration.findings
        changed = dict(findings.variants[variant])
        cap = changed.pop("power_cap_w", None)
        radio = Radio(**{**self.configuration.radio, "bandwidth_hz": findings.bandwidth_hz, **changed})
        return Assumptions(variant, radio, findings.total_energy_j, cap)

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
        """The layouts that can be observed in every variant."""
        variants = (self.assumptions(name).radio for name in self.configuration.findings.variants)
        # of all that variants change, the cross section alone weighs one kind of links against another
        radios = {radio.radar_cross_section_m2: radio for radio in variants}
        return [
            Sample(name, "layout", slots)
            for name, slots in self.networks.items()
            if all(observable(slots, radio) for radio in radios.values())
        ]

    # --- simulations --------------------------------------------------------------------------------------------------

    @cached_property
    def layout_points(self) -> list[Point]:
        """The integrated optimum, synchronous, with bandwidth and energy of the findings, of networks of one slot.

        Those with a target that a study uses, in the order of the networks file.
        """
        configuration, findings = self.configuration, self.configuration.findings
        used = {network for study in configuration.studies.values() for network in study.networks}
        return [
            Point(
                slots=slots,
                radio=Radio(bandwidth_hz=findings.bandwidth_hz, **configuration.radio),
                clock="synchronous",
                scheme=REFERENCE.name,
                energies_uj=(round(findings.total_energy_j * UJ_PER_J),),
                radar_cap_w=configuration.radar_cap_w,
                anchor_cap_w=configuration.anchor_cap_w,
                tolerance=configuration.tolerance,
                solver=configuration.solver,
            )
            for name, slots in self.networks.items()
            if name in used and len(slots) == 1 and slots[0].n_targets
        ]


def curves(points: Iterable[Point]) -> list[list[Point]]:
    """Points by network, clock mode, bandwidth and scheme."""
    found: dict[tuple[str, str, float, str], list[Point]] = {}
    for point in points:
        found.setdefault((point.name, point.clock, point.radio.bandwidth_hz, point.scheme), []).append(point)
    return list(found.values())
