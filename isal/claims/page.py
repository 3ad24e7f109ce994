"""The page of findings: every statement with its verdict, and the numbers that it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import xarray as xr

from isal.claims.samples import Evidence, Variant
from isal.claims.sections import SECTIONS, Section
from isal.claims.sensitivity import COUNTS, NAME, compared, sensitivity
from isal.claims.statement import MANY, MOST, Statement, paragraph, percent
from isal.claims.statements import STATEMENTS
from isal.model.ensemble import SEPARATIONS_M
from isal.study.tables import markdown

INTRODUCTION = """\
# The paper's statements, one verdict each

Statements ({first}) to ({last}) are those of Zhang et al., *Appl. Sci.* 2024, 14, 2665, in our words. \
Each is judged at the
**exact** best split of {energy:g} J (found without traversal and certified), on {layouts} layouts of the networks file
({layout_pairs} of them of two slots; left out are those without anchors, targets or radars to locate, and almost
undetermined ones) and on {networks} random networks ({pairs} pairs of slots; 2 to 4 anchors and radars; radars and
target from {near:g} m to {far:g} m apart), for each carry-over, which says what a later step knows of an earlier one
(`held` is the one that gives what the paper reports; config/README.md explains them). A statement *holds* where at
least {most:.0f} % of the networks that it is about obey it, and *mostly holds* from {many:.0f} % on; where there is no
network that it is about, it is not judged. The last part of the page says what a reader should know beyond the
statements, and what these bounds mean for a receiver.

*Sensing abundance* of a network is the bound per radar without a target over the bound per target with radars known,
each with all the energy at its own best powers. Above 1 sensing is the easier task (the paper's "sensing-resource-
abundant"), below 1 the harder one ("limited").

{note}
"""

SENSITIVITY = """\
Share of the same random networks that obey each statement, with carry-over `held`, when one assumption is changed. \
"abundant" counts networks of abundance above 1"""

#: Heading of the sections.
BEYOND = "What a reader should know beyond the statements"


def page(
    variants: Sequence[Variant],
    note: str,
    others: Mapping[str, Sequence[xr.Dataset]],
    statements: Sequence[Statement] = STATEMENTS,
    sections: Sequence[Section] = SECTIONS,
) -> str:
    """The page of findings in Markdown.

    Parameters
    ----------
    variants
        What was observed under each set of assumptions, those of ``"base"`` among them.
    note
        What is to be known of the layouts.
    others
        Datasets of other kinds of results, by the kind's name, for the sections.
    statements
        The statements to judge.
    sections
        What stands beyond them, see :mod:`isal.claims.sections`.
    """
    evidence = Evidence(variants)
    judged = verdicts(evidence, statements)
    parts = [_introduction(evidence, note, statements), markdown(judged)]
    for statement, verdict in zip(statements, judged["verdict"], strict=True):
        parts.append(f"## ({statement.number}) {statement.title}\n\n**Verdict: {verdict}.**\n")
        for sentence, table in statement.tables(evidence):
            parts.append(
                f"{sentence} left out, as there are none.\n" if table.empty else f"{sentence}\n\n{markdown(table)}"
            )
        if statement.remark:
            parts.append(f"{statement.remark}\n")
    beyond = [section.markdown(evidence, others) for section in sections]
    return "\n".join([*parts, _sensitivity(variants, statements), f"## {BEYOND}\n", *beyond])


def verdicts(evidence: Evidence, statements: Sequence[Statement] = STATEMENTS) -> pd.DataFrame:
    """Number, title and verdict of each statement."""
    rows = [(statement.number, statement.title, statement.verdict(evidence)) for statement in statements]
    return pd.DataFrame(rows, columns=["", "statement", "verdict"])


def _introduction(evidence: Evidence, note: str, statements: Sequence[Statement]) -> str:
    random, layouts = evidence.random, evidence.layouts
    near, far = SEPARATIONS_M
    return INTRODUCTION.format(
        first=statements[0].number,
        last=statements[-1].number,
        energy=evidence.base.observed.attrs["energy_j"],
        networks=random.sizes["network"],
        pairs=random.sizes.get("pair", 0),
        layouts=len(set(layouts.sample.values)),
        layout_pairs=layouts.sizes.get("pair", 0),
        near=near,
        far=far,
        most=100 * MOST,
        many=100 * MANY,
        note=note,
    )


def _sensitivity(variants: Sequence[Variant], statements: Sequence[Statement]) -> str:
    table = sensitivity(variants, statements)
    for column in table.columns.difference([NAME, *COUNTS]):
        table[column] = [percent(value) for value in table[column]]
    notes = [criterion.note for criterion in compared(statements) if criterion.note]
    text = paragraph("; ".join([SENSITIVITY, *notes]) + ".")
    return f"## In other variants\n\n{text}\n{markdown(table)}"
