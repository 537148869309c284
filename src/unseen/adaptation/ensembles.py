"""Ensembles: several fits of a learner, or several learners, that answer as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np

from unseen.adaptation.base import FloatArray
from unseen.data import Examples
from unseen.errors import BadInput
from unseen.learners.base import responses_of
from unseen.responses import Responses

How = Literal["average", "vote"]


def combine(members: FloatArray, how: How = "average") -> FloatArray:
    """One distribution from those of several members.

    Args:
        members: Shape (members, n, classes).
        how: ``average`` is the mean of probabilities; ``vote`` the share of members whose most probable class it is
            (a member whose largest probabilities tie splits its vote).

    Returns:
        Shape (n, classes).

    Source: Lakshminarayanan, Pritzel & Blundell (2017), Simple and scalable predictive uncertainty estimation using
    deep ensembles, section 2.4.

    >>> p = np.array([[[0.9, 0.1]], [[0.4, 0.6]], [[0.4, 0.6]]])
    >>> combine(p).round(3).tolist(), combine(p, "vote").round(3).tolist()
    ([[0.567, 0.433]], [[0.333, 0.667]])
    """
    if members.ndim != 3 or not len(members):
        raise BadInput(f"an ensemble needs probabilities (members, n, classes), got shape {members.shape}.")
    if how == "average":
        return members.mean(0)
    if how != "vote":
        raise BadInput(f"an ensemble combines by average or vote, not by {how!r}.")
    best = (members == members.max(2, keepdims=True)).astype(np.float64)
    return (best / best.sum(2, keepdims=True)).mean(0)


class Ensemble:
    """Learners that are fitted alike, each with draws of its own, and answer as one.

    Args:
        members: Two or more learners with classes and probabilities; the same object can't stand twice.
        how: See ``combine``.
        bootstrap: Whether each member sees a resample of the examples; without it only their own draws differ.
        name: In the responses.
    """

    has_probabilities: bool = True

    def __init__(
        self, members: Sequence[Any], *, how: How = "average", bootstrap: bool = False, name: str = "ensemble"
    ) -> None:
        if len({id(m) for m in members}) != len(members) or len(members) < 2:
            raise BadInput(f"an ensemble needs two or more distinct learners, got {len(members)}.")
        self.how: How = how
        self.members, self.bootstrap, self.name = list(members), bootstrap, name

    def fit(self, examples: Examples, rng: np.random.Generator) -> Self:
        """Fit every member, each with a generator of its own."""
        for member, own in zip(self.members, rng.spawn(len(self.members)), strict=True):
            rows = own.integers(len(examples), size=len(examples)) if self.bootstrap else np.arange(len(examples))
            member.fit(examples.take(rows) if self.bootstrap else examples, own)
        return self

    @property
    def classes(self) -> np.ndarray:
        """All classes that some member knows, sorted, shape (classes,)."""
        return np.unique(np.concatenate([np.asarray(m.classes) for m in self.members]))

    def probabilities(self, examples: Examples) -> FloatArray:
        """Combined probabilities, shape (n, classes); a class that a member does not know has none there."""
        classes = self.classes
        stacked = np.zeros((len(self.members), len(examples), len(classes)))
        for i, member in enumerate(self.members):
            stacked[i][:, np.searchsorted(classes, np.asarray(member.classes))] = member.probabilities(examples)
        return combine(stacked, self.how)

    def features(self, examples: Examples) -> FloatArray:
        """Features of all members side by side, shape (n, d)."""
        return np.concatenate([m.features(examples) for m in self.members], axis=1)

    def respond(self, examples: Examples) -> Responses:
        """Answer with the most probable class; its combined probability is the confidence."""
        p = self.probabilities(examples)
        return responses_of(
            examples, model=self.name, prediction=self.classes[p.argmax(1)], confidence=np.clip(p.max(1), 0, 1)
        )
