"""Which kind of shift it is: diversity shift (inputs that the other side lacks) and correlation shift (other labels)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.bootstrap import percentile_interval

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Draws × units held at once: 4 million doubles are 32 MB.
BLOCK = 4_000_000


@dataclass(frozen=True, slots=True)
class ShiftKind:
    """Sizes of both kinds of shift.

    Attributes:
        diversity: Mass of the inputs that only one side has, 0 … 1.
        correlation: Change of the labels where both sides have inputs, 0 … 1; near no change it may be negative. None
            where it can't be measured: no common inputs, or labels that are the same throughout each cell.
        cells: Number of cells into which the inputs were divided.
        only_one_side: Number of cells that only one side has.
        note: What the correlation shift rests on, or why there is none.
    """

    diversity: Estimate
    correlation: Estimate | None
    cells: int
    only_one_side: int
    note: str


def shift_kind(
    seen: ArrayLike,
    unseen: ArrayLike,
    seen_label: ArrayLike,
    unseen_label: ArrayLike,
    *,
    rng: np.random.Generator,
    seen_cluster: ArrayLike | None = None,
    unseen_cluster: ArrayLike | None = None,
    cells: int | None = None,
    absent: float = 5.0,
    draws: int = 500,
    level: float = 0.95,
) -> ShiftKind:
    """Diversity and correlation shift between two sides.

    With densities p, q of the inputs on S (both positive) and T (one is zero), diversity shift is ½∫_T ``|p - q|`` and
    correlation shift ½∫_S √(pq) Σ_y ``|p(y|z) - q(y|z)|``. Inputs are divided into cells: distinct values of a discrete
    feature, else k-means cells of both sides together. A cell belongs to T if one side has no row in it while as many
    as ``absent`` would be expected from the share of the other. Absolute differences of small samples are too large by
    chance; their signs therefore come from one half of each side and their sizes from the other half, and vice versa,
    so that the estimate is 0 on average where labels do not change, and at most slightly too small where they do.

    Args:
        seen: Features, shape (n, d) of numbers, or shape (n,) of text or whole numbers (one cell a value).
        unseen: The same, m rows.
        seen_label: Label of each row, shape (n,).
        unseen_label: Shape (m,).
        rng: Source of halves, cells and bootstrap draws.
        seen_cluster: Sampling unit of each row, shape (n,); by default each row is one.
        unseen_cluster: Shape (m,).
        cells: Number of cells for numeric features; by default the rows of the smaller side / 25, from 2 to 50.
        absent: Expected rows from which on an empty cell counts as absent.
        draws: Bootstrap draws, over clusters.
        level: Nominal coverage.

    Raises:
        TooFewUnits: A side has fewer than 20 clusters.
        BadInput: Lengths that do not fit, or missing values.
        Undefined: Both sides have one and the same label.

    Source: Ye et al. (2022), OoD-Bench: Quantifying and understanding two dimensions of out-of-distribution
    generalization, definition 1.
    """
    parts = [(seen, seen_label, seen_cluster, "seen"), (unseen, unseen_label, unseen_cluster, "unseen")]
    clusters = [_clusters(z, y, c, name) for z, y, c, name in parts]
    cell, n_cells = _cells(seen, unseen, cells, rng)
    _, label = np.unique(np.concatenate([np.asarray(y).astype(str) for _, y, _, _ in parts]), return_inverse=True)
    n_labels = int(label.max()) + 1
    if n_labels < 2:
        raise Undefined("both sides have a single label: there is no correlation shift to measure.")
    code = cell * n_labels + label
    cut = len(clusters[0])
    shape = (n_cells, n_labels)
    sides = [_Side.of(c, k, n_cells * n_labels, rng) for c, k in ((clusters[0], code[:cut]), (clusters[1], code[cut:]))]
    whole = [s.table(np.ones((1, s.units))).reshape(shape).sum(1) for s in sides]
    apart = _apart(whole[0], whole[1], absent)
    diverse, correlated = (list[FloatArray](), list[FloatArray]())
    step = max(1, BLOCK // max(s.units for s in sides))
    for start in range(0, draws, step):
        weights = [s.draws(min(step, draws - start), rng) for s in sides]
        diverse.append(_mass_apart(sides, weights, apart, shape))
        # Signs are drawn anew with the halves they come from: they are part of the estimate's error.
        correlated.append(_cross_fitted(sides, weights, shape, apart))
    ones = [np.ones((1, s.units)) for s in sides]
    diversity = _diversity(_mass_apart(sides, ones, apart, shape), np.concatenate(diverse), sides, level)
    drawn = np.concatenate(correlated)
    common = int((~apart & (whole[0] > 0) & (whole[1] > 0)).sum())
    if not np.ptp(drawn) > 0:
        note = "labels never vary within a cell" if common else "no cell has rows of both sides"
        return ShiftKind(diversity, None, n_cells, int(apart.sum()), f"no correlation shift can be measured: {note}")
    method = "correlation shift, cross-fitted signs, cluster bootstrap"
    value = float(_cross_fitted(sides, ones, shape, apart)[0])
    correlation = percentile_interval(value, drawn, units=sum(s.units for s in sides), level=level, method=method)
    return ShiftKind(diversity, correlation, n_cells, int(apart.sum()), f"{common} cells have rows of both sides")


@dataclass(frozen=True)
class _Side:
    """Counts of (cell, label) a cluster, and a division of the clusters into halves."""

    counts: Any
    units: int
    first: NDArray[np.bool_]

    @classmethod
    def of(cls, cluster: IntArray, code: IntArray, width: int, rng: np.random.Generator) -> _Side:
        from scipy import sparse

        units = int(cluster.max()) + 1
        counts = sparse.csr_array((np.ones(len(code)), (cluster, code)), shape=(units, width))
        first = np.zeros(units, dtype=bool)
        first[rng.permutation(units)[: units // 2]] = True
        return cls(counts, units, first)

    def table(self, weights: FloatArray) -> FloatArray:
        """Weighted counts, shape (draws, cells × labels)."""
        return np.asarray((self.counts.T @ weights.T).T)

    def draws(self, draws: int, rng: np.random.Generator) -> FloatArray:
        """How often each cluster is drawn, shape (draws, units); each half is drawn for itself."""
        made = np.zeros((draws, self.units))
        for half in (self.first, ~self.first):
            count = int(half.sum())
            made[:, half] = rng.multinomial(count, np.full(count, 1 / count), size=draws)
        return made

    def half(self, first: bool, weights: FloatArray) -> FloatArray:
        """Weighted counts of one half."""
        own = self.first if first else ~self.first
        return self.table(weights * own)


def _clusters(z: ArrayLike, y: ArrayLike, cluster: ArrayLike | None, name: str) -> IntArray:
    rows = len(np.asarray(z))
    number = np.arange(rows) if cluster is None else np.unique(np.asarray(cluster), return_inverse=True)[1]
    if len(np.asarray(y)) != rows or len(number) != rows:
        raise BadInput(f"the {name} side has {rows} rows, {len(np.asarray(y))} labels and {len(number)} clusters.")
    units = int(number.max(initial=-1)) + 1
    if units < 20:
        raise TooFewUnits(f"the {name} side has {units} independent units, at least 20 are needed for two halves.")
    return number.astype(np.int64)


def _cells(seen: ArrayLike, unseen: ArrayLike, cells: int | None, rng: np.random.Generator) -> tuple[IntArray, int]:
    """Number of the cell of each row, the seen side first, and how many there are."""
    x, y = np.asarray(seen), np.asarray(unseen)
    if x.dtype.kind not in "f":
        if x.ndim != 1 or y.ndim != 1:
            raise BadInput(f"discrete features have one column, got shapes {x.shape} and {y.shape}; pass floats.")
        levels, cell = np.unique(np.concatenate([x.astype(str), y.astype(str)]), return_inverse=True)
        return cell.astype(np.int64), len(levels)
    x, y = (v.reshape(len(v), -1).astype(np.float64) for v in (x, y))
    if x.shape[1] != y.shape[1] or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise BadInput(f"both sides need the same features without missing values, got {x.shape} and {y.shape}.")
    from sklearn.cluster import KMeans

    both = np.concatenate([x, y])
    spread = both.std(0)
    both = (both - both.mean(0)) / np.where(spread > 0, spread, 1.0)
    count = cells if cells is not None else int(np.clip(min(len(x), len(y)) // 25, 2, 50))
    count = min(count, len(np.unique(both, axis=0)))
    # Both sides weigh the same, so that a small one gets cells of its own.
    weight = np.repeat([1 / len(x), 1 / len(y)], [len(x), len(y)]) * len(both) / 2
    means: Any = KMeans(count, n_init="auto", random_state=int(rng.integers(2**31)))
    _, cell = np.unique(means.fit(both, sample_weight=weight).labels_, return_inverse=True)
    return cell.astype(np.int64), int(cell.max()) + 1


def _apart(p: FloatArray, q: FloatArray, absent: float) -> NDArray[np.bool_]:
    """Cells that one side lacks, where chance alone would hardly leave them empty."""
    expected_q, expected_p = p / p.sum() * q.sum(), q / q.sum() * p.sum()
    return ((q == 0) & (expected_q >= absent)) | ((p == 0) & (expected_p >= absent))


def _mass_apart(
    sides: list[_Side], weights: list[FloatArray], apart: NDArray[np.bool_], shape: tuple[int, int]
) -> FloatArray:
    """Half the mass of both sides in cells that only one side has, shape (draws,)."""
    total = np.zeros(len(weights[0]))
    for side, weight in zip(sides, weights, strict=True):
        table = side.table(weight).reshape(-1, *shape).sum(2)
        total += table[:, apart].sum(1) / table.sum(1) / 2
    return total


def _diversity(value: FloatArray, drawn: FloatArray, sides: list[_Side], level: float) -> Estimate:
    method = "diversity shift, cells of one side, cluster bootstrap"
    units = sum(s.units for s in sides)
    if np.ptp(drawn) > 1e-12:
        return percentile_interval(float(value[0]), drawn, units=units, level=level, method=method)
    # No unit differs from the rest: at most this share may do so unseen (Clopper & Pearson at 0 or n of n).
    bound = sum(1 - ((1 - level) / 2) ** (1 / s.units) for s in sides) / 2
    method = "diversity shift, cells of one side, exact bound for none among all units"
    low, high = max(0.0, float(value[0]) - bound), min(1.0, float(value[0]) + bound)
    return Estimate(float(value[0]), low, high, units, method, level)


def _conditional(table: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Share of each label in each cell, shape (draws, cells, labels); 0 in empty cells."""
    counts = table.reshape(-1, *shape)
    rows = counts.sum(2, keepdims=True)
    return np.divide(counts, rows, out=np.zeros_like(counts), where=rows > 0)


def _cross_fitted(
    sides: list[_Side], weights: list[FloatArray], shape: tuple[int, int], apart: NDArray[np.bool_]
) -> FloatArray:
    """Correlation shift with signs of one half and sizes of the other, averaged over both turns, shape (draws,)."""
    first, second = ([s.half(turn, w) for s, w in zip(sides, weights, strict=True)] for turn in (True, False))
    total = np.zeros(len(first[0]))
    for signing, sizing in ((first, second), (second, first)):
        signs = np.sign(_conditional(signing[0], shape) - _conditional(signing[1], shape))
        total += _correlation(sizing, signs, shape, apart) / 2
    return total


def _correlation(
    tables: list[FloatArray], signs: FloatArray, shape: tuple[int, int], apart: NDArray[np.bool_]
) -> FloatArray:
    """½ Σ_z √(p q) Σ_y sign · (p(y|z) - q(y|z)) over the cells that both sides have, shape (draws,)."""
    masses = [t.reshape(-1, *shape).sum(2) for t in tables]
    p, q = (m / m.sum(1, keepdims=True) for m in masses)
    # Where a half has no row of a side, the root is zero and the cell counts for nothing.
    change = (signs * (_conditional(tables[0], shape) - _conditional(tables[1], shape))).sum(2)
    return 0.5 * (np.sqrt(p * q) * change * ~apart).sum(1)
