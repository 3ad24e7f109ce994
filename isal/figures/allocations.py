"""Maps of allocations: the integrated scheme beside the best step-by-step scheme, for each network of a study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Picture

from isal.figures import Shown, style
from isal.figures.maps import draw_maps
from isal.schemes.registry import SCHEMES
from isal.study import allocations
from isal.study.axes import NAMED, axes_of

#: Maps beside each other at most.
WIDEST = 4


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A row for each network, clock mode, radio and cap, with a map for each scheme and slot."""
    (dataset,) = datasets
    axes = axes_of(dataset.variables, "scheme", "split")
    # the network always, and what is not the same in all maps
    told = [axis for axis in axes if axis is NAMED["network"] or np.unique(dataset[axis.name].values).size > 1]
    found = []
    for index, (row, allocation) in enumerate(allocations.read(dataset)):
        where = [NAMED[axis.name].label(row[axis.name].item()) for axis in told]
        if dataset.slot.max() > 1:
            where.append(f"slot {int(row.slot)}")
        split = str(row.energies.item())
        scheme = SCHEMES[str(row.scheme.item())].label + (f": {split} J" if split else "")
        found.append((f"({style.panel_letter(index)}) {', '.join(where)}\n{scheme}", allocation))
    rows = len({tuple(str(row[axis.name].item()) for axis in axes) for row, _ in allocations.read(dataset)})
    across = len(found) // rows
    return draw_maps(found, shown.colours, across if across <= WIDEST else 2)
