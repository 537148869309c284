"""Prediction-powered means: a few true labels, drawn at random, correct a prediction that every row has.

A prediction is anything that goes with the outcome: a judge's score, a model's confidence. It may be wrong in any
way: the labels take its bias out, and what it explains makes the interval narrower than labels alone would. Rows
whose outcome is NaN have no label. All functions work on sums per cluster.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.codes import dense
from unseen.estimates.intervals.means import normal_quantile, ratio_limits, t_quantile, wilson

FloatArray = NDArray[np.float64]
# No single cluster may fix the weight by more than this share, or its own residual would say nothing.
MOST_LEVERAGE = 0.9
# Two successes and two failures more, as of Agresti & Coull; one discordant pair each way, as of Bonett & Price.
PLUS_FOUR, PLUS_TWO = 4.0, 2.0


def ppi_mean(
    outcome: ArrayLike, predicted: ArrayLike, cluster: ArrayLike,
    *, level: float = 0.95, score_range: tuple[float, float] | None = None, what: str = "this mean",
) -> tuple[Estimate, float]:  # fmt: skip
    """Estimate a mean from a few labels and many predictions (PPI++), with an interval that few labels can carry.

    θ = mean_L(y) + λ·(mean_U(f) − mean_L(f)), where λ in [0, 1] minimises the variance (power tuning). Its variance V
    comes from the clusters' influences, which may lie on both sides, with CR2's correction for the mean and each
    cluster's leverage on λ. Both V and the variance V₀ of the labels' own mean then get two successes and two failures
    more that no prediction explains, so that thirty labels can't promise a perfect judge:
    r = (V + 4s²/G²) / (V₀ + 4s²/G²). Scores of 0 and 1 (s² = ¼) get Wilson's interval at the labels' effective size
    divided by r, others θ ± t·√(V₀·r) within the score's range. Where r would exceed 1, labels alone are used (λ = 0).

    Args:
        outcome: True score of each row, NaN where there is no label; shape (n,). Labels must be drawn at random.
        predicted: The prediction, in the outcome's unit, shape (n,). Rows with NaN are left out.
        cluster: Integer of the sampling unit of each row, shape (n,).
        level: Nominal coverage.
        score_range: Ends that the mean can't pass; known for scores of 0 and 1.
        what: Name of the quantity in messages.

    Returns:
        The mean, in the outcome's unit, with the number of labelled clusters as units; and λ.

    Raises:
        TooFewUnits: Fewer than 2 labelled clusters.
        Undefined: All labels agree on a value that is neither 0 nor 1.

    Source: Angelopoulos, Duchi & Zrnic (2023), PPI++, section 6 and example 6.1; Agresti & Coull (1998); Wilson (1927);
    Bell & McCaffrey (2002).

    >>> y = [1, 1, 0, 1, 1, 0, 1, 1] + [np.nan] * 8
    >>> mean, weight = ppi_mean(y, [0.9, 0.8, 0.2, 0.9, 0.7, 0.3, 0.9, 0.8] * 2, range(16))
    >>> print(mean, round(weight, 2))
    0.750 [0.444, 0.919] 0.75
    """
    y, f, unit = _rows(outcome, predicted, cluster)
    side = Powered.of(y, f, *numbered(unit), score_range=score_range, what=what)
    return side.estimate(level), side.weight


def ppi_difference(
    a: tuple[ArrayLike, ArrayLike, ArrayLike], b: tuple[ArrayLike, ArrayLike, ArrayLike],
    *, level: float = 0.95, score_range: tuple[float, float] | None = None, names: tuple[str, str] = ("a", "b"),
) -> tuple[Estimate, float, tuple[Powered, Powered]]:  # fmt: skip
    """Estimate the difference of two prediction-powered means, a − b, and test that it is zero.

    The limits are Newcombe's hybrid (MOVER) of the sides' own limits, with the covariance of clusters that lie on both
    sides; the p-value is the level at which this interval would just touch zero. Each side has its own λ, as a judge
    may be good on seen items and bad on unseen ones.

    Args:
        a: Outcome (NaN without a label), prediction and cluster of each row of a, as in ``ppi_mean``.
        b: The same for b; equal clusters on both sides mean the same unit.
        level: Nominal coverage.
        score_range: Ends that a mean can't pass; known for scores of 0 and 1.
        names: What to call the sides in messages.

    Returns:
        The difference, in the outcome's unit; the two-sided p-value; the two sides.

    Raises:
        TooFewUnits: A side has fewer than 2 labelled clusters.
        Undefined: All labels of a side agree on a value that is neither 0 nor 1.

    Source: Angelopoulos, Duchi & Zrnic (2023); Newcombe (1998), method 10; Zou & Donner (2008), equation 6.

    >>> seen = ([1, 1, 1, 0] * 5 + [np.nan] * 20, [1, 1, 1, 0] * 10, range(40))
    >>> gap, p, _ = ppi_difference(seen, ([0, 0, 1, 0] * 5 + [np.nan] * 20, [0, 0, 1, 0] * 10, range(40, 80)))
    >>> print(gap, round(p, 3))
    0.500 [0.257, 0.667] 0.0
    """
    first, second = _rows(*a), _rows(*b)
    codes, size = numbered(np.concatenate([first[2], second[2]]))
    parts = codes[: len(first[2])], codes[len(first[2]) :]
    rows = zip((first, second), parts, names, strict=True)
    sides = [
        Powered.of(y, f, c, size, score_range=score_range, what=f"the mean of the side {name}")
        for (y, f, _), c, name in rows
    ]
    one, two = sides
    if one.binary != two.binary:
        # One side may hold only zeros and ones by chance: the scores are what the other side says they are.
        one, two = (
            Powered.of(y, f, c, size, score_range=score_range, binary=False, what=f"the mean of the side {name}")
            for (y, f, _), c, name in zip((first, second), parts, names, strict=True)
        )
    gap, p = hybrid(one, two, level, "difference, prediction-powered (PPI++), hybrid of the sides' limits")
    return gap, p, (one, two)


def ppi_retained(a: Powered, b: Powered, *, level: float = 0.95) -> Estimate:
    """Estimate b / a, the share of a that is retained, from the limits of two sides of ``ppi_difference``.

    Raises:
        Undefined: a is not clearly above zero, or b is negative.

    Source: Donner & Zou (2012), MOVER-R, as in ``share_retained``.
    """
    limits_a, limits_b = a.limits(level), b.limits(level)
    if limits_a[0] <= 0 or b.value < 0:
        raise Undefined(
            f"the share retained is a ratio with base {a.value:.3g} [{limits_a[0]:.3g}, {limits_a[1]:.3g}] and "
            f"numerator {b.value:.3g}: it needs a base clearly above zero. Read the difference instead."
        )
    low, high = ratio_limits(a.value, limits_a, b.value, limits_b, _correlation(a, b))
    method = "ratio, prediction-powered (PPI++), Fieller from the sides' limits (MOVER)"
    return Estimate(b.value / a.value, low, high, a.units + b.units, method, level)


def bias_difference(
    change_a: ArrayLike, cluster_a: ArrayLike, change_b: ArrayLike, cluster_b: ArrayLike, *, level: float = 0.95
) -> tuple[Estimate, float]:
    """Estimate the difference of two mean changes, a − b, where a change is that of two scores of one row.

    Changes of scores of 0 and 1 get Bonett & Price's limits a side, others t with CR2; Newcombe's hybrid joins them.

    Args:
        change_a: Judge minus human of each row of a, shape (n_a,).
        cluster_a: Integer of the sampling unit of each row of a.
        change_b: The same for b.
        cluster_b: Equal clusters on both sides mean the same unit.
        level: Nominal coverage.

    Returns:
        The difference, in the scores' unit, and the two-sided p-value from the same interval.

    Raises:
        TooFewUnits: A side has fewer than 2 clusters.
        Undefined: All changes of a side are the same, and no difference of 0 and 1.

    Source: Bonett & Price (2012); Zou & Donner (2008), equation 6.

    >>> gap, p = bias_difference([1, 1, 0, 1] * 5, range(20), [0, 0, 0, 1] * 5, range(20, 40))
    >>> print(gap, round(p, 3))
    0.500 [0.155, 0.783] 0.003
    """
    first, second = np.asarray(change_a, np.float64).reshape(-1), np.asarray(change_b, np.float64).reshape(-1)
    units = np.concatenate([np.asarray(cluster_a).reshape(-1), np.asarray(cluster_b).reshape(-1)]).astype(np.int64)
    codes, size = numbered(units)
    pairs = bool(np.isin(np.concatenate([first, second]), (-1.0, 0.0, 1.0)).all())
    one, two = (
        Powered.of(change, np.zeros(len(change)), code, size, binary=False, pairs=pairs, what="a mean change")
        for change, code in ((first, codes[: len(first)]), (second, codes[len(first) :]))
    )
    return hybrid(one, two, level, "difference of two mean changes, hybrid of the sides' limits")


def ppi_paired(
    outcome_a: ArrayLike, outcome_b: ArrayLike, predicted_a: ArrayLike, predicted_b: ArrayLike, cluster: ArrayLike,
    *, level: float = 0.95, span: float | None = None,
) -> tuple[Estimate, float, float]:  # fmt: skip
    """Estimate the mean of a − b over pairs (two models on the same items), and test that it is zero.

    The outcome of a pair is the difference of its labels, known where both sides have one; the prediction is the
    difference of the predictions. Binary pairs get Bonett & Price's interval, one discordant pair each way more that
    no prediction explains; others θ ± t·√(V₀·r) as in ``ppi_mean``. The p-value comes from the same interval.

    Args:
        outcome_a: True score of a in each pair, NaN without a label, shape (n,).
        outcome_b: The same for b.
        predicted_a: Prediction of a's score, shape (n,).
        predicted_b: The same for b.
        cluster: Integer of the sampling unit of each pair, shape (n,).
        level: Nominal coverage.
        span: Range of the score, which no difference passes; known for scores of 0 and 1.

    Returns:
        The mean difference, in the outcome's unit; the two-sided p-value; λ.

    Raises:
        TooFewUnits: Fewer than 2 clusters of pairs with both labels.
        Undefined: All labelled pairs differ by the same amount, and are not binary.

    Source: Angelopoulos, Duchi & Zrnic (2023); Bonett & Price (2012), Adjusted Wald confidence interval for a
    difference of binomial proportions based on paired data.

    >>> a, b = [1, 1, 1, 1, 0] * 4 + [np.nan] * 40, [1, 0, 0, 0, 0] * 4 + [np.nan] * 40
    >>> gap, p, weight = ppi_paired(a, b, [1, 1, 1, 1, 0] * 12, [1, 0, 1, 0, 0] * 12, range(60))
    >>> print(gap, round(p, 3), round(weight, 2))
    0.600 [0.334, 0.757] 0.0 0.44
    """
    ya, yb = np.asarray(outcome_a, np.float64).reshape(-1), np.asarray(outcome_b, np.float64).reshape(-1)
    fa, fb = np.asarray(predicted_a, np.float64).reshape(-1), np.asarray(predicted_b, np.float64).reshape(-1)
    if not len(ya) == len(yb) == len(fa) == len(fb):
        raise BadInput(
            f"pairs need equal lengths, got outcomes {len(ya)}, {len(yb)}, predictions {len(fa)}, {len(fb)}."
        )
    known = ~(np.isnan(ya) | np.isnan(yb))
    binary = bool(np.all(np.isin(np.concatenate([ya[known], yb[known]]), (0.0, 1.0))))
    span = 1.0 if binary else span
    bounds = None if span is None else (-span, span)
    y, f, unit = _rows(ya - yb, fa - fb, cluster)
    side = Powered.of(y, f, *numbered(unit), binary=False, pairs=binary, score_range=bounds)
    return side.estimate(level), inverted_p(side.limits), side.weight


@dataclass(frozen=True, slots=True)
class Powered:
    """A prediction-powered mean before a level is chosen.

    Attributes:
        value: The mean θ.
        weight: λ, the share of the predictions' correction that is used: 0 is labels alone.
        influence: Of each cluster on θ, shape (clusters,); their squares add up to its variance.
        labelled_rows: Rows with a label in each cluster, shape (clusters,).
        binary: Scores are 0 and 1.
        pairs: Scores are differences of 0 and 1.
        labels_variance: V₀, of the labels' own mean.
        ratio: r, how much of V₀ is left; at most 1.
        dof: Satterthwaite's degrees of freedom of the labelled clusters; infinite for independent binary rows.
        bounds: Ends that the mean can't pass.
    """

    value: float
    weight: float
    influence: FloatArray
    labelled_rows: FloatArray
    binary: bool
    pairs: bool
    labels_variance: float
    ratio: float
    dof: float
    bounds: tuple[float, float]

    @classmethod
    def of(
        cls, y: FloatArray, f: FloatArray, cluster: NDArray[np.int64], size: int,
        *, score_range: tuple[float, float] | None = None, binary: bool | None = None, pairs: bool = False,
        what: str = "this mean",
    ) -> Powered:  # fmt: skip
        """Sums per cluster, the best weight, and what is left of the labels' variance."""
        has = ~np.isnan(y)
        counts = np.bincount(cluster[has], minlength=size).astype(np.float64)
        units, n, n_unlabelled = int(np.count_nonzero(counts)), float(has.sum()), float((~has).sum())
        if units < 2:
            raise TooFewUnits(
                f"{what} needs labels on at least 2 independent units, got {units} ({int(n)} labelled rows of "
                f"{len(y)}). Label more rows, drawn at random."
            )
        labels, own = y[has], f[has]
        # Labels of 0 and 1 on a scale to 10 are graded ones that happen to be low.
        unit_range = score_range is None or score_range == (0.0, 1.0)
        is_binary = bool(unit_range and np.all((labels == 0) | (labels == 1))) if binary is None else binary
        mean = float(labels.mean())
        a = _influence(labels, cluster[has], mean, size)
        b = _influence(own, cluster[has], float(own.mean()), size)
        c, shift = np.zeros(size), 0.0
        if n_unlabelled >= 2:
            others = f[~has]
            c = _influence(others, cluster[~has], float(others.mean()), size)
            shift = float(others.mean() - own.mean())
        independent = bool(counts.max(initial=0) <= 1)
        labels_variance = float(a @ a)
        weight = _power_tuned(labels, own, f, n, n_unlabelled) if independent else _power_tuned_clusters(a, b, c)
        total = a - weight * b
        leverage = b * b / max(float(b @ b), 1e-300)
        influence = total / np.sqrt(1 - np.minimum(leverage, MOST_LEVERAGE)) + weight * c
        # Clusters of unequal size count as fewer: the size at which equal ones would have the same spread.
        effective = n * n / float(counts @ counts)
        more = _pseudo(labels_variance, effective, binary=is_binary, pairs=pairs)
        ratio = (float(influence @ influence) + more) / (labels_variance + more) if labels_variance + more > 0 else 1.0
        if ratio >= 1:
            weight, ratio, influence = 0.0, 1.0, a
        if labels_variance <= 0 and not (is_binary or pairs):
            raise Undefined(
                f"{what} has no interval: all {int(n)} labels are {mean:g}. Label more rows, or give scores of 0 and 1."
            )
        bounds = (0.0, 1.0) if is_binary else score_range or (-math.inf, math.inf)
        dof = math.inf if independent and (is_binary or pairs) else _dof(counts)
        value = min(max(mean + weight * shift, bounds[0]), bounds[1])
        return cls(value, weight, influence, counts, is_binary, pairs, labels_variance, ratio, dof, bounds)

    @property
    def units(self) -> int:
        """Labelled clusters."""
        return int(np.count_nonzero(self.labelled_rows))

    @property
    def labels(self) -> int:
        """Labelled rows."""
        return int(self.labelled_rows.sum())

    def limits(self, level: float) -> tuple[float, float]:
        """Ends of the interval at this level, in the outcome's unit."""
        tail = (1 - level) / 2
        quantile = normal_quantile(tail) if math.isinf(self.dof) else t_quantile(tail, self.dof)
        if self.binary:
            return wilson(self.value, self._size() / self.ratio, quantile)
        centre, variance = self.value, self.labels_variance * self.ratio
        if self.pairs:
            units = self.labels**2 / float(self.labelled_rows @ self.labelled_rows)
            shrink = units / (units + PLUS_TWO)
            centre, variance = centre * shrink, (self.labels_variance + PLUS_TWO / units**2) * self.ratio * shrink**2
        half = quantile * math.sqrt(variance)
        low, high = max(self.bounds[0], centre - half), min(self.bounds[1], centre + half)
        return min(low, self.value), max(high, self.value)

    def estimate(self, level: float) -> Estimate:
        """The mean with its interval."""
        low, high = self.limits(level)
        shape = "Wilson at the effective size" if self.binary else "plus two" if self.pairs else "t"
        return Estimate(self.value, low, high, self.units, f"prediction-powered (PPI++), {shape}", level)

    def _size(self) -> float:
        """Independent binary labels that would give the labels' own variance."""
        if math.isinf(self.dof):
            return float(self.labels)
        if self.labels_variance <= 0:
            return float(self.units)
        share = float(np.clip(self.value, 0.5 / self.labels, 1 - 0.5 / self.labels))
        return min(share * (1 - share) / self.labels_variance, float(self.labels))


def inverted_p(limits: Callable[[float], tuple[float, float]], null: float = 0.0) -> float:
    """Two-sided p-value: one minus the level at which an interval just touches the null.

    Args:
        limits: Ends of the interval at a level; they move outwards as it grows.
        null: The value to be tested.

    >>> round(inverted_p(lambda level: (1.0 - normal_quantile((1 - level) / 2), 9.0)), 4)
    0.3173
    """

    def inside(log_p: float) -> bool:
        low, high = limits(1 - math.exp(log_p))
        return low <= null <= high

    low, high = math.log(1e-12), -1e-9
    if inside(high):
        return 1.0
    if not inside(low):
        return math.exp(low)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) else (low, middle)
    return math.exp(low)


def _correlation(a: Powered, b: Powered) -> float:
    """Of two means, through clusters that lie on both sides."""
    spread = math.sqrt(float(a.influence @ a.influence) * float(b.influence @ b.influence))
    return max(-1.0, min(1.0, float(a.influence @ b.influence) / spread)) if spread > 0 else 0.0


def hybrid(a: Powered, b: Powered, level: float, method: str) -> tuple[Estimate, float]:
    """The difference a − b with Newcombe's hybrid of the sides' limits, and the p-value that the same limits give.

    Args:
        a: One side; its influence lies over the same numbering of clusters as b's.
        b: The other side.
        level: Nominal coverage.
        method: How to call the result.
    """
    value, rho = a.value - b.value, _correlation(a, b)

    def limits(level: float) -> tuple[float, float]:
        (la, ua), (lb, ub) = a.limits(level), b.limits(level)
        return value - _hypot(a.value - la, ub - b.value, rho), value + _hypot(ua - a.value, b.value - lb, rho)

    low, high = limits(level)
    units = int(np.count_nonzero(a.labelled_rows + b.labelled_rows))
    return Estimate(value, low, high, units, method, level), inverted_p(limits)


def _power_tuned(labels: FloatArray, own: FloatArray, all_f: FloatArray, n: float, n_unlabelled: float) -> float:
    """λ = Cov_L(y, f) / ((1 + n/N)·Var(f)), the paper's plug-in for independent rows, within [0, 1]."""
    variance = float(all_f.var(ddof=1)) if len(all_f) > 1 else 0.0
    if n_unlabelled < 2 or variance <= 1e-12:
        return 0.0
    covariance = float(np.mean((labels - labels.mean()) * (own - own.mean())))
    return min(1.0, max(0.0, covariance / ((1 + n / n_unlabelled) * variance)))


def _power_tuned_clusters(a: FloatArray, b: FloatArray, c: FloatArray) -> float:
    """The λ that minimises Σ_g (a_g − λ(b_g − c_g))², within [0, 1]; 0 where nothing is unlabelled."""
    change = b - c
    square = float(change @ change)
    return min(1.0, max(0.0, float(a @ change) / square)) if square > 1e-300 and c.any() else 0.0


def _pseudo(labels_variance: float, units: float, *, binary: bool, pairs: bool) -> float:
    """What the rows added to both variances contribute: 4 at distance ½, 2 at distance 1, or 4 at the scores' own."""
    if binary:
        return PLUS_FOUR * 0.25 / units**2
    return PLUS_TWO / units**2 if pairs else PLUS_FOUR * labels_variance / units


def _influence(score: FloatArray, cluster: NDArray[np.int64], mean: float, size: int) -> FloatArray:
    """CR2-adjusted residual of each cluster over the rows, for their mean."""
    counts = np.bincount(cluster, minlength=size).astype(np.float64)
    sums = np.bincount(cluster, weights=score, minlength=size)
    residual = sums - mean * counts
    # Sums of floats leave dust where the residual is zero, and dust would pass for variation.
    residual[np.abs(residual) <= 1e-12 * np.maximum(np.abs(sums), abs(mean) * counts)] = 0.0
    rows = float(counts.sum())
    # A side whose rows all lie in one cluster has no residual to adjust.
    return residual / (rows * np.sqrt(np.maximum(1 - counts / rows, 1e-12)))


def _dof(counts: FloatArray) -> float:
    """Satterthwaite's degrees of freedom of CR2 for a mean over clusters of these sizes."""
    rows = float(counts.sum())
    alpha2 = 1 / (1 - counts / rows)
    diagonal, u = alpha2 * counts / rows**2, np.sqrt(alpha2) * counts / rows**1.5
    trace = float(diagonal @ diagonal - 2 * diagonal @ (u * u) + (u @ u) ** 2)
    return (1 / rows) ** 2 / trace


def _hypot(x: float, y: float, rho: float) -> float:
    return math.sqrt(max(0.0, x * x + y * y - 2 * rho * x * y))


def _rows(
    outcome: ArrayLike, predicted: ArrayLike, cluster: ArrayLike
) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Equal lengths, and no row without a prediction."""
    y, f = np.asarray(outcome, np.float64).reshape(-1), np.asarray(predicted, np.float64).reshape(-1)
    unit = np.asarray(cluster).reshape(-1).astype(np.int64)
    if not len(y) == len(f) == len(unit):
        raise BadInput(f"one outcome and cluster a prediction, got {len(y)} outcomes, {len(unit)} clusters, {len(f)}.")
    keep = ~np.isnan(f)
    return y[keep], f[keep], unit[keep]


def numbered(unit: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Clusters numbered from 0, and their number; a negative one makes its row a cluster of its own."""
    lone = unit < 0
    if lone.any():
        unit = unit.copy()
        unit[lone] = max(0, int(unit.max())) + 1 + np.arange(int(lone.sum()))
    return dense(unit)
