"""Computations that await allocations: run alone, side by side and within each other."""

import doctest
import gc
import warnings

import numpy as np
import pytest
from test_solvers import HOPELESS, ROUTES, TOLERANCE, counted_batches, easy

from isal import AllocationError, AllocationProblem, IsalError
from isal.allocation import scheduler
from isal.allocation.scheduler import ask, run, run_all, together


def test_the_example_of_the_module():
    failed, tried = doctest.testmod(scheduler)
    assert tried > 5
    assert not failed


async def values_of(*energies):
    """A computation that asks for one allocation after another."""
    values = []
    for energy in energies:
        allocation = await ask(easy(energy), TOLERANCE)
        values.append(round(allocation.value, 3))
    return values


async def failing(after, error):
    """A computation that fails after so many allocations."""
    for _ in range(after):
        await ask(easy(1.0), TOLERANCE)
    raise error


@pytest.fixture
def batches(monkeypatch):
    return counted_batches(monkeypatch)


# --- side by side -----------------------------------------------------------------------------------------------------


@ROUTES
def test_results_come_in_the_order_of_the_computations(solver):
    """However many allocations each one asks for."""
    computations = [values_of(1.0, 2.0, 4.0), values_of(), values_of(8.0), values_of(2.0, 1.0)]
    expected = [[4.0, 2.0, 1.0], [], [0.5], [2.0, 4.0]]
    assert run_all(computations, solver) == expected
    assert run_all(iter([values_of(1.0)]), solver) == [[4.0]]
    assert run_all([], solver) == []


def test_computations_advance_together(batches):
    run_all([values_of(1.0, 2.0, 4.0), values_of(), values_of(8.0), values_of(2.0, 1.0)], "interior-point")
    assert batches == [3, 2, 1]


@ROUTES
def test_a_computation_alone_is_what_it_is_among_others(solver):
    assert run(values_of(1.0, 4.0), solver) == [4.0, 1.0]


def test_a_computation_that_asks_for_several_at_once(batches):
    async def several():
        found = await together(ask(easy(energy), TOLERANCE) for energy in (1.0, 2.0, 4.0))
        assert await together([]) == []
        last = await ask(easy(8.0), TOLERANCE)
        return [round(allocation.value, 3) for allocation in (*found, last)]

    assert run_all([several(), several()], "interior-point") == [[4.0, 2.0, 1.0, 0.5]] * 2
    assert [size for size in batches if size] == [6, 2]


@ROUTES
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_computation_that_fails_does_not_disturb_the_others(solver, place, after):
    computations = [values_of(1.0, 2.0), values_of(4.0)]
    computations.insert(place, failing(after, IsalError("out of luck")))
    results = run_all(computations, solver)
    error = results.pop(place)
    assert isinstance(error, IsalError)
    assert str(error) == "out of luck"
    assert results == [[4.0, 2.0], [1.0]]


@ROUTES
def test_a_problem_without_finite_optimum_fails_its_own_computation_alone(solver):
    hopeless = ask(HOPELESS, TOLERANCE)
    first, error, last = run_all([values_of(1.0), hopeless, values_of(2.0, 4.0)], solver)
    assert (first, last) == ([4.0], [2.0, 1.0])
    assert isinstance(error, AllocationError)


@ROUTES
def test_a_computation_may_go_on_without_an_allocation(solver):
    async def undaunted():
        try:
            await ask(HOPELESS, TOLERANCE)
        except AllocationError:
            return await values_of(1.0)

    assert run(undaunted(), solver) == [4.0]


def test_an_error_of_a_single_computation_is_raised():
    with pytest.raises(IsalError, match="out of luck"):
        run(failing(1, IsalError("out of luck")), "interior-point")


async def of_two_shapes(after):
    """A computation with a bug: numpy raises a ValueError."""
    for _ in range(after):
        await ask(easy(1.0), TOLERANCE)
    return np.ones(2) + np.ones(3)


@pytest.mark.parametrize("after", [0, 1])
def test_a_bug_ends_everything_and_keeps_its_traceback(after):
    async def within():
        return await together([values_of(1.0), of_two_shapes(after)])

    for computation in (of_two_shapes(after), within()):
        with pytest.raises(ValueError, match="could not be broadcast") as raised:
            run_all([values_of(1.0, 2.0), computation], "interior-point")
        assert not isinstance(raised.value, IsalError)
        assert raised.traceback[-1].name == "of_two_shapes"


# --- within each other ------------------------------------------------------------------------------------------------


async def nested(*energies):
    """A computation that runs others together, twice."""
    first = await together(values_of(energy, 2 * energy) for energy in energies)
    second = await together([values_of(sum(energies)), *(values_of() for _ in energies)])
    return first, second


def test_together_within_together(batches):
    async def whole():
        return await together([nested(1.0, 2.0), nested(4.0)])

    expected = [([[4.0, 2.0], [2.0, 1.0]], [[1.333], [], []]), ([[1.0, 0.5]], [[1.0], []])]
    assert run(whole(), "interior-point") == expected
    assert batches == [3, 3, 2]


def test_nested_computations_advance_with_those_around_them(batches):
    results = run_all([values_of(1.0, 2.0, 4.0, 8.0), nested(1.0), nested(2.0, 4.0)], "interior-point")
    assert results[0] == [4.0, 2.0, 1.0, 0.5]
    assert results[1] == ([[4.0, 2.0]], [[4.0], []])
    assert batches == [4, 4, 3, 1]


def test_the_first_of_several_that_fail_together_is_raised():
    async def both():
        # the second one fails earlier, but stands later
        some = [values_of(1.0), failing(2, IsalError("first")), failing(0, IsalError("second"))]
        return await together(some)

    with pytest.raises(IsalError, match="first"):
        run(both(), "interior-point")
    outer = run_all([both(), values_of(1.0)], "interior-point")
    assert isinstance(outer[0], IsalError)
    assert outer[1] == [4.0]


def test_nothing_together():
    assert run(together([]), "interior-point") == []


# --- what never runs --------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
def test_computations_that_never_begin_leave_no_warning():
    """Python warns of coroutines that nobody awaits, long after the error that is the reason."""

    async def inner(computations):
        return await together(computations)

    def of_unknown_solver():
        run_all([values_of(1.0), values_of(2.0)], "magic")

    def behind_a_bug():
        run_all([of_two_shapes(0), values_of(1.0)], "interior-point")

    def behind_a_bug_within():
        run_all([inner([of_two_shapes(0), values_of(1.0)]), values_of(2.0)], "interior-point")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ValueError, match=r"there is no solver 'magic'"):
            scheduler.run_counted(values_of(1.0), "magic")
        for fails in (of_unknown_solver, behind_a_bug, behind_a_bug_within):
            with pytest.raises(ValueError, match=r"there is no solver 'magic'|could not be broadcast"):
                fails()
        gc.collect()
    assert [str(each.message) for each in caught] == []


def test_problems_are_counted_that_had_to_be_solved():
    async def again():
        first = await ask(easy(1.0), 1e-9)
        second = await ask(easy(1.0), TOLERANCE, first.power)
        return first.value, second.value

    values, solved = scheduler.run_counted(again(), "interior-point")
    assert values[0] == pytest.approx(values[1])
    assert solved == 1


def test_each_computation_counts_its_own_problems():
    """Also among others, within others, and with computations of its own."""

    async def several(*joules):
        return await scheduler.together(ask(easy(each), TOLERANCE) for each in joules)

    computations = [scheduler.counted(several(*range(1, number + 1))) for number in (3, 1, 0)]
    counts = [work.problems for _, work in run_all([*computations], "interior-point")]
    assert counts == [3, 1, 0]
    (found, inner), outer = scheduler.run(scheduler.counted(scheduler.counted(several(1, 2))), "interior-point")
    assert len(found) == inner.problems == outer.problems == 2
    assert inner.seconds == outer.seconds > 0


def test_a_counted_computation_fails_as_it_would_alone():
    async def hopeless():
        return await ask(easy(-1.0), TOLERANCE)

    alone, counted = run_all([hopeless(), scheduler.counted(hopeless())], "interior-point")
    assert str(alone) == str(counted)
    assert isinstance(counted, AllocationError)


def test_other_questions_are_answered_together_too():
    """Each function is called once for all that ask it just now, beside the solver; answers find their way back."""
    calls = []

    def doubled(questions):
        calls.append(list(questions))
        return [2 * question for question in questions]

    async def mixed(number):
        twice = await scheduler.ask_together(doubled, number)
        problem = AllocationProblem([[0.0]], [[[1.0]]], [0], float(twice))
        allocation = await scheduler.ask(problem, 1e-6)
        return twice, round(allocation.value * twice, 6), await scheduler.ask_together(doubled, -number)

    found, solved = scheduler.run_counted(scheduler.together(map(mixed, (1, 2, 3))), "interior-point")
    assert found == [(2, 1.0, -2), (4, 1.0, -4), (6, 1.0, -6)]
    assert calls == [[1, 2, 3], [-1, -2, -3]]
    assert solved == 3
