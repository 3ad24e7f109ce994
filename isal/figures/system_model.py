"""System models (Figures 1 to 4 of the paper): every link of a network, by who transmits, and the reflections.

Figure 1 is a network without a target, Figure 2 one whose radars are known, Figure 3 one with both tasks, and Figure 4
one of several slots, in which radars and targets move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from isal.figures import Shown, style
from isal.figures.layouts import MARKERS, View, projections
from isal.model.links import network_links
from isal.model.network import AXES, MINIMUM_DISTANCE_M, Network
from isal.model.radio import Radio

#: Links are bent, so that the two directions between two nodes, and a link and its reflection, are seen apart.
BEND = 0.12

#: Distance of a node's name from the node, points.
LABEL_POINTS = 15

#: Width of a panel, and half width and height of a node, points.
PANEL_POINTS = 200.0
NODE_POINTS = (4.0, 4.0)

#: Space around the nodes, in shares of the largest distance along an axis.
MARGIN = 0.27

#: Colour of a link, by the kind of node that it starts from, in the configuration's style.
LINKS = {"anchor": "anchor", "radar": "integrated", "target": "target"}
MEANINGS = {
    "anchor": "anchor transmission link",
    "radar": "radar transmission link",
    "target": "reflection link",
}


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """One panel per slot of each network of the figure."""
    slots = [
        (f"{name}, slot {number}" if len(layout) > 1 else name, [Network.from_mapping(slot) for slot in layout], number)
        for name, layout in shown.layouts
        for number in range(1, len(layout) + 1)
    ]
    picture, panels = projections([network[0] for _, network, _ in slots])
    drawn: set[str] = set()
    for index, ((title, network, number), of_slot) in enumerate(zip(slots, panels, strict=True)):
        everything = np.concatenate([place for slot in network for place in (slot.nodes, slot.targets)])
        low, high = everything.min(axis=0), everything.max(axis=0)
        margin = MARGIN * float((high - low).max())
        if network[0].dimension == 3:  # windows of one size, for one scale, with room for names
            middle, half = (low + high) / 2, 0.55 * (high - low).max()
            low, high = middle - half, middle + half
        for panel, view in of_slot:
            x, y = view
            panel.set(xlim=(low[x] - margin, high[x] + margin), ylim=(low[y] - margin, high[y] + margin))
            drawn |= _draw_links(panel, network[number - 1], shown.colours, view)
            if number > 1:
                drawn |= _draw_movement(panel, network[number - 2], network[number - 1], shown.colours, view)
            _draw_nodes(panel, network[number - 1], shown.colours, view)
            panel.set(aspect="equal", xticks=[], yticks=[])
            if len(of_slot) > 1:
                panel.set(xlabel=AXES[x], ylabel=AXES[y])
        style.panel_title(of_slot[0][0], index, title)
    picture.legend(handles=_legend(drawn, shown.colours), loc="outside upper center", ncols=2)
    return picture


def _draw_nodes(panel: Axes, network: Network, colours: Mapping[str, str], view: View) -> None:
    """Nodes with their names, on the side that is away from the others."""
    groups = {"anchor": network.anchors, "radar": network.radars, "target": network.targets}
    everything = np.concatenate([*groups.values()])[:, view]
    middle = everything.mean(axis=0)
    taken = _Taken(panel, everything)
    for kind, places in groups.items():
        marker, size = MARKERS[kind]
        for number, place in enumerate(places[:, view], start=1):
            panel.scatter(place[0], place[1], marker=marker, s=1.4 * size, color=colours[kind], zorder=3)
            outward = (place - middle) / max(float(np.linalg.norm(place - middle)), 1e-9)
            name = f"{kind} {number}"
            panel.annotate(
                name,
                tuple(place),
                xytext=tuple(LABEL_POINTS * outward if network.dimension == 2 else taken.beside(place, outward, name)),
                textcoords="offset points",
                ha="center",
                va="center",
                zorder=4,
                path_effects=[withStroke(linewidth=2, foreground="white")],
            )


class _Taken:
    """Where nodes and names of a panel are, points: seen from the side a network is flat, and its names get close."""

    def __init__(self, panel: Axes, places: NDArray[np.float64]) -> None:
        # the window is a square, about as wide as a panel of a page
        self.points = PANEL_POINTS / float(np.ptp(panel.get_xlim()))
        self.boxes = [(self.points * place, np.array(NODE_POINTS)) for place in places]

    def beside(self, place: NDArray[np.float64], outward: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        """Offset of a name from its node: outward, or as near to that as it hides nothing."""
        half = np.array([0.25 * len(name), 0.5]) * style.TEXT
        turns = np.pi / 8 * np.array([0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8])
        x, y = outward if outward.any() else (0.0, 1.0)
        found: list[tuple[float, int, NDArray[np.float64]]] = []
        for distance in LABEL_POINTS * np.array([1.0, 1.5, 2.0]):
            for turn in turns:
                cos, sin = np.cos(turn), np.sin(turn)
                # names are wide, so beside a node they begin farther away
                offset = distance * np.array([1.4, 1.0]) * (cos * x - sin * y, sin * x + cos * y)
                middle = self.points * place + offset
                room = [np.maximum(half + size - np.abs(middle - other), 0) for other, size in self.boxes]
                found.append((sum(float(np.prod(each)) for each in room), len(found), offset))
        _, _, best = min(found)
        self.boxes.append((self.points * place + best, half))
        return np.asarray(best)


def _draw_links(panel: Axes, network: Network, colours: Mapping[str, str], view: View) -> set[str]:
    """One arrow per leg: from transmitters to receivers and to targets, and from targets to receivers."""
    links = network_links(network, Radio(), "synchronous")
    legs: dict[tuple[str, int, str, int], tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def node(index: int) -> tuple[str, int]:
        return ("radar", index) if index < network.n_radars else ("anchor", index)

    for transmitter, receiver, target in zip(links.transmitter, links.receiver, links.target, strict=True):
        if target < 0 and network.radars_known:  # nothing to localize
            continue
        ends = [(*node(transmitter), network.nodes[transmitter]), (*node(receiver), network.nodes[receiver])]
        if target >= 0:
            ends.insert(1, ("target", target, network.targets[target]))
        for (kind, first, start), (other, second, end) in pairwise(ends):
            legs[kind, first, other, second] = start[[*view]], end[[*view]]
    for (kind, *_), (start, end) in legs.items():
        if network.dimension == 3 and np.allclose(start, end, rtol=0, atol=MINIMUM_DISTANCE_M):
            continue  # seen along the leg
        look: dict[str, Any] = {"color": colours[LINKS[kind]], "linewidth": 1.0, "alpha": 0.8, "mutation_scale": 9}
        bent = f"arc3,rad={BEND}"
        panel.add_patch(
            FancyArrowPatch(
                tuple(start), tuple(end), arrowstyle="-|>", connectionstyle=bent, shrinkA=6, shrinkB=6, **look
            )
        )
    return {f"{kind} link" for kind, *_ in legs}


def _draw_movement(panel: Axes, before: Network, after: Network, colours: Mapping[str, str], view: View) -> set[str]:
    """Trajectories of radars and targets from the slot before."""
    for kind, starts, ends in (("radar", before.radars, after.radars), ("target", before.targets, after.targets)):
        for start, end in zip(starts[:, view], ends[:, view], strict=True):
            panel.plot(
                *zip(start, end, strict=True),
                color=colours[LINKS[kind]],
                linestyle=(0, (2, 2)),
                linewidth=1.2,
                zorder=2,
            )
            panel.scatter(
                start[0], start[1], marker=MARKERS[kind][0], s=30, facecolor="white", edgecolor=colours[kind], zorder=3
            )
    return {"movement"}


def _legend(drawn: set[str], colours: Mapping[str, str]) -> list[Line2D]:
    handles = [
        Line2D([], [], color=colours[LINKS[kind]], label=meaning)
        for kind, meaning in MEANINGS.items()
        if f"{kind} link" in drawn
    ]
    if "movement" in drawn:
        handles.append(
            Line2D([], [], color="0.3", linestyle=(0, (2, 2)), label="movement since the slot before (hollow)")
        )
    return handles
