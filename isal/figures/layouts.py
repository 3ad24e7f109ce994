"""Maps of networks (Figures 7 and 8 of the paper): anchors, radars, target, and the movement between slots."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from isal.figures import style
from isal.network import Network
from isal.study import Plan

#: Marker of each kind of node, as in the paper's Figure 7; the kinds differ in shape as well as colour.
MARKERS = {"anchor": ("o", 45), "radar": ("^", 45), "target": ("*", 75)}


def draw(plan: Plan, name: str) -> Picture:
    """One panel per network of the figure."""
    configuration = plan.configuration
    shown = configuration.figures[name].networks
    picture, axes = style.panels(len(shown))
    # one window for all panels, so that distances can be compared between them
    slots = {
        network: [Network.from_mapping(slot) for slot in configuration.layouts[network].slots] for network in shown
    }
    everything = [position for group in slots.values() for slot in group for position in (*slot.nodes, *slot.targets)]
    low, high = min(map(min, everything)), max(map(max, everything))
    margin = 0.125 * (high - low)
    for index, (network, panel) in enumerate(zip(shown, axes, strict=True)):
        resources = configuration.layouts[network].slots[0].get("resources")
        style.panel_title(panel, index, f"{network}, sensing-resource-{resources}" if resources else network)
        for number, slot in enumerate(slots[network]):
            _draw_slot(panel, slot, configuration.style, hollow=number > 0)
        panel.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
        panel.set(xlabel="x (m)", ylabel="y (m)")
    handles, labels = axes[0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return picture


def _draw_slot(panel: Axes, slot: Network, colours: Mapping[str, str], *, hollow: bool) -> None:
    groups = {"radar": slot.radars, "target": slot.targets}
    if not hollow:  # the anchors do not move
        groups = {"anchor": slot.anchors, **groups}
    for kind, positions in groups.items():
        marker, size = MARKERS[kind]
        label = f"{kind}s" if not hollow else f"{kind}s, slot 2"
        panel.scatter(
            positions[:, 0],
            positions[:, 1],
            marker=marker,
            s=size,
            label=label,
            facecolor="none" if hollow else colours[kind],
            edgecolor=colours[kind],
            zorder=3,
        )
