"""Primal-dual Newton on the powers for several goals, for any number of problems of one shape at a time.

``1 / f_k`` is concave in the powers (``f_k`` is convex in M and homogeneous of degree -1), and nearly linear: without a
prior and with one parameter it is linear. So "worst" is solved as

    maximise t   subject to   eps_k / f_k(p) >= t,

"energy" with 1 in the place of t, and "sum" as it stands. Iterates are strictly feasible, as in
:mod:`isal.allocation.solvers.interior_point`, whose rules for step lengths and for ``mu`` serve here; the certificate
is the stopping rule. "energy" starts from powers that meet all requirements; where even powers don't, the best "worst"
says whether any do.

With many goals few hold the optimum back. They are solved for a few, the worst of the others join, and so on: a bound
for a few holds for all. A largest eigenvalue is the worst of infinitely many directions, of which a few matter.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isal.allocation.batch import LARGEST_BATCH, MOST_ENTRIES, factorised, refined
from isal.allocation.goals import (
    Answer,
    Goal,
    GoalsAllocation,
    GoalsProblem,
    Parts,
    Terms,
    certify_all,
    evaluate,
    pointed,
)
from isal.allocation.problem import NO_OPTIMUM
from isal.allocation.progress import Progress
from isal.allocation.region import Region
from isal.allocation.solvers.interior_point import (
    CENTRING,
    FIRST_MU,
    MARGIN,
    MOST_HALVINGS,
    SUFFICIENT_DECREASE,
    Fields,
    longest,
    solution_of,
)
from isal.errors import AllocationError, InfeasibleError
from isal.matrices import DenseStack, Stack

Array = NDArray[np.float64]

NAME = "interior-point"

#: In double and in extended precision.
MOST_ITERATIONS = 50, 80

#: What rounding may add to the merit of a step, which holds the logarithms of small differences, likewise.
NOISE = 1e-10, 1e-7

#: Requirements are tightened by this share of the tolerance, so that rounding can't break them.
TIGHTER = 0.1

#: A problem of more goals is solved for so many of them first, and each round adds at most so many.
MOST_AT_ONCE = 16
FIRST_GOALS, MORE_GOALS = 4, 4
MOST_ROUNDS = 60

#: What a round of a few goals must reach, as a share of the tolerance, and by what share of it its requirements are
#: tightened, so that the others, met to that share, are met for certain.
ROUND = 0.3

#: What rounding may have done to the powers that "energy" starts from where there is little to spare.
SURE = 1e-6

#: "energy" starts where all requirements are met by this factor, or, if that can't be had, by any.
ROOMY = 2.0
ENOUGH = 1.05


@dataclass(frozen=True, eq=False)
class _Scaled:
    """Problems in which every M has a unit diagonal at the start, powers are shares of those, values near one.

    ``worth`` is what is minimised at the start, in the units of the problem, shape ``(N,)``.
    """

    terms: Terms
    constant: Array
    stack: Stack
    selector: Array
    owner: Array
    constraints: Array
    slack: Array
    precise: bool
    worth: Array

    @classmethod
    def of(cls, problems: Sequence[GoalsProblem], start: Array, precise: bool) -> _Scaled:
        """Scaled at ``start``, W, shape ``(N, n)``, strictly inside."""
        matrices, owner = _layout(problems[0])
        chosen = [[problem.goals[index] for index in matrices] for problem in problems]
        flat = [goal for each in chosen for goal in each]
        columns = np.array([_columns(problem, matrices, owner) for problem in problems])
        terms, unit = Terms.of(problems), start.sum(axis=1)
        constant, stack = np.array([goal.known.matrix for goal in flat]), DenseStack.of([goal.stack for goal in flat])
        matrix = constant + stack.combine(np.repeat(start, len(matrices), axis=0))
        scale = 1 / np.sqrt(np.einsum("Nii->Ni", matrix))
        selector = columns.reshape(len(flat), *columns.shape[2:]) * scale[:, :, None]
        region = terms.region
        capped = np.isfinite(region.caps) & (region.caps <= region.reach)
        caps = np.where(capped, region.caps, 0.0) / unit[:, None]
        # constraints of nodes that may not transmit anyway have nothing left in them
        bound = np.where(region.at_most > 0, region.at_most, 1.0)
        rows = np.where((region.at_most > 0)[:, :, None] | (region.rows < 0), region.rows, 0.0)
        rows = rows * unit[:, None, None] / bound[:, :, None]
        n = start.shape[1]
        share = start / unit[:, None]
        used = np.einsum("Nrn,Nn->Nr", rows, share)
        slack = [share, np.where(capped, caps - share, 1.0), np.where(region.at_most > 0, 1.0, 0.0) - used]
        slack[2] = np.where((region.at_most == 0) & (used == 0), 1.0, slack[2])
        constraints = [np.broadcast_to(-np.eye(n), (len(share), n, n)), capped[:, :, None] * np.eye(n), rows]
        scaled = Region(region.caps / unit[:, None], region.rows * unit[:, None, None], region.at_most)
        problem = cls(
            Terms(terms.kind, terms.levels, terms.cost * unit[:, None], scaled),
            constant * (scale[:, :, None] * scale[:, None, :]),
            stack.scaled(scale, np.repeat(unit, len(matrices))),
            selector,
            owner,
            np.concatenate(constraints, axis=1),
            np.concatenate(slack, axis=1),
            precise,
            unit,
        )
        value, cost = problem.evaluate(share).value, problem.terms.cost
        levels = terms.levels
        if terms.kind == "sum":
            worth = (levels * value).sum(axis=1)
            levels = levels / worth[:, None]
        elif terms.kind == "worst":
            worth = (value / levels).max(axis=1)
            levels = levels * worth[:, None]
        else:
            worth = (cost * share).sum(axis=1)
            cost = cost / worth[:, None]
        return replace(problem, terms=Terms(terms.kind, levels, cost, scaled), worth=worth)

    @property
    def has_level(self) -> bool:
        """Whether t is a variable."""
        return self.terms.kind == "worst"

    @property
    def matrices(self) -> int:
        return len(self.owner)

    def take(self, chosen: NDArray[Any]) -> _Scaled:
        numbers = np.arange(len(self.slack))[chosen]
        flat = (numbers[:, None] * self.matrices + np.arange(self.matrices)).ravel()
        return replace(
            self,
            terms=self.terms.take(numbers),
            constant=self.constant[flat],
            stack=self.stack.take(flat),
            selector=self.selector[flat],
            constraints=self.constraints[numbers],
            slack=self.slack[numbers],
            worth=self.worth[numbers],
        )

    def evaluate(self, share: Array) -> _Evaluation:
        power = np.repeat(share, self.matrices, axis=0)
        matrix = self.constant + self.stack.combine(power)
        inside, _ = factorised(matrix)
        matrix[~inside] = np.eye(matrix.shape[1])
        inverse = np.asarray(np.linalg.inv(matrix), dtype=float)
        columns = inverse @ self.selector
        if self.precise:
            columns = refined(self.constant, self.stack, power, self.selector, columns, lambda right: inverse @ right)
        pushed = self.stack.apply(columns)
        value = self._of_goals(np.einsum("Niq,Niq->Nq", self.selector, columns)[:, :, None])[:, :, 0]
        fixed = self._of_goals(np.einsum("Niq,Niq->Nq", columns, self.constant @ columns)[:, :, None])[:, :, 0]
        slope = self._of_goals(np.einsum("Niq,Nmiq->Nqm", columns, pushed))
        value[~np.asarray(inside.reshape(-1, self.matrices).all(axis=1))] = np.inf
        parts = (value, fixed, slope, self._per_problem(inverse), self._per_problem(pushed))
        return _Evaluation(*(each.astype(float, copy=False) for each in parts))

    def _per_problem(self, each: Array) -> Array:
        return each.reshape(-1, self.matrices, *each.shape[1:])

    def _of_goals(self, per_column: Array) -> Array:
        """Sums over the columns of each goal: from shape ``(N S, q, n)`` to ``(N, K, n)``."""
        columns = per_column.reshape(len(per_column) // self.matrices, -1, per_column.shape[2])
        owned: Array = self.owner.reshape(columns.shape[1], -1).T @ columns
        return owned

    def hessian(self, at: _Evaluation, weights: Array) -> Array:
        """``sum_k w_k 2 tr(Y_k' B_m M_k^-1 B_l Y_k)``, shape ``(N, n, n)``, for weights of shape ``(N, K)``."""
        n_problems, n_matrices, n, d, q = at.pushed.shape
        per_column = (weights @ self.owner.reshape(-1, weights.shape[1]).T).reshape(n_problems, n_matrices, q)
        right = at.pushed.transpose(0, 1, 3, 2, 4).reshape(n_problems, n_matrices, d, n * q)
        pushed = (at.inverse @ right).reshape(n_problems, n_matrices, d, n, q) * per_column[:, :, None, None, :]
        across = pushed.transpose(0, 3, 1, 2, 4).reshape(n_problems, n, -1)
        own = at.pushed.transpose(0, 2, 1, 3, 4).reshape(n_problems, n, -1)
        hessian: Array = 2 * own @ across.transpose(0, 2, 1)
        return hessian

    def merits(self, at: _Evaluation) -> tuple[Array, Array]:
        """``eps_k / f_k`` and its gradient, shapes ``(N, K)`` and ``(N, K, n)``; none of either for "sum"."""
        if self.terms.kind == "sum":
            return at.value[:, :0], at.slope[:, :0]
        merit = self.terms.levels / at.value
        return merit, (merit / at.value)[:, :, None] * at.slope

    def objective(self, at: _Evaluation, share: Array, level: Array) -> Array:
        """What is minimised, shape ``(N,)``."""
        if self.terms.kind == "sum":
            return np.asarray((self.terms.levels * at.value).sum(axis=1))
        return -level if self.has_level else np.asarray((self.terms.cost * share).sum(axis=1))

    def gradient(self, at: _Evaluation) -> Array:
        """Of the objective by the powers, shape ``(N, n)``."""
        if self.terms.kind == "sum":
            return -np.asarray(np.einsum("Nk,Nkn->Nn", self.terms.levels, at.slope))
        return np.zeros_like(self.terms.cost) if self.has_level else self.terms.cost

    def curvature(self, at: _Evaluation, multipliers: Array) -> Array:
        """Hessian of the Lagrangian, shape ``(N, n, n)``."""
        if self.terms.kind == "sum":
            return self.hessian(at, self.terms.levels)
        weights = multipliers * self.terms.levels / at.value**2
        return self.hessian(at, weights) - _squares(at.slope, 2 * weights / at.value)

    def multipliers(self, at: _Evaluation, now: _Iterate) -> tuple[Array, Array]:
        """``mu`` and ``dual`` of the lower bound in these units, see :class:`isal.allocation.goals.Terms`."""
        levels, n_rows = self.terms.levels, self.terms.region.rows.shape[1]
        at_most = self.terms.region.at_most
        dual = now.rows[:, now.rows.shape[1] - n_rows :] / np.where(at_most > 0, at_most, 1.0)
        if self.terms.kind == "sum":
            return levels, dual
        weights = now.goals * levels / at.value**2
        if self.has_level:
            total = (weights * levels).sum(axis=1, keepdims=True)
            return weights * levels / total, dual / total
        return weights, dual

    def gap(self, at: _Evaluation, now: _Iterate) -> Array:
        """Certified relative gap, shape ``(N,)``."""
        parts = Parts(at.value, at.value, at.fixed, at.slope, np.zeros_like(at.value))
        value, _ = self.terms.value(parts, now.share)
        bound = self.terms.lower_bound(parts, *self.multipliers(at, now), value)
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(value), 1 - bound / value, 1.0)


@dataclass(eq=False)
class _Evaluation(Fields):
    """``f_k`` (infinite outside ``M > 0``), ``a_k``, ``h_km``, and ``M^-1`` and ``B_m Y`` of each matrix."""

    value: Array
    fixed: Array
    slope: Array
    inverse: Array
    pushed: Array


@dataclass(eq=False)
class _Iterate(Fields):
    """Powers and t, what they leave of the constraints and of the goals, and the multipliers of each.

    What is left of the constraints is carried along: as differences of nearly equal numbers it would lose digits.
    """

    share: Array
    level: Array
    slack: Array
    margin: Array
    rows: Array
    goals: Array

    def complementarity(self) -> Array:
        """Mean of the products that vanish at the optimum, shape ``(N,)``."""
        products = (self.rows * self.slack).sum(axis=1) + (self.goals * self.margin).sum(axis=1)
        return np.asarray(products / (self.rows.shape[1] + self.goals.shape[1]))


def minimise(
    problems: Sequence[GoalsProblem], start: Array, tolerance: Array, *, precise: bool = False, enough: float = np.inf
) -> tuple[Array, Array, Array, NDArray[np.intp]]:
    """Powers, W, their multipliers ``mu`` and ``dual``, and iterations, of problems of one shape.

    ``start`` are powers inside the feasible set, W, shape ``(N, n)``, that meet every requirement with some to spare. A
    problem of kind "worst" also ends where every goal is below its level by the factor ``enough``.
    """
    problem = _Scaled.of(problems, start, precise)
    unit = start.sum(axis=1)
    share, n_problems = start / unit[:, None], len(start)
    at = problem.evaluate(share)
    merit, _ = problem.merits(at)
    level = 0.8 * merit.min(axis=1) if problem.has_level else 1 + TIGHTER * tolerance
    mu = np.full(n_problems, FIRST_MU)
    margin = merit - level[:, None]
    slack = problem.slack
    now = _Iterate(share, level, slack, margin, mu[:, None] / slack, mu[:, None] / margin)
    wanted = np.full(n_problems, np.inf)
    if problem.has_level and np.isfinite(enough):
        wanted = enough * (problem.terms.levels / Terms.of(problems).levels)[:, 0]
    found, (mus, duals) = start.copy(), (each.copy() for each in problem.multipliers(at, now))
    least, iterations = np.full(n_problems, np.inf), np.zeros(n_problems, dtype=np.intp)
    active, length, progress = np.arange(n_problems), np.ones(n_problems), Progress()
    for iteration in range(MOST_ITERATIONS[precise] + 1):
        gap, iterations[active] = problem.gap(at, now), iteration
        better = (gap < least[active]) | (iteration == 0)
        improved = active[better]
        found[improved] = (now.share * unit[active, None])[better]
        least[improved] = gap[better]
        multipliers, dual = problem.multipliers(at, now)
        mus[improved] = (multipliers * (problem.worth[:, None] if problem.terms.kind == "energy" else 1.0))[better]
        duals[improved] = (dual * problem.worth[:, None])[better]
        going = (gap > tolerance[active]) & (length > 0)
        if problem.has_level and np.isfinite(enough):
            going &= problem.merits(at)[0].min(axis=1) < wanted[active]
        if not going.any():
            break
        if not going.all():
            active, problem, now, at, mu = (
                active[going],
                problem.take(going),
                now.take(going),
                at.take(going),
                mu[going],
            )
        progress.tell("iteration %d: %d problems left, gap up to %.1g", iteration, len(active), gap.max())
        now, at, length = _newton(problem, now, at, mu)
        mu = now.complementarity() * np.select([length > 0.9, length > 0.5], CENTRING[:2], CENTRING[2])
    return found, mus, duals, iterations


def _newton(problem: _Scaled, now: _Iterate, at: _Evaluation, mu: Array) -> tuple[_Iterate, _Evaluation, Array]:
    """One Newton step towards products of ``mu``; also returns its length, shape ``(N,)``."""
    towards, sides = mu[:, None], problem.constraints
    _, gradients = problem.merits(at)
    stiff, pull = now.rows / now.slack, now.goals / now.margin
    system = problem.curvature(at, now.goals)
    system = system + _squares(sides, stiff) + _squares(gradients, pull)
    right = np.einsum("Nkm,Nk->Nm", gradients, towards / now.margin) - problem.gradient(at)
    right -= np.einsum("Nrm,Nr->Nm", sides, towards / now.slack)
    if problem.has_level:
        cross = -np.einsum("Nkm,Nk->Nm", gradients, pull)
        last = np.concatenate([cross, pull.sum(axis=1, keepdims=True)], axis=1)
        system = np.concatenate([np.concatenate([system, cross[:, None]], axis=1), last[:, :, None]], axis=2)
        right = np.concatenate([right, 1 - (towards / now.margin).sum(axis=1, keepdims=True)], axis=1)
    change = solution_of(system, right)
    n = now.share.shape[1]
    by, rise = change[:, :n], change[:, n:].sum(axis=1)
    used = np.einsum("Nrm,Nm->Nr", sides, by)
    gained = np.einsum("Nkm,Nm->Nk", gradients, by) - rise[:, None]
    rows = towards / now.slack - now.rows + stiff * used
    goals = towards / now.margin - now.goals - pull * gained
    dual = longest(np.concatenate([rows / now.rows, goals / now.goals], axis=1))
    primal = longest(np.concatenate([-used / now.slack, gained / now.margin], axis=1))
    promised = -SUFFICIENT_DECREASE * (right * change).sum(axis=1)

    def merit(problem: _Scaled, now: _Iterate, at: _Evaluation, mu: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):  # outside: a step that is not taken
            logs = np.log(now.slack).sum(axis=1) + np.log(now.margin).sum(axis=1)
        return np.asarray(problem.objective(at, now.share, now.level) - mu * logs)

    def moved(problem: _Scaled, now: _Iterate, chosen: NDArray[Any], step: Array) -> tuple[_Iterate, _Evaluation]:
        length = step[:, None]
        share, level = now.share + length * by[chosen], now.level + step * rise[chosen]
        at = problem.evaluate(share)
        margin = problem.merits(at)[0] - level[:, None]
        return replace(now, share=share, level=level, slack=now.slack - length * used[chosen], margin=margin), at

    before, trying = merit(problem, now, at, mu), np.arange(len(mu))
    following, there = moved(problem, now, trying, primal)
    tried, part, evaluation = problem, following, there
    straight = by, rise, used, primal
    for attempt in range(MOST_HALVINGS):
        allowed = before[trying] + primal[trying] * promised[trying] + NOISE[problem.precise] * np.abs(before[trying])
        good = merit(tried, part, evaluation, mu[trying]) <= allowed
        if part is not following:
            following.put(trying[good], part.take(good))
            there.put(trying[good], evaluation.take(good))
        trying = trying[~good]
        if not len(trying):
            break
        tried = problem.take(trying)
        if attempt == 0 and goals.shape[1]:
            # once more, with what the curvature of the goals took away: else steps along it get ever shorter
            bent = (part.margin - now.margin - primal[:, None] * gained)[trying] / primal[trying, None] ** 2
            bent = np.where(np.isfinite(bent).all(axis=1, keepdims=True), bent, 0.0)
            towards_bent = -np.einsum("Nkm,Nk->Nm", gradients[trying], pull[trying] * bent)
            if problem.has_level:
                towards_bent = np.append(towards_bent, (pull[trying] * bent).sum(axis=1, keepdims=True), axis=1)
            straight = by.copy(), rise.copy(), used.copy(), primal.copy()
            more = solution_of(system[trying], towards_bent)
            by[trying] += more[:, :n]
            rise[trying] += more[:, n:].sum(axis=1)
            used[trying] = np.einsum("Nrm,Nm->Nr", sides[trying], by[trying])
            left = np.einsum("Nkm,Nm->Nk", gradients[trying], by[trying]) - rise[trying, None] + bent
            changes = [-used[trying] / now.slack[trying], left / now.margin[trying]]
            primal[trying] = longest(np.concatenate(changes, axis=1))
        else:
            if attempt == 1 and goals.shape[1]:
                for each, original in zip((by, rise, used, primal), straight, strict=True):
                    each[trying] = original[trying]
            primal[trying] /= 2
        part, evaluation = moved(tried, now.take(trying), trying, primal[trying])
    else:
        # the line search failed at rounding level; keep the iterate
        primal[trying] = 0.0
        following.put(trying, now.take(trying))
        there.put(trying, at.take(trying))
    following.rows = now.rows + dual[:, None] * rows
    following.goals = now.goals + dual[:, None] * goals
    return following, there, np.minimum(primal, dual)


def _squares(rows: Array, weights: Array) -> Array:
    """``sum_r w_r a_r a_r'`` for rows of shape ``(N, R, n)``, shape ``(N, n, n)``."""
    weighted: Array = (rows * weights[:, :, None]).transpose(0, 2, 1)
    return weighted @ rows


# --- starts -----------------------------------------------------------------------------------------------------------


def _layout(problem: GoalsProblem) -> tuple[list[int], Array]:
    """The first goal of each matrix, and which goal owns which column of which matrix, shape ``(S, q, K)``."""
    place: dict[tuple[int, int], int] = {}
    first: list[int] = []
    columns: list[list[int]] = []
    for number, goal in enumerate(problem.goals):
        key = id(goal.known), id(goal.stack)
        if key not in place:
            place[key] = len(first)
            first.append(number)
            columns.append([])
        columns[place[key]] += [number] * goal.selector.shape[1]
    owner = np.zeros((len(first), max(map(len, columns)), len(problem.goals)))
    for matrix, owners in enumerate(columns):
        owner[matrix, np.arange(len(owners)), owners] = 1.0
    return first, owner


def _columns(problem: GoalsProblem, first: list[int], owner: Array) -> Array:
    """Selectors of all goals by matrix, filled up with zeros, shape ``(S, d, q)``."""
    columns = np.zeros((len(first), len(problem.goals[0].known), owner.shape[1]))
    for matrix in range(len(first)):
        own = np.flatnonzero(owner[matrix].any(axis=0))
        joined = np.concatenate([problem.goals[number].selector for number in own], axis=1)
        columns[matrix, :, : joined.shape[1]] = joined
    return columns


def _shape(problem: GoalsProblem, index: int) -> tuple[object, ...]:
    """Problems of equal shapes are solved side by side; a sparse one is alone."""
    first, owner = _layout(problem)
    stacks = [problem.goals[number].stack for number in first]
    alone = () if all(isinstance(stack, DenseStack) for stack in stacks) else (index,)
    if alone and len(first) > 1:
        raise AllocationError("several matrices of networks as large as these can not be solved together")
    return problem.kind, stacks[0].shape, owner.shape, owner.tobytes(), len(problem.rows), *alone


def _groups(problems: Sequence[GoalsProblem]) -> list[list[int]]:
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, problem in enumerate(problems):
        groups.setdefault(_shape(problem, index), []).append(index)
    found = []
    for group in groups.values():
        first, _ = _layout(problems[group[0]])
        n, d, _ = problems[group[0]].goals[0].stack.shape
        size = max(1, min(LARGEST_BATCH, MOST_ENTRIES // (n * d * d * len(first))))
        found += [group[start : start + size] for start in range(0, len(group), size)]
    return found


def _ratios(problems: Sequence[GoalsProblem], power: Array) -> Array:
    """Least ``eps_k / f_k`` of each problem, shape ``(N,)``; zero outside ``M > 0``."""
    flat = [goal for problem in problems for goal in problem.goals]
    counts = [len(problem.goals) for problem in problems]
    values = np.split(evaluate(flat, np.repeat(power, counts, axis=0)).value, np.cumsum(counts)[:-1])
    return np.array([(problem.levels / value).min() for problem, value in zip(problems, values, strict=True)])


def _start(problems: Sequence[GoalsProblem]) -> list[Array | AllocationError]:
    """Powers inside the feasible set that meet every requirement with some to spare, or why there are none."""
    region = Terms.of(problems).region
    if problems[0].kind != "energy":
        power = region.middle(np.full(len(problems), np.inf))
        finite = _ratios(problems, power) > 0
        for index in np.flatnonzero(~finite).tolist():
            finite[index] = _lower(problems[index], power[index])
        return [each if sound else AllocationError(NO_OPTIMUM) for each, sound in zip(power, finite, strict=True)]
    level = np.ones(len(problems))
    tried: list[list[float]] = [[] for _ in problems]
    power, ratio = region.middle(level), np.zeros(len(problems))
    widest = np.where(np.isfinite(region.reach), region.reach, np.inf).max(axis=1)
    open_ = list(range(len(problems)))
    for _ in range(40):
        part = region.take(np.array(open_))
        power[open_] = part.middle(level[open_])
        ratio[open_] = _ratios([problems[index] for index in open_], power[open_])
        for index in open_:
            tried[index].append(float(level[index]))
        low, high = ratio[open_] < ROOMY, ratio[open_] > 20 * ROOMY
        factor = np.clip(1.5 * ROOMY / np.maximum(ratio[open_], 1e-300), 1e-6, 1e6)
        moving = (low & (level[open_] < widest[open_]) & (level[open_] < 1e30)) | (high & (level[open_] > 1e-30))
        level[open_] *= np.where(low, np.maximum(factor, 2.0), factor)
        open_ = [index for index, move in zip(open_, moving.tolist(), strict=True) if move]
        if not open_:
            break
    for index in np.flatnonzero(ratio < ROOMY).tolist():
        if problems[index].has_prior:
            power[index], ratio[index] = _halfway(problems[index], tried[index])
    results: list[Array | AllocationError] = list(power)
    for index in np.flatnonzero(ratio > 20 * ROOMY).tolist():
        results[index] = AllocationError("the requirements are met without any power")
    tight = np.flatnonzero(ratio < ENOUGH).tolist()
    bounded = [index for index in tight if np.isfinite(region.reach[index]).all()]
    for index in set(tight) - set(bounded):
        if not ratio[index] > 1:
            results[index] = AllocationError(NO_OPTIMUM)
    for index, found in zip(bounded, _some_that_meet([problems[index] for index in bounded]), strict=True):
        results[index] = found
    return results


def _halfway(problem: GoalsProblem, levels: Sequence[float]) -> tuple[Array, float]:
    """Powers that meet requirements with half of what there is to spare, and by what factor they meet them.

    A prior can leave floors that no power lowers, so that "energy" may have little to spare. ``levels`` are those of
    even powers that were tried, W; what rounding makes of the largest of them counts for nothing.
    """
    middle = [problem.region.middle(np.full(1, level))[0] for level in sorted(levels)]
    parts = [evaluate(problem.goals, power) for power in middle]
    sure = [np.append(problem.levels / (part.value * (1 + part.rounding)), np.inf).min() for part in parts]
    ratios = np.array([ratio if part.rounding.max() < SURE else 0.0 for ratio, part in zip(sure, parts, strict=True)])
    best = ratios.max()
    chosen = int(np.argmax(ratios - 1 >= 0.5 * (best - 1))) if best > 1 else int(np.argmax(ratios))
    return middle[chosen], float(ratios[chosen])


def _lower(problem: GoalsProblem, power: Array) -> bool:
    """Lower the powers, in place, of nodes with an indefinite matrix ("held") until every ``M(p) > 0``, if it helps."""
    lowered = np.any([goal.stack.indefinite()[0] for goal in problem.goals], axis=0)
    for _ in range(60 if lowered.any() else 0):
        power[lowered] *= 0.5
        if _ratios([problem], power[None])[0] > 0:
            return True
    return False


def _some_that_meet(problems: Sequence[GoalsProblem]) -> list[Array | AllocationError]:
    """The same for requirements that even powers do not meet: from the best "worst", which can prove that none do."""
    if not problems:
        return []
    worst = [problem.changed(kind="worst") for problem in problems]
    tolerance = np.full(len(problems), 1e-7)
    results: list[Array | AllocationError] = []
    answers = _solve_plain(worst, tolerance, enough=ENOUGH)
    for problem, answer in zip(problems, answers, strict=True):
        if isinstance(answer, AllocationError):
            results.append(answer)
            continue
        best = _ratios([problem], answer.power[None])[0]
        middle = problem.region.middle(np.full(1, np.inf))[0]
        for share in (0.5, 0.2, 0.05, 1e-2, 1e-3, 1e-4, 1e-6, 0.0):  # the last is inside, too
            power = share * middle + (1 - share) * answer.power
            if _ratios([problem], power[None])[0] >= 1 + 0.5 * (best - 1):
                break
        if best > 1 + 1e-12:
            results.append(power)
            continue
        (proof,) = certify_all([answer], [1e-7], NAME, 0.0)
        results.append(_missed(problem, proof))
    return results


def _missed(problem: GoalsProblem, proof: GoalsAllocation) -> AllocationError:
    """What to say of requirements that the best powers found miss, or barely meet."""
    if proof.lower_bound > 1:
        return InfeasibleError(
            "no feasible powers meet all requirements: whatever they are, one of "
            f"{', '.join(goal.name for goal in problem.goals)} is at least {proof.lower_bound:.6g} times its limit",
            proof.lower_bound,
        )
    return AllocationError(
        "whether the requirements can be met is beyond what rounding allows to tell: the best powers found leave "
        f"{proof.value:.9g} times the limit; loosen them by a millionth"
    )


# --- solving ----------------------------------------------------------------------------------------------------------


def _solve_plain(
    problems: Sequence[GoalsProblem], tolerances: Array, *, precise: bool = False, enough: float = np.inf
) -> list[Answer | AllocationError]:
    """Answers to problems whose goals all count and are all traces."""
    results: dict[int, Answer | AllocationError] = {}
    for group in _groups(problems):
        for index, start in zip(group, starts := _start([problems[index] for index in group]), strict=True):
            if isinstance(start, AllocationError):
                results[index] = start
        solvable = [(index, start) for index, start in zip(group, starts, strict=True) if index not in results]
        if not solvable:
            continue
        chosen = [index for index, _ in solvable]
        asked = [problems[index] for index in chosen]
        power, mu, dual, iterations = minimise(
            asked,
            np.array([start for _, start in solvable]),
            tolerances[chosen],
            precise=precise,
            enough=enough,
        )
        for number, index in enumerate(chosen):
            problem = problems[index]
            results[index] = Answer(
                problem,
                power[number],
                problem,
                np.arange(len(problem.goals)),
                mu[number],
                dual[number],
                int(iterations[number]),
            )
    return [results[index] for index in range(len(problems))]


@dataclass(eq=False)
class _Rounds:
    """One problem that is solved for some of its goals, and more of them in each round."""

    problem: GoalsProblem
    tolerance: float
    again: bool
    goals: list[Goal]
    origin: list[int]

    @classmethod
    def of(cls, problem: GoalsProblem, tolerance: float, again: bool) -> _Rounds:
        # with goals that do not matter Newton can get stuck, rarely; so the second time there are as few as can be
        at_once = FIRST_GOALS if again else MOST_AT_ONCE
        whole = not any(goal.largest for goal in problem.goals) and (
            problem.kind == "sum" or len(problem.goals) <= at_once
        )
        if whole:
            return cls(problem, tolerance, again, list(problem.goals), list(range(len(problem.goals))))
        rounds = cls(problem, tolerance, again, [], [])
        power = problem.region.middle(np.ones(1) if problem.kind == "energy" else np.full(1, np.inf))[0]
        ratio = problem.values(power) / problem.levels
        for number in np.argsort(-ratio)[:FIRST_GOALS].tolist():
            rounds.add(number, power)
            goal = problem.goals[number]
            for axis in np.eye(goal.selector.shape[1]) if goal.largest else ():
                rounds.goals.append(goal.along(axis))
                rounds.origin.append(number)
        return rounds

    @property
    def whole(self) -> bool:
        """Whether nothing can be added."""
        return len(self.goals) == len(self.problem.goals) and not any(goal.largest for goal in self.problem.goals)

    @property
    def working(self) -> GoalsProblem:
        """The problem with the goals so far."""
        if self.whole and self.origin == list(range(len(self.goals))):
            return self.problem
        return self.problem.of_goals(self.goals, self.problem.levels[self.origin])

    @property
    def asked(self) -> GoalsProblem:
        """The same with requirements so tight that what the other goals, or rounding, miss of them does not count."""
        working = self.working
        if working.kind != "energy" or (self.whole and not self.again):
            return working
        return working.changed(levels=working.levels * (1 - ROUND * self.tolerance))

    def add(self, number: int, power: Array) -> None:
        self.goals += pointed([self.problem.goals[number]], power)
        self.origin.append(number)

    def grow(self, power: Array) -> bool:
        """Add the goals that these powers leave worst; false where there is none to add."""
        if self.whole:
            return False
        ratio = self.problem.values(power) / self.problem.levels
        limit = 1.0
        if self.problem.kind == "worst":
            working = self.working
            limit = float((working.values(power) / working.levels).max()) * (1 + ROUND * self.tolerance)
        there = {number for number in self.origin if not self.problem.goals[number].largest}
        # what is not finite counts as the worst
        missed = [n for n in np.argsort(-ratio).tolist() if not ratio[n] <= limit and n not in there][:MORE_GOALS]
        for number in missed:
            self.add(number, power)
        return bool(missed)


def solve(problem: GoalsProblem, tolerance: float) -> GoalsAllocation:
    """Minimise until the certified gap is at most ``tolerance``; ``status`` says whether it was reached.

    Raises
    ------
    InfeasibleError
        If no feasible powers meet the requirements.
    AllocationError
        If the problem has no finite optimum.
    """
    (found,) = solve_all([problem], [tolerance])
    if isinstance(found, AllocationError):
        raise found
    return found


def solve_all(problems: Sequence[GoalsProblem], tolerances: Sequence[float]) -> list[GoalsAllocation | AllocationError]:
    """:func:`solve` for many problems of any shapes, those of one shape together; errors stand in the place of theirs.

    ``seconds`` of an allocation is its share of the time that all took.
    """
    began = time.perf_counter()
    # a node that may not transmit is no variable
    nodes = [problem.transmitting for problem in problems]
    asked = [
        problem if len(chosen) == problem.n_nodes else problem.of_nodes(chosen)
        for problem, chosen in zip(problems, nodes, strict=True)
    ]
    results = _certified(tolerances, _in_rounds(asked, tolerances))
    left = [n for n, found in enumerate(results) if isinstance(found, GoalsAllocation) and found.status != "optimal"]
    if left:
        # where parameters are nearly tied to each other rounding hides the way to the optimum, or the optimum itself
        blends = [_blend(asked[number], results[number]) for number in left]
        better = [asked[number].conditioned(power) for number, power in zip(left, blends, strict=True)]
        limits = [tolerances[number] for number in left]
        answers = [
            answer.on(asked[number]) if isinstance(answer, Answer) else answer
            for number, answer in zip(left, _in_rounds(better, limits, again=True), strict=True)
        ]
        again = _certified(limits, answers)
        for number, found in zip(left, again, strict=True):
            before = results[number]
            if isinstance(found, GoalsAllocation) and isinstance(before, GoalsAllocation) and found.gap < before.gap:
                results[number] = found
    seconds = (time.perf_counter() - began) / max(1, len(problems))
    for number, (found, chosen) in enumerate(zip(results, nodes, strict=True)):
        if isinstance(found, GoalsAllocation):
            power = np.zeros(problems[number].n_nodes)
            power[chosen] = found.power
            results[number] = replace(found, power=power, seconds=seconds)
    return results


def _blend(problem: GoalsProblem, found: GoalsAllocation | AllocationError) -> Array:
    """Powers near those found, with every ``M(p) > 0``; what is found can lie on the boundary of that."""
    assert isinstance(found, GoalsAllocation)
    level = found.power.sum(keepdims=True)
    return np.asarray(0.99 * found.power + 0.01 * problem.region.middle(level)[0])


def _certified(
    tolerances: Sequence[float], answers: Sequence[Answer | AllocationError]
) -> list[GoalsAllocation | AllocationError]:
    """Allocations of the answers, errors in their places."""
    results: list[GoalsAllocation | AllocationError] = [
        answer if isinstance(answer, AllocationError) else AllocationError(NO_OPTIMUM) for answer in answers
    ]
    sound = {number: answer for number, answer in enumerate(answers) if isinstance(answer, Answer)}
    limits = [tolerances[number] for number in sound]
    for number, found in zip(sound, certify_all(list(sound.values()), limits, NAME, 0.0), strict=True):
        results[number] = found
    return results


def _in_rounds(
    problems: Sequence[GoalsProblem], tolerances: Sequence[float], again: bool = False
) -> list[Answer | AllocationError]:
    """Answers to problems, those of many goals for a few that hold the optimum back."""
    every = [_Rounds.of(*each, again) for each in zip(problems, tolerances, strict=True)]
    answers: dict[int, Answer | AllocationError] = {}
    left, iterations, progress = list(range(len(problems))), [0] * len(problems), Progress()
    for number in range(1, MOST_ROUNDS + 1):
        limits = MARGIN * np.array([tolerances[index] for index in left])
        growing = []
        found = _solve_plain([every[index].asked for index in left], limits, precise=again)
        for index, answer in zip(left, found, strict=True):
            answers[index] = answer
            if isinstance(answer, Answer):
                rounds = every[index]
                iterations[index] += answer.iterations
                answers[index] = replace(
                    answer,
                    problem=rounds.problem,
                    working=rounds.working,
                    origin=np.array(rounds.origin),
                    iterations=iterations[index],
                    rounds=number,
                )
                if rounds.grow(answer.power):
                    growing.append(index)
        left = growing
        if not left:
            break
        progress.tell("round %d done: %d of %d problems take in more of their goals", number, len(left), len(problems))
    return [answers[index] for index in range(len(problems))]
