"""Sum of the slots' SPEBs against the energy of slot 1, both schemes, two slots (Figures 10 and 12)."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from matplotlib.figure import Figure as Picture

from isal.figures import Shown
from isal.figures.curves import draw_curves


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """One panel for each combination of the study's other axes."""
    return draw_curves(datasets, shown, ("slot_energy", "slot"), "energy of slot 1 (J)", ", sum of both slots")
