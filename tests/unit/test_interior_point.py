"""The interior-point solver: right where independent methods are, certified to 1e-9, in a batch as alone."""

import itertools
import math

import numpy as np
import pytest
from builders import CONVEX_CARRIES, in_other_units
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import CLOCKS, diagonal_problem, feasible_grid, problems, random_network, random_problem

import isal
import isal.allocation.problem
from isal import AllocationError, AllocationProblem
from isal.allocation import scheduler
from isal.allocation.solvers import interior_point, scs_sdp
from isal.matrices import DenseStack, SparseStack
from isal.model.ensemble import random_networks
from isal.model.parameters import CLOCKS as CLOCK_MODES
from isal.schemes.integrated import integrated_slot
from isal.schemes.schedule import no_prior
from isal.schemes.step_by_step import steps_of, steps_slot

RADIO = isal.Radio()
KINDS = ("plain", "prior", "held")

#: Three orders below the default: every digit that a certificate in double precision can be asked for.
TIGHT = 1e-9


def many_problems(number):
    """Random problems of all kinds and several shapes, every second one with caps that bind."""
    rng = np.random.default_rng(number)
    return [random_problem(rng, kind=KINDS[i % 3], binding=i % 2 == 1) for i in range(number)]


def solved(problem, tolerance=TIGHT):
    """The allocation, which is certified."""
    found = interior_point.solve(problem, tolerance)
    assert found.gap <= found.tolerance == tolerance
    assert (found.solver, found.status) == ("interior-point", "optimal")
    assert (found.power >= 0).all()
    assert (found.power <= problem.caps).all()
    assert found.power.sum() <= problem.budget * (1 + 1e-14)
    return found


def scheme_computations(network, clock, caps=None, tolerance=TIGHT):
    """The integrated scheme and every carry-over at even steps, of 10 J each."""
    info = isal.information(network, RADIO, clock)
    steps = len(steps_of(info))
    prior = no_prior(info)
    return [
        integrated_slot(info, prior, 10.0, caps, tolerance),
        *(steps_slot(info, prior, [10.0 / steps] * steps, carry, caps, tolerance) for carry in CONVEX_CARRIES),
    ]


# --- against independent methods --------------------------------------------------------------------------------------


@given(problems())
def test_agrees_with_scs_on_random_problems(problem):
    assert solved(problem).value == pytest.approx(scs_sdp.solve(problem, 1e-7).value, rel=1e-6)


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("name", ["7a", "7b", "7c", "7d"])
def test_agrees_with_scs_on_the_layouts(layouts, name, clock):
    for found, expected in zip(
        scheduler.run_all(scheme_computations(layouts[name], clock), "interior-point"),
        scheduler.run_all(scheme_computations(layouts[name], clock, tolerance=1e-7), "scs"),
        strict=True,
    ):
        assert all(step.allocation.gap <= TIGHT for step in found.steps)
        assert found.speb == pytest.approx(expected.speb, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n_nodes", [2, 3])
@pytest.mark.parametrize("binding", [False, True], ids=["slack", "binding"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_point_of_a_fine_grid_is_better(kind, binding, n_nodes, seed):
    problem = random_problem(np.random.default_rng(seed), n_nodes, kind=kind, binding=binding)
    _, values = feasible_grid(problem, {2: 60, 3: 16}[n_nodes])
    found = solved(problem)
    assert found.value <= values.min() * (1 + TIGHT)
    assert values.min() <= 1.25 * found.value  # the grid reaches the neighbourhood of the optimum


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=8), st.floats(0.1, 100))
def test_finds_a_known_optimum(gains, energy):
    """Power inverse to the square root of the gain; ``f* = (sum_m gain_m^-1/2)^2 / E``."""
    found = solved(diagonal_problem(gains, energy))
    weight = 1 / np.sqrt(gains)
    assert found.value == pytest.approx(weight.sum() ** 2 / energy, rel=TIGHT)
    np.testing.assert_allclose(found.power, weight / weight.sum() * energy, rtol=0, atol=1e-4 * energy)


# --- certified to 1e-9 ------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(problems())
def test_every_random_problem_is_certified(problem):
    assert solved(problem).iterations <= 30


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("name", ["7a", "7b", "7c", "7d"])
def test_the_layouts_under_caps_are_certified(layouts, name, clock):
    for result in scheduler.run_all(scheme_computations(layouts[name], clock, caps=1.1), "interior-point"):
        assert all(step.allocation.gap <= TIGHT for step in result.steps)
        assert np.isclose(result.power, 1.1, rtol=1e-6).any()


@pytest.mark.long
def test_every_scheme_on_an_ensemble_of_networks_is_certified():
    """Sensing-abundant to sensing-limited networks; with slack caps and with caps that bind."""
    cases = itertools.product(random_networks(7, 25), CLOCK_MODES, (None, 1.5))
    computations = [some for network, clock, cap in cases for some in scheme_computations(network, clock, cap)]
    results = scheduler.run_all(computations, "interior-point")
    assert len(results) == 25 * 2 * 2 * (1 + len(CONVEX_CARRIES))
    steps = [step for result in results for step in result.steps]
    assert max(step.allocation.gap for step in steps) <= TIGHT
    at_caps = [np.isclose(step.power, step.problem.caps, rtol=1e-6) for step in steps]
    assert sum(some.any() for some in at_caps) > 100


def test_a_node_that_tells_little_gets_nothing():
    """``f = 1 / (p_1 + p_2 / 2) + 1 / p_3``: watts of the second node are better spent by the first."""
    problem = AllocationProblem(
        np.zeros((2, 2)), [np.diag([1.0, 0.0]), np.diag([0.5, 0.0]), np.diag([0.0, 1.0])], [0, 1], energy=2.0
    )
    found = solved(problem)
    assert found.value == pytest.approx(2.0, rel=TIGHT)
    np.testing.assert_allclose(found.power, [1, 0, 1], rtol=0, atol=1e-4)
    assert found.power[1] < 1e-8


@pytest.mark.parametrize("energy", [1e-3, 1.0, 1e3])
def test_an_optimum_in_the_limit_of_a_singular_matrix(energy):
    """``f = 1 / p_1``, where the second node has only to keep M regular: the bound is met in the limit."""
    problem = AllocationProblem(np.zeros((2, 2)), [np.diag([1.0, 0.0]), np.diag([0.0, 1.0])], [0], energy)
    found = solved(problem)
    assert 1 / energy <= found.value <= (1 + TIGHT) / energy
    assert 0 < found.power[1] < 2 * TIGHT * energy


def test_two_nodes_that_tell_the_same():
    """Any split between them is an optimum, so no curvature is left along it."""
    same, other = np.diag([1.0, 2.0]), np.diag([3.0, 0.5])
    twice = solved(AllocationProblem(np.zeros((2, 2)), [same, same, other], [0, 1], energy=3.0))
    once = solved(AllocationProblem(np.zeros((2, 2)), [same, other], [0, 1], energy=3.0))
    assert twice.value == pytest.approx(once.value, rel=2 * TIGHT)
    np.testing.assert_allclose([twice.power[:2].sum(), twice.power[2]], once.power, rtol=0, atol=1e-4)


def test_energy_stays_unspent_where_it_hurts():
    """``4 p - p^2`` is largest at 2 of 10 W."""
    found = solved(AllocationProblem([[1, 0], [0, 0]], [[[0, 1], [1, 4]]], [1], energy=10.0))
    assert found.value == pytest.approx(0.25, rel=TIGHT)
    np.testing.assert_allclose(found.power, [2], rtol=1e-4)


@pytest.mark.parametrize(
    ("caps", "power"),
    [
        ([1, 2, 100, 100], [1, 2, 3.5, 3.5]),
        ([1, 1, 1, 100], [1, 1, 1, 7]),
        ([1, 2, 3, 4], [1, 2, 3, 4]),
        ([1, 2, 3, 3], [1, 2, 3, 3]),
        ([1e-3, 2e-3, 1e-3, 2e-3], [1e-3, 2e-3, 1e-3, 2e-3]),
    ],
    ids=["two bind", "three bind", "all bind and spend the budget", "all bind below the budget", "far below"],
)
def test_caps_that_bind(caps, power):
    """Equal gains: what the caps leave is spread evenly."""
    problem = diagonal_problem([1, 1, 1, 1], 10.0, caps)
    found = solved(problem)
    assert found.value == pytest.approx(problem.value(np.array(power)), rel=TIGHT)
    np.testing.assert_allclose(found.power, power, rtol=1e-4)


@given(problems())
def test_units_do_not_matter(problem):
    length, watts = 1e9, 1e-3
    rescaled = in_other_units(problem, length, watts)
    expected, found = solved(problem), solved(rescaled)
    assert found.value * length == pytest.approx(expected.value, rel=2 * TIGHT)


# --- many at once -----------------------------------------------------------------------------------------------------


def test_a_batch_is_what_its_problems_are_alone():
    """Mixed shapes, kinds and tolerances in one call."""
    some = many_problems(60)
    assert 5 < len({problem.shape for problem in some}) < 60
    tolerances = [10.0 ** -(3 + number % 7) for number in range(60)]
    for problem, tolerance, found in zip(some, tolerances, interior_point.solve_all(some, tolerances), strict=True):
        alone = solved(problem, tolerance)
        assert found.gap <= found.tolerance == tolerance
        # to the last bit: no number depends on what is solved beside it
        assert (found.value, found.lower_bound, found.iterations) == (alone.value, alone.lower_bound, alone.iterations)
        np.testing.assert_array_equal(found.power, alone.power)
        assert found.seconds > 0


def test_more_problems_than_a_batch_holds(monkeypatch):
    some = many_problems(30)
    whole = interior_point.solve_all(some, [TIGHT] * 30)
    monkeypatch.setattr("isal.allocation.batch.LARGEST_BATCH", 2)
    for found, expected in zip(interior_point.solve_all(some, [TIGHT] * 30), whole, strict=True):
        assert found.gap <= TIGHT
        assert found.value == pytest.approx(expected.value, rel=TIGHT)


def test_nothing_to_solve():
    assert interior_point.solve_all([], []) == []


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_problem_without_finite_optimum_has_an_error_in_its_place_alone(place):
    """Among problems of its own shape and of others."""
    hopeless = AllocationProblem(np.zeros((2, 2)), [np.diag([1.0, 0.0]), np.diag([2.0, 0.0])], [0], 1.0)
    some = [diagonal_problem([1, 2], 1.0), diagonal_problem([1, 2, 3], 1.0)] * 2
    some = [*(AllocationProblem(p.constant, p.per_watt, [0], p.energy) for p in some)]
    assert hopeless.shape in {problem.shape for problem in some}
    some.insert(place, hopeless)
    found = interior_point.solve_all(some, [TIGHT] * 5)
    assert [isinstance(one, AllocationError) for one in found] == [number == place for number in range(5)]
    assert "no finite optimum" in str(found[place])
    assert all(one.gap <= TIGHT for number, one in enumerate(found) if number != place)


def test_problems_without_finite_optimum_alone_are_refused():
    hopeless = AllocationProblem(np.zeros((2, 2)), [np.diag([1.0, 0.0]), np.diag([2.0, 0.0])], [0], 1.0)
    with pytest.raises(AllocationError, match="no finite optimum"):
        interior_point.solve(hopeless, TIGHT)
    found = interior_point.solve_all([hopeless] * 2, [TIGHT] * 2)
    assert [str(one) for one in found] == [isal.allocation.problem.NO_OPTIMUM] * 2


# --- what is out of reach ---------------------------------------------------------------------------------------------


def test_a_tolerance_not_reached_in_time_is_uncertified(monkeypatch):
    monkeypatch.setattr(interior_point, "MOST_ITERATIONS", (1, 1))
    easy = AllocationProblem([[3.0]], [[[0.0]]], [0], energy=2.0)  # whose value no power changes
    some = [*many_problems(12), easy]
    *found, last = interior_point.solve_all(some, [TIGHT] * len(some))
    assert last.status == "optimal"
    for problem, allocation in zip(some, found, strict=False):
        optimum = scs_sdp.solve(problem, 1e-6)
        assert allocation.iterations <= 2
        assert allocation.status == ("optimal" if allocation.gap <= TIGHT else "uncertified")
        assert optimum.lower_bound <= allocation.value < math.inf
        assert allocation.lower_bound <= optimum.value
    assert {allocation.status for allocation in found} == {"uncertified"}


def test_a_tolerance_beyond_double_precision_is_no_error():
    """Rounding ends the progress; what was reached is returned, and no better called than it is."""
    some = many_problems(60)
    found = interior_point.solve_all(some, [1e-15] * len(some))
    assert max(allocation.gap for allocation in found) < 1e-9
    for allocation in found:
        assert allocation.status == ("optimal" if allocation.gap <= 1e-15 else "uncertified")


# --- large networks ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def forty_nodes():
    return random_network(np.random.default_rng(40), 25, 15, 1, name="forty nodes")


@pytest.mark.long
@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_a_network_kept_sparse_has_the_same_optimum(forty_nodes, clock, monkeypatch):
    """Integrated and every carry-over."""
    dense = scheduler.run_all(scheme_computations(forty_nodes, clock, tolerance=1e-8), "interior-point")
    monkeypatch.setattr("isal.model.information.LARGEST_DENSE", 0)
    sparse = scheduler.run_all(scheme_computations(forty_nodes, clock, tolerance=1e-8), "interior-point")
    for found, expected in zip(sparse, dense, strict=True):
        assert isinstance(found.information.stack, SparseStack)
        assert isinstance(expected.information.stack, DenseStack)
        assert found.status == expected.status == "optimal"
        assert found.speb == pytest.approx(expected.speb, rel=2e-8)
        # the same way there, but for rounding
        np.testing.assert_allclose(found.power, expected.power, rtol=0, atol=1e-4)


@pytest.mark.long
@given(st.integers(0, 1000), CLOCKS, st.sampled_from(CONVEX_CARRIES))
def test_small_networks_kept_sparse_have_the_same_optimum(number, clock, carry):
    network = random_network(np.random.default_rng(number), 3, 2, 1)
    energies = (10.0 / 3,) * 3 if clock == "asynchronous" else (5.0, 5.0)
    options = {"clock": clock, "energies": energies, "carry": carry, "solver": "interior-point", "tolerance": TIGHT}
    dense = isal.step_by_step(network, RADIO, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isal.model.information.LARGEST_DENSE", 0)
        sparse = isal.step_by_step(network, RADIO, **options)
    assert sparse.status == dense.status == "optimal"
    assert sparse.speb == pytest.approx(dense.speb, rel=1e-7)


def test_version_names_what_does_the_linear_algebra():
    assert interior_point.version() == f"numpy {np.__version__}"
