"""Configuration file -> validated, frozen description of all studies and figures.

Two stages, so that a job that is handed a configuration which was already checked does not check it again:
:func:`validate` holds a configuration against the strict schema, :func:`parse` turns it into a
:class:`Configuration` and checks what a schema can't say. :func:`load` does both from files.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import math
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from isal.errors import IsalError, NetworkError
from isal.model.ensemble import Ensemble
from isal.model.parameters import Clock
from isal.schemes.registry import SCHEMES
from isal.study import config_keys, selection, sources
from isal.study.axes import AXES, BUDGET, COUPLING, cap_w
from isal.study.samples import slot_name
from isal.study.sources import ConfigError as ConfigError
from isal.study.sources import NoNetworkError, Place, Source, Sources, as_yaml, cut, dotted, shown, yaml_number
from isal.units import UJ_PER_J, plain
from isal.validation import log_folder
from isal.validation.clocks import LinkSetup

#: What a wheel brings of the project besides this package (pyproject.toml).
PACKED = Path(__file__).parents[1] / "project"

#: The project: Snakefile, workflow and configuration.
PROJECT = PACKED if PACKED.is_dir() else Path(__file__).parents[2]

#: Folders of the project that results must not be mixed with.
SOURCE_FOLDERS = (
    *(".ci", ".git", ".snakemake", ".venv"),
    *("benchmarks", "config", "docs", "envs", "examples", "isal", "profiles", "tests", "workflow"),
)

#: Bandwidths below, in Hz, are taken for ones in MHz or GHz by mistake; a warning says so.
LEAST_LIKELY_BANDWIDTH_HZ = 1e6

#: The variant of the findings that all others differ from.
BASE = "base"

#: The smallest energy of the findings, microjoules: steps get as little as a 2000th of it.
LEAST_OF_FINDINGS_UJ = 20_000

STEP_GRIDS = ("step_1_energy_j", "step_2_energy_j")
SLOT_GRIDS = ("slot_1_energy_j",)

#: Points of all studies together, and those outside of ensembles: with one point per job each of these is a path that
#: Snakemake keeps in memory, some 1 kB.
MOST_POINTS = 1_000_000_000
MOST_NAMED_POINTS = 1_000_000

#: A step or slot gets at least this part of the total energy, one in so many: what follows one that got less is so
#: ill-conditioned that no optimum can be certified.
LARGEST_RATIO = 10**7

#: Links of one slot, and its nodes and targets together: their matrices must fit into memory.
MOST_LINKS = 1_000_000
MOST_NODES = 1_000

#: Values in one file, aliases written out, and how deep they are nested.
MOST_VALUES = 200_000
DEEPEST = 50

#: Names of files in ``tables/`` that are there whatever the studies are.
TAKEN_STUDY_NAMES = ("best_splits", "solver_agreement")

#: Part of a path, in bytes; file systems take 255, and temporary files add to it.
LONGEST_PART = 200


@dataclass(frozen=True)
class NetworkLayout:
    """A named network as configured: one table of positions per slot, see :meth:`isal.Network.from_mapping`."""

    name: str
    slots: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Study:
    """One grid of points. Energies are in microjoules.

    ``axes`` holds the values along each axis that the study lists, by its name, in the order of
    :data:`isal.study.axes.AXES`. In place of splits, ``step_grids`` holds the energies of all steps but the last,
    ``slot_grids`` those of all slots but the last. ``steps`` are the numbers of steps by network and clock mode: where
    they differ, those with fewer steps use the first of the grids. ``given`` are splits besides those of the grids:
    energies of all parts. ``sizes`` are the numbers of networks of the ensembles among the networks, by name. All
    networks have ``n_slots``: one where slots are taken ``apart``, which has the number of slots of each network then.
    With ``best`` each curve that has something to split has the point of its best split besides the others, if there
    are any. ``tolerance`` is None for that of the configuration; ``unended`` is that of points whose last step is no
    convex problem.
    """

    name: str
    axes: Mapping[str, tuple[Any, ...]]
    total_energy_uj: int
    step_grids: tuple[tuple[int, ...], ...]
    slot_grids: tuple[tuple[int, ...], ...]
    steps: Mapping[tuple[str, str], int]
    sizes: Mapping[str, int]
    n_slots: int
    best: bool
    given: tuple[tuple[int, ...], ...] = ()
    apart: Mapping[str, int] | None = None
    tolerance: float | None = None
    unended: bool = False

    @property
    def named(self) -> tuple[str, ...]:
        """Its networks that have names: all but its ensembles."""
        return tuple(network for network in self.axes["network"] if network not in self.sizes)

    @property
    def n_points(self) -> int:
        """How many points there are, without making them."""
        return sum(self.sizes.get(network, 1) * self.n_points_of(network) for network in self.axes["network"])

    def n_points_of(self, network: str) -> int:
        """How many points a network has, or each network of an ensemble."""
        along = ("clock", "scheme")
        others = math.prod(len(values) for name, values in self.axes.items() if name not in (*along, "network"))
        where = itertools.product(*(self.axes[name] for name in along))
        curves = sum(self.n_splits(network, *each) + self.has_best(network, *each) for each in where)
        return others * curves * (self.apart[network] if self.apart else 1)

    def has_best(self, network: str, clock: str, scheme: str) -> bool:
        """Whether a curve has a point at its best split, besides :meth:`splits`."""
        return self.best and self.n_parts(network, clock, scheme) > 1

    def n_parts(self, network: str, clock: str, scheme: str) -> int:
        """Over how many slots, or steps, a curve splits the energy."""
        if self.n_slots > 1:
            return self.n_slots
        return max(1, self.steps[network, clock]) if SCHEMES[scheme].has_steps else 1

    def splits(self, network: str, clock: str, scheme: str) -> Iterator[tuple[int, ...]]:
        """Energies of a curve's points: of the steps or the slots."""
        n_parts = self.n_parts(network, clock, scheme)
        if n_parts == 1:
            yield (self.total_energy_uj,)
            return
        grids = self._grids(n_parts)
        for earlier in itertools.product(*grids) if grids else ():
            rest = self.total_energy_uj - sum(earlier)
            if rest >= _least(self.total_energy_uj):
                yield (*earlier, rest)
        yield from self._besides(n_parts)

    def n_splits(self, network: str, clock: str, scheme: str) -> int:
        """How many :meth:`splits` there are, without making them."""
        n_parts, most = self.n_parts(network, clock, scheme), self.total_energy_uj - _least(self.total_energy_uj)
        if n_parts == 1:
            return 1
        first, *others = self._grids(n_parts) or ((),)
        return len(self._besides(n_parts)) + sum(
            bisect_right(others[0], most - value) if others else value <= most for value in first
        )

    def grids_of(self, network: str, clock: str) -> tuple[str, ...]:
        """The keys of the energies that the steps of a network, or its slots, have a grid over."""
        return SLOT_GRIDS if self.slot_grids else STEP_GRIDS[: len(self._step_grids(network, clock))]

    def _besides(self, n_parts: int) -> list[tuple[int, ...]]:
        """Given splits over so many parts that the grids do not have."""
        grids = self._grids(n_parts)
        return [
            split
            for split in self.given
            if len(split) == n_parts
            and not (grids and all(energy in grid for energy, grid in zip(split, grids, strict=False)))
        ]

    def _grids(self, n_parts: int) -> tuple[tuple[int, ...], ...]:
        return self.slot_grids or self.step_grids[: n_parts - 1]

    def _step_grids(self, network: str, clock: str) -> tuple[tuple[int, ...], ...]:
        return self.step_grids[: max(0, self.steps[network, clock] - 1)]


@dataclass(frozen=True)
class Deployment:
    """What is asked of networks of one slot: a question of :data:`config_keys.QUESTIONS`, with its settings."""

    name: str
    networks: tuple[str, ...]
    clocks: tuple[Clock, ...]
    bandwidth_hz: float
    question: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """One figure: what kind, and the study, the networks or the deployment that it shows."""

    name: str
    kind: str
    study: str | None
    networks: tuple[str, ...]
    deployment: str | None = None


@dataclass(frozen=True)
class Findings:
    """What the paper's statements are judged on: random samples, and variants that differ from the first, ``base``.

    ``variants`` maps names to what each changes: parameters of the radio, ``power_cap_w``, or fields of
    :class:`isal.schemes.variant.Variant`.
    """

    seed: int
    samples: int
    sensitivity_samples: int
    total_energy_j: float
    bandwidth_hz: float
    variants: Mapping[str, Mapping[str, Any]]

    @property
    def ensemble(self) -> Ensemble:
        """The random samples: two to four anchors and radars each; each slot has a layout of its own."""
        return Ensemble(
            name=f"random-{self.seed}", seed=self.seed, size=self.samples, slots=2, anchors=(2, 4), radars=(2, 4)
        )

    def samples_of(self, variant: str) -> int:
        """How many random samples a variant is tried on."""
        return self.samples if variant == BASE else self.sensitivity_samples


@dataclass(frozen=True)
class Delays:
    """Simulation of one delay: pulses by name, search interval (1/B), SNRs (dB), blocks of trials at each."""

    pulses: tuple[str, ...]
    search: float
    snr_db: tuple[float, ...]
    blocks: int


@dataclass(frozen=True)
class Exchanges:
    """Simulation of exchanges: values of each setting that changes, see :data:`config_keys.SWEEPS`, and blocks."""

    sweeps: Mapping[str, tuple[float, ...]]
    blocks: int


@dataclass(frozen=True)
class Steps:
    """Simulation of step-by-step estimation: blocks of trials in each layout, random networks, blocks in each."""

    blocks: int
    networks: int
    network_blocks: int


@dataclass(frozen=True)
class Breakdown:
    """Simulation of what bounds do not tell: distances of starts from the truth, m, and blocks of trials."""

    off_m: tuple[float, ...]
    blocks: int


@dataclass(frozen=True)
class Simulations:
    """Estimators that are simulated; ``position_blocks`` are blocks of trials of positions."""

    seed: int
    delays: Delays
    exchanges: Exchanges
    position_blocks: int
    steps: Steps
    breakdown: Breakdown


@dataclass(frozen=True)
class Configuration:
    """All that the workflow does, validated. ``source`` is the plain mapping that it was made from."""

    results: str
    solver: str
    tolerance: float
    points_per_job: int
    paper: bool
    agreement_points_per_curve: int
    findings: Findings
    simulations: Simulations
    radar_cap_w: float | None
    anchor_cap_w: float | None
    radio: Mapping[str, Any]  # text for the pulse, numbers for all else
    layouts: Mapping[str, NetworkLayout]
    layouts_file: str
    layouts_note: str
    ensembles: Mapping[str, Ensemble]
    studies: Mapping[str, Study]
    deployments: Mapping[str, Deployment]
    figures: Mapping[str, Figure]
    formats: tuple[str, ...]
    style: Mapping[str, str]
    measurements: str | None
    source: Mapping[str, Any]


def load(config: Mapping[str, Any], label: str | Sources, folders: Sequence[Path]) -> Configuration:
    """Validate and parse a configuration and the networks file that it names.

    Parameters
    ----------
    config
        The merged configuration.
    label
        Where it comes from, for error messages.
    folders
        The working directory, which ``measurements`` is relative to, and where else a relative ``networks`` path is
        looked for, in this order.

    Raises
    ------
    ConfigError
        On the first stage that finds anything wrong, with all that this stage found.
    """
    origin = Sources.named(label)
    config = selection.selected(config, origin)
    validate(config, "config", origin)
    if isinstance(config["networks"], Mapping):
        networks, config["networks"] = config["networks"], origin.holder(("networks",)).label
    else:
        networks = _networks_file(config["networks"], origin, folders)
    if not (config["paper"] or config["figures"]["draw"]):
        without = parse({"config": config, "networks": networks}, origin)
        config["figures"]["draw"] = _fitting_figures(without.studies, without.deployments)
    try:
        configuration = parse({"config": config, "networks": networks}, origin)
    except NoNetworkError as error:
        if not config["paper"]:
            raise
        raise ConfigError(
            f"{error}. The paper's studies need the paper's networks; with a networks file of your own set paper: false"
        ) from None
    _check_place(configuration.results, folders[0], origin.at("results"))
    if configuration.measurements:
        _check_measurements(configuration.measurements, folders[0], origin.at("measurements"))
    return configuration


def _networks_file(name: str, origin: Sources, folders: Sequence[Path]) -> Any:
    """Content of the networks file, validated; the arguments are those of :func:`load`."""
    candidates = [folder / name for folder in folders]
    path = next((candidate for candidate in candidates if _is_file(candidate)), None)
    if path is None:
        looked = " and ".join(cut(str(candidate)) for candidate in candidates)
        variable = f"; {told}" if (told := _variable(name)) else ""
        raise ConfigError(f"{origin.at('networks')}: there is no file {shown(name)}; looked for {looked}{variable}")
    networks = sources.read(path, name)
    validate(networks.content, "networks", Sources((networks,)))
    return networks.content


def _fitting_figures(studies: Mapping[str, Study], deployments: Mapping[str, Deployment]) -> dict[str, Any]:
    """A map of all networks that have names, for each study the figures that fit its grids, and one per deployment."""
    networks = dict.fromkeys(network for study in studies.values() for network in study.named)
    networks |= dict.fromkeys(network for deployment in deployments.values() for network in deployment.networks)
    found: dict[str, Any] = {"networks": {"kind": "layouts", "networks": list(networks)}} if networks else {}
    for name, study in studies.items():
        grids = {study.grids_of(*where) for where in study.steps}
        kinds = [kind for kind, wanted in config_keys.FIGURE_GRIDS.items() if wanted in grids and _fits(kind, study)]
        for kind in kinds:
            found[name if len(kinds) == 1 else f"{name}_{kind}"] = {"kind": kind, "study": name}
        found |= {
            f"{name}_{word}": {"kind": word, "study": name}
            for word, kind in config_keys.FIGURE_KINDS.items()
            if kind.any_study and study.named
        }
    for name, deployment in deployments.items():
        taken = f"deployment_{name}" if name in found else name
        found[taken] = {"kind": deployment.question, "deployment": name}
    return found


def _check_measurements(measurements: str, start: Path, where: str) -> None:
    """Files of measurements are looked for before any job starts; what is in them is read by jobs."""
    try:
        log_folder.find(start / measurements)
    except log_folder.MeasurementError as error:
        variable = f"; {told}" if (told := _variable(measurements)) else ""
        raise ConfigError(f"{where}: {error}{variable}; for none, have null in a file") from None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no possible path
        return False


def validate(content: Any, schema_name: str, label: str | Sources) -> None:
    """Hold ``content`` against the schema of that name, see :func:`isal.study.config_keys.schema`.

    Raises
    ------
    ConfigError
        Naming every key at fault, what is wrong with it, what it means and how to put it right.
    """
    origin = Sources.named(label)
    try:
        problems = list(_unusable(content))
    except _UnboundedError as unbounded:
        raise ConfigError(f"{origin.at(*unbounded.place)}: {unbounded}") from None
    for error in _validator(schema_name).iter_errors(content):
        problems += _explained(error, origin)
    if problems:
        raise ConfigError("\n".join(sources.lines(origin, problems)))


@functools.cache
def _validator(schema_name: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(config_keys.schema(schema_name))


def parse(source: Mapping[str, Any], label: str | Sources = "configuration") -> Configuration:
    """A :class:`Configuration` from ``{"config": ..., "networks": ...}``, both already validated.

    Raises
    ------
    ConfigError
        If a study or a figure names something that does not exist, or an energy grid does not fit.
    """
    config, networks, origin = source["config"], source["networks"], Sources.named(label)
    _check_results(config["results"], origin.at("results"))
    layouts = _layouts(networks, str(config["networks"]))
    ensembles = {name: _ensemble(name, table, layouts, origin) for name, table in config.get("ensembles", {}).items()}
    findings = _findings(config["findings"], origin)
    if (random := findings.ensemble.name) in ensembles:
        raise ConfigError(f"{origin.at('ensembles', random)}: is what the findings call their samples; rename it")
    if config["paper"]:
        _check_names(layouts, findings.ensemble.name, str(config["networks"]))
    known = layouts | {name: _of_a_member(each) for name, each in ensembles.items()}
    sizes = {name: len(each.numbers()) for name, each in ensembles.items()}
    studies = {name: _study(name, table, known, sizes, origin) for name, table in config["studies"].items()}
    _check_size(studies, origin)
    deployments = {
        name: _deployment(name, table, layouts, origin) for name, table in config.get("deployments", {}).items()
    }
    figures = {
        name: _figure(name, table, layouts, studies, deployments, origin)
        for name, table in config["figures"]["draw"].items()
    }

    caps = {kind: cap_w(value) for kind, value in config["power_caps_w"].items()}
    if caps["radars"] == caps["anchors"] == 0:
        raise ConfigError(f"{origin.at('power_caps_w')}: no node may transmit; give radars or anchors more than 0 W")
    return Configuration(
        results=config["results"],
        solver=config["solver"],
        tolerance=float(config["tolerance"]),
        points_per_job=int(config["points_per_job"]),
        paper=config["paper"],
        agreement_points_per_curve=int(config["agreement"]["points_per_curve"]),
        findings=findings,
        simulations=_simulations(config["simulations"], origin),
        radar_cap_w=caps["radars"],
        anchor_cap_w=caps["anchors"],
        radio={key: value if isinstance(value, str) else float(value) for key, value in config["radio"].items()},
        layouts=layouts,
        layouts_file=str(config["networks"]),
        layouts_note=networks.get("note", "")
        if config["paper"] or deployments or _shows_layouts(studies, figures)
        else "",
        ensembles=ensembles,
        studies=studies,
        deployments=deployments,
        figures=figures,
        formats=tuple(config["figures"]["formats"]),
        style=dict(config["style"]),
        measurements=config["measurements"],
        source=source,
    )


def _shows_layouts(studies: Mapping[str, Study], figures: Mapping[str, Figure]) -> bool:
    """Whether there is anything but ensembles."""
    return any(study.named for study in studies.values()) or any(figure.networks for figure in figures.values())


def _findings(table: Mapping[str, Any], origin: Sources) -> Findings:
    variants: dict[str, Mapping[str, Any]] = {BASE: {}, **table["variants"]}
    if BASE in table["variants"]:
        where = origin.at("findings", "variants", BASE)
        raise ConfigError(f"{where}: is the variant that all others differ from; rename it")
    if table["sensitivity_samples"] > table["samples"]:
        some, all_of_them = ("findings", "sensitivity_samples"), ("findings", "samples")
        raise ConfigError(
            f"{origin.at(*some)}: {table['sensitivity_samples']} is more than there are samples "
            f"({table['samples']}); lower it{origin.elsewhere(some, all_of_them)}"
        )
    if _microjoules(table["total_energy_j"], origin.at("findings", "total_energy_j")) < LEAST_OF_FINDINGS_UJ:
        least = _joules(LEAST_OF_FINDINGS_UJ)
        raise ConfigError(
            f"{origin.at('findings', 'total_energy_j')}: is less than {least} J, of which some steps would get next to "
            "nothing; raise it"
        )
    return Findings(
        # 300.0 is a whole number, too
        **{key: int(table[key]) for key in ("seed", "samples", "sensitivity_samples")},
        total_energy_j=float(table["total_energy_j"]),
        bandwidth_hz=float(table["bandwidth_hz"]),
        variants=variants,
    )


def _simulations(table: Mapping[str, Any], origin: Sources) -> Simulations:
    delays, exchanges = table["delays"], table["exchanges"]
    for setting in config_keys.SWEEPS:
        for index, value in enumerate(exchanges[setting]):
            try:
                LinkSetup(**{setting: float(value)})  # type: ignore[arg-type]
            except IsalError as error:
                where = origin.at("simulations", "exchanges", setting, index)
                raise ConfigError(f"{where}: {error}") from None
    return Simulations(
        seed=int(table["seed"]),
        delays=Delays(
            pulses=tuple(delays["pulses"]),
            search=float(delays["search"]),
            snr_db=tuple(map(float, delays["snr_db"])),
            blocks=int(delays["blocks"]),
        ),
        exchanges=Exchanges(
            sweeps={setting: tuple(map(float, exchanges[setting])) for setting in config_keys.SWEEPS},
            blocks=int(exchanges["blocks"]),
        ),
        position_blocks=int(table["positions"]["blocks"]),
        steps=Steps(**{key: int(table["steps"][key]) for key in config_keys.STEPS}),
        breakdown=Breakdown(
            off_m=tuple(map(float, table["breakdown"]["off_m"])), blocks=int(table["breakdown"]["blocks"])
        ),
    )


def _check_results(results: str, where: str) -> None:
    """A folder that Snakemake, the shell and the file system all take as it is written."""
    path = PurePosixPath(results)
    if results != results.strip() or not results.isprintable():
        raise ConfigError(f"{where}: {shown(results)} begins or ends with a blank or has a line break; remove it")
    if wrong := sorted({"{", "}"} & set(results)):
        raise ConfigError(f"{where}: {shown(results)} has {' and '.join(wrong)}, a wildcard to Snakemake; rename it")
    if str(path)[0] == "-":
        raise ConfigError(f"{where}: {shown(results)} begins with '-', an option to other programs; write the path out")
    if variable := _variable(str(path)):
        raise ConfigError(f"{where}: {shown(results)}: {variable}")
    if "://" in results:
        raise ConfigError(f"{where}: {shown(results)} is an address; name a folder of this machine")
    for part in path.parts:
        if len(part.encode()) > LONGEST_PART:
            raise ConfigError(f"{where}: {shown(part)} is too long for a folder; at most {LONGEST_PART} bytes")


def _variable(path: str) -> str:
    """What a path names that a shell would put something else for, and the way out; nothing if it names no such."""
    for pattern, what in (("^~", "a home folder"), (r"\$|%\w+%", "a variable"), ("`", "the output of a command")):
        if found := re.search(pattern, path):
            return f"{found[0]!r} does not stand for {what} here; write the path out"
    return ""


def _check_place(results: str, start: Path, where: str) -> None:
    """Results need a folder of their own: temporary files are removed there, and ``all`` may be deleted."""
    folder = start / results
    for above in (folder, *folder.parents):
        if _is_file(above):
            raise ConfigError(f"{where}: {above} is a file; name a folder")
    folder, start, project = folder.resolve(), start.resolve(), PROJECT.resolve()
    for home, what in ((start, "the working directory"), (project, "the project")):
        if home == folder or folder in home.parents:
            raise ConfigError(
                f"{where}: {shown(results)} is {what}{'' if home == folder else ' and what is around it'}; name a "
                "folder of its own, such as results"
            )
    for home in (start, project):
        first = folder.relative_to(home).parts[0] if home in folder.parents else ""
        if first in SOURCE_FOLDERS and (home == project or first.startswith(".")):
            raise ConfigError(
                f"{where}: {shown(results)} is in {first}, which holds no results; name a folder of its own, such as "
                "results"
            )


def doubts(configuration: Configuration, label: str | Sources) -> list[str]:
    """What is accepted but hardly meant, each with file and key and what to write instead."""
    origin, findings = Sources.named(label), configuration.findings
    bandwidths: dict[Place, float] = {("findings", "bandwidth_hz"): findings.bandwidth_hz}
    for name, variant in findings.variants.items():
        if "bandwidth_hz" in variant:
            bandwidths["findings", "variants", name, "bandwidth_hz"] = variant["bandwidth_hz"]
    for name, study in configuration.studies.items():
        for index, value in enumerate(study.axes["bandwidth"]):
            bandwidths["studies", name, "bandwidths_hz", index] = value
    for name, deployment in configuration.deployments.items():
        bandwidths["deployments", name, "bandwidth_hz"] = deployment.bandwidth_hz
    unheard = ("radio", "timestamp_jitter_s")
    jitter = (
        [f"{origin.at(*unheard)}: deployments take no jitter of time stamps, and are answered as if there were none"]
        if configuration.deployments and configuration.radio["timestamp_jitter_s"]
        else []
    )
    return jitter + [
        f"{origin.at(*place)}: is a bandwidth of {plain(Decimal(str(value)))} Hz; write {yaml_number(value * 1e6)} "
        "if MHz are meant"
        for place, value in bandwidths.items()
        if value < LEAST_LIKELY_BANDWIDTH_HZ
    ]


def _check_size(studies: Mapping[str, Study], origin: Sources) -> None:
    every = {name: study.n_points for name, study in studies.items()}
    named = {name: sum(map(study.n_points_of, study.named)) for name, study in studies.items()}
    for counts, most, where in ((every, MOST_POINTS, ""), (named, MOST_NAMED_POINTS, " outside of ensembles")):
        if (together := sum(counts.values())) > most:
            largest = max(counts, key=lambda name: counts[name])
            raise ConfigError(
                f"{origin.at('studies', largest)}: has {counts[largest]:,} points{where}, all studies have "
                f"{together:,}; the limit is {most:,}. Take larger steps, or run parts of it into different 'results'"
            )


def _layouts(networks: Mapping[str, Any], label: str) -> dict[str, NetworkLayout]:
    layouts: dict[str, NetworkLayout] = {}
    for group in ("single_slot", "dual_slot"):
        for name, table in networks.get(group, {}).items():
            if name in layouts:
                raise ConfigError(f"{label}: {group}.{name}: there is a network of that name already; rename one")
            layouts[name] = NetworkLayout(name, (table,) if group == "single_slot" else tuple(table))
            for slot in layouts[name].slots:
                _check_nodes(slot, f"{label}: {group}.{name}")
    return layouts


def _check_nodes(slot: Mapping[str, Any], where: str) -> None:
    n = len(slot.get("radars", ())) + len(slot.get("anchors", ()))
    n_targets = _n_targets(slot)
    links = n**2 * (n_targets + 1)
    if n + n_targets > MOST_NODES or links > MOST_LINKS:
        raise ConfigError(
            f"{where}: has {n} anchors and radars and {n_targets} targets, up to {links:,} links; the limits are "
            f"{MOST_NODES:,} nodes and targets and {MOST_LINKS:,} links. Leave some out"
        )
    if n == 0:
        raise ConfigError(f"{where}: no anchors and no radars; give at least one active node")
    if n_targets == 0 and (not slot.get("radars") or slot.get("radars_known", False)):
        raise ConfigError(f"{where}: nothing to estimate; give a target, or radars whose positions are unknown")


#: The keys of an ensemble that are ranges, and what turns their ends into numbers.
RANGES: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("anchors", "radars", "targets"), int),
    **dict.fromkeys(("separations_m", *config_keys.HEIGHTS), float),
}


def _ensemble(name: str, table: Mapping[str, Any], layouts: Mapping[str, NetworkLayout], origin: Sources) -> Ensemble:
    at = functools.partial(origin.at, "ensembles", name)
    if taken := _of_the_ensemble(name, layouts):
        raise ConfigError(f"{at()}: network {taken} has the name of the ensemble, or of one of its networks; rename it")
    given: dict[str, Any] = {key: int(table[key]) for key in ("seed", "size", "slots") if key in table}
    if "area_m" in table:
        given["area_m"] = float(table["area_m"])
    given["without"] = tuple(map(int, table.get("without", ())))
    for key, read in RANGES.items():
        if key not in table:
            continue
        low, high = map(read, table[key] if isinstance(table[key], list) else [table[key]] * 2)
        if low > high:
            raise ConfigError(f"{at(key)}: goes from {table[key][0]} to {table[key][1]}; exchange them")
        given[key] = low, high
    found = Ensemble(name=name, **given)
    missing = [key for key in config_keys.HEIGHTS if key not in given]
    if 0 < len(missing) < len(config_keys.HEIGHTS):
        raise ConfigError(
            f"{at(missing[0])}: is missing; networks in space need {', '.join(config_keys.HEIGHTS)}, those in the "
            "plane none of them"
        )
    for key, least in (("radars", 1), ("anchors", 1), ("targets", 0)):
        low, high = getattr(found, key)
        if low < least or (low == 0 < high):
            raise ConfigError(
                f"{at(key)}: networks with and without {key} have different steps; let each have one at least"
                f"{'' if least else ', or none'}"
            )
    if not (numbers := found.numbers()):
        raise ConfigError(f"{at('without')}: leaves no network of {found.size}; let one stay")
    try:
        found.network(numbers[0])
    except NetworkError as error:
        raise ConfigError(f"{at()}: {error}") from None
    return found


def _of_the_ensemble(name: str, layouts: Iterable[str]) -> str:
    """The first layout that has the name of an ensemble, of one of its networks or of a slot of one; empty if none."""
    return next(filter(re.compile(rf"{re.escape(name)}(-\d+(\.\d+)?)?").fullmatch, layouts), "")


def _check_names(layouts: Mapping[str, NetworkLayout], random: str, label: str) -> None:
    """Refuse layouts with names that the findings have for slots on their own, or for random samples."""
    if taken := _of_the_ensemble(random, layouts):
        raise ConfigError(f"{label}: {taken}: is what the findings call a random network; rename it")
    for name, layout in layouts.items():
        if taken := _slot_in(name, layout, layouts):
            raise ConfigError(f"{label}: {taken}: is what the findings call a slot of {name}; rename it")


def _slot_in(name: str, layout: NetworkLayout, layouts: Mapping[str, NetworkLayout]) -> str:
    """The first layout that has the name of a slot of another one; empty if none has."""
    slots = [slot_name(name, number) for number, _ in enumerate(layout.slots, start=1)] if len(layout.slots) > 1 else []
    return next((slot for slot in slots if slot in layouts), "")


def _of_a_member(ensemble: Ensemble) -> NetworkLayout:
    """A layout with the blocks of parameters that all networks of an ensemble have."""
    nowhere = [[0.0, 0.0]]
    slot = {key: nowhere * min(getattr(ensemble, key)[0], 1) for key in ("anchors", "radars", "targets")}
    return NetworkLayout(ensemble.name, (slot,) * ensemble.slots)


def _study(
    name: str,
    table: Mapping[str, Any],
    layouts: Mapping[str, NetworkLayout],
    sizes: Mapping[str, int],
    origin: Sources,
) -> Study:
    at = functools.partial(origin.at, "studies", name)
    if name in TAKEN_STUDY_NAMES:
        raise ConfigError(f"{at()}: every run has a table of that name; rename the study")
    for network in table["networks"]:
        _known(network, layouts, at("networks"), "network or ensemble" if sizes else "network", NoNetworkError)
    total = _microjoules(table["total_energy_j"], at("total_energy_j"))
    axes = {axis.name: tuple(map(axis.read, table[axis.key])) for axis in AXES if axis.key in table}
    if None in (caps := axes.get("power_cap_w", ())) and total / UJ_PER_J in caps:
        raise ConfigError(f"{at('power_cap_w')}: {_joules(total)} W is the '{BUDGET}' here; keep one of them")
    steps = {
        (network, clock): _steps(layouts[network], clock) for network in table["networks"] for clock in table["clocks"]
    }
    _check_schemes(table, layouts, at)
    apart = _apart(table["networks"], layouts, at("slots")) if "slots" in table else None
    n_slots = 1 if apart else _n_slots(table["networks"], layouts, at("networks"))
    wanted, best = _wanted_grids(table, n_slots, steps), "split" in table
    if n_slots == 1 and (useless := next((key for key in COUPLING if key in table), "")):
        raise ConfigError(
            f"{at(useless)}: has no use with networks of one slot, it couples the slots of others; remove it"
        )
    for key in (*STEP_GRIDS, *SLOT_GRIDS):
        if key in table and key not in wanted:
            asked = [("studies", name, other) for other in ("networks", "clocks", "schemes")]
            networks = cut(", ".join(table["networks"]))
            raise ConfigError(
                f"{at(key)}: has no use with {networks} and these clocks and schemes; remove it"
                f"{origin.elsewhere(('studies', name, key), *asked)}"
            )
        if (
            key in wanted
            and key not in table
            and not ((best or "splits_j" in table) and table.keys().isdisjoint(wanted))
        ):
            others = "" if best else ", or split: best, or splits_j, in place of energies"
            raise ConfigError(
                f"{at(key)}: is missing; its networks, clocks and schemes need {' and '.join(wanted)} "
                f"(the last step or slot gets what is left){others}"
            )
    wanted = tuple(key for key in wanted if key in table)
    grids = {key: _energies(table[key], total, origin, ("studies", name, key)) for key in wanted}
    if (together := sum(min(grid) for grid in grids.values())) > total - _least(total):
        places = [("studies", name, key) for key in (*wanted, "total_energy_j")]
        raise ConfigError(
            f"{at()}: the smallest of {' and of '.join(wanted)} together, {_joules(together)} J, leave too little of "
            f"the {_joules(total)} J for the last step; lower them{origin.elsewhere(('studies', name), *places)}"
        )
    found = Study(
        name=name,
        axes=axes,
        total_energy_uj=total,
        step_grids=tuple(grids[key] for key in STEP_GRIDS if key in grids),
        slot_grids=tuple(grids[key] for key in SLOT_GRIDS if key in grids),
        steps=steps,
        sizes={network: sizes[network] for network in table["networks"] if network in sizes},
        n_slots=n_slots,
        best=best,
        given=tuple(_given(table["splits_j"], total, origin, ("studies", name, "splits_j")))
        if "splits_j" in table
        else (),
        apart=apart,
    )
    _check_given(found, at("splits_j"))
    return found


def _apart(networks: Iterable[str], layouts: Mapping[str, NetworkLayout], where: str) -> dict[str, int]:
    """The number of slots of each network, each of which is a network of its own."""
    found = {network: len(layouts[network].slots) for network in networks}
    if max(found.values()) == 1:
        raise ConfigError(f"{where}: has no use, as all of these networks have one slot; remove it")
    for network in found:
        if taken := _slot_in(network, layouts[network], layouts):
            raise ConfigError(f"{where}: a slot of {network} would have the name of network {taken}; rename that")
    return found


def _given(table: Sequence[Sequence[Any]], total: int, origin: Sources, place: Place) -> Iterator[tuple[int, ...]]:
    """Splits that are written out, microjoules; the place ends with the names of the study and of the key."""
    least = _least(total)
    for number, energies in enumerate(table):
        split = tuple(_microjoules(energy, origin.at(*place, number, part)) for part, energy in enumerate(energies))
        where, apart = origin.at(*place, number), origin.elsewhere((*place, number), (*place[:-1], "total_energy_j"))
        if sum(split) != total:
            raise ConfigError(f"{where}: adds up to {_joules(sum(split))} J, not to the {_joules(total)} J{apart}")
        if min(split) < least:
            raise ConfigError(
                f"{where}: {_joules(min(split))} J is less than {_joules(least)} J, one part in {LARGEST_RATIO:.0e} of "
                f"the total; raise it{apart}"
            )
        yield split


def _check_given(study: Study, where: str) -> None:
    """Refuse splits of which no curve has as many parts, and curves without any split."""
    curves = {
        (network, clock, scheme): study.n_parts(network, clock, scheme)
        for network, clock in study.steps
        for scheme in study.axes["scheme"]
    }
    for split in study.given:
        if len(split) not in curves.values():
            several = sorted(set(curves.values()) - {1})
            parts = f"{' or '.join(map(str, several))} parts" if several else "nothing to split"
            raise ConfigError(f"{where}: has a split into {len(split)}, but its curves have {parts}; remove it")
    for (network, clock, scheme), n_parts in curves.items():
        if not (study.best or study.n_splits(network, clock, scheme)):
            raise ConfigError(
                f"{where}: has no split into {n_parts} for {network}, {clock}, {scheme}; add one, or split: best"
            )


def _check_schemes(table: Mapping[str, Any], layouts: Mapping[str, NetworkLayout], at: Callable[..., str]) -> None:
    """Refuse schemes that do not apply to a network, and choices that no scheme has."""
    for scheme, network in itertools.product(table["schemes"], table["networks"]):
        for number, slot in enumerate(slots := layouts[network].slots, start=1):
            where = f"slot {number} of {network}" if len(slots) > 1 else network
            if reason := SCHEMES[scheme].refusal(_n_unknown_radars(slot), _n_targets(slot)):
                raise ConfigError(f"{at('schemes')}: {where} {reason}; leave out {scheme} or {network}")
            carry = SCHEMES[scheme].carry_over
            if (unknown := _adds_unknowns(slot)) and carry is not None and not carry.takes_nuisances:
                raise ConfigError(
                    f"{at('schemes')}: {scheme} says nothing of what {unknown} makes unknown in {where}; take "
                    f"{', '.join(_taking_nuisances())}, or put the network into another study"
                )
    stepwise = any(SCHEMES[scheme].has_steps for scheme in table["schemes"])
    if not stepwise and (useless := next((key for key in config_keys.SCHEME_CHOICES if key in table), "")):
        raise ConfigError(f"{at(useless)}: has no use, as none of the schemes has steps; remove it")


def _adds_unknowns(slot: Mapping[str, Any]) -> str:
    """The key of a network's installation, if there is one, that makes more unknown than its blocks."""
    installed = slot.get("installation", {})
    return next((key for key in ("survey_error_m", "bias_error_m") if installed.get(key)), "")


def _taking_nuisances() -> list[str]:
    """Schemes for networks with survey errors or biases, about all that others are about."""
    carries = {name: each.carry_over for name, each in SCHEMES.items() if not each.alone}
    return [name for name, carry in carries.items() if carry is None or carry.takes_nuisances]


def _n_slots(networks: Sequence[str], layouts: Mapping[str, NetworkLayout], where: str) -> int:
    """The number of slots of all networks of a study."""
    slots = {len(layouts[network].slots): network for network in networks}
    if len(slots) > 1:
        raise ConfigError(
            f"{where}: have different numbers of slots ({_counted(slots)}); put them into separate studies"
        )
    if (count := next(iter(slots))) - 1 > len(SLOT_GRIDS):
        raise ConfigError(f"{where}: have {count} slots; a study can split its energy over two at most")
    return count


def _wanted_grids(table: Mapping[str, Any], n_slots: int, steps: Mapping[tuple[str, str], int]) -> tuple[str, ...]:
    """Energy grids that a study needs: of slots where its networks have several, else of the steps but the last."""
    if n_slots > 1:
        return SLOT_GRIDS
    if not any(SCHEMES[scheme].has_steps for scheme in table["schemes"]):
        return ()
    return STEP_GRIDS[: max(0, max(steps.values()) - 1)]


def _counted(examples: Mapping[int, str]) -> str:
    return ", ".join(f"{example} has {count}" for count, example in sorted(examples.items()))


def _steps(layout: NetworkLayout, clock: str) -> int:
    """Steps of the step-by-step scheme: one for each block that the network has."""
    slot = layout.slots[0]
    radars, anchors = len(slot.get("radars", ())), len(slot.get("anchors", ()))
    offsets = clock == "asynchronous" and radars > 0 and radars - 1 + (anchors > 0) > 0
    return (_n_unknown_radars(slot) > 0) + offsets + (_n_targets(slot) > 0)


def _n_unknown_radars(slot: Mapping[str, Any]) -> int:
    return 0 if slot.get("radars_known", False) else len(slot.get("radars", ()))


def _n_targets(slot: Mapping[str, Any]) -> int:
    return len(slot.get("targets", ())) + ("target" in slot)


def _deployment(
    name: str, table: Mapping[str, Any], layouts: Mapping[str, NetworkLayout], origin: Sources
) -> Deployment:
    at = functools.partial(origin.at, "deployments", name)
    asked = [question for question in config_keys.QUESTIONS if question in table]
    if len(asked) != 1:
        raise ConfigError(
            f"{at()}: asks {' and '.join(asked) or 'nothing'}; give one of {', '.join(config_keys.QUESTIONS)}"
        )
    (question,) = asked
    for network in table["networks"]:
        _known(network, layouts, at("networks"), "network", NoNetworkError)
        if reason := _refused(question, layouts[network]):
            raise ConfigError(f"{at('networks')}: {network} {reason}; name others")
    settings = table[question]
    if question == "robust" and settings.keys().isdisjoint(swept := ("sigma_m", "radius_m")):
        raise ConfigError(f"{at(question)}: does not say how roughly positions are known; give {' or '.join(swept)}")
    return Deployment(
        name=name,
        networks=tuple(table["networks"]),
        clocks=tuple(table["clocks"]),
        bandwidth_hz=float(table["bandwidth_hz"]),
        question=question,
        settings={
            key: tuple(map(float, value)) if isinstance(value, list) else value for key, value in settings.items()
        },
    )


def _refused(question: str, layout: NetworkLayout) -> str:
    """Why a question can't be asked of a network; empty if it can."""
    if (count := len(layout.slots)) > 1:
        return f"has {count} slots, and deployments take one"
    (slot,) = layout.slots
    if not (targets := _n_targets(slot)):
        return "has no target"
    if question == "worst_target" and targets == 1:
        return "has one target, which is the worst and the sum"
    if question == "survey_error" and not slot.get("anchors"):
        return "has no anchors"
    return ""


def _figure(
    name: str,
    table: Mapping[str, Any],
    layouts: Mapping[str, NetworkLayout],
    studies: Mapping[str, Study],
    deployments: Mapping[str, Deployment],
    origin: Sources,
) -> Figure:
    at = functools.partial(origin.at, "figures", "draw", name)
    if name in config_keys.FIGURE_KINDS and config_keys.FIGURE_KINDS[name].automatic:
        raise ConfigError(f"{at()}: is drawn without an entry wherever its datasets are; rename this one")
    for network in table.get("networks", ()):
        _known(network, layouts, at("networks"), "network", NoNetworkError)
    study = table.get("study")
    if study is not None:
        _known(study, studies, at("study"), "study")
        wanted, chosen = config_keys.FIGURE_KINDS[table["kind"]].grids, studies[study]
        if wanted and not any(chosen.grids_of(*where) == wanted for where in chosen.steps):
            raise ConfigError(
                f"{at('study')}: {study} is not a grid over exactly {' and '.join(wanted)}; name a study that is"
            )
        if config_keys.FIGURE_KINDS[table["kind"]].any_study and not chosen.named:
            raise ConfigError(
                f"{at('study')}: {study} has no networks but those of ensembles, and maps are of networks with names; "
                "add one of the networks file to the study, or name another study"
            )
        if not _fits(table["kind"], chosen):
            raise ConfigError(
                f"{at('study')}: {study} has no three splits that make a surface; add energies to its grids"
            )
    deployment = table.get("deployment")
    if deployment is not None:
        _known(deployment, deployments, at("deployment"), "deployment")
        if (question := deployments[deployment].question) != table["kind"]:
            raise ConfigError(f"{at('kind')}: {deployment} asks {question}; write kind: {question}")
    return Figure(name, table["kind"], study, tuple(table.get("networks", ())), deployment)


def _fits(kind: str, study: Study) -> bool:
    """Whether a study has enough splits for a kind of figure: a surface needs three that are not on one line."""
    if config_keys.FIGURE_KINDS[kind].grids != STEP_GRIDS:
        return True
    network, clock = next(where for where in study.steps if study.grids_of(*where) == STEP_GRIDS)
    splits = study.splits(network, clock, next(scheme for scheme in study.axes["scheme"] if SCHEMES[scheme].has_steps))
    x, y, *_ = next(splits)
    sides = ((split[0] - x, split[1] - y) for split in splits)
    first = next(sides, (0, 0))
    return any(first[0] * dy != first[1] * dx for dx, dy in sides)


def _known(name: str, known: Iterable[str], where: str, noun: str, error: type[ConfigError] = ConfigError) -> None:
    known = list(known)
    if name not in known:
        raise error(
            f"{where}: there is no {noun} {shown(name)}{_meant(name, known)}; "
            f"choose among {cut(', '.join(known)) or 'none'}"
        )


def _microjoules(value: float, where: str) -> int:
    exact = Decimal(str(value)) * UJ_PER_J
    if exact != exact.to_integral_value():
        raise ConfigError(f"{where}: {value} J is not a multiple of 1e-6 J; round it")
    return int(exact)


def _least(total: int) -> int:
    """The least energy of a step or slot, microjoules."""
    return -(-total // LARGEST_RATIO)


def _joules(microjoules: int) -> str:
    return plain(Decimal(microjoules) / UJ_PER_J)


def _energies(grid: Any, total: int, origin: Sources, place: Place) -> tuple[int, ...]:
    """The energies of a grid, microjoules; its place ends with the names of the study and of the grid."""
    where, values, left = origin.at(*place), set[int](), MOST_NAMED_POINTS
    for number, entry in enumerate(grid if isinstance(grid, list) else [grid]):
        inner = (*place, number) if isinstance(grid, list) else place
        if not isinstance(entry, Mapping):
            values.add(_microjoules(entry, origin.at(*inner)))
            continue
        first, last, step = (_microjoules(entry[key], origin.at(*inner, key)) for key in ("from", "to", "by"))
        if last < first:
            apart = origin.elsewhere(inner, (*inner, "from"), (*inner, "to"))
            raise ConfigError(
                f"{origin.at(*inner)}: goes from {entry['from']} to {entry['to']} J; exchange them{apart}"
            )
        if (last - first) % step:
            end = _joules(last - (last - first) % step)
            apart = origin.elsewhere((*inner, "to"), (*inner, "from"), (*inner, "by"))
            raise ConfigError(
                f"{origin.at(*inner, 'to')}: steps of {entry['by']} J end at {end} J, not at {entry['to']} J{apart}"
            )
        left -= (last - first) // step + 1
        if left < 0:
            raise ConfigError(
                f"{origin.at(*inner, 'by')}: steps of {entry['by']} J from {entry['from']} to {entry['to']} J are too "
                f"many; a study takes at most {MOST_NAMED_POINTS:,} points"
            )
        values.update(range(first, last + 1, step))
    least, apart = _least(total), origin.elsewhere(place, (*place[:-1], "total_energy_j"))
    if (lowest := min(values)) < least:
        raise ConfigError(
            f"{where}: {_joules(lowest)} J is less than {_joules(least)} J, one part in {LARGEST_RATIO:.0e} of the "
            f"total; raise it{apart}"
        )
    if (highest := max(values)) > total - least:
        excess = "nothing" if highest >= total else f"less than {_joules(least)} J"
        raise ConfigError(
            f"{where}: {_joules(highest)} J leaves {excess} of the {_joules(total)} J for the last step or slot; stay "
            f"below the total{apart}"
        )
    return tuple(sorted(values))


class _UnboundedError(ValueError):
    """Content that is too large to be looked at, and where."""

    def __init__(self, place: Place, what: str) -> None:
        super().__init__(what)
        self.place = place


def _unusable(content: Any) -> Iterator[tuple[Place, str]]:
    """Path and fault of values that no schema can refuse: numbers that are not finite, characters that do not print.

    Raises
    ------
    _UnboundedError
        If the content is nested too deeply (it may contain itself), or has too many values or digits.
    """
    seen = 0

    def walk(value: Any, path: Place) -> Iterator[tuple[Place, str]]:
        nonlocal seen
        seen += 1
        if seen > MOST_VALUES:
            what = f"here the file has more than {MOST_VALUES:,} values, aliases written out"
            raise _UnboundedError(path[:3], what)
        if len(path) > DEEPEST:
            raise _UnboundedError(path[:3], f"is nested more than {DEEPEST} deep, or contains itself")
        if isinstance(value, Mapping):
            for key, inner in value.items():
                yield from walk(key, path)
                yield from walk(inner, (*path, key))
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                yield from walk(inner, (*path, index))
        elif isinstance(value, float) and not math.isfinite(value):
            yield path, f"{value} is not a finite number"
        elif isinstance(value, int) and value.bit_length() > 1024:
            raise _UnboundedError(path, "is too large a number")
        elif isinstance(value, str) and (wrong := next((char for char in value if _is_control(char)), None)):
            yield path, f"{shown(value)} holds the control character {wrong!a}; remove it"

    yield from walk(content, ())


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(cut(str(name)).lower(), list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _explained(error: Any, origin: Sources) -> list[tuple[Place, str]]:
    """Place and fault of each key that a ``jsonschema.ValidationError`` is about, with what the key means."""
    while error.validator == "anyOf":
        # the alternative that was meant is the one that the value is at least of the right type for
        here = len(error.absolute_path)
        of_right_type = [
            inner for inner in error.context if inner.validator != "type" or len(inner.absolute_path) > here
        ]
        if not of_right_type and not isinstance(error.instance, (Mapping, list)):
            of_right_type = [inner for inner in error.context if inner.validator_value == "string"]
        if not of_right_type or of_right_type[0].validator == "const":
            break
        error = of_right_type[0]
    path = tuple(error.absolute_path)
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    properties = schema.get("properties", {})
    if error.validator == "additionalProperties":
        what = f"{dotted(path)} takes {', '.join(properties)}"
        return [
            ((*path, key), f"unknown key{_meant(key, properties)}; {what}")
            for key in error.instance
            if key not in properties
        ]
    if error.validator == "required":
        return [
            ((*path, key), f"is missing{_meaning(properties.get(key, {}))}")
            for key in error.validator_value
            if key not in error.instance
        ]
    value, source = error.instance, origin.holder(path)
    is_name = "propertyNames" in error.absolute_schema_path
    written = origin.holder((*path, value)).keys.get((*path, value)) if is_name else source.written.get(path)
    told = shown(value)
    if written and not source.command_line and not isinstance(value, str):
        as_read = as_yaml(value)
        told = cut(written) if written in (as_read, str(value)) else f"{cut(written)}, in YAML {as_read},"
    if is_name and not isinstance(value, str):
        what = f"the name {told} can't be used; put it in quotes"
    elif is_name:
        what = f"the name {shown(value)} can't be used"
    elif isinstance(value, str) and error.validator in ("type", "anyOf") and (hint := _number_hint(value)):
        if source.command_line:
            hint = (
                f". Snakemake makes text of all that stands in brackets after {source.label}; "
                f"{sources.to_a_file(str(path[0]), _nested(path[1:], float(value)))}"
            )
        what = f"{shown(value)} is text, not a number{hint}"
    elif error.validator == "type":
        what = f"{told} is not {config_keys.TYPES.get(error.validator_value, error.validator_value)}"
        if error.validator_value == "string":
            what += _text_hint(value, path, source)
    elif error.validator == "anyOf":
        what = f"{told} is none of what is accepted"
        if any(form.get("type") == "null" for form in error.validator_value):
            what += _text_hint(value, path, source)
    elif error.validator == "pattern":
        what = f"{shown(value)} is not of the required form"
    elif error.validator in config_keys.LIMITS.values():
        what = f"{shown(value)} is out of range"
    elif error.validator == "uniqueItems":
        twice = next(entry for index, entry in enumerate(value) if entry in value[:index])
        what = f"{shown(twice)} stands twice; keep one"
    elif error.validator == "not":
        first, second = error.validator_value["required"]
        what = f"has both {first!r} and {second!r}; keep one"
    elif error.validator == "enum":
        known = [str(entry) for entry in error.validator_value]
        what = f"{told} is not one of {', '.join(known)}{_meant(str(value), known)}"
    elif error.validator == "const":
        what = f"{told} is not {error.validator_value!r}"
    else:
        what = cut(error.message)
    return [(path, f"{what}{_meaning(schema)}")]


def _nested(path: Place, leaf: Any) -> Any:
    """A table, or text for lists, that has a leaf at a place."""
    for key in reversed(path):
        leaf = [leaf] if isinstance(key, int) else {key: leaf}
    return leaf


def _text_hint(value: Any, path: Place, source: Source) -> str:
    """How to write what is not text as text, in a file or on the command line."""
    if value is None:
        return "; write a name"
    if isinstance(value, (Mapping, list)):
        return (
            "; write a name"
            if not source.command_line
            else f"; {sources.to_a_file(str(path[0]), source.written.get(path))}"
        )
    if not source.command_line:
        return "; put it in quotes"
    text = str(source.written.get(path, value))
    # Snakemake drops quotes; nothing but another form of the same path makes it text
    return f"; write {path[0]}=./{text}" if text[0] != "-" else "; choose another name"


def _number_hint(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return ""
    if not math.isfinite(value):
        return "; write a finite number without quotes"
    return f"; write {yaml_number(value)} without quotes (YAML takes 77e9 for text and 77.0e+9 for a number)"


def _meaning(schema: Mapping[str, Any]) -> str:
    text = "; ".join(part for part in (schema.get("description", ""), config_keys.limits(schema)) if part)
    return f". {text}" if text else ""
