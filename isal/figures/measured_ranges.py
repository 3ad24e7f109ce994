"""Bias and spread of measured ranges over distance, with the links that are fitted to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, style
from isal.study.measurements.datasets import fit_of, table_of

#: Column of biases -> name, colour and marker.
BIASES = {
    "uncorrected_bias_m": ("uncorrected", "#D55E00", "s"),
    "bias_m": ("drift corrected", "#009E73", "o"),
    "device_bias_m": ("device's own", "#0072B2", "^"),
}
OF_SPREAD = BIASES["bias_m"][1]
FIT = "black"

#: The ranges whose link is drawn.
FITTED = "corrected"


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A column per condition, bias above spread, a mark per log."""
    ranges, links = datasets
    table = table_of(ranges)
    conditions = list(dict.fromkeys(table.condition))
    picture = style.blank(style.PAGE if len(conditions) > 1 else style.COLUMN, 5.6)
    panels = picture.subplots(2, len(conditions), sharex=True, sharey="row", squeeze=False)
    for index, (condition, column) in enumerate(zip(conditions, panels.T, strict=True)):
        logs = table[table.condition == condition]
        usable = logs[np.isfinite(logs.spread_m)]
        bias, spread = column
        style.panel_title(bias, index, condition)
        style.panel_title(spread, index + len(conditions), condition)
        for place, (series, of_series) in enumerate(usable.groupby("series")):
            face = {"markerfacecolor": "none"} if place % 2 else {}
            for name, (label, colour, marker) in BIASES.items():
                shown_as = {"color": colour, "markersize": 3.5, "label": "" if place else label, **face}
                bias.plot(of_series.distance_m, of_series[name] * 100, marker, **shown_as)
            spread.plot(of_series.distance_m, of_series.spread_m * 100, "o", color=OF_SPREAD, markersize=3.5, **face)
            if place:
                told = f"{'hollow' if place % 2 else 'full'}: {series}"
                bias.annotate(told, (0.03, 1.02 - 0.08 * place), xycoords="axes fraction", va="top")
        if not links.why_not.sel(link=condition, fitted=FITTED).item():
            _draw_fit(bias, spread, links, condition, np.linspace(0.5, float(table.distance_m.max()), 200))
        if len(usable):
            _draw_proportional(spread, usable.distance_m.to_numpy(), usable.spread_m.to_numpy() * 100)
        spread.set_xlabel("distance (m)")
    panels[0, 0].set_ylabel("median range less\ntrue distance (cm)")
    panels[1, 0].set_ylabel("standard deviation of a range,\ndrift corrected (cm)")
    spreads = table.spread_m[np.isfinite(table.spread_m)] * 100
    if len(spreads):
        panels[1, 0].set(ylim=(0, 1.15 * float(spreads.max())))
    drawn = [panel.get_legend_handles_labels() for panel in panels[:, 0]]
    named = {text: handle for handles, texts in drawn for handle, text in zip(handles, texts, strict=True)}
    picture.legend(list(named.values()), list(named), loc="outside upper center", ncols=4)
    return picture


def _draw_fit(bias: Axes, spread: Axes, links: xr.Dataset, condition: str, distance: np.ndarray) -> None:
    fit = fit_of(links, condition, FITTED)
    label = "fitted link"
    bias.plot(distance, fit.bias(distance) * 100, color=FIT, linewidth=1.4, label=label)
    bias.annotate(f"{fit.bias_per_m * 1000:.1f} mm per m", (0.97, 0.04), xycoords="axes fraction", ha="right")
    spread.plot(distance, np.sqrt(fit.variance(distance, bias_known=True)) * 100, color=FIT, linewidth=1.4, label=label)
    low, high = (100 * end for end in fit.floor_interval_m)
    spread.axhspan(low, high, color=FIT, alpha=0.15, linewidth=0, label="floor, 95 % interval")
    spread.annotate(f"floor {fit.floor_m * 100:.2f} cm", (0.97, 0.04), xycoords="axes fraction", ha="right")


def _draw_proportional(panel: Axes, distance: np.ndarray, spread: np.ndarray) -> None:
    """A spread that grows as thermal noise has it, through the middle of the marks."""
    far = float(distance.max())
    slope = float(np.median(spread) / np.median(distance))
    panel.plot(
        [0, far], [0, slope * far], ":", color="#CC79A7", linewidth=1.6, label="if proportional to distance (14)"
    )
