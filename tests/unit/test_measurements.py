"""Statistics of measured links: known drift, jitter and bias come out of made-up logs, outliers do not disturb them."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic_logs import Link

import isal
from isal.units import SPEED_OF_LIGHT
from isal.validation import logs, measurements
from isal.validation.logs import TICK_S, MeasurementError

#: Probability that a whole test fails although all is well; divided among the statistics of the test.
FAMILY = 0.01

JITTER = 80e-12
DISTANCES = (2.0, 10.0, 20.0, 30.0, 40.0, 50.0)


def bias(distance):
    return 0.04 + 0.005 * distance


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two series at six distances, each with other drifts; 30 lines, then 14 lost ones, as a slow host makes them."""
    lost = [number for start in range(30, 264, 44) for number in range(start, start + 14)]
    root = tmp_path_factory.mktemp("measured")
    for series, (condition, drift) in enumerate([("LOS", 1.6e-6), ("NLOS", -0.7e-6)]):
        for place, distance in enumerate(DISTANCES):
            link = Link(
                distance=distance,
                bias=bias(distance),
                drift=drift * (1 + 0.05 * place),
                jitter=JITTER,
                wander=1e-9,
                exchanges=264,
                lost=lost,
                host="slow",
            )
            path = root / "static" / condition / "height_150cm" / f"{distance:g}m.csv"
            link.write(path, seed=100 * series + place)
    (root / "static" / "LOS" / "height_150cm" / "60m.csv").write_text("timestamp,Distance\n")
    Link(exchanges=0).write(root / "static" / "LOS" / "height_150cm" / "60m.csv", tail=False)
    return root


@pytest.fixture(scope="module")
def table(folder):
    return measurements.static_table(logs.read_static(folder))


class TestSpread:
    def test_of_normal_noise_and_with_outliers(self):
        values = np.random.default_rng(4).normal(7.0, 2.0, 20_000)
        # standard error 2 / sqrt(2 n) = 1 %
        assert measurements.spread(values) == pytest.approx(2.0, rel=0.03)
        values[::20] = 1e6
        assert measurements.spread(values) == pytest.approx(2.0, rel=0.03)

    def test_of_coarse_values(self):
        """A device rounds ranges to steps as wide as its noise; a median absolute deviation knows whole steps only."""
        values = np.round(np.random.default_rng(4).normal(0.0, 0.9, 20_000))
        assert stats.median_abs_deviation(values, scale="normal") == pytest.approx(1.4826, rel=1e-3)
        assert measurements.spread(values) == pytest.approx(math.sqrt(0.9**2 + 1 / 12), rel=0.03)

    @pytest.mark.parametrize("values", [[], [1.0]])
    def test_of_too_few(self, values):
        assert math.isnan(measurements.spread(values))

    def test_of_equal_values(self):
        assert measurements.spread([3.0] * 9) == 0.0
        assert measurements.spread([3.0] * 9 + [4.0]) < 0.5


class TestRanges:
    def test_without_jitter_both_ranges_are_exact(self, tmp_path):
        path = tmp_path / "20m.csv"
        Link(drift=1.5e-6, bias=0.3).write(path)
        found = measurements.ranges(logs.read_exchanges(path))
        ticks = 2 * TICK_S * SPEED_OF_LIGHT  # four roundings of a quarter tick each
        assert found.corrected_m == pytest.approx(20.3, abs=ticks)
        shift = SPEED_OF_LIGHT * 1.5e-6 * 1.128e-3 / 2
        assert found.uncorrected_m == pytest.approx(20.3 + shift, abs=ticks)
        assert found.spacing_s == pytest.approx(0.0989, rel=1e-6)
        assert sum(found.left_out.values()) == 2  # the authors' means

    def test_a_neighbour_far_in_time_hardly_counts(self, tmp_path):
        path = tmp_path / "20m.csv"
        link = Link(drift=1.5e-6, wander=2e-8, exchanges=60, lost=list(range(20, 29)))
        _, k = link.write(path, seed=3)
        found = measurements.ranges(logs.read_exchanges(path))
        # ten times as long: a hundredth of the weight
        between = np.where(np.isnan(found.drift_of_intervals), 0.0, found.drift_of_intervals)
        expected = (between[18] + between[19] / 100) / 1.01
        assert found.drift[19] == pytest.approx(expected, rel=1e-4)
        assert np.abs(found.drift - k).max() < 4 * 2e-8

    def test_lonely_exchanges_have_no_drift(self, tmp_path):
        path = tmp_path / "20m.csv"
        Link(exchanges=1).write(path)
        found = measurements.ranges(logs.read_exchanges(path))
        assert np.isnan(found.drift).all()
        assert np.isnan(found.corrected_m).all()
        assert np.isfinite(found.uncorrected_m).all()
        assert found.left_out["exchange without drift"] == 1

    def test_a_wild_drift_corrects_nothing(self, tmp_path):
        path = tmp_path / "20m.csv"
        table, _ = Link(exchanges=60, jitter=1e-10).write(path, tail=False)
        # the responder's clock jumps by 0.1 us: no restart, but far from the median
        table.loc[30:, ["poll_rx_ts", "resp_tx_ts"]] += 6400
        table.to_csv(path, index=False)
        found = measurements.ranges(logs.read_exchanges(path))
        assert found.left_out["drift far from the median"] == 1
        assert np.isnan(found.drift_of_intervals).sum() == 1
        assert np.isfinite(found.drift).all()
        assert found.drift == pytest.approx(1.5e-6, abs=2e-8)


class TestTable:
    def test_columns_and_rows(self, table):
        assert list(table.columns) == measurements.STATIC_TABLE
        assert list(table["series"].unique()) == ["LOS, 150 cm", "NLOS, 150 cm"]
        assert len(table) == 2 * len(DISTANCES) + 1

    def test_a_log_without_exchanges_has_counts_alone(self, table):
        (row,) = table[table["distance_m"] == 60].to_dict("records")
        assert row["exchanges"] == row["used"] == 0
        assert math.isnan(row["drift"])
        assert math.isnan(row["spread_m"])

    def test_known_drift_spread_and_bias(self, table):
        """Per log: mean drift, variance and median of 180 corrected ranges, at a family-wise 1 %."""
        rows = table[table["used"] > 0]
        alpha = FAMILY / (3 * len(rows))
        z = stats.norm.ppf(1 - alpha / 2)
        rounding = 4 * (TICK_S * SPEED_OF_LIGHT / 2) ** 2 / 12
        sigma = math.sqrt((SPEED_OF_LIGHT * JITTER) ** 2 + rounding)
        for place, row in enumerate(rows.to_dict("records")):
            drift = (1.6e-6 if row["condition"] == "LOS" else -0.7e-6) * (1 + 0.05 * (place % len(DISTANCES)))
            assert row["used"] == 180
            assert row["lost"] == 5 * 14
            # a random walk of 1e-9 over 264 exchanges is at most some 5e-8 away
            assert row["drift"] == pytest.approx(drift, abs=5e-8)
            freedom = row["used"] - 1
            low, high = stats.chi2.ppf([alpha / 2, 1 - alpha / 2], freedom) / freedom
            assert low < row["spread_m"] ** 2 / sigma**2 < high
            error = math.sqrt(math.pi / 2 / row["used"]) * sigma
            assert abs(row["bias_m"] - bias(row["distance_m"])) < z * error
            assert row["uncorrected_bias_m"] - row["bias_m"] == pytest.approx(row["shift_m"], abs=2 * z * error)
            assert row["shift_ratio"] == pytest.approx(1.0, abs=1e-3)
            # the made-up device knows its range exactly
            assert row["device_ratio"] == pytest.approx(1.0, abs=z * error / abs(row["shift_m"]))
            assert row["device_bias_m"] == pytest.approx(bias(row["distance_m"]))

    def test_drift_spread_is_that_of_the_stamps(self, table):
        rows = table[table["used"] > 0]
        # the walk of 1e-9 per exchange adds at most a few times that to 1.6e-9
        assert (rows["drift_spread"] > 0.8 * rows["stamp_limit"]).all()
        expected = math.sqrt(2) * JITTER / 0.0989
        assert rows["stamp_limit"].to_numpy() == pytest.approx(expected, rel=0.2)

    def test_left_out_by_series(self, folder):
        counts = measurements.left_out_table(logs.read_static(folder))
        assert list(counts.index) == ["LOS, 150 cm", "NLOS, 150 cm"]
        assert list(counts["no exchange"]) == [2 * len(DISTANCES)] * 2
        assert counts["at odds with itself"].sum() == 0


class TestFollowing:
    def test_ranges_that_follow_the_drift(self, tmp_path):
        path = tmp_path / "static" / "LOS" / "height_100cm" / "20m.csv"
        Link(drift=1e-6, wander=3e-8, jitter=30e-12, exchanges=600).write(path)
        slope = measurements.following(logs.read_static(tmp_path))
        assert slope.n > 580
        assert abs(slope.value - 1) < stats.norm.ppf(1 - FAMILY / 2) * slope.standard_error + 0.01
        assert slope.standard_error < 0.05

    def test_nothing_to_follow(self, tmp_path):
        path = tmp_path / "static" / "LOS" / "height_100cm" / "20m.csv"
        Link(exchanges=3).write(path)
        with pytest.raises(MeasurementError, match="none of 1 logs has 10 exchanges"):
            measurements.following(logs.read_static(tmp_path))


def made_up_table(rng, *, floor, growth, bias_spread=0.0, n_logs=60, used=90, outliers=0):
    """Rows as of :func:`measurements.static_table` with spreads and biases of known law."""
    distance = np.linspace(2, 60, n_logs)
    sigma = np.sqrt(floor**2 + (growth * distance) ** 2)
    width = sigma * np.sqrt(rng.chisquare(used - 1, n_logs) / (used - 1))
    wild = np.arange(outliers) * (n_logs // 4) + 5
    width[wild] *= 8
    medians = rng.standard_normal(n_logs) * sigma * math.sqrt(math.pi / 2 / used)
    biases = bias(distance) + bias_spread * rng.standard_normal(n_logs) + medians
    biases[wild] += 2.0
    return pd.DataFrame({"distance_m": distance, "spread_m": width, "bias_m": biases, "used": used})


class TestFit:
    @pytest.mark.parametrize(("floor", "growth"), [(0.022, 0.0), (0.022, 5e-4), (0.005, 1e-3)])
    @pytest.mark.parametrize("outliers", [0, 4])
    def test_known_law(self, floor, growth, outliers):
        rng = np.random.default_rng(21)
        fit = measurements.fit_link(made_up_table(rng, floor=floor, growth=growth, bias_spread=0.03, outliers=outliers))
        # at the far end the spread is known to 1 / sqrt(2 x 90 x 60) = 1 %, and worse by its split in two
        assert fit.variance(60.0, bias_known=True) == pytest.approx(floor**2 + (60 * growth) ** 2, rel=0.15)
        assert fit.variance(2.0, bias_known=True) == pytest.approx(floor**2 + (2 * growth) ** 2, rel=0.3)
        assert fit.growth_interval[0] * 0.9 <= growth <= fit.growth_interval[1] * 1.1 + 1e-4
        # the line to within four standard errors, 0.03 / (17 sqrt(60)) and 0.03 / sqrt(60), times 1.3: it is robust
        assert fit.bias_per_m == pytest.approx(0.005, abs=4 * 1.3 * 0.03 / 17 / math.sqrt(60))
        assert fit.bias(30.0) == pytest.approx(bias(30.0), abs=4 * 1.3 * 0.03 / math.sqrt(60))
        assert fit.bias_spread_m == pytest.approx(0.03, rel=0.4)
        assert fit.timestamp_jitter_s == pytest.approx(fit.floor_m / SPEED_OF_LIGHT)

    def test_coverage_of_the_floor(self):
        """95 % intervals of the floor hold the truth in as many of 40 made-up sets as they should (binomial, 1e-4)."""
        hits = 0
        for seed in range(40):
            rng = np.random.default_rng(1000 + seed)
            low, high = measurements.fit_link(
                made_up_table(rng, floor=0.02, growth=6e-4, n_logs=30), seed=seed, resamples=40
            ).floor_interval_m
            hits += low <= 0.02 <= high
        assert hits >= stats.binom.ppf(1e-4, 40, 0.95)

    def test_no_growth_is_exactly_none(self):
        table = made_up_table(np.random.default_rng(2), floor=0.02, growth=0.0)
        table["spread_m"] = np.linspace(0.021, 0.019, len(table))
        fit = measurements.fit_link(table)
        assert fit.growth == 0.0
        with pytest.raises(MeasurementError, match="does not grow with distance"):
            fit.radio(isal.Radio(), 1.0)

    def test_no_spread_of_bias_beyond_noise(self):
        fit = measurements.fit_link(made_up_table(np.random.default_rng(5), floor=0.02, growth=0.0))
        assert fit.bias_spread_m < 0.003

    def test_from_logs(self, table):
        fit = measurements.fit_link(table[table["condition"] == "LOS"])
        assert fit.n_logs == len(DISTANCES)
        assert fit.n_left_out == 1
        assert fit.floor_m == pytest.approx(SPEED_OF_LIGHT * JITTER, rel=0.15)
        assert fit.bias_per_m == pytest.approx(0.005, abs=3e-4)

    @pytest.mark.parametrize("rows", [0, 3])
    def test_too_few(self, rows):
        table = made_up_table(np.random.default_rng(2), floor=0.02, growth=0.0).head(rows)
        with pytest.raises(MeasurementError, match=f"{rows} logs at {rows} distances"):
            measurements.fit_link(table)


class TestLink:
    FIT = measurements.LinkFit(0.022, 4e-4, 0.05, 0.0045, 0.06, (0.02, 0.024), (0.0, 5e-4), (0.004, 0.005), 80, 3)

    def test_a_link_of_a_model_with_the_floor(self):
        distance = np.array([1.0, 20.0, 300.0])
        thermal = 1 / (self.FIT.growth * distance) ** 2
        for known in (False, True):
            floored = measurements.limited_intensity(thermal, self.FIT, bias_known=known)
            assert floored == pytest.approx(self.FIT.intensity(distance, bias_known=known), rel=1e-14)
        # limits: nothing transmitted, and thermal noise far above the floor
        assert measurements.limited_intensity(0.0, self.FIT) == 0.0
        assert measurements.limited_intensity(1e-6, self.FIT) == pytest.approx(1e-6, rel=1e-7)
        by_jitter = 1 / (1 / thermal + (SPEED_OF_LIGHT * self.FIT.timestamp_jitter_s) ** 2)
        assert self.FIT.intensity(distance, bias_known=True) == pytest.approx(by_jitter, rel=1e-14)

    def test_concave_in_power(self):
        power = np.linspace(0.0, 10.0, 50)
        curve = measurements.limited_intensity(1e3 * power, self.FIT)
        assert (np.diff(curve, 2) < 0).all()

    def test_bias_is_undone(self):
        distance = np.linspace(1, 60, 7)
        assert self.FIT.without_bias(distance + self.FIT.bias(distance)) == pytest.approx(distance, rel=1e-14)

    def test_a_radio_with_the_thermal_noise_of_the_fit(self):
        radio = self.FIT.radio(isal.Radio(), power_w=0.5)
        sigma = 1 / np.sqrt(0.5 * radio.ranging_intensity(25.0))
        assert sigma == pytest.approx(self.FIT.growth * 25.0)
        network = isal.Network([[0, 0], [30, 0]], [[9, 20]])
        info = isal.information(network, radio, "synchronous")
        expected = self.FIT.intensity(info.links.distance, bias_known=True)
        assert info.link_information(np.full(3, 0.5)) == pytest.approx(expected, rel=1e-12)
