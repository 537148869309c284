"""Which settings to try next, and what a claim comes to where none were tried: a Gaussian process over settings.

Where one answer costs a training run, not all settings can be asked. The process learns the answers from a few; the next
run is the one that would tell most about all others; and a claim about two arms is asked of its draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from unseen.errors import BadInput, TooFewUnits

FloatArray = NDArray[np.float64]
# Bounds of scales of length (settings lie in [0, 1]), and of the noise as a share of the variance.
SCALES, NOISE = (0.05, 10.0), (1e-4, 1.0)
STARTS = 2
FEWEST = 3


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A Gaussian process with a Matérn 5/2 kernel, one scale of length for each coordinate, fitted to answers.

    Attributes:
        x: Settings that were tried, shape (n, d), in [0, 1].
        scales: Length over which answers stay alike, by coordinate, shape (d,).
        variance: Of the answers around their mean.
        noise: Variance of an answer at the same setting.
        mean: Mean answer.
    """

    x: FloatArray
    scales: FloatArray
    variance: float
    noise: float
    mean: float
    _root: FloatArray
    _weights: FloatArray

    def predicted(self, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of the expected answer at settings, shape (m,) each."""
        across = self.covariance(at, self.x)
        half = linalg.solve_triangular(self._root, across.T, lower=True)
        variance = np.maximum(self.variance - (half**2).sum(0), 0.0)
        return self.mean + across @ self._weights, np.sqrt(variance)

    def covariance(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Covariance of expected answers, shape (len(a), len(b))."""
        return self.variance * matern(a, b, self.scales)

    def left(self, at: FloatArray, grid: FloatArray) -> FloatArray:
        """Covariance that is left after what was tried, shape (len(at), len(grid))."""
        one = linalg.solve_triangular(self._root, self.covariance(self.x, at), lower=True)
        two = linalg.solve_triangular(self._root, self.covariance(self.x, grid), lower=True)
        return self.covariance(at, grid) - one.T @ two

    def gain(self, candidates: FloatArray, grid: FloatArray) -> FloatArray:
        """Variance over a grid, summed, that one more answer at each candidate would take away, shape (candidates,).

        Source: Sacks et al. (1989), Design and analysis of computer experiments (integrated variance reduction).
        """
        own = self.predicted(candidates)[1] ** 2 + self.noise
        return (self.left(candidates, grid) ** 2).sum(1) / own

    def draws(self, at: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
        """Expected answers as the process draws them together, shape (count, len(at))."""
        mean, _ = self.predicted(at)
        left = self.left(at, at)
        values, vectors = np.linalg.eigh((left + left.T) / 2)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        return mean + rng.normal(size=(count, len(at))) @ root.T


def fitted(x: FloatArray, y: FloatArray, rng: np.random.Generator) -> Surrogate:
    """A process whose scales, variance and noise have the highest marginal likelihood.

    Args:
        x: Settings, shape (n, d); coordinates in [0, 1], of a named choice one coordinate each.
        y: Answers, shape (n,).
        rng: Source of the second starting point of the search.

    Raises:
        TooFewUnits: Fewer than 3 answers.
        BadInput: Answers that are not finite, or settings of another number.

    Source: Rasmussen & Williams (2006), Gaussian processes for machine learning, algorithm 2.1, equations 4.17 and 5.9.

    >>> x = np.linspace(0, 1, 8)[:, None]
    >>> made = fitted(x, np.sin(3 * x[:, 0]), np.random.default_rng(0))
    >>> bool(abs(made.predicted(np.array([[0.53]]))[0][0] - np.sin(3 * 0.53)) < 0.01)
    True
    """
    if len(x) < FEWEST:
        raise TooFewUnits(f"a surrogate needs {FEWEST} answers, got {len(x)}.")
    if len(x) != len(y) or not np.isfinite(y).all() or not np.isfinite(x).all():
        raise BadInput(f"a surrogate needs one finite answer a setting, got {len(x)} settings and {len(y)} answers.")
    mean, spread = float(y.mean()), float(y.std()) or 1.0
    z = (y - mean) / spread
    d = x.shape[1]
    bounds = [tuple(np.log(SCALES))] * d + [(-3.0, 3.0), tuple(np.log(NOISE))]

    def loss(theta: FloatArray) -> float:
        return -likelihood(x, z, np.exp(theta[:d]), float(np.exp(theta[d])), float(np.exp(theta[d + 1])))

    starts = [np.r_[np.full(d, np.log(0.5)), 0.0, np.log(0.05)]]
    starts += [np.array([rng.uniform(*b) for b in bounds]) for _ in range(STARTS - 1)]
    best = min((optimize.minimize(loss, s, method="L-BFGS-B", bounds=bounds) for s in starts), key=lambda o: o.fun)
    scales, variance = np.exp(best.x[:d]), float(np.exp(best.x[d]))
    noise = variance * float(np.exp(best.x[d + 1]))
    root = np.asarray(np.linalg.cholesky(variance * matern(x, x, scales) + noise * np.eye(len(x))), np.float64)
    weights = linalg.cho_solve((root, True), z)
    return Surrogate(x, scales, variance * spread**2, noise * spread**2, mean, root * spread, weights / spread)


def likelihood(x: FloatArray, z: FloatArray, scales: FloatArray, variance: float, noise: float) -> float:
    """Log marginal likelihood of centred answers; ``noise`` is a share of the variance."""
    try:
        root = np.linalg.cholesky(variance * (matern(x, x, scales) + noise * np.eye(len(x))))
    except np.linalg.LinAlgError:
        return -1e10
    half = linalg.solve_triangular(root, z, lower=True)
    return float(-0.5 * half @ half - np.log(np.diag(root)).sum() - 0.5 * len(z) * np.log(2 * np.pi))


def matern(a: FloatArray, b: FloatArray, scales: FloatArray) -> FloatArray:
    """Matérn correlation with smoothness 5/2, shape (len(a), len(b)).

    >>> matern(np.array([[0.0]]), np.array([[0.0], [1.0]]), np.array([1.0])).round(4).tolist()
    [[1.0, 0.524]]
    """
    apart = a[:, None] / scales - b[None] / scales
    r = np.sqrt(5 * (apart**2).sum(-1))
    return (1 + r + r**2 / 3) * np.exp(-r)


def next_setting(surrogate: Surrogate, candidates: FloatArray, grid: FloatArray) -> int:
    """The candidate whose answer would tell most about a grid."""
    return int(np.argmax(surrogate.gain(candidates, grid)))


def chance_that(
    surrogate: Surrogate, one: FloatArray, other: FloatArray, by: float, rng: np.random.Generator, draws: int = 500
) -> float:
    """Share of paired settings, over draws of the process, in which one arm's answer exceeds the other's by more than ``by``.

    Args:
        surrogate: The process.
        one: Settings of one arm, shape (m, d).
        other: Settings of the other arm that they are paired with, shape (m, d).
        by: Least difference that counts.
        rng: Source of the draws.
        draws: Of the process.
    """
    both = surrogate.draws(np.concatenate([one, other]), draws, rng)
    return float((both[:, : len(one)] - both[:, len(one) :] > by).mean())


__all__ = ["Surrogate", "chance_that", "fitted", "likelihood", "matern", "next_setting"]
