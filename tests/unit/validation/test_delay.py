"""One delay: closed forms against other formulas and quadrature, and against maximum likelihood simulated.

The seeds are fixed and the limits are set for all comparisons of a test together (1 % per family), so a failure is a
wrong formula or estimator, not chance.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from isal.model.pulse import PULSES
from isal.validation import delay
from isal.validation.statistics import count_limits, level_of_each, mean_square_limits

FLAT, GAUSSIAN = PULSES["flat"], PULSES["gaussian"]
SPEED_OF_LIGHT = 299_792_458.0

#: Longest path in a square of 200 m, straight and by way of a target, at 500 MHz: search intervals in 1/B.
DIAGONALS = [metres * math.sqrt(2) * 500e6 / SPEED_OF_LIGHT for metres in (200, 400)]


def ratio(decibels):
    return 10 ** (decibels / 10)


def decibels(value):
    return 10 * math.log10(value)


def each_pulse(test):
    return pytest.mark.parametrize("pulse", PULSES.values(), ids=list(PULSES))(test)


def each_amplitude(test):
    return pytest.mark.parametrize("amplitude", delay.AMPLITUDES)(test)


def outcome(pulse, snr_db, search, amplitude, blocks, seed=1):
    return delay.simulate(pulse, ratio(snr_db), search, amplitude, (seed, 0, round(10 * snr_db)), range(blocks))


# --- closed forms -----------------------------------------------------------------------------------------------------


@each_pulse
def test_cramer_rao_bound_is_the_energy_of_the_derivative(pulse):
    """Information about a delay in white noise: twice the energy of the signal's derivative over the noise density."""

    def energy(f):
        return (2 * math.pi * f) ** 2 * float(pulse.spectrum(f))

    derivative = 2 * integrate.quad(energy, 0, pulse.edge, limit=200)[0]
    assert float(delay.crb(pulse, 50.0)) == pytest.approx(1 / (2 * 50 * derivative), rel=1e-6)


@each_pulse
def test_two_delays_of_known_amplitude_are_a_distance_apart(pulse):
    """Two signals of energy 1 at a distance d in noise of density 1 / SNR: a normal variable beyond d / 2."""
    for separation in (0.05, 0.4, 1.2, 5.0):
        distance = math.sqrt(2 * (1 - float(pulse.autocorrelation(separation))))
        expected = stats.norm.sf(distance / 2, scale=math.sqrt(1 / 2 / 9.0))
        found = delay.error_of_two(pulse, 9.0, separation, "known")
        assert float(found) == pytest.approx(expected, rel=1e-12)


@each_pulse
@pytest.mark.parametrize("snr", [0.5, 5.0, 30.0])
def test_two_delays_of_unknown_phase_by_a_finite_integral(pulse, snr):
    """The same probability as an integral over an angle (Simon and Alouini), smooth and periodic."""
    angle = 2 * math.pi * np.arange(20_000) / 20_000
    for separation in (0.2, 0.6, 1.3, 2.5):
        correlation = float(pulse.autocorrelation(separation))
        root = math.sqrt(1 - correlation**2)
        a, b = (math.sqrt(snr / 2 * (1 + sign * root)) for sign in (-1, 1))
        spread = 1 + 2 * a / b * np.sin(angle) + (a / b) ** 2
        expected = np.mean((1 - (a / b) ** 2) / spread * np.exp(-(b**2) / 2 * spread)) / 2
        found = float(delay.error_of_two(pulse, snr, separation, "unknown"))
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-15)


@each_amplitude
def test_errors_of_two_delays_counted(amplitude):
    rng, snr, separation, trials = np.random.default_rng(3), 4.0, 0.7, 200_000
    correlation = float(FLAT.autocorrelation(separation))
    own, other = (rng.normal(size=(trials, 2)) @ np.array([1, 1j]) for _ in range(2))
    right = math.sqrt(2 * snr) + own
    wrong = math.sqrt(2 * snr) * correlation + correlation * own + math.sqrt(1 - correlation**2) * other
    confused = (wrong.real > right.real) if amplitude == "known" else (np.abs(wrong) > np.abs(right))
    low, high = count_limits(trials, float(delay.error_of_two(FLAT, snr, separation, amplitude)), level_of_each(2))
    assert low <= confused.sum() <= high


@each_amplitude
@each_pulse
def test_outlier_probability_by_adaptive_quadrature(pulse, amplitude):
    beta, search = pulse.rms_bandwidth, 32.0
    rates = {
        "known": lambda x: beta * math.exp(-x * x / 2),
        "unknown": lambda x: math.sqrt(2 * math.pi) * beta * x * math.exp(-x * x / 2),
    }
    freedom = {"known": 2, "unknown": 3}[amplitude]
    for snr in (1.0, 10.0, 30.0):

        def integrand(x, snr=snr):
            density = 2 * x * stats.ncx2.pdf(x * x, freedom, 2 * snr)
            return density * -math.expm1(-search * rates[amplitude](x))

        peak = math.sqrt(2 * snr)
        expected = sum(
            integrate.quad(integrand, *part, epsrel=1e-11, limit=200)[0]
            for part in ((0, peak / 2), (peak / 2, peak), (peak, peak + 10))
        )
        found = float(delay.outlier_probability(pulse, snr, search, amplitude))
        assert found == pytest.approx(expected, rel=1e-8)


def test_rare_outliers_are_pairwise_errors_over_the_interval():
    """High above threshold ``P_out -> T beta exp(-SNR / 2) / 2``, from the chi-square's generating function."""
    expected = 32 * FLAT.rms_bandwidth * np.exp(-np.array([80.0, 120.0]) / 2) / 2
    found = delay.outlier_probability(FLAT, [80.0, 120.0], 32.0, "known")
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@each_amplitude
def test_very_strong_pulses_have_no_outliers(amplitude):
    found = delay.outlier_probability(FLAT, [1e12, 1e300], 32, amplitude)
    assert found.tolist() == [0, 0]


@each_amplitude
def test_outlier_probability_takes_arrays(amplitude):
    snrs = np.array([[2.0, 20.0], [200.0, 0.1]])
    one_by_one = [[float(delay.outlier_probability(FLAT, snr, 32, amplitude)) for snr in row] for row in snrs]
    np.testing.assert_allclose(delay.outlier_probability(FLAT, snrs, 32, amplitude), one_by_one, rtol=1e-13)


@each_amplitude
@each_pulse
def test_ziv_zakai_bound_ends_at_cramer_rao_and_begins_at_the_prior(pulse, amplitude):
    """At high SNR ``CRB (1 - 16 s / (3 sqrt(2 pi) T))``, at low SNR the variance of the interval."""
    search, snr = 32.0, ratio(40)
    bound = float(delay.crb(pulse, snr))
    edge = 16 * math.sqrt(bound) / (3 * math.sqrt(2 * math.pi) * search)
    # two delays s apart are confused a little more often than a quadratic likelihood says
    assert delay.ziv_zakai(pulse, snr, search, amplitude) == pytest.approx(bound * (1 - edge), rel=1e-3)
    assert delay.ziv_zakai(pulse, 1e-6, search, amplitude) == pytest.approx(search**2 / 12, rel=2e-3)


@each_amplitude
def test_ziv_zakai_bound_by_adaptive_quadrature(amplitude):
    """A Gaussian pulse has no valleys to fill."""

    def integrand(h, snr):
        return h * (1 - h / 20) * float(delay.error_of_two(GAUSSIAN, snr, h, amplitude))

    for snr in (ratio(3), ratio(12), ratio(20)):
        expected = sum(
            integrate.quad(integrand, *part, args=(snr,), epsrel=1e-9, limit=200)[0]
            for part in ((0, 0.2), (0.2, 2), (2, 20))
        )
        assert delay.ziv_zakai(GAUSSIAN, snr, 20.0, amplitude) == pytest.approx(expected, rel=3e-4)


@each_amplitude
def test_ziv_zakai_bound_fills_valleys(amplitude):
    h = np.linspace(0, 10, 10_001)
    for snr, least in ((10.0, {"known": 1.05, "unknown": 1.005}), (20.0, {"known": 1.004, "unknown": 1.002})):
        plain = (1 - h / 10) * delay.error_of_two(FLAT, snr, h, amplitude)
        filled = np.array([plain[place:].max() for place in range(len(h))])
        found = delay.ziv_zakai(FLAT, snr, 10.0, amplitude)
        assert found == pytest.approx(integrate.simpson(h * filled, x=h), rel=1e-3)
        assert integrate.simpson(h * filled, x=h) > least[amplitude] * integrate.simpson(h * plain, x=h)


@given(
    st.sampled_from(list(PULSES.values())), st.sampled_from(delay.AMPLITUDES), st.floats(1.5, 300), st.floats(-3, 30)
)
def test_bounds_and_predictions_are_in_order(pulse, amplitude, search, snr_db):
    """Not knowing the amplitude never helps, a longer search never helps, more power never hurts."""
    snr = ratio(snr_db)
    known, unknown = (float(delay.outlier_probability(pulse, snr, search, each)) for each in delay.AMPLITUDES)
    assert 0 <= known <= unknown <= 1
    found = float(delay.outlier_probability(pulse, snr, search, amplitude))
    assert found <= float(delay.outlier_probability(pulse, snr, 2 * search, amplitude))
    assert found >= float(delay.outlier_probability(pulse, 1.1 * snr, search, amplitude))
    bound = delay.ziv_zakai(pulse, snr, search, amplitude)
    assert 0 < bound <= search**2 / 12 * 1.001
    assert bound <= 1.001 * delay.ziv_zakai(pulse, snr, 1.5 * search, amplitude)
    assert bound >= 0.999 * delay.ziv_zakai(pulse, 1.1 * snr, search, amplitude)


# --- thresholds -------------------------------------------------------------------------------------------------------


def test_threshold_of_a_flat_pulse_over_32():
    """13.7 dB; the Ziv-Zakai bound, which tests two delays at a time, leaves the Cramer-Rao bound 1.8 dB earlier."""
    found = decibels(delay.threshold_snr(FLAT, 32, "known"))
    assert found == pytest.approx(13.69, abs=0.02)
    assert found - decibels(delay.ziv_zakai_threshold_snr(FLAT, 32, "known")) == pytest.approx(1.85, abs=0.05)


def test_thresholds_over_the_area_of_the_paper():
    """About 17 dB, not 12: 16 to 17.6 over pulses, what is known of the amplitude, and ways to bound a path."""
    found = [
        decibels(delay.threshold_snr(PULSES[name], search, amplitude))
        for name in ("as-printed", "flat")
        for search in DIAGONALS
        for amplitude in delay.AMPLITUDES
    ]
    assert min(found) == pytest.approx(16.09, abs=0.02)
    assert max(found) == pytest.approx(17.59, abs=0.02)
    assert np.mean(found) == pytest.approx(17, abs=0.2)


@each_amplitude
@each_pulse
def test_the_threshold_is_where_the_error_leaves_the_bound(pulse, amplitude):
    snr = delay.threshold_snr(pulse, 100, amplitude)
    above = snr * np.array([1, 1.01, 1.1, 2, 10, 100])
    times = delay.predicted_error(pulse, above, 100, amplitude) / delay.crb(pulse, above)
    assert times[0] == pytest.approx(2, rel=1e-4)
    assert (times[1:] < 2).all()
    assert delay.ziv_zakai(pulse, snr, 100, amplitude) < 1.5 * float(delay.crb(pulse, snr))
    higher = delay.threshold_snr(pulse, 100, amplitude, ratio=1.1)
    assert higher > snr
    assert delay.threshold_snr(pulse, 1e6, amplitude) > snr


@each_amplitude
@each_pulse
def test_below_the_threshold_a_short_interval_tells_more_than_the_pulse(pulse, amplitude):
    """Over one pulse there are hardly outliers, and the error never gets to 50 times the bound."""
    snr = delay.threshold_snr(pulse, 1, amplitude, ratio=50)
    assert float(delay.crb(pulse, snr)) == pytest.approx(1 / 12, rel=1e-9)
    assert delay.threshold_snr(pulse, 1, amplitude) >= snr


def test_the_threshold_is_above_the_bound():
    with pytest.raises(ValueError, match="must be above 1, got 1"):
        delay.threshold_snr(FLAT, 32, "known", ratio=1)


# --- simulation against closed forms ----------------------------------------------------------------------------------


def test_outliers_of_a_flat_pulse_are_as_predicted():
    """20 blocks each: 1.2e5 trials."""
    cases = [(db, amplitude) for db in (10, 11, 12) for amplitude in delay.AMPLITUDES]
    for db, amplitude in cases:
        found = outcome(FLAT, db, 32, amplitude, blocks=20)
        expected = float(delay.outlier_probability(FLAT, ratio(db), 32, amplitude))
        low, high = count_limits(found.trials, expected, level_of_each(len(cases)))
        assert low <= found.outliers <= high, (db, amplitude)


@pytest.mark.long
@each_amplitude
@each_pulse
def test_outliers_lie_between_all_noise_and_noise_outside_the_main_lobe(pulse, amplitude):
    """With a delay anywhere in T the main lobe, l to both sides, takes ``2 l - l^2 / T`` of it."""
    cases = [(9, 8), (10, 32)]
    for db, search in cases:
        found = outcome(pulse, db, search, amplitude, blocks=10)
        limit = delay.outlier_limit(pulse)
        least, most = (
            float(delay.outlier_probability(pulse, ratio(db), length, amplitude))
            for length in (search - 2 * limit + limit**2 / search, search)
        )
        level = level_of_each(2 * len(cases) * 8)
        assert count_limits(found.trials, least, level)[0] <= found.outliers
        assert found.outliers <= count_limits(found.trials, most, level)[1]


@pytest.mark.long
def test_errors_above_threshold_are_as_predicted():
    cases = [
        (pulse, amplitude, db, search)
        for pulse in PULSES.values()
        for amplitude in delay.AMPLITUDES
        for db, search in ((18, 16), (22, 32))
    ]
    level = level_of_each(2 * len(cases))
    for pulse, amplitude, db, search in cases:
        found = outcome(pulse, db, search, amplitude, blocks=6)
        assert found.outliers == 0
        expected = float(delay.core_error(pulse, ratio(db), search, amplitude))
        low, high = mean_square_limits(found.trials, expected, level)
        assert low <= found.mean_square <= high, (pulse.name, amplitude, db)
        assert found.mean_square == found.core_mean_square
        limit = stats.norm.isf(level / 2) * math.sqrt(expected / found.trials)
        assert abs(found.core_mean) < limit, (pulse.name, amplitude, db)


@pytest.mark.long
def test_finite_snr_costs_what_the_closed_form_says():
    """An error of 1.0114 times the Cramer-Rao bound at 20 dB, which 1.5e5 trials tell from 1."""
    found = outcome(FLAT, 20, 16, "unknown", blocks=150)
    bound, expected = (float(formula) for formula in (delay.crb(FLAT, 100), delay.core_error(FLAT, 100, 16, "unknown")))
    assert expected / bound == pytest.approx(1 + 2.8 / 200 - 0.0026, abs=1e-4)
    low, high = mean_square_limits(found.trials, expected, 0.01)
    assert bound < low <= found.mean_square <= high


def test_edges_of_the_interval_gain_what_the_closed_form_says():
    """Over 2 / B a delay is often so near an edge that 2 % of the error is known to be wrong."""
    found = outcome(FLAT, 20, 2, "known", blocks=100)
    expected = float(delay.core_error(FLAT, 100, 2, "known"))
    without = float(delay.crb(FLAT, 100)) * (1 + 1.8 / 200)
    assert expected / without == pytest.approx(0.98, abs=2e-3)
    low, high = mean_square_limits(found.trials, expected, 0.01)
    assert low <= found.mean_square <= high < without


@pytest.mark.long
def test_errors_below_threshold_are_those_of_outliers():
    for db, amplitude in ((8, "known"), (10, "unknown"), (5, "unknown")):
        found = outcome(FLAT, db, 32, amplitude, blocks=20)
        expected = float(delay.predicted_error(FLAT, ratio(db), 32, amplitude))
        assert found.mean_square == pytest.approx(expected, rel=0.1)
        assert expected > 300 * float(delay.crb(FLAT, ratio(db)))


@pytest.mark.long
@each_amplitude
def test_no_estimator_beats_the_ziv_zakai_bound(amplitude):
    for db in (0, 6, 9, 12, 15):
        found = outcome(FLAT, db, 16, amplitude, blocks=4)
        assert found.mean_square > 0.93 * delay.ziv_zakai(FLAT, ratio(db), 16, amplitude), db


# --- simulation: how it is done ---------------------------------------------------------------------------------------


@each_amplitude
def test_blocks_are_the_same_however_they_are_spread(amplitude):
    whole = outcome(FLAT, 11, 16, amplitude, blocks=6)
    parts = [
        delay.simulate(FLAT, ratio(11), 16, amplitude, (1, 0, 110), blocks) for blocks in ([5, 2], [0], [4, 3, 1], [])
    ]
    merged = delay.Moments.merged(parts)
    assert merged.blocks.tolist() == list(range(6))
    assert np.array_equal(merged.sums, whole.sums)
    assert [merged.total(name) for name in delay.SUMS] == [whole.total(name) for name in delay.SUMS]
    assert whole.trials == 6 * delay.TRIALS_PER_BLOCK
    assert len(set(whole.sums[:, delay.SUMS.index("square")])) == 6


def test_a_block_counts_once():
    one = outcome(FLAT, 11, 16, "known", blocks=2)
    with pytest.raises(ValueError, match="block 0 is there twice"):
        delay.Moments.merged([one, one])
    with pytest.raises(ValueError, match="block 1 is there twice"):
        delay.simulate(FLAT, 10.0, 16, "known", (1, 0, 0), [1, 1])


def test_every_part_of_the_key_matters():
    keys = [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1)]
    squares = {delay.simulate(FLAT, 10.0, 16, "known", key, [0]).mean_square for key in keys}
    assert len(squares) == len(keys)


def test_moments_of_moments():
    """Standard error of the core from its fourth moment: ``sqrt(2 / N)`` of a normal error."""
    found = outcome(FLAT, 22, 32, "known", blocks=10)
    assert found.core_standard_error / found.core_mean_square == pytest.approx(math.sqrt(2 / found.trials), rel=0.05)
    assert found.core_trials == found.trials - found.outliers
    assert found.unconverged == 0


@pytest.mark.long
@each_amplitude
@each_pulse
def test_the_peak_is_the_highest_of_a_hundred_times_finer_grid(pulse, amplitude):
    receiver = delay._Receiver(pulse, ratio(6), 6.0, amplitude)
    rng = np.random.default_rng(5)
    size = (40, len(receiver.weights))
    noise = rng.normal(size=size) + 1j * rng.normal(size=size)
    lines = receiver.height * receiver.weights * receiver._turned(-rng.uniform(0, 6, 40))
    lines = lines + np.sqrt(receiver.weights) * noise
    found, unconverged = receiver._peak(lines)
    grid = np.linspace(0, 6, 100 * receiver.samples + 1)
    output = lines @ np.exp(1j * receiver.angular[:, None] * grid)
    height = output.real if amplitude == "known" else np.abs(output)
    assert not unconverged.any()
    assert (np.abs(found - grid[np.argmax(height, axis=1)]) <= 0.51 * (grid[1] - grid[0])).all()


@each_amplitude
@each_pulse
def test_lines_have_the_pulse_between_them(pulse, amplitude):
    """Their autocorrelation is the pulse's over the search interval, but for what its repetition adds."""
    receiver = delay._Receiver(pulse, 10.0, 32.0, amplitude)
    delays = np.linspace(0, 32, 500)
    found = np.cos(receiver.angular * delays[:, None]) @ receiver.weights
    np.testing.assert_allclose(found, pulse.autocorrelation(delays), atol=0.03)
    assert receiver.weights @ receiver.angular**2 == pytest.approx(4 * math.pi**2 * pulse.second_moment, rel=1e-12)
    assert receiver.spacing * max(1, math.sqrt(12) * pulse.rms_bandwidth) <= 1 / 8


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("snr", [0, -1.0, math.nan, math.inf, [1.0, 0.0]])
def test_snrs_are_positive_ratios(snr):
    with pytest.raises(ValueError, match="positive ratios"):
        delay.crb(FLAT, snr)


@pytest.mark.parametrize("search", [0.5, -1, math.nan, math.inf])
def test_search_intervals_are_at_least_one_pulse(search):
    with pytest.raises(ValueError, match="search interval must be at least 1 and finite"):
        delay.predicted_error(FLAT, 10.0, search, "known")


def test_search_intervals_that_fill_the_memory_are_refused():
    assert delay.threshold_snr(FLAT, 1e9, "unknown") < ratio(25)
    for call in (delay.ziv_zakai, lambda *arguments: delay.simulate(*arguments, (0, 0, 0), [0])):
        with pytest.raises(ValueError, match="at most 10000, in units of 1/B; got 1000000000"):
            call(FLAT, 10.0, 1e9, "known")


def test_unknown_words_are_refused():
    with pytest.raises(ValueError, match="amplitude must be one of known, unknown; got 'random'"):
        delay.outlier_probability(FLAT, 10.0, 32, "random")
