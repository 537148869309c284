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
        cells: Where the product of each two of a row's columns lies in a matrix over all columns, laid out flat, shape
            (pairs, rows).
        times: How often each pair occurs in a symmetric matrix: once for a column with itself, else twice; (pairs,).
    """

    columns: IntArray
    kept: NDArray[np.bool_]
    starts: tuple[int, ...]
    matrix: Any
    transposed: Any
    cells: IntArray
    times: FloatArray

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
        cells = np.stack([columns[:, f] * starts[-1] + columns[:, g] for f, g in pairs])
        times = np.array([1.0 if f == g else 2.0 for f, g in pairs])
        return cls(columns, kept, starts, matrix, matrix.T.tocsr(), cells, times)

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
        return self.matrix @ beta

    def transposed_dot(self, values: FloatArray) -> FloatArray:
        """Sums xᵀ @ values for values of shape (rows,) or (rows, k), shape (p,) or (p, k)."""
        return self.transposed @ values

    def gram(self, weight: FloatArray) -> FloatArray:
        """Weighted products xᵀ diag(weight) x, shape (p, p)."""
        size = len(self.kept)
        lower = np.bincount(self.cells.ravel(), np.tile(weight, len(self.cells)), size * size).reshape(size, size)
        return (lower + np.tril(lower, -1).T)[self.kept][:, self.kept].astype(np.float64)

    def quadratic(self, matrix: FloatArray) -> FloatArray:
        """Diagonal of x @ matrix @ xᵀ for a symmetric matrix, shape (rows,)."""
        whole = np.zeros((len(self.kept), len(self.kept)))
        whole[np.ix_(self.kept, self.kept)] = matrix
        return self.times @ whole.ravel()[self.cells]

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
