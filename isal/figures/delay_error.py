"""Error of a delay over SNR, simulated and in closed form, and where the links of the layouts are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, style
from isal.study.simulations.delays import FEWEST_OUTLIERS

#: Links that carry less of a bound are not drawn.
SMALLEST_SHARE = 1e-3

#: Heights of the panels, inches: errors, outliers, links (and of each network's row).
HEIGHTS = (2.4, 1.4, 0.3)
ROW_HEIGHT = 0.22

#: Kind of link -> name, marker, and the configuration's colour.
LINKS = {False: ("ranging links", "o", "anchor"), True: ("sensing links", "D", "radar")}

#: Variable -> name and look of the closed forms of the error.
CURVES: dict[str, tuple[str, dict[str, Any]]] = {
    "predicted_error": ("predicted", {"color": "#D55E00"}),
    "ziv_zakai": ("Ziv-Zakai bound", {"color": "#0072B2", "linestyle": "--"}),
    "crb": ("Cramér-Rao bound", {"color": "black", "linestyle": ":"}),
}


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A column per pulse: mean squared error, probability of an outlier, and the links of each network by SNR."""
    *simulations, links = datasets
    heights = [*HEIGHTS[:2], HEIGHTS[2] + ROW_HEIGHT * links.sizes["network"]]
    picture = style.blank(style.PAGE if len(simulations) > 1 else style.COLUMN, sum(heights) + 1.3)
    panels = picture.subplots(
        3, len(simulations), sharex=True, sharey="row", squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for index, (dataset, column) in enumerate(zip(simulations, panels.T, strict=True)):
        errors, outliers, strip = column
        style.panel_title(errors, index, f"{dataset.attrs['pulse']} pulse")
        _draw_errors(errors, dataset)
        _draw_outliers(outliers, dataset)
        _draw_links(strip, links, shown)
        for panel in column:
            panel.axvline(float(dataset.threshold_db), color="0.4", linewidth=1, linestyle="-.")
        errors.annotate(
            f"threshold {float(dataset.threshold_db):.1f} dB",
            (float(dataset.threshold_db), 0.97),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            va="top",
        )
        strip.set_xlabel("SNR (dB)")
    panels[0, 0].set_ylabel("mean squared error (1/B²)")
    panels[1, 0].set_ylabel("probability\nof an outlier")
    handles, texts = zip(
        *(
            pair
            for panel in (panels[0, 0], panels[2, 0])
            for pair in zip(*panel.get_legend_handles_labels(), strict=True)
        ),
        strict=True,
    )
    picture.legend(handles, texts, loc="outside upper center", ncols=3 if len(simulations) > 1 else 1)
    return picture


def _draw_errors(panel: Axes, dataset: xr.Dataset) -> None:
    for name, (label, look) in CURVES.items():
        panel.plot(dataset.curve_snr_db, dataset[name], label=label, linewidth=1.4, **look)
    seen = dataset.outliers.values >= FEWEST_OUTLIERS
    for chosen, label, face in ((seen, "simulated", "0.2"), (~seen, "simulated, without outliers", "white")):
        panel.plot(
            dataset.snr_db[chosen],
            dataset.error[chosen],
            "o",
            label=label,
            color="0.2",
            markerfacecolor=face,
            markersize=4.5,
        )
    panel.set_yscale("log")


def _draw_outliers(panel: Axes, dataset: xr.Dataset) -> None:
    panel.plot(dataset.curve_snr_db, dataset.predicted_outlier_share, color="#D55E00", linewidth=1.4)
    seen = dataset.outliers.values >= FEWEST_OUTLIERS
    panel.plot(dataset.snr_db[seen], dataset.outlier_share[seen], "o", color="0.2", markersize=4.5)
    trials = float(dataset.sums.sel(sum="trials").sum("block").max())
    panel.set(yscale="log", ylim=(0.1 / trials, 2))
    panel.minorticks_off()


def _draw_links(panel: Axes, links: xr.Dataset, shown: Shown) -> None:
    """A row per network, a mark per link, the larger the more of the bound it carries; so much of it is usable."""
    networks = list(links.network.values)
    for sensing, (label, marker, colour) in LINKS.items():
        chosen = (links.sensing.values == sensing) & (links.share.values >= SMALLEST_SHARE)
        panel.scatter(
            10 * np.log10(links.snr.values[chosen]),
            [networks.index(name) for name in links.link_network.values[chosen]],
            s=8 + 120 * links.share.values[chosen],
            marker=marker,
            facecolor="none",
            edgecolor=shown.colours[colour],
            label=label,
        )
    usable = [f"{name}, {share:.0%} usable" for name, share in zip(networks, links.usable_share.values, strict=True)]
    panel.set_yticks(range(len(networks)), usable)
    panel.set_ylim(len(networks) - 0.4, -0.6)
