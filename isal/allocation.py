"""The allocation problem: minimise the trace of a block of an inverse matrix that is affine in the powers.

With ``M(p) = M0 + sum_m p_m B_m`` and a selector ``C``, every optimisation of the paper, (26)-(83), is

    minimise  f(p) = tr(C' M(p)^-1 C)   subject to   M(p) > 0,  0 <= p_m <= cap_m,  sum_m p_m <= E / 1 s.

Nothing in this module knows what a network is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.units import DURATION_S

Array = NDArray[np.float64]

#: Certified relative gap that a result must reach unless asked otherwise.
DEFAULT_TOLERANCE = 1e-6


#: A pivot of a matrix scaled to a unit diagonal that rounding alone can leave where the exact one is zero.
SINGULAR_PIVOT = 1e-14


class AllocationError(ValueError):
    """A problem that has no finite optimum, or that a solver could not certify; the message says which and why."""


@dataclass(frozen=True, eq=False)
class AllocationProblem:
    """One allocation problem.

    Parameters
    ----------
    constant
        ``M0``, symmetric, shape ``(d, d)``, 1/m^2.
    per_watt
        ``B_m``, symmetric, possibly indefinite, shape ``(n, d, d)``, 1/(m^2 W).
    objective
        Indices of the parameters whose SPEB is minimised (the columns of ``C``), shape ``(k,)``.
    energy
        ``E``, J: the powers may sum to ``E / 1 s``.
    caps
        Upper limits of the powers, W, a number or shape ``(n,)``; default ``E / 1 s``, which never binds.

    Raises
    ------
    AllocationError
        If a shape, the energy or a cap is unusable.
    """

    constant: Array
    per_watt: Array
    objective: NDArray[np.intp]
    energy: float
    caps: Array

    def __init__(
        self,
        constant: ArrayLike,
        per_watt: ArrayLike,
        objective: ArrayLike,
        energy: float,
        caps: ArrayLike | None = None,
    ) -> None:
        set_ = object.__setattr__  # the dataclass is frozen
        set_(self, "constant", np.asarray(constant, dtype=float))
        set_(self, "per_watt", np.asarray(per_watt, dtype=float))
        set_(self, "objective", np.asarray(objective, dtype=np.intp))
        if not (np.isfinite(energy) and energy > 0):
            raise AllocationError(f"energy must be finite and positive, got {energy} J")
        set_(self, "energy", float(energy))
        n, d = self.n_nodes, len(self.constant)
        if self.constant.shape != (d, d) or self.per_watt.shape != (n, d, d):
            raise AllocationError(
                "constant must have shape (d, d) and per_watt (n, d, d); "
                f"got {self.constant.shape} and {self.per_watt.shape}"
            )
        if self.objective.ndim != 1 or not len(self.objective) or not np.isin(self.objective, np.arange(d)).all():
            raise AllocationError(f"objective must name at least one of the parameters 0 to {d - 1}")
        limits = np.asarray(energy / DURATION_S if caps is None else caps, dtype=float)
        if limits.shape not in ((), (n,)):
            raise AllocationError(f"caps must be one number or one for each of the {n} nodes, got shape {limits.shape}")
        limits = np.broadcast_to(limits, (n,))
        for node, cap in enumerate(limits):
            if not cap > 0:
                raise AllocationError(f"the power cap of node {node + 1} must be positive, got {cap} W")
        set_(self, "caps", np.minimum(limits, self.budget))

    @property
    def n_nodes(self) -> int:
        return len(self.per_watt)

    @property
    def budget(self) -> float:
        """What the powers may sum to, W."""
        return self.energy / DURATION_S

    @cached_property
    def selector(self) -> Array:
        """``C``, shape ``(d, k)``."""
        return np.eye(len(self.constant))[:, self.objective]

    def matrix(self, power: Array) -> Array:
        """``M(p)``, shape ``(d, d)``."""
        matrix: Array = self.constant + np.tensordot(power, self.per_watt, axes=1)
        return matrix

    def solve_columns(self, power: Array) -> Array | None:
        """``Y = M(p)^-1 C``, shape ``(d, k)``, or None where ``M(p)`` is not positive definite."""
        matrix = self.matrix(power)
        diagonal = np.diag(matrix)
        if not (diagonal > 0).all():
            return None
        scale = 1 / np.sqrt(diagonal)
        try:
            factor = np.linalg.cholesky(matrix * np.outer(scale, scale))
        except np.linalg.LinAlgError:
            return None
        if np.diag(factor).min() ** 2 < SINGULAR_PIVOT:
            return None
        half = np.linalg.solve(factor, self.selector * scale[:, None])
        return np.asarray(np.linalg.solve(factor.T, half) * scale[:, None])

    def value(self, power: Array) -> float:
        """``f(p)``, m^2; infinite outside ``M(p) > 0``."""
        columns = self.solve_columns(power)
        return float("inf") if columns is None else float(np.trace(columns[self.objective]))

    def gradient(self, power: Array) -> Array:
        """``df/dp_m = -tr(Y' B_m Y)``, m^2/W, shape ``(n,)``."""
        columns = self._required_columns(power)
        gradient: Array = -np.einsum("ik,mij,jk->m", columns, self.per_watt, columns)
        return gradient

    def hessian(self, power: Array) -> Array:
        """``d2f/dp_m dp_l = 2 tr(Y' B_m M^-1 B_l Y)``, m^2/W^2, shape ``(n, n)``."""
        columns = self._required_columns(power)
        pushed = np.einsum("mij,jk->mik", self.per_watt, columns)
        solved = np.linalg.solve(self.matrix(power), pushed)
        hessian: Array = 2 * np.einsum("mik,lik->ml", pushed, solved)
        return hessian

    def _required_columns(self, power: Array) -> Array:
        columns = self.solve_columns(power)
        if columns is None:
            raise AllocationError("M(p) is not positive definite at these powers")
        return columns

    def feasible(self, power: ArrayLike) -> Array:
        """``power`` pushed into the caps and, if it spends too much, scaled down to the budget; shape ``(n,)``, W."""
        inside = np.clip(np.nan_to_num(np.asarray(power, dtype=float)), 0.0, self.caps)
        total = inside.sum()
        return np.asarray(inside * (self.budget / total)) if total > self.budget else inside

    def spread(self, share: float = 1.0) -> Array:
        """The budget spread evenly over the nodes as far as the caps allow, times ``share``; shape ``(n,)``, W."""
        level, free = self.budget, np.ones(self.n_nodes, dtype=bool)
        power = np.zeros(self.n_nodes)
        while free.any():
            each = (level - power.sum()) / free.sum()
            capped = free & (self.caps <= each)
            if not capped.any():
                power[free] = each
                break
            power[capped] = self.caps[capped]
            free &= ~capped
        return share * power

    def interior_start(self) -> Array:
        """Powers inside the feasible set with ``M(p) > 0``; shape ``(n,)``, W.

        Spread evenly, unless some ``B_m`` is indefinite ("held"): then ``M(p)`` is positive definite only where those
        nodes' powers are small against the rest of the matrix, and they are lowered to the best value on the way.

        Raises
        ------
        AllocationError
            If nothing makes ``M(p)`` positive definite: the problem has no finite optimum.
        """
        values = np.linalg.eigvalsh(self.per_watt)
        indefinite = values[:, 0] < -1e-12 * values[:, -1]
        best, best_value = None, float("inf")
        for halvings in range(61 if indefinite.any() else 1):
            power = self.spread(0.9)
            power[indefinite] *= 0.5**halvings
            value = self.value(power)
            if value < best_value:
                best, best_value = power, value
            elif best is not None:
                return best
        if best is None:
            raise AllocationError("M(p) is singular or indefinite whatever the powers: no finite optimum")
        return best


def lower_bound(problem: AllocationProblem, power: Array) -> float:
    """Certified lower bound on the optimum from any feasible point with ``M(p) > 0``, m^2.

    With ``Y = M(p)^-1 C``, ``h_m = tr(Y' B_m Y)`` and ``D`` the largest ``sum_m s_m h_m`` over the feasible set,
    ``f* >= f(p)^2 / (tr(Y' M0 Y) + D)``: for every feasible s the matrix Cauchy-Schwarz inequality gives
    ``tr(C'Y)^2 <= tr(C' M(s)^-1 C) tr(Y' M(s) Y)``, whatever solver made p.
    """
    columns = problem.solve_columns(power)
    if columns is None:
        return 0.0
    value = float(np.trace(columns[problem.objective]))
    slope = np.einsum("ik,mij,jk->m", columns, problem.per_watt, columns)
    fixed = float(np.einsum("ik,ij,jk->", columns, problem.constant, columns))
    return value**2 / (fixed + _largest_over_feasible(problem, slope))


def _largest_over_feasible(problem: AllocationProblem, slope: Array) -> float:
    left, total = problem.budget, 0.0
    for node in np.argsort(-slope):
        if slope[node] <= 0 or left <= 0:
            break
        spent = min(left, problem.caps[node])
        total += spent * slope[node]
        left -= spent
    return float(total)


@dataclass(frozen=True, eq=False)
class Allocation:
    """Powers with their certificate.

    ``power`` (W, shape ``(n,)``) reaches ``value`` (m^2) and no feasible powers reach less than ``lower_bound`` (m^2).
    ``status`` is ``"optimal"`` where the certified gap meets ``tolerance`` and ``"uncertified"`` otherwise, whatever
    the solver itself said; ``solver`` names the route that produced the powers.
    """

    power: Array
    value: float
    lower_bound: float
    tolerance: float
    solver: str
    iterations: int
    seconds: float

    @property
    def gap(self) -> float:
        """Certified relative gap, ``1 - lower_bound / value``, never negative."""
        return max(0.0, 1 - self.lower_bound / self.value) if np.isfinite(self.value) else 1.0

    @property
    def status(self) -> str:
        return "optimal" if self.gap <= self.tolerance else "uncertified"


#: A route to the optimum: ``solve(problem, tolerance)``.
Solver = Callable[[AllocationProblem, float], Allocation]


def certify(
    problem: AllocationProblem, power: ArrayLike, *, tolerance: float, solver: str, iterations: int, seconds: float
) -> Allocation:
    """The :class:`Allocation` of powers from anywhere: made feasible, evaluated and bounded independently."""
    inside = problem.feasible(power)
    value = problem.value(inside)
    # On the boundary a bound from slightly inside can be tighter, as the multipliers of unused nodes vanish there.
    candidates = [inside] + [
        (1 - share) * inside + share * problem.spread(inside.sum() / problem.budget) for share in (1e-9, 1e-7)
    ]
    bound = max(lower_bound(problem, candidate) for candidate in candidates)
    # A bound above the value is rounding; the pair must stay ordered.
    return Allocation(inside, value, min(bound, value), tolerance, solver, iterations, seconds)
