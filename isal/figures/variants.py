"""How many random networks obey each statement of the paper, by variant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Picture

from isal.claims.samples import Variant
from isal.claims.sensitivity import COUNTS, NAME, compared, in_words, populations, sensitivity
from isal.claims.statement import percent
from isal.figures import Shown, style

#: Height of a row, which holds two lines, and of the heads, inches.
ROW_INCHES, HEAD_INCHES = 0.33, 1.5


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A table of shares, with the number of networks behind each: a row per variant, a column per criterion."""
    variants = [Variant.of(observed) for observed in datasets]
    table = sensitivity(variants).set_index(NAME).drop(columns=list(COUNTS))
    counts = populations(variants).set_index(NAME)
    heads = {criterion.column: criterion.head for criterion in compared()}
    picture = style.blank(style.PAGE, ROW_INCHES * len(table) + HEAD_INCHES)
    panel = picture.subplots()
    panel.imshow(table.to_numpy(dtype=float), cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for row, column in np.ndindex(*table.shape):
        count = counts.iloc[row, column]
        text = f"{percent(table.iloc[row, column])}\nof {count}" if count else percent(table.iloc[row, column])
        panel.text(column, row, text, ha="center", va="center")
    # upright, as a column is narrower than its head
    panel.set_xticks(range(table.shape[1]), [heads[column] for column in table.columns], rotation=90)
    panel.set_yticks(range(len(table)), in_words(variants))
    panel.xaxis.tick_top()
    panel.grid(visible=False)
    return picture
