"""AdaNPC: the K nearest rows of a memory vote; confident test rows join the memory."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unseen.adaptation.base import Batch, FloatArray, IntArray, Source, unit
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
            given. The paper keeps all of them, which costs more time than the model itself takes.
        memory_limit: Most test rows in the memory; the oldest leave first.
        dimensions: Features with more are projected on so many principal directions of the source memory, for the same
            reason; the paper does not.

    Source: Zhang et al. (2023), AdaNPC: Exploring non-parametric classifier for test-time adaptation, section 3.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"features"})

    def __init__(
        self, source: Source, *, k: int = 20, temperature: float | None = 0.1, margin: float = 0.5,
        source_limit: int = 2000, memory_limit: int = 2000, dimensions: int = 256,
    ) -> None:  # fmt: skip
        if min(k, source_limit, dimensions) < 1 or memory_limit < 0 or (temperature is not None and temperature <= 0):
            raise BadInput(
                "AdaNPC takes k, source_limit and dimensions of 1 or more, memory_limit of 0 or more and a temperature "
                f"above 0, got {k}, {source_limit}, {dimensions}, {memory_limit} and {temperature}."
            )
        z = source.need("features", "AdaNPC")
        if not len(z):
            raise BadInput("AdaNPC needs at least one source row in its memory.")
        rows = _balanced(source.labels, source_limit)
        self.k, self.temperature, self.margin, self.classes = k, temperature, margin, source.classes
        self.memory_limit = memory_limit
        self._project = _directions(unit(z[rows]), dimensions)
        self._features, self._labels = self._placed(z[rows]), source.labels[rows]
        self.reset()

    def reset(self) -> None:
        """Back to the source memory."""
        self.seen = np.zeros((0, self._features.shape[1]), np.float32)
        self.seen_labels = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._labels) + len(self.seen_labels)

    def predict(self, batch: Batch) -> FloatArray:
        """Vote, then insert the rows that are sure enough."""
        z = self._placed(batch.need("features", "AdaNPC"))
        shares = self._vote(z)
        top = np.partition(shares, -2, axis=1)[:, -2:] if self.classes > 1 else np.ones((len(z), 2))
        sure = top[:, 1] - top[:, 0] >= self.margin
        if sure.any() and self.memory_limit:
            self.seen = np.concatenate([self.seen, z[sure]])[-self.memory_limit :]
            self.seen_labels = np.concatenate([self.seen_labels, shares[sure].argmax(1)])[-self.memory_limit :]
        return shares

    def _placed(self, z: FloatArray) -> NDArray[np.float32]:
        turned = np.asarray(z, np.float32) if self._project is None else np.asarray(z, np.float32) @ self._project
        return turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)

    def _vote(self, z: NDArray[np.float32]) -> FloatArray:
        labels = np.concatenate([self._labels, self.seen_labels])
        shares = np.zeros(len(z) * self.classes)
        for start in range(0, len(z), 512):
            part = z[start : start + 512]
            similar = np.concatenate([part @ self._features.T, part @ self.seen.T], axis=1)
            nearest = largest(similar, min(self.k, len(labels)))
            close = np.take_along_axis(similar, nearest, axis=1).astype(np.float64)
            weight = np.ones_like(close)
            if self.temperature is not None:
                weight = np.exp((close - close.max(1, keepdims=True)) / self.temperature)
            cell = np.arange(start, start + len(part))[:, None] * self.classes + labels[nearest]
            shares += np.bincount(cell.ravel(), weights=weight.ravel(), minlength=len(shares))
        made = shares.reshape(len(z), self.classes)
        return made / made.sum(1, keepdims=True)


def largest(values: NDArray[Any], k: int) -> IntArray:
    """Columns of the k largest values of each row, in any order, shape (n, m) → (n, k).

    The k largest lie in the k blocks of columns whose maxima are largest, so that only these are looked into.

    >>> np.sort(largest(np.array([[3.0, 1.0, 2.0]]), 2)).tolist()
    [[0, 2]]
    """
    n, m = values.shape
    width = max(1, int(np.sqrt(m / k)))
    blocks = m // width
    if width < 2 or blocks <= 2 * k:
        return np.argpartition(values, m - k, axis=1)[:, m - k :]
    rest = m - blocks * width
    # Block b holds columns b, b + blocks, …, so that maxima run along memory.
    tops = values[:, : blocks * width].reshape(n, width, blocks).max(1)
    best = np.argpartition(tops, blocks - k, axis=1)[:, blocks - k :]
    columns = (best[:, :, None] + blocks * np.arange(width)).reshape(n, -1)
    columns = np.concatenate([columns, np.broadcast_to(np.arange(m - rest, m), (n, rest))], axis=1)
    found = np.take_along_axis(values, columns, axis=1)
    inside = np.argpartition(found, found.shape[1] - k, axis=1)[:, -k:]
    return np.take_along_axis(columns, inside, axis=1)


def _directions(z: FloatArray, dimensions: int) -> NDArray[np.float32] | None:
    """Principal directions of rows (not centred, for cosines are not), shape (d, dimensions)."""
    if z.shape[1] <= dimensions:
        return None
    rows = z[:: max(1, len(z) // 1000)]
    _, vectors = np.linalg.eigh(rows @ rows.T)
    spanned = rows.T @ vectors[:, ::-1][:, :dimensions]
    norms = np.linalg.norm(spanned, axis=0)
    kept = norms > 1e-6 * norms[0]
    return (spanned[:, kept] / norms[kept]).astype(np.float32)


def _balanced(labels: IntArray, limit: int) -> IntArray:
    """Row numbers of at most ``limit`` rows, as many of each class as can be, rising."""
    if len(labels) <= limit:
        return np.arange(len(labels))
    members = sorted((np.flatnonzero(labels == c) for c in np.unique(labels)), key=len)
    kept: list[IntArray] = []
    left = limit
    for i, rows in enumerate(members):
        count = min(len(rows), left // (len(members) - i))
        kept.append(rows[np.linspace(0, len(rows) - 1, count).round().astype(np.int64)] if count else rows[:0])
        left -= count
    return np.sort(np.concatenate(kept))
