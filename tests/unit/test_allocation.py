"""The allocation problem: derivatives, convexity, the feasible set and the certificate."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
import references
from hypothesis import given
from hypothesis import strategies as st
from strategies import diagonal_problem, feasible_grid, generators, problems, random_inside, random_problem

from isal import AllocationError, AllocationProblem, lower_bound
from isal.allocation import solvers
from isal.allocation.certificate import Allocation, certify

# --- its parts --------------------------------------------------------------------------------------------------------


@given(problems(), st.sampled_from([None, 0.3, 100.0]))
def test_a_problem_of_checked_parts_is_the_same(problem, share):
    caps = None if share is None else np.full(problem.n_nodes, share * problem.budget)
    checked = AllocationProblem(problem.known, problem.stack, problem.selector, problem.energy, caps)
    parts = AllocationProblem.of_parts(problem.known, problem.stack, problem.selector, problem.energy, caps)
    assert (parts.known, parts.stack, parts.energy) == (checked.known, checked.stack, checked.energy)
    np.testing.assert_array_equal(parts.selector, checked.selector)
    np.testing.assert_array_equal(parts.caps, checked.caps)
    assert parts.value(parts.spread()) == checked.value(checked.spread())


# --- value and derivatives --------------------------------------------------------------------------------------------


@given(problems(), generators())
def test_value_is_the_trace_of_the_block_of_the_inverse(problem, rng):
    power = random_inside(rng, problem)
    matrix = problem.constant + sum(p * b for p, b in zip(power, problem.per_watt, strict=True))
    inverse = np.linalg.inv(matrix)
    assert problem.value(power) == pytest.approx(np.trace(problem.selector.T @ inverse @ problem.selector), rel=1e-8)


@given(problems(), generators())
def test_gradient_is_a_finite_difference_of_the_value(problem, rng):
    power = random_inside(rng, problem)
    gradient = problem.gradient(power)
    for node, direction in enumerate(np.eye(problem.n_nodes)):
        step = 1e-5 * power[node]
        difference = (problem.value(power + step * direction) - problem.value(power - step * direction)) / (2 * step)
        assert difference == pytest.approx(gradient[node], rel=1e-6, abs=1e-7 * np.abs(gradient).max())


@given(problems(), generators())
def test_hessian_is_a_finite_difference_of_the_gradient(problem, rng):
    power = random_inside(rng, problem)
    hessian = problem.hessian(power)
    np.testing.assert_allclose(hessian, hessian.T, rtol=0, atol=1e-9 * np.abs(hessian).max())
    for node, direction in enumerate(np.eye(problem.n_nodes)):
        step = 1e-5 * power[node]
        above, below = problem.gradient(power + step * direction), problem.gradient(power - step * direction)
        np.testing.assert_allclose(
            hessian[node], (above - below) / (2 * step), rtol=1e-6, atol=1e-7 * np.abs(hessian[node]).max()
        )


def test_more_power_can_hurt_where_earlier_blocks_are_held():
    """``M = [[1, p], [p, 4 p]]``: the Schur complement ``4 p - p^2`` is largest at p = 2 and lost at p = 4."""
    problem = AllocationProblem([[1, 0], [0, 0]], [[[0, 1], [1, 4]]], [1], energy=10.0)
    assert problem.value(np.array([2.0])) == pytest.approx(0.25)
    assert problem.gradient(np.array([2.0])) == pytest.approx(0, abs=1e-12)
    assert problem.gradient(np.array([3.0])) > 0
    assert problem.value(np.array([4.5])) == math.inf


@given(problems(), generators(), st.floats(0, 1))
def test_value_is_convex_along_segments(problem, rng, share):
    one, other = random_inside(rng, problem), random_inside(rng, problem)
    between = problem.value(share * one + (1 - share) * other)
    chord = share * problem.value(one) + (1 - share) * problem.value(other)
    assert between <= chord * (1 + 1e-9)


@given(problems(), generators())
def test_hessian_has_no_negative_curvature(problem, rng):
    hessian = problem.hessian(random_inside(rng, problem))
    assert np.linalg.eigvalsh(hessian)[0] >= -1e-9 * np.abs(hessian).max()


def test_a_poor_but_regular_matrix_keeps_its_value():
    """Two parameters that the measurements hardly tell apart: ``f = 1 / (1 - (1 - e)^2)``."""
    blend = 1 - 1e-10
    problem = AllocationProblem(np.zeros((2, 2)), [[[1, blend], [blend, 1]]], [0], 1.0)
    assert problem.value(np.array([1.0])) == pytest.approx(1 / ((1 - blend) * (1 + blend)), rel=1e-5)


def test_derivatives_outside_the_domain_are_refused():
    problem = diagonal_problem([1, 2], 1.0)
    for derivative in (problem.gradient, problem.hessian):
        with pytest.raises(AllocationError, match="not positive definite"):
            derivative(np.array([0.0, 1.0]))


# --- the feasible set -------------------------------------------------------------------------------------------------


@given(problems(), generators())
def test_feasible_powers_keep_to_caps_and_budget(problem, rng):
    wild = rng.normal(0, 2 * problem.budget, problem.n_nodes)
    inside = problem.feasible(wild)
    assert (inside >= 0).all()
    assert (inside <= problem.caps).all()
    assert inside.sum() <= problem.budget * (1 + 1e-14)


@given(problems(), generators())
def test_feasible_powers_stay_as_they_are(problem, rng):
    power = random_inside(rng, problem)
    np.testing.assert_allclose(problem.feasible(power), power, rtol=1e-14)


def test_feasible_survives_what_a_failed_solver_returns():
    problem = diagonal_problem([1, 1, 1, 1], 4.0, caps=3.0)
    assert problem.feasible([np.nan, np.inf, -np.inf, -1]).tolist() == [0, 3, 0, 0]
    assert problem.feasible([5, 5, 0, 0]).tolist() == [2, 2, 0, 0]


@given(problems(), st.floats(0.01, 1))
def test_spread_fills_the_budget_evenly_up_to_the_caps(problem, share):
    power = problem.spread()
    assert power.sum() == pytest.approx(min(problem.budget, problem.caps.sum()), rel=1e-12)
    assert (power <= problem.caps * (1 + 1e-14)).all()
    free = power < problem.caps * (1 - 1e-12)
    if free.any():
        level = power[free].max()
        np.testing.assert_allclose(power[free], level, rtol=1e-12)
        assert (power[~free] <= level * (1 + 1e-12)).all()
    np.testing.assert_allclose(problem.spread(share), share * power, rtol=1e-14)


@pytest.mark.parametrize(
    ("caps", "expected"),
    [(None, [4, 4, 4]), ([1, 100, 100], [1, 5.5, 5.5]), ([1, 5, 100], [1, 5, 6]), ([1, 2, 3], [1, 2, 3])],
    ids=["slack", "one binds", "a cap binds only after another", "all bind"],
)
def test_spread_by_hand(caps, expected):
    np.testing.assert_allclose(diagonal_problem([1, 1, 1], 12.0, caps).spread(), expected, rtol=1e-14)


@given(problems())
def test_interior_start_is_the_best_of_its_ray(problem):
    start = problem.interior_start()
    value = problem.value(start)
    assert np.isfinite(value)
    assert (start > 0).all()
    assert (start <= problem.caps).all()
    assert start.sum() < problem.budget
    for halvings in range(20):
        assert value <= problem.value(problem.spread(0.9 * 0.5**halvings))


def test_interior_start_goes_down_where_full_power_leaves_the_domain():
    """``4 p - p^2`` again: of 9, 4.5, 2.25, ... watts the third is the best."""
    problem = AllocationProblem([[1, 0], [0, 0]], [[[0, 1], [1, 4]]], [1], energy=10.0)
    assert problem.interior_start() == pytest.approx([2.25])


# --- the certificate --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n_nodes", [2, 3])
@pytest.mark.parametrize("binding", [False, True], ids=["slack", "binding"])
@pytest.mark.parametrize("kind", ["plain", "prior", "held"])
def test_bounds_are_below_and_the_solution_at_the_optimum_of_a_fine_grid(kind, binding, n_nodes, seed):
    problem = random_problem(np.random.default_rng(seed), n_nodes, kind=kind, binding=binding)
    points, values = feasible_grid(problem, {2: 60, 3: 16}[n_nodes])
    best = values.min()
    bounds = [lower_bound(problem, point) for point in points[np.isfinite(values)][:: len(points) // 40]]
    assert 0 < max(bounds) <= best * (1 + 1e-9)
    solution = solvers.solve(problem, "scs", 1e-6)
    assert solution.status == "optimal"
    assert max(bounds) <= solution.value * (1 + 1e-9)
    assert solution.lower_bound <= solution.value
    assert solution.lower_bound <= best * (1 + 1e-9)  # so the certified gap bounds what the grid could gain
    assert best <= 1.25 * solution.value  # the grid reaches the neighbourhood of the optimum


@given(problems(), generators())
def test_no_point_is_below_the_bound_of_another(problem, rng):
    points = [random_inside(rng, problem) for _ in range(6)]
    assert max(lower_bound(problem, point) for point in points) <= min(map(problem.value, points)) * (1 + 1e-9)


@given(problems())
def test_the_bound_is_tight_at_the_optimum(problem):
    solution = solvers.solve(problem, "scs", 1e-6)
    assert solution.lower_bound >= (1 - 1e-6) * solution.value


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=6), st.floats(0.1, 100))
def test_bound_of_a_problem_with_a_known_optimum(gains, energy):
    """Power inverse to the square root of the gain; ``f* = (sum_m gain_m^-1/2)^2 / E``."""
    problem = diagonal_problem(gains, energy)
    weight = 1 / np.sqrt(gains)
    optimum = weight / weight.sum() * energy
    assert problem.value(optimum) == pytest.approx(weight.sum() ** 2 / energy, rel=1e-12)
    assert lower_bound(problem, optimum) == pytest.approx(weight.sum() ** 2 / energy, rel=1e-12)
    assert lower_bound(problem, problem.spread()) <= weight.sum() ** 2 / energy * (1 + 1e-12)


def test_bound_knows_the_caps():
    """Equal gains but one node held to 1 of 10 W: the rest goes to the other, and the bound says that is all."""
    problem = diagonal_problem([1, 1], 10.0, caps=[1, 100])
    optimum = np.array([1.0, 9.0])
    assert lower_bound(problem, optimum) == pytest.approx(1 + 1 / 9, rel=1e-14)
    assert lower_bound(diagonal_problem([1, 1], 10.0), optimum) < 0.5


def test_bound_counts_the_constant_term():
    """``f = 1 / (3 + p)``, all the energy spent: the optimum is 1 / 5."""
    problem = AllocationProblem([[3.0]], [[[1.0]]], [0], energy=2.0)
    assert lower_bound(problem, np.array([2.0])) == pytest.approx(0.2, rel=1e-14)
    assert lower_bound(problem, np.array([0.5])) == pytest.approx(0.2, rel=1e-14)


def test_bound_leaves_energy_unspent_where_power_hurts():
    """``4 p - p^2`` is largest at 2 of 10 W."""
    problem = AllocationProblem([[1, 0], [0, 0]], [[[0, 1], [1, 4]]], [1], energy=10.0)
    assert lower_bound(problem, np.array([2.0])) == pytest.approx(0.25, rel=1e-14)
    assert lower_bound(problem, np.array([3.0])) < 0.25


def test_outside_the_domain_nothing_is_certified():
    problem = diagonal_problem([1, 2], 1.0)
    outside = np.array([0.0, 1.0])
    assert lower_bound(problem, outside) == 0
    certified = certify(problem, [np.nan, np.nan], tolerance=1e-6, solver="none", iterations=0, seconds=0.0)
    assert (certified.value, certified.gap, certified.status) == (math.inf, 1.0, "uncertified")


@given(problems(), generators())
def test_certify_judges_the_powers_and_not_their_maker(problem, rng):
    certified = certify(problem, random_inside(rng, problem), tolerance=0.1, solver="a", iterations=3, seconds=0.5)
    assert certified.value == pytest.approx(problem.value(certified.power), rel=1e-9)
    assert 0 < certified.lower_bound <= certified.value
    assert certified.gap == pytest.approx(1 - certified.lower_bound / certified.value)
    assert certified.status == ("optimal" if certified.gap <= 0.1 else "uncertified")
    assert (certified.solver, certified.iterations, certified.seconds) == ("a", 3, 0.5)


@pytest.mark.parametrize("apart", [1e-4, 1e-7, 1e-9, 1e-11])
def test_a_certificate_keeps_its_digits_where_m_is_nearly_singular(apart):
    """Two parameters that both nodes hardly tell apart, against decimals: three digits more than doubles would have."""
    one, other = (np.array([[1, factor], [factor, 1]]) for factor in (1 - apart, 1 - 2 * apart))
    problem = AllocationProblem(np.zeros((2, 2)), [one, other], [0], energy=1.0)
    power = np.array([0.25, 0.5])
    with localcontext(prec=references.DIGITS):
        matrix = sum(Decimal(p) * references.exact(b) for p, b in zip(power, (one, other), strict=True))
        value = references.exact_inverse(matrix)[0, 0]
    certified = certify(problem, power, tolerance=1e-9, solver="none", iterations=0, seconds=0.0)
    assert certified.value == pytest.approx(float(value), rel=max(1e-14, 5e-20 / apart))
    assert certified.lower_bound <= certified.value


def test_certify_makes_the_powers_feasible_first():
    problem = diagonal_problem([1, 1], 2.0)
    certified = certify(problem, [30, 30], tolerance=1e-9, solver="none", iterations=0, seconds=0.0)
    assert certified.power.tolist() == [1, 1]
    assert certified.status == "optimal"


def test_gap_is_never_negative():
    assert Allocation(np.ones(1), 1.0, 1.0 + 1e-16, 1e-6, "none", 0, 0.0).gap == 0


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("energy", [0, -1.0, math.nan, math.inf])
def test_unusable_energy_is_refused(energy):
    with pytest.raises(AllocationError, match=f"energy must be finite and positive, got {energy} J"):
        diagonal_problem([1, 1], energy)


@pytest.mark.parametrize("cap", [-2.0, math.nan])
def test_unusable_cap_is_refused_by_node(cap):
    with pytest.raises(AllocationError, match=f"cap of node 2 must not be negative, got {cap} W"):
        diagonal_problem([1, 1, 1], 1.0, caps=[1, cap, 1])


def test_caps_of_the_wrong_number_are_refused():
    with pytest.raises(AllocationError, match="cap"):
        diagonal_problem([1, 1, 1], 1.0, caps=[1, 1])


def test_caps_above_the_budget_are_the_budget():
    assert diagonal_problem([1, 1, 1], 5.0, caps=[math.inf, 7, 2]).caps.tolist() == [5, 5, 2]
    assert diagonal_problem([1, 1], 5.0).caps.tolist() == [5, 5]
    assert diagonal_problem([1, 1], 5.0, caps=2).caps.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("constant", "per_watt"),
    [(np.zeros((2, 3)), np.zeros((1, 2, 2))), (np.eye(2), np.eye(2)), (np.eye(2), np.zeros((3, 2, 1)))],
)
def test_mismatched_shapes_are_refused_with_both_shapes(constant, per_watt):
    with pytest.raises(AllocationError, match=r"constant must have shape \(d, d\) and per_watt \(n, d, d\); got"):
        AllocationProblem(constant, per_watt, [0], 1.0)


@pytest.mark.parametrize("objective", [[], [[0, 1]]])
def test_an_objective_without_parameters_is_refused(objective):
    with pytest.raises(AllocationError, match="objective must name at least one of the parameters"):
        AllocationProblem(np.eye(2), np.eye(2)[None], objective, 1.0)


def test_a_problem_without_finite_optimum_has_no_interior_start():
    singular = AllocationProblem(np.zeros((2, 2)), [np.diag([1.0, 0.0])], [0], 1.0)
    indefinite = AllocationProblem(np.diag([1.0, -1.0]), [np.diag([1.0, 0.0])], [0], 1.0)
    for problem in (singular, indefinite):
        with pytest.raises(AllocationError, match="no finite optimum"):
            problem.interior_start()


def test_a_rank_deficient_problem_has_no_interior_start():
    """Two directions can't determine three parameters, also where rounding hides that the matrix is singular."""
    for seed in range(20):
        directions = np.random.default_rng(seed).normal(size=(2, 3))
        per_watt = np.einsum("mi,mj->mij", directions, directions)
        with pytest.raises(AllocationError, match="no finite optimum"):
            AllocationProblem(np.zeros((3, 3)), per_watt, [0], 1.0).interior_start()
