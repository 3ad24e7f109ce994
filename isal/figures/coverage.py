"""Maps of the errors at all places where a target may be, with robust powers and with those for the nominal positions.

For ``result.plot()`` of :func:`isal.robust`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from isal.errors import IsalError
from isal.figures import style
from isal.figures.layouts import draw_nodes
from isal.model.network import Network
from isal.model.places import Area
from isal.schemes.robust import RobustResult

#: Colours of errors; light is small, and nodes are seen on all of it.
ERRORS = "YlGnBu"

#: Largest circle of a power, as a share of the map.
LARGEST_CIRCLE = 0.07

#: Side of the map over the extent of all that is on it.
MARGIN = 1.1

#: Height of a map with its part of the bar of colours, inches.
HEIGHT_INCHES = 3.9

#: Size of the mark of a sample, points^2.
SAMPLE = 10


def plot_coverage(result: RobustResult) -> Picture:
    """A map with the robust powers, and one with the nominal powers, in the same colours.

    Raises
    ------
    IsalError
        If there are no targets.
    """
    targets = result.posed.scenarios.targets
    if not targets.shape[1]:
        raise IsalError(f"{result.network.name}: a map of errors needs targets")
    shown = [
        ("robust", result.power, result.errors.max(axis=1)),
        ("nominal", result.nominal.power, result.nominal_errors.max(axis=1)),
    ]
    errors = [each for *_, each in shown]
    norm = LogNorm(min(each.min() for each in errors), max(each.max() for each in errors))
    worst = result.design.case == "worst"
    everything = np.concatenate([result.network.nodes, targets.reshape(-1, targets.shape[2])])[:, :2]
    middle, half = (everything.max(axis=0) + everything.min(axis=0)) / 2, MARGIN * _size(everything) / 2
    with style.look():
        picture, panels = style.panels(2, height=HEIGHT_INCHES)
        for (title, power, own), panel in zip(shown, panels, strict=True):
            drawn = _draw_errors(panel, result, own, norm)
            _draw_powers(panel, result.network, power)
            draw_nodes(panel, result.design.over.nominal(result.network), style.COLOURS)
            told = own.max() if worst else float(np.sqrt(result.posed.scenarios.shares @ own**2))
            panel.set_title(f"{title}: {'worst' if worst else 'average'} {told:.3g} m", loc="left")
            panel.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))
            panel.set(xlabel="x (m)", ylabel="y (m)", aspect="equal")
            panel.grid(visible=False)
            if worst:
                mark: dict[str, Any] = {"marker": "x", "color": "#CC79A7", "s": 40, "linewidth": 2, "zorder": 6}
                panel.scatter(*targets[int(np.argmax(own)), :, :2].T, label="targets, worst sample", **mark)
        bar = picture.colorbar(drawn, ax=list(panels), location="bottom", shrink=0.6, aspect=40, pad=0.04)
        bar.set_label("root of the squared error bound (m)")
        bar.ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        bar.ax.xaxis.set_minor_formatter(NullFormatter())
        handles, labels = panels[0].get_legend_handles_labels()
        handles.append(Line2D([], [], linestyle="", marker="o", color="0.5", alpha=0.5, markersize=11))
        picture.legend(handles, [*labels, "power (area)"], loc="outside upper center", ncols=3)
        return picture


def _draw_errors(
    panel: Axes, result: RobustResult, errors: NDArray[np.float64], norm: LogNorm
) -> QuadMesh | PathCollection:
    targets, over = result.posed.scenarios.targets, result.design.over
    if isinstance(over, Area):
        x, y, grid = _grid(targets[:, 0], over.spacing, errors)
        return panel.pcolormesh(x, y, grid, norm=norm, cmap=ERRORS, shading="nearest", rasterized=True)
    every = np.repeat(errors, targets.shape[1])
    order = np.argsort(every)  # the worst on top
    spots = targets.reshape(-1, targets.shape[2])[order]
    return panel.scatter(spots[:, 0], spots[:, 1], c=every[order], norm=norm, cmap=ERRORS, s=SAMPLE, zorder=2)


def _grid(
    places: NDArray[np.float64], spacing: float, errors: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of columns and rows, and the largest error at each of them; NaN where there is no place."""
    low = places[:, :2].min(axis=0)
    number = np.rint((places[:, :2] - low) / spacing).astype(int)
    columns, rows = number.max(axis=0) + 1
    grid = np.full((rows, columns), -np.inf)
    np.maximum.at(grid, (number[:, 1], number[:, 0]), errors)
    grid[np.isinf(grid)] = np.nan
    return low[0] + spacing * np.arange(columns), low[1] + spacing * np.arange(rows), grid


def _draw_powers(panel: Axes, network: Network, power: NDArray[np.float64]) -> None:
    """Circles whose areas are the powers."""
    size = _size(network.nodes[:, :2])
    for index, (position, own) in enumerate(zip(network.nodes, power, strict=True)):
        colour = style.COLOURS["radar" if index < network.n_radars else "anchor"]
        radius = LARGEST_CIRCLE * size * float(np.sqrt(own / power.max()))
        panel.add_patch(Circle(tuple(position[:2]), radius, color=colour, alpha=0.45, linewidth=0, zorder=2))


def _size(spots: NDArray[np.float64]) -> float:
    """Larger side of the rectangle around some places, m."""
    return float(np.ptp(spots, axis=0).max()) or 1.0
