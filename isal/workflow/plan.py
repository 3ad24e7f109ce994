"""Configuration -> studies -> points -> paths: the only place where a path is made.

Everything lives below the configuration's ``results`` folder:

    points/<network>/<clock>/<band>/<scheme>/<split>.nc    records, shared by all studies that need the point
    datasets/<study>.nc                                    one per study
    datasets/best_splits/<study>.nc                        the best split of each of its curves, without traversal
    datasets/findings/<variant>.nc                         what the paper's statements are judged by
    findings.md                                            the verdicts
    datasets/solver_agreement.nc                           all solvers on a sample of all points
    tables/<study>.csv, .md                                the best point of every curve of a study
    figures/<figure>.<format>
    plan.json                                              the resolved configuration
    logs/...                                               one per job
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import cast

from isal.allocation.solvers import SOLVERS, modules
from isal.errors import NetworkError
from isal.model.network import Network
from isal.model.parameters import Clock
from isal.model.radio import Radio
from isal.model.temporal import refuse_unlike
from isal.schemes.schedule import node_caps
from isal.study import files
from isal.study.config import ConfigError, Configuration, Figure, parse, validate
from isal.study.observations import Assumptions, Sample, observable, random_samples, well_determined
from isal.study.points import SOLVING, Point, code_digest, source_file

POINT_PATTERN = "points/{network}/{clock}/{band}/{scheme}/{split}.nc"
POINT_LOG_PATTERN = f"logs/{POINT_PATTERN.removesuffix('.nc')}.log"
SHARD_LOG_PATTERN = "logs/shards/{shard}.log"
DATASET_PATTERN = "datasets/{study}.nc"
TABLE_PATTERN = "tables/{study}.{format}"
TABLE_FORMATS = ("csv", "md")
FIGURE_PATTERN = "figures/{figure}.{format}"
BEST_SPLITS_PATTERN = "datasets/best_splits/{study}.nc"
OBSERVATIONS_PATTERN = "observations/{variant}/{samples}.nc"
FINDINGS_PATTERN = "datasets/findings/{variant}.nc"
FINDINGS_PAGE = "findings.md"
AGREEMENT_DATASET = "datasets/solver_agreement.nc"
PLAN_NAME = "plan.json"

#: Modules outside :mod:`isal.figures` that say what schemes look like.
SHOWN = ("carry_overs", "schemes.registry")

#: Kind of figure -> other modules outside :mod:`isal.figures` that it depends on, but for those of its datasets.
FIGURE_MODULES = {
    "layouts": ("model.network",),
    "abundance": ("claims.samples",),
    "variants": tuple(f"claims.{name}" for name in ("samples", "sensitivity", "statement", "statements")),
}


class PlanError(RuntimeError):
    """A plan that does not fit the job that reads it."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Every point, dataset and figure of a configuration, by path below the ``results`` folder."""

    configuration: Configuration

    @classmethod
    def of(cls, configuration: Configuration) -> Plan:
        """The plan of a configuration, with every network that is used checked.

        Raises
        ------
        ConfigError
            If a network can't be evaluated; the message names the networks file, the network and the node.
        """
        plan = cls(configuration)
        plan._check_networks()
        return plan

    @classmethod
    def read(cls, path: Path, check: bool = False) -> Plan:
        """The plan that the workflow wrote to ``plan.json``.

        Parameters
        ----------
        path
            The file.
        check
            Whether to check all of it as if it had been written by hand, which jobs do without.

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
            if check:
                for part in ("config", "networks"):
                    validate(source[part], part, part)
            plan = cls(parse(source, str(path)))
            if check:
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
        """Write ``plan.json``, the resolved configuration, which tells every script what there is to do."""
        # in the order of the configuration: tables, pages and keys follow it
        files.write(Path(self.plan_path), json.dumps(self.configuration.source).encode())

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

    @cached_property
    def points(self) -> dict[str, Point]:
        """Every point of every study by its path below ``results``; a point that several studies share stands once."""
        return {path: point for name in self.configuration.studies for path, point in self.study_points(name).items()}

    def study_points(self, name: str) -> dict[str, Point]:
        """The points of one study by their path below ``results``."""
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
                points[point_path(point)] = point
        return points

    @cached_property
    def n_shards(self) -> int:
        """Number of jobs that the points are spread over: a power of two, so that a grown grid keeps most of them."""
        wanted = max(1, -(-len(self.points) // self.configuration.points_per_job))
        return 1 << (wanted - 1).bit_length()

    @cached_property
    def shards(self) -> dict[str, dict[str, Point]]:
        """Points by path, by shard; a point belongs to the shard that the hash of its path says, whatever else is."""
        shards: dict[str, dict[str, Point]] = {}
        for path, point in self.points.items():
            number = int(hashlib.sha256(path.encode()).hexdigest(), 16) % self.n_shards
            shards.setdefault(f"{number + 1}_of_{self.n_shards}", {})[path] = point
        return dict(sorted(shards.items(), key=lambda item: int(item[0].split("_")[0])))

    def shard(self, name: str, key: str) -> dict[Path, Point]:
        """The points of one shard by their full path; ``key`` is the :meth:`shard_key` that is meant.

        Raises
        ------
        PlanError
            If the plan has no such shard: it belongs to another configuration.
        """
        if name not in self.shards or self.shard_key(name) != key:
            raise PlanError(f"shard {name} of the plan is not the one that this job is for; run snakemake again")
        return {Path(self.in_results(path)): point for path, point in self.shards[name].items()}

    def solving_logs(self, paths: Collection[str]) -> list[str]:
        """Logs of the jobs that solve the points at some paths below ``results``."""
        if self.configuration.points_per_job == 1:
            return [self.in_results(f"logs/{path.removesuffix('.nc')}.log") for path in paths]
        wanted = set(paths)
        shards = (shard for shard, points in self.shards.items() if not wanted.isdisjoint(points))
        return [self.in_results(SHARD_LOG_PATTERN.format(shard=shard)) for shard in shards]

    def in_results(self, path: str) -> str:
        """A path below ``results`` as seen from the working directory."""
        return str(PurePosixPath(self.configuration.results, path))

    @property
    def plan_path(self) -> str:
        return self.in_results(PLAN_NAME)

    @property
    def agreement_path(self) -> str:
        return self.in_results(AGREEMENT_DATASET)

    def dataset_path(self, study: str) -> str:
        return self.in_results(DATASET_PATTERN.format(study=study))

    def table_paths(self) -> Iterator[str]:
        """Every file of every table of a study."""
        for study, suffix in itertools.product(self.configuration.studies, TABLE_FORMATS):
            yield self.in_results(TABLE_PATTERN.format(study=study, format=suffix))

    def figure_paths(self) -> Iterator[str]:
        """Every file of every figure."""
        for figure, suffix in itertools.product(self.configuration.figures, self.configuration.formats):
            yield self.in_results(FIGURE_PATTERN.format(figure=figure, format=suffix))

    def study_figure_paths(self) -> Iterator[str]:
        """Every file of the figures that show networks or studies."""
        for name, figure in self.configuration.figures.items():
            if figure.study is not None or figure.networks:
                for suffix in self.configuration.formats:
                    yield self.in_results(FIGURE_PATTERN.format(figure=name, format=suffix))

    def dataset_key(self, study: str) -> str:
        """What a dataset depends on: which records in which order, with which stamps, the note and the code."""
        points = self.study_points(study).items()
        return canonical(
            {
                "points": digest_of(f"{path} {point.stamp}" for path, point in points),
                "note": self.configuration.layouts_note,
                "code": _code("build_dataset", "study.store.datasets", "study.store.storage"),
            }
        )

    def best_splits_path(self, study: str) -> str:
        return self.in_results(BEST_SPLITS_PATTERN.format(study=study))

    def curve_points(self, study: str) -> list[Point]:
        """One point of every curve of a study."""
        return [curve[0] for curve in _curves(self.study_points(study).values())]

    def best_splits_key(self, study: str) -> str:
        """What the best splits of a study's curves depend on: not on the energies of their points."""
        curves = [
            point.to_mapping() | {"energies_uj": sum(point.energies_uj)}
            for point in self.curve_points(study)
            if point.has_split
        ]
        code = (
            "study.store.storage",
            "study.best_splits",
            "study.points",
            "schemes.best_split",
            *SOLVING,
            *_solver_modules(self.configuration.solver),
        )
        return canonical(
            {"curves": digest_of(sorted(map(canonical, curves))), "code": _code("find_best_splits", *code)}
        )

    def variant(self, name: str) -> Assumptions:
        """A variant of the paper by name."""
        findings = self.configuration.findings
        changed = dict(findings.variants[name])
        cap = changed.pop("power_cap_w", None)
        radio = Radio(**{**self.configuration.radio, "bandwidth_hz": findings.bandwidth_hz, **changed})
        return Assumptions(name, radio, findings.total_energy_j, cap)

    def observed_parts(self, variant: str) -> list[str]:
        """Names of the parts in which a variant is observed: the layouts, and ranges of random samples."""
        findings = self.configuration.findings
        stop = findings.samples if variant == "base" else findings.sensitivity_samples
        step = findings.samples_per_job
        return ["layouts", *(f"random-{start}-{min(start + step, stop)}" for start in range(0, stop, step))]

    def samples(self, part: str) -> list[Sample]:
        """The samples of one part; layouts that can't be observed in every variant are left out."""
        if part != "layouts":
            start, stop = map(int, part.split("-")[1:])
            return list(random_samples(self.configuration.findings.seed, start, stop))
        variants = (self.variant(name).radio for name in self.configuration.findings.variants)
        # of all that variants change, the cross section alone weighs one kind of links against another
        radios = {radio.radar_cross_section_m2: radio for radio in variants}
        return [
            Sample(name, "layout", slots)
            for name, slots in self.networks.items()
            if all(observable(slots, radio) for radio in radios.values())
        ]

    def observations_path(self, variant: str, part: str) -> str:
        return self.in_results(OBSERVATIONS_PATTERN.format(variant=variant, samples=part))

    def observations_key(self, variant: str, part: str) -> str:
        """What the observations of one part depend on."""
        solver, chosen = self.configuration.solver, self.variant(variant)
        code = ["study.store.storage", "study.observations", "schemes.best_split", *SOLVING, *_solver_modules(solver)]
        samples: object
        if part == "layouts":
            samples = [[each.name, [slot.to_mapping() for slot in each.slots]] for each in self.samples(part)]
        else:
            samples = {"seed": self.configuration.findings.seed, "part": part}
            code.append("model.ensemble")
        return canonical(
            {
                "samples": samples,
                "radio": chosen.radio.to_mapping(),
                "energy": chosen.energy,
                "cap": chosen.cap_w,
                "solver": solver,
                "code": _code("observe", *code),
            }
        )

    def gathering_key(self, variant: str) -> str:
        """What the dataset of a variant depends on: its parts and the code."""
        parts = [f"{part} {self.observations_key(variant, part)}" for part in self.observed_parts(variant)]
        return canonical({"parts": digest_of(parts), "code": _code("gather_observations", "study.store.storage")})

    def findings_path(self, variant: str) -> str:
        return self.in_results(FINDINGS_PATTERN.format(variant=variant))

    def findings_paths(self) -> dict[str, str]:
        """Dataset of every variant, by name."""
        return {variant: self.findings_path(variant) for variant in self.configuration.findings.variants}

    def findings_page_key(self) -> str:
        """What the page of findings depends on besides its datasets; they come in the configuration's order."""
        return canonical(
            {
                "variants": list(self.configuration.findings.variants),
                "note": self.configuration.layouts_note,
                "code": [folder_digest("claims"), _code("write_findings", "study.tables")],
            }
        )

    def agreement_points(self) -> dict[str, Point]:
        """Points, evenly spread, of every combination of network, clock mode, bandwidth and scheme, by fingerprint.

        The fingerprint tells all that the comparison of solvers on a point depends on: its problems and the code of
        every solver. It has a tolerance of its own, and the configuration's solver is one of those compared.
        """
        per_curve = self.configuration.agreement_points_per_curve
        chosen = []
        for curve in _curves(self.points.values()):
            ascending = sorted(curve, key=lambda point: point.energies_uj)  # whatever studies they come from
            places = [int((number + 0.5) * len(curve) / per_curve) for number in range(per_curve)]
            chosen += [ascending[place] for place in dict.fromkeys(places)]
        code = [
            "study.agreement",
            "study.store.storage",
            "study.points",
            *SOLVING,
            *(name for each in SOLVERS for name in _solver_modules(each)),
        ]
        found = {}
        for point in chosen:
            told = {key: value for key, value in point.to_mapping().items() if key not in ("solver", "tolerance")}
            used = _code("compare_solvers", *code, *(["schemes.best_split"] if point.splits_slots else []))
            found[digest_of([canonical(told), used])] = point
        return found

    def agreement_key(self) -> str:
        """What the comparison of solvers depends on."""
        return canonical({"points": digest_of(sorted(self.agreement_points()))})

    def table_key(self) -> str:
        """What a table depends on besides its dataset."""
        return canonical({"code": _code("write_table", "schemes.registry", "study.tables")})

    def agreement_table_key(self) -> str:
        """What the tables of solver agreement depend on besides the dataset."""
        return canonical({"code": _code("write_agreement", "study.agreement", "study.tables")})

    def best_splits_table_key(self) -> str:
        """What the table of best splits depends on besides the datasets, which come in the configuration's order."""
        studies = list(self.configuration.studies)
        return canonical({"studies": studies, "code": _code("write_best_splits", "study.best_splits", "study.tables")})

    def dataset_keys(self) -> Iterator[tuple[str, str]]:
        """Path and key of everything that is stored with its key."""
        return ((path, key()) for path, key in self._stored())

    def dataset_paths(self) -> Iterator[str]:
        """Paths of everything that is stored with its key, each after those of what it is made from."""
        return (path for path, _ in self._stored())

    @cached_property
    def solved_keys(self) -> dict[str, str]:
        """Key by path of the datasets that take solving, and not only gathering what others have solved."""
        return {path: key() for path, key in self._solved()}

    def _stored(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Paths of what is stored with its key, and how to get the key, which takes time."""
        for study in self.configuration.studies:
            yield self.dataset_path(study), partial(self.dataset_key, study)
        yield from self._solved()
        for variant in self.configuration.findings.variants:
            yield self.findings_path(variant), partial(self.gathering_key, variant)

    def _solved(self) -> Iterator[tuple[str, Callable[[], str]]]:
        for study in self.configuration.studies:
            yield self.best_splits_path(study), partial(self.best_splits_key, study)
        for variant in self.configuration.findings.variants:
            for part in self.observed_parts(variant):
                yield self.observations_path(variant, part), partial(self.observations_key, variant, part)
        yield self.agreement_path, self.agreement_key

    def shard_key(self, shard: str) -> str:
        """What a shard's job depends on: its points and their stamps."""
        return digest_of(sorted(f"{path} {point.stamp}" for path, point in self.shards[shard].items()))

    def figure_key(self, name: str) -> str:
        """What a figure depends on besides its dataset: its description, the layouts on it, style and code."""
        configuration, figure = self.configuration, self.configuration.figures[name]
        variants = list(configuration.findings.variants) if figure.kind == "variants" else []
        shown = {network: configuration.layouts[network].slots for network in figure.networks}
        return canonical(
            {
                "figure": [figure.kind, figure.study, figure.networks, variants],
                "layouts": shown,
                "note": configuration.layouts_note,
                "style": configuration.style,
                "code": [folder_digest("figures"), _code("draw_figure", *SHOWN, *FIGURE_MODULES.get(figure.kind, ()))],
            }
        )

    def figure_datasets(self, figure: Figure) -> list[str]:
        """Datasets that a figure is drawn from."""
        if figure.kind == "agreement":
            return [self.agreement_path]
        if figure.kind == "abundance":
            return [self.findings_path("base")]
        if figure.kind == "variants":
            return list(self.findings_paths().values())
        if figure.study is None:
            return []
        return [self.dataset_path(figure.study), self.best_splits_path(figure.study)]


def _curves(points: Iterable[Point]) -> list[list[Point]]:
    """Points by network, clock mode, bandwidth and scheme."""
    curves: dict[tuple[str, str, float, str], list[Point]] = {}
    for point in points:
        curves.setdefault((point.name, point.clock, point.radio.bandwidth_hz, point.scheme), []).append(point)
    return list(curves.values())


def point_path(point: Point) -> str:
    """Path of a point's record below ``results``."""
    return POINT_PATTERN.format(
        network=point.name, clock=point.clock, band=point.band, scheme=point.scheme, split=point.split
    )


def canonical(content: Mapping[str, object]) -> str:
    """One text for equal content: Snakemake compares parameters as text."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def digest_of(lines: Iterable[str]) -> str:
    """Digest of lines in their order."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _solver_modules(solver: str) -> list[str]:
    return [name.removeprefix("isal.") for name in modules(solver)]


def _code(script: str, *used: str) -> str:
    """Digest of a script of the workflow and of the modules that it uses."""
    return code_digest((f"scripts.{script}", *sorted({"study.files", *used})))


def folder_digest(package: str) -> str:
    """Digest of the sources of a package of this package."""
    return digest_of(
        f"{path.name} {code_digest((f'{package}.{path.stem}',))}"
        for path in sorted(source_file(package).parent.glob("*.py"))
    )
