"""Attributes that stand for a concept in a network, and how many of them it takes to tell it."""

from __future__ import annotations

import numpy as np

from unseen.errors import BadInput, Undefined


def representativeness(activity: np.ndarray) -> np.ndarray:
    """Representativeness of each attribute for each concept, P(a | c) / (1 − P(c | a)), shape (C, D).

    Both chances are shares of the activity: of a concept's over its attributes, and of an attribute's over concepts, so that
    an attribute stands for a concept where it is strong there and weak in all others. Infinite where no other concept has it.

    Args:
        activity: Mean activity of attributes on examples of a concept, none below 0, shape (C, D). For maps of features the
            authors take the largest activity of each map.

    Raises:
        BadInput: There are fewer than two concepts, or an activity is negative or not finite.
        Undefined: A concept or an attribute has no activity at all.

    Source: Shi et al. (2023), On the complexity of Bayesian generalization, after Tenenbaum & Griffiths (2001), The rational
    basis of representativeness; YuzheSHI/bayesian-generalization-complexity, attribute_representativeness.py.

    >>> representativeness(np.array([[3.0, 1.0], [1.0, 1.0]])).round(3).tolist()
    [[3.0, 0.5], [0.667, 1.0]]
    """
    own = np.asarray(activity, dtype=float)
    if own.ndim != 2 or len(own) < 2 or not own.shape[1]:
        raise BadInput(f"activity is that of attributes on two concepts or more, shape (C, D); got {own.shape}.")
    if not np.isfinite(own).all() or (own < 0).any():
        raise BadInput("an activity is negative or not finite; take it behind a ReLU.")
    if not own.sum(1).all() or not own.sum(0).all():
        raise Undefined("a concept or an attribute has no activity at all; leave it out.")
    elsewhere = 1 - own / own.sum(0)
    within = own / own.sum(1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(within > 0, within / elsewhere, 0.0)


def description_length(
    embeddings: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray,
    concept: int,
    order: np.ndarray,
    *,
    least: float = 0.5,
) -> int | None:
    """Fewest attributes, the first ones of an order, by which a linear head tells examples of a concept; all others are 0.

    Args:
        embeddings: Of examples of the concept, shape (n, D).
        weights: Of the head, shape (C, D).
        bias: Shape (C,).
        concept: Row of the concept.
        order: Attributes, the first to be kept first, shape (D,); for the authors by falling representativeness.
        least: Share of the examples that must be told.

    Returns:
        The number of attributes, None where not even all of them do.

    Raises:
        BadInput: The shapes don't fit.

    Source: Shi et al. (2023), subjective complexity; the authors' cal_k_cplx.py and k_cplx_AR.py.

    >>> head = np.array([[1.0, 0.0, 0.0], [0.9, 0.0, 1.0]])
    >>> x = np.array([[1.0, 1.0, 0.0], [1.0, 0.5, 0.0]])
    >>> description_length(x, head, np.zeros(2), 0, np.array([1, 0, 2]))
    2
    """
    told = _told(embeddings, weights, bias, concept, order)
    enough = np.flatnonzero(told >= least)
    return int(enough[0]) + 1 if len(enough) else None


def _told(embeddings: np.ndarray, weights: np.ndarray, bias: np.ndarray, concept: int, order: np.ndarray) -> np.ndarray:
    """Share of examples that are told by the first 1, 2, … attributes of an order, shape (D,)."""
    (n, d), (c, width) = embeddings.shape, weights.shape
    if not n or width != d or bias.shape != (c,) or sorted(order.tolist()) != list(range(d)) or not 0 <= concept < c:
        raise BadInput(
            f"embeddings {embeddings.shape}, weights {weights.shape}, bias {bias.shape}, concept {concept} and an order of "
            f"{len(order)} attributes don't fit together."
        )
    scores = np.broadcast_to(bias, (n, c)).astype(float)
    found = np.empty(d)
    for count, attribute in enumerate(order):
        scores = scores + np.outer(embeddings[:, attribute], weights[:, attribute])
        found[count] = np.mean(scores[:, concept] > np.delete(scores, concept, axis=1).max(1))
    return found


def description_cost(
    embeddings: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray,
    concept: int,
    order: np.ndarray,
    *,
    negligible: float = 0.1,
    gained: float = 0.4,
) -> float | None:
    """Share of examples that is not told yet, summed over one attribute, two attributes and so on, of those in the end.

    It is a description length that does not hang on one threshold: 0 where the first attribute tells all that the whole
    embedding does.

    Args:
        embeddings: Of examples of the concept, shape (n, D).
        weights: Of the head, shape (C, D).
        bias: Shape (C,).
        concept: Row of the concept.
        order: Attributes, the first to be kept first, shape (D,).
        negligible: Less than this missing counts as nothing.
        gained: A concept that some attributes tell by more than this better than all of them has no cost.

    Returns:
        The sum, None where the concept has no cost.

    Source: Shi et al. (2023), the authors' res_proc.py, which averages over .02 to .2 and .2 to .6.

    >>> head = np.array([[1.0, 0.0, 0.0], [0.9, 0.0, 1.0]])
    >>> x = np.array([[1.0, 1.0, 0.0], [1.0, 0.5, 0.0]])
    >>> description_cost(x, head, np.zeros(2), 0, np.array([1, 2, 0]))
    2.0
    """
    told = _told(embeddings, weights, bias, concept, order)
    missing = told[-1] - told
    if missing.min() < -gained:
        return None
    return float(missing[missing >= negligible].sum())


def picture_entropy(image: np.ndarray, levels: int = 256) -> float:
    """Entropy of pairs of a pixel and the mean of its eight neighbours in a grey picture [bits].

    Beyond the border the picture is black; grey is stretched to the whole range first.

    Args:
        image: Shape (h, w).
        levels: Steps of grey that are told apart.

    Raises:
        BadInput: It is no picture of finite numbers.

    Source: Shi et al. (2023), visual complexity; the authors' calc_entropy.py (a mean over colours, pixels not in steps).

    >>> picture_entropy(np.zeros((8, 8))), picture_entropy(np.pad(np.ones((4, 4)), 2)) > 1
    (0.0, True)
    """
    own = np.asarray(image, dtype=float)
    if own.ndim != 2 or not own.size or not np.isfinite(own).all():
        raise BadInput(f"a picture is a table of finite numbers, shape (h, w); got {own.shape}.")
    if np.ptp(own) == 0:
        return 0.0
    own = (own - own.min()) / np.ptp(own)
    padded = np.pad(own, 1)
    h, w = own.shape
    around = sum(padded[i : i + h, j : j + w] for i in range(3) for j in range(3)) - own
    steps = [np.rint(values * (levels - 1)).astype(int) for values in (own, around / 8)]
    counts = np.unique(steps[0] * levels + steps[1], return_counts=True)[1]
    share = counts / counts.sum()
    return float(-(share * np.log2(share)).sum() + 0.0)
