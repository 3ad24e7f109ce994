"""The link budget: (14), (15) and the signal-to-noise ratios that follow."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import isal
from isal import Radio
from isal.model.pulse import PULSES, named


def decibels(ratio):
    return 10 * math.log10(ratio)


@given(
    st.floats(1e9, 1e11),
    st.floats(1e6, 1e9),
    st.floats(0, 30),
    st.floats(-180, -150),
    st.floats(0, 10),
    st.floats(1, 1000),
)
def test_xi_is_equation_14_written_out(carrier, bandwidth, gain_db, noise_dbm, loss_db, pulses):
    c = 299_792_458.0
    gain, loss = 10 ** (gain_db / 10), 10 ** (loss_db / 10)
    noise = 10 ** ((noise_dbm - 30) / 10)  # W/Hz
    snr_times_d2 = gain * gain * c**2 / ((4 * math.pi) ** 2 * noise * bandwidth * loss * carrier**2)
    radio = Radio(
        carrier_frequency_hz=carrier,
        bandwidth_hz=bandwidth,
        antenna_gain_db=gain_db,
        noise_density_dbm_hz=noise_dbm,
        system_loss_db=loss_db,
        pulses=pulses,
    )
    assert radio.xi == pytest.approx(8 * math.pi**2 * bandwidth**2 / c**2 * snr_times_d2 * pulses, rel=1e-12)


@given(st.floats(1, 1e3), st.floats(1, 1e3), st.floats(0.1, 100))
def test_intensities_fall_with_the_squares_of_the_legs(outward, back, cross_section):
    radio = Radio(radar_cross_section_m2=cross_section)
    assert radio.ranging_intensity(outward) == pytest.approx(radio.xi / outward**2, rel=1e-14)
    expected = radio.xi / (outward**2 * back**2) * cross_section / (4 * math.pi)
    assert radio.sensing_intensity(outward, back) == pytest.approx(expected, rel=1e-14)


def test_intensities_take_arrays():
    radio, near, far = Radio(), np.array([1.0, 10.0]), np.array([5.0, 50.0])
    np.testing.assert_allclose(radio.ranging_intensity(near), [radio.ranging_intensity(d) for d in near], rtol=1e-14)
    expected = [radio.sensing_intensity(a, b) for a, b in zip(near, far, strict=True)]
    np.testing.assert_allclose(radio.sensing_intensity(near, far), expected, rtol=1e-14)


@given(st.floats(1e6, 1e9), st.floats(0.01, 100))
def test_intensity_is_linear_in_the_bandwidth(bandwidth, factor):
    """The noise of (14) grows with the bandwidth too, so one of the two powers of B cancels."""
    narrow, wide = Radio(bandwidth_hz=bandwidth), Radio(bandwidth_hz=factor * bandwidth)
    assert wide.ranging_intensity(50.0) == pytest.approx(factor * narrow.ranging_intensity(50.0), rel=1e-12)
    assert wide.sensing_intensity(50.0, 9.0) == pytest.approx(factor * narrow.sensing_intensity(50.0, 9.0), rel=1e-12)


def test_pulses_multiply_intensity_and_snr():
    one, many = Radio(), Radio(pulses=64)
    assert many.xi == pytest.approx(64 * one.xi, rel=1e-14)
    assert many.snr(many.ranging_intensity(100.0)) == pytest.approx(64 * one.snr(one.ranging_intensity(100.0)))


def test_snr_of_table_1():
    """100 m ranging at 1 W is well above, 100 m + 100 m sensing far below threshold."""
    radio = Radio()
    assert decibels(radio.snr(radio.ranging_intensity(100.0))) == pytest.approx(23.8, abs=0.05)
    assert decibels(radio.snr(radio.sensing_intensity(100.0, 100.0))) == pytest.approx(-17.2, abs=0.05)


def test_snr_is_the_link_budget():
    """Received over noise power, from Friis' equation in decibels."""
    radio = Radio()
    wavelength = 299_792_458.0 / 77e9
    path_loss_db = 20 * math.log10(4 * math.pi * 100.0 / wavelength)
    received_dbm = 30 + 10 + 10 - 3 - path_loss_db
    noise_dbm = -174 + 10 * math.log10(500e6)
    assert decibels(radio.snr(radio.ranging_intensity(100.0))) == pytest.approx(received_dbm - noise_dbm, abs=1e-9)


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, "5e6", None, True])
@pytest.mark.parametrize(
    "name",
    [
        "carrier_frequency_hz",
        "bandwidth_hz",
        "radar_cross_section_m2",
        "pulses",
        "velocity_variance",
        "drift_variance",
    ],
)
def test_bad_parameters_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"radio: {name} must be"):
        Radio(**{name: value})


@pytest.mark.parametrize("name", ["antenna_gain_db", "noise_density_dbm_hz", "system_loss_db"])
def test_decibels_may_be_negative_but_not_infinite(name):
    assert getattr(Radio(**{name: -3}), name) == -3.0
    with pytest.raises(ValueError, match=f"radio: {name} must be a finite number"):
        Radio(**{name: -math.inf})


@pytest.mark.parametrize("value", [np.int64(5_000_000), np.float32(5e6)])
def test_numpy_numbers_are_numbers(value):
    assert Radio(bandwidth_hz=value).bandwidth_hz == 5e6


def test_mapping_rebuilds_the_radio():
    radio = Radio(bandwidth_hz=5_000_000, pulses=16, pulse="root-raised-cosine-0.25")
    assert Radio(**radio.to_mapping()) == radio
    content = radio.to_mapping()
    assert content.pop("pulse") == "root-raised-cosine-0.25"
    assert all(type(value) is float for value in content.values())


@pytest.mark.parametrize("name", [*PULSES, "root-raised-cosine-0.25"])
def test_the_pulse_is_a_factor_on_the_intensity_and_leaves_the_snr(name):
    """``beta^2 / B^2``, which (14) takes for 1: 12 times the SPEB for a flat pulse."""
    plain, shaped = Radio(), Radio(pulse=name)
    factor = named(name).rms_bandwidth ** 2
    assert shaped.xi == pytest.approx(factor * plain.xi, rel=1e-14)
    assert shaped.snr(shaped.sensing_intensity(50, 60)) == pytest.approx(plain.snr(plain.sensing_intensity(50, 60)))
    bounds = [
        isal.spebs(isal.Network([[0, 0], [100, 0]], [[40, 60]], [[70, 30]]), radio, [1, 1, 1], "asynchronous")
        for radio in (plain, shaped)
    ]
    assert bounds[1].targets == pytest.approx(bounds[0].targets / factor, rel=1e-12)
    assert bounds[1].clocks == pytest.approx(bounds[0].clocks / factor, rel=1e-12)


@given(st.floats(1e9, 1e11), st.floats(1e6, 1e9), st.floats(1e-3, 1e9))
def test_as_printed_changes_no_bit(carrier, bandwidth, intensity):
    radio = Radio(carrier_frequency_hz=carrier, bandwidth_hz=bandwidth)
    assert radio.pulse == "as-printed"
    assert radio.xi == bandwidth * 10.0**2 / (2 * (10**-17.4 * 1e-3) * 10**0.3 * carrier**2)
    assert float(radio.snr(intensity)) == intensity * 299_792_458.0**2 / (8 * math.pi**2 * bandwidth**2)


@pytest.mark.parametrize("pulse", ["rectangular", "", "Flat", 1.0, None, "root-raised-cosine-2"])
def test_other_pulses_are_refused(pulse):
    with pytest.raises(ValueError, match=r"radio: pulse: there is no pulse .*; choose among as-printed, flat"):
        Radio(pulse=pulse)
