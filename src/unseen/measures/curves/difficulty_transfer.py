"""Bins of equal size along a difficulty, and what a matrix of gains from bin to bin says."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits

FloatArray = NDArray[np.float64]


def item_difficulty(matrix: ArrayLike) -> FloatArray:
    """IRT difficulty of each item from the answers of many models (1PL), infinite where all or none were right.

    Args:
        matrix: 1 where right and 0 where wrong, NaN where not asked; shape (models, items).

    Source: Rasch (1960); as used by Revisiting Generalization Across Difficulty Levels, section 3.

    >>> rng = np.random.default_rng(0)
    >>> easy, hard = rng.random((60, 5)) < 0.8, rng.random((60, 5)) < 0.3
    >>> found = item_difficulty(np.hstack([easy, hard]).astype(float))
    >>> bool(found[:5].max() < found[5:].min())
    True
    """
    from unseen.estimates.difficulty.irt import fit_irt

    return fit_irt(matrix, kind="1pl").difficulty


def equal_bins(difficulty: ArrayLike, bins: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Bin of each item, 0 the easiest; sizes differ by one at most, ties are divided at random.

    Args:
        difficulty: Shape (items,); may be infinite.
        bins: How many.
        rng: Divides ties.

    Raises:
        TooFewUnits: Fewer items than bins.
        BadInput: A difficulty is NaN.

    >>> equal_bins([3.0, -np.inf, 2.0, 9.0], 2, np.random.default_rng(0)).tolist()
    [1, 0, 0, 1]
    """
    values = np.asarray(difficulty, np.float64)
    if np.isnan(values).any():
        raise BadInput(f"item {int(np.isnan(values).argmax())} has no difficulty: drop items that nobody answered.")
    if not 1 <= bins <= len(values):
        raise TooFewUnits(f"{bins} bins need as many items, got {len(values)}.")
    order = np.lexsort((rng.random(len(values)), values))
    out = np.empty(len(values), dtype=np.int64)
    out[order] = np.arange(len(values)) * bins // len(values)
    return out


def decay_per_bin(gain: ArrayLike) -> float:
    """Slope of the gain over the distance between training and test bin, test bins compared within themselves.

    Each test bin's mean is taken off first, so that hard bins, which gain less from everything, make no slope.

    Args:
        gain: Shape (training bins, test bins).

    Returns:
        Gain per bin of distance; negative where it decays.

    Raises:
        BadInput: Not a square matrix of 2 bins or more.

    >>> decay_per_bin([[3.0, 9.0], [2.0, 10.0]])
    -1.0
    """
    values = _square(gain)
    place = np.arange(len(values))
    distance = np.abs(place[:, None] - place).astype(float)
    x, y = distance - distance.mean(axis=0), values - values.mean(axis=0)
    return float((x * y).sum() / (x * x).sum())


def largest_shortfall(gain: ArrayLike, best: ArrayLike | None = None) -> FloatArray:
    """How far each training set falls short of the best one on its worst test bin.

    Args:
        gain: Shape (training sets, test bins).
        best: Gains that count as best, shape (test bins,); by default the largest of each column.

    Returns:
        Shape (training sets,); 0 for a set that is best everywhere.

    >>> largest_shortfall([[5.0, 1.0], [2.0, 3.0]]).tolist()
    [2.0, 3.0]
    """
    values = np.atleast_2d(np.asarray(gain, np.float64))
    top = values.max(axis=0) if best is None else np.asarray(best, np.float64)
    return (top - values).max(axis=1)


def _square(gain: ArrayLike) -> FloatArray:
    values = np.asarray(gain, np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or len(values) < 2:
        raise BadInput(f"a transfer matrix has as many training as test bins, 2 at least; got shape {values.shape}.")
    return values
