"""The allocation problem: minimise the trace of a block of an inverse matrix that is affine in the powers.

With ``M(p) = M0 + sum_m p_m B_m`` and a selector ``C``, every optimisation of the paper, (26)-(83), is

    minimise  f(p) = tr(C' M(p)^-1 C)   sample to   M(p) > 0,  0 <= p_m <= cap_m,  sum_m p_m <= E / 1 s.

Nothing in this module knows what a network is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import AllocationError, finite_number
from isal.knowledge import (
    Knowledge,
    by_root,
    relative_rounding,
    relative_rounding_of_root,
    scaled_triangle,
)
from isal.matrices import DenseStack, Rows, Stack, at_power
from isal.model.network import real_numbers
from isal.units import DURATION_S

Array = NDArray[np.float64]

#: Certified relative gap that a result must reach unless asked otherwise.
DEFAULT_TOLERANCE = 1e-6

#: A batch holds at most so many problems, whose matrices have at most so many entries: small problems share what an
#: iteration costs whatever the batch, and large ones stay within some 100 MB.
PIECE = 1000
PIECE_ENTRIES = 5_000_000

#: A pivot of a matrix scaled to a unit diagonal that rounding alone can leave where the exact one is zero.
SINGULAR_PIVOT = 1e-14


#: Shares of an even spread that powers are moved by for a bound from inside the feasible set.
INWARD = (1e-9, 1e-7)

#: Each refinement gains the digits that the condition of the matrix leaves of sixteen.
REFINEMENTS = 3


@dataclass(frozen=True, eq=False)
class AllocationProblem:
    """One allocation problem.

    Parameters
    ----------
    constant
        ``M0``, symmetric, shape ``(d, d)``, 1/m^2, or :class:`isal.knowledge.Knowledge`, which has its square root.
    per_watt
        ``B_m``, symmetric, possibly indefinite, shape ``(n, d, d)``, 1/(m^2 W), or a :mod:`stack <isal.matrices>` of
        them.
    objective
        Indices of the parameters whose SPEB is minimised, shape ``(k,)``, or any ``C`` of shape ``(d, k)``.
    energy
        ``E``, J: the powers may sum to ``E / 1 s``.
    caps
        Upper limits of the powers, W, a number or shape ``(n,)``; default ``E / 1 s``, which never binds. A node whose
        cap is zero only receives.

    Raises
    ------
    AllocationError
        If a shape, the energy or a cap is unusable.
    """

    known: Knowledge
    stack: Stack
    selector: Array
    energy: float
    caps: Array

    def __init__(
        self,
        constant: ArrayLike | Knowledge,
        per_watt: ArrayLike | Stack,
        objective: ArrayLike,
        energy: float,
        caps: ArrayLike | None = None,
    ) -> None:
        set_ = object.__setattr__  # the dataclass is frozen
        if not isinstance(constant, Knowledge):
            constant = _numbers(constant, "constant", "1/m^2")
        if not isinstance(per_watt, Stack):
            per_watt = _numbers(per_watt, "per_watt", "1/(m^2 W)")
        shapes = constant.matrix.shape if isinstance(constant, Knowledge) else constant.shape, per_watt.shape
        if len(shapes[0]) != 2 or len(shapes[1]) != 3 or {*shapes[0], *shapes[1][1:]} != {shapes[0][0]}:
            raise AllocationError(
                f"constant must have shape (d, d) and per_watt (n, d, d); got {shapes[0]} and {shapes[1]}"
            )
        set_(self, "known", constant if isinstance(constant, Knowledge) else Knowledge.of_matrix(constant))
        set_(self, "energy", positive_number(energy, "energy", "J"))
        if not isinstance(per_watt, Stack):
            per_watt = DenseStack(per_watt[None])
        set_(self, "stack", per_watt)
        d, n = len(self.known), per_watt.n_nodes
        selector = _numbers(objective, "objective")
        if selector.ndim == 1 and len(selector) and selector.min() >= 0 and selector.max() < d:
            selector = np.eye(d)[:, selector.astype(np.intp)]
        elif selector.ndim != 2 or len(selector) != d or not selector.size:
            raise AllocationError(
                f"objective must name at least one of the parameters 0 to {d - 1}, or be a matrix of {d} rows"
            )
        set_(self, "selector", selector)
        set_(self, "caps", np.minimum(checked_caps(self.budget if caps is None else caps, n), self.budget))

    @property
    def constant(self) -> Array:
        """``M0``, shape ``(d, d)``, 1/m^2."""
        return self.known.matrix

    @property
    def n_nodes(self) -> int:
        return self.stack.n_nodes

    @property
    def per_watt(self) -> Array:
        """``B_m``, shape ``(n, d, d)``, whatever form they are kept in."""
        return self.stack.dense()[0]

    @property
    def budget(self) -> float:
        """What the powers may sum to, W."""
        return self.energy / DURATION_S

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of nodes, of parameters and of objective columns."""
        return self.n_nodes, *self.selector.shape

    @cached_property
    def batch(self) -> Batch:
        """This problem alone as a batch."""
        return Batch.of([self])

    def at(self, power: ArrayLike) -> Knowledge:
        """All that is known at some powers, ``M(p)``."""
        return self.known + at_power(self.stack, np.asarray(power, dtype=float))

    def matrix(self, power: ArrayLike) -> Array:
        """``M(p)``, shape ``(d, d)``."""
        return self.batch.matrix(np.asarray(power, dtype=float)[None])[0]

    def value(self, power: ArrayLike) -> float:
        """``f(p)``, m^2; infinite outside ``M(p) > 0``."""
        return float(self.batch.value(self.batch.columns(np.asarray(power, dtype=float)[None]))[0])

    def gradient(self, power: ArrayLike) -> Array:
        """``df/dp_m = -tr(Y' B_m Y)``, m^2/W, shape ``(n,)``."""
        gradient: Array = -self.batch.slope(self._required_columns(power))[0]
        return gradient

    def hessian(self, power: ArrayLike) -> Array:
        """``d2f/dp_m dp_l = 2 tr(Y' B_m M^-1 B_l Y)``, m^2/W^2, shape ``(n, n)``."""
        pushed = self.stack.apply(self._required_columns(power))[0]
        solved = np.linalg.solve(self.matrix(power), pushed)
        hessian: Array = 2 * np.einsum("mik,lik->ml", pushed, solved)
        return hessian

    def _required_columns(self, power: ArrayLike) -> Array:
        columns = self.batch.columns(np.asarray(power, dtype=float)[None])
        if np.isnan(columns).any():
            raise AllocationError("M(p) is not positive definite at these powers")
        return columns

    def feasible(self, power: ArrayLike) -> Array:
        """``power`` pushed into the caps and, if it spends too much, scaled down to the budget; shape ``(n,)``, W."""
        return self.batch.feasible(np.asarray(power, dtype=float)[None])[0]

    def of_nodes(self, chosen: NDArray[np.intp]) -> AllocationProblem:
        """The same problem in which only some nodes transmit, ``chosen`` in ascending order."""
        return AllocationProblem(self.known, self.stack.of_nodes(chosen), self.selector, self.energy, self.caps[chosen])

    def conditioned(self, power: Array) -> AllocationProblem | None:
        """The same problem in parameters in which ``M(p)`` is the identity at ``power``, so that it loses no digits.

        The powers that solve it are those that solve this one. None if there is no square root, or M(p) is singular.
        """
        rows, root = self.stack.rows[0], self.known.root
        if rows is None or root is None:
            return None
        scaled = scaled_triangle(np.concatenate([root, rows.at(power)]))
        if scaled is None:
            return None
        unit, triangle = scaled

        def transformed(each: Array) -> Array:
            return np.asarray(np.linalg.solve(triangle.T, (each / unit).T).T)

        new_rows = Rows(transformed(rows.entries), rows.node)
        stack = DenseStack(new_rows.products(self.n_nodes)[None], None, [new_rows])
        selector = transformed(self.selector.T).T
        return AllocationProblem(Knowledge.of_rows(transformed(root)), stack, selector, self.energy, self.caps)

    def spread(self, share: float = 1.0) -> Array:
        """The budget spread evenly over the nodes as far as the caps allow, times ``share``; shape ``(n,)``, W."""
        return share * self.batch.spread()[0]

    def interior_start(self) -> Array:
        """Powers inside the feasible set with ``M(p) > 0``, see :meth:`Batch.interior_start`; shape ``(n,)``, W.

        Raises
        ------
        AllocationError
            If nothing makes ``M(p)`` positive definite: the problem has no finite optimum.
        """
        start = self.batch.interior_start()[0]
        if np.isnan(start).any():
            raise AllocationError(NO_OPTIMUM)
        return start


def positive_number(value: Any, what: str, unit: str = "") -> float:
    """A finite positive number, or an AllocationError that names it; text and truth values are none."""
    number = finite_number(value)
    if number is None and not isinstance(value, float):
        raise AllocationError(f"{what} must be a number{unit and f' of {unit}'}, got {value!r}")
    if number is None or number <= 0:
        raise AllocationError(f"{what} must be finite and positive, got {value}{unit and f' {unit}'}")
    return number


def _numbers(values: ArrayLike, what: str, unit: str = "") -> Array:
    """Values as a new array of floats, or an AllocationError that names them."""
    try:
        return real_numbers(values)
    except (TypeError, ValueError) as error:
        raise AllocationError(f"{what} must be numbers{unit and f' of {unit}'}, got {values!r}: {error}") from error


def checked_caps(caps: ArrayLike, n_nodes: int) -> Array:
    """Power caps in W, shape ``(n_nodes,)``; a cap may be zero or infinite, but not all can be zero."""
    given = _numbers(caps, "caps", "W")
    if given.shape not in ((), (n_nodes,)):
        raise AllocationError(
            f"caps must be one number or one for each of the {n_nodes} nodes, got shape {given.shape}"
        )
    limits = np.broadcast_to(given, n_nodes)
    if not (limits >= 0).all():
        node = int(np.argmin(limits >= 0))
        raise AllocationError(f"the power cap of node {node + 1} must not be negative, got {limits[node]} W")
    if not limits.any():
        raise AllocationError("every power cap is zero; let at least one node transmit")
    return limits


#: What is said of a problem without any finite value.
NO_OPTIMUM = "M(p) is singular or indefinite whatever the powers: no finite optimum"


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
        """Problems of equal :attr:`AllocationProblem.shape`; a sparse one must be alone."""
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

    @property
    def has_root(self) -> bool:
        """Whether every problem's matrix is a sum of squares whose rows are there."""
        return all(known.root is not None for known in self.known) and None not in self.stack.rows

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
        fixed = np.einsum("Nik,Nik->N", columns, self.constant @ columns)
        bound = value**2 / (fixed + largest_over_feasible(self.slope(columns), self.budget, self.caps))
        return np.where(np.isnan(bound), 0.0, bound)

    def feasible(self, power: Array) -> Array:
        """See :meth:`AllocationProblem.feasible`."""
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


def pieces(problems: Sequence[AllocationProblem]) -> list[list[int]]:
    """Indices of problems that fit into one batch, at most :data:`PIECE` in each, and fewer if they are large."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, problem in enumerate(problems):
        alone = () if isinstance(problem.stack, DenseStack) else (index,)
        groups.setdefault((*problem.shape, *alone), []).append(index)
    found = []
    for (n_nodes, n_parameters, *_), group in groups.items():
        size = max(1, min(PIECE, PIECE_ENTRIES // (n_nodes * n_parameters**2)))
        found += [group[start : start + size] for start in range(0, len(group), size)]
    return found


def factorised(matrices: Array) -> tuple[NDArray[np.bool_], Array]:
    """Which matrices of unit diagonal, shape ``(N, d, d)``, are positive definite beyond rounding; Cholesky factors.

    The factor of one that is not is the identity.
    """
    try:
        factors = np.asarray(np.linalg.cholesky(matrices), dtype=float)
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.array([False]), np.eye(matrices.shape[1])[None]
        halves = [factorised(half) for half in np.array_split(matrices, 2)]
        return np.concatenate([half[0] for half in halves]), np.concatenate([half[1] for half in halves])
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


def lower_bound(problem: AllocationProblem, power: ArrayLike) -> float:
    """Certified lower bound on the optimum from any feasible powers, m^2; see :meth:`Batch.lower_bound`."""
    if not isinstance(problem, AllocationProblem):
        raise AllocationError(f"expected an isal.AllocationProblem, got {problem!r}")
    given = _numbers(power, "power", "W")
    if given.shape != (problem.n_nodes,):
        raise AllocationError(f"power needs {problem.n_nodes} values, one per node; got shape {given.shape}")
    return float(problem.batch.lower_bound(problem.batch.columns(given[None]))[0])


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


def certify(
    problem: AllocationProblem, power: ArrayLike, *, tolerance: float, solver: str, iterations: int, seconds: float
) -> Allocation:
    """The :class:`Allocation` of powers from anywhere: made feasible, evaluated and bounded independently."""
    powers = np.asarray(power, dtype=float)[None]
    (allocation,) = certify_all(problem.batch, powers, [tolerance], solver, np.array([iterations]), seconds)
    return allocation


def certify_all(
    batch: Batch,
    power: Array,
    tolerances: Sequence[float],
    solver: str,
    iterations: NDArray[np.intp],
    seconds: float,
    *,
    thorough: bool = True,
) -> list[Allocation]:
    """:func:`certify` for each problem of a batch; ``seconds`` is the time of each.

    Unless ``thorough``, powers whose gap is too large for another reason than rounding are not looked at twice.
    """
    inside = batch.feasible(power)
    columns = batch.columns(inside)
    value, bound = batch.value(columns), batch.lower_bound(columns)
    rounding = batch.rounding(inside, columns, value)
    value[~np.isfinite(rounding)] = np.inf
    share = 1 - np.asarray(tolerances)
    with np.errstate(invalid="ignore"):
        missed = ~(bound * (1 - rounding) >= value * share)
        open_ = np.flatnonzero(missed & (thorough | (bound >= value * share)))
    for number in open_:
        # Where M is nearly singular the rounding of M itself, or of its inverse alone, can leave a gap.
        part = batch.take(np.array([number]))
        evaluate = _by_root if part.has_root else _by_refinement
        value[number], bound[number], rounding[number] = evaluate(part, inside[number])
        # On the boundary a bound from slightly inside can be tighter, as the multipliers of unused nodes vanish there.
        middle = part.spread()[0] * (inside[number].sum() / part.budget[0])
        for by in INWARD if np.isfinite(value[number]) else ():
            _, shifted, error = evaluate(part, (1 - by) * inside[number] + by * middle)
            if shifted * (1 - error) > bound[number] * (1 - rounding[number]):
                bound[number], rounding[number] = shifted, max(error, rounding[number])
    # the gap holds what rounding may have done to the value; a bound above the value is rounding, too
    with np.errstate(invalid="ignore"):
        bound = np.where(np.isfinite(value), np.minimum(bound, value) * np.maximum(1 - rounding, 0.0), 0.0)
    rows = zip(inside, value.tolist(), bound.tolist(), tolerances, iterations.tolist(), strict=True)
    return [Allocation(p, f, low, tolerance, solver, used, seconds) for p, f, low, tolerance, used in rows]


def _by_root(single: Batch, power: Array) -> tuple[float, float, float]:
    """Value, lower bound and relative rounding error of both from the square root of M, for a batch of one problem."""
    known, rows, selector = single.known[0], single.stack.rows[0], single.selector[0]
    assert known.root is not None
    assert rows is not None
    value, columns = by_root(np.concatenate([known.root, rows.at(power)]), selector)
    if not np.isfinite(value):
        return np.inf, 0.0, np.inf
    slope = rows.squares(columns, len(power))
    fixed = float(np.sum((known.root @ columns) ** 2))
    promised = float(np.sum(selector * columns))
    bound = promised**2 / (fixed + largest_over_feasible(slope[None], single.budget, single.caps)[0])
    scale = np.sqrt(known.scale**2 + power @ single.stack.squares[0, :, 0])
    error = relative_rounding_of_root(scale, known.doubt, columns, np.sum(selector * columns, axis=0))
    return value, float(bound), error


def _by_refinement(single: Batch, power: Array) -> tuple[float, float, float]:
    """The same from M itself, the inverse in extended precision; what remains are the errors of its entries."""
    columns = single.columns(power[None], precise=True)
    value = single.value(columns)
    error = single.rounding(power[None], columns.astype(float), value)
    return float(value[0]), float(single.lower_bound(columns)[0]), float(error[0])
