"""How the shares behind the verdicts change with the assumptions that the paper leaves open."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from isal.claims.samples import ABUNDANT, Variant, only, same_samples
from isal.claims.statement import Criterion, Statement
from isal.claims.statements import STATEMENTS

#: Columns that say what a variant is judged on, before those of the statements.
NAME, COUNTS = "variant", ("networks", "abundant")


def compared(statements: Sequence[Statement] = STATEMENTS) -> list[Criterion]:
    """The criteria that are compared, in the order of their columns."""
    return [criterion for statement in statements for criterion in statement.criteria]


def sensitivity(variants: Sequence[Variant], statements: Sequence[Statement] = STATEMENTS) -> pd.DataFrame:
    """Share of the random networks that obey each criterion, a row for each variant.

    All variants are compared on the samples of the one that has the fewest. A share is NaN where a criterion is about
    none of the networks.
    """
    rows = []
    fewest = min((variant.observed for variant in variants), key=lambda each: each.sizes["network"])
    for variant in variants:
        random = only(same_samples(variant.observed, fewest), "random")
        counts = (random.sizes["network"], len(ABUNDANT.indices(random)))
        shares = {criterion.column: criterion.share(random) for criterion in compared(statements)}
        rows.append({NAME: variant.name, **dict(zip(COUNTS, counts, strict=True)), **shares})
    return pd.DataFrame(rows)
