"""Where over ordered levels the gap between seen and unseen items peaks, and how far above both ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import TooFewUnits

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class GapPeak:
    """Gaps over levels and their peak.

    Attributes:
        gaps: Mean score of seen minus mean score of unseen items at each level, shape (levels,).
        height: Gap at the best inner level minus the gap at the higher end, without the bias of taking maxima.
        place: Mean position (0 = first level) of the largest gap under resampling of items.
    """

    gaps: FloatArray
    height: float
    place: float


def gap_peak(
    seen: Sequence[ArrayLike], unseen: Sequence[ArrayLike], rng: np.random.Generator, draws: int = 500
) -> GapPeak:
    """Peak of the gap over ordered levels.

    The height is cross-fitted: which inner level and which end count is decided on one random half of the items and
    measured on the other, both ways round. So a flat curve has expected height 0 or less, whatever the noise.

    Args:
        seen: Scores of seen items, one array a level, in order.
        unseen: Scores of unseen items likewise.
        rng: Halves and resamples come from it.
        draws: Resamples of the items for the place.

    Raises:
        TooFewUnits: Fewer than 3 levels, or a level with fewer than 2 items on a side.

    Source: Qi et al. (2024), Scylla, section 4: the critical complexity is the level at which the gap peaks.

    >>> rng = np.random.default_rng(0)
    >>> ones, halves = np.ones(100), np.arange(100) % 2
    >>> found = gap_peak([ones, ones, ones], [ones, halves, ones], rng)
    >>> found.gaps.tolist(), round(found.height, 1), found.place
    ([0.0, 0.5, 0.0], 0.5, 1.0)
    """
    sides = [[np.asarray(x, dtype=np.float64) for x in side] for side in (seen, unseen)]
    if len(seen) != len(unseen) or len(seen) < 3:
        raise TooFewUnits(f"a peak needs 3 levels with seen and unseen items, got {len(seen)} and {len(unseen)}.")
    least = min(len(x) for side in sides for x in side)
    if least < 2:
        raise TooFewUnits(f"each level needs 2 seen and 2 unseen items, got {least}.")
    halves = _halves(sides, rng)
    height = (_height(halves[0], halves[1]) + _height(halves[1], halves[0])) / 2
    resampled = np.stack([_resampled(a, rng, draws) - _resampled(b, rng, draws) for a, b in zip(*sides, strict=True)])
    gaps = np.array([a.mean() - b.mean() for a, b in zip(*sides, strict=True)])
    # Ties count by halves: two equal gaps at 1 and 3 give a place of 2.
    tops = resampled == resampled.max(0)
    places = (np.arange(len(seen))[:, None] * tops).sum(0) / tops.sum(0)
    return GapPeak(gaps, height, float(places.mean()))


def _halves(sides: list[list[FloatArray]], rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    found = np.zeros((2, 2, len(sides[0])))
    for i, side in enumerate(sides):
        for level, scores in enumerate(side):
            order = rng.permutation(len(scores))
            found[0, i, level], found[1, i, level] = scores[order[::2]].mean(), scores[order[1::2]].mean()
    return found[0, 0] - found[0, 1], found[1, 0] - found[1, 1]


def _height(choose: FloatArray, measure: FloatArray) -> float:
    inner = 1 + int(np.argmax(choose[1:-1]))
    end = 0 if choose[0] >= choose[-1] else -1
    return float(measure[inner] - measure[end])


def _resampled(scores: FloatArray, rng: np.random.Generator, draws: int) -> FloatArray:
    return scores[rng.integers(0, len(scores), (draws, len(scores)))].mean(1)
