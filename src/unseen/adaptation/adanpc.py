"""AdaNPC: the K nearest rows of a memory vote; confident test rows join the memory."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unseen.adaptation.base import Batch, FloatArray, Source, unit
from unseen.errors import BadInput


class AdaNPC:
    """Adaptive non-parametric classifier.

    The memory holds features of length one with their labels. A row's probabilities are the shares of the votes of its
    ``k`` nearest entries by cosine, each with weight exp(cosine / temperature). A row whose two largest shares differ
    by ``margin`` or more then joins the memory with its predicted label. All rows of a batch vote before any joins.

    Args:
        source: With features and labels.
        k: Entries that vote.
        temperature: Of the weights; ``None`` gives every vote the same weight.
        margin: Difference of the two largest shares from which a row joins; above 1 none does.
        source_limit: Most source rows in the memory: an equal number a class, the ones that stand evenly in the order
            given.
        memory_limit: Most test rows in the memory; the oldest leave first.

    Source: Zhang et al. (2023), AdaNPC: Exploring non-parametric classifier for test-time adaptation, section 3.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"features"})

    def __init__(
        self, source: Source, *, k: int = 20, temperature: float | None = 0.1, margin: float = 0.5,
        source_limit: int = 10_000, memory_limit: int = 10_000,
    ) -> None:  # fmt: skip
        if k < 1 or source_limit < 1 or memory_limit < 0 or (temperature is not None and temperature <= 0):
            raise BadInput(
                f"AdaNPC takes k and source_limit of 1 or more, memory_limit of 0 or more and a temperature above 0, "
                f"got {k}, {source_limit}, {memory_limit} and {temperature}."
            )
        z = source.need("features", "AdaNPC")
        if not len(z):
            raise BadInput("AdaNPC needs at least one source row in its memory.")
        rows = _balanced(source.labels, source_limit)
        self.k, self.temperature, self.margin, self.classes = k, temperature, margin, source.classes
        self.memory_limit = memory_limit
        self._features, self._labels = unit(z[rows]), source.labels[rows]
        self.reset()

    def reset(self) -> None:
        """Back to the source memory."""
        self.seen = np.zeros((0, self._features.shape[1]))
        self.seen_labels = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._labels) + len(self.seen_labels)

    def predict(self, batch: Batch) -> FloatArray:
        """Vote, then insert the rows that are sure enough."""
        z = unit(np.asarray(batch.need("features", "AdaNPC"), np.float64))
        shares = self._vote(z)
        top = np.partition(shares, -2, axis=1)[:, -2:] if self.classes > 1 else np.ones((len(z), 2))
        sure = top[:, 1] - top[:, 0] >= self.margin
        if sure.any() and self.memory_limit:
            self.seen = np.concatenate([self.seen, z[sure]])[-self.memory_limit :]
            self.seen_labels = np.concatenate([self.seen_labels, shares[sure].argmax(1)])[-self.memory_limit :]
        return shares

    def _vote(self, z: FloatArray) -> FloatArray:
        labels = np.concatenate([self._labels, self.seen_labels])
        shares = np.zeros((len(z), self.classes))
        k = min(self.k, len(labels))
        for start in range(0, len(z), 1024):
            part = z[start : start + 1024]
            similar = np.concatenate([part @ self._features.T, part @ self.seen.T], axis=1)
            nearest = np.argpartition(-similar, k - 1, axis=1)[:, :k]
            close = np.take_along_axis(similar, nearest, axis=1)
            weight = np.ones_like(close)
            if self.temperature is not None:
                weight = np.exp((close - close.max(1, keepdims=True)) / self.temperature)
            row = np.arange(start, start + len(part))[:, None]
            np.add.at(shares, (row, labels[nearest]), weight)
        return shares / shares.sum(1, keepdims=True)


def _balanced(labels: np.ndarray, limit: int) -> np.ndarray:
    """Row numbers of at most ``limit`` rows, as many of each class as can be, rising."""
    if len(labels) <= limit:
        return np.arange(len(labels))
    members = sorted((np.flatnonzero(labels == c) for c in np.unique(labels)), key=len)
    kept: list[np.ndarray] = []
    left = limit
    for i, rows in enumerate(members):
        count = min(len(rows), left // (len(members) - i))
        kept.append(rows[np.linspace(0, len(rows) - 1, count).round().astype(np.int64)] if count else rows[:0])
        left -= count
    return np.sort(np.concatenate(kept))
