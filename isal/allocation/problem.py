"""The allocation problem: minimise the trace of a block of an inverse matrix that is affine in the powers.

With ``M(p) = M0 + sum_m p_m B_m`` and a selector ``C``, every optimisation of the paper, (26)-(83), is

    minimise  f(p) = tr(C' M(p)^-1 C)   subject to   M(p) > 0,  0 <= p_m <= cap_m,  sum_m p_m <= E / 1 s.

Nothing in this module knows what a network is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.allocation.batch import Batch
from isal.errors import AllocationError, finite_number
from isal.knowledge import Knowledge, scaled_triangle
from isal.matrices import DenseStack, Rows, Stack, at_power
from isal.model.network import real_numbers
from isal.units import DURATION_S

Array = NDArray[np.float64]

#: Message about a problem that has no finite optimum.
NO_OPTIMUM = "M(p) is singular or indefinite whatever the powers: no finite optimum"


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
        cap is zero only receives, and one whose matrix is zero has a cap of zero.

    Raises
    ------
    AllocationError
        If a shape, the energy or a cap is unusable.

    Examples
    --------
    ``f(p) = 1/p_1 + 1/(4 p_2)`` with 3 W:

    >>> import isal
    >>> import numpy as np
    >>> problem = isal.AllocationProblem(np.zeros((2, 2)), [np.diag([1, 0]), np.diag([0, 4])], [0, 1], energy=3)
    >>> problem.budget, problem.n_nodes, round(problem.value([2, 1]), 6)
    (3.0, 2, 0.75)
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
            constant = checked_numbers(constant, "constant", "1/m^2")
        if not isinstance(per_watt, Stack):
            per_watt = checked_numbers(per_watt, "per_watt", "1/(m^2 W)")
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
        selector = checked_numbers(objective, "objective")
        if selector.ndim == 1 and len(selector) and selector.min() >= 0 and selector.max() < d:
            selector = np.eye(d)[:, selector.astype(np.intp)]
        elif selector.ndim != 2 or len(selector) != d or not selector.size:
            raise AllocationError(
                f"objective must name at least one of the parameters 0 to {d - 1}, or be a matrix of {d} rows"
            )
        set_(self, "selector", selector)
        limits = np.minimum(checked_caps(self.budget if caps is None else caps, n), self.budget)
        set_(self, "caps", without_silent(limits, per_watt.silent[0]))

    @classmethod
    def of_parts(
        cls, known: Knowledge, stack: Stack, selector: Array, energy: float, caps: Array | None
    ) -> AllocationProblem:
        """The problem of parts that were checked and fit, of which nothing is copied; for where problems are many."""
        problem, set_ = object.__new__(cls), object.__setattr__
        set_(problem, "known", known)
        set_(problem, "stack", stack)
        set_(problem, "selector", selector)
        set_(problem, "energy", float(energy))
        budget = problem.budget
        limits = np.full(stack.n_nodes, budget) if caps is None else np.minimum(caps, budget)
        set_(problem, "caps", without_silent(limits, stack.silent[0]))
        return problem

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
        stack = self.stack.of_nodes(chosen)
        return AllocationProblem.of_parts(self.known, stack, self.selector, self.energy, self.caps[chosen])

    def conditioned(self, power: Array) -> AllocationProblem | None:
        """The same problem in parameters in which ``M(p)`` is the identity at ``power``, so that it loses no digits.

        The powers that solve it are those that solve this one. None if there is no square root, or M(p) is singular.
        """
        better = conditioned(self.known, self.stack, power)
        if better is None:
            return None
        known, stack, transformed = better
        return AllocationProblem.of_parts(known, stack, transformed(self.selector.T).T, self.energy, self.caps)

    def spread(self, share: float = 1.0) -> Array:
        """The budget spread evenly over the nodes as far as the caps allow, times ``share``; shape ``(n,)``, W."""
        return share * self.batch.spread()[0]

    def interior_start(self) -> Array:
        """Powers inside the feasible set with ``M(p) > 0``, W, shape ``(n,)``.

        See :meth:`isal.allocation.batch.Batch.interior_start`.

        Raises
        ------
        AllocationError
            If nothing makes ``M(p)`` positive definite: the problem has no finite optimum.
        """
        start = self.batch.interior_start()[0]
        if np.isnan(start).any():
            raise AllocationError(NO_OPTIMUM)
        return start


def conditioned(
    known: Knowledge, stack: Stack, power: Array
) -> tuple[Knowledge, DenseStack, Callable[[Array], Array]] | None:
    """``M0`` and ``B_m`` in parameters in which ``M(p)`` is the identity, and what transforms rows to these.

    None if there is no square root, or M(p) is singular.
    """
    rows, root = stack.rows[0], known.root
    if rows is None or root is None:
        return None
    scaled = scaled_triangle(np.concatenate([root, rows.at(power)]))
    if scaled is None:
        return None
    unit, triangle = scaled

    def transformed(each: Array) -> Array:
        return np.asarray(np.linalg.solve(triangle.T, (each / unit).T).T)

    new_rows = Rows(transformed(rows.entries), rows.node)
    new_stack = DenseStack(new_rows.products(stack.n_nodes)[None], None, [new_rows])
    return Knowledge.of_rows(transformed(root)), new_stack, transformed


def positive_number(value: Any, what: str, unit: str = "") -> float:
    """A finite positive number, or an AllocationError that names it; text and truth values are none."""
    number = finite_number(value)
    if number is None and not isinstance(value, float):
        raise AllocationError(f"{what} must be a number{unit and f' of {unit}'}, got {value!r}")
    if number is None or number <= 0:
        raise AllocationError(f"{what} must be finite and positive, got {value}{unit and f' {unit}'}")
    return number


def checked_numbers(values: ArrayLike, what: str, unit: str = "") -> Array:
    """Values as a new array of floats, or an AllocationError that names them."""
    try:
        return real_numbers(values)
    except (TypeError, ValueError) as error:
        raise AllocationError(f"{what} must be numbers{unit and f' of {unit}'}, got {values!r}: {error}") from error


def without_silent(caps: Array, silent: NDArray[np.bool_]) -> Array:
    """Caps that leave no power to nodes that tell nothing, unless none tells anything."""
    return np.where(silent, 0.0, caps) if 0 < np.count_nonzero(silent) < len(silent) else caps


def checked_caps(caps: ArrayLike, n_nodes: int) -> Array:
    """Power caps in W, shape ``(n_nodes,)``; a cap may be zero or infinite, but not all can be zero."""
    given = checked_numbers(caps, "caps", "W")
    if given.shape not in ((), (n_nodes,)):
        raise AllocationError(
            f"caps must be one number or one for each of the {n_nodes} nodes, got shape {given.shape}"
        )
    limits = given if given.ndim else np.full(n_nodes, given)
    if not (limits >= 0).all():
        node = int(np.argmin(limits >= 0))
        raise AllocationError(f"the power cap of node {node + 1} must not be negative, got {limits[node]} W")
    if not limits.any():
        raise AllocationError("every power cap is zero; let at least one node transmit")
    return limits
