"""Certificates: powers from anywhere, made feasible, evaluated and bounded from below independently of their solver."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.allocation.batch import Batch, largest_over_feasible
from isal.allocation.problem import AllocationProblem, checked_numbers
from isal.errors import AllocationError
from isal.knowledge import by_root, relative_rounding_of_root

Array = NDArray[np.float64]

#: Certified relative gap that a result must reach unless asked otherwise.
DEFAULT_TOLERANCE = 1e-6

#: What is known of powers, the best first. ``"optimal"``: the certified gap meets the tolerance. ``"local"``: it does
#: not, but no small change lowers the value of a problem that is not convex; nothing proves that no large one does.
#: ``"uncertified"``: neither.
STATUSES = ("optimal", "local", "uncertified")

#: Powers are moved towards an even spread by these shares to bound the optimum from inside the feasible set.
INWARD = (1e-9, 1e-7)


@dataclass(frozen=True, eq=False, slots=True)
class Allocation:
    """Powers with their certificate.

    ``power`` (W, shape ``(n,)``) reaches ``value`` (m^2) and no feasible powers reach less than ``lower_bound`` (m^2).
    ``status`` is one of :data:`STATUSES`, whatever the solver itself said; ``solver`` names the solver that produced
    the powers. ``local`` ones are a minimum among their neighbours of what is not convex; ``lower_bound`` is certified
    all the same.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> best = isal.integrated(network, isal.Radio(), clock="synchronous", energy=10.0)
    >>> allocation = best.steps[0].allocation
    >>> allocation.status, f"{allocation.value:.3e}", allocation.gap <= allocation.tolerance
    ('optimal', '2.089e-04', True)
    """

    power: Array
    value: float
    lower_bound: float
    tolerance: float
    solver: str
    iterations: int
    seconds: float
    local: bool = False

    @property
    def gap(self) -> float:
        """Certified relative gap, ``1 - lower_bound / value``, never negative."""
        return max(0.0, 1 - self.lower_bound / self.value) if math.isfinite(self.value) else 1.0

    @property
    def status(self) -> str:
        if self.gap <= self.tolerance:
            return "optimal"
        return "local" if self.local else "uncertified"


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

    Unless ``thorough``, powers whose gap is too large for another reason than rounding are not evaluated once more.
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
        found = evaluated(part, inside[number])
        value[number], bound[number], rounding[number] = found.value, found.lower_bound(part), found.error
        # On the boundary a bound from slightly inside can be tighter, as the multipliers of unused nodes vanish there.
        middle = part.spread()[0] * (inside[number].sum() / part.budget[0])
        for by in INWARD if np.isfinite(value[number]) else ():
            shifted = evaluated(part, (1 - by) * inside[number] + by * middle)
            if shifted.lower_bound(part) * (1 - shifted.error) > bound[number] * (1 - rounding[number]):
                bound[number], rounding[number] = shifted.lower_bound(part), max(shifted.error, rounding[number])
    # the gap holds what rounding may have done to the value; a bound above the value is rounding, too
    with np.errstate(invalid="ignore"):
        bound = np.where(np.isfinite(value), np.minimum(bound, value) * np.maximum(1 - rounding, 0.0), 0.0)
    rows = zip(inside, value.tolist(), bound.tolist(), tolerances, iterations.tolist(), strict=True)
    return [Allocation(p, f, low, tolerance, solver, used, seconds) for p, f, low, tolerance, used in rows]


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What one problem's bounds are made of at some powers, with ``Y = M^-1 C``, as exactly as it can be had.

    ``value`` is f, infinite outside ``M > 0``, ``promised`` ``tr(C' Y)``, ``fixed`` ``tr(Y' M0 Y)``, ``slope``
    ``tr(Y' B_m Y)``, and ``error`` bounds the relative error of all of them by rounding. Where the sums may cancel
    these are numbers of extended precision.
    """

    value: float
    promised: float
    fixed: float
    slope: Array
    error: float

    def lower_bound(self, single: Batch) -> float:
        """See :meth:`isal.allocation.batch.Batch.lower_bound`; zero where there is none."""
        if not np.isfinite(self.value):
            return 0.0
        most = largest_over_feasible(self.slope[None], single.budget, single.caps)[0]
        return float(self.promised**2 / (self.fixed + most))


def evaluated(single: Batch, power: Array) -> Evaluated:
    """The parts of the bound of a batch of one problem, from the square root of M where there is one.

    Else they are from M itself, the inverse in extended precision; what remains are the errors of its entries.
    """
    known, rows, selector = single.known[0], single.stack.rows[0], single.selector[0]
    if known.root is not None and rows is not None:
        value, columns = by_root(np.concatenate([known.root, rows.at(power)]), selector)
        if not np.isfinite(value):
            return Evaluated(np.inf, 0.0, 0.0, np.zeros(len(power)), np.inf)
        fixed = float(np.sum((known.root @ columns) ** 2))
        scale = np.sqrt(known.scale**2 + power @ single.stack.squares[0, :, 0])
        error = relative_rounding_of_root(scale, known.doubt, columns, np.sum(selector * columns, axis=0))
        return Evaluated(value, float(np.sum(selector * columns)), fixed, rows.squares(columns, len(power)), error)
    precise = single.columns(power[None], precise=True)
    of_m = single.value(precise)
    error = float(single.rounding(power[None], precise.astype(float), of_m)[0])
    return Evaluated(float(of_m[0]), of_m[0], single.fixed(precise)[0], single.slope(precise)[0], error)


def lower_bound(problem: AllocationProblem, power: ArrayLike) -> float:
    """Certified lower bound on the optimum from any feasible powers, m^2.

    See :meth:`isal.allocation.batch.Batch.lower_bound`.

    Returns
    -------
    The bound, m^2; 0 where ``M(p)`` is singular at these powers.

    Examples
    --------
    ``f(p) = 1/p_1 + 1/(4 p_2)`` with 3 W is least, 3/4, at 2 W and 1 W:

    >>> import isal
    >>> import numpy as np
    >>> problem = isal.AllocationProblem(np.zeros((2, 2)), [np.diag([1, 0]), np.diag([0, 4])], [0, 1], energy=3)
    >>> round(isal.lower_bound(problem, [2, 1]), 6)
    0.75
    >>> round(isal.lower_bound(problem, [1.5, 1.5]), 6)  # a worse bound, as the powers are not the best
    0.520833
    """
    if not isinstance(problem, AllocationProblem):
        raise AllocationError(f"expected an isal.AllocationProblem, got {problem!r}")
    given = checked_numbers(power, "power", "W")
    if given.shape != (problem.n_nodes,):
        raise AllocationError(f"power needs {problem.n_nodes} values, one per node; got shape {given.shape}")
    return float(problem.batch.lower_bound(problem.batch.columns(given[None]))[0])
