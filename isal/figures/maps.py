"""Maps of networks and of allocations, without a plan: ``network.plot()`` and ``result.plot()``.

Networks in space are drawn as projections, see :func:`isal.figures.layouts.projections`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Ellipse
from numpy.typing import NDArray

from isal.figures import style
from isal.figures.layouts import View, draw_nodes, labels_of, projections
from isal.model.information import Information
from isal.model.network import Network
from isal.schemes.schedule import SlotResult
from isal.study.allocations import Allocation

#: Largest circle of a power, and largest ellipse, in shares of the map; widest line of a link, points.
LARGEST_CIRCLE = 0.1
LARGEST_ELLIPSE = 0.12
WIDEST = 6.0

#: Links with a smaller share in the bound are not drawn.
SMALLEST_SHARE = 0.002


def plot_network(network: Network) -> Picture:
    """A map of anchors, radars and targets."""
    with style.look():
        picture, (panels,) = projections([network])
        for panel, view in panels:
            draw_nodes(panel, network, style.COLOURS, view=view)
            _frame(panel, network, view)
        panels[0][0].set_title(network.name, loc="left")
        handles, labels = panels[0][0].get_legend_handles_labels()
        picture.legend(handles, labels, loc="outside upper center", ncols=2)
        return picture


def plot_slots(slots: Sequence[SlotResult]) -> Picture:
    """A map of each slot, see :func:`draw_maps`."""
    with style.look():
        titles = [f", slot {number}" if len(slots) > 1 else "" for number in range(1, len(slots) + 1)]
        found = [
            (f"{slot.information.network.name}{which}, {slot.information.clock}", Allocation.of(slot))
            for slot, which in zip(slots, titles, strict=True)
        ]
        return draw_maps(found, style.COLOURS)


def plot_powers(title: str, information: Information, power: NDArray[np.float64]) -> Picture:
    """A map of powers of one step, W, see :func:`draw_maps`."""
    with style.look():
        return draw_maps([(title, Allocation.of_powers(information, power))], style.COLOURS)


def draw_maps(found: Sequence[tuple[str, Allocation]], colours: Mapping[str, str], columns: int = 2) -> Picture:
    """A map of each allocation: powers as circles, links as lines by their share in the bound, errors as ellipses.

    In a slot of several steps circles are the powers of all steps together, and lines the links of the last one.
    Ellipses are enlarged by one factor in all maps of a network. Those of a network in space are projections of the
    errors' ellipsoids.

    Parameters
    ----------
    found
        Titles and allocations.
    colours
        Colours of nodes and links, as in the configuration's ``style``.
    columns
        Maps beside each other, if all are in the plane.
    """
    picture, maps = projections([allocation.network for _, allocation in found], columns)
    of_networks: dict[str, list[Allocation]] = {}
    for _, allocation in found:
        of_networks.setdefault(allocation.network.name, []).append(allocation)
    factors = {name: _enlargement(alike) for name, alike in of_networks.items()}
    for (title, allocation), panels in zip(found, maps, strict=True):
        for panel, view in panels:
            draw_nodes(panel, allocation.network, colours, view=view)
            _frame(panel, allocation.network, view)
            _draw_powers(panel, allocation, colours, view)
            _draw_links(panel, allocation, colours, view)
            _draw_errors(panel, allocation, factors[allocation.network.name], view)
        panels[0][0].set_title(title, loc="left")
    (panel, _), *_ = maps[0]
    handles, _ = panel.get_legend_handles_labels()
    handles += [
        Line2D([], [], linestyle="", marker="o", color="0.5", alpha=0.3, markersize=11, label="power (area)"),
        Line2D([], [], color=colours["integrated"], linewidth=3, label="link (share in the bound)"),
        Line2D([], [], color="0.2", linewidth=1, label="standard deviation, enlarged"),
    ]
    picture.legend(handles=handles, loc="outside upper center", ncols=1 if len(picture.axes) == 1 else 3)
    return picture


def _frame(panel: Axes, network: Network, view: View) -> None:
    everything = np.concatenate([network.nodes, network.targets])
    middle, half = (everything.max(axis=0) + everything.min(axis=0)) / 2, 0.62 * _size(network)
    x, y = middle[[*view]]
    panel.set(xlim=(x - half, x + half), ylim=(y - half, y + half), aspect="equal")
    panel.set(**labels_of(view))


def _size(network: Network) -> float:
    """Width of the map of a network, m."""
    everything = np.concatenate([network.nodes, network.targets])
    return float(np.ptp(everything, axis=0).max()) or 1.0


def _draw_powers(panel: Axes, allocation: Allocation, colours: Mapping[str, str], view: View) -> None:
    network, power = allocation.network, allocation.power
    largest = LARGEST_CIRCLE * _size(network)
    for index, (position, own) in enumerate(zip(network.nodes[:, view], power, strict=True)):
        colour = colours["radar" if index < network.n_radars else "anchor"]
        radius = largest * float(np.sqrt(own / power.max()))
        panel.add_patch(Circle(tuple(position), radius, color=colour, alpha=0.25, linewidth=0, zorder=1))


def _draw_links(panel: Axes, allocation: Allocation, colours: Mapping[str, str], view: View) -> None:
    network, shares = allocation.network, allocation.shares
    paths, widths = [], []
    for (first, second, target), share in zip(allocation.ends, shares, strict=True):
        if share >= SMALLEST_SHARE:
            over = [network.targets[target]] if target >= 0 else []
            paths.append(np.array([network.nodes[first], *over, network.nodes[second]])[:, view])
            widths.append(WIDEST * float(np.sqrt(share / shares.max())))
    panel.add_collection(LineCollection(paths, linewidths=widths, colors=colours["integrated"], alpha=0.35, zorder=2))


def _draw_errors(panel: Axes, allocation: Allocation, factor: float, view: View) -> None:
    seen = np.ix_(view, view)
    for place, covariance in zip(allocation.places[:, view], allocation.covariances, strict=True):
        variances, directions = np.linalg.eigh(covariance[seen])
        width, height = 2 * factor * np.sqrt(np.maximum(variances[::-1], 0))
        angle = float(np.degrees(np.arctan2(*directions[::-1, -1])))
        ellipse = Ellipse(tuple(place), width, height, angle=angle, fill=False, edgecolor="0.2", linewidth=1, zorder=4)
        panel.add_patch(ellipse)
    told = f"ellipses: {factor:,g} times"
    panel.annotate(told, (1, 0), (-4, 4), "axes fraction", "offset points", ha="right")


def _enlargement(found: Sequence[Allocation]) -> float:
    """By which round factor ellipses are enlarged so that they are seen."""
    wanted = min(
        LARGEST_ELLIPSE * _size(allocation.network) / float(np.sqrt(np.trace(covariance)))
        for allocation in found
        for covariance in allocation.covariances
    )
    power = float(10 ** np.floor(np.log10(wanted)))
    return power * max(step for step in (1, 2, 5) if step * power <= wanted)
