"""XOR clusters with flipped labels, and a two-layer ReLU network on them by exact gradient descent in sample space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.errors import BadInput

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class XorClusters:
    """A sample of four Gaussian clusters: +μ₁ and -μ₁ bear label 1, +μ₂ and -μ₂ bear -1, with μ₁ ⟂ μ₂.

    Attributes:
        inputs: Shape (n, dimension).
        clean: True label of the cluster, 1 or -1, shape (n,).
        labels: The same with a share flipped.
        means: μ₁ and μ₂, shape (2, dimension).
    """

    inputs: Floats
    clean: Floats
    labels: Floats
    means: Floats

    @property
    def flipped(self) -> NDArray[np.bool_]:
        """Where the label is wrong, shape (n,)."""
        return self.labels != self.clean


def xor_clusters(
    n: int, dimension: int, *, separation: float, flips: float = 0.0, rng: np.random.Generator
) -> XorClusters:
    """Draw a sample of the mixture.

    Args:
        n: Number of points.
        dimension: Of the inputs, at least 2.
        separation: Norm of each mean, in standard deviations of the noise.
        flips: Chance that a label is flipped.
        rng: Source of every draw.

    Returns:
        The sample; μ₁ and μ₂ lie along the first two axes, which the isotropic noise makes general.

    Raises:
        BadInput: Fewer than 2 dimensions, or a chance outside [0, 1).

    Source: Xu et al. (2024), Benign Overfitting and Grokking in ReLU Networks for XOR Cluster Data, section 2.
    """
    if dimension < 2 or not 0 <= flips < 1:
        raise BadInput(f"xor_clusters needs dimension >= 2 and flips in [0, 1), got {dimension} and {flips}.")
    means = np.zeros((2, dimension), dtype=np.float32)
    means[0, 0] = means[1, 1] = separation
    which, sign = rng.integers(0, 2, n), rng.choice(np.array([-1.0, 1.0], dtype=np.float32), n)
    inputs = rng.standard_normal((n, dimension), dtype=np.float32)
    inputs += sign[:, None] * means[which]
    clean = np.where(which == 0, 1.0, -1.0).astype(np.float32)
    labels = np.where(rng.random(n) < flips, -clean, clean)
    return XorClusters(inputs, clean, labels, means)


class GramReluNet:
    """f(x) = Σ_j a_j max(0, w_j·x) with fixed a_j = ±1/√width, trained by full-batch gradient descent.

    Every gradient is a combination of training inputs, so that activations on a fixed set of points move by
    Gram matrices: a step costs n·m·width whatever the dimension is. Nothing is approximated.

    Args:
        inputs: Training inputs, shape (n, dimension).
        labels: 1 or -1, shape (n,).
        points: Further points that are followed, shape (m, dimension).
        width: Hidden neurons.
        scale: Standard deviation of each initial weight.
        rng: Source of every draw.

    Attributes:
        hidden: Pre-activations of training inputs and points, shape (n + m, width).
        outer: The fixed second layer, shape (width,).
    """

    def __init__(
        self, inputs: Floats, labels: Floats, points: Floats, *, width: int, scale: float, rng: np.random.Generator
    ) -> None:
        everything = np.concatenate([inputs, points])
        weights = np.float32(scale) * rng.standard_normal((width, inputs.shape[1]), dtype=np.float32)
        self.hidden: Floats = everything @ weights.T
        self.outer: Floats = (rng.choice(np.array([-1.0, 1.0]), width) / np.sqrt(width)).astype(np.float32)
        self.labels = labels
        self._gram: Floats = everything @ inputs.T

    def step(self, rate: float, steps: int = 1) -> None:
        """Descend the mean logistic loss log(1 + exp(-y f(x))) over the training inputs ``steps`` times."""
        n = len(self.labels)
        for _ in range(steps):
            hidden = self.hidden[:n]
            margin = self.labels * (np.maximum(hidden, 0) @ self.outer)
            pull = self.labels / (1 + np.exp(np.clip(margin, -60, 60))) / n
            change = self._gram @ ((hidden > 0) * self.outer * pull[:, None])
            self.hidden = np.asarray(self.hidden + np.float32(rate) * change, dtype=np.float32)

    def outputs(self) -> tuple[Floats, Floats]:
        """F on the training inputs, shape (n,), and on the further points, shape (m,)."""
        values = np.maximum(self.hidden, 0) @ self.outer
        return values[: len(self.labels)], values[len(self.labels) :]

    def odd_even(self) -> tuple[Floats, Floats]:
        """The odd and the even part of f on the further points, each of shape (m,).

        max(0, z) = z/2 + |z|/2, so the odd part is exactly linear in x, and only the even part can tell the
        classes of XOR clusters apart.
        """
        hidden = self.hidden[len(self.labels) :]
        half = self.outer * np.float32(0.5)
        return hidden @ half, np.asarray(np.abs(hidden) @ half, dtype=np.float32)


def linear_share(odd: Floats, even: Floats) -> float:
    """Share of a function's mean square that its linear (odd) part holds, in [0, 1].

    Raises:
        BadInput: The function is zero at every point.

    >>> linear_share(np.array([3.0, -3.0]), np.array([1.0, 1.0]))
    0.9
    """
    total = float((odd**2).mean() + (even**2).mean())
    if total == 0:
        raise BadInput("linear_share is undefined for a function that is zero at every point.")
    return float((odd**2).mean()) / total
