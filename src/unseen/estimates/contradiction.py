"""Permutation test of items whose scores fall with the ability that the other items show."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from unseen.estimates.irt import blocks

FloatArray = NDArray[np.float64]
MAX_ARRANGEMENTS = 5000


def contradiction(
    share: FloatArray, pattern: NDArray[np.int64] | None = None
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Test every item for a negative association with the rest.

    Args:
        share: Share right, shape (items, models); NaN where a model did not answer.
        pattern: Integer that is equal for items with equal rows, shape (items,): those are computed once.

    Returns:
        Correlation with the rest, one-sided p-value (small: negative), smallest p-value that the item could have, all
        of shape (items,) and NaN for items without variation; and the models' mean excess over all items, shape
        (models,).

    Source: Pitman (1937) for the moments of the permutation distribution; Pearson III curve by three moments.
    """
    items = len(share)
    first, of_item = (np.arange(items), np.arange(items))
    if pattern is not None:
        _, first, of_item = np.unique(pattern, return_index=True, return_inverse=True)
    rows = share[first]
    weight = np.bincount(of_item, minlength=len(first)).astype(np.float64)
    here = ~np.isnan(rows)
    number = here.sum(axis=1)
    mean = np.where(here, rows, 0.0).sum(axis=1) / np.maximum(number, 1)
    deviation = np.where(here, rows - mean[:, None], 0.0)
    answered, total = weight @ here, weight @ deviation
    r, p, smallest = (np.full(len(first), np.nan) for _ in range(3))
    for part in blocks(len(first), rows.shape[1]):
        x = (total - deviation[part]) / np.maximum(answered - here[part], 1)
        r[part], p[part], smallest[part] = _test(deviation[part], x, here[part], rows[part])
    return r[of_item], p[of_item], smallest[of_item], total / np.maximum(answered, 1)


def _test(
    d: FloatArray, x: FloatArray, here: NDArray[np.bool_], score: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    n = here.sum(axis=1)
    x = np.where(here, x - (np.where(here, x, 0.0).sum(axis=1) / np.maximum(n, 1))[:, None], 0.0)
    d2, x2 = (d**2).sum(axis=1), (x**2).sum(axis=1)
    testable = (n >= 3) & (d2 > 1e-9) & (x2 > 1e-12)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = (d * x).sum(axis=1)
        sd = np.sqrt(d2 * x2 / (n - 1))
        skew = (d**3).sum(axis=1) * (x**3).sum(axis=1) * n / ((n - 1) * (n - 2)) / sd**3
        r, z = statistic / np.sqrt(d2 * x2), statistic / sd
    p = np.where(testable, _pearson3(np.nan_to_num(z), np.nan_to_num(skew)), np.nan)
    smallest = np.where(testable, 0.0, np.nan)
    binary = np.all(~here | (score == 0) | (score == 1), axis=1)
    right = np.where(here, np.nan_to_num(score), 0.0).sum(axis=1)
    for size in np.unique(n[testable]).tolist():
        for k in np.unique(right[testable & binary & (n == size)]).tolist():
            arrangements = math.comb(int(size), int(k))
            group = np.flatnonzero(testable & binary & (n == size) & (right == k))
            smallest[group] = 1 / arrangements
            if arrangements <= MAX_ARRANGEMENTS:
                p[group] = _exact(x[group], here[group], statistic[group], int(size), int(k))
    # Without the list of arrangements the number of them still bounds the p-value from below.
    return np.where(testable, r, np.nan), np.maximum(p, smallest), smallest


def _exact(x: FloatArray, here: NDArray[np.bool_], statistic: FloatArray, n: int, k: int) -> FloatArray:
    chosen = np.array(list(combinations(range(n), k)))
    values = np.stack([row[mask] for row, mask in zip(x, here, strict=True)])
    found = np.empty(len(x))
    for part in blocks(len(x), len(chosen) * k):
        sums = values[part][:, chosen].sum(axis=2)
        found[part] = (sums <= statistic[part, None] + 1e-9).mean(axis=1)
    return found


def _pearson3(z: FloatArray, skew: FloatArray) -> FloatArray:
    """P(Z ≤ z) of a standardised Pearson III variable with this skewness."""
    from scipy.special import gammainc, gammaincc, ndtr

    g = np.where(np.abs(skew) < 1e-3, 1e-3, skew)
    shape = 4 / g**2
    at = np.maximum(shape + z * 2 / np.abs(g) * np.sign(g), 0.0)
    tail = np.where(g > 0, gammainc(shape, at), gammaincc(shape, at))
    return np.where(np.abs(skew) < 1e-3, ndtr(z), tail)


def models_needed(items: int, level: float) -> int:
    """Fewest models with which one of so many items could be found at this level, if half of them solve it.

    >>> models_needed(1000, 0.05)
    17
    """
    n = 3
    while math.comb(n, n // 2) < items / level:
        n += 1
    return n
