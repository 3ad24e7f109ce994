"""Results for people: in a few lines, as a table, as a dataset and as a map.

What results have of it is in :class:`isal.schemes.displayed.Displayed`. pandas and xarray are imported only when they
are asked for, as the core of this package does without them.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isal.errors import not_installed
from isal.model.parameters import BLOCKS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

    from isal.schemes.allocate import GoalsResult
    from isal.schemes.horizon import HorizonResult
    from isal.schemes.schedule import SlotResult, StepResult

#: Slots, and nodes, that are told in full.
MOST_SLOTS = 3
MOST_NODES = 8

#: A node that gets less than this share of the energy is told as getting none.
NOTHING = 1e-6

#: Block of parameters -> name of the variable that holds its bound.
BOUNDS = {block: f"{block[:-1]}_speb" for block in BLOCKS}


def text(name: str, slots: Sequence[SlotResult], said: str) -> str:
    """At most ten lines: what was asked, how far it is certified, and bound and powers of each step.

    ``name`` is that of the kind of result, ``said`` what it has to say besides its slots.
    """
    info = slots[0].information
    count = f"{len(slots)} slots, " if len(slots) > 1 else ""
    lines = [f"{name} of {info.network.name!r}, {info.clock}, {count}{_status(slots)}{said}"]
    for number, slot in enumerate(slots[:MOST_SLOTS], start=1):
        lines += [(f"  slot {number}, " if len(slots) > 1 else "  ") + _line(step, slot) for step in slot.steps]
    if len(slots) > MOST_SLOTS:
        lines.append(f"  ... and {len(slots) - MOST_SLOTS} slots more")
    return "\n".join(lines)


def page(lines: str, slots: Sequence[SlotResult]) -> str | None:
    """The lines with a table of all powers, as HTML; None where pandas is not installed."""
    if find_spec("pandas") is None:
        return None
    table: str = dataframe(slots).to_html(float_format="{:.4g}".format)
    return f"<pre>{html.escape(lines)}</pre>\n<p>Powers in W:</p>\n{table}"


def plot(slots: Sequence[SlotResult]) -> Figure:
    """A map of each slot."""
    picture: Figure = maps().plot_slots(slots)
    return picture


def maps() -> Any:
    """The module :mod:`isal.figures.maps`, which is above this one and needs matplotlib."""
    _package("matplotlib")
    return import_module("isal.figures.maps")


def dataframe(slots: Sequence[SlotResult]) -> pd.DataFrame:
    """Powers, W: a row for each node by name, a column for each step, under its slot where there are several."""
    columns: list[Any] = [
        (number, step.block) if len(slots) > 1 else step.block
        for number, slot in enumerate(slots, start=1)
        for step in slot.steps
    ]
    pandas = _package("pandas")
    header = pandas.MultiIndex.from_tuples(columns, names=["slot", "step"]) if len(slots) > 1 else columns
    powers = np.array([step.power for slot in slots for step in slot.steps])
    return by_node(powers, slots[0].information.network.node_labels, header)


def by_node(powers: NDArray[np.float64], labels: Sequence[str], header: Any) -> pd.DataFrame:
    """Powers, W, shape ``(n, n_nodes)``, as a table: a row for each node by name, and n columns with this header."""
    pandas = _package("pandas")
    found: pd.DataFrame = pandas.DataFrame(powers.T, index=pandas.Index(labels, name="node"), columns=header)
    return found


def dataset(slots: Sequence[SlotResult]) -> xr.Dataset:
    """Powers, energies and bounds over ``step`` (named by what it minimises) and ``node``, and ``slot`` if several.

    ``radar_speb``, ``clock_speb`` and ``target_speb`` are those of the slots so far, ``smoothed_...`` those of all.
    ``parameter_bound`` has the parts of the former, over ``parameter``.
    """
    several = len(slots) > 1
    steps = [step.block for step in slots[0].steps]
    outer = ("slot",) if several else ()
    variables: dict[str, Any] = {}

    def add(name: str, values: Any, inner: tuple[str, ...], units: str, long_name: str) -> None:
        whole = np.asarray(values if several else values[0])
        variables[name] = ((*outer, *inner), whole, {"units": units, "long_name": long_name})

    per_step: tuple[tuple[str, str, str, Callable[[StepResult], float]], ...] = (
        ("energy", "J", "energy that the step may spend", lambda step: step.energy),
        ("step_speb", "m2", "what the step minimises", lambda step: step.allocation.value),
        ("step_lower_bound", "m2", "certified lower bound of the step", lambda step: step.allocation.lower_bound),
    )
    for name, units, long_name, of in per_step:
        add(name, [[of(step) for step in slot.steps] for slot in slots], ("step",), units, long_name)
    powers = [[step.power for step in slot.steps] for slot in slots]
    add("power", powers, ("step", "node"), "W", "transmit power")
    for block, name in BOUNDS.items():
        add(name, [getattr(slot.spebs, block) for slot in slots], (), "m2", f"bound of the {block}, slots so far")
        smoothed = [getattr(slot.smoothed_spebs, block) for slot in slots]
        add(f"smoothed_{name}", smoothed, (), "m2", f"bound of the {block}, all slots")
    parts = [slot.parameter_bounds for slot in slots]
    add("parameter_bound", [list(each.values()) for each in parts], ("parameter",), "m2", "bound of each parameter")
    info = slots[0].information
    coordinates: dict[str, Any] = {
        "step": ("step", steps, {"long_name": "block of parameters that the step minimises"}),
        "node": ("node", list(info.network.node_labels), {"long_name": "node"}),
        "parameter": ("parameter", list(parts[0]), {"long_name": "what is estimated; clock offsets as ranges"}),
    }
    if several:
        coordinates["slot"] = ("slot", np.arange(1, len(slots) + 1), {"long_name": "number of the slot"})
    attributes = {"network": info.network.name, "clock": info.clock, "status": _status(slots)}
    radio = {f"radio_{key}": value for key, value in info.radio.to_mapping().items()}
    found: xr.Dataset = _package("xarray").Dataset(variables, coords=coordinates, attrs=attributes | radio)
    return found


def of_goals(result: GoalsResult | HorizonResult) -> xr.Dataset:
    """Powers over ``node``, and ``slot`` if several, and what each ``goal`` reaches and costs."""
    info = result.informations[0]
    several, energy = len(result.informations) > 1, result.problem.kind == "energy"
    unit = "J/m2" if energy else "1"
    price = "energy saved per m^2 by which the goal is loosened" if energy else "multiplier in the lower bound"
    variables: dict[str, Any] = {
        "power": (("slot", "node")[not several :], result.power, {"units": "W", "long_name": "transmit power"}),
        "bound": ("goal", list(result.values.values()), {"units": "m2", "long_name": "squared error bound"}),
        "shadow": ("goal", list(result.shadow.values()), {"units": unit, "long_name": price}),
    }
    coordinates: dict[str, Any] = {
        "node": ("node", list(info.network.node_labels), {"long_name": "node"}),
        "goal": ("goal", list(result.values), {"long_name": "what was asked for"}),
    }
    if several:
        coordinates["slot"] = ("slot", np.arange(1, len(result.informations) + 1), {"long_name": "number of the slot"})
    attributes: dict[str, Any] = {
        "network": info.network.name,
        "clock": info.clock,
        "status": result.status,
        "kind": result.problem.kind,
    }
    attributes |= {"value": result.value, "lower_bound": result.lower_bound}
    radio = {f"radio_{key}": value for key, value in info.radio.to_mapping().items()}
    found: xr.Dataset = _package("xarray").Dataset(variables, coords=coordinates, attrs=attributes | radio)
    return found


def _status(slots: Sequence[SlotResult]) -> str:
    return " ".join(sorted({step.allocation.status for slot in slots for step in slot.steps}, reverse=True))


def _line(step: StepResult, slot: SlotResult) -> str:
    """One step: what it minimises, its bound, its certificate, its powers."""
    allocation = step.allocation
    labels = slot.information.network.node_labels
    # what is left of a power that is zero but for the accuracy of the solver
    powers = np.where(step.power < NOTHING * step.energy, 0.0, step.power)
    shares = [f"{label} {power:.3g}" for label, power in zip(labels, powers, strict=True)][:MOST_NODES]
    more = f", ... ({len(labels)} nodes)" if len(labels) > MOST_NODES else ""
    return (
        f"{step.block}: {allocation.value:.4g} m^2 (RMSE {metres(math.sqrt(allocation.value))}), "
        f"gap {allocation.gap:.1g}, {step.energy:.4g} J; W: {', '.join(shares)}{more}"
    )


def metres(length: float) -> str:
    """A length with a unit of its size."""
    for unit, size in (("km", 1e3), ("m", 1.0), ("cm", 1e-2), ("mm", 1e-3)):
        if length >= size:
            return f"{length / size:.3g} {unit}"
    return f"{length / 1e-6:.3g} um"


def _package(name: str) -> Any:
    """An optional package.

    Raises
    ------
    IsalError
        If it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise not_installed("this", name) from None
