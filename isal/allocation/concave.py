"""Allocation problems whose matrix is concave in the powers, by tangents that are linear in them.

With links whose information is concave in their transmitter's power (:mod:`isal.model.floor`),

    minimise  f(p) = tr(C' M(p)^-1 C),   M(p) = M0 + sum_l lambda_l(p_m(l)) B_l,

is convex where all ``B_l >= 0``. With the tangents of all ``lambda_l`` at some powers instead, M is linear in the
powers: an :class:`isal.allocation.problem.AllocationProblem`, with the same matrix at these powers and, for
``B_l >= 0``, a matrix that is never below. **So a certified bound of the tangent problem is one of the problem
itself**, and the tangent problem at the optimum has the same optimum. How powers were found does not matter. Tangent
problems alone, one after the other, need 3 rounds where jitter hardly counts and over 60 where it does; Newton's
method of the interior point, with the curvature of the links added to its system, comes so close in some ten steps
that the tangent problem there only has to be certified. Where it is not, the solver's optimum of the tangent problem
says where to go on.

Under the carry-over "held" the ``B_l`` are indefinite and the problem need not be convex. The certificate then counts
by how much the true information can exceed the tangents, see :func:`_excess`; it holds for any powers, but need not
close, and what it does not close stays uncertified.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from isal.allocation import scheduler
from isal.allocation.batch import factorised, largest_over_feasible
from isal.allocation.certificate import Allocation, certify
from isal.allocation.problem import NO_OPTIMUM, AllocationProblem
from isal.allocation.solvers import interior_point
from isal.allocation.solvers.interior_point import Evaluation, Scaled
from isal.errors import AllocationError
from isal.matrices import at_power
from isal.model.floor import LimitedLinks

Array = NDArray[np.float64]

#: How often Newton's method starts again from what the solver finds of a tangent problem.
MOST_ROUNDS = 20

#: So many random powers start a search besides even ones where minima can be local.
RANDOM_STARTS = 8

#: Powers closer than this, relative to the budget, are the same.
SAME = 1e-12

#: How often a step towards a tangent problem's optimum is halved.
MOST_HALVINGS = 30

#: Into so many parts the powers of a node are divided, by their size and again evenly, to bound what exceeds a tangent.
PARTS = 256


async def ask(
    problem: AllocationProblem, links: LimitedLinks | None, tolerance: float, candidate: Array | None = None
) -> tuple[AllocationProblem, Allocation]:
    """The allocation of a problem whose links are limited by a floor, and the linear problem that certifies it.

    Parameters
    ----------
    problem
        The problem as it would be without a floor.
    links
        Its links, about its parameters; None where there is no floor.
    candidate
        Powers, W, that are the answer where they are certified to ``tolerance``.

    Returns
    -------
    The tangent problem at the allocation's powers, with the true matrix there, and the allocation: the true value, and
    a bound for the problem itself. Without a floor, the problem as it was given.

    Raises
    ------
    AllocationError
        If the problem has no finite optimum or its solver fails.
    """
    if links is None:
        return problem, await scheduler.ask(problem, tolerance, candidate)
    limited = _Limited(problem, links)
    power = None if candidate is None else problem.feasible(candidate)
    if power is None or limited.certified(power, tolerance).status != "optimal":
        ends = [limited.descended(start, tolerance) for start in limited.starts()]
        power = min(ends, key=limited.value)
    for _ in range(MOST_ROUNDS):
        tangent = limited.tangent(power)
        try:
            found = await scheduler.ask(tangent, tolerance, power)
        except AllocationError:
            break
        if np.abs(found.power - power).max() <= SAME * problem.budget:
            return tangent, limited.bounded(tangent, found)
        further = limited.towards(power, found.power)
        if further is None:
            break
        power = limited.descended(further, tolerance)
    return limited.tangent(power), limited.certified(power, tolerance)


@dataclass(frozen=True, eq=False)
class _Limited:
    """A problem and its links; powers have shape ``(n,)``, W."""

    problem: AllocationProblem
    links: LimitedLinks

    def tangent(self, power: Array) -> AllocationProblem:
        """The problem with the tangents at some powers."""
        given = self.problem
        ones = np.ones(given.n_nodes)
        known = given.known + at_power(self.links.stack(self.links.offset(power)), ones)
        stack = self.links.stack(self.links.slope(power))
        return AllocationProblem(known, stack, given.selector, given.energy, given.caps)

    def value(self, power: Array) -> float:
        """``f(p)``, m^2; infinite outside ``M(p) > 0``."""
        return self.tangent(power).value(power)

    def certified(self, power: Array, tolerance: float) -> Allocation:
        """Powers with their certificate."""
        tangent = self.tangent(power)
        found = certify(tangent, power, tolerance=tolerance, solver=interior_point.NAME, iterations=0, seconds=0.0)
        return self.bounded(tangent, found)

    def bounded(self, tangent: AllocationProblem, found: Allocation) -> Allocation:
        """The allocation of the tangent problem at its powers with a bound that holds for the problem itself."""
        if self.links.definite or not np.isfinite(found.value) or found.lower_bound <= 0:
            return found
        more = _excess(self.links, tangent, found.power)
        # f^2 / bound is what the true information can add up to, see Batch.lower_bound
        return replace(found, lower_bound=1 / (1 / found.lower_bound + more / found.value**2))

    def starts(self) -> Iterator[Array]:
        """Powers inside the feasible set with ``M(p) > 0`` to start from: one, or several where minima can be local.

        Raises
        ------
        AllocationError
            If there are none.
        """
        even = self._lowered(0.9 * self.problem.spread())
        if even is None:
            raise AllocationError(NO_OPTIMUM)
        yield even
        rng = np.random.default_rng(0)
        for _ in range(0 if self.links.definite else RANDOM_STARTS):
            shape = rng.dirichlet(np.ones(self.problem.n_nodes))
            start = self._lowered(self.problem.feasible(rng.uniform() * self.problem.budget * shape))
            if start is not None:
                yield start

    def _lowered(self, power: Array) -> Array | None:
        """Powers with ``M(p) > 0``; as :meth:`isal.allocation.batch.Batch.interior_start` lowers them."""
        best, lowest = None, np.inf
        lowered = self.problem.stack.indefinite()[0]
        for _ in range(60):
            tried = self.value(power)
            if tried < lowest:
                best, lowest = power, tried
            elif np.isfinite(lowest):
                break
            if not lowered.any():
                break
            power = np.where(lowered, 0.5, 1.0) * power
        return best

    def descended(self, start: Array, tolerance: float) -> Array:
        """Powers near a local minimum, the minimum where the problem is convex, by Newton's method."""
        # a node that may not transmit is no variable, and a start is inside
        free = np.flatnonzero(self.problem.caps > 0)
        power = 0.99 * start + 0.01 * self.problem.spread(0.9)
        inside = (power if np.isfinite(self.value(power)) else start)[free]
        scaled = _ScaledLimited.around(self, free, inside)
        share, _ = interior_point.approached(
            scaled, inside[None] / self.problem.budget, np.array([interior_point.MARGIN * tolerance])
        )
        power = np.zeros(self.problem.n_nodes)
        power[free] = share[0] * self.problem.budget
        return self.problem.feasible(power)

    def towards(self, power: Array, other: Array) -> Array | None:
        """Powers on the way to others at which the value is lower; None if there are none."""
        value, by = self.value(power), 1.0
        for _ in range(MOST_HALVINGS):
            tried = power + by * (other - power)
            if self.value(tried) < value:
                return np.asarray(tried)
            by /= 2
        return None


@dataclass(frozen=True, eq=False)
class _ScaledLimited(Scaled):
    """What :class:`Scaled` is to a problem that is linear in the powers; a batch of one.

    ``scale``, shape ``(d,)``, are the units of its parameters and ``unit`` is the root of the value at the start.
    ``free`` are the nodes that may transmit.
    """

    limited: _Limited
    free: NDArray[np.intp]
    scale: Array
    unit: float

    #: Where jitter is all, any powers are near the optimum, and the gap says nothing of rounding.
    near: ClassVar[float] = 0.0

    @classmethod
    def around(cls, limited: _Limited, free: NDArray[np.intp], start: Array) -> _ScaledLimited:
        """Scaled so that M has a unit diagonal and f is one at the start, W, of the free nodes."""
        given = limited.problem
        power = np.zeros(given.n_nodes)
        power[free] = start
        tangent = limited.tangent(power)
        scale, unit = 1 / np.sqrt(np.diag(tangent.matrix(power))), np.sqrt(tangent.value(power))
        return cls(
            constant=(given.constant * np.outer(scale, scale))[None],
            stack=given.stack,
            selector=(given.selector * (scale[:, None] / unit))[None],
            caps=given.caps[None, free] / given.budget,
            precise=False,
            limited=limited,
            free=free,
            scale=scale,
            unit=float(unit),
        )

    def take(self, chosen: NDArray[Any]) -> _ScaledLimited:
        """There is but one problem."""
        return self

    def evaluate(self, share: Array) -> Evaluation:
        """As :meth:`Scaled.evaluate`, the slopes being those of the tangents, with the curvature of the links."""
        links, budget, n = self.limited.links, self.limited.problem.budget, share.shape[1]
        power = np.zeros(self.limited.problem.n_nodes)
        power[self.free] = share[0] * budget
        ones = np.ones((1, len(power)))
        whole = links.stack(links.value(power)).combine(ones)
        matrix = self.constant + whole * np.outer(self.scale, self.scale)
        inside, _ = factorised(matrix)
        matrix[~inside] = np.eye(matrix.shape[1])
        inverse = np.linalg.inv(matrix)
        columns = inverse @ self.selector
        value = np.where(inside, np.sum(self.selector * columns), np.inf)
        # in units of the links
        turned = self.scale[:, None] * columns
        pushed = links.stack(links.slope(power)).of_nodes(self.free).apply(turned)
        pushed = budget * self.scale[:, None] * pushed
        slope = np.einsum("Nik,Nmik->Nm", columns, pushed)
        bend = links.bend(power) * links.squares(turned[0]) * budget**2
        curvature = np.bincount(links.node, weights=bend, minlength=len(power))[None, self.free].astype(float)
        parts = (value, slope, value - np.sum(share * slope, axis=1), inverse, pushed)
        wall = (np.zeros(1), np.zeros((1, n)), np.zeros((1, n, n)))
        at = _Curved(*(each.astype(float, copy=False) for each in (*parts, *wall, np.zeros((1, n)))))
        if not links.definite and np.linalg.eigvalsh(at.hessian()[0] + np.diag(curvature[0]))[0] < 0:
            curvature = np.maximum(curvature, 0.0)  # keeps a direction of descent
        at.curvature = curvature
        return at


@dataclass(eq=False)
class _Curved(Evaluation):
    """An evaluation with the second derivative of f that each power has by itself, shape ``(N, n)``."""

    curvature: Array

    def hessian(self) -> Array:
        """With ``tr(Y' (-d2M / dp_m^2) Y)`` on the diagonal."""
        hessian = super().hessian()
        hessian[:, np.arange(self.curvature.shape[1]), np.arange(self.curvature.shape[1])] += self.curvature
        return hessian


def _excess(links: LimitedLinks, tangent: AllocationProblem, power: Array) -> float:
    """By how much more ``sum_l lambda_l(s) tr(Y' B_l Y)`` can be over the feasible s than its tangents at ``power``.

    With ``y_l = tr(Y' B_l Y)``, of either sign, ``u_l = 1 + v a_l p`` and ``g = 1 + v a_l s`` the information of node m
    is above its tangent by

        -v (s - p)^2 sum_l y_l a_l^2 / (u_l^2 g_l(s)).

    On each of many intervals of s that is bounded by taking every g_l where it counts more. With a price for power, any
    price, the nodes separate; it is that at which the tangents fill the budget.
    """
    columns = tangent.batch.columns(power[None])
    slope = tangent.batch.slope(columns)[0]
    weight = links.floor * links.squares(columns[0]) * links.slope(power) * links.per_watt
    order = np.argsort(-slope)
    spent = np.cumsum(tangent.caps[order])
    price = max(0.0, slope[order[min(int(np.searchsorted(spent, tangent.budget * (1 - SAME))), len(order) - 1)]])
    total = price * tangent.budget
    for node in np.flatnonzero(tangent.caps > 0).tolist():
        cap = float(tangent.caps[node])
        ends = np.unique(
            np.concatenate([cap * np.geomspace(1e-9, 1, PARTS), np.linspace(0, cap, PARTS), power[node : node + 1]])
        )
        own = links.node == node
        shrink = 1 / (1 + links.floor * links.per_watt[own] * ends[:, None])
        positive, negative = (np.maximum(sign * weight[own], 0.0) for sign in (1, -1))
        above = shrink[:-1] @ negative - shrink[1:] @ positive
        square = np.maximum((ends[:-1] - power[node]) ** 2, (ends[1:] - power[node]) ** 2)
        nearest = np.minimum((ends[:-1] - power[node]) ** 2, (ends[1:] - power[node]) ** 2)
        # what is above counts at its most, what is below at its least
        exceeding = np.where(above > 0, square, nearest) * above
        linear = np.maximum((slope[node] - price) * ends[:-1], (slope[node] - price) * ends[1:])
        total += max(0.0, float(np.max(linear + exceeding)))
    linear_alone = largest_over_feasible(slope[None], np.array([tangent.budget]), tangent.caps[None])[0]
    return max(0.0, total - float(linear_alone))
