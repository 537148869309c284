"""Straight lines through clustered rows: trends, and jumps at a cutoff."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.means import t_quantile, two_sided_t

FloatArray = NDArray[np.float64]


def weighted_line(
    x: FloatArray, score: FloatArray, cluster: NDArray[np.integer], contrast: FloatArray,
    *, weight: FloatArray | None = None, level: float = 0.95, method: str,
) -> tuple[Estimate, float]:  # fmt: skip
    """A linear combination of least-squares coefficients with a cluster-robust (CR1) interval and p-value.

    Args:
        x: Design, shape (n, p); p is small.
        score: Shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        contrast: Weights of the coefficients, shape (p,).
        weight: Kernel weights, shape (n,).
        level: Nominal coverage.
        method: What the estimate says of itself.

    Returns:
        The estimate in score units, and its two-sided p-value.

    Raises:
        TooFewUnits: Fewer than p + 2 clusters.
        Undefined: The columns are collinear, or the scores lie on the line.

    Source: Liang & Zeger (1986); Cameron & Miller (2015), equation 11.

    >>> x = np.stack([np.ones(6), np.arange(6.0)], axis=1)
    >>> y = np.array([0.0, 2, 1, 3, 3, 5])
    >>> round(weighted_line(x, y, np.arange(6), np.array([0.0, 1.0]), method="trend")[0].value, 4)
    0.8571
    """
    p = x.shape[1]
    w = np.ones(len(x)) if weight is None else weight
    counts = np.bincount(cluster)
    groups = int(np.count_nonzero(counts))
    if groups < p + 2:
        raise TooFewUnits(f"{p} coefficients need {p + 2} independent units, got {groups} ({len(x)} rows).")
    gram = (x * w[:, None]).T @ x
    length = np.sqrt(gram.diagonal())
    if (length == 0).any() or np.linalg.cond(gram / np.outer(length, length)) > 1e10:
        raise Undefined("the points do not determine a line: all of them lie at one place.")
    bread = np.linalg.inv(gram)
    beta = bread @ (x.T @ (w * score))
    # Only the contrast's own influence is needed: one sum per cluster instead of p.
    influence = (x @ (bread @ contrast)) * w * (score - x @ beta)
    by_cluster = np.bincount(cluster, weights=influence)
    variance = float(by_cluster @ by_cluster) * groups / (groups - 1) * (len(x) - 1) / max(len(x) - p, 1)
    value = float(contrast @ beta)
    if variance <= 1e-20:
        raise Undefined(f"the scores lie on a line exactly ({groups} units): no interval exists.")
    se, dof = math.sqrt(variance), groups - p
    half = t_quantile((1 - level) / 2, dof) * se
    return Estimate(value, value - half, value + half, groups, method, level), two_sided_t(value / se, dof)


def change_over(
    x: FloatArray, score: FloatArray, cluster: NDArray[np.integer], span: float, *, level: float = 0.95, what: str
) -> tuple[Estimate, float]:
    """Change of the score along a straight trend over a span of x.

    Args:
        x: Position, shape (n,).
        score: Shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        span: Distance along x.
        level: Nominal coverage.
        what: What the trend runs over, for the method.

    Returns:
        slope · span with its interval, and the p-value of no trend.
    """
    centred = x - x.mean()
    design = np.stack([np.ones(len(x)), centred / span], axis=1)
    method = f"linear trend over {what}, cluster-robust (CR1)"
    return weighted_line(design, score, cluster, np.array([0.0, 1.0]), level=level, method=method)


def jump(
    time: FloatArray, score: FloatArray, cluster: NDArray[np.integer], cutoff: float, bandwidth: float,
    *, level: float = 0.95,
) -> tuple[Estimate, float]:  # fmt: skip
    """Fall of the score at a cutoff: local linear limit from the left minus that from the right.

    Args:
        time: Shape (n,).
        score: Shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        cutoff: Rows at or after it lie on the right.
        bandwidth: Half width of the triangular kernel, in units of time.
        level: Nominal coverage.

    Returns:
        The fall (positive: lower after the cutoff) and its two-sided p-value.

    Raises:
        TooFewUnits: Fewer than 5 rows on a side within the bandwidth.

    Source: Hahn, Todd & van der Klaauw (2001); Imbens & Lemieux (2008), section 3.
    """
    u = (time - cutoff) / bandwidth
    near = np.abs(u) < 1
    left = near & (u < 0)
    if min(left.sum(), near.sum() - left.sum()) < 5:
        raise TooFewUnits(
            f"a jump needs 5 rows a side near the cutoff, got {int(left.sum())} and {int(near.sum() - left.sum())}."
        )
    u, before = u[near], (u[near] < 0).astype(np.float64)
    design = np.stack([np.ones(len(u)), u, before, u * before], axis=1)
    return weighted_line(
        design, score[near], cluster[near], np.array([0.0, 0.0, 1.0, 0.0]), weight=1 - np.abs(u), level=level,
        method="regression discontinuity, local linear, triangular kernel, cluster-robust (CR1)",
    )  # fmt: skip
