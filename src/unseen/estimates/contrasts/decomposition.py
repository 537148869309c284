"""A difference of two means taken apart: other questions, harder within the same kind, or beyond comparison."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.clustered import cell_contrast, effective_clusters, require_dof
from unseen.estimates.intervals.codes import dense, distinct
from unseen.estimates.intervals.means import t_interval, two_sided_t

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
# A design with more entries than this has clusters enough for their leverage not to matter.
MAX_DESIGN = 5_000_000


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Parts of mean(a) − mean(b) that add up to it exactly.

    Attributes:
        total: mean(a) − mean(b).
        mix: Because the cells that both share have other weights.
        difficulty: Because scores differ within the shared cells.
        remainder: Because of cells that only one side has; None where there are none.
        p_values: Two-sided, of each part being zero, by its name.
        support: Share of the rows of a and of b that lie in shared cells.
        cells: Number of shared cells.
    """

    total: Estimate
    mix: Estimate | None
    difficulty: Estimate
    remainder: Estimate | None
    p_values: dict[str, float]
    support: tuple[float, float]
    cells: int


def decompose(
    cell: IntArray, side: NDArray[np.bool_], score: FloatArray, cluster: IntArray,
    *, level: float = 0.95, min_rows: int = 5,
) -> Decomposition:  # fmt: skip
    """Take mean(a) − mean(b) apart by cells.

    On shared cells c with weights w and rates r (Kitagawa): mix = Σ (w_a − w_b)(r_a + r_b)/2 and
    difficulty = Σ (w_a + w_b)/2 · (r_a − r_b). With q the share of a side's rows outside the shared cells and m its
    means there and inside (Ñopo): remainder = q_a(m_a,out − m_a,in) − q_b(m_b,out − m_b,in). The three add up exactly.
    Intervals are by the delta method: the derivatives of a part give each row's influence, which is summed by cluster;
    the sums' squares get the factors of CR2, and t Satterthwaite's degrees of freedom, of the same weighted difference
    of cell means (see :mod:`unseen.estimates.intervals.clustered`).

    Args:
        cell: Integer of the combination of levels of each row, shape (n,).
        side: True for a (seen), False for b (unseen), shape (n,).
        score: Shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        level: Nominal coverage.
        min_rows: Rows that a side needs in a cell to compare it.

    Returns:
        The parts, in score units.

    Raises:
        TooFewUnits: A side has fewer than 2 rows, there are fewer than 2 clusters, or they are so uneven that fewer
            than 2 degrees of freedom are left.
        Undefined: No cell has rows enough on both sides.

    Source: Kitagawa (1955); Ñopo (2008), Matching as a tool to decompose wage gaps, equation 5; Bell & McCaffrey
    (2002).

    >>> cell, side = np.repeat([0, 1, 0, 1], [20, 60, 60, 20]), np.repeat([True, False], 80)
    >>> score = np.r_[np.tile([1, 0, 0, 0], 5), np.ones(60), np.tile([1, 0, 0, 0], 15), np.ones(20)]
    >>> parts = decompose(cell, side, score, np.arange(160))
    >>> parts.total.value, parts.mix.value, parts.difficulty.value
    (0.375, 0.375, 0.0)
    """
    cell, _ = dense(cell)
    size = int(cell.max()) + 1
    # Cells of the first side, then those of the second.
    at = np.where(side, cell, cell + size)
    n = np.bincount(at, minlength=2 * size).astype(np.float64).reshape(2, size)
    y = np.bincount(at, weights=score, minlength=2 * size).astype(np.float64).reshape(2, size)
    if n.sum(axis=1).min() < 2:
        raise TooFewUnits(f"a decomposition needs rows on both sides, got {n.sum(axis=1).astype(int).tolist()}.")
    shared: NDArray[np.bool_] = np.all(n >= min_rows, axis=0)
    if not shared.any():
        raise Undefined(
            f"none of {size} cells has {min_rows} rows on both sides: nothing can be compared like with like."
        )
    groups = distinct(cluster)
    if groups < 2:
        raise TooFewUnits(f"a decomposition needs 2 independent units, got {groups}.")
    parts, dn, dy = _parts(n, y, shared)
    method = "Kitagawa–Oaxaca–Blinder over cells, delta method, cluster-robust (CR2), t"
    spread = (_alone if groups == len(score) else _clustered)(n, y, shared, at, score, cluster)
    estimates: dict[str, Estimate | None] = {}
    p_values: dict[str, float] = {}
    for name, value in parts.items():
        variance, dof = spread(dn[name], dy[name], name == "difficulty")
        if variance <= 1e-28:
            estimates[name] = None
            continue
        if groups < len(score):
            require_dof(dof, groups, f"the part {name} of a drop" if name != "total" else "the drop")
        low, high = t_interval(value, variance, dof, level)
        estimates[name] = Estimate(value, low, high, groups, method, level)
        p_values[name] = two_sided_t(value / math.sqrt(variance), dof)
    total, difficulty = estimates["total"], estimates["difficulty"]
    if total is None or difficulty is None:
        raise Undefined(f"scores do not vary within {int(shared.sum())} cells: no interval exists.")
    inside = (n[:, shared].sum(axis=1) / n.sum(axis=1)).tolist()
    return Decomposition(
        total, estimates["mix"], difficulty, estimates["remainder"], p_values, (inside[0], inside[1]), int(shared.sum())
    )


# Variance and degrees of freedom of a part from its derivatives by counts and sums, (2 sides, cells), and whether it is
# the part within cells. A row acts through the score it has beyond its cell's mean, and through the cell it lies in.
_Spread = Callable[[FloatArray, FloatArray, bool], tuple[float, float]]


def _alone(
    n: FloatArray, y: FloatArray, shared: NDArray[np.bool_], at: IntArray, score: FloatArray, cluster: IntArray
) -> _Spread:
    """Where every row is a cluster of its own: from sums over cells."""
    del cluster
    rate = np.divide(y, n, out=np.zeros_like(n), where=n > 0)
    squares = np.bincount(at, weights=(score - rate.reshape(-1)[at]) ** 2, minlength=n.size).reshape(n.shape)
    total = n.sum(axis=1, keepdims=True)
    outer, inner = total / np.maximum(total - 1, 1), np.where(shared, n / np.maximum(n - 1, 1), 1.0)
    weight = _mean_weights(n, shared)

    def freedom(share: FloatArray, counts: FloatArray) -> float:
        return float(share.sum() ** 2 / np.sum(share**2 / np.maximum(counts - 1, 1)))

    whole, within = freedom(1 / total, total), freedom(weight**2 / n[:, shared], n[:, shared])

    def spread(dn: FloatArray, dy: FloatArray, difficulty: bool) -> tuple[float, float]:
        variance = np.sum((inner if difficulty else outer) * dy**2 * squares + outer * n * (dn + dy * rate) ** 2)
        return float(variance), min(within, whole) if difficulty else whole

    return spread


def _clustered(
    n: FloatArray, y: FloatArray, shared: NDArray[np.bool_], at: IntArray, score: FloatArray, cluster: IntArray
) -> _Spread:
    """From the sums of each cluster."""
    (unit, groups), size = dense(cluster), n.shape[1]
    rows, cell = at // size, at % size
    whole = _factors(rows, np.zeros(len(score), np.int64), score, unit, np.ones(1))
    within = _factors(rows, np.where(shared, np.cumsum(shared) - 1, -1)[cell], score, unit, _mean_weights(n, shared))
    rate = y.reshape(-1)[at] / n.reshape(-1)[at]

    def spread(dn: FloatArray, dy: FloatArray, difficulty: bool) -> tuple[float, float]:
        factor, dof = (within.factor, min(within.dof, whole.dof)) if difficulty else (whole.factor, whole.dof)
        slope = dy.reshape(-1)[at]
        own = np.bincount(unit, weights=slope * (score - rate), minlength=groups)
        place = np.bincount(unit, weights=dn.reshape(-1)[at] + slope * rate, minlength=groups)
        by_cluster = np.sqrt(factor) * own + np.sqrt(whole.factor) * place
        return float(by_cluster @ by_cluster), dof

    return spread


@dataclass(frozen=True, slots=True)
class _Factors:
    """CR2's factor of each cluster, shape (clusters,), and the degrees of freedom."""

    factor: FloatArray
    dof: float


def _mean_weights(n: FloatArray, shared: NDArray[np.bool_]) -> FloatArray:
    """Weight of each shared cell in the part within cells, shape (shared cells,)."""
    inside = n[:, shared]
    return (inside / inside.sum(axis=1, keepdims=True)).mean(axis=0)


def _factors(
    side: NDArray[np.int64], cell: NDArray[np.int64], score: FloatArray, unit: NDArray[np.int64], weight: FloatArray
) -> _Factors:
    """Factors for Σ weight · (mean of side 0 − mean of side 1) over cells; rows with a negative cell are left out."""
    groups, keep = int(unit.max()) + 1, cell >= 0
    if groups < len(score) and min(len(score), groups * 2 * len(weight)) * 2 * len(weight) > MAX_DESIGN:
        return _Factors(np.full(groups, groups / (groups - 1)), effective_clusters(unit[keep]) - 1)
    contrast = np.stack([weight, -weight], axis=1).reshape(-1)
    fit = cell_contrast((2 * cell + side)[keep], score[keep], unit[keep], contrast)
    factor, present = np.ones(groups), np.zeros(groups, dtype=bool)
    present[unit[keep]] = True
    factor[present] = fit.factor
    return _Factors(factor, fit.dof)


def _parts(
    n: FloatArray, y: FloatArray, shared: NDArray[np.bool_]
) -> tuple[dict[str, float], dict[str, FloatArray], dict[str, FloatArray]]:
    """The parts and their derivatives by counts and sums, arrays of shape (2 sides, cells)."""
    sign = np.array([1.0, -1.0])
    inside, total_n, total_y = n[:, shared].sum(axis=1), n.sum(axis=1), y.sum(axis=1)
    inside_y = y[:, shared].sum(axis=1)
    w, r = n[:, shared] / inside[:, None], y[:, shared] / n[:, shared]
    dw, mean_r = w[0] - w[1], (r[0] + r[1]) / 2
    mean_w, dr = (w[0] + w[1]) / 2, r[0] - r[1]
    mean, mean_in = total_y / total_n, inside_y / inside
    values = {"total": float(mean @ sign), "mix": float(dw @ mean_r), "difficulty": float(mean_w @ dr)}
    values["remainder"] = values["total"] - values["mix"] - values["difficulty"]
    dn = {name: np.zeros_like(n) for name in values}
    dy = {name: np.zeros_like(n) for name in values}
    dn["total"] += (-sign * mean / total_n)[:, None]
    dy["total"] += (sign / total_n)[:, None]
    for s in (0, 1):
        # A row in cell c changes that cell's weight by (1 − w)/N and the other cells' by −w/N.
        by_weight = {"mix": sign[s] * mean_r, "difficulty": dr / 2}
        by_rate = {"mix": dw / 2, "difficulty": sign[s] * mean_w}
        for name in ("mix", "difficulty"):
            g = by_weight[name]
            dn[name][s, shared] = (g - w[s] @ g) / inside[s] - by_rate[name] * r[s] / n[s, shared]
            dy[name][s, shared] = by_rate[name] / n[s, shared]
    inner_n, inner_y = np.zeros_like(n), np.zeros_like(n)
    inner_n[:, shared] = (-sign * mean_in / inside)[:, None]
    inner_y[:, shared] = (sign / inside)[:, None]
    if shared.all():
        values["remainder"] = 0.0
    else:
        dn["remainder"], dy["remainder"] = dn["total"] - inner_n, dy["total"] - inner_y
    return values, dn, dy
