"""Tables of a study: the best point and the best split of every curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import xarray as xr

from isal.allocation.certificate import STATUSES
from isal.schemes.proof import PROOFS
from isal.schemes.registry import REFERENCE
from isal.study import files, pages, splits
from isal.study.axes import AXES, NAMED, Axis, axes_of
from isal.units import short

#: Column -> how it is printed in the Markdown table; the CSV file keeps all digits.
FORMATS: dict[str, Callable[[float], str]] = {
    **{column: short for axis in AXES if axis.optional and axis.read is not str for column in (axis.name, axis.column)},
    "bandwidth (MHz)": "{:g}".format,
    "SPEB (m^2)": "{:.6g}".format,
    "over integrated": "{:.4f}".format,
    "usable share": "{:.2%}".format,
    "usable SPEB (m^2)": lambda value: f"{value:.6g}" if value < math.inf else "infinite",
    "pulses needed": "{:,.0f}".format,
    "largest gap": "{:.1e}".format,
    "largest difference": "{:.1e}".format,
    "certified to 1e-6": "{:.1%}".format,
    "median ms": "{:.2g}".format,
    "worst of these": "{:.2g}".format,
    "exact SPEB (m^2)": "{:.6g}".format,
    "lower bound (m^2)": "{:.6g}".format,
    "bandwidth": "{:g}".format,
    "ms": "{:.3g}".format,
    "traversal over exact": "{:.1e}".format,
    "traversal ms": "{:.3g}".format,
    "bound (m^2)": "{:.4g}".format,
    "simulated": "{:.4f}".format,
    "+-": "{:.4f}".format,
    "MSE over stated": "{:.4f}".format,
    "NEES": "{:.4f}".format,
    "start off by (m)": "{:g}".format,
    **dict.fromkeys(("same maximum", "another one", "as likely"), "{:.1%}".format),
    "RMSE (m)": "{:.3g}".format,
    "its bound (m)": "{:.3g}".format,
    "MSE over bound": "{:.4g}".format,
    **dict.fromkeys(("requirement (m)", "sigma (m)", "radius (m)", "survey error (m)", "energy (J)"), "{:g}".format),
    **dict.fromkeys(("best (J)", "beside (J)", "best (m)", "beside (m)"), "{:.4g}".format),
    **dict.fromkeys(("beside over best", "over exact anchors", "sum over least"), "{:.4f}".format),
    "value of robustness": "{:.2%}".format,
    "gap": "{:.1e}".format,
}


def best_points(dataset: xr.Dataset) -> pd.DataFrame:
    """The lowest SPEB of every curve of a dataset, of the points of its grid; the best split where it has no grid.

    ``minimised`` is the block of parameters that the SPEB is of; ``energies (J)`` are those of the slots where there
    are several, else of the steps; ``over integrated`` is the ratio to the integrated scheme's lowest SPEB, NaN where
    that is of another block; ``largest gap`` is over all points of the curve, and so is ``status``, the worst of
    :data:`isal.allocation.certificate.STATUSES`: ``"local"`` where nothing proves the powers of a last step.
    ``usable share`` and ``pulses needed`` (:func:`isal.validation.links.usable_links`) are those of the slot that is
    worst off, ``usable SPEB`` is summed over slots.
    """
    rows = []
    by_slot = dataset.sizes["slot"] > 1
    before, scheme = axes_of(dataset.dims, "scheme", "split"), NAMED["scheme"]
    for values in product(*(sorted(dataset[axis.name].values) for axis in (*before, scheme))):
        where = dict(zip((*before, scheme), values, strict=True))
        # chosen by name: an axis of one entry stays an axis
        curve = dataset.sel({axis.name: value for axis, value in where.items()})
        points = curve.dropna("split", subset=["speb"])
        if points.sizes["split"] == 0:
            continue
        if (grid := splits.on_grid(points)).sizes["split"]:
            points = grid
        best = points.isel(split=int(points.speb.argmin("split")))
        energies = (best.slot_energy if by_slot else best.energy).values
        rows.append(
            {
                **{axis.column: value if axis.scale == 1 else value / axis.scale for axis, value in where.items()},
                "minimised": curve.minimises.item(),
                "energies (J)": " / ".join(f"{energy:g}" for energy in energies if energy == energy),
                "SPEB (m^2)": float(best.speb),
                "usable share": float(best.usable_share.min("slot")),
                "usable SPEB (m^2)": float(best.usable_speb.sum("slot", min_count=1)),
                "pulses needed": float(best.pulses_needed.max("slot")),
                "largest gap": float(points.gap.max()),
                "status": STATUSES[int(points.status.max())],
            }
        )
    table = pd.DataFrame(rows)
    # only bounds of the same parameters compare
    keys = [*(axis.column for axis in before), "minimised"]
    integrated = table[table.scheme == REFERENCE.name].set_index(keys)["SPEB (m^2)"].to_dict()
    ratios = [row["SPEB (m^2)"] / integrated.get(tuple(row[key] for key in keys), float("nan")) for row in rows]
    table.insert(list(table.columns).index("SPEB (m^2)") + 1, "over integrated", ratios)
    return table


def _columns(axes: Iterable[Axis]) -> list[str]:
    """Of the table of best splits, in the order of its rows."""
    return [
        *("study", *(axis.name for axis in axes), "minimised"),
        *("exact (J)", "exact SPEB (m^2)", "lower bound (m^2)", "bound holds for", "problems", "ms"),
        *("traversal (J)", "traversal over exact", "traversed points", "traversal problems", "traversal ms"),
    ]


def best_splits(study: str, dataset: xr.Dataset) -> pd.DataFrame:
    """One row per curve with a best split: that split, and the best point, problems and time of the traversal.

    ``minimised`` is the block of parameters that all SPEBs are of; ``traversal over exact`` is the lowest traversed
    SPEB over the exact one, minus 1: never negative but for rounding, and NaN where the study has no grid. ``problems``
    are allocation problems solved, ``ms`` the time that the solver took for them.
    """
    rows: list[tuple[Any, ...]] = []
    axes = axes_of(dataset.dims, "split")
    names = [axis.name for axis in axes]
    parts = "slot_energy" if dataset.sizes["slot"] > 1 else "energy"
    best, grid = splits.at_best(dataset), splits.on_grid(dataset)
    curves = pd.Series() if best is None else best.speb.sortby(names).stack(curve=names).dropna("curve").to_series()
    for where, value in curves.items():
        assert best is not None
        chosen = dict(zip(names, cast(tuple[Any, ...], where), strict=True))
        one, many = best.sel(chosen), grid.sel(chosen).dropna("split", subset=["speb"])
        lowest = many.isel(split=int(many.speb.argmin("split"))) if many.sizes["split"] else None
        rows.append(
            (
                study,
                *chosen.values(),
                one.minimises.item(),
                _energies(one[parts].values),
                float(value),
                float(one.lower_bound),
                PROOFS[int(one.proof)],
                int(one.problems),
                float(one.problem_seconds) * 1e3,
                "" if lowest is None else _energies(lowest[parts].values),
                math.nan if lowest is None else float(lowest.speb) / float(value) - 1,
                many.sizes["split"],
                int(np.isfinite(many.step_speb).sum()),
                float(many.seconds.sum()) * 1e3,
            )
        )
    return pd.DataFrame(rows, columns=_columns(axes))


def _energies(values: Iterable[float]) -> str:
    return " / ".join(f"{value:.3g}" for value in values if np.isfinite(value))


def best_splits_of_all(datasets: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """The same for several studies, by name.

    The cell of an axis that a study does not list is empty: the configuration's own value holds.
    """
    axes = axes_of({axis for dataset in datasets.values() for axis in dataset.dims}, "split")
    parts = [best_splits(study, dataset) for study, dataset in datasets.items()]
    # studies with nothing to split have no rows, and types of their own
    return pd.concat([part for part in parts if len(part)] or parts).reindex(columns=_columns(axes))


def markdown(table: pd.DataFrame) -> str:
    """A table as Markdown; a sentence where it has no rows."""
    if table.empty:
        return "Nothing to show.\n"
    lines = [list(table.columns), ["---"] * len(table.columns)]
    for row in table.itertuples(index=False):
        cells = zip(table.columns, row, strict=True)
        lines.append([_cell(column, value) for column, value in cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(column: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if pd.isna(value) else FORMATS.get(column, str)(value)


def write(table: pd.DataFrame, paths: Sequence[Path], note: str, title: str) -> None:
    """Write a table as CSV, and as a page (:func:`isal.study.pages.write`) with a note below it if there is one."""
    csv, *page = paths
    write_text(csv, table.to_csv(index=False))
    pages.write(page, markdown(table) + (f"\n{note}\n" if note else ""), title)


def write_text(path: Path, text: str) -> None:
    """Write a file, which appears under its name only when it is complete."""
    files.write(path, text.encode())
