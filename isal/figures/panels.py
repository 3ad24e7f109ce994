"""The panels of a study: one for each combination of its axes but the scheme and the split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Literal

import xarray as xr

from isal.schemes.registry import SCHEMES
from isal.study.axes import NAMED, Axis, axes_of

#: Panels side by side that differ in the radio; more are wrapped.
WIDEST = 3


def panel_axes(dataset: xr.Dataset) -> list[Axis]:
    """The axes along which panels differ, those of the radio last."""
    return sorted(axes_of(dataset.dims, "scheme", "split"), key=lambda axis: bool(axis.parameter))


def combinations(dataset: xr.Dataset, n_steps: int | None = None) -> list[dict[str, Any]]:
    """What each panel shows, by axis; if a number of steps is given, only of networks and clock modes that have it."""
    chosen = [axis.name for axis in panel_axes(dataset)]
    found = [dict(zip(chosen, values, strict=True)) for values in product(*(dataset[axis].values for axis in chosen))]
    return [where for where in found if n_steps is None or _steps(dataset, where) == n_steps]


def _steps(dataset: xr.Dataset, where: Mapping[str, Any]) -> int:
    """Number of steps of the step-by-step scheme."""
    along = {axis: where[axis] for axis in dataset.step_minimises.dims if axis in where}
    stepwise = [name for name in dataset.scheme.values if SCHEMES[str(name)].has_steps]
    blocks = dataset.step_minimises.sel(along | {"scheme": stepwise})
    return int((blocks != "").sum("step").max())


def title(where: Mapping[str, Any]) -> str:
    """What a panel shows, in words; what not every study varies stands on a second line."""
    lines: dict[bool, list[str]] = {}
    for name, value in where.items():
        lines.setdefault(NAMED[name].optional, []).append(NAMED[name].label(value))
    return ",\n".join(", ".join(lines[optional]) for optional in sorted(lines))


def varied(dataset: xr.Dataset, where: Mapping[str, Any]) -> dict[str, Any]:
    """The network of a panel, and the part of what it shows that is not the same in all panels."""
    return {name: value for name, value in where.items() if name == "network" or dataset.sizes[name] > 1}


def common(dataset: xr.Dataset) -> str:
    """What all panels show, in words: the part that the titles of :func:`varied` leave out."""
    alike = {axis.name: dataset[axis.name].values[0] for axis in panel_axes(dataset) if dataset.sizes[axis.name] == 1}
    return title({name: value for name, value in alike.items() if name != "network"}).replace("\n", " ")


@dataclass(frozen=True)
class Arrangement:
    """How panels are placed. Those that differ in the radio alone share their vertical axis, as ``share_y`` says."""

    columns: int
    share_y: bool | Literal["row"]

    @classmethod
    def of(cls, dataset: xr.Dataset, shown: Sequence[Mapping[str, Any]]) -> Arrangement:
        """Radios side by side, so that the factors between them are seen; all else in rows of two panels.

        ``shown`` are the combinations that have a panel.
        """
        found = panel_axes(dataset)
        radios = prod(dataset.sizes[axis.name] for axis in found if axis.parameter)
        if 1 < radios <= WIDEST:
            return cls(radios, "row")
        return cls(2, len(shown) == radios)
