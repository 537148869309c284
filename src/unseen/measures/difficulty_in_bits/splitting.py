"""Bits of random networks and other hypotheses with a Gaussian prior, by splitting: rare ones are reached in steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from unseen.errors import BadInput, Undefined
from unseen.estimates import Estimate

Floats = NDArray[np.float64]
Errors = Callable[[Floats], tuple[Floats, Floats]]
# Share of the particles that each step keeps, and steps at most: 300 of them are 600 bits.
KEPT, STEPS = 0.25, 300
# Share of moves that are to be taken; more are too short, fewer go nowhere.
TAKEN = 0.3


@dataclass(frozen=True)
class SplitBits:
    """Bits of hypotheses that generalise among those that fit, and of those that fit among all.

    Attributes:
        beyond: −log₂ P(test error ≤ desired | training error ≤ fit).
        fit: −log₂ P(training error ≤ fit): what the training examples give; None where most of all hypotheses fit.
    """

    beyond: Estimate
    fit: Estimate | None


def split_bits(
    errors: Errors, dimension: int, *, fit: float, error: float, rng: np.random.Generator, particles: int = 500,
    repeats: int = 8, moves: int = 10, level: float = 0.95,
) -> SplitBits:  # fmt: skip
    """Bits of hypotheses whose parameters are standard normal, however rare those are that fit and generalise.

    A cloud of hypotheses is drawn from the prior. A quarter with the smallest training errors is kept and copied, the copies
    move by steps that leave the prior alone and never go back above the error that was reached, and so on until all fit;
    then the same with the test error among those that fit. Each step takes two bits.

    Args:
        errors: (parameters (b, p)) -> training and test errors, each of shape (b,).
        dimension: Parameters, p.
        fit: What counts as fitting.
        error: Desired test error.
        rng: Draws hypotheses and moves.
        particles: Hypotheses in a cloud. Of 31.6 bits clouds of 150 lose 0.4, of 500 they lose 0.1.
        repeats: Clouds; the interval is over these.
        moves: Moves of each copy a step. Where hypotheses that fit lie apart, more are needed than intervals tell.
        level: Coverage of the interval.

    Raises:
        Undefined: A step leads nowhere: no hypothesis with a smaller error was met.
        BadInput: There are fewer than two clouds, or too few particles.

    Source: Au & Beck (2001), Estimation of small failure probabilities in high dimensions by subset simulation; moves of
    Neal (1999) and Cotter et al. (2013).

    >>> far = lambda z: (np.zeros(len(z)), np.maximum(0, 5 - z[:, 0]))  # the first parameter is 5 or more
    >>> told = split_bits(far, 3, fit=0, error=0, rng=np.random.default_rng(0))
    >>> print(told.beyond.format(1), round(-math.log2(stats.norm.sf(5)), 1))
    21.7 [21.4, 22.0] 21.7
    """
    if repeats < 2 or particles < 20:
        raise BadInput(f"{repeats} clouds of {particles} hypotheses: at least 2 of 20 are needed for an interval.")
    logs = np.array([_cloud(errors, dimension, fit, error, rng, particles, moves) for _ in range(repeats)])
    what = f"splitting, {repeats} clouds of {particles} hypotheses"
    fitted = None if not np.ptp(logs[:, 0]) else _joined(logs[:, 0], what, level)
    if not np.ptp(logs[:, 1]):
        raise Undefined("all hypotheses that fit are as good as desired: there are no bits.")
    return SplitBits(_joined(logs[:, 1], what, level), fitted)


@dataclass(frozen=True)
class Perceptrons:
    """Perceptrons with ReLU whose weights are drawn as at initialisation (He), as hypotheses about examples.

    Attributes:
        widths: From inputs over hidden layers to outputs.
        train: Inputs (N, d) and targets: classes (N,), or numbers (N, k).
        test: The same of test examples.

    >>> net = Perceptrons((2, 3, 1), ([[0.0, 1.0]], [[1.0]]), ([[1.0, 0.0]], [[0.0]]))
    >>> net.dimension, [e.shape for e in net(np.zeros((5, net.dimension)))]
    (13, [(5,), (5,)])
    """

    widths: Sequence[int]
    train: tuple[ArrayLike, ArrayLike]
    test: tuple[ArrayLike, ArrayLike]

    @property
    def dimension(self) -> int:
        """Weights and biases."""
        return sum((a + 1) * b for a, b in zip(self.widths[:-1], self.widths[1:], strict=True))

    def outputs(self, parameters: Floats, inputs: Floats) -> Floats:
        """Of b networks on n inputs, shape (b, n, k)."""
        h, at = np.broadcast_to(inputs, (len(parameters), *inputs.shape)), 0
        pairs = list(zip(self.widths[:-1], self.widths[1:], strict=True))
        for i, (a, b) in enumerate(pairs):
            weights = parameters[:, at : at + a * b].reshape(-1, a, b) * math.sqrt(2 / a)
            bias = parameters[:, at + a * b : at + (a + 1) * b, None].transpose(0, 2, 1) * math.sqrt(2 / a)
            h = h @ weights + bias
            h = h if i == len(pairs) - 1 else np.maximum(h, 0)
            at += (a + 1) * b
        return h

    def __call__(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Errors on training and test examples: share of wrong classes, or mean squared error of numbers."""
        seen, unseen = (self._error(parameters, *part) for part in (self.train, self.test))
        return seen, unseen

    def _error(self, parameters: Floats, inputs: ArrayLike, targets: ArrayLike) -> Floats:
        made, truth = self.outputs(parameters, np.asarray(inputs, np.float64)), np.asarray(targets)
        if truth.ndim == 1 and truth.dtype.kind in "iub":
            told = (made[..., 0] > 0).astype(int) if made.shape[-1] == 1 else made.argmax(-1)
            return np.mean(told != truth, axis=1)
        return np.mean((made - truth.reshape(len(truth), -1)) ** 2, axis=(1, 2))


def _cloud(
    errors: Errors, dimension: int, fit: float, error: float, rng: np.random.Generator, particles: int, moves: int
) -> tuple[float, float]:
    """Natural logarithms of the share that fits, and of the share of those that generalises, from one cloud."""
    z = rng.normal(size=(particles, dimension))
    reached = np.stack(errors(z), 1)
    limits, told, size = np.array([np.inf, np.inf]), [0.0, 0.0], 0.5
    for stage, goal in enumerate((fit, error)):
        for step in range(STEPS + 1):
            border = max(goal, _border(reached[:, stage]))
            good = reached[:, stage] <= border
            limits[stage] = border
            told[stage] += math.log(good.mean())
            chosen = rng.choice(np.flatnonzero(good), particles)
            z, reached = z[chosen], reached[chosen]
            z, reached, taken = _moved(errors, z, reached, limits, size, moves, rng)
            size = float(np.clip(size * math.exp(taken - TAKEN), 1e-4, 1.0))
            if border <= goal:
                break
            if step == STEPS:
                raise Undefined(
                    f"after {STEPS} steps the {'test' if stage else 'training'} error is {border:.3g}, and {goal:.3g} is asked."
                )
    return told[0], told[1]


def _border(values: Floats) -> float:
    """The error that a quarter reaches; of few distinct errors the largest below the worst."""
    border = float(np.quantile(values, KEPT, method="lower"))
    if border < values.max():
        return border
    below = values[values < values.max()]
    # All alike: the border stays, and copies move on along it.
    return float(below.max()) if len(below) else border


def _moved(
    errors: Errors, z: Floats, reached: Floats, limits: Floats, size: float, moves: int, rng: np.random.Generator
) -> tuple[Floats, Floats, float]:
    """Copies after moves that keep the prior and the limits, and the share of moves that were taken."""
    taken = 0.0
    for _ in range(moves):
        new = math.sqrt(1 - size**2) * z + size * rng.normal(size=z.shape)
        found = np.stack(errors(new), 1)
        inside: NDArray[np.bool_] = np.all(found <= limits, axis=1)
        z, reached = np.where(inside[:, None], new, z), np.where(inside[:, None], found, reached)
        taken += float(inside.mean()) / moves
    return z, reached, taken


def _joined(logs: Floats, what: str, level: float) -> Estimate:
    """Bits of the mean share over clouds, with their spread: each share is met in the mean, its logarithm is not."""
    top = float(logs.max())
    value = -(top + math.log(float(np.mean(np.exp(logs - top))))) / math.log(2)
    spread = float(logs.std(ddof=1)) / math.log(2) / math.sqrt(len(logs))
    reach = float(stats.t.ppf((1 + level) / 2, len(logs) - 1)) * spread
    return Estimate(max(0.0, value), max(0.0, value - reach), value + reach, len(logs), what, level)
