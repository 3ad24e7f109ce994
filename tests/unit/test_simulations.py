"""Datasets of simulations: values against closed forms, blocks that merge, seeds, and what is refused.

Seeds are fixed and limits are set for all comparisons of a test together, so a failure is not chance.
"""

from pathlib import Path

import numpy as np
import pytest
import yaml

from isal.figures import Shown, delay_error, style
from isal.model.pulse import named
from isal.model.radio import Radio
from isal.study import config
from isal.study.points import Point
from isal.study.simulations.delays import AMPLITUDE, delays
from isal.study.simulations.links import link_strengths
from isal.validation import delay
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
        ("delays.blocks", 1.5, "simulations.delays.blocks: 1.5 is not a whole number"),
    ],
)
def test_what_is_refused(path, value, said):
    assert said in refusal(path, value)
