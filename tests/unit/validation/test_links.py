"""Shares of links in a bound, the SPEB of usable links and the pulses that make links usable."""

import math
from dataclasses import replace

import numpy as np
import pytest
from builders import DUAL
from hypothesis import given
from hypothesis import strategies as st
from strategies import CLOCKS, networks, powered_networks

import isal
import isal.model.information
import isal.model.parameters
import isal.model.pulse
from isal.model import temporal
from isal.validation import delay, links

BLOCKS = st.sampled_from(["radars", "clocks", "targets"])

#: About the threshold of the paper's area, see test_delay.py.
THRESHOLD = 10**1.7


def decibels(value):
    return 10 * np.log10(value)


def present(info, block):
    return block if block in info.blocks else "targets"


def with_intensity(info, factor):
    """The same network with the intensity of every link times a factor."""
    return replace(info, links=replace(info.links, intensity=info.links.intensity * factor))


def speb(info, power, block):
    return getattr(isal.model.information.block_spebs(info.measured(power), info.basis), block)


# --- shares -----------------------------------------------------------------------------------------------------------


@given(powered_networks(), CLOCKS, BLOCKS)
def test_shares_add_up_to_one_and_are_the_formula(case, clock, block):
    network, power = case
    info = isal.information(network, isal.Radio(), clock)
    block = present(info, block)
    found = links.shares(info, power, block)
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1, rel=1e-9)
    inverse = np.linalg.inv(info.matrix(power))[:, info.blocks[block]]
    intensity = info.links.intensity * power[info.links.transmitter]
    expected = intensity * np.sum((info.links.rows @ inverse) ** 2, axis=1) / np.trace(inverse[info.blocks[block]])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)


@given(powered_networks(), CLOCKS, BLOCKS, st.integers(0, 10**6))
def test_a_share_is_what_more_of_a_link_takes_off_the_bound(case, clock, block, number):
    network, power = case
    info = isal.information(network, isal.Radio(), clock)
    block, link, step = present(info, block), number % len(info.links), 1e-4
    factor = np.ones((2, len(info.links)))
    factor[:, link] += np.array([-step, step])
    less, more = (speb(with_intensity(info, each), power, block) for each in factor)
    slope = (less - more) / (2 * step) / speb(info, power, block)
    assert links.shares(info, power, block)[link] == pytest.approx(slope, rel=1e-4, abs=1e-6)


@given(powered_networks(), CLOCKS, BLOCKS, st.floats(0, 10))
def test_steps_are_so_many_measurements_of_each_link(case, clock, block, factor):
    """Two steps are one network with every link twice."""
    network, power = case
    info = isal.information(network, isal.Radio(), clock)
    steps, block = np.array([power, factor * power[::-1]]), present(info, block)
    found = links.shares(info, steps, block)
    assert found.shape == (2, len(info.links))
    assert found.sum() == pytest.approx(1, rel=1e-9)
    rows = np.tile(info.links.rows, (2, 1))
    intensity = (info.links.intensity * steps[:, info.links.transmitter]).ravel()
    inverse = np.linalg.inv(rows.T @ (intensity[:, None] * rows))[:, info.blocks[block]]
    expected = intensity * np.sum((rows @ inverse) ** 2, axis=1) / np.trace(inverse[info.blocks[block]])
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-5, atol=1e-9)


@given(powered_networks(), CLOCKS)
def test_shares_do_not_depend_on_pulse_shape_and_number(case, clock):
    network, power = case
    as_printed, flat = (
        links.shares(isal.information(network, radio, clock), power, "targets")
        for radio in (isal.Radio(), isal.Radio(pulse="flat", pulses=64))
    )
    np.testing.assert_allclose(as_printed, flat, rtol=1e-9, atol=1e-12)


def test_links_of_a_silent_node_have_no_share(paper_network, radio):
    info = isal.information(paper_network, radio, "synchronous")
    found = links.shares(info, [1, 1, 0, 2], "targets")
    assert (found[info.links.transmitter == 2] == 0).all()
    assert found.sum() == pytest.approx(1)


def test_shares_need_a_bound(paper_network, radio):
    info = isal.information(paper_network, radio, "synchronous")
    with pytest.raises(
        ValueError, match="there is no block 'clocks' in synchronous mode; choose among radars, targets"
    ):
        links.shares(info, [1, 1, 1, 1], "clocks")
    with pytest.raises(ValueError, match="leave the targets undetermined; give more nodes some power"):
        links.shares(info, [0, 0, 0, 0], "targets")


# --- usable links -----------------------------------------------------------------------------------------------------


@given(powered_networks(), CLOCKS)
def test_with_all_links_usable_the_bounds_are_the_bounds(case, clock):
    network, power = case
    info = isal.information(network, isal.Radio(), clock)
    found = links.usable_spebs(info, power, threshold=float(info.link_snr(power).min()))
    expected = isal.spebs(network, isal.Radio(), power, clock)
    for block in isal.model.parameters.BLOCKS:
        assert getattr(found, block) == pytest.approx(getattr(expected, block), rel=1e-7, nan_ok=True)


@given(powered_networks(), CLOCKS, st.floats(-30, 40), st.floats(0, 20))
def test_a_higher_threshold_leaves_less(case, clock, low_db, more_db):
    network, power = case
    info = isal.information(network, isal.Radio(), clock)
    low, high = 10 ** (low_db / 10), 10 ** ((low_db + more_db) / 10)
    assert not (links.usable(info, power, high) & ~links.usable(info, power, low)).any()
    few, many = links.usable_spebs(info, power, high), links.usable_spebs(info, power, low)
    for block in info.blocks:
        assert getattr(few, block) >= getattr(many, block) * (1 - 1e-6)
        assert getattr(many, block) >= speb(info, power, block) * (1 - 1e-6)


@given(networks(targets=(1, 1)))
def test_without_sensing_links_radars_are_localised_alone(network):
    """A target that no usable link knows of is undetermined; the radars are as if it were not there."""
    radio, power = isal.Radio(pulses=1e6), np.ones(network.n_nodes)
    info = isal.information(network, radio, "synchronous")
    silent = with_intensity(info, np.where(info.links.is_sensing, 1e-30, 1.0))
    found = links.usable_spebs(silent, power, threshold=1e-3)
    alone = isal.spebs(replace(network, targets=np.empty((0, 2))), radio, power, "synchronous")
    assert found.radars == pytest.approx(alone.radars, rel=1e-7)
    assert found.targets == math.inf
    assert math.isnan(found.clocks)


def test_one_range_does_not_locate_a_target(paper_network, radio):
    """Rounding must not make information of a direction that has none."""
    info = isal.information(paper_network, radio, "asynchronous")
    snr = info.link_snr([1, 1, 1, 1])
    sensing = np.flatnonzero(info.links.is_sensing)
    for link in sensing:
        one = np.where(info.links.is_sensing, 1e-30, 1e6)
        one[link] = 1e6
        found = links.usable_spebs(with_intensity(info, one), [1, 1, 1, 1], threshold=float(snr.min()))
        assert found.targets == math.inf
        assert found.radars == pytest.approx(
            isal.spebs(paper_network, radio, [1e6] * 4, "asynchronous").radars, rel=0.5
        )


def test_large_networks_are_taken_in_pieces(paper_network, radio, monkeypatch):
    info = isal.information(paper_network, radio, "asynchronous")
    whole = links.shares(info, [1, 2, 3, 4], "clocks")
    monkeypatch.setattr(links, "ROWS_AT_A_TIME", 3)
    np.testing.assert_allclose(links.shares(info, [1, 2, 3, 4], "clocks"), whole, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("threshold", [0, -3.0, math.inf, math.nan])
def test_thresholds_are_positive_ratios(paper_network, radio, threshold):
    info = isal.information(paper_network, radio, "synchronous")
    with pytest.raises(ValueError, match="threshold must be a finite, positive ratio"):
        links.usable(info, [1, 1, 1, 1], threshold)


# --- pulses -----------------------------------------------------------------------------------------------------------


@given(powered_networks(), CLOCKS, st.sampled_from([0.5, 0.9, 0.99, 1.0]), st.sampled_from([1.0, 40.0]))
def test_so_many_pulses_and_no_fewer(case, clock, carried, pulses):
    network, power = case
    info = isal.information(network, isal.Radio(pulses=pulses), clock)
    needed = links.pulses_needed(info, power, THRESHOLD, "targets", carried)
    part = links.shares(info, power, "targets")

    def usable_share(number):
        again = isal.information(network, isal.Radio(pulses=number), clock)
        return float(part[links.usable(again, power, THRESHOLD * (1 - 1e-9))].sum())

    assert usable_share(needed) >= carried * (1 - 1e-9)
    if needed > 1:
        assert usable_share(needed - 1) < carried


def test_carried_shares_are_from_0_to_1(paper_network, radio):
    info = isal.information(paper_network, radio, "synchronous")
    for carried in (0, 1.1, math.nan):
        with pytest.raises(ValueError, match="carried share must be above 0 and at most 1"):
            links.pulses_needed(info, [1, 1, 1, 1], THRESHOLD, "targets", carried)


@pytest.mark.parametrize(("name", "sensing", "needed"), [("7a", 4, 4), ("7b", 4, 9), ("7c", 0, 175), ("7d", 0, 1014)])
def test_usable_links_of_the_layouts(layouts, radio, name, sensing, needed):
    """With one pulse 7c and 7d have no usable sensing link; 175 and 1014 bring those that carry the bound to 17 dB.

    At the integrated optimum of 10 J.
    """
    network = layouts[name]
    info = isal.information(network, radio, "synchronous")
    power = isal.integrated(network, radio, clock="synchronous", energy=10.0).power
    kept = links.usable(info, power, THRESHOLD)
    assert (kept & info.links.is_sensing).sum() == sensing
    found = links.usable_spebs(info, power, THRESHOLD).targets
    whole = isal.spebs(network, radio, power, "synchronous").targets
    assert found == math.inf if sensing == 0 else whole < found < 1.02 * whole
    assert links.pulses_needed(info, power, THRESHOLD, "targets") == pytest.approx(needed, rel=0.02)


# --- thresholds of a network, and links that are kept below them ------------------------------------------------------


def test_threshold_of_the_layouts(layouts, radio):
    for network in layouts.values():
        info = isal.information(network, radio, "synchronous")
        assert decibels(links.threshold_snr(info)) == pytest.approx(17.2, abs=0.3)
        assert links.threshold_snr(info, "known") < links.threshold_snr(info)
        longest = max(np.linalg.norm(info.network.nodes - spot, axis=1).max() for spot in info.network.targets)
        assert links.search_interval(info) == pytest.approx(2 * longest * 500e6 / isal.units.SPEED_OF_LIGHT)


def test_a_network_smaller_than_a_pulse_is_searched_over_one(paper_network):
    info = isal.information(paper_network, isal.Radio(bandwidth_hz=1e3), "synchronous")
    assert links.search_interval(info) == 1
    assert links.threshold_snr(info) > 0


def test_keeping_weak_links_is_off_by_orders_of_magnitude(layouts, radio):
    """In 7a the bound hardly needs the weak links, but an estimator that trusts them pays for them."""
    network = layouts["7a"]
    info = isal.information(network, radio, "synchronous")
    power = isal.integrated(network, radio, clock="synchronous", energy=10.0).power
    assert 1e4 < links.growth_if_kept(info, power, "targets") < 1e6


def test_keeping_strong_links_costs_nothing(layouts):
    info = isal.information(layouts["7c"], isal.Radio(pulses=1e7, pulse="flat"), "asynchronous")
    assert links.growth_if_kept(info, [1, 1, 1, 1], "targets") == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("clock", ["synchronous", "asynchronous"])
def test_growth_is_the_error_of_the_estimator_that_trusts_its_links(paper_network, clock):
    """Covariance of least squares with the weights of the bound and the variances of the prediction."""
    radio = isal.Radio(pulse="flat", pulses=30)
    info, power = isal.information(paper_network, radio, clock), np.array([1.0, 2.0, 0.5, 1.0])
    weight = info.links.intensity * power[info.links.transmitter]
    predicted = delay.predicted_error(
        isal.model.pulse.named("flat"), info.link_snr(power), links.search_interval(info), "unknown"
    )
    metres = isal.units.SPEED_OF_LIGHT / radio.bandwidth_hz
    gain = np.linalg.inv(info.matrix(power)) @ (info.links.rows * weight[:, None]).T
    covariance = (gain * predicted * metres**2) @ gain.T
    expected = np.trace(covariance[info.blocks["targets"], info.blocks["targets"]]) / speb(info, power, "targets")
    assert links.growth_if_kept(info, power, "targets") == pytest.approx(expected, rel=1e-6)


# --- usable links of schedules ----------------------------------------------------------------------------------------


def by_hand(slot):
    """Information of a slot from usable links alone, added up link by link, and the share of these in the bound."""
    info, target = slot.information, slot.information.basis.indices([slot.steps[-1].block])
    threshold = links.threshold_snr(info)
    measured = [
        (float(snr >= threshold), intensity * step.power[transmitter] * np.outer(row, row))
        for step in slot.steps
        for snr, intensity, transmitter, row in zip(
            info.link_snr(step.power), info.links.intensity, info.links.transmitter, info.links.rows, strict=True
        )
    ]
    inverse = np.linalg.inv(sum(told for _, told in measured))[:, target]
    share = sum(kept * np.trace(inverse.T @ told @ inverse) for kept, told in measured) / np.trace(inverse[target])
    return sum(kept * told for kept, told in measured), share


def traces(matrix, indices):
    inverse = np.linalg.inv(matrix)
    return [np.trace(inverse[np.ix_(some, some)]) for some in indices]


def with_pulses(pulses):
    """A radio with so many times the information of links, and of what moves between slots."""
    return isal.Radio(pulses=pulses, velocity_variance=1e-2 / pulses, drift_variance=1e-20 / pulses)


@pytest.mark.parametrize("clock", ["synchronous", "asynchronous"])
@pytest.mark.parametrize("pulses", [30, 1e9])
def test_usable_links_of_one_slot_by_hand(layouts, clock, pulses):
    """Of two or three steps: what they measured together, whatever the carry-over."""
    energies = [3, 7] if clock == "synchronous" else [3, 1, 6]
    for carry in ("held", "joint"):
        slot = isal.step_by_step(layouts["7b"], with_pulses(pulses), clock=clock, energies=energies, carry=carry)
        (found,) = links.usable_links([[slot]])
        matrix, share = by_hand(slot)
        assert found.threshold == links.threshold_snr(slot.information)
        assert found.speb == pytest.approx(*traces(matrix, [slot.information.basis.indices(["targets"])]), rel=1e-6)
        assert found.share == pytest.approx(share, rel=1e-6)
        assert found.speb > (0 if carry == "held" else slot.speb * (1 - 1e-9))


@pytest.mark.parametrize("clock", ["synchronous", "asynchronous"])
@pytest.mark.parametrize("pulses", [100, 1e6])
def test_usable_links_of_two_slots_by_hand(clock, pulses):
    """The second slot starts from what the usable links of the first one say: one matrix of both slots."""
    result = isal.integrated(DUAL["8a"], with_pulses(pulses), clock=clock, energies=[4.0, 6.0])
    found = links.usable_links([result.slots])
    infos = [slot.information for slot in result.slots]
    size, moved = infos[0].basis.size, infos[0].basis.indices(temporal.COUPLED)
    both, tie = np.zeros((2 * size, 2 * size)), np.diag(temporal.coupling(infos[0]))
    for number, slot in enumerate(result.slots):
        part = slice(number * size, (number + 1) * size)
        both[part, part], share = by_hand(slot)
        assert found[number].share == pytest.approx(share, rel=1e-6)
    targets = infos[0].basis.indices(["targets"])
    (alone,) = traces(both[:size, :size], [targets])
    (unlinked,) = traces(both[size:, size:], [targets])
    for rows, columns, sign in ((0, 0, 1), (0, size, -1), (size, 0, -1), (size, size, 1)):
        both[np.ix_(moved + rows, moved + columns)] += sign * tie
    (second,) = traces(both, [targets + size])
    assert found[0].speb == pytest.approx(alone, rel=1e-6)
    assert found[1].speb == pytest.approx(second, rel=1e-6)
    assert second < unlinked * (1 - 1e-4)  # else the test says nothing of what goes from slot to slot


@pytest.mark.parametrize("clock", ["synchronous", "asynchronous"])
@pytest.mark.parametrize("name", ["8a", "8b"])
def test_with_enough_pulses_the_bound_of_usable_links_is_the_bound(name, clock):
    """Never below it, never rising with the number of pulses, infinite where nothing is usable."""
    lowest = [np.inf, np.inf]
    for pulses in (1e-9, 1, 10, 100, 1e3, 1e4, 1e15):
        result = isal.integrated(DUAL[name], with_pulses(pulses), clock=clock, energies=[4.0, 6.0])
        for number, (slot, found) in enumerate(zip(result.slots, links.usable_links([result.slots]), strict=True)):
            assert 0 <= found.share <= 1 + 1e-9
            assert found.speb >= slot.speb * (1 - 1e-6)
            assert found.speb * pulses <= lowest[number] * (1 + 1e-6)
            assert (found.pulses <= pulses) == (found.share >= links.CARRIED)
            lowest[number] = found.speb * pulses
            if pulses == 1e-9:
                assert (found.share, found.speb) == (0, math.inf)
            if pulses == 1e15:
                assert found.share == pytest.approx(1, abs=1e-9)
                assert found.speb == pytest.approx(slot.speb, rel=1e-6)


def test_where_links_leave_a_slot_undetermined_nothing_has_a_share(layouts, radio):
    slot = isal.integrated(layouts["7a"], radio, clock="synchronous", energy=10.0)
    (step,) = slot.steps
    silent = replace(step, allocation=replace(step.allocation, power=np.zeros(4)))
    (found,) = links.usable_links([[replace(slot, steps=(silent,))]])
    assert found.speb == math.inf
    assert np.isnan(found.share)
    assert np.isnan(found.pulses)
