"""Answers scored by a verifier, where more than one answer is right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from unseen.data import Examples
from unseen.training.fitting import Fitted


def verified(
    fitted: Fitted, examples: Examples, verify: Callable[[int, list[str]], float], max_length: int | None = None
) -> NDArray[np.float64]:
    """Score of each greedy answer.

    Where the model gives each token of the target the highest probability, greedy decoding writes the target, which
    is right; only the other items are decoded and verified.

    Args:
        fitted: A model of token sequences.
        examples: What to answer, with one right answer each as target.
        verify: Score in 0 to 1 of (row, answer as tokens).
        max_length: Most tokens of an answer; by default ten more than the longest target.

    Returns:
        Scores, shape (n,).
    """
    scores = fitted.accuracy(examples).astype(np.float64)
    missed = np.flatnonzero(scores < 1)
    if len(missed):
        answers, _ = fitted.predict(examples.take(missed), max_length)
        scores[missed] = [verify(int(row), answer) for row, answer in zip(missed, answers, strict=True)]
    return scores
