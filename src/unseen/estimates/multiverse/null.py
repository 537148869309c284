"""A curve of seen-to-unseen gaps over settings, tested at once: sides are permuted among what was sampled alike.

Under the null the side of a row tells nothing of its score. Where a sampling unit has rows on both sides, sides are
permuted among its items; units that lie wholly on one side exchange their sides as wholes. Each draw gives the whole curve
anew, so that settings that share rows stay as dependent as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.means import t_quantile, two_sided_t

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
SEEN, UNSEEN, NEITHER = 0, 1, -1
# What exchanges sides; more of them are joined at random with others of their side, which leaves the test valid.
MOST_BLOCKS = 2_000
# Numbers that a chunk of draws may hold.
CHUNK = 4_000_000
# With fewer draws beyond the statistic than this the tail is that of t, scaled to the draws.
ENOUGH = 10
TAIL = 0.95
# A difference without any variation around it.
CERTAIN = 40.0
FEWEST = 4


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one setting.

    Attributes:
        row: Number of each row among all rows, shape (n,).
        score: Shape (n,), in shares of the score's range.
        cluster: Integer of what this setting takes as independent, shape (n,).
        split: Which of the splits it uses.
        once: Whether each cluster counts once on a side, whatever its rows.
    """

    row: IntArray
    score: FloatArray
    cluster: IntArray
    split: int = 0
    once: bool = False


@dataclass(frozen=True)
class CurveTest:
    """A whole curve against the null that sides tell nothing.

    Attributes:
        median: Median gap over the settings, with the interval that inverts its test.
        p_value: Of the median, two-sided.
        share: Share of the settings in which the gap is significant by itself, of the commoner sign.
        p_share: Chance of such a share, or a larger one, under the null.
        p_together: The same of the mean z over all settings.
        gaps: The gap of each setting, shape (settings,).
        draws: Permutations.
    """

    median: Estimate
    p_value: float
    share: float
    p_share: float
    p_together: float
    gaps: FloatArray
    draws: int


def curve_test(
    unit: IntArray, item: IntArray, sides: NDArray[np.int8], settings: Sequence[Rows], *, draws: int = 1000,
    level: float = 0.95, alpha: float = 0.05, rng: np.random.Generator,
) -> CurveTest:  # fmt: skip
    """Test the curve of gaps (mean seen − mean unseen) over settings.

    The statistic is the median gap over its standard error, that of the first setting by clusters, in the draws as in the
    data; the interval holds the medians that its test does not refuse. Its p-value is (1 + draws at least as far) /
    (1 + draws); where fewer than ten draws are as far, the tail of t with one degree less than there are units, scaled so
    that it has the draws' 95 % quantile.

    Args:
        unit: Integer of what was sampled together, of every row, shape (rows,).
        item: Integer of the item, shape (rows,).
        sides: 0 seen, 1 unseen, -1 neither, under each split, shape (rows, splits).
        settings: The rows that each setting uses; the first is the one that was used.
        draws: Permutations.
        level: Nominal coverage.
        alpha: Level at which a single setting counts as significant.
        rng: Source of the permutations.

    Raises:
        TooFewUnits: Fewer than 4 things could exchange their sides.
        Undefined: A setting has no row on a side.

    Source: Simonsohn, Simmons & Nelson (2020), Specification curve analysis, Nature Human Behaviour 4; Chung & Romano
    (2013), Exact and asymptotically robust permutation tests (why the statistic is studentised); Knijnenburg et al. (2009),
    Fewer permutations, more accurate p-values (tails).
    """
    block, stratum = _blocks(unit, item, sides, rng)
    pattern = sides[_first(block, len(stratum))]
    free = _exchangeable(stratum, pattern)
    if free < FEWEST:
        raise TooFewUnits(
            f"{free} units can exchange their sides; a test of the curve needs {FEWEST}. Add clusters, or set the cluster "
            "column to what is really sampled together."
        )
    known = [_Sums.of(rows, block[rows.row], len(stratum)) for rows in settings]
    gap, error = (a[0] for a in _gaps(known, settings, pattern[None]))
    if not np.isfinite(gap).all():
        raise Undefined("a setting has no row on one side.")
    drawn = [_gaps(known, settings, permuted) for permuted in _permuted(pattern, stratum, known, draws, rng)]
    gaps, errors = (np.concatenate(part) for part in zip(*drawn, strict=True))
    keep = np.isfinite(gaps).all(axis=1)
    gaps, errors = gaps[keep], errors[keep]
    median, medians = float(np.median(gap)), np.median(gaps, axis=1)
    own = errors[:, 0] > 0
    statistics = np.abs(medians[own]) / errors[own, 0]
    if error[0] <= 0 or len(statistics) < draws / 2:
        raise Undefined(f"the gap {gap[0]:.3g} has no error: all scores of a side agree.")
    units = len(np.unique(unit))
    t = abs(median) / error[0]
    quantile = float(np.quantile(statistics, level, method="higher"))
    half = quantile * float(error[0])
    z, zs = _z(gap, error), _z(gaps, errors)
    limits = np.array([t_quantile(alpha / 2, max(1, len(np.unique(rows.cluster)) - 1)) for rows in settings])
    share, shares = _significant(z[None], limits)[0], _significant(zs, limits)
    together, all_together = abs(float(z.mean())), np.abs(zs.mean(axis=1))
    method = f"median over {len(settings)} settings, sides permuted"
    return CurveTest(
        Estimate(median, median - half, median + half, units, method, level), _p_value(t, statistics, units),
        float(share), _share_beyond(share, shares), _share_beyond(together, all_together), gap, len(gaps),
    )  # fmt: skip


def _p_value(t: float, statistics: FloatArray, units: int) -> float:
    """Share of the draws at least as far; beyond them the tail of t, scaled to them."""
    beyond = int(np.count_nonzero(statistics >= t - 1e-12))
    p = (1 + beyond) / (1 + len(statistics))
    if beyond >= ENOUGH:
        return p
    dof = max(units - 1, 1)
    scale = float(np.quantile(statistics, TAIL)) / t_quantile((1 - TAIL) / 2, dof)
    return min(p, two_sided_t(t / max(scale, 1e-12), dof)) if scale > 0 else p


def _share_beyond(own: float, drawn: FloatArray) -> float:
    return float((1 + np.count_nonzero(drawn >= own - 1e-12)) / (1 + len(drawn)))


def _z(gap: FloatArray, error: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        z = gap / error
    return np.clip(np.nan_to_num(z, nan=0.0, posinf=CERTAIN, neginf=-CERTAIN), -CERTAIN, CERTAIN)


def _significant(z: FloatArray, limits: FloatArray) -> FloatArray:
    """Share of the settings beyond their limit, of the commoner sign."""
    return np.maximum((z > limits).mean(axis=-1), (z < -limits).mean(axis=-1))


def _blocks(
    unit: IntArray, item: IntArray, sides: NDArray[np.int8], rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """What exchanges sides: the block of each row, and the stratum of each block within which it does."""
    _, pattern = np.unique(sides, axis=0, return_inverse=True)
    pattern = pattern.reshape(-1).astype(np.int64)
    _, u = np.unique(unit, return_inverse=True)
    divided = _varies(u, pattern)
    # Items of a divided unit; rows of an item that is itself on both sides.
    _, piece = np.unique(np.stack([u, item], 1), axis=0, return_inverse=True)
    piece = piece.reshape(-1)
    within = np.where(_varies(piece, pattern), np.arange(len(u)) + len(u), piece)
    stratum = np.where(divided, u + 1, 0)
    key = np.where(divided, within + u.max() + 1, u)
    _, first, block = np.unique(key, return_index=True, return_inverse=True)
    block = block.reshape(-1)
    if len(first) > MOST_BLOCKS:
        # Alike in side and stratum: joined at random, a share of them each.
        rank = rng.random(len(first))
        order = np.lexsort((rank, pattern[first], stratum[first]))
        group = np.stack([stratum[first], pattern[first]], 1)[order]
        starts = np.flatnonzero(np.r_[True, (group[1:] != group[:-1]).any(axis=1)])
        size = np.diff(np.r_[starts, len(first)])
        place = np.arange(len(first)) - np.repeat(starts, size)
        pieces = np.maximum(1, np.minimum(size, np.ceil(size * (MOST_BLOCKS / len(first)) + 1))).astype(np.int64)
        joined = np.empty(len(first), dtype=np.int64)
        joined[order] = np.repeat(np.cumsum(np.r_[0, pieces[:-1]]), size) + place % np.repeat(pieces, size)
        block = joined[block]
        _, first, block = np.unique(block, return_index=True, return_inverse=True)
        block = block.reshape(-1)
    return block, stratum[first]


def _varies(group: IntArray, value: IntArray) -> NDArray[np.bool_]:
    """For each row whether its group has several values."""
    low = np.full(group.max() + 1, np.iinfo(np.int64).max)
    high = np.full(group.max() + 1, -1)
    np.minimum.at(low, group, value)
    np.maximum.at(high, group, value)
    return (low < high)[group]


def _first(block: IntArray, size: int) -> IntArray:
    first = np.empty(size, dtype=np.int64)
    first[block[::-1]] = np.arange(len(block) - 1, -1, -1)
    return first


def _exchangeable(stratum: IntArray, pattern: NDArray[np.int8]) -> int:
    """Blocks in strata in which a permutation changes something."""
    _, code = np.unique(pattern, axis=0, return_inverse=True)
    return int(np.count_nonzero(_varies(stratum, code.reshape(-1).astype(np.int64))))


def _permuted(
    pattern: NDArray[np.int8], stratum: IntArray, known: Sequence[_Sums], draws: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int8]]:
    """Sides of the blocks after permutations within strata, shape (draws of a chunk, blocks, splits)."""
    order = np.argsort(stratum, kind="stable")
    widest = max([len(pattern), *(len(s.block) for s in known if s.cell is not None)])
    chunk = max(1, min(draws, CHUNK // max(widest, 1)))
    for start in range(0, draws, chunk):
        keys = stratum[order] + rng.random((min(chunk, draws - start), len(pattern)))
        made = np.empty((len(keys), *pattern.shape), dtype=np.int8)
        made[:, order] = pattern[order[np.argsort(keys, axis=1)]]
        yield made


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums of one setting's rows.

    Attributes:
        block: Block of each row of sums.
        sums: Where clusters lie within blocks: scores, weights, squared cluster sums, cluster sums times weights, squared
            weights and clusters, of each block, shape (blocks, 6). Else scores and rows of each cell, shape (cells, 2).
        cell: Cluster of each cell; None where clusters lie within blocks.
        clusters: Their number.
    """

    block: IntArray
    sums: FloatArray
    cell: IntArray | None
    clusters: int

    @classmethod
    def of(cls, rows: Rows, block: IntArray, blocks: int) -> _Sums:
        if not len(rows.row):
            raise Undefined("a setting has no rows.")
        _, cluster = np.unique(rows.cluster, return_inverse=True)
        cluster = cluster.reshape(-1)
        size = int(cluster.max()) + 1
        if _varies(cluster, block).any():
            pairs, at = np.unique(block * size + cluster, return_inverse=True)
            at = at.reshape(-1)
            sums = np.stack([np.bincount(at, rows.score), np.bincount(at)], 1).astype(np.float64)
            return cls(pairs // size, sums, pairs % size, size)
        total, count = np.bincount(cluster, rows.score), np.bincount(cluster).astype(np.float64)
        if rows.once:
            total, count = total / count, np.ones(size)
        home = block[_first(cluster, size)]
        parts = (total, count, total**2, total * count, count**2, np.ones(size))
        sums = np.stack([np.bincount(home, part, minlength=blocks) for part in parts], 1).astype(np.float64)
        return cls(np.arange(blocks), sums, None, size)


def _gaps(known: Sequence[_Sums], settings: Sequence[Rows], sides: NDArray[np.int8]) -> tuple[FloatArray, FloatArray]:
    """Gap and standard error under each setting, shape (draws, settings) each."""
    gaps = np.empty((len(sides), len(known)))
    errors = np.empty_like(gaps)
    # Settings that share a split share the sides of a draw.
    for split in sorted({rows.split for rows in settings}):
        there = {side: (sides[:, :, split] == side).astype(np.float64) for side in (SEEN, UNSEEN)}
        for k, (sums, rows) in enumerate(zip(known, settings, strict=True)):
            if rows.split != split:
                continue
            with np.errstate(divide="ignore", invalid="ignore"):
                gap, variance = _within(sums, there) if sums.cell is None else _across(sums, there, once=rows.once)
            gaps[:, k], errors[:, k] = gap, np.sqrt(np.maximum(variance, 0))
    return gaps, errors


def _within(sums: _Sums, sides: Mapping[int, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Clusters that lie within blocks: sums over blocks are enough."""
    value, variance = 0.0, 0.0
    for side, sign in ((SEEN, 1.0), (UNSEEN, -1.0)):
        s, n, squares, products, weights, clusters = (sides[side] @ sums.sums).T
        mean = s / n
        value = value + sign * mean
        variance = variance + (squares - 2 * mean * products + mean**2 * weights) / n**2 * clusters / (clusters - 1)
    return np.asarray(value), np.asarray(variance)


def _across(sums: _Sums, sides: Mapping[int, FloatArray], *, once: bool) -> tuple[FloatArray, FloatArray]:
    """Clusters that hold several blocks: what both sides of one share enters."""
    from scipy import sparse

    assert sums.cell is not None  # noqa: S101
    cells = len(sums.cell)
    gather = sparse.csr_array((np.ones(cells), (sums.cell, np.arange(cells))), shape=(sums.clusters, cells))
    draws = len(sides[SEEN])
    value, scores = np.zeros(draws), np.zeros((sums.clusters, draws))
    for side, sign in ((SEEN, 1.0), (UNSEEN, -1.0)):
        there = sides[side][:, sums.block].T
        s, n = gather @ (there * sums.sums[:, :1]), gather @ (there * sums.sums[:, 1:])
        if once:
            s, n = np.divide(s, n, out=np.zeros_like(s), where=n > 0), (n > 0).astype(np.float64)
        total = n.sum(axis=0)
        mean = s.sum(axis=0) / total
        value += sign * mean
        scores += sign * (s - mean * n) / total
    return value, (scores**2).sum(axis=0) * (sums.clusters / max(sums.clusters - 1, 1))


__all__ = ["NEITHER", "SEEN", "UNSEEN", "CurveTest", "Rows", "curve_test"]
