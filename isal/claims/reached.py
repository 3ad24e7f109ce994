"""What step-by-step estimation reaches, beside what the carry-overs promise: a section of the page of findings."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from isal.study.simulations import OWN
from isal.study.simulations.tables import WIDTH, over_integrated, tests_told
from isal.study.tables import markdown

#: Values are the same if they differ by less, relative: bounds are certified to a part in ten million.
SAME = 1e-6

TITLE = "What an estimator reaches step by step"

INTRODUCTION = """\
`held` and `added` state bounds that are the information of no experiment: *promises*. Below each stands what \
estimators reach **at the very same powers**, and below these what each reaches at its own best split. A plug-in \
holds earlier estimates fixed as if they were true and pays for their errors; its earlier steps use all links, or \
ranging links only. `marginal` takes them for a prior with the covariance that they really have, and `joint` uses the \
data of all steps. Values are target errors over the integrated bound, in closed form to first order; in brackets what \
was simulated, with the interval of 99 %. A dash marks what a step leaves undetermined."""

PROOF = """\
Why no estimator gains by going step by step: whatever is estimated in steps is a function of the data of all steps, \
and these are ranges at the summed powers of the steps. The information in them is that of the integrated scheme at \
these powers, whose best powers of the same energy it cannot beat (while no cap binds). So a value below 1 can only be \
a promise."""


def section(steps: xr.Dataset) -> str:
    """Markdown of the section below its title, from the dataset of step-by-step estimates.

    Parameters
    ----------
    steps
        All rows of :func:`isal.study.simulations.steps.estimates` with their tests, see
        :func:`isal.study.simulations.errors.judged`.
    """
    parts = [_filled(INTRODUCTION)]
    if not steps.sizes["row"]:
        return "\n".join([*parts, "", "No network was simulated.\n"])
    table = rows(steps)
    for sort, words in (("layout", "The layouts."), ("random", "The random networks: median (smallest to largest).")):
        here = table[table.sort == sort]
        if len(here):
            shown = _by_network(here) if sort == "layout" else _spread(here)
            parts += ["", words, "", markdown(shown).rstrip()]
    for sentence in _kept(table):
        parts += ["", _filled(sentence)]
    return "\n".join([*parts, "", _filled(PROOF), "", _filled(tests_told(steps)), ""])


def rows(steps: xr.Dataset) -> pd.DataFrame:
    """A row for each stated value: labels, whether it is a promise, and values over the integrated bound."""
    stated, simulated, half = over_integrated(steps)
    labels = {name: steps[name].values for name in ("network", "sort", "clock", "scheme", "split")}
    values = {"stated": stated, "simulated": simulated, "half": half}
    return pd.DataFrame(labels | {"promise": steps.scheme.values == steps.split.values} | values)


def name_of(scheme: str, split: str) -> str:
    """What a row is called."""
    if scheme == split:
        return f"**{scheme}, promised**"
    return f"{scheme}, its own best split" if split == OWN else f"{scheme}, at the powers of {split}"


def _names(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Schemes and splits: each promise with what is reached at its powers, then the estimators at their own."""
    splits, schemes = list(dict.fromkeys(table.split)), list(dict.fromkeys(table.scheme))
    promises = [scheme for scheme in schemes if scheme in splits]
    others = [scheme for scheme in schemes if scheme not in promises]
    found = [(scheme, split) for split in promises for scheme in (split, *others)]
    return [*found, *((scheme, split) for split in splits if split not in promises for scheme in others)]


def _by_network(table: pd.DataFrame) -> pd.DataFrame:
    columns = list(dict.fromkeys(zip(table.clock, table.network, strict=True)))
    indexed = table.set_index(["network", "clock", "scheme", "split"])
    shown = []
    for scheme, split in _names(table):
        cells = {
            f"{network}, {clock}": _cell(indexed.loc[(network, clock, scheme, split)])
            for clock, network in sorted(columns, key=lambda each: each[0], reverse=True)
        }
        shown.append({"over the integrated bound": name_of(scheme, split)} | cells)
    return pd.DataFrame(shown)


def _cell(row: pd.Series) -> str:
    if not np.isfinite(row.stated):
        return "-"
    text = _short(row.stated)
    return text if np.isnan(row.simulated) else f"{text} ({_short(row.simulated)} ± {row.half:.2g})"


def _short(value: float) -> str:
    return f"{value:.3f}" if value < 100 else f"{value:.2g}"


def _spread(table: pd.DataFrame) -> pd.DataFrame:
    shown = []
    for scheme, split in _names(table):
        line = {"over the integrated bound": name_of(scheme, split)}
        chosen = table[(table.scheme == scheme) & (table.split == split)]
        for clock in sorted(set(table.clock), reverse=True):
            values = chosen[chosen.clock == clock].stated
            line[clock] = f"{_short(values.median())} ({_short(values.min())} to {_short(values.max())})"
            line[f"below 1, {clock}"] = f"{int((values < 1 - SAME).sum())} of {len(values)}"
        shown.append(line)
    return pd.DataFrame(shown)


def _kept(table: pd.DataFrame) -> Iterator[str]:
    """By how much each promise misses what the best estimator reaches at the same powers, and where."""
    for promise in dict.fromkeys(table[table.promise].scheme):
        there = table[table.split == promise].set_index(["network", "clock"])
        stated = there[there.promise].stated
        reached = there[~there.promise].groupby(level=[0, 1]).stated.min()
        factor = (reached / stated).reindex(stated.index)
        broken = factor > 1 + SAME
        sentence = (
            f"`{promise}` promises less than the best of these estimators reaches at the same powers in "
            f"{int(broken.sum())} of {len(factor)} networks and clock modes"
        )
        if broken.any():
            worst = factor.idxmax()
            sentence += (
                f", by a factor of {factor[broken].median():.3g} in the middle and of {factor.max():.3g} at most "
                f"({worst[0]}, {worst[1]})"
            )
        fewer = int((stated < 1 - SAME).sum())
        yield f"{sentence}. In {fewer} it promises a smaller error than the bound of the integrated scheme."


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)
