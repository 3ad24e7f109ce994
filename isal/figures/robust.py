"""Powers for positions that are known roughly beside those for the nominal ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, deployments

#: How the values are called on the horizontal axis.
LABELS = {
    "sigma": "standard deviation of positions (m)",
    "radius": "radius of the balls of positions (m)",
}

#: What is minimised, by the same.
MINIMISED = {"sigma": "root of the average", "radius": "worst case"}


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A column per clock mode: errors of both powers over how roughly positions are known, and what is gained."""
    (dataset,) = datasets
    along = dataset.attrs["along"]
    dataset = dataset.sortby(along)
    picture, (errors, gains) = deployments.by_clock(dataset, rows=2)
    for upper, lower, clock in zip(errors, gains, dataset.clock.values, strict=True):
        for look, part in deployments.networks(dataset, clock):
            for values, line in zip(part.value.transpose("powers", ...).values, deployments.LINES, strict=True):
                upper.plot(part[along], 100 * np.sqrt(values), linestyle=line, **look)
            lower.plot(part[along], 100 * part.value_of_robustness, **look)
        upper.set(yscale="log")
        lower.set(xlabel=LABELS[along])
    errors[0].set_ylabel(f"error (RMSE, cm),\n{MINIMISED[along]}")
    gains[0].set_ylabel("value of robustness (%)")
    deployments.legend(picture, dataset, [f"{powers} powers" for powers in dataset.powers.values])
    return picture
