"""Stacks of symmetric matrices, one per node, which are only ever summed with weights or applied to few columns.

Small networks are solved by the thousand, so :class:`DenseStack` holds many problems at once. In a large network almost
all entries are zero (a link concerns two nodes, a target and two clocks), so :class:`SparseStack` holds one problem and
only what is not zero: for 200 nodes and one target 0.6 million numbers instead of 8 to 18 million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isal.knowledge import Knowledge

#: A stack with more entries than this is kept sparse.
LARGEST_DENSE = 1_000_000

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """The square root of one problem's matrices: ``B_m`` is the sum of ``r' r`` over the rows ``r`` of node m.

    ``entries`` has shape ``(k, d)``, 1/(m sqrt(W)), and ``node`` shape ``(k,)``.
    """

    entries: Array
    node: NDArray[np.intp]

    def at(self, power: Array) -> Array:
        """The square root of ``sum_m p_m B_m``, shape ``(k, d)``; ``power`` in W, shape ``(n,)``."""
        return self.entries * np.sqrt(power[self.node])[:, None]

    def products(self, n_nodes: int) -> Array:
        """``B_m``, shape ``(n_nodes, d, d)``."""
        own = (self.entries[self.node == node] for node in range(n_nodes))
        return np.array([each.T @ each for each in own])

    def squares(self, columns: Array, n_nodes: int) -> Array:
        """``tr(Y' B_m Y)``, shape ``(n,)``, for ``columns`` of shape ``(d, k)``."""
        per_row = np.sum((self.entries @ columns) ** 2, axis=1)
        return np.bincount(self.node, weights=per_row, minlength=n_nodes).astype(float)

    def of_nodes(self, chosen: NDArray[np.intp]) -> Rows:
        """The rows of some nodes alone, ``chosen`` in ascending order, numbered as they stand there."""
        own = np.isin(self.node, chosen)
        return Rows(self.entries[own], np.searchsorted(chosen, self.node[own]))

    def with_first(self, root: Array) -> Rows:
        """The same with the square root of the matrix of one more node before all others."""
        node = np.concatenate([np.zeros(len(root), dtype=np.intp), self.node + 1])
        return Rows(np.concatenate([root, self.entries]), node)


@dataclass(frozen=True, eq=False)
class DenseStack:
    """Matrices of ``N`` problems, ``entries`` of shape ``(N, n, d, d)``.

    ``squares`` bounds the rounding errors of the entries: that of entry (i, j) of ``B_m`` is at most some units
    roundoff times the root of ``squares[m, 0, i] squares[m, 0, j]``, less that of ``squares[m, 1, i] squares[m, 1, j]``
    for entries that are exactly zero; shape ``(N, n, 2, d)``, by default the diagonals and zero.
    ``rows`` is the square root of each problem's matrices, None where they are no sums of squares.
    """

    entries: Array
    squares: Array
    rows: tuple[Rows | None, ...]

    def __init__(self, entries: Array, squares: Array | None = None, rows: Sequence[Rows | None] | None = None) -> None:
        set_ = object.__setattr__  # the dataclass is frozen
        set_(self, "entries", entries)
        if squares is None:
            diagonals = np.einsum("Nmii->Nmi", entries)
            squares = np.stack([np.maximum(diagonals, 0.0), np.zeros_like(diagonals)], axis=2)
        set_(self, "squares", squares)
        set_(self, "rows", (None,) * len(entries) if rows is None else tuple(rows))

    @classmethod
    def of(cls, stacks: Sequence[Stack]) -> Stack:
        """The problems of several stacks side by side; a sparse one must be alone."""
        if not all(isinstance(stack, DenseStack) for stack in stacks):
            (alone,) = stacks
            return alone
        dense = [stack for stack in stacks if isinstance(stack, DenseStack)]
        # many problems of one network share a stack
        different = list({id(stack): stack for stack in dense}.values())
        starts = np.cumsum([0, *(len(stack.entries) for stack in different)])
        place = {id(stack): range(*ends) for stack, *ends in zip(different, starts, starts[1:], strict=False)}
        chosen = np.array([number for stack in dense for number in place[id(stack)]], dtype=np.intp)
        # copied even if there is but one: sums run in the order of memory, and no number may depend on the company
        return cls(
            np.array([entries for stack in different for entries in stack.entries])[chosen],
            np.array([squares for stack in different for squares in stack.squares])[chosen],
            [rows for stack in dense for rows in stack.rows],
        )

    @property
    def n_nodes(self) -> int:
        return int(self.entries.shape[1])

    @property
    def n_parameters(self) -> int:
        return int(self.entries.shape[2])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one problem's matrices, ``(n, d, d)``."""
        return self.entries.shape[1:]

    def combine(self, weights: Array) -> Array:
        """``sum_m w_m B_m``, shape ``(N, d, d)``, for ``weights`` of shape ``(N, n)``."""
        n_problems, n, d, _ = self.entries.shape
        flat = self.entries.reshape(n_problems, n, d * d)
        combined: Array = (weights[:, None, :] @ flat).reshape(n_problems, d, d)
        return combined

    def apply(self, columns: Array) -> Array:
        """``B_m Y``, shape ``(N, n, d, k)``, for ``columns`` of shape ``(N, d, k)``."""
        n_problems, n, d, _ = self.entries.shape
        tall = self.entries.reshape(n_problems, n * d, d)
        applied: Array = (tall @ columns).reshape(n_problems, n, d, columns.shape[2])
        return applied

    def take(self, chosen: NDArray[Any]) -> DenseStack:
        """The problems at the given indices, or where a mask is true."""
        numbers = np.arange(len(self.entries))[chosen]
        rows = [self.rows[number] for number in numbers.tolist()]
        return DenseStack(self.entries[chosen], self.squares[chosen], rows)

    def scaled(self, factors: Array, unit: Array) -> DenseStack:
        """``unit diag(s) B_m diag(s)``, for ``factors`` of shape ``(N, d)`` and ``unit`` of shape ``(N,)``."""
        outer = unit[:, None, None] * factors[:, :, None] * factors[:, None, :]
        squares = unit[:, None, None, None] * factors[:, None, None, :] ** 2
        return DenseStack(self.entries * outer[:, None], self.squares * squares)

    def over(self, kept: NDArray[np.intp]) -> DenseStack:
        """The rows and columns of some parameters alone."""
        rows = [None if each is None else Rows(each.entries[:, kept], each.node) for each in self.rows]
        return DenseStack(self.entries[:, :, kept[:, None], kept], self.squares[..., kept], rows)

    def of_nodes(self, chosen: NDArray[np.intp]) -> DenseStack:
        """The matrices of some nodes alone, ``chosen`` in ascending order."""
        rows = [None if each is None else each.of_nodes(chosen) for each in self.rows]
        return DenseStack(self.entries[:, chosen], self.squares[:, chosen], rows)

    def embedded(self, size: int, indices: NDArray[np.intp]) -> DenseStack:
        """The same about ``size`` parameters, where these have the given ``indices``, with zeros for the others."""
        entries = np.zeros((*self.entries.shape[:2], size, size))
        entries[:, :, indices[:, None], indices] = self.entries
        squares = np.zeros((*self.squares.shape[:3], size))
        squares[..., indices] = self.squares
        rows: list[Rows | None] = []
        for each in self.rows:
            wide = np.zeros((0 if each is None else len(each.entries), size))
            if each is not None:
                wide[:, indices] = each.entries
            rows.append(None if each is None else Rows(wide, each.node))
        return DenseStack(entries, squares, rows)

    def without_block(self, known: NDArray[np.intp]) -> DenseStack:
        """The same with zeros where row and column are both among ``known``."""
        entries = self.entries.copy()
        entries[:, :, known[:, None], known] = 0.0
        return DenseStack(entries, _without(self.squares, known))

    def with_first(self, first: Knowledge) -> DenseStack:
        """One problem's stack with what one more node tells per watt before all others."""
        root = first.root
        return DenseStack(
            np.concatenate([first.matrix[None, None], self.entries], axis=1),
            np.concatenate([_squares_of(first), self.squares], axis=1),
            [None if each is None or root is None else each.with_first(root) for each in self.rows],
        )

    def dense(self) -> Array:
        """All entries, shape ``(N, n, d, d)``."""
        return self.entries

    @cached_property
    def silent(self) -> NDArray[np.bool_]:
        """Where a matrix is zero, as of a node that only receives; shape ``(N, n)``."""
        return np.asarray(~self.entries.any(axis=(2, 3)))

    def indefinite(self) -> NDArray[np.bool_]:
        """Where a matrix has a negative 2 x 2 minor, as under "held"; shape ``(N, n)``."""
        root = np.sqrt(np.maximum(np.einsum("Nmii->Nmi", self.entries), 0.0)) * (1 + 1e-9)
        return np.asarray((np.abs(self.entries) > root[:, :, :, None] * root[:, :, None, :]).any(axis=(2, 3)))


@dataclass(frozen=True, eq=False)
class SparseStack:
    """Matrices of one problem: ``tall``, a ``scipy.sparse.csr_array`` of shape ``(n d, d)``, one above the other.

    ``squares`` is as in :class:`DenseStack`, with ``N`` 1. The square root is not kept, as it has many more rows.
    """

    tall: Any
    n_nodes: int
    squares: Array

    @property
    def rows(self) -> tuple[None]:
        """See :class:`DenseStack`."""
        return (None,)

    @property
    def n_parameters(self) -> int:
        return int(self.tall.shape[1])

    @property
    def shape(self) -> tuple[int, ...]:
        """See :attr:`DenseStack.shape`."""
        return self.n_nodes, self.n_parameters, self.n_parameters

    def combine(self, weights: Array) -> Array:
        """See :meth:`DenseStack.combine`; ``N`` is 1."""
        d = self.n_parameters
        row, column = self._row_and_column
        weighted = self.tall.data * np.repeat(weights[0], self._per_node)
        flat = np.bincount(row * d + column, weights=weighted.astype(float), minlength=d * d).astype(float)
        return flat.reshape(1, d, d)

    def apply(self, columns: Array) -> Array:
        """See :meth:`DenseStack.apply`; ``N`` is 1."""
        applied: Array = (self.tall @ columns[0]).reshape(1, self.n_nodes, self.n_parameters, columns.shape[2])
        return applied

    def take(self, chosen: NDArray[Any]) -> SparseStack:
        """See :meth:`DenseStack.take`."""
        return self

    def scaled(self, factors: Array, unit: Array) -> SparseStack:
        """See :meth:`DenseStack.scaled`."""
        row, column = self._row_and_column
        scaled = self._with(self.tall.data * (unit[0] * factors[0, row] * factors[0, column]))
        return replace(scaled, squares=self.squares * (unit[:, None, None, None] * factors[:, None, None, :] ** 2))

    def over(self, kept: NDArray[np.intp]) -> SparseStack:
        """See :meth:`DenseStack.over`."""
        rows = (np.arange(self.n_nodes)[:, None] * self.n_parameters + kept).ravel()
        return SparseStack(self.tall[rows][:, kept], self.n_nodes, self.squares[..., kept])

    def of_nodes(self, chosen: NDArray[np.intp]) -> SparseStack:
        """See :meth:`DenseStack.of_nodes`."""
        d = self.n_parameters
        rows = (chosen[:, None] * d + np.arange(d)).ravel()
        return SparseStack(self.tall[rows], len(chosen), self.squares[:, chosen])

    def embedded(self, size: int, indices: NDArray[np.intp]) -> SparseStack:
        """See :meth:`DenseStack.embedded`."""
        from scipy.sparse import csr_array

        row, column = self._row_and_column
        node = np.repeat(np.arange(self.n_nodes), self._per_node)
        wide = csr_array(
            (self.tall.data, (node * size + indices[row], indices[column])), shape=(self.n_nodes * size, size)
        )
        squares = np.zeros((*self.squares.shape[:3], size))
        squares[..., indices] = self.squares
        return SparseStack(wide, self.n_nodes, squares)

    def without_block(self, known: NDArray[np.intp]) -> SparseStack:
        """See :meth:`DenseStack.without_block`."""
        row, column = self._row_and_column
        changed = self._with(np.where(np.isin(row, known) & np.isin(column, known), 0.0, self.tall.data))
        changed.tall.eliminate_zeros()
        return replace(changed, squares=_without(self.squares, known))

    def with_first(self, first: Knowledge) -> SparseStack:
        """See :meth:`DenseStack.with_first`."""
        from scipy.sparse import csr_array, vstack

        squares = np.concatenate([_squares_of(first), self.squares], axis=1)
        tall = vstack([csr_array(first.matrix), self.tall], format="csr")
        return SparseStack(tall, self.n_nodes + 1, squares)

    def dense(self) -> Array:
        """See :meth:`DenseStack.dense`."""
        entries: Array = self.tall.toarray().reshape(1, self.n_nodes, self.n_parameters, self.n_parameters)
        return entries

    @cached_property
    def silent(self) -> NDArray[np.bool_]:
        """See :meth:`DenseStack.silent`."""
        node = np.repeat(np.arange(self.n_nodes), self._per_node)
        return np.asarray(np.bincount(node, weights=self.tall.data != 0, minlength=self.n_nodes) == 0)[None]

    def indefinite(self) -> NDArray[np.bool_]:
        """See :meth:`DenseStack.indefinite`."""
        row, column = self._row_and_column
        node = np.repeat(np.arange(self.n_nodes), self._per_node)
        diagonal = np.zeros((self.n_nodes, self.n_parameters))
        on_diagonal = row == column
        diagonal[node[on_diagonal], row[on_diagonal]] = self.tall.data[on_diagonal]
        root = np.sqrt(np.maximum(diagonal, 0.0)) * (1 + 1e-9)
        negative = np.abs(self.tall.data) > root[node, row] * root[node, column]
        return (np.bincount(node, weights=negative, minlength=self.n_nodes) > 0)[None]

    @property
    def _row_and_column(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row and column within its matrix of each number."""
        row: NDArray[np.intp] = np.repeat(np.arange(self.tall.shape[0]) % self.n_parameters, np.diff(self.tall.indptr))
        return row, self.tall.indices

    @property
    def _per_node(self) -> NDArray[np.intp]:
        """How many numbers each node has."""
        per_node: NDArray[np.intp] = np.diff(self.tall.indptr[:: self.n_parameters])
        return per_node

    def _with(self, data: Array) -> SparseStack:
        from scipy.sparse import csr_array

        structure = (self.tall.indices.copy(), self.tall.indptr.copy())
        return SparseStack(csr_array((data, *structure), shape=self.tall.shape), self.n_nodes, self.squares)


Stack = DenseStack | SparseStack


def _without(squares: Array, known: NDArray[np.intp]) -> Array:
    """The squares of a stack whose entries among ``known`` are zero."""
    changed = squares.copy()
    changed[..., 1, known] = changed[..., 0, known]
    return changed


def _squares_of(known: Knowledge) -> Array:
    """The squares of one matrix, shape ``(1, 1, 2, d)``."""
    squares = known.scale**2 + np.diag(known.doubt)
    return np.stack([squares, np.zeros_like(squares)])[None, None]


def at_powers(stack: Stack, power: Array) -> list[Knowledge]:
    """:func:`at_power` for many powers, shape ``(N, n)``: the same matrices, and error scales but for rounding."""
    rows = stack.rows[0]
    if not isinstance(stack, DenseStack) or rows is None:
        return [at_power(stack, each) for each in power]
    n, d = power.shape[1], stack.n_parameters
    matrix = (power[:, None] @ stack.entries.reshape(1, n, d * d)).reshape(-1, d, d)
    scale = np.sqrt(power[:, None] @ stack.squares[0, :, 0].copy())[:, 0]
    root, nothing = rows.entries * np.sqrt(power[:, rows.node])[:, :, None], np.zeros((d, d))
    told = zip(matrix, scale, root, strict=True)
    return [Knowledge(one, its_scale, nothing, its_root) for one, its_scale, its_root in told]


def at_power(stack: Stack, power: Array) -> Knowledge:
    """What one problem's stack tells at powers of shape ``(n,)``, W."""
    rows = stack.rows[0]
    matrix = stack.combine(power[None])[0]
    n, d = len(power), stack.n_parameters
    scale, exact = np.sqrt(power @ stack.squares[0].reshape(n, 2 * d)).reshape(2, d)
    if rows is None:
        return Knowledge(matrix, np.zeros(d), scale[:, None] * scale - exact[:, None] * exact, None)
    return Knowledge(matrix, scale, np.zeros((d, d)), rows.at(power))
