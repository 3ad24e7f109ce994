"""Many computations side by side, so that a solver gets their allocation problems in batches.

A scheme is a sequence of problems, each made from the results of those before. A *computation* is a coroutine that
awaits the allocation of one problem after another. Whoever runs it decides whether it runs alone or side by side with
others:

>>> from isal import AllocationProblem
>>> async def then_half(joules):
...     "Value at some energy, and at half of it; the bound of one parameter is 1 m^2 J over the energy."
...     values = []
...     for energy in (joules, joules / 2):
...         allocation = await ask(AllocationProblem([[0.0]], [[[1.0]]], [0], energy), tolerance=1e-6)
...         values.append(round(allocation.value, 3))
...     return values
>>> run(then_half(1.0), "interior-point")
[1.0, 2.0]

Here the solver is called twice, once for the first problems of all three computations and once for the second ones; a
computation that fails does not disturb the others:

>>> run_all([then_half(1.0), then_half(-1.0), then_half(4.0)], "interior-point")
[[1.0, 2.0], AllocationError('energy must be finite and positive, got -1.0 J'), [0.25, 0.5]]

Computations may await others, in turn or together:

>>> async def total():
...     first = await then_half(1.0)
...     others = await together(then_half(joules) for joules in (2.0, 4.0))
...     return sum(first) + sum(map(sum, others))
>>> run(total(), "interior-point")
5.25

Besides allocations, computations may ask for anything else that gains from being done for many at once, see
:func:`ask_together`.

Nothing here is concurrent and no event loop is needed: each computation advances to its next problem, all problems are
solved, and so on.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from isal.allocation import solvers
from isal.allocation.certificate import Allocation
from isal.allocation.problem import AllocationProblem
from isal.allocation.progress import Progress
from isal.allocation.solvers import Answer, Request
from isal.errors import AllocationError, IsalError

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")

#: What ``async def`` functions return that await allocations, with a result of type T.
Computation = Coroutine[Any, Any, T]


async def ask(problem: AllocationProblem, tolerance: float, candidate: NDArray[np.float64] | None = None) -> Allocation:
    """The allocation of one problem; see :class:`isal.allocation.solvers.Request`.

    Raises
    ------
    AllocationError
        If the problem has no finite optimum or its solver fails.
    """
    (answer,) = await _answers([Request(problem, tolerance, candidate)])
    if isinstance(answer, AllocationError):
        raise answer
    return cast(Allocation, answer)


async def ask_together(solve: Callable[[Sequence[Q]], Sequence[A]], question: Q) -> A:
    """The answer of a function that answers many questions at once, those of all computations that ask it just now."""
    (answer,) = await _answers([_Other(solve, question)])
    return cast(A, answer)


@dataclass(frozen=True, eq=False)
class _Other:
    """A question to something else than a solver."""

    solve: Callable[[Sequence[Any]], Sequence[Any]]
    question: Any


#: What a computation can ask.
Asked = Request | _Other


async def together(computations: Iterable[Computation[T]]) -> list[T]:
    """All results of computations that advance side by side.

    Raises
    ------
    IsalError
        Of the first computation in their order that fails.
    """
    results = await _side_by_side(computations)
    for result in results:
        if isinstance(result, IsalError):
            raise result
    return [result for result in results if not isinstance(result, IsalError)]


def run(computation: Computation[T], solver: str) -> T:
    """Result of one computation, with the named solver.

    Raises
    ------
    IsalError
        If there is no such solver, or what the computation raises.
    """
    (result,) = run_all([computation], solver)
    if isinstance(result, IsalError):
        raise result
    return result


def run_counted(computation: Computation[T], solver: str) -> tuple[T, int]:
    """Like :func:`run`, and how many problems had to be solved, see :func:`counted`."""
    try:
        result, work = run(counted(computation), solver)
    finally:
        computation.close()  # if it never began, as there is no such solver
    return result, work.problems


@dataclass(frozen=True)
class Work:
    """What the allocations that a computation asked for took: how many ``problems``, and ``seconds`` of the solver.

    A problem whose candidate is certified had not to be solved and does not count.
    """

    problems: int = 0
    seconds: float = 0.0


async def counted(computation: Computation[T]) -> tuple[T, Work]:
    """A computation with the same result, and the work that it was, also among others that run side by side.

    >>> from isal import AllocationProblem
    >>> problem = AllocationProblem([[0.0]], [[[1.0]]], [0], 2.0)
    >>> allocation, work = run(counted(ask(problem, tolerance=1e-6)), "interior-point")
    >>> work.problems
    1
    """
    problems, seconds = 0, 0.0
    answers: Any = None
    while True:
        try:
            asked = computation.send(answers)
        except StopIteration as ended:
            return ended.value, Work(problems, seconds)
        answers = await _answers(asked)
        for question, answer in zip(asked, answers, strict=True):
            if isinstance(question, Request):
                solved = not isinstance(answer, Allocation) or answer.iterations > 0
                problems += solved
                seconds += answer.seconds if solved and isinstance(answer, Allocation) else 0.0


def run_all(computations: Iterable[Computation[T]], solver: str) -> list[T | IsalError]:
    """Results of many computations, side by side; one that fails has its error in its place.

    Raises
    ------
    IsalError
        If there is no such solver.
    """
    try:
        module = solvers.solver_module(solver)
    except IsalError:
        _close(computations)
        raise
    whole = _side_by_side(computations)
    progress, answered = Progress(), 0
    answers: list[Any] | None = None
    while True:
        try:
            asked = whole.send(answers)
        except StopIteration as ended:
            return cast(list[T | IsalError], ended.value)
        requests = [each for each in asked if isinstance(each, Request)]
        allocations = solvers.answers(module, requests)
        answers = _in_turn(asked, allocations)
        answered += len(requests)
        progress.tell("allocation problems answered: %d so far, %d of them just now", answered, len(requests))


def _in_turn(asked: Sequence[Asked], allocations: Sequence[Answer]) -> list[Any]:
    """The answers to all that is asked; those to the requests for allocations are known."""
    others: dict[Any, list[Any]] = {}
    for each in asked:
        if isinstance(each, _Other):
            others.setdefault(each.solve, []).append(each.question)
    known = {solve: iter(solve(questions)) for solve, questions in others.items()}
    solved = iter(allocations)
    return [next(known[each.solve]) if isinstance(each, _Other) else next(solved) for each in asked]


@types.coroutine
def _answers(asked: Sequence[Asked]) -> Generator[Sequence[Asked], list[Any], list[Any]]:
    """Where a computation pauses until what it asks is answered."""
    return (yield asked)


async def _side_by_side(computations: Iterable[Computation[T]]) -> list[T | IsalError]:
    """Like :func:`together`, with errors in the place of results."""
    results: dict[int, T | IsalError] = {}
    waiting: dict[int, tuple[Computation[T], list[Asked]]] = {}

    def advance(number: int, computation: Computation[T], answers: list[Any] | None) -> None:
        try:
            waiting[number] = computation, computation.send(answers)
        except StopIteration as ended:
            results[number] = ended.value
        except IsalError as error:
            results[number] = error

    try:
        for number, computation in enumerate(computations):
            advance(number, computation, None)
        while waiting:
            asked = list(waiting.items())
            waiting.clear()
            given = iter(await _answers([request for _, (_, requests) in asked for request in requests]))
            for number, (computation, requests) in asked:
                advance(number, computation, [next(given) for _ in requests])
    except BaseException:
        _close(computations)
        raise
    return [results[number] for number in sorted(results)]


def _close(computations: Iterable[Computation[T]]) -> None:
    """End computations that will not go on; Python warns of those in a list that never began."""
    if isinstance(computations, Sequence):
        for computation in computations:
            computation.close()
