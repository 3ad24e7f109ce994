"""Two exchanges of RLM-OWR by all their time stamps, and the clock offset that they tell (Figure 5 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, style
from isal.validation.clocks import HEADERS, LinkSetup, Timeline, timeline

#: Which of all runs is drawn.
SEED = 1

#: Where the four stamps of an exchange are drawn, and how far apart the two exchanges are; not to scale.
PLACES = np.array([0.0, 0.7, 2.3, 3.0])
NEXT = 4.6

#: Height of the line of each node.
LINES = {1: 1.0, 2: 0.0}

SIGNAL = "#D55E00"
MIDPOINT = "#0072B2"


@cache
def run() -> Timeline:
    """The simulated run that Figures 5 and 6 show: two radios of free crystals, 20 m apart."""
    return timeline(LinkSetup(), seed=SEED)


def symbol(name: str) -> str:
    """The name of a stamp as the paper prints it."""
    letter, index = name.split("_")
    return f"${letter}_{{{index}}}$"


def reading(seconds: float) -> str:
    """The reading of a clock in microseconds, with groups of three digits."""
    return f"{seconds * 1e6:,.4f} µs".replace(",", " ").replace("-", "\N{MINUS SIGN}")


def readings() -> dict[str, float]:
    """What the clocks read at each stamp, and at the midpoints of two, by name, s."""
    stamps = {event.name: event.true_s + event.ahead_s for event in run().events}
    pairs = [(f"c_{node}{slot}", f"c'_{node}{slot}") for slot in "ab" for node in (1, 2)]
    return stamps | {f"c'{later[1:]}": (stamps[first] + stamps[later]) / 2 for first, later in pairs}


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """(a) The stamps of both nodes, not to scale, with the readings of a simulated run; (b) clock offset over time."""
    picture = style.blank(style.PAGE, 6.4)
    stamps, offset = picture.subplots(2, 1, height_ratios=[1.15, 1])
    _draw_stamps(stamps)
    _draw_offset(offset)
    return picture


def _draw_stamps(panel: Axes) -> None:
    style.panel_title(panel, 0, "time stamps, not to scale, and readings of the clocks")
    shown = readings()
    for node, height in LINES.items():
        panel.annotate("", (NEXT + 3.9, height), (-0.5, height), arrowprops={"arrowstyle": "->", "color": "0.3"})
        panel.text(-0.6, height, f"node {node}", ha="right", va="center")
    for slot, letter in enumerate("ab"):
        places = PLACES + slot * NEXT
        panel.text(places.mean(), 1.82, f"slot {slot + 1}", ha="center", va="center", weight="bold")
        ends = [(place, LINES[node]) for place, node in zip(places, (1, 2, 2, 1), strict=True)]
        for header, (start, end) in zip(HEADERS, (ends[:2], ends[2:]), strict=True):
            panel.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": SIGNAL, "linewidth": 1.8})
            down = start[1] > end[1]
            height = 0.7 if down else 0.3
            along = 1 - height if down else height
            panel.text(
                start[0] + along * (end[0] - start[0]) + (0.12 if down else -0.12),
                height,
                f"“{header}”".replace(" ", "\n"),
                ha="left" if down else "right",
                va="center",
                color=SIGNAL,
            )
        names = (f"c_1{letter}", f"c_2{letter}", f"c'_2{letter}", f"c'_1{letter}")
        marks = [(*end, name, "black", "o", 0.16) for end, name in zip(ends, names, strict=True)]
        middle = places.mean()
        marks += [(middle, LINES[node], f"c''_{node}{letter}", MIDPOINT, "D", 0.42) for node in LINES]
        for x, y, name, colour, marker, away in marks:
            panel.plot(x, y, marker, color=colour, markersize=5, zorder=3)
            up = 1 if y else -1
            text = f"{symbol(name)}\n{reading(shown[name])}"
            panel.text(x, y + up * away, text, ha="center", va="bottom" if y else "top", color=colour)
            panel.plot([x, x], [y, y + up * away], color=colour, linewidth=0.6, alpha=0.6)
    panel.set(xlim=(-1.6, NEXT + 4.1), ylim=(-0.9, 2.0))
    panel.set_axis_off()


def _draw_offset(panel: Axes) -> None:
    """The true line of the clock offset, the two that were measured, and its slope between them."""
    shown = run()
    style.panel_title(panel, 1, r"clock offset $\tau = c_1 - c_2$, to scale")
    panel.plot(shown.line_time_s, shown.line_offset_s * 1e6, color="0.3", linewidth=1.2, label="true")
    times, offsets = np.array(shown.midpoints_s), np.array(shown.offsets_s) * 1e6
    panel.plot(times, offsets, "D", color=MIDPOINT, markersize=6, label="measured", zorder=3)
    panel.plot([times[0], times[1], times[1]], offsets[[0, 0, 1]], ":", color=MIDPOINT, linewidth=1)
    # each label on the side of its mark that the line leaves free
    for letter, time, offset, (ha, va, away) in zip(
        "ab", times, offsets, (("left", "top", (8, -6)), ("right", "bottom", (-12, 4))), strict=True
    ):
        panel.annotate(
            rf"$\tau_{letter} = c''_{{1{letter}}} - c''_{{2{letter}}}$ = {offset:.4f} µs",
            (time, offset),
            xytext=away,
            textcoords="offset points",
            ha=ha,
            va=va,
            color=MIDPOINT,
        )
    panel.text(
        *(0.93, 0.3),
        r"$k_\tau = (\tau_b - \tau_a) \,/\, (c''_{1b} - c''_{1a})$ = "
        f"{shown.drift * 1e6:.4f} ppm (true: {shown.true_drift * 1e6:.4f} ppm)",
        transform=panel.transAxes,
        ha="right",
    )
    panel.set(xlabel="true time t (s)", ylabel="clock offset (µs)")
    panel.margins(y=0.15)
    panel.legend(loc="upper left")
