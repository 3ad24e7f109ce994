"""The packets of two exchanges of RLM-OWR, with what they carry (Figure 6 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from matplotlib.figure import Figure as Picture
from matplotlib.patches import Rectangle

from isal.figures import Shown, style
from isal.figures.exchange_timeline import reading, readings, run, symbol
from isal.validation.clocks import HEADERS

#: Where a packet is divided: its header, and the time stamp that it carries.
WIDTHS = (1.3, 1.25)


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A panel per direction, a row per slot: header, and the reading that follows it."""
    picture = style.blank(style.COLUMN, 2.8)
    axes = picture.subplots(2, 1)
    titles = ("forward link packet, node 1 to node 2", "reverse link packet, node 2 to node 1")
    for index, (panel, header, title) in enumerate(zip(axes, HEADERS, titles, strict=True)):
        style.panel_title(panel, index, title)
        for packet in (each for each in run().packets if each.header == header):
            ((name, _),) = packet.carries.items()
            bottom = -1.3 * packet.slot
            cells = (f"“{header}”", f"{symbol(name)} = {reading(readings()[name])}")
            for start, width, text, colour in zip((0, WIDTHS[0]), WIDTHS, cells, ("#F6D8C6", "white"), strict=True):
                panel.add_patch(Rectangle((start, bottom), width, 1, facecolor=colour, edgecolor="black"))
                panel.text(start + width / 2, bottom + 0.5, text, ha="center", va="center")
            panel.text(-0.05, bottom + 0.5, f"slot {packet.slot}", ha="right", va="center")
        panel.set(xlim=(-0.34, sum(WIDTHS) + 0.02), ylim=(-2.7, -0.2))
        panel.set_axis_off()
    return picture
