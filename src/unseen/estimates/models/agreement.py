"""How far two raters of the same rows agree beyond chance: Cohen's kappa, with an interval that few rows can carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.means import mean_estimate

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two raters.

    Attributes:
        share: Rows on which both give the same score.
        kappa: 1 − (squared disagreement) / (that of raters who know only how often each score occurs): Cohen's kappa
            where scores are 0 and 1, Lin's concordance where they are graded. None where neither rater varies.
        rows: Rows that both rated.
    """

    share: Estimate
    kappa: Estimate | None
    rows: int


def agreement(a: ArrayLike, b: ArrayLike, cluster: ArrayLike, *, level: float = 0.95) -> Agreement:
    """Estimate the agreement of two raters; rows that lack either score are left out.

    κ = 1 − D/E with D = mean (a − b)² and E = mean (aᵢ − bⱼ)² over all pairs of rows. The interval carries D's own
    (Wilson's for scores of 0 and 1, at the effective size where rows are clustered) over to κ at the E observed: near
    perfect agreement D is what is uncertain, and resampling would see none of it.

    Args:
        a: Scores of one rater, shape (n,).
        b: Scores of the other, on the same scale, shape (n,).
        cluster: Integer of the sampling unit of each row, shape (n,).
        level: Nominal coverage.

    Raises:
        BadInput: The lengths differ.
        TooFewUnits: Fewer than 2 clusters with both scores.
        Undefined: Graded scores differ by the same amount, other than zero, in all rows.

    Source: Cohen (1960); Fleiss & Cohen (1973), The equivalence of weighted kappa and the intraclass correlation
    coefficient; Lin (1989). Interval: Zou & Donner (2008), MOVER, with E held at its estimate.

    >>> found = agreement([1, 1, 1, 0, 0, 1, 1, 0], [1, 1, 1, 0, 0, 1, 0, 1], range(8))
    >>> print(found.kappa)
    0.467 [-0.260, 0.848]
    """
    x, y = np.asarray(a, np.float64).reshape(-1), np.asarray(b, np.float64).reshape(-1)
    unit = np.asarray(cluster).reshape(-1)
    if not len(x) == len(y) == len(unit):
        raise BadInput(f"raters need equal lengths, got {len(x)}, {len(y)} and {len(unit)} clusters.")
    both = ~(np.isnan(x) | np.isnan(y))
    x, y, unit = x[both], y[both], unit[both]
    what = "the agreement of two raters"
    share = mean_estimate((x == y) * 1.0, unit, level=level, binary=True, what=what)
    chance = float(np.mean(x**2) + np.mean(y**2) - 2 * x.mean() * y.mean()) if len(x) else 0.0
    if chance <= 1e-12:
        return Agreement(share, None, len(x))
    squared = (x - y) ** 2
    if not squared.any():
        # No disagreement was seen: as many as Wilson allows, each as large as the scores' range.
        unlike = float(np.ptp(np.concatenate([x, y]))) ** 2
        low, high, value = 1 - (1 - share.low) * unlike / chance, 1.0, 1.0
    else:
        disagreement = mean_estimate(squared, unit, level=level, what=what)
        value = 1 - disagreement.value / chance
        low, high = 1 - disagreement.high / chance, min(1.0, 1 - disagreement.low / chance)
    kappa = Estimate(value, max(-1.0, low), high, share.units, "kappa, from the limits of disagreement (MOVER)", level)
    return Agreement(share, kappa, len(x))
