"""Step-by-step against integrated over the sensing abundance of a network, by carry-over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Picture

from isal.claims import samples
from isal.figures import Shown, style
from isal.schemes.carry_over import CARRY_OVERS
from isal.schemes.registry import STEP_BY_STEP

#: Points of a running median on either side; fewer towards the ends, so that it stays centred.
REACH = 20


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """One panel per clock mode; a dot per random network, a line through their running median, letters for layouts."""
    (observed,) = datasets
    random, layouts = samples.only(observed, "random"), samples.only(observed, "layout")
    amounts = samples.abundance(random).values
    order = np.argsort(amounts)
    picture, axes = style.panels(2, height=4.2, share_y=True)
    for index, (panel, clock) in enumerate(zip(axes, observed.clock.values, strict=True)):
        ratio = samples.advantage(random).sel(clock=clock)
        for carry, scheme in STEP_BY_STEP.items():
            look, marker = style.scheme_look(scheme, shown.colours), CARRY_OVERS[carry].marker
            values = ratio.sel(carry=carry).values[order]
            panel.plot(amounts[order], values, marker, color=look["color"], markersize=2.5, alpha=0.35)
            last = len(values) - 1
            reaches = [min(REACH, at, last - at) for at in range(last + 1)]
            middle = [np.median(values[at - reach : at + reach + 1]) for at, reach in enumerate(reaches)]
            panel.plot(amounts[order], middle, label=scheme.label, **look)
        for place, label in enumerate(layouts.sample.values):
            if int((layouts.sample.values == label).sum()) > 1:
                continue
            one = layouts.isel(network=place)
            at = float(samples.abundance(one)), float(samples.advantage(one).sel(clock=clock, carry="held"))
            panel.plot(*at, "D", color="black", markersize=4)
            panel.annotate(
                str(label), at, xytext=(6, 4 if label != "7b" else -9), textcoords="offset points", fontsize=8
            )
        panel.axhline(1, color="0.3", linewidth=0.8)
        panel.set(xscale="log", yscale="log", xlabel="sensing abundance")
        style.panel_title(panel, index, str(clock))
    axes[0].set_ylabel("step-by-step over integrated SPEB, best split")
    handles, texts = axes[0].get_legend_handles_labels()
    picture.legend(handles, texts, loc="outside upper center", ncols=4)
    return picture
