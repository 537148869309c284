"""Predictors of the next token that differ, and their mixture: Kneser–Ney, a cache, and weights by expectation maximisation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

Tokens = Sequence[str]


class KneserNey:
    """Interpolated Kneser–Ney over tokens; what was never seen shares a uniform rest.

    Args:
        texts: Texts that are counted.
        vocabulary: Number of tokens that there are.
        order: Length of what is counted, 1 or more.
        discount: Taken from each count, between 0 and 1.

    Source: Chen & Goodman (1999), An empirical study of smoothing techniques for language modeling, section 2.7 (lower orders
    count in how many contexts a token follows).
    """

    def __init__(self, texts: Sequence[Tokens], vocabulary: int, *, order: int = 3, discount: float = 0.75) -> None:
        self.vocabulary, self.order, self.discount = vocabulary, order, discount
        self.follow: list[dict[tuple[str, ...], Counter[str]]] = [defaultdict(Counter) for _ in range(order)]
        for text in texts:
            for i in range(len(text)):
                for n in range(min(order, i + 1)):
                    self.follow[n][tuple(text[i - n : i])][text[i]] += 1
        # Below the highest order: in how many contexts, not how often.
        for n in range(order - 1):
            kinds: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
            for context, after in self.follow[n + 1].items():
                for token in after:
                    kinds[context[1:]][token] += 1
            self.follow[n] = kinds

    def probability(self, history: Tokens, token: str) -> float:
        """Of a token behind a history."""
        p = 1 / self.vocabulary
        for n in range(self.order):
            context = tuple(history[len(history) - n :]) if n else ()
            after = self.follow[n].get(context) if len(context) == n else None
            if not after:
                break
            total = after.total()
            p = max(after[token] - self.discount, 0) / total + self.discount * len(after) / total * p
        return p

    def of(self, text: Tokens) -> np.ndarray:
        """Of each token of a text, shape (tokens,)."""
        return np.array([self.probability(text[:i], text[i]) for i in range(len(text))])


def cached(text: Tokens, vocabulary: int, rest: float = 0.1) -> np.ndarray:
    """Of each token, by how often it came before in the same text; a rest is uniform.

    >>> cached(["a", "b", "a"], 10, rest=0.5).tolist()
    [0.1, 0.05, 0.3]
    """
    seen, p = Counter[str](), list[float]()
    for i, token in enumerate(text):
        own = seen[token] / i if i else 1 / vocabulary
        p.append((1 - rest) * own + rest / vocabulary)
        seen[token] += 1
    return np.array(p)


def weights(p: np.ndarray, rounds: int = 200) -> np.ndarray:
    """Weights of a mixture with the largest likelihood, by expectation maximisation.

    Args:
        p: Probability of each token by each model, shape (models, tokens).
        rounds: Of expectation maximisation.

    Source: Herel & Mikolov (2023), Advancing State of the Art in Language Modeling, section 3 (weights from the development set).
    """
    w = np.full(len(p), 1 / len(p))
    for _ in range(rounds):
        share = w[:, None] * p
        w = (share / share.sum(axis=0)).mean(axis=1)
    return w


def perplexity(p: np.ndarray) -> float:
    """Of a text whose tokens have these probabilities."""
    return float(np.exp(-np.log(p).mean()))
