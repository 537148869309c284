"""How well bits and dimensions are told: coverage and bias where the truth is known.

    python benchmarks/difficulty_in_bits.py [--replicates 300]

Prints, for each setting, the share of intervals that hold the truth, the mean estimate beside it, and the standard deviation of
the estimates beside the mean standard error that intervals claim.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import numpy as np
from scipy import stats

from unseen.estimates import Estimate
from unseen.measures.difficulty_in_bits.beyond import bits_beyond
from unseen.measures.difficulty_in_bits.counted import scaled_chi_squared_bits
from unseen.measures.difficulty_in_bits.gaussian import Hypotheses
from unseen.measures.difficulty_in_bits.intrinsic_dimension import two_nn
from unseen.measures.difficulty_in_bits.splitting import split_bits


def line(name: str, truth: float | None, draw: Callable[[np.random.Generator], Estimate], replicates: int) -> None:
    """Coverage, mean and spread of one setting."""
    told = [draw(np.random.default_rng(k)) for k in range(replicates)]
    values = np.array([e.value for e in told])
    truth = float(values.mean()) if truth is None else truth
    hits = np.mean([e.low <= truth <= e.high for e in told])
    error = math.sqrt(max(hits * (1 - hits), 0.25 / replicates) / replicates)
    claimed = np.mean([e.width for e in told]) / 2 / stats.norm.ppf(0.975)
    print(
        f"{name:58} covered {hits:.3f} ({error:.3f}), truth {truth:8.2f}, mean {values.mean():8.2f}, spread {values.std():.3f}, claimed {claimed:.3f}"
    )


def torus(d: int, n: int) -> Callable[[np.random.Generator], Estimate]:
    """Points on a flat torus."""

    def draw(rng: np.random.Generator) -> Estimate:
        angle = rng.uniform(0, 2 * np.pi, (n, d))
        return two_nn(np.concatenate([np.cos(angle), np.sin(angle)], 1))

    return draw


def films(rng: np.random.Generator) -> Estimate:
    """A hundred places on a torus of two dimensions, one to fifteen frames each, with noise in eight more."""
    angle = rng.uniform(0, 2 * np.pi, (100, 2))
    own = np.repeat(np.arange(100), rng.integers(1, 16, 100))
    places = np.c_[np.cos(angle), np.sin(angle), np.zeros((100, 4))]
    return two_nn(places[own] + rng.normal(0, 1e-3, (len(own), 8)), own)


def beyond(n: int) -> Callable[[np.random.Generator], Estimate]:
    """The same training examples and predictor, other test examples."""
    x = np.random.default_rng(999).uniform(-2, 2, (60, 2))

    def truth(x: np.ndarray) -> np.ndarray:
        return np.sin(3 * x[:, 0])

    def said(x: np.ndarray) -> np.ndarray:
        return truth(x) + 0.15 * np.cos(2 * x[:, 1])

    def draw(rng: np.random.Generator) -> Estimate:
        new = rng.uniform(-2, 2, (n, 2))
        return bits_beyond((x, truth(x), said(x)), (new, truth(new), said(new))).bits

    return draw


def apart(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Noncentral χ² errors."""
    squared = (z - 1) ** 2
    return squared[:, :4].sum(1), squared[:, 4:].sum(1)


def fitted(decay: float, draws: int, resamples: int = 20) -> tuple[float, Callable[[np.random.Generator], Estimate]]:
    """The published fit on errors of draws whose variances fall by a factor, at a thousandth of the mean error."""
    made = Hypotheses(np.zeros((20, 1)), np.diag(decay ** np.arange(20.0)), np.zeros((20, 1)))
    error = made.squares.mean / 100

    def draw(rng: np.random.Generator) -> Estimate:
        errors = np.mean((made.draw(draws, rng) - made.targets) ** 2, axis=(1, 2))
        return scaled_chi_squared_bits(errors, error, rng=rng, resamples=resamples)

    return made.bits_by_saddlepoint(error), draw


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=60)
    r = parser.parse_args().replicates
    for d, n in ((1, 60), (2, 200), (4, 300)):
        line(f"dimension of a torus, d={d}, {n} points", float(d), torus(d, n), r)
    line("dimension, films of 1 to 15 frames, d=2", 2.0, films, r)
    for n in (60, 150):
        line(f"bits beyond, {n} test examples (truth: their mean)", None, beyond(n), r)
    closed = -float(stats.ncx2.logcdf(0.05, 8, 8)) / math.log(2)
    for m in (150, 500):
        line(f"splitting, clouds of {m}", closed, lambda rng, m=m: split_bits(apart, 12, fit=0.5, error=0.05, rng=rng, particles=m).beyond, max(10, r // 4))  # fmt: skip
    for decay in (1.0, 0.8, 0.5):
        truth, draw = fitted(decay, 100)
        line(f"published fit to 100 errors, variances × {decay:g}", truth, draw, max(10, r // 6))


if __name__ == "__main__":
    main()
