"""Powers for the worst target beside those for the sum: errors over the energy, and of each target."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, deployments, style

#: Panels beside each other.
COLUMNS = 2


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """Two panels for each network and clock mode, below each other."""
    (dataset,) = datasets
    cases = [(network, clock) for network in dataset.network.values for clock in dataset.clock.values]
    columns = min(COLUMNS, len(cases))
    rows = -(-len(cases) // columns)
    picture = style.blank(style.COLUMN if columns == 1 else style.PAGE, 4.2 * rows + 0.7)
    axes = picture.subplots(2 * rows, columns, squeeze=False, sharey="row")
    for index, (network, clock) in enumerate(cases):
        row, column = divmod(index, columns)
        over, each = axes[2 * row, column], axes[2 * row + 1, column]
        part = dataset.sel(network=network, clock=clock).sortby("energy").dropna("target", how="all")
        _draw_over_energy(over, part)
        _draw_targets(each, part.isel(energy=-1))
        largest = dataset.sortby("energy").speb.isel(energy=-1).max().item()
        each.set_ylim(0, 110 * math.sqrt(largest))
        style.panel_title(over, index, f"{network}, {clock}")
        if column == 0:
            over.set_ylabel("error (RMSE, cm)")
            each.set_ylabel("error (RMSE, cm)")
    for index in range(len(cases), rows * columns):
        row, column = divmod(index, columns)
        for panel in axes[2 * row : 2 * row + 2, column]:
            panel.set_visible(False)
    handles, texts = axes[0, 0].get_legend_handles_labels()
    picture.legend(handles, texts, loc="outside upper center", ncols=2)
    return picture


def _draw_over_energy(panel: Axes, part: xr.Dataset) -> None:
    """The largest error, and the root of the mean square over the targets."""
    largest, mean = part.speb.max("target"), part.speb.mean("target")
    for index, powers in enumerate(part.powers.values):
        for spebs, what, line in ((largest, "worst target", "-"), (mean, "root mean square", ":")):
            values = 100 * np.sqrt(spebs.sel(powers=powers))
            panel.plot(part.energy, values, linestyle=line, label=f"{what}, powers {powers}", **deployments.look(index))
    panel.set(xscale="log", yscale="log", xlabel="energy (J)")


def _draw_targets(panel: Axes, part: xr.Dataset) -> None:
    """The error of each target at one energy."""
    places = np.arange(part.sizes["target"])
    for index, powers in enumerate(part.powers.values):
        look = deployments.look(index) | {"linestyle": "", "markersize": 6}
        panel.plot(places, 100 * np.sqrt(part.speb.sel(powers=powers)), **look)
    panel.vlines(places, *(100 * np.sqrt(part.speb.reduce(each, "powers")) for each in (np.min, np.max)), color="0.6")
    panel.set_xticks(places, [name.removeprefix("target ") for name in part.target.values])
    panel.set(xlabel=f"target, at {float(part.energy):g} J", xlim=(-0.5, len(places) - 0.5))
