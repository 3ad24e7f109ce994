"""How the shares behind the verdicts change with the assumptions that the paper leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
import xarray as xr

from isal.claims.samples import ABUNDANT, BASE, Variant, only, same_samples
from isal.claims.statement import Criterion, Statement
from isal.claims.statements import STATEMENTS
from isal.study.axes import AXES

#: Columns that say what a variant is judged on, before those of the statements.
NAME, COUNTS = "variant", ("networks", "abundant")

#: What a setting that is no axis of a study changes, in words.
WORDS = {
    ("step_1", "equivalent"): "all else unknown in step 1",
    ("step_1", "ranging"): "step 1 by ranging links alone",
}


def compared(statements: Sequence[Statement] = STATEMENTS) -> list[Criterion]:
    """The criteria that are compared, in the order of their columns."""
    return [criterion for statement in statements for criterion in statement.criteria]


def sensitivity(variants: Sequence[Variant], statements: Sequence[Statement] = STATEMENTS) -> pd.DataFrame:
    """Share of the random networks that obey each criterion, a row for each variant.

    All variants are compared on the samples of the one that has the fewest. A share is NaN where a criterion is about
    none of the networks.
    """
    rows = []
    for variant, random in _random(variants):
        counts = (random.sizes["network"], len(ABUNDANT.indices(random)))
        shares = {criterion.column: criterion.share(random) for criterion in compared(statements)}
        rows.append({NAME: variant.name, **dict(zip(COUNTS, counts, strict=True)), **shares})
    return pd.DataFrame(rows)


def populations(variants: Sequence[Variant], statements: Sequence[Statement] = STATEMENTS) -> pd.DataFrame:
    """How many networks, or pairs of slots, are behind each share of :func:`sensitivity`, in the same place."""
    rows = [
        {NAME: variant.name}
        | {criterion.column: len(criterion.population.indices(random)) for criterion in compared(statements)}
        for variant, random in _random(variants)
    ]
    return pd.DataFrame(rows)


def in_words(variants: Sequence[Variant]) -> list[str]:
    """What each variant changes, in words: ``"radar cross section 1 m²"``; its name if it changes nothing."""
    base = next((variant for variant in variants if variant.name == BASE), None)
    told = []
    for variant in variants:
        changed = (
            [] if base is None else [key for key, value in variant.settings.items() if value != base.settings[key]]
        )
        words = ", ".join(_said(key, variant.settings[key]) for key in changed)
        told.append("the paper's assumptions" if variant is base else words or variant.name)
    return told


def _said(key: str, value: object) -> str:
    if (key, value) in WORDS:
        return WORDS[key, str(value)]
    for axis in AXES:
        if key in (axis.name, axis.parameter):
            return axis.label(value) if axis.optional else f"{axis.name} {axis.label(value)}"
    return f"{key.replace('_', ' ')} {value}"


def _random(variants: Sequence[Variant]) -> Iterator[tuple[Variant, xr.Dataset]]:
    """The random networks of each variant, of all the same samples."""
    fewest = min((variant.observed for variant in variants), key=lambda each: each.sizes["network"])
    for variant in variants:
        yield variant, only(same_samples(variant.observed, fewest), "random")
