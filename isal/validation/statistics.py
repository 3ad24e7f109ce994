"""Limits that a simulated mean or rate keeps to if what it is compared with is right.

A table of m comparisons at 99 % each has wrong alarms almost surely, so limits are set for the family: with each at
``1 - (1 - level)^(1/m)``, all of m independent comparisons pass with probability ``1 - level``.
"""

from __future__ import annotations

import math

from scipy import stats

from isal.errors import IsalError

#: Probability of one or more wrong alarms in a whole table.
FAMILY_LEVEL = 0.01


def level_of_each(comparisons: int, level: float = FAMILY_LEVEL) -> float:
    """Probability of a wrong alarm that each of so many independent comparisons may have."""
    if comparisons < 1:
        raise IsalError(f"there must be at least one comparison, got {comparisons}")
    return -math.expm1(math.log1p(-level) / comparisons)


def count_limits(trials: int, probability: float, level: float) -> tuple[int, int]:
    """Least and largest count of an event of some probability, both included; outside with at most ``level``."""
    counts = stats.binom(trials, probability)
    return int(counts.ppf(level / 2)), int(counts.isf(level / 2))


def square_limits(trials: int, spread: float, level: float) -> tuple[float, float]:
    """Limits of the mean of ``|e|^2`` over so many trials, relative to its expectation.

    ``spread`` is the standard deviation of ``|e|^2`` over its mean. The mean of thousands of trials is as good as
    normal.
    """
    width = float(stats.norm.isf(level / 2)) * spread / math.sqrt(trials)
    return 1 - width, 1 + width


def mean_square_limits(trials: int, expected: float, level: float, dimensions: int = 1) -> tuple[float, float]:
    """Limits of the mean over trials of a sum of squared normal errors of equal variance, of mean ``expected``.

    ``trials`` times the mean over the variance is chi-square of ``trials * dimensions`` degrees of freedom. With
    normalised errors and ``expected = dimensions`` these are the limits of an NEES.
    """
    freedom = trials * dimensions
    squares = stats.chi2(freedom)
    return expected * float(squares.ppf(level / 2)) / freedom, expected * float(squares.isf(level / 2)) / freedom
