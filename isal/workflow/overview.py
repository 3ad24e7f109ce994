"""The first page of the report: verdicts, maps, how fine the grids are, and what the results were made with."""

from __future__ import annotations

import base64
import html
import mimetypes
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import xarray as xr

from isal import __version__
from isal.claims.page import verdicts
from isal.claims.samples import Evidence, Variant
from isal.study import pages
from isal.study.store.origin import commit
from isal.study.tables import markdown

#: A grid is coarse where its best point is by more than this share above the best split.
COARSE = 0.01

#: Shares of random networks are uncertain by more than ten points below so many of them.
FEW = 100


def page(observed: Sequence[xr.Dataset], splits: Path, maps: Mapping[str, Path], note: str) -> str:
    """The page as HTML, pictures included.

    Parameters
    ----------
    observed
        Observations of each variant of the findings; none where there are no findings.
    splits
        Table of the best splits of all studies, as CSV (:func:`isal.study.tables.best_splits_of_all`).
    maps
        Pictures of the networks by title.
    note
        What is to be known of the layouts.
    """
    parts = [_made_with(), _grids(pd.read_csv(splits, dtype={"network": str}))]
    if observed:
        parts.append(_verdicts(Evidence([Variant.of(each) for each in observed])))
    if maps:
        parts.append("## Networks\n")
        parts += [_picture(title, path) for title, path in maps.items()]
    if note:
        parts.append(f"{note}\n")
    return pages.rendered("\n".join(parts), "Energy and power allocation: results")


def _made_with() -> str:
    now = datetime.now(UTC)
    return f"Results of {now:%d %B %Y, %H:%M} UTC, made with isal {__version__}, commit {commit()}.\n"


def _grids(table: pd.DataFrame) -> str:
    """Where the best point of a grid is far from the best split, as a warning."""
    table = table.dropna(subset=["traversal over exact"])
    if table.empty:
        return "No network with a name has both a grid of energies and best splits to compare it with.\n"
    above = table["traversal over exact"]
    coarse = table[above > COARSE]
    if coarse.empty:
        return (
            f"In all {len(table)} curves the best point of the grid is within {100 * COARSE:.0f} % of the best split.\n"
        )
    worst = coarse.loc[above[coarse.index].idxmax()]
    studies = ", ".join(dict.fromkeys(str(study).replace("_", " ") for study in coarse.study))
    return (
        f"> **The grid is coarse.** In {len(coarse)} of {len(table)} curves its best point is more than "
        f"{100 * COARSE:.0f} % above the best split that is found without traversal, by up to "
        f"{100 * worst['traversal over exact']:.0f} % ({worst.network}, {worst.clock}, {worst.scheme}). Read the "
        f"optima of these studies from the table of best splits and from the rings in the figures: {studies}.\n"
    )


def _verdicts(evidence: Evidence) -> str:
    networks = evidence.random.sizes["network"]
    few = (
        f"\n> **Few random networks.** With {networks} of them a share is uncertain by up to "
        f"{100 * networks**-0.5:.0f} points (two standard errors).\n"
        if networks < FEW
        else ""
    )
    return (
        f"## Verdicts on the paper's statements\n{few}\n{markdown(verdicts(evidence))}\n"
        f"Judged on the layouts and on {networks} random networks; the findings have the numbers.\n"
    )


def _picture(title: str, path: Path) -> str:
    kind, _ = mimetypes.guess_type(path.name)
    content = base64.b64encode(path.read_bytes()).decode()
    return f'<p><img alt="{html.escape(title)}" src="data:{kind};base64,{content}"></p>\n'
