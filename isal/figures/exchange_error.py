"""Errors of clock offset, drift and ranges over the settings of a link, simulated and in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, style

#: Setting -> label of its axis, and the factor to the unit there.
SETTINGS = {
    "jitter_s": ("jitter of a stamp (ps)", 1e12),
    "reply_time_s": ("reply time (ms)", 1e3),
    "speed_m_s": ("speed (m/s)", 1.0),
    "interval_s": ("interval of exchanges (s)", 1.0),
}

#: Rows: label of the axis, factor to its unit, and the estimates with their names in the legend and their looks.
ROWS = (
    ("clock offset (ns)", 1e9, {"offset": ("clock offset", "#0072B2", "-", "o")}),
    ("drift (ppm)", 1e6, {"drift": ("relative drift", "black", "-", "o")}),
    (
        "range (m)",
        1.0,
        {
            "range, uncorrected": ("range, SS-TWR (no correction)", "#D55E00", "--", "s"),
            "range, corrected": ("range, RLM-OWR (drift corrected)", "#009E73", "-", "o"),
            "range, double-sided": ("range, DS-TWR (third message)", "#CC79A7", ":", "^"),
        },
    ),
)


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A column per setting, a row per quantity: root mean square errors, lines in closed form, marks simulated."""
    (dataset,) = datasets
    settings = list(dict.fromkeys(dataset.setting.values))
    picture = style.blank(style.PAGE, 6.0)
    panels = picture.subplots(
        len(ROWS), len(settings), sharex="col", sharey="row", squeeze=False, height_ratios=[1, 1, 1.5]
    )
    for column, setting in enumerate(settings):
        simulated = dataset.isel(case=dataset.setting.values == setting)
        curve = dataset.isel(curve=dataset.curve_setting.values == setting)
        label, unit = SETTINGS[setting]
        for panel, (_, factor, estimates) in zip(panels[:, column], ROWS, strict=True):
            for estimate, (name, colour, line, marker) in estimates.items():
                panel.plot(
                    *(curve.curve_value * unit, curve.curve_rms.sel(estimate=estimate) * factor, line),
                    color=colour,
                    linewidth=1.4,
                )
                panel.errorbar(
                    simulated.value * unit,
                    simulated.rms.sel(estimate=estimate) * factor,
                    yerr=2 * simulated.standard_error.sel(estimate=estimate) * factor,
                    color=colour,
                    linestyle="",
                    marker=marker,
                    markersize=4,
                    label=name,
                )
            panel.set_yscale("log")
            if float(simulated.value.min()) > 0:
                panel.set_xscale("log")
            panel.minorticks_off()
        panels[-1, column].set_xlabel(label)
    for row, (label, _, _) in zip(panels, ROWS, strict=True):
        row[0].set_ylabel(f"RMS error of\n{label}")
    for index, panel in enumerate(panels.ravel()):
        style.panel_title(panel, index, "")
    drawn = [panel.get_legend_handles_labels() for panel in panels[:, 0]]
    handles = [handle for some, _ in drawn for handle in some]
    texts = [text for _, some in drawn for text in some]
    title = "marks: simulated; lines: closed form"
    picture.legend(handles, texts, loc="outside upper center", ncols=3, title=title)
    return picture
