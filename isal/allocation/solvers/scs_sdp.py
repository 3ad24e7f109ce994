"""The allocation problem as a small linear matrix inequality, scaled by congruence and handed to SCS's own interface.

    minimise tr H   subject to   [[H, C'], [C, M(p)]] >= 0,   0 <= p <= caps,   sum p <= E

is equivalent to the paper's (30)-(35), (54)-(59) and the like, with an H of the size of the objective block instead
of the whole matrix. In raw units SCS reports "optimal" on powers that are 100 times worse than the true ones, so the
problem is first transformed: by congruence with the Cholesky factor of M at interior powers (M becomes the identity
there), each power in units of its value there, the objective in units of its value there. Where one round leaves a
larger gap than asked for, the next one starts from a congruence at the best powers found. Where the rounds are not
enough (a direction of M that nearly vanishes at the optimum stalls SCS whatever the scaling), the interior-point
solver takes over, and the allocation says so.
"""

from __future__ import annotations

import importlib.util
import time
from dataclasses import replace
from functools import cache
from importlib.machinery import PathFinder
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from isal.allocation.certificate import Allocation, certify
from isal.allocation.problem import AllocationProblem
from isal.errors import not_installed

NAME = "scs"

#: (absolute and relative accuracy asked of SCS, most iterations) of each round; a congruence at the iterate precedes
#: every round. Accuracies below 1e-10 are out of SCS's reach in double precision and only use up iterations.
ROUNDS = ((1e-9, 5_000), (1e-9, 5_000), (1e-10, 5_000))

Array = NDArray[np.float64]


@cache
def _scs_extension() -> ModuleType:
    """The compiled solver of the package ``scs``.

    ``import scs`` first imports scipy.sparse, which costs as much as all else that a point job imports, only to hold
    three arrays that the compiled class takes as they are; so the extension is loaded by itself.
    """
    package = importlib.util.find_spec("scs")
    spec = PathFinder.find_spec("_scs_direct", package.submodule_search_locations) if package else None
    if spec is None or spec.loader is None:
        raise not_installed("the solver 'scs'", "the package scs")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def version() -> str:
    """Version of SCS, for records."""
    return str(_scs_extension().version())


def solve(problem: AllocationProblem, tolerance: float) -> Allocation:
    """Minimise with SCS until the certified gap is at most ``tolerance``, or the rounds are used up.

    Returns the best allocation found; its ``status`` says whether it is certified and its ``solver`` whether
    interior-point had to finish it.

    Raises
    ------
    AllocationError
        If the problem has no finite optimum.
    """
    began = time.perf_counter()
    start = problem.interior_start()
    best: Allocation | None = None
    centre, iterations = start, 0
    for accuracy, limit in ROUNDS:
        power, used = _solve_scaled(problem, centre, accuracy, limit)
        iterations += used
        found = certify(
            problem,
            power,
            tolerance=tolerance,
            solver=NAME,
            iterations=iterations,
            seconds=time.perf_counter() - began,
        )
        if best is None or found.gap < best.gap:
            best = found
        if best.gap <= tolerance:
            break
        if np.isfinite(best.value):
            # The set of powers with M(p) > 0 is convex, so the blend is interior where the optimum need not be.
            centre = 0.99 * best.power + 0.01 * start
    assert best is not None
    if best.gap > tolerance:
        from isal.allocation.solvers import interior_point  # most problems do without

        finished = interior_point.solve(problem, tolerance)
        if finished.gap < best.gap:
            best = replace(
                finished,
                solver=f"{NAME}+{interior_point.NAME}",
                iterations=iterations + finished.iterations,
                seconds=time.perf_counter() - began,
            )
    return best


def _solve_scaled(problem: AllocationProblem, centre: Array, accuracy: float, limit: int) -> tuple[Array, int]:
    """Powers (W) and iterations of one call of SCS on the problem scaled so that M(centre) is the identity."""
    n, _, k = problem.shape
    # A power of 1e-5 of the budget can decide the optimum, so each is counted in units of its own size.
    unit_power = np.maximum(centre, 1e-7 * problem.budget)
    matrix = problem.matrix(centre)
    unit = 1 / np.sqrt(np.diag(matrix))
    factor = np.linalg.cholesky(matrix * np.outer(unit, unit))

    def congruent(symmetric: Array) -> Array:
        half = np.linalg.solve(factor, symmetric * np.outer(unit, unit))
        return np.linalg.solve(factor, half.T)

    selector = np.linalg.solve(factor, problem.selector * unit[:, None])
    selector /= np.linalg.norm(selector)

    # Variables: powers over their units (n), then the lower triangle of H, column by column.
    h_row, h_column = _lower_triangle(k)
    row, column = _lower_triangle(k + len(matrix))
    weight = np.where(row == column, 1.0, np.sqrt(2.0))  # SCS's vectorisation of a semidefinite block
    size = k + len(matrix)

    def vectorised(lower_right: Array, upper_left: Array | None = None, cross: Array | None = None) -> Array:
        block = np.zeros((size, size))
        block[k:, k:] = lower_right
        if upper_left is not None:
            block[:k, :k] = upper_left
        if cross is not None:
            block[k:, :k] = cross
        return block[row, column] * weight

    zero = np.zeros_like(matrix)
    linear = 1 + 2 * n
    a = np.zeros((linear + len(row), n + len(h_row)))
    b = np.zeros(len(a))
    a[0, :n], b[0] = unit_power / problem.budget, 1.0  # sum p <= E
    a[1 : 1 + n, :n] = -np.eye(n)  # p >= 0
    a[1 + n : linear, :n], b[1 + n : linear] = np.diag(unit_power / problem.budget), problem.caps / problem.budget
    b[linear:] = vectorised(congruent(problem.constant), cross=selector)
    for node in range(n):
        a[linear:, node] = -vectorised(congruent(problem.per_watt[node] * unit_power[node]))
    for entry, (i, j) in enumerate(zip(h_row, h_column, strict=True)):
        unit_h = np.zeros((k, k))
        unit_h[i, j] = unit_h[j, i] = 1.0
        a[linear:, n + entry] = -vectorised(zero, upper_left=unit_h)
    c = np.concatenate([np.zeros(n), (h_row == h_column).astype(float)])

    # compressed sparse columns, as the extension takes them
    by_column = a.T
    present = by_column != 0
    pointers = np.concatenate([[0], np.cumsum(present.sum(axis=1))]).astype(np.int32)
    indices = np.nonzero(present)[1].astype(np.int32)
    solver = _scs_extension().SCS(
        a.shape,
        by_column[present],
        indices,
        pointers,
        None,
        None,
        None,
        b,
        c,
        {"l": linear, "s": [size]},
        eps_abs=accuracy,
        eps_rel=accuracy,
        eps_infeas=1e-14,
        max_iters=limit,
        verbose=False,
    )
    solution = solver.solve(False, None, None, None)
    return solution["x"][:n] * unit_power, int(solution["info"]["iter"])


def _lower_triangle(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the lower triangle, column by column, the order of SCS's semidefinite cone."""
    column, row = np.triu_indices(size)
    return row, column
