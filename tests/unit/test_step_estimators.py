"""Step-by-step as carried out: closed forms against the printed recursion, simulations, and what no plug-in can do."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import CLOCKS, generators, networks

import isal
from isal.model.parameters import CLOCKS as CLOCK_MODES
from isal.schemes import plug_in
from isal.schemes.plug_in import LINKS
from isal.schemes.step_by_step import steps_of
from isal.validation import positions, step_estimators
from isal.validation.step_estimators import SCHEMES

RADIO = isal.Radio()
KEY = (20240402, 2, 5)
NETWORKS = networks(anchors=(2, 4), radars=(1, 3), targets=(1, 2), radars_known=(False, True))


def target_value(info, covariance):
    targets = info.basis.indices(["targets"])
    return np.trace(covariance[np.ix_(targets, targets)])


def random_powers(rng, info):
    """Of each step, W: every node transmits, some much more than others."""
    return rng.lognormal(0, 1, (len(steps_of(info)), info.network.n_nodes))


# --- closed forms -----------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(networks(anchors=(2, 4), radars=(1, 3), targets=(1, 2)), CLOCKS, generators())
def test_no_plug_in_beats_integrated(network, clock, rng):
    """At any powers: not the bound of all its data, and not the certified optimum with the same total energy."""
    info = isal.information(network, RADIO, clock)
    powers = random_powers(rng, info)
    whole = isal.integrated(network, RADIO, clock=clock, energy=float(powers.sum()))
    same_data = target_value(info, positions.covariance(info, powers.sum(axis=0)))
    for scheme in SCHEMES:
        value = target_value(info, step_estimators.covariance(info, powers, scheme))
        assert value >= same_data * (1 - 1e-9)
        assert value >= whole.lower_bound * (1 - 1e-9)


@pytest.mark.parametrize("carry", ["marginal", "joint"])
@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_honest_priors_and_all_data_reach_what_the_schemes_promise(layouts, radio, clock, carry):
    split = (4.0, 1.0, 5.0) if clock == "asynchronous" else (4.0, 6.0)
    result = isal.step_by_step(layouts["7b"], radio, clock=clock, energies=split, carry=carry)
    covariance = step_estimators.covariance(result.information, result.power, carry)
    assert target_value(result.information, covariance) == pytest.approx(result.speb, rel=1e-8)


# --- simulation -------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_estimators_reach_their_closed_forms(layouts, radio):
    """What is carried out step by step scatters as its covariance says: all blocks of 7a to 7d, at the split of "held".

    Errors are normal to a part in some hundred, so 20,000 trials tell as much as more would.
    """
    compared = []
    for (number, (name, network)), clock in itertools.product(enumerate(layouts.items()), CLOCK_MODES):
        held = isal.best_split(network, radio, clock=clock, energy=10.0)
        info = held.result.information
        # even powers beside the optimum, so that no block is hardly determined in a step
        powers = held.power + 0.1
        for place, scheme in enumerate(SCHEMES):
            key = (KEY[0], place, 2 * number + CLOCK_MODES.index(clock))
            moments = step_estimators.simulate(info, powers, scheme, key, range(10))
            expected = step_estimators.covariance(info, powers, scheme)
            assert (moments.trials, moments.not_converged) == (20_000, 0)
            assert moments.stated_nees / len(expected) == pytest.approx(1, abs=0.03)
            compared += [
                (f"{name} {clock} {scheme} {block}", moments, expected, info.basis.indices([block]))
                for block in info.blocks
            ]
    level = 1 - 0.99 ** (1 / (2 * len(compared)))
    checked = {what: positions.compare(*rest, level) for what, *rest in compared}
    assert len(checked) == 4 * len(SCHEMES) * (2 + 3)
    assert {what: each for what, each in checked.items() if not each.agrees} == {}


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["plug-in-ranging", "plug-in", "joint"])
def test_many_trials_of_one_network(layouts, radio, scheme):
    info = isal.information(layouts["7c"], radio, "asynchronous")
    powers = np.array([[3.0, 1.0, 2.0, 1.0], [0.5, 0.2, 0.1, 0.4], [1.0, 4.0, 1.0, 1.0]])
    moments = step_estimators.simulate(info, powers, scheme, KEY, range(50))
    targets = info.basis.indices(["targets"])
    level = 1 - 0.99 ** (1 / 6)
    found = positions.compare(moments, step_estimators.covariance(info, powers, scheme), targets, level)
    assert found.agrees
    assert (found.trials, found.not_converged) == (100_000, 0)
    others = [each for each in SCHEMES if each.partition("-")[0] != scheme.partition("-")[0]]
    for other in others:
        expected = step_estimators.covariance(info, powers, other)
        assert not positions.compare(moments, expected, targets, level).agrees


def test_a_plug_in_hands_on_its_estimates_unchanged(layouts, radio):
    """The radars' errors are those of step 1 alone, whatever step 2 measures."""
    info = isal.information(layouts["7a"], radio, "synchronous")
    one, other = (np.array([[1.0, 1.0, 1.0, 1.0], np.full(4, watts)]) for watts in (0.1, 5.0))
    radars = info.basis.indices(["radars"])
    errors = [step_estimators.simulate(info, powers, "plug-in", KEY, [0]).mean_square for powers in (one, other)]
    np.testing.assert_allclose(errors[0][np.ix_(radars, radars)], errors[1][np.ix_(radars, radars)], rtol=1e-9)
    assert target_value(info, errors[0]) > 2 * target_value(info, errors[1])


# --- best powers ------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("name", ["7a", "7c"])
def test_powers_of_the_plug_in_scheme(layouts, radio, name, clock):
    whole = isal.integrated(layouts[name], radio, clock=clock, energy=10.0)
    info = whole.information
    held = isal.best_split(layouts[name], radio, clock=clock, energy=10.0)
    rng = np.random.default_rng(3)
    for links in LINKS:
        found = step_estimators.plug_in(info, 10.0, links=links)
        scheme = "plug-in" if links == "all" else f"plug-in-{links}"
        assert target_value(info, step_estimators.covariance(info, found.power, scheme)) == pytest.approx(found.value)
        assert found.value == pytest.approx(np.sum(found.coefficients / found.energies), rel=1e-9)
        np.testing.assert_allclose(found.power.sum(axis=1), found.energies)
        assert found.energies.sum() == pytest.approx(10.0)
        assert found.value >= whole.lower_bound
        # its step 1 has the powers of "held", and its last step better ones
        np.testing.assert_allclose(found.power[0] / found.energies[0], held.power[0] / held.energies[0], atol=1e-4)
        assert found.value < target_value(info, step_estimators.covariance(info, held.power, scheme))
        assert found.value == pytest.approx(found.ends[0], rel=1e-6)
        for size in (1e-3, 1e-2, 0.3):
            moved = found.power.copy()
            moved[-1] = np.maximum(moved[-1] + size * found.energies[-1] * rng.normal(size=4), 0)
            coefficients = plug_in.coefficients(info, moved, links)
            assert plug_in.best_energies(coefficients, 10.0)[1] > found.value * (1 - 1e-7)


def test_powers_at_a_given_split(layouts, radio):
    info = isal.information(layouts["7b"], radio, "asynchronous")
    best = step_estimators.plug_in(info, 10.0)
    again = step_estimators.plug_in(info, 10.0, energies=best.energies)
    assert again.value == pytest.approx(best.value, rel=1e-7)
    other = step_estimators.plug_in(info, 10.0, energies=[2.0, 2.0, 6.0])
    assert other.value > best.value
    assert other.value <= np.sum(best.coefficients / [2.0, 2.0, 6.0]) * (1 + 1e-9)
    assert other.energies.tolist() == [2.0, 2.0, 6.0]


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_earlier_steps_with_the_integrated_powers(layouts, radio, clock):
    """Then the price bounds the scheme, which it does not where earlier steps minimise their own blocks."""
    for name in ("7a", "7c"):
        whole = isal.integrated(layouts[name], radio, clock=clock, energy=10.0)
        n_steps = len(steps_of(whole.information))
        coefficients = plug_in.coefficients(whole.information, [whole.power] * n_steps, "all")
        price = np.sqrt(coefficients).sum() ** 2 / coefficients.sum()
        found = step_estimators.plug_in(whole.information, 10.0, earlier=[whole.power] * (n_steps - 1))
        assert whole.lower_bound <= found.value <= price * whole.speb * (1 + 1e-6)


@pytest.mark.parametrize("step_1", ["equivalent", "ranging"])
def test_step_1_may_minimise_what_it_will_know(layouts, radio, step_1):
    """With the block an asynchronous step 1 pays no regard to the clocks; its radars are then known far worse."""
    info = isal.information(layouts["7c"], radio, "asynchronous")
    links = {"equivalent": "all", "ranging": "ranging"}[step_1]
    found = step_estimators.plug_in(info, 10.0, links=links, step_1=step_1)
    first = plug_in.transfers(info, found.power, links)[0]
    block = step_estimators.plug_in(info, 10.0, links=links)
    assert found.value < block.value
    rng = np.random.default_rng(4)
    for _ in range(20):
        other = found.power.copy()
        other[0] = found.energies[0] * rng.dirichlet(np.ones(4))
        assert np.trace(plug_in.transfers(info, other, links)[0].own) >= np.trace(first.own) * (1 - 1e-9)


# --- errors -----------------------------------------------------------------------------------------------------------


def test_unusable_arguments_are_refused(layouts, radio):
    info = isal.information(layouts["7a"], radio, "synchronous")
    even = [np.full(4, 1.0), np.full(4, 1.0)]
    with pytest.raises(ValueError, match=r"scheme must be one of plug-in-ranging, .*got 'held'"):
        step_estimators.covariance(info, even, "held")
    with pytest.raises(ValueError, match="energy must be finite and positive"):
        step_estimators.plug_in(info, -1.0)
    with pytest.raises(ValueError, match="links must be one of"):
        step_estimators.plug_in(info, 10.0, links="none")
    with pytest.raises(ValueError, match="step_1 must be one of block, equivalent, ranging; got 'nothing'"):
        step_estimators.plug_in(info, 10.0, step_1="nothing")
    with pytest.raises(ValueError, match="finite and positive for each of 2 steps"):
        step_estimators.plug_in(info, 10.0, energies=[10.0])
    with pytest.raises(ValueError, match="the powers of step radars are all zero"):
        step_estimators.plug_in(info, 10.0, earlier=[np.zeros(4)])
    with pytest.raises(ValueError, match="powers must be given for 2 steps"):
        step_estimators.plug_in(info, 10.0, earlier=even)
    with pytest.raises(ValueError, match="add up to 9 J, not 10 J"):
        step_estimators.plug_in(info, 10.0, energies=[4.0, 5.0])
