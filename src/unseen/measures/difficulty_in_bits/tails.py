"""How rare small values of a sum of squared Gaussians are, far into the tail."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from unseen.errors import Undefined

Floats = NDArray[np.float64]
# Beyond this the difference of Mills' ratio and its first term is lost in rounding, and is less than 1e-6 of the rest.
FAR = 1e3


@dataclass(frozen=True)
class Squares:
    """T = c + Σ aᵢ χ²(dfᵢ, nᵢ): the mean squared error of Gaussian predictions.

    Attributes:
        scales: aᵢ > 0, shape (r,).
        freedom: dfᵢ, shape (r,).
        offsets: aᵢ·nᵢ: what the means add, shape (r,).
        constant: c, which no draw changes.
    """

    scales: Floats
    freedom: Floats
    offsets: Floats
    constant: float = 0.0

    @property
    def mean(self) -> float:
        """Expected value."""
        return self.constant + float(self.scales @ self.freedom + self.offsets.sum())

    def cumulant(self, s: float) -> tuple[float, float, float, float]:
        """Logarithm of E exp(sT), and its first three derivatives; s < 1 / (2 max a)."""
        a, df, b = self.scales, self.freedom, self.offsets
        d = 1 - 2 * s * a
        value = s * self.constant + float(np.sum(-0.5 * df * np.log(d) + s * b / d))
        first = self.constant + float(np.sum(df * a / d + b / d**2))
        second = float(np.sum(2 * df * a**2 / d**2 + 4 * a * b / d**3))
        third = float(np.sum(8 * df * a**3 / d**3 + 24 * a**2 * b / d**4))
        return value, first, second, third

    def tilt(self, at: float) -> float:
        """The s for which the tilted mean is ``at``.

        Raises:
            Undefined: No draw is as small.
        """
        if at <= self.constant:
            raise Undefined(
                f"no hypothesis has an error of {at:.3g}: what all of them get wrong alike is {self.constant:.3g} already."
            )
        top = 1 / (2 * float(self.scales.max()))

        def excess(v: float) -> float:
            return self.cumulant(-top * math.expm1(-v))[1] - at

        low, high = (0.0, 1.0) if self.mean < at else (-1.0, 0.0)
        while self.mean < at and high < 600 and excess(high) < 0:
            high *= 2
        while self.mean >= at and low > -600 and excess(low) > 0:
            low *= 2
        v = 0.0 if self.mean == at else float(cast(Any, brentq(excess, low, high, xtol=1e-12)))
        return -top * math.expm1(-v)

    def log_share(self, at: float) -> float:
        """Logarithm of P(T ≤ at) by the saddlepoint, to about 1 % of P however small it is.

        Source: Lugannani & Rice (1980), Saddle point approximation for the distribution of the sum of independent random
        variables; Kuonen (1999) for sums of squares.

        >>> from scipy import stats
        >>> one = Squares(np.array([1.0]), np.array([20.0]), np.array([0.0]))
        >>> round(one.log_share(2.0), 2), round(float(stats.chi2.logcdf(2.0, 20)), 2)
        (-16.01, -16.01)
        """
        s = self.tilt(at)
        value, _, second, third = self.cumulant(s)
        depth = s * at - value
        if depth < 1e-7:
            return math.log(
                0.5
                + (at - self.mean) / math.sqrt(2 * math.pi * second)
                + third / (6 * math.sqrt(2 * math.pi) * second**1.5)
            )
        w, u = math.copysign(math.sqrt(2 * depth), s), s * math.sqrt(second)
        if w < -FAR:
            return -depth - 0.5 * math.log(2 * math.pi) - math.log(-u)
        density = -0.5 * math.log(2 * math.pi) - depth
        if w > 0:
            return math.log(min(1.0, float(ndtr(w)) + math.exp(density) * (1 / w - 1 / u)))
        mills = math.exp(float(log_ndtr(w)) - density)
        return min(0.0, density + math.log(max(mills + 1 / w - 1 / u, 1e-300)))

    def log_share_drawn(self, at: float, draws: int, rng: np.random.Generator) -> tuple[float, float]:
        """The same by draws from the tilted distribution, which is Gaussian again: unbiased in P, with its standard error.

        Args:
            at: Where.
            draws: How many.
            rng: Draws them.

        Returns:
            log P, and the standard error of P over P.

        Source: Siegmund (1976), Importance sampling in the Monte Carlo study of sequential tests.
        """
        s = min(0.0, self.tilt(at))
        value = self.cumulant(s)[0]
        d = 1 - 2 * s * self.scales
        total = np.full(draws, self.constant)
        for a, df, b, by in zip(self.scales, self.freedom, self.offsets, d, strict=True):
            total += a / by * rng.noncentral_chisquare(df, b / (a * by), draws)
        inside = total <= at
        # Between 0 and 1: a draw below the border weighs less the farther it lies below, since s < 0.
        weight = np.where(inside, np.exp(np.minimum(0.0, -s * (total - at))), 0.0)
        share = float(weight.mean())
        if share == 0:
            raise Undefined(f"none of {draws} tilted draws is below {at:.3g}; draw more.")
        return value - s * at + math.log(share), float(weight.std(ddof=1)) / math.sqrt(draws) / share
