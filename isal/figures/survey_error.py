"""Squared error of the targets over that with exact anchors, against the survey error of the anchors."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, deployments


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A panel per clock mode, both axes logarithmic; exact anchors are the line at 1."""
    (dataset,) = datasets
    dataset = dataset.sortby("survey_error")
    dataset = dataset.isel(survey_error=dataset.survey_error.values > 0)
    picture, (row,) = deployments.by_clock(dataset, height=3.0)
    for panel, clock in zip(row, dataset.clock.values, strict=True):
        panel.axhline(1, color="0.3", linewidth=0.8)
        for look, part in deployments.networks(dataset, clock):
            ratios = (part.value / part.exact).transpose("powers", ...).values
            for values, line in zip(ratios, deployments.LINES, strict=True):
                panel.plot(100 * part.survey_error, values, linestyle=line, **look)
        panel.set(xscale="log", yscale="log", xlabel="survey error of each anchor coordinate (cm)")
    row[0].set_ylabel("SPEB of the targets\nover that with exact anchors")
    deployments.legend(picture, dataset, [f"powers {powers}" for powers in dataset.powers.values])
    return picture
