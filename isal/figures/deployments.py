"""What the figures of deployments have in common: a panel per clock mode, a look per network, two kinds of lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import xarray as xr
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from isal.figures import style

#: Colours (Okabe and Ito) and marks, in turns.
LOOKS = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#E69F00", "v"),
    ("#56B4E9", "P"),
)

#: Of the answer, and of the powers beside it.
LINES: tuple[Literal["-", "--"], Literal["-", "--"]] = ("-", "--")


def look(index: int) -> dict[str, Any]:
    """How the network, or whatever else, of an index is drawn."""
    colour, marker = LOOKS[index % len(LOOKS)]
    return {"color": colour, "marker": marker, "markersize": 4, "linewidth": style.LINE}


def by_clock(dataset: xr.Dataset, rows: int = 1, height: float = 2.6) -> tuple[Picture, NDArray[Any]]:
    """A figure with a column of panels for each clock mode, and the panels row by row; a row has one vertical axis."""
    clocks = dataset.clock.values
    picture = style.blank(style.COLUMN if len(clocks) == 1 else style.PAGE, height * rows + 0.7)
    axes = picture.subplots(rows, len(clocks), squeeze=False, sharex=True, sharey="row")
    for index, panel in enumerate(axes.ravel()):
        style.panel_title(panel, index, str(clocks[index % len(clocks)]))
    return picture, axes


def networks(dataset: xr.Dataset, clock: str) -> Iterator[tuple[dict[str, Any], xr.Dataset]]:
    """The part of each network in a clock mode, and its look."""
    for index, network in enumerate(dataset.network.values):
        yield look(index), dataset.sel(network=network, clock=clock)


def legend(picture: Picture, dataset: xr.Dataset, lines: Sequence[str]) -> None:
    """The networks, and what the two kinds of lines are."""
    handles = [Line2D([], [], label=str(name), **look(index)) for index, name in enumerate(dataset.network.values)]
    handles += [
        Line2D([], [], label=text, color="black", linestyle=line, linewidth=style.LINE)
        for text, line in zip(lines, LINES, strict=True)
    ]
    columns = 2 if dataset.sizes["clock"] == 1 else 4
    picture.legend(handles=handles, loc="outside upper center", ncols=columns)
