"""Integers as units: numbering and counting them without sorting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def dense(values: ArrayLike) -> tuple[NDArray[np.int64], int]:
    """Number the distinct values from 0 in sorted order, and count them.

    Small non-negative integers, as codes of columns are, take a table of presence in place of a sort or a hash.

    Args:
        values: Integers (or anything that sorts), shape (n,).

    Returns:
        Codes, shape (n,), and the number of distinct values.

    >>> dense([7, 3, 7])
    (array([1, 0, 1]), 2)
    """
    present = _presence(values)
    if present is None:
        levels, codes = np.unique(np.asarray(values), return_inverse=True)
        return codes.astype(np.int64), len(levels)
    numbers = np.cumsum(present) - 1
    return numbers[np.asarray(values)], int(numbers[-1]) + 1


def distinct(values: ArrayLike) -> int:
    """Number of distinct values.

    >>> distinct([7, 3, 7])
    2
    """
    x = np.asarray(values)
    if x.ndim == 1 and len(x) and np.issubdtype(x.dtype, np.integer) and rising(x):
        return len(x)
    present = _presence(x)
    return len(np.unique(x)) if present is None else int(np.count_nonzero(present))


def rising(values: NDArray[np.integer]) -> bool:
    """Whether each value is larger than the one before, so that all are distinct; one pass, nothing is counted.

    >>> rising(np.array([0, 2, 5])), rising(np.array([0, 2, 2]))
    (True, False)
    """
    return bool(np.all(values[1:] > values[:-1]))


def counted_quantiles(values: ArrayLike, counts: ArrayLike, at: Sequence[float]) -> NDArray[np.float64]:
    """Quantiles of rows of which only the distinct values and their counts are known, as ``np.quantile`` gives them.

    Args:
        values: Rising, shape (k,).
        counts: Rows with each value, shape (k,); not all 0.
        at: Probabilities.

    >>> counted_quantiles([1.0, 2.0, 4.0], [2, 0, 1], [0.5, 0.75])
    array([1. , 2.5])
    """
    x, upto = np.asarray(values, np.float64), np.cumsum(np.asarray(counts))
    place = np.asarray(at, np.float64) * (upto[-1] - 1)
    below = np.floor(place)
    part = place - below
    low = x[np.searchsorted(upto, below, side="right")]
    high = x[np.searchsorted(upto, np.minimum(below + 1, upto[-1] - 1), side="right")]
    # From the nearer end, so that the ends are exact: the order in which numpy adds.
    step = high - low
    return np.where(part >= 0.5, high - step * (1 - part), low + step * part)


def _presence(values: ArrayLike) -> NDArray[np.bool_] | None:
    x = np.asarray(values)
    if x.ndim != 1 or not len(x) or not np.issubdtype(x.dtype, np.integer):
        return None
    if x.min() < 0 or x.max() > 8 * len(x) + 1000:
        return None
    present = np.zeros(int(x.max()) + 1, dtype=bool)
    present[x] = True
    return present
