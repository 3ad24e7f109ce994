"""Certified gap and time of every route on the same problems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as Picture

from isal.figures import style
from isal.study.agreement import AGREEMENT, judged
from isal.study.store import datasets
from isal.workflow.plan import Plan

#: Gaps below rounding are drawn here.
SMALLEST_GAP = 1e-13


def draw(plan: Plan, name: str) -> Picture:
    """One row per route, one dot per problem: (a) certified gap, (b) what its powers cost, (c) time."""
    (path,) = plan.figure_datasets(plan.configuration.figures[name])
    dataset = judged(datasets.read(Path(path)))
    routes = [str(route) for route in dataset.route.values]
    picture = style.blank(9.5, 0.55 * len(routes) + 1.6)
    axes = picture.subplots(1, 3, sharey=True)
    shown = (
        ("certified relative gap", np.clip(dataset.gap, SMALLEST_GAP, 1)),
        ("value over the best of all routes, minus 1", np.clip(dataset.excess, SMALLEST_GAP, None)),
        ("time per problem (ms)", dataset.seconds * 1e3),
    )
    # spread over the height of a row by rank, so that dots do not hide each other
    height = np.linspace(-0.3, 0.3, dataset.sizes["problem"])
    for index, (panel, (label, values)) in enumerate(zip(axes, shown, strict=True)):
        for row, route in enumerate(routes):
            along = np.sort(values.sel(route=route).values)
            colour = plan.configuration.style["held" if "printed" in route else "integrated"]
            panel.plot(along, row + height, ".", color=colour, markersize=2.5)
        panel.set_xscale("log")
        panel.set_xlabel(label)
        style.panel_title(panel, index, "")
        if index < 2:
            panel.axvline(AGREEMENT, color="0.4", linestyle=":", linewidth=1)
    axes[0].set_yticks(range(len(routes)), routes)
    axes[0].invert_yaxis()
    return picture
