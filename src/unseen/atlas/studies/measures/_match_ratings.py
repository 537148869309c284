"""Ratings of models and items that move after every match, each by how unsure it still is (Glicko, one match a period)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.models.ratings import CENTRE, POINTS

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MatchRatings:
    """Ratings under each order of the matches, on the scale of Elo (400 points are odds of ten to one).

    Attributes:
        model: Shape (orders, models).
        item: Higher is harder, shape (orders, items).
        model_deviation: How unsure a rating still is, as a standard deviation, shape (orders, models).
        item_deviation: The same for items, shape (orders, items).
    """

    model: FloatArray
    item: FloatArray
    model_deviation: FloatArray
    item_deviation: FloatArray

    def success(self) -> FloatArray:
        """Predicted score of every model on every item, averaged over orders, shape (models, items)."""
        total = np.zeros((self.model.shape[1], self.item.shape[1]))
        for order in range(len(self.model)):
            spread = np.add.outer(self.model_deviation[order] ** 2, self.item_deviation[order] ** 2)
            total += expected_score(np.subtract.outer(self.model[order], self.item[order]), spread)
        return total / len(self.model)

    def gap(self, share: float = 0.99, success: float = 0.5) -> FloatArray:
        """Points that each model lacks to reach a success rate on the item at this quantile of difficulty.

        Args:
            share: Quantile of the items' ratings; 0.99 leaves the hardest hundredth above.
            success: Wanted probability of success there.

        Returns:
            Positive where the model falls short, averaged over orders, shape (models,).

        Raises:
            BadInput: A share or probability that does not lie between 0 and 1.
        """
        if not (0 < share < 1 and 0 < success < 1):
            raise BadInput(f"share and success lie between 0 and 1, got {share:g} and {success:g}.")
        need = np.quantile(self.item.mean(axis=0), share) + POINTS * math.log(success / (1 - success))
        return need - self.model.mean(axis=0)


def expected_score(difference: ArrayLike, variance: ArrayLike) -> FloatArray:
    """Chance of success at a difference of ratings known up to a variance [points, points²].

    >>> expected_score(400.0, 0.0).round(4).item()
    0.9091
    """
    return 1 / (1 + np.exp(-_damping(np.asarray(variance, np.float64)) * np.asarray(difference, np.float64) / POINTS))


def match_ratings(
    matrix: ArrayLike, *, rng: np.random.Generator, orders: int = 50, deviation: float = 350.0
) -> MatchRatings:
    """Play every answer as a match between model and item, once, in several random orders.

    After a match both sides move by their own deviation, and both deviations shrink: the first matches move much, the
    later ones little. The spread over orders shows how much the order matters; it is no confidence interval.

    Args:
        matrix: Scores in [0, 1], shape (models, items); NaN where they did not meet.
        rng: Draws the orders.
        orders: How many; all run side by side.
        deviation: At the start, of both sides [points].

    Raises:
        TooFewUnits: No matches.
        BadInput: A score outside [0, 1].

    Source: Glickman (1999), Parameter estimation in large dynamic paired comparison experiments, equations 9 to 12, a
    period a match; Sun et al. (2025), AGI-Elo, section 3.

    >>> r = match_ratings([[1, 1, 1, 0], [1, 0, 0, 0]], rng=np.random.default_rng(0))
    >>> bool((r.model[:, 0] > r.model[:, 1]).all()), bool(r.gap()[1] > r.gap()[0])
    (True, True)
    """
    values = np.asarray(matrix, np.float64)
    who, what = np.nonzero(~np.isnan(values))
    if not len(who):
        raise TooFewUnits("ratings need at least one answer, got none.")
    score = values[who, what]
    if score.min() < 0 or score.max() > 1:
        raise BadInput(f"scores lie in [0, 1] here, got {score.min():g} to {score.max():g}. Divide by their range.")
    models, items = values.shape
    # Models and items stand in one row, so that one update moves both sides of a match.
    rating = np.full((orders, models + items), CENTRE)
    variance = np.full((orders, models + items), deviation**2)
    lane, sign = np.arange(orders)[:, None], np.array([1.0, -1.0])
    order = rng.permuted(np.broadcast_to(np.arange(len(who)), (orders, len(who))), axis=1)
    sides = np.stack([who, models + what], axis=1)
    for match in order.T:
        pair = sides[match]
        r, v = rating[lane, pair], variance[lane, pair]
        g = _damping(v[:, ::-1])
        expected = 1 / (1 + np.exp(-g * (r - r[:, ::-1]) / POINTS))
        got = score[match][:, None] * sign + [0.0, 1.0]
        after = 1 / (1 / v + g**2 * expected * (1 - expected) / POINTS**2)
        rating[lane, pair] = r + after * g * (got - expected) / POINTS
        variance[lane, pair] = after
    spread = np.sqrt(variance)
    return MatchRatings(rating[:, :models], rating[:, models:], spread[:, :models], spread[:, models:])


def _damping(variance: FloatArray) -> FloatArray:
    return 1 / np.sqrt(1 + 3 * variance / (math.pi * POINTS) ** 2)
