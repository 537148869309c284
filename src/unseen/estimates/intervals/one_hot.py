"""Design matrices of factor levels, kept as integers: products cost rows × factors and not rows × columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class OneHot:
    """A design with an intercept and the levels 1 … of each factor, one row for each combination of levels.

    Attributes:
        columns: Column of each row for the intercept and each factor, in a matrix that has a column for the first level
            of each factor too, shape (rows, factors + 1).
        kept: Which of these columns belong to the design, shape (1 + Σ levels,).
        starts: First column of the intercept and of each factor, and the number of columns.
        matrix: The design, sparse, shape (rows, p).
        transposed: Its transpose, by rows, shape (p, rows).
        products: Which entries of a matrix over all columns, laid out flat, the products of each two of a row's columns
            belong to: sparse, by columns, shape ((Σ levels + 1)², rows).
    """

    columns: IntArray
    kept: NDArray[np.bool_]
    starts: tuple[int, ...]
    matrix: Any
    transposed: Any
    products: Any

    @classmethod
    def of(cls, codes: IntArray, sizes: Sequence[int]) -> OneHot:
        """The design of codes of shape (rows, factors).

        >>> OneHot.of(np.array([[0], [1]]), [2]).dense().tolist()
        [[1.0, 0.0], [1.0, 1.0]]
        """
        from scipy import sparse

        starts = (0, *np.cumsum([1, *sizes]).tolist())
        kept = np.ones(starts[-1], dtype=bool)
        kept[list(starts[1:-1])] = False
        columns = np.column_stack([np.zeros(len(codes), dtype=np.int64), codes + np.array(starts[1:-1])])
        present = kept[columns]
        ends = np.append(0, np.cumsum(present.sum(axis=1)))
        position = (np.cumsum(kept) - 1)[columns[present]]
        matrix = sparse.csr_array((np.ones(len(position)), position, ends), shape=(len(codes), int(kept.sum())))
        pairs = [(f, g) for f in range(columns.shape[1]) for g in range(f + 1)]
        # Whole numbers of four bytes are enough, and what sparse matrices take as it is.
        cells = np.stack([columns[:, f] * starts[-1] + columns[:, g] for f, g in pairs], axis=1).astype(np.int32)
        ends = np.arange(len(codes) + 1, dtype=np.int32) * len(pairs)
        products = sparse.csc_array((np.ones(cells.size), cells.ravel(), ends), shape=(starts[-1] ** 2, len(codes)))
        return cls(columns, kept, starts, matrix, matrix.T.tocsr(), products)

    @property
    def width(self) -> int:
        """Number of columns p."""
        return int(np.count_nonzero(self.kept))

    def dense(self, rows: IntArray | slice = slice(None)) -> FloatArray:
        """Some of its rows as a matrix of shape (rows, p)."""
        chosen = self.columns[rows]
        out = np.zeros((len(chosen), self.starts[-1]))
        out[np.arange(len(chosen))[:, None], chosen] = 1.0
        return out[:, self.kept]

    def dot(self, beta: FloatArray) -> FloatArray:
        """Linear predictors x @ beta for beta of shape (p,) or (p, k), shape (rows,) or (rows, k)."""
        return _times(self.matrix, beta)

    def transposed_dot(self, values: FloatArray) -> FloatArray:
        """Sums xᵀ @ values for values of shape (rows,) or (rows, k), shape (p,) or (p, k)."""
        return _times(self.transposed, values)

    def gram(self, weight: FloatArray) -> FloatArray:
        """Weighted products xᵀ diag(weight) x for weights of shape (rows,) or (rows, k), shape (p, p) or (k, p, p)."""
        size = len(self.kept)
        lower = _times(self.products, weight).T.reshape(*weight.shape[1:], size, size)
        whole = lower + np.swapaxes(np.tril(lower, -1), -1, -2)
        return whole[..., self.kept, :][..., self.kept]

    def quadratic(self, matrix: FloatArray) -> FloatArray:
        """Diagonal of x @ matrix @ xᵀ for symmetric matrices of shape (p, p) or (k, p, p), shape (rows,) or (rows, k)."""
        size = len(self.kept)
        lower = np.zeros((*matrix.shape[:-2], size, size))
        at = np.flatnonzero(self.kept)
        # A product of two columns stands there once, and counts twice.
        lower[..., at[:, None], at] = 2 * np.tril(matrix, -1) + np.tril(np.triu(matrix))
        return _times(self.products.T, lower.reshape(*matrix.shape[:-2], size * size).T)

    def grouped(self, group: IntArray, row: IntArray, values: FloatArray, groups: int) -> FloatArray:
        """Σ values · x over the entries of each group, shape (groups, p).

        Args:
            group: Group of each entry, shape (k,).
            row: Row of the design of each entry, shape (k,).
            values: Shape (k,).
            groups: Number of groups.
        """
        out = np.zeros((groups, len(self.kept)))
        for f in range(self.columns.shape[1]):
            start, stop = self.starts[f], self.starts[f + 1]
            key = group * (stop - start) + (self.columns[row, f] - start)
            summed = np.bincount(key, weights=values, minlength=groups * (stop - start))
            out[:, start:stop] = summed.reshape(groups, stop - start)
        return out[:, self.kept]


def _times(matrix: Any, values: FloatArray) -> FloatArray:
    # A single column goes the shorter way of a vector.
    if values.ndim == 2 and values.shape[1] == 1:
        return (matrix @ np.ascontiguousarray(values[:, 0]))[:, None]
    return matrix @ np.ascontiguousarray(values)
