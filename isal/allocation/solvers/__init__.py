"""Independent solvers of allocation problems, by name, and the answers to many requests at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from isal.allocation.batch import Batch, batches
from isal.allocation.certificate import Allocation, certify, certify_all
from isal.allocation.problem import AllocationProblem, positive_number
from isal.errors import AllocationError, IsalError, not_installed

#: Name in the configuration and in ``solver=`` -> module. Each is imported only when it is used. It has
#: ``solve(problem, tolerance)`` and ``version()``; one that gains from many problems at once has ``solve_all``.
SOLVERS = {
    "scs": "isal.allocation.solvers.scs_sdp",
    "interior-point": "isal.allocation.solvers.interior_point",
    "cvxpy": "isal.allocation.solvers.cvxpy_paper",
}

#: The same for problems with several goals: :class:`isal.allocation.goals.GoalsProblem`.
GOALS_SOLVERS = {
    "interior-point": "isal.allocation.solvers.goals_newton",
    "cvxpy": "isal.allocation.solvers.goals_cvxpy",
}

#: Solver -> the one that finishes what it could not certify.
FALLBACKS = {"scs": "interior-point"}


@dataclass(frozen=True, eq=False, slots=True)
class Request:
    """A problem to be solved to a certified relative gap of ``tolerance``.

    Where the powers ``candidate`` are certified to it, they are the answer.
    """

    problem: AllocationProblem
    tolerance: float
    candidate: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.problem, AllocationProblem):
            raise AllocationError(f"expected an isal.AllocationProblem, got {self.problem!r}")
        object.__setattr__(self, "tolerance", positive_number(self.tolerance, "tolerance"))


#: How many times a problem that is not certified is solved once more, in better conditioned parameters.
CONDITIONINGS = 2

#: What comes back for a request.
Answer = Allocation | AllocationError


def solver_module(name: str) -> ModuleType:
    """The module of a solver.

    Raises
    ------
    IsalError
        If there is no solver of that name, or a package that it needs is not installed.
    """
    if not isinstance(name, str) or name not in SOLVERS:
        raise IsalError(f"there is no solver {name!r}; choose one of {', '.join(SOLVERS)}")
    return _imported(name, SOLVERS)


def _imported(name: str, where: Mapping[str, str]) -> ModuleType:
    try:
        return import_module(where[name])
    except ModuleNotFoundError as error:
        raise not_installed(f"the solver {name!r}", f"the package {error.name}") from error


def goals_module(name: str) -> ModuleType:
    """The module of a solver of problems with several goals.

    Raises
    ------
    IsalError
        If there is none of that name, or a package that it needs is not installed.
    """
    if not isinstance(name, str) or name not in GOALS_SOLVERS:
        raise IsalError(f"no solver {name!r} takes several goals; choose one of {', '.join(GOALS_SOLVERS)}")
    return _imported(name, GOALS_SOLVERS)


def modules(name: str) -> list[str]:
    """Names of the modules that the result of a solver can depend on."""
    return [SOLVERS[solver] for solver in (name, FALLBACKS.get(name)) if solver is not None]


def solve(problem: AllocationProblem, solver: str, tolerance: float) -> Allocation:
    """Solve with the named solver; see :class:`isal.allocation.certificate.Allocation` for what comes back.

    Raises
    ------
    AllocationError
        If the problem has no finite optimum or its solver fails.
    """
    (answer,) = answers(solver_module(solver), [Request(problem, tolerance)])
    if isinstance(answer, AllocationError):
        raise answer
    return answer


def answers(module: ModuleType, requests: Sequence[Request]) -> list[Answer]:
    """The allocation, or an error, for each of many requests, from the module of a solver."""
    given: dict[int, Answer] = dict(_good_candidates(requests, module.NAME))
    left = [number for number in range(len(requests)) if number not in given]
    asked = [_of_transmitting(requests[number]) for number in left]
    for number, request, answer in zip(left, asked, _solve_all(module, asked), strict=True):
        better = _finite(_better_conditioned(module, request, answer))
        if isinstance(better, Allocation) and request is not requests[number]:
            problem = requests[number].problem
            power = np.zeros(problem.n_nodes)
            power[problem.caps > 0] = better.power
            better = replace(better, power=power)
        given[number] = better
    return [given[number] for number in range(len(requests))]


def _of_transmitting(request: Request) -> Request:
    """The same without the nodes that may not transmit, which are no variables."""
    problem = request.problem
    if all(problem.caps.tolist()):
        return request
    return replace(request, problem=problem.of_nodes(np.flatnonzero(problem.caps > 0)))


def _finite(answer: Answer) -> Answer:
    """The answer, or an error where its powers leave no finite bound."""
    if isinstance(answer, Allocation) and not math.isfinite(answer.value):
        return AllocationError(
            f"{answer.solver} found no powers with a finite bound: the matrix is singular to all digits of a float; "
            "move nodes that nearly coincide, or use another solver"
        )
    return answer


def _solve_all(module: ModuleType, requests: Sequence[Request]) -> list[Answer]:
    problems = [request.problem for request in requests]
    tolerances = [request.tolerance for request in requests]
    if hasattr(module, "solve_all"):
        together: list[Answer] = module.solve_all(problems, tolerances)
        return together
    solved: list[Answer] = []
    for problem, tolerance in zip(problems, tolerances, strict=True):
        try:
            solved.append(module.solve(problem, tolerance))
        except AllocationError as error:
            solved.append(error)
    return solved


def _better_conditioned(module: ModuleType, request: Request, answer: Answer) -> Answer:
    """The answer, or a better one from the same problem in parameters that lose no digits at the powers so far.

    Where parameters are nearly tied to each other the matrix is so close to singular that rounding hides the way to the
    optimum, or the optimum itself.
    """
    problem, tolerance = request.problem, request.tolerance
    for _ in range(CONDITIONINGS):
        if isinstance(answer, Allocation) and answer.status == "optimal":
            break
        power = problem.spread(0.9)
        if isinstance(answer, Allocation) and np.isfinite(answer.value):
            # the set of powers with M(p) > 0 is convex, so the blend is interior where the best powers need not be
            power = 0.99 * answer.power + 0.01 * power
        conditioned = problem.conditioned(power)
        if conditioned is None:
            break
        (again,) = _solve_all(module, [Request(conditioned, tolerance)])
        if isinstance(again, AllocationError):
            break
        again = certify(
            problem,
            again.power,
            tolerance=tolerance,
            solver=again.solver,
            iterations=again.iterations,
            seconds=again.seconds,
        )
        if isinstance(answer, AllocationError) or again.gap < answer.gap:
            answer = again
    return answer


def _good_candidates(requests: Sequence[Request], solver: str) -> Iterator[tuple[int, Allocation]]:
    """Number and allocation of the requests whose candidate is certified to their tolerance."""
    with_candidate = [number for number, request in enumerate(requests) if request.candidate is not None]
    for indices in batches([requests[number].problem for number in with_candidate]):
        numbers = [with_candidate[index] for index in indices]
        power = np.array([requests[number].candidate for number in numbers])
        tolerances = [requests[number].tolerance for number in numbers]
        batch = Batch.of([requests[number].problem for number in numbers])
        none = np.zeros(len(numbers), dtype=np.intp)
        found = certify_all(batch, power, tolerances, solver, none, 0.0, thorough=False)
        for number, allocation in zip(numbers, found, strict=True):
            if allocation.status == "optimal":
                yield number, allocation
