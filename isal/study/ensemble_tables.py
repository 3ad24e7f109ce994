"""Tables of what the networks of ensembles come to: a row for each curve of an ensemble, with quantiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from isal.allocation.certificate import STATUSES
from isal.schemes.registry import SCHEMES
from isal.study import ensembles, pages, tables
from isal.study.axes import axes_of

#: What stands above the table.
SAYS = """\
A row is about all networks of an ensemble with a scheme, each network at the best point of its own curve (at its
best split where the study has `split: best`): the median over the networks and, in brackets, the quantiles of 5 %
and 95 % where they differ. "over integrated" is the ratio to the integrated scheme's lowest SPEB in the same
network. A step's share, or a slot's where there are several, is of all the energy. "largest gap" and "status" are
the worst of all points of all networks."""

#: Quantity of which there are quantiles -> how it is printed; shares of parts follow the third.
QUANTITIES: dict[str, Callable[[float], str]] = {
    "SPEB (m^2)": "{:.3g}".format,
    "over integrated": "{:.3f}".format,
    "usable share": "{:.1%}".format,
    "pulses needed": "{:,.0f}".format,
}
SHARE = "share of {} {}"


def best_points(dataset: xr.Dataset) -> pd.DataFrame:
    """Quantiles over each ensemble of a study: a row for each combination of its other axes but the split.

    Each network counts with the best point of its own curve, :func:`isal.study.ensembles.best_points`. ``networks`` is
    how many there are. A quantity has a column for each of :data:`isal.study.ensembles.QUANTILES`, ``SPEB (m^2) 5 %``
    and so on; ``share of step 1`` is the part of the energy that it gets, NaN where nothing is split. ``largest gap``
    and ``status`` are the worst of all points of all networks.

    Returns
    -------
    A table without the columns that would be empty; it has no rows where the study has no ensembles.

    Examples
    --------
    >>> import isal
    >>> best_points(isal.open_study("results/datasets/mine.nc"))["over integrated 50 %"]  # doctest: +SKIP
    """
    rows = [
        row
        for name, where in ensembles.members(dataset).items()
        for row in _rows(name, ensembles.best_points(dataset.isel(network=where)), dataset.isel(network=where.start))
    ]
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def _rows(ensemble: str, best: xr.Dataset, first: xr.Dataset) -> Iterator[dict[str, Any]]:
    along = axes_of(best.dims, "network", "split")
    slots = first.sizes["slot"]
    part = "slot" if slots > 1 else "step"
    for values in product(*(best[axis.name].values for axis in along)):
        where = {axis.name: value for axis, value in zip(along, values, strict=True)}
        curves = best.sel(where)
        if not (known := int(curves.speb.notnull().sum())):
            continue
        row: dict[str, Any] = {
            "ensemble": ensemble,
            "networks": known,
            **{axis.column: where[axis.name] if axis.scale == 1 else where[axis.name] / axis.scale for axis in along},
            "minimised": first.minimises.sel(clock=where["clock"], scheme=where["scheme"]).item(),
        }
        quantities = dict(zip(QUANTITIES, (curves.speb, curves.over_integrated), strict=False))
        split = SCHEMES[str(where["scheme"])].has_split(slots)
        quantities |= {
            SHARE.format(part, number): curves.share.sel(part=number).where(split) for number in best.part.values
        }
        quantities |= {"usable share": curves.usable_share, "pulses needed": curves.pulses_needed}
        for quantity, of_networks in quantities.items():
            row |= dict(zip(columns(quantity), ensembles.quantiles(of_networks.values), strict=True))
        yield row | {"largest gap": float(curves.gap.max()), "status": STATUSES[int(curves.status.max())]}


def columns(quantity: str) -> list[str]:
    """Columns of the quantiles of a quantity.

    >>> columns("over integrated")
    ['over integrated 5 %', 'over integrated 50 %', 'over integrated 95 %']
    """
    return [f"{quantity} {100 * level:g} %" for level in ensembles.QUANTILES]


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The same for readers: one column for a quantity, as text ``median (lowest to highest quantile)``."""
    low, middle, high = columns("")
    found: dict[str, Any] = {}
    for column in table.columns:
        if column.endswith(low):
            quantity = column.removesuffix(low)
            printed = QUANTITIES.get(quantity, "{:.1%}".format)
            found[quantity] = [_range(values, printed) for values in table[columns(quantity)].to_numpy(dtype=float)]
        elif not column.endswith((middle, high)):
            found[column] = table[column]
    return pd.DataFrame(found)


def _range(values: NDArray[np.float64], printed: Callable[[float], str]) -> str:
    if np.isnan(values).any():
        return ""
    low, middle, high = map(printed, values.tolist())
    return middle if low == high else f"{middle} ({low} to {high})"


def write(table: pd.DataFrame, paths: Sequence[Path], title: str) -> None:
    """Write the table with all digits as CSV, and as a page for readers (:func:`isal.study.pages.write`)."""
    csv, *page = paths
    tables.write_text(csv, table.to_csv(index=False))
    pages.write(page, f"{SAYS}\n\n{tables.markdown(shown(table))}", title)
