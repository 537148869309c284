"""The largest difference between the means of several groups of rows: bounded, clustered, and paid for as a search."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.contrasts.logistic import Fit
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.codes import dense
from unseen.estimates.intervals.means import normal_quantile, t_quantile, two_sided_t, wilson

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
# A difference that rests on fewer effective clusters than this, plus one, has no t interval worth the name.
FEWEST_DOF = 2.0
# Rows of one cluster are never taken as wholly independent: a giant cluster would pass for many units.
LEAST_INTRACLASS = 0.02
# Weight of the working model's variance beside the robust one, in degrees of freedom: a robust variance on three or four
# of them is mostly noise (a moderated t).
PRIOR_DOF = 6.0
# Pairs whose p-value is computed in full; the others have a smaller statistic.
CANDIDATES = 4
DENSE = 8_000_000


@dataclass(frozen=True, slots=True, eq=False)
class LevelMeans:
    """Means of disjoint groups of rows (levels), with what their differences rest on.

    Attributes:
        mean: In score units, shape (levels,).
        covariance: Cluster-robust, shape (levels, levels).
        alone: Variance of each mean under the working model, shape (levels,).
        rows: Rows at each level, shape (levels,).
        units: Distinct clusters at each level, shape (levels,).
        clusters: Distinct clusters in all.
        bounds: Range of the scores; None where they have none.
        exact: Independent binary rows: the binomial distribution holds without estimating a variance.
        working: Variance of the difference of two levels under the working model (equal correlation within clusters),
            and its Satterthwaite degrees of freedom.
        known: What was computed of pairs of levels: the gap that is found and the one that is cleared look at the same.
    """

    mean: FloatArray
    covariance: FloatArray
    alone: FloatArray
    rows: FloatArray
    units: FloatArray
    clusters: int
    bounds: tuple[float, float] | None
    exact: bool
    working: Callable[[int, int], tuple[float, float]]
    known: dict[Any, Any] = field(default_factory=dict[Any, Any], repr=False)

    def points(self, levels: Sequence[int], level: float = 0.95) -> list[dict[str, float]]:
        """Plain rows for a picture: level, mean, its limits and units."""
        tail = (1 - level) / 2
        low, high = self.bounds or (0.0, 1.0)
        out: list[dict[str, float]] = []
        for k in levels:
            m, variance, units = float(self.mean[k]), float(self.alone[k]), float(self.units[k])
            variance = max(variance, float(self.covariance[k, k]), 1e-18)
            t = normal_quantile(tail) if self.exact else t_quantile(tail, max(units - 1, 1.0))
            if self.bounds is None:
                ends = (m - t * math.sqrt(variance), m + t * math.sqrt(variance))
            else:
                share = (m - low) / (high - low)
                size = _most(share, float(self.rows[k])) / variance * (high - low) ** 2
                size = min(size, float(self.rows[k])) if self.exact else size
                ends = tuple(low + end * (high - low) for end in wilson(share, size, t))
            out.append({"level": float(k), "value": m, "low": ends[0], "high": ends[1], "units": int(units)})
        return out


def adjusted_means(fit: Fit, factor: int, marginal: LevelMeans, leave_out: Sequence[int] = ()) -> LevelMeans:
    """Means at the levels of one factor with the other factors of a regression as they are.

    Args:
        fit: The regression.
        factor: Position of the factor in it.
        marginal: The same levels without adjustment, whose range of scores holds.
        leave_out: Levels whose rows are not averaged over.
    """
    values, gradients = fit.level_means(factor, leave_out)
    influence = fit.influence(gradients)
    alone = np.array([fit.spread(q)[0] for q in influence])

    def working(a: int, b: int) -> tuple[float, float]:
        fit.check(gradients[a] - gradients[b])
        return fit.spread(influence[a] - influence[b])

    rows = np.bincount(fit.codes[:, factor], weights=fit.weight, minlength=len(values)).astype(np.float64)
    exact = fit.units.single and fit.link == "logit"
    size = min(len(values), len(marginal.units))
    units = np.zeros(len(values))
    units[:size] = marginal.units[:size]
    covariance = gradients @ fit.covariance @ gradients.T
    return LevelMeans(values, covariance, alone, rows, units, fit.clusters, marginal.bounds, exact, working)


def level_means(
    codes: IntArray, size: int, score: FloatArray, cluster: IntArray, *,
    bounds: tuple[float, float] | None = (0.0, 1.0), singletons: bool = False,
) -> LevelMeans:  # fmt: skip
    """Mean score at each level with a jackknife (CR3) covariance over clusters.

    Var = Σ_g z_g z_gᵀ with z_gl = e_gl / (N_l − n_gl): e_gl the sum of residuals of cluster g at level l, n_gl its rows
    of N_l. The working model has one variance (a share of m(1 − m) where scores are bounded) and one correlation of
    rows of a cluster within a level and one across levels, estimated by moments.

    Args:
        codes: Level of each row, shape (n,); -1 leaves a row out.
        size: Number of levels.
        score: Shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        bounds: Range of the scores, or None.
        singletons: Every row is known to be a cluster of its own.

    Returns:
        Means of all levels; NaN where one has no rows.

    Source: Bell & McCaffrey (2002); Hansen (2024), Jackknife standard errors for clustered regression.

    >>> means = level_means(np.array([0, 0, 1, 1]), 2, np.array([1.0, 1, 1, 0]), np.arange(4), singletons=True)
    >>> means.mean.tolist(), means.units.tolist()
    ([1.0, 0.5], [2.0, 2.0])
    """
    if len(codes) and codes.min() < 0:
        keep = codes >= 0
        codes, score, cluster = codes[keep], score[keep], cluster[keep]
    low, high = bounds or (0.0, 1.0)
    y = (score - low) / (high - low)
    rows = np.bincount(codes, minlength=size).astype(np.float64)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(codes, weights=y, minlength=size) / rows
    some = np.maximum(rows, 1)
    filled = np.nan_to_num(mean)
    squares = np.maximum(np.bincount(codes, weights=y * y, minlength=size) - rows * filled**2, 0.0)
    smooth = np.clip((filled * rows + 0.5) / (rows + 1), 1e-9, 1 - 1e-9)
    one = float(np.sum(squares) / max(np.sum(rows), 1))
    if bounds is None:
        spread = np.full(size, one, dtype=np.float64)
    else:
        # Rows vary by a common share of the most that their mean allows: a level where all agree is no exception.
        share = float(np.sum(squares) / max(float(np.sum(rows * smooth * (1 - smooth))), 1e-300))
        spread = smooth * (1 - smooth) * min(1.0, share)
    binary = bounds is not None and bool(np.all((y == 0) | (y == 1)))
    scale = (high - low) ** 2
    if singletons:
        alone = np.divide(spread, some)
        # Independent zeros and ones have the binomial variance: there is nothing else to estimate.
        covariance = np.diag(alone if binary else squares / np.maximum(rows - 1, 1) ** 2)

        def independent(a: int, b: int) -> tuple[float, float]:
            parts, fourth = alone[[a, b]], alone[[a, b]] ** 2 / some[[a, b]]
            return float(parts.sum()) * scale, float(parts.sum() ** 2 / max(fourth.sum(), 1e-300)) - 1

        return LevelMeans(
            mean * (high - low) + low, covariance * scale, alone * scale, rows, rows, len(y), bounds, binary,
            independent,
        )  # fmt: skip
    cells = _Cells.of(codes, size, y - filled[codes], cluster)
    within, across = cells.intraclass(float(squares.sum()))
    z = cells.residual / np.maximum(rows[cells.level] - cells.count, 1)
    covariance = cells.gram(z, size)
    share_of = cells.count / rows[cells.level]
    # The variance of a level's mean in units of the variance of a row, cluster by cluster.
    part = spread[cells.level] * ((1 - within) * share_of / rows[cells.level] + within * share_of**2)
    alone = np.bincount(cells.level, weights=part, minlength=size).astype(np.float64)
    firm = max(within, LEAST_INTRACLASS)
    firm_part = spread[cells.level] * ((1 - firm) * share_of / rows[cells.level] + firm * share_of**2)
    root = np.sqrt(spread[cells.level]) * share_of

    def clustered(a: int, b: int) -> tuple[float, float]:
        variance = cells.pair(part, root, a, b, across).sum()
        firm_share = cells.pair(firm_part, root, a, b, min(across, firm))
        dof = float(firm_share.sum() ** 2 / max(float(firm_share @ firm_share), 1e-300)) - 1
        return float(variance) * scale, dof

    return LevelMeans(
        mean * (high - low) + low, covariance * scale, alone * scale, rows, cells.units(), cells.clusters, bounds,
        binary and cells.alone, clustered,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Rows summed over each cluster at each level: arrays of shape (cells,), sorted by level, then cluster."""

    cluster: IntArray
    level: IntArray
    count: FloatArray
    residual: FloatArray
    clusters: int
    rows: int
    starts: IntArray

    @classmethod
    def of(cls, codes: IntArray, size: int, residual: FloatArray, cluster: IntArray) -> _Cells:
        number, clusters = dense(cluster)
        key = codes * np.int64(clusters) + number
        if clusters * size <= max(DENSE, 4 * len(codes)):
            every = np.bincount(key, minlength=clusters * size)
            at = np.flatnonzero(every)
            count = every[at]
            summed = np.bincount(key, weights=residual, minlength=clusters * size)[at].astype(np.float64)
        else:
            at, where, count = np.unique(key, return_inverse=True, return_counts=True)
            summed = np.bincount(where, weights=residual).astype(np.float64)
        level = at // clusters
        starts = np.searchsorted(level, np.arange(size + 1))
        return cls(at % clusters, level, count.astype(np.float64), summed, clusters, len(codes), starts)

    @property
    def nested(self) -> bool:
        return len(self.level) == self.clusters

    @property
    def alone(self) -> bool:
        return self.clusters == self.rows

    def units(self) -> FloatArray:
        return np.diff(self.starts).astype(np.float64)

    def gram(self, z: FloatArray, size: int) -> FloatArray:
        if self.nested:
            return np.diag(np.bincount(self.level, weights=z * z, minlength=size).astype(np.float64))
        from scipy import sparse

        matrix = sparse.csr_array((z, (self.cluster, self.level)), shape=(self.clusters, size))
        return (matrix.T @ matrix).toarray()

    def intraclass(self, squares: float) -> tuple[float, float]:
        """Correlation of two rows of a cluster, at one level and at two, by moments; at least 0."""
        variance = max(squares / max(self.rows, 1), 1e-300)
        same = float(self.count @ self.count)
        pairs = same - self.rows
        within = 0.0 if pairs <= 0 else (float(self.residual @ self.residual) - squares) / pairs / variance
        within = min(1.0, max(0.0, within))
        if self.nested:
            return within, 0.0
        sums = np.bincount(self.cluster, weights=self.residual, minlength=self.clusters)
        sizes = np.bincount(self.cluster, weights=self.count, minlength=self.clusters)
        between = float(sizes @ sizes) - same
        across = (float(sums @ sums) - float(self.residual @ self.residual)) / max(between, 1.0) / variance
        return within, min(within, max(0.0, across))

    def pair(self, part: FloatArray, root: FloatArray, a: int, b: int, across: float) -> FloatArray:
        """What each cluster adds to the variance of the difference of two levels."""
        of_a, of_b = (slice(int(self.starts[k]), int(self.starts[k + 1])) for k in (a, b))
        if self.nested:
            return np.concatenate([part[of_a], part[of_b]])
        total, first, second = np.zeros((3, self.clusters))
        total[self.cluster[of_a]] = part[of_a]
        total[self.cluster[of_b]] += part[of_b]
        first[self.cluster[of_a]] = root[of_a]
        second[self.cluster[of_b]] = root[of_b]
        return np.maximum(total - 2 * across * first * second, 0.0)


def largest_gap(
    means: LevelMeans, levels: Sequence[int], *, level: float = 0.95, what: str = "difference of level means"
) -> tuple[Estimate, float, tuple[int, int]]:
    """The difference between two of several levels that is hardest to explain by chance, with the choice paid for.

    Every pair is tested; interval and p-value are Bonferroni-corrected over all pairs. Where scores are bounded the
    interval combines limits of both means (MOVER), so that it stays within the range and holds near its ends: Clopper
    and Pearson's where rows are independent and binary, which holds for rare levels too, else Wilson's at the effective
    sample sizes with t; the p-value is the level at which that same interval starts to exclude zero. Unbounded scores
    have a t interval. The variance is the jackknife's, moderated by the working model's; the pair's own degrees of
    freedom (Satterthwaite) are its weight, and 6 the working model's.

    Args:
        means: Of the levels.
        levels: Which levels to compare, at least 2.
        level: Nominal coverage.
        what: Name of the difference in the estimate's method.

    Returns:
        The gap (higher minus lower mean), the p-value that no two levels differ, and the positions of the higher and
        the lower level.

    Raises:
        TooFewUnits: Every pair rests on too few effective clusters.
        Undefined: Fewer than two levels, or scores that do not vary.

    Source: Clopper & Pearson (1934); Franco, Little, Louis & Slud (2019); Zou & Donner (2008); Smyth (2004), Linear models
    and empirical Bayes methods, for moderated t.

    >>> y = np.repeat([1.0, 0.0, 1.0], [90, 10 + 60, 40])
    >>> means = level_means(np.repeat([0, 1], 100), 2, y, np.arange(200), singletons=True)
    >>> gap, p, pair = largest_gap(means, [0, 1])
    >>> print(gap, pair, p < 1e-9)
    0.500 [0.372, 0.609] (0, 1) True
    """
    i, j, gap, error, robust = _pairs(means, levels)
    order = np.argsort(-gap / error, kind="stable")
    best: tuple[float, _Pair] | None = None
    judged, fewest, refused = 0, math.inf, None
    for at in order.tolist():
        try:
            pair = _pair(means, int(i[at]), int(j[at]), float(robust[at]))
        except Undefined as error:
            refused = error
            continue
        if pair is None:
            continue
        fewest = min(fewest, pair.robust_dof + 1)
        if pair.robust_dof < FEWEST_DOF and not means.exact:
            continue
        # Bisecting is dear: a pair whose interval reaches zero where the best one's no longer does has a larger p-value.
        if best is None or pair.low(best[0] / 2) > 0:
            best = pair.p_value(), pair
        judged += 1
        if judged == CANDIDATES:
            break
    if best is None:
        if math.isfinite(fewest):
            raise TooFewUnits(
                f"no two levels can be compared: a few large clusters carry them, so that they count as {fewest:.1f} "
                f"clusters; {FEWEST_DOF + 1:.0f} are needed."
            )
        raise refused or Undefined("all scores at all levels are equal: no interval exists.")
    p, pair = best
    low, high = pair.limits((1 - level) / 2 / len(i))
    method = f"{what}, {pair.method}" if len(i) == 1 else f"largest of {len(i)}: {what}, {pair.method}, Bonferroni"
    return Estimate(pair.gap, low, high, means.clusters, method, level), min(1.0, p * len(i)), (pair.a, pair.b)


def widest_gap(means: LevelMeans, levels: Sequence[int], *, level: float = 0.95) -> float:
    """Upper limit of the largest difference between two of several levels, missed with (1 − level)/2 of probability.

    The largest of the pairs' own upper limits: the pair that truly differs most is one of them, so that nothing is paid
    for their number, and a rare level counts with all that it may hide.

    Args:
        means: Of the levels.
        levels: Which levels to compare, at least 2.
        level: Nominal coverage of the two-sided interval whose upper end this is.

    Source: Berger (1982), intersection–union tests.

    >>> means = level_means(np.repeat([0, 1], 100), 2, np.tile([0.0, 1.0], 100), np.arange(200), singletons=True)
    >>> round(widest_gap(means, [0, 1]), 2)
    0.14
    """
    i, j, gap, error, robust = _pairs(means, levels)
    most = means.mean[i] * 0.0
    # The crude limit only puts the pairs in order.
    for at in np.argsort(-(gap + normal_quantile((1 - level) / 2) * error), kind="stable")[:CANDIDATES].tolist():
        try:
            pair = _pair(means, int(i[at]), int(j[at]), float(robust[at]))
        except Undefined:
            continue
        most[at] = 0.0 if pair is None else pair.limits((1 - level) / 2)[1]
    return float(most.max())


def _pairs(
    means: LevelMeans, levels: Sequence[int]
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray, FloatArray, FloatArray]:
    """Each pair of levels, the higher mean first: positions, gap, a rough error, and the robust variance of the gap."""
    key = tuple(levels)
    if key not in means.known:
        means.known[key] = _all_pairs(means, levels)
    return means.known[key]


@lru_cache(maxsize=64)
def _triangle(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(size, 1)


def _all_pairs(
    means: LevelMeans, levels: Sequence[int]
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray, FloatArray, FloatArray]:
    chosen = np.asarray(levels)
    if len(chosen) < 2:
        raise Undefined("a gap needs two levels.")
    i, j = (chosen[k] for k in _triangle(len(chosen)))
    i, j = np.where(means.mean[i] >= means.mean[j], i, j), np.where(means.mean[i] >= means.mean[j], j, i)
    diagonal = means.covariance.diagonal()
    robust = diagonal[i] + diagonal[j] - 2 * means.covariance[i, j]
    variance = np.maximum(robust, 0.25 * (means.alone[i] + means.alone[j]))
    if not np.any(variance > 1e-18):
        raise Undefined("all scores at all levels are equal: no interval exists.")
    return i, j, means.mean[i] - means.mean[j], np.sqrt(np.maximum(variance, 1e-18)), robust


def _pair(means: LevelMeans, a: int, b: int, robust: float) -> _Pair | None:
    key = "pair", a, b
    if key not in means.known:
        means.known[key] = _Pair.of(means, a, b, robust)
    return means.known[key]


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two levels, the higher mean first; means as shares of the range where there is one."""

    a: int
    b: int
    means: tuple[float, float]
    sizes: tuple[float, float]
    error: float
    robust_dof: float
    dof: float
    width: float
    bounded: bool
    exact: bool

    @classmethod
    def of(cls, means: LevelMeans, a: int, b: int, robust: float) -> _Pair | None:
        working, dof = means.working(a, b)
        most = max(dof, 1.0)
        variance = max(working, robust) if means.exact else (most * robust + PRIOR_DOF * working) / (most + PRIOR_DOF)
        if not variance > 1e-18:
            return None
        low, high = means.bounds or (0.0, 1.0)
        width = high - low
        shares = (float((means.mean[a] - low) / width), float((means.mean[b] - low) / width))
        if means.bounds is not None:
            # The means of a linear regression may leave the range.
            shares = (min(1.0, max(0.0, shares[0])), min(1.0, max(0.0, shares[1])))
        sizes = (math.inf, math.inf)
        if means.bounds is not None:
            alone = (float(means.alone[a]), float(means.alone[b]))
            inflation = variance / sum(alone) / width**2
            rows = (float(means.rows[a]), float(means.rows[b]))
            first = _most(shares[0], rows[0]) / max(alone[0] * inflation, 1e-300)
            second = _most(shares[1], rows[1]) / max(alone[1] * inflation, 1e-300)
            sizes = (min(first, rows[0]), min(second, rows[1])) if means.exact else (first, second)
        return cls(
            a, b, shares, sizes, math.sqrt(variance), dof, min(dof + PRIOR_DOF, means.clusters - 1.0), width,
            means.bounds is not None, means.exact,
        )  # fmt: skip

    @property
    def gap(self) -> float:
        return (self.means[0] - self.means[1]) * self.width

    @property
    def method(self) -> str:
        if not self.bounded:
            return "cluster-robust, t"
        return "Clopper–Pearson limits" if self.exact else "Wilson limits at the effective sample size, t"

    def limits(self, tail: float) -> tuple[float, float]:
        return self.low(tail), -self._end(1, 0, tail)

    def low(self, tail: float) -> float:
        return self._end(0, 1, tail)

    def _end(self, one: int, other: int, tail: float) -> float:
        """Lower limit of the mean of one level minus the other's."""
        a, b = self.means[one], self.means[other]
        if not self.bounded:
            return (a - b) * self.width - t_quantile(tail, self.dof) * self.error
        if self.exact:
            down, up = (
                clopper_pearson_low(a, self.sizes[one], tail),
                clopper_pearson_low(1 - b, self.sizes[other], tail),
            )
        else:
            quantile = t_quantile(tail, self.dof)
            down, up = wilson(a, self.sizes[one], quantile)[0], wilson(1 - b, self.sizes[other], quantile)[0]
        return max(-1.0, a - b - math.hypot(a - down, 1 - b - up)) * self.width

    def p_value(self) -> float:
        """The level at which the interval starts to exclude zero; two-sided."""
        if self.gap <= 0:
            return 1.0
        if not self.bounded:
            return two_sided_t(self.gap / self.error, self.dof)
        from scipy.optimize import brentq

        small, large = math.log(1e-16), math.log(0.5)
        if self.low(math.exp(small)) > 0:
            return 2e-16
        if self.low(math.exp(large)) <= 0:
            return 1.0
        zero: Any = brentq(lambda tail: self.low(math.exp(tail)), small, large, xtol=1e-7)
        return 2 * math.exp(float(zero))


def clopper_pearson_low(p: float, n: float, tail: float) -> float:
    """Lower limit of a proportion p of n rows, n not necessarily whole, missed with at most this probability.

    >>> round(clopper_pearson_low(0.1, 10, 0.025), 4), round(1 - clopper_pearson_low(0.9, 10, 0.025), 4)
    (0.0025, 0.445)
    """
    import scipy.special

    hits = p * n
    return min(p, float(scipy.special.betaincinv(hits, n - hits + 1, tail))) if hits > 1e-9 else 0.0


def _most(share: float, rows: float) -> float:
    """p(1 − p) at a share that is kept off 0 and 1 by half a row."""
    smooth = (share * rows + 0.5) / (rows + 1)
    return smooth * (1 - smooth)
