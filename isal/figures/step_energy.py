"""SPEB against the energy of step 1, both schemes, one slot of two steps (Figures 9 and 13)."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from matplotlib.figure import Figure as Picture

from isal.figures import Shown
from isal.figures.curves import draw_curves


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """One panel for each combination of the study's other axes."""
    return draw_curves(datasets, shown, ("energy", "step"), "energy of step 1, {step} (J)", n_steps=2)
