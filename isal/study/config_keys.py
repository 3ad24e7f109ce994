"""Every key of the configuration and of the networks file, declared once: type, unit, limits and meaning.

The JSON schemas that :mod:`isal.study.config` validates with, their copies in ``workflow/schemas/`` and the key tables
of ``config/README.md`` all come from here; ``make docs`` renews the files. The keys of ``radio`` come from the fields
of :class:`isal.Radio`.

A declaration is a :class:`Value`, what may stand somewhere, and a :class:`Key` gives a value its meaning.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, fields, replace
from typing import Any

from isal.allocation.solvers import SOLVERS
from isal.model import ensemble
from isal.model.installation import NAMES, Installation
from isal.model.network import LARGEST_COORDINATE_M
from isal.model.parameters import CLOCKS
from isal.model.pulse import PULSES, RAISED_COSINE, ROLL_OFF
from isal.model.radio import Radio
from isal.schemes.carry_over import CARRIES
from isal.schemes.registry import ALONE, SCHEMES
from isal.schemes.variant import CAPS_PER, DEFAULT_VARIANT, FIRST_STEPS
from isal.study.axes import AXES, BEST, BUDGET, NAMED, Axis
from isal.units import short

Schema = dict[str, Any]

#: Each slot of a network is a network of its own.
APART = "apart"

#: The types of JSON schema in words.
TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a table of keys and values",
    "string": "text",
}

#: The limits of a number: word, which is also how they are declared, and JSON schema's name.
LIMITS = {
    "at least": "minimum",
    "above": "exclusiveMinimum",
    "at most": "maximum",
    "below": "exclusiveMaximum",
}


def limits(schema: Mapping[str, Any]) -> str:
    """The limits of a number in words, ``"above 0, at most 100"``; empty if it has none."""
    found = {word: schema[key] for word, key in LIMITS.items() if key in schema}
    return ", ".join(f"{word} {short(limit)}" for word, limit in found.items())


class Value(ABC):
    """What may stand at one place of a file."""

    @abstractmethod
    def schema(self, definitions: Schema) -> Schema:
        """JSON schema of it. Definitions that it refers to are added to ``definitions``."""


@dataclass(frozen=True)
class Number(Value):
    """A number, which ``whole`` wants without a fraction."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    whole: bool = False

    def schema(self, definitions: Schema) -> Schema:
        found = {key: getattr(self, word.replace(" ", "_")) for word, key in LIMITS.items()}
        kept = {key: limit for key, limit in found.items() if limit is not None}
        return {"type": "integer" if self.whole else "number", **kept}


@dataclass(frozen=True)
class Text(Value):
    """Text of so many characters that a regular expression matches; documents call it ``form``."""

    pattern: str = ""
    at_least: int = 0
    at_most: int | None = None
    form: str = "text"

    def schema(self, definitions: Schema) -> Schema:
        found = {"pattern": self.pattern, "minLength": self.at_least, "maxLength": self.at_most}
        return {"type": "string", **{key: value for key, value in found.items() if value}}


@dataclass(frozen=True)
class Truth(Value):
    """True or false."""

    def schema(self, definitions: Schema) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Nothing(Value):
    """No value: what a key is of is left out."""

    def schema(self, definitions: Schema) -> Schema:
        return {"type": "null"}


@dataclass(frozen=True)
class Choice(Value):
    """One of several words, or the only word."""

    words: Iterable[str]

    def schema(self, definitions: Schema) -> Schema:
        first, *others = self.words
        return {"enum": [first, *others]} if others else {"const": first}


@dataclass(frozen=True)
class Either(Value):
    """A value of one of several forms."""

    forms: tuple[Value, ...]

    def schema(self, definitions: Schema) -> Schema:
        return {"anyOf": [form.schema(definitions) for form in self.forms]}


@dataclass(frozen=True)
class Listing(Value):
    """A list of values of one form, ``distinct`` if none may stand twice."""

    items: Value
    at_least: int = 0
    at_most: int | None = None
    distinct: bool = False

    def schema(self, definitions: Schema) -> Schema:
        found = {"minItems": self.at_least, "maxItems": self.at_most, "uniqueItems": self.distinct}
        kept = {key: value for key, value in found.items() if value}
        return {"type": "array", **kept, "items": self.items.schema(definitions)}


@dataclass(frozen=True)
class Key(Value):
    """A value and its meaning.

    Error messages and documents say ``text``, the unit and the ``remark``; only documents say the ``note``, in full
    sentences.
    """

    value: Value
    text: str
    unit: str = ""
    remark: str = ""
    note: str = ""
    optional: bool = False

    @property
    def description(self) -> str:
        """What error messages say of the key."""
        text = f"{self.text}, {self.unit}" if self.unit else self.text
        return f"{text}; {self.remark}" if self.remark else text

    def schema(self, definitions: Schema) -> Schema:
        return {"description": self.description, **self.value.schema(definitions)}


@dataclass(frozen=True)
class Table(Value):
    """A table of known keys, at least ``at_least`` of them, and not both keys of ``exclusive``."""

    keys: Mapping[str, Key]
    at_least: int = 0
    exclusive: tuple[str, ...] = ()

    def schema(self, definitions: Schema) -> Schema:
        required = [name for name, key in self.keys.items() if not key.optional]
        return {
            "type": "object",
            "additionalProperties": False,
            **({"minProperties": self.at_least} if self.at_least else {}),
            **({"required": required} if required else {}),
            "properties": {name: key.schema(definitions) for name, key in self.keys.items()},
            **({"not": {"required": list(self.exclusive)}} if self.exclusive else {}),
        }


@dataclass(frozen=True)
class Named(Value):
    """A table whose keys are names that the user chooses, with values of one form."""

    name: Value
    value: Value
    at_least: int = 0

    def schema(self, definitions: Schema) -> Schema:
        return {
            "type": "object",
            **({"minProperties": self.at_least} if self.at_least else {}),
            "propertyNames": self.name.schema(definitions),
            "additionalProperties": self.value.schema(definitions),
        }


@dataclass(frozen=True)
class Kinds(Value):
    """A table with the key ``kind``, whose word decides which other keys it has."""

    meaning: str
    tables: Mapping[str, Mapping[str, Key]]

    def schema(self, definitions: Schema) -> Schema:
        alike: list[tuple[Mapping[str, Key], list[str]]] = []
        for word, keys in self.tables.items():
            words = next((words for others, words in alike if others == keys), None)
            if words is None:
                alike.append((keys, words := []))
            words.append(word)
        branches = []
        for keys, words in alike:
            then = Table(keys).schema(definitions)
            del then["type"]
            then["properties"] = {"kind": True, **then["properties"]}  # it is described above
            kind = Choice(words).schema(definitions)
            branches.append({"if": {"required": ["kind"], "properties": {"kind": kind}}, "then": then})
        return {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": Key(Choice(self.tables), self.meaning).schema(definitions)},
            "allOf": branches,
        }


@dataclass(frozen=True)
class Definition(Value):
    """A value that stands in many places: the schema has it once, by its name."""

    name: str
    value: Key

    def schema(self, definitions: Schema) -> Schema:
        if self.name not in definitions:
            definitions[self.name] = {}  # holds the place before those that it refers to
            definitions[self.name] = self.value.schema(definitions)
        return {"$ref": f"#/$defs/{self.name}"}


def _count(at_most: int) -> Number:
    return Number(at_least=1, at_most=at_most, whole=True)


def _parameter(field: Field[Any]) -> Key:
    """The key of a parameter of :class:`isal.Radio`."""
    stated = dict(field.metadata)
    bounds = stated.pop("limits")
    return Key(PULSE if field.name == "pulse" else Number(**bounds), **stated)


def _installed(field: Field[Any]) -> Key:
    """The key of a setting of :class:`isal.Installation`."""
    stated = dict(field.metadata)
    about, bounds = stated.pop("about"), stated.pop("limits")
    pattern, examples = NAMES[about]
    name = Key(Text(rf"^{pattern}$(?!\n)", form="names"), f"Names of {about}, such as {examples}")
    if bounds is None:
        return Key(Listing(name, distinct=True), **stated, optional=True)
    number = Number(**bounds)
    return Key(Either((number, Named(name, number))), **stated, optional=True)


PULSE = Either(
    (
        Key(Choice(PULSES), f"Or {RAISED_COSINE} with another roll-off from 0 to 1, as {RAISED_COSINE}0.25"),
        Text(rf"^{RAISED_COSINE}{ROLL_OFF}$(?!\n)", form=f"`{RAISED_COSINE}`*roll-off*"),
    )
)

#: Every parameter of :class:`isal.Radio`.
PARAMETERS = {field.name: _parameter(field) for field in fields(Radio)}
BANDWIDTH = PARAMETERS["bandwidth_hz"]
RADIO = {name: key for name, key in PARAMETERS.items() if key is not BANDWIDTH}

LARGEST_POWER_W = 1e9
POWER_CAP = Key(
    Number(above=0, at_most=LARGEST_POWER_W), NAMED["power_cap_w"].long_name.capitalize(), NAMED["power_cap_w"].unit
)

#: How the step-by-step scheme is read, by field of :class:`isal.schemes.variant.Variant`.
SCHEME_CHOICES = {
    "step_1": Key(
        Choice(FIRST_STEPS),
        NAMED["step_1"].long_name.capitalize(),
        note="`block`: the radars' block of the information of all links, as if target and clocks were known; the "
        "paper's. `equivalent`: their equivalent information, with target and clocks unknown. `ranging`: that of the "
        "ranging links alone.",
    ),
    "caps_per": Key(
        Choice(CAPS_PER),
        NAMED["caps_per"].long_name.capitalize(),
        note="`step`: its power in each step anew. `slot`: the sum of its powers over the steps.",
    ),
}

#: What a variant of the findings may change.
CHANGES = {
    name: replace(key, optional=True)
    for name, key in ({"power_cap_w": POWER_CAP} | SCHEME_CHOICES | PARAMETERS).items()
}

#: A value along each optional axis of a study.
VALUES = (
    RADIO
    | SCHEME_CHOICES
    | {
        "power_cap_w": replace(
            POWER_CAP,
            value=Either((Choice([BUDGET]), POWER_CAP.value)),
            remark='above 0, or "budget" for the total energy',
        )
    }
)


def _varied(axis: Axis) -> Key:
    """The key of a study that lists values along an optional axis."""
    value = VALUES[axis.name]
    listing = Listing(value, at_least=1, distinct=True)
    if axis.name in SCHEME_CHOICES:
        note = f"Unless listed, `{getattr(DEFAULT_VARIANT, axis.name)}`. {value.note}"
    else:
        note = f"Unless listed, that of `{'radio' if axis.parameter else 'power_caps_w'}`."
    return replace(value, value=listing, note=note, optional=True)


NAME = Definition(
    "name",
    Key(
        Text(r"^[A-Za-z0-9][A-Za-z0-9_-]*$(?!\n)", at_most=100),
        "A name, part of file names",
        remark="letters, digits, dash and underscore, at most 100",
    ),
)
CAP = Definition(
    "cap",
    Key(
        Either((Choice([BUDGET]), Number(at_least=0, at_most=LARGEST_POWER_W))),
        'A power in W, 0 for nodes that only receive, or "budget"',
    ),
)
COLOUR = Definition(
    "colour", Key(Text(r"^#[0-9a-fA-F]{6}$(?!\n)", form='`"#rrggbb"`'), 'A colour as "#rrggbb", in quotes')
)
ENERGY = Definition("energy", Key(Number(above=0, at_most=1e6), "An energy in J, a multiple of 1e-6 J"))
RANGE = Definition(
    "range",
    Key(
        Table(
            {
                "from": Key(ENERGY, "First energy", "J"),
                "to": Key(ENERGY, "Last energy", "J"),
                "by": Key(ENERGY, "Step between energies", "J"),
            }
        ),
        "Energies from .. to, both included, by a fixed step, J",
    ),
)
ENERGIES = Definition(
    "energies",
    Key(
        Either((RANGE, Listing(Either((RANGE, ENERGY)), at_least=1))),
        "Energies in J, as a list of numbers and {from, to, by} ranges, or one range",
    ),
)

STUDY_KEYS = {
    "networks": Key(
        Listing(Text(), at_least=1, distinct=True),
        "Names of networks of the networks file, and of ensembles",
        note="All have one slot, or all have two, unless `slots` takes them apart. An ensemble stands for all its "
        "networks.",
    ),
    "slots": Key(
        Choice([APART]),
        "Whether each slot of a network is a network of its own",
        remark="of one slot",
        note="Slot 2 of a network *name* then is the network *name*.2.",
        optional=True,
    ),
    "clocks": Key(Listing(Choice(CLOCKS), at_least=1, distinct=True), "Clock modes"),
    "bandwidths_hz": Key(
        Listing(BANDWIDTH.value, at_least=1, distinct=True),
        "Signal bandwidths B",
        BANDWIDTH.unit,
    ),
    **{axis.key: _varied(axis) for axis in AXES if axis.optional},
    "schemes": Key(
        Listing(Choice(SCHEMES), at_least=1, distinct=True),
        "Schemes",
        remark="the last word of a step-by-step scheme is its carry-over",
        note=" ".join(f"`{each.name}`: {each.description[0].lower()}{each.description[1:]}" for each in ALONE),
    ),
    "total_energy_j": Key(ENERGY, "Energy of the whole schedule", "J", note="A step lasts one second."),
    "step_1_energy_j": Key(
        ENERGIES,
        "Energies of step 1 (radars)",
        "J",
        remark="the last step gets what is left of the total",
        note="Where the radars are known, step 1 is that of the clock offsets. A range is "
        "`{from: 0.1, to: 9.9, by: 0.1}`.",
        optional=True,
    ),
    "step_2_energy_j": Key(
        ENERGIES,
        "Energies of step 2 (clock offsets) of three steps",
        "J",
        remark="combinations that exceed the total are left out",
        note="So are those that leave nothing to the last step (targets). Only asynchronous networks have this step.",
        optional=True,
    ),
    "slot_1_energy_j": Key(
        ENERGIES,
        "Energies of slot 1 of two slots",
        "J",
        remark="each slot's energy is split over its steps at best",
        note="So such a study takes no step energies. Slot 2 gets the rest.",
        optional=True,
    ),
    "splits_j": Key(
        Listing(Listing(ENERGY, at_least=2, at_most=3), at_least=1, distinct=True),
        "Energies of all steps, or of both slots, split by split",
        "J",
        remark="each split adds up to the total energy",
        note="They come besides those of the other keys. A curve takes those with as many energies as it has steps or "
        "slots.",
        optional=True,
    ),
    "split": Key(
        Choice([BEST]),
        "The best split of the energy over the steps or slots, without traversal",
        remark="adds one point to each curve that has something to split",
        note="Without energies of steps or slots it is the only one.",
        optional=True,
    ),
}


STUDY = Definition(
    "study", Key(Table(STUDY_KEYS), "A grid of points", remark="every combination of its lists is solved")
)


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure, drawn by the module of its name in :mod:`isal.figures`.

    It may take networks, or a study over exactly some energy ``grids``, or ``any_study``, or a ``deployment`` that asks
    the question of its own name. ``drawn_from`` names the kinds of datasets that it is handed
    (:mod:`isal.workflow.products`): those of its study or deployment if it takes one, else all, or the named one.
    ``of_layouts`` says whether it rests on layouts: then their note stands below it. An ``automatic`` one has no entry
    in a configuration: it has the name of its kind, and is drawn where there are datasets of all that it is drawn from.
    """

    shows: str
    networks: bool = False
    grids: tuple[str, ...] = ()
    any_study: bool = False
    deployment: bool = False
    drawn_from: tuple[tuple[str, str], ...] = ()
    of_layouts: bool = True
    automatic: bool = False

    @property
    def title(self) -> str:
        """The beginning of what it shows."""
        return re.split(r"[,;:(]", self.shows)[0].strip()

    def takes(self) -> dict[str, Key]:
        """The keys of such a figure besides its kind."""
        taken = {}
        if self.networks:
            listed = Listing(Text(), at_least=1)
            taken["networks"] = Key(listed, "Names of the networks whose maps are drawn, one panel each")
        if self.any_study:
            taken["study"] = Key(Text(), "Study that is drawn, of any grid")
        if self.deployment:
            taken["deployment"] = Key(Text(), "Deployment that is drawn, one that asks what the kind is called")
        if self.grids:
            wanted = [
                f"{word} wants a grid over {' and '.join(k.grids)}" for word, k in FIGURE_KINDS.items() if k.grids
            ]
            text = f"Study that is drawn, one panel per network, clock mode, radio and cap: {', '.join(wanted)}"
            taken["study"] = Key(Text(), text)
        return taken


#: A study.
OF_A_STUDY = (("StudyDataset", ""),)

#: A deployment.
OF_A_DEPLOYMENT: dict[str, Any] = {"deployment": True, "drawn_from": (("DeploymentDataset", ""),)}

FIGURE_KINDS = {
    "layouts": FigureKind("a map per network (Figures 7, 8)", networks=True),
    "system_model": FigureKind("every link of a network, by who transmits (Figures 1 to 4)", networks=True),
    "step_energy": FigureKind(
        "SPEB against the energy of step 1, a panel per network, clock mode, radio and cap (Figures 9, 13)",
        grids=("step_1_energy_j",),
        drawn_from=OF_A_STUDY,
    ),
    "step_simplex": FigureKind(
        "SPEB over the energies of three steps, as plans (Figure 11)",
        grids=("step_1_energy_j", "step_2_energy_j"),
        drawn_from=OF_A_STUDY,
    ),
    "step_surface": FigureKind(
        "the same as surfaces (Figure 11)",
        grids=("step_1_energy_j", "step_2_energy_j"),
        drawn_from=OF_A_STUDY,
    ),
    "slot_energy": FigureKind(
        "sum of the slots' SPEBs against the energy of slot 1 (Figures 10, 12)",
        grids=("slot_1_energy_j",),
        drawn_from=OF_A_STUDY,
    ),
    "allocations": FigureKind(
        "maps of allocations, integrated and best step-by-step: powers, links by their share in the bound, errors",
        any_study=True,
        drawn_from=(("Allocations", ""),),
    ),
    "exchange_timeline": FigureKind(
        "the time stamps of two exchanges of RLM-OWR, and the clock offset that they tell (Figure 5)", of_layouts=False
    ),
    "exchange_packets": FigureKind("the packets of two exchanges of RLM-OWR (Figure 6)", of_layouts=False),
    "agreement": FigureKind(
        "how far independent solvers are from each optimum", drawn_from=(("Comparison", ""),), of_layouts=False
    ),
    "delay_error": FigureKind(
        "error of a delay over SNR, simulated and in closed form, and the SNRs of the layouts' links",
        drawn_from=(("DelaySimulation", ""), ("LinkStrengths", "")),
    ),
    "exchange_error": FigureKind(
        "what exchanges reach over the settings of a link: errors of clock offset, drift and ranges, simulated and in "
        "closed form",
        drawn_from=(("ExchangeSimulation", ""),),
        of_layouts=False,
    ),
    "reached": FigureKind(
        "what step-by-step estimation reaches, beside what the carry-overs promise and the integrated bound",
        drawn_from=(("SimulatedErrors", "steps"),),
    ),
    "abundance": FigureKind(
        "advantage of step-by-step against the sensing-abundance of a network",
        drawn_from=(("FindingsDataset", "base"),),
    ),
    "variants": FigureKind(
        "how the verdicts move with what the paper leaves open",
        drawn_from=(("FindingsDataset", ""),),
        of_layouts=False,
    ),
    "least_energy": FigureKind("least energy against requirement, and what equal powers need", **OF_A_DEPLOYMENT),
    "worst_target": FigureKind(
        "powers for the worst target beside those for the sum: largest and average error, and that of each target",
        **OF_A_DEPLOYMENT,
    ),
    "robust": FigureKind(
        "powers for positions that are known roughly beside those for the nominal ones", **OF_A_DEPLOYMENT
    ),
    "survey_error": FigureKind(
        "squared error of the targets over that with exact anchors, against the survey error of the anchors",
        **OF_A_DEPLOYMENT,
    ),
    "measured_ranges": FigureKind(
        "bias and spread of measured ranges over distance, with the fitted links",
        drawn_from=(("MeasuredRanges", ""), ("MeasuredLinks", "")),
        of_layouts=False,
        automatic=True,
    ),
    "measured_drift": FigureKind(
        "what the drift correction takes from measured ranges, against half of what drift makes of the reply time",
        drawn_from=(("MeasuredRanges", ""),),
        of_layouts=False,
        automatic=True,
    ),
    "measured_track": FigureKind(
        "positions of measured runs, and their errors over time beside the bound",
        drawn_from=(("MeasuredRun", ""),),
        of_layouts=False,
        automatic=True,
    ),
}

#: The energy grids that a study needs for a kind of figure.
FIGURE_GRIDS = {word: kind.grids for word, kind in FIGURE_KINDS.items() if kind.grids}
FIGURE = Definition(
    "figure",
    Key(
        Kinds("Kind of figure", {word: kind.takes() for word, kind in FIGURE_KINDS.items() if not kind.automatic}),
        "One figure",
    ),
)

SEED = Number(at_least=0, at_most=2**32 - 1, whole=True)

#: Networks of an ensemble, and nodes of each kind that one may have.
MOST_MEMBERS = 1_000_000
MOST_OF_A_KIND = 50


def _between(value: Value, text: str, unit: str, default: str, remark: str = "") -> Key:
    """The key of a range of an ensemble: the smallest and the largest, or the only value."""
    forms = Either((Listing(value, at_least=2, at_most=2), value))
    said = "the smallest and the largest, or one number"
    return Key(forms, text, unit, f"{said}; {remark}" if remark else said, f"By default {default}.", optional=True)


#: Keys of heights of an ensemble's networks, and what they are of.
HEIGHTS = {f"{kind}_heights_m": kind for kind in ("anchor", "radar", "target")}

NODES = Number(at_least=0, at_most=MOST_OF_A_KIND, whole=True)
ENSEMBLE_KEYS = {
    "seed": Key(SEED, "Seed", note="Network *i* depends on the seed and on *i* alone, whatever the size is."),
    "size": Key(_count(MOST_MEMBERS), "How many networks it has"),
    "without": Key(
        Listing(Number(at_least=0, at_most=MOST_MEMBERS, whole=True), distinct=True),
        "Numbers of networks that are left out",
        note="As one with a point that can't be certified, which its job names.",
        optional=True,
    ),
    "slots": Key(
        Number(at_least=1, at_most=2, whole=True),
        "Slots of each network",
        note="By default 1. Each slot has a layout of its own, with the same numbers of nodes.",
        optional=True,
    ),
    "anchors": _between(NODES, "Numbers of anchors", "", "2 to 6"),
    "radars": _between(NODES, "Numbers of radars", "", "2 to 6"),
    "targets": _between(NODES, "Numbers of targets", "", "1"),
    "separations_m": _between(
        Number(at_least=ensemble.CLOSEST_M, at_most=LARGEST_COORDINATE_M),
        "Distance of radars from targets",
        "m",
        "{:g} to {:g}".format(*ensemble.SEPARATIONS_M),
        "drawn log-uniformly",
    ),
    "area_m": Key(
        Number(at_least=10, at_most=LARGEST_COORDINATE_M),
        "Side of the square in which everything lies",
        "m",
        note=f"By default {ensemble.AREA_M:g}, as in the paper.",
        optional=True,
    ),
    **{
        key: _between(
            Number(at_least=-LARGEST_COORDINATE_M, at_most=LARGEST_COORDINATE_M),
            f"Heights of {kind}s",
            "m",
            "networks are in the plane",
            "networks in space need all three",
        )
        for key, kind in HEIGHTS.items()
    },
}

FINDINGS = {
    "seed": Key(
        SEED,
        "Seed of the random networks",
        note="A network depends on the seed and its number alone.",
    ),
    "samples": Key(_count(100_000), "Random samples, each of two slots and so two networks, in the base variant"),
    "sensitivity_samples": Key(_count(100_000), "How many of them the other variants are tried on"),
    "total_energy_j": Key(ENERGY, "Energy of each network, or of each pair of slots", "J"),
    "bandwidth_hz": Key(BANDWIDTH.value, f"{BANDWIDTH.text} of the base variant", BANDWIDTH.unit),
    "variants": Key(
        Named(NAME, Key(Table(CHANGES, at_least=1), "A variant")),
        "Other variants of the paper by name, and what each changes",
    ),
}

SNR_DB = Number(at_least=-40, at_most=80)
DELAYS = {
    "pulses": Key(Listing(PULSE, at_least=1, distinct=True), "Pulse shapes, each simulated alone"),
    "search": Key(
        Number(at_least=1, at_most=1000),
        "Interval in which a delay is searched",
        "1/B",
        note="At 500 MHz, 400 / B is a path of 240 m; those of the paper's layouts are up to 350 m long.",
    ),
    "snr_db": Key(
        Listing(SNR_DB, at_least=2, distinct=True),
        "SNRs",
        "dB",
        note="One more at the end of the list leaves the numbers of the others as they are.",
    ),
    "blocks": Key(
        _count(10_000),
        "Blocks of 1,000 trials at each SNR",
        note="More of them extend the same simulation.",
    ),
}

#: Settings of a link that exchanges are simulated over.
SWEEPS = {
    "jitter_s": Key(
        Listing(Number(above=0, at_most=1e-6), at_least=1, distinct=True),
        "Standard deviations of the errors of time stamps",
        "s",
        note="One setting changes at a time. The link is otherwise that of two DW1000 radios (150 ps) 20 m apart at "
        "rest, with clocks 10 ppm fast and slow, a reply time of 1 ms and 1 s between exchanges.",
    ),
    "reply_time_s": Key(
        Listing(Number(above=0, at_most=1), at_least=1, distinct=True),
        "Times after which a node replies",
        "s",
        remark="less than a third of the interval",
    ),
    "speed_m_s": Key(
        Listing(Number(at_least=0, at_most=1e4), at_least=1, distinct=True), "Radial speeds of node 2", "m/s"
    ),
    "interval_s": Key(
        Listing(Number(above=0, at_most=1e4), at_least=1, distinct=True),
        "Times from one exchange to the next",
        "s",
        remark="more than three reply times",
    ),
}
EXCHANGES = {**SWEEPS, "blocks": Key(_count(10_000), "Blocks of 1,000 trials at each value")}

#: Blocks of trials of positions.
BLOCKS = _count(10_000)
POSITIONS = {"blocks": Key(BLOCKS, "Blocks of 2,000 trials of each kind of network, clock mode and slot")}
STEPS = {
    "blocks": Key(BLOCKS, "Blocks of 2,000 trials of each estimator in each layout and clock mode"),
    "networks": Key(
        Number(at_least=0, at_most=100_000, whole=True),
        "Random networks besides the layouts",
        note="They are the first slots of the first samples of the findings.",
    ),
    "network_blocks": Key(BLOCKS, "Blocks of 2,000 trials of each estimator in each random network and clock mode"),
}
BREAKDOWN = {
    "off_m": Key(
        Listing(Number(at_least=0, at_most=1e4), at_least=1, distinct=True),
        "Distances of the start of the iterations from the truth",
        "m",
    ),
    "blocks": Key(BLOCKS, "Blocks of 2,000 trials at each distance, and with links below their threshold"),
}

SIMULATIONS = {
    "seed": Key(SEED, "Seed of all simulations"),
    "delays": Key(Table(DELAYS), "Maximum likelihood estimates of one delay"),
    "exchanges": Key(Table(EXCHANGES), "Exchanges of RLM-OWR and of two-way ranging between two nodes"),
    "positions": Key(Table(POSITIONS), "Maximum likelihood estimates of radars, clock offsets and targets"),
    "steps": Key(Table(STEPS), "Step-by-step estimation as it is carried out"),
    "breakdown": Key(Table(BREAKDOWN), "Starts far from the truth, and links below their threshold"),
}

_ENERGY_J = Key(Number(above=0, at_most=1e6), "What the powers may add up to", "J")


def _swept(value: Value, text: str, unit: str, remark: str = "", optional: bool = False) -> Key:
    """The key of the values that a deployment goes through."""
    return Key(Listing(value, at_least=1, distinct=True), text, unit, remark, optional=optional)


#: Distances that positions may be off by.
_OFF_M = Number(at_least=0, at_most=1e4)

#: What a deployment may ask, and the settings of each question.
QUESTIONS = {
    "least_energy": Key(
        Table({"requirements_m": _swept(Number(above=0, at_most=1e6), "Errors (RMSE) that no target may exceed", "m")}),
        "Least energy that meets requirements, and what equal powers need",
        optional=True,
    ),
    "worst_target": Key(
        Table({"energies_j": _swept(_ENERGY_J.value, _ENERGY_J.text, "J")}),
        "Powers for the worst target, beside those for the sum over the targets",
        optional=True,
    ),
    "robust": Key(
        Table(
            {
                "sigma_m": _swept(
                    _OFF_M,
                    "Standard deviations of each coordinate of radars and targets",
                    "m",
                    "the average over samples is minimised",
                    optional=True,
                ),
                "radius_m": _swept(
                    _OFF_M,
                    "Radii of balls that radars and targets are in",
                    "m",
                    "the worst case is minimised; instead of `sigma_m`",
                    optional=True,
                ),
                "energy_j": _ENERGY_J,
                "samples": Key(_count(10_000), "Samples of the positions"),
                "seed": Key(SEED, "Seed of the samples"),
            },
            exclusive=("sigma_m", "radius_m"),
        ),
        "Powers for positions that are known roughly, beside those for the nominal ones",
        optional=True,
    ),
    "survey_error": Key(
        Table(
            {
                "sigma_m": _swept(
                    _OFF_M, "Survey errors of each coordinate of the anchors", "m", "0 for exact anchors"
                ),
                "energy_j": _ENERGY_J,
            }
        ),
        "What survey errors of the anchors cost",
        optional=True,
    ),
}

DEPLOYMENT_KEYS = {
    "networks": Key(
        Listing(Text(), at_least=1, distinct=True),
        "Names of networks of the networks file, of one slot and with targets",
    ),
    "clocks": STUDY_KEYS["clocks"],
    "bandwidth_hz": Key(BANDWIDTH.value, BANDWIDTH.text, BANDWIDTH.unit),
    **QUESTIONS,
}

AGREEMENT = {
    "points_per_curve": Key(
        _count(1000),
        "Points, evenly spread, of each curve",
        note="They give the problems on which all solvers are compared. A curve is a combination of what studies list, "
        "but for energies.",
    ),
}

POWER_CAPS_W = {
    "radars": Key(CAP, "Largest power of a radar (P_r,max)", "W or 'budget'"),
    "anchors": Key(CAP, "Largest power of an anchor (P_a,max)", "W or 'budget'"),
}

FIGURES = {
    "formats": Key(
        Listing(Choice(["pdf", "svg", "png"]), at_least=1, distinct=True),
        "File formats of every figure",
    ),
    "draw": Key(Named(NAME, FIGURE), "The figures, by name"),
}

STYLE: dict[str, Key] = {
    "anchor": Key(COLOUR, "Anchors on maps"),
    "radar": Key(COLOUR, "Radars on maps"),
    "target": Key(COLOUR, "Targets on maps"),
    "integrated": Key(COLOUR, "Curves of the integrated scheme"),
    **{carry: Key(COLOUR, f"Curves of the step-by-step scheme with carry-over {carry}") for carry in CARRIES},
    **{each.colour: Key(COLOUR, f"Curves of {each.name} alone") for each in ALONE},
}

NETWORK_NAME = Definition(
    "network_name",
    Key(
        Text(r"^[A-Za-z0-9][A-Za-z0-9._-]*$(?!\n)", at_most=100),
        "Name of a network, part of file names",
        remark="letters, digits, dot, dash and underscore, at most 100 (quote a name that is all digits)",
    ),
)
POSITION = Definition(
    "position",
    Key(
        Listing(
            Key(Number(at_least=-LARGEST_COORDINATE_M, at_most=LARGEST_COORDINATE_M), "A coordinate in metres"),
            at_least=2,
            at_most=3,
        ),
        "A position [x, y] in metres, or [x, y, z] as all others of its network",
    ),
)
#: Keys of the equipment and the disturbances of a network.
INSTALLATION = {field.name: _installed(field) for field in fields(Installation)}
SLOT_KEYS = {
    "resources": Key(
        Choice(["abundant", "limited"]),
        "What the paper calls the network",
        remark="shown in figures, changes no number",
        optional=True,
    ),
    "anchors": Key(
        Listing(POSITION),
        "Known positions [x, y], or [x, y, z], in metres",
        note="See [networks in space](../docs/deployment_3d.md) for the latter.",
        optional=True,
    ),
    "radars": Key(
        Listing(POSITION),
        "Radar positions [x, y], or [x, y, z], in metres",
        remark="radar 1 is the clock reference",
        note="They are estimated, but for `radars_known`.",
        optional=True,
    ),
    "target": Key(POSITION, "Target position [x, y], or [x, y, z], in metres, where there is one", optional=True),
    "targets": Key(
        Listing(POSITION),
        "Target positions [x, y], or [x, y, z], in metres, where there are several or none",
        optional=True,
    ),
    "radars_known": Key(
        Truth(),
        "True if the radars' positions are known (target sensing only, Figure 2 of the paper)",
        optional=True,
    ),
    "installation": Key(
        Definition("installation", Key(Table(INSTALLATION), "What a network has besides its positions")),
        "Equipment of nodes, disturbances of links, survey errors of anchors",
        remark="none unless given",
        note="See below.",
        optional=True,
    ),
}
SLOT = Definition("slot", Key(Table(SLOT_KEYS, exclusive=("target", "targets")), "Positions of all nodes in one slot"))

#: The top level of a networks file.
NETWORKS = {
    "note": Key(
        Text(),
        "Where the layouts come from",
        remark="shown on every figure and stored in every dataset that is made from them",
        optional=True,
    ),
    "single_slot": Key(Named(NETWORK_NAME, SLOT), "Networks of one slot, by name", optional=True),
    "dual_slot": Key(
        Named(NETWORK_NAME, Key(Listing(SLOT, at_least=2), "The layout of each slot, in time order")),
        "Networks of several slots, by name",
        remark="one layout per slot, the same anchors in each",
        optional=True,
    ),
}

#: The top level of a configuration.
CONFIG = {
    "results": Key(Text(at_least=1), "Folder for all that the workflow makes, relative to the working directory"),
    "networks": Key(
        Either((Key(Text(at_least=1, form="name of a file"), "Name of a file"), Table(NETWORKS))),
        "File with the layouts of the networks, relative to the working directory or to the Snakefile, or the layouts",
        note="See below for what such a file holds.",
    ),
    "paper": Key(
        Truth(),
        "Whether the studies and figures of config/config.yaml are made",
        remark="false leaves those of your own file",
        note="And with them the comparison of solvers, the findings and the simulations. Without figures of your own, "
        "each of your studies gets those that fit it, and its networks a map.",
    ),
    "solver": Key(
        Choice(SOLVERS),
        "Solver of each optimum",
        remark="whatever it is, every point is certified independently of it",
        note="`cvxpy` is slow, and not always certified. Each record names the solver that produced its numbers: where "
        "SCS stalls, interior point takes over and the record says `scs+interior-point`.",
    ),
    "tolerance": Key(
        Number(at_least=1e-9, at_most=1e-2),
        "Certified relative gap that a point must reach",
        "1",
        remark="a point that misses it fails",
        note="Steps before the last are always solved to 1e-9.",
    ),
    "points_per_job": Key(
        _count(100_000),
        "How many points one job solves, about",
        remark="1 on one machine, more on a cluster so that a job lasts minutes. Changes no number and re-solves "
        "nothing",
        note="With 1 each point has a file of its own, with more a job has one file for all its points. With some "
        "thousand points or more it pays on one machine, too: a job starts Python once and solves its points side by "
        "side (the whole study is many times faster, see benchmarks/README.md). Jobs for ensembles have some 1000 "
        "points at least, those of the findings 16,000.",
    ),
    "agreement": Key(
        Table(AGREEMENT),
        "Comparison of all solvers on the allocation problems behind a sample of the points",
    ),
    "findings": Key(
        Table(FINDINGS),
        "What the paper's statements are judged on, besides the layouts",
        remark="results/findings.md",
    ),
    "simulations": Key(
        Table(SIMULATIONS),
        "Estimators that are simulated, for what the bounds mean",
        remark="<results>/datasets/simulations/",
    ),
    "measurements": Key(
        Either((Text(at_least=1), Nothing())),
        "Folder with logs of real radios, relative to the working directory",
        remark="null, in a file, for none",
        note="What its files look like: [docs/measurements.md](../docs/measurements.md). With it come "
        "`<results>/measurements.md`, `<results>/datasets/measurements/`, `<results>/tables/measurements/` and the "
        "figures that are drawn without an entry. What is in it counts, not where it is nor its dates.",
    ),
    "power_caps_w": Key(
        Table(POWER_CAPS_W),
        'Largest power of a node in W, 0 if it only receives, or "budget" for the total energy over one second '
        "(Table 1's caps of 1)",
        note='Table 1 of the paper says "1" without a unit; read as 1 W the budget of 10 J could never be spent.',
    ),
    "radio": Key(
        Table(RADIO),
        "Radio parameters other than the bandwidth, which each study names",
        remark="the defaults are Table 1",
    ),
    "ensembles": Key(
        Named(NAME, Key(Table(ENSEMBLE_KEYS), "An ensemble")),
        "Seeded random networks, by name of the ensemble",
        remark="studies name an ensemble among their networks",
        note="Its networks are called *name*-0, *name*-1 and so on.",
        optional=True,
    ),
    "studies": Key(
        Named(NAME, STUDY, at_least=1),
        "Parameter studies by name",
        remark="each makes one dataset <results>/datasets/<name>.nc",
        note="`name: null` leaves out one of config/config.yaml, and its figures; so it is with figures and variants.",
    ),
    "deployments": Key(
        Named(NAME, Key(Table(DEPLOYMENT_KEYS), "A deployment", remark="it asks one question")),
        "Questions of who plans a network, by name",
        remark="each makes one dataset <results>/datasets/deployments/<name>.nc",
        note="`name: null` leaves one out, and its figures.",
        optional=True,
    ),
    "figures": Key(Table(FIGURES), "Figures by name", remark="each makes <results>/figures/<name>.<format>"),
    "style": Key(Table(STYLE), "Colours of the figures", remark="solves nothing again"),
}

#: The kinds of files that a user writes.
FILES = {
    "config": Key(Table(CONFIG), "A parameter study of energy and power allocation in ISAL networks"),
    "networks": Key(Table(NETWORKS), "Layouts of the networks, by name"),
}


def schema(name: str) -> Schema:
    """JSON schema, draft 2020-12, of a file of :data:`FILES`."""
    definitions: Schema = {}
    content = FILES[name].schema(definitions)
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, "title": name, **content, "$defs": definitions}
