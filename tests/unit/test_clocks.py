"""RLM-OWR: every closed form against the simulated exchange, exactly without jitter and by statistics with it."""

import math

import numpy as np
import pytest
from scipy import stats

import isal
from isal.model import temporal
from isal.units import SPEED_OF_LIGHT
from isal.validation import clocks
from isal.validation.clocks import DriftingClock, LinkSetup, MovingNode

#: Probability that a whole test fails although all is well; divided among the statistics of the test.
FAMILY = 0.01


def random_pair(rng, *, aging=0.0, velocities=(0.0, 0.0), trials=200):
    """Two nodes of random clocks up to 100 ppm and 1 s apart, at random places up to some 100 m apart."""
    nodes = []
    for velocity in velocities:
        clock = DriftingClock(
            rng.uniform(-1, 1, trials), rng.uniform(-1e-4, 1e-4, trials), aging * rng.normal(size=trials)
        )
        nodes.append(MovingNode(clock, rng.uniform(-100, 100, (trials, 2)), velocity * rng.normal(size=(trials, 2))))
    return nodes


def delays(run):
    """Delays there and back of an exchange, s, and the true reply time between."""
    return (
        run.elapsed_s[..., 1] - run.elapsed_s[..., 0],
        run.elapsed_s[..., 3] - run.elapsed_s[..., 2],
        run.elapsed_s[..., 2] - run.elapsed_s[..., 1],
    )


@pytest.fixture
def rng():
    return np.random.default_rng(13)


class TestExact:
    """Without jitter simulation and closed form agree to rounding: 1e-15 s of offsets up to 1 s."""

    def test_at_rest_the_offset_is_true_whatever_reply_time_and_drift(self, rng):
        first, second = random_pair(rng)
        for reply in (1e-6, 1e-3, 0.1):
            run = clocks.exchange(first, second, reply_times_s=[reply], start_s=3.0)
            assert run.offset_s == pytest.approx(clocks.true_offset(first, second, run.true_midpoint_s), abs=2e-15)

    def test_drift(self, rng):
        first, second = random_pair(rng)
        earlier, later = (clocks.exchange(first, second, reply_times_s=[1e-3], start_s=start) for start in (0.0, 1.0))
        expected = clocks.relative_drift(first.clock.drift, second.clock.drift)
        assert clocks.drift(earlier, later) == pytest.approx(expected, abs=5e-15)
        assert clocks.true_drift(first, second, 0.4) == pytest.approx(expected, rel=1e-14)

    def test_unequal_delays(self, rng):
        first, second = random_pair(rng, velocities=(300.0, 300.0))
        run = clocks.exchange(first, second, reply_times_s=[1e-2], start_s=0.5)
        out, back, _ = delays(run)
        assert np.abs(back - out).max() > 1e-9
        error = run.offset_s - clocks.true_offset(first, second, run.true_midpoint_s)
        assert error == pytest.approx(clocks.path_bias(out, back, second.clock.drift), abs=2e-15)

    @pytest.mark.parametrize("speed", [-340.0, 30.0])
    def test_node_2_moving_away(self, speed, rng):
        drift_1, drift_2 = rng.uniform(-1e-4, 1e-4, (2, 50))
        first = MovingNode(DriftingClock(0.3, drift_1), [0.0, 0.0])
        second = MovingNode(DriftingClock(-0.2, drift_2), [2000.0, 0.0], [speed, 0.0])
        run = clocks.exchange(first, second, reply_times_s=[1e-3], start_s=1.0)
        error = run.offset_s - clocks.true_offset(first, second, run.true_midpoint_s)
        assert error == pytest.approx(clocks.motion_bias(speed, 1e-3, drift_2), abs=1e-15)
        assert clocks.motion_bias(30.0, 1e-3) == pytest.approx(30 * 1e-3 / (2 * SPEED_OF_LIGHT))

    def test_aging(self, rng):
        first, second = random_pair(rng, aging=1e-6)
        run = clocks.exchange(first, second, reply_times_s=[0.1])
        out, back, reply = delays(run)
        aging_1, aging_2 = first.clock.aging_per_s, second.clock.aging_per_s
        bias = clocks.aging_bias(aging_1, aging_2, reply, out, back)
        error = run.offset_s - clocks.true_offset(first, second, run.true_midpoint_s)
        assert np.abs(bias).max() > 1e-10
        assert error == pytest.approx(bias, abs=3e-15)
        # a clock 2 alone that ages: - a T_reply^2 / 8
        assert clocks.aging_bias(0.0, 1e-6, 0.1) == pytest.approx(-1e-6 * 0.1**2 / 8)

    def test_reply_time_is_that_of_the_own_clock(self, rng):
        first, second = random_pair(rng, aging=1e-3)
        run = clocks.exchange(first, second, reply_times_s=[0.05, 0.02], start_s=2.0)
        assert run.reply_s == pytest.approx(0.05, abs=1e-15)
        assert run.between(3, 4) == pytest.approx(0.02, abs=1e-15)

    def test_an_offset_dated_by_one_stamp(self, rng):
        first, second = random_pair(rng)
        run = clocks.exchange(first, second, reply_times_s=[0.1], start_s=1.0)
        k = clocks.relative_drift(first.clock.drift, second.clock.drift)
        error = run.offset_s - clocks.true_offset(first, second, run.start_s)
        assert error == pytest.approx(clocks.one_sided_bias(k, run.round_trip_s), abs=2e-15)
        out, _, reply = delays(run)
        assert clocks.one_sided_bias(k, run.round_trip_s) == pytest.approx(k * (reply / 2 + out), rel=3e-4)

    def test_ranges(self, rng):
        first, second = random_pair(rng)
        drift_1, drift_2 = first.clock.drift, second.clock.drift
        run = clocks.exchange(first, second, reply_times_s=[1e-3, 3e-3])
        path, _, _ = delays(run)
        distance = np.linalg.norm(first.position_m - second.position_m, axis=1)
        assert SPEED_OF_LIGHT * path == pytest.approx(distance, rel=1e-12)
        uncorrected = clocks.single_sided_range(run.round_trip_s, run.reply_s) - distance
        k = clocks.relative_drift(drift_1, drift_2)
        corrected = clocks.corrected_range(run.round_trip_s, run.reply_s, k) - distance
        double = clocks.double_sided_range(run) - distance
        # 1e-15 s are 3e-7 m
        assert uncorrected == pytest.approx(clocks.single_sided_bias(drift_1, drift_2, 1e-3, path), abs=3e-7)
        assert corrected == pytest.approx(clocks.corrected_bias(drift_1, path), abs=3e-7)
        assert double == pytest.approx(clocks.double_sided_bias(drift_1, drift_2, path), abs=3e-7)
        assert double == pytest.approx((drift_1 + drift_2) * distance / 2, abs=5e-6)
        # the leading term of what is not corrected, with its sign
        assert uncorrected == pytest.approx(SPEED_OF_LIGHT * k * 1e-3 / 2, abs=0.03)

    def test_three_metres_at_20_ppm_and_a_millisecond(self):
        assert clocks.single_sided_bias(20e-6, 0.0, 1e-3, 0.0) == pytest.approx(2.998, abs=1e-3)

    def test_a_clock_that_has_run_for_days_loses_no_digits(self):
        first = MovingNode(DriftingClock(0.0, 1e-5), [0.0, 0.0])
        second = MovingNode(DriftingClock(0.0, -1e-5), [30.0, 0.0])
        start = 1e6
        run = clocks.exchange(first, second, reply_times_s=[1e-3], start_s=start)
        path = 30 / SPEED_OF_LIGHT
        exact = (1 + 1e-5) * (2 * path + 1e-3 / (1 - 1e-5))
        assert run.round_trip_s == pytest.approx(exact, abs=1e-14)
        # the same from readings formed as such
        readings = start + run.elapsed_s[[0, 3]] + run.ahead_s[[0, 3]]
        assert abs(readings[1] - readings[0] - exact) > 1e-12


class TestStatistics:
    """Jitter: means and variances of 1e5 trials, all statistics of a test together at a family-wise 1 %."""

    TRIALS = 100_000

    @pytest.mark.parametrize("jittering", clocks.JITTERING)
    @pytest.mark.parametrize("interval", [4e-3, 1.0])
    def test_biases_and_variances(self, jittering, interval, rng):
        # at 4 ms between exchanges the noise of k adds 3 % to the variance of the corrected range
        setup = LinkSetup(interval_s=interval, jittering=jittering, speed_m_s=3.0)
        errors = clocks.simulate(setup, self.TRIALS, rng).errors
        moments = clocks.predicted_moments(setup)
        assert set(errors) == set(moments) == set(clocks.ESTIMATES)
        alpha = FAMILY / (2 * len(errors)) / 4  # of the four cases of this test
        z = stats.norm.ppf(1 - alpha / 2)
        low, high = stats.chi2.ppf([alpha / 2, 1 - alpha / 2], self.TRIALS - 1) / (self.TRIALS - 1)
        for name, error in errors.items():
            bias, variance = moments[name]
            assert abs(error.mean() - bias) < z * math.sqrt(variance / self.TRIALS), name
            assert low < error.var(ddof=1) / variance < high, name

    @pytest.mark.parametrize("jittering", clocks.JITTERING)
    def test_offset_and_range_of_the_same_stamps_are_uncorrelated(self, jittering, rng):
        setup = LinkSetup(jittering=jittering)
        errors = clocks.simulate(setup, self.TRIALS, rng).errors
        correlation = np.corrcoef(errors["offset"], errors["range, uncorrected"])[0, 1]
        assert abs(correlation) < stats.norm.ppf(1 - FAMILY / 4) / math.sqrt(self.TRIALS)

    def test_receptions_alone_leave_half_of_each_variance(self):
        for variance in (
            clocks.offset_variance(1e-10, "receptions") / clocks.offset_variance(1e-10),
            clocks.drift_variance(1e-10, 2.0, "receptions") / clocks.drift_variance(1e-10, 2.0),
            clocks.corrected_variance(1e-10, 1e-3, 0.1, "receptions") / clocks.corrected_variance(1e-10, 1e-3, 0.1),
        ):
            assert variance == pytest.approx(0.5)

    @pytest.mark.parametrize(("replies", "path"), [((1e-3, 1e-3), 0.0), ((1e-3, 4e-3), 1e-4), ((5e-5, 1e-4), 2e-4)])
    @pytest.mark.parametrize("jittering", clocks.JITTERING)
    def test_double_sided_variance_is_the_gradient_of_its_formula(self, replies, path, jittering):
        times = np.cumsum([0.0, path, replies[0], path, replies[1], path])
        step = 1e-7
        gradient = []
        for stamp in range(6):
            ranges = []
            for sign in (1, -1):
                ahead = np.zeros(6)
                ahead[stamp] = sign * step
                ranges.append(float(clocks.double_sided_range(clocks.Exchange(0.0, times, ahead))))
            gradient.append((ranges[0] - ranges[1]) / (2 * step))
        chosen = gradient if jittering == "all" else gradient[1::2]
        expected = sum(value**2 for value in chosen) * 1e-10**2
        found = clocks.double_sided_variance(1e-10, *replies, path, jittering)
        assert found == pytest.approx(expected, rel=1e-6)
        if replies[0] == replies[1] and path == 0 and jittering == "all":
            assert found == pytest.approx(0.75 * (SPEED_OF_LIGHT * 1e-10) ** 2)


class TestBlocks:
    BLOCKS = 4
    SWEEPS = (
        ("jitter_s", [0.0, 1e-11, 1e-9]),
        ("reply_time_s", [1e-4, 1e-3, 1e-2]),
        ("speed_m_s", [0.0, 30.0, 300.0]),
        ("interval_s", [0.05, 1.0, 10.0]),
        ("aging_2_per_s", [0.0, 1e-8, 1e-7]),
    )

    @pytest.mark.parametrize(("setting", "values"), SWEEPS)
    def test_simulation_is_as_predicted(self, setting, values):
        z = stats.norm.ppf(1 - FAMILY / (2 * len(self.SWEEPS) * 3 * len(clocks.ESTIMATES)))
        for point, value in enumerate(values):
            setup = LinkSetup(**{setting: value})
            sums = clocks.block_sums(setup, (5, 0, point), range(self.BLOCKS)).sum(axis=0)
            trials, _, square, fourth = sums.T
            assert (trials == self.BLOCKS * clocks.TRIALS_PER_BLOCK).all()
            spread = np.sqrt(np.maximum(fourth / trials - (square / trials) ** 2, 0) / trials)
            for name, mean_square, error in zip(clocks.ESTIMATES, square / trials, spread, strict=True):
                bias, variance = clocks.predicted_moments(setup)[name]
                expected = bias**2 + variance
                # 3e-4 of a bias is left out of the closed forms; rounding is 1e-14 s, or 3e-7 m
                rounding = 3e-7 if clocks.ESTIMATES[name] == "m" else 1e-14
                slack = 6e-4 * expected + 2 * rounding * math.sqrt(expected) + rounding**2
                assert abs(mean_square - expected) < z * error + slack, (name, value)

    def test_blocks_put_together_are_those_of_one_call(self):
        whole = clocks.block_sums(LinkSetup(), (1, 2, 3), range(3))
        parts = [clocks.block_sums(LinkSetup(), (1, 2, 3), blocks) for blocks in ([0], [1, 2])]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
        assert clocks.block_sums(LinkSetup(), (1, 2, 3), []).shape == (0, *whole.shape[1:])
        for key in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
            assert (clocks.block_sums(LinkSetup(), key, [0])[0, :, 1] != whole[0, :, 1]).all()


class TestTimeline:
    @pytest.fixture
    def run(self):
        return clocks.timeline(LinkSetup(jitter_s=1e-10), seed=2)

    def test_eight_stamps_in_order(self, run):
        assert [event.name for event in run.events] == [
            *("c_1a", "c_2a", "c'_2a", "c'_1a"),
            *("c_1b", "c_2b", "c'_2b", "c'_1b"),
        ]
        times = [event.true_s for event in run.events]
        assert times == sorted(times)
        assert [event.node for event in run.events] == [1, 2, 2, 1] * 2
        assert [event.action for event in run.events] == ["transmits", "receives"] * 4
        assert [event.header for event in run.events[:4]] == ["Need Feedback"] * 2 + ["Feedback Authentication"] * 2

    def test_offsets_and_drift_are_those_of_the_stamps(self, run):
        readings = {event.name: event.true_s + event.ahead_s for event in run.events}
        tau, middle = [], []
        for letter in "ab":
            first = (readings[f"c_1{letter}"] + readings[f"c'_1{letter}"]) / 2
            tau.append(first - (readings[f"c_2{letter}"] + readings[f"c'_2{letter}"]) / 2)
            middle.append(first)
        assert run.offsets_s == pytest.approx(tau, abs=1e-15)
        assert run.drift == pytest.approx((tau[1] - tau[0]) / (middle[1] - middle[0]), rel=1e-9)
        # six standard deviations of k and of a range
        assert run.drift == pytest.approx(run.true_drift, abs=6 * math.sqrt(2) * 1e-10)
        assert run.range_m == pytest.approx(20.0, abs=6 * SPEED_OF_LIGHT * 1e-10 + 1e-3)

    def test_the_measured_offsets_lie_on_the_line(self, run):
        on_line = np.interp(run.midpoints_s, run.line_time_s, run.line_offset_s)
        assert run.offsets_s == pytest.approx(on_line, abs=6e-10)

    def test_packets(self, run):
        assert [(packet.header, packet.sender, packet.receiver) for packet in run.packets] == [
            ("Need Feedback", 1, 2),
            ("Feedback Authentication", 2, 1),
        ] * 2
        assert [list(packet.carries) for packet in run.packets] == [["c_1a"], ["c''_2a"], ["c_1b"], ["c''_2b"]]
        ahead = {event.name: event.ahead_s for event in run.events}
        assert run.packets[3].carries["c''_2b"] == pytest.approx((ahead["c_2b"] + ahead["c'_2b"]) / 2, abs=1e-18)


class TestDriftVariance:
    def test_crystals_and_exchange(self):
        sources = clocks.drift_variance_sources()
        assert sources["crystals"] == pytest.approx(isal.Radio().drift_variance) == pytest.approx(1e-10)
        assert sources["exchange"] == pytest.approx(4.5e-20)

    @pytest.mark.parametrize("interval", [0.1, 1.0, 7.0])
    def test_coupling_does_not_depend_on_the_interval(self, interval, paper_network):
        variance = float(clocks.drift_variance(150e-12, interval))
        # one drift over the interval moves an offset by k dt
        by_hand = 1 / (variance * SPEED_OF_LIGHT**2 * interval**2)
        assert clocks.clock_coupling(150e-12) == pytest.approx(by_hand)
        if interval == 1.0:  # the interval between slots
            radio = isal.Radio(drift_variance=variance)
            coupled = temporal.coupling(isal.information(paper_network, radio, "asynchronous"))
            assert coupled[-1] == pytest.approx(by_hand)


class TestRefusals:
    NODES = LinkSetup().nodes()

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"reply_times_s": []}, "at least one reply time"),
            ({"reply_times_s": [0.0]}, "reply time must be positive, got 0.0"),
            ({"reply_times_s": [1e-3], "jitter_s": -1.0}, "jitter_s must not be negative, got -1.0"),
            ({"reply_times_s": [1e-3], "jitter_s": 1e-10}, "give rng"),
            ({"reply_times_s": [1e-3], "jittering": "some"}, "all, receptions; got 'some'"),
        ],
    )
    def test_exchange(self, arguments, words):
        with pytest.raises(ValueError, match=words):
            clocks.exchange(*self.NODES, **arguments)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"distance_m": 0.0}, "distance_m must be positive"),
            ({"drift_1": math.nan}, "drift_1 must be a finite number"),
            ({"jitter_s": -1e-12}, "jitter_s must not be negative"),
            ({"interval_s": 1e-3}, "interval_s 0.001 must be longer"),
            ({"jittering": "none"}, "got 'none'"),
        ],
    )
    def test_setup(self, arguments, words):
        with pytest.raises(ValueError, match=words):
            LinkSetup(**arguments)

    def test_two_messages_are_not_double_sided(self):
        run = clocks.exchange(*self.NODES, reply_times_s=[1e-3])
        with pytest.raises(ValueError, match="two reply times"):
            clocks.double_sided_range(run)

    def test_faster_than_light(self):
        fast = MovingNode(DriftingClock(), [1.0, 0.0], [4e8, 0.0])
        with pytest.raises(ValueError, match="speed of light"):
            clocks.exchange(self.NODES[0], fast, reply_times_s=[1e-3])
