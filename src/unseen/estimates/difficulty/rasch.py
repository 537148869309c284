"""The Rasch model for few models on many items: items are a random sample, models are the parameters.

With 2 to 20 models no item has a slope, and hardly a difficulty, of its own. The models' abilities are well known
all the same, because they rest on many items: so difficulty is integrated out, as ability is in the usual case.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.difficulty.irt_em import Counts, State, fit, sigmoid, softplus
from unseen.estimates.estimate import Estimate

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
MIN_ITEMS = 20
LOWEST = -8.0  # logits; below it an ability over a floor is not told from guessing
# Work of the exact information matrix beyond which the cross-product of scores stands in for it.
MAX_EXACT = 1_000_000_000
# Steps of the algorithm without a floor before one with a floor starts.
START = 4
# Patterns of items for each parameter from which on the information is inverted without a loss of digits.
MANY_ITEMS = 4
# Logits up to which the factor of one answer can be divided out of a posterior.
FAR = 500.0


@dataclass(frozen=True, eq=False)
class Patterns:
    """Items with equal answers, kept once.

    Attributes:
        right: Number right, shape (patterns, models).
        trials: Number of answers, shape (patterns, models); 0 where missing.
        weight: Items that have the pattern, shape (patterns,).
        of_item: Pattern of each item, shape (items,).
    """

    right: FloatArray
    trials: FloatArray
    weight: FloatArray
    of_item: IntArray


@dataclass(frozen=True, eq=False)
class RaschFit:
    """A fitted Rasch model, P(right) = 1 / (1 + exp(difficulty - ability)), difficulty ~ N(0, spread²).

    Attributes:
        ability: Of each model in logits above the mean item, shape (models,); ±inf where it had all right or wrong.
        clusters: The cluster of each row of ``influence``, sorted; None without clusters.
        cluster_items: Items of each cluster (of each pattern without clusters), shape (clusters,).
        spread: Standard deviation of difficulty [logits].
        difficulty: Posterior mean of each pattern's difficulty [logits], shape (patterns,).
        difficulty_sd: Posterior standard deviation, shape (patterns,).
        patterns: The data.
        units: Independent clusters.
        log_likelihood: Marginal log-likelihood.
        converged: Whether the algorithm came to rest.
        floor: Chance of being right without knowing.
        scores: Slope of the log-likelihood of one item with each pattern along (known abilities, spread), shape (patterns, k).
        squares: Summed products of the scores of all items, shape (k, k).
        bread: Inverse information of the same parameters, shape (k, k).
        of_cluster: Row of ``influence`` of each item, shape (items,); None without clusters.
    """

    ability: FloatArray
    clusters: IntArray | None
    cluster_items: FloatArray
    spread: float
    difficulty: FloatArray
    difficulty_sd: FloatArray
    patterns: Patterns
    units: int
    log_likelihood: float
    converged: bool
    scores: FloatArray
    squares: FloatArray
    bread: FloatArray
    of_cluster: IntArray | None
    floor: float = 0.0

    @cached_property
    def covariance(self) -> FloatArray:
        """Of the abilities, robust to dependence within clusters, shape (models, models); NaN where they are infinite."""
        full, known = np.full((len(self.ability), len(self.ability)), np.nan), np.isfinite(self.ability)
        full[np.ix_(known, known)] = self._covariance[:-1, :-1]
        return full

    @property
    def spread_se(self) -> float:
        """Standard error of the spread."""
        return math.sqrt(max(float(self._covariance[-1, -1]), 0.0))

    @cached_property
    def _covariance(self) -> FloatArray:
        # Of items that are their own clusters, and so many that the information is far from singular, the influences need not
        # be known one by one.
        alone = self.of_cluster is None and len(self.scores) >= MANY_ITEMS * len(self.bread)
        summed = self.bread @ self.squares @ self.bread if alone else self._sums.T @ self._sums
        return summed * (self.units / (self.units - 1))

    @cached_property
    def influence(self) -> FloatArray:
        """Contribution of each cluster to the error of the abilities, shape (clusters, models).

        The covariance is the sum of its outer products. Without clusters: of each pattern, times the root of its items.
        """
        return self._along_models(self._sums)

    @cached_property
    def item_influence(self) -> FloatArray:
        """Contribution of one item with each pattern, shape (patterns, models)."""
        return self._along_models(self.scores @ self.bread)

    @cached_property
    def _sums(self) -> FloatArray:
        """As ``influence``, of the known abilities and the spread, shape (clusters, k)."""
        each = self.scores @ self.bread
        if self.of_cluster is None:
            return each * np.sqrt(self.patterns.weight)[:, None]
        sums = [np.bincount(self.of_cluster, weights=column[self.patterns.of_item]) for column in each.T]
        return np.stack(sums, axis=1).astype(np.float64)

    def _along_models(self, values: FloatArray) -> FloatArray:
        whole = np.full((len(values), len(self.ability)), np.nan)
        whole[:, np.isfinite(self.ability)] = values[:, :-1]
        return whole

    @property
    def ability_se(self) -> FloatArray:
        """Standard errors of the abilities, shape (models,)."""
        return np.sqrt(np.diag(self.covariance))

    def mean_success(self, ability: ArrayLike) -> FloatArray:
        """Mean probability of success over the items at these abilities, shape (n,)."""
        return mean_success(ability, self.spread, self.floor)

    @cached_property
    def log_posterior(self) -> FloatArray:
        """Of each pattern's difficulty at ``normal_nodes``, but for a constant, shape (patterns, nodes)."""
        z, w = normal_nodes()
        known = np.isfinite(self.ability)
        logit = self.ability[known, None] - self.spread * z
        return self.patterns.right[:, known] @ logit - self.patterns.trials[:, known] @ softplus(logit) + np.log(w)

    @cached_property
    def posterior(self) -> FloatArray:
        """Of each pattern's difficulty at ``normal_nodes``, shape (patterns, nodes)."""
        given = np.exp(self.log_posterior - self.log_posterior.max(axis=1, keepdims=True))
        return given / given.sum(axis=1, keepdims=True)


def mean_success(ability: ArrayLike, spread: float, floor: float = 0.0) -> FloatArray:
    """Mean probability of success at these abilities, shape (n,), over items with a normal difficulty.

    Args:
        ability: Logits above the mean item, shape (n,).
        spread: Standard deviation of difficulty [logits].
        floor: Chance of being right without knowing.
    """
    z, w = normal_nodes()
    known = sigmoid(np.asarray(ability, np.float64).reshape(-1, 1) - spread * z) @ w
    return floor + (1 - floor) * known


@cache
def normal_nodes() -> tuple[FloatArray, FloatArray]:
    """41 Gauss–Hermite nodes and weights of the standard normal."""
    z, w = np.polynomial.hermite_e.hermegauss(41)
    return z, w / w.sum()


def patterns_of(right: ArrayLike, trials: ArrayLike) -> Patterns:
    """Collapse items with equal answers.

    Args:
        right: Number right, shape (items, models).
        trials: Number of answers, shape (items, models); 0 where missing.

    >>> patterns_of([[1, 0], [1, 0], [0, 0]], np.ones((3, 2))).weight.tolist()
    [1.0, 2.0]
    """
    r, t = np.asarray(right, np.float64), np.asarray(trials, np.float64)
    if r.shape != t.shape or r.ndim != 2:
        raise BadInput(f"right and trials are matrices of items by models of one shape, got {r.shape} and {t.shape}.")
    # A random projection names each row; equal rows get equal names, others differ but for rounding.
    names = np.random.default_rng(20240229).uniform(1, 2, size=2 * r.shape[1])
    key = np.round(r @ names[: r.shape[1]] + 1000 * (t @ names[r.shape[1] :]), 9)
    _, first, of_item, weight = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    return Patterns(r[first], t[first], weight.astype(np.float64), of_item.astype(np.int64))


def fit_rasch(
    right: ArrayLike | Patterns,
    trials: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    *,
    floor: float = 0.0,
) -> RaschFit:
    """Fit the Rasch model with random items by marginal maximum likelihood.

    Args:
        right: Number right, shape (items, models), NaN where missing; or patterns.
        trials: Answers a cell, shape (items, models); one where it is left out.
        cluster: Integer of the sampling unit of each item, shape (items,); each item its own where it is left out.
        floor: Chance c of being right without knowing (1 / options where models guess), below 1:
            P(right) = c + (1 - c) / (1 + exp(difficulty - ability)).

    Raises:
        TooFewUnits: Fewer than 2 models or 20 items.
        Undefined: Fewer than 2 models have some right and some wrong, or no item tells them apart.

    Source: De Boeck (2008), Random item IRT models; White (1982) for the sandwich covariance.

    >>> rng = np.random.default_rng(0)
    >>> ability = np.array([-1.0, 0.0, 1.5])
    >>> answers = rng.random((4000, 3)) < 1 / (1 + np.exp(rng.normal(0, 1.5, (4000, 1)) - ability))
    >>> fit_rasch(answers).ability.round(1).tolist()
    [-1.1, -0.0, 1.5]
    """
    if isinstance(right, Patterns):
        data = right
    else:
        values = np.asarray(right, np.float64)
        tried = (~np.isnan(values)).astype(np.float64) if trials is None else np.asarray(trials, np.float64)
        data = patterns_of(np.nan_to_num(values), tried)
    items, models = int(data.weight.sum()), data.right.shape[1]
    if models < 2 or items < MIN_ITEMS:
        raise TooFewUnits(f"a Rasch model needs 2 models and {MIN_ITEMS} items, got {models} and {items}.")
    total, tried_total = data.weight @ data.right, data.weight @ data.trials
    mixed = (total > 0) & (total < tried_total)
    if mixed.sum() < 2:
        raise Undefined(
            f"{int(mixed.sum())} of {models} models have some items right and some wrong; 2 are needed for a scale."
        )
    counts = _counts(data, mixed)
    # Over a floor only the spread is taken from it, as a place to start.
    state = _without_floor(counts, max_iterations=500 if floor == 0 else START)
    if floor > 0:
        state = with_floor(counts, state, floor)
        low = state.intercept < LOWEST
        if low.any():
            # Such a model does no better than guessing: it has no finite ability, and pulls the information to zero.
            mixed[np.flatnonzero(mixed)[low]] = False
            if mixed.sum() < 2:
                raise Undefined(f"{int(mixed.sum())} of {models} models do better than guessing ({floor:.2f}).")
            counts = _counts(data, mixed)
            state = with_floor(counts, _without_floor(counts, max_iterations=START), floor)
    spread = float(state.slope[0])
    if spread < 1e-3:
        raise Undefined("items do not differ in difficulty beyond chance, so that there is no scale to put models on.")
    information, scores, squares = _information(counts, state.nodes, state.posterior, state.intercept, spread, floor)
    labels, of_cluster, units, sizes = None, None, items, data.weight
    if cluster is not None:
        labels, of_cluster, sizes = _clusters(cluster)
        units = len(labels)
    ability = np.where(total < tried_total, -np.inf, np.inf)
    ability[mixed] = state.intercept
    mean = state.posterior @ state.nodes
    sd = np.sqrt(np.maximum(state.posterior @ state.nodes**2 - mean**2, 1e-12))
    return RaschFit(
        ability=ability, clusters=labels, cluster_items=sizes, spread=spread, floor=floor,
        scores=scores, squares=squares, bread=_inverse(information), of_cluster=of_cluster,
        difficulty=-spread * mean, difficulty_sd=spread * sd,
        patterns=data, units=units, log_likelihood=state.log_likelihood, converged=state.converged,
    )  # fmt: skip


def _counts(data: Patterns, models: NDArray[np.bool_]) -> Counts:
    if models.all():
        return Counts(data.right, data.trials, data.weight)
    return Counts(data.right[:, models], data.trials[:, models], data.weight)


def _without_floor(counts: Counts, *, max_iterations: int) -> State:
    """The 1PL; where each cell holds one answer half of the products are saved."""
    assert counts.trials is not None  # noqa: S101
    once = bool((counts.trials == 1).all())
    return fit(
        Counts(counts.right, None, counts.weight) if once else counts, "1pl", prior=False,
        max_iterations=max_iterations, tolerance=1e-4,
    )  # fmt: skip


def difficulty_without(model: RaschFit, left_out: int) -> tuple[FloatArray, FloatArray]:
    """Expected success of one model on each pattern, from the answers of the other models alone.

    Args:
        model: The fitted abilities and spread.
        left_out: Column of the model whose answers are not looked at.

    Returns:
        Posterior mean of difficulty from the others' answers, and the left-out model's expected probability of
        success (integrated over what is not known of the difficulty), shapes (patterns,).
    """
    z, _ = normal_nodes()
    right, trials = model.patterns.right[:, left_out], model.patterns.trials[:, left_out]
    own = model.ability[left_out] - model.spread * z
    # 0 without an answer, 1 where it is wrong, 2 where it is right.
    answered = trials + right
    once = ((trials == 0) | (trials == 1)) & ((right == 0) | (right == trials))
    if float(np.abs(own).max()) < FAR and bool(once.all()):
        # What one answer adds to a posterior is a factor at each node, the same for all that are right: it is divided out of
        # the sums over nodes, without a pass over the posterior of each pattern.
        summed = np.stack([np.ones_like(z), model.spread * z, sigmoid(own)])
        sums = model.posterior @ np.concatenate([summed, summed * (1 + np.exp(own)), summed * (1 + np.exp(-own))]).T
        sums = sums.reshape(-1, 3, 3)[np.arange(len(sums)), answered.astype(np.intp)]
        return sums[:, 1] / sums[:, 0], sums[:, 2] / sums[:, 0]
    log_post = model.log_posterior
    if math.isfinite(float(model.ability[left_out])):
        log_post = log_post - right[:, None] * own + trials[:, None] * softplus(own)
    posterior = np.exp(log_post - log_post.max(axis=1, keepdims=True))
    posterior /= posterior.sum(axis=1, keepdims=True)
    return posterior @ (model.spread * z), posterior @ sigmoid(own)


def ability_estimates(model: RaschFit, level: float = 0.95) -> list[Estimate | None]:
    """Abilities with Wald intervals [logits above the mean item]; None where they are infinite."""
    from scipy.special import ndtri

    z, method = float(ndtri(0.5 + level / 2)), "Rasch model with random items, cluster-robust"
    found: list[Estimate | None] = []
    for value, error in zip(model.ability.tolist(), model.ability_se.tolist(), strict=True):
        known = math.isfinite(value) and error > 0
        found.append(
            Estimate(value, value - z * error, value + z * error, model.units, method, level) if known else None
        )
    return found


def _information(
    counts: Counts, nodes: FloatArray, posterior: FloatArray, ability: FloatArray, spread: float, floor: float = 0.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Observed information of (abilities, spread) by Louis's identity, the score of each pattern, and their products."""
    assert counts.trials is not None  # noqa: S101
    rows, k = len(counts.right), len(ability) + 1
    # Scores of a cell with respect to its logit: up where it is right, down where it is wrong.
    up, down, up_curve, down_curve = _slopes(ability[:, None] + spread * nodes, floor)
    wrong = counts.trials - counts.right
    scores = np.empty((rows, k))
    if floor == 0:
        # Both slopes are 1 apart: what is expected of all answers is taken from the right ones.
        scores[:, :-1] = counts.right - counts.trials * (posterior @ down.T)
        pushed = (posterior * nodes) @ down.T if counts.trials.min() < counts.trials.max() else None
        total = (
            counts.trials.flat[0] * (posterior @ (down.sum(axis=0) * nodes))
            if pushed is None
            else (counts.trials * pushed).sum(axis=1)
        )
        scores[:, -1] = counts.right.sum(axis=1) * (posterior @ nodes) - total
    else:
        scores[:, :-1] = counts.right * (posterior @ up.T) - wrong * (posterior @ down.T)
        scores[:, -1] = (counts.right * (posterior @ (up * nodes).T) - wrong * (posterior @ (down * nodes).T)).sum(
            axis=1
        )
    # A product of a matrix with itself costs half of one with another.
    root = scores * np.sqrt(counts.weight)[:, None]
    squares = root.T @ root
    if rows * len(nodes) * k * k > MAX_EXACT:
        return squares, scores, squares
    curvature = np.zeros((k, k))
    mass = posterior * counts.weight[:, None]
    number = (counts.right.T @ mass) * up_curve + (wrong.T @ mass) * down_curve
    curvature[np.arange(k - 1), np.arange(k - 1)] = number.sum(axis=1)
    curvature[:-1, -1] = curvature[-1, :-1] = number @ nodes
    curvature[-1, -1] = float((number @ nodes**2).sum())
    second = np.zeros((k, k))
    size = max(1, 2_000_000 // (len(nodes) * k))
    for start in range(0, rows, size):
        part = slice(start, start + size)
        residual = np.empty((len(counts.right[part]), len(nodes), k))
        residual[:, :, :-1] = counts.right[part, None, :] * up.T[None] - wrong[part, None, :] * down.T[None]
        residual[:, :, -1] = residual[:, :, :-1].sum(axis=2) * nodes
        residual *= np.sqrt(posterior[part] * counts.weight[part, None])[:, :, None]
        flat = residual.reshape(-1, k)
        second += flat.T @ flat
    return curvature - second + squares, scores, squares


def _inverse(information: FloatArray) -> FloatArray:
    """The (pseudo-)inverse of a symmetric matrix: by Cholesky where it is positive definite, by its eigenvalues else."""
    import scipy.linalg.lapack

    lapack: Any = scipy.linalg.lapack
    factor, failed = lapack.dpotrf(information, lower=1)
    if not failed:
        scale = np.diag(factor)
        # A direction that is not determined within rounding is left to the eigenvalues, which drop it.
        if float(scale.min()) > 1e-5 * float(scale.max()):
            lower, failed = lapack.dpotri(factor, lower=1)
            if not failed:
                return (np.tril(lower) + np.tril(lower, -1).T).astype(np.float64)
    return np.linalg.pinv(information, hermitian=True).astype(np.float64)


def _slopes(logit: FloatArray, floor: float) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """(ln P)', -(ln(1 - P))', -(ln P)'' and -(ln(1 - P))'' for P = c + (1 - c)·σ."""
    s = sigmoid(logit)
    spare = s * (1 - s)
    if floor == 0:
        return 1 - s, s, spare, spare
    first = (1 - floor) * spare
    up = first / (floor + (1 - floor) * s)
    return up, s, up**2 - up * (1 - 2 * s), spare


def with_floor(counts: Counts, start: State, floor: float, *, steps: int = 60, tolerance: float = 1e-4) -> State:
    """Maximise the marginal likelihood of P(right) = c + (1 - c)·σ(spread·z + ability), c known.

    Args:
        counts: Answers; rows are items.
        start: Where to start, and the nodes.
        floor: c.
        steps: Most steps.
        tolerance: Largest change of a parameter at which to stop [logits].

    Source: Berndt, Hall, Hall & Hausman (1974), Estimation and inference in nonlinear structural models (steps along
    the cross-product of scores); Birnbaum (1968) for the lower asymptote.
    """
    assert counts.trials is not None  # noqa: S101
    nodes, wrong, weight = start.nodes, counts.trials - counts.right, counts.weight

    def at(values: FloatArray) -> tuple[float, FloatArray]:
        logit = values[:-1, None] + values[-1] * nodes
        chance = floor + (1 - floor) * sigmoid(logit)
        log_post = counts.right @ np.log(chance) + wrong @ (math.log1p(-floor) - softplus(logit)) + start.log_prior
        top = log_post.max(axis=1, keepdims=True)
        post = np.exp(log_post - top)
        total = post.sum(axis=1, keepdims=True)
        return float((np.log(total) + top)[:, 0] @ weight), post / total

    share = (weight @ counts.right) / (weight @ counts.trials)
    known = np.clip((share - floor) / (1 - floor), 0.02, 0.98)
    values = np.append(np.log(known / (1 - known)) * 1.2, max(float(start.slope[0]), 0.3))
    value, posterior = at(values)
    done = False
    for _ in range(steps):
        up, down, _, _ = _slopes(values[:-1, None] + values[-1] * nodes, floor)
        scores = np.empty((len(wrong), len(values)))
        scores[:, :-1] = counts.right * (posterior @ up.T) - wrong * (posterior @ down.T)
        scores[:, -1] = (counts.right * (posterior @ (up * nodes).T) - wrong * (posterior @ (down * nodes).T)).sum(
            axis=1
        )
        gram = scores.T @ (scores * weight[:, None])
        step = np.linalg.solve(gram + 1e-6 * np.eye(len(gram)), weight @ scores).astype(np.float64)
        step *= min(1.0, 1.5 / float(np.abs(step).max(initial=1e-9)))
        size = 1.0
        while size > 1e-4:
            trial = values + size * step
            # An ability below the floor has no finite value; a spread of either sign is the same model.
            trial[:-1], trial[-1] = np.clip(trial[:-1], -12, 12), abs(trial[-1])
            reached, there = at(trial)
            if reached >= value - 1e-9:
                break
            size /= 2
        else:
            break
        moved = float(np.abs(trial - values).max())
        values, value, posterior = trial, reached, there
        if moved < tolerance:
            done = True
            break
    return State(
        slope=np.full(len(share), values[-1]), intercept=values[:-1], nodes=nodes, log_prior=start.log_prior,
        posterior=posterior, log_likelihood=value, iterations=start.iterations, converged=done,
    )  # fmt: skip


def _clusters(cluster: ArrayLike) -> tuple[IntArray, IntArray, FloatArray]:
    """The clusters, sorted, the place of each item's among them, and their items."""
    labels, unit, sizes = np.unique(np.asarray(cluster), return_inverse=True, return_counts=True)
    if len(labels) < 2:
        raise TooFewUnits("abilities need items of at least 2 independent clusters, got 1.")
    return labels.astype(np.int64), unit.astype(np.int64), sizes.astype(np.float64)
