"""Ratings of models and items from matches between them: joint maximum likelihood, Elo and Glicko-2.

A match is an answer of a model to an item; the model's score lies in [0, 1]. Ratings are on the scale of Elo:
400 points are odds of ten to one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.difficulty.irt_em import sigmoid
from unseen.estimates.difficulty.rasch import RaschFit, mean_success
from unseen.estimates.estimate import Estimate

FloatArray = NDArray[np.float64]
POINTS = 400 / math.log(10)  # Elo points in a logit
CENTRE = 1500.0
GLICKO_SCALE = 173.7178


@dataclass(frozen=True, eq=False)
class JointRatings:
    """Ratings that do not depend on the order of matches.

    Attributes:
        model: Ratings of the models, shape (models,).
        item: Ratings of the items (higher is harder), shape (items,).
        model_se: Standard errors with the items' ratings estimated along, shape (models,).
        item_se: Standard errors given the models' ratings, shape (items,).
        converged: Whether the algorithm came to rest.
    """

    model: FloatArray
    item: FloatArray
    model_se: FloatArray
    item_se: FloatArray
    converged: bool


def joint_ratings(
    matrix: ArrayLike, *, prior_games: float = 1.0, max_iterations: int = 200, tolerance: float = 1e-6
) -> JointRatings:
    """Bradley–Terry ratings of models and items by penalised maximum likelihood; items have mean 1500.

    Each side is drawn towards its mean by ``prior_games`` draws with an average opponent, so that a model that wins
    every match has a finite rating.

    Args:
        matrix: Score of each model on each item in [0, 1], shape (models, items); NaN where they did not meet.
        prior_games: Weight of the prior, in matches; positive.
        max_iterations: Most sweeps.
        tolerance: Largest change at which to stop [logits].

    Raises:
        BadInput: A score outside [0, 1], or no positive prior.
        TooFewUnits: No matches.

    Source: Bradley & Terry (1952); Caron & Doucet (2012) for the prior as extra matches.

    >>> r = joint_ratings([[1, 1, 0], [1, 0, 0]])
    >>> bool(r.model[0] > r.model[1]), r.item.argmax().item()
    (True, 2)
    """
    values = np.asarray(matrix, np.float64)
    here = ~np.isnan(values)
    right = np.where(here, values, 0.0)
    if values.ndim != 2 or not here.any():
        raise TooFewUnits(f"joint ratings need a matrix of models by items with scores, got shape {values.shape}.")
    if right.min() < 0 or right.max() > 1 or prior_games <= 0:
        raise BadInput(
            f"scores lie in [0, 1] and prior_games above 0, got {right.min():g} to {right.max():g} and {prior_games:g}."
        )
    ability, difficulty = np.zeros(len(values)), np.zeros(values.shape[1])
    won, lost = right.sum(axis=1), right.sum(axis=0)
    converged = False
    for _ in range(max_iterations):
        before = ability.copy()
        # The prior is half a win and half a loss an extra match, against the mean of the other side.
        p, q = sigmoid(ability[:, None] - difficulty), sigmoid(ability - difficulty.mean())
        step = won - (p * here).sum(axis=1) + prior_games * (0.5 - q)
        ability = ability + np.clip(step / ((p * (1 - p) * here).sum(axis=1) + prior_games * q * (1 - q)), -1, 1)
        p, q = sigmoid(ability[:, None] - difficulty), sigmoid(ability.mean() - difficulty)
        step = (p * here).sum(axis=0) - lost + prior_games * (q - 0.5)
        difficulty = difficulty + np.clip(step / ((p * (1 - p) * here).sum(axis=0) + prior_games * q * (1 - q)), -1, 1)
        shift = difficulty.mean()
        ability, difficulty = ability - shift, difficulty - shift
        if np.abs(ability - before).max() < tolerance:
            converged = True
            break
    model_se, item_se = _joint_errors(ability, difficulty, here, prior_games)
    return JointRatings(
        CENTRE + POINTS * ability, CENTRE + POINTS * difficulty, POINTS * model_se, POINTS * item_se, converged
    )


def _joint_errors(
    ability: FloatArray, difficulty: FloatArray, here: NDArray[np.bool_], prior: float
) -> tuple[FloatArray, FloatArray]:
    p = sigmoid(ability[:, None] - difficulty)
    information = p * (1 - p) * here
    of_item = information.sum(axis=0) + prior / 4
    # Schur complement: what is known of models once the items' ratings are free.
    schur = np.diag(information.sum(axis=1) + prior / 4) - (information / of_item) @ information.T
    return np.sqrt(np.diag(np.linalg.pinv(schur))), 1 / np.sqrt(of_item)


@dataclass(frozen=True, eq=False)
class EloRatings:
    """Elo ratings averaged over random orders of the matches.

    Attributes:
        model: Mean rating, shape (models,).
        item: Mean rating, shape (items,).
        model_low: 2.5 % quantile over orders, shape (models,).
        model_high: 97.5 % quantile over orders, shape (models,).
        orders: Number of orders.
    """

    model: FloatArray
    item: FloatArray
    model_low: FloatArray
    model_high: FloatArray
    orders: int


def elo_ratings(
    matrix: ArrayLike, *, rng: np.random.Generator, orders: int = 100, step: float = 16.0, item_step: float = 16.0,
    passes: int = 1,
) -> EloRatings:  # fmt: skip
    """Sequential Elo ratings of models and items, repeated over random orders of all matches.

    All orders run side by side, one match each at a time. The spread over orders says how much the order matters; it
    is no confidence interval, because all orders see the same answers.

    Args:
        matrix: Scores in [0, 1], shape (models, items); NaN where they did not meet.
        rng: Draws the orders.
        orders: Number of orders.
        step: Points that a model moves at most in a match (K).
        item_step: Points that an item moves at most.
        passes: Times that the matches are played through.

    Raises:
        TooFewUnits: No matches.

    Source: Elo (1978); Boubdir et al. (2023), Elo uncovered, for the order; Sun et al. (2025), AGI-Elo.

    >>> r = elo_ratings([[1, 1, 1, 0], [1, 0, 0, 0]], rng=np.random.default_rng(0))
    >>> bool(r.model[0] > r.model[1])
    True
    """
    values = np.asarray(matrix, np.float64)
    who, what = np.nonzero(~np.isnan(values))
    if not len(who):
        raise TooFewUnits("Elo ratings need at least one answer, got none.")
    score = values[who, what]
    model, item = np.full((orders, values.shape[0]), CENTRE), np.full((orders, values.shape[1]), CENTRE)
    lane = np.arange(orders)
    for _ in range(passes):
        order = rng.permuted(np.broadcast_to(np.arange(len(who)), (orders, len(who))), axis=1)
        for match in order.T:
            m, i = who[match], what[match]
            surprise = score[match] - 1 / (1 + 10 ** ((item[lane, i] - model[lane, m]) / 400))
            model[lane, m] += step * surprise
            item[lane, i] -= item_step * surprise
    low, high = np.quantile(model, [0.025, 0.975], axis=0)
    return EloRatings(model.mean(axis=0), item.mean(axis=0), low, high, orders)


@dataclass(frozen=True, slots=True)
class Glicko:
    """A Glicko-2 rating: value, deviation (its standard error) and volatility."""

    rating: float = CENTRE
    deviation: float = 350.0
    volatility: float = 0.06


def glicko2(
    player: Glicko, opponents: Sequence[Glicko], scores: Sequence[float], *, tau: float = 0.5, tolerance: float = 1e-6
) -> Glicko:
    """One rating period of Glicko-2.

    Args:
        player: Rating before the period.
        opponents: Ratings of those it met, before the period.
        scores: 1 for a win, 0.5 for a draw, 0 for a loss, one an opponent.
        tau: How fast volatility may change (0.3 to 1.2).
        tolerance: Of the volatility.

    Returns:
        The rating after the period; without matches only the deviation grows.

    Raises:
        BadInput: Scores and opponents differ in number.

    Source: Glickman (2022), Example of the Glicko-2 system, steps 2 to 8.

    >>> after = glicko2(Glicko(1500, 200), [Glicko(1400, 30), Glicko(1550, 100), Glicko(1700, 300)], [1, 0, 0])
    >>> round(after.rating, 2), round(after.deviation, 2), round(after.volatility, 5)
    (1464.05, 151.52, 0.06)
    """
    if len(opponents) != len(scores):
        raise BadInput(f"one score an opponent, got {len(scores)} scores and {len(opponents)} opponents.")
    phi, sigma = player.deviation / GLICKO_SCALE, player.volatility
    if not opponents:
        return Glicko(player.rating, GLICKO_SCALE * math.hypot(phi, sigma), sigma)
    mu = (player.rating - CENTRE) / GLICKO_SCALE
    mu_j = (np.array([o.rating for o in opponents]) - CENTRE) / GLICKO_SCALE
    phi_j = np.array([o.deviation for o in opponents]) / GLICKO_SCALE
    g = 1 / np.sqrt(1 + 3 * phi_j**2 / math.pi**2)
    expected = sigmoid(g * (mu - mu_j))
    v = 1 / float((g**2 * expected * (1 - expected)).sum())
    gain = float((g * (np.asarray(scores, np.float64) - expected)).sum())
    sigma = _volatility(phi, sigma, v, v * gain, tau, tolerance)
    phi = 1 / math.sqrt(1 / (phi**2 + sigma**2) + 1 / v)
    return Glicko(CENTRE + GLICKO_SCALE * (mu + phi**2 * gain), GLICKO_SCALE * phi, sigma)


def _volatility(phi: float, sigma: float, v: float, delta: float, tau: float, tolerance: float) -> float:
    """Step 5 of the paper: the Illinois algorithm."""
    a = math.log(sigma**2)

    def f(x: float) -> float:
        e = math.exp(x)
        return e * (delta**2 - phi**2 - v - e) / (2 * (phi**2 + v + e) ** 2) - (x - a) / tau**2

    low = a
    if delta**2 > phi**2 + v:
        high = math.log(delta**2 - phi**2 - v)
    else:
        k = 1
        while f(a - k * tau) < 0:
            k += 1
        high = a - k * tau
    f_low, f_high = f(low), f(high)
    while abs(high - low) > tolerance:
        middle = low + (low - high) * f_low / (f_high - f_low)
        f_middle = f(middle)
        if f_middle * f_high <= 0:
            low, f_low = high, f_high
        else:
            f_low /= 2
        high, f_high = middle, f_middle
    return math.exp(low / 2)


def mastery_ability(model: RaschFit, success: float = 0.9) -> float:
    """Ability at which the mean probability of success over the items is as stated [logits above the mean item].

    Raises:
        BadInput: The probability does not lie between 0 and 1.
    """
    if not 0 < success < 1:
        raise BadInput(f"a probability of success lies between 0 and 1, got {success:g}.")
    return _ability_at(success, model.spread, model.floor)


@lru_cache(maxsize=256)
def _ability_at(success: float, spread: float, floor: float) -> float:
    # All models of a fit face the same items.
    low, high = -50.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_success([middle], spread, floor)[0] < success else (low, middle)
    return (low + high) / 2


def distance_to_mastery(model: RaschFit, index: int, success: float = 0.9, level: float = 0.95) -> Estimate:
    """Rating points that a model lacks to solve a stated share of such items; negative where it is beyond.

    Args:
        model: A fitted Rasch model.
        index: Which model.
        success: The mean probability of success that counts as mastery.
        level: Nominal coverage; the interval counts the error of the ability and of the spread of difficulty.

    Raises:
        Undefined: The model has all right or all wrong.

    Source: Sun et al. (2025), AGI-Elo: how far are we from mastering a task?, section 3.
    """
    from scipy.special import ndtri

    ability = float(model.ability[index])
    if not math.isfinite(ability):
        extreme = "all right" if ability > 0 else "none right"
        raise Undefined(f"the rating of a model with {extreme} has no finite value.")
    need = mastery_ability(model, success)
    # The ability that is needed grows about in proportion to √(1 + spread²/2.9).
    slope = need * model.spread / (2.9 + model.spread**2)
    error = POINTS * math.hypot(float(model.ability_se[index]), slope * model.spread_se)
    value, half = POINTS * (need - ability), float(ndtri(0.5 + level / 2)) * error
    return Estimate(value, value - half, value + half, model.units, "Rasch rating, cluster-robust", level)
