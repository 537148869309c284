"""Statistics that are no mean of row scores, told row by row: pseudo-values whose mean is the statistic itself.

Each row's value is the statistic plus the row's influence on it, so that the mean over the rows is the statistic, and the
(clustered) variance of that mean is the statistic's. Two learners on the same rows are then compared by paired differences
of their pseudo-values, as if these were scores. Rows that do not see a statistic (no row of a class) get NaN.
Source: Efron (1982), The jackknife, the bootstrap and other resampling plans, chapter 6 (infinitesimal jackknife).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def auroc_rows(score: ArrayLike, positive: ArrayLike) -> FloatArray:
    """The area under the ROC curve (ties count half) by placement values, shape (n,).

    The variance of the mean over independent rows is DeLong's.

    Args:
        score: Higher for rows that are taken as positive, shape (n,).
        positive: Which rows are, shape (n,).

    Source: DeLong, DeLong & Clarke-Pearson (1988), equations 4 to 6.

    >>> float(auroc_rows([0.1, 0.4, 0.35, 0.8], [False, False, True, True]).mean())
    0.75
    """
    from scipy.stats import rankdata

    s, yes = np.asarray(score, dtype=np.float64), np.asarray(positive, dtype=bool)
    n, ones = len(s), int(yes.sum())
    if ones in (0, n):
        return np.full(n, np.nan)
    ranks, placed = np.asarray(rankdata(s)), np.empty(n)
    placed[yes] = (ranks[yes] - np.asarray(rankdata(s[yes]))) / (n - ones)
    placed[~yes] = 1 - (ranks[~yes] - np.asarray(rankdata(s[~yes]))) / ones
    return _of_classes(float(placed[yes].mean()), placed - placed[yes].mean(), yes)


def average_precision_rows(score: ArrayLike, positive: ArrayLike, *, prevalence: float | None = None) -> FloatArray:
    """Average precision (the step-wise area under precision and recall) by influence, shape (n,).

    Args:
        score: Higher for rows that are taken as positive, shape (n,).
        positive: Which rows are, shape (n,).
        prevalence: The share of positives at which precision is told, so that sets with different shares compare; by
            default their own.

    Source: the influence function of E[G(S)/H(S) | positive], with H the share of rows and G that of positives at or above a
    score; Siblini et al. (2020), Master your metrics with calibration, for a fixed prevalence.

    >>> float(average_precision_rows([0.1, 0.4, 0.35, 0.8], [False, False, True, True]).mean().round(4))
    0.8333
    """
    s, yes = np.asarray(score, dtype=np.float64), np.asarray(positive, dtype=bool)
    n, ones = len(s), int(yes.sum())
    if ones in (0, n):
        return np.full(n, np.nan)
    share = ones / n if prevalence is None else prevalence
    levels, at = np.unique(s, return_inverse=True)
    count = len(levels)
    of_yes = np.bincount(at[yes], minlength=count) / ones
    of_no = np.bincount(at[~yes], minlength=count) / (n - ones)
    # Shares at or above each score.
    hit, alarm = of_yes[::-1].cumsum()[::-1], of_no[::-1].cumsum()[::-1]
    g, h = share * hit, share * hit + (1 - share) * alarm
    precision = g / np.where(h > 0, h, 1)
    value = float(of_yes @ precision)
    # A row at s raises the shares at or above every score up to its own: summed over positives' scores up to s.
    safe = np.where(of_yes > 0, h, 1)
    up, down = (of_yes / safe).cumsum(), (of_yes * g / safe**2).cumsum()
    mean_up, mean_down = of_yes @ (hit / safe), of_yes @ (g * hit / safe**2)
    mean_alarm = of_yes @ (g * alarm / safe**2)
    moved = np.empty(n)
    moved[yes] = precision[at[yes]] - value + share * ((up - down)[at[yes]] - (mean_up - mean_down))
    moved[~yes] = -(1 - share) * (down[at[~yes]] - mean_alarm)
    found = _of_classes(value, moved, yes)
    if prevalence is None:
        # The share of positives is itself a draw: d precision / d share, times how the row moves the share.
        slope = float(of_yes @ (hit * alarm / safe**2))
        found = found + slope * (yes - share)
    return found


def recall_rows(right: ArrayLike, wanted: ArrayLike) -> FloatArray:
    """Mean recall over the classes that occur (balanced accuracy), shape (n,).

    Args:
        right: Whether a row is answered rightly, shape (n,).
        wanted: Number of the true class, shape (n,).

    >>> recall_rows([1, 1, 0, 1], [0, 0, 0, 1]).mean().round(4)
    np.float64(0.8333)
    """
    y, classes = np.asarray(right, dtype=np.float64), np.unique(np.asarray(wanted), return_inverse=True)[1].reshape(-1)
    sizes = np.bincount(classes)
    recall = np.bincount(classes, weights=y) / sizes
    spread = _widened(sizes, len(y))[classes]
    return recall.mean() + len(y) / (len(sizes) * sizes[classes]) * spread * (y - recall[classes])


def determination_rows(truth: ArrayLike, prediction: ArrayLike) -> FloatArray:
    """The coefficient of determination R² about the mean of these rows, shape (n,); NaN where the truth is constant.

    >>> determination_rows([1.0, 2.0, 3.0], [1.0, 2.0, 2.0]).mean().round(4)
    np.float64(0.5)
    """
    y, f = np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    about, error = np.square(y - y.mean()), np.square(y - f)
    if not about.any():
        return np.full(len(y), np.nan)
    whole, left = about.mean(), error.mean()
    return 1 - left / whole - (error - left - left / whole * (about - whole)) / whole


def _of_classes(value: float, moved: FloatArray, yes: BoolArray) -> FloatArray:
    """The statistic plus the influence of each row, whose part of its own class is ``moved``."""
    n, sizes = len(yes), np.array([np.count_nonzero(~yes), np.count_nonzero(yes)])
    place = yes.astype(int)
    return value + (n / sizes * _widened(sizes, n))[place] * moved


def _widened(sizes: NDArray[np.int64], n: int) -> FloatArray:
    """Factors by which deviations within classes are widened, so that each class has its own n − 1 in the variance."""
    several = np.maximum(sizes - 1, 1)
    return np.where(sizes > 1, np.sqrt(sizes / several * (n - 1) / n), 1.0)
