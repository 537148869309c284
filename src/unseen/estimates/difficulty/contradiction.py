"""Wrong keys: items whose scores fall with ability, or whose able solvers agree on another answer than the key."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unseen.estimates.difficulty.irt import blocks
from unseen.estimates.difficulty.irt_em import sigmoid, softplus
from unseen.estimates.testing.multiplicity import benjamini_hochberg

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Slopes as multiples of the common one, from items that tell nothing apart to sharp ones; difficulties [logits].
SLOPES = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.4, 2.0, 3.0])
DIFFICULTIES = np.linspace(-5.0, 5.0, 21)
# How much wrong answers agree: sums of a Dirichlet's parameters, from one favourite to all alike.
CONCENTRATIONS = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 32.0])
OPTIONS = 4  # of an item, where it is not known
MAX_FITTED = 1500
MAX_CANDIDATES = 4
STEPS = 60


@dataclass(frozen=True, eq=False)
class Prior:
    """How the items of a table differ, fitted to all of them (empirical Bayes).

    Attributes:
        slope: Of each cell of the grid, per standard deviation of ability [logits], shape (cells,).
        difficulty: Logit of failure at the mean ability, shape (cells,).
        mass: Share of items in each cell, shape (cells,).
        agreement: Share of items at each of ``CONCENTRATIONS``, shape (6,).
        wrong: Share of wrong keys.
        ability: Standardised abilities, shape (models,).
    """

    slope: FloatArray
    difficulty: FloatArray
    mass: FloatArray
    agreement: FloatArray
    wrong: float
    ability: FloatArray


@dataclass(frozen=True, eq=False)
class KeyTest:
    """What the answers say of each item's key.

    Attributes:
        log_odds: Log likelihood ratio of a wrong against a right key, shape (items,).
        p_value: Chance that an item with a right key looks at least as wrong, shape (items,).
        points_at: Code of the answer that would be right instead, shape (items,); -1 from scores alone.
        detectable: Share of wrong keys that would be listed, were ``rate`` of all keys wrong.
        detectable_option: From scores: the same, where a wrong key names one wrong option of several, which is then
            solved by error alone; NaN where answers are known.
        prior: The fitted distribution of items.
    """

    log_odds: FloatArray
    p_value: FloatArray
    points_at: IntArray
    detectable: float
    detectable_option: float
    prior: Prior


@dataclass(frozen=True, eq=False)
class _Evidence:
    """Likelihoods of items at each cell of the grid: under a right key, and under each way to be wrong."""

    kept: FloatArray  # (items, cells)
    kept_agreement: FloatArray  # (items, concentrations)
    wrong: FloatArray  # (candidates, items, cells)
    wrong_agreement: FloatArray  # (candidates, items, concentrations)
    candidate: IntArray  # (candidates, items)
    share: float  # prior probability of each candidate


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers as counts, and as codes where it is known what was answered.

    Attributes:
        right: Number right, shape (items, models).
        trials: Number of answers, shape (items, models).
        code: 0 the key, 1 … options - 1 other answers, -1 missing, shape (items, models); None from scores alone.
        options: Number of answers to choose from; 0 where it is not known.
    """

    right: FloatArray
    trials: FloatArray
    code: IntArray | None = None
    options: int = 0

    def at(self, rows: NDArray[np.integer] | slice) -> Answers:
        """These items alone."""
        code = None if self.code is None else self.code[rows]
        return Answers(self.right[rows], self.trials[rows], code, self.options)


def key_test(
    answers: Answers, ability: FloatArray, *, rng: np.random.Generator, copies: IntArray | None = None,
    rate: float = 0.02, fdr: float = 0.1, draws: int = 5_000,
) -> KeyTest:  # fmt: skip
    """Test every item's key against what the models' abilities lead to expect.

    P(right) = σ(a·ability - d), with (a ≥ 0, d) drawn from a distribution on a grid that all items share and that is
    fitted to them (non-parametric maximum likelihood by EM). From scores, a wrong key turns the slope: a becomes -a,
    and the difficulty stays, so that an item that nobody solves tells nothing. From answers, a wrong key
    makes another option o the right one: the choice of o follows the curve, and the key is one of the distractors.
    Distractors are drawn from a Dirichlet distribution of each item's own, whose concentration is fitted too.
    The statistic is the likelihood ratio of the two; its p-value under a right key comes from draws of wrong ones,
    weighted by the inverse of their ratio.

    Args:
        answers: Scores, and codes of answers where they are known.
        ability: Of each model, on any linear scale, shape (models,); infinite ones are put beyond the others.
        rng: Source of the draws.
        copies: Row of ``answers`` that each item has, shape (items,), where equal items are kept once.
        rate: Share of wrong keys at which ``detectable`` is told.
        fdr: False discovery rate of the list at which ``detectable`` is told.
        draws: Simulated wrong keys.

    Source: Kiefer & Wolfowitz (1956) and Laird (1978) for the mixing distribution; Stephens (2017), False discovery
    rates: a new deal (empirical Bayes of signs); Siegmund (1976) for importance sampling of the tail.
    """
    rows = len(answers.right)
    row = np.arange(rows) if copies is None else copies
    n = len(row)
    some = row if n <= MAX_FITTED else row[np.sort(rng.choice(n, MAX_FITTED, replace=False))]
    prior = _fit(answers.at(some), _standardised(ability))
    score, points = _ratios(answers, prior)
    drawn = [
        _ratios(_drawn(answers, row, prior, rng, draws, wrong=wrong), prior)[0] for wrong in (False, True)
    ]  # fmt: skip
    at_right, at_wrong = drawn
    tail, cut = _tail(at_right, at_wrong)
    p = tail[np.searchsorted(-cut, -(score - 1e-9), side="right") - 1]
    p[score < cut[-1]] = 1.0
    option = math.nan
    if answers.code is None:
        by_option = _drawn(answers, row, prior, rng, draws, wrong=True, options=answers.options or OPTIONS)
        option = _detectable(tail, cut, _ratios(by_option, prior)[0], n, rate, fdr)
    return KeyTest(score, p, points, _detectable(tail, cut, at_wrong, n, rate, fdr), option, prior)


def listed(p_value: FloatArray, fdr: float) -> tuple[IntArray, FloatArray]:
    """Items of which at most a share ``fdr`` is expected to have a right key, clearest first, and adjusted p-values."""
    adjusted = benjamini_hochberg(p_value)
    order = np.argsort(p_value, kind="stable")
    return order[adjusted[order] <= fdr].astype(np.int64), adjusted


def _tail(at_right: FloatArray, at_wrong: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Chance under a right key of a log ratio of at least each cut, by draws from both; cuts from large to small."""
    drawn = np.concatenate([at_right, at_wrong])
    cut = np.sort(drawn)[::-1]
    # Weights f₀ / (f₀/2 + f₁/2) are at most 2: the bulk rests on right keys, the far tail on wrong ones.
    tail = np.cumsum(2 / (1 + np.exp(cut))) / len(cut)
    # Ratios are discrete where models are few: equal ones count together.
    last = np.searchsorted(-cut, -(cut - 1e-9), side="right") - 1
    return np.minimum(tail[last], 1.0), cut


def _detectable(tail: FloatArray, cut: FloatArray, at_wrong: FloatArray, items: int, rate: float, fdr: float) -> float:
    power = 1 - np.searchsorted(np.sort(at_wrong), cut - 1e-9, side="left") / len(at_wrong)
    listed = np.maximum((1 - rate) * tail + rate * power, 1 / max(items, 1))
    return float(power[tail <= fdr * listed].max(initial=0.0))


def _standardised(ability: FloatArray) -> FloatArray:
    finite = np.isfinite(ability)
    centre, spread = float(ability[finite].mean()), float(ability[finite].std())
    z = (ability - centre) / max(spread, 1e-6)
    top = float(np.abs(z[finite]).max(initial=1.0)) + 0.5
    # The common slope is the spread of abilities, so that slopes of the grid are multiples of it.
    return np.clip(z, -top, top) * max(spread, 1e-3)


def _fit(answers: Answers, ability: FloatArray) -> Prior:
    slope, difficulty = np.repeat(SLOPES, len(DIFFICULTIES)), np.tile(DIFFICULTIES, len(SLOPES))
    mass = np.exp(-0.5 * ((slope - 1) / 0.4) ** 2 - 0.5 * (difficulty / 2) ** 2)
    mass /= mass.sum()
    agreement, wrong = np.full(len(CONCENTRATIONS), 1 / len(CONCENTRATIONS)), 0.02
    start = Prior(slope, difficulty, mass, agreement, wrong, ability)
    e = _evidence(answers, start)
    wrong_cells, wrong_concentrations = (v.reshape(-1, v.shape[2]) for v in (e.wrong, e.wrong_agreement))
    for _ in range(STEPS):
        kept, kept_by = e.kept @ mass, e.kept_agreement @ agreement
        other, other_by = e.wrong @ mass, e.wrong_agreement @ agreement
        total = (1 - wrong) * kept * kept_by + wrong * e.share * (other * other_by).sum(axis=0)
        r = (1 - wrong) * kept * kept_by / total
        s = wrong * e.share * other * other_by / total
        grown = mass * ((r / kept) @ e.kept + (s / other).ravel() @ wrong_cells)
        agreed = agreement * ((r / kept_by) @ e.kept_agreement + (s / other_by).ravel() @ wrong_concentrations)
        mass, agreement = grown / grown.sum(), agreed / agreed.sum()
        wrong = float(np.clip(1 - r.mean(), 1e-4, 0.5))
    return Prior(slope, difficulty, mass, agreement, wrong, ability)


def _ratios(answers: Answers, prior: Prior) -> tuple[FloatArray, IntArray]:
    """Log ratio of every item and the answer that it points at, in blocks that fit the memory."""
    score, points = np.empty(len(answers.right)), np.full(len(answers.right), -1, dtype=np.int64)
    ways = 1 if answers.code is None else min(MAX_CANDIDATES, answers.options - 1)
    for part in blocks(len(score), 3 * len(prior.mass) * (1 + ways)):
        score[part], points[part] = _ratio(_evidence(answers.at(part), prior), prior)
    return score, points


def _ratio(e: _Evidence, prior: Prior) -> tuple[FloatArray, IntArray]:
    wrong = (e.wrong @ prior.mass) * (e.wrong_agreement @ prior.agreement)
    kept = (e.kept @ prior.mass) * (e.kept_agreement @ prior.agreement)
    best = np.take_along_axis(e.candidate, wrong.argmax(axis=0)[None], axis=0)[0]
    with np.errstate(divide="ignore"):
        return np.log(e.share * wrong.sum(axis=0)) - np.log(kept), best


def _evidence(answers: Answers, prior: Prior) -> _Evidence:
    up, down = _logs(prior, 1.0)
    failed = answers.trials - answers.right
    kept = answers.right @ up + failed @ down
    ones = np.ones((len(kept), len(CONCENTRATIONS)))
    if answers.code is None:
        up, down = _logs(prior, -1.0)
        wrong = (answers.right @ up + failed @ down)[None]
        candidate, share = np.full((1, len(kept)), -1, dtype=np.int64), 1.0
        by, wrong_by = ones, ones[None]
    else:
        candidate = _candidates(answers, prior)
        wrong, other = np.empty((len(candidate), *kept.shape)), np.empty((len(candidate), *ones.shape))
        n = _category_counts(answers)
        pieces, totals = _dirichlet(n, answers.options)
        by = _agreement(pieces, totals, n, np.zeros(len(kept), dtype=np.int64))
        for k, o in enumerate(candidate):
            chosen = ((answers.code == o[:, None]) & (o[:, None] >= 0)).astype(np.float64)
            wrong[k] = chosen @ up + (answers.trials - chosen) @ down
            other[k] = _agreement(pieces, totals, n, np.maximum(o, 0))
            other[k][o < 0] = -np.inf
        share = 1 / (answers.options - 1)
        top = np.maximum(by.max(axis=1), other.max(axis=(0, 2), initial=-np.inf))[:, None]
        by, wrong_by = np.exp(by - top), np.exp(other - top)
    top = np.maximum(kept.max(axis=1), wrong.max(axis=(0, 2)))[:, None]
    tiny = 1e-290  # a likelihood of zero would leave EM with nothing to divide by
    return _Evidence(
        np.exp(kept - top) + tiny, by + tiny, np.exp(wrong - top) + tiny, wrong_by + tiny, candidate, share
    )


def _logs(prior: Prior, sign: float) -> tuple[FloatArray, FloatArray]:
    """Log probabilities of right and wrong, shapes (models, cells)."""
    logit = sign * np.multiply.outer(prior.ability, prior.slope) - prior.difficulty
    return -softplus(-logit), -softplus(logit)


def _category_counts(answers: Answers) -> IntArray:
    """Number of models that gave each answer, shape (items, options)."""
    assert answers.code is not None  # noqa: S101
    items, k = len(answers.code), answers.options
    cell = (np.arange(items)[:, None] * k + answers.code)[answers.code >= 0]
    return np.bincount(cell, minlength=items * k).reshape(items, k)


def _dirichlet(counts: IntArray, options: int) -> tuple[FloatArray, FloatArray]:
    """Tables of ln Γ(α/k + n)/Γ(α/k) and of ln Γ(α)/Γ(α + n) by n, shapes (n, concentrations)."""
    from scipy.special import gammaln

    n = np.arange(int(counts.sum(axis=1).max(initial=0)) + 1)[:, None]
    each = CONCENTRATIONS / (options - 1)
    return gammaln(each + n) - gammaln(each), gammaln(CONCENTRATIONS) - gammaln(CONCENTRATIONS + n)


def _agreement(pieces: FloatArray, totals: FloatArray, counts: IntArray, right: IntArray) -> FloatArray:
    """Log probability of the wrong answers where ``right`` is the right one, shape (items, concentrations)."""
    chose = counts[np.arange(len(counts)), right]
    return pieces[counts].sum(axis=1) - pieces[chose] + totals[counts.sum(axis=1) - chose]


def _candidates(answers: Answers, prior: Prior) -> IntArray:
    """Other answers by the ability of the models that gave them, best first, shape (candidates, items); -1 for none."""
    assert answers.code is not None  # noqa: S101
    code, k = answers.code, answers.options
    votes = np.broadcast_to(prior.ability - prior.ability.min() + 0.1, code.shape)
    given = code > 0
    cell = (np.arange(len(code))[:, None] * k + code)[given]
    by = np.bincount(cell, weights=votes[given], minlength=len(code) * k).reshape(-1, k)
    order = np.argsort(-by, axis=1, kind="stable")[:, : min(MAX_CANDIDATES, k - 1)]
    return np.where(np.take_along_axis(by, order, axis=1) > 0, order, -1).T.astype(np.int64)


def _drawn(
    answers: Answers,
    row: IntArray,
    prior: Prior,
    rng: np.random.Generator,
    draws: int,
    *,
    wrong: bool,
    options: int = 0,
) -> Answers:
    """Items with a right or a wrong key, drawn from the fitted distribution, with the table's gaps and repeats."""
    cell = rng.choice(len(prior.mass), draws, p=prior.mass)
    trials = answers.trials[rng.choice(row, draws)]
    sign = -1.0 if wrong and answers.code is None and not options else 1.0
    chance = sigmoid(sign * prior.slope[cell, None] * prior.ability - prior.difficulty[cell, None])
    if answers.code is None:
        chance = (1 - chance) / (options - 1) if options else chance
        return Answers(rng.binomial(trials.astype(np.int64), chance).astype(np.float64), trials)
    solved = rng.random(chance.shape) < chance
    k = answers.options - 1
    alpha = CONCENTRATIONS[rng.choice(len(CONCENTRATIONS), draws, p=prior.agreement)] / k
    weight = rng.standard_gamma(np.broadcast_to(alpha[:, None], (draws, k))) + 1e-300
    upto = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
    u = rng.random(solved.shape)
    missed = np.zeros(solved.shape, dtype=np.int64)
    for j in range(k - 1):
        missed += u > upto[:, j, None]
    # Under a wrong key 1 is what the models hold to be right, and the key, 0, is one of the distractors.
    code = np.where(solved, 1, np.where(missed == 0, 0, missed + 1)) if wrong else np.where(solved, 0, missed + 1)
    code = np.where(trials > 0, code, -1)
    return Answers((code == 0).astype(np.float64), trials, code, answers.options)
