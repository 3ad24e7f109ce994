"""Maximum likelihood from simulated ranges: the model against single links, and errors against their bounds."""

import itertools
import math

import numpy as np
import pytest
import references
from builders import DUAL
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from strategies import CLOCKS, generators, networks, powered_networks

import isal
from isal.model.information import block_spebs
from isal.model.parameters import CLOCKS as CLOCK_MODES
from isal.validation import positions
from isal.validation.positions import Model, Moments, compare

RADIO = isal.Radio()
KEY = (20240401, 1, 7)

#: 100,000 trials.
BLOCKS = range(50)

#: Probability of a wrong alarm in all the statistical tests of this file together.
FAMILY_LEVEL = 0.01


def level_of_each(comparisons):
    return 1 - (1 - FAMILY_LEVEL) ** (1 / comparisons)


def kinds(network):
    """The same place as a network of each kind of the paper: localization only, sensing only, both."""
    yield isal.Network(network.anchors, network.radars, name="localization only")
    yield isal.Network(network.anchors, network.radars, network.targets, radars_known=True, name="sensing only")
    yield network


# --- the model --------------------------------------------------------------------------------------------------------


@given(powered_networks(radars_known=(False, True)), CLOCKS, generators(), st.booleans())
def test_the_statistic_holds_all_that_the_ranges_say(powered, clock, rng, silent):
    """The likelihood ratio of any two parameters is that of all ranges, each computed from its own link."""
    network, power = powered
    power[0] *= not silent
    info = isal.information(network, RADIO, clock)
    model, projection = Model.with_projection(info, info.link_information(power))
    sigma = np.sqrt(info.links.intensity * power[info.links.transmitter])  # 1/m
    truth = model.truth.copy()
    clocks = info.basis.indices(["clocks"])
    truth[clocks] = rng.normal(size=len(clocks))
    noise = rng.standard_normal(len(info.links))

    def ranges(theta):
        return references.measured_ranges(network, clock, theta)

    def cost(theta):
        return 0.5 * np.sum((noise + sigma * (ranges(truth) - ranges(theta))) ** 2)

    data = model.mean(truth[:, None]) + (projection.T @ noise)[:, None]
    near, far = truth + 1e-3 * rng.normal(size=len(truth)), truth + rng.normal(size=len(truth))
    expected = cost(near) - cost(far)
    found = model.descent(data, near[:, None])[0] - model.descent(data, far[:, None])[0]
    assert found[0] == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(powered_networks(radars_known=(False, True)), CLOCKS)
def test_the_bound_of_the_model_is_that_of_the_information(powered, clock):
    network, power = powered
    info = isal.information(network, RADIO, clock)
    expected = references.information(network, RADIO, power, clock)
    found = Model.of(info, power).covariance()
    unit = np.sqrt(np.diag(found))
    np.testing.assert_allclose(found @ expected * unit / unit[:, None], np.eye(len(found)), atol=1e-6)
    np.testing.assert_allclose(found, positions.covariance(info, power), rtol=1e-6, atol=1e-9 * unit.max() ** 2)


@given(powered_networks(targets=(0, 2)), CLOCKS, generators())
def test_slopes_are_finite_differences(powered, clock, rng):
    network, power = powered
    model = Model.of(isal.information(network, RADIO, clock), power)
    theta = model.truth[:, None] + rng.normal(size=(len(model.truth), 3))
    data = model.mean(theta) + rng.standard_normal((len(model.root), 3))
    change = rng.normal(size=theta.shape)
    step = 1e-5
    ahead, behind = (model.mean(theta + sign * step * change) for sign in (1, -1))
    moved = (ahead - behind) / (2 * step)
    along = np.einsum("Nkd,dN->kN", model.jacobian(theta), change)
    np.testing.assert_allclose(moved, along, rtol=1e-4, atol=1e-6 * np.abs(along).max())
    np.testing.assert_allclose(model.squared(theta, change), np.sum(along**2, axis=0), rtol=1e-9)
    _, gradient = model.descent(data, theta)
    expected = np.einsum("Nkd,kN->dN", model.jacobian(theta), data - model.mean(theta))
    np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("near_truth", [True, False])
@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_estimates_are_those_of_a_general_least_squares_routine(paper_network, radio, clock, near_truth):
    """Both iterations end where scipy ends that sees every single range."""
    info = isal.information(paper_network, radio, clock)
    power = np.array([0.4, 1.0, 0.7, 0.2])
    model, projection = Model.with_projection(info, info.link_information(power))
    rng = np.random.default_rng(1)
    truth = positions.drawn_truth(info, model, rng, n_trials=5)
    noise = rng.standard_normal((len(info.links), 5))
    data = model.mean(truth) + projection.T @ noise
    theta, converged = positions.estimate(model, data, truth, near_truth=near_truth)
    assert converged.all()
    weight = np.sqrt(info.links.intensity * power[info.links.transmitter])
    unit = np.sqrt(np.diag(model.covariance()))
    for trial in range(5):
        measured = references.measured_ranges(paper_network, clock, truth[:, trial]) + noise[:, trial] / weight

        def residual(scaled, measured=measured, start=truth[:, trial]):
            return weight * (measured - references.measured_ranges(paper_network, clock, start + unit * scaled))

        expected = optimize.least_squares(
            residual, np.zeros(len(unit)), jac="3-point", xtol=1e-15, ftol=1e-15, gtol=1e-15
        )
        np.testing.assert_allclose((theta[:, trial] - truth[:, trial]) / unit, expected.x, atol=1e-3)


def test_parameters_that_are_not_free_stay(paper_network, radio):
    info = isal.information(paper_network, radio, "asynchronous")
    model = Model.of(info, np.ones(4))
    rng = np.random.default_rng(2)
    truth = positions.drawn_truth(info, model, rng, n_trials=20)
    free = info.basis.indices(["targets"])
    theta, converged = positions.estimate(model, positions.drawn(model, truth, rng), truth, free)
    moved = np.abs(theta - truth).max(axis=1) > 0
    assert converged.all()
    assert np.flatnonzero(moved).tolist() == free.tolist()


# --- errors against bounds --------------------------------------------------------------------------------------------


@pytest.mark.long
def test_maximum_likelihood_reaches_the_bound_in_every_kind_of_network(layouts, radio):
    """1e5 trials at the best powers of 7a to 7d at Table 1, both clocks; every block of localization, sensing, both."""
    found = []
    cases = itertools.product(enumerate(layouts.values()), enumerate(CLOCK_MODES))
    for (number, layout), (mode, clock) in cases:
        for kind, network in enumerate(kinds(layout)):
            result = isal.integrated(network, radio, clock=clock, energy=10.0)
            info = result.information
            # the best powers may leave radars that hardly matter undetermined to many digits; a tenth is spread out
            power = 0.9 * result.power + 0.1 * 10.0 / network.n_nodes
            moments = positions.simulate(info, power, (KEY[0], kind, 2 * number + mode), BLOCKS)
            covariance = positions.covariance(info, power)
            found += [(moments, covariance, info.basis.indices([block])) for block in info.blocks]
    level = level_of_each(2 * len(found))
    compared = [compare(*each, level) for each in found]
    assert len(compared) == 4 * ((1 + 1 + 2) + (2 + 2 + 3))
    assert [each for each in compared if not each.agrees] == []
    assert {(each.trials, each.not_converged) for each in compared} == {(100_000, 0)}
    for each in compared:
        assert each.ratio == pytest.approx(1, abs=0.015)
    for moments, covariance, _ in found:
        # the estimator knows how good it is
        assert moments.stated_nees / len(covariance) == pytest.approx(1, abs=0.01)
        assert (np.abs(moments.bias) < 6 * np.sqrt(np.diag(covariance) / moments.trials)).all()


def test_a_wrong_covariance_is_found_out(layouts, radio):
    info = isal.information(layouts["7c"], radio, "synchronous")
    power = np.full(4, 2.5)
    moments = positions.simulate(info, power, KEY, BLOCKS)
    right = positions.covariance(info, power)
    targets = info.basis.indices(["targets"])
    assert compare(moments, right, targets).agrees
    assert not compare(moments, 1.03 * right, targets).agrees
    assert not compare(moments, 0.97 * right, targets).agrees
    # the trace alone would not see errors in a wrong direction
    turn = np.eye(len(right))
    turn[np.ix_(targets, targets)] = [[0, 1], [-1, 0]]
    assert not compare(moments, turn @ right @ turn.T, targets).agrees


@pytest.mark.long
@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_two_slots_reach_their_bounds_filtered_and_smoothed(radio, clock):
    """1e5 trials of 8b, at Table 1 and with radars and clocks that hardly change, so that each slot helps the other."""
    slots = DUAL["8b"]
    steady = isal.Radio(velocity_variance=1e-5, drift_variance=1e-22)
    for mode, known in enumerate((radio, steady)):
        infos = [isal.information(network, known, clock) for network in slots]
        powers = [np.array([2.0, 1.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0, 2.0])]
        moments = positions.simulate_slots(infos, powers, (KEY[0], 10, mode), BLOCKS)
        (first, second), both = positions.slot_covariances(infos, powers)
        d = len(first)
        level = level_of_each(2 * 4 * 4)  # limits, here, and calls
        compared = [
            compare(moments.filtered[0], first, np.arange(d), level),
            compare(moments.filtered[1], second, np.arange(d), level),
            compare(moments.smoothed, both, np.arange(d), level),
            compare(moments.smoothed, both, np.arange(d, 2 * d), level),
        ]
        assert [each for each in compared if not each.agrees] == []
        assert {(each.trials, each.not_converged) for each in compared} == {(100_000, 0)}
    # the test would be of no use where the slots do not help each other
    assert np.trace(both[:d, :d]) < 0.95 * np.trace(first)


@given(st.data(), CLOCKS)
def test_bounds_of_two_slots_are_those_of_the_schedule(data, clock):
    network = data.draw(networks(anchors=(2, 3), radars=(1, 2)))
    rng = data.draw(generators())
    steady = isal.Radio(velocity_variance=1e-4, drift_variance=1e-20)
    moved = isal.Network(
        network.anchors, network.radars + rng.normal(size=network.radars.shape), network.targets + 1.0, name="moved"
    )
    result = isal.integrated([network, moved], steady, clock=clock, energies=[3.0, 7.0])
    infos, powers = [slot.information for slot in result.slots], [slot.power for slot in result.slots]
    # a node without power can leave radars undetermined, which changes nothing for the target
    powers = [power + 0.1 for power in powers]
    (first, second), both = positions.slot_covariances(infos, powers)
    d, targets = len(first), infos[0].basis.indices(["targets"])
    np.testing.assert_allclose(both[d:, d:], second, rtol=1e-6, atol=1e-9 * second.max())
    expected = block_spebs(infos[0].measured(powers[0]), infos[0].basis)
    assert np.trace(first[np.ix_(targets, targets)]) == pytest.approx(expected.targets, rel=1e-9)
    assert np.trace(both[np.ix_(targets, targets)]) <= expected.targets * (1 + 1e-9)


def test_noise_of_the_size_of_the_layout_departs_from_the_bound(layouts, radio):
    """The bound is one of small errors; where it is a third of the shortest distance it is no more reached."""
    network = layouts["7c"]
    info = isal.information(network, radio, "synchronous")
    targets = info.basis.indices(["targets"])
    nearest = np.linalg.norm(network.nodes - network.targets[0], axis=1).min()
    full = np.sqrt(np.trace(positions.covariance(info, np.ones(4))[np.ix_(targets, targets)]))
    ratios = []
    for share in (0.01, 0.3):
        power = np.full(4, (full / (share * nearest)) ** 2)
        moments = positions.simulate(info, power, KEY, range(5))
        ratios.append(compare(moments, positions.covariance(info, power), targets))
    assert ratios[0].agrees
    assert ratios[1].ratio > 1.05
    assert ratios[1].trials == 10_000  # whatever happened to them


def test_clock_offsets_of_any_size_change_no_error(layouts, radio, monkeypatch):
    info = isal.information(layouts["7b"], radio, "asynchronous")
    power = np.full(4, 2.5)
    drawn = positions.simulate(info, power, KEY, range(2))
    monkeypatch.setattr(positions, "CLOCK_SPREAD_M", 0.0)
    none = positions.simulate(info, power, KEY, range(2))
    size = np.sqrt(np.diag(drawn.mean_square))
    np.testing.assert_allclose(drawn.mean_square, none.mean_square, atol=1e-5 * np.outer(size, size).max())


def test_trials_that_do_not_converge_are_counted_and_kept(layouts, radio, monkeypatch):
    info = isal.information(layouts["7a"], radio, "synchronous")
    monkeypatch.setattr(positions, "QUICK_ITERATIONS", 0)
    monkeypatch.setattr(positions, "MOST_ITERATIONS", 1)
    moments = positions.simulate(info, np.full(4, 2.5), KEY, range(2))
    assert (moments.trials, moments.not_converged) == (2 * positions.TRIALS_PER_BLOCK,) * 2
    assert compare(moments, np.eye(6), np.arange(6)).not_converged == moments.trials
    assert (np.diag(moments.mean_square) > 0).all()


# --- blocks -----------------------------------------------------------------------------------------------------------


def columns(moments):
    return [moments.blocks, moments.counts, moments.sums, moments.squares, moments.nees]


def test_sums_do_not_depend_on_who_simulates_which_block(layouts, radio):
    info = isal.information(layouts["7d"], radio, "asynchronous")
    power = np.full(4, 2.5)
    whole = positions.simulate(info, power, KEY, range(6))
    parts = [positions.simulate(info, power, KEY, blocks) for blocks in ([5, 0], [3], [1, 4, 2])]
    for one, other in zip(columns(whole), columns(Moments.merged(parts)), strict=True):
        np.testing.assert_array_equal(one, other)
    another = positions.simulate(info, power, (*KEY[:2], KEY[2] + 1), [0])
    assert not np.array_equal(another.sums[0], whole.sums[0])


def test_blocks_count_once(layouts, radio):
    info = isal.information(layouts["7d"], radio, "synchronous")
    part = positions.simulate(info, np.full(4, 2.5), KEY, [3])
    with pytest.raises(ValueError, match="block 3 is there twice"):
        Moments.merged([part, part])
    with pytest.raises(ValueError, match="simulate at least one"):
        positions.simulate(info, np.full(4, 2.5), KEY, [])
    with pytest.raises(ValueError, match="simulate at least one"):
        positions.simulate_slots([info, info], [np.full(4, 2.5)] * 2, KEY, [])
    with pytest.raises(ValueError, match="simulate at least one"):
        positions.basin(info, np.full(4, 2.5), [1.0], KEY, [])


def test_powers_that_determine_nothing_are_refused(layouts, radio):
    info = isal.information(layouts["7a"], radio, "synchronous")
    with pytest.raises(ValueError, match="leaves a parameter undetermined; let more nodes transmit"):
        positions.simulate(info, np.zeros(4), KEY, [0])
    with pytest.raises(ValueError, match="power of anchor 1 must be finite"):
        positions.simulate(info, [1.0, 1.0, -1.0, 1.0], KEY, [0])
    with pytest.raises(ValueError, match="two slots with their powers are needed, got 1 slots"):
        positions.simulate_slots([info], [np.ones(4)], KEY, [0])


# --- where the bounds end ---------------------------------------------------------------------------------------------


def test_starts_near_the_truth_converge_and_far_ones_need_not(layouts, radio):
    info = isal.information(layouts["7a"], radio, "synchronous")
    off = [0.0, 0.1, 1.0, 10.0, 100.0]
    found = positions.basin(info, np.full(4, 2.5), off, KEY, [0])
    assert found.same[:3].tolist() == [1, 1, 1]
    assert 0.3 < found.same[4] < found.same[3] < 0.9
    np.testing.assert_allclose(found.same + found.elsewhere + found.not_converged, 1)
    # the two anchors lie on a line in which all of the network can be mirrored; other maxima are less likely
    assert found.as_likely[:3].max() == 0
    assert 0 < found.as_likely[4] < found.elsewhere[4]
    assert found.trials == positions.TRIALS_PER_BLOCK
    with pytest.raises(ValueError, match="finite distance that is not negative, got -1"):
        positions.basin(info, np.full(4, 2.5), [-1.0], KEY, [0])


def test_links_below_threshold_ruin_an_estimate_unless_they_are_left_out(layouts, radio):
    info = isal.information(layouts["7a"], radio, "synchronous")
    power, targets = np.full(4, 2.5), info.basis.indices(["targets"])
    snr_db = 10 * np.log10(info.link_snr(power))
    weak = snr_db < 17
    assert 0 < weak.sum() < len(weak)
    every = np.ones(len(weak), dtype=bool)

    def ratio(probability, kept):
        moments = positions.with_outliers(info, power, probability, 300.0, kept, KEY, range(5))
        bound = positions.covariance(positions.with_links(info, kept), power)
        return compare(moments, bound, targets, 1e-4)

    assert ratio(np.zeros(len(weak)), every).agrees
    assert ratio(weak.astype(float), every).ratio > 100
    assert ratio(weak.astype(float), ~weak).agrees
    # what is left out does not matter, whatever it finds
    left_out = [
        positions.with_outliers(info, power, share * weak, 300.0, ~weak, KEY, [0]).sums.tolist() for share in (0.0, 1.0)
    ]
    assert left_out[0] == left_out[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outlier_probability": np.zeros(3)}, "26 numbers from 0 to 1"),
        ({"outlier_probability": np.full(26, 1.5)}, "26 numbers from 0 to 1"),
        ({"outlier_probability": np.full(26, math.nan)}, "26 numbers from 0 to 1"),
        ({"kept": np.ones(26)}, "true or false for each of 26 links"),
        ({"kept": np.zeros(26, dtype=bool)}, "leaves a parameter undetermined"),
        ({"search_m": 0.0}, "search intervals must be finite and positive"),
    ],
)
def test_unusable_outliers_are_refused(layouts, radio, change, message):
    info = isal.information(layouts["7a"], radio, "synchronous")
    given_ = {"outlier_probability": np.zeros(26), "search_m": 1.0, "kept": np.ones(26, dtype=bool)} | change
    with pytest.raises(ValueError, match=message):
        positions.with_outliers(info, np.full(4, 2.5), **given_, key=KEY, blocks=[0])


@settings(max_examples=5)
@given(powered_networks(anchors=(2, 4), radars=(1, 3), targets=(1, 2), radars_known=(False, True)), CLOCKS)
def test_random_networks_reach_their_bounds(powered, clock):
    """Any numbers of nodes and targets, with so much power that errors are small against every distance."""
    network, power = powered
    info = isal.information(network, RADIO, clock)
    power = 1e6 * power
    moments = positions.simulate(info, power, KEY, range(3))
    covariance = positions.covariance(info, power)
    everything = np.arange(len(covariance))
    assert moments.not_converged == 0
    assert compare(moments, covariance, everything, 1e-6).agrees
