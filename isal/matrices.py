"""Stacks of symmetric matrices, one per node, which are only ever summed with weights or applied to few columns.

Small networks are solved by the thousand, so :class:`DenseStack` holds many problems at once. In a large network almost
all entries are zero (a link concerns two nodes, a target and two clocks), so :class:`SparseStack` holds one problem and
only what is not zero: for 200 nodes and one target 0.6 million numbers instead of 8 to 18 million.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A stack with more entries than this is kept sparse.
LARGEST_DENSE = 1_000_000

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DenseStack:
    """Matrices of ``N`` problems, ``entries`` of shape ``(N, n, d, d)``."""

    entries: Array

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
        return DenseStack(self.entries[chosen])

    def scaled(self, factors: Array, unit: Array) -> DenseStack:
        """``unit diag(s) B_m diag(s)``, for ``factors`` of shape ``(N, d)`` and ``unit`` of shape ``(N,)``."""
        outer = unit[:, None, None] * factors[:, :, None] * factors[:, None, :]
        return DenseStack(self.entries * outer[:, None])

    def over(self, kept: NDArray[np.intp]) -> DenseStack:
        """The rows and columns of some parameters alone."""
        return DenseStack(self.entries[:, :, kept[:, None], kept])

    def without_block(self, known: NDArray[np.intp]) -> DenseStack:
        """The same with zeros where row and column are both among ``known``."""
        entries = self.entries.copy()
        entries[:, :, known[:, None], known] = 0.0
        return DenseStack(entries)

    def with_first(self, matrix: Array) -> DenseStack:
        """The same with the matrix of one more node, of shape ``(d, d)``, before all others."""
        return DenseStack(np.concatenate([np.broadcast_to(matrix, self.entries[:, :1].shape), self.entries], axis=1))

    def dense(self) -> Array:
        """All entries, shape ``(N, n, d, d)``."""
        return self.entries

    def indefinite(self) -> NDArray[np.bool_]:
        """Where a matrix has a negative 2 x 2 minor, as under "held"; shape ``(N, n)``."""
        root = np.sqrt(np.maximum(np.einsum("Nmii->Nmi", self.entries), 0.0)) * (1 + 1e-9)
        return np.asarray((np.abs(self.entries) > root[:, :, :, None] * root[:, :, None, :]).any(axis=(2, 3)))


@dataclass(frozen=True, eq=False)
class SparseStack:
    """Matrices of one problem: ``tall``, a ``scipy.sparse.csr_array`` of shape ``(n d, d)``, one above the other."""

    tall: Any
    n_nodes: int

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
        row, column = self._places
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
        row, column = self._places
        return self._with(self.tall.data * (unit[0] * factors[0, row] * factors[0, column]))

    def over(self, kept: NDArray[np.intp]) -> SparseStack:
        """See :meth:`DenseStack.over`."""
        rows = (np.arange(self.n_nodes)[:, None] * self.n_parameters + kept).ravel()
        return SparseStack(self.tall[rows][:, kept], self.n_nodes)

    def without_block(self, known: NDArray[np.intp]) -> SparseStack:
        """See :meth:`DenseStack.without_block`."""
        row, column = self._places
        changed = self._with(np.where(np.isin(row, known) & np.isin(column, known), 0.0, self.tall.data))
        changed.tall.eliminate_zeros()
        return changed

    def with_first(self, matrix: Array) -> SparseStack:
        """See :meth:`DenseStack.with_first`."""
        from scipy.sparse import csr_array, vstack

        return SparseStack(vstack([csr_array(matrix), self.tall], format="csr"), self.n_nodes + 1)

    def dense(self) -> Array:
        """See :meth:`DenseStack.dense`."""
        entries: Array = self.tall.toarray().reshape(1, self.n_nodes, self.n_parameters, self.n_parameters)
        return entries

    def indefinite(self) -> NDArray[np.bool_]:
        """See :meth:`DenseStack.indefinite`."""
        row, column = self._places
        node = np.repeat(np.arange(self.n_nodes), self._per_node)
        diagonal = np.zeros((self.n_nodes, self.n_parameters))
        on_diagonal = row == column
        diagonal[node[on_diagonal], row[on_diagonal]] = self.tall.data[on_diagonal]
        root = np.sqrt(np.maximum(diagonal, 0.0)) * (1 + 1e-9)
        negative = np.abs(self.tall.data) > root[node, row] * root[node, column]
        return (np.bincount(node, weights=negative, minlength=self.n_nodes) > 0)[None]

    @property
    def _places(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
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

        places = (self.tall.indices.copy(), self.tall.indptr.copy())
        return SparseStack(csr_array((data, *places), shape=self.tall.shape), self.n_nodes)


Stack = DenseStack | SparseStack
