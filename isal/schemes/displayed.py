"""What every result has for people. How it is done is imported when it is asked for: no result depends on its looks."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

    from isal.schemes.schedule import SlotResult


class Displayed:
    """A result of one slot or of several: prints in a few lines, compares by value, and is handed on in other forms."""

    @property
    def _slots(self) -> Sequence[SlotResult]:
        raise NotImplementedError

    @property
    def _said(self) -> str:
        """What is to be said of the whole besides its slots."""
        return ""

    def __repr__(self) -> str:
        lines: str = display().text(type(self).__name__, self._slots, self._said)
        return lines

    def _repr_html_(self) -> str | None:
        page: str | None = display().page(repr(self), self._slots)
        return page

    def __eq__(self, other: object) -> bool:
        """Whether the same was asked and the same powers and bounds were found, whatever it took."""
        if not isinstance(other, Displayed) or type(other) is not type(self):
            return NotImplemented
        return self._content() == other._content()

    def _content(self) -> list[Any]:
        content: list[Any] = [self._said]
        for slot in self._slots:
            content += [slot.information.network, slot.information.radio, slot.information.clock]
            for step in slot.steps:
                content += [step.block, step.energy, step.power.tolist()]
                content += [step.allocation.value, step.allocation.lower_bound]
        return content

    def to_dataframe(self) -> pd.DataFrame:
        """Powers, W: a row for each node by name, a column for each step, under its slot where there are several."""
        table: pd.DataFrame = display().dataframe(self._slots)
        return table

    def to_xarray(self) -> xr.Dataset:
        """Powers, energies and bounds over ``step`` (named by what it minimises) and ``node``, and ``slot`` if several.

        ``radar_speb``, ``clock_speb`` and ``target_speb`` are those of the slots so far, ``smoothed_...`` those of all.
        ``parameter_bound`` has the parts of the former, over ``parameter``.
        """
        dataset: xr.Dataset = display().dataset(self._slots)
        return dataset

    def plot(self) -> Figure:
        """A map of each slot: powers, the links that carry the bound, and errors; needs matplotlib.

        Returns
        -------
        A figure of matplotlib; ``.savefig("map.png")`` keeps it.
        """
        picture: Figure = display().plot(self._slots)
        return picture


def display() -> Any:
    """The module that knows how results look."""
    return import_module("isal.schemes.display")
