"""Maps of networks (Figures 7 and 8 of the paper): anchors, radars, target, and the movement between slots.

A network in space is drawn twice, side by side and to one scale: from above and from the side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.transforms import offset_copy

from isal.figures import Shown, style
from isal.model.network import AXES, Network

#: Marker of each kind of node, as in the paper's Figure 7; the kinds differ in shape as well as colour.
MARKERS = {"anchor": ("o", 45), "radar": ("^", 45), "target": ("*", 75)}

#: Distance of the number of a radar from the radar, points.
NUMBER_POINTS = 10

#: Numbers of the coordinates that a panel shows, to the right and upwards: from above and from the side.
View = tuple[int, int]
ABOVE: View = (0, 1)
ASIDE: View = (0, 2)


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """One panel per network of the figure."""
    # one window for all panels, so that distances can be compared between them
    slots = {network: [Network.from_mapping(slot) for slot in layout] for network, layout in shown.layouts}
    everything = [position for group in slots.values() for slot in group for position in (*slot.nodes, *slot.targets)]
    low, high = min(map(min, everything)), max(map(max, everything))
    margin = 0.125 * (high - low)
    picture, of_networks = projections([slots[network][0] for network, _ in shown.layouts])
    for index, ((network, layout), panels) in enumerate(zip(shown.layouts, of_networks, strict=True)):
        resources = [slot["resources"] for slot in layout if "resources" in slot]
        said = ", then ".join(resources)
        about = "sensing resources" if len(resources) == 1 else "sensing"
        style.panel_title(panels[0][0], index, f"{network}, {about} {said}" if said else network)
        for panel, view in panels:
            before = None
            for number, slot in enumerate(slots[network], start=1):
                draw_nodes(panel, slot, shown.colours, number, view)
                if before is not None:
                    _draw_movement(panel, before, slot, view)
                before = slot
            panel.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
            panel.set(**labels_of(view))
    (panel, _), *_ = of_networks[0]
    handles, labels = panel.get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside upper center", ncols=2 if len(picture.axes) == 1 else 3)
    return picture


def projections(networks: Sequence[Network], columns: int = 2) -> tuple[Picture, list[list[tuple[Axes, View]]]]:
    """A figure with the panels of each network and what they show.

    Networks in the plane have one panel each, in rows of ``columns``. Where there are some in space, each network has a
    row, and the second panel of one in space says in its title how it is seen.
    """
    if all(network.dimension == 2 for network in networks):
        picture, axes = style.panels(len(networks), columns)
        return picture, [[(panel, ABOVE)] for panel in axes]
    picture, axes = style.panels(2 * len(networks))
    of_networks = []
    for network, above, aside in zip(networks, axes[::2], axes[1::2], strict=True):
        in_space = network.dimension == 3
        aside.set_visible(in_space)
        aside.set_title("the same from the side", loc="left")
        of_networks.append([(above, ABOVE), (aside, ASIDE)][: 1 + in_space])
    return picture, of_networks


def labels_of(view: View) -> dict[str, str]:
    """What the axes of a panel are called."""
    return {f"{side}label": f"{AXES[axis]} (m)" for side, axis in zip("xy", view, strict=True)}


def draw_nodes(panel: Axes, slot: Network, colours: Mapping[str, str], number: int = 1, view: View = ABOVE) -> None:
    """Nodes of slot ``number`` (from 1): filled in the first, hollow later; the anchors do not move.

    Radar 1, the clock reference, is marked.
    """
    groups = {"radar": slot.radars, "target": slot.targets}
    if number == 1:
        groups = {"anchor": slot.anchors, **groups}
    for kind, positions in groups.items():
        marker, size = MARKERS[kind]
        panel.scatter(
            positions[:, view[0]],
            positions[:, view[1]],
            marker=marker,
            s=size,
            label=f"{kind}s" if number == 1 else f"{kind}s, slot {number}",
            facecolor=colours[kind] if number == 1 else "white",
            edgecolor=colours[kind],
            zorder=3,
        )
    if number == 1 and slot.n_radars > 1:
        # on the side that the others leave free
        outward = (slot.radars[0] - np.concatenate([slot.radars, slot.targets]).mean(axis=0))[[*view]]
        x, y = NUMBER_POINTS * outward / max(float(np.linalg.norm(outward)), 1e-9)
        beside = offset_copy(panel.transData, panel.get_figure(root=True), x, y, units="points")
        look: dict[str, Any] = {"marker": "$1$", "s": 22, "color": "black", "linewidth": 0.3, "zorder": 5}
        panel.scatter(*slot.radars[0, view], transform=beside, label="radar 1, the clock reference", **look)


def _draw_movement(panel: Axes, before: Network, after: Network, view: View) -> None:
    """A line from every moving node to where it is in the next slot; filled marks are before, hollow ones after."""
    for start, end in zip((*before.radars, *before.targets), (*after.radars, *after.targets), strict=True):
        panel.plot(*zip(start[[*view]], end[[*view]], strict=True), color="0.5", linewidth=1, zorder=2)
