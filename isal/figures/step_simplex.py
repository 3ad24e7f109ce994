"""SPEB over the energies of three steps, as surfaces and their plans (Figure 11).

The three energies add up to the total, so two of them tell a point. As in the paper the step whose energy is held fixed
changes from row to row; the plan shows along the other axis how what is left is best shared.
"""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.tri import LinearTriInterpolator, TriAnalyzer, Triangulation, TriContourSet
from mpl_toolkits.mplot3d import Axes3D
from numpy.typing import NDArray

from isal.figures import style
from isal.netcdf import datasets
from isal.study import Plan

#: Rows of the figure: the step held fixed, the step on the other axis, what the other two do.
ROWS = ((2, 1, "step 2 fixed"), (3, 1, "step 3 fixed"), (1, 3, "step 1 fixed"))
STEP_NAMES = {1: "radars", 2: "clocks", 3: "target"}
LEVELS = np.arange(-0.4, 2.01, 0.2)

Array = NDArray[np.float64]


def draw(plan: Plan, name: str) -> Picture:
    """Two networks side by side, a surface and its plan each; a row per step held fixed; further networks below."""
    study = plan.configuration.figures[name].study
    assert study is not None
    dataset = datasets.read(Path(plan.dataset_path(study)))
    parts = [
        (str(network), dataset.sel(network=network, clock=clock, bandwidth=bandwidth))
        for network in dataset.network.values
        for clock in dataset.clock.values
        for bandwidth in dataset.bandwidth.values
    ]
    rows = len(ROWS) * -(-len(parts) // 2)
    picture = style.blank(width=12.6, height=2.75 * rows + 0.9)
    grid = picture.add_gridspec(rows + 1, 4, height_ratios=[0.06] + [1] * rows)
    filled: list[TriContourSet] = []
    for number, (title, part) in enumerate(parts):
        energies, ratio, best = _simplex(part)
        for offset, row in enumerate(ROWS):
            at = (len(ROWS) * (number // 2) + offset, 2 * (number % 2))
            letters = [string.ascii_lowercase[(4 * at[0] + at[1] + shift) % 26] for shift in (0, 1)]
            surface = picture.add_subplot(grid[at[0] + 1, at[1]], projection="3d")
            _draw_surface(surface, energies, ratio, row)
            surface.set_title(f"({letters[0]}) {title}, {row[2]}", fontsize=9)
            plane = picture.add_subplot(grid[at[0] + 1, at[1] + 1])
            filled.append(_draw_plan(plane, energies, ratio, row, best))
            plane.set_title(f"({letters[1]}) its plan", fontsize=9)
    bar = picture.colorbar(filled[0], cax=picture.add_subplot(grid[0, 1:3]), orientation="horizontal")
    bar.ax.xaxis.set_label_position("top")
    bar.set_label(
        "log10 of target SPEB over the integrated scheme's (0, the white line: equal).  "
        "Diamond: best point of the grid.  Dots: best share for each fixed energy"
    )
    return picture


def _simplex(part: xr.Dataset) -> tuple[dict[int, Array], Array, int]:
    """Energies by step (J), log10 of SPEB over the integrated scheme's, and the index of the best point."""
    reference = float(part.speb.sel(scheme="integrated").min())
    scheme = next(str(scheme) for scheme in part.scheme.values if scheme != "integrated")
    points = part.sel(scheme=scheme).dropna("split", subset=["speb"])
    energies = {step: points.energy.sel(stage=step).values for step in STEP_NAMES}
    ratio = np.log10(points.speb.values / reference)
    return energies, ratio, int(np.argmin(ratio))


def _mesh(x: Array, y: Array) -> Triangulation:
    """Triangles between the points, without the slivers along the edge of the simplex, which span no measured area."""
    mesh = Triangulation(x, y)
    mesh.set_mask(TriAnalyzer(mesh).get_flat_tri_mask(min_circle_ratio=0.05))
    return mesh


def _draw_surface(panel: Axes3D, energies: dict[int, Array], ratio: Array, row: tuple[int, int, str]) -> None:
    fixed, other, _ = row
    panel.plot_trisurf(
        _mesh(energies[other], energies[fixed]),
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
    panel: Axes, energies: dict[int, Array], ratio: Array, row: tuple[int, int, str], best: int
) -> TriContourSet:
    fixed, other, _ = row
    x, y = energies[other], energies[fixed]
    mesh = _mesh(x, y)
    filled = panel.tricontourf(mesh, ratio, levels=LEVELS, cmap="viridis_r", extend="both")
    panel.tricontour(mesh, ratio, levels=[0.0], colors="white", linewidths=1.2)
    # the best share of what is left, for each fixed energy
    surface = LinearTriInterpolator(mesh, ratio)
    total = x[0] + y[0] + energies[6 - fixed - other][0]
    for level in np.linspace(0.05, 0.95, 10) * total:
        along = np.linspace(0, total - level, 400)
        values = surface(along, np.full_like(along, level))
        if values.count():
            panel.plot(along[values.argmin()], level, "o", color="0.1", markersize=2.5)
    panel.plot(x[best], y[best], "D", color="#D55E00", markeredgecolor="white", markersize=6, zorder=4)
    panel.annotate(
        "best " + " / ".join(f"{energies[step][best]:.3g}" for step in STEP_NAMES) + " J",
        (0.97, 0.95),
        xycoords="axes fraction",
        ha="right",
        va="top",
        fontsize=7.5,
    )
    panel.set(xlim=(0, total), ylim=(0, total))
    panel.set_xlabel(f"E{other}, {STEP_NAMES[other]} (J)", fontsize=8)
    panel.set_ylabel(f"E{fixed}, {STEP_NAMES[fixed]} (J), fixed", fontsize=8)
    panel.tick_params(labelsize=7)
    return filled
