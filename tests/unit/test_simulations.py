"""Datasets of simulations: values against closed forms, blocks that merge, seeds, and what is refused.

Seeds are fixed and limits are set for all comparisons of a test together, so a failure is not chance.
"""

from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy import stats

from isal.figures import Shown, delay_error, exchange_error, exchange_packets, exchange_timeline, style
from isal.model.pulse import named
from isal.model.radio import Radio
from isal.study import config, config_keys
from isal.study.points import Point
from isal.study.simulations import STUDIES
from isal.study.simulations.delays import AMPLITUDE, delays
from isal.study.simulations.exchanges import exchanges
from isal.study.simulations.links import link_strengths
from isal.validation import delay
from isal.validation.clocks import ESTIMATES, HEADERS, LinkSetup, block_sums
from isal.validation.statistics import count_limits, level_of_each, mean_square_limits

ROOT = Path(__file__).parents[2]
SNR_DB = [10.0, 11.0, 12.0, 20.0, 25.0, 30.0]


def flat(seed=1, snr_db=SNR_DB, blocks=2):
    return delays("flat", seed, 32.0, snr_db, blocks)


# --- delays -----------------------------------------------------------------------------------------------------------


def test_errors_and_outliers_of_a_delay_are_as_predicted():
    """Outliers below the threshold, errors above it; 1e4 trials at each SNR."""
    found, level = flat(blocks=10), level_of_each(len(SNR_DB))
    trials = 10 * delay.TRIALS_PER_BLOCK
    for decibels in SNR_DB:
        here, snr = found.sel(snr_db=decibels), 10 ** (decibels / 10)
        if decibels < 15:
            expected = float(delay.outlier_probability(named("flat"), snr, 32, AMPLITUDE))
            low, high = count_limits(trials, expected, level)
            assert low <= here.outliers <= high, decibels
            assert here.outlier_share == here.outliers / trials
        else:
            expected = float(delay.core_error(named("flat"), snr, 32, AMPLITUDE))
            low, high = mean_square_limits(trials, expected, level)
            assert low < here.error < high, decibels


def test_the_error_without_outliers_is_told_only_where_hardly_any_were_seen():
    found = flat()
    total = found.sums.sum("block")
    outliers, square, core = (total.sel(sum=name) for name in ("outliers", "square", "core_square"))
    assert (found.outliers == outliers).all()
    whole, rest = square / 2000, core / (2000 - outliers)
    assert (outliers[0] >= 10, outliers[-1]) == (True, 0)
    np.testing.assert_allclose(found.error, np.where(outliers >= 10, whole, rest), rtol=1e-12)


def test_bounds_are_below_what_is_reached():
    found = flat(snr_db=[-5.0, 30.0], blocks=1)
    assert (found.ziv_zakai <= found.predicted_error * (1 + 1e-3)).all()
    above = found.curve_snr_db > found.threshold_db
    assert above.any()
    assert not above.all()
    assert (found.predicted_error[above] < 2 * found.crb[above]).all()
    assert (found.predicted_error[~above] > 2 * found.crb[~above]).any()
    assert (np.diff(found.predicted_outlier_share) < 0).all()


def test_blocks_merge_and_more_of_them_extend_a_simulation():
    one, two = flat(blocks=1), flat(blocks=2)
    np.testing.assert_array_equal(two.sums.sel(block=[0]), one.sums)
    for point, decibels in enumerate(SNR_DB):
        parts = [
            delay.simulate(named("flat"), 10 ** (decibels / 10), 32.0, AMPLITUDE, (1, 1, point), [block])
            for block in (1, 0)
        ]
        merged = delay.Moments.merged(parts)
        np.testing.assert_array_equal(two.sums.sel(snr_db=decibels), merged.sums)
        assert two.outliers.sel(snr_db=decibels) == merged.outliers


def test_numbers_depend_on_seed_and_place_alone():
    found = flat(blocks=1)
    np.testing.assert_array_equal(flat(snr_db=SNR_DB[:2], blocks=1).sums, found.sums[:2])
    assert (flat(seed=2, blocks=1).sums != found.sums).any("sum").all()
    assert (flat(snr_db=[12.0, 12.5], blocks=1).sums[0] != found.sums.sel(snr_db=12)).any()


# --- exchanges --------------------------------------------------------------------------------------------------------

SWEEPS = {
    "jitter_s": (1e-11, 1e-9),
    "reply_time_s": (1e-4, 1e-2),
    "speed_m_s": (0.0, 300.0),
    "interval_s": (4e-3, 10.0),
}


def test_errors_of_exchanges_are_as_predicted():
    """Means and mean squares of 4,000 trials against bias and variance in closed form."""
    found = exchanges(1, SWEEPS, 4)
    trials = found.sums.sel(sum="trials").sum("block")
    assert (trials == 4000).all()
    z = stats.norm.ppf(1 - level_of_each(2 * found.bias.size) / 2)
    # what closed forms leave out of a bias, and rounding: 1e-14 s, or 3e-7 m
    rounding = np.where([ESTIMATES[name] == "m" for name in found.estimate.values], 3e-7, 1e-14)
    slack = 3e-4 * np.abs(found.predicted_bias) + rounding
    error = np.sqrt(found.predicted_variance / trials)
    assert (np.abs(found.bias - found.predicted_bias) < z * error + slack).all()
    expected = np.sqrt(found.predicted_bias**2 + found.predicted_variance)
    assert (np.abs(found.rms - expected) < z * found.standard_error + slack).all()


def test_the_curves_of_exchanges_end_where_they_were_simulated():
    found = exchanges(1, SWEEPS, 1)
    expected = np.sqrt(found.predicted_bias**2 + found.predicted_variance)
    for setting, values in SWEEPS.items():
        curve = found.isel(curve=found.curve_setting.values == setting)
        assert (curve.curve_value.values[[0, -1]] == values).all()
        np.testing.assert_array_equal(curve.curve_rms[[0, -1]], expected[found.setting.values == setting])


def test_blocks_of_exchanges_merge_and_depend_on_seed_and_place_alone():
    one, two = exchanges(1, SWEEPS, 1), exchanges(1, SWEEPS, 2)
    np.testing.assert_array_equal(two.sums.sel(block=[0]), one.sums)
    second = [
        block_sums(LinkSetup(**{setting: value}), (1, STUDIES[setting], point), [1])
        for setting, values in SWEEPS.items()
        for point, value in enumerate(values)
    ]
    np.testing.assert_array_equal(two.sums.sel(block=[1]), second)
    longer = exchanges(1, SWEEPS | {"jitter_s": (1e-11, 1e-9, 1e-10)}, 1)
    np.testing.assert_array_equal(np.delete(longer.sums.values, 2, axis=0), one.sums)
    assert (exchanges(2, SWEEPS, 1).sums != one.sums).any("sum").all()


def test_no_two_simulations_draw_the_same_random_numbers():
    assert len(set(STUDIES.values())) == len(STUDIES)
    assert set(config_keys.SWEEPS) <= set(STUDIES)


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strengths(layouts):
    points = [
        Point((network,), Radio(), "synchronous", "integrated", (10_000_000,), None, None, 1e-7, "interior-point")
        for network in layouts.values()
    ]
    return link_strengths(points)


def test_links_of_the_layouts(strengths, layouts):
    """7c and 7d hang on sensing links that no estimator can use with one pulse, 7a and 7b do not."""
    assert list(strengths.network.values) == list(layouts) == ["7a", "7b", "7c", "7d"]
    for name, usable in {"7a": 0.98, "7b": 0.98, "7c": 0.05, "7d": 0.0}.items():
        here = strengths.isel(link=strengths.link_network.values == name)
        assert float(here.share.sum()) == pytest.approx(1)
        at = strengths.sel(network=name)
        assert float(at.usable_share) == pytest.approx(usable, abs=0.005)
        assert float(at.usable_share) == pytest.approx(float(here.share[here.snr >= at.threshold].sum()))
        # so many pulses bring 99 % of the bound to the threshold, one less does not
        for pulses, enough in ((int(at.pulses_needed), True), (int(at.pulses_needed) - 1, False)):
            assert (float(here.share[here.snr * pulses >= at.threshold].sum()) >= 0.99) == enough, name


def test_the_strongest_sensing_link_of_7c_by_the_radar_equation(strengths, layouts):
    """``P G^2 lambda^2 sigma / ((4 pi)^3 d^4 N0 B L)``, by hand."""
    network, radio = layouts["7c"], Radio()
    radar = network.radars[0]
    apart = float(np.linalg.norm(radar - network.targets[0]))
    power = 4.9528  # of radar 1, W
    wavelength = 299_792_458.0 / radio.carrier_frequency_hz
    noise = 10 ** (-17.4) * 1e-3 * radio.bandwidth_hz * 10**0.3
    expected = power * 100 * wavelength**2 * 10 / ((4 * np.pi) ** 3 * apart**4 * noise)
    here = strengths.isel(link=(strengths.link_network.values == "7c") & strengths.sensing.values)
    assert float(np.abs(here.snr / expected - 1).min()) < 1e-3


# --- figures ----------------------------------------------------------------------------------------------------------


def colours():
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())["style"]


def drawn(kind, datasets):
    shown = Shown(kind.__name__.rpartition(".")[2], [], colours(), 0.0, "")
    with style.look():
        picture = kind.draw(datasets, shown)
        picture.draw_without_rendering()
    return picture


def test_the_figure_of_delays_shows_each_simulated_snr_once_and_the_links_that_matter(strengths):
    found = flat(blocks=1)
    picture = drawn(delay_error, [found, found, strengths])
    errors, _, strip = picture.axes[::2]
    marks = [line for line in errors.lines if line.get_marker() == "o"]
    assert sorted(np.concatenate([line.get_xdata() for line in marks])) == SNR_DB
    assert [text.get_text() for text in strip.get_yticklabels()] == [
        *("7a, 98% usable", "7b, 98% usable", "7c, 5% usable", "7d, 0% usable")
    ]
    places = np.concatenate([marks.get_offsets() for marks in strip.collections])
    assert len(places) == int((strengths.share >= delay_error.SMALLEST_SHARE).sum()) < strengths.sizes["link"]
    low, high = strip.get_xlim()
    assert low < places[:, 0].min() < places[:, 0].max() < high


def test_the_figure_of_delays_is_drawn_without_networks():
    assert len(drawn(delay_error, [flat(blocks=1), link_strengths([])]).axes) == 3


def test_the_figure_of_exchanges_shows_every_case_of_every_estimate():
    found = exchanges(1, SWEEPS, 1)
    picture = drawn(exchange_error, [found])
    assert len(picture.axes) == 12
    marks = sum(len(container[0].get_xdata()) for panel in picture.axes for container in panel.containers)
    assert marks == found.rms.size
    assert [panel.get_xscale() for panel in picture.axes[-4:]] == ["log", "log", "linear", "log"]


def test_figure_5_tells_the_offsets_that_its_readings_tell():
    read = exchange_timeline.readings()
    texts = [text.get_text() for panel in drawn(exchange_timeline, []).axes for text in panel.texts]
    for letter in "ab":
        offset = read[f"c''_1{letter}"] - read[f"c''_2{letter}"]
        assert sum(f"= {offset * 1e6:.4f} µs" in text for text in texts) == 1
    stamps = [text for text in texts if text.startswith("$c")]
    assert len(stamps) == len(read) == 12
    for name, value in read.items():
        assert f"{exchange_timeline.symbol(name)}\n{exchange_timeline.reading(value)}" in stamps


def test_figure_6_has_the_four_packets():
    texts = [text.get_text() for panel in drawn(exchange_packets, []).axes for text in panel.texts]
    read = exchange_timeline.readings()
    for name in ("c_1a", "c_1b", "c''_2a", "c''_2b"):
        assert f"{exchange_timeline.symbol(name)} = {exchange_timeline.reading(read[name])}" in texts
    assert [sum(header in text for text in texts) for header in HEADERS] == [2, 2]


# --- configuration ----------------------------------------------------------------------------------------------------


def refusal(path, value):
    content = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    inner = content["simulations"]
    *tables, last = path.split(".")
    for key in tables:
        inner = inner[key]
    inner[last] = value
    with pytest.raises(config.ConfigError) as error:
        config.load(content, "config/config.yaml", [ROOT])
    return str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("seed", -1, "simulations.seed: -1 is out of range. Seed of all simulations"),
        ("trials", 10, "simulations.trials: unknown key"),
        ("delays.pulses", ["square"], "simulations.delays.pulses[0]: 'square'"),
        ("delays.pulses", [], "simulations.delays.pulses"),
        ("delays.search", 0.5, "simulations.delays.search: 0.5 is out of range"),
        ("delays.snr_db", [10], "simulations.delays.snr_db"),
        ("delays.snr_db", [10, 10], "simulations.delays.snr_db"),
        ("delays.snr_db", [0, 1e3], "simulations.delays.snr_db[1]: 1000.0 is out of range"),
        ("delays.blocks", 0, "simulations.delays.blocks: 0 is out of range"),
        ("positions.blocks", 0, "simulations.positions.blocks: 0 is out of range"),
        ("steps.networks", -1, "simulations.steps.networks: -1 is out of range"),
        ("steps.trials", 5, "simulations.steps.trials: unknown key"),
        ("breakdown.off_m", [-1], "simulations.breakdown.off_m[0]: -1 is out of range"),
        ("exchanges.jitter_s", [0], "simulations.exchanges.jitter_s[0]: 0 is out of range"),
        ("exchanges.reply_time_s", [], "simulations.exchanges.reply_time_s"),
        (
            "exchanges.reply_time_s",
            [1e-3, 0.4],
            "simulations.exchanges.reply_time_s[1]: link: interval_s 1 must be longer than an exchange",
        ),
        ("exchanges.interval_s", [2e-3], "simulations.exchanges.interval_s[0]: link: interval_s 0.002 must be longer"),
        ("exchanges.speed_m_s", [-1], "simulations.exchanges.speed_m_s[0]: -1 is out of range"),
        ("delays.blocks", 1.5, "simulations.delays.blocks: 1.5 is not a whole number"),
    ],
)
def test_what_is_refused(path, value, said):
    assert said in refusal(path, value)
