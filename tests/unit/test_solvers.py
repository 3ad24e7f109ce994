"""Routes to the optimum, and powers that are with_candidate."""

import numpy as np
import pytest
from builders import HOPELESS
from hypothesis import given
from hypothesis import strategies as st
from strategies import diagonal_problem, generators, problems, random_inside

import isal
import isal.allocation.certificate
from isal import AllocationError
from isal.allocation import solvers
from isal.allocation.solvers import Request, interior_point

TOLERANCE = 1e-6
ROUTES = pytest.mark.parametrize("solver", ["scs", "interior-point"])


def easy(energy):
    """Two equal nodes: the optimum is 4 / energy."""
    return diagonal_problem([1, 1], energy)


def counted_batches(patch):
    """How many problems each call of interior-point gets from now on."""
    sizes, solve_all = [], interior_point.solve_all

    def counted(problems, tolerances):
        sizes.append(len(problems))
        return solve_all(problems, tolerances)

    patch.setattr(interior_point, "solve_all", counted)
    return sizes


# --- solvers ----------------------------------------------------------------------------------------------------------


def test_every_route_has_a_module_of_its_own():
    for name in solvers.SOLVERS:
        module = solvers.solver_module(name)
        assert name == module.NAME
        assert callable(module.solve)
        assert module.version()


def test_an_unknown_solver_is_refused_with_the_choice():
    message = r"there is no solver 'magic'; choose one of scs, interior-point, cvxpy"
    with pytest.raises(ValueError, match=message):
        solvers.solver_module("magic")
    with pytest.raises(ValueError, match=message):
        solvers.solve(easy(1.0), "magic", TOLERANCE)


def test_modules_of_a_solver_include_the_one_that_finishes_for_it():
    assert solvers.modules("interior-point") == ["isal.allocation.solvers.interior_point"]
    assert solvers.modules("scs") == ["isal.allocation.solvers.scs_sdp", "isal.allocation.solvers.interior_point"]


@pytest.mark.parametrize("solver", solvers.SOLVERS)
@pytest.mark.parametrize("tolerance", [0, -1e-6, float("nan")])
def test_an_unusable_tolerance_is_refused(solver, tolerance):
    with pytest.raises(ValueError, match=f"tolerance must be finite and positive, got {tolerance}"):
        solvers.solve(easy(1.0), solver, tolerance)


@given(problems())
def test_routes_agree(problem):
    values = [solvers.solve(problem, solver, 1e-7).value for solver in ("scs", "interior-point")]
    assert values[0] == pytest.approx(values[1], rel=1e-6)


@pytest.mark.parametrize("solver", solvers.SOLVERS)
def test_a_problem_without_finite_optimum_is_refused(solver):
    with pytest.raises(AllocationError, match="no finite optimum"):
        solvers.solve(HOPELESS, solver, TOLERANCE)


# --- candidates ------------------------------------------------------------------------------------------------------


def answer(problem, tolerance, candidate, solver="interior-point"):
    (found,) = solvers.answers(solvers.solver_module(solver), [Request(problem, tolerance, candidate)])
    return found


@ROUTES
@given(problems())
def test_powers_that_are_certified_are_taken(solver, problem):
    expected = interior_point.solve(problem, 1e-8)
    found = answer(problem, TOLERANCE, expected.power, solver)
    assert (found.iterations, found.solver, found.status) == (0, solver, "optimal")
    assert found.tolerance == TOLERANCE
    assert found.gap <= TOLERANCE
    np.testing.assert_allclose(found.power, expected.power, rtol=1e-12)


@ROUTES
@given(problems(), generators())
def test_powers_that_are_not_certified_are_refused(solver, problem, rng):
    candidate = random_inside(rng, problem)
    certified = isal.allocation.certificate.certify(
        problem, candidate, tolerance=TOLERANCE, solver="", iterations=0, seconds=0.0
    )
    found = answer(problem, TOLERANCE, candidate, solver)
    assert (found.iterations == 0) == (certified.status == "optimal")
    assert found.status == "optimal"
    assert found.value <= certified.value * (1 + TOLERANCE)


def test_powers_good_enough_for_one_tolerance_are_not_for_a_closer_one():
    problem = diagonal_problem([1, 3, 7], 2.0)
    candidate = interior_point.solve(problem, 1e-9).power * np.array([1 + 1e-5, 1, 1 - 1e-5])
    assert answer(problem, 1e-4, candidate).iterations == 0
    closer = answer(problem, 1e-8, candidate)
    assert closer.iterations > 0
    assert closer.gap <= 1e-8


@pytest.mark.parametrize("candidate", [[np.nan, 1.0], [0.0, 1.0], [0.0, 0.0], [-3.0, 5.0]])
def test_powers_of_no_value_are_refused(candidate):
    found = answer(easy(1.0), TOLERANCE, np.array(candidate))
    assert found.iterations > 0
    assert found.value == pytest.approx(4.0, rel=TOLERANCE)


def test_powers_beyond_budget_and_caps_are_made_feasible_first():
    found = answer(diagonal_problem([1, 1], 1.0, [0.7, 0.3]), TOLERANCE, np.array([5.0, 5.0]))
    assert found.iterations == 0
    assert found.power.tolist() == [0.7, 0.3]


@given(st.lists(st.sampled_from(["good", "poor", "none"]), max_size=8))
def test_only_what_is_left_is_solved(kinds):
    """Good and poor candidates of two shapes among requests without one; all answers in their places."""
    some = [diagonal_problem([1, 4], 3.0 + n) if n % 2 else diagonal_problem([1, 4, 9], 3.0) for n in range(len(kinds))]
    optima = [interior_point.solve(problem, 1e-9) for problem in some]
    powers = {"good": lambda n: optima[n].power, "poor": lambda n: some[n].spread(), "none": lambda n: None}
    requests = [Request(some[n], TOLERANCE, powers[kind](n)) for n, kind in enumerate(kinds)]
    with pytest.MonkeyPatch.context() as patch:
        sizes = counted_batches(patch)
        found = solvers.answers(interior_point, requests)
    assert [allocation.iterations == 0 for allocation in found] == [kind == "good" for kind in kinds]
    assert sum(sizes) == sum(kind != "good" for kind in kinds)
    assert [allocation.value for allocation in found] == pytest.approx([each.value for each in optima], rel=TOLERANCE)
