"""Integers as units: numbering and counting them without sorting."""

from __future__ import annotations

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
    present = _presence(values)
    return len(np.unique(np.asarray(values))) if present is None else int(present.sum())


def _presence(values: ArrayLike) -> NDArray[np.bool_] | None:
    x = np.asarray(values)
    if x.ndim != 1 or not len(x) or not np.issubdtype(x.dtype, np.integer):
        return None
    if x.min() < 0 or x.max() > 8 * len(x) + 1000:
        return None
    present = np.zeros(int(x.max()) + 1, dtype=bool)
    present[x] = True
    return present
