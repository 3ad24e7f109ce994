"""Limits of simulated means and rates: their probabilities from other formulas."""

import math

import numpy as np
import pytest
from scipy import special

from isal.validation import statistics


@pytest.mark.parametrize("m", [1, 5, 50])
def test_a_whole_family_passes_with_its_level(m):
    assert (1 - statistics.level_of_each(m)) ** m == pytest.approx(0.99, rel=1e-12)


def test_fifty_at_99_per_cent_would_fail_two_times_in_five():
    assert statistics.level_of_each(50) < 0.01 / 49
    assert math.isclose(1 - 0.99**50, 0.395, abs_tol=1e-3)


@pytest.mark.parametrize(("trials", "p"), [(100, 0.1), (1000, 1e-3), (50, 0.5)])
def test_count_limits_hold_the_binomial(trials, p):
    low, high = statistics.count_limits(trials, p, 0.01)
    chance = [math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(trials + 1)]
    assert sum(chance[low : high + 1]) >= 0.99
    assert sum(chance[:low]) <= 0.005
    assert sum(chance[high + 1 :]) <= 0.005
    assert sum(chance[: low + 1]) > 0.005 or low == 0


@pytest.mark.parametrize(("trials", "dimensions"), [(10, 1), (1000, 4)])
def test_mean_square_limits_are_chi_square(trials, dimensions):
    low, high = statistics.mean_square_limits(trials, 7.0, 0.02, dimensions)
    half = trials * dimensions / 2
    assert special.gammainc(half, low / 7.0 * half) == pytest.approx(0.01, rel=1e-9)
    assert special.gammaincc(half, high / 7.0 * half) == pytest.approx(0.01, rel=1e-9)


def test_limits_of_many_trials_are_normal():
    """``1 +- 2.576 sqrt(2 / N)`` at 99 %."""
    low, high = statistics.mean_square_limits(100_000, 1.0, 0.01)
    np.testing.assert_allclose([low, high], 1 + np.array([-1, 1]) * 2.5758 * math.sqrt(2 / 1e5), atol=2e-4)


def test_no_comparisons_have_no_level():
    with pytest.raises(ValueError, match="at least one comparison"):
        statistics.level_of_each(0)
