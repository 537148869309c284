"""Recalibration: turning a confidence into a probability that holds, fitted on rows whose outcome is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.confidence.calibration import sorted_rows
from unseen.estimates.intervals.codes import dense

FloatArray = NDArray[np.float64]
CLIP = 1e-6
LOG_TEMPERATURES = (-6.0, 6.0)


@dataclass(frozen=True, slots=True)
class Temperature:
    """Divides the logit of the confidence by a temperature; above 1 it makes beliefs milder.

    >>> float(Temperature(2.0)(0.9).round(3))
    0.75
    """

    temperature: float

    def __call__(self, confidence: ArrayLike) -> FloatArray:
        """Recalibrated confidence, the shape of the input."""
        from scipy import special

        return special.expit(_logit(np.asarray(confidence, np.float64)) / self.temperature)


@dataclass(frozen=True, eq=False)
class Isotonic:
    """A rising step function of the confidence.

    Attributes:
        edges: Lowest confidence of each block, shape (blocks,), rising.
        values: Mean outcome of each block, shape (blocks,), rising.
    """

    edges: FloatArray
    values: FloatArray

    def __call__(self, confidence: ArrayLike) -> FloatArray:
        """Recalibrated confidence, the shape of the input; below the first edge the first value holds."""
        where = np.searchsorted(self.edges, np.asarray(confidence, np.float64), side="right") - 1
        return self.values[np.maximum(where, 0)]


Recalibrator = Temperature | Isotonic


def fit_temperature(confidence: ArrayLike, outcome: ArrayLike) -> Temperature:
    """Fit the temperature that minimises the mean log loss, by bisection on its derivative.

    Args:
        confidence: Shape (n,).
        outcome: Score within 0 … 1, shape (n,).

    Source: Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks, section 4.2.

    >>> c = np.full(100, 0.9); y = np.arange(100) < 75
    >>> round(fit_temperature(c, y).temperature, 3)
    2.0
    """
    from scipy import optimize, special

    x, y = _logit(np.asarray(confidence, np.float64)), np.asarray(outcome, np.float64)
    if len(x) != len(y) or not len(x):
        raise BadInput(f"a temperature needs one outcome a confidence, got {len(x)} and {len(y)}.")

    def slope(log_inverse: float) -> float:
        # The loss is convex in 1/T, so its derivative has one root.
        return float(x @ (special.expit(np.exp(log_inverse) * x) - y))

    low, high = LOG_TEMPERATURES
    if slope(low) * slope(high) > 0:
        return Temperature(float(np.exp(-(low if slope(low) > 0 else high))))
    return Temperature(float(np.exp(-float(optimize.brentq(slope, low, high, xtol=1e-10)))))  # pyright: ignore[reportArgumentType]


def fit_isotonic(confidence: ArrayLike, outcome: ArrayLike) -> Isotonic:
    """Fit the rising function with the least squared error (pool adjacent violators).

    Args:
        confidence: Shape (n,).
        outcome: Score within 0 … 1, shape (n,).

    Source: Zadrozny & Elkan (2002), Transforming classifier scores into accurate multiclass probability estimates,
    section 3; Ayer et al. (1955).

    >>> fit_isotonic([0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1]).values.tolist()
    [0.0, 0.5, 1.0]
    """
    from scipy import optimize

    c, y, _ = sorted_rows(confidence, outcome, np.zeros(np.size(outcome), np.int64))
    if not len(c):
        raise BadInput("isotonic recalibration needs at least one row.")
    starts = np.concatenate([[0], np.flatnonzero(c[1:] != c[:-1]) + 1])
    count = np.diff(np.append(starts, len(c))).astype(np.float64)
    fitted = optimize.isotonic_regression(np.add.reduceat(y, starts) / count, weights=count)
    blocks = np.asarray(fitted.blocks)[:-1]
    return Isotonic(c[starts[blocks]], np.clip(np.asarray(fitted.x)[blocks], 0.0, 1.0))


def cross_fitted(
    confidence: ArrayLike,
    outcome: ArrayLike,
    cluster: ArrayLike,
    *,
    fit: Callable[[ArrayLike, ArrayLike], Recalibrator] = fit_isotonic,
    folds: int = 5,
    rng: np.random.Generator,
) -> FloatArray:
    """Recalibrate every row with a fit that has not seen its cluster.

    Args:
        confidence: Shape (n,).
        outcome: Shape (n,).
        cluster: Integer of the sampling unit, shape (n,); whole clusters share a fold.
        fit: ``fit_isotonic`` or ``fit_temperature``.
        folds: Number of folds.
        rng: Assigns clusters to folds.

    Returns:
        Recalibrated confidence, shape (n,).

    Raises:
        TooFewUnits: Fewer clusters than folds.

    >>> rng = np.random.default_rng(0); c = rng.random(1000)
    >>> r = cross_fitted(c, rng.random(1000) < c**2, np.arange(1000), rng=rng)
    >>> bool(np.mean((r - c**2) ** 2) < np.mean((c - c**2) ** 2) / 4)
    True
    """
    c, y = np.asarray(confidence, np.float64), np.asarray(outcome, np.float64)
    code, levels = dense(np.asarray(cluster))
    if levels < folds:
        raise TooFewUnits(f"recalibration in {folds} folds needs as many clusters, got {levels}.")
    fold = rng.permutation(np.arange(levels) % folds)[code]
    result = np.empty_like(c)
    for k in range(folds):
        inside, others = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        result[inside] = fit(c[others], y[others])(c[inside])
    return result


def _logit(c: FloatArray) -> FloatArray:
    p = np.clip(c, CLIP, 1 - CLIP)
    return np.log(p / (1 - p))
