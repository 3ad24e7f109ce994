"""Curves of SPEB against one energy: a panel per combination of the other axes of a study, a curve per scheme.

A diamond marks the best point of a curve's grid, a ring the best split found without traversal, or a square where the
scheme is no convex problem, so that nothing proves its powers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from isal.figures import Shown, exact, panels, style
from isal.figures.exact import Exact, Part
from isal.figures.usable import usable
from isal.schemes.registry import REFERENCE, SCHEMES

#: Rings this close, in shares of the panel, go around each other.
CLOSE = 0.008
RING_STEP = 4

#: Space around the remarks, in shares of the panel.
CLEARANCE = 0.03

#: Energies (J) and logarithms of the bound.
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def draw_curves(
    datasets: Sequence[xr.Dataset],
    shown: Shown,
    x: tuple[str, str],
    x_label: str,
    summed: str = "",
    n_steps: int | None = None,
) -> Picture:
    """Draw a study and the best splits of its curves.

    ``x`` names the variable on the horizontal axis and the axis of which its first entry counts; in ``x_label``
    ``{step}`` is the first step. ``summed`` says of what the bounds on the vertical axis are the sum. ``n_steps``
    chooses the networks and clock modes with so many steps.
    """
    dataset, best = datasets
    combinations = panels.combinations(dataset, n_steps)
    placed = panels.Arrangement.of(dataset, combinations)
    picture, axes = style.panels(len(combinations), placed.columns, width=3.8, height=3.1, share_y=placed.share_y)
    drawn = {}
    for index, (where, panel) in enumerate(zip(combinations, axes, strict=True)):
        part = dataset.sel(where)
        found = {scheme: exact.split_of(best, where | {"scheme": scheme}) for scheme in part.scheme.values}
        said = usable(part)
        style.panel_title(panel, index, panels.title(where), raised=said is not None)
        if said is not None:
            style.below_title(panel, "; ".join(said.clauses), said.colour)
        drawn[panel] = _draw_panel(panel, part.assign(x=part[x[0]].sel({x[1]: 1})), found, shown)
        panel.set(xlabel=x_label.format(step=_first_step(part)), ylabel=f"{_bounds(part)}{summed} (m²)")
    if placed.share_y and len(axes) % placed.columns == 0 and len({panel.get_xlabel() for panel in axes}) == 1:
        for panel in axes:
            panel.label_outer(remove_inner_ticks=False)
    _add_legend(picture, axes)
    _clear_remarks(picture, drawn)
    return picture


def _first_step(part: xr.Dataset) -> str:
    """What step 1 of the step-by-step scheme is for, in words."""
    blocks = part.step_minimises.sel(scheme=[name for name in part.scheme.values if SCHEMES[str(name)].has_steps])
    return " or ".join(style.STEP_NAMES[block] for block in dict.fromkeys(blocks.sel(step=1).values))


def _bounds(part: xr.Dataset) -> str:
    """What is minimised, in words; the schemes need not minimise the same."""
    schemes: dict[str, list[str]] = {}
    for scheme in part.scheme.values:
        bound = style.BOUND_NAMES[part.minimises.sel(scheme=scheme).item()]
        schemes.setdefault(bound, []).append(SCHEMES[str(scheme)].kind)
    if len(schemes) == 1:
        return next(iter(schemes))
    return ", ".join(f"{bound} ({' and '.join(dict.fromkeys(kinds))})" for bound, kinds in schemes.items())


def _draw_panel(
    panel: Axes, part: xr.Dataset, found: Mapping[str, Exact | None], shown: Shown
) -> tuple[Text, list[Curve]]:
    """Draw curves, marks and remarks; returns the remarks, and the curves that they must keep clear of."""
    remarks, curves, rings = [], [], []
    of: Part = "slot" if part.sizes["slot"] > 1 else "step"
    reference = float(part.speb.sel(scheme=REFERENCE.name).min()) if REFERENCE.name in part.scheme else None
    if (known := found.get(REFERENCE.name)) is not None:
        reference = known.speb
    blocks = {str(name): part.minimises.sel(scheme=name).item() for name in part.scheme.values}
    for name in blocks:
        scheme = SCHEMES[name]
        curve = part.sel(scheme=name).dropna("split", subset=["speb"]).sortby("x")
        look = style.scheme_look(scheme, shown.colours)
        energy, speb = curve.x.values, curve.speb.values
        curves.append((energy, np.log(speb)))
        if not scheme.has_split(part.sizes["slot"]):
            panel.axhline(speb[0], label=scheme.label, **look)
            continue
        panel.plot(energy, speb, label=scheme.label, **look)
        at = int(np.argmin(speb))
        panel.plot(energy[at], speb[at], color=look["color"], label="_grid", clip_on=False, **style.GRID_BEST)
        lowest, place = speb[at], f"at {energy[at]:g} J"
        if (split := found[name]) is not None:
            lowest, place = split.speb, split.place(of)
            rings.append((split.energies[0], split.speb, look["color"], scheme.convex))
            alike = np.flatnonzero(speb <= lowest * (1 + shown.tolerance))
            if 1 < len(alike) == alike[-1] - alike[0] + 1:  # where the curve is flat, no energy is the best one
                place = f"anywhere from {energy[alike[0]]:g} to {energy[alike[-1]]:g} J"
        remark = f"{scheme.short}: best {place}"
        # only bounds of the same parameters compare
        if reference is not None and scheme is not REFERENCE and blocks[name] == blocks[REFERENCE.name]:
            remark += f", {lowest / reference:.2f} of integrated"
        remarks.append(remark)
    panel.set_yscale("log")
    panel.margins(y=0.08)  # room for the marks
    panel.set_xlim(0, float(part.slot_energy.sum("slot").max()))
    panel.yaxis.set_minor_locator(LogLocator(subs=range(2, 10)))
    panel.yaxis.set_minor_formatter(NullFormatter())
    _draw_rings(panel, rings)
    # the curves rise at both ends, so the middle of the upper edge is free
    text = panel.text(0.5, 0.97, "\n".join(remarks), transform=panel.transAxes, ha="center", va="top", fontsize=7.5)
    return text, curves


def _draw_rings(panel: Axes, rings: Sequence[tuple[float, float, str, bool]]) -> None:
    """Mark best splits (energy, bound, colour, whether exact), those at one place with marks around each other."""
    low, high = np.log(panel.get_ylim())
    total = panel.get_xlim()[1]
    places: list[tuple[float, float]] = []
    for energy, speb, colour, is_exact in rings:
        place = (energy / total, (np.log(speb) - low) / (high - low))
        around = sum(np.hypot(place[0] - other[0], place[1] - other[1]) < CLOSE for other in places)
        places.append(place)
        key, look = ("_exact", style.EXACT_BEST) if is_exact else ("_found", style.FOUND_BEST)
        look = look | {"markersize": look["markersize"] + RING_STEP * around}
        panel.plot(energy, speb, markeredgecolor=colour, label=key, clip_on=False, zorder=4, **look)


def _add_legend(picture: Picture, axes: Sequence[Axes]) -> None:
    """The schemes, then what the marks are that were drawn."""
    handles, texts = axes[0].get_legend_handles_labels()
    drawn = {line.get_label() for panel in axes for line in panel.lines}
    for key, look, label in (
        ("_grid", style.GRID_BEST | {"color": "0.3"}, style.GRID_BEST_LABEL),
        ("_exact", style.EXACT_BEST | {"markeredgecolor": "0.3"}, style.EXACT_BEST_LABEL),
        ("_found", style.FOUND_BEST | {"markeredgecolor": "0.3"}, style.FOUND_BEST_LABEL),
    ):
        if key in drawn:
            handles.append(Line2D([], [], **look))
            texts.append(label)
    picture.legend(handles, texts, loc="outside upper center", ncols=2 if len(texts) == 4 else min(len(texts), 3))


def _clear_remarks(picture: Picture, drawn: Mapping[Axes, tuple[Text, list[Curve]]]) -> None:
    """Raise the upper limits until no curve runs through the remarks."""
    picture.draw_without_rendering()  # the layout says how large the text is in its panel
    tops = {}
    for panel, (text, curves) in drawn.items():
        box = text.get_window_extent().transformed(panel.transAxes.inverted())
        below = np.linspace(box.x0 - CLEARANCE, box.x1 + CLEARANCE, 200) * panel.get_xlim()[1]
        peak = max(float(np.interp(below, *curve).max()) for curve in curves)
        low, high = np.log(panel.get_ylim())
        tops[panel] = np.exp(max(high, low + (peak - low) / (box.y0 - CLEARANCE)))
    for panel in drawn:
        panel.set_ylim(top=max(tops[each] for each in panel.get_shared_y_axes().get_siblings(panel) if each in tops))
