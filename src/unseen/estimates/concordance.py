"""Agreement of two rankings of the same models, with an interval over the items behind them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate

FloatArray = NDArray[np.float64]


def kendall_tau(x: ArrayLike, y: ArrayLike) -> float:
    """Kendall's tau-b: concordant minus discordant pairs over √(pairs untied in x × pairs untied in y).

    Args:
        x: Scores of the models in one ranking, shape (m,).
        y: The same models in the other, shape (m,).

    Raises:
        TooFewUnits: Fewer than 2 models.
        Undefined: A ranking ties all models.

    Source: Kendall (1945), The treatment of ties in ranking problems.

    >>> kendall_tau([1, 2, 3, 4], [1, 2, 4, 3]).__round__(4)
    0.6667
    """
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise BadInput(f"two rankings of the same models have equal shapes, got {a.shape} and {b.shape}.")
    if len(a) < 2:
        raise TooFewUnits(f"a ranking needs at least 2 models, got {len(a)}.")
    tau = _taus(a[None], b[None])[0]
    if np.isnan(tau):
        raise Undefined(f"tau is undefined: one ranking ties all {len(a)} models.")
    return float(tau)


def ranking_concordance(
    means_x: ArrayLike, means_y: ArrayLike, draws_x: ArrayLike, draws_y: ArrayLike, *, units: int, level: float = 0.95
) -> Estimate:
    """Tau between two rankings with a percentile interval from joint bootstrap draws of the means.

    The draws come from resampling the units behind the means (``bootstrap.cluster_bootstrap``), all models at once, so
    that what models share by answering the same items is kept. Tau is bounded and discrete: where all draws agree, the
    end of the interval that faces the interior moves by one swap of neighbours, since no swap in d draws does not
    prove that none is possible.

    Args:
        means_x: Scores of the models in one ranking, shape (m,).
        means_y: The same models in the other, shape (m,).
        draws_x: Bootstrap draws of means_x, shape (d, m).
        draws_y: Bootstrap draws of means_y, shape (d, m).
        units: Independent units behind the means of the smaller side.
        level: Nominal coverage.

    Raises:
        TooFewUnits: Fewer than 2 models, or more than one draw in five is undefined.
        Undefined: A ranking ties all models.

    Source: Kendall (1945); Efron & Tibshirani (1993), ch. 13.
    """
    value = kendall_tau(means_x, means_y)
    x, y = np.asarray(draws_x, np.float64), np.asarray(draws_y, np.float64)
    taus = _taus(x, y)
    defined = taus[~np.isnan(taus)]
    if len(defined) < 0.8 * len(taus) or not len(defined):
        raise TooFewUnits(
            f"a ranking over {units} units has no interval: {len(taus) - len(defined)} of {len(taus)} draws tie all."
        )
    low, high = (float(q) for q in np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]))
    low, high = min(low, value), max(high, value)
    if high - low <= 0:
        m = x.shape[1]
        swap = 4 / (m * (m - 1))
        low, high = (max(-1.0, low - swap), high) if value > 0 else (low, min(1.0, high + swap))
    return Estimate(value, low, high, units, "Kendall's tau-b, cluster bootstrap", level)


def _taus(x: FloatArray, y: FloatArray) -> FloatArray:
    """Tau-b of each row of x with that row of y, shapes (d, m); NaN where a row ties all or holds NaN."""
    i, j = np.triu_indices(x.shape[1], 1)
    dx, dy = np.sign(x[:, i] - x[:, j]), np.sign(y[:, i] - y[:, j])
    scale = np.sqrt(np.sum(dx != 0, axis=1) * np.sum(dy != 0, axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = np.sum(dx * dy, axis=1) / scale
    tau[np.isnan(x).any(axis=1) | np.isnan(y).any(axis=1)] = np.nan
    return tau
