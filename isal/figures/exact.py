"""The best splits that were found without traversal, as figures show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.study import splits

#: A step or slot with less than this share of the energy gets nothing: the search stops short of zero.
NOTHING = 1e-6

Part = Literal["step", "slot"]


@dataclass(frozen=True, eq=False)
class Exact:
    """The best split of one curve: energies of the steps, or slots, in J, and the bound there in m^2."""

    energies: NDArray[np.float64]
    speb: float

    def place(self) -> str:
        """Energy of the first step or slot, J: ``"7.016"``, or ``"0"`` and ``"10"`` where one gets all."""
        first, total = float(self.energies[0]), float(self.energies.sum())
        return f"{first:g}" if first in (0.0, total) else f"{first:#.4g}"

    def nothing(self, part: Part) -> str:
        """Which steps or slots get nothing, in words; empty if all get some."""
        empty = [str(number) for number, energy in enumerate(self.energies, start=1) if energy == 0]
        return f"with nothing for {part} {' and '.join(empty)}" if empty else ""


def split_of(dataset: xr.Dataset, curve: Mapping[str, Any]) -> Exact | None:
    """The best split of a curve of a study, given by its values along all axes but the split; None if it has none."""
    best = splits.at_best(dataset)
    if best is None:
        return None
    one = best.sel(curve)
    speb, energies = float(one.speb), (one.slot_energy if dataset.sizes["slot"] > 1 else one.energy).values
    energies = energies[np.isfinite(energies)]
    if not np.isfinite(speb):
        return None
    total = energies.sum()
    kept = np.where(energies < NOTHING * total, 0.0, energies)
    return Exact(kept * (total / kept.sum()), speb)
