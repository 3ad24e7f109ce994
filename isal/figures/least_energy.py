"""Least energy against requirement, beside what equal powers need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, deployments


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A panel per clock mode, both axes logarithmic; a curve ends where no energy meets the requirement."""
    (dataset,) = datasets
    picture, (row,) = deployments.by_clock(dataset, height=3.0)
    for panel, clock in zip(row, dataset.clock.values, strict=True):
        for look, part in deployments.networks(dataset, clock):
            part = part.sortby("requirement")
            for values, line in zip(part.value.transpose("powers", ...).values, deployments.LINES, strict=True):
                finite = np.isfinite(values)
                panel.plot(part.requirement.values[finite] * 100, values[finite], linestyle=line, **look)
        panel.set(xscale="log", yscale="log", xlabel="largest error of a target (cm)")
    row[0].set_ylabel("energy (J)")
    deployments.legend(picture, dataset, dataset.powers.values)
    return picture
