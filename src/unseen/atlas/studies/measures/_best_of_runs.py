"""Tuning runs whose score distribution is known: what the best of n is truly worth, and the bootstrap's answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined

FloatArray = NDArray[np.float64]


def true_expected_maximum(cdf: Callable[[FloatArray], FloatArray], n: int, low: float, high: float) -> float:
    """Expected maximum of n independent draws from a known distribution: high − ∫ F(x)ⁿ dx.

    Args:
        cdf: Distribution function F, vectorised.
        n: Draws of which the best is taken.
        low: Below this nothing lies.
        high: Above this nothing lies.

    Raises:
        BadInput: n is below 1, or the ends are in the wrong order.

    Source: David & Nagaraja (2003), Order statistics, section 3.1 (tail formula).

    >>> round(true_expected_maximum(lambda x: x, 4, 0.0, 1.0), 6)
    0.8
    """
    if n < 1 or not low < high:
        raise BadInput(f"the best of n runs needs n of at least 1 and low < high, got n={n}, {low:g} and {high:g}.")
    # Gauss-Legendre on short pieces: F ** n is steep where n is large.
    nodes, weights = np.polynomial.legendre.leggauss(8)
    edges = np.linspace(low, high, 1001)
    half = np.diff(edges) / 2
    x = (edges[:-1] + half)[:, None] + half[:, None] * nodes
    return float(high - ((cdf(x.ravel()).reshape(x.shape) ** n) @ weights) @ half)


@dataclass(frozen=True, eq=False)
class KernelScores:
    """A normal kernel estimate of scores, read as the distribution itself: it can be drawn from, and its F is known.

    Attributes:
        centres: Scores it was made of, shape (N,).
        width: Standard deviation of the kernel, in score units.
    """

    centres: FloatArray
    width: float

    @classmethod
    def of(cls, scores: ArrayLike) -> KernelScores:
        """With Silverman's width, 0.9·min(sd, IQR/1.34)·N^(-1/5).

        Raises:
            TooFewUnits: Fewer than 3 scores.
            Undefined: All scores are equal.

        Source: Silverman (1986), Density estimation, equation 3.31.
        """
        centres = np.asarray(scores, np.float64).reshape(-1)
        if len(centres) < 3:
            raise TooFewUnits(f"a kernel estimate needs 3 scores, got {len(centres)}. Add runs.")
        sd = float(centres.std(ddof=1))
        if sd == 0:
            raise Undefined(f"all {len(centres)} scores are {centres[0]:g}: they have no width. Vary the settings.")
        quartiles = np.quantile(centres, [0.25, 0.75])
        spread = min(sd, float(quartiles[1] - quartiles[0]) / 1.34) or sd
        return cls(centres, 0.9 * spread * len(centres) ** -0.2)

    @property
    def sd(self) -> float:
        """Standard deviation of the distribution."""
        return float(np.sqrt(self.centres.var() + self.width**2))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """F at each x, shape (k,)."""
        from scipy import special

        return special.ndtr((np.asarray(x, np.float64)[:, None] - self.centres) / self.width).mean(axis=1)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Independent scores."""
        return rng.choice(self.centres, shape) + self.width * rng.standard_normal(shape)

    def expected_maximum(self, n: int) -> float:
        """The true expected best of n."""
        reach = 9 * self.width
        return true_expected_maximum(self.cdf, n, self.centres.min() - reach, self.centres.max() + reach)


def bootstrap_maxima(
    scores: ArrayLike, ns: Sequence[int], *, rng: np.random.Generator, resamples: int = 1000
) -> FloatArray:
    """The plug-in expected maximum of resampled runs; its quantiles are the percentile interval of "Show your work".

    Kept for comparison: resamples never see beyond the best run, so that the interval is too low and too short.

    Args:
        scores: One score a run, shape (N,).
        ns: Numbers of runs of which the best is reported.
        rng: Draws the resamples.
        resamples: How many.

    Returns:
        Shape (resamples, len(ns)).

    Raises:
        TooFewUnits: Fewer than 2 runs.

    Source: Dodge et al. (2019), Show your work, section 3; Tang et al. (2020), section 3.2.

    >>> bootstrap_maxima([1.0, 2.0], [1, 9], rng=np.random.default_rng(0), resamples=4000).mean(0).round(2).tolist()
    [1.51, 1.76]
    """
    values = np.sort(np.asarray(scores, np.float64).reshape(-1))
    runs = len(values)
    if runs < 2:
        raise TooFewUnits(f"a bootstrap needs 2 runs, got {runs}.")
    # Positions instead of scores are sorted: small integers go faster, and the order is the same.
    places = np.sort(rng.integers(0, runs, (resamples, runs), dtype=np.uint16), axis=1)
    edges = (np.arange(runs + 1) / runs)[:, None] ** np.asarray(ns)
    return values[places] @ np.diff(edges, axis=0)
