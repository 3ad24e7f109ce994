"""The axis ``split`` of a study's dataset: energies of a grid, and the best split of each curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isal.study.axes import BEST

if TYPE_CHECKING:
    import xarray as xr


def on_grid(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset without best splits: what a traversal of the given energies has."""
    return dataset.isel(split=np.flatnonzero(dataset.split.values != BEST))


def at_best(dataset: xr.Dataset) -> xr.Dataset | None:
    """The best split of each curve, without the axis, NaN where a curve has none; None if no curve of the study has."""
    return dataset.sel(split=BEST) if BEST in dataset.split.values else None
