"""SPEB over the energies of three steps, as surfaces and their plans (Figure 11).

The three energies add up to the total, so two of them tell a point. As in the paper the step whose energy is held fixed
changes from row to row; the plan shows along the other axis how what is left is best shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.tri import LinearTriInterpolator, TriAnalyzer, Triangulation, TriContourSet
from mpl_toolkits.mplot3d import Axes3D
from numpy.typing import NDArray

from isal.figures import Shown, exact, panels, style
from isal.figures.exact import Exact
from isal.figures.usable import usable
from isal.schemes.registry import REFERENCE, SCHEMES

#: Rows of the figure: the step held fixed, the step on the other axis, what the other two do.
ROWS = ((2, 1, "step 2 fixed"), (3, 1, "step 3 fixed"), (1, 3, "step 1 fixed"))
STEP_NAMES = {1: "radars", 2: "clocks", 3: "target"}
LEVELS = np.arange(-0.4, 2.01, 0.2)

#: Marks that stand out from every colour of the plans.
_GRID_BEST: dict[str, Any] = style.GRID_BEST | {"color": "#D55E00", "markeredgecolor": "white", "markersize": 6}
_EXACT_BEST: dict[str, Any] = style.EXACT_BEST | {
    "markeredgecolor": "#D55E00",
    "markersize": 11,
    "markeredgewidth": 1.4,
    "path_effects": [withStroke(linewidth=2.6, foreground="white")],
}
_BEST_SHARE: dict[str, Any] = {"linestyle": "", "marker": "o", "color": "0.1", "markersize": 2.5}

Array = NDArray[np.float64]


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """Two panels side by side, a surface and its plan each; a row per step held fixed; further panels below.

    A panel for each scheme that has steps, of each combination of the study's other axes.
    """
    dataset, best_splits = datasets
    schemes = [str(scheme) for scheme in dataset.scheme.values if SCHEMES[str(scheme)].has_steps]
    combinations = list(product(panels.combinations(dataset, n_steps=len(STEP_NAMES)), schemes))
    against_integrated = REFERENCE.name in dataset.scheme
    found = [exact.split_of(best_splits, where | {"scheme": scheme}) for where, scheme in combinations]
    rows = len(ROWS) * -(-len(combinations) // 2)
    picture = style.blank(width=12.6, height=2.75 * rows + 0.9)
    grid = picture.add_gridspec(rows + 1, 4, height_ratios=[0.06] + [1] * rows)
    filled: list[TriContourSet] = []
    for number, ((where, scheme), split) in enumerate(zip(combinations, found, strict=True)):
        title = panels.title(panels.varied(dataset, where))
        if len(schemes) > 1:
            title += f", {SCHEMES[scheme].short}"
        energies, ratio, best = _simplex(part := dataset.sel(where), scheme)
        share = f"{10 ** ratio[best]:.2f} of integrated"
        remark = _remark([energies[step][best] for step in STEP_NAMES], share if against_integrated else "")
        if split is not None:
            share = f"{split.speb / _reference(part):.2f} of integrated"
            remark = _remark(split.energies, split.nothing("step"), share if against_integrated else "")
        said = usable(part)
        for offset, row in enumerate(ROWS):
            at = (len(ROWS) * (number // 2) + offset, 2 * (number % 2))
            letters = [style.panel_letter(4 * at[0] + at[1] + shift) for shift in (0, 1)]
            surface = picture.add_subplot(grid[at[0] + 1, at[1]], projection="3d")
            _draw_surface(surface, energies, ratio, row)
            surface.set_title(f"({letters[0]}) {title},\n{row[2]}", fontsize=9)
            plane = picture.add_subplot(grid[at[0] + 1, at[1] + 1])
            filled.append(_draw_plan(plane, energies, ratio, row, best, split))
            place: dict[str, Any] = {"xycoords": "axes fraction", "ha": "right", "va": "top", "fontsize": 7.5}
            first = plane.annotate(remark, (0.97, 0.95), **place)
            if said is not None:
                below: dict[str, Any] = place | {"xycoords": first, "xytext": (0, -2), "textcoords": "offset points"}
                plane.annotate("\n".join(said.clauses), (1, 0), color=said.colour, **below)
            plane.set_title(f"({letters[1]}) its plan", fontsize=9)
    bar = picture.colorbar(filled[0], cax=picture.add_subplot(grid[0, 1:3]), orientation="horizontal")
    bar.ax.xaxis.set_label_position("top")
    compared = "integrated scheme's (0, the white line: equal)" if against_integrated else "lowest of the grid"
    bar.set_label(f"log10 of target SPEB over the {compared}")
    marks = [
        Line2D([], [], label=style.GRID_BEST_LABEL, **_GRID_BEST),
        Line2D([], [], label="best share for each fixed energy", **_BEST_SHARE),
    ]
    if any(split is not None for split in found):
        marks.insert(1, Line2D([], [], label=style.EXACT_BEST_LABEL, **_EXACT_BEST))
    picture.legend(handles=marks, loc="outside upper center", ncols=len(marks))
    return picture


def _simplex(part: xr.Dataset, scheme: str) -> tuple[dict[int, Array], Array, int]:
    """Energies by step (J), log10 of SPEB over the :func:`_reference`, and the index of the best point."""
    points = part.sel(scheme=scheme).dropna("split", subset=["speb"])
    energies = {step: points.energy.sel(step=step).values for step in STEP_NAMES}
    ratio = np.log10(points.speb.values / _reference(part))
    return energies, ratio, int(np.argmin(ratio))


def _reference(part: xr.Dataset) -> float:
    """SPEB of the integrated scheme, which has nothing to split; the lowest of all in a study without it."""
    return float((part.speb.sel(scheme=REFERENCE.name) if REFERENCE.name in part.scheme else part.speb).min())


def _remark(energies: Iterable[float], *said: str) -> str:
    shares = " / ".join(f"{energy:#.4g}" if energy else "0" for energy in energies)
    return "\n".join(line for line in (f"best {shares} J", *said) if line)


def _mesh(energies: dict[int, Array], other: int, fixed: int) -> Triangulation:
    """Triangles between the points, without the slivers along the edge of the simplex, which span no measured area.

    They are those over the energies of steps 1 and 2, whose grid the study has, whatever two energies are shown: over
    others, points of one line would make slivers inside the simplex, too.
    """
    mesh = Triangulation(energies[1], energies[2])
    mask = TriAnalyzer(mesh).get_flat_tri_mask(min_circle_ratio=0.05)
    return Triangulation(energies[other], energies[fixed], mesh.triangles, mask if not mask.all() else None)


def _draw_surface(panel: Axes3D, energies: dict[int, Array], ratio: Array, row: tuple[int, int, str]) -> None:
    fixed, other, _ = row
    panel.plot_trisurf(
        _mesh(energies, other, fixed),
        ratio,
        cmap="viridis_r",
        vmin=LEVELS[0],
        vmax=LEVELS[-1],
        rasterized=True,
    )
    panel.set_xlabel(f"E{other} (J)", fontsize=8, labelpad=-6)
    panel.set_ylabel(f"E{fixed} (J), fixed", fontsize=8, labelpad=-6)
    panel.tick_params(labelsize=6, pad=-3)
    panel.view_init(elev=28, azim=-125)


def _draw_plan(
    panel: Axes,
    energies: dict[int, Array],
    ratio: Array,
    row: tuple[int, int, str],
    best: int,
    split: Exact | None,
) -> TriContourSet:
    fixed, other, _ = row
    x, y = energies[other], energies[fixed]
    mesh = _mesh(energies, other, fixed)
    filled = panel.tricontourf(mesh, ratio, levels=LEVELS, cmap="viridis_r", extend="both")
    if ratio.min() < 0 < ratio.max():
        panel.tricontour(mesh, ratio, levels=[0.0], colors="white", linewidths=1.2)
    # the best share of what is left, for each fixed energy
    surface = LinearTriInterpolator(mesh, ratio)
    total = x[0] + y[0] + energies[6 - fixed - other][0]
    for level in np.linspace(0.05, 0.95, 10) * total:
        along = np.linspace(0, total - level, 400)
        values = surface(along, np.full_like(along, level))
        if values.count():
            panel.plot(along[values.argmin()], level, **_BEST_SHARE)
    panel.plot(x[best], y[best], zorder=5, clip_on=False, label="_grid", **_GRID_BEST)
    if split is not None:
        place = (split.energies[other - 1], split.energies[fixed - 1])
        panel.plot(*place, zorder=4, clip_on=False, label="_exact", **_EXACT_BEST)
    panel.set(xlim=(0, total), ylim=(0, total))
    panel.set_xlabel(f"E{other}, {STEP_NAMES[other]} (J)", fontsize=8)
    panel.set_ylabel(f"E{fixed}, {STEP_NAMES[fixed]} (J), fixed", fontsize=8)
    panel.tick_params(labelsize=7)
    return filled
