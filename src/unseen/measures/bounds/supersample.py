"""Bounds of the expected gap of a learner from retraining it on exchanged examples: conditional mutual information."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy import optimize, special, stats

from unseen.errors import BadInput, TooFewUnits

Kind = Literal["plug-in", "Miller–Madow", "less shuffled"]
KINDS: tuple[Kind, ...] = ("plug-in", "Miller–Madow", "less shuffled")
MIN_RETRAINED = 10
# Masks as uneven as this happen once in a million audits by chance.
LUCK = 1e-6
LIMIT = math.log(2) / 2


def information(
    values: np.ndarray, masks: np.ndarray, kind: Kind = "plug-in", *, rng: np.random.Generator | None = None
) -> np.ndarray:  # fmt: skip
    """Mutual information of discrete values and masks over retrainings, in nats, shape (…, n).

    The plug-in estimate lies too high, by about (cells − 1) / 2m where nothing is shared; Miller and Madow take that off, as the
    mean over shuffled masks does without counting cells. What was taken off may leave less than nothing, which is told as 0.

    Args:
        values: Whole numbers from 0, shape (…, m, n).
        masks: 0 or 1, the same shape.
        kind: How the bias is dealt with.
        rng: Shuffles the masks.

    >>> u = np.array([[0], [0], [1], [1]])
    >>> information(u, u).round(4).tolist(), information(np.ones_like(u), u).tolist()
    ([0.6931], [0.0])
    """
    letters = int(values.max()) + 1
    found = _plugged(values, masks, letters)
    if kind == "plug-in":
        return found
    if kind == "Miller–Madow":
        joint = _counts(values, masks, letters) > 0
        cells = joint.sum((-2, -1)) - joint.any(-1).sum(-1) - joint.any(-2).sum(-1) + 1
        return np.maximum(found - cells / (2 * masks.shape[-2]), 0)
    assert rng is not None, "shuffling needs a generator"  # noqa: S101
    bias = np.mean([_plugged(values, rng.permuted(masks, axis=-2), letters) for _ in range(4)], axis=0)
    return np.maximum(found - bias, 0)


@dataclass(frozen=True)
class Supersample:
    """A learner retrained on one of two examples in each of n places, m times on each of some draws of the pairs.

    Attributes:
        masks: Which of the two was trained on, 0 or 1, shape (draws, m, n).
        losses: 0 or 1 on both examples, shape (draws, m, n, 2).
        predictions: The class told for both, shape (draws, m, n, 2).

    Raises:
        BadInput: Shapes differ, a loss is neither 0 nor 1, or the masks are no fair coins: then nothing here bounds anything.
        TooFewUnits: Fewer than ten retrainings of a draw.
    """

    masks: np.ndarray
    losses: np.ndarray
    predictions: np.ndarray

    def __post_init__(self) -> None:
        if (
            self.masks.ndim != 3
            or self.losses.shape != (*self.masks.shape, 2)
            or self.predictions.shape != self.losses.shape
        ):
            raise BadInput(
                f"masks of shape {self.masks.shape} (draws, retrainings, places) need losses and predictions of shape (…, 2); got "
                f"{self.losses.shape} and {self.predictions.shape}."
            )
        if not np.isin(self.masks, (0, 1)).all() or not np.isin(self.losses, (0, 1)).all():
            raise BadInput("masks and losses are 0 or 1; these bounds are of the share of wrong answers.")
        draws, m, n = self.masks.shape
        if m < MIN_RETRAINED:
            raise TooFewUnits(f"information needs {MIN_RETRAINED} retrainings of each draw, got {m}.")
        ones = self.masks.sum(1)
        worst = float(2 * stats.binom.sf(np.maximum(ones, m - ones) - 1, m, 0.5).min()) * draws * n
        # A mask that repeats, or follows another place, is no coin of its own.
        distinct = min(len(np.unique(one, axis=0)) for one in self.masks)
        expected = 2.0**n * -math.expm1(m * math.log1p(-(2.0**-n)))
        if worst < LUCK or distinct < 0.5 * min(m, expected):
            raise BadInput(
                f"the masks are no fair coins (the most uneven place has {int(np.maximum(ones, m - ones).max())} of {m} on one "
                f"side, {distinct} of {m} masks differ): draw each place of each retraining anew, 0 or 1 with a chance of a half."
            )

    @cached_property
    def trained(self) -> np.ndarray:
        """Loss on the example that was trained on, shape (draws, m, n)."""
        return np.where(self.masks == 0, self.losses[..., 0], self.losses[..., 1])

    @property
    def training_loss(self) -> float:
        """Mean loss on training examples."""
        return float(self.trained.mean())

    @property
    def gap(self) -> float:
        """Mean loss on the others less that on training examples: what the bounds are of."""
        return float(self.losses.sum(-1).mean() - 2 * self.trained.mean())

    def functional(self, kind: Kind = "plug-in", rng: np.random.Generator | None = None) -> float:
        """f-CMI: mean of √(2 I(predictions; mask)) within each draw.

        Source: Harutyunyan et al. (2021), Information-theoretic generalization bounds for black-box learning algorithms,
        theorem 3.1.
        """
        classes = int(self.predictions.max()) + 1
        return self._roots(classes * self.predictions[..., 0] + self.predictions[..., 1], kind, rng)

    def evaluated(self, kind: Kind = "plug-in", rng: np.random.Generator | None = None) -> float:
        """e-CMI: mean of √(2 I(both losses; mask)) within each draw.

        Source: Hellström & Durisi (2022), A new family of generalization bounds using samplewise evaluated CMI.
        """
        return self._roots(2 * self.losses[..., 0] + self.losses[..., 1], kind, rng)

    def difference(
        self, kind: Kind = "plug-in", rng: np.random.Generator | None = None, *, within: bool = False
    ) -> float:  # fmt: skip
        """ld: mean of √(2 I(difference of the losses; mask)), over all draws at once or within each.

        Source: Wang & Mao (2023), Tighter information-theoretic generalization bounds from supersamples, theorems 3.1 and 3.2.
        """
        values = self.losses[..., 1] - self.losses[..., 0] + 1
        if within:
            return self._roots(values, kind, rng)
        pooled, masks = self._pooled(values)
        return self._roots(pooled, kind, rng, masks)

    def fast(self, kind: Kind = "plug-in", rng: np.random.Generator | None = None, *, variance: bool = False) -> float:
        """The least ``C₁ L + I / C₂`` with ``e^{2C₂} + e^{−2C₂(C₁+1)} ≤ 2``: without a root, where the training loss L is small.

        With ``variance`` L gives way to ``L − (1 − γ²) E[L²]``, L² of each retraining, and C₁ of the constraint to C₁ γ².

        Source: Wang & Mao (2023), theorems 4.1 and 4.2.
        """
        shared = self._single(kind, rng)
        loss, square = self.training_loss, float((self.trained.mean(-1) ** 2).mean())

        def at(c2: float, gamma: float) -> float:
            # The constraint holds with equality at the best C₁.
            c1 = max(0.0, (-math.log(2 - math.exp(2 * c2)) / (2 * c2) - 1) / gamma**2)
            return c1 * (loss - (1 - gamma**2) * square) + shared / c2

        gammas = np.linspace(0.05, 1, 20) if variance else (1.0,)
        return min(
            float(optimize.minimize_scalar(at, args=(float(g),), bounds=(1e-4, LIMIT - 1e-9), method="bounded").fun)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
            for g in gammas
        )

    def interpolating(self, kind: Kind = "plug-in", rng: np.random.Generator | None = None) -> float:
        """Mean of I(difference; mask) / ln 2: of a learner without training errors, whose gap is its unseen error.

        Raises:
            BadInput: There are training errors.

        Source: Wang & Mao (2023), theorem 4.4.
        """
        if self.training_loss > 0:
            raise BadInput(f"the training error is {self.training_loss:.3g}; this bound is of learners that have none.")
        values, masks = self._pooled(self.losses[..., 1] - self.losses[..., 0] + 1)
        return float(information(values, masks, kind, rng=rng).mean()) / math.log(2)

    def _single(self, kind: Kind, rng: np.random.Generator | None) -> float:
        columns = [information(*self._pooled(self.losses[..., k]), kind, rng=rng).mean() for k in (0, 1)]
        return float(np.mean(columns))

    def _pooled(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n = values.shape[-1]
        return values.reshape(-1, n), self.masks.reshape(-1, n)

    def _roots(
        self, values: np.ndarray, kind: Kind, rng: np.random.Generator | None, masks: np.ndarray | None = None
    ) -> float:  # fmt: skip
        own = self.masks if masks is None else masks
        return float(np.sqrt(2 * information(values, own, kind, rng=rng)).mean())


def _counts(values: np.ndarray, masks: np.ndarray, letters: int) -> np.ndarray:
    """How often each value stood beside each mask, shape (…, n, letters, 2)."""
    cell = 2 * values + masks
    return np.stack([(cell == k).sum(-2) for k in range(2 * letters)], -1).reshape(
        *values.shape[:-2], values.shape[-1], letters, 2
    )


def _plugged(values: np.ndarray, masks: np.ndarray, letters: int) -> np.ndarray:
    share = _counts(values, masks, letters) / values.shape[-2]
    whole = special.entr(share.sum(-1)).sum(-1) + special.entr(share.sum(-2)).sum(-1)
    return np.maximum(whole - special.entr(share).sum((-2, -1)), 0)


__all__ = ["KINDS", "Kind", "Supersample", "information"]
