"""Configuration file -> validated, frozen description of all studies and figures.

Two stages, so that a job that is handed a configuration which was already checked does not check it again:
:func:`validate` holds a configuration against the strict schema, :func:`parse` turns it into a
:class:`Configuration` and checks what a schema can't say. :func:`load` does both from files.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from isal.units import UJ_PER_J

SCHEMA_FOLDER = Path(__file__).parents[1] / "workflow" / "schemas"

STEP_GRIDS = ("step_1_energy_j", "step_2_energy_j")
SLOT_GRIDS = ("slot_1_energy_j",)

#: How many step and slot grids the study of a kind of figure must have.
FIGURE_AXES = {"step_energy": (1, 0), "step_simplex": (2, 0), "slot_energy": (0, 1)}


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
    radio: Mapping[str, float]
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
    path = next((candidate for candidate in candidates if candidate.is_file()), None)
    if path is None:
        looked = " and ".join(str(candidate) for candidate in candidates)
        raise ConfigError(f"{label}: networks: there is no file {config['networks']!r}; looked for {looked}")
    networks = read_yaml(path)
    validate(networks, "networks", str(config["networks"]))
    return parse({"config": config, "networks": networks}, label)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; a key that stands twice is an error instead of silently winning."""
    import yaml

    class UniqueKeyLoader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen: set[Any] = set()
            for key_node, _ in node.value:
                key = self.construct_object(key_node, deep=True)
                if isinstance(key, (str, int, float)) and key in seen:
                    raise ConfigError(f"{path}:{key_node.start_mark.line + 1}: the key {key!r} stands twice")
                seen.add(key if isinstance(key, (str, int, float)) else id(key_node))
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(path.read_text(encoding="utf-8"), UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error


def validate(content: Any, schema_name: str, label: str) -> None:
    """Hold ``content`` against ``workflow/schemas/<schema_name>.schema.yaml``.

    Raises
    ------
    ConfigError
        Naming every key at fault, what is wrong with it, what it means and how to put it right.
    """
    import yaml
    from jsonschema import Draft202012Validator

    schema = yaml.safe_load((SCHEMA_FOLDER / f"{schema_name}.schema.yaml").read_text(encoding="utf-8"))
    problems = [f"{_dotted(path)}: {value} is not a finite number" for path, value in _not_finite(content)]
    for error in Draft202012Validator(schema).iter_errors(content):
        problems += _explained(error)
    if problems:
        raise ConfigError("\n".join(f"{label}: {problem}" for problem in dict.fromkeys(problems)))


def parse(source: Mapping[str, Any], label: str = "configuration") -> Configuration:
    """A :class:`Configuration` from ``{"config": ..., "networks": ...}``, both already validated.

    Raises
    ------
    ConfigError
        If a study or a figure names something that does not exist, or an energy grid does not fit.
    """
    config, networks = source["config"], source["networks"]
    layouts = _layouts(networks, str(config["networks"]))
    studies = {name: _study(name, table, layouts, label) for name, table in config["studies"].items()}
    figures = {name: _figure(name, table, layouts, studies, label) for name, table in config["figures"]["draw"].items()}

    def cap(kind: str) -> float | None:
        value = config["power_caps_w"][kind]
        return None if value == "budget" else float(value)

    return Configuration(
        results=config["results"],
        solver=config["solver"],
        tolerance=float(config["tolerance"]),
        points_per_job=config["points_per_job"],
        agreement_points_per_curve=config["agreement"]["points_per_curve"],
        findings=_findings(config["findings"], label),
        radar_cap_w=cap("radars"),
        anchor_cap_w=cap("anchors"),
        radio={key: float(value) for key, value in config["radio"].items()},
        layouts=layouts,
        layouts_note=networks["note"],
        studies=studies,
        figures=figures,
        formats=tuple(config["figures"]["formats"]),
        style=dict(config["style"]),
        source=source,
    )


def _findings(table: Mapping[str, Any], label: str) -> Findings:
    readings = {"base": {}, **table["readings"]}
    if "base" in table["readings"]:
        raise ConfigError(f"{label}: findings.readings.base: is the reading that all others differ from; rename it")
    if table["sensitivity_subjects"] > table["subjects"]:
        raise ConfigError(
            f"{label}: findings.sensitivity_subjects: {table['sensitivity_subjects']} is more than there are subjects "
            f"({table['subjects']}); lower it"
        )
    return Findings(**{**table, "readings": readings})


def _layouts(networks: Mapping[str, Any], label: str) -> dict[str, NetworkLayout]:
    layouts: dict[str, NetworkLayout] = {}
    for group in ("single_slot", "dual_slot"):
        for name, table in networks.get(group, {}).items():
            if name in layouts:
                raise ConfigError(f"{label}: {group}.{name}: there is a network of that name already; rename one")
            layouts[name] = NetworkLayout(name, (table,) if group == "single_slot" else tuple(table))
    return layouts


def _study(name: str, table: Mapping[str, Any], layouts: Mapping[str, NetworkLayout], label: str) -> Study:
    where = f"{label}: studies.{name}"
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
    slots = {len(layouts[network].slots) for network in table["networks"]}
    if len(slots) > 1:
        raise ConfigError(f"{where}.networks: have different numbers of slots; put them into separate studies")
    if (count := slots.pop()) > 1:
        if count - 1 > len(SLOT_GRIDS):
            raise ConfigError(f"{where}.networks: have {count} slots; a study can split its energy over two at most")
        return SLOT_GRIDS
    if all(scheme == "integrated" for scheme in table["schemes"]):
        return ()
    steps = {_steps(layouts[network], clock) for network in table["networks"] for clock in table["clocks"]}
    if len(steps) > 1:
        raise ConfigError(
            f"{where}: its networks and clock modes have different numbers of steps; put them into separate studies"
        )
    return STEP_GRIDS[: steps.pop() - 1]


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
    return Figure(name, table["kind"], study, tuple(table.get("networks", ())))


def _known(name: str, known: Iterable[str], where: str, noun: str) -> None:
    known = list(known)
    if name not in known:
        raise ConfigError(
            f"{where}: there is no {noun} {name!r}{_meant(name, known)}; choose among {', '.join(known) or 'none'}"
        )


def _microjoules(value: float, where: str) -> int:
    exact = Decimal(str(value)) * UJ_PER_J
    if exact != exact.to_integral_value():
        raise ConfigError(f"{where}: {value} J is not a multiple of 1e-6 J; round it")
    return int(exact)


def _energies(grid: Any, total: int, where: str) -> tuple[int, ...]:
    values: set[int] = set()
    for entry in grid if isinstance(grid, list) else [grid]:
        if not isinstance(entry, Mapping):
            values.add(_microjoules(entry, where))
            continue
        first, last, step = (_microjoules(entry[key], f"{where}.{key}") for key in ("from", "to", "by"))
        if last < first:
            raise ConfigError(f"{where}: goes from {entry['from']} to {entry['to']} J; exchange them")
        if (last - first) % step:
            end = (last - (last - first) % step) / UJ_PER_J
            raise ConfigError(f"{where}.to: steps of {entry['by']} J end at {end:g} J, not at {entry['to']} J")
        values.update(range(first, last + 1, step))
    outside = [value for value in values if value >= total]
    if outside:
        raise ConfigError(
            f"{where}: {min(outside) / UJ_PER_J:g} J leaves nothing of the {total / UJ_PER_J:g} J for the last "
            "step or slot; stay below the total"
        )
    return tuple(sorted(values))


def _dotted(path: Iterable[Any]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return text or "(top level)"


def _not_finite(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], float]]:
    if isinstance(content, float) and not math.isfinite(content):
        yield path, content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from _not_finite(value, (*path, key))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from _not_finite(value, (*path, index))


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(name).lower(), list(known), n=1)
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
    if "propertyNames" in error.absolute_schema_path:
        what = f"the name {value!r} can't be used"
    elif isinstance(value, str) and (hint := _number_hint(value)) and error.validator in ("type", "anyOf"):
        what = f"{value!r} is text, not a number{hint}"
    elif error.validator == "anyOf":
        what = f"{value!r} is none of what is accepted"
    elif error.validator == "pattern":
        what = f"{value!r} is not of the required form"
    elif error.validator in ("minimum", "exclusiveMinimum", "maximum"):
        what = f"{value!r} is out of range"
    elif error.validator == "not":
        what = "has both 'target' and 'targets'; keep one"
    elif error.validator == "enum":
        known = [str(entry) for entry in error.validator_value]
        what = f"{value!r} is not one of {', '.join(known)}{_meant(str(value), known)}"
    else:
        what = error.message
    return [f"{_dotted(path)}: {what}{_meaning(schema)}"]


def _number_hint(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return ""
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
