"""Samejima's graded response model by marginal maximum likelihood, in matrix products over quadrature nodes.

P(answer ≥ k | z) = σ(a·z + c_k) with falling intercepts c_1 > c_2 > …. Written as

    log P(answer = k | z) = [k > 0]·a·z + log(e^{c_k} − e^{c_{k+1}}) − log(1 + e^{a·z + c_k}) − log(1 + e^{a·z + c_{k+1}})

(terms of c_0 and of the intercept past the last left out), the answers enter a step only as one product per boundary,
between the matrix of answers next to the boundary and the nodes, and the middle term keeps intercepts in order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.difficulty.irt import MIN_PERSONS_2PL, blocks
from unseen.estimates.difficulty.irt_em import MAX_INTERCEPT, MAX_SLOPE, SPAN, node_count, sigmoid, softplus

FloatArray = NDArray[Any]  # float32 for matrices of answers, float64 for all else
MAX_CATEGORIES = 20


@dataclass(frozen=True, eq=False)
class GradedFit:
    """A fitted graded response model; abilities are standard normal in the population.

    Attributes:
        ability: Posterior mean of each person, shape (persons,); 0 for persons without an answer.
        ability_se: Its posterior standard deviation, shape (persons,).
        discrimination: Slope of each item, shape (items,); NaN for extreme items.
        discrimination_se: From the cross-product of the persons' scores, shape (items,).
        difficulty: Ability at which half of the answers lie in category k or above, for k = 1 …, shape
            (items, categories - 1), rising. Where an item never shows a category, the boundaries beside it coincide;
            -inf and +inf where it shows nothing below or above.
        difficulty_se: Delta method, NaN where the difficulty is infinite, shape (items, categories - 1).
        answered: Answers an item, shape (items,).
        extreme: Items with a single category, which take no part in the fit, shape (items,).
        log_likelihood: Marginal log-likelihood at the solution.
        iterations: Steps taken.
        converged: Whether the last step changed every parameter by less than the tolerance.
    """

    ability: FloatArray
    ability_se: FloatArray
    discrimination: FloatArray
    discrimination_se: FloatArray
    difficulty: FloatArray
    difficulty_se: FloatArray
    answered: FloatArray
    extreme: NDArray[np.bool_]
    log_likelihood: float
    iterations: int
    converged: bool

    def probability(self, ability: ArrayLike) -> FloatArray:
        """P(category) at each ability, shape (abilities, items, categories); NaN for extreme items."""
        gap = np.asarray(ability, np.float64).reshape(-1, 1, 1) - self.difficulty
        above = sigmoid(self.discrimination[:, None] * gap)
        ones = np.ones((*above.shape[:2], 1))
        return -np.diff(np.concatenate([ones, above, 0 * ones], axis=2), axis=2)

    def expected(self, ability: ArrayLike) -> FloatArray:
        """Expected category at each ability, shape (abilities, items); NaN for extreme items."""
        p = self.probability(ability)
        return p @ np.arange(p.shape[2])


@dataclass(eq=False)
class _State:
    """Parameters with the answers that they are fitted to.

    Attributes:
        code: Category of each answer among those that its item shows, shape (persons, items), -1 where missing.
        beside: For each boundary the answers next to it, as 0 and 1, each of shape (persons, items), float32.
        count: Answers an item and category, shape (items, categories).
        used: Boundaries that an item has, shape (items, categories - 1).
        slope: Shape (items,).
        intercept: Falling along an item, shape (items, categories - 1); -inf where there is no boundary.
        slope_prior: Mean and standard deviation of the slopes, or None.
    """

    code: NDArray[np.int8]
    beside: list[FloatArray]
    count: FloatArray
    used: NDArray[np.bool_]
    slope: FloatArray
    intercept: FloatArray
    nodes: FloatArray
    log_prior: FloatArray
    posterior: FloatArray
    slope_prior: tuple[float, float] | None
    log_likelihood: float = -math.inf
    iterations: int = 0
    converged: bool = False


def fit_graded(
    matrix: ArrayLike, *, prior: bool = True, max_iterations: int = 200, tolerance: float = 1e-3
) -> GradedFit:
    """Fit a graded response model to ordered categories (grades of 0 to 5, partly right answers).

    With two categories it is the 2PL. With ``prior``, slopes are normal around their own mean, with mean and spread
    estimated from the items (empirical Bayes), which steadies few persons and fades with many.

    Args:
        matrix: Category of each answer, 0, 1, 2 …, shape (persons, items); NaN where missing.
        prior: Whether slopes have the prior.
        max_iterations: Most steps of the algorithm.
        tolerance: Largest change of a parameter at which it stops [logits].

    Raises:
        BadInput: A value that is no category, or more than 20 of them.
        TooFewUnits: Fewer than 50 persons with answers, or fewer than 2 items with two categories.

    Source: Samejima (1969), Estimation of latent ability using a response pattern of graded scores; Bock & Aitkin
    (1981) for the algorithm; Liu, Rubin & Wu (1998) for the rescaling in each step.

    >>> rng = np.random.default_rng(0)
    >>> ability, steps = rng.normal(size=(500, 1, 1)), np.linspace(-1, 1, 20)[:, None] + np.array([-0.7, 0.7])
    >>> answers = (rng.random((500, 20, 1)) < 1 / (1 + np.exp(steps - ability))).sum(axis=2)
    >>> fit = fit_graded(answers)
    >>> fit.difficulty.shape, bool(np.corrcoef(fit.difficulty.ravel(), steps.ravel())[0, 1] > 0.98)
    ((20, 2), True)
    """
    code = _categories(matrix)
    answered = (code >= 0).sum(axis=0).astype(np.float64)
    persons = int((code >= 0).any(axis=1).sum())
    if persons < MIN_PERSONS_2PL:
        raise TooFewUnits(f"a graded model needs {MIN_PERSONS_2PL} persons (models) with answers, got {persons}.")
    size = int(code.max()) + 1
    count = np.stack([(code == k).sum(axis=0) for k in range(size)], axis=1)
    kept = (count > 0).sum(axis=1) >= 2
    if kept.sum() < 2:
        raise TooFewUnits(f"{int(kept.sum())} of {len(kept)} items show two categories or more; 2 are needed.")
    state = _start(code[:, kept], count[kept], prior=prior)
    for state.iterations in range(1, max_iterations + 1):
        _expect(state)
        before = state.slope, state.intercept
        _maximise(state)
        _rescale(state)
        moved = np.where(state.used, np.abs(state.intercept - np.where(state.used, before[1], 0.0)), 0.0)
        if max(float(np.abs(state.slope - before[0]).max()), float(moved.max())) < tolerance:
            state.converged = True
            break
    _expect(state)
    slope_se, difficulty_se = _errors(state)
    ability, ability_se = _abilities(state)
    difficulty, errors = _as_given(state, count[kept], difficulty_se)
    shape, out = (len(kept), size - 1), np.full((4, len(kept)), np.nan)
    all_difficulty, all_errors = np.full(shape, np.nan), np.full(shape, np.nan)
    out[0][kept], out[1][kept] = state.slope, slope_se
    all_difficulty[kept], all_errors[kept] = difficulty, errors
    return GradedFit(
        ability=ability, ability_se=ability_se, discrimination=out[0], discrimination_se=out[1],
        difficulty=all_difficulty, difficulty_se=all_errors, answered=answered, extreme=~kept,
        log_likelihood=state.log_likelihood, iterations=state.iterations, converged=state.converged,
    )  # fmt: skip


def _categories(matrix: ArrayLike) -> NDArray[np.int8]:
    values = np.asarray(matrix)
    if values.ndim != 2:
        raise BadInput(f"a graded model takes a matrix of persons by items, got shape {values.shape}.")
    values = values if values.dtype == np.float32 else values.astype(np.float64)
    missing = np.isnan(values)
    wrong = values[~missing & ((values < 0) | (values >= MAX_CATEGORIES) | (values != np.floor(values)))]
    if len(wrong):
        raise BadInput(f"categories are whole numbers from 0 to {MAX_CATEGORIES - 1}, got {wrong[0]:g}.")
    return np.where(missing, -1, values).astype(np.int8)


def _start(code: NDArray[np.int8], count: NDArray[np.integer], *, prior: bool) -> _State:
    items = len(count)
    # Categories that an item never shows are closed up, and its boundaries follow.
    rank = np.cumsum(count > 0, axis=1) - 1
    lookup = np.concatenate([rank, np.full((items, 1), -1)], axis=1).astype(np.int8)
    code = lookup[np.arange(items), code]
    shown = rank[:, -1] + 1
    most = int(shown.max())
    closed = np.stack([(code == k).sum(axis=0) for k in range(most)], axis=1).astype(np.float64)
    used = np.arange(1, most) < shown[:, None]
    above = closed[:, ::-1].cumsum(axis=1)[:, ::-1]
    share = (above[:, 1:] + 0.5) / (above[:, :1] + 1)
    per_item = np.where(code >= 0, code, 0).sum(axis=1) / np.maximum((code >= 0) @ (shown - 1.0), 1)
    at_least = np.clip(per_item, 0.01, 0.99)
    spread = float(np.clip(np.log(at_least / (1 - at_least)).std(), 0.3, 3.0))
    # Averaging over abilities flattens a curve; Cox's factor undoes it.
    intercept = np.where(used, np.log(share / (1 - share)) * math.sqrt(1 + 0.35 * spread**2), -np.inf)
    q = node_count(items)
    nodes = np.linspace(-SPAN, SPAN, q)
    log_prior = -0.5 * nodes**2
    beside = [((code == k) | (code == k - 1)).astype(np.float32) * used[:, k - 1] for k in range(1, most)]
    return _State(
        code=code, beside=[b.astype(np.float32, copy=False) for b in beside], count=closed, used=used,
        slope=np.full(items, spread), intercept=intercept, nodes=nodes,
        log_prior=log_prior - np.log(np.exp(log_prior).sum()), posterior=np.empty((0, 0)),
        slope_prior=(spread, 0.5) if prior else None,
    )  # fmt: skip


def _finite(state: _State) -> FloatArray:
    return np.where(state.used, state.intercept, -MAX_INTERCEPT)


def _barrier(state: _State) -> FloatArray:
    """Distance from each intercept to the next, shape (items, categories - 1); infinite past the last."""
    after = np.concatenate([state.intercept[:, 1:], np.full((len(state.slope), 1), -np.inf)], axis=1)
    return np.where(state.used & np.isfinite(after), _finite(state) - np.where(np.isfinite(after), after, 0), np.inf)


def _expect(state: _State) -> None:
    """Posterior of every person over the nodes, shape (persons, nodes), and the marginal log-likelihood."""
    c, gap = _finite(state), _barrier(state)
    # log(e^{c_k} − e^{c_{k+1}}) of the category above each boundary.
    constant = np.where(state.used, c + np.log1p(-np.exp(-gap)), 0.0)
    positive = (state.code > 0).astype(np.float32)
    log_post = (positive @ state.slope.astype(np.float32)).astype(np.float64)[:, None] * state.nodes + state.log_prior
    for k, beside in enumerate(state.beside):
        curve = softplus(np.multiply.outer(state.slope, state.nodes) + c[:, k, None])
        log_post -= beside @ curve.astype(np.float32)
    top = log_post.max(axis=1, keepdims=True)
    np.exp(log_post - top, out=log_post)
    total = log_post.sum(axis=1, keepdims=True)
    fixed = float((state.count[:, 1:] * constant).sum())
    state.log_likelihood = float((np.log(total) + top).sum()) + fixed
    state.posterior = np.divide(log_post, total, out=log_post)


def _maximise(state: _State) -> None:
    """Two Newton steps of every item on its expected log-likelihood, which is concave."""
    x, boundaries = state.nodes, state.used.shape[1]
    posterior = state.posterior.astype(np.float32)
    number = [(beside.T @ posterior).astype(np.float64) for beside in state.beside]
    position = (state.posterior @ x).astype(np.float32)
    right_position = ((state.code > 0).astype(np.float32).T @ position).astype(np.float64)
    above, below = state.count[:, 1:], state.count[:, :-1]
    h = np.empty(0)
    for _ in range(2):
        items, c, gap = len(state.slope), _finite(state), _barrier(state)
        before = np.concatenate([np.full((items, 1), np.inf), gap[:, :-1]], axis=1)
        g, h = np.zeros((items, boundaries + 1)), np.zeros((items, boundaries + 1, boundaries + 1))
        g[:, 0] = right_position
        bend, bend_before = _bend(gap), _bend(before)
        for k in range(boundaries):
            p = sigmoid(np.multiply.outer(state.slope, x) + c[:, k, None])
            expected = number[k] * p
            information = expected * (1 - p)
            g[:, 0] -= expected @ x
            g[:, k + 1] = above[:, k] / -np.expm1(-gap[:, k]) - below[:, k] * _odds(before[:, k]) - expected.sum(axis=1)
            h[:, 0, 0] += information @ x**2
            h[:, 0, k + 1] = h[:, k + 1, 0] = information @ x
            h[:, k + 1, k + 1] = information.sum(axis=1) + above[:, k] * bend[:, k] + below[:, k] * bend_before[:, k]
            if k + 1 < boundaries:
                h[:, k + 1, k + 2] = h[:, k + 2, k + 1] = -above[:, k] * bend[:, k]
        if state.slope_prior:
            mean, sd = state.slope_prior
            g[:, 0] -= (state.slope - mean) / sd**2
            h[:, 0, 0] += sd**-2
        open_ = np.concatenate([np.ones((items, 1), bool), state.used], axis=1)
        g = np.where(open_, g, 0.0)
        h = (
            np.where(open_[:, :, None] & open_[:, None, :], h, 0.0)
            + np.eye(boundaries + 1) * np.where(open_, 1e-6, 1.0)[:, None, :]
        )
        step = np.linalg.solve(h, g[:, :, None])[:, :, 0]
        step /= np.maximum(1.0, np.abs(step).max(axis=1, keepdims=True))
        state.slope = np.clip(state.slope + step[:, 0], -MAX_SLOPE, MAX_SLOPE)
        state.intercept = _moved(state, gap, step[:, 1:])
    if state.slope_prior:
        variance = np.linalg.inv(h)[:, 0, 0]
        mean = float(state.slope.mean())
        least = 0.1 + 1.5 / math.sqrt(len(state.slope))
        state.slope_prior = mean, max(least, math.sqrt(float(np.mean((state.slope - mean) ** 2 + variance))))


def _odds(gap: FloatArray) -> FloatArray:
    """1 / (e^gap − 1), 0 where the gap is infinite."""
    return np.exp(-gap) / -np.expm1(-gap)


def _bend(gap: FloatArray) -> FloatArray:
    """Second derivative of −log(1 − e^(−gap)), 0 where the gap is infinite."""
    return np.exp(-gap) / np.expm1(-gap) ** 2


def _moved(state: _State, gap: FloatArray, step: FloatArray) -> FloatArray:
    """Intercepts after a step, shortened for the items whose order it would upset."""
    after = np.concatenate([step[:, 1:], np.zeros((len(step), 1))], axis=1)
    closing = np.where(np.isfinite(gap), after - step, 0.0)
    # At most nine tenths of the way to the next intercept.
    share = np.min(np.where(closing > 0, 0.9 * np.where(np.isfinite(gap), gap, 1) / np.maximum(closing, 1e-12), 1), 1)
    new = _finite(state) + np.minimum(share, 1.0)[:, None] * step
    return np.where(state.used, np.clip(new, -MAX_INTERCEPT, MAX_INTERCEPT), -np.inf)


def _rescale(state: _State) -> None:
    """Give the persons mean 0 and variance 1 again and move the change into the parameters."""
    mass = state.posterior.mean(axis=0)
    mean = float(mass @ state.nodes)
    sd = math.sqrt(max(float(mass @ (state.nodes - mean) ** 2), 1e-4))
    state.intercept = state.intercept + (state.slope * mean)[:, None]
    state.slope = state.slope * sd


def _errors(state: _State) -> tuple[FloatArray, FloatArray]:
    """Standard errors of slopes and of difficulties by the cross-product of the persons' scores, blockwise."""
    x, boundaries = state.nodes, state.used.shape[1]
    posterior, position = state.posterior.astype(np.float32), state.posterior @ x
    gap, c, items = _barrier(state), _finite(state), len(state.slope)
    before = np.concatenate([np.full((items, 1), np.inf), gap[:, :-1]], axis=1)
    slope_se, difficulty_se = np.empty(items), np.full(state.used.shape, np.nan)
    for part in blocks(items, max(len(position), len(x)) * (boundaries + 1)):
        code = state.code[:, part]
        score = np.zeros((code.shape[1], len(position), boundaries + 1))
        score[:, :, 0] = ((code > 0) * position[:, None]).T
        for k in range(boundaries):
            beside = state.beside[k][:, part]
            p = sigmoid(np.multiply.outer(state.slope[part], x) + c[part, k, None])
            score[:, :, 0] -= (beside * (posterior @ (p * x).T.astype(np.float32))).T
            own = (code == k + 1) / -np.expm1(-gap[part, k]) - (code == k) * _odds(before[part, k])
            score[:, :, k + 1] = (own - beside * (posterior @ p.T.astype(np.float32))).T
        open_ = np.concatenate([np.ones((len(score), 1), bool), state.used[part]], axis=1)
        score *= open_[:, None, :]
        information = score.transpose(0, 2, 1) @ score + np.eye(boundaries + 1) * np.where(open_, 1e-9, 1.0)[:, None]
        covariance = np.linalg.inv(information)
        slope_se[part] = np.sqrt(np.maximum(covariance[:, 0, 0], 0))
        a = _away_from_zero(state.slope[part])
        for k in range(boundaries):
            by_a, by_c = c[part, k] / a**2, -1 / a
            variance = by_a**2 * covariance[:, 0, 0] + by_c**2 * covariance[:, k + 1, k + 1]
            variance += 2 * by_a * by_c * covariance[:, 0, k + 1]
            difficulty_se[part, k] = np.where(state.used[part, k], np.sqrt(np.maximum(variance, 1e-12)), np.nan)
    return slope_se, difficulty_se


def _abilities(state: _State) -> tuple[FloatArray, FloatArray]:
    """EAP and posterior standard deviation; where the posterior is narrower than the grid, mode and curvature."""
    x = state.nodes
    mean = state.posterior @ x
    sd = np.sqrt(np.maximum(state.posterior @ x**2 - mean**2, 0.0))
    narrow = np.flatnonzero(sd < 1.2 * (x[1] - x[0]))
    items = len(state.slope)
    ends = np.full((items, 1), np.inf)
    # Intercepts below and above each category; the last row stands for a missing answer, which says nothing.
    edges = np.concatenate([ends, state.intercept, -ends], axis=1).astype(np.float32)
    for block in blocks(len(narrow), items):
        rows = narrow[block]
        code = state.code[rows].astype(np.intp)
        here = code >= 0
        low, high = edges[np.arange(items), code * here], edges[np.arange(items), code * here + 1]
        theta, information = mean[rows], np.ones(len(rows))
        slope = state.slope.astype(np.float32)
        for _ in range(4):
            eta = np.multiply.outer(theta.astype(np.float32), slope)
            p, q = sigmoid(eta + low), sigmoid(eta + high)
            score = ((1 - p - q) * here) @ slope - theta
            information = ((p * (1 - p) + q * (1 - q)) * here) @ slope**2 + 1
            theta = theta + np.clip(score / information, -0.5, 0.5)
        mean[rows], sd[rows] = theta, 1 / np.sqrt(information)
    return mean, sd


def _as_given(state: _State, count: NDArray[np.integer], errors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Difficulties and their errors at the boundaries of the categories as given, shapes (items, categories - 1)."""
    shown = np.cumsum(count > 0, axis=1)
    # Boundary k is that of the closed-up categories with as many shown ones below it.
    at = shown[:, :-1]
    rows, column = np.arange(len(at))[:, None], np.clip(at - 1, 0, state.used.shape[1] - 1)
    value = (-_finite(state) / _away_from_zero(state.slope)[:, None])[rows, column]
    lowest, highest = at == 0, at == shown[:, -1:]
    value = np.where(lowest, -np.inf, np.where(highest, np.inf, value))
    return value, np.where(lowest | highest, np.nan, errors[rows, column])


def _away_from_zero(slope: FloatArray) -> FloatArray:
    return np.where(np.abs(slope) < 1e-3, np.copysign(1e-3, slope), slope)


__all__ = ["GradedFit", "fit_graded"]
