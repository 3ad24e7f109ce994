"""Several goals at once: sums, worst cases and requirements, their certificates, and what users ask by name."""

import doctest
import itertools
import math

import cvxpy as cp
import exact
import numpy as np
import pytest
import references
import strategies
from builders import ROOT, SINGLE
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from test_certificates import N_LAYOUTS, near_a_radar

import isal
from isal import Goal, GoalsProblem, InfeasibleError, IsalError
from isal.allocation.certificate import INWARD
from isal.allocation.goals import KINDS, Terms, certify, evaluate
from isal.allocation.region import Region
from isal.allocation.solvers import goals_cvxpy, goals_newton
from isal.knowledge import Knowledge
from isal.matrices import DenseStack, Rows

RADIO = isal.Radio()
TOLERANCE = 1e-6

#: How many random problems of each kind are compared with Clarabel, in `make test-fast` and in `make test-all`.
FEW, MANY = 8, 200


# --- problems ---------------------------------------------------------------------------------------------------------


def random_goals(rng, n, *, prior, shared):
    """Goals without any wireless in them, as sums of squares: of one matrix, or each of its own."""
    d, goals = int(rng.integers(2, 5)), []
    for number in range(int(rng.integers(2, 6))):
        if number == 0 or not shared:
            rows = Rows(rng.normal(size=(3 * n, d)) * rng.lognormal(0, 1, (3 * n, 1)), np.repeat(np.arange(n), 3))
            stack = DenseStack(rows.products(n)[None], None, [rows])
            known = Knowledge.of_rows(rng.normal(size=(1, d))) if prior else Knowledge.nothing(d)
        goals.append(Goal(known, stack, rng.normal(size=(d, int(rng.integers(1, 3)))), f"goal {number + 1}"))
    return goals


def random_problem(rng, kind, *, prior=None, shared=None):
    """With caps and up to two constraints, all of which may bind; requirements can be met."""
    prior, shared = (bool(rng.integers(2)) if each is None else each for each in (prior, shared))
    n = int(rng.integers(2, 6))
    goals = random_goals(rng, n, prior=prior, shared=shared)
    rows = rng.uniform(0.2, 2.0, (int(rng.integers(kind != "energy", 3)), n))
    at_most = rng.uniform(1.0, 5.0, len(rows))
    caps = np.full(n, np.inf) if rng.integers(2) else rng.uniform(0.5, 3.0, n)
    levels = rng.uniform(0.5, 2.0, len(goals))
    if kind != "energy":
        return GoalsProblem(goals, kind, levels, caps=caps, rows=rows, at_most=at_most)
    inside = GoalsProblem(goals, kind, 1.0, caps=caps, rows=rows, at_most=at_most)
    some = random_feasible(rng, inside)
    levels = inside.values(some) * rng.uniform(1.05, 3.0, len(goals))
    return GoalsProblem(goals, kind, levels, caps=caps, rows=rows, at_most=at_most, cost=rng.uniform(0.5, 2.0, n))


def random_feasible(rng, problem):
    """Powers inside the caps and constraints."""
    power = np.minimum(problem.caps, 10.0) * rng.uniform(0.05, 1.0, problem.n_nodes)
    return problem.region.feasible(power[None])[0]


def worth(problem, power):
    """What is minimised, written out; infinite where a requirement is not met."""
    values = np.array([trace(goal, power) for goal in problem.goals])
    if problem.kind == "sum":
        return problem.levels @ values
    if problem.kind == "worst":
        return np.max(values / problem.levels)
    return problem.cost @ power if (values <= problem.levels).all() else math.inf


def trace(goal, power):
    """The goal's value from its dense matrix."""
    matrix = goal.known.matrix + np.tensordot(power, goal.stack.dense()[0], 1)
    covariance = goal.selector.T @ np.linalg.solve(matrix, goal.selector)
    return np.linalg.eigvalsh(covariance)[-1] if goal.largest else np.trace(covariance)


def scattered(seed, clock="asynchronous", n_targets=6):
    """4 anchors, 3 radars and 6 targets anywhere."""
    return strategies.random_network(np.random.default_rng([10, seed]), 4, 3, n_targets)


# --- certificates -----------------------------------------------------------------------------------------------------


@given(strategies.generators(), st.sampled_from(KINDS))
def test_a_bound_from_any_powers_and_multipliers_holds_at_all_feasible_powers(rng, kind):
    problem = random_problem(rng, kind)
    terms = Terms.of([problem])
    at = random_feasible(rng, problem)
    parts = evaluate(problem.goals, at)
    alone = type(parts)(
        *(each[None] for each in (parts.value, parts.promised, parts.fixed, parts.slope, parts.rounding))
    )
    others = [random_feasible(rng, problem) for _ in range(200)]
    values = [worth(problem, each) for each in others]
    reached = np.array([min(values)])
    for _ in range(5):
        mu = rng.uniform(0, 1, (1, len(problem.goals))) * rng.lognormal(0, 2)
        dual = rng.uniform(0, 2, (1, len(problem.rows)))
        assert terms.lower_bound(alone, mu, dual, reached)[0] <= min(values) * (1 + 1e-9)
    if np.isfinite(reached[0]):
        best = terms.lower_bound(alone, *terms.best_multipliers(alone, reached), reached)[0]
        assert best <= min(values) * (1 + 1e-9)


@given(strategies.generators(), st.sampled_from(KINDS))
def test_a_solution_is_feasible_certified_and_beaten_by_nothing(rng, kind):
    problem = random_problem(rng, kind)
    found = goals_newton.solve(problem, TOLERANCE)
    assert found.status == "optimal"
    assert (found.power >= 0).all()
    assert (found.power <= problem.caps).all()
    assert (problem.rows @ found.power <= problem.at_most * (1 + 1e-12)).all()
    np.testing.assert_allclose(found.values, [trace(goal, found.power) for goal in problem.goals], rtol=1e-8)
    if kind == "energy":
        assert (found.values <= problem.levels).all()
        assert found.value == pytest.approx(problem.cost @ found.power, rel=1e-12)
    else:
        assert found.value == pytest.approx(worth(problem, found.power), rel=1e-8)
    assert found.lower_bound <= found.value
    for _ in range(50):
        shared = rng.uniform(0, 0.2)
        near = problem.region.feasible(((1 - shared) * found.power + shared * random_feasible(rng, problem))[None])[0]
        assert worth(problem, near) >= found.lower_bound * (1 - 1e-12)


@given(strategies.generators(), st.sampled_from(KINDS))
def test_the_certificate_of_powers_from_elsewhere_needs_no_multipliers(rng, kind):
    """And at the optimal powers, with the multipliers of a linear program, it is tight."""
    problem = random_problem(rng, kind)
    found = goals_newton.solve(problem, TOLERANCE)
    again = certify(problem, found.power, tolerance=TOLERANCE, solver="elsewhere")
    assert again.value == pytest.approx(found.value, rel=1e-12)
    assert again.gap <= 3 * TOLERANCE
    far = certify(problem, random_feasible(rng, problem), tolerance=TOLERANCE, solver="elsewhere")
    assert far.lower_bound <= found.value


@given(strategies.generators())
def test_gradients_are_those_of_finite_differences(rng):
    problem = random_problem(rng, "worst")
    power = random_feasible(rng, problem) + 0.1
    numeric = np.empty((len(problem.goals), problem.n_nodes))
    for node in range(problem.n_nodes):
        step = 1e-5 * np.eye(problem.n_nodes)[node]
        numeric[:, node] = (problem.values(power + step) - problem.values(power - step)) / 2e-5
    np.testing.assert_allclose(problem.gradients(power), numeric, rtol=1e-5, atol=1e-6 * np.abs(numeric).max())


@given(strategies.generators(), st.sampled_from(KINDS))
def test_the_newton_systems_are_those_of_finite_differences(rng, kind):
    """Gradient and Hessian of the goals, of ``eps / f`` and of the Lagrangian, in the units of the solver."""
    problem = random_problem(rng, kind)
    start = problem.region.middle(np.ones(1))
    scaled = goals_newton._Scaled.of([problem], start, False)
    share = start / start.sum()
    weights = rng.uniform(0.5, 2, (1, len(problem.goals)))

    def lagrangian_gradient(at):
        _, gradients = scaled.merits(at)
        return scaled.gradient(at) - np.einsum("Nkm,Nk->Nm", gradients, weights[:, : gradients.shape[1]])

    at, n = scaled.evaluate(share), problem.n_nodes
    curvature = scaled.curvature(at, weights)[0]
    merit, slope = scaled.merits(at)
    for node in range(n):
        step = 1e-6 * np.eye(n)[node]
        above, below = scaled.evaluate(share + step), scaled.evaluate(share - step)
        numeric = (lagrangian_gradient(above) - lagrangian_gradient(below))[0] / 2e-6
        np.testing.assert_allclose(curvature[node], numeric, rtol=1e-4, atol=1e-5 * np.abs(curvature).max() + 1e-7)
        change = (scaled.merits(above)[0] - scaled.merits(below)[0])[0] / 2e-6
        np.testing.assert_allclose(slope[0, :, node], change, rtol=1e-5, atol=1e-7 * np.abs(slope).max(initial=1.0))
    assert merit.shape == (1, 0 if kind == "sum" else len(problem.goals))


@given(strategies.generators(), st.sampled_from(["worst", "energy"]))
def test_what_is_maximised_instead_is_concave(rng, kind):
    """``1 / f`` along a line, on which both solvers and certificates rest."""
    problem = random_problem(rng, kind)
    one, other = random_feasible(rng, problem), random_feasible(rng, problem)
    middle = 1 / problem.values(0.5 * (one + other))
    ends = 0.5 / problem.values(one) + 0.5 / problem.values(other)
    assert (middle >= ends * (1 - 1e-9)).all()


# --- feasible powers --------------------------------------------------------------------------------------------------


@given(strategies.generators())
def test_the_largest_sum_over_feasible_powers_is_that_of_a_linear_program(rng):
    n, n_rows = int(rng.integers(1, 7)), int(rng.integers(1, 4))
    rows, at_most = rng.uniform(0.1, 2.0, (n_rows, n)), rng.uniform(0.5, 5.0, n_rows)
    caps = np.where(rng.integers(0, 2, n), np.inf, rng.uniform(0.1, 2.0, n))
    region, slope = Region(caps[None], rows[None], at_most[None]), rng.normal(size=(1, n))
    exact = linprog(-slope[0], rows, at_most, bounds=[(0, None if np.isinf(cap) else cap) for cap in caps])
    dual = -exact.ineqlin.marginals[None]
    assert region.promised(slope, dual)[0] == pytest.approx(-exact.fun, rel=1e-9, abs=1e-12)
    from_there, _ = region.largest(slope, dual)
    from_nowhere, found = region.largest(slope)
    assert from_there[0] == pytest.approx(-exact.fun, rel=1e-9, abs=1e-12)
    assert from_nowhere[0] >= -exact.fun * (1 - 1e-12) - 1e-15
    assert from_nowhere[0] == region.promised(slope, found)[0] or from_nowhere[0] == pytest.approx(
        region.promised(slope, found)[0], rel=1e-12
    )
    if n_rows == 1:
        assert from_nowhere[0] == pytest.approx(-exact.fun, rel=1e-12, abs=1e-14)


@given(strategies.generators())
def test_powers_are_made_feasible(rng):
    n = 4
    region = Region(np.full((1, n), 2.0), rng.uniform(0, 1, (1, 2, n)), rng.uniform(0.5, 2, (1, 2)))
    power = region.feasible(rng.uniform(-1, 5, (1, n)))
    assert (power >= 0).all()
    assert (power <= 2).all()
    assert region.broken(power)[0] <= 1e-12
    middle = region.middle(np.full(1, np.inf))
    assert (middle > 0).all()
    assert region.broken(middle)[0] < -0.05


# --- against Clarabel -------------------------------------------------------------------------------------------------


def agrees_with_clarabel(problem):
    ours = goals_newton.solve(problem, TOLERANCE)
    theirs = goals_cvxpy.solve(problem, TOLERANCE)
    assert ours.status == "optimal"
    assert ours.value == pytest.approx(theirs.value, rel=1e-6)
    assert ours.lower_bound <= theirs.value * (1 + 1e-12)
    assert theirs.lower_bound <= ours.value * (1 + 1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(FEW))
def test_random_problems_agree_with_clarabel(kind, number):
    agrees_with_clarabel(random_problem(np.random.default_rng([1, number]), kind))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_random_problems_agree_with_clarabel(kind):
    for number in range(FEW, MANY):
        agrees_with_clarabel(random_problem(np.random.default_rng([1, number]), kind))


@pytest.mark.filterwarnings("ignore::isal.UncertifiedWarning")  # Clarabel's bounds are not always tight
@pytest.mark.parametrize("kind", KINDS)
def test_targets_of_a_network_agree_with_clarabel(kind):
    network = scattered(1, n_targets=3)
    arguments = {"requirements": 0.05} if kind == "energy" else {"energy": 10.0}
    if kind == "worst":
        arguments["goals"] = "worst target"
    ours, theirs = (
        isal.allocate(network, RADIO, clock="asynchronous", solver=solver, **arguments)
        for solver in ("interior-point", "cvxpy")
    )
    assert ours.value == pytest.approx(theirs.value, rel=1e-6)
    assert ours.lower_bound <= theirs.value
    assert theirs.lower_bound <= ours.value


# --- identities -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("clock", isal.model.parameters.CLOCKS)
def test_without_prior_and_caps_the_least_energy_is_that_of_the_worst_target(seed, clock):
    network = scattered(seed)
    least = isal.allocate(network, RADIO, clock=clock, requirements=0.05)
    worst = isal.allocate(network, RADIO, clock=clock, goals="worst target", energy=10.0)
    assert least.value == pytest.approx(10.0 * worst.value / 0.05**2, rel=1e-6)
    np.testing.assert_allclose(least.power / least.energy, worst.power / 10.0, atol=1e-4)


def test_one_goal_is_the_integrated_scheme():
    for name, clock in itertools.product(SINGLE, isal.model.parameters.CLOCKS):
        one = isal.allocate(SINGLE[name], RADIO, clock=clock, energy=10.0)
        other = isal.integrated(SINGLE[name], RADIO, clock=clock, energy=10.0)
        np.testing.assert_array_equal(one.power, other.power)
        assert (one.value, one.lower_bound) == (other.speb, other.lower_bound)
        assert one.values == {"target 1": pytest.approx(other.speb, rel=1e-9)}
        assert (one.spebs.radars, one.spebs.targets) == (other.spebs.radars, other.spebs.targets)
        worst = isal.allocate(SINGLE[name], RADIO, clock=clock, goals="worst target", energy=10.0)
        assert worst.value == pytest.approx(other.speb, rel=1e-6)


@given(strategies.generators())
def test_a_sum_of_goals_is_one_goal_with_their_columns(rng):
    goals = random_goals(rng, 3, prior=True, shared=True)
    weights = rng.uniform(0.5, 2, len(goals))
    problem = GoalsProblem(goals, "sum", weights, rows=np.ones((1, 3)), at_most=[2.0], caps=1.5)
    ours = goals_newton.solve(problem, TOLERANCE)
    single = isal.allocation.solvers.solve(problem.single, "interior-point", TOLERANCE)
    assert ours.value == pytest.approx(single.value, rel=2e-6)


def test_the_multipliers_of_the_worst_case_belong_to_those_that_are_worst():
    found = isal.allocate(scattered(0), RADIO, clock="asynchronous", goals="worst target", energy=10.0)
    assert sum(found.shadow.values()) == pytest.approx(1.0)
    for name, share in found.shadow.items():
        assert share < 1e-4 or found.values[name] == pytest.approx(found.value, rel=1e-4)


def test_the_multipliers_of_requirements_are_what_loosening_them_saves():
    network = scattered(0)
    required = {f"target {number}": 0.05 for number in range(1, 7)}
    found = isal.allocate(network, RADIO, clock="asynchronous", requirements=required, tolerance=1e-9)
    for name, price in found.shadow.items():
        energies = [
            isal.allocate(
                network,
                RADIO,
                clock="asynchronous",
                requirements=required | {name: math.sqrt(0.05**2 * factor)},
                tolerance=1e-9,
            ).value
            for factor in (1 + 1e-3, 1 - 1e-3)
        ]
        saved = (energies[1] - energies[0]) / (2e-3 * 0.05**2)
        assert price == pytest.approx(saved, rel=1e-2, abs=1e-4 * found.value / 0.05**2)


def test_many_goals_are_solved_for_a_few_of_them():
    rng, network = np.random.default_rng(3), SINGLE["7c"]
    goals = []
    for number in range(100):
        moved = isal.Network(network.anchors, network.radars, network.targets + rng.normal(size=2) * 5)
        info = isal.information(moved, RADIO, "asynchronous")
        selector = np.eye(info.basis.size)[:, info.basis.indices(["targets"])]
        goals.append(Goal(Knowledge.nothing(info.basis.size), info.stack, selector, f"place {number + 1}"))
    for kind, more in (("worst", {"rows": np.ones((1, 4)), "at_most": [10.0]}), ("energy", {"levels": 0.1**2})):
        problem = GoalsProblem(goals, kind, **more)
        found = goals_newton.solve(problem, TOLERANCE)
        assert found.status == "optimal"
        assert np.count_nonzero(found.multipliers) < 30
        every = certify(problem, found.power, tolerance=TOLERANCE, solver="all at once")
        assert every.value == pytest.approx(found.value, rel=1e-12)
        assert every.gap <= 3 * TOLERANCE


@pytest.mark.parametrize("kind", KINDS)
def test_company_changes_nothing_but_the_time(kind):
    problems = [random_problem(np.random.default_rng([2, number]), kind) for number in range(12)]
    together = goals_newton.solve_all(problems, [TOLERANCE] * len(problems))
    for problem, found in zip(problems, together, strict=True):
        alone = goals_newton.solve(problem, TOLERANCE)
        assert found.status == alone.status == "optimal"
        assert found.value == pytest.approx(alone.value, rel=1e-6)


def test_one_that_fails_leaves_the_others_alone():
    rng = np.random.default_rng(5)
    fine = random_problem(rng, "worst")
    d = len(fine.goals[0].known)
    nothing = DenseStack(np.zeros((1, fine.n_nodes, d, d)))
    hopeless = GoalsProblem(
        [Goal(Knowledge.nothing(d), nothing, np.eye(d))], "worst", rows=np.ones((1, fine.n_nodes)), at_most=[1.0]
    )
    failed, found = goals_newton.solve_all([hopeless, fine], [TOLERANCE] * 2)
    assert isinstance(failed, IsalError)
    assert found.status == "optimal"


@given(strategies.generators())
def test_indefinite_matrices_as_under_held(rng):
    """One goal against the solver of one; M is positive definite in a part of the feasible set only."""
    single = strategies.random_problem(rng, kind="held", binding=bool(rng.integers(2)))
    goals = [Goal(single.known, single.stack, single.selector)]
    one = isal.allocation.solvers.solve(single, "interior-point", TOLERANCE)
    for kind in ("sum", "worst"):
        problem = GoalsProblem(
            goals, kind, rows=np.ones((1, single.n_nodes)), at_most=[single.budget], caps=single.caps
        )
        found = goals_newton.solve(problem, TOLERANCE)
        assert found.lower_bound <= one.value * (1 + 1e-12)
        assert one.lower_bound <= found.value * (1 + 1e-12)


# --- largest eigenvalue -----------------------------------------------------------------------------------------------


@given(strategies.generators())
@settings(max_examples=10)
def test_the_largest_eigenvalue_against_a_grid_of_directions_and_powers(rng):
    """Two nodes: the best split of a budget, and the worst direction at each, by brute force."""
    goals = [
        Goal(each.known, each.stack, np.eye(len(each.known))[:, :2], each.name, largest=True)
        for each in random_goals(rng, 2, prior=False, shared=False)
    ]
    problem = GoalsProblem(goals, "worst", 1.0, rows=np.ones((1, 2)), at_most=[2.0])
    found = goals_newton.solve(problem, TOLERANCE)
    assert found.status == "optimal"
    angles = np.linspace(0, np.pi, 721)
    directions = np.stack([np.cos(angles), np.sin(angles)])

    def worst(power):
        largest = []
        for goal in goals:
            matrix = goal.known.matrix + np.tensordot(power, goal.stack.dense()[0], 1)
            covariance = goal.selector.T @ np.linalg.solve(matrix, goal.selector)
            largest.append(np.einsum("id,ij,jd->d", directions, covariance, directions).max())
        return max(largest)

    assert found.value == pytest.approx(worst(found.power), rel=1e-4)
    grid = [worst(np.array([share, 2 - share])) for share in np.linspace(0.002, 1.998, 499)]
    assert found.lower_bound <= min(grid) * (1 + 1e-4)
    assert found.value <= min(grid) * (1 + 1e-4)


@pytest.mark.parametrize("kind", ["worst", "energy"])
def test_largest_eigenvalues_agree_with_clarabel(kind):
    network = scattered(2, n_targets=3)
    names = [f"worst direction of target {number}" for number in (1, 2, 3)]
    arguments = {"requirements": dict.fromkeys(names, 0.05)}
    if kind == "worst":
        arguments = {"goals": "worst direction", "energy": 10.0}
    ours, theirs = (
        isal.allocate(network, RADIO, clock="synchronous", solver=solver, tolerance=1e-4, **arguments)
        for solver in ("interior-point", "cvxpy")
    )
    ours_exact = isal.allocate(network, RADIO, clock="synchronous", **arguments)
    assert ours_exact.status == "optimal"
    assert ours_exact.value == pytest.approx(theirs.value, rel=1e-6)
    assert list(ours.values) == names
    matrix = np.linalg.inv(ours.information.matrix(ours.power))
    for name, block in zip(names, np.split(ours.information.basis.indices(["targets"]), 3), strict=True):
        assert ours.values[name] == pytest.approx(np.linalg.eigvalsh(matrix[np.ix_(block, block)])[-1], rel=1e-8)


def test_a_largest_eigenvalue_is_no_part_of_a_sum():
    with pytest.raises(IsalError, match="no part of a sum"):
        isal.allocate(scattered(0), RADIO, clock="synchronous", goals=["worst direction of target 1"], energy=1.0)


# --- requirements that can't be met -----------------------------------------------------------------------------------


def test_requirements_beyond_the_caps_are_told_with_what_would_do():
    network = scattered(0)
    free = isal.allocate(network, RADIO, clock="asynchronous", requirements=0.05)
    with pytest.raises(InfeasibleError, match=r"at the most that it may send, target \d reaches") as told:
        isal.allocate(network, RADIO, clock="asynchronous", requirements=0.05, caps=free.power.max() / 20)
    assert f"{free.value:.4g} J would do" in str(told.value)
    assert told.value.ratio > 1
    at_caps = isal.allocate(network, RADIO, clock="asynchronous", goals="worst target", caps=free.power.max() / 20)
    assert told.value.ratio <= at_caps.value / 0.05**2
    assert told.value.ratio == pytest.approx(at_caps.value / 0.05**2, rel=1e-3)


def test_requirements_beyond_an_energy_are_told_by_how_much():
    network = scattered(0)
    free = isal.allocate(network, RADIO, clock="asynchronous", requirements=0.05)
    with pytest.raises(InfeasibleError, match=r"one stays at least 41.4 % above") as told:
        isal.allocate(network, RADIO, clock="asynchronous", requirements=0.05, energy=free.value / 2)
    assert told.value.ratio == pytest.approx(2.0, rel=1e-4)


@pytest.mark.parametrize("excess", [1e-2, 1e-4])
def test_requirements_that_hardly_can_be_met_are_met(excess):
    network = scattered(3)
    free = isal.allocate(network, RADIO, clock="asynchronous", requirements=0.05)
    tight = isal.allocate(network, RADIO, clock="asynchronous", requirements=0.05, energy=free.value * (1 + excess))
    assert tight.status == "optimal"
    assert tight.value == pytest.approx(free.value, rel=1e-5)


@given(strategies.generators())
def test_what_no_powers_can_reach_is_proven(rng):
    """More power never hurts here, so a goal that is missed at full caps can't be met; and only then is it said."""
    problem = random_problem(rng, "energy")
    caps = np.minimum(problem.region.reach[0], 3.0)
    at_caps = np.array([trace(goal, caps) for goal in problem.goals])
    levels = at_caps * rng.uniform(1.0, 3.0, len(at_caps))
    levels[0] = at_caps[0] * rng.uniform(0.5, 0.999)
    impossible = GoalsProblem(problem.goals, "energy", levels, caps=caps)
    with pytest.raises(InfeasibleError) as told:
        goals_newton.solve(impossible, TOLERANCE)
    assert 1 < told.value.ratio <= (at_caps / levels).max() * (1 + 1e-9)
    possible = GoalsProblem(problem.goals, "energy", at_caps * 1.001, caps=caps)
    assert goals_newton.solve(possible, TOLERANCE).status == "optimal"


# --- names, limits and refusals ---------------------------------------------------------------------------------------


def test_goals_by_name_index_axis_block_and_weight():
    network = scattered(4)
    options = {"clock": "asynchronous", "energy": 10.0}
    by_name = isal.allocate(network, RADIO, goals=["target 2", "radar 1"], **options)
    assert list(by_name.values) == ["target 2", "radar 1"]
    np.testing.assert_array_equal(isal.allocate(network, RADIO, goals=[1, "radar 1"], **options).power, by_name.power)
    axes = isal.allocate(network, RADIO, goals={"target 2 x": 1.0, "target 2 y": 1.0}, **options)
    assert axes.value == pytest.approx(isal.allocate(network, RADIO, goals=1, **options).value, rel=1e-6)
    radars = isal.allocate(network, RADIO, goals="radars", **options)
    assert radars.value == pytest.approx(radars.spebs.radars, rel=1e-9)
    heavy = isal.allocate(network, RADIO, goals={"target 2": 1e6, "target 1": 1.0}, **options)
    assert heavy.values["target 2"] == pytest.approx(isal.allocate(network, RADIO, goals=1, **options).value, rel=1e-3)
    worst = isal.allocate(network, RADIO, goals="worst radar", **options)
    assert worst.value == max(worst.values.values())
    weighted = isal.allocate(network, RADIO, goals={"worst": {"target 1": 1.0, "target 2": 4.0}}, **options)
    assert weighted.value == pytest.approx(max(weighted.values["target 1"], 4 * weighted.values["target 2"]))


def test_energy_of_radars_and_of_anchors_apart_and_airtime():
    network = scattered(5)
    peak = np.array([2.0, 2.0, 2.0, 8.0, 8.0, 8.0, 8.0])
    limits = {"radars": 4.0, "anchors": 5.0, "radar 1": 1.5, "airtime": (1 / peak, 2.0)}
    found = isal.allocate(network, RADIO, clock="asynchronous", goals="worst target", limits=limits)
    assert found.status == "optimal"
    assert found.power[:3].sum() <= 4 * (1 + 1e-12)
    assert found.power[3:].sum() <= 5 * (1 + 1e-12)
    assert found.power[0] <= 1.5 * (1 + 1e-12)
    assert found.power @ (1 / peak) <= 2 * (1 + 1e-12)
    wider = isal.allocate(
        network, RADIO, clock="asynchronous", goals="worst target", limits=limits | {"airtime": (1 / peak, 20.0)}
    )
    assert wider.value < found.value * (1 - 1e-3)
    rows, problem = found.problem.rows, found.problem
    power = cp.Variable(7)
    assert rows.shape == (4, 7)
    largest = cp.Problem(
        cp.Maximize(problem.gradients(found.power)[0] @ -power),
        [power >= 0, rows @ power <= problem.at_most],
    ).solve(solver="CLARABEL")
    bound, _ = problem.region.largest(-problem.gradients(found.power)[:1])
    assert bound[0] >= largest * (1 - 1e-7)


def test_a_node_that_may_not_transmit_only_receives():
    found = isal.allocate(
        scattered(6), RADIO, clock="synchronous", goals="worst target", energy=5.0, caps=[5, 0, 5, 5, 5, 0, 5]
    )
    assert found.status == "optimal"
    assert found.power[1] == found.power[5] == 0


def test_layouts_in_which_a_double_has_few_digits_left_are_certified():
    """A target next to a radar in a field of 10 km."""
    anchors, radars = [[3331, 6854], [9514, 1307], [5466, 5618]], [[609, 9276], [210, 9011]]
    network = isal.Network(anchors, radars, [[610, 9277], [5000, 5000]])
    for clock in isal.model.parameters.CLOCKS:
        worst = isal.allocate(network, RADIO, clock=clock, goals="worst target", energy=10.0)
        least = isal.allocate(network, RADIO, clock=clock, requirements={0: 0.05, 1: 5.0})
        assert worst.status == least.status == "optimal"
        parts = evaluate(worst.problem.goals, worst.power, exactly=True)
        np.testing.assert_allclose(parts.value, worst.allocation.values, rtol=1e-6)


def random_pair():
    """Two goals of two nodes."""
    return random_goals(np.random.default_rng(0), 2, prior=True, shared=True)[:2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"goals": []}, "at least one goal"),
        ({"kind": "best"}, "kind must be one of sum, worst, energy"),
        ({"levels": 0.0}, "levels must be positive"),
        ({"levels": [1.0, 2.0, 3.0]}, "levels must be one number or 2"),
        ({"caps": np.inf}, "nothing limits the power of node 1"),
        ({"rows": [[1.0]], "at_most": [1.0]}, "rows must be finite, of shape"),
        ({"rows": [[1.0, 1.0]], "at_most": [-1.0]}, "at_most must not be negative"),
        ({"rows": [[1.0, 1.0]], "at_most": [0.0]}, "let no node transmit"),
        ({"cost": [0.0, 0.0]}, "cost must not be negative, nor zero for all"),
    ],
)
def test_problems_that_make_no_sense_are_refused(arguments, told):
    arguments = {"goals": random_pair(), "kind": "worst", "caps": 1.0} | arguments
    with pytest.raises(IsalError, match=told):
        GoalsProblem(**arguments)


def test_goals_must_be_about_the_same_parameters():
    with pytest.raises(IsalError, match="all goals must be about"):
        GoalsProblem([random_pair()[0], *scattered_goals()], "worst", caps=1.0)


def scattered_goals():
    info = isal.information(scattered(0), RADIO, "synchronous")
    return [Goal(Knowledge.nothing(info.basis.size), info.stack, np.eye(info.basis.size))]


def test_requirements_that_need_no_power_are_told():
    goals = random_pair()
    known = Knowledge.of_rows(1e3 * np.eye(len(goals[0].known)))
    easy = [Goal(known, goal.stack, goal.selector) for goal in goals]
    with pytest.raises(IsalError, match="without any power"):
        goals_newton.solve(GoalsProblem(easy, "energy", 1.0), TOLERANCE)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"goals": "target 9", "energy": 1.0}, "nothing to be estimated of the name 'target 9'"),
        ({"goals": 6, "energy": 1.0}, "no target of index 6"),
        ({"goals": [], "energy": 1.0}, "goals are empty"),
        ({"goals": ["target 1", 0], "energy": 1.0}, "goals name target 1 twice"),
        ({"goals": {"target 1": -1.0}, "energy": 1.0}, "that of target 1 must be finite and positive"),
        ({"goals": "worst target"}, "nothing limits the power of node 1"),
        ({"goals": "targets", "requirements": 0.1}, "not both"),
        ({"requirements": -0.1}, "requirements must be finite and positive"),
        ({"energy": 1.0, "limits": {"cats": 1.0}}, "there are no such nodes"),
        ({"energy": 1.0, "limits": {"airtime": ([1.0], 1.0)}}, "one for each of the 7 nodes"),
        ({"energy": 1.0, "limits": 3}, "limits must be a table"),
        ({"goals": "worst target", "energy": 1.0, "solver": "scs"}, "no solver 'scs' takes several goals"),
    ],
)
def test_what_can_not_be_asked_is_told(arguments, told):
    with pytest.raises(IsalError, match=told):
        isal.allocate(scattered(0), RADIO, clock="synchronous", **arguments)


# --- against 50 digits ------------------------------------------------------------------------------------------------


def exact_parts(network, clock, indices, power):
    """``f_k`` and ``h_km`` of blocks of parameters at some powers, as decimals."""
    with exact.digits():
        per_watt = exact.node_matrices(network, RADIO, clock)
        inverse = exact.inverse(np.tensordot(references.exact(power), per_watt, 1))
        values, slopes = [], []
        for block in indices:
            columns = inverse[:, block]
            values.append(sum(columns[row, column] for column, row in enumerate(block)))
            slopes.append([np.sum(columns * (each @ columns)) for each in per_watt])
        return np.array(values, dtype=float), np.array(slopes, dtype=float)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::isal.UncertifiedWarning")
@pytest.mark.parametrize("clock", isal.model.parameters.CLOCKS)
@pytest.mark.parametrize(("field", "offset"), [(200, 0.1), (1000, 3.0), (10_000, 0.1), (10_000, 3.0)])
def test_what_is_certified_is_right_to_its_gap_in_extreme_layouts(field, offset, clock):
    """A target next to a radar and another one anywhere: values and bounds from positions on, in 50 digits."""
    for number in range(3 * N_LAYOUTS):
        rng = np.random.default_rng([int(10 * offset), field, number])
        (near,) = near_a_radar(rng, field, offset, 1)
        network = isal.Network(near.anchors, near.radars, [near.targets[0], rng.uniform(0, field, 2)])
        try:
            info = isal.information(network, RADIO, clock)
        except isal.UnobservableError:
            continue
        even = info.measured(np.ones(network.n_nodes))
        blocks = np.split(info.basis.indices(["targets"]), 2)
        levels = np.array([even.speb(block) for block in blocks]) * rng.uniform(0.3, 3.0, 2)
        weights = {"target 1": 1 / levels[0], "target 2": 1 / levels[1]}
        required = {name: weight**-0.5 for name, weight in weights.items()}
        for arguments in ({"goals": {"worst": weights}, "energy": 10.0}, {"requirements": required}):
            least = "requirements" in arguments
            result, finer = (
                isal.allocate(network, RADIO, clock=clock, tolerance=tolerance, **arguments)
                for tolerance in (TOLERANCE, 1e-9)
            )
            # finer powers do not beat the bound
            better, _ = exact_parts(network, clock, blocks, finer.power)
            if not least or (better <= levels).all():
                assert (finer.energy if least else (better / levels).max()) >= result.lower_bound
            mu, bounds = np.array(list(result.shadow.values())), []
            values, _ = exact_parts(network, clock, blocks, result.power)
            if least:
                assert (values <= levels).all()
            else:
                assert (values / levels).max() == pytest.approx(result.value, rel=max(result.gap, 1e-9))
            # a bound may come from slightly inside, as that of one goal may
            middle = result.problem.region.middle(np.array([result.energy]))[0]
            for by in (0.0, *INWARD):
                at = (1 - by) * result.power + by * middle
                values, slopes = exact_parts(network, clock, blocks, at)
                # without prior the bound of "energy" is homogeneous in the multipliers
                weights = mu if least else mu / levels
                most = (weights @ slopes).max()
                bounds.append(mu @ (values**2 / levels) / most if least else (weights @ values) ** 2 / (10 * most))
            assert result.lower_bound <= result.value
            # Y with rounding errors is another witness of the bound, about as good
            assert max(bounds) >= result.lower_bound * (1 - 0.1 * TOLERANCE)
            assert result.status == "optimal"


# --- documents --------------------------------------------------------------------------------------------------------


def test_the_examples_of_the_page_on_goals():
    page = str(ROOT / "docs/goals.md")
    failed, tried = doctest.testfile(page, module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried > 10
    assert not failed
