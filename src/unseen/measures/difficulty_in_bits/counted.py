"""Bits from hypotheses that were drawn or listed, and the published extrapolation from their errors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.measures.difficulty_in_bits.tails import Squares

Floats = NDArray[np.float64]
RESAMPLES = 40
LEAST = 20
# Degrees of freedom with noncentrality from which densities go by the saddlepoint.
MANY = 100.0


def listed_bits(
    train_errors: ArrayLike, test_errors: ArrayLike, *, fit: float, error: float, prior: ArrayLike | None = None
) -> float:
    """Bits of a finite class of hypotheses, all listed: −log₂ P(test error ≤ error | training error ≤ fit).

    Args:
        train_errors: Of each hypothesis, shape (h,).
        test_errors: The same on the test examples.
        fit: What counts as fitting.
        error: Desired test error.
        prior: Weight of each; by default all are as likely.

    Returns:
        Bits; infinite where none of those that fit is as good.

    Raises:
        Undefined: None fits.

    >>> listed_bits([0, 0, 0, 0, 1], [0.0, 0.5, 0.5, 1.0, 0.0], fit=0, error=0.1)
    2.0
    """
    seen, unseen = np.asarray(train_errors, np.float64), np.asarray(test_errors, np.float64)
    weight = np.ones(len(seen)) if prior is None else np.asarray(prior, np.float64)
    fits = seen <= fit
    among = float(weight[fits].sum())
    if among <= 0:
        raise Undefined(
            f"none of {len(seen)} hypotheses has a training error of {fit:g} at most: there is nothing to choose from."
        )
    good = float(weight[fits & (unseen <= error)].sum())
    return math.inf if good == 0 else max(0.0, -math.log2(good / among))


def counted_bits(hits: int, draws: int, level: float = 0.95) -> Estimate:
    """Bits from how many of so many drawn hypotheses are good enough, with exact limits (Clopper & Pearson).

    Args:
        hits: Those that are.
        draws: All that fit the training examples.
        level: Coverage of the interval.

    Returns:
        Bits; where none was, infinite, with the lower limit that so many draws allow.

    Raises:
        BadInput: There are more hits than draws, or none was drawn.

    >>> print(counted_bits(25, 100).format(1), counted_bits(0, 100).format(1))
    2.0 [1.5, 2.6] inf [4.8, inf]
    """
    if not 0 <= hits <= draws or draws < 1:
        raise BadInput(f"{hits} of {draws} hypotheses: hits lie between 0 and the number of draws.")
    limits = stats.binomtest(hits, draws).proportion_ci(level)
    low, high, value = (
        math.inf if p <= 0 else max(0.0, -math.log2(p)) for p in (limits.high, limits.low, hits / draws)
    )
    return Estimate(value, low, high, draws, f"{hits} of {draws:,} hypotheses, tails of the binomial", level)


def scaled_chi_squared_bits(
    errors: ArrayLike, error: float, *, rng: np.random.Generator, level: float = 0.95, resamples: int = RESAMPLES
) -> Estimate:
    """Bits from the errors of few hypotheses, by a scaled noncentral χ² fitted to them: what the authors do.

    It goes far beyond the errors that were seen, on the strength of a shape that holds where errors are squared and
    predictions Gaussian with equal variances in all directions. Its interval knows the draws, not the shape: where variances
    fall by 0.8 from direction to direction it tells 28 bits of 45 (``Hypotheses.bits`` has no shape to be wrong about).

    Args:
        errors: Test errors of hypotheses that fit the training examples, shape (h,), all positive.
        error: Desired test error.
        rng: Draws the resamples.
        level: Coverage of the interval, percentiles over resampled hypotheses.
        resamples: How many.

    Raises:
        TooFewUnits: There are fewer than 20.
        Undefined: They do not differ.

    Source: Boopathy et al. (2024), Towards exact computation of inductive bias, section 3.2, and the authors' code.

    >>> rng = np.random.default_rng(0)
    >>> print(scaled_chi_squared_bits(rng.chisquare(8, 200) / 8, 0.1, rng=rng).format(1))
    10.2 [9.1, 12.0]
    """
    values = np.asarray(errors, np.float64)
    if len(values) < LEAST:
        raise TooFewUnits(
            f"errors of {len(values)} hypotheses, {LEAST} are needed for the shape of their distribution."
        )
    if not (values > 0).all() or np.ptp(values) <= 1e-9 * float(values.mean()):
        raise Undefined(
            "the errors of the hypotheses do not differ, or one is not positive: they have no such distribution."
        )
    first = _fitted(values, None)
    drawn = [_bits(_fitted(rng.choice(values, len(values)), first), error) for _ in range(resamples)]
    low, high = (float(v) for v in np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]))
    return Estimate(
        _bits(first, error),
        low,
        high,
        len(values),
        f"scaled noncentral χ² fitted to the errors, {resamples} resamples",
        level,
    )


def _fitted(values: Floats, start: Floats | None) -> Floats:
    """Logarithms of df, noncentrality and scale of greatest likelihood."""
    if start is None:
        mean, variance = float(values.mean()), float(values.var())
        start = np.log([2 * mean**2 / variance, 1e-2, variance / (2 * mean)])

    def cost(log: Floats) -> float:
        df, nc, scale = np.exp(np.clip(log, -20, 20))
        told = _log_density(values / scale, float(df), float(nc)) - math.log(scale)
        return float(-np.sum(told)) if np.isfinite(told).all() else 1e300

    return np.asarray(
        optimize.minimize(cost, start, method="Nelder-Mead", options={"maxiter": 200, "xatol": 1e-3, "fatol": 1e-4}).x
    )


def _bits(log: Floats, error: float) -> float:
    df, nc, scale = (float(v) for v in np.exp(np.clip(log, -20, 20)))
    told = float(stats.ncx2.logcdf(error / scale, df, nc)) if df + nc < MANY else -math.inf
    if not math.isfinite(told) or told < -600:
        # Beyond what doubles hold as a probability.
        told = Squares(np.array([scale]), np.array([df]), np.array([scale * nc])).log_share(error)
    return max(0.0, -told / math.log(2))


def _log_density(values: Floats, df: float, nc: float) -> Floats:
    """Logarithm of the density of a noncentral χ²; of many degrees by the saddlepoint, where scipy's is minus infinity."""
    if df + nc < MANY:
        return np.asarray(stats.ncx2.logpdf(values, df, nc), np.float64)
    d = (df + np.sqrt(df**2 + 4 * values * nc)) / (2 * values)
    s = (1 - d) / 2
    cumulant = -df / 2 * np.log(d) + nc * s / d
    second, third, fourth = (x * df / d**k + y * nc / d ** (k + 1) for x, y, k in ((2, 4, 2), (8, 24, 3), (48, 192, 4)))
    # The next term, without which small degrees of freedom would look too likely.
    more = np.log1p(fourth / second**2 / 8 - 5 * third**2 / second**3 / 24)
    return cumulant - s * values - 0.5 * np.log(2 * math.pi * second) + more
