"""Tables of a study: the best point of every curve, against the integrated scheme."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pandas as pd
import xarray as xr

from isal.schemes.registry import REFERENCE
from isal.study import files

#: Column -> how it is printed in the Markdown table; the CSV file keeps all digits.
FORMATS: dict[str, Callable[[float], str]] = {
    "bandwidth (MHz)": "{:g}".format,
    "SPEB (m^2)": "{:.6g}".format,
    "over integrated": "{:.4f}".format,
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
}


def best_points(dataset: xr.Dataset) -> pd.DataFrame:
    """The lowest SPEB of every network, clock mode, bandwidth and scheme of a dataset.

    ``minimised`` is the block of parameters that the SPEB is of; ``energies (J)`` are those of the slots where there
    are several, else of the steps; ``over integrated`` is the ratio to the integrated scheme's lowest SPEB, NaN where
    that is of another block; ``largest gap`` is over all points of the curve.
    """
    axes = ("network", "clock", "bandwidth", "scheme")
    rows = []
    by_slot = dataset.sizes["slot"] > 1
    for values in product(*(sorted(dataset[axis].values) for axis in axes)):
        # chosen by name: an axis of one entry stays an axis
        curve = dataset.sel(dict(zip(axes, values, strict=True)))
        points = curve.dropna("split", subset=["speb"])
        if points.sizes["split"] == 0:
            continue
        best = points.isel(split=int(points.speb.argmin("split")))
        energies = (best.slot_energy if by_slot else best.energy).values
        network, clock, bandwidth, scheme = values
        rows.append(
            {
                "network": network,
                "clock": clock,
                "bandwidth (MHz)": bandwidth / 1e6,
                "scheme": scheme,
                "minimised": curve.minimises.item(),
                "energies (J)": " / ".join(f"{energy:g}" for energy in energies if energy == energy),
                "SPEB (m^2)": float(best.speb),
                "largest gap": float(points.gap.max()),
            }
        )
    table = pd.DataFrame(rows)
    # only bounds of the same parameters compare
    keys = ["network", "clock", "bandwidth (MHz)", "minimised"]
    integrated = table[table.scheme == REFERENCE.name].set_index(keys)["SPEB (m^2)"].to_dict()
    ratios = [row["SPEB (m^2)"] / integrated.get(tuple(row[key] for key in keys), float("nan")) for row in rows]
    table.insert(list(table.columns).index("SPEB (m^2)") + 1, "over integrated", ratios)
    return table


def markdown(table: pd.DataFrame) -> str:
    """A table as Markdown; a sentence where it has no rows."""
    if table.empty:
        return "Nothing to show.\n"
    lines = [list(table.columns), ["---"] * len(table.columns)]
    for row in table.itertuples(index=False):
        cells = zip(table.columns, row, strict=True)
        lines.append(["" if pd.isna(value) else FORMATS.get(column, str)(value) for column, value in cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def write(dataset: xr.Dataset, paths: dict[str, Path]) -> None:
    """Write the table of a dataset as ``csv`` and ``md``."""
    table = best_points(dataset)
    texts = {"csv": table.to_csv(index=False), "md": f"{markdown(table)}\n{dataset.attrs['comment']}\n"}
    for kind, path in paths.items():
        write_text(path, texts[kind])


def write_text(path: Path, text: str) -> None:
    """Write a file, which appears under its name only when it is complete."""
    files.write(path, text.encode())
