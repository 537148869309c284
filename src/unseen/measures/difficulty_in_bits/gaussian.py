"""Exact inductive bias where hypotheses are Gaussian: linear and polynomial models and kernels, given that they fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, stats

from unseen.errors import BadInput, Undefined
from unseen.estimates import Estimate
from unseen.measures.difficulty_in_bits.tails import Squares

Floats = NDArray[np.float64]
Kernel = Callable[[Floats, Floats], Floats]
# Share of a kernel's mean variance that is added where training examples are fitted, for the numbers' sake.
JITTER = 1e-8


@dataclass(frozen=True)
class Hypotheses:
    """Hypotheses of a Gaussian prior that fit the training examples, seen by their errors on test inputs.

    Attributes:
        mean: Their mean prediction at the test inputs, shape (n, k).
        covariance: Of predictions of one output at the test inputs, shape (n, n); outputs are independent.
        targets: Shape (n, k).
    """

    mean: Floats
    covariance: Floats
    targets: Floats

    @property
    def squares(self) -> Squares:
        """The mean squared error over test inputs and outputs, as a sum of squares."""
        n, k = self.targets.shape
        values, axes = np.linalg.eigh(self.covariance)
        along = np.sum((axes.T @ (self.mean - self.targets)) ** 2, axis=1) / (n * k)
        free = values > 1e-10 * max(float(values[-1]), 1e-300)
        if not free.any():
            raise Undefined(
                "all hypotheses that fit the training examples answer alike on the test inputs: there are no bits."
            )
        return Squares(
            values[free] / (n * k), np.full(int(free.sum()), float(k)), along[free], float(along[~free].sum())
        )

    def draw(self, draws: int, rng: np.random.Generator) -> Floats:
        """Predictions of so many hypotheses, shape (draws, n, k)."""
        values, axes = np.linalg.eigh(self.covariance)
        root = axes * np.sqrt(np.maximum(values, 0))
        return self.mean + np.einsum("ij,djk->dik", root, rng.normal(size=(draws, *self.mean.shape)))

    def bits(self, error: float, *, rng: np.random.Generator, draws: int = 2_000, level: float = 0.95) -> Estimate:
        """Bits that single out the hypotheses with at most this mean squared error: −log₂ of their share.

        The share is met by draws from the hypotheses tilted towards small errors until half of them are small enough, so
        that a share of 2^−1000 takes no more draws than one half.

        Args:
            error: Desired mean squared error.
            rng: Draws them.
            draws: How many.
            level: Coverage of the interval, over the draws: test inputs and prior are taken as they are.

        Raises:
            Undefined: No hypothesis is as good.

        Source: Boopathy et al. (2024), Towards exact computation of inductive bias, whose fit to errors of plain draws this
        replaces by the distribution itself.

        >>> flat = Hypotheses(np.zeros((2, 1)), np.eye(2), np.zeros((2, 1)))  # its error is exponential with mean one
        >>> print(flat.bits(0.001, rng=np.random.default_rng(0)).format(1), round(-math.log2(-math.expm1(-0.001)), 1))
        10.0 [9.9, 10.0] 10.0
        """
        log_share, spread = self.squares.log_share_drawn(error, draws, rng)
        reach = float(stats.norm.ppf((1 + level) / 2)) * max(spread, 1e-9) / math.log(2)
        value = max(0.0, -log_share / math.log(2))
        return Estimate(
            value, max(0.0, value - reach), value + reach, draws, f"{draws:,} hypotheses, drawn with a tilt", level
        )

    def bits_by_saddlepoint(self, error: float) -> float:
        """The same without draws, to a hundredth of a bit or two.

        Raises:
            Undefined: No hypothesis is as good.
        """
        return max(0.0, -self.squares.log_share(error) / math.log(2))


def hypotheses_that_fit(
    kernel: Kernel, train: tuple[ArrayLike, ArrayLike], test: tuple[ArrayLike, ArrayLike], *, noise: float = 0.0
) -> Hypotheses:
    """Functions drawn from a Gaussian process with this covariance, given that they go through the training examples.

    Args:
        kernel: Covariance of the values at two sets of inputs. ``linear`` gives linear models with standard normal weights.
        train: Inputs (N, …) and targets (N,) or (N, k).
        test: The same of n test examples.
        noise: Variance of what a fit may miss a training target by; 0 asks for an exact fit.

    Raises:
        BadInput: Shapes differ, or no function of this prior goes through the training examples.

    >>> line = hypotheses_that_fit(linear, ([[1.0, 0.0]], [2.0]), ([[1.0, 0.0], [0.0, 1.0]], [2.0, 0.0]))
    >>> line.mean[:, 0].round(6).tolist(), line.covariance.round(6).tolist()
    ([2.0, 0.0], [[0.0, 0.0], [0.0, 1.0]])
    """
    (x, y), (new, truth) = _pair(*train), _pair(*test)
    if y.shape[1] != truth.shape[1] or x.shape[1] != new.shape[1]:
        raise BadInput(
            f"training examples of shape {x.shape} → {y.shape} and test examples of shape {new.shape} → {truth.shape} differ."
        )
    own, across, there = kernel(x, x), kernel(new, x), kernel(new, new)
    scale = float(np.trace(own)) / len(x)
    try:
        factor = linalg.cho_factor(own + (noise + JITTER * scale) * np.eye(len(x)), lower=True)
    except linalg.LinAlgError as error:
        raise BadInput(f"the covariance of {len(x)} training examples is not positive ({error}).") from error
    mean = across @ linalg.cho_solve(factor, y)
    if noise == 0:
        missed = float(np.max(np.abs(own @ linalg.cho_solve(factor, y) - y)))
        if missed > 1e-2 * max(float(np.abs(y).max()), 1e-300):
            raise BadInput(
                f"no function of this prior goes through the {len(x)} training examples (the nearest misses one by {missed:.2g}); "
                "allow a noise, or take a larger space."
            )
    half = linalg.solve_triangular(factor[0], across.T, lower=True)
    covariance = there - half.T @ half
    covariance = (covariance + covariance.T) / 2
    # What rounding leaves of a variance that the training examples have taken away is none.
    values, axes = np.linalg.eigh(covariance)
    kept = np.where(values > 10 * JITTER * scale, values, 0.0)
    return Hypotheses(mean, (axes * kept) @ axes.T, truth)


def linear(x: Floats, y: Floats) -> Floats:
    """Linear models without intercept whose weights are standard normal."""
    return x @ y.T


def polynomial(degree: int, scale: float = 1.0) -> Kernel:
    """Polynomials up to a degree: (1 + scale · x·y)^degree."""
    return lambda x, y: (1 + scale * x @ y.T) ** degree


def radial(length: float, height: float = 1.0) -> Kernel:
    """Smooth functions: height · exp(−|x − y|² / (2 length²)).

    >>> radial(1.0)(np.array([[0.0]]), np.array([[0.0], [1.0]])).round(3)
    array([[1.   , 0.607]])
    """

    def kernel(x: Floats, y: Floats) -> Floats:
        squared = np.sum(x**2, 1)[:, None] + np.sum(y**2, 1)[None] - 2 * x @ y.T
        return height * np.exp(-np.maximum(squared, 0) / (2 * length**2))

    return kernel


def exponential(length: float, height: float = 1.0) -> Kernel:
    """Continuous functions that need not be smooth: height · exp(−|x − y| / length), akin to wide ReLU networks.

    Source: Geifman et al. (2020), On the similarity between the Laplace and neural tangent kernels.

    >>> exponential(2.0)(np.array([[0.0]]), np.array([[0.0], [2.0]])).round(3)
    array([[1.   , 0.368]])
    """

    def kernel(x: Floats, y: Floats) -> Floats:
        return height * np.exp(-distances(x, y) / length)

    return kernel


def distances(x: Floats, y: Floats) -> Floats:
    """Euclidean distances of all pairs, shape (n, m)."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(x, y), np.float64)


def _pair(inputs: ArrayLike, targets: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(inputs, np.float64), np.asarray(targets, np.float64)
    if len(x) != len(y) or not len(x):
        raise BadInput(f"{len(x)} inputs, but {len(y)} targets. Give one target an input.")
    return x.reshape(len(x), -1), y.reshape(len(y), -1)
