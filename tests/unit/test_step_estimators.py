"""Step-by-step as carried out: closed forms against the printed recursion, simulations, and what no plug-in can do."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import CLOCKS, generators, networks

import isal
from isal.model import ensemble
from isal.model.parameters import CLOCKS as CLOCK_MODES
from isal.schemes.step_by_step import steps_of
from isal.validation import positions, step_estimators
from isal.validation.step_estimators import LINKS, SCHEMES

RADIO = isal.Radio()
KEY = (20240402, 2, 5)
NETWORKS = networks(anchors=(2, 4), radars=(1, 3), targets=(1, 2), radars_known=(False, True))


def target_value(info, covariance):
    targets = info.basis.indices(["targets"])
    return np.trace(covariance[np.ix_(targets, targets)])


def random_powers(rng, info):
    """Of each step, W: every node transmits, some much more than others."""
    return rng.lognormal(0, 1, (len(steps_of(info)), info.network.n_nodes))


def printed_recursion(info, powers, links):
    """The covariance of a plug-in step by step, with matrices as they are written."""
    steps, size = steps_of(info), info.basis.size
    covariance = np.zeros((size, size))
    for number, (block, power) in enumerate(zip(steps, powers, strict=True)):
        last = number + 1 == len(steps)
        used = info if last or links == "all" else info.ranging
        matrix = used.matrix(power)
        b, f = info.basis.indices([block]), info.basis.indices(steps[:number])
        u = info.basis.indices(steps[number + 1 :])
        u = u[np.diag(matrix)[u] > 0]

        def without_nuisance(columns, matrix=matrix, b=b, u=u):
            inner = np.linalg.solve(matrix[np.ix_(u, u)], matrix[np.ix_(u, columns)])
            return matrix[np.ix_(b, columns)] - matrix[np.ix_(b, u)] @ inner

        own, gain = np.linalg.inv(without_nuisance(b)), np.zeros((len(b), len(f)))
        if len(f):
            gain = own @ without_nuisance(f)
        before = covariance[np.ix_(f, f)]
        covariance[np.ix_(b, f)] = -gain @ before
        covariance[np.ix_(f, b)] = -before @ gain.T
        covariance[np.ix_(b, b)] = own + gain @ before @ gain.T
    return covariance


# --- closed forms -----------------------------------------------------------------------------------------------------


@given(NETWORKS, CLOCKS, generators())
def test_covariance_is_that_of_the_printed_recursion(network, clock, rng):
    info = isal.information(network, RADIO, clock)
    powers = random_powers(rng, info)
    for links in LINKS:
        expected = printed_recursion(info, powers, links)
        found = step_estimators.covariance(info, powers, f"plug-in-{links}")
        size = np.sqrt(np.diag(expected))
        np.testing.assert_allclose(found / np.outer(size, size), expected / np.outer(size, size), atol=1e-6)


@given(NETWORKS, CLOCKS, generators())
def test_one_shape_in_all_steps_adds_up_to_the_integrated_bound(network, clock, rng):
    """``sum a_s = E f`` to 1e-9, so that going step by step costs a factor of 1 to the number of steps."""
    info = isal.information(network, RADIO, clock)
    shape = rng.dirichlet(np.ones(network.n_nodes)) + 1e-3
    energies = rng.uniform(0.1, 5.0, len(steps_of(info)))
    powers = energies[:, None] * shape / shape.sum()
    coefficients = step_estimators.coefficients(info, powers, "all")
    bound = target_value(info, positions.covariance(info, shape / shape.sum()))
    assert coefficients.sum() == pytest.approx(bound, rel=1e-9)
    value = target_value(info, step_estimators.covariance(info, powers, "plug-in-all"))
    assert value == pytest.approx(np.sum(coefficients / energies), rel=1e-9)
    _, best = step_estimators.best_energies(coefficients, energy=1.0)
    assert 1 - 1e-9 <= best / bound <= len(steps_of(info)) + 1e-9


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_price_at_the_integrated_powers(clock, number):
    """At the integrated optimum itself: 1 to 2 times its value synchronous, 1 to 3 times asynchronous."""
    (network,) = list(ensemble.random_networks(7, number + 1, anchors=(2, 4), radars=(2, 4)))[-1:]
    whole = isal.integrated(network, RADIO, clock=clock, energy=10.0, tolerance=1e-9)
    steps = steps_of(whole.information)
    coefficients = step_estimators.coefficients(whole.information, [whole.power] * len(steps), "all")
    assert coefficients.sum() == pytest.approx(whole.power.sum() * whole.speb, rel=1e-9)
    price = np.sqrt(coefficients).sum() ** 2 / coefficients.sum()
    assert 1 <= price <= {"synchronous": 2, "asynchronous": 3}[clock]


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


@given(networks(anchors=(2, 4), radars=(1, 3), targets=(1, 2)), CLOCKS, generators())
def test_the_best_split_of_fixed_shapes(network, clock, rng):
    info = isal.information(network, RADIO, clock)
    powers = random_powers(rng, info)
    for links in LINKS:
        coefficients = step_estimators.coefficients(info, powers, links)
        energies, best = step_estimators.best_energies(coefficients, 10.0)
        shapes = powers / powers.sum(axis=1, keepdims=True)

        def value(split, shapes=shapes, links=links):
            powers = shapes * np.asarray(split)[:, None]
            return target_value(info, step_estimators.covariance(info, powers, f"plug-in-{links}"))

        assert energies.sum() == pytest.approx(10.0)
        assert value(energies) == pytest.approx(best, rel=1e-9)
        other = rng.dirichlet(np.ones(len(energies))) * 10.0
        assert value(other) >= best * (1 - 1e-9)


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
@pytest.mark.parametrize("scheme", ["plug-in-ranging", "plug-in-all", "joint"])
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
    errors = [step_estimators.simulate(info, powers, "plug-in-all", KEY, [0]).mean_square for powers in (one, other)]
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
        scheme = f"plug-in-{links}"
        assert target_value(info, step_estimators.covariance(info, found.power, scheme)) == pytest.approx(found.value)
        assert found.value == pytest.approx(np.sum(found.coefficients / found.energies), rel=1e-9)
        np.testing.assert_allclose(found.power.sum(axis=1), found.energies)
        assert found.energies.sum() == pytest.approx(10.0)
        assert found.value >= whole.lower_bound
        # its step 1 has the powers of "held", and its last step better ones
        np.testing.assert_allclose(found.power[0] / found.energies[0], held.power[0] / held.energies[0], atol=1e-4)
        assert found.value < target_value(info, step_estimators.covariance(info, held.power, scheme))
        assert (found.value, found.starts) == (found.ends[0], 2 + step_estimators.RANDOM_STARTS)
        for size in (1e-3, 1e-2, 0.3):
            moved = found.power.copy()
            moved[-1] = np.maximum(moved[-1] + size * found.energies[-1] * rng.normal(size=4), 0)
            coefficients = step_estimators.coefficients(info, moved, links)
            assert step_estimators.best_energies(coefficients, 10.0)[1] >= found.value * (1 - 1e-9)


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
        coefficients = step_estimators.coefficients(whole.information, [whole.power] * n_steps, "all")
        price = np.sqrt(coefficients).sum() ** 2 / coefficients.sum()
        found = step_estimators.plug_in(whole.information, 10.0, earlier=[whole.power] * (n_steps - 1))
        assert whole.lower_bound <= found.value <= price * whole.speb * (1 + 1e-6)


@pytest.mark.parametrize("step_1", ["equivalent", "ranging"])
def test_step_1_may_minimise_what_it_will_know(layouts, radio, step_1):
    """With the block an asynchronous step 1 pays no regard to the clocks; its radars are then known far worse."""
    info = isal.information(layouts["7c"], radio, "asynchronous")
    links = {"equivalent": "all", "ranging": "ranging"}[step_1]
    found = step_estimators.plug_in(info, 10.0, links=links, step_1=step_1)
    first = step_estimators.transfers(info, found.power, links)[0]
    block = step_estimators.plug_in(info, 10.0, links=links)
    assert found.value < block.value
    rng = np.random.default_rng(4)
    for _ in range(20):
        other = found.power.copy()
        other[0] = found.energies[0] * rng.dirichlet(np.ones(4))
        assert np.trace(step_estimators.transfers(info, other, links)[0].own) >= np.trace(first.own) * (1 - 1e-9)


@pytest.mark.parametrize("split", [None, np.array([2.0, 1.0, 7.0])])
def test_slope_of_the_last_step(layouts, radio, split):
    info = isal.information(layouts["7a"], radio, "asynchronous")
    search = step_estimators._LastStep.after(info, [np.array([0.2, 0.3, 0.3, 0.2]), np.full(4, 0.25)], "all")
    shape = np.array([0.4, 0.3, 0.2, 0.1])
    value, slope = search.objective(shape, split)
    for node, step in itertools.product(range(4), (1e-5,)):
        change = step * np.eye(4)[node]
        ahead, behind = (search.objective(shape + sign * change, split)[0] for sign in (1, -1))
        assert (ahead - behind) / (2 * step) == pytest.approx(slope[node], rel=1e-4, abs=1e-6 * value)


# --- errors -----------------------------------------------------------------------------------------------------------


def test_unusable_arguments_are_refused(layouts, radio):
    info = isal.information(layouts["7a"], radio, "synchronous")
    even = [np.full(4, 1.0), np.full(4, 1.0)]
    with pytest.raises(ValueError, match=r"scheme must be one of plug-in-ranging, .*got 'held'"):
        step_estimators.covariance(info, even, "held")
    with pytest.raises(ValueError, match="links must be one of ranging, all; got 'some'"):
        step_estimators.coefficients(info, even, "some")
    with pytest.raises(ValueError, match=r"powers must be given for 2 steps \(radars, targets\), got 1"):
        step_estimators.coefficients(info, even[:1], "all")
    with pytest.raises(ValueError, match="the powers of step radars are all zero"):
        step_estimators.coefficients(info, [np.zeros(4), even[1]], "all")
    with pytest.raises(
        ValueError, match=r"the powers of step 1 \(radars\) leave it undetermined with its ranging links"
    ):
        step_estimators.coefficients(info, [[0.0, 0.0, 1.0, 0.0], even[1]], "ranging")
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
