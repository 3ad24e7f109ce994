"""What is known of some parameters: an information matrix, its square root, and what rounding may have done to both.

Where a target is close to a node in a large field, a radar's information about the target is many orders larger than
what is left of the radar's own once the target is unknown. The difference of the two, a Schur complement, then has
no right digit in double precision. So unknown parameters are eliminated from the *rows* whose products add up to the
matrix, which loses only half as many digits, and every number carries a bound on its error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

#: Error of a matrix entry or of a column of a square root, in units of :attr:`Knowledge.scale` or
#: :attr:`Knowledge.doubt`: sums of products and factorisations of some ten rows, each with a few roundings. In the
#: ensemble of the tests, against 50 digits, the largest error is 0.4 times the one stated.
ROUNDING = 4 * np.finfo(float).eps

#: Up to this relative rounding error a number is computed from the matrix; above, from the square root.
NEGLIGIBLE = 1e-11

#: A direction of unknown parameters whose part of the rows is below this, relative to its size, has no information.
NO_INFORMATION = 1e-13


#: A matrix has no Cholesky factor where its least eigenvalue is below minus this share of the largest one.
CLEARLY_NEGATIVE = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Knowledge:
    """Information about ``d`` parameters.

    Parameters
    ----------
    matrix
        Symmetric, positive semidefinite but for rounding, shape ``(d, d)``, 1/m^2.
    scale
        The error of column j of ``root`` is at most :data:`ROUNDING` times ``scale[j]`` (Euclidean norm); shape
        ``(d,)``, 1/m.
    doubt
        Besides, the error of entry (i, j) of ``matrix`` is at most :data:`ROUNDING` times ``doubt[i, j]``; shape
        ``(d, d)``, 1/m^2. Where there is no root, it is all the error.
    root
        Rows whose products add up to the matrix, ``matrix = root' root``, shape ``(k, d)``, 1/m; None where the
        matrix is no sum of squares ("held") or too large for that.
    """

    matrix: Array
    scale: Array
    doubt: Array
    root: Array | None

    @classmethod
    def nothing(cls, size: int) -> Knowledge:
        """No information about ``size`` parameters."""
        return cls(np.zeros((size, size)), np.zeros(size), np.zeros((size, size)), np.zeros((0, size)))

    @classmethod
    def of_rows(cls, root: Array, scale: Array | None = None, doubt: Array | None = None) -> Knowledge:
        """The sum of squares of rows, shape ``(k, d)``, with errors of rounding; ``scale``, ``doubt`` may say more."""
        root = triangle_of(root) if len(root) > root.shape[1] else root
        matrix = root.T @ root
        norms = np.sqrt(np.diag(matrix))
        return cls(matrix, norms if scale is None else scale, 0.0 * matrix if doubt is None else doubt, root)

    @classmethod
    def of_matrix(cls, matrix: ArrayLike, doubt: Array | None = None) -> Knowledge:
        """A matrix without a square root, its entries exact but for rounding unless ``doubt`` says more."""
        entries = np.asarray(matrix, dtype=float)
        norms = np.sqrt(np.maximum(np.diag(entries), 0.0))
        return cls(entries, 0.0 * norms, np.outer(norms, norms) if doubt is None else doubt, None)

    def __len__(self) -> int:
        return len(self.matrix)

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self.matrix.any())

    def __add__(self, other: Knowledge) -> Knowledge:
        for one, rest in ((self, other), (other, self)):
            if one.root is not None and not len(one.root):
                return rest
        both = None if self.root is None or other.root is None else np.concatenate([self.root, other.root])
        matrix, scale = self.matrix + other.matrix, np.hypot(self.scale, other.scale)
        doubt = self.doubt + other.doubt
        if both is None:
            # without the rows an error of a column is one of all its products
            return Knowledge(matrix, 0.0 * scale, doubt + np.outer(scale, scale), None)
        return Knowledge(matrix, scale, doubt, both)

    def over(self, kept: NDArray[np.intp]) -> Knowledge:
        """What is known of the parameters ``kept`` if all others are known exactly."""
        block, some = _block(kept)
        if isinstance(some, slice) and len(kept) == len(self):
            return self
        # numbers in the order of memory that they would have alone; picked by indices a block is a copy already
        matrix, doubt = np.ascontiguousarray(self.matrix[block]), np.ascontiguousarray(self.doubt[block])
        root = None if self.root is None else np.ascontiguousarray(self.root[:, some])
        return Knowledge(matrix, self.scale[some], doubt, root)

    def embedded(self, size: int, indices: NDArray[np.intp]) -> Knowledge:
        """The same about ``size`` parameters: these have the given ``indices``, and nothing is known of the others."""
        block, some = _block(indices)
        if isinstance(some, slice) and len(indices) == size:
            return self
        matrix, scale, doubt = np.zeros((size, size)), np.zeros(size), np.zeros((size, size))
        matrix[block], scale[some], doubt[block] = self.matrix, self.scale, self.doubt
        root = None if self.root is None else np.zeros((len(self.root), size))
        if root is not None:
            root[:, some] = self.root
        return Knowledge(matrix, scale, doubt, root)

    def marginal(self, kept: NDArray[np.intp]) -> Knowledge:
        """What is known of the parameters ``kept``, ascending, if the others are unknown: (9)'s equivalent information.

        Powers may be zero, so the others may have directions without information; these carry none to ``kept`` either.
        """
        unknown = np.delete(np.arange(len(self)), kept)
        if not len(unknown):
            return self
        diagonal = np.diag(self.matrix)[unknown]
        size = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        if self.root is not None:
            left, values, right = np.linalg.svd(self.root[:, unknown] / size, full_matrices=False)
            known = values > NO_INFORMATION
            left, right, values = left[:, known], right[known], values[known]
            share = left.T @ self.root[:, kept]
            root = self.root[:, kept] - left @ share
            # once more for what rounding left along the eliminated directions
            root -= left @ (left.T @ root)
            follow = (right.T @ (share / values[:, None])) / size[:, None]
            return Knowledge.of_rows(root, *self._followed(kept, unknown, follow))
        cross = self.matrix[unknown[:, None], kept] / size[:, None]
        block = self.matrix[unknown[:, None], unknown] / np.outer(size, size)
        values, vectors = np.linalg.eigh(block)
        turned = vectors.T @ cross
        known = values > ROUNDING
        follow = vectors[:, known] @ (turned[known] / values[known, None])
        reduced = self.matrix[kept[:, None], kept] - cross.T @ follow
        _, doubt = self._followed(kept, unknown, follow / size[:, None])
        # a direction that may have no information, or little and all of it about ``kept``: rounding does not tell
        untold = np.linalg.norm(turned[~known], axis=0) / ROUNDING
        return Knowledge.of_matrix(0.5 * (reduced + reduced.T), doubt + np.outer(untold, untold))

    def _followed(self, kept: NDArray[np.intp], unknown: NDArray[np.intp], follow: Array) -> tuple[Array, Array]:
        """Scale and doubt of the parameters ``kept`` where the ``unknown`` follow them by the factors ``follow``."""
        weight = np.zeros((len(self), len(kept)))
        weight[kept, np.arange(len(kept))] = 1.0
        weight[unknown] = np.abs(follow)
        return self.scale @ weight, weight.T @ self.doubt @ weight

    def rooted(self) -> Knowledge:
        """The same with a square root; where the matrix is negative, by rounding or as part of "held", it is zero."""
        if self.root is not None:
            return self
        diagonal = np.diag(self.matrix)
        unit = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        values, vectors = np.linalg.eigh(self.matrix / np.outer(unit, unit))
        return Knowledge.of_rows((np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T) * unit, None, self.doubt)

    def speb(self, indices: NDArray[np.intp]) -> float:
        """Trace of a block of the inverse (9), m^2; infinite where the information is singular, NaN for no block."""
        return float(spebs_of([self], indices)[0])


def _block(indices: NDArray[np.intp]) -> tuple[Any, Any]:
    """What picks a block of a matrix, and the same part of a vector: slices, which are faster, of indices in a row."""
    told = indices.tolist()
    if told and told == list(range(told[0], told[-1] + 1)):
        run = slice(told[0], told[-1] + 1)
        return (run, run), run
    return (indices[:, None], indices), indices


def spebs_of(known: Sequence[Knowledge], indices: NDArray[np.intp]) -> Array:
    """:meth:`Knowledge.speb` of many that are about equally many parameters, shape ``(N,)``."""
    if len(indices) == 0:
        return np.full(len(known), np.nan)  # the network has no such parameters
    matrix = np.array([each.matrix for each in known])
    selector = np.eye(matrix.shape[1])[:, indices]
    value, columns = _by_cholesky(matrix, selector)
    size = np.sqrt(np.maximum(np.einsum("Nii->Ni", matrix), 0.0))
    scale, doubt = np.array([each.scale for each in known]), np.array([each.doubt for each in known])
    for number in np.flatnonzero(~(relative_rounding(scale, doubt, size, columns, value) <= NEGLIGIBLE)).tolist():
        root = known[number].root
        if root is not None:
            value[number], _ = by_root(root, selector)
    return value


def relative_rounding(scale: Array, doubt: Array, size: Array, columns: Array, value: Array) -> Array:
    """First-order bounds on the relative error of ``f = tr(C' M^-1 C)`` by the rounding of ``M``, shape ``(N,)``.

    With ``Y = M^-1 C`` (``columns``, shape ``(N, d, k)``) the error is ``-tr(Y' dM Y)``. ``scale``, shape ``(N, d)``,
    and ``doubt``, shape ``(N, d, d)``, are those of all that is in ``M`` and ``size``, shape ``(N, d)``, the roots of
    its diagonal. NaN where ``Y`` is.
    """
    heights = np.abs(columns)
    of_scale, of_size = (np.einsum("Ni,Nik->Nk", each, heights) for each in (scale, size))
    of_doubt = np.einsum("Nik,Nik->N", heights, doubt @ heights)
    return np.asarray(ROUNDING * ((of_scale * of_size).sum(axis=1) + of_doubt) / value)


def relative_rounding_of_root(scale: Array, doubt: Array, columns: Array, per_column: Array) -> float:
    """The same for one value by :func:`by_root`, whose parts are ``per_column``: half as many digits are lost."""
    heights = np.abs(columns)
    of_scale = 2 * (scale @ heights) * np.sqrt(per_column)
    return float(ROUNDING * (of_scale.sum() + np.sum(heights * (doubt @ heights))) / per_column.sum())


def _by_cholesky(matrix: Array, selector: Array) -> tuple[Array, Array]:
    """``tr(C' M^-1 C)`` and ``M^-1 C`` for matrices of shape ``(N, d, d)`` and ``C`` of shape ``(d, k)``.

    Infinite and NaN where M is not positive definite.
    """
    diagonal = np.einsum("Nii->Ni", matrix)
    unit = np.sqrt(np.where(diagonal > 0, diagonal, np.nan))
    # scaled to a unit diagonal, the Cholesky factor is accurate whatever the powers
    factor = cholesky_factors(matrix / (unit[:, :, None] * unit[:, None, :]))
    half = np.linalg.solve(factor, selector / unit[:, :, None])
    value = (half**2).reshape(len(half), -1).sum(axis=1)
    columns = np.linalg.solve(factor.transpose(0, 2, 1), half) / unit[:, :, None]
    return np.where(np.isnan(value), np.inf, value), columns


def cholesky_factors(matrices: Array) -> Array:
    """Lower triangular factors of matrices of shape ``(N, d, d)``; with NaN where one is not positive definite."""
    try:
        return np.asarray(np.linalg.cholesky(matrices), dtype=float)
    except np.linalg.LinAlgError:
        pass
    factors = np.full(matrices.shape, np.nan)
    if len(matrices) == 1:
        return factors
    finite = np.isfinite(matrices).all(axis=(1, 2), keepdims=True)
    values = np.linalg.eigvalsh(np.where(finite, matrices, 0.0))
    hopeful = np.flatnonzero(values[:, 0] >= -CLEARLY_NEGATIVE * values[:, -1])
    # where none is clearly negative, it takes halves of the batch to find what rounding makes so
    for part in [hopeful] if len(hopeful) < len(matrices) else np.array_split(hopeful, 2):
        if len(part):
            factors[part] = cholesky_factors(matrices[part])
    return factors


def by_root(root: Array, selector: Array) -> tuple[float, Array]:
    """``tr(C' M^-1 C)`` and ``M^-1 C`` for ``M = root' root``; infinite and NaN where M is singular."""
    scaled = scaled_triangle(root)
    if scaled is None:
        return float("inf"), np.full(selector.shape, np.nan)
    unit, triangle = scaled
    half = np.linalg.solve(triangle.T, selector / unit[:, None])
    return float(np.sum(half**2)), np.linalg.solve(triangle, half) / unit[:, None]


def scaled_triangle(root: Array) -> tuple[Array, Array] | None:
    """Norms of the columns and the triangular square root of the columns divided by them; None where it is singular."""
    unit = np.linalg.norm(root, axis=0)
    if len(root) < root.shape[1] or not (unit > 0).all():
        return None
    triangle = triangle_of(root / unit)
    return None if np.abs(np.diag(triangle)).min() < NO_INFORMATION else (unit, triangle)


def triangle_of(root: Array) -> Array:
    """The triangular square root of ``root' root``."""
    return np.asarray(np.linalg.qr(root, mode="r"))
