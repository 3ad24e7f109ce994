"""Problems with several goals as semidefinite programs, through cvxpy and Clarabel: the independent check.

``f_k <= h_k`` is ``tr H_k <= h_k`` with ``[[H_k, C_k'], [C_k, M_k(p)]] >= 0``. As in
:mod:`isal.allocation.solvers.cvxpy_paper` the units decide: by congruence every ``M_k`` is the identity at even powers,
which are the unit of power, and every ``f_k`` is one there.
"""

# cvxpy says that it is typed, but exports its atoms by a star that mypy does not follow.
# mypy: disable-error-code="attr-defined, no-untyped-call"

from __future__ import annotations

import time
import warnings
from dataclasses import replace

import cvxpy as cp
import numpy as np

from isal.allocation.goals import GoalsAllocation, GoalsProblem, certify, evaluate
from isal.allocation.problem import NO_OPTIMUM
from isal.allocation.solvers.cvxpy_paper import NAME, OPTIONS
from isal.errors import AllocationError

#: Requirements are tightened by this share, so that what Clarabel's residuals break is met for certain.
TIGHTENED = 1e-7


def solve(problem: GoalsProblem, tolerance: float, solver: str = "CLARABEL") -> GoalsAllocation:
    """Solve the program once, and certify the powers; ``tolerance`` does not steer the solver.

    Raises
    ------
    AllocationError
        If the problem has no finite optimum, or the solver returns no powers, as where it takes the requirements for
        infeasible, which is not proven here.
    """
    began = time.perf_counter()
    start = _even(problem)
    program, power = _program(problem, start)
    failure: cp.SolverError | None = None
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Solution may be inaccurate", UserWarning)
            program.solve(solver=solver, **OPTIONS.get(solver, {}))
    except cp.SolverError as error:
        failure = error
    if failure is not None or power.value is None:
        raise AllocationError(f"{solver} returned no powers ({failure or program.status})") from failure
    return certify(
        problem,
        power.value * start.mean(),
        tolerance=tolerance,
        solver=f"{NAME}-{solver.lower()}",
        iterations=program.solver_stats.num_iters or 0,
        seconds=time.perf_counter() - began,
    )


def _even(problem: GoalsProblem) -> np.ndarray:
    """Powers inside the caps with every ``M_k`` positive definite, W; for "energy" of about the right size."""
    level = np.full(1, np.inf)
    if problem.kind == "energy":
        one = np.ones(1)
        worst = (problem.values(problem.region.middle(one)[0]) / problem.levels).max()
        level = one * np.clip(worst, 1e-9, 1e9)
    power: np.ndarray = problem.region.middle(level)[0]
    if not np.isfinite(problem.values(power)).all():
        raise AllocationError(NO_OPTIMUM)
    return power


def _program(problem: GoalsProblem, start: np.ndarray) -> tuple[cp.Problem, cp.Variable]:
    """The program and its variable: powers as shares of the mean of ``start``."""
    unit = start.mean()
    p = cp.Variable(problem.n_nodes)
    values = evaluate([replace(goal, largest=False) for goal in problem.goals], start).value
    limits = [p >= 0]
    finite = np.isfinite(problem.caps)
    if finite.any():
        limits.append(p[finite] <= problem.caps[finite] / unit)
    if len(problem.rows):
        limits.append(problem.rows @ p <= problem.at_most / unit)
    reached = []
    for goal, value in zip(problem.goals, values, strict=True):
        at_start = goal.known.matrix + np.tensordot(start, goal.stack.dense()[0], 1)
        diagonal = 1 / np.sqrt(np.diag(at_start))
        factor = np.linalg.inv(np.linalg.cholesky(at_start * np.outer(diagonal, diagonal))) * diagonal
        matrix = _symmetric(factor @ goal.known.matrix @ factor.T)
        matrix = matrix + sum(
            p[m] * _symmetric(unit * factor @ B @ factor.T) for m, B in enumerate(goal.stack.dense()[0])
        )
        columns = factor @ goal.selector / np.sqrt(value)
        size = columns.shape[1]
        H = cp.Variable((size, size), symmetric=True)
        limits.append(cp.bmat([[H, columns.T], [columns, matrix]]) >> 0)
        reached.append((cp.lambda_max(H) if goal.largest else cp.trace(H)) * value)
    return _objective(problem, p, reached, limits, values), p


def _symmetric(matrix: np.ndarray) -> np.ndarray:
    """Without what rounding left of asymmetry."""
    symmetric: np.ndarray = 0.5 * (matrix + matrix.T)
    return symmetric


def _objective(
    problem: GoalsProblem, p: cp.Variable, reached: list[cp.Expression], limits: list[cp.Constraint], values: np.ndarray
) -> cp.Problem:
    if problem.kind == "sum":
        total = problem.levels @ values
        terms = [weight / total * each for weight, each in zip(problem.levels, reached, strict=True)]
        return cp.Problem(cp.Minimize(sum(terms)), limits)
    if problem.kind == "worst":
        worst = (values / problem.levels).max()
        terms = [each / (level * worst) for level, each in zip(problem.levels, reached, strict=True)]
        return cp.Problem(cp.Minimize(cp.max(cp.hstack(terms))), limits)
    limits += [each / level <= 1 - TIGHTENED for level, each in zip(problem.levels, reached, strict=True)]
    return cp.Problem(cp.Minimize(problem.cost @ p / problem.cost.sum()), limits)
