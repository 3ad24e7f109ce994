"""How far solvers agree, from the dataset that :mod:`isal.study.comparison` makes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import xarray as xr

#: Up to this relative gap powers count as the optimum.
AGREEMENT = 1e-6


def judged(dataset: xr.Dataset) -> xr.Dataset:
    """The same with ``gap``, ``excess`` and ``mistold``, all relative.

    ``excess`` is over the best value of any solver, ``mistold`` by how much what the solver reports is off.
    """
    best = dataset.value.min("solver")
    return dataset.assign(
        gap=1 - dataset.lower_bound / dataset.value,
        excess=dataset.value / best - 1,
        mistold=abs(dataset.reported_value / best - 1),
    )


def table(dataset: xr.Dataset, by: Sequence[str] = ()) -> pd.DataFrame:
    """One row per solver, and per combination of the coordinates ``by``.

    Columns: number of problems, share certified to 1e-6, largest gap, largest relative difference from the best value,
    median time per problem; and of the problems that the solver itself reports as optimal: how many, how many of these
    are not (by more than 1e-6), and the largest factor between the value of its powers and the optimum.
    """
    flat = judged(dataset).to_dataframe().reset_index()
    flat["solver"] = pd.Categorical(flat["solver"], list(dataset.solver.values))
    rows = []
    # a point whose radars and anchors have different caps has none that is that of every node
    for key, group in flat.groupby([*by, "solver"], sort=True, observed=True, dropna=False):
        told = group[group.reported_optimal == 1]
        wrong = told[(told.excess > AGREEMENT) | (told.mistold > AGREEMENT)]
        rows.append(
            {
                **dict(zip([*by, "solver"], key, strict=True)),
                "problems": len(group),
                "certified to 1e-6": float((group.gap <= AGREEMENT).mean()),
                "largest gap": float(group.gap.max()),
                "largest difference": float(group.excess.max()),
                "median ms": float(group.seconds.median() * 1e3),
                "reports optimal": len(told) if group.reported_optimal.notna().any() else None,
                "of these wrong": len(wrong) if group.reported_optimal.notna().any() else None,
                "worst of these": float(told.excess.max()) if len(told) else None,
            }
        )
    return pd.DataFrame(rows).convert_dtypes()
