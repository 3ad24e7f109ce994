"""The panels of a study: one for each combination of its axes but the scheme and the split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Literal

import xarray as xr

from isal.study.axes import NAMED, Axis, axes_of

#: Panels side by side that differ in the radio; more are wrapped.
WIDEST = 4


def panel_axes(dataset: xr.Dataset) -> list[Axis]:
    """The axes along which panels differ, those of the radio last."""
    return sorted(axes_of(dataset.dims, "scheme", "split"), key=lambda axis: bool(axis.parameter))


def combinations(dataset: xr.Dataset) -> list[dict[str, Any]]:
    """What each panel shows, by axis."""
    chosen = [axis.name for axis in panel_axes(dataset)]
    return [dict(zip(chosen, values, strict=True)) for values in product(*(dataset[axis].values for axis in chosen))]


def title(where: Mapping[str, Any]) -> str:
    """What a panel shows, in words; what not every study varies stands on a second line."""
    lines: dict[bool, list[str]] = {}
    for name, value in where.items():
        lines.setdefault(NAMED[name].optional, []).append(NAMED[name].label(value))
    return ",\n".join(", ".join(lines[optional]) for optional in sorted(lines))


def varied(dataset: xr.Dataset, where: Mapping[str, Any]) -> dict[str, Any]:
    """The network of a panel, and the part of what it shows that is not the same in all panels."""
    return {name: value for name, value in where.items() if name == "network" or dataset.sizes[name] > 1}


@dataclass(frozen=True)
class Arrangement:
    """How panels are placed. Those that differ in the radio alone share their vertical axis, as ``share_y`` says."""

    columns: int
    share_y: bool | Literal["row"]

    @classmethod
    def of(cls, dataset: xr.Dataset) -> Arrangement:
        """Radios side by side, so that the factors between them are seen; all else in rows of two panels."""
        found = panel_axes(dataset)
        radios = prod(dataset.sizes[axis.name] for axis in found if axis.parameter)
        if 1 < radios <= WIDEST:
            return cls(radios, "row")
        return cls(2, all(dataset.sizes[axis.name] == 1 for axis in found if not axis.parameter))
