"""Surfaces of SPEB over the energies of three steps (Figure 11); :mod:`isal.figures.step_simplex` has their plans."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import MaxNLocator

from isal.figures import Shown, style
from isal.figures.step_simplex import COLOURS, LEVELS, STEP_NAMES, add_colours, simplices

#: The steps on the two horizontal axes; the third gets the rest.
ACROSS, ALONG = 1, 2

#: Size of a surface with its title, inches, and how many stand side by side.
ROW_INCHES, COLUMNS = 3.0, 2


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A surface for each scheme of each combination of the study's other axes."""
    found = list(simplices(*datasets))
    rows = -(-len(found) // COLUMNS)
    picture = style.blank(style.PAGE, ROW_INCHES * rows + 0.8)
    axes = picture.subplots(rows, COLUMNS, squeeze=False, subplot_kw={"projection": "3d"}).ravel()
    for unused in axes[len(found) :]:
        unused.remove()  # the layout fails on surfaces that are there, but not visible
    for index, (simplex, panel) in enumerate(zip(found, axes, strict=False)):
        panel.plot_trisurf(
            simplex.triangles(ACROSS, ALONG),
            simplex.mesh[2],
            cmap=COLOURS,
            vmin=LEVELS[0],
            vmax=LEVELS[-1],
            linewidth=0,
            antialiased=False,  # or the paper shows through between two triangles
            rasterized=True,
        )
        style.panel_title(panel, index, simplex.title)
        panel.set_xlabel(f"E{ACROSS}, {STEP_NAMES[ACROSS]} (J)", labelpad=-2)
        panel.set_ylabel(f"E{ALONG}, {STEP_NAMES[ALONG]} (J)", labelpad=-2)
        panel.set_zlabel("log10 of the ratio", labelpad=-4)
        panel.tick_params(pad=-2)
        panel.set(xlim=(0, simplex.total), ylim=(0, simplex.total))
        for axis in (panel.xaxis, panel.yaxis, panel.zaxis):
            axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=axis is not panel.zaxis))
        panel.view_init(elev=28, azim=-60)
        panel.set_box_aspect((1, 1, 0.8), zoom=1.05)
    add_colours(picture, list(axes[: len(found)]), datasets[0], line=False)
    return picture
