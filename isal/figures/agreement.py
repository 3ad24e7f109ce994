"""Certified gap and time of every solver on the same problems."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, style
from isal.study.agreement import AGREEMENT, judged

#: Gaps below rounding are drawn here.
SMALLEST_GAP = 1e-13


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """One row per solver, one dot per problem: (a) certified gap, (b) what its powers cost, (c) time."""
    (compared,) = datasets
    dataset = judged(compared)
    solvers = [str(solver) for solver in dataset.solver.values]
    picture = style.blank(style.PAGE, 0.5 * len(solvers) + 1.2)
    axes = picture.subplots(1, 3, sharey=True)
    measures = (
        ("certified relative gap", np.clip(dataset.gap, SMALLEST_GAP, 1)),
        ("value over the best\nof all solvers, minus 1", np.clip(dataset.excess, SMALLEST_GAP, None)),
        ("time per problem (ms)", dataset.seconds * 1e3),
    )
    # spread over the height of a row by rank, so that dots do not hide each other
    height = np.linspace(-0.3, 0.3, dataset.sizes["problem"])
    for index, (panel, (label, values)) in enumerate(zip(axes, measures, strict=True)):
        for row, solver in enumerate(solvers):
            along = np.sort(values.sel(solver=solver).values)
            colour = shown.colours["held" if "printed" in solver else "integrated"]
            panel.plot(along, row + height, ".", color=colour, markersize=2.5)
        panel.set_xscale("log")
        panel.set_xlabel(label)
        style.panel_title(panel, index, "")
        if index < 2:
            panel.axvline(AGREEMENT, color="0.4", linestyle=":", linewidth=1)
    picture.suptitle(f"{dataset.sizes['problem']} problems, a dot each")
    axes[0].set_yticks(range(len(solvers)), solvers)
    axes[0].invert_yaxis()
    return picture
