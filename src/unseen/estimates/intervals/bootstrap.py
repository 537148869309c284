"""Cluster bootstrap by weights on aggregated cells: the cost does not grow with the rows once they are summed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.estimate import Estimate

FloatArray = NDArray[np.float64]
Weights = Literal["multinomial", "poisson"]
# Draws × units held at once: 4 million doubles are 32 MB.
BLOCK = 4_000_000


@dataclass(frozen=True, eq=False)
class CellSums:
    """Sums of scores and of rows per (unit, cell), stored only where a unit has rows in a cell.

    Attributes:
        unit: Shape (k,), from 0 to n_units − 1, sorted.
        cell: Shape (k,), from 0 to n_cells − 1.
        total: Sum of the scores, shape (k,).
        rows: Number of rows, shape (k,).
        n_units: Independent units (clusters).
        n_cells: Cells (groups, slices, models …).
    """

    unit: NDArray[np.int64]
    cell: NDArray[np.int64]
    total: FloatArray
    rows: FloatArray
    n_units: int
    n_cells: int

    @classmethod
    def of(cls, score: ArrayLike, cluster: ArrayLike, cell: ArrayLike) -> CellSums:
        """Sum rows by cluster and cell; rows with a NaN score or a negative cell are left out.

        Args:
            score: Shape (n,).
            cluster: Integer of the sampling unit, shape (n,).
            cell: Integer of the cell, shape (n,).
        """
        values, units, cells = np.asarray(score, np.float64), np.asarray(cluster), np.asarray(cell)
        if not len(values) == len(units) == len(cells):
            raise BadInput(
                f"score, cluster and cell have one entry a row, got {len(values)}, {len(units)} and {len(cells)}."
            )
        keep = ~np.isnan(values) & (cells >= 0)
        values, units, cells = values[keep], units[keep], cells[keep].astype(np.int64)
        levels, unit = np.unique(units, return_inverse=True)
        n_cells = int(cells.max(initial=-1)) + 1
        key, where = np.unique(unit * n_cells + cells, return_inverse=True)
        total = np.bincount(where, weights=values, minlength=len(key)).astype(np.float64)
        rows = np.bincount(where, minlength=len(key)).astype(np.float64)
        return cls(key // max(n_cells, 1), key % max(n_cells, 1), total, rows, len(levels), n_cells)

    def means(self) -> FloatArray:
        """Mean score of each cell, shape (n_cells,); NaN where a cell is empty."""
        with np.errstate(invalid="ignore"):
            return np.bincount(self.cell, self.total, self.n_cells) / np.bincount(self.cell, self.rows, self.n_cells)

    def units_per_cell(self) -> NDArray[np.int64]:
        """Number of units with a row in each cell, shape (n_cells,)."""
        return np.bincount(self.cell, minlength=self.n_cells)


def cluster_bootstrap(
    cells: CellSums, *, draws: int = 1000, rng: np.random.Generator, weights: Weights = "multinomial"
) -> FloatArray:
    """Bootstrap the means of all cells jointly, drawing whole units.

    A draw gives each unit a weight, how often it is drawn: multinomial(n; 1/n, …) is the textbook bootstrap, Poisson(1)
    its limit, whose weights are independent. Units that lie in the same cells are first summed where each has rows in a
    single cell: their weights then enter only through sums, so that the draw costs (units × draws), not (rows × draws).

    Args:
        cells: Sums per unit and cell.
        draws: Number of bootstrap draws.
        rng: Source of the draws.
        weights: "multinomial" or "poisson".

    Returns:
        Means, shape (draws, n_cells); NaN where a draw holds no unit of a cell.

    Raises:
        TooFewUnits: Fewer than 2 units.

    Source: Efron & Tibshirani (1993), ch. 6; Owen & Eckles (2012), Bootstrapping data arrays of arbitrary order.

    >>> cells = CellSums.of([1.0, 0.0, 1.0, 1.0], [0, 0, 1, 2], [0, 0, 0, 1])
    >>> cluster_bootstrap(cells, draws=5, rng=np.random.default_rng(0)).shape
    (5, 2)
    """
    if cells.n_units < 2:
        raise TooFewUnits(f"a bootstrap needs at least 2 independent units, got {cells.n_units}.")
    if draws < 1:
        raise BadInput(f"a bootstrap needs at least 1 draw, got {draws}.")
    if weights not in ("multinomial", "poisson"):
        raise BadInput(f"weights are 'multinomial' or 'poisson', got {weights!r}.")
    types, n_types, sizes = _unit_types(cells)
    tot, cnt = _type_matrices(cells, types, n_types)
    result = np.empty((draws, cells.n_cells))
    step = max(1, BLOCK // max(n_types, 1))
    for start in range(0, draws, step):
        stop = min(start + step, draws)
        drawn = _drawn(sizes, cells.n_units, stop - start, rng, weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            result[start:stop] = (drawn @ tot) / (drawn @ cnt)
    return result


def percentile_interval(
    value: float, draws: ArrayLike, *, units: int, level: float = 0.95, method: str = "cluster bootstrap"
) -> Estimate:
    """An estimate from bootstrap draws, by percentiles widened for few units.

    The tail is taken at Φ(√(n/(n−1))·t_{n−1}) instead of at the nominal level, since plain percentiles are too
    narrow by about the factor between a normal and a t interval.

    Args:
        value: Point estimate.
        draws: Bootstrap draws, shape (d,); NaN is left out.
        units: Independent units behind the value.
        level: Nominal coverage.
        method: Name of the method for the reader.

    Raises:
        TooFewUnits: Fewer than 2 units, or more than one draw in twenty is undefined.
        Undefined: All draws agree.

    Source: Hesterberg (2015), What teachers should know about the bootstrap, section 5.3 (expanded percentiles).
    """
    from scipy import special

    sample = np.asarray(draws, np.float64)
    defined = sample[np.isfinite(sample)]
    if units < 2 or len(defined) < 0.95 * len(sample):
        raise TooFewUnits(
            f"a {method} interval needs more independent units than {units}: "
            f"{len(sample) - len(defined)} of {len(sample)} draws were undefined."
        )
    tail = float(special.ndtr(special.stdtrit(units - 1, (1 - level) / 2) * np.sqrt(units / (units - 1))))
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Estimate(float(value), float(min(low, value)), float(max(high, value)), units, method, level)


def _unit_types(cells: CellSums) -> tuple[NDArray[np.int64], int, FloatArray]:
    """Number units by what they contribute: equal units are exchangeable, so only how many are drawn matters."""
    if len(cells.unit) != cells.n_units:
        return np.arange(cells.n_units), cells.n_units, np.ones(cells.n_units)
    # Every unit lies in one cell: it is known by its cell, its sum and its number of rows.
    key = np.stack([cells.cell.astype(np.float64), cells.rows, cells.total], axis=1)
    order = np.lexsort(key.T)
    ordered = key[order]
    new = np.concatenate([[True], np.any(ordered[1:] != ordered[:-1], axis=1)])
    number = np.cumsum(new) - 1
    types = np.empty(cells.n_units, dtype=np.int64)
    types[order] = number
    n_types = int(number[-1]) + 1
    return types, n_types, np.bincount(types, minlength=n_types).astype(np.float64)


def _type_matrices(cells: CellSums, types: NDArray[np.int64], n_types: int) -> tuple[FloatArray, FloatArray]:
    """Sums and rows per (type, cell); one unit stands for its type."""
    from scipy import sparse

    first = np.full(n_types, -1, dtype=np.int64)
    first[types[::-1]] = np.arange(cells.n_units - 1, -1, -1)
    kept = first[types[cells.unit]] == cells.unit
    where = (types[cells.unit[kept]], cells.cell[kept])
    shape = (n_types, cells.n_cells)
    total = sparse.csr_array((cells.total[kept], where), shape=shape)
    rows = sparse.csr_array((cells.rows[kept], where), shape=shape)
    if n_types * cells.n_cells <= BLOCK:
        return total.toarray(), rows.toarray()
    return total, rows  # type: ignore[return-value]


def _drawn(
    sizes: FloatArray, n_units: int, draws: int, rng: np.random.Generator, weights: Weights
) -> FloatArray:  # fmt: skip
    """How many units of each type every draw holds, shape (draws, types)."""
    if weights == "poisson":
        return rng.poisson(sizes, size=(draws, len(sizes))).astype(np.float64)
    return rng.multinomial(n_units, sizes / n_units, size=draws).astype(np.float64)
