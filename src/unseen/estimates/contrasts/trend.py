"""Straight lines through clustered rows: trends, and jumps at a cutoff."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.clustered import require_dof, robust_contrast, spread_beyond
from unseen.estimates.intervals.codes import dense
from unseen.estimates.intervals.means import t_interval, two_sided_t

FloatArray = NDArray[np.float64]
# Up to so many times each gets a shock in the model; beyond, CR2 by time needs no model and costs no power.
FEW_TIMES = 40
# Times beyond the coefficients: degrees of freedom that an interval needs at least.
LEAST_SPARE = 3


def weighted_line(
    x: FloatArray, score: FloatArray, cluster: NDArray[np.integer], contrast: FloatArray,
    *, weight: FloatArray | None = None, shared: NDArray[np.integer] | None = None, level: float = 0.95, method: str,
) -> tuple[Estimate, float]:  # fmt: skip
    """A linear combination of least-squares coefficients with a cluster-robust (CR2) interval and p-value.

    Where rows also share what happened at their time, the unit is the time if every cluster lies at one time, and the
    cluster if every time lies in one cluster. Where they cross, the variance counts both:
    V = max(V_cluster + V_time − V_pair, V_cluster, V_time), with the smaller of their degrees of freedom. Up to 40
    different times the line goes through the means of the times, with a shock each (random-effects regression).

    Args:
        x: Design, shape (n, p); p is small.
        score: Shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        contrast: Weights of the coefficients, shape (p,).
        weight: Kernel weights, shape (n,).
        shared: Integer of what else rows share (their time), shape (n,).
        level: Nominal coverage.
        method: What the estimate says of itself.

    Returns:
        The estimate in score units, with the number of units of the way that has fewer, and its two-sided p-value.

    Raises:
        TooFewUnits: Fewer than p + 2 units, or so uneven ones that fewer than 2 degrees of freedom are left.
        Undefined: The columns are collinear, or the scores lie on the line.

    Source: Bell & McCaffrey (2002); Cameron, Gelbach & Miller (2011), Robust inference with multiway clustering,
    equation 2.3; Lee & Card (2008), Regression discontinuity inference with specification error (time as the unit);
    Knapp & Hartung (2003), Improved tests for a random effects meta-regression with a single covariate.

    >>> x = np.stack([np.ones(6), np.arange(6.0)], axis=1)
    >>> y = np.array([0.0, 2, 1, 3, 3, 5])
    >>> round(weighted_line(x, y, np.arange(6), np.array([0.0, 1.0]), method="trend")[0].value, 4)
    0.8571
    """
    p, w = x.shape[1], np.ones(len(x)) if weight is None else weight
    own = dense(cluster)
    time = own if shared is None else dense(shared)
    ways = [own] if shared is None else _ways(own, time)
    if shared is not None and time[1] <= FEW_TIMES and ways[-1] is not own:
        return _over_times(x, score, w, own, time, contrast, crossed=len(ways) > 1, level=level, method=method)
    units = min(count for _, count in ways)
    if units < p + 2:
        raise TooFewUnits(f"{p} coefficients need {p + 2} independent units, got {units} ({len(x)} rows).")
    fits = [robust_contrast(x, score, w, codes, contrast) for codes, _ in ways]
    value, variance, dof = fits[0].value, fits[0].variance, fits[0].dof
    if len(fits) == 3:
        # Clusters and times cross, and the third way is their pairs.
        variance = max(fits[0].variance + fits[1].variance - fits[2].variance, fits[0].variance, fits[1].variance)
        dof = min(fits[0].dof, fits[1].dof)
    if units < len(x):
        require_dof(dof, units, "a line")
    return _with_interval(value, variance, dof, units, level, method)


def _with_interval(
    value: float, variance: float, dof: float, units: int, level: float, method: str
) -> tuple[Estimate, float]:
    if variance <= 1e-20:
        raise Undefined(f"the scores lie on a line exactly ({units} units): no interval exists.")
    low, high = t_interval(value, variance, dof, level)
    return Estimate(value, low, high, units, method, level), two_sided_t(value / math.sqrt(variance), dof)


def _over_times(
    x: FloatArray, score: FloatArray, weight: FloatArray, cluster: tuple[NDArray[np.int64], int],
    time: tuple[NDArray[np.int64], int], contrast: FloatArray, *, crossed: bool, level: float, method: str,
) -> tuple[Estimate, float]:  # fmt: skip
    """The line through the means of few times, each with a shock of its own.

    Times count by 1/(τ² + noise), τ² the variance of the shocks: alike where shocks rule, by their rows where there is
    none. The scatter of the means about the line gives the variance (Knapp & Hartung), and T − p degrees of freedom.
    Clusters that cross times may add to it: the larger of this variance and CR2's by cluster is taken.
    """
    (codes, times), p = time, x.shape[1]
    if times < p + LEAST_SPARE:
        raise TooFewUnits(
            f"{p} coefficients need items of {p + LEAST_SPARE} different times, got {times}: items of one time share "
            "what happened then, so that more items of the same times do not help. Add times."
        )
    rows = np.bincount(codes).astype(np.float64)
    first = np.zeros(times, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    mean, design, kernel = np.bincount(codes, weights=score) / rows, x[first], weight[first]
    residual = score - mean[codes]
    together = np.bincount(dense(cluster[0] * times + codes)[0], weights=residual)
    # What a cluster shares within a time counts once, not by its rows.
    noise = max(float(together @ together), float(residual @ residual)) / max(len(score) - times, 1) / rows
    shocks = spread_beyond(mean, design, np.maximum(noise, 1e-12)) if times > p + 3 else None
    precision = np.ones(times) if shocks is None else 1 / np.maximum(shocks + noise, 1e-12)
    at = kernel * precision
    gram = (design * at[:, None]).T @ design
    length = np.sqrt(gram.diagonal())
    if (length == 0).any() or np.linalg.cond(gram / np.outer(length, length)) > 1e10:
        raise Undefined("the points do not determine a line: all of them lie at one place.")
    fit = np.linalg.solve(gram, (design * at[:, None]).T)
    left = np.eye(times) - design @ fit
    share = contrast @ fit
    form = left.T @ (at[:, None] * left) / precision[None, :]
    spare = float(np.trace(form))
    dof = spare**2 / float(np.sum(form * form.T))
    rest = left @ mean
    variance = float(at @ (rest * rest)) / spare * float(np.sum(share**2 / precision))
    if crossed:
        by_cluster = robust_contrast(x, score, (at / rows)[codes], cluster[0], contrast)
        if by_cluster.variance > variance:
            variance, dof = by_cluster.variance, min(dof, by_cluster.dof)
    require_dof(dof, times, "a line")
    return _with_interval(float(share @ mean), variance, dof, times, level, method)


def _ways(
    cluster: tuple[NDArray[np.int64], int], time: tuple[NDArray[np.int64], int]
) -> list[tuple[NDArray[np.int64], int]]:
    """The coarser of the two where one lies within the other; else both and their pairs."""
    pair = dense(cluster[0] * time[1] + time[0])
    if pair[1] == cluster[1]:
        return [time]
    return [cluster] if pair[1] == time[1] else [cluster, time, pair]


def change_over(
    x: FloatArray, score: FloatArray, cluster: NDArray[np.integer], span: float,
    *, shared: NDArray[np.integer] | None = None, level: float = 0.95, what: str,
) -> tuple[Estimate, float]:  # fmt: skip
    """Change of the score along a straight trend over a span of x.

    Args:
        x: Position, shape (n,).
        score: Shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        span: Distance along x.
        shared: Integer of what else rows share (their time), shape (n,).
        level: Nominal coverage.
        what: What the trend runs over, for the method.

    Returns:
        slope · span with its interval, and the p-value of no trend.
    """
    centred = x - x.mean()
    design = np.stack([np.ones(len(x)), centred / span], axis=1)
    method = f"linear trend over {what}, cluster-robust (CR2), t"
    return weighted_line(design, score, cluster, np.array([0.0, 1.0]), shared=shared, level=level, method=method)


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

    Rows of one time share what happened then, so that the time is a unit beside the cluster.

    Raises:
        TooFewUnits: Fewer than 5 rows on a side within the bandwidth, or too few times and clusters for 2 degrees of
            freedom.

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
        shared=dense(time[near])[0],
        method="regression discontinuity, local linear, triangular kernel, cluster-robust (CR2), t",
    )  # fmt: skip
