"""The best split of a slot's energy over the steps, against traversals of the split on the scheme itself."""

import itertools
import math

import numpy as np
import pytest
import references
from builders import CONVEX_CARRIES, DUAL
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import CLOCKS, networks, random_network

import isal
from isal.allocation import scheduler
from isal.model import temporal
from isal.model.parameters import CLOCKS as CLOCK_MODES
from isal.schemes import best_split as splits
from isal.schemes import schedule as schemes
from isal.schemes import search
from isal.schemes.carry_over import CARRIES
from isal.schemes.integrated import integrated_schedule, integrated_slot
from isal.schemes.schedule import no_prior, slot_informations
from isal.schemes.step_by_step import steps_of, steps_slot

RADIO = isal.Radio()
ENERGY = 10.0
SOLVER = "interior-point"
#: Tighter than what is asked for below, so that the solver's own error does not count.
TOLERANCE = 1e-8
#: No step gets less, and a traversal looks no further.
EDGE = math.log(splits.SMALLEST_SHARE)


def split_of(info, carry, prior=None, caps=None, energy=ENERGY):
    prior = no_prior(info) if prior is None else prior
    return scheduler.run(splits.best_steps(info, prior, energy, carry, caps, TOLERANCE), SOLVER)


def best_of(*arguments, **options):
    """The scheme at its best split."""
    return split_of(*arguments, **options).result


def whole_of(info, prior=None):
    """The integrated scheme in one slot."""
    prior = no_prior(info) if prior is None else prior
    return scheduler.run(integrated_slot(info, prior, ENERGY, None, TOLERANCE), SOLVER)


def spebs_at(info, shares, carry, prior=None, caps=None):
    """SPEB of the scheme run at each of many splits of the energy; ``shares`` of shape ``(n_splits, n_steps)``."""
    prior = no_prior(info) if prior is None else prior
    slots = (steps_slot(info, prior, ENERGY * split, carry, caps, TOLERANCE) for split in np.asarray(shares))
    return [result.speb for result in scheduler.run(scheduler.together(slots), SOLVER)]


def shares_of(info, carry, energy=ENERGY):
    return np.array(best_of(info, carry, energy=energy).energies) / energy


def traversed(info, carry, prior=None, caps=None, *, points=None):
    """Lowest SPEB over a grid of splits and, from its best point, over ever closer neighbours; the scheme run at each.

    The grid is even in the logarithms of the shares relative to the last one, so that both edges are seen. ``points``
    of the grid per share; the split is not assumed to have any structure.
    """
    ratios = len(steps_of(info)) - 1
    points = points or (60 if ratios == 1 else 9)
    seen = {}

    def lowest(places):
        new = [place for place in dict.fromkeys(places) if place not in seen]
        if new:
            shares = np.exp(np.insert(new, ratios, 0.0, axis=1))
            shares = np.maximum(shares / shares.sum(axis=1, keepdims=True), splits.SMALLEST_SHARE)
            shares /= shares.sum(axis=1, keepdims=True)
            seen.update(zip(new, spebs_at(info, shares, carry, prior, caps), strict=True))
        return min(places, key=seen.__getitem__)

    axis = np.linspace(EDGE, -EDGE, points)
    best = lowest(list(itertools.product(axis.tolist(), repeat=ratios)))
    reach = axis[1] - axis[0]
    while reach > 0.01:
        nearest = lowest(list(itertools.product(*([place - reach, place, place + reach] for place in best))))
        if seen[nearest] > seen[best] * (1 - 1e-9):
            reach /= 2
        best = nearest
    return min(seen.values())


def assert_as_good_as(found, lowest, rel=1e-4):
    """Not worse than what a traversal met, and met by it up to the coarseness of its last grid."""
    assert found.status != "uncertified"
    assert found.speb <= lowest * (1 + 1e-6)
    assert found.speb >= lowest * (1 - rel)
    assert sum(found.energies) == pytest.approx(ENERGY, rel=1e-12)
    assert min(found.energies) > 0


# --- one slot ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["7a", "7b", "7c", "7d"])
def test_best_split_of_the_layouts_against_four_hundred_points(layouts, radio, name):
    """The paper's scheme and the paper's way of splitting: even steps, and finer ones towards both edges."""
    info = isal.information(layouts[name], radio, "synchronous")
    edge = np.geomspace(splits.SMALLEST_SHARE, 0.01, 100, endpoint=False)
    shares = np.sort(np.concatenate([edge, np.linspace(0.01, 0.99, 200), 1 - edge]))
    assert len(shares) == 400

    def spebs(first):
        return spebs_at(info, np.stack([first, 1 - first], axis=1), "held")

    values = spebs(shares)
    best = int(np.argmin(values))
    around = np.linspace(shares[max(best - 1, 0)], shares[min(best + 1, 399)], 15)
    assert_as_good_as(best_of(info, "held"), min(values + spebs(around)))
    # one valley, so that the refined traversals of the other tests miss nothing
    turns = np.diff(np.sign(np.diff(values)))
    assert np.count_nonzero(turns) == 1


@pytest.mark.parametrize("carry", CARRIES)
@pytest.mark.parametrize("name", ["7a", "7b", "7c", "7d"])
def test_best_synchronous_split_of_the_layouts(layouts, radio, name, carry):
    info = isal.information(layouts[name], radio, "synchronous")
    assert_as_good_as(best_of(info, carry), traversed(info, carry))


@pytest.mark.long
@pytest.mark.parametrize(("name", "carry"), [*itertools.product(["7a", "7c"], CARRIES), ("7b", "held"), ("7d", "held")])
def test_best_asynchronous_split_of_the_layouts(layouts, radio, name, carry):
    info = isal.information(layouts[name], radio, "asynchronous")
    assert_as_good_as(best_of(info, carry), traversed(info, carry))


@pytest.mark.parametrize("carry", CARRIES)
@pytest.mark.parametrize(
    ("seed", "sizes", "clock"),
    [
        (0, (3, 1, 1), "synchronous"),
        (1, (2, 3, 1), "synchronous"),
        (2, (2, 2, 2), "synchronous"),
        (3, (2, 3, 2), "asynchronous"),
    ],
)
def test_best_split_of_random_networks(seed, sizes, clock, carry):
    info = isal.information(random_network(np.random.default_rng(seed), *sizes), RADIO, clock)
    assert_as_good_as(best_of(info, carry), traversed(info, carry))


@pytest.mark.parametrize(
    ("name", "energies"),
    [("7a", (7.016, 2.984)), ("7b", (6.755, 3.245)), ("7c", (2.260, 7.740)), ("7d", (0.199, 9.801))],
)
def test_best_synchronous_splits_of_the_layouts_are_these(layouts, radio, name, energies):
    found = best_of(isal.information(layouts[name], radio, "synchronous"), "held")
    assert found.energies == pytest.approx(energies, abs=2e-3)


@pytest.mark.parametrize(("name", "energies"), [("7c", (2.267, 0.0299, 7.703)), ("7d", (0.2066, 0.0328, 9.761))])
def test_best_asynchronous_splits_of_the_layouts_are_these(layouts, radio, name, energies):
    """More for the target than for the radars than for the clocks in networks with limited sensing."""
    found = best_of(isal.information(layouts[name], radio, "asynchronous"), "held")
    assert found.energies == pytest.approx(energies, rel=3e-2)
    assert found.energies[1] < found.energies[0] < found.energies[2]


@given(networks(anchors=(2, 3)), CLOCKS, st.sampled_from(["joint", "marginal"]))
def test_consistent_carry_overs_at_their_best_are_the_integrated_scheme(network, clock, carry):
    """Nothing is gained by steps that keep what was measured, so the best is to leave all to the last one."""
    info = isal.information(network, RADIO, clock)
    whole = whole_of(info)
    best = best_of(info, carry)
    assert whole.lower_bound * (1 - 1e-9) <= best.speb <= whole.speb * (1 + 1e-5)


@given(networks(anchors=(2, 3)), CLOCKS, st.sampled_from(CARRIES))
def test_best_split_beats_other_splits(network, clock, carry):
    """Even, lopsided and neighbouring splits, on any network."""
    info = isal.information(network, RADIO, clock)
    best = best_of(info, carry)
    n = len(best.energies)
    found = np.array(best.energies) / ENERGY
    others = [np.full(n, 1 / n), *(0.1 / (n - 1) + (0.9 - 0.1 / (n - 1)) * np.eye(n))]
    others += [found * factors / (found * factors).sum() for factors in 0.8 + 0.4 * np.eye(n)]
    assert best.speb <= min(spebs_at(info, others, carry)) * (1 + 1e-6)


@settings(max_examples=10)
@given(networks(anchors=(2, 3)), CLOCKS, st.sampled_from(CARRIES), st.floats(-4, 4))
def test_shares_do_not_depend_on_the_energy(network, clock, carry, log_energy):
    info = isal.information(network, RADIO, clock)
    some, other = (shares_of(info, carry, energy) for energy in (1.0, 10**log_energy))
    assert some.shape == (len(steps_of(info)),)
    assert some.sum() == pytest.approx(1.0, rel=1e-12)
    # flat valleys leave shares uncertain, the value hardly: both are as good at the same energy
    values = spebs_at(info, [some, other], carry)
    assert values[0] == pytest.approx(values[1], rel=1e-6)


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_shares_of_the_layouts_at_other_energies(layouts, radio, clock):
    for network in layouts.values():
        info = isal.information(network, radio, clock)
        some, other = (shares_of(info, "held", energy) for energy in (1e-3, 1e3))
        np.testing.assert_allclose(some, other, rtol=1e-2)


@pytest.mark.parametrize("carry", CONVEX_CARRIES)
def test_value_of_the_proportional_problem_is_that_of_the_scheme(layouts, radio, carry):
    """So its certified bound holds for the scheme at every split."""
    for network in layouts.values():
        info = isal.information(network, radio, "synchronous")
        best = split_of(info, carry)
        assert best.proof == "every split"
        assert best.result.speb * (1 - 1e-7) <= best.lower_bound <= best.result.speb
        matrix = references.information(network, radio, best.result.power[0], "synchronous")
        expected = references.speb(matrix[:4, :4], range(4))
        assert best.result.steps[0].spebs.radars == pytest.approx(expected, rel=1e-9)
        assert best.lower_bound <= traversed(info, carry, points=15)


@pytest.mark.parametrize("carry", CARRIES)
@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_every_step_gets_at_least_the_smallest_share(layouts, radio, clock, carry):
    """Also where a carry-over is best with nothing for a step."""
    for network in layouts.values():
        shares = shares_of(isal.information(network, radio, clock), carry)
        assert shares.min() >= 0.99 * splits.SMALLEST_SHARE


def test_a_single_step_gets_all(radio):
    for network in (
        isal.Network([[0, 0], [90, 0]], [[30, 40], [70, 60]]),
        isal.Network([[0, 0], [90, 0]], [], [[9, 50]]),
    ):
        info = isal.information(network, radio, "synchronous")
        best = best_of(info, "held")
        assert best.energies == (ENERGY,)
        assert best.speb == pytest.approx(whole_of(info).speb, rel=1e-12)


@pytest.mark.parametrize(
    ("network", "clock"),
    [
        (isal.Network([[0, 0], [90, 0]], [[30, 40], [70, 60]]), "asynchronous"),
        (isal.Network([[0, 0]], [[30, 40], [80, 90]], [[9, 50]], radars_known=True), "asynchronous"),
    ],
    ids=["localization with clocks", "sensing with clocks"],
)
@pytest.mark.parametrize("carry", CARRIES)
def test_best_split_of_two_steps_of_other_kinds(network, clock, carry):
    info = isal.information(network, RADIO, clock)
    assert len(steps_of(info)) == 2
    assert_as_good_as(best_of(info, carry), traversed(info, carry, points=40))


# --- with a prior from an earlier slot --------------------------------------------------------------------------------

STRONG = isal.Radio(velocity_variance=1e-6)


def second_slot(networks, radio, clock):
    """The second slot, and what the first one, allocated by the integrated scheme, says about it."""
    before, info = slot_informations(networks, radio, clock)
    return info, temporal.embedded(info, temporal.message(whole_of(before).known, temporal.coupling(info)))


@pytest.mark.parametrize("carry", CONVEX_CARRIES)
@pytest.mark.parametrize("radio", [RADIO, STRONG], ids=["Table 1", "strong"])
@pytest.mark.parametrize("name", ["8b", "8c"])
def test_best_synchronous_split_of_a_second_slot(name, radio, carry):
    info, prior = second_slot(DUAL[name], radio, "synchronous")
    assert_as_good_as(best_of(info, carry, prior), traversed(info, carry, prior))


def test_best_asynchronous_split_of_a_second_slot():
    info, prior = second_slot(DUAL["8b"], RADIO, "asynchronous")
    assert_as_good_as(best_of(info, "held", prior), traversed(info, "held", prior))


def test_a_strong_prior_changes_the_split():
    """Else the tests above would say nothing about priors."""
    info, prior = second_slot(DUAL["8c"], STRONG, "synchronous")
    with_prior, without = best_of(info, "held", prior), best_of(info, "held")
    assert with_prior.energies[0] < 0.95 * without.energies[0]
    assert with_prior.speb < 0.9 * without.speb


@pytest.mark.parametrize("carry", ["joint", "marginal"])
@pytest.mark.parametrize(("radio", "clock"), [(RADIO, "synchronous"), (RADIO, "asynchronous"), (STRONG, "synchronous")])
def test_consistent_carry_overs_in_a_second_slot_are_the_integrated_scheme(radio, carry, clock):
    for name in DUAL:
        info, prior = second_slot(DUAL[name], radio, clock)
        whole = whole_of(info, prior)
        best = best_of(info, carry, prior)
        assert whole.lower_bound * (1 - 1e-9) <= best.speb <= whole.speb * (1 + 1e-5)


# --- with caps that bind ----------------------------------------------------------------------------------------------


def capped(seed, sizes, clock):
    """A random network with caps that no split of the energy can ignore."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, *sizes)
    return isal.information(network, RADIO, clock), ENERGY * rng.uniform(0.1, 0.5, network.n_nodes)


@pytest.mark.long
@pytest.mark.parametrize("carry", CARRIES)
@pytest.mark.parametrize(("seed", "sizes"), [(0, (3, 2, 1)), (1, (3, 2, 2)), (2, (2, 2, 1))])
def test_best_synchronous_split_under_caps(seed, sizes, carry):
    info, caps = capped(seed, sizes, "synchronous")
    best = best_of(info, carry, caps=caps)
    assert (best.power <= caps).all()
    # kinks where a cap starts to bind: the traversal may miss them by more
    assert_as_good_as(best, traversed(info, carry, caps=caps), rel=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("carry", ["held", "joint"])
def test_best_asynchronous_split_under_caps(carry):
    """Kinks where a cap starts to bind: the traversal is only required not to be better."""
    info, caps = capped(0, (3, 2, 1), "asynchronous")
    assert_as_good_as(best_of(info, carry, caps=caps), traversed(info, carry, caps=caps), rel=5e-3)


@pytest.mark.parametrize("carry", CARRIES)
def test_best_split_under_table_1_caps_read_as_watts(layouts, radio, carry):
    """All four nodes at their caps spend less than the budget of a step, so more energy for it changes nothing."""
    info = isal.information(layouts["7c"], radio, "synchronous")
    assert_as_good_as(best_of(info, carry, caps=1.0), traversed(info, carry, caps=1.0))


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_caps_that_do_not_bind_change_nothing(layouts, radio, clock):
    info = isal.information(layouts["7c"], radio, clock)
    free = best_of(info, "held")
    limits = 1.01 * free.power.max(axis=0) + 1e-3
    assert (limits < ENERGY).all()
    for caps in (ENERGY, 2 * ENERGY, limits):
        found = best_of(info, "held", caps=caps)
        assert found.energies == pytest.approx(free.energies, rel=1e-3)
        assert found.speb == pytest.approx(free.speb, rel=1e-7)


# --- schedules --------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("carry", CARRIES)
def test_schedule_splits_each_slot_in_turn(carry, clock):
    """Slot 2 starts from what slot 1 knows at its own best split."""
    networks = DUAL["8b"]
    radio = isal.Radio(velocity_variance=1e-4)
    options = {"clock": clock, "carry": carry, "solver": SOLVER}
    before, info = infos = slot_informations(networks, radio, clock)
    result = scheduler.run(splits.best_steps_schedule(infos, (4.0, 6.0), carry, None, 1e-6), SOLVER)
    assert [sum(slot.energies) for slot in result.slots] == pytest.approx([4.0, 6.0], rel=1e-12)
    first = scheduler.run(splits.best_steps(before, no_prior(before), 4.0, carry, None, 1e-6), SOLVER).result
    prior = temporal.embedded(info, temporal.message(first.known, temporal.coupling(info)))
    second = scheduler.run(splits.best_steps(info, prior, 6.0, carry, None, 1e-6), SOLVER).result
    for slot, expected in zip(result.slots, (first, second), strict=True):
        assert slot.energies == expected.energies
        assert slot.speb == expected.speb
    assert result.speb == pytest.approx(first.speb + second.speb, rel=1e-12)
    if carry != "held":  # whose matrix is the information of no experiment
        assert result.smoothed_speb <= result.speb * (1 + 1e-12)
    # and the splits are worth searching
    energies = [slot.energies for slot in result.slots]
    again = isal.step_by_step(networks, radio, energies=energies, **options)
    # what is searched for, is so to the accuracy of the search
    assert again.speb == pytest.approx(result.speb, rel=1e-9 if carry in CONVEX_CARRIES else 1e-6)
    even = [(energy / len(energies[0]),) * len(energies[0]) for energy in (4.0, 6.0)]
    other = isal.step_by_step(networks, radio, energies=even, **options)
    if (carry, clock) == ("joint", "asynchronous"):  # which loses nothing by an even split here
        assert result.slots[0].speb == pytest.approx(other.slots[0].speb, rel=1e-6)
    else:
        assert result.slots[0].speb < 0.999 * other.slots[0].speb


def test_a_long_schedule_splits_each_slot_as_in_turn(monkeypatch):
    """Run ahead, slots are split again for what the others say."""
    rng = np.random.default_rng(12)
    networks = [random_network(rng, 2, 2, 1, name=f"slot {number}") for number in range(5)]
    infos, energies = slot_informations(networks, STRONG, "synchronous"), (1.0, 2.0, 3.0, 2.0, 2.0)
    ahead = scheduler.run(splits.best_steps_schedule(infos, energies, "held", None, 1e-6), SOLVER)
    monkeypatch.setattr(schemes, "LONGEST_IN_TURN", 5)
    in_turn = scheduler.run(splits.best_steps_schedule(infos, energies, "held", None, 1e-6), SOLVER)
    assert ahead.status == in_turn.status == "optimal"
    for found, expected in zip(ahead.slots, in_turn.slots, strict=True):
        assert found.speb == pytest.approx(expected.speb, rel=1e-5)
        assert sum(found.energies) == pytest.approx(sum(expected.energies), rel=1e-12)


def test_a_schedule_of_one_slot_is_split_as_a_slot(layouts, radio):
    infos = slot_informations([layouts["7a"]], radio, "synchronous")
    result = scheduler.run(splits.best_steps_schedule(infos, [ENERGY], "held", None, 1e-6), SOLVER)
    assert result.slots[0].energies == pytest.approx((7.016, 2.984), abs=2e-3)


def test_a_schedule_needs_an_energy_for_each_slot(radio):
    infos = slot_informations(DUAL["8a"], radio, "synchronous")
    with pytest.raises(ValueError, match="8a: energies must give one energy for each of 2 slots, in J"):
        scheduler.run(splits.best_steps_schedule(infos, [ENERGY], "held", None, 1e-6), SOLVER)


# --- the best split of one slot or of two -----------------------------------------------------------------------------


def slots_at(infos, share, scheme, carry=None):
    """Sum of the bounds of two slots, the first with this share of the energy."""
    energies = [share * ENERGY, (1 - share) * ENERGY]
    if scheme == "integrated":
        return integrated_schedule(infos, energies, None, TOLERANCE)
    return splits.best_steps_schedule(infos, energies, carry, None, TOLERANCE)


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("radio", [RADIO, STRONG], ids=["Table 1", "strong"])
@pytest.mark.parametrize("name", list(DUAL))
def test_best_energies_of_two_slots_integrated(name, radio, clock):
    """One convex problem, whose bound no split of a fine traversal goes below."""
    best = isal.best_split(DUAL[name], radio, clock=clock, energy=ENERGY, scheme="integrated", solver=SOLVER)
    infos = slot_informations(DUAL[name], radio, clock)
    shares = np.concatenate([np.linspace(0.02, 0.98, 49), best.energies[0] / ENERGY + np.linspace(-0.01, 0.01, 5)])
    spebs = [result.speb for result in scheduler.run_all((slots_at(infos, x, "integrated") for x in shares), SOLVER)]
    assert (best.status, best.proof) == ("optimal", "every split")
    assert best.gap < 1e-6
    assert best.lower_bound <= min(spebs)
    assert best.speb <= min(spebs) * (1 + 1e-6)
    assert best.speb == pytest.approx(min(spebs), rel=1e-4)
    assert sum(best.energies) == pytest.approx(ENERGY, rel=1e-12)
    assert best.power.sum(axis=1) == pytest.approx(best.energies, rel=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("carry", CARRIES)
@pytest.mark.parametrize("name", ["8b", "8c"])
def test_best_energies_of_two_slots_step_by_step(name, carry):
    best = isal.best_split(DUAL[name], RADIO, clock="synchronous", energy=ENERGY, carry=carry, solver=SOLVER)
    infos = slot_informations(DUAL[name], RADIO, "synchronous")
    shares = np.append(np.linspace(0.1, 0.9, 9), best.energies[0] / ENERGY + np.array([-0.02, 0.02]))
    spebs = [result.speb for result in scheduler.run_all((slots_at(infos, x, "steps", carry) for x in shares), SOLVER)]
    assert best.proof == "none"
    assert best.status == ("optimal" if carry in CONVEX_CARRIES else "local")
    assert best.speb <= min(spebs) * (1 + 1e-6)
    assert best.speb >= 0.98 * min(spebs)
    assert [len(slot.steps) for slot in best.result.slots] == [2, 2]


@pytest.mark.parametrize(
    ("clock", "caps", "proof"),
    [
        ("synchronous", None, "every split"),
        ("synchronous", ENERGY, "every split"),
        ("synchronous", 6.0, "below the caps"),
        ("synchronous", 1.0, "none"),
        ("asynchronous", None, "one ratio"),
        ("asynchronous", 1.0, "none"),
    ],
)
def test_best_split_says_how_far_it_is_proven(layouts, radio, clock, caps, proof):
    best = isal.best_split(layouts["7c"], radio, clock=clock, energy=ENERGY, caps=caps, solver=SOLVER)
    assert (best.status, best.proof) == ("optimal", proof)
    assert 0 <= best.gap < 1e-6
    assert best.lower_bound <= best.speb == best.result.speb
    assert best.energies == best.result.energies
    assert best.problems > 0
    assert best.power.shape == (len(best.energies), 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"energy": 0.0}, "energy must be finite and positive, got 0.0 J"),
        ({"energy": math.nan}, "energy must be finite and positive, got nan J"),
        (
            {"carry": "forgotten"},
            "carry must be one of held, added, marginal, joint, plug-in, plug-in-ranging; got 'forgotten'",
        ),
        ({"scheme": "magic"}, "scheme must be one of step-by-step, integrated; got 'magic'"),
        ({"solver": "magic"}, "there is no solver 'magic'"),
        ({"clock": "sync"}, "clock must be one of synchronous, asynchronous; got 'sync'"),
        ({"tolerance": -1.0}, "tolerance must be finite and positive, got -1.0"),
        ({"network": DUAL["8a"] * 2}, "8a: the energy of two slots can be split, not that of 4"),
        ({"network": DUAL["8a"][0], "scheme": "integrated"}, "8a: the integrated scheme has nothing to split"),
    ],
)
def test_unusable_arguments_are_refused_by_name(radio, arguments, message):
    usable = {"network": DUAL["8a"], "radio": radio, "clock": "synchronous", "energy": ENERGY}
    with pytest.raises(ValueError, match=message):
        isal.best_split(**(usable | arguments))


# --- search -----------------------------------------------------------------------------------------------------------

STARTS = [-3.0, -0.4, 0.0, 1.1, 4.0]
STEPS = [0.05, 0.7]


class Counted:
    """A function as a computation that counts its calls."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    async def __call__(self, place):
        self.calls += 1
        return float(self.function(*place))


def found_minimum(function, start, step):
    """Value at the place that a search returns; it is the function's there and no worse than the start."""
    counted = Counted(function)
    place, value = scheduler.run(search.local_minimum(counted, start, step), SOLVER)
    assert len(place) == len(start)
    assert value == float(function(*place))
    assert value <= float(function(*start))
    assert counted.calls < 120 * len(start)
    return value, place


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("start", STARTS)
def test_search_finds_a_parabola_exactly(start, step):
    value, place = found_minimum(lambda x: 3 + 2 * (x - 1.7) ** 2, (start,), step)
    assert value == pytest.approx(3, rel=1e-9)
    assert place == pytest.approx((1.7,), abs=1e-6)


#: Convex functions that are far from a parabola, and their minima.
CONVEX = {
    "exponential to the right": (lambda x: math.exp(x) - x, 1.0),
    "exponential to the left": (lambda x: math.exp(-x) + x, 1.0),
    "steep exponential": (lambda x: math.exp(5 * x) / 5 - x + 1, 1.2),
    "two exponentials": (lambda x: math.exp(4 * x) + 4 * math.exp(-x), 5.0),
    "hyperbolic": (lambda x: math.cosh(x - 1.3), 1.0),
    "flat": (lambda x: 1 + (x - 1) ** 4, 1.0),
    # the shape of a SPEB over the split of an energy, in the logarithm of the ratio: a / s + b / (1 - s)
    "even split": (lambda x: 1 * (1 + math.exp(-x)) + 1 * (1 + math.exp(x)), 4.0),
    "lopsided split": (lambda x: 1e-3 * (1 + math.exp(-x)) + 25 * (1 + math.exp(x)), (math.sqrt(1e-3) + 5) ** 2),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", CONVEX)
def test_search_finds_the_minimum_of_other_convex_functions(name, start, step):
    function, minimum = CONVEX[name]
    assert found_minimum(function, (start,), step)[0] == pytest.approx(minimum, rel=1e-6)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("slopes", [(1, 1), (1, 10), (10, 1)])
def test_search_finds_a_kink(slopes, start, step):
    """Where a cap starts to bind the SPEB has one."""
    left, right = slopes
    value, _ = found_minimum(lambda x: 1 + max(right * (x - 0.6), left * (0.6 - x)), (start,), step)
    assert value == pytest.approx(1, rel=2e-4)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_search_follows_a_minimum_at_infinity(start, step, sign):
    """As where a step is best left without energy: as far as it still gains something."""
    value, place = found_minimum(lambda x: 1 + math.exp(-sign * x), (start,), step)
    assert value == pytest.approx(1, abs=1e-6)
    assert sign * place[0] > 10


@pytest.mark.parametrize("step", STEPS)
def test_search_in_two_variables(step):
    def parabola(x, y):
        return 1 + (x - 1) ** 2 + 3 * (y + 2) ** 2 + 1.5 * (x - 1) * (y + 2)

    def splits_of_three(x, y):
        shares = np.exp([x, y, 0]) / np.exp([x, y, 0]).sum()
        return 4 / shares[0] + 0.01 / shares[1] + 9 / shares[2]

    def never_the_second(x, y):
        return 2 + (x - 0.5) ** 2 + math.exp(y + 0.2 * x)

    def skewed(x, y):
        return math.exp(2 * x + y) - x + math.exp(-y)

    for start in itertools.product((-2.0, 0.3, 2.0), repeat=2):
        assert found_minimum(parabola, start, step)[0] == pytest.approx(1, rel=1e-6)
        assert found_minimum(splits_of_three, start, step)[0] == pytest.approx((2 + 0.1 + 3) ** 2, rel=1e-6)
        assert found_minimum(never_the_second, start, step)[0] == pytest.approx(2, rel=1e-6)
        assert found_minimum(skewed, start, step)[0] == pytest.approx(1 + math.log(2), rel=1e-6)


def test_search_stays_where_nothing_changes():
    value, place = found_minimum(lambda x, y: 5.0, (0.3, -0.2), 0.7)
    assert (value, place) == (5.0, (0.3, -0.2))
