"""How many random networks obey each statement of the paper, by variant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Picture

from isal.claims.samples import Variant
from isal.claims.sensitivity import COUNTS, NAME, compared, sensitivity
from isal.claims.statement import percent
from isal.figures import Shown, style


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A table of shares: one row per variant, one column per criterion, shaded by the share."""
    table = sensitivity([Variant.of(observed) for observed in datasets]).set_index(NAME).drop(columns=list(COUNTS))
    heads = {criterion.column: criterion.head for criterion in compared()}
    picture = style.blank(9.5, 0.36 * len(table) + 1.9)
    panel = picture.subplots()
    panel.imshow(table.to_numpy(dtype=float), cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for row, column in np.ndindex(*table.shape):
        panel.text(column, row, percent(table.iloc[row, column]), ha="center", va="center", fontsize=8)
    panel.set_xticks(range(table.shape[1]), [heads[column] for column in table.columns], fontsize=8)
    panel.set_yticks(range(len(table)), table.index)
    panel.xaxis.tick_top()
    panel.grid(visible=False)
    return picture
