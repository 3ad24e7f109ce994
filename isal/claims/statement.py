"""What a statement is, and how its verdict is worded.

A criterion says which samples a statement is about and what it says of each of them. A statement holds as far as the
samples of its population obey it. A share of no samples is NaN and never a verdict: the page says that there are none.
"""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from isal.claims.samples import Evidence, Population, abundance, singles
from isal.schemes.carry_over import CARRIES

#: A statement holds where at least the first share of its population obeys it, mostly from the second on.
MOST, MANY = 0.95, 0.75

#: In a table, the share of no samples.
NOTHING_SHOWN = "-"

#: Tables, each with the sentence before it. A table without rows has nothing to show.
Tables = list[tuple[str, pd.DataFrame]]


@dataclass(frozen=True)
class Criterion:
    """What a statement says of each sample of a population.

    Attributes
    ----------
    population
        The samples that it is about.
    predicate
        Booleans over all samples, along the population's dimension and along others such as ``carry``.
    column, head
        Its name in the table that compares the variants, and in the figure of that table, where columns are narrow.
    shown
        Dimension -> what that table shows of it; of dimensions that are not named here, the mean.
    note
        What the reader of that table needs to know.
    """

    population: Population
    predicate: Callable[[xr.Dataset], xr.DataArray]
    column: str = ""
    head: str = ""
    shown: tuple[tuple[str, str], ...] = (("carry", "held"),)
    note: str = ""

    def obeyed(self, observed: xr.Dataset) -> xr.DataArray:
        """The predicate on the samples of the population."""
        return self.predicate(observed).isel({self.population.dimension: self.population.indices(observed)})

    def shares(self, observed: xr.Dataset) -> dict[str, float]:
        """Share of the population that obeys, by carry-over."""
        obeyed = self.obeyed(observed)
        return {str(carry): share_of(obeyed.sel(carry=carry)) for carry in obeyed.carry.values}

    def share(self, observed: xr.Dataset) -> float:
        """Share of the population that obeys, as the table of variants shows it."""
        obeyed = self.obeyed(observed)
        return share_of(obeyed.sel({key: value for key, value in self.shown if key in obeyed.dims}))

    def verdict(self, observed: xr.Dataset) -> str:
        """How far the population obeys, by carry-over where the predicate depends on it."""
        if "carry" in self.obeyed(observed).dims:
            return by_carry(self.shares(observed), self.population.none)
        share = self.share(observed)
        if np.isnan(share):
            return not_judged(self.population.none)
        return f"{word(share)}: in {percent(share)} of the networks"


class Statement(ABC):
    """One statement of the paper. Write a subclass, and put an instance of it into ``STATEMENTS``.

    ``criteria`` become columns of the table that compares the variants, and the first of them gives the verdict unless
    a statement overrides :meth:`verdict`.
    """

    number: ClassVar[str]
    title: ClassVar[str]
    criteria: ClassVar[tuple[Criterion, ...]] = ()
    remark: ClassVar[str] = ""

    def verdict(self, evidence: Evidence) -> str:
        """How far the statement holds, as half a sentence."""
        return self.criteria[0].verdict(evidence.random)

    @abstractmethod
    def tables(self, evidence: Evidence) -> Tables:
        """The numbers that the verdict rests on."""


# --- words ------------------------------------------------------------------------------------------------------------


def by_carry(shares: Mapping[str, float], none: str = "") -> str:
    """``holds``, ``holds only with ...; mostly holds with ... (share)``, or ``does not hold``.

    ``none`` is why there is no verdict where a share is NaN.
    """
    if not judged(shares):
        return not_judged(none)
    good = [carry for carry, share in shares.items() if share >= MOST]
    fair = [f"{carry} ({percent(share)})" for carry, share in shares.items() if MANY <= share < MOST]
    if len(good) == len(shares):
        return "holds"
    if not good and not fair:
        return "does not hold"
    parts = [f"holds only with carry-over {listed(good)}"] if good else []
    return "; ".join([*parts, *([f"mostly holds with carry-over {listed(fair)}"] if fair else [])])


def judged(shares: Mapping[str, float]) -> bool:
    """Whether there are samples behind these shares."""
    return not np.isnan(list(shares.values())).any()


def not_judged(none: str) -> str:
    return f"not judged, as {none}"


def word(share: float) -> str:
    """The verdict on one share."""
    return "holds" if share >= MOST else "mostly holds" if share >= MANY else "does not hold"


def share_of(obeyed: xr.DataArray) -> float:
    """Share of what is true; NaN of nothing."""
    return float(obeyed.mean()) if obeyed.size else float("nan")


def percent(share: float, digits: int = 0) -> str:
    """A share in per cent, or what is shown of a share of no samples."""
    return NOTHING_SHOWN if np.isnan(share) else f"{100 * share:.{digits}f} %"


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def span(shares: Sequence[float] | NDArray[np.float64]) -> str:
    """The smallest and the largest share in per cent, or the only one."""
    low, high = (percent(float(bound)) for bound in (np.min(shares), np.max(shares)))
    return low if low == high else f"{low.removesuffix(' %')} to {high}"


def rounded(value: float, digits: int = 3) -> str:
    """A number in so many digits, without an exponent up to a million."""
    return f"{float(f'{value:.{digits}g}'):g}"


#: Characters in a line of running text.
WIDTH = 120


def paragraph(text: str) -> str:
    """Running text in lines of the page's width."""
    return textwrap.fill(" ".join(text.split()), WIDTH, break_on_hyphens=False, break_long_words=False) + "\n"


# --- tables that several statements have ------------------------------------------------------------------------------


def share_table(columns: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Rows are carry-overs, columns shares in per cent. Shares of no samples are left out; of no others, no rows."""
    shown = {title: shares for title, shares in columns.items() if judged(shares)}
    rows = [
        {"carry-over": carry, **{title: percent(shares[carry], 1) for title, shares in shown.items()}}
        for carry in CARRIES
    ]
    return pd.DataFrame(rows if shown else [])


def layout_rows(
    layouts: xr.Dataset, columns: Callable[[xr.Dataset], Mapping[str, object]], by_clock: bool = False
) -> pd.DataFrame:
    """A row for each layout of one slot, or for each of its clock modes."""
    rows = []
    for one in slices(singles(layouts), "network"):
        first = {"layout": str(one.sample.values), "abundance": f"{float(abundance(one)):.3g}"}
        if by_clock:
            rows += [first | {"clocks": str(mode.clock.values), **columns(mode)} for mode in slices(one, "clock")]
        else:
            rows.append(first | dict(columns(one)))
    return pd.DataFrame(rows)


def slices(observed: xr.Dataset, dimension: str) -> list[xr.Dataset]:
    """The dataset at each index of a dimension."""
    return [observed.isel({dimension: index}) for index in range(observed.sizes[dimension])]
