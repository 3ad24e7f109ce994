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
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from isal.units import UJ_PER_J, plain

SCHEMA_FOLDER = Path(__file__).parents[1] / "workflow" / "schemas"

STEP_GRIDS = ("step_1_energy_j", "step_2_energy_j")
SLOT_GRIDS = ("slot_1_energy_j",)

#: How many step and slot grids the study of a kind of figure must have.
FIGURE_AXES = {"step_energy": (1, 0), "step_simplex": (2, 0), "slot_energy": (0, 1)}

#: Points of all studies together: each is a path that Snakemake keeps in memory, some 1 kB.
MOST_POINTS = 1_000_000

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

#: The types of JSON schema in words.
TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a table of keys and values",
    "string": "text; put it in quotes",
}


class ConfigError(ValueError):
    """A configuration that can't be used. The message names file, key and value at fault, and the way out."""


@dataclass(frozen=True)
class NetworkLayout:
    """A named network as configured: one table of positions per slot, see :meth:`isal.Network.from_mapping`."""

    name: str
    slots: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Study:
    """One grid of points. Energies are in microjoules.

    ``step_grids`` holds those of all steps but the last, ``slot_grids`` those of all slots but the last.
    """

    name: str
    networks: tuple[str, ...]
    clocks: tuple[str, ...]
    bandwidths_hz: tuple[float, ...]
    schemes: tuple[str, ...]
    total_energy_uj: int
    step_grids: tuple[tuple[int, ...], ...]
    slot_grids: tuple[tuple[int, ...], ...]

    def splits(self, scheme: str) -> Iterator[tuple[int, ...]]:
        """Energies of every point with a scheme: of the steps or the slots, the last of which gets the rest."""
        for earlier in itertools.product(*self._grids(scheme)):
            rest = self.total_energy_uj - sum(earlier)
            if rest >= _least(self.total_energy_uj):
                yield (*earlier, rest)

    def n_splits(self, scheme: str) -> int:
        """How many :meth:`splits` there are, without making them."""
        grids, most = self._grids(scheme), self.total_energy_uj - _least(self.total_energy_uj)
        if not grids:
            return 1
        first, *others = grids
        return sum(bisect_right(others[0], most - value) if others else value <= most for value in first)

    def _grids(self, scheme: str) -> tuple[tuple[int, ...], ...]:
        return self.slot_grids or (() if scheme == "integrated" else self.step_grids)


@dataclass(frozen=True)
class Figure:
    """One figure: what kind, and the study or the networks that it shows."""

    name: str
    kind: str
    study: str | None
    networks: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """What the paper's statements are judged on: random subjects, and readings that differ from the first, ``base``.

    ``readings`` maps names to what each changes: radio parameters, ``bandwidth_hz``, or ``power_cap_w``.
    """

    seed: int
    subjects: int
    sensitivity_subjects: int
    subjects_per_job: int
    total_energy_j: float
    bandwidth_hz: float
    readings: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Configuration:
    """All that the workflow does, validated. ``source`` is the plain mapping that it was made from."""

    results: str
    solver: str
    tolerance: float
    points_per_job: int
    agreement_points_per_curve: int
    findings: Findings
    radar_cap_w: float | None
    anchor_cap_w: float | None
    radio: Mapping[str, Any]  # text for the pulse, numbers for all else
    layouts: Mapping[str, NetworkLayout]
    layouts_note: str
    studies: Mapping[str, Study]
    figures: Mapping[str, Figure]
    formats: tuple[str, ...]
    style: Mapping[str, str]
    source: Mapping[str, Any]


def load(config: Mapping[str, Any], label: str, folders: Sequence[Path]) -> Configuration:
    """Validate and parse a configuration and the networks file that it names.

    Parameters
    ----------
    config
        The merged configuration.
    label
        Where it comes from, for error messages.
    folders
        Where a relative ``networks`` path is looked for, in this order.

    Raises
    ------
    ConfigError
        On the first stage that finds anything wrong, with all that this stage found.
    """
    validate(config, "config", label)
    candidates = [folder / config["networks"] for folder in folders]
    path = next((candidate for candidate in candidates if _is_file(candidate)), None)
    if path is None:
        looked = " and ".join(_cut(str(candidate)) for candidate in candidates)
        raise ConfigError(f"{label}: networks: there is no file {_shown(config['networks'])}; looked for {looked}")
    networks = read_yaml(path)
    validate(networks, "networks", str(config["networks"]))
    configuration = parse({"config": config, "networks": networks}, label)
    results = folders[0] / configuration.results
    for folder in (results, *results.parents):
        if _is_file(folder):
            raise ConfigError(f"{label}: results: {folder} is a file; name a folder")
    return configuration


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; a key that stands twice is an error instead of silently winning."""
    import yaml

    class UniqueKeyLoader(yaml.SafeLoader):
        def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
            node = super().compose_mapping_node(anchor)
            seen: set[Any] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                    raise ConfigError(f"{path}:{key.start_mark.line + 1}: the key {_shown(key.value)} stands twice")
                seen.add((key.tag, key.value))
            return node

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read: {error}; save it as text in UTF-8") from error
    try:
        return yaml.load(text, UniqueKeyLoader)
    except ConfigError:
        raise
    except RecursionError:
        raise ConfigError(f"{path}: not valid YAML: nested too deeply") from None
    except Exception as error:  # besides YAMLError, whatever a malformed date or number makes the library stumble over
        raise ConfigError(f"{path}: not valid YAML: {error}") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no possible path
        return False


def validate(content: Any, schema_name: str, label: str) -> None:
    """Hold ``content`` against ``workflow/schemas/<schema_name>.schema.yaml``.

    Raises
    ------
    ConfigError
        Naming every key at fault, what is wrong with it, what it means and how to put it right.
    """
    try:
        problems = [f"{_dotted(path)}: {what}" for path, what in _unusable(content)]
    except _UnboundedError as unbounded:
        raise ConfigError(f"{label}: {unbounded}") from None
    for error in _validator(schema_name).iter_errors(content):
        problems += _explained(error)
    if problems:
        raise ConfigError("\n".join(f"{label}: {problem}" for problem in dict.fromkeys(problems)))


@functools.cache
def _validator(schema_name: str) -> Any:
    import yaml
    from jsonschema import Draft202012Validator

    schema = yaml.safe_load((SCHEMA_FOLDER / f"{schema_name}.schema.yaml").read_text(encoding="utf-8"))
    return Draft202012Validator(schema)


def parse(source: Mapping[str, Any], label: str = "configuration") -> Configuration:
    """A :class:`Configuration` from ``{"config": ..., "networks": ...}``, both already validated.

    Raises
    ------
    ConfigError
        If a study or a figure names something that does not exist, or an energy grid does not fit.
    """
    config, networks = source["config"], source["networks"]
    _check_results(config["results"], f"{label}: results")
    layouts = _layouts(networks, str(config["networks"]))
    studies = {name: _study(name, table, layouts, label) for name, table in config["studies"].items()}
    _check_size(studies, label)
    figures = {name: _figure(name, table, layouts, studies, label) for name, table in config["figures"]["draw"].items()}

    def cap(kind: str) -> float | None:
        value = config["power_caps_w"][kind]
        return None if value == "budget" else float(value)

    return Configuration(
        results=config["results"],
        solver=config["solver"],
        tolerance=float(config["tolerance"]),
        points_per_job=int(config["points_per_job"]),
        agreement_points_per_curve=int(config["agreement"]["points_per_curve"]),
        findings=_findings(config["findings"], label),
        radar_cap_w=cap("radars"),
        anchor_cap_w=cap("anchors"),
        radio={key: value if isinstance(value, str) else float(value) for key, value in config["radio"].items()},
        layouts=layouts,
        layouts_note=networks["note"],
        studies=studies,
        figures=figures,
        formats=tuple(config["figures"]["formats"]),
        style=dict(config["style"]),
        source=source,
    )


def _findings(table: Mapping[str, Any], label: str) -> Findings:
    readings: dict[str, Mapping[str, float]] = {"base": {}, **table["readings"]}
    if "base" in table["readings"]:
        raise ConfigError(f"{label}: findings.readings.base: is the reading that all others differ from; rename it")
    if table["sensitivity_subjects"] > table["subjects"]:
        raise ConfigError(
            f"{label}: findings.sensitivity_subjects: {table['sensitivity_subjects']} is more than there are subjects "
            f"({table['subjects']}); lower it"
        )
    _microjoules(table["total_energy_j"], f"{label}: findings.total_energy_j")
    return Findings(
        # 300.0 is a whole number, too
        **{key: int(table[key]) for key in ("seed", "subjects", "sensitivity_subjects", "subjects_per_job")},
        total_energy_j=float(table["total_energy_j"]),
        bandwidth_hz=float(table["bandwidth_hz"]),
        readings=readings,
    )


def _check_results(results: str, where: str) -> None:
    """A folder that Snakemake, the shell and the file system all take as it is written."""
    path = PurePosixPath(results)
    if results != results.strip() or not results.isprintable():
        raise ConfigError(f"{where}: {_shown(results)} begins or ends with a blank or has a line break; remove it")
    if wrong := sorted({"{", "}"} & set(results)):
        raise ConfigError(f"{where}: {_shown(results)} has {' and '.join(wrong)}, a wildcard to Snakemake; rename it")
    if str(path)[0] in "-~":
        raise ConfigError(
            f"{where}: {_shown(results)} begins with {str(path)[0]!r}, an option or a home folder to other programs; "
            "write the path out"
        )
    for part in path.parts:
        if len(part.encode()) > LONGEST_PART:
            raise ConfigError(f"{where}: {_shown(part)} is too long for a folder; at most {LONGEST_PART} bytes")


def _check_size(studies: Mapping[str, Study], label: str) -> None:
    sizes = {name: _n_points(study) for name, study in studies.items()}
    if (together := sum(sizes.values())) > MOST_POINTS:
        largest = max(sizes, key=lambda name: sizes[name])
        raise ConfigError(
            f"{label}: studies.{largest}: has {sizes[largest]:,} points, all studies have {together:,}; the limit is "
            f"{MOST_POINTS:,}. Take larger steps, or run parts of it into different 'results'"
        )


def _n_points(study: Study) -> int:
    curves = len(study.networks) * len(study.clocks) * len(study.bandwidths_hz)
    return curves * sum(study.n_splits(scheme) for scheme in study.schemes)


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
    n_targets = len(slot.get("targets", ())) + ("target" in slot)
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


def _study(name: str, table: Mapping[str, Any], layouts: Mapping[str, NetworkLayout], label: str) -> Study:
    where = f"{label}: studies.{name}"
    if name in TAKEN_STUDY_NAMES:
        raise ConfigError(f"{where}: every run has a table of that name; rename the study")
    for network in table["networks"]:
        _known(network, layouts, f"{where}.networks", "network")
    total = _microjoules(table["total_energy_j"], f"{where}.total_energy_j")
    wanted = _wanted_grids(table, layouts, where)
    for key in (*STEP_GRIDS, *SLOT_GRIDS):
        if key in table and key not in wanted:
            raise ConfigError(f"{where}.{key}: has no use with these networks, clocks and schemes; remove it")
        if key in wanted and key not in table:
            raise ConfigError(
                f"{where}.{key}: is missing; its networks, clocks and schemes need {' and '.join(wanted)} "
                "(the last step or slot gets what is left)"
            )
    grids = {key: _energies(table[key], total, f"{where}.{key}") for key in wanted}
    if (together := sum(min(grid) for grid in grids.values())) > total - _least(total):
        raise ConfigError(
            f"{where}: the smallest of {' and of '.join(wanted)} together, {_joules(together)} J, leave too little of "
            f"the {_joules(total)} J for the last step; lower them"
        )
    return Study(
        name=name,
        networks=tuple(table["networks"]),
        clocks=tuple(table["clocks"]),
        bandwidths_hz=tuple(float(value) for value in table["bandwidths_hz"]),
        schemes=tuple(table["schemes"]),
        total_energy_uj=total,
        step_grids=tuple(grids[key] for key in STEP_GRIDS if key in grids),
        slot_grids=tuple(grids[key] for key in SLOT_GRIDS if key in grids),
    )


def _wanted_grids(table: Mapping[str, Any], layouts: Mapping[str, NetworkLayout], where: str) -> tuple[str, ...]:
    """Energy grids that a study needs: of slots where its networks have several, else of the steps but the last."""
    slots = {len(layouts[network].slots): network for network in table["networks"]}
    if len(slots) > 1:
        raise ConfigError(
            f"{where}.networks: have different numbers of slots ({_counted(slots)}); put them into separate studies"
        )
    if (count := next(iter(slots))) > 1:
        if count - 1 > len(SLOT_GRIDS):
            raise ConfigError(f"{where}.networks: have {count} slots; a study can split its energy over two at most")
        return SLOT_GRIDS
    if all(scheme == "integrated" for scheme in table["schemes"]):
        return ()
    steps = {
        _steps(layouts[network], clock): f"{network} {clock}"
        for network in table["networks"]
        for clock in table["clocks"]
    }
    if len(steps) > 1:
        raise ConfigError(
            f"{where}: its networks and clocks have different numbers of steps ({_counted(steps)}); put them into "
            "separate studies"
        )
    return STEP_GRIDS[: max(0, next(iter(steps)) - 1)]


def _counted(examples: Mapping[int, str]) -> str:
    return ", ".join(f"{example} has {count}" for count, example in sorted(examples.items()))


def _steps(layout: NetworkLayout, clock: str) -> int:
    """Steps of the step-by-step scheme: one for each block that the network has."""
    slot = layout.slots[0]
    radars, anchors = len(slot.get("radars", ())), len(slot.get("anchors", ()))
    free_radars = radars > 0 and not slot.get("radars_known", False)
    offsets = clock == "asynchronous" and radars > 0 and radars - 1 + (anchors > 0) > 0
    return free_radars + offsets + ("target" in slot or len(slot.get("targets", ())) > 0)


def _figure(
    name: str,
    table: Mapping[str, Any],
    layouts: Mapping[str, NetworkLayout],
    studies: Mapping[str, Study],
    label: str,
) -> Figure:
    where = f"{label}: figures.draw.{name}"
    for network in table.get("networks", ()):
        _known(network, layouts, f"{where}.networks", "network")
    study = table.get("study")
    if study is not None:
        _known(study, studies, f"{where}.study", "study")
        steps, slots = FIGURE_AXES[table["kind"]]
        if (len(studies[study].step_grids), len(studies[study].slot_grids)) != (steps, slots):
            grids = " and ".join((*STEP_GRIDS[:steps], *SLOT_GRIDS[:slots]))
            raise ConfigError(f"{where}.study: {study} is not a grid over exactly {grids}; name a study that is")
        if table["kind"] == "step_simplex" and not _spans_a_triangle(studies[study]):
            raise ConfigError(
                f"{where}.study: {study} has no three splits that make a surface; add energies to its grids"
            )
    return Figure(name, table["kind"], study, tuple(table.get("networks", ())))


def _spans_a_triangle(study: Study) -> bool:
    """Whether the splits over two steps are not all on one line."""
    splits = study.splits("step-by-step")
    x, y, *_ = next(splits)
    sides = ((split[0] - x, split[1] - y) for split in splits)
    first = next(sides, (0, 0))
    return any(first[0] * dy != first[1] * dx for dx, dy in sides)


def _known(name: str, known: Iterable[str], where: str, noun: str) -> None:
    known = list(known)
    if name not in known:
        raise ConfigError(
            f"{where}: there is no {noun} {_shown(name)}{_meant(name, known)}; "
            f"choose among {_cut(', '.join(known)) or 'none'}"
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


def _energies(grid: Any, total: int, where: str) -> tuple[int, ...]:
    values: set[int] = set()
    left = MOST_POINTS
    for entry in grid if isinstance(grid, list) else [grid]:
        if not isinstance(entry, Mapping):
            values.add(_microjoules(entry, where))
            continue
        first, last, step = (_microjoules(entry[key], f"{where}.{key}") for key in ("from", "to", "by"))
        if last < first:
            raise ConfigError(f"{where}: goes from {entry['from']} to {entry['to']} J; exchange them")
        if (last - first) % step:
            end = _joules(last - (last - first) % step)
            raise ConfigError(f"{where}.to: steps of {entry['by']} J end at {end} J, not at {entry['to']} J")
        left -= (last - first) // step + 1
        if left < 0:
            raise ConfigError(
                f"{where}.by: steps of {entry['by']} J from {entry['from']} to {entry['to']} J are too many; a study "
                f"takes at most {MOST_POINTS:,} points"
            )
        values.update(range(first, last + 1, step))
    least = _least(total)
    if (lowest := min(values)) < least:
        raise ConfigError(
            f"{where}: {_joules(lowest)} J is less than {_joules(least)} J, one part in {LARGEST_RATIO:.0e} of the "
            "total; raise it"
        )
    if (highest := max(values)) > total - least:
        excess = "nothing" if highest >= total else f"less than {_joules(least)} J"
        raise ConfigError(
            f"{where}: {_joules(highest)} J leaves {excess} of the {_joules(total)} J for the last step or slot; stay "
            "below the total"
        )
    return tuple(sorted(values))


def _dotted(path: Iterable[Any]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_named(part)}" for part in path).lstrip(".")
    return text or "(top level)"


def _named(key: Any) -> str:
    text = str(key)
    return _cut(text if text.isprintable() else repr(text))


def _shown(value: Any) -> str:
    return _cut(repr(value))


def _cut(text: str, longest: int = 200) -> str:
    """A text that fits into a message."""
    return text if len(text) <= longest else f"{text[: longest // 2]} [...] {text[-longest // 4 :]}"


class _UnboundedError(ValueError):
    """Content that is too large to be looked at."""


def _unusable(content: Any) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Path and fault of values that no schema can refuse: numbers that are not finite, characters that do not print.

    Raises
    ------
    _UnboundedError
        If the content is nested too deeply (it may contain itself), or has too many values or digits.
    """
    seen = 0

    def walk(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
        nonlocal seen
        seen += 1
        if seen > MOST_VALUES:
            raise _UnboundedError(
                f"{_dotted(path[:3])}: here the file has more than {MOST_VALUES:,} values, aliases written out"
            )
        if len(path) > DEEPEST:
            raise _UnboundedError(f"{_dotted(path[:3])}: is nested more than {DEEPEST} deep, or contains itself")
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
            raise _UnboundedError(f"{_dotted(path)}: is too large a number")
        elif isinstance(value, str) and (wrong := next((char for char in value if _is_control(char)), None)):
            yield path, f"{_shown(value)} holds the control character {wrong!a}; remove it"

    yield from walk(content, ())


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(_cut(str(name)).lower(), list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _explained(error: Any) -> list[str]:
    """Messages for one ``jsonschema.ValidationError``: the keys, what is wrong, what they mean."""
    while error.validator == "anyOf":
        # the alternative that was meant is the one that the value is at least of the right type for
        here = len(error.absolute_path)
        of_right_type = [
            inner for inner in error.context if inner.validator != "type" or len(inner.absolute_path) > here
        ]
        if not of_right_type or of_right_type[0].validator == "const":
            break
        error = of_right_type[0]
    path = list(error.absolute_path)
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    properties = schema.get("properties", {})
    if error.validator == "additionalProperties":
        return [
            f"{_dotted([*path, key])}: unknown key{_meant(key, properties)}; "
            f"{_dotted(path)} takes {', '.join(properties)}"
            for key in error.instance
            if key not in properties
        ]
    if error.validator == "required":
        return [
            f"{_dotted([*path, key])}: is missing{_meaning(properties.get(key, {}))}"
            for key in error.validator_value
            if key not in error.instance
        ]
    value = error.instance
    shown = _shown(value)
    if "propertyNames" in error.absolute_schema_path:
        what = f"the name {shown} can't be used"
    elif isinstance(value, str) and (hint := _number_hint(value)) and error.validator in ("type", "anyOf"):
        what = f"{shown} is text, not a number{hint}"
    elif error.validator == "type":
        what = f"{shown} is not {TYPES.get(error.validator_value, error.validator_value)}"
    elif error.validator == "anyOf":
        what = f"{shown} is none of what is accepted"
    elif error.validator == "pattern":
        what = f"{shown} is not of the required form"
    elif error.validator in ("minimum", "exclusiveMinimum", "maximum"):
        what = f"{shown} is out of range"
    elif error.validator == "not":
        what = "has both 'target' and 'targets'; keep one"
    elif error.validator == "enum":
        known = [str(entry) for entry in error.validator_value]
        what = f"{shown} is not one of {', '.join(known)}{_meant(str(value), known)}"
    else:
        what = _cut(error.message)
    return [f"{_dotted(path)}: {what}{_meaning(schema)}"]


def _number_hint(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return ""
    if not math.isfinite(value):
        return "; write a finite number without quotes"
    mantissa, exponent = f"{value:e}".split("e")
    plain = str(int(value)) if value.is_integer() and abs(value) < 1e6 else f"{float(mantissa)}e{int(exponent):+d}"
    return f"; write {plain} without quotes (YAML takes 77e9 for text and 77.0e+9 for a number)"


def _meaning(schema: Mapping[str, Any]) -> str:
    described = schema.get("description", "")
    limits = [
        f"{word} {schema[key]:g}"
        for key, word in (("minimum", "at least"), ("exclusiveMinimum", "above"), ("maximum", "at most"))
        if key in schema
    ]
    text = "; ".join(part for part in (described, ", ".join(limits)) if part)
    return f". {text}" if text else ""
