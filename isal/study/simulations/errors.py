"""Errors of simulated estimates beside the bound that is stated for them, as rows, and the tests that all rows pass.

A row has labels, the bound, and for as many trials as were simulated the sums of :data:`isal.validation.positions.SUMS`
by block. Limits are set for all rows together (:mod:`isal.validation.statistics`), so they come in when all rows are
there, see :func:`judged`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.study.simulations import BLOCK, SUM
from isal.validation.positions import SUMS, Moments, spread_of, sums_of
from isal.validation.statistics import FAMILY_LEVEL, level_of_each, mean_square_limits, square_limits

#: What is tested of each simulated row.
STATISTICS = ("ratio", "nees")

#: What long_name says of labels, numbers and sums of rows.
DESCRIBED = {
    "network": {"long_name": "name of the network"},
    "sort": {"long_name": "a layout, or random"},
    "clock": {"long_name": "clock mode"},
    "kind": {"long_name": "what is to be estimated, from which slots"},
    "slot": {"long_name": "number of the slot"},
    "parameters": {"long_name": "block of parameters that the errors are of"},
    "scheme": {"long_name": "carry-over that promises the bound, or estimator that is to reach it"},
    "split": {"long_name": "whose best split of the energy it is at"},
    "integrated": {"units": "m2", "long_name": "bound of the integrated scheme"},
    **{f"energy_{number}": {"units": "J", "long_name": f"energy of step {number}"} for number in (1, 2, 3)},
    "trials": {"units": "1", "long_name": "number of trials"},
    "not_converged": {"units": "1", "long_name": "number of trials that did not converge"},
    "square": {"units": "m2", "long_name": "sum of squared errors"},
    "nees": {"units": "1", "long_name": "sum of squared errors over their covariance"},
}

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
    labels, numbers = (
        {
            name: ("row", [of(row)[name] for row in rows], DESCRIBED.get(name, {}))
            for name in (of(rows[0]) if rows else ())
        }
        for of in (attrgetter("labels"), attrgetter("numbers"))
    )
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
            "dimensions": (
                "row",
                [row.dimensions for row in rows],
                {"units": "1", "long_name": "number of parameters"},
            ),
            **numbers,
        },
        coords={**labels, "block": ("block", range(blocks), BLOCK), "sum": ("sum", list(SUMS), SUM)},
        attrs=dict(attributes),
    )


def judged(parts: Sequence[xr.Dataset], level: float = FAMILY_LEVEL) -> xr.Dataset:
    """All rows of some datasets, with their statistics and limits.

    ``ratio`` is the simulated mean squared error over ``bound``, ``nees`` the mean of ``e' C^-1 e / k``. Both are 1 but
    for chance; all rows keep to their limits with probability ``1 - level``.
    """
    kept = [_totals(part) for part in parts if part.sizes["row"]] or [
        _totals(dataset([], 0, {"title": "no simulated errors"}))
    ]
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
        .assign_coords(
            statistic=("statistic", list(STATISTICS), {"long_name": "what is tested of a row"}),
            limit=("limit", ["low", "high"], {"long_name": "which limit"}),
        )
        .assign_attrs(_joined(parts), family_level=level)
    )


def _joined(parts: Sequence[xr.Dataset]) -> dict[str, str]:
    """The attribute of all networks; other attributes hold for all rows only where the parts agree."""
    told = [json.loads(part.attrs["networks"]) for part in parts if "networks" in part.attrs]
    return {"networks": json.dumps(dict(pair for each in told for pair in each.items()))} if told else {}


def _totals(part: xr.Dataset) -> xr.Dataset:
    """Rows with a variable for each sum over all blocks."""
    total = part.sums.sum("block")
    plain = part.drop_vars(["sums", "block", "sum"]).assign(
        {name: total.sel(sum=name, drop=True).assign_attrs(DESCRIBED[name]) for name in SUMS}
    )
    plain.attrs = {name: value for name, value in plain.attrs.items() if name not in ("history", "networks")}
    # strings of fixed width would be cut to that of the first part
    labels = {name: each.astype(object) for name, each in plain.coords.items() if each.dtype.kind == "U"}
    return plain.assign_coords(labels)
