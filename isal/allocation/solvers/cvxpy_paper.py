"""The paper's semidefinite programs as printed, through cvxpy: the independent check, not the fast road.

(30)-(35) read, with the information matrix ``M(p) = M0 + sum_m p_m B_m`` and an auxiliary matrix H of its size,

    minimise tr(H)_block   subject to   H >= 0,   [[H, I], [I, M(p)]] >= 0,   sum p <= E / 1 s,   0 <= p <= caps.

(36)-(41), (42)-(47), (48)-(53), (54)-(59), (60)-(65) and (66)-(83) are the same program with another M0, other B_m and
another block.

In metres M has eigenvalues up to 5e7 and optima are near 1e-5, and solvers that judge themselves by absolute residuals
then call powers optimal that are far from it. Nothing but the unit of length decides: counted in a fraction of the
position error (about a millimetre in the paper's networks), the same program is within Clarabel's reach. That is the
default; ``unit_m=1.0`` gives the program in metres. What a solver says of itself is kept apart, as :class:`Reported`,
from the certified :class:`isal.allocation.certificate.Allocation`.
"""

# cvxpy says that it is typed, but exports its atoms by a star that mypy does not follow.
# mypy: disable-error-code="attr-defined, no-untyped-call"

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

import cvxpy as cp
import numpy as np

from isal.allocation.certificate import Allocation, certify
from isal.allocation.problem import AllocationProblem
from isal.errors import AllocationError, IsalError

NAME = "cvxpy"

#: Options of the solvers whose defaults are too coarse for a certified gap of 1e-6. Iterations beyond these bring SCS
#: no closer. A solver that is not named here runs with its defaults.
OPTIONS: dict[str, dict[str, Any]] = {
    "CLARABEL": {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12},
    "SCS": {"eps_abs": 1e-9, "eps_rel": 1e-9, "max_iters": 20_000},
}


#: Default unit of length over the position error at interior powers. With this one Clarabel is certified to 1e-6 most
#: often; ten times larger or smaller it is much worse.
UNIT = 0.2


@dataclass(frozen=True)
class Reported:
    """What cvxpy says of a solve: its ``status`` (``"optimal"``, ``"optimal_inaccurate"``, ...) and ``tr(H)``, m^2."""

    status: str
    value: float


@cache
def installed() -> tuple[str, ...]:
    """Names, as cvxpy spells them, of the installed solvers that take semidefinite programs."""
    return tuple(name for name in cp.installed_solvers() if _takes_semidefinite(name))


def _takes_semidefinite(solver: str) -> bool:
    matrix = cp.Variable((2, 2), PSD=True)
    try:
        cp.Problem(cp.Minimize(cp.trace(matrix))).get_problem_data(solver)
    except cp.SolverError:
        return False
    return True


def version(solver: str = "CLARABEL") -> str:
    """Versions of cvxpy and of the solver, for records; an IsalError if the solver is not installed."""
    _refuse_unknown(solver)
    try:
        return f"{cp.__version__} with {solver} {metadata.version(solver)}"
    except metadata.PackageNotFoundError:  # the package is called otherwise
        return f"{cp.__version__} with {solver}"


def solve(problem: AllocationProblem, tolerance: float, solver: str = "CLARABEL") -> Allocation:
    """The certified allocation of :func:`solve_reported` alone."""
    return solve_reported(problem, tolerance, solver)[0]


def solve_reported(
    problem: AllocationProblem,
    tolerance: float,
    solver: str = "CLARABEL",
    unit_m: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Allocation, Reported]:
    """Solve the program as printed, once, and certify the powers.

    Parameters
    ----------
    tolerance
        Certified relative gap from which the allocation's ``status`` is ``"optimal"``; it does not steer the solver.
    solver
        One of :func:`installed`.
    unit_m
        Unit of length, m; default is :data:`UNIT` times the root of the problem's value at interior powers.
    options
        Of the solver; default are those of :data:`OPTIONS`.

    Returns
    -------
    The allocation, whose ``seconds`` are those of building and solving, and what cvxpy reported of it.

    Raises
    ------
    IsalError
        If there is no such solver.
    AllocationError
        If the problem has no finite optimum, or the solver returns no powers.
    """
    _refuse_unknown(solver)
    began = time.perf_counter()
    if unit_m is None:
        unit_m = UNIT * float(np.sqrt(problem.value(problem.interior_start())))
    program, power = _program(problem, unit_m)
    failure: cp.SolverError | None = None
    try:
        with warnings.catch_warnings():
            # The certificate says how inaccurate it is.
            warnings.filterwarnings("ignore", "Solution may be inaccurate", UserWarning)
            program.solve(solver=solver, **(OPTIONS.get(solver, {}) if options is None else options))
    except cp.SolverError as error:
        failure = error
    seconds = time.perf_counter() - began
    if failure is not None or power.value is None:
        problem.interior_start()  # raises if there is no finite optimum to be found
        reason = failure or f"its status is {program.status}"
        others = ", ".join(name for name in installed() if name != solver)
        raise AllocationError(
            f"{solver} returned no powers ({reason}); use another solver: scs, or cvxpy with {others}"
        ) from failure
    allocation = certify(
        problem,
        power.value,
        tolerance=tolerance,
        solver=f"cvxpy-{solver.lower()}",
        iterations=program.solver_stats.num_iters or 0,
        seconds=seconds,
    )
    if not np.isfinite(allocation.value):
        problem.interior_start()  # as above; else these powers are merely bad, which their status says
    return allocation, Reported(program.status, float(program.value) * unit_m**2)


def _refuse_unknown(solver: str) -> None:
    if solver not in installed():
        raise IsalError(f"cvxpy has no semidefinite solver {solver!r} here; installed: {', '.join(installed())}")


def _program(problem: AllocationProblem, unit_m: float) -> tuple[cp.Problem, cp.Variable]:
    """(30)-(35) and its variable p; the numbers of (30)-(35) stand for those of all the programs."""
    size = len(problem.constant)
    p = cp.Variable(problem.n_nodes)
    H = cp.Variable((size, size), symmetric=True)
    identity = np.eye(size)
    per_watt = problem.per_watt * unit_m**2
    I_theta = problem.constant * unit_m**2 + sum(p[m] * B for m, B in enumerate(per_watt))
    program = cp.Problem(
        cp.Minimize(cp.trace(problem.selector.T @ H @ problem.selector)),  # (30)
        [
            H >> 0,  # (31)
            cp.bmat([[H, identity], [identity, I_theta]]) >> 0,  # (32)
            cp.sum(p) <= problem.budget,  # (33)
            p >= 0,  # (34), (35)
            p <= problem.caps,  # (34), (35)
        ],
    )
    return program, p
