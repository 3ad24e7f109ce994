"""Errors of simulated estimates beside the bound that is stated for them, as rows, and the tests that all rows pass.

A row has labels, the bound, and for as many trials as were simulated the sums of :data:`isal.validation.positions.SUMS`
by block. Limits are set for all rows together (:mod:`isal.validation.statistics`), so they come in when all rows are
there, see :func:`judged`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.validation.positions import SUMS, Moments, spread_of, sums_of
from isal.validation.statistics import FAMILY_LEVEL, level_of_each, mean_square_limits, square_limits

#: What is tested of each simulated row.
STATISTICS = ("ratio", "nees")

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Row:
    """What is stated of some parameters, and what was simulated of them.

    ``labels`` tell it from other rows, ``bound`` is its mean squared error in closed form, m^2, and ``numbers`` what
    else there is to tell. Without ``sums`` (shape ``(n_blocks, len(SUMS))``) nothing was simulated. ``spread`` is
    :func:`isal.validation.positions.spread_of`, ``dimensions`` the number of parameters.
    """

    labels: Mapping[str, str]
    bound: float
    numbers: Mapping[str, float] = field(default_factory=dict)
    sums: Array | None = None
    spread: float = np.nan
    dimensions: int = 0

    @classmethod
    def of(cls, labels: Mapping[str, str], moments: Moments, covariance: Array, indices: NDArray[np.intp]) -> Row:
        """Simulated errors of some parameters beside the ``covariance`` of all, m^2, that is stated for them."""
        bound = float(np.trace(covariance[np.ix_(indices, indices)]))
        sums, spread = sums_of(moments, covariance, indices), spread_of(covariance, indices)
        return cls(labels, bound, {}, sums, spread, len(indices))


def dataset(rows: Sequence[Row], blocks: int, attributes: Mapping[str, Any]) -> xr.Dataset:
    """Rows as a dataset over ``row`` (with their labels as coordinates), ``block`` and ``sum``."""
    nothing = np.zeros((blocks, len(SUMS)))
    labels = {name: ("row", [row.labels[name] for row in rows]) for name in (rows[0].labels if rows else ())}
    numbers = {name: ("row", [row.numbers[name] for row in rows]) for name in (rows[0].numbers if rows else ())}
    sums = np.array([nothing if row.sums is None else row.sums for row in rows])
    return xr.Dataset(
        {
            "sums": (
                ("row", "block", "sum"),
                sums.reshape(len(rows), blocks, len(SUMS)),
                {"long_name": "sums over the trials of a block, squares in m2"},
            ),
            "bound": ("row", [row.bound for row in rows], {"units": "m2", "long_name": "mean squared error stated"}),
            "spread": (
                "row",
                [row.spread for row in rows],
                {"units": "1", "long_name": "standard deviation of the squared error over its mean, stated"},
            ),
            "dimensions": ("row", [row.dimensions for row in rows], {"long_name": "number of parameters"}),
            **numbers,
        },
        coords={**labels, "block": range(blocks), "sum": list(SUMS)},
        attrs=dict(attributes),
    )


def judged(parts: Sequence[xr.Dataset], level: float = FAMILY_LEVEL) -> xr.Dataset:
    """All rows of some datasets, with their statistics and limits.

    ``ratio`` is the simulated mean squared error over ``bound``, ``nees`` the mean of ``e' C^-1 e / k``. Both are 1 but
    for chance; all rows keep to their limits with probability ``1 - level``.
    """
    kept = [_totals(part) for part in parts if part.sizes["row"]] or [_totals(dataset([], 0, {}))]
    found = xr.concat(kept, "row", combine_attrs="drop_conflicts")
    simulated = found.trials.values > 0
    of_each = level_of_each(max(1, len(STATISTICS) * int(simulated.sum())), level)
    limits = np.full((found.sizes["row"], len(STATISTICS), 2), np.nan)
    for place in np.flatnonzero(simulated):
        trials, k = int(found.trials[place]), int(found.dimensions[place])
        limits[place] = [
            square_limits(trials, float(found.spread[place]), of_each),
            mean_square_limits(trials, 1.0, of_each, k),
        ]
    trials = found.trials.where(simulated)
    values = np.stack([found.square / trials / found.bound, found.nees / trials / found.dimensions], axis=1)
    inside = (limits[..., 0] <= values) & (values <= limits[..., 1])
    return (
        found.drop_vars(["square", "nees"])
        .assign(
            value=(("row", "statistic"), values, {"units": "1", "long_name": "simulated, 1 but for chance"}),
            limits=(("row", "statistic", "limit"), limits, {"units": "1", "long_name": "limits for all rows together"}),
            passed=(("row", "statistic"), inside, {"long_name": "whether it was simulated and is within its limits"}),
        )
        .assign_coords(statistic=list(STATISTICS), limit=["low", "high"])
        .assign_attrs(family_level=level)
    )


def _totals(part: xr.Dataset) -> xr.Dataset:
    """Rows with a variable for each sum over all blocks."""
    total = part.sums.sum("block")
    plain = part.drop_vars(["sums", "block", "sum"]).assign({name: total.sel(sum=name, drop=True) for name in SUMS})
    # strings of fixed width would be cut to that of the first part
    labels = {name: each.astype(object) for name, each in plain.coords.items() if each.dtype.kind == "U"}
    return plain.assign_coords(labels)
