"""Least energy against requirement, beside what equal powers need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, deployments


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A column per clock mode: energies, and their ratio; a curve ends where no energy meets the requirement."""
    (dataset,) = datasets
    dataset = dataset.sortby("requirement")
    picture, (energies, ratios) = deployments.by_clock(dataset, rows=2)
    for upper, lower, clock in zip(energies, ratios, dataset.clock.values, strict=True):
        for look, part in deployments.networks(dataset, clock):
            both = part.value.transpose("powers", ...).values
            for values, line in zip(both, deployments.LINES, strict=True):
                finite = np.isfinite(values)
                upper.plot(100 * part.requirement.values[finite], values[finite], linestyle=line, **look)
            finite = np.isfinite(both).all(axis=0)
            lower.plot(100 * part.requirement.values[finite], both[1, finite] / both[0, finite], **look)
        upper.set(xscale="log", yscale="log")
        lower.set_xlabel("largest error of a target (cm)")
    energies[0].set_ylabel("energy (J)")
    ratios[0].set_ylabel("equal powers over least energy")
    deployments.legend(picture, dataset, dataset.powers.values)
    return picture
