"""What the drift correction takes from measured ranges, against half of what drift makes of the reply time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, style
from isal.study.measurements.datasets import table_of
from isal.units import SPEED_OF_LIGHT
from isal.validation.measurements import FEWEST_EXCHANGES, inliers

#: Colours of the series, in order, over again if there are more.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

#: Exchanges of a series, ordered by their shift, are drawn as means of so many groups.
GROUPS = 8


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """Between logs, and within logs."""
    (dataset,) = datasets
    picture, (between, within) = style.panels(2)
    _draw_logs(between, dataset)
    _draw_exchanges(within, dataset)
    style.panel_title(between, 0, "logs")
    style.panel_title(within, 1, "exchanges, from the mean of their log")
    handles, texts = between.get_legend_handles_labels()
    picture.legend(handles, texts, loc="outside upper center", ncols=2)
    return picture


def _colours(dataset: xr.Dataset) -> dict[str, str]:
    names = list(map(str, dataset.series.values))
    return {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}


def _draw_logs(panel: Axes, dataset: xr.Dataset) -> None:
    table = table_of(dataset)
    for series, colour in _colours(dataset).items():
        logs = table[table.series == series]
        shift = logs.shift_m * 100
        panel.plot(
            shift,
            (logs.uncorrected_m - logs.corrected_m) * 100,
            "o",
            color=colour,
            markersize=4.5,
            label=f"{series}: less corrected",
        )
        panel.plot(
            shift,
            (logs.uncorrected_m - logs.device_m) * 100,
            "^",
            color=colour,
            markersize=4.5,
            markerfacecolor="none",
            label=f"{series}: less device's own",
        )
    _draw_unity(panel)
    panel.set(xlabel="c k T / 2 of the log (cm)", ylabel="uncorrected range less another (cm)")


def _draw_exchanges(panel: Axes, dataset: xr.Dataset) -> None:
    number = dataset.exchange_log.values
    shift = SPEED_OF_LIGHT * dataset.exchange_drift.values * dataset.exchange_reply_s.values / 2 * 100
    measured = dataset.exchange_uncorrected_m.values * 100
    of_log = dataset.log_series.values
    for place, (series, colour) in enumerate(_colours(dataset).items()):
        x, y = [], []
        for log in np.flatnonzero(of_log == series):
            chosen = np.flatnonzero((number == log) & np.isfinite(shift))
            if len(chosen) < FEWEST_EXCHANGES:
                continue
            chosen = chosen[inliers(measured[chosen])]
            x.append(shift[chosen] - shift[chosen].mean())
            y.append(measured[chosen] - measured[chosen].mean())
        if sum(map(len, x)) < GROUPS:
            continue
        across, along = np.concatenate(x), np.concatenate(y)
        parts = np.array_split(np.argsort(across), GROUPS)
        panel.errorbar(
            [across[part].mean() for part in parts],
            [along[part].mean() for part in parts],
            yerr=[along[part].std() / np.sqrt(len(part)) for part in parts],
            fmt="o",
            color=colour,
            markersize=4.5,
            linewidth=1,
            zorder=3,
        )
        slope = dataset.sel(series=series)
        panel.annotate(
            f"{series}: slope {float(slope.following):.2f} ± {float(slope.following_error):.2f}",
            (0.03, 0.97 - 0.07 * place),
            xycoords="axes fraction",
            va="top",
            color=colour,
        )
    _draw_unity(panel)
    panel.set(xlabel="c k T / 2 of the exchange (cm)", ylabel="uncorrected range (cm), mean of many")


def _draw_unity(panel: Axes) -> None:
    panel.axline((0, 0), slope=1, color="black", linewidth=1, zorder=2, label="slope 1")
