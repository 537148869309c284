"""Agreement of two rankings of the same models, with an interval over the items behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.means import t_quantile, two_sided_t

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Flip:
    """The pair of models whose order changes most certainly between two sides.

    Attributes:
        size: The smaller of the two differences where they have opposite signs; where the order is kept, minus it.
        p_value: Of the null that no pair changes its order.
        pair: Positions of the two models.
        flips: All pairs whose order differs beyond chance on both sides (lower limits above zero, over all pairs at once).
    """

    size: Estimate
    p_value: float
    pair: tuple[int, int]
    flips: tuple[tuple[int, int], ...] = ()


def kendall_tau(x: ArrayLike, y: ArrayLike) -> float:
    """Kendall's tau-b: concordant minus discordant pairs over √(pairs untied in x × pairs untied in y).

    Args:
        x: Scores of the models in one ranking, shape (m,).
        y: The same models in the other, shape (m,).

    Raises:
        TooFewUnits: Fewer than 2 models.
        Undefined: A ranking ties all models.

    Source: Kendall (1945), The treatment of ties in ranking problems.

    >>> kendall_tau([1, 2, 3, 4], [1, 2, 4, 3]).__round__(4)
    0.6667
    """
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise BadInput(f"two rankings of the same models have equal shapes, got {a.shape} and {b.shape}.")
    if len(a) < 2:
        raise TooFewUnits(f"a ranking needs at least 2 models, got {len(a)}.")
    tau = _taus(a[None], b[None])[0]
    if np.isnan(tau):
        raise Undefined(f"tau is undefined: one ranking ties all {len(a)} models.")
    return float(tau)


def ranking_concordance(
    means_x: ArrayLike, means_y: ArrayLike, draws_x: ArrayLike, draws_y: ArrayLike, *, units: int, level: float = 0.95
) -> Estimate:
    """Tau between two rankings with a percentile interval from joint bootstrap draws of the means.

    The draws come from resampling the units behind the means (``bootstrap.cluster_bootstrap``), all models at once, so
    that what models share by answering the same items is kept. Tau is bounded and discrete: where all draws agree, the
    end of the interval that faces the interior moves by one swap of neighbours, since no swap in d draws does not
    prove that none is possible.

    Args:
        means_x: Scores of the models in one ranking, shape (m,).
        means_y: The same models in the other, shape (m,).
        draws_x: Bootstrap draws of means_x, shape (d, m).
        draws_y: Bootstrap draws of means_y, shape (d, m).
        units: Independent units behind the means of the smaller side.
        level: Nominal coverage.

    Raises:
        TooFewUnits: Fewer than 2 models, or more than one draw in five is undefined.
        Undefined: A ranking ties all models.

    Source: Kendall (1945); Efron & Tibshirani (1993), ch. 13.
    """
    value = kendall_tau(means_x, means_y)
    x, y = np.asarray(draws_x, np.float64), np.asarray(draws_y, np.float64)
    taus = _taus(x, y)
    defined = taus[~np.isnan(taus)]
    if len(defined) < 0.8 * len(taus) or not len(defined):
        raise TooFewUnits(
            f"a ranking over {units} units has no interval: {len(taus) - len(defined)} of {len(taus)} draws tie all."
        )
    low, high = (float(q) for q in np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]))
    low, high = min(low, value), max(high, value)
    if high - low <= 0:
        m = x.shape[1]
        swap = 4 / (m * (m - 1))
        low, high = (max(-1.0, low - swap), high) if value > 0 else (low, min(1.0, high + swap))
    return Estimate(value, low, high, units, "Kendall's tau-b, cluster bootstrap", level)


def largest_flip(
    means: FloatArray, covariance: FloatArray, dof: tuple[float, float], *, units: int, level: float = 0.95,
    smallest_variance: tuple[float, float] = (0.0, 0.0),
) -> Flip:  # fmt: skip
    """Estimate by how much the order of a pair of models changes between two sides, over all pairs.

    With d₁ and d₂ the differences of a pair on both sides, its flip is max(min(d₁, −d₂), min(−d₁, d₂)): above zero where
    the order changes, and then the smaller difference. The quantity is the largest flip of all pairs. Lower limit: both
    differences of a pair have a side of their interval beyond it, Bonferroni-corrected over pairs (intersection–union,
    Gail & Simon); the p-value is max(p₁, p₂) times the pairs, and is at most 1 − level where the limit is above zero.
    Upper limit: for each pair and direction the smaller of both differences' upper limits, each missed with half of
    the error; the largest over pairs needs no correction, since the pair that flips most is one of them.

    Args:
        means: Of the models on the first side, then on the second, shape (2m,).
        covariance: Of the means, shape (2m, 2m).
        dof: Degrees of freedom of a difference on each side.
        units: Independent units behind the means of the smaller side.
        level: Nominal coverage.
        smallest_variance: Least variance of a difference on each side, for models that agree row for row.

    Returns:
        The flip, in score units.

    Raises:
        TooFewUnits: Fewer than 2 models.

    Source: Gail & Simon (1985), Testing for qualitative interactions; Berger (1982), intersection–union tests.

    >>> flip = largest_flip(np.array([0.9, 0.7, 0.5, 0.6]), np.eye(4) * 1e-4, (99.0, 99.0), units=100)
    >>> print(flip.size.format(2), flip.pair, flip.p_value < 1e-9)
    0.10 [0.07, 0.13] (0, 1) True
    """
    m = len(means) // 2
    if m < 2:
        raise TooFewUnits(f"an order needs at least 2 models, got {m}.")
    i, j = np.triu_indices(m, 1)
    sides = [(means[k + i] - means[k + j], _error(covariance, k + i, k + j, smallest_variance[k > 0])) for k in (0, m)]
    inner, outer = (1 - level) / 2 / len(i), (1 - level) / 4
    best = np.maximum(*(np.minimum(sign * sides[0][0], -sign * sides[1][0]) for sign in (1, -1)))
    low, high = np.full(len(i), -np.inf), np.full(len(i), -np.inf)
    for sign in (1, -1):
        signed = [(sign * sides[0][0], sides[0][1], dof[0]), (-sign * sides[1][0], sides[1][1], dof[1])]
        low = np.maximum(low, np.minimum(*(d - t_quantile(inner, f) * e for d, e, f in signed)))
        high = np.maximum(high, np.minimum(*(d + t_quantile(outer, f) * e for d, e, f in signed)))
    # The statistic of a pair is the smaller of its two t values; the most certain flip has the largest.
    certain = np.minimum(np.abs(sides[0][0] / sides[0][1]), np.abs(sides[1][0] / sides[1][1]))
    at = int(np.argmax(np.where(best > 0, certain, -np.inf))) if np.any(best > 0) else int(np.argmax(best))
    p = 1.0
    if best[at] > 0:
        p = min(1.0, len(i) * max(two_sided_t(float(d[at] / e[at]), f) for (d, e), f in zip(sides, dof, strict=True)))
    value = float(best[at])
    method = f"largest flip of {len(i)} pairs, intersection–union, cluster-robust, t"
    size = Estimate(value, min(float(low.max()), value), max(float(high.max()), value), units, method, level)
    beyond = np.flatnonzero(low > 0)
    beyond = beyond[np.argsort(-certain[beyond], kind="stable")]
    flips = tuple((int(i[k]), int(j[k])) for k in beyond)
    return Flip(size, p, (int(i[at]), int(j[at])), flips)


def _error(covariance: FloatArray, i: NDArray[np.intp], j: NDArray[np.intp], smallest: float) -> FloatArray:
    diagonal = covariance.diagonal()
    return np.sqrt(np.maximum(diagonal[i] + diagonal[j] - 2 * covariance[i, j], max(smallest, 1e-18)))


def _taus(x: FloatArray, y: FloatArray) -> FloatArray:
    """Tau-b of each row of x with that row of y, shapes (d, m); NaN where a row ties all or holds NaN."""
    i, j = np.triu_indices(x.shape[1], 1)
    dx, dy = np.sign(x[:, i] - x[:, j]), np.sign(y[:, i] - y[:, j])
    scale = np.sqrt(np.sum(dx != 0, axis=1) * np.sum(dy != 0, axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = np.sum(dx * dy, axis=1) / scale
    tau[np.isnan(x).any(axis=1) | np.isnan(y).any(axis=1)] = np.nan
    return tau
