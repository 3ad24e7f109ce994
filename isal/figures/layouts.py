"""Maps of networks (Figures 7 and 8 of the paper): anchors, radars, target, and the movement between slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.transforms import offset_copy

from isal.figures import Shown, style
from isal.model.network import Network

#: Marker of each kind of node, as in the paper's Figure 7; the kinds differ in shape as well as colour.
MARKERS = {"anchor": ("o", 45), "radar": ("^", 45), "target": ("*", 75)}

#: Distance of the number of a radar from the radar, points.
NUMBER_POINTS = 10


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """One panel per network of the figure."""
    picture, axes = style.panels(len(shown.layouts))
    # one window for all panels, so that distances can be compared between them
    slots = {network: [Network.from_mapping(slot) for slot in layout] for network, layout in shown.layouts}
    everything = [position for group in slots.values() for slot in group for position in (*slot.nodes, *slot.targets)]
    low, high = min(map(min, everything)), max(map(max, everything))
    margin = 0.125 * (high - low)
    for index, ((network, layout), panel) in enumerate(zip(shown.layouts, axes, strict=True)):
        resources = [slot["resources"] for slot in layout if "resources" in slot]
        said = ", then ".join(resources)
        about = "sensing resources" if len(resources) == 1 else "sensing"
        style.panel_title(panel, index, f"{network}, {about} {said}" if said else network)
        before = None
        for number, slot in enumerate(slots[network], start=1):
            draw_nodes(panel, slot, shown.colours, number)
            if before is not None:
                _draw_movement(panel, before, slot)
            before = slot
        panel.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
        panel.set(xlabel="x (m)", ylabel="y (m)")
    handles, labels = axes[0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside upper center", ncols=2 if len(axes) == 1 else 3)
    return picture


def draw_nodes(panel: Axes, slot: Network, colours: Mapping[str, str], number: int = 1) -> None:
    """Nodes of slot ``number`` (from 1): filled in the first, hollow later; the anchors do not move.

    Radar 1, the clock reference, is marked.
    """
    groups = {"radar": slot.radars, "target": slot.targets}
    if number == 1:
        groups = {"anchor": slot.anchors, **groups}
    for kind, positions in groups.items():
        marker, size = MARKERS[kind]
        panel.scatter(
            positions[:, 0],
            positions[:, 1],
            marker=marker,
            s=size,
            label=f"{kind}s" if number == 1 else f"{kind}s, slot {number}",
            facecolor=colours[kind] if number == 1 else "white",
            edgecolor=colours[kind],
            zorder=3,
        )
    if number == 1 and slot.n_radars > 1:
        # on the side that the others leave free
        outward = slot.radars[0] - np.concatenate([slot.radars, slot.targets]).mean(axis=0)
        x, y = NUMBER_POINTS * outward / max(float(np.linalg.norm(outward)), 1e-9)
        beside = offset_copy(panel.transData, panel.get_figure(root=True), x, y, units="points")
        look: dict[str, Any] = {"marker": "$1$", "s": 22, "color": "black", "linewidth": 0.3, "zorder": 5}
        panel.scatter(*slot.radars[0], transform=beside, label="radar 1, the clock reference", **look)


def _draw_movement(panel: Axes, before: Network, after: Network) -> None:
    """A line from every moving node to where it is in the next slot; filled marks are before, hollow ones after."""
    for start, end in zip((*before.radars, *before.targets), (*after.radars, *after.targets), strict=True):
        panel.plot(*zip(start, end, strict=True), color="0.5", linewidth=1, zorder=2)
