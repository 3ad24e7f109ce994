"""Primal-dual Newton on the powers themselves, for any number of problems of one shape at a time.

With ``q`` the powers as shares of the budget, the optimum of ``f(q)`` over ``0 <= q <= c``, ``sum q <= 1`` satisfies

    -h(q) - z + w + y = 0,   z q = 0,   w (c - q) = 0,   y (1 - sum q) = 0,   z, w, y >= 0,

where ``h_m = tr(Y' B_m Y)`` and ``Y = M(q)^-1 C``. Every product is driven to ``mu`` instead of zero, the Newton
step is reduced to one symmetric system of the size of the number of nodes, and ``mu`` follows the products down. M is
never a variable, so a singular limit or powers that vanish at the optimum need nothing special, and mostly the iterates
keep ``M > 0`` by themselves. With an indefinite ``B_m`` that boundary can be a steep wall along which f has a long
valley; what is not certified at once is solved again with a barrier in front of it. A problem leaves the batch when its
certified gap meets the tolerance, so the certificate is the stopping rule.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from isal.allocation.batch import Batch, batches, factorised, largest_over_feasible, refined
from isal.allocation.certificate import Allocation, certify_all
from isal.allocation.problem import NO_OPTIMUM, AllocationProblem
from isal.errors import AllocationError
from isal.matrices import Stack

NAME = "interior-point"

#: In double and in extended precision.
MOST_ITERATIONS = 30, 60

#: Double precision allows no better gap where it is below NEAR and has not fallen for so many iterations.
NEAR, PATIENCE = 1e-4, 3

#: Gap to reach as a share of the one asked for: the certificate that counts is computed anew, in other units, and
#: where M is nearly singular rounding alone makes a difference of 1e-9.
MARGIN = 0.2

#: How far a step may go towards the boundary.
TO_THE_BOUNDARY = 0.995

#: Decrease that a step must reach, as a share of what the slope promises, and how often it may be halved.
SUFFICIENT_DECREASE = 1e-4
MOST_HALVINGS = 12

#: Added to the unit diagonal of Newton systems if one of them is singular by rounding.
RIDGE = 1e-12

#: First product of a power and its multiplier, in units of the value at the start, and by what share of their mean the
#: products are to shrink after a step longer than 0.9, longer than 0.5, or shorter.
FIRST_MU = 0.03
CENTRING = (0.02, 0.1, 0.4)

#: With a barrier in front of the boundary of ``M > 0`` the products shrink no faster than to this share of the
#: certified gap, or to that share of what they were after a long step.
WALL_MU = 0.02
WALL_CENTRING = 0.3

Array = NDArray[np.float64]


def version() -> str:
    """Version of what does the linear algebra, for records."""
    return f"numpy {np.__version__}"


def solve(problem: AllocationProblem, tolerance: float) -> Allocation:
    """Minimise until the certified gap is at most ``tolerance``; ``status`` says whether it was reached.

    Raises
    ------
    AllocationError
        If the problem has no finite optimum.
    """
    (found,) = solve_all([problem], [tolerance])
    if isinstance(found, AllocationError):
        raise found
    return found


def solve_all(problems: Sequence[AllocationProblem], tolerances: Sequence[float]) -> list[Allocation | AllocationError]:
    """:func:`solve` for many problems of any shapes, those of one shape together; errors stand in the place of theirs.

    ``seconds`` of an allocation is its share of the time that its batch took.
    """
    results: list[Allocation | AllocationError] = [AllocationError(NO_OPTIMUM)] * len(problems)
    for indices in batches(problems):
        began = time.perf_counter()
        batch = Batch.of([problems[index] for index in indices])
        limits = np.array([tolerances[index] for index in indices])
        start = batch.interior_start()
        solvable = np.flatnonzero(~np.isnan(start[:, 0]))
        if len(solvable) < len(indices):
            batch, start, limits = batch.take(solvable), start[solvable], limits[solvable]
        if not len(solvable):
            continue
        power, iterations = minimise(batch, start, MARGIN * limits)
        seconds = (time.perf_counter() - began) / len(indices)
        found = certify_all(batch, power, limits.tolist(), NAME, iterations, seconds)
        left = np.flatnonzero([allocation.status != "optimal" for allocation in found])
        if len(left):
            part = batch.take(left)
            power, more = minimise(part, start[left], MARGIN * limits[left], precise=True)
            seconds = (time.perf_counter() - began) / len(indices)
            better = certify_all(part, power, limits[left].tolist(), NAME, iterations[left] + more, seconds)
            for index, allocation in zip(left, better, strict=True):
                found[index] = min(found[index], allocation, key=lambda each: each.gap)
        for index, allocation in zip(solvable, found, strict=True):
            results[indices[index]] = allocation
    return results


@dataclass(frozen=True, eq=False)
class Scaled:
    """A batch in which M has a unit diagonal and f is one at the start, with powers as shares of the budget."""

    constant: Array
    stack: Stack
    selector: Array
    caps: Array
    precise: bool

    #: See the constant of that name.
    near: ClassVar[float] = NEAR

    @classmethod
    def of(cls, batch: Batch, start: Array, precise: bool) -> Scaled:
        scale = 1 / np.sqrt(np.einsum("Nii->Ni", batch.matrix(start)))
        unit = np.sqrt(batch.value(batch.columns(start)))
        return cls(
            constant=batch.constant * (scale[:, :, None] * scale[:, None, :]),
            stack=batch.stack.scaled(scale, batch.budget),
            selector=batch.selector * (scale[:, :, None] / unit[:, None, None]),
            caps=batch.caps / batch.budget[:, None],
            precise=precise,
        )

    def take(self, chosen: NDArray[Any]) -> Scaled:
        return replace(
            self,
            constant=self.constant[chosen],
            stack=self.stack.take(chosen),
            selector=self.selector[chosen],
            caps=self.caps[chosen],
        )

    def evaluate(self, share: Array) -> Evaluation:
        matrix = self.constant + self.stack.combine(share)
        inside, factors = factorised(matrix)
        matrix[~inside] = np.eye(matrix.shape[1])
        inverse = np.asarray(np.linalg.inv(matrix), dtype=float)
        columns = inverse @ self.selector
        if self.precise:
            columns = refined(self.constant, self.stack, share, self.selector, columns, lambda right: inverse @ right)
        value = np.einsum("Nik,Nik->N", self.selector, columns)
        pushed = self.stack.apply(columns)
        slope = np.einsum("Nik,Nmik->Nm", columns, pushed)
        fixed = np.einsum("Nik,Nik->N", columns, self.constant @ columns)
        value = np.where(inside, value, np.inf)
        n_problems, n = share.shape
        barrier = (np.zeros(n_problems), np.zeros((n_problems, n)), np.zeros((n_problems, n, n)))
        if self.precise:
            turned = self.stack.apply(inverse)
            barrier = (
                -2 * np.log(np.einsum("Nii->Ni", factors)).sum(axis=1),
                -np.einsum("Nmii->Nm", turned),
                np.einsum("Nmij,Nlji->Nml", turned, turned, optimize=True),
            )
        parts = (value, slope, fixed, inverse, pushed, *barrier)
        return Evaluation(*(each.astype(float, copy=False) for each in parts))

    def gap(self, at: Evaluation) -> Array:
        """Certified relative gap, shape ``(N,)``; see :meth:`isal.allocation.batch.Batch.lower_bound`."""
        return 1 - at.value / (at.fixed + largest_over_feasible(at.slope, np.ones(len(self.caps)), self.caps))


@dataclass(eq=False)
class Fields:
    """Arrays with a common leading axis over problems."""

    def take(self, chosen: NDArray[Any]) -> Self:
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def put(self, indices: NDArray[np.intp], part: Self) -> None:
        for field in fields(self):
            getattr(self, field.name)[indices] = getattr(part, field.name)


@dataclass(eq=False)
class Evaluation(Fields):
    """``f`` (infinite outside ``M > 0``), ``h``, ``tr(Y' M0 Y)``, ``M^-1`` and ``B_m Y`` at some powers.

    ``wall`` is ``-log det M``, with its gradient and Hessian, in extended precision, and zero otherwise.
    """

    value: Array
    slope: Array
    fixed: Array
    inverse: Array
    pushed: Array
    wall: Array
    wall_gradient: Array
    wall_hessian: Array

    def hessian(self) -> Array:
        """``2 tr(Y' B_m M^-1 B_l Y)``, shape ``(N, n, n)``."""
        n_problems, n, d, k = self.pushed.shape
        solved = (self.inverse @ self.pushed.transpose(0, 2, 1, 3).reshape(n_problems, d, n * k)).reshape(
            n_problems, d, n, k
        )
        across = solved.transpose(0, 2, 1, 3).reshape(n_problems, n, d * k)
        hessian: Array = 2 * self.pushed.reshape(n_problems, n, d * k) @ across.transpose(0, 2, 1)
        return hessian


@dataclass(eq=False)
class _Iterate(Fields):
    """Powers ``share`` of the budget, what they leave of the caps and of the budget, and the multipliers of each.

    What is left is carried along: as differences of nearly equal numbers it would lose the digits that the last
    iterations are about.
    """

    share: Array
    slack: Array
    unspent: Array
    lower: Array
    upper: Array
    budget: Array

    def complementarity(self) -> Array:
        """Mean of the products that vanish at the optimum, shape ``(N,)``."""
        products = (self.lower * self.share).sum(axis=1) + (self.upper * self.slack).sum(axis=1)
        mean: Array = (products + self.budget * self.unspent) / (2 * self.share.shape[1] + 1)
        return mean

    def merit(self, at: Evaluation, mu: Array) -> Array:
        """Barrier function of the primal problem."""
        with np.errstate(divide="ignore", invalid="ignore"):  # on the boundary by rounding: a step that is not taken
            logs = np.log(self.share).sum(axis=1) + np.log(self.slack).sum(axis=1) + np.log(self.unspent)
        merit: Array = at.value + mu * (at.wall - logs)
        return merit

    def moved(self, step: Array, by: Array) -> _Iterate:
        """The iterate with powers moved by ``step`` times ``by``; the multipliers stay."""
        change = step[:, None] * by
        return replace(
            self,
            share=self.share + change,
            slack=self.slack - change,
            unspent=self.unspent - change.sum(axis=1),
        )


def minimise(batch: Batch, start: Array, tolerance: Array, precise: bool = False) -> tuple[Array, NDArray[np.intp]]:
    """Powers (W, shape ``(N, n)``) whose certified gap is at most ``tolerance`` (shape ``(N,)``), and iterations.

    ``start`` are powers inside the feasible set with ``M(p) > 0``. A problem that does not get there in
    :data:`MOST_ITERATIONS`, or that rounding stops, keeps the best powers that it met. The latter happens where M is
    nearly singular; ``precise`` evaluates f and its gradient in extended precision, and keeps off the boundary of
    ``M > 0`` by ``-mu log det M``, at several times the cost.
    """
    share, iterations = approached(Scaled.of(batch, start, precise), start / batch.budget[:, None], tolerance)
    return share * batch.budget[:, None], iterations


def approached(problem: Scaled, share: Array, tolerance: Array) -> tuple[Array, NDArray[np.intp]]:
    """:func:`minimise` in shares of the budget, shape ``(N, n)``, for whatever ``problem`` evaluates to."""
    precise = problem.precise
    at = problem.evaluate(share)
    # a cap that the budget makes redundant must not hold anything back
    slack = np.where(problem.caps < 1, problem.caps, 2.0) - share
    unspent = 1 - share.sum(axis=1)
    mu = np.full(len(share), FIRST_MU)
    now = _Iterate(share, slack, unspent, mu[:, None] / share, mu[:, None] / slack, mu / unspent)

    reached, iterations = share.copy(), np.zeros(len(share), dtype=np.intp)
    least, latest = np.full(len(share), np.inf), np.zeros(len(share), dtype=np.intp)
    active, length, before = np.arange(len(share)), np.ones(len(share)), np.full(len(share), np.inf)
    for iteration in range(MOST_ITERATIONS[precise] + 1):
        gap, iterations[active] = problem.gap(at), iteration
        latest[active[gap < 0.9 * least[active]]] = iteration
        better = gap < least[active]
        reached[active[better]], least[active[better]] = now.share[better], gap[better]
        # after a step that was too long for a small power the gap jumps, and falls again
        falling = gap < 0.9 * before
        stalled = (gap < problem.near) & (iteration - latest[active] >= PATIENCE) & ~falling & (not precise)
        going = (gap > tolerance[active]) & (length > 0) & ~stalled
        if not going.any():
            break
        if not going.all():
            active, problem, now, at, mu, gap = (
                active[going],
                problem.take(going),
                now.take(going),
                at.take(going),
                mu[going],
                gap[going],
            )
        now, at, length = _newton(problem, now, at, mu)
        slower = np.minimum(mu * np.where(length > 0.9, WALL_CENTRING, 1.0), WALL_MU * problem.gap(at) * at.value)
        before, mu = gap, now.complementarity() * np.select([length > 0.9, length > 0.5], CENTRING[:2], CENTRING[2])
        if precise:
            # the products say nothing of the distance to the boundary of M > 0, the gap does
            mu = np.maximum(mu, slower)
    return reached, iterations


def _newton(problem: Scaled, now: _Iterate, at: Evaluation, mu: Array) -> tuple[_Iterate, Evaluation, Array]:
    """One Newton step towards products of ``mu``; also returns its length, shape ``(N,)``."""
    towards = mu[:, None]
    n = now.share.shape[1]
    gradient = towards / now.slack - towards / now.share + (mu / now.unspent)[:, None] - at.slope
    gradient += towards * at.wall_gradient
    system = at.hessian() + (now.budget / now.unspent)[:, None, None] + mu[:, None, None] * at.wall_hessian
    system[:, np.arange(n), np.arange(n)] += now.lower / now.share + now.upper / now.slack
    change = -solution_of(system, gradient)
    spent = change.sum(axis=1)
    lower = (towards - now.lower * change) / now.share - now.lower
    upper = (towards + now.upper * change) / now.slack - now.upper
    budget = (mu + now.budget * spent) / now.unspent - now.budget
    dual = longest(np.concatenate([lower / now.lower, upper / now.upper, (budget / now.budget)[:, None]], axis=1))
    primal = longest(np.concatenate([change / now.share, -change / now.slack, (-spent / now.unspent)[:, None]], axis=1))

    merit = now.merit(at, mu)
    promised = SUFFICIENT_DECREASE * (gradient * change).sum(axis=1)
    following, there = now.moved(primal, change), at
    trying = np.arange(len(mu))
    for halving in range(MOST_HALVINGS):
        tried = problem.take(trying) if halving else problem
        part = now.take(trying).moved(primal[trying], change[trying]) if halving else following
        evaluation = tried.evaluate(part.share)
        allowed = merit[trying] + primal[trying] * promised[trying] + 1e-12 * np.abs(merit[trying])
        good = part.merit(evaluation, mu[trying]) <= allowed
        if halving == 0:
            there = evaluation
        else:
            following.put(trying[good], part.take(good))
            there.put(trying[good], evaluation.take(good))
        trying = trying[~good]
        if not len(trying):
            break
        primal[trying] /= 2
    else:
        # the line search failed at rounding level; keep the iterate
        primal[trying] = 0.0
        following.put(trying, now.take(trying))
        there.put(trying, at.take(trying))
    following.lower = now.lower + dual[:, None] * lower
    following.upper = now.upper + dual[:, None] * upper
    following.budget = now.budget + dual * budget
    return following, there, np.minimum(primal, dual)


def solution_of(system: Array, right: Array) -> Array:
    """``system^-1 right`` for symmetric positive definite matrices, shape ``(N, n)``."""
    try:
        return np.asarray(np.linalg.solve(system, right[:, :, None])[:, :, 0], dtype=float)
    except np.linalg.LinAlgError:
        # singular by rounding, in one of them; the others must not notice
        if len(system) > 1:
            halves = zip(np.array_split(system, 2), np.array_split(right, 2), strict=True)
            return np.concatenate([solution_of(*half) for half in halves])
        unit = 1 / np.sqrt(np.einsum("Nmm->Nm", system))
        scaled = system * (unit[:, :, None] * unit[:, None, :]) + RIDGE * np.eye(system.shape[1])
        return np.asarray(np.linalg.solve(scaled, (unit * right)[:, :, None])[:, :, 0] * unit, dtype=float)


def longest(relative_changes: Array) -> Array:
    """Largest step, at most one, that keeps positive what would change by these shares of itself; shape ``(N,)``."""
    steepest = -relative_changes.min(axis=1)
    return np.minimum(1.0, TO_THE_BOUNDARY / np.maximum(steepest, TO_THE_BOUNDARY))
