"""Several models as experts: how their probabilities of options are pooled is fitted on questions that are seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize

from unseen.adaptation.prompting.base import Asker, Question, Said, nothing
from unseen.adaptation.prompting.options import shares_of
from unseen.learners.questions.layout import LETTERS

Pooling = Literal["product", "mixture", "gate"]
# Questions with known answers from which weights are fitted, at most.
FITTED = 200
# A weak pull to equal weights: few questions, or experts that never differ, leave weights open.
RIDGE = 1.0
TINY = 1e-6


@dataclass(frozen=True)
class Pool:
    """How experts are pooled.

    Attributes:
        how: ``product``: log-probabilities times a weight each, summed (a logarithmic opinion pool); ``mixture``: probabilities
            times shares; ``gate``: a mixture whose shares follow how sure each expert is of the question.
        weights: One an expert; with ``gate`` one more, of an expert's sureness.
    """

    how: Pooling
    weights: np.ndarray

    def of(self, experts: Sequence[np.ndarray]) -> np.ndarray:
        """Pooled probabilities of one question's options.

        Args:
            experts: Probabilities by each expert, each of shape (options,).

        >>> pool = Pool("product", np.array([1.0, 1.0]))
        >>> pool.of([np.array([0.8, 0.2]), np.array([0.5, 0.5])]).round(3)
        array([0.8, 0.2])
        """
        shares = np.maximum(np.asarray(experts, dtype=np.float64), TINY)
        if self.how == "product":
            return _softmax(self.weights @ np.log(shares))
        if self.how == "mixture":
            return _softmax(self.weights) @ shares
        # Sureness: log of the number of options less the entropy, so that a guess has none.
        sure = np.log(shares.shape[1]) + np.sum(shares * np.log(shares), axis=1)
        return _softmax(self.weights[:-1] + self.weights[-1] * sure) @ shares


def fitted(how: Pooling, experts: Sequence[Sequence[np.ndarray]], key: Sequence[int]) -> Pool:
    """The pool of the largest log-likelihood on questions with known answers, with a weak pull to equal weights.

    Args:
        how: See ``Pool``.
        experts: For each question the probabilities by each expert.
        key: Place of the right option of each question.

    Source: Genest & Zidek (1986), Combining probability distributions, section 3; Hinton (2002), Training products of experts;
    Jacobs et al. (1991), Adaptive mixtures of local experts (gates).
    """
    members = len(experts[0]) if experts else 2
    start = np.full(members, 1.0 / members) if how == "product" else np.zeros(members + (how == "gate"))

    def loss(weights: np.ndarray) -> float:
        pool = Pool(how, weights)
        right = sum(np.log(max(pool.of(e)[k], TINY)) for e, k in zip(experts, key, strict=True))
        return float(-right + RIDGE * np.sum((weights - start) ** 2) / 2)

    # A weight below 0 would count what an expert holds for wrong as right.
    bounds = [(0.0, 10.0)] * members if how == "product" else [(-10.0, 10.0)] * len(start)
    found = optimize.minimize(loss, start, method="L-BFGS-B", bounds=bounds)
    return Pool(how, np.asarray(found.x, dtype=np.float64))


def experts(
    questions: Sequence[Question], pool: Sequence[Question], asker: Asker, *, how: Pooling = "product", orders: int = 1,
    told: Callable[[Pool], object] | None = None,
) -> list[Said]:  # fmt: skip
    """The option that two models find likeliest together, pooled as fits the questions that are seen.

    Args:
        questions: With options.
        pool: Questions with known answers, of kinds that are seen; weights are fitted on them.
        asker: The model and its second.
        how: See ``Pool``.
        orders: Orders of the options over which probabilities are averaged.
        told: Called with the pool that was fitted.

    Source: see ``fitted``.
    """
    assert asker.second is not None, "asked for where a second model is named"  # noqa: S101
    models, said = (asker.model, asker.second), nothing(questions)
    chosen = [q for q in pool if q.options]
    if len(chosen) > FITTED:
        at = np.sort(asker.rng("experts").choice(len(chosen), FITTED, replace=False))
        chosen = [chosen[int(i)] for i in at]
    spent = nothing(chosen)
    seen = [shares_of(chosen, asker, model, orders, spent) for model in models] if chosen else [[], []]
    pooled = fitted(how, list(zip(*seen, strict=True)), [q.options.index(q.target) for q in chosen])
    if told is not None:
        told(pooled)
    shares = [shares_of(questions, asker, model, orders, said) for model in models]
    # What the fit took is told with the answers that it serves.
    each = round(sum(s.tokens for s in spent) / max(1, len(questions)))
    for one, *own in zip(said, *shares, strict=True):
        one.text, one.tokens = LETTERS[int(np.argmax(pooled.of(own)))], one.tokens + each
    return said


def _softmax(values: np.ndarray) -> np.ndarray:
    shares = np.exp(values - values.max())
    return shares / shares.sum()
