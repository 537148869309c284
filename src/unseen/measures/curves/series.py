"""Scores along a series of models: whether they rise by even steps, and what a point costs early and late."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined

FloatArray = NDArray[np.float64]


def unevenness(first: ArrayLike, second: ArrayLike) -> float:
    """How much of the rise falls into one step, in multiples of an even step; 1 where all steps are equal.

    The largest step of one run of the series is measured in the other, and the other way round, so that noise does not
    count as a jump; the mean of both is taken.

    Args:
        first: Scores of one run, in the order of the series, shape (models,).
        second: Scores of another run, with models or items of its own, shape (models,).

    Raises:
        BadInput: The runs have different lengths.
        TooFewUnits: Fewer than three models.
        Undefined: A run does not rise from its first to its last model.

    Source: Toh et al. (2025), The Jumping Reasoning Curve, Table 1 and Figure 1 (steps of 8 and 20 points: 1.4).

    >>> unevenness([0.2, 0.4, 0.6, 0.8], [0.1, 0.3, 0.5, 0.7])
    1.0
    >>> unevenness([0.0, 0.0, 1.0], [0.0, 0.25, 1.0])
    1.75
    """
    runs = [np.asarray(run, np.float64) for run in (first, second)]
    if runs[0].shape != runs[1].shape:
        raise BadInput(f"two runs of one series are as long, got {len(runs[0])} and {len(runs[1])} models.")
    if len(runs[0]) < 3:
        raise TooFewUnits(f"a series has steps from three models on, got {len(runs[0])}.")
    steps = [np.diff(run) for run in runs]
    for run, some in zip(runs, steps, strict=True):
        if some.sum() <= 0:
            raise Undefined(f"the series does not rise: {run[0]:g} at its start and {run[-1]:g} at its end.")
    shares = [other[own.argmax()] / other.sum() for own, other in (steps, steps[::-1])]
    return round(float(np.mean(shares)) * len(steps[0]), 12)


def late_price(scores: ArrayLike, costs: ArrayLike, *, margin: float = 0.1) -> float:
    """What a point costs in the upper half of the rise over what it costs in the lower one; 1 where cost is linear.

    Scores are made monotone by pooling neighbours; costs between models are read off on straight lines over the
    logarithm of cost. The first and last tenth of the rise are left out.

    Args:
        scores: In the order of the series, shape (models,).
        costs: Of each model, rising, shape (models,).
        margin: Share of the rise that is left out at both ends.

    Raises:
        BadInput: Costs do not rise, are not positive, or there are not as many as scores.
        Undefined: Scores do not rise.

    Source: Toh et al. (2025), The Jumping Reasoning Curve, Figure 1 (score against cost of a puzzle).

    >>> round(late_price(np.arange(1, 100), np.arange(1, 100)), 2)
    1.0
    >>> round(late_price([0, 1, 2, 3, 4], [1, 10, 100, 1000, 10000], margin=0.25), 6)
    10.0
    """
    from sklearn.isotonic import isotonic_regression

    y, x = np.asarray(scores, np.float64), np.asarray(costs, np.float64)
    if len(x) != len(y) or (x <= 0).any() or (np.diff(x) <= 0).any():
        raise BadInput("each score of a series has a cost above zero, and costs rise along the series.")
    y = np.asarray(isotonic_regression(y), np.float64)
    if y[-1] <= y[0]:
        raise Undefined(f"the series does not rise: {y[0]:g} at its start and {y[-1]:g} at its end.")
    marks = y[0] + (y[-1] - y[0]) * np.array([margin, 0.5, 1 - margin])
    low, middle, high = (_reached(mark, y, np.log(x)) for mark in marks)
    return float((high - middle) / (middle - low))


def _reached(mark: float, scores: FloatArray, logs: FloatArray) -> float:
    """Cost at which a mark is reached first."""
    at = int(np.searchsorted(scores, mark))
    low, high = scores[at - 1], scores[at]
    return float(np.exp(logs[at - 1] + (logs[at] - logs[at - 1]) * (mark - low) / (high - low)))
