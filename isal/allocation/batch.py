"""Batches of allocation problems of one shape, evaluated side by side: value, slope, lower bound and rounding.

Small problems share the cost of a call to numpy, which does not depend on their number. See
:mod:`isal.allocation.problem` for what is minimised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isal.knowledge import Knowledge, cholesky_factors, relative_rounding
from isal.matrices import DenseStack, Stack

if TYPE_CHECKING:
    from isal.allocation.problem import AllocationProblem

Array = NDArray[np.float64]

#: Most problems in a batch, and most entries of their matrices together. Small problems share the part of an
#: iteration's cost that does not grow with their number; large ones stay within some 100 MB.
LARGEST_BATCH = 1000
MOST_ENTRIES = 5_000_000

#: A pivot of a matrix scaled to a unit diagonal that rounding alone can leave where the exact one is zero.
SINGULAR_PIVOT = 1e-14

#: Number of iterative refinements. Each gains sixteen digits less those that the condition of the matrix costs.
REFINEMENTS = 3


@dataclass(frozen=True, eq=False)
class Batch:
    """``N`` problems of one shape side by side; powers have shape ``(N, n)`` throughout.

    ``constant`` has shape ``(N, d, d)``, ``selector`` ``(N, d, k)``, ``budget`` (W) ``(N,)``, ``caps`` (W) ``(N, n)``.
    ``known`` are the constants with their square roots and error scales.
    """

    known: tuple[Knowledge, ...]
    constant: Array
    stack: Stack
    selector: Array
    budget: Array
    caps: Array

    @classmethod
    def of(cls, problems: Sequence[AllocationProblem]) -> Batch:
        """The batch of some problems of equal ``shape``; a sparse one must be alone."""
        return cls(
            tuple(problem.known for problem in problems),
            np.array([problem.constant for problem in problems]),
            DenseStack.of([problem.stack for problem in problems]),
            np.array([problem.selector for problem in problems]),
            np.array([problem.budget for problem in problems]),
            np.array([problem.caps for problem in problems]),
        )

    def __len__(self) -> int:
        return len(self.constant)

    def take(self, chosen: NDArray[Any]) -> Batch:
        """The problems at the given indices, or where a mask is true."""
        return Batch(
            tuple(self.known[number] for number in np.arange(len(self))[chosen].tolist()),
            self.constant[chosen],
            self.stack.take(chosen),
            self.selector[chosen],
            self.budget[chosen],
            self.caps[chosen],
        )

    def matrix(self, power: Array) -> Array:
        """``M(p)``, shape ``(N, d, d)``."""
        return self.constant + self.stack.combine(power)

    def columns(self, power: Array, precise: bool = False) -> Array:
        """``Y = M(p)^-1 C``, shape ``(N, d, k)``; NaN where ``M(p)`` is not positive definite.

        If ``precise``, an array of extended precision where the machine has it, with errors a thousand times smaller;
        all that is computed from it is then as precise.
        """
        matrix = self.matrix(power)
        diagonal = np.einsum("Nii->Ni", matrix)
        with np.errstate(divide="ignore", invalid="ignore"):
            # scaled to a unit diagonal, pivots tell rounding from rank whatever the powers
            scale = np.where(diagonal > 0, 1 / np.sqrt(diagonal), np.nan)
        scaled = matrix * (scale[:, :, None] * scale[:, None, :])
        sound, factor = factorised(scaled)
        scale[~sound] = np.nan

        def solve(right: Array) -> Array:
            half = np.linalg.solve(factor, right * scale[:, :, None])
            return np.asarray(np.linalg.solve(factor.transpose(0, 2, 1), half) * scale[:, :, None])

        columns = solve(self.selector)
        return refined(self.constant, self.stack, power, self.selector, columns, solve) if precise else columns

    def value(self, columns: Array) -> Array:
        """``f = tr(C' Y)``, m^2, shape ``(N,)``; infinite where ``Y`` is NaN."""
        value = np.einsum("Nik,Nik->N", self.selector, columns)
        return np.where(np.isnan(value), np.inf, value)

    def slope(self, columns: Array) -> Array:
        """``h_m = tr(Y' B_m Y)``, m^2/W, shape ``(N, n)``."""
        slope: Array = np.einsum("Nik,Nmik->Nm", columns, self.stack.apply(columns))
        return slope

    def fixed(self, columns: Array) -> Array:
        """``tr(Y' M0 Y)``, m^2, shape ``(N,)``."""
        fixed: Array = np.einsum("Nik,Nik->N", columns, self.constant @ columns)
        return fixed

    def rounding(self, power: Array, columns: Array, value: Array) -> Array:
        """Bound on the relative error of ``f`` by the rounding of M, shape ``(N,)``; infinite where ``Y`` is NaN."""
        square = np.einsum("Nm,Nmti->Nti", power, self.stack.squares)
        rooted = np.array([rows is not None for rows in self.stack.rows])
        scale = np.sqrt(np.array([known.scale for known in self.known]) ** 2 + rooted[:, None] * square[:, 0])
        spread, exact = np.sqrt(square).transpose(1, 0, 2)
        doubt = spread[:, :, None] * spread[:, None, :] - exact[:, :, None] * exact[:, None, :]
        doubt = np.array([known.doubt for known in self.known]) + ~rooted[:, None, None] * doubt
        size = np.sqrt(np.maximum(np.einsum("Nii->Ni", self.matrix(power)), 0.0))
        return np.nan_to_num(relative_rounding(scale, doubt, size, columns, value), nan=np.inf)

    def lower_bound(self, columns: Array) -> Array:
        """Certified lower bounds from ``Y`` at feasible powers, m^2, shape ``(N,)``; zero where ``Y`` is NaN.

        With ``h_m = tr(Y' B_m Y)`` and ``D`` the largest ``sum_m s_m h_m`` over the feasible set,
        ``f* >= f(p)^2 / (tr(Y' M0 Y) + D)``: for every feasible s the matrix Cauchy-Schwarz inequality gives
        ``tr(C'Y)^2 <= tr(C' M(s)^-1 C) tr(Y' M(s) Y)``, whatever solver made p.
        """
        value = np.einsum("Nik,Nik->N", self.selector, columns)
        bound = value**2 / (self.fixed(columns) + largest_over_feasible(self.slope(columns), self.budget, self.caps))
        return np.where(np.isnan(bound), 0.0, bound)

    def feasible(self, power: Array) -> Array:
        """See :meth:`isal.allocation.problem.AllocationProblem.feasible`."""
        inside = np.clip(np.nan_to_num(power), 0.0, self.caps)
        total = inside.sum(axis=1)
        with np.errstate(divide="ignore"):
            return np.asarray(inside * np.minimum(1.0, self.budget / total)[:, None])

    def spread(self) -> Array:
        """The budget spread evenly over the nodes as far as the caps allow, W."""
        # Filled up to a common level: a node whose cap is below what would be left for each of those above it is full.
        ascending = np.sort(self.caps, axis=1)
        n = ascending.shape[1]
        before = np.cumsum(ascending, axis=1) - ascending
        level = (self.budget[:, None] - before) / np.arange(n, 0, -1)
        first_free = np.argmax(np.append(ascending >= level, np.ones((len(self), 1), dtype=bool), axis=1), axis=1)
        level = np.append(level, np.full((len(self), 1), np.inf), axis=1)
        return np.minimum(self.caps, level[np.arange(len(self)), first_free][:, None])

    def interior_start(self) -> Array:
        """Powers inside the feasible set with ``M(p) > 0``, W; NaN for a problem that has none.

        Spread evenly, unless some ``B_m`` is indefinite ("held"): then ``M(p)`` is positive definite only where those
        nodes' powers are small against the rest of the matrix, and they are lowered to the best value on the way.
        """
        power = 0.9 * self.spread()
        value = self.value(self.columns(power))
        best = np.where(np.isfinite(value)[:, None], power, np.nan)
        lowered = np.broadcast_to(self.stack.indefinite(), power.shape)
        left = np.flatnonzero(lowered.any(axis=1))
        for _ in range(60):
            if not len(left):
                break
            power[left] *= np.where(lowered[left], 0.5, 1.0)
            part = self.take(left)
            tried = part.value(part.columns(power[left]))
            better = tried < value[left]
            best[left[better]], value[left[better]] = power[left[better]], tried[better]
            # past the best value, or nothing found yet
            left = left[better | np.isinf(value[left])]
        return best


def batches(problems: Sequence[AllocationProblem]) -> list[list[int]]:
    """Indices of the problems of each batch: of one shape, at most :data:`LARGEST_BATCH`, fewer if they are large."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, problem in enumerate(problems):
        alone = () if isinstance(problem.stack, DenseStack) else (index,)
        groups.setdefault((*problem.shape, *alone), []).append(index)
    found = []
    for (n_nodes, n_parameters, *_), group in groups.items():
        size = max(1, min(LARGEST_BATCH, MOST_ENTRIES // (n_nodes * n_parameters**2)))
        found += [group[start : start + size] for start in range(0, len(group), size)]
    return found


def factorised(matrices: Array) -> tuple[NDArray[np.bool_], Array]:
    """Which matrices of unit diagonal, shape ``(N, d, d)``, are positive definite beyond rounding; Cholesky factors.

    The factor of one that is not is the identity.
    """
    factors = cholesky_factors(matrices)
    pivots = np.einsum("Nii->Ni", factors) ** 2
    sound = np.asarray((pivots >= SINGULAR_PIVOT).all(axis=1))  # false for NaN, too
    factors[~sound] = np.eye(matrices.shape[1])
    return sound, factors


def refined(
    constant: Array,
    stack: Stack,
    power: Array,
    selector: Array,
    columns: Array,
    solve: Callable[[Array], Array],
) -> Any:
    """``M(p)^-1 C`` to extended precision by iterative refinement of ``columns``; ``solve`` applies ``M(p)^-1``."""
    matrix = constant + stack.combine(power.astype(np.longdouble))
    precise = columns.astype(np.longdouble)
    for _ in range(REFINEMENTS):
        precise += solve((selector - matrix @ precise).astype(float))
    return precise


def largest_over_feasible(slope: Array, budget: Array, caps: Array) -> Array:
    """Largest ``sum_m s_m slope_m`` over ``0 <= s <= caps``, ``sum s <= budget``; shape ``(N,)``."""
    # the largest slopes first, up to their caps, until the budget is used; negative ones never
    order = np.argsort(-slope, axis=1)
    limits = np.take_along_axis(caps, order, 1)
    spent = np.clip(budget[:, None] - (np.cumsum(limits, axis=1) - limits), 0.0, limits)
    largest: Array = (spent * np.maximum(np.take_along_axis(slope, order, 1), 0.0)).sum(axis=1)
    return largest
