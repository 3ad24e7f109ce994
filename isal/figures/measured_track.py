"""Positions of measured runs beside their reference, and their errors over time beside the bound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, style

MEASURED, REFERENCE, KNOWN = "#0072B2", "black", "#E69F00"


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A row per run: map, and errors over time."""
    picture = style.blank(style.PAGE, 2.9 * len(datasets) + 0.8)
    panels = picture.subplots(len(datasets), 2, squeeze=False, width_ratios=[1, 1.5])
    for row, (dataset, (place, error)) in enumerate(zip(datasets, panels, strict=True)):
        style.panel_title(place, 2 * row, dataset.attrs["run"])
        told = dict(zip(map(str, dataset.quantity.values), dataset.summary.values, strict=True))
        medians = f"medians: error {told['median error']:.2f} m, bound {told['median bound']:.2f} m"
        style.panel_title(error, 2 * row + 1, f"{medians} ({told['median bound, biases known']:.2f} m, biases known)")
        _draw_map(place, dataset)
        _draw_errors(error, dataset)
    drawn = [panel.get_legend_handles_labels() for panel in panels[0]]
    named = {text: handle for handles, texts in drawn for handle, text in zip(handles, texts, strict=True)}
    picture.legend(list(named.values()), list(named), loc="outside upper center", ncols=3)
    return picture


def _draw_map(panel: Axes, dataset: xr.Dataset) -> None:
    accepted = dataset.accepted.values
    panel.plot(*dataset.reference_m.values.T, color=REFERENCE, linewidth=0.9, label="reference")
    panel.plot(*dataset.position_m.values[accepted].T, ".", color=MEASURED, markersize=2, label="least squares")
    panel.plot(*dataset.anchor_m.values[:, :2].T, "s", color="#D55E00", markersize=4, label="anchors")
    known = dataset.reference_m.values[np.isfinite(dataset.reference_m.values).all(axis=1)]
    every = np.concatenate([known, dataset.anchor_m.values[:, :2]])
    low, high = every.min(axis=0), every.max(axis=0)
    margin = 0.1 * float((high - low).max()) + 1.0
    panel.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin))
    panel.set_aspect("equal")
    panel.set(xlabel="x (m)", ylabel="y (m)")


def _draw_errors(panel: Axes, dataset: xr.Dataset) -> None:
    time, error, accepted = (dataset[name].values for name in ("time_s", "error_m", "accepted"))
    panel.plot(time[accepted], error[accepted], ".", color=MEASURED, markersize=2)
    panel.plot(time[~accepted], error[~accepted], "x", color="0.5", markersize=4, label="rejected by the test")
    panel.plot(time, dataset.bound_m.values, color=REFERENCE, linewidth=1.3, linestyle="--", label="bound")
    panel.plot(
        time, dataset.bias_known_bound_m.values, color=KNOWN, linewidth=1.3, label="bound, biases of the links known"
    )
    panel.set_yscale("log")
    panel.set(xlabel="time (s)", ylabel="error of the position (m)")
