"""Maps of networks and of allocations, without a plan: ``network.plot()`` and ``result.plot()``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Ellipse
from numpy.typing import NDArray

from isal.errors import IsalError
from isal.figures import style
from isal.figures.layouts import draw_nodes
from isal.model.network import Network
from isal.schemes.schedule import SlotResult
from isal.validation import links, positions

#: Largest circle of a power, and largest ellipse, in shares of the map; widest line of a link, points.
LARGEST_CIRCLE = 0.1
LARGEST_ELLIPSE = 0.12
WIDEST = 6.0

#: Links with a smaller share in the bound are not drawn.
SMALLEST_SHARE = 0.002


def plot_network(network: Network) -> Picture:
    """A map of anchors, radars and targets."""
    with style.look():
        picture, (panel,) = style.panels(1)
        draw_nodes(panel, network, style.COLOURS)
        _frame(panel, network)
        panel.set_title(network.name, loc="left")
        picture.legend(loc="outside upper center", ncols=2)
        return picture


def plot_slots(slots: Sequence[SlotResult]) -> Picture:
    """A map of each slot: powers as circles, links as lines by their share in the bound, errors as ellipses.

    In a slot of several steps circles are the powers of all steps together, and lines the links of the last one.
    """
    with style.look():
        picture, panels = style.panels(len(slots))
        factor = _enlargement(slots)
        for number, (slot, panel) in enumerate(zip(slots, panels, strict=True)):
            network = slot.information.network
            draw_nodes(panel, network, style.COLOURS)
            _frame(panel, network)
            _draw_powers(panel, slot)
            _draw_links(panel, slot)
            _draw_errors(panel, slot, factor)
            name = f"{network.name}, slot {number + 1}" if len(slots) > 1 else network.name
            panel.set_title(f"{name}, {slot.information.clock}", loc="left")
        handles, _ = panels[0].get_legend_handles_labels()
        handles += [
            Line2D([], [], linestyle="", marker="o", color="0.5", alpha=0.3, markersize=11, label="power (area)"),
            Line2D([], [], color=style.COLOURS["integrated"], linewidth=3, label="link (share in the bound)"),
            Line2D([], [], color="0.2", linewidth=1, label=f"standard deviation, {factor:g} times"),
        ]
        picture.legend(handles=handles, loc="outside upper center", ncols=min(3, 1 + len(slots)))
        return picture


def _frame(panel: Axes, network: Network) -> None:
    everything = np.concatenate([network.nodes, network.targets])
    middle, half = (everything.max(axis=0) + everything.min(axis=0)) / 2, 0.62 * _size(network)
    panel.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half), aspect="equal")
    panel.set(xlabel="x (m)", ylabel="y (m)")


def _size(network: Network) -> float:
    """Width of the map of a network, m."""
    everything = np.concatenate([network.nodes, network.targets])
    return float(np.ptp(everything, axis=0).max()) or 1.0


def _draw_powers(panel: Axes, slot: SlotResult) -> None:
    network = slot.information.network
    powers = np.sum([step.power for step in slot.steps], axis=0)
    largest = LARGEST_CIRCLE * _size(network)
    for index, (position, power) in enumerate(zip(network.nodes, powers, strict=True)):
        colour = style.COLOURS["radar" if index < network.n_radars else "anchor"]
        radius = largest * float(np.sqrt(power / powers.max()))
        panel.add_patch(Circle(tuple(position), radius, color=colour, alpha=0.25, linewidth=0, zorder=1))


def _draw_links(panel: Axes, slot: SlotResult) -> None:
    info = slot.information
    step = slot.steps[-1]
    try:
        shares = links.shares(info, step.power, step.block)
    except IsalError:  # the last step's powers alone do not determine everything
        return
    network = info.network
    both_ways: dict[tuple[int, int, int], float] = {}
    ends = zip(info.links.transmitter, info.links.receiver, info.links.target, shares, strict=True)
    for transmitter, receiver, target, share in ends:
        path = (min(transmitter, receiver), max(transmitter, receiver), target)
        both_ways[path] = both_ways.get(path, 0.0) + share
    paths, widths = [], []
    for (first, second, target), share in both_ways.items():
        if share >= SMALLEST_SHARE:
            over = [network.targets[target]] if target >= 0 else []
            paths.append(np.array([network.nodes[first], *over, network.nodes[second]]))
            widths.append(WIDEST * float(np.sqrt(share / max(both_ways.values()))))
    panel.add_collection(
        LineCollection(paths, linewidths=widths, colors=style.COLOURS["integrated"], alpha=0.35, zorder=2)
    )


def _draw_errors(panel: Axes, slot: SlotResult, factor: float) -> None:
    for place, covariance in _errors(slot):
        variances, directions = np.linalg.eigh(covariance)
        width, height = 2 * factor * np.sqrt(np.maximum(variances[::-1], 0))
        angle = float(np.degrees(np.arctan2(*directions[::-1, -1])))
        ellipse = Ellipse(tuple(place), width, height, angle=angle, fill=False, edgecolor="0.2", linewidth=1, zorder=4)
        panel.add_patch(ellipse)


def _errors(slot: SlotResult) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Positions of radars and targets, and the covariances of their estimates, as the scheme believes them."""
    info = slot.information
    whole = positions.inverse(slot.measured + slot.prior)
    found = []
    for block, places in (("radars", info.network.radars), ("targets", info.network.targets)):
        if block in info.blocks:
            indices = info.basis.indices([block])
            for place, pair in zip(places, indices.reshape(-1, 2), strict=True):
                found.append((place, whole[np.ix_(pair, pair)]))
    return found


def _enlargement(slots: Sequence[SlotResult]) -> float:
    """By which round factor ellipses are enlarged so that they are seen."""
    largest = max(float(np.sqrt(np.trace(each))) for slot in slots for _, each in _errors(slot))
    wanted = LARGEST_ELLIPSE * _size(slots[0].information.network) / largest
    power = float(10 ** np.floor(np.log10(wanted)))
    return power * max(step for step in (1, 2, 5) if step * power <= wanted)
