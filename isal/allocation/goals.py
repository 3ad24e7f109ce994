"""Several goals at once: weighted sums, the worst of them, and the least energy that meets requirements.

Goal k has a matrix of the same powers of its own, ``M_k(p) = M0_k + sum_m p_m B_km``, and a selector ``C_k``:
``f_k(p) = tr(C_k' M_k(p)^-1 C_k)``. With weights ``w_k`` or limits ``eps_k``, a problem is one of

    "sum"       minimise sum_k w_k f_k(p)
    "worst"     minimise max_k f_k(p) / eps_k
    "energy"    minimise c . p   subject to   f_k(p) <= eps_k

over the powers ``0 <= p <= caps``, ``A p <= b``. Let ``Y_k = M_k^-1 C_k``, ``h_km = tr(Y_k' B_km Y_k)`` and
``a_k = tr(Y_k' M0_k Y_k)`` at any powers, and ``D(g)`` the largest ``g . s`` over the feasible powers. For every
feasible s the matrix Cauchy-Schwarz inequality gives ``tr(C_k' Y_k)^2 <= f_k(s) (a_k + h_k . s)``, so that, for any
multipliers ``mu_k >= 0``, no feasible powers reach less than

    "sum"       (sum w_k f_k)^2 / (sum w_k a_k + D(sum w_k h_k))
    "worst"     the same with w_k = mu_k / eps_k, where sum mu_k = 1
    "energy"    sum mu_k (f_k^2 / eps_k - a_k) - D(sum mu_k h_k - c)

Nothing in this module knows what a network is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.allocation.batch import MOST_ENTRIES, Batch
from isal.allocation.certificate import INWARD, Allocation, Evaluated, evaluated
from isal.allocation.problem import AllocationProblem, checked_caps, checked_numbers, conditioned, without_silent
from isal.allocation.region import Region
from isal.errors import AllocationError, one_of
from isal.knowledge import Knowledge
from isal.matrices import DenseStack, Stack
from isal.units import DURATION_S

Array = NDArray[np.float64]

Kind = Literal["sum", "worst", "energy"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, eq=False)
class Goal:
    """``f(p) = tr(C' M(p)^-1 C)``, or, if ``largest``, the largest eigenvalue of ``C' M(p)^-1 C``.

    Goals of one network share ``known`` and ``stack``: then their matrix is factorised once for all.

    Parameters
    ----------
    known
        ``M0`` with its square root and error scales, about ``d`` parameters.
    stack
        ``B_m``, one problem's, shape ``(n, d, d)``, 1/(m^2 W).
    selector
        ``C``, shape ``(d, k)``.
    name
        Used in error messages.
    direction
        That of :meth:`along`, or None.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network([[0, 0], [60, 0], [60, 40]], [[10, 20], [50, 25]], [[22, 28], [41, 16]])
    >>> best = isal.allocate(network, isal.Radio(), clock="synchronous", goals="worst target", energy=1.0)
    >>> [goal.name for goal in best.problem.goals], best.problem.goals[0].selector.shape
    (['target 1', 'target 2'], (8, 2))
    """

    known: Knowledge
    stack: Stack
    selector: Array
    name: str = "goal"
    largest: bool = False
    direction: Array | None = None

    def along(self, direction: Array) -> Goal:
        """The bound along one direction of the columns, shape ``(k,)``: no more than the largest eigenvalue."""
        return replace(self, selector=self.selector @ direction[:, None], largest=False, direction=direction)


def together(goals: Sequence[Goal], weights: Iterable[float], between: str = ", ") -> Goal:
    """The weighted sum of goals of one matrix, as one goal with all their names and what stands ``between`` these."""
    columns = [np.sqrt(weight) * goal.selector for weight, goal in zip(weights, goals, strict=True)]
    name = between.join(goal.name for goal in goals)
    return replace(goals[0], selector=np.concatenate(columns, axis=1), name=name)


@dataclass(frozen=True, eq=False)
class GoalsProblem:
    """A problem with several goals; see the head of :mod:`isal.allocation.goals`.

    Parameters
    ----------
    goals
        At least one :class:`Goal`, all about the same nodes.
    kind
        One of :data:`KINDS`.
    levels
        ``w_k``, or ``eps_k`` in m^2; positive, a number or one per goal.
    caps
        Upper limits of the powers, W, a number or shape ``(n,)``; may be infinite. That of a node whose matrices are
        all zero is zero.
    rows, at_most
        ``A``, shape ``(R, n)``, and ``b >= 0``, W, shape ``(R,)``: further limits of the powers.
    cost
        ``c`` of "energy", >= 0, a number or shape ``(n,)``; by default the sum of the powers.

    Raises
    ------
    AllocationError
        If a shape or a number is unusable, or nothing keeps the powers from growing without end.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network([[0, 0], [60, 0], [60, 40]], [[10, 20], [50, 25]], [[22, 28], [41, 16]])
    >>> best = isal.allocate(network, isal.Radio(), clock="synchronous", goals=[0, 1], energy=1.0)
    >>> best.problem.kind, best.problem.levels.tolist(), len(best.problem.goals)
    ('sum', [1.0, 1.0], 2)
    """

    goals: tuple[Goal, ...]
    kind: Kind
    levels: Array
    caps: Array
    rows: Array
    at_most: Array
    cost: Array

    def __init__(
        self,
        goals: Sequence[Goal],
        kind: Kind,
        levels: ArrayLike = 1.0,
        *,
        caps: ArrayLike = np.inf,
        rows: ArrayLike | None = None,
        at_most: ArrayLike | None = None,
        cost: ArrayLike = 1.0,
    ) -> None:
        set_ = object.__setattr__  # the dataclass is frozen
        one_of(kind, KINDS, "kind")
        set_(self, "goals", tuple(goals))
        set_(self, "kind", kind)
        if not self.goals:
            raise AllocationError("a problem needs at least one goal")
        n, d = self.n_nodes, len(self.goals[0].known)
        for goal in self.goals:
            if goal.stack.shape != (n, d, d) or len(goal.known) != d or goal.selector.shape[:1] != (d,):
                raise AllocationError(
                    f"{goal.name}: all goals must be about {d} parameters and {n} nodes, as the first of them is"
                )
        if kind == "sum" and any(goal.largest for goal in self.goals):
            raise AllocationError("a largest eigenvalue can be a worst case or a requirement, but no part of a sum")
        set_(self, "levels", _one_each(levels, len(self.goals), "levels"))
        if not ((self.levels > 0) & np.isfinite(self.levels)).all():
            raise AllocationError(f"levels must be positive, got {self.levels.tolist()}")
        silent = np.all(
            [goal.stack.silent[0] for goal in {id(each.stack): each for each in self.goals}.values()], axis=0
        )
        set_(self, "caps", without_silent(np.array(checked_caps(caps, n)), silent))
        set_(self, "rows", np.zeros((0, n)) if rows is None else checked_numbers(rows, "rows"))
        set_(self, "at_most", np.zeros(0) if at_most is None else checked_numbers(at_most, "at_most", "W"))
        if self.rows.shape != (len(self.at_most), n) or not np.isfinite(self.rows).all():
            raise AllocationError(f"rows must be finite, of shape ({len(self.at_most)}, {n}); got {self.rows.shape}")
        if not ((self.at_most >= 0) & np.isfinite(self.at_most)).all():
            raise AllocationError(f"at_most must not be negative, got {self.at_most.tolist()} W")
        set_(self, "cost", _one_each(cost, n, "cost"))
        if not ((self.cost >= 0) & np.isfinite(self.cost)).all() or not self.cost.any():
            raise AllocationError(f"cost must not be negative, nor zero for all nodes; got {self.cost.tolist()}")
        if not len(self.transmitting):
            raise AllocationError("the constraints let no node transmit")
        free = np.isinf(self.region.reach[0]) & ((self.cost == 0) | (kind != "energy"))
        if free.any():
            raise AllocationError(
                f"nothing limits the power of node {int(np.argmax(free)) + 1}; give it a cap, or a constraint"
            )

    @property
    def n_nodes(self) -> int:
        return self.goals[0].stack.n_nodes

    @property
    def has_prior(self) -> bool:
        """Whether anything is known before any node transmits."""
        return any({id(goal.known): goal.known for goal in self.goals}.values())

    @property
    def region(self) -> Region:
        """The feasible powers, requirements apart."""
        return Region(self.caps[None], self.rows[None], self.at_most[None])

    def values(self, power: ArrayLike) -> Array:
        """``f_k(p)``, m^2, shape ``(K,)``; infinite outside ``M_k(p) > 0``."""
        powers = np.asarray(power, dtype=float)
        return evaluate(pointed(self.goals, powers), powers).value

    def gradients(self, power: ArrayLike) -> Array:
        """``df_k / dp_m``, m^2/W, shape ``(K, n)``; that of a trace, not of a largest eigenvalue."""
        return -evaluate(self.goals, np.asarray(power, dtype=float)).slope

    @property
    def single(self) -> AllocationProblem | None:
        """The same problem with one goal, for a sum of goals of one matrix whose powers have one budget; else None."""
        first = self.goals[0]
        shared = all(goal.known is first.known and goal.stack is first.stack for goal in self.goals)
        if self.kind != "sum" or not shared or len(self.rows) != 1 or not (self.rows == 1).all():
            return None
        selector = together(self.goals, self.levels).selector
        return AllocationProblem(first.known, first.stack, selector, self.at_most[0] * DURATION_S, self.caps)

    @property
    def transmitting(self) -> NDArray[np.intp]:
        """The nodes that may transmit, ascending."""
        return np.flatnonzero(self.region.reach[0] > 0)

    def of_nodes(self, chosen: NDArray[np.intp]) -> GoalsProblem:
        """The same problem in which only some nodes transmit, ``chosen`` in ascending order."""
        stacks = {id(goal.stack): goal.stack.of_nodes(chosen) for goal in self.goals}
        goals = tuple(replace(goal, stack=stacks[id(goal.stack)]) for goal in self.goals)
        fewer = {"rows": self.rows[:, chosen], "caps": self.caps[chosen], "cost": self.cost[chosen]}
        return self.changed(goals=goals, **fewer)

    def conditioned(self, power: Array) -> GoalsProblem:
        """The same problem, each matrix in parameters in which it is the identity at some powers, where possible."""
        better = {(id(goal.known), id(goal.stack)): conditioned(goal.known, goal.stack, power) for goal in self.goals}
        goals = []
        for goal in self.goals:
            new = better[id(goal.known), id(goal.stack)]
            better_goal = goal
            if new is not None:
                better_goal = replace(goal, known=new[0], stack=new[1], selector=new[2](goal.selector.T).T)
            goals.append(better_goal)
        return self.of_goals(goals, self.levels)

    def of_goals(self, goals: Sequence[Goal], levels: Array) -> GoalsProblem:
        """The same with other goals."""
        return self.changed(goals=tuple(goals), levels=levels)

    def changed(self, **changes: object) -> GoalsProblem:
        """The same with other fields, which are not checked again."""
        changed = object.__new__(GoalsProblem)
        for name in self.__dataclass_fields__:
            object.__setattr__(changed, name, changes.get(name, getattr(self, name)))
        return changed


@dataclass(frozen=True, eq=False, kw_only=True)
class GoalsAllocation(Allocation):
    """Powers with their certificate; ``value`` and ``lower_bound`` are of what the problem minimises.

    ``values`` are those of the goals, m^2, shape ``(K,)``. ``multipliers`` are the ``mu_k`` of the lower bound: how
    much each goal holds the optimum back; those of "sum" are the weights. ``rounds`` is how often the problem was
    solved with some of the goals.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network([[0, 0], [60, 0], [60, 40]], [[10, 20], [50, 25]], [[22, 28], [41, 16]])
    >>> best = isal.allocate(network, isal.Radio(), clock="synchronous", goals="worst target", energy=1.0)
    >>> best.allocation.status, bool(best.allocation.value == max(best.allocation.values))
    ('optimal', True)
    """

    values: Array
    multipliers: Array
    rounds: int = 1


@dataclass(frozen=True, eq=False)
class Parts:
    """``f_k``, ``tr(C_k' Y_k)``, ``a_k``, ``h_km`` at some powers and bounds on their relative errors by rounding.

    Shapes ``(..., K)``, that of ``slope`` ``(..., K, n)``. Where ``Y`` is from other powers than ``value``, all but
    ``value`` are from there.
    """

    value: Array
    promised: Array
    fixed: Array
    slope: Array
    rounding: Array


def evaluate(goals: Sequence[Goal], power: Array, exactly: bool = False) -> Parts:
    """The parts of some goals, each at its own row of ``power``, shape ``(K, n)``, or all at one, shape ``(n,)``.

    If ``exactly``, as exactly as it can be had, one goal at a time; see
    :func:`isal.allocation.certificate.evaluated`.
    """
    powers = np.broadcast_to(power, (len(goals), power.shape[-1]))
    found: list[Evaluated] = []
    groups = _together(goals)
    for group in groups:
        batch, at = _batch([goals[index] for index in group]), powers[group]
        if exactly:
            found += [evaluated(batch.take(np.array([number])), at[number]) for number in range(len(group))]
            continue
        columns = batch.columns(at)
        value, slope = batch.value(columns), batch.slope(columns)
        error = batch.rounding(at, columns, value)
        found += map(Evaluated, value, value, batch.fixed(columns), slope, error)
    order = np.argsort(np.concatenate(groups))
    value, promised, fixed, slope, rounding = (
        np.array([getattr(found[index], name) for index in order], dtype=float)
        for name in ("value", "promised", "fixed", "slope", "error")
    )
    return Parts(np.where(np.isfinite(rounding), value, np.inf), promised, fixed, slope, rounding)


def _one_each(values: ArrayLike, size: int, what: str) -> Array:
    """One number or one each, as an array of shape ``(size,)``."""
    given = checked_numbers(values, what)
    if given.shape not in ((), (size,)):
        raise AllocationError(f"{what} must be one number or {size}, got shape {given.shape}")
    return np.array(np.broadcast_to(given, size))


def _together(goals: Sequence[Goal]) -> list[NDArray[np.intp]]:
    """Indices of goals whose matrices are evaluated side by side: as many parameters, and a sparse one alone."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, goal in enumerate(goals):
        alone = () if isinstance(goal.stack, DenseStack) else (index,)
        groups.setdefault((len(goal.known), *alone), []).append(index)
    n = goals[0].stack.n_nodes
    found = []
    for (d, *_), group in groups.items():
        size = max(1, MOST_ENTRIES // (n * d * d))
        found += [np.array(group[start : start + size]) for start in range(0, len(group), size)]
    return found


def _batch(goals: Sequence[Goal]) -> Batch:
    """Goals side by side, their selectors filled up with zeros; nothing is limited."""
    n, columns = goals[0].stack.n_nodes, max(goal.selector.shape[1] for goal in goals)
    selectors = np.zeros((len(goals), len(goals[0].known), columns))
    for selector, goal in zip(selectors, goals, strict=True):
        selector[:, : goal.selector.shape[1]] = goal.selector
    return Batch(
        tuple(goal.known for goal in goals),
        np.array([goal.known.matrix for goal in goals]),
        DenseStack.of([goal.stack for goal in goals]),
        selectors,
        np.full(len(goals), np.inf),
        np.full((len(goals), n), np.inf),
    )


def pointed(goals: Sequence[Goal], power: Array) -> tuple[Goal, ...]:
    """The goals at some powers, shape ``(n,)``, a largest eigenvalue as the bound along its direction there."""
    found, largest = list(goals), [number for number, goal in enumerate(goals) if goal.largest]
    wanted = [goals[number] for number in largest]
    for group in _together(wanted) if wanted else ():
        columns = _batch([wanted[index] for index in group]).columns(np.tile(power, (len(group), 1)))
        for index, solved in zip(group.tolist(), columns, strict=True):
            selector = wanted[index].selector
            covariance = selector.T @ solved[:, : selector.shape[1]]
            direction = np.eye(len(covariance))[0]
            if np.isfinite(covariance).all():
                direction = np.linalg.eigh(0.5 * (covariance + covariance.T))[1][:, -1]
            found[largest[index]] = wanted[index].along(direction)
    return tuple(found)


# --- certificates -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Terms:
    """``N`` problems of one kind and shape, as far as a lower bound needs them.

    ``levels`` has shape ``(N, K)``, ``cost`` ``(N, n)``, m^2 and 1 as in :class:`GoalsProblem`.
    """

    kind: Kind
    levels: Array
    cost: Array
    region: Region

    @classmethod
    def of(cls, problems: Sequence[GoalsProblem]) -> Terms:
        """Of problems with equal kinds and numbers of goals, nodes and rows."""
        caps, rows, at_most, levels, cost = (
            np.array([getattr(problem, name) for problem in problems])
            for name in ("caps", "rows", "at_most", "levels", "cost")
        )
        return cls(problems[0].kind, levels, cost, Region(caps, rows, at_most))

    def take(self, chosen: NDArray[np.intp]) -> Terms:
        """Those of the problems at the given indices, or where a mask is true."""
        return Terms(self.kind, self.levels[chosen], self.cost[chosen], self.region.take(chosen))

    def value(self, parts: Parts, power: Array) -> tuple[Array, Array]:
        """What is minimised, shape ``(N,)``, as computed, and what rounding can't exceed.

        Infinite where a requirement is not met for certain.
        """
        if self.kind == "energy":
            met = (parts.value * (1 + parts.rounding) <= self.levels).all(axis=1)
            spent = np.where(met, (self.cost * power).sum(axis=1), np.inf)
            return spent, spent
        if self.kind == "sum":
            # the bound counts the rounding of the same values already
            total = np.asarray((self.levels * parts.value).sum(axis=1))
            return total, total
        ratios = parts.value / self.levels
        return np.asarray(ratios.max(axis=1)), np.asarray((ratios * (1 + parts.rounding)).max(axis=1))

    def lower_bound(self, parts: Parts, multipliers: Array, dual: Array, value: Array) -> Array:
        """The bounds at the head of this module, rounding included, shape ``(N,)``; zero where there is none.

        ``multipliers`` >= 0 are ``mu_k``, shape ``(N, K)``, and ``dual`` >= 0 those of the constraints, shape
        ``(N, R)``, near which the bound on ``D`` is looked for. Some feasible powers reach ``value``.
        """
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            if self.kind == "energy":
                # no optimal powers cost more than those that are there
                region = self.region.with_row(self.cost, np.nan_to_num(value, posinf=1e300))
                dual = np.append(dual, np.zeros((len(dual), 1)), axis=1)
                wanted = parts.promised**2 / self.levels
                doubt = parts.rounding * np.maximum(parts.promised, wanted)
                earned = (multipliers * (wanted - parts.fixed - doubt)).sum(axis=1)
                slope = np.einsum("Nk,Nkn->Nn", multipliers, parts.slope) - self.cost
                bound = earned - region.largest(slope, dual)[0]
            else:
                weights = self.weights(multipliers)
                total = (weights * parts.promised).sum(axis=1)
                slope = np.einsum("Nk,Nkn->Nn", weights, parts.slope)
                fixed = (weights * parts.fixed).sum(axis=1)
                error = (weights * parts.promised * parts.rounding).sum(axis=1) / total
                bound = total**2 / (fixed + self.region.largest(slope, dual)[0]) * (1 - error)
        # a bound above the value is rounding, too
        return np.asarray(np.clip(np.nan_to_num(bound, nan=0.0), 0.0, value))

    def weights(self, multipliers: Array) -> Array:
        """``w_k`` of the bounds of "sum" and "worst" for multipliers of any sum."""
        if self.kind == "sum":
            return self.levels
        share: Array = multipliers / multipliers.sum(axis=1, keepdims=True) / self.levels
        return share

    def best_multipliers(self, parts: Parts, value: Array) -> tuple[Array, Array]:
        """``mu`` and ``dual`` of the largest lower bound from the parts, for a batch of one problem.

        What is linear in them is written as a linear program; "worst" with ``1 / f``, which is concave in the powers.
        Whatever the program finds, the bound holds.
        """
        levels, promised, fixed, slope = self.levels[0], parts.promised[0], parts.fixed[0], parts.slope[0]
        if self.kind == "energy":
            # variables mu f / value
            region = self.region.with_row(self.cost, np.nan_to_num(value, posinf=1e300))
            unit, scale = value[0] / promised, value[0]
            weights, dual = _linear_program(
                region, scale, (promised**2 / levels - fixed) * unit, slope * unit[:, None], self.cost[0], None
            )
            return (weights * unit)[None], dual[None, :-1]
        if self.kind == "worst":
            # variables mu f^2 / eps^2, which add up to one
            unit, scale = levels / promised**2, 1 / value[0]
            weights, dual = _linear_program(
                self.region, scale, -fixed * unit, slope * unit[:, None], 0 * self.cost[0], np.ones(len(levels))
            )
            multipliers = weights * (levels / promised) ** 2
            return multipliers[None], dual[None] / multipliers.sum()
        total = levels @ promised
        one = np.ones(1)
        _, dual = _linear_program(
            self.region, total, -one * (levels @ fixed), levels[None] @ slope, 0 * self.cost[0], one
        )
        return self.levels, dual[None]


def _linear_program(
    region: Region, scale: float, earned: Array, gained: Array, cost: Array, shares: Array | None
) -> tuple[Array, Array]:
    """Multipliers ``nu`` >= 0 of the goals and ``y`` >= 0 of the rows, at which the result is largest.

    The result is ``nu . earned - D(nu gained - c)`` with ``D`` bounded by ``y``, and ``scale`` is its size. ``earned``
    has shape ``(K,)``, ``gained`` ``(K, n)``; where there are ``shares``, ``shares . nu = 1``. Ones and zeros where the
    program fails.
    """
    from scipy.optimize import linprog

    reach, rows, at_most = region.reach[0], region.rows[0], region.at_most[0]
    n_goals, n_rows, n = len(earned), len(rows), len(reach)
    unit = np.where(at_most > 0, at_most, 1.0)
    # nu, y at_most / scale, and what the slopes exceed A'y by, times the reach of each node / scale
    objective = np.concatenate([-earned / scale, at_most / unit, np.ones(n)])
    limits = np.concatenate([(gained * reach / scale).T, -(rows * reach / unit[:, None]).T, -np.eye(n)], axis=1)
    equal = None if shares is None else np.append(shares, np.zeros(n_rows + n))[None]
    found = linprog(objective, limits, cost * reach / scale, equal, None if shares is None else [1.0])
    if found.x is None:
        return np.ones(n_goals), np.zeros(n_rows)
    solution = np.maximum(found.x, 0.0)
    return solution[:n_goals], solution[n_goals : n_goals + n_rows] * scale / unit


@dataclass(frozen=True, eq=False)
class Answer:
    """Powers for a problem, and what is known of its lower bound.

    ``working`` is a problem with some of its goals, or directions of them: a bound for these holds for all.
    ``origin`` is which goal each of them is or belongs to, shape ``(J,)``. ``multipliers`` and ``dual``, shapes
    ``(J,)`` and ``(R,)``, may be missing.
    """

    problem: GoalsProblem
    power: Array
    working: GoalsProblem
    origin: NDArray[np.intp]
    multipliers: Array | None = None
    dual: Array | None = None
    iterations: int = 0
    rounds: int = 1

    def on(self, problem: GoalsProblem) -> Answer:
        """The same powers and multipliers for the same problem in other parameters."""
        goals = [
            problem.goals[number] if mine.direction is None else problem.goals[number].along(mine.direction)
            for number, mine in zip(self.origin.tolist(), self.working.goals, strict=True)
        ]
        return replace(self, problem=problem, working=self.working.of_goals(goals, self.working.levels))

    @classmethod
    def of_all(cls, problem: GoalsProblem, power: Array) -> Answer:
        """Powers for a problem, of which all goals count, and nothing else is known."""
        goals = pointed(problem.goals, power)
        return cls(problem, power, problem.of_goals(goals, problem.levels), np.arange(len(goals)))


def certify(
    problem: GoalsProblem,
    power: ArrayLike,
    *,
    tolerance: float,
    solver: str,
    iterations: int = 0,
    seconds: float = 0.0,
) -> GoalsAllocation:
    """The allocation of powers from anywhere: made feasible, evaluated and bounded from these powers alone."""
    given = checked_numbers(power, "power", "W")
    if given.shape != (problem.n_nodes,):
        raise AllocationError(f"power needs {problem.n_nodes} values, one per node; got shape {given.shape}")
    inside = problem.region.feasible(given[None])[0]
    answer = replace(Answer.of_all(problem, inside), iterations=iterations)
    return certify_all([answer], [tolerance], solver, seconds)[0]


def certify_all(
    answers: Sequence[Answer], tolerances: Sequence[float], solver: str, seconds: float
) -> list[GoalsAllocation]:
    """:func:`certify` for many answers, side by side; ``seconds`` is the time of each."""
    powers = [answer.problem.region.feasible(answer.power[None])[0] for answer in answers]
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, answer in enumerate(answers):
        problem = answer.problem
        shape = problem.kind, len(problem.goals), len(answer.working.goals), *problem.rows.shape
        groups.setdefault(shape, []).append(index)
    results: dict[int, GoalsAllocation] = {}
    for group in groups.values():
        at = [powers[index] for index in group]
        every = [pointed(answers[index].problem.goals, power) for index, power in zip(group, at, strict=True)]
        whole = some = _side_by_side(every, at)
        if any(answers[index].working.goals is not answers[index].problem.goals for index in group):
            some = _side_by_side([answers[index].working.goals for index in group], at)
        terms = Terms.of([answers[index].problem for index in group])
        part = Terms.of([answers[index].working for index in group])
        mu, dual = (
            np.array([np.full(size, 1.0) if given is None else given for given in each])
            for each, size in (
                ([answers[index].multipliers for index in group], part.levels.shape[1]),
                ([answers[index].dual for index in group], terms.region.rows.shape[1]),
            )
        )
        value, certain = terms.value(whole, np.array(at))
        bound = part.lower_bound(some, mu, dual, value) * _share(value, certain)
        for number, index in enumerate(group):
            answer, found = answers[index], (whole.value[number], value[number], bound[number], mu[number])
            if not bound[number] >= value[number] * (1 - tolerances[index]):
                found = _thoroughly(answer, powers[index], mu[number], dual[number], tolerances[index])
            values, reached, low, multipliers = found
            if answer.problem.kind == "sum":
                multipliers = answer.working.levels
            per_goal = np.bincount(answer.origin, multipliers, len(values)).astype(float)
            if answer.problem.kind == "worst":
                per_goal /= per_goal.sum()
            results[index] = GoalsAllocation(
                power=powers[index],
                value=float(reached),
                lower_bound=float(low),
                tolerance=tolerances[index],
                solver=solver,
                iterations=answer.iterations,
                seconds=seconds,
                values=values,
                multipliers=per_goal,
                rounds=answer.rounds,
            )
    return [results[index] for index in range(len(answers))]


def _thoroughly(
    answer: Answer, power: Array, multipliers: Array, dual: Array, tolerance: float
) -> tuple[Array, float, float, Array]:
    """Values, value, lower bound and multipliers of one answer, as exactly as they can be had.

    Rounding of M can leave a gap where it is nearly singular, and so can multipliers that are not the best. On the
    boundary a bound from slightly inside can be tighter, as the multipliers of unused nodes vanish there.
    """
    terms, part = Terms.of([answer.problem]), Terms.of([answer.working])
    whole = _alone(evaluate(pointed(answer.problem.goals, power), power, exactly=True))
    value, certain = terms.value(whole, power[None])
    if not np.isfinite(value[0]):
        return whole.value[0], np.inf, 0.0, multipliers
    middle = terms.region.middle(power.sum(keepdims=True))[0]
    best, chosen = 0.0, multipliers
    for by in (0.0, *INWARD):
        at = (1 - by) * power + by * middle
        some = _alone(evaluate(answer.working.goals, at, exactly=True))
        if not np.isfinite(some.value).all():
            continue
        for mu, y in ((multipliers[None], dual[None]), part.best_multipliers(some, value)):
            bound = (part.lower_bound(some, mu, y, value) * _share(value, certain))[0]
            if bound > best:
                best, chosen = bound, mu[0]
        if best >= value[0] * (1 - tolerance):
            break
    return whole.value[0], float(value[0]), float(best), chosen


def _alone(parts: Parts) -> Parts:
    """Parts of one problem as a batch."""
    return Parts(*(each[None] for each in (parts.value, parts.promised, parts.fixed, parts.slope, parts.rounding)))


def _share(value: Array, certain: Array) -> Array:
    """What rounding of the values leaves of a bound."""
    return np.where(np.isfinite(certain), value / np.where(np.isfinite(certain), certain, 1.0), 0.0)


def _side_by_side(goals: Sequence[Sequence[Goal]], powers: Sequence[Array]) -> Parts:
    """Parts of problems with equal numbers of goals, each at its powers, shape ``(N, K)``."""
    flat = [goal for each in goals for goal in each]
    parts = evaluate(flat, np.repeat(np.array(powers), len(goals[0]), axis=0))
    arrays = parts.value, parts.promised, parts.fixed, parts.slope, parts.rounding
    return Parts(*(each.reshape(len(goals), -1, *each.shape[1:]) for each in arrays))
