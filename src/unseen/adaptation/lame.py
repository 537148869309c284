"""LAME: the predictions of a batch are made to agree with those of neighbouring rows; the model stays as it is."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from unseen.adaptation.base import SMALLEST, Batch, FloatArray, Source, softmax, unit
from unseen.errors import BadInput


def knn_affinity(features: FloatArray, neighbours: int) -> Any:
    """Who is near whom: 1 where j is among the nearest rows of i by cosine, made symmetric by halves.

    Args:
        features: Shape (n, d).
        neighbours: Neighbours of each row, itself not counted; at most n − 1.

    Returns:
        Sparse matrix (n, n) with entries 0, ½ and 1.

    Source: Boudiaf, Mueller, Ben Ayed & Bertinetto (2022), Parameter-free online test-time adaptation, section 4.3.

    >>> knn_affinity(np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), 1).toarray().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.5], [0.0, 0.5, 0.0]]
    """
    from scipy import sparse

    z, n = unit(np.asarray(features, np.float64)), len(features)
    k = min(neighbours, n - 1)
    if k < 1:
        return sparse.csr_array((n, n))
    nearest = np.empty((n, k), np.int64)
    for start in range(0, n, 1024):
        similar = z[start : start + 1024] @ z.T
        rows = np.arange(len(similar))
        similar[rows, start + rows] = -np.inf
        nearest[start : start + 1024] = np.argpartition(-similar, k - 1, axis=1)[:, :k]
    one = sparse.csr_array((np.ones(n * k), nearest.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    return (one + one.T) / 2


def lame(
    probabilities: FloatArray, affinity: Any, *, weight: float = 1.0, steps: int = 100
) -> tuple[FloatArray, list[float]]:
    """Minimise Σ_i KL(z_i ‖ q_i) − weight/2 · Σ_ij w_ij z_iᵀz_j over distributions z by concave-convex updates.

    Each step is z ← softmax(log q + weight · W z). Where W has no negative eigenvalue no step can raise the objective;
    for other affinities the updates stop at the last one that lowered it.

    Args:
        probabilities: q, shape (n, classes).
        affinity: W, symmetric, dense or sparse, shape (n, n).
        weight: Of the neighbours against the model.
        steps: Most updates.

    Returns:
        z, shape (n, classes), and the objective [nats] at the start and after each step that was kept.

    Source: Boudiaf et al. (2022), equations 4 to 6.
    """
    q = np.log(np.maximum(probabilities, SMALLEST))
    z = softmax(q)
    pull = weight * (affinity @ z)
    trace = [_objective(z, q, pull)]
    for _ in range(steps):
        new = softmax(q + pull)
        new_pull = weight * (affinity @ new)
        value = _objective(new, q, new_pull)
        if value >= trace[-1]:
            break
        fall = trace[-1] - value
        z, pull = new, new_pull
        trace.append(value)
        if fall <= 1e-8 * max(1.0, abs(value)):
            break
    return z, trace


class Lame:
    """LAME on each batch; it keeps nothing between batches, so that the three settings are one.

    Helps where rows of a batch hang together (a video, one site's patients in a row) and can harm where batches are
    drawn independently and features mix classes.

    Args:
        source: Only its number of classes.
        neighbours: Of each row.
        weight: Of the neighbours against the model.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"probabilities", "features"})

    def __init__(self, source: Source, *, neighbours: int = 5, weight: float = 1.0) -> None:
        if neighbours < 1 or weight < 0:
            raise BadInput(
                f"LAME takes one neighbour or more and a weight of 0 or more, got {neighbours} and {weight}."
            )
        self.classes, self.neighbours, self.weight = source.classes, neighbours, weight

    def predict(self, batch: Batch) -> FloatArray:
        """Smoothed probabilities of the batch."""
        affinity = knn_affinity(batch.need("features", "LAME"), self.neighbours)
        return lame(batch.need("probabilities", "LAME"), affinity, weight=self.weight)[0]

    def reset(self) -> None:
        """There is nothing to forget."""


def _objective(z: FloatArray, q: FloatArray, pull: FloatArray) -> float:
    return float((z * (np.log(np.maximum(z, 1e-300)) - q - pull / 2)).sum())
