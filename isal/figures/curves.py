"""Curves of SPEB against one energy: a panel per combination of the other axes of a study, a curve per scheme.

Of an ensemble the panel shows quantiles over its networks (:mod:`isal.figures.spread`).

A diamond marks the best point of a curve's grid, a ring the best split found without traversal, or a square where the
scheme is no convex problem, so that nothing proves its powers. A table below each panel gives these splits in numbers.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from isal.figures import Shown, exact, panels, spread, style
from isal.figures.exact import Exact
from isal.figures.usable import Said, usable
from isal.schemes.registry import REFERENCE, SCHEMES, Scheme
from isal.study import ensembles, splits

#: Marks this close, in shares of the panel, go around each other; each is larger by so many points.
CLOSE = 0.008
MARK_STEP = 2.5

#: Height of a panel between its axes, which is less in many rows so that all stand on a page, and of title, ticks and
#: label together, inches.
HEIGHT, LOWER_HEIGHT = 1.9, 1.15
MANY_ROWS = 3
AROUND = 0.75

#: Distance of the table from the horizontal axis, below its label, points.
TABLE_BELOW = 34

#: Column of the table: two lines of its head, the edge of the panel's width at which it is aligned, and how.
COLUMNS = (
    (("", "scheme"), 0.0, "left"),
    (("best at", "(J)"), 0.68, "right"),
    (("over", "integrated"), 1.0, "right"),
)

#: Characters on an inch of a line, and the width of a vertical axis with its label, inches.
CHARACTERS, AXIS_INCHES = 17, 0.6


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve, and its best split found without traversal, if there is one."""

    scheme: Scheme
    energy: NDArray[np.float64]
    speb: NDArray[np.float64]
    split: Exact | None

    @property
    def lowest(self) -> float:
        """The bound at the best split, or at the best point of the grid."""
        return float(self.speb.min()) if self.split is None else self.split.speb

    def place(self, tolerance: float) -> str:
        """At which energy that is, J; where the curve is flat, no energy is the best one."""
        if self.split is None:
            return f"{self.energy[np.argmin(self.speb)]:g}"
        alike = np.flatnonzero(self.speb <= self.lowest * (1 + tolerance))
        if 1 < len(alike) == alike[-1] - alike[0] + 1:
            return f"{self.energy[alike[0]]:g} to {self.energy[alike[-1]]:g}"
        return self.split.place()


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
    (whole,) = datasets
    dataset = ensembles.represented(splits.on_grid(whole))
    combinations = panels.combinations(dataset, n_steps)
    placed = panels.Arrangement.of(dataset, combinations)
    schemes = [SCHEMES[str(name)] for name in dataset.scheme.values]
    # a head of two lines, and what is said of usable links
    lines = sum(scheme.has_split(dataset.sizes["slot"]) for scheme in schemes) + (4 if placed.columns <= 2 else 5)
    lines += bool(ensembles.members(whole))  # which say more of usable links
    many = len(combinations) >= MANY_ROWS * placed.columns
    height = (LOWER_HEIGHT if many else HEIGHT) + AROUND + lines * style.LINE_INCHES
    picture, axes = style.panels(len(combinations), placed.columns, height=height, share_y=placed.share_y)
    for index, (where, panel) in enumerate(zip(combinations, axes, strict=True)):
        part = dataset.sel(where)
        part = part.assign(x=part[x[0]].sel({x[1]: 1}))
        style.panel_title(panel, index, panels.title(spread.titled(panels.varied(dataset, where), whole)))
        width = picture.get_figwidth() / min(placed.columns, len(combinations)) - AXIS_INCHES
        unit = " (m²)"
        if where["network"] in ensembles.members(whole):
            part = spread.comparable(part)
            spreads, slots = spread.read(whole, where, part), part.sizes["slot"]
            spread.draw(panel, spreads, slots, float(part.slot_energy.sum("slot").max()), shown.colours)
            _label_decades(panel)
            unit = "\nover integrated" if spreads.relative else unit
            room = int(CHARACTERS * (width - style.LINE_INCHES))  # a label of two lines takes more
            _add_rows(panel, spread.rows(spreads, slots, room), spread.COLUMNS, spreads.said, room)
        else:
            curves = [
                _curve(part, name, exact.split_of(whole, where | {"scheme": name}))
                for name in map(str, part.scheme.values)
            ]
            _draw_panel(panel, curves, part, shown)
            _add_table(panel, curves, part, shown.tolerance, int(CHARACTERS * width))
        panel.set(xlabel=x_label.format(step=_first_step(part)), ylabel=f"{_bounds(part)}{summed}{unit}")
    if placed.share_y and len({panel.get_ylabel() for panel in axes}) == 1:
        for index, panel in enumerate(axes):
            panel.yaxis.label.set_visible(index % placed.columns == 0)
    _add_legend(picture, axes, schemes, shown, panels.common(dataset))
    return picture


def _curve(part: xr.Dataset, name: str, split: Exact | None) -> Curve:
    curve = part.sel(scheme=name).dropna("split", subset=["speb"]).sortby("x")
    return Curve(SCHEMES[name], curve.x.values, curve.speb.values, split)


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
    return ",\n".join(f"{bound} ({' and '.join(dict.fromkeys(kinds))})" for bound, kinds in schemes.items())


def _draw_panel(panel: Axes, curves: Sequence[Curve], part: xr.Dataset, shown: Shown) -> None:
    """Draw curves and marks, so that all are seen where they coincide."""
    panel.set_yscale("log")
    panel.set_xlim(0, float(part.slot_energy.sum("slot").max()))
    splitting = [curve for curve in curves if curve.scheme.has_split(part.sizes["slot"])]
    along = np.linspace(0.02, 0.98, 97) * panel.get_xlim()[1]
    widths = style.nested_widths([np.interp(along, curve.energy, np.log(curve.speb)) for curve in curves])
    for curve, width in zip(curves, widths, strict=True):
        look = style.scheme_look(curve.scheme, shown.colours) | {"linewidth": width, "label": curve.scheme.label}
        if curve in splitting:
            panel.plot(curve.energy, curve.speb, **look)
        else:
            panel.axhline(curve.speb[0], **look)
    panel.margins(y=0.08)  # room for the marks
    _label_decades(panel)
    grid, splits = [], []
    for curve in splitting:
        at, colour = int(np.argmin(curve.speb)), shown.colours[curve.scheme.colour]
        grid.append((curve.energy[at], curve.speb[at], {"color": colour, "label": "_grid"} | style.GRID_BEST))
        if curve.split is not None:
            label, look = ("_exact", style.EXACT_BEST) if curve.scheme.convex else ("_found", style.FOUND_BEST)
            splits.append(
                (curve.split.energies[0], curve.split.speb, {"markeredgecolor": colour, "label": label} | look)
            )
    # full marks hide what is below them, so the last one is the smallest
    _draw_marks(panel, grid[::-1])
    _draw_marks(panel, splits)


def _label_decades(panel: Axes) -> None:
    """Have labels at powers of ten, and ticks between them."""
    panel.yaxis.set_minor_locator(LogLocator(subs=range(2, 10)))
    panel.yaxis.set_minor_formatter(NullFormatter())


def _draw_marks(panel: Axes, marks: Sequence[tuple[float, float, dict[str, Any]]]) -> None:
    """Marks (energy, bound, look), those at one place around each other."""
    low, high = np.log(panel.get_ylim())
    total = panel.get_xlim()[1]
    places: list[tuple[float, float]] = []
    for energy, speb, look in marks:
        place = (energy / total, (np.log(speb) - low) / (high - low))
        around = sum(np.hypot(place[0] - other[0], place[1] - other[1]) < CLOSE for other in places)
        places.append(place)
        size = look["markersize"] + MARK_STEP * around
        # the smaller above the larger
        panel.plot(energy, speb, clip_on=False, zorder=4 - 0.01 * around, **(look | {"markersize": size}))


def _add_table(panel: Axes, curves: Sequence[Curve], part: xr.Dataset, tolerance: float, width: int) -> None:
    """The best splits in numbers and what usable links carry, below the panel."""
    blocks = {str(name): part.minimises.sel(scheme=name).item() for name in part.scheme.values}
    reference = next((curve for curve in curves if curve.scheme is REFERENCE), None)
    rows = [*zip(*(head for head, *_ in COLUMNS), strict=True)]
    for curve in curves:
        if not curve.scheme.has_split(part.sizes["slot"]):
            continue
        ratio = ""
        # only bounds of the same parameters compare
        if reference is not None and curve is not reference and blocks[curve.scheme.name] == blocks[REFERENCE.name]:
            ratio = f"{curve.lowest / reference.lowest:.2f}"
        rows.append((curve.scheme.short, curve.place(tolerance), ratio))
    _add_rows(panel, rows, COLUMNS, usable(part), width)


def _add_rows(
    panel: Axes,
    rows: Sequence[tuple[str, ...]],
    columns: Sequence[tuple[tuple[str, str], float, str]],
    said: Said | None,
    width: int,
) -> None:
    """A table, and what is said of usable links, below the panel, where they hide no curve.

    The panel has room for so many characters in its ``width``.
    """
    place: dict[str, Any] = {"textcoords": "offset points", "va": "top", "annotation_clip": False}
    for (_, edge, side), column in zip(columns, zip(*rows, strict=True), strict=True):
        text = "\n".join(column)
        panel.annotate(text, (edge, 0), xycoords="axes fraction", xytext=(0, -TABLE_BELOW), ha=side, **place)
    if said is not None:
        below = -TABLE_BELOW - (len(rows) + 0.3) * style.LINE_INCHES * 72
        line = "; ".join(said.clauses)
        lines = (
            [line] if len(line) <= width else [each for clause in said.clauses for each in textwrap.wrap(clause, width)]
        )
        text = "\n".join(lines)
        panel.annotate(text, (0, 0), xycoords="axes fraction", xytext=(0, below), color=said.colour, **place)


def _add_legend(picture: Picture, axes: Sequence[Axes], schemes: Sequence[Scheme], shown: Shown, title: str) -> None:
    """The schemes and marks that were drawn, and what the marks are."""
    drawn = {str(artist.get_label()) for panel in axes for artist in (*panel.lines, *panel.collections)}
    handles: list[Artist] = [
        Line2D([], [], label=scheme.label, **style.scheme_look(scheme, shown.colours))
        for scheme in schemes
        if scheme.label in drawn
    ]
    handles += spread.legend(drawn)
    for key, look, label in (
        ("_grid", style.GRID_BEST | {"color": "0.3"}, style.GRID_BEST_LABEL),
        ("_exact", style.EXACT_BEST | {"markeredgecolor": "0.3"}, style.EXACT_BEST_LABEL),
        ("_found", style.FOUND_BEST | {"markeredgecolor": "0.3"}, style.FOUND_BEST_LABEL),
    ):
        if key in drawn:
            handles.append(Line2D([], [], label=label, **look))
    columns = (2 if len(handles) == 4 else 3) if picture.get_figwidth() > style.COLUMN else 1
    picture.legend(handles=handles, title=title, loc="outside upper center", ncols=min(columns, len(handles)))
