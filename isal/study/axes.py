"""The axes over which a study fans out, in one table: :data:`AXES`.

A point lies at one value of each axis. The names of records, the dimensions of datasets, the columns of tables and the
panels of figures follow the table, in its order. A new axis is one entry, and a way for the plan to set it in a point
(:meth:`isal.workflow.plan.Plan.settings`); a new parameter of :class:`isal.Radio` is an axis without further ado.

>>> [axis.name for axis in AXES if not axis.optional]
['network', 'clock', 'bandwidth', 'scheme', 'split']
>>> NAMED["radar_cross_section_m2"].label(100.0)
'radar cross section 100 m²'
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import Field, dataclass, fields
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from isal.model.radio import Radio
from isal.schemes.variant import Variant
from isal.units import DURATION_S, LOGARITHMIC, UJ_PER_J, plain, short

if TYPE_CHECKING:  # points have their names from here
    from isal.study.points import Point

#: In place of a power in W: all of the energy within one second.
BUDGET = "budget"

#: In place of energies, in a study and in the name of a point: the best split of the energy.
BEST = "best"

#: Parameters of the radio that only couple slots; the result of one slot can't depend on them.
COUPLING = ("velocity_variance", "drift_variance")


@dataclass(frozen=True, kw_only=True, eq=False)
class Axis:
    """One axis.

    ``name`` is the coordinate in datasets and ``key`` lists the values in a study's table of the configuration; the
    split has no such key, its energies come from several. ``read`` makes a value of an entry of that list. ``value``
    is where a point lies, as datasets say it, and ``text`` the same in the point's name: valid in file names, another
    one for every value. ``label`` says a value in titles of figures.

    A study need not list an ``optional`` axis; the configuration's own value holds then. ``parameter`` is the field of
    :class:`isal.Radio` that an axis sets, empty for others. In tables the axis has a ``column`` with values in units of
    ``scale``.
    """

    name: str
    key: str = ""
    read: Callable[[Any], Any] = str
    value: Callable[[Point], Any]
    text: Callable[[Point], str]
    label: Callable[[Any], str] = str
    unit: str = ""
    long_name: str = ""
    column: str = ""
    scale: float = 1.0
    optional: bool = False
    parameter: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        """Attributes of the coordinate in datasets."""
        logarithmic = f", {self.unit}" if self.unit in LOGARITHMIC else ""
        told = {"units": LOGARITHMIC.get(self.unit, self.unit), "long_name": self.long_name + logarithmic}
        return {name: value for name, value in told.items() if value}

    def part(self, point: Point) -> str:
        """The axis's part of a point's name: ``"500MHz"``, ``"radar_cross_section_m2=1"``."""
        return f"{self.name}={self.text(point)}" if self.optional else self.text(point)


def cap_w(value: Any) -> float | None:
    """A power cap in W from an entry of the configuration; None for the budget."""
    return None if value == BUDGET else float(value)


def _optional(name: str, meaning: str, unit: str, **ways: Any) -> Axis:
    """An axis that a study need not list. Its name is its key and ends with its unit, if at all."""
    # "dBm/Hz" is "dbm_hz" in names
    words = name.removesuffix("_" + unit.lower().replace("^", "").replace("/", "_")).replace("_", " ")
    shown = "" if unit == "1" else unit

    def label(value: Any) -> str:
        said = value if isinstance(value, str) else short(value)
        return f"{words} {said} {shown.replace('^2', '²')}".rstrip()

    return Axis(
        name=name,
        key=name,
        label=label,
        unit=unit,
        long_name=meaning[0].lower() + meaning[1:],
        column=f"{words} ({shown})" if shown else words,
        optional=True,
        **ways,
    )


def _parameter(field: Field[Any]) -> Axis:
    """The axis of a parameter of :class:`isal.Radio`."""
    value = attrgetter(f"radio.{field.name}")
    if field.name == "bandwidth_hz":
        return Axis(
            name="bandwidth",
            key="bandwidths_hz",
            read=float,
            value=value,
            text=lambda point: plain(Decimal(repr(point.radio.bandwidth_hz)) / 1_000_000) + "MHz",
            label=lambda bandwidth: f"{bandwidth / 1e6:g} MHz",
            unit="Hz",
            long_name="signal bandwidth",
            column="bandwidth (MHz)",
            scale=1e6,
            parameter=field.name,
        )
    words = isinstance(field.default, str)
    return _optional(
        field.name,
        field.metadata["text"],
        field.metadata["unit"],
        read=str if words else float,
        value=value,
        text=value if words else lambda point: short(value(point)),
        parameter=field.name,
    )


def _caps(point: Point) -> dict[float | None, None]:
    """The caps of radars and of anchors, once if they are equal."""
    return dict.fromkeys((point.radar_cap_w, point.anchor_cap_w))


def _cap_value(point: Point) -> float:
    """Largest power of every node, W; NaN where radars and anchors have different ones."""
    cap, *others = _caps(point)
    if others:
        return math.nan
    return sum(point.energies_uj) / UJ_PER_J / DURATION_S if cap is None else cap


def _cap_text(point: Point) -> str:
    return "-".join(BUDGET if cap is None else short(cap) for cap in _caps(point))


def _choice(field: Field[Any]) -> Axis:
    """The axis of a field of :class:`isal.schemes.variant.Variant`."""
    value = attrgetter(field.name)
    return _optional(field.name, field.metadata["text"], "", value=value, text=value)


#: Every axis, in the order of a point's name.
AXES = (
    Axis(
        name="network",
        key="networks",
        value=attrgetter("name"),
        text=attrgetter("name"),
        column="network",
        long_name="name of the network",
    ),
    Axis(
        name="clock",
        key="clocks",
        value=attrgetter("clock"),
        text=attrgetter("clock"),
        column="clock",
        long_name="clock mode",
    ),
    # the bandwidth first, as it stands in every name
    *sorted(map(_parameter, fields(Radio)), key=lambda axis: axis.optional),
    _optional("power_cap_w", "Largest power of every node", "W", read=cap_w, value=_cap_value, text=_cap_text),
    *map(_choice, fields(Variant)),
    Axis(
        name="scheme",
        key="schemes",
        value=attrgetter("scheme"),
        text=attrgetter("scheme"),
        column="scheme",
        long_name="scheme",
    ),
    Axis(
        name="split",
        value=attrgetter("split"),
        text=attrgetter("split"),
        long_name=f"energy of each step, or slot, in mJ, as in the records' names; '{BEST}' for the best split",
    ),
)

NAMED = {axis.name: axis for axis in AXES}


def axes_of(names: Collection[Any], *without: str) -> tuple[Axis, ...]:
    """The axes that every study has and those of some names, such as a dataset's dimensions; ``without`` some."""
    return tuple(axis for axis in AXES if (not axis.optional or axis.name in names) and axis.name not in without)
