"""Which new items a concept reaches after a few examples: by rules that are weighed by Bayes, or by likeness."""

from __future__ import annotations

import numpy as np

from unseen.errors import BadInput


def rule_generalization(
    examples: np.ndarray, items: np.ndarray, share: np.ndarray, *, prior: float = 0.5
) -> np.ndarray:
    """Logarithm of the probability that each item belongs to the concept of the examples, shape (m,).

    Hypotheses are all 2ᴰ conjunctions of attributes. One is true of examples that have all its attributes, and makes n of them
    as probable as its size to the power of -n, its size the product of its attributes' shares. As attributes enter
    independently, the sum over hypotheses is a product over attributes.

    Args:
        examples: Which attributes each example has, shape (n, D).
        items: The same of items, shape (m, D).
        share: Share of the world that has each attribute, above 0 and at most 1, shape (D,).
        prior: Probability that an attribute is part of the rule before examples.

    Raises:
        BadInput: Shapes don't fit, there is no example, or a share or the prior is no probability.

    Source: Tenenbaum & Griffiths (2001), Generalization, similarity, and Bayesian inference: size principle and averaging over
    hypotheses; conjunctions as its rules.

    >>> has = np.array([[True, True]])
    >>> np.exp(rule_generalization(has, np.array([[True, True], [True, False]]), np.array([0.5, 0.5]))).round(3).tolist()
    [1.0, 0.333]
    """
    known, asked = np.asarray(examples, dtype=bool), np.asarray(items, dtype=bool)
    _fit(known, asked)
    if share.shape != (known.shape[1],) or not ((share > 0) & (share <= 1)).all() or not 0 < prior < 1:
        raise BadInput(f"shares of {known.shape[1]} attributes lie above 0 and up to 1, the prior between 0 and 1.")
    odds = np.where(known.all(0), np.log(prior) - np.log1p(-prior) - len(known) * np.log(share), -np.inf)
    # ln(1 - P(attribute is in the rule | examples)), what an item keeps that lacks it.
    without = -np.logaddexp(0, odds)
    return (~asked) @ without


def similarity_generalization(examples: np.ndarray, items: np.ndarray, scale: float) -> np.ndarray:
    """Mean likeness exp(-distance / scale) of each item to the examples, shape (m,).

    Args:
        examples: Shape (n, D).
        items: Shape (m, D).
        scale: Distance at which likeness falls to 1/e.

    Raises:
        BadInput: Shapes don't fit, there is no example, or the scale is not above 0.

    Source: Shepard (1987), Toward a universal law of generalization for psychological science; Nosofsky (1986).

    >>> similarity_generalization(np.zeros((1, 2)), np.array([[0.0, 0.0], [3.0, 4.0]]), 5.0).round(3).tolist()
    [1.0, 0.368]
    """
    known, asked = np.asarray(examples, dtype=float), np.asarray(items, dtype=float)
    _fit(known, asked)
    if not scale > 0:
        raise BadInput(f"the scale is a distance above 0; got {scale:g}.")
    apart = np.linalg.norm(asked[:, None] - known[None], axis=2)
    return np.exp(-apart / scale).mean(1)


def _fit(known: np.ndarray, asked: np.ndarray) -> None:
    if known.ndim != 2 or asked.ndim != 2 or not len(known) or known.shape[1] != asked.shape[1]:
        raise BadInput(f"examples {known.shape} and items {asked.shape} are tables of the same attributes.")
