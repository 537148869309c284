"""The largest difference between the means of several groups of rows: bounded, clustered, and paid for as a search."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.contrasts.logistic import COLLINEAR, Fit
from unseen.estimates.contrasts.pair_limits import Pairs, wilsons
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.codes import dense
from unseen.estimates.intervals.means import normal_quantile

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
        working: Variance of the differences of pairs of levels under the working model (equal correlation within
            clusters), NaN where the data do not determine it, and its Satterthwaite degrees of freedom.
    """

    mean: FloatArray
    covariance: FloatArray
    alone: FloatArray
    rows: FloatArray
    units: FloatArray
    clusters: int
    bounds: tuple[float, float] | None
    exact: bool
    working: Callable[[IntArray, IntArray], tuple[FloatArray, FloatArray]]

    def points(self, levels: Sequence[int], level: float = 0.95) -> list[dict[str, float]]:
        """Plain rows for a picture: level, mean, its limits and units."""
        from scipy.special import stdtrit

        tail, at = (1 - level) / 2, np.asarray(levels)
        low, high = self.bounds or (0.0, 1.0)
        mean, rows, units = self.mean[at], self.rows[at], self.units[at]
        variance = np.maximum(np.maximum(self.alone[at], self.covariance.diagonal()[at]), 1e-18)
        t = np.full(len(at), normal_quantile(tail)) if self.exact else -stdtrit(np.maximum(units - 1, 1.0), tail)
        if self.bounds is None:
            half = t * np.sqrt(variance)
            lows, highs = mean - half, mean + half
        else:
            share = (mean - low) / (high - low)
            size = _most(share, rows) / variance * (high - low) ** 2
            size = np.minimum(size, rows) if self.exact else size
            lows, highs = (low + end * (high - low) for end in wilsons(share, size, t))
        named = zip(levels, mean.tolist(), lows.tolist(), highs.tolist(), units.tolist(), strict=True)
        return [
            {"level": float(k), "value": m, "low": first, "high": last, "units": int(u)}
            for k, m, first, last, u in named
        ]


def adjusted_means(fit: Fit, factor: int, marginal: LevelMeans, leave_out: Sequence[int] = ()) -> LevelMeans:
    """Means at the levels of one factor with the other factors of a regression as they are.

    Args:
        fit: The regression.
        factor: Position of the factor in it.
        marginal: The same levels without adjustment, whose range of scores holds.
        leave_out: Levels whose rows are not averaged over.
    """
    return all_adjusted_means(fit, [(factor, marginal, leave_out)])[0]


def all_adjusted_means(fit: Fit, asked: Sequence[tuple[int, LevelMeans, Sequence[int]]]) -> list[LevelMeans]:
    """``adjusted_means`` of several factors of one regression.

    Args:
        fit: The regression.
        asked: The position of each factor, its levels without adjustment, and those whose rows are not averaged over.
    """
    found = fit.all_level_means([(factor, leave_out) for factor, _, leave_out in asked])
    return [_adjusted(fit, factor, marginal, *means) for (factor, marginal, _), means in zip(asked, found, strict=True)]


def _adjusted(fit: Fit, factor: int, marginal: LevelMeans, values: FloatArray, gradients: FloatArray) -> LevelMeans:
    exact = fit.units.single and fit.link == "logit"
    covariance = gradients @ fit.covariance @ gradients.T
    if exact:
        # Of independent rows the working model is that of the regression, and nothing asks for degrees of freedom.
        model = gradients @ fit.model_covariance @ gradients.T
        alone = model.diagonal().copy()

        def working(a: IntArray, b: IntArray) -> tuple[FloatArray, FloatArray]:
            variance = model[a, a] + model[b, b] - 2 * model[a, b]
            return np.where(fit.determines(gradients[a] - gradients[b]), variance, np.nan), np.full(len(a), np.inf)
    else:
        influence = fit.influence(gradients)
        alone = np.array([fit.spread(q)[0] for q in influence])

        def working(a: IntArray, b: IntArray) -> tuple[FloatArray, FloatArray]:
            spreads = [fit.spread(influence[k] - influence[m]) for k, m in zip(a.tolist(), b.tolist(), strict=True)]
            variance, dof = np.array(spreads).T
            return np.where(fit.determines(gradients[a] - gradients[b]), variance, np.nan), dof

    rows = np.bincount(fit.codes[:, factor], weights=fit.weight, minlength=len(values)).astype(np.float64)
    size = min(len(values), len(marginal.units))
    units = np.zeros(len(values))
    units[:size] = marginal.units[:size]
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
    y = score if (low, high) == (0.0, 1.0) else (score - low) / (high - low)
    rows = np.bincount(codes, minlength=size).astype(np.float64)
    some = np.maximum(rows, 1)
    sums = np.bincount(codes, weights=y, minlength=size)
    filled = sums / some
    mean = filled if rows.all() else np.where(rows > 0, filled, np.nan)
    alike = bool(((y == 0) | (y == 1)).all())
    # The square of 0 or 1 is itself.
    second = sums if alike else np.bincount(codes, weights=y * y, minlength=size)
    squares = np.maximum(second - rows * filled**2, 0.0)
    smooth = np.minimum(np.maximum((filled * rows + 0.5) / (rows + 1), 1e-9), 1 - 1e-9)
    one = float(squares.sum() / max(rows.sum(), 1))
    if bounds is None:
        spread = np.full(size, one, dtype=np.float64)
    else:
        # Rows vary by a common share of the most that their mean allows: a level where all agree is no exception.
        share = float(squares.sum() / max(float((rows * smooth * (1 - smooth)).sum()), 1e-300))
        spread = smooth * (1 - smooth) * min(1.0, share)
    binary = bounds is not None and alike
    scale = (high - low) ** 2
    if singletons:
        alone = np.divide(spread, some)
        # Independent zeros and ones have the binomial variance: there is nothing else to estimate.
        covariance = np.diag(alone if binary else squares / np.maximum(rows - 1, 1) ** 2)

        def independent(a: IntArray, b: IntArray) -> tuple[FloatArray, FloatArray]:
            both, fourth = alone[a] + alone[b], alone[a] ** 2 / some[a] + alone[b] ** 2 / some[b]
            return both * scale, both**2 / np.maximum(fourth, 1e-300) - 1

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

    def clustered(a: IntArray, b: IntArray) -> tuple[FloatArray, FloatArray]:
        variance, dof = np.empty((2, len(a)))
        for at, (k, m) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
            variance[at] = cells.pair(part, root, k, m, across).sum()
            firm_share = cells.pair(firm_part, root, k, m, min(across, firm))
            dof[at] = float(firm_share.sum() ** 2 / max(float(firm_share @ firm_share), 1e-300)) - 1
        return variance * scale, dof

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
    found = largest_gaps([(means, levels)], level=level, what=what)[0]
    if isinstance(found, Exception):
        raise found
    return found


def largest_gaps(
    asked: Sequence[tuple[LevelMeans, Sequence[int]]], *, level: float | Sequence[float] = 0.95,
    what: str = "difference of level means",
) -> list[tuple[Estimate, float, tuple[int, int]] | TooFewUnits | Undefined]:  # fmt: skip
    """:func:`largest_gap` of many groups of levels at once; what it would raise stands in the place of its answer.

    Args:
        asked: Means, and which of their levels to compare.
        level: Nominal coverage, of all or of each.
        what: Name of the difference in the estimate's method.
    """
    every = _Every.of(asked)
    levels = np.broadcast_to(np.asarray(level, dtype=np.float64), len(asked))
    chosen, pairs, refused = _judged(every)
    found: list[tuple[Estimate, float, tuple[int, int]] | TooFewUnits | Undefined | None] = list(refused)
    if not len(chosen):
        return [no for no in refused if no is not None]
    some, starts = np.unique(every.group[chosen], return_index=True)
    best, p = _hardest(pairs, np.append(starts, len(chosen)))
    hardest, many = pairs.take(best), every.many[some]
    tail = (1 - levels[some]) / 2 / many
    numbers = (hardest.gap, hardest.lows(tail), hardest.highs(tail), np.minimum(1.0, p * many))
    places = (some, levels[some], every.i[chosen[best]], every.j[chosen[best]], many)
    told = zip(*(v.tolist() for v in (*places, *numbers)), strict=True)
    for k, (at, own, first, second, of, gap, low, high, corrected) in enumerate(told):
        method = f"{what}, {hardest.method(k)}"
        if of > 1:
            method = f"largest of {of}: {method}, Bonferroni"
        try:
            estimate = Estimate(gap, low, high, every.means[at].clusters, method, own)
            found[at] = estimate, corrected, (first, second)
        except Undefined as error:
            found[at] = error
    return [one for one in found if one is not None]


def _judged(every: _Every) -> tuple[IntArray, Pairs, list[TooFewUnits | Undefined | None]]:
    """The pairs of each group that are judged in full, the most telling first, and why a group has none."""
    order, rank = every.ranked(-every.gap / every.error)
    count, fewest = np.zeros(len(every.many), dtype=np.int64), np.full(len(every.many), np.inf)
    determined, kept, parts = np.ones(len(every.many), dtype=bool), list[IntArray](), list[Pairs]()
    going = every.vary
    for start in range(0, int(every.many.max(initial=0)), CANDIDATES):
        left = (rank >= start) & going[every.group[order]]
        order, rank = order[left], rank[left]
        own = order[rank < start + CANDIDATES]
        if not len(own):
            break
        group = every.group[own]
        pairs, dof, there, known = every.pairs(own)
        determined[group[~known]] = False
        np.minimum.at(fewest, group[there], dof[there] + 1)
        usable = there & (every.exact[group] | (dof >= FEWEST_DOF))
        kept.append(own[usable])
        parts.append(pairs.take(usable))
        count += np.bincount(group[usable], minlength=len(count))
        going = going & (count < CANDIDATES)
    refused: list[TooFewUnits | Undefined | None] = [None] * len(every.many)
    for g in np.flatnonzero(count == 0).tolist():
        if every.many[g] == 0:
            refused[g] = Undefined("a gap needs two levels.")
        elif math.isfinite(fewest[g]):
            refused[g] = TooFewUnits(
                f"no two levels can be compared: a few large clusters carry them, so that they count as {fewest[g]:.1f} "
                f"clusters; {FEWEST_DOF + 1:.0f} are needed."
            )
        else:
            alike = "all scores at all levels are equal: no interval exists."
            refused[g] = Undefined(alike if determined[g] else COLLINEAR)
    if not parts:
        return np.empty(0, dtype=np.int64), every.pairs(np.empty(0, dtype=np.int64))[0], refused
    chosen = np.concatenate(kept)
    by_group = np.argsort(every.group[chosen], kind="stable")
    starts = np.cumsum(count) - count
    by_group = by_group[np.arange(len(chosen)) - starts[every.group[chosen[by_group]]] < CANDIDATES]
    return chosen[by_group], Pairs.joined(parts).take(by_group), refused


def _hardest(pairs: Pairs, starts: NDArray[np.intp]) -> tuple[NDArray[np.intp], FloatArray]:
    """Of each run of pairs the one that is hardest to explain by chance, and its p-value."""
    best, sizes = starts[:-1].copy(), np.diff(starts)
    p = pairs.take(best).p_values()
    for rank in range(1, int(sizes.max())):
        some = np.flatnonzero(sizes > rank)
        # Bisecting is dear: a pair whose interval reaches zero where the best one's no longer does has a larger p-value.
        next_ones = starts[some] + rank
        better = pairs.take(next_ones).lows(p[some] / 2) > 0
        some, next_ones = some[better], next_ones[better]
        if len(some):
            best[some], p[some] = next_ones, pairs.take(next_ones).p_values()
    return best, p


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
    return widest_gaps([(means, levels)], level=level)[0]


def widest_gaps(asked: Sequence[tuple[LevelMeans, Sequence[int]]], *, level: float = 0.95) -> list[float]:
    """:func:`widest_gap` of many groups of levels at once.

    Args:
        asked: Means, and which of their levels to compare.
        level: Nominal coverage of the two-sided intervals.

    >>> widest_gaps([])
    []
    """
    every = _Every.of(asked)
    for g in np.flatnonzero(~every.vary).tolist():
        alike = "all scores at all levels are equal: no interval exists."
        raise Undefined(alike if every.many[g] else "a gap needs two levels.")
    # The crude limit only puts the pairs in order.
    order, rank = every.ranked(-(every.gap + normal_quantile((1 - level) / 2) * every.error))
    own = order[rank < CANDIDATES]
    pairs, _, there, _ = every.pairs(own)
    group, joined = every.group[own][there], pairs.take(there)
    judged = np.bincount(group, minlength=len(asked))
    least = np.where(judged < every.many, 0.0, -np.inf)
    np.maximum.at(least, group, joined.highs(np.full(len(joined), (1 - level) / 2)))
    return least.tolist()


@lru_cache(maxsize=64)
def _triangle(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(size, 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Every:
    """Every pair of levels of many groups, one group after the other.

    Attributes:
        means: Of each group.
        group: Group of each pair.
        i: Level with the higher mean.
        j: Level with the lower one.
        first: Place of the level with the higher mean among the levels of all groups.
        second: Of the other.
        gap: Difference of the means.
        error: A rough error of it.
        robust: Its robust variance.
        mean: Mean of each level of each group.
        alone: Its variance under the working model.
        rows: Its rows.
        many: Pairs of each group.
        vary: Whether scores vary in a group.
        exact: Whether rows of a group are independent and binary.
    """

    means: Sequence[LevelMeans]
    group: IntArray
    i: IntArray
    j: IntArray
    first: IntArray
    second: IntArray
    gap: FloatArray
    error: FloatArray
    robust: FloatArray
    mean: FloatArray
    alone: FloatArray
    rows: FloatArray
    many: IntArray
    vary: NDArray[np.bool_]
    exact: NDArray[np.bool_]

    @classmethod
    def of(cls, asked: Sequence[tuple[LevelMeans, Sequence[int]]]) -> _Every:
        groups = [means for means, _ in asked]
        none: list[FloatArray] = [np.empty(0)]
        mean, alone, rows, covariance = (
            np.concatenate([*parts, *none])
            for parts in (
                [m.mean for m in groups], [m.alone for m in groups], [m.rows for m in groups],
                [m.covariance.ravel() for m in groups],
            )
        )  # fmt: skip
        sizes = np.array([len(m.mean) for m in groups], dtype=np.int64)
        places, corners = np.cumsum(sizes) - sizes, np.cumsum(sizes**2) - sizes**2
        empty = [np.empty(0, dtype=np.int64)]
        chosen = [(np.asarray(levels, dtype=np.int64), _triangle(len(levels))) for _, levels in asked]
        i = np.concatenate([*(levels[a] for levels, (a, _) in chosen), *empty])
        j = np.concatenate([*(levels[b] for levels, (_, b) in chosen), *empty])
        many = np.array([len(a) for _, (a, _) in chosen], dtype=np.int64)
        group = np.repeat(np.arange(len(groups)), many)
        place, corner, size = places[group], corners[group], sizes[group]
        higher = mean[place + i] >= mean[place + j]
        i, j = np.where(higher, i, j), np.where(higher, j, i)
        first, second = place + i, place + j
        robust = covariance[corner + i * (size + 1)] + covariance[corner + j * (size + 1)]
        robust = robust - 2 * covariance[corner + i * size + j]
        variance = np.maximum(robust, 0.25 * (alone[first] + alone[second]))
        vary = np.bincount(group[variance > 1e-18], minlength=len(groups)) > 0
        return cls(
            groups, group, i, j, first, second, mean[first] - mean[second], np.sqrt(np.maximum(variance, 1e-18)), robust,
            mean, alone, rows, many, vary, np.array([m.exact for m in groups], dtype=bool),
        )  # fmt: skip

    def ranked(self, by: FloatArray) -> tuple[IntArray, IntArray]:
        """All pairs in the order of a number within each group, and the place of each of them there."""
        order = np.lexsort((by, self.group))
        return order, np.arange(len(order)) - np.repeat(np.cumsum(self.many) - self.many, self.many)

    def pairs(self, own: IntArray) -> tuple[Pairs, FloatArray, NDArray[np.bool_], NDArray[np.bool_]]:
        """Some pairs, in the order of their groups: degrees of freedom of the robust variance, which vary, which are determined."""
        group, a, b = self.group[own], self.first[own], self.second[own]
        edges = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(own)]
        i, j, spreads = self.i[own], self.j[own], [(np.empty(0), np.empty(0))]
        for start, stop in pairwise(edges):
            if stop > start:
                spreads.append(self.means[int(group[start])].working(i[start:stop], j[start:stop]))
        working, dof = (np.concatenate(parts) for parts in zip(*spreads, strict=True))
        known = ~np.isnan(working)
        working, robust, exact = np.where(known, working, 0.0), self.robust[own], self.exact[group]
        most = np.where(exact, 1.0, np.maximum(dof, 1.0))
        variance = (most * robust + PRIOR_DOF * working) / (most + PRIOR_DOF)
        variance = np.where(exact, np.maximum(working, robust), variance)
        clusters = np.array([m.clusters for m in self.means], dtype=np.float64)[group]
        moderated = np.where(exact, dof, np.minimum(dof + PRIOR_DOF, clusters - 1.0))
        there = known & (variance > 1e-18)
        variance = np.where(there, variance, 1.0)
        limits = np.array([m.bounds or (0.0, 1.0) for m in self.means]).reshape(-1, 2)[group]
        bounded = np.array([m.bounds is not None for m in self.means], dtype=bool)[group]
        low, width = limits[:, 0], limits[:, 1] - limits[:, 0]
        first, second = (self.mean[a] - low) / width, (self.mean[b] - low) / width
        # The means of a linear regression may leave the range.
        first = np.where(bounded, np.clip(first, 0.0, 1.0), first)
        second = np.where(bounded, np.clip(second, 0.0, 1.0), second)
        inflation = variance / np.maximum(self.alone[a] + self.alone[b], 1e-300) / width**2
        sizes = [
            _most(np.where(bounded, share, 0.5), self.rows[at]) / np.maximum(self.alone[at] * inflation, 1e-300)
            for share, at in ((first, a), (second, b))
        ]
        sizes = [np.where(exact, np.minimum(m, self.rows[at]), m) for m, at in zip(sizes, (a, b), strict=True)]
        first_size, second_size = (np.where(bounded, m, np.inf) for m in sizes)
        pairs = Pairs(
            first, second, first_size, second_size, np.sqrt(variance), moderated, width, bounded, exact & bounded
        )  # fmt: skip
        return pairs, dof, there, known


def _most(share: FloatArray, rows: FloatArray) -> FloatArray:
    """p(1 − p) at a share that is kept off 0 and 1 by half a row."""
    smooth = (share * rows + 0.5) / (rows + 1)
    return smooth * (1 - smooth)
