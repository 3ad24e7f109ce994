"""The SDPs as printed, through cvxpy: right where the units allow it, and never believed without a certificate."""

import warnings

import cvxpy as cp
import numpy as np
import pytest
import references
from builders import HOPELESS, in_other_units
from strategies import random_problem

import isal
import isal.model.parameters
from isal import AllocationError, AllocationProblem
from isal.allocation.solvers import cvxpy_paper, scs_sdp
from isal.schemes import step_by_step
from isal.schemes.schedule import no_prior

TOLERANCE = 1e-6
LAYOUT_NAMES = ["7a", "7b", "7c", "7d"]


def in_millimetres(problem):
    """The same problem with 1/mm^2 in place of 1/m^2; its optimum is in mm^2."""
    return in_other_units(problem, information=1e-6)


def scheme_problems(network, radio, clock, carry="held", caps=None):
    """The integrated problem, then those of the steps, each after the optimum of the step before it."""
    info = isal.information(network, radio, clock)
    nothing = no_prior(info)
    targets = info.basis.indices(["targets"])
    problems = [AllocationProblem(nothing, info.node_matrices, targets, 10.0, caps)]
    energies = (3.0, 0.5, 6.5) if clock == "asynchronous" else (3.0, 7.0)
    steps = isal.step_by_step(network, radio, clock=clock, energies=energies, carry=carry, caps=caps).steps
    carried = nothing
    for number, step in enumerate(steps):
        problems.append(step_by_step.step_problem(info, number, carried, nothing, step.energy, carry, caps))
        measured = step_by_step._measured(info, number, carried, step.power, carry)
        carried = step_by_step._handed_on(info, number, measured, step.power, carry)
    return problems


# --- optima known by hand ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["CLARABEL", "SCS"])
def test_one_parameter_gives_all_power_to_the_best_node(solver):
    """``f = 1 / (p_1 + 4 p_2 + 2 p_3)``."""
    problem = AllocationProblem([[0.0]], [[[1.0]], [[4.0]], [[2.0]]], [0], energy=3.0)
    found = cvxpy_paper.solve(problem, TOLERANCE, solver)
    np.testing.assert_allclose(found.power, [0, 3, 0], atol=1e-5)
    assert found.value == pytest.approx(1 / 12, rel=1e-6)
    assert found.status == "optimal"
    assert found.solver == f"cvxpy-{solver.lower()}"
    assert found.iterations > 0
    assert found.seconds > 0


@pytest.mark.parametrize(("caps", "power", "value"), [(None, [2, 1], 0.75), ([1.0, 3.0], [1, 2], 1.125)])
def test_two_parameters_share_the_power_as_far_as_the_caps_allow(caps, power, value):
    """``f = 1 / p_1 + 1 / (4 p_2)``."""
    problem = AllocationProblem(np.zeros((2, 2)), [np.diag([1.0, 0.0]), np.diag([0.0, 4.0])], [0, 1], 3.0, caps)
    found, reported = cvxpy_paper.solve_reported(problem, TOLERANCE)
    np.testing.assert_allclose(found.power, power, rtol=1e-3)
    assert found.value == pytest.approx(value, rel=1e-6)
    assert reported.value == pytest.approx(value, rel=1e-6)


def test_only_the_block_of_the_objective_counts():
    """The first parameter is a nuisance: ``f = 1 / p_2``, though the inverse of M has ``1 / p_1`` as well."""
    problem = AllocationProblem(np.zeros((2, 2)), [np.diag([1.0, 0.0]), np.diag([0.0, 1.0])], [1], energy=3.0)
    assert cvxpy_paper.solve_reported(problem, TOLERANCE)[1].value == pytest.approx(1 / 3, rel=1e-4)


def test_power_that_would_hurt_stays_unspent():
    """``M = [[1, p], [p, p]]``: ``f = 1 / (p - p^2)``, least at half a watt."""
    problem = AllocationProblem(np.diag([1.0, 0.0]), [[[0.0, 1.0], [1.0, 1.0]]], [1], energy=3.0)
    found = cvxpy_paper.solve(problem, TOLERANCE)
    np.testing.assert_allclose(found.power, [0.5], atol=1e-3)
    assert found.value == pytest.approx(4, rel=1e-6)


# --- against other solvers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("binding", [False, True], ids=["slack", "binding"])
@pytest.mark.parametrize("kind", ["plain", "prior", "held"])
def test_agrees_with_the_scs_route_on_random_problems(kind, binding):
    for seed in range(4):
        problem = random_problem(np.random.default_rng(seed), kind=kind, binding=binding)
        found, reported = cvxpy_paper.solve_reported(problem, TOLERANCE)
        optimum = scs_sdp.solve(problem, 1e-9).value
        assert found.value == pytest.approx(optimum, rel=1e-6)
        assert reported.value == pytest.approx(optimum, rel=3e-6)


@pytest.mark.parametrize("caps", [None, 2.6], ids=["slack", "binding"])
@pytest.mark.parametrize("clock", isal.model.parameters.CLOCKS)
@pytest.mark.parametrize("name", LAYOUT_NAMES)
def test_agrees_with_the_scs_route_on_the_layouts_in_millimetres(layouts, radio, name, clock, caps):
    for problem in map(in_millimetres, scheme_problems(layouts[name], radio, clock, caps=caps)):
        found, reported = cvxpy_paper.solve_reported(problem, TOLERANCE)
        optimum = scs_sdp.solve(problem, TOLERANCE).value
        assert found.value == pytest.approx(optimum, rel=1e-6)
        assert reported.value == pytest.approx(optimum, rel=1e-6)
        assert found.gap < 1e-4


@pytest.mark.parametrize("carry", ["added", "marginal", "joint"])
def test_agrees_with_the_scs_route_on_steps_with_a_prior(layouts, radio, carry):
    for problem in map(in_millimetres, scheme_problems(layouts["7c"], radio, "synchronous", carry)):
        optimum = scs_sdp.solve(problem, TOLERANCE).value
        assert cvxpy_paper.solve(problem, TOLERANCE).value == pytest.approx(optimum, rel=1e-6)


def test_the_large_auxiliary_matrix_gives_the_optimum_of_the_small_one(paper_network, radio):
    problems = [
        in_millimetres(scheme_problems(paper_network, radio, clock)[0]) for clock in isal.model.parameters.CLOCKS
    ]
    problems += [random_problem(np.random.default_rng(seed), kind="prior") for seed in range(3)]
    for problem in problems:
        small = references.small_lmi(problem, cp.CLARABEL, scaled=True)[1]
        assert cvxpy_paper.solve_reported(problem, TOLERANCE)[1].value == pytest.approx(small, rel=1e-6)


# --- what the solvers say is not believed -----------------------------------------------------------------------------


def test_scs_in_metres_reports_optimal_and_is_found_out(layouts, radio, monkeypatch):
    """With cvxpy's own settings, those of a reader who types (30)-(35) in."""
    monkeypatch.setattr(cvxpy_paper, "OPTIONS", {})
    problem = scheme_problems(layouts["7b"], radio, "synchronous")[0]
    optimum = scs_sdp.solve(problem, TOLERANCE).value
    found, reported = cvxpy_paper.solve_reported(problem, TOLERANCE, "SCS", unit_m=1.0)
    assert reported.status == "optimal"
    assert not 0.5 < reported.value / optimum < 2
    assert found.value > 1.01 * optimum
    assert found.status == "uncertified"


@pytest.mark.long
@pytest.mark.parametrize("solver", ["CLARABEL", "SCS"])
@pytest.mark.parametrize("name", LAYOUT_NAMES)
def test_the_certificate_holds_in_metres_whatever_the_solver_says(layouts, radio, name, solver):
    for problem in scheme_problems(layouts[name], radio, "synchronous"):
        found, _ = cvxpy_paper.solve_reported(problem, TOLERANCE, solver, unit_m=1.0)
        optimum = scs_sdp.solve(problem, TOLERANCE).value
        assert found.lower_bound <= optimum * (1 + 1e-6)
        assert found.value >= optimum * (1 - 1e-6)
        if found.value > optimum * (1 + 3e-6):
            assert found.status == "uncertified"


def test_inaccurate_solutions_do_not_warn(layouts, radio, monkeypatch):
    monkeypatch.setitem(cvxpy_paper.OPTIONS, "SCS", {"max_iters": 10})
    problem = scheme_problems(layouts["7a"], radio, "synchronous")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, reported = cvxpy_paper.solve_reported(problem, TOLERANCE, "SCS")
    assert reported.status == "optimal_inaccurate"
    assert found.status == "uncertified"


# --- solvers and errors -----------------------------------------------------------------------------------------------


def test_solvers_that_take_no_semidefinite_program_are_not_offered():
    assert {"CLARABEL", "SCS"} <= set(cvxpy_paper.installed()) <= set(cp.installed_solvers())
    assert not {"OSQP", "HIGHS", "SCIPY"} & set(cvxpy_paper.installed())


def test_version_names_cvxpy_and_the_solver():
    import clarabel
    import scs

    assert cvxpy_paper.version() == f"{cp.__version__} with CLARABEL {clarabel.__version__}"
    assert cvxpy_paper.version("SCS") == f"{cp.__version__} with SCS {scs.__version__}"


@pytest.mark.parametrize("solver", ["MAGIC", "OSQP", "clarabel"])
def test_an_unknown_solver_is_refused_with_the_choice(solver):
    problem = AllocationProblem([[0.0]], [[[1.0]]], [0], 1.0)
    with pytest.raises(ValueError, match=f"no semidefinite solver '{solver}' here; installed: .*CLARABEL.*SCS"):
        cvxpy_paper.solve(problem, TOLERANCE, solver)
    with pytest.raises(ValueError, match=f"no semidefinite solver '{solver}'"):
        cvxpy_paper.version(solver)


@pytest.mark.parametrize("solver", ["CLARABEL", "SCS"])
def test_a_problem_without_finite_optimum_is_refused(solver):
    with pytest.raises(AllocationError, match="no finite optimum"):
        cvxpy_paper.solve(HOPELESS, TOLERANCE, solver)


def test_powers_without_finite_value_do_not_hide_that_there_is_no_finite_optimum(monkeypatch):
    """One iteration of SCS returns powers for anything."""
    monkeypatch.setitem(cvxpy_paper.OPTIONS, "SCS", {"max_iters": 1})
    with pytest.raises(AllocationError, match="no finite optimum"):
        cvxpy_paper.solve(HOPELESS, TOLERANCE, "SCS")


def _fails(*_arguments, **_options):
    raise cp.SolverError("gave up")


@pytest.mark.parametrize(
    ("solving", "reason"), [(_fails, "gave up"), (lambda *_arguments, **_options: None, "its status is")]
)
def test_a_solver_that_returns_no_powers_is_named_with_the_way_out(monkeypatch, solving, reason):
    monkeypatch.setattr(cp.Problem, "solve", solving)
    problem = AllocationProblem([[0.0]], [[[1.0]]], [0], 1.0)
    with pytest.raises(AllocationError, match=rf"CLARABEL returned no powers \({reason}.*use another solver: .*SCS"):
        cvxpy_paper.solve(problem, TOLERANCE)
