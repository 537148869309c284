"""Design matrices of factor levels, kept as integers: products cost rows × factors and not rows × columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """

    columns: IntArray
    kept: NDArray[np.bool_]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, codes: IntArray, sizes: Sequence[int]) -> OneHot:
        """The design of codes of shape (rows, factors).

        >>> OneHot.of(np.array([[0], [1]]), [2]).dense().tolist()
        [[1.0, 0.0], [1.0, 1.0]]
        """
        starts = (0, *np.cumsum([1, *sizes]).tolist())
        kept = np.ones(starts[-1], dtype=bool)
        kept[list(starts[1:-1])] = False
        columns = np.column_stack([np.zeros(len(codes), dtype=np.int64), codes + np.array(starts[1:-1])])
        return cls(np.asfortranarray(columns), kept, starts)

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
        """Linear predictor x @ beta, shape (rows,)."""
        whole = np.zeros(len(self.kept))
        whole[self.kept] = beta
        out = np.full(len(self.columns), whole[0])
        for f in range(1, self.columns.shape[1]):
            out += whole[self.columns[:, f]]
        return out

    def transposed_dot(self, values: FloatArray) -> FloatArray:
        """Sums xᵀ @ values, shape (p,)."""
        out = np.zeros(len(self.kept))
        out[0] = values.sum()
        for f in range(1, self.columns.shape[1]):
            start, stop = self.starts[f], self.starts[f + 1]
            out[start:stop] = np.bincount(self.columns[:, f] - start, weights=values, minlength=stop - start)
        return out[self.kept]

    def gram(self, weight: FloatArray) -> FloatArray:
        """Weighted products xᵀ diag(weight) x, shape (p, p), from the cross table of each pair of factors."""
        out = np.zeros((len(self.kept), len(self.kept)))
        for f in range(self.columns.shape[1]):
            a, b = self.starts[f], self.starts[f + 1]
            own = np.bincount(self.columns[:, f] - a, weights=weight, minlength=b - a)
            out[np.arange(a, b), np.arange(a, b)] = own
            for g in range(f):
                c, d = self.starts[g], self.starts[g + 1]
                key = (self.columns[:, f] - a) * (d - c) + (self.columns[:, g] - c)
                block = np.bincount(key, weights=weight, minlength=(b - a) * (d - c)).reshape(b - a, d - c)
                out[a:b, c:d] = block
                out[c:d, a:b] = block.T
        return out[self.kept][:, self.kept]

    def quadratic(self, matrix: FloatArray) -> FloatArray:
        """Diagonal of x @ matrix @ xᵀ for a symmetric matrix, shape (rows,)."""
        whole = np.zeros((len(self.kept), len(self.kept)))
        whole[np.ix_(self.kept, self.kept)] = matrix
        flat, size = whole.ravel(), len(self.kept)
        out = np.zeros(len(self.columns))
        for f in range(self.columns.shape[1]):
            at = self.columns[:, f] * size
            out += flat[at + self.columns[:, f]]
            for g in range(f):
                out += 2 * flat[at + self.columns[:, g]]
        return out

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
