"""Pulse shapes: closed forms against quadrature of the spectrum and derivatives of the autocorrelation."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from isal.model.pulse import AS_PRINTED, PULSES, Flat, Gaussian, RootRaisedCosine, named

SHAPES = [*PULSES.values(), *map(RootRaisedCosine, (0, 0.1, 0.25, 1))]


def each_shape(test):
    return pytest.mark.parametrize("pulse", SHAPES, ids=lambda pulse: pulse.name)(test)


def integral(pulse, weight):
    """Integral over the spectrum, in two halves whose kinks quad is told of."""
    kinks = [(1 - pulse.roll_off) / (2 * pulse.period)] if isinstance(pulse, RootRaisedCosine) else None
    found, _ = quad(
        lambda f: weight(f) * float(pulse.spectrum(f)), 0, pulse.edge, points=kinks, limit=200, epsabs=1e-13
    )
    return 2 * found


@each_shape
def test_moments_are_those_of_the_spectrum(pulse):
    # a Gaussian spectrum is cut off at six standard deviations
    assert integral(pulse, lambda f: 1) == pytest.approx(1, rel=1e-8)
    assert integral(pulse, lambda f: f**2) == pytest.approx(pulse.second_moment, rel=1e-7)
    assert integral(pulse, lambda f: f**4) == pytest.approx(pulse.fourth_moment, rel=2e-6)


@each_shape
def test_autocorrelation_is_the_transform_of_the_spectrum(pulse):
    for delay in (0, 0.1, 0.3, 0.75, 1.0, 1.5, 2.7):
        expected = integral(pulse, lambda f, delay=delay: math.cos(2 * math.pi * f * delay))
        assert float(pulse.autocorrelation(delay)) == pytest.approx(expected, abs=1e-8)


@each_shape
def test_curvature_of_the_autocorrelation_is_the_rms_bandwidth(pulse):
    """``R = 1 - (2 pi beta tau)^2 / 2 + m4 (2 pi tau)^4 / 24``: the second and fourth difference at zero."""
    h = 2 * math.pi * 1e-2 / pulse.rms_bandwidth
    left, centre, right, far = (float(pulse.autocorrelation(k * h / (2 * math.pi))) for k in (-1, 0, 1, 2))
    assert left == right
    assert centre == 1
    fourth = (2 * far - 8 * right + 6 * centre) / h**4
    assert fourth == pytest.approx(pulse.fourth_moment, rel=5e-3)
    assert 2 * (centre - right) / h**2 + h**2 * fourth / 12 == pytest.approx(pulse.second_moment, rel=1e-5)


@pytest.mark.parametrize("a", [0, 0.25, 0.5, 1])
def test_root_raised_cosine_in_closed_form(a):
    expected = (1 / 12 + a**2 * (1 / 4 - 2 / math.pi**2)) / (1 + a) ** 2
    assert RootRaisedCosine(a).second_moment == pytest.approx(expected, rel=1e-14)


def test_factors_on_the_information():
    """A flat band gives a twelfth of what (14) says; whatever is inside the band at most a quarter, two tones."""
    assert PULSES[AS_PRINTED].second_moment == 1.0
    assert PULSES["flat"].second_moment == pytest.approx(1 / 12, rel=1e-15)
    assert PULSES["gaussian"].second_moment == pytest.approx(1 / (8 * math.log(2)), rel=1e-15)
    inside = [pulse for pulse in SHAPES if pulse.edge <= 0.5]
    assert len(inside) == 6
    assert all(pulse.second_moment < 1 / 4 for pulse in inside)
    assert Flat().kurtosis == pytest.approx(1.8, rel=1e-14)
    assert Gaussian().kurtosis == pytest.approx(3, rel=1e-14)


def test_as_printed_is_flat_over_a_wider_band():
    wide = PULSES[AS_PRINTED]
    assert 2 * wide.edge == pytest.approx(math.sqrt(12), rel=1e-15)
    assert float(wide.spectrum(1.7)) == pytest.approx(1 / math.sqrt(12))
    assert float(wide.spectrum(1.74)) == 0


def test_a_roll_off_of_zero_is_flat():
    delays, frequencies = np.linspace(-4, 4, 101), np.linspace(-0.6, 0.6, 100)
    square = RootRaisedCosine(0)
    np.testing.assert_allclose(square.autocorrelation(delays), Flat().autocorrelation(delays), atol=1e-15)
    np.testing.assert_allclose(square.spectrum(frequencies), Flat().spectrum(frequencies))


@pytest.mark.parametrize("a", [0.25, 0.5, 1])
def test_root_raised_cosine_has_no_interference_between_symbols(a):
    pulse = RootRaisedCosine(a)
    np.testing.assert_allclose(pulse.autocorrelation(np.arange(1, 6) * (1 + a)), 0, atol=1e-15)


def test_gaussian_is_3_db_down_at_the_edges_of_the_band():
    assert float(Gaussian().spectrum(0.5) / Gaussian().spectrum(0)) == pytest.approx(0.5, rel=1e-14)


@pytest.mark.parametrize("pulse", SHAPES, ids=lambda pulse: pulse.name)
def test_names_name(pulse):
    assert named(pulse.name) == pulse
    assert pulse.description


def test_every_roll_off_of_four_decimals_has_one_name():
    for number in range(0, 10_001, 7):
        pulse = RootRaisedCosine(number / 10_000)
        assert named(pulse.name) == pulse


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("flt", "did you mean 'flat'"),
        ("root-raised-cosine", "root-raised-cosine- with another roll-off from 0 to 1"),
        ("root-raised-cosine-0.50", "none of them a zero at the end"),
        ("root-raised-cosine-1.5", "roll-off from 0 to 1"),
        ("root-raised-cosine-0.12345", "at most four decimals"),
        ("flat\n", "choose among as-printed, flat"),
        (12, "there is no pulse '12'"),
        (None, "there is no pulse 'None'"),
    ],
)
def test_other_names_are_refused(name, said):
    with pytest.raises(ValueError, match=said):
        named(name)


@pytest.mark.parametrize("roll_off", [-0.1, 1.1, math.nan])
def test_roll_offs_are_from_0_to_1(roll_off):
    with pytest.raises(ValueError, match="roll-off of a root raised cosine must be from 0 to 1"):
        RootRaisedCosine(roll_off)
