"""The integrated and the step-by-step scheme: the paper's layouts, carry-overs and the identities that hold exactly."""

import math
from dataclasses import replace

import numpy as np
import pytest
import references
from builders import CONVEX_CARRIES, DUAL, LINE, schur
from hypothesis import given
from hypothesis import strategies as st
from strategies import CLOCKS, generators, networks, random_network

import isal
from isal.model.parameters import CLOCKS as CLOCK_MODES
from isal.schemes.carry_over import CARRIES, CARRY_OVERS
from isal.schemes.schedule import node_caps
from isal.schemes.step_by_step import EARLIER_STEP_TOLERANCE, known_after, steps_of
from isal.schemes.variant import CAPS_PER, FIRST_STEPS
from isal.units import SPEED_OF_LIGHT

RADIO = isal.Radio()
CONSISTENT_CARRIES = st.sampled_from([name for name, each in CARRY_OVERS.items() if each.consistent])
NETWORKS = networks(anchors=(2, 3))


def n_steps(clock):
    """Steps of a network with unknown radars, at least one anchor and a target."""
    return 3 if clock == "asynchronous" else 2


def random_split(rng, clock, energy=10.0):
    return tuple(energy * rng.dirichlet(np.full(n_steps(clock), 3.0)))


def assert_same_optimum(found, expected, factor=1.0):
    """The certified intervals of two problems whose optima differ by ``factor`` meet: no wider than their gaps."""
    assert found.lower_bound <= factor * expected.speb * (1 + 1e-9)
    assert factor * expected.lower_bound <= found.speb * (1 + 1e-9)


# --- the layouts of the study -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "step_1_energy", "ratio"), [("7a", 7.0, 0.76), ("7b", 6.8, 0.54), ("7c", 2.3, 1.5), ("7d", 0.2, 1.04)]
)
def test_best_split_of_the_layouts(layouts, radio, name, step_1_energy, ratio):
    """Where step-by-step ("held") is best over its split, and what it gains or loses against integrated there."""
    whole = isal.integrated(layouts[name], radio, clock="synchronous", energy=10.0).speb

    def relative(energy):
        split = (energy, 10.0 - energy)
        return isal.step_by_step(layouts[name], radio, clock="synchronous", energies=split, carry="held").speb / whole

    best = relative(step_1_energy)
    assert best == pytest.approx(ratio, rel=0.01)
    for neighbour in (0.7 * step_1_energy, min(1.3 * step_1_energy, 9.9)):
        assert relative(neighbour) > 0.99 * best


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("name", ["7a", "7b", "7c", "7d"])
def test_every_step_on_the_layouts_is_certified(layouts, radio, name, clock):
    """Earlier steps hand on their powers and so are solved to 1e-9, the last one to what is asked for."""
    assert isal.integrated(layouts[name], radio, clock=clock, energy=10.0).status == "optimal"
    split = (6.0, 1.0, 3.0)[-n_steps(clock) :]
    for carry in CARRIES:
        result = isal.step_by_step(layouts[name], radio, clock=clock, energies=split, carry=carry)
        *earlier, last = (step.allocation for step in result.steps)
        assert last.tolerance == 1e-6
        assert result.status == last.status == ("optimal" if carry in CONVEX_CARRIES else "local")
        assert last.gap <= last.tolerance or carry not in CONVEX_CARRIES
        for allocation in earlier:
            assert allocation.gap <= allocation.tolerance == EARLIER_STEP_TOLERANCE == 1e-9


@pytest.mark.parametrize("carry", CARRIES)
def test_a_looser_tolerance_does_not_loosen_earlier_steps(layouts, radio, carry):
    result = isal.step_by_step(
        layouts["7c"], radio, clock="asynchronous", energies=(3, 1, 6), carry=carry, tolerance=1e-2
    )
    assert [step.allocation.tolerance for step in result.steps] == [1e-9, 1e-9, 1e-2]


# --- what a result says -----------------------------------------------------------------------------------------------


def test_integrated_result(paper_network, radio):
    result = isal.integrated(paper_network, radio, clock="asynchronous", energy=10.0)
    matrix = references.information(paper_network, radio, result.power, "asynchronous")
    assert result.speb == pytest.approx(references.speb(matrix, [6, 7]), rel=1e-9)
    assert result.spebs == isal.spebs(paper_network, radio, result.power, "asynchronous")
    assert result.spebs.targets == pytest.approx(result.speb, rel=1e-12)
    assert (result.energies, result.power.shape) == ((10.0,), (4,))
    assert result.lower_bound <= result.speb
    assert result.gap == pytest.approx(1 - result.lower_bound / result.speb)
    assert result.steps[0].energy_used == pytest.approx(10.0, rel=1e-6)


def test_step_by_step_result(paper_network, radio):
    result = isal.step_by_step(paper_network, radio, clock="asynchronous", energies=(3.0, 0.5, 6.5))
    assert (result.energies, result.power.shape) == ((3.0, 0.5, 6.5), (3, 4))
    assert [step.block for step in result.steps] == ["radars", "clocks", "targets"]
    met = [[math.isfinite(value) for value in vars(step.spebs).values()] for step in result.steps]
    assert met == [[True, False, False], [True, True, False], [True, True, True]]
    for step in result.steps:
        assert getattr(step.spebs, step.block) == pytest.approx(step.allocation.value, rel=1e-12)
        assert step.energy_used <= step.energy * (1 + 1e-12)
    assert result.speb == result.steps[-1].allocation.value
    assert result.spebs == result.steps[-1].spebs


@pytest.mark.parametrize("number", [0, 1])
def test_a_step_that_is_not_certified_shows_in_the_status(paper_network, radio, number):
    result = isal.step_by_step(paper_network, radio, clock="synchronous", energies=(5, 5))
    steps = list(result.steps)
    unsure = replace(steps[number].allocation, lower_bound=0.5 * steps[number].allocation.value)
    steps[number] = replace(steps[number], allocation=unsure)
    assert (result.status, replace(result, steps=tuple(steps)).status) == ("optimal", "uncertified")


@pytest.mark.parametrize("scheme", ["integrated", "step-by-step"])
def test_caps_limit_every_node_in_every_step(paper_network, radio, scheme):
    caps = np.array([2.5, 3.0, 3.5, 2.0])
    if scheme == "integrated":
        result = isal.integrated(paper_network, radio, clock="synchronous", energy=10.0, caps=caps)
    else:
        result = isal.step_by_step(paper_network, radio, clock="synchronous", energies=(10, 10), caps=caps)
    assert (result.power <= caps).all()
    assert np.isclose(result.power, caps, rtol=1e-6).any()
    assert result.status == "optimal"


def test_default_caps_are_the_total_energy(paper_network):
    assert node_caps(paper_network, 10.0).tolist() == [10, 10, 10, 10]
    assert node_caps(paper_network, 10.0, radars=2.0).tolist() == [2, 2, 10, 10]
    assert node_caps(paper_network, 10.0, radars=2.0, anchors=3.0).tolist() == [2, 2, 3, 3]


# --- carry-overs ------------------------------------------------------------------------------------------------------


def padded(block, size):
    """``block`` in the upper left corner of zeros."""
    return np.pad(block, (0, size - len(block)))


def two_step_matrix(first, second, carry, r, t):
    """What the target step of a synchronous network knows; ``first`` and ``second`` are the steps' information."""
    match carry:
        case "held":
            return np.block([[first[r, r], second[r, t]], [second[t, r], second[t, t]]])
        case "added":
            return second + padded(first[r, r], len(second))
        case "marginal":
            drop = np.arange(t.start, t.stop)
            return second + padded(schur(first, np.arange(r.stop), drop), len(second))
        case "joint":
            return first + second


def three_step_matrices(first, second, third, carry, r, c, t):
    """What the clock step and the target step of an asynchronous network know."""
    size = len(first)
    met, unmet = np.arange(c.stop), np.arange(t.start, size)
    m = slice(0, c.stop)
    match carry:
        case "held":
            clock_step = np.block([[first[r, r], second[r, c]], [second[c, r], second[c, c]]])
            return clock_step, np.block([[clock_step, third[m, t]], [third[t, m], third[t, t]]])
        case "added":
            clock_step = second[m, m] + padded(first[r, r], c.stop)
            return clock_step, third + padded(clock_step, size)
        case "marginal":
            prior = schur(first, np.arange(r.stop), np.arange(r.stop, size))
            whole = second + padded(prior, size)
            return whole[m, m], third + padded(schur(whole, met, unmet), size)
        case "joint":
            return (first + second)[m, m], first + second + third


def assert_no_better_powers(value_of, allocation, energy, rng):
    """No random powers of the same energy beat the allocation by more than its tolerance."""
    for power in energy * rng.dirichlet(np.ones(len(allocation.power)), 30):
        assert value_of(power) >= allocation.value * (1 - 1e-6)


def positive_speb(matrix, indices):
    return references.speb(matrix, indices) if np.linalg.eigvalsh(matrix)[0] > 0 else math.inf


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("carry", CONVEX_CARRIES)
def test_carry_over_of_two_synchronous_steps(carry, seed):
    rng = np.random.default_rng(seed)
    network = random_network(rng, 2, 2, 1 + seed % 2)
    energies = random_split(rng, "synchronous")
    result = isal.step_by_step(network, RADIO, clock="synchronous", energies=energies, carry=carry)
    r, t = slice(0, 4), slice(4, 4 + 2 * network.n_targets)

    def measured(power):
        return references.information(network, RADIO, power, "synchronous")

    first, second = (measured(power) for power in result.power)
    radars, targets = range(4), range(t.start, t.stop)
    assert result.steps[0].allocation.value == pytest.approx(references.speb(first[r, r], radars), rel=1e-9)
    matrix = two_step_matrix(first, second, carry, r, t)
    assert result.speb == pytest.approx(references.speb(matrix, targets), rel=1e-9)
    assert result.spebs.radars == pytest.approx(references.speb(matrix, radars), rel=1e-9)

    def radar_step(power):
        return positive_speb(measured(power)[r, r], radars)

    def target_step(power):
        return positive_speb(two_step_matrix(first, measured(power), carry, r, t), targets)

    assert_no_better_powers(radar_step, result.steps[0].allocation, energies[0], rng)
    assert_no_better_powers(target_step, result.steps[1].allocation, energies[1], rng)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("carry", CONVEX_CARRIES)
def test_carry_over_of_three_asynchronous_steps(carry, seed):
    rng = np.random.default_rng(seed)
    network = random_network(rng, 2, 2, 1 + seed % 2)
    energies = random_split(rng, "asynchronous")
    result = isal.step_by_step(network, RADIO, clock="asynchronous", energies=energies, carry=carry)
    r, c, t = slice(0, 4), slice(4, 6), slice(6, 6 + 2 * network.n_targets)
    radars, clocks, targets = range(4), range(4, 6), range(6, t.stop)

    def measured(power):
        return references.information(network, RADIO, power, "asynchronous")

    first, second, third = (measured(power) for power in result.power)
    clock_step, target_step = three_step_matrices(first, second, third, carry, r, c, t)
    assert result.steps[0].spebs.radars == pytest.approx(references.speb(first[r, r], radars), rel=1e-9)
    assert result.steps[1].spebs.radars == pytest.approx(references.speb(clock_step, radars), rel=1e-9)
    assert result.steps[1].spebs.clocks == pytest.approx(references.speb(clock_step, clocks), rel=1e-9)
    assert result.steps[2].spebs.radars == pytest.approx(references.speb(target_step, radars), rel=1e-9)
    assert result.steps[2].spebs.clocks == pytest.approx(references.speb(target_step, clocks), rel=1e-9)
    assert result.speb == pytest.approx(references.speb(target_step, targets), rel=1e-9)

    def clock_value(power):
        matrix, _ = three_step_matrices(first, measured(power), third, carry, r, c, t)
        return positive_speb(matrix, clocks)

    def target_value(power):
        _, matrix = three_step_matrices(first, second, measured(power), carry, r, c, t)
        return positive_speb(matrix, targets)

    assert_no_better_powers(clock_value, result.steps[1].allocation, energies[1], rng)
    assert_no_better_powers(target_value, result.steps[2].allocation, energies[2], rng)


def test_carry_overs_agree_on_the_first_step_only(paper_network, radio):
    results = [
        isal.step_by_step(paper_network, radio, clock="asynchronous", energies=(3, 1, 6), carry=carry)
        for carry in CARRIES
    ]
    first = [result.steps[0].allocation.value for result in results]
    np.testing.assert_allclose(first, first[0], rtol=1e-12)
    # that steps before the last use their ranging links only can matter as little as this
    spebs = sorted(result.speb for result in results)
    assert (np.diff(spebs) > 1e-6 * spebs[0]).all()


def test_more_energy_may_stay_unspent_where_blocks_are_held(radio):
    """With hardly any energy for the radars, cross terms of a strong target step only do harm."""
    network = isal.Network([[20, 20], [180, 20]], [[95, 105], [105, 95]], [[102, 104]])
    result = isal.step_by_step(network, radio, clock="synchronous", energies=(0.01, 9.99), carry="held")
    assert result.status == "optimal"
    assert result.steps[1].energy_used < 0.9 * result.steps[1].energy


# --- identities -------------------------------------------------------------------------------------------------------


@given(NETWORKS, CLOCKS, st.booleans())
def test_doubling_the_energy_halves_the_integrated_optimum(network, clock, binding):
    caps = 13.0 / network.n_nodes if binding else None
    doubled_caps = 2 * caps if binding else None
    once = isal.integrated(network, RADIO, clock=clock, energy=10.0, caps=caps)
    twice = isal.integrated(network, RADIO, clock=clock, energy=20.0, caps=doubled_caps)
    assert_same_optimum(twice, once, 0.5)


@pytest.mark.parametrize("carry", CARRIES)
@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_doubling_all_energies_halves_the_step_by_step_optimum(layouts, radio, clock, carry):
    split = np.array([4.0, 1.0, 5.0][-n_steps(clock) :])
    for network in layouts.values():
        once, twice = (
            isal.step_by_step(network, radio, clock=clock, energies=energies, carry=carry)
            for energies in (split, 2 * split)
        )
        assert twice.speb == pytest.approx(once.speb / 2, rel=1e-6)


@given(NETWORKS, CLOCKS)
def test_a_hundredth_of_the_bandwidth_costs_the_optimum_exactly_a_hundred(network, clock):
    wide = isal.integrated(network, isal.Radio(bandwidth_hz=500e6), clock=clock, energy=10.0)
    narrow = isal.integrated(network, isal.Radio(bandwidth_hz=5e6), clock=clock, energy=10.0)
    assert_same_optimum(narrow, wide, 100.0)


@pytest.mark.parametrize("carry", CARRIES)
@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_bandwidth_scales_the_step_by_step_optimum_too(layouts, clock, carry):
    split = (4.0, 1.0, 5.0)[-n_steps(clock) :]
    for network in layouts.values():
        wide, narrow = (
            isal.step_by_step(network, isal.Radio(bandwidth_hz=band), clock=clock, energies=split, carry=carry)
            for band in (500e6, 5e6)
        )
        assert narrow.speb == pytest.approx(100 * wide.speb, rel=1e-6)


@given(NETWORKS, CLOCKS, CONSISTENT_CARRIES, generators())
def test_integrated_is_never_beaten_by_consistent_carry_overs(network, clock, carry, rng):
    """The steps' powers together are feasible for the integrated problem and tell it at least as much."""
    split = random_split(rng, clock)
    steps = isal.step_by_step(network, RADIO, clock=clock, energies=split, carry=carry)
    whole = isal.integrated(network, RADIO, clock=clock, energy=sum(split))
    assert whole.lower_bound <= steps.speb * (1 + 1e-9)
    together = isal.spebs(network, RADIO, steps.power.sum(axis=0), clock).targets
    assert whole.lower_bound <= together * (1 + 1e-9)
    assert together <= steps.speb * (1 + 1e-9)


@given(NETWORKS, generators())
def test_synchronous_joint_is_never_beaten_by_marginal(network, rng):
    split = random_split(rng, "synchronous")
    joint, marginal = (
        isal.step_by_step(network, RADIO, clock="synchronous", energies=split, carry=carry)
        for carry in ("joint", "marginal")
    )
    assert joint.lower_bound <= marginal.speb * (1 + 1e-9)


@given(NETWORKS, CLOCKS, generators())
def test_permuting_nodes_keeps_the_optimum(network, clock, rng):
    radars, anchors = rng.permutation(network.n_radars), rng.permutation(network.n_anchors)
    shuffled = isal.Network(network.anchors[anchors], network.radars[radars], network.targets)
    expected = isal.integrated(network, RADIO, clock=clock, energy=10.0)
    found = isal.integrated(shuffled, RADIO, clock=clock, energy=10.0)
    assert_same_optimum(found, expected)
    order = np.concatenate([radars, network.n_radars + anchors])
    carried_over = isal.spebs(shuffled, RADIO, expected.power[order], clock).targets
    assert carried_over == pytest.approx(expected.speb, rel=1e-9)


@pytest.mark.parametrize("name", ["7a", "7b", "7c", "7d"])
def test_permuting_nodes_permutes_the_powers(layouts, radio, name):
    network = layouts[name]
    swapped = isal.Network(network.anchors[::-1], network.radars[::-1], network.targets)
    expected = isal.integrated(network, radio, clock="synchronous", energy=10.0, tolerance=1e-9).power
    found = isal.integrated(swapped, radio, clock="synchronous", energy=10.0, tolerance=1e-9).power
    np.testing.assert_allclose(found, expected[[1, 0, 3, 2]], rtol=0, atol=1e-3)


@given(NETWORKS, CLOCKS, st.floats(-3, 3), st.tuples(st.floats(-300, 300), st.floats(-300, 300)))
def test_turning_and_shifting_keeps_the_optimum(network, clock, angle, shift):
    moved = isal.integrated(network.moved(angle, shift), RADIO, clock=clock, energy=10.0)
    assert_same_optimum(moved, isal.integrated(network, RADIO, clock=clock, energy=10.0))


@pytest.mark.parametrize("carry", CARRIES)
def test_turning_and_shifting_keeps_the_step_by_step_optimum(layouts, radio, carry):
    for network in layouts.values():
        found, expected = (
            isal.step_by_step(some, radio, clock="asynchronous", energies=(4, 1, 5), carry=carry)
            for some in (network.moved(2.0, (30, -70)), network)
        )
        assert found.speb == pytest.approx(expected.speb, rel=1e-5)


@given(networks(anchors=(3, 4)), CLOCKS, st.sampled_from(["anchors", "radars"]))
def test_another_node_never_hurts_the_integrated_optimum(network, clock, group):
    groups = {"anchors": network.anchors, "radars": network.radars}
    groups[group] = groups[group][:-1]
    smaller = isal.Network(targets=network.targets, **groups)
    with_all = isal.integrated(network, RADIO, clock=clock, energy=10.0)
    assert with_all.lower_bound <= isal.integrated(smaller, RADIO, clock=clock, energy=10.0).speb * (1 + 1e-9)


@given(NETWORKS, CLOCKS)
def test_optimised_powers_beat_equal_powers(network, clock):
    equal = isal.spebs(network, RADIO, np.full(network.n_nodes, 10.0 / network.n_nodes), clock).targets
    assert isal.integrated(network, RADIO, clock=clock, energy=10.0).speb < equal


@given(NETWORKS)
def test_unknown_clocks_never_help_the_integrated_optimum(network):
    synchronous, asynchronous = (
        isal.integrated(network, RADIO, clock=clock, energy=10.0) for clock in ("synchronous", "asynchronous")
    )
    assert synchronous.lower_bound <= asynchronous.speb * (1 + 1e-9)


# --- other kinds of network -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "clock", "steps"),
    [
        (isal.Network([[0, 0], [90, 0]], [[30, 40], [70, 60]]), "synchronous", ("radars",)),
        (isal.Network([[0, 0], [90, 0]], [[30, 40], [70, 60]]), "asynchronous", ("radars", "clocks")),
        (isal.Network([[0, 0], [90, 0]], [[30, 40]], [[9, 50]], radars_known=True), "synchronous", ("targets",)),
        (isal.Network([[0, 0]], [[30, 40]], [[9, 50]], radars_known=True), "asynchronous", ("clocks", "targets")),
        (isal.Network([[0, 0], [90, 0]], [], [[9, 50]]), "asynchronous", ("targets",)),
    ],
    ids=["localization", "localization with clocks", "sensing", "sensing with clocks", "anchors only"],
)
def test_steps_of_networks_without_some_blocks(radio, network, clock, steps):
    assert steps_of(isal.information(network, radio, clock)) == steps
    for carry in CARRIES:
        result = isal.step_by_step(network, radio, clock=clock, energies=(2.0,) * len(steps), carry=carry)
        assert tuple(step.block for step in result.steps) == steps
        assert result.status == "optimal" or (result.status == "local" and carry not in CONVEX_CARRIES)
        assert result.status == "optimal" or len(steps) > 1


@pytest.mark.parametrize(
    "network",
    [
        isal.Network([[0, 0], [90, 0]], [[30, 40], [70, 60]]),
        isal.Network([[0, 0]], [[30, 40], [70, 60]], [[9, 50]], radars_known=True),
    ],
    ids=["localization only", "sensing only"],
)
def test_a_single_step_is_the_integrated_scheme(radio, network):
    step = isal.step_by_step(network, radio, clock="synchronous", energies=(10.0,))
    whole = isal.integrated(network, radio, clock="synchronous", energy=10.0)
    assert step.speb == pytest.approx(whole.speb, rel=1e-9)
    np.testing.assert_allclose(step.power, whole.power, rtol=0, atol=1e-6)


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_localization_only_optimises_the_radars(radio, clock):
    """Figure 1: the positions are what the network is for, with or without unknown clocks."""
    network = isal.Network([[0, 0], [90, 0], [0, 90]], [[30, 40], [70, 60]])
    best = isal.integrated(network, radio, clock=clock, energy=10.0)
    assert best.steps[0].block == "radars"
    assert best.speb == pytest.approx(isal.spebs(network, radio, best.power, clock).radars, rel=1e-9)


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_several_targets_are_optimised_together(radio, clock):
    network = isal.Network([[0, 0], [150, 20]], [[60, 130], [120, 90]], [[40, 60], [100, 40], [90, 150]])
    best = isal.integrated(network, radio, clock=clock, energy=10.0)
    assert best.status == "optimal"
    targets = range(best.information.basis.size - 6, best.information.basis.size)
    matrix = references.information(network, radio, best.power, clock)
    assert best.speb == pytest.approx(references.speb(matrix, targets), rel=1e-9)
    for target in network.targets:
        alone = isal.Network(network.anchors, network.radars, [target])
        assert isal.integrated(alone, radio, clock=clock, energy=10.0).speb < best.speb


# --- errors -----------------------------------------------------------------------------------------------------------


def test_an_unknown_carry_over_is_refused_with_the_choice(paper_network, radio):
    with pytest.raises(
        ValueError, match="carry must be one of held, added, marginal, joint, plug-in, plug-in-ranging; got 'forgotten'"
    ):
        isal.step_by_step(paper_network, radio, clock="synchronous", energies=(5, 5), carry="forgotten")


@pytest.mark.parametrize(
    ("clock", "energies", "message"),
    [
        ("synchronous", (1, 2, 3), r"appendix: energies must name 2 steps \(radars, targets\), got 3"),
        ("asynchronous", (5, 5), r"appendix: energies must name 3 steps \(radars, clocks, targets\), got 2"),
        ("synchronous", (), r"must name 2 steps \(radars, targets\), got 0"),
    ],
)
def test_a_wrong_number_of_energies_is_refused_with_the_steps(paper_network, radio, clock, energies, message):
    with pytest.raises(ValueError, match=message):
        isal.step_by_step(paper_network, radio, clock=clock, energies=energies)


@pytest.mark.parametrize("energies", [(0.0, 10.0), (5.0, -1.0), (5.0, -6.0), (5.0, math.nan)])
def test_an_unusable_step_energy_is_refused_with_its_value(paper_network, radio, energies):
    (bad,) = (energy for energy in energies if not energy > 0)
    with pytest.raises(ValueError, match=f"energy.* got {bad} J"):
        isal.step_by_step(paper_network, radio, clock="synchronous", energies=energies)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"energy": -3.0}, "energy must be finite and positive, got -3.0 J"),
        ({"energy": math.inf}, "energy must be finite and positive, got inf J"),
        ({"caps": [0, 0, 0, 0]}, "every power cap is zero; let at least one node transmit"),
        ({"caps": -1.0}, "cap of .* must not be negative, got -1.0 W"),
        ({"solver": "magic"}, "there is no solver 'magic'"),
        ({"tolerance": 0.0}, "tolerance must be finite and positive, got 0.0"),
        ({"clock": "sync"}, "clock must be one of synchronous, asynchronous; got 'sync'"),
    ],
)
def test_unusable_arguments_are_refused_by_name(paper_network, radio, arguments, message):
    usable = {"clock": "synchronous", "energy": 10.0}
    with pytest.raises(ValueError, match=message):
        isal.integrated(paper_network, radio, **(usable | arguments))


def test_an_unobservable_network_is_refused(radio):
    with pytest.raises(isal.UnobservableError, match=r"line: .* radar 1 y, target 1 y"):
        isal.step_by_step(LINE, radio, clock="synchronous", energies=(5, 5))


# --- variants ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step_1", "ratios"), [("equivalent", (4.18, 4.15, 1.52, 1.04)), ("ranging", (4.24, 4.20, 1.52, 1.04))]
)
def test_what_held_reaches_hangs_on_what_step_1_minimises(layouts, radio, step_1, ratios):
    """Over integrated, synchronous, each at its best split: with the radars' block 0.76, 0.54, 1.50 and 1.04."""
    for (name, network), ratio in zip(layouts.items(), ratios, strict=True):
        whole = isal.integrated(network, radio, clock="synchronous", energy=10.0)
        best = isal.best_split(network, radio, clock="synchronous", energy=10.0, step_1=step_1)
        assert best.status == "optimal"
        assert best.speb / whole.speb == pytest.approx(ratio, abs=0.005), name


@given(NETWORKS, CLOCKS, generators(), st.sampled_from(["equivalent", "ranging"]))
def test_step_1_minimises_what_it_is_told_to(network, clock, rng, step_1):
    """No other powers of step 1 leave less of the radars open once all that is unknown is eliminated."""
    split = random_split(rng, clock)
    result = isal.step_by_step(network, RADIO, clock=clock, energies=split, step_1=step_1)
    info, first = result.information, result.steps[0]
    used = info.ranging if step_1 == "ranging" else info
    radars = info.basis.indices(["radars"])

    def value(power):
        return used.measured(power).marginal(radars).speb(np.arange(len(radars)))

    assert value(first.power) == pytest.approx(first.allocation.value, rel=1e-6)
    assert first.spebs.radars == pytest.approx(first.allocation.value, rel=1e-6)
    assert value(split[0] * rng.dirichlet(np.ones(network.n_nodes))) >= first.allocation.lower_bound * (1 - 1e-9)


@given(NETWORKS, generators(), st.sampled_from(["equivalent", "ranging"]))
def test_held_and_added_keep_what_step_1_minimised(network, rng, step_1):
    """By hand: synchronous, the radars' block of step 2 is the equivalent information of step 1's links."""
    split = random_split(rng, "synchronous")
    r, t = 2 * network.n_radars, 2 * network.n_targets
    everything = np.arange(r + t)
    for carry in ("held", "added"):
        result = isal.step_by_step(network, RADIO, clock="synchronous", energies=split, carry=carry, step_1=step_1)
        info, (first, second) = result.information, result.power
        whole = info.matrix(first)
        known = (
            info.ranging.matrix(first)[:r, :r] if step_1 == "ranging" else schur(whole, everything[:r], everything[r:])
        )
        matrix = info.matrix(second)
        matrix[:r, :r] = known + (matrix[:r, :r] if carry == "added" else 0)
        assert np.trace(np.linalg.inv(matrix)[r:, r:]) == pytest.approx(result.speb, rel=1e-6)


def test_a_single_step_is_the_same_in_every_variant(radio):
    sensing = isal.Network([[0, 0], [100, 0]], [[30, 60], [70, 80]], [[50, 40]], radars_known=True)
    values = {
        isal.step_by_step(sensing, radio, clock="synchronous", energies=[3.0], step_1=step_1, caps_per=caps_per).speb
        for step_1 in FIRST_STEPS
        for caps_per in CAPS_PER
    }
    assert len(values) == 1


@pytest.mark.parametrize("carry", CARRIES)
def test_what_is_known_at_the_powers_of_a_scheme(layouts, radio, carry):
    for step_1 in FIRST_STEPS:
        result = isal.step_by_step(
            layouts["7b"], radio, clock="asynchronous", energies=(4, 1, 5), carry=carry, step_1=step_1
        )
        *_, last = known_after(result.information, result.power, carry, step_1)
        np.testing.assert_array_equal(last.matrix, result.measured.matrix)


def test_caps_anew_in_each_step_are_worth_half(layouts, radio):
    """With 1 W per node and energy to spare every node spends its cap in each step: twice as much as integrated may."""
    for clock, steps in (("synchronous", 2), ("asynchronous", 3)):
        energies = [10.0] * steps
        whole = isal.integrated(layouts["7c"], radio, clock=clock, energy=10.0, caps=1.0)
        anew = isal.step_by_step(layouts["7c"], radio, clock=clock, energies=energies, carry="joint", caps=1.0)
        assert anew.speb == pytest.approx(whole.speb / steps, rel=1e-5)
        once = isal.step_by_step(
            layouts["7c"], radio, clock=clock, energies=energies, carry="joint", caps=1.0, caps_per="slot"
        )
        assert once.speb == pytest.approx(whole.speb, rel=1e-5)


@given(NETWORKS, CLOCKS, generators(), CONSISTENT_CARRIES)
def test_caps_per_slot_limit_the_sum_over_steps(network, clock, rng, carry):
    """Then an honest step-by-step never beats integrated, whether caps bind or not."""
    split = random_split(rng, clock)
    caps = rng.uniform(0.5, 6.0, network.n_nodes)
    whole = isal.integrated(network, RADIO, clock=clock, energy=10.0, caps=caps)
    result = isal.step_by_step(network, RADIO, clock=clock, energies=split, carry=carry, caps=caps, caps_per="slot")
    assert (result.power.sum(axis=0) <= caps * (1 + 1e-8)).all()
    assert result.status == "optimal" or carry not in CONVEX_CARRIES
    assert result.speb >= whole.lower_bound * (1 - 1e-7)


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_slack_caps_are_the_same_per_step_and_per_slot(layouts, radio, clock):
    split = (3.0, 1.0, 6.0)[-n_steps(clock) :]
    values = [
        isal.step_by_step(layouts["7a"], radio, clock=clock, energies=split, caps=caps, caps_per=caps_per).speb
        for caps in (None, 10.0)
        for caps_per in ("step", "slot")
    ]
    np.testing.assert_allclose(values, values[0], rtol=1e-6)


def test_caps_per_slot_at_the_best_split(layouts, radio):
    options = {"clock": "synchronous", "energy": 10.0, "carry": "joint", "caps": [1.0, 8.0, 8.0, 8.0]}
    whole = isal.integrated(layouts["7a"], radio, clock="synchronous", energy=10.0, caps=options["caps"])
    anew = isal.best_split(layouts["7a"], radio, **options)
    once = isal.best_split(layouts["7a"], radio, **options, caps_per="slot")
    assert anew.speb < whole.lower_bound * (1 - 1e-3)
    assert whole.lower_bound <= once.speb <= whole.speb * 1.01
    assert once.power.sum(axis=0)[0] <= 1 + 1e-6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step_1": "target"}, "step_1 must be one of block, equivalent, ranging; got 'target'"),
        ({"caps_per": "year"}, "caps_per must be one of step, slot; got 'year'"),
    ],
)
def test_unknown_variants_are_refused(layouts, radio, change, message):
    with pytest.raises(ValueError, match=message):
        isal.step_by_step(layouts["7a"], radio, clock="synchronous", energies=(5, 5), **change)
    with pytest.raises(ValueError, match=message):
        isal.best_split(layouts["7a"], radio, clock="synchronous", energy=10.0, **change)


def test_clocks_save_little_even_with_drift_read_in_metres(radio):
    """rho^2 = 1e-10 in (s/s)^2 says nothing of clocks; in m^2/s^2 it saves 0 to 1.6 % over slots of equal energy."""
    saved = {}
    for name, slots in DUAL.items():
        values = [
            isal.integrated(
                slots, replace(radio, drift_variance=drift), clock="asynchronous", energies=(5.0, 5.0), tolerance=1e-9
            ).speb
            for drift in (1e12, 1e-10, 1e-10 / SPEED_OF_LIGHT**2)
        ]
        saved[name] = [1 - value / values[0] for value in values[1:]]
    assert all(abs(as_printed) < 1e-6 for as_printed, _ in saved.values())
    assert {name: round(100 * in_metres, 1) for name, (_, in_metres) in saved.items()} == {
        "8a": 1.6,
        "8b": 1.1,
        "8c": 0.0,
        "8d": 0.4,
    }
