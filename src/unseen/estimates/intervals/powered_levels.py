"""Prediction-powered means of several levels, and the largest gap between two of them with the choice paid for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.prediction_powered import Powered, hybrid, numbered


def powered_levels(
    outcome: ArrayLike, predicted: ArrayLike, cluster: ArrayLike, codes: ArrayLike, levels: Sequence[int],
    *, least: int = 2, score_range: tuple[float, float] | None = None,
) -> dict[int, Powered]:  # fmt: skip
    """The prediction-powered mean of each level that has labels enough.

    Args:
        outcome: True score of each row, NaN without a label, shape (n,).
        predicted: The prediction of each row, shape (n,).
        cluster: Integer of the sampling unit of each row, shape (n,).
        codes: Level of each row, shape (n,).
        levels: Levels to estimate.
        least: Fewest labelled clusters of a level.
        score_range: Ends that a mean can't pass.

    Returns:
        Level to mean, of the levels with ``least`` labelled clusters and labels that vary or are 0 and 1.
    """
    y, f = np.asarray(outcome, np.float64), np.asarray(predicted, np.float64)
    unit, size = numbered(np.asarray(cluster).astype(np.int64))
    level = np.asarray(codes)
    # All levels are on one scale: one whose few labels are all 0 or 1 is no binary one among graded.
    known = y[~np.isnan(y)]
    binary = score_range in (None, (0.0, 1.0)) and bool(np.isin(known, (0.0, 1.0)).all())
    found: dict[int, Powered] = {}
    for k in levels:
        rows = level == k
        try:
            side = Powered.of(
                y[rows],
                f[rows],
                unit[rows],
                size,
                score_range=score_range,
                binary=binary,
                what=f"the mean of level {k}",
            )
        except (TooFewUnits, Undefined):
            continue
        if side.units >= least:
            found[k] = side
    return found


def largest_powered_gap(sides: dict[int, Powered], *, level: float = 0.95) -> tuple[Estimate, float, tuple[int, int]]:
    """The gap between two of several prediction-powered means that is hardest to explain by chance.

    Every pair is tested by the hybrid of its sides' limits; p-value and interval are Bonferroni-corrected over all pairs.

    Args:
        sides: Level to mean, from ``powered_levels``.
        level: Nominal coverage of the largest gap.

    Returns:
        The gap (higher minus lower), the p-value that no two levels differ, and the higher and the lower level.

    Raises:
        Undefined: Fewer than 2 levels.

    Source: Angelopoulos, Duchi & Zrnic (2023); Zou & Donner (2008); Bonferroni (1936).

    >>> y = np.tile([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], 20)
    >>> sides = powered_levels(np.where(np.arange(120) < 90, y, np.nan), y, np.arange(120), np.arange(120) % 6, range(6))
    >>> largest_powered_gap(sides)[2]
    (0, 3)
    """
    pairs = list(combinations(sides, 2))
    if not pairs:
        raise Undefined("a gap needs two levels with labels.")
    corrected = 1 - (1 - level) / len(pairs)
    method = f"prediction-powered (PPI++), hybrid of the levels' limits, Bonferroni over {len(pairs)} pairs"
    best: tuple[float, float, Estimate, tuple[int, int]] | None = None
    for i, j in pairs:
        high, low = (i, j) if sides[i].value >= sides[j].value else (j, i)
        gap, p = hybrid(sides[high], sides[low], corrected, method)
        if best is None or (p, -gap.value) < best[:2]:
            best = (p, -gap.value, gap, (high, low))
    assert best is not None  # noqa: S101
    p, _, gap, pair = best
    shown = Estimate(gap.value, gap.low, gap.high, gap.units, gap.method, level)
    return shown, min(1.0, p * len(pairs)), pair
