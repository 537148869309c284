"""Back-tests of label-free estimates: hide the labels of one level of a factor at a time, and compare.

Only a level in which something shifts can test anything: where confidence and accuracy are those of the other rows, all
methods claim the same and are right. Everything runs on counts per level and fine bin of confidence, so that many levels
cost one pass over the rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.estimates.intervals.codes import dense
from unseen.estimates.intervals.means import two_sided_t
from unseen.estimates.testing.multiplicity import benjamini_hochberg

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
FINE = 200
COARSE = 20
MIN_ROWS = 30
MIN_CLUSTERS = 3
MIN_LEVELS = 3
METHODS = ("CBPE", "ATC", "DoC")
ALPHA = 0.05
GRID = 200
WORTH = 0.9
# Levels up to which the signed-rank test is exact.
EXACT = 50


@dataclass(frozen=True, slots=True)
class Hidden:
    """One level whose labels were hidden, and what each method claimed of it.

    Attributes:
        factor: Position of its factor.
        code: Its code within the factor.
        name: Name of the level.
        n: Its rows.
        share: Its rows over all rows.
        actual: Its accuracy.
        move: Claimed by CBPE minus accuracy of the other rows: how far its confidence has moved, in accuracy.
        shift_p: p-value of "its confidences are those of the other rows".
        claimed: Method → claimed accuracy.
        variance: Method → sampling variance of claimed minus actual.
        clusters: Sampling units in it.
    """

    factor: int
    code: int
    name: str
    n: int
    share: float
    actual: float
    move: float
    shift_p: float
    claimed: dict[str, float]
    variance: dict[str, float]
    clusters: int

    def error(self, method: str) -> float:
        """Claimed minus actual."""
        return self.claimed[method] - self.actual


@dataclass(frozen=True, eq=False, slots=True)
class Backtest:
    """How far one method missed the levels that were hidden from it and in which something shifts.

    Attributes:
        method: CBPE, ATC, DoC …
        error: Mean absolute error over levels.
        taus: Equally likely values of the standard deviation of the method's error from one shift to the next, beyond
            sampling, given these errors (few levels make them spread), shape (200,).
        worst: Largest error, with its sign (positive: claimed too much).
        worst_level: The level it belongs to.
        levels: Per level: level, n, claimed, actual, error, confidence_shifts.
    """

    method: str
    error: float
    taus: FloatArray
    worst: float
    worst_level: str
    levels: list[dict[str, Any]]

    @property
    def tau(self) -> float:
        """Median of ``taus``."""
        return float(np.median(self.taus))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What hiding levels taught.

    Attributes:
        hidden: Every level that could be hidden.
        moved: Positions in ``hidden`` of those whose confidence shifts.
        telling: Positions of those in which confidence shifts or accuracy is not what confidence says.
        tests: Method → back-test over the telling levels; empty where there are fewer than 3.
        better: Method → p-value, corrected for the number of methods, of "it misses no less than CBPE".
        reason: Why there is no back-test; empty where there is one.
    """

    hidden: tuple[Hidden, ...] = ()
    moved: tuple[int, ...] = ()
    telling: tuple[int, ...] = ()
    tests: Mapping[str, Backtest] = field(default_factory=dict[str, Backtest])
    better: Mapping[str, float] = field(default_factory=dict[str, float])
    reason: str = ""

    @property
    def chosen(self) -> str:
        """CBPE, unless another method missed significantly less, and by a tenth at least.

        Methods share the noise of the levels, so that a difference too small to matter can be significant.
        """
        passed = [
            m for m, p in self.better.items()
            if p <= ALPHA and m in self.tests and self.tests[m].error <= WORTH * self.tests["CBPE"].error
        ]  # fmt: skip
        return min(passed, key=lambda m: self.better[m], default="CBPE")

    def reach(self, move: float) -> float:
        """How many times farther than any telling level a target has moved, at least 1."""
        farthest = max((abs(self.hidden[i].move) for i in self.telling), default=0.0)
        return max(1.0, abs(move) / max(farthest, 1e-6))


def rehearse(
    confidence: ArrayLike,
    outcome: ArrayLike,
    cluster: ArrayLike,
    factors: Sequence[tuple[ArrayLike, Sequence[str]]],
    *,
    anchors: Mapping[str, ArrayLike] | None = None,
) -> Rehearsal:
    """Leave each level of each factor out, claim its accuracy from the other levels, and compare with the truth.

    A level is telling where its ranks of confidence differ from those of the other rows, or its accuracy differs from
    CBPE's claim (t tests with a design effect for clusters, Benjamini-Hochberg at 5 % over all levels, each). Another
    method takes CBPE's place where Wilcoxon's signed-rank test says that it misses the levels of one factor whose
    confidence shifts by less (Bonferroni over methods and factors).

    Args:
        confidence: Shape (n,).
        outcome: Score within 0 … 1, shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        factors: For each factor its codes, shape (n,) with −1 missing, and the names of its levels. A level needs 30
            rows in 3 clusters on its own and in the rest.
        anchors: Further columns to use as ``DoC`` uses confidence (agreement, say): method → shape (n,).

    Source: Garg et al. (2022), section 5 (error over target distributions).

    >>> rng = np.random.default_rng(0); g = rng.integers(0, 4, 4000); c = rng.beta(1 + g, 2)
    >>> done = rehearse(c, rng.random(4000) < c, np.arange(4000), [(g, ["a", "b", "c", "d"])])
    >>> done.tests["CBPE"].error < 0.05, done.chosen
    (True, 'CBPE')
    """
    c, y = np.asarray(confidence, np.float64), np.asarray(outcome, np.float64)
    g, _ = dense(np.asarray(cluster).astype(np.int64))
    if not len(c):
        return Rehearsal(reason="there are no labelled rows")
    table = _Table.of(c, y, g, {k: np.asarray(v, np.float64) for k, v in (anchors or {}).items()})
    levels = [_levels(table, k, np.asarray(codes), names) for k, (codes, names) in enumerate(factors)]
    hidden = _hidden(table, [known for known in levels if known is not None])
    # The same rows under another factor's name are no further test.
    hidden = list({(h.n, round(h.actual, 9), round(h.move, 9)): h for h in reversed(hidden)}.values())[::-1]
    if len(hidden) < MIN_LEVELS:
        return Rehearsal(tuple(hidden), reason=f"{len(hidden) or 'no'} levels of factors could be hidden")
    moved = benjamini_hochberg([h.shift_p for h in hidden]) <= ALPHA
    missed = benjamini_hochberg([
        two_sided_t(h.error("CBPE") / math.sqrt(h.variance["CBPE"]), h.clusters - 1.0) for h in hidden
    ]) <= ALPHA  # fmt: skip
    telling = np.flatnonzero(moved | missed)
    methods = (*METHODS, *(anchors or {}))
    tests: dict[str, Backtest] = {}
    reason = ""
    if len(telling) >= MIN_LEVELS:
        tests = {
            m: summarised(m, [hidden[i] for i in telling], {int(i) for i in np.flatnonzero(moved[telling])})
            for m in methods
        }
    else:
        reason = f"something shifts in {len(telling)} of the {len(hidden)} levels that could be hidden"
    better = _better([h for h, m in zip(hidden, moved, strict=True) if m], methods)
    return Rehearsal(
        tuple(hidden), tuple(map(int, np.flatnonzero(moved))), tuple(map(int, telling)), tests, better, reason
    )


def summarised(method: str, levels: Sequence[Hidden], moved: set[int] | None = None) -> Backtest:
    """The errors of a method over levels, and how large they may be on a further one.

    Args:
        method: Its name in ``claimed`` and ``variance`` of the levels.
        levels: Those that count.
        moved: Positions of those whose confidence shifts; all by default.
    """
    error = np.array([h.error(method) for h in levels])
    share = np.array([h.share for h in levels])
    variance = np.array([h.variance[method] for h in levels])
    factor = np.array([h.factor for h in levels])
    # The other rows are part of what the target is compared with: without them an error is 1 / (1 − share) too large.
    sizes = [np.sum(share[factor == f] ** 2) for f in np.unique(factor)]
    freedom = sum(max(1, int(np.sum(factor == f)) - 1) for f in np.unique(factor))
    taus = spreads(error * (1 - share), variance * (1 - share) ** 2, freedom) * math.sqrt(1 + max(sizes))
    # Of errors that are equal but for rounding the first.
    worst = int(np.argmax(np.abs(error).round(12)))
    rows = [
        {"level": h.name, "n": h.n, "claimed": h.claimed[method], "actual": h.actual, "error": float(e),
         "confidence_shifts": moved is None or i in moved}
        for i, (h, e) in enumerate(zip(levels, error, strict=True))
    ]  # fmt: skip
    return Backtest(method, float(np.abs(error).mean()), taus, float(error[worst]), levels[worst].name, rows)


def spreads(error: ArrayLike, variance: ArrayLike, freedom: int) -> FloatArray:
    """Equally likely values of the standard deviation τ of errors around zero, given errors with known sampling variance.

    Q(τ²) = Σ e² / (v + τ²) is χ² with ``freedom`` degrees of freedom; each value solves it for one quantile. Without
    sampling variance a normal error with these τ is Student's t with that freedom, scaled by the root mean square.

    Args:
        error: Shape (levels,).
        variance: Of sampling, shape (levels,).
        freedom: Independent errors among them.

    Source: Viechtbauer (2007), Confidence intervals for the amount of heterogeneity in meta-analysis (the Q-profile);
    Nagashima, Noma & Furukawa (2019), section 2.3 (its distribution, in a prediction interval).

    >>> bool(spreads([0.1, -0.1, 0.1], [0.01, 0.01, 0.01], 3).min() == 0)
    True
    """
    import scipy.special

    e2, v = np.asarray(error, np.float64) ** 2, np.maximum(np.asarray(variance, np.float64), 1e-12)
    aims = np.maximum(2 * scipy.special.gammaincinv(freedom / 2, (np.arange(GRID) + 0.5) / GRID), 1e-12)
    square = np.zeros(GRID)
    # 1 / Q rises and is concave in τ², so that Newton's steps on it climb to the solution from 0 and stop there.
    for _ in range(60):
        weight = 1 / (v + square[:, None])
        q = weight @ e2
        step = np.where(q > aims, (q / aims - 1) * q / (weight**2 @ e2), 0.0)
        square += step
        if (step <= 1e-14 * square).all():
            break
    return np.sqrt(square)


@dataclass(frozen=True, eq=False)
class _Table:
    """Columns of the labelled rows, and their fine bins of confidence."""

    c: FloatArray
    y: FloatArray
    cluster: IntArray
    bins: IntArray
    size: int
    binary: bool
    middle: FloatArray
    fitted: FloatArray
    anchors: dict[str, FloatArray]
    single: bool

    @classmethod
    def of(cls, c: FloatArray, y: FloatArray, cluster: IntArray, anchors: dict[str, FloatArray]) -> _Table:
        edges = np.unique(np.quantile(c, np.linspace(0, 1, FINE + 1)[1:-1]))
        size = len(edges) + 1
        if np.all(c[1:] >= c[:-1]):
            bins = np.repeat(np.arange(size), np.diff(np.searchsorted(c, edges), prepend=0, append=len(c)))
        else:
            bins = np.searchsorted(edges, c, side="right")
        count = np.bincount(bins, minlength=size).astype(np.float64)
        total = np.bincount(bins, weights=y, minlength=size).astype(np.float64)
        fitted = _calibrated(np.stack([count, total])[:, None])[0]
        middle = (np.cumsum(count) - count / 2) / len(c)
        binary, single = bool(np.all((y == 0) | (y == 1))), int(cluster.max()) + 1 == len(c)
        return cls(c, y, cluster, bins, size, binary, middle, fitted, anchors, single)

    @cached_property
    def rank(self) -> FloatArray:
        """Middle rank of the bin of each row, as a share of the rows, shape (n,)."""
        return self.middle[self.bins]

    @cached_property
    def powers(self) -> FloatArray:
        """Middle rank of each bin and its square, shape (bins, 2)."""
        return np.stack([self.middle, self.middle**2], axis=1)

    @cached_property
    def residual(self) -> FloatArray:
        """Outcome of each row minus what its bin leads to expect, shape (n,)."""
        return self.y - self.fitted[self.bins]

    def sums(self, cell: IntArray, rows: int) -> FloatArray:
        """Count, Σy and, where it is another, Σy² per level and bin, shape (2 or 3, rows, bins)."""

        def total(weights: FloatArray | None) -> FloatArray:
            each = np.bincount(cell, weights=weights, minlength=rows * self.size)
            return each.reshape(rows, self.size).astype(np.float64, copy=False)

        # The square of 0 or 1 is itself.
        return np.stack([total(None), total(self.y), *([] if self.binary else [total(self.y**2)])])


@dataclass(frozen=True, eq=False, slots=True)
class _Levels:
    """The levels of one factor that can be hidden, one row each.

    Attributes:
        factor: Number of the factor.
        code: Of each level, shape (levels,).
        names: Of all levels, by code.
        target: Sums of its rows per bin of confidence, as in ``_Table.sums``, shape (2 or 3, levels, bins).
        rest: The same of all other rows.
        rows: Rows of each level, shape (levels,), and of the others.
        others: The same of all other rows.
        units: Clusters of each level, shape (levels,).
        moved: Mean confidence of its rows minus that of the others, shape (levels,).
        designs: Variance of clustered over that of independent means: of residual outcomes, and of ranks.
        anchored: Of each further column its mean there minus elsewhere, and the variance of a claim made with it.
    """

    factor: int
    code: IntArray
    names: Sequence[str]
    target: FloatArray
    rest: FloatArray
    rows: FloatArray
    others: FloatArray
    units: FloatArray
    moved: FloatArray
    designs: tuple[float, float]
    anchored: dict[str, tuple[FloatArray, FloatArray]]


def _levels(table: _Table, factor: int, codes: IntArray, names: Sequence[str]) -> _Levels | None:
    """The levels of a factor that can be hidden; None where it has none."""
    k = len(names)
    level = codes.astype(np.int64)
    level += 1
    sums = table.sums(level * table.size + table.bins, k + 1)
    total, count = sums.sum(axis=1), sums[0].sum(axis=1)
    n = count.sum()
    confidence = np.bincount(level, weights=table.c, minlength=k + 1)
    if table.single:
        units = count
    else:
        pairs = np.unique(level * (int(table.cluster.max()) + 1) + table.cluster)
        units = np.bincount(pairs // (int(table.cluster.max()) + 1), minlength=k + 1).astype(np.float64)
    usable = (np.minimum(count, n - count) >= MIN_ROWS) & (units >= MIN_CLUSTERS)
    usable[0] = False
    u = np.flatnonzero(usable)
    if not len(u):
        return None
    m, r = count[u], n - count[u]
    designs = (1.0, 1.0) if table.single else tuple(_design(x, level, table) for x in (table.residual, table.rank))
    anchored: dict[str, tuple[FloatArray, FloatArray]] = {}
    for name, a in table.anchors.items():
        mean, spread = _by_level(a, level, k + 1)[0], _by_level(table.y - a, level, k + 1)[1]
        variance = spread[u] / m + (spread @ count - spread[u] * m) / r / r
        anchored[name] = mean[u] - (mean @ count - mean[u] * m) / r, variance
    moved = confidence[u] / m - (confidence.sum() - confidence[u]) / r
    return _Levels(
        factor, u - 1, names, sums[:, u], total[:, None] - sums[:, u], m, r, units[u], moved, (designs[0], designs[1]), anchored
    )  # fmt: skip


def _hidden(table: _Table, found: Sequence[_Levels]) -> list[Hidden]:
    """What hiding each level shows. The levels of all factors are computed at once: most are a handful of rows each."""
    import scipy.special

    if not found:
        return []
    target, rest = (np.concatenate(side, axis=1) for side in zip(*((f.target, f.rest) for f in found), strict=True))
    columns = ((f.rows, f.others, f.units, f.moved) for f in found)
    m, r, units, moved = (np.concatenate(each) for each in zip(*columns, strict=True))
    sizes = [len(f.code) for f in found]
    designs = [np.repeat([f.designs[k] for f in found], sizes) for k in (0, 1)]
    share = target[0] / m[:, None]
    hidden, left = target.sum(axis=2), rest.sum(axis=2)
    accuracy, actual = left[1] / r, hidden[1] / m
    fitted = _calibrated(rest[:2])
    above = rest[0] / r[:, None]
    claimed = {
        "CBPE": (share * fitted).sum(axis=1), "ATC": _thresholded(above, share, accuracy), "DoC": accuracy + moved,
    }  # fmt: skip
    smooth = [(q * v + 1) / (q + 2) for q, v in ((r, accuracy), (m, actual))]
    plain = smooth[0] * (1 - smooth[0]) / r + smooth[1] * (1 - smooth[1]) / m
    sampling = _sampling(rest, fitted, share, m)
    variance = {"CBPE": sampling, "ATC": plain, "DoC": np.minimum(plain, 2 * sampling)}
    for name in table.anchors:
        claimed[name] = accuracy + np.concatenate([f.anchored[name][0] for f in found])
        variance[name] = np.concatenate([f.anchored[name][1] for f in found])
    # Ranks are those of bins.
    ranks = [side[0] @ table.powers / q[:, None] for side, q in ((target, m), (rest, r))]
    spread = [(x[:, 1] - x[:, 0] ** 2) / q for x, q in zip(ranks, (m, r), strict=True)]
    difference = ranks[0][:, 0] - ranks[1][:, 0]
    shift = difference / np.sqrt(np.maximum(designs[1] * (spread[0] + spread[1]), 1e-18))
    shift_p = 2 * scipy.special.stdtr(units - 1.0, -np.abs(shift))
    methods = list(claimed)
    numbers = (m, m / (m + r), actual, claimed["CBPE"] - accuracy, shift_p, units)
    told = zip(
        ((f, code) for f in found for code in f.code.tolist()), zip(*(x.tolist() for x in numbers), strict=True),
        zip(*(claimed[name].tolist() for name in methods), strict=True),
        zip(*((designs[0] * variance[name]).tolist() for name in methods), strict=True), strict=True,
    )  # fmt: skip
    return [
        Hidden(
            f.factor, code, str(f.names[code]), int(rows), part, truth, move, p,
            dict(zip(methods, says, strict=True)), dict(zip(methods, varies, strict=True)), int(clusters),
        )
        for (f, code), (rows, part, truth, move, p, clusters), says, varies in told
    ]  # fmt: skip


def _by_level(values: FloatArray, level: IntArray, size: int) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of a column per level."""
    count = np.maximum(np.bincount(level, minlength=size), 1)
    mean = np.bincount(level, weights=values, minlength=size) / count
    return mean, np.maximum(np.bincount(level, weights=values**2, minlength=size) / count - mean**2, 1 / count**2)


def _sampling(rest: FloatArray, fitted: FloatArray, share: FloatArray, m: FloatArray) -> FloatArray:
    """Variance of CBPE's claim minus the mean outcome of each target, rows independent, shape (levels,).

    What is left of the outcome once confidence is known counts, on the target's rows and in the fit.
    """
    starts = np.arange(0, share.shape[1], max(1, share.shape[1] // COARSE))
    squares = rest[-1] - 2 * fitted * rest[1] + fitted**2 * rest[0]
    count, squares, share = (np.add.reduceat(x, starts, axis=1) for x in (rest[0], squares, share))
    left = (squares + 0.25) / (count + 1)
    return (share * left).sum(axis=1) / m + (share**2 * left / np.maximum(count, 1)).sum(axis=1)


def _design(values: FloatArray, level: IntArray, table: _Table) -> float:
    """Variance of a clustered mean over that of independent rows, within levels; at least 1."""
    count = np.maximum(np.bincount(level), 1)
    residual = values - (np.bincount(level, weights=values) / count)[level]
    spread = float(residual @ residual)
    sums = np.bincount(table.cluster, weights=residual)
    return max(1.0, float(sums @ sums) / spread) if spread > 0 else 1.0


def _better(levels: Sequence[Hidden], methods: Sequence[str]) -> dict[str, float]:
    """p-values of "misses no less than CBPE", over the levels of one factor each, corrected for the search."""
    factors = [f for f in sorted({h.factor for h in levels}) if sum(h.factor == f for h in levels) >= MIN_LEVELS]
    found: dict[str, float] = {}
    for method in methods:
        if method == "CBPE":
            continue
        smallest = 1.0
        for f in factors:
            gain = np.array([abs(h.error("CBPE")) - abs(h.error(method)) for h in levels if h.factor == f])
            if np.any(gain != 0):
                smallest = min(smallest, _signed_rank(gain))
        found[method] = min(1.0, smallest * max(1, len(factors)) * (len(methods) - 1))
    return found


def _signed_rank(gain: FloatArray) -> float:
    """One-sided p-value of Wilcoxon's signed-rank test that gains are not above zero."""
    size = np.abs(gain)
    ranks = np.argsort(np.argsort(size)) + 1
    if len(gain) > EXACT or not size.all() or len(np.unique(size)) < len(size):
        # Importing scipy.stats takes longer than most back-tests.
        from scipy import stats

        test: Any = stats.wilcoxon(gain, alternative="greater")
        return float(test.pvalue)
    # Each rank is positive or not with probability 1/2; counts of sums of positive ranks.
    ways = np.ones(1)
    for rank in range(1, len(gain) + 1):
        ways = np.concatenate([ways, np.zeros(rank)]) + np.concatenate([np.zeros(rank), ways])
    return float(ways[int(ranks[gain > 0].sum()) :].sum() / 2.0 ** len(gain))


def _calibrated(rest: FloatArray) -> FloatArray:
    """Rising mean outcome per fine bin, shape (fits, bins), one fit a row; bins without rows take their neighbours'.

    Args:
        rest: Rows of each bin and their summed outcome (within 0 … 1 each), shape (2, fits, bins).
    """
    from scipy import optimize

    (count, total), (fits, size) = rest, rest.shape[1:]
    fit, column = np.nonzero(count > 0)
    # All fits in one go: two apart, no mean of one can be pooled with one of the next.
    shifted = total[fit, column] / count[fit, column] + 2.0 * fit
    pooled = optimize.isotonic_regression(shifted, weights=count[fit, column]).x
    rising = np.asarray(pooled, np.float64) - 2.0 * fit
    if len(fit) == fits * size:
        return rising.reshape(fits, size)
    edges = np.searchsorted(fit, np.arange(fits + 1))
    return np.stack([np.interp(np.arange(size), column[a:b], rising[a:b]) for a, b in pairwise(edges.tolist())])


def _thresholded(labelled: FloatArray, target: FloatArray, accuracy: FloatArray) -> FloatArray:
    """Share of each target above the threshold with the labelled accuracy above it; a bin it cuts is split.

    Args:
        labelled: Share of the labelled rows in each bin, shape (targets, bins).
        target: The same of each target.
        accuracy: Of the labelled rows, shape (targets,).
    """
    above = [np.cumsum(side[:, ::-1], axis=1) for side in (labelled, target)]
    return np.array([np.interp(a, x, y, left=0.0) for a, x, y in zip(accuracy.tolist(), *above, strict=True)])
