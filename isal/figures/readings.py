"""How many random networks obey each statement of the paper, by reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as Picture

from isal import findings
from isal.figures import style
from isal.netcdf import datasets
from isal.study import Plan

#: Column of :func:`isal.findings.sensitivity` -> what it says, as the head of a narrow column.
HEADS = {
    "i": "i\nclocks <\nradars < target",
    "ii": "ii\nlimited slot\ngets more",
    "iii, abundant": "iii\nsteps win\nif abundant",
    "iii, limited": "iii\nintegrated wins\nif limited",
    "iii, marginal": "iii\nsteps win\nwith marginal",
    "iv": "iv\nsensing\nis harder",
    "v": "v\nthere is\na trade-off",
    "vi, step 1": "vi\nmore for\nstep 1",
    "vi, step 3": "vi\nmore for\nstep 3",
}


def draw(plan: Plan, name: str) -> Picture:
    """A table of shares: one row per reading, one column per statement, shaded by the share."""
    readings = {reading: datasets.read(Path(path)) for reading, path in plan.findings_paths().items()}
    table = findings.sensitivity(readings).set_index("reading").drop(columns=["networks", "abundant"])
    picture = style.blank(9.5, 0.36 * len(table) + 1.9)
    panel = picture.subplots()
    panel.imshow(table.to_numpy(dtype=float), cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for row, column in np.ndindex(*table.shape):
        panel.text(column, row, findings.percent(table.iloc[row, column]), ha="center", va="center", fontsize=8)
    panel.set_xticks(range(table.shape[1]), [HEADS[column] for column in table.columns], fontsize=8)
    panel.set_yticks(range(len(table)), table.index)
    panel.xaxis.tick_top()
    panel.grid(visible=False)
    return picture
