"""Computations that ask for allocations: run alone, side by side and within each other, and powers that are guessed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import diagonal_problem, generators, problems, random_inside

import isal
from isal import AllocationError, AllocationProblem, IsalError, solvers
from isal.solvers import Request, interior_point

TOLERANCE = 1e-6
HOPELESS = AllocationProblem(np.zeros((2, 2)), [np.diag([1.0, 0.0]), np.diag([2.0, 0.0])], [0], 1.0)
ROUTES = pytest.mark.parametrize("solver", ["scs", "interior-point"])


def easy(energy):
    """Two equal nodes: the optimum is 4 / energy."""
    return diagonal_problem([1, 1], energy)


def values_of(*energies):
    """A computation that asks for one allocation after another."""
    values = []
    for energy in energies:
        allocation = yield from solvers.ask(Request(easy(energy), TOLERANCE))
        values.append(round(allocation.value, 3))
    return values


def failing(after, error):
    """A computation that fails after so many allocations."""
    for _ in range(after):
        yield from solvers.ask(Request(easy(1.0), TOLERANCE))
    raise error


def counted_batches(patch):
    """How many problems each call of interior-point gets from now on."""
    sizes, solve_all = [], interior_point.solve_all

    def counted(problems, tolerances):
        sizes.append(len(problems))
        return solve_all(problems, tolerances)

    patch.setattr(interior_point, "solve_all", counted)
    return sizes


@pytest.fixture
def batches(monkeypatch):
    return counted_batches(monkeypatch)


# --- routes -----------------------------------------------------------------------------------------------------------


def test_every_route_has_a_module_of_its_own():
    for name in solvers.SOLVERS:
        module = solvers.route(name)
        assert name == module.NAME
        assert callable(module.solve)
        assert module.version()


def test_an_unknown_solver_is_refused_with_the_choice():
    message = r"there is no solver 'magic'; choose one of scs, interior-point, cvxpy"
    with pytest.raises(ValueError, match=message):
        solvers.route("magic")
    with pytest.raises(ValueError, match=message):
        solvers.solve(easy(1.0), "magic", TOLERANCE)
    with pytest.raises(ValueError, match=message):
        solvers.run(values_of(1.0), "magic")


def test_modules_of_a_solver_include_the_one_that_finishes_for_it():
    assert solvers.modules("interior-point") == ["isal.solvers.interior_point"]
    assert solvers.modules("scs") == ["isal.solvers.scs_sdp", "isal.solvers.interior_point"]


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


# --- side by side -----------------------------------------------------------------------------------------------------


@ROUTES
def test_results_come_in_the_order_of_the_computations(solver):
    """However many allocations each one asks for."""
    computations = [values_of(1.0, 2.0, 4.0), values_of(), values_of(8.0), values_of(2.0, 1.0)]
    expected = [[4.0, 2.0, 1.0], [], [0.5], [2.0, 4.0]]
    assert solvers.run_all(computations, solver) == expected
    assert solvers.run_all(iter([values_of(1.0)]), solver) == [[4.0]]
    assert solvers.run_all([], solver) == []


def test_computations_advance_together(batches):
    solvers.run_all([values_of(1.0, 2.0, 4.0), values_of(), values_of(8.0), values_of(2.0, 1.0)], "interior-point")
    assert batches == [3, 2, 1]


@ROUTES
def test_a_computation_alone_is_what_it_is_among_others(solver):
    assert solvers.run(values_of(1.0, 4.0), solver) == [4.0, 1.0]


def test_a_computation_that_asks_for_several_at_once(batches):
    def several():
        answers = yield [Request(easy(energy), TOLERANCE) for energy in (1.0, 2.0, 4.0)]
        nothing = yield []
        (last,) = yield [Request(easy(8.0), TOLERANCE)]
        return [round(answer.value, 3) for answer in (*answers, *nothing, last)]

    assert solvers.run_all([several(), several()], "interior-point") == [[4.0, 2.0, 1.0, 0.5]] * 2
    assert [size for size in batches if size] == [6, 2]


@ROUTES
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_computation_that_fails_does_not_disturb_the_others(solver, place, after):
    computations = [values_of(1.0, 2.0), values_of(4.0)]
    computations.insert(place, failing(after, IsalError("out of luck")))
    results = solvers.run_all(computations, solver)
    error = results.pop(place)
    assert isinstance(error, IsalError)
    assert str(error) == "out of luck"
    assert results == [[4.0, 2.0], [1.0]]


@ROUTES
def test_a_problem_without_finite_optimum_fails_its_own_computation_alone(solver):
    hopeless = solvers.ask(Request(HOPELESS, TOLERANCE))
    first, error, last = solvers.run_all([values_of(1.0), hopeless, values_of(2.0, 4.0)], solver)
    assert (first, last) == ([4.0], [2.0, 1.0])
    assert isinstance(error, AllocationError)


@ROUTES
def test_a_computation_may_go_on_without_an_allocation(solver):
    def undaunted():
        try:
            yield from solvers.ask(Request(HOPELESS, TOLERANCE))
        except AllocationError:
            return (yield from values_of(1.0))

    assert solvers.run(undaunted(), solver) == [4.0]


def test_an_error_of_a_single_computation_is_raised():
    with pytest.raises(IsalError, match="out of luck"):
        solvers.run(failing(1, IsalError("out of luck")), "interior-point")


def of_two_shapes(after):
    """A computation with a bug: numpy raises a ValueError."""
    for _ in range(after):
        yield from solvers.ask(Request(easy(1.0), TOLERANCE))
    return np.ones(2) + np.ones(3)


@pytest.mark.parametrize("after", [0, 1])
def test_a_bug_ends_everything_and_keeps_its_traceback(after):
    def within():
        return (yield from solvers.together([values_of(1.0), of_two_shapes(after)]))

    for computation in (of_two_shapes(after), within()):
        with pytest.raises(ValueError, match="could not be broadcast") as raised:
            solvers.run_all([values_of(1.0, 2.0), computation], "interior-point")
        assert not isinstance(raised.value, IsalError)
        assert raised.traceback[-1].name == "of_two_shapes"


# --- within each other ------------------------------------------------------------------------------------------------


def nested(*energies):
    """A computation that runs others together, twice."""
    first = yield from solvers.together(values_of(energy, 2 * energy) for energy in energies)
    second = yield from solvers.together([values_of(sum(energies)), *(values_of() for _ in energies)])
    return first, second


def test_together_within_together(batches):
    def whole():
        return (yield from solvers.together([nested(1.0, 2.0), nested(4.0)]))

    expected = [([[4.0, 2.0], [2.0, 1.0]], [[1.333], [], []]), ([[1.0, 0.5]], [[1.0], []])]
    assert solvers.run(whole(), "interior-point") == expected
    assert batches == [3, 3, 2]


def test_nested_computations_advance_with_those_around_them(batches):
    results = solvers.run_all([values_of(1.0, 2.0, 4.0, 8.0), nested(1.0), nested(2.0, 4.0)], "interior-point")
    assert results[0] == [4.0, 2.0, 1.0, 0.5]
    assert results[1] == ([[4.0, 2.0]], [[4.0], []])
    assert batches == [4, 4, 3, 1]


def test_the_first_of_several_that_fail_together_is_raised():
    def both():
        # the second one fails earlier, but stands later
        some = [values_of(1.0), failing(2, IsalError("first")), failing(0, IsalError("second"))]
        return (yield from solvers.together(some))

    with pytest.raises(IsalError, match="first"):
        solvers.run(both(), "interior-point")
    outer = solvers.run_all([both(), values_of(1.0)], "interior-point")
    assert isinstance(outer[0], IsalError)
    assert outer[1] == [4.0]


def test_nothing_together():
    assert solvers.run(solvers.together([]), "interior-point") == []


# --- guesses ----------------------------------------------------------------------------------------------------------


def answer(problem, tolerance, guess, solver="interior-point"):
    return solvers.run(solvers.ask(Request(problem, tolerance, guess)), solver)


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
    guess = random_inside(rng, problem)
    certified = isal.allocation.certify(problem, guess, tolerance=TOLERANCE, solver="", iterations=0, seconds=0.0)
    found = answer(problem, TOLERANCE, guess, solver)
    assert (found.iterations == 0) == (certified.status == "optimal")
    assert found.status == "optimal"
    assert found.value <= certified.value * (1 + TOLERANCE)


def test_powers_good_enough_for_one_tolerance_are_not_for_a_closer_one():
    problem = diagonal_problem([1, 3, 7], 2.0)
    guess = interior_point.solve(problem, 1e-9).power * np.array([1 + 1e-5, 1, 1 - 1e-5])
    assert answer(problem, 1e-4, guess).iterations == 0
    closer = answer(problem, 1e-8, guess)
    assert closer.iterations > 0
    assert closer.gap <= 1e-8


@pytest.mark.parametrize("guess", [[np.nan, 1.0], [0.0, 1.0], [0.0, 0.0], [-3.0, 5.0]])
def test_powers_of_no_value_are_refused(guess):
    found = answer(easy(1.0), TOLERANCE, np.array(guess))
    assert found.iterations > 0
    assert found.value == pytest.approx(4.0, rel=TOLERANCE)


def test_powers_beyond_budget_and_caps_are_made_feasible_first():
    found = answer(diagonal_problem([1, 1], 1.0, [0.7, 0.3]), TOLERANCE, np.array([5.0, 5.0]))
    assert found.iterations == 0
    assert found.power.tolist() == [0.7, 0.3]


@given(st.lists(st.sampled_from(["good", "poor", "none"]), max_size=8))
def test_only_what_is_left_is_solved(kinds):
    """Good and poor guesses of two shapes among requests without one; all answers in their places."""
    some = [diagonal_problem([1, 4], 3.0 + n) if n % 2 else diagonal_problem([1, 4, 9], 3.0) for n in range(len(kinds))]
    optima = [interior_point.solve(problem, 1e-9) for problem in some]
    powers = {"good": lambda n: optima[n].power, "poor": lambda n: some[n].spread(), "none": lambda n: None}
    requests = [Request(some[n], TOLERANCE, powers[kind](n)) for n, kind in enumerate(kinds)]
    with pytest.MonkeyPatch.context() as patch:
        sizes = counted_batches(patch)
        found = solvers.run(solvers.together(map(solvers.ask, requests)), "interior-point")
    assert [allocation.iterations == 0 for allocation in found] == [kind == "good" for kind in kinds]
    assert sum(sizes) == sum(kind != "good" for kind in kinds)
    assert [allocation.value for allocation in found] == pytest.approx([each.value for each in optima], rel=TOLERANCE)
