"""How large a shift is: maximum mean discrepancy, classifier two-sample test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Learner = Literal["logistic", "gradient-boosting"]


@dataclass(frozen=True, slots=True)
class TwoSample:
    """A measured distance of two samples, and how often chance alone reaches it.

    Attributes:
        estimate: The distance.
        p_value: Under equal distributions.
        note: What was left out or chosen (rows that were subsampled, bandwidth).
    """

    estimate: Estimate
    p_value: float
    note: str


def mmd(
    seen: ArrayLike,
    unseen: ArrayLike,
    *,
    rng: np.random.Generator,
    seen_cluster: ArrayLike | None = None,
    unseen_cluster: ArrayLike | None = None,
    bandwidth: float | None = None,
    permutations: int = 200,
    max_rows: int = 1000,
    level: float = 0.95,
) -> TwoSample:
    """Squared maximum mean discrepancy with a Gaussian kernel, unbiased.

    Pairs of rows from one cluster are left out of the means, so that likeness within a patient is no likeness of sites.
    The interval is a jackknife over clusters: its variance is too large rather than too small near no shift, where the
    estimate may be negative. The p-value exchanges whole clusters between the sides.

    Args:
        seen: Features, shape (n, d); missing values are not allowed.
        unseen: Features, shape (m, d).
        rng: Decides subsamples and permutations.
        seen_cluster: Sampling unit of each row, shape (n,); by default each row is one.
        unseen_cluster: The same, shape (m,); units of the two sides are taken as different.
        bandwidth: σ of exp(-‖x-y‖² / (2σ²)); by default the median distance of all pairs.
        permutations: Number of permutations.
        max_rows: Larger sides are subsampled to this many rows, by whole clusters where possible.
        level: Nominal coverage.

    Raises:
        TooFewUnits: A side has fewer than 4 clusters.
        BadInput: Shapes that do not fit, or missing values.
        Undefined: All rows are alike.

    Source: Gretton et al. (2012), A kernel two-sample test, eq. 3 and section 8; Efron & Stein (1981), the jackknife
    estimate of variance.
    """
    x, y, cx, cy = _two_sides(seen, unseen, seen_cluster, unseen_cluster, 4)
    (x, cx), (y, cy) = _subsampled(x, cx, max_rows, rng), _subsampled(y, cy, max_rows, rng)
    rows, cluster = np.concatenate([x, y]), np.concatenate([cx, cy + int(cx.max()) + 1])
    squared = _squared_distances(rows)
    if bandwidth is None:
        bandwidth = float(np.sqrt(np.median(squared[np.triu_indices(len(rows), 1)])))
    if bandwidth <= 0:
        raise Undefined("more than half of all pairs of rows are alike, so that no kernel width exists; pass one.")
    kernel = np.exp(-squared / (2 * bandwidth**2))
    sums, counts = _cluster_sums(kernel, cluster)
    side = np.zeros(len(counts))
    side[: int(cx.max()) + 1] = 1.0
    value = float(_mmd(sums, counts, side[:, None])[0])
    low, high = _jackknifed(sums, counts, side > 0, value, level)
    drawn = np.stack([rng.permutation(side) for _ in range(permutations)], axis=1)
    p_value = (1 + int(np.sum(_mmd(sums, counts, drawn) >= value - 1e-12))) / (permutations + 1)
    method = "unbiased squared MMD, Gaussian kernel, jackknife over units"
    estimate = Estimate(value, low, high, len(counts), method, level)
    return TwoSample(estimate, p_value, f"{len(x)} and {len(y)} rows, kernel width {bandwidth:.3g}")


def two_sample_test(
    seen: ArrayLike,
    unseen: ArrayLike,
    *,
    rng: np.random.Generator,
    seen_cluster: ArrayLike | None = None,
    unseen_cluster: ArrayLike | None = None,
    learner: Learner = "logistic",
    max_rows: int = 5000,
    level: float = 0.95,
) -> TwoSample:
    """Accuracy of a classifier that tells the sides apart on rows that it has not seen; 0.5 is no shift.

    Sides are brought to one size. Half of each side trains, the other half tests, so that test rows are independent and
    the interval is exact (Clopper & Pearson). With clusters, halves are made of whole clusters and the interval is that
    of a mean over clusters.

    Args:
        seen: Features, shape (n, d); missing values only for gradient boosting.
        unseen: Features, shape (m, d).
        rng: Decides halves and subsamples.
        seen_cluster: Sampling unit of each row, shape (n,).
        unseen_cluster: The same, shape (m,).
        learner: "logistic" (standardised, linear) or "gradient-boosting".
        max_rows: Larger sides are subsampled to this many rows.
        level: Nominal coverage.

    Returns:
        The accuracy, and the p-value against an accuracy of at most 0.5.

    Raises:
        TooFewUnits: A side has fewer than 10 rows, or fewer than 10 clusters.
        BadInput: Shapes that do not fit, missing values for the logistic learner, or an unknown learner.

    Source: Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests, section 3.
    """
    x, y, cx, cy = _two_sides(seen, unseen, seen_cluster, unseen_cluster, 10, missing=learner == "gradient-boosting")
    clustered = seen_cluster is not None or unseen_cluster is not None
    size = min(len(x), len(y), max_rows)
    (x, cx), (y, cy) = _subsampled(x, cx, size, rng), _subsampled(y, cy, size, rng)
    train, test = (list[FloatArray](), list[FloatArray]())
    units: list[IntArray] = []
    for values, cluster in ((x, cx), (y, cy)):
        fits = _half(cluster, rng)
        train.append(values[fits])
        test.append(values[~fits])
        units.append(cluster[~fits] + (0 if not units else int(units[0].max()) + 1))
    model = _classifier(learner, rng)
    model.fit(np.concatenate(train), np.repeat([0, 1], [len(t) for t in train]))
    right = [model.predict(t) == k for k, t in enumerate(test)]
    if clustered:
        return _by_cluster(right, units, learner, level)
    return _exact(np.concatenate(right), learner, level, size)


def _exact(right: NDArray[np.bool_], learner: str, level: float, size: int) -> TwoSample:
    from scipy import stats

    hits, n = int(right.sum()), len(right)
    test = stats.binomtest(hits, n, 0.5, alternative="greater")
    interval = stats.binomtest(hits, n, 0.5).proportion_ci(level, method="exact")
    method = f"accuracy of a {learner} classifier on held-out rows, exact binomial"
    estimate = Estimate(hits / n, float(interval.low), float(interval.high), n, method, level)
    return TwoSample(estimate, float(test.pvalue), f"{size} rows a side, half of them to train")


def _by_cluster(right: list[NDArray[np.bool_]], units: list[IntArray], learner: str, level: float) -> TwoSample:
    """Balanced accuracy: each side counts one half, and its error comes from its clusters."""
    from scipy import stats

    value, variance, freedom, count = 0.0, 0.0, 0.0, 0
    for hits, unit in zip(right, units, strict=True):
        _, place = np.unique(unit, return_inverse=True)
        rows, good = np.bincount(place).astype(float), np.bincount(place, hits.astype(float))
        k, mean = len(rows), float(good.sum() / rows.sum())
        # Ratio estimator: residuals of clusters around the common mean.
        spread = float(np.sum((good - mean * rows) ** 2)) * k / (k - 1) / rows.sum() ** 2
        value, variance, count = value + mean / 2, variance + spread / 4, count + k
        freedom += (spread / 4) ** 2 / (k - 1)
    if variance <= 0:
        raise Undefined("every cluster is told apart without an error (or none is), so that no interval exists.")
    freedom = variance**2 / freedom
    error = float(np.sqrt(variance))
    reach = float(stats.t.ppf((1 + level) / 2, freedom)) * error
    method = f"balanced accuracy of a {learner} classifier on held-out clusters, t interval"
    estimate = Estimate(value, max(0.0, value - reach), min(1.0, value + reach), count, method, level)
    return TwoSample(estimate, float(stats.t.sf((value - 0.5) / error, freedom)), f"{count} clusters to test on")


def _classifier(learner: str, rng: np.random.Generator) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    makers: dict[str, Callable[[], Any]] = {
        "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "gradient-boosting": lambda: HistGradientBoostingClassifier(max_iter=50, random_state=int(rng.integers(2**31))),
    }
    if learner not in makers:
        raise BadInput(f"a classifier two-sample test has the learners {', '.join(makers)}; got {learner!r}.")
    return makers[learner]()


def _half(cluster: IntArray, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Half of the clusters, at random."""
    count = int(cluster.max()) + 1
    chosen = np.zeros(count, dtype=bool)
    chosen[rng.permutation(count)[: count // 2]] = True
    return chosen[cluster]


def _two_sides(
    seen: ArrayLike, unseen: ArrayLike, seen_cluster: ArrayLike | None, unseen_cluster: ArrayLike | None, least: int,
    *, missing: bool = False,
) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:  # fmt: skip
    """Both sides as matrices, with clusters numbered from 0 on each."""
    sides: list[FloatArray] = []
    clusters: list[IntArray] = []
    for name, values, cluster in (("seen", seen, seen_cluster), ("unseen", unseen, unseen_cluster)):
        matrix = np.asarray(values, np.float64)
        matrix = matrix[:, None] if matrix.ndim == 1 else matrix.reshape(len(matrix), -1)
        if not missing and not np.isfinite(matrix).all():
            raise BadInput(
                f"{int((~np.isfinite(matrix)).sum())} values of the {name} side are missing; fill them first."
            )
        number = np.arange(len(matrix)) if cluster is None else np.unique(np.asarray(cluster), return_inverse=True)[1]
        if len(number) != len(matrix):
            raise BadInput(f"{len(number)} clusters were given for {len(matrix)} rows of the {name} side.")
        count = int(number.max(initial=-1)) + 1
        if count < least:
            raise TooFewUnits(f"the {name} side has {count} independent units, at least {least} are needed.")
        sides.append(matrix)
        clusters.append(number.astype(np.int64))
    if sides[0].shape[1] != sides[1].shape[1]:
        raise BadInput(f"both sides need the same features, got {sides[0].shape[1]} and {sides[1].shape[1]}.")
    return sides[0], sides[1], clusters[0], clusters[1]


def _subsampled(x: FloatArray, cluster: IntArray, rows: int, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
    """Random whole clusters until there are about this many rows; their numbers start at 0 again."""
    if len(x) > rows:
        order = rng.permutation(int(cluster.max()) + 1)
        sizes = np.bincount(cluster)[order]
        # At least ten clusters stay, where whole ones would be too large.
        keep = np.zeros(len(order), dtype=bool)
        keep[order[: max(10, int(np.searchsorted(np.cumsum(sizes), rows, side="right")))]] = True
        x, cluster = x[keep[cluster]], cluster[keep[cluster]]
    return x, np.unique(cluster, return_inverse=True)[1].astype(np.int64)


def _squared_distances(x: FloatArray) -> FloatArray:
    centred = x - x.mean(0)
    norm = (centred**2).sum(1)
    return np.maximum(norm[:, None] + norm[None, :] - 2 * centred @ centred.T, 0.0)


def _cluster_sums(kernel: FloatArray, cluster: IntArray) -> tuple[FloatArray, FloatArray]:
    """Kernel sums between clusters, with nothing inside them, and rows a cluster."""
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    ordered = kernel[np.ix_(order, order)]
    sums = np.add.reduceat(np.add.reduceat(ordered, starts, axis=0), starts, axis=1)
    np.fill_diagonal(sums, 0.0)
    return sums, np.bincount(cluster).astype(np.float64)


def _mmd(sums: FloatArray, counts: FloatArray, side: FloatArray) -> FloatArray:
    """Unbiased squared MMD for each column of side indicators, shape (clusters, draws)."""
    other = 1 - side
    total = counts[:, None]
    first, second = (total * side).sum(0), (total * other).sum(0)
    within = (np.sum(side * (sums @ side), 0), np.sum(other * (sums @ other), 0))
    pairs = (first**2 - (total**2 * side).sum(0), second**2 - (total**2 * other).sum(0))
    across = np.sum(side * (sums @ other), 0)
    return within[0] / pairs[0] + within[1] / pairs[1] - 2 * across / (first * second)


def _jackknifed(
    sums: FloatArray, counts: FloatArray, side: NDArray[np.bool_], value: float, level: float
) -> tuple[float, float]:
    """Ends of a t interval from leaving out each cluster once."""
    from scipy import stats

    variance, freedom = 0.0, 0.0
    for own in (side, ~side):
        inner, outer = sums[np.ix_(own, own)], sums[np.ix_(own, ~own)]
        n, m, k = counts[own], counts[~own], int(own.sum())
        rest = sums[np.ix_(~own, ~own)].sum() / (m.sum() ** 2 - (m**2).sum())
        pairs = (n.sum() - n) ** 2 - ((n**2).sum() - n**2)
        left = (inner.sum() - 2 * inner.sum(1)) / pairs + rest
        left -= 2 * (outer.sum() - outer.sum(1)) / ((n.sum() - n) * m.sum())
        part = (k - 1) / k * float(np.sum((left - left.mean()) ** 2))
        variance += part
        freedom += part**2 / (k - 1)
    if variance <= 0:
        raise Undefined("leaving out a unit never changes the discrepancy, so that no interval exists.")
    reach = float(stats.t.ppf((1 + level) / 2, variance**2 / freedom)) * float(np.sqrt(variance))
    return value - reach, value + reach
