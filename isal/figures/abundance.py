"""Step-by-step against integrated over the sensing abundance of a network, by carry-over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from isal.claims import samples
from isal.figures import Shown, reached, style
from isal.schemes.carry_over import CARRY_OVERS, Carry
from isal.schemes.registry import STEP_BY_STEP

#: Points of a running median on either side; fewer towards the ends, so that it stays centred.
REACH = 20

#: The carry-over at which layouts are marked, as the paper has it.
OF_LAYOUTS: Carry = "held"

#: Layouts whose abundances are within this factor stand above each other, and so do their names.
NEAR = 3.0

#: Distance of a layout's name from its mark, points.
NAME_POINTS = 7

_LAYOUT: dict[str, Any] = {"linestyle": "", "marker": "D", "color": "black", "markersize": 4}


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """One panel per clock mode; a dot per random network, a line through their running median, names for layouts."""
    (observed,) = datasets
    random = samples.only(observed, "random")
    layouts = samples.singles(samples.only(observed, "layout"))
    amounts = samples.abundance(random).values
    order = np.argsort(amounts)
    picture, axes = style.panels(2, share_y=True)
    drawn = []
    for index, (panel, clock) in enumerate(zip(axes, observed.clock.values, strict=True)):
        ratio = samples.advantage(random).sel(clock=clock).clip(max=reached.LARGEST)
        by_carry = {carry: ratio.sel(carry=carry).values[order] for carry in STEP_BY_STEP}
        middles = [_running_median(values) for values in by_carry.values()]
        widths = style.nested_widths([np.log(middle) for middle in middles])
        for (carry, scheme), middle, width in zip(STEP_BY_STEP.items(), middles, widths, strict=True):
            look, marker = style.scheme_look(scheme, shown.colours), CARRY_OVERS[carry].marker
            panel.plot(amounts[order], by_carry[carry], marker, color=look["color"], markersize=2.5, alpha=0.35)
            panel.plot(amounts[order], middle, **look | {"linewidth": width})
        own = samples.advantage(layouts).sel(clock=clock, carry=OF_LAYOUTS)
        _draw_layouts(panel, layouts.sample.values, samples.abundance(layouts).values, own.values)
        drawn += [*np.ravel(list(by_carry.values())), *own.values]
        panel.set(xscale="log", xlabel="sensing abundance")
        style.panel_title(panel, index, f"{clock}, {len(amounts)} random networks")
    reached.scale(axes[0], pd.Series(drawn))
    axes[1].axhline(1, color="0.3", linewidth=0.8)
    axes[0].set_ylabel("step-by-step over integrated\nSPEB, best split")
    handles = [
        Line2D([], [], marker=CARRY_OVERS[carry].marker, markersize=4, label=scheme.label, **look)
        for carry, scheme in STEP_BY_STEP.items()
        for look in [style.scheme_look(scheme, shown.colours)]
    ]
    handles.append(Line2D([], [], label=f"layouts of the paper, {OF_LAYOUTS}", **_LAYOUT))
    picture.legend(handles=handles, loc="outside upper center", ncols=3)
    return picture


def _running_median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    last = len(values) - 1
    reaches = [min(REACH, at, last - at) for at in range(last + 1)]
    return np.array([np.median(values[at - reach : at + reach + 1]) for at, reach in enumerate(reaches)])


def _draw_layouts(
    panel: Axes, names: NDArray[np.str_], amounts: NDArray[np.float64], ratios: NDArray[np.float64]
) -> None:
    """A mark and a name for each; of those that are near each other the upper one has its name above."""
    for name, amount, ratio in zip(names, amounts, ratios, strict=True):
        panel.plot(amount, ratio, zorder=4, **_LAYOUT)
        near = (amounts < NEAR * amount) & (amounts > amount / NEAR)
        up = 1 if ratio >= ratios[near].max() else -1
        place: dict[str, Any] = {"xytext": (NAME_POINTS, up * NAME_POINTS), "textcoords": "offset points"}
        around = [withStroke(linewidth=2, foreground="white")]
        panel.annotate(str(name), (amount, ratio), va="center", path_effects=around, zorder=5, **place)
