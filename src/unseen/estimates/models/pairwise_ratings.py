"""Ratings of models from comparisons of their answers: Bradley–Terry with intervals that respect clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.difficulty.irt_em import sigmoid

FloatArray = NDArray[np.float64]
# The leverage of so many clusters, the largest, is taken out of their own residuals; that of others is small by then.
MAX_LEVERAGE = 2000
MAX_CELLS, MAX_WORK = 4_000_000, 200_000_000


@dataclass(frozen=True, eq=False)
class PairwiseRatings:
    """Bradley–Terry ratings with mean zero [logits].

    Attributes:
        rating: Shape (models,).
        covariance: Cluster-robust, shape (models, models); singular along the mean.
        influence: Shares of the clusters in the error of each rating, shape (clusters, models).
        first: Advantage of the answer that is shown first [logits]; 0 where it was not asked for.
        first_se: Its standard error.
        units: Clusters with a comparison.
    """

    rating: FloatArray
    covariance: FloatArray
    influence: FloatArray
    first: float
    first_se: float
    units: int


def pairwise_ratings(
    first: ArrayLike, second: ArrayLike, score: ArrayLike, cluster: ArrayLike, *, models: int, order: bool = True,
    prior_games: float = 1.0,
) -> PairwiseRatings:  # fmt: skip
    """Fit P(first wins) = 1 / (1 + exp(−(r_first − r_second + order))), ties as half a win, with a sandwich covariance.

    Ties make it a quasi-likelihood: the ratings are those of the expected score, and the sandwich needs no more than
    independent clusters. Each model has ``prior_games`` drawn games with an average opponent, so that one that won all is
    finite.

    Args:
        first: Index of the model shown first, shape (n,).
        second: Index of the other, shape (n,).
        score: 1 where the first is better, 0 where the second, 0.5 for a tie, shape (n,).
        cluster: Integer of what was sampled together (the question), shape (n,).
        models: Number of models.
        order: Whether to estimate the advantage of the first place.
        prior_games: Weight of the prior, in games.

    Returns:
        Ratings of mean zero.

    Raises:
        TooFewUnits: Fewer than 2 models or clusters.
        Undefined: The models fall into groups that never met.

    Source: Bradley & Terry (1952); Davidson & Beaver (1977) for the order; Liang & Zeger (1986) for the covariance; Bell &
    McCaffrey (2002) for the leverage.

    >>> fit = pairwise_ratings([0, 0, 0, 1], [1, 1, 1, 0], [1, 1, 0, 1], [0, 1, 2, 3], models=2, order=False, prior_games=0)
    >>> round(float(fit.rating[0] - fit.rating[1]), 6)
    0.0
    """
    a, b, y, g = np.asarray(first), np.asarray(second), np.asarray(score, np.float64), np.asarray(cluster)
    names, g = np.unique(g, return_inverse=True)
    units = len(names)
    if models < 2 or units < 2:
        raise TooFewUnits(f"ratings need 2 models and 2 questions, got {models} and {units}.")
    _require_connected(a, b, models)
    columns = models + order
    theta = np.zeros(columns)
    information = np.eye(columns)
    residual = np.zeros(len(y))
    weight = np.zeros(len(y))
    for _ in range(100):
        rating = theta[:models]
        p = sigmoid(rating[a] - rating[b] + (theta[-1] if order else 0.0))
        residual, weight = y - p, p * (1 - p)
        q = sigmoid(rating)
        gradient = np.bincount(a, residual, columns) - np.bincount(b, residual, columns)
        gradient[:models] += prior_games * (0.5 - q)
        information = _information(a, b, weight, models, order)
        information[np.arange(models), np.arange(models)] += prior_games * q * (1 - q)
        if order:
            gradient[-1] = residual.sum()
        step = np.linalg.pinv(information, hermitian=True) @ gradient
        theta = theta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        theta[:models] -= theta[:models].mean()
        if np.abs(step).max() < 1e-9:
            break
    bread: FloatArray = np.asarray(np.linalg.pinv(information, hermitian=True), np.float64)
    scores: FloatArray = np.zeros(units * columns)
    scores += np.bincount(g * columns + a, residual, units * columns)
    scores -= np.bincount(g * columns + b, residual, units * columns)
    scores = scores.reshape(units, columns)
    if order:
        scores[:, -1] = np.bincount(g, residual, units)
    scores = _without_own_pull(scores, bread, a, b, weight, g, order)
    influence = scores @ bread
    influence[:, :models] -= influence[:, :models].mean(axis=1, keepdims=True)
    covariance = influence.T @ influence
    return PairwiseRatings(
        theta[:models], covariance[:models, :models], influence[:, :models], float(theta[-1]) if order else 0.0,
        float(np.sqrt(covariance[-1, -1])) if order else 0.0, units,
    )  # fmt: skip


def tiers(rating: FloatArray, covariance: FloatArray, dof: float, *, level: float = 0.95) -> list[int]:
    """The tier of each model, 1 the best: a tier ends where a model is beyond doubt worse than its first.

    All pairs are compared together (Holm), so that with the stated probability no border is drawn in error.

    >>> tiers(np.array([2.0, 1.9, -2.0]), np.eye(3) * 0.01, 99.0)
    [1, 1, 2]
    """
    from scipy.special import stdtr

    m = len(rating)
    i, j = np.triu_indices(m, 1)
    variance = np.diag(covariance)
    error = np.sqrt(np.maximum(variance[i] + variance[j] - 2 * covariance[i, j], 1e-18))
    p = 2 * stdtr(dof, -np.abs(rating[i] - rating[j]) / error)
    order = np.argsort(p)
    passed = np.logical_and.accumulate(p[order] * np.arange(len(p), 0, -1) <= 1 - level)
    apart = np.zeros((m, m), dtype=bool)
    apart[i[order], j[order]] = apart[j[order], i[order]] = passed
    result = [0] * m
    head, tier = -1, 0
    for k in np.argsort(-rating, kind="stable").tolist():
        if head < 0 or apart[head, k]:
            head, tier = k, tier + 1
        result[k] = tier
    return result


def _information(a: NDArray[np.intp], b: NDArray[np.intp], weight: FloatArray, models: int, order: bool) -> FloatArray:
    matrix = np.zeros((models + order, models + order))
    met = np.bincount(a * models + b, weight, models**2).reshape(models, models)
    met = met + met.T
    matrix[:models, :models] = np.diag(met.sum(axis=1)) - met
    if order:
        edge = np.bincount(a, weight, models) - np.bincount(b, weight, models)
        matrix[-1, :models] = matrix[:models, -1] = edge
        matrix[-1, -1] = weight.sum()
    return matrix


def _without_own_pull(
    scores: FloatArray, bread: FloatArray, a: NDArray[np.intp], b: NDArray[np.intp], weight: FloatArray, g: NDArray[np.intp],
    order: bool,
) -> FloatArray:  # fmt: skip
    """Scores of clusters times (I − H_g H⁻¹)⁻¹: a step of the jackknife, which a few large clusters need."""
    columns = scores.shape[1]
    sizes = np.bincount(g)
    adjusted = scores * np.sqrt(len(sizes) / (len(sizes) - 1)) if len(sizes) > MAX_LEVERAGE else scores.copy()
    largest = np.argsort(-sizes, kind="stable")[: min(MAX_LEVERAGE, MAX_WORK // columns**3)]
    room = max(1, MAX_CELLS // columns**2)
    for start in range(0, len(largest), room):
        some = largest[start : start + room]
        place = np.full(len(sizes), -1)
        place[some] = np.arange(len(some))
        inside = np.flatnonzero(place[g] >= 0)
        k, i, j, w = place[g[inside]], a[inside], b[inside], weight[inside]
        own = np.zeros((len(some), columns, columns))
        terms = [(i, i, w), (j, j, w), (i, j, -w), (j, i, -w)]
        if order:
            last = np.full(len(k), columns - 1)
            terms += [(i, last, w), (last, i, w), (j, last, -w), (last, j, -w), (last, last, w)]
        for row, column, term in terms:
            np.add.at(own, (k, row, column), term)
        # A cluster that alone tells two models apart has no residual to spare: that direction is left at zero.
        inverse = np.linalg.pinv(np.eye(columns) - own @ bread, rcond=1e-8)
        adjusted[some] = np.einsum("kij,kj->ki", inverse, scores[some])
    return adjusted


def _require_connected(a: NDArray[np.intp], b: NDArray[np.intp], models: int) -> None:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    parts, label = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(models, models)), directed=False)
    if parts > 1:
        sizes = sorted(np.bincount(label).tolist(), reverse=True)
        raise Undefined(
            f"the {models} models fall into {parts} groups that never met (of {', '.join(map(str, sizes[:6]))} models), so that "
            "no rating compares them."
        )


__all__ = ["PairwiseRatings", "pairwise_ratings", "tiers"]
