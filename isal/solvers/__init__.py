"""Independent routes to the optimum of an allocation problem, by name. Each is imported only when it is used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from isal.allocation import Allocation, AllocationProblem

#: Name in the configuration and in ``solver=`` -> module with ``solve(problem, tolerance)`` and ``version()``.
SOLVERS = {"scs": "isal.solvers.scs_sdp"}


def route(name: str) -> ModuleType:
    """The module of a solver.

    Raises
    ------
    ValueError
        If there is no solver of that name.
    """
    if name not in SOLVERS:
        raise ValueError(f"there is no solver {name!r}; choose one of {', '.join(SOLVERS)}")
    return import_module(SOLVERS[name])


def solve(problem: AllocationProblem, solver: str, tolerance: float) -> Allocation:
    """Solve with the named route; see :class:`isal.allocation.Allocation` for what comes back."""
    if not tolerance > 0:
        raise ValueError(f"tolerance must be positive, got {tolerance}")
    result: Allocation = route(solver).solve(problem, tolerance)
    return result
