"""What step-by-step estimation reaches, beside what the carry-overs promise, all over the integrated bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from isal.claims.reached import rows
from isal.figures import Shown, style
from isal.schemes.carry_over import CARRY_OVERS
from isal.study.simulations import OWN

#: Values above are drawn there: what is hardly determined has no limit.
LARGEST = 20.0
TICKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, LARGEST)

#: Best splits whose values over the integrated bound are all below are those of one step.
ONE_STEP = 1.001

#: Name, rows, and look.
Series = tuple[str, pd.DataFrame, dict[str, Any]]

#: Look of the estimators that are no carry-over, in their order.
OTHERS: tuple[dict[str, Any], ...] = (
    {"color": "#D55E00", "marker": "v"},
    {"color": "black", "marker": "D"},
)


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A row per clock mode: the layouts, and the distribution over the random networks."""
    (dataset,) = datasets
    if not dataset.sizes["row"]:
        picture = style.blank(style.COLUMN, 1.2)
        picture.text(0.5, 0.5, "no network was simulated", ha="center", va="center")
        return picture
    table = rows(dataset)
    sorts = [sort for sort in ("layout", "random") if (table["sort"] == sort).any()]
    clocks = sorted(set(table["clock"]), reverse=True)
    picture = style.blank(style.PAGE, 2.7 * len(clocks) + 1.0)
    panels = picture.subplots(len(clocks), len(sorts), squeeze=False, sharey="col")
    for index, (panel, (clock, sort)) in enumerate(
        zip(panels.ravel(), ((clock, sort) for clock in clocks for sort in sorts), strict=True)
    ):
        of_sort = table[table["sort"] == sort]
        number = of_sort[of_sort["clock"] == clock].network.nunique()
        drawn = _series(of_sort[of_sort["clock"] == clock], table, shown.colours)
        (_draw_layouts if sort == "layout" else _draw_distribution)(panel, drawn)
        # panels of a column share their axis
        scale(panel, pd.concat([part.stated for _, part, _ in _series(of_sort, table, shown.colours)]))
        panel.set_ylabel("target error over integrated bound")
        style.panel_title(panel, index, f"{clock}, {number} {'layouts' if sort == 'layout' else 'random networks'}")
    handles, texts = panels[0, 0].get_legend_handles_labels()
    picture.legend(handles, texts, loc="outside upper center", ncols=2)
    return picture


def _series(table: pd.DataFrame, whole: pd.DataFrame, colours: Mapping[str, str]) -> list[Series]:
    """Name, rows and look: the promises, and the estimators, at their own powers or those of the first."""
    promises = list(dict.fromkeys(table[table.promise].scheme))
    others = [scheme for scheme in dict.fromkeys(table.scheme) if scheme not in promises]
    plain, found = iter(OTHERS), []
    for scheme in promises:
        look = {"color": colours[scheme], "marker": CARRY_OVERS[scheme].marker, "hollow": True}
        found.append((f"{scheme}: promised", table[table.promise & (table.scheme == scheme)], look))
    for scheme in others:
        carry = CARRY_OVERS.get(scheme)
        alone = whole[(whole.scheme == scheme) & (whole.split == OWN)]
        # what leaves the first steps without energy at its best is the integrated scheme then
        own = bool((alone.stated > ONE_STEP).any())
        look = next(plain) if carry is None else {"color": colours[scheme], "marker": carry.marker}
        split = OWN if own else promises[0]
        words = "its own best split" if own else f"at the powers of {promises[0]}"
        chosen = table[(table.scheme == scheme) & (table.split == split)]
        found.append((f"{scheme}: reached, {words}", chosen, look | {"hollow": False}))
    return found


def _draw_layouts(panel: Axes, drawn: Sequence[Series]) -> None:
    """A place per network; promises are hollow, what is reached is simulated with its interval."""
    networks = list(dict.fromkeys(network for _, part, _ in drawn for network in part.network))
    apart = np.linspace(-0.3, 0.3, len(drawn))
    for shift, (name, part, look) in zip(apart, drawn, strict=True):
        simulated = part.simulated.where(part.simulated.notna(), part.stated)
        panel.errorbar(
            [networks.index(network) + shift for network in part.network],
            np.minimum(simulated, LARGEST),
            yerr=part.half.fillna(0.0),
            linestyle="",
            color=look["color"],
            marker=look["marker"],
            markersize=5.5,
            markerfacecolor="white" if look["hollow"] else look["color"],
            label=name,
        )
    panel.set_xticks(range(len(networks)), networks)
    panel.set_xlim(-0.5, len(networks) - 0.5)
    panel.grid(visible=False, axis="x")


def _draw_distribution(panel: Axes, drawn: Sequence[Series]) -> None:
    """The values in ascending order, by promise and by estimator."""
    ordered = [np.sort(np.minimum(part.stated.to_numpy(), LARGEST)) for _, part, _ in drawn]
    places = np.linspace(0, 1, 101)
    widths = style.nested_widths([np.log(np.quantile(values, places)) for values in ordered])
    for (name, _, look), values, width in zip(drawn, ordered, widths, strict=True):
        panel.plot(
            100 * (np.arange(len(values)) + 0.5) / len(values),
            values,
            color=look["color"],
            linewidth=width,
            marker=look["marker"],
            markersize=3.5,
            markerfacecolor="white" if look["hollow"] else look["color"],
            label=name,
        )
    panel.set_xlabel("share of the networks with lower values (%)")


def scale(panel: Axes, values: pd.Series) -> None:
    """A logarithmic axis of some values, with the same ticks in all panels."""
    panel.axhline(1, color="0.3", linewidth=0.8)
    panel.set_yscale("log")
    low, high = 0.8 * min(1.0, float(values.min())), 1.25 * min(LARGEST, max(1.25, float(values.max())))
    panel.set_yticks(TICKS, [f"{tick:g}{'+' if tick == LARGEST else ''}" for tick in TICKS])
    panel.set_ylim(low, high)
    panel.yaxis.minorticks_off()
