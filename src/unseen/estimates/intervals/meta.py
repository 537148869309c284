"""Random-effects summary of several domains, and where the next one will lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.means import t_quantile, two_sided_t

FloatArray = NDArray[np.float64]
MIN_DOMAINS = 3
MIN_FOR_NEXT = 5
# Quantiles of the chi-squared distribution that stand for the whole of it.
GRID = 100


@dataclass(frozen=True)
class Summary:
    """Effects of domains, taken as draws from a population of domains.

    Attributes:
        mean: Mean of the population, with the Hartung–Knapp interval.
        next: Prediction interval for the true effect of one further domain; its value is the mean.
        tau: Standard deviation between domains [unit of the effect].
        share_between: I²: share of the variance of the effects that is not sampling noise.
        p_value: Two-sided, of "the population mean is 0".
    """

    mean: Estimate
    next: Estimate | None
    tau: float
    share_between: float
    p_value: float


def between_variance(effects: ArrayLike, variances: ArrayLike) -> float:
    """Variance between domains by Paule and Mandel: the τ² at which the weighted spread is what is expected.

    Args:
        effects: Shape (k,).
        variances: Sampling variances, shape (k,), positive.

    Returns:
        τ² ≥ 0. Source: Paule & Mandel 1982; DerSimonian & Kacker 2007, section 2.

    >>> round(between_variance([0.0, 1.0, 2.0], [0.1, 0.1, 0.1]), 6)
    0.9
    """
    y, v = np.asarray(effects, dtype=float), np.asarray(variances, dtype=float)

    def excess(tau2: float) -> float:
        w = 1 / (v + tau2)
        return float((w * (y - (w * y).sum() / w.sum()) ** 2).sum()) - (len(y) - 1)

    if excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, float(np.var(y)) + 1e-12
    while excess(high) > 0:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2


def random_effects(
    effects: ArrayLike, variances: ArrayLike, *, level: float = 0.95, bounds: tuple[float, float] | None = None
) -> Summary:
    """Summarise domains and predict the next one.

    The mean is weighted by 1/(v + τ²), its interval by Hartung and Knapp (t with k - 1 degrees of freedom, the
    variance never below that of the fixed model). The next domain's true effect is predicted with the uncertainty of
    τ² in it: its confidence distribution comes from Q(τ²) ~ χ²(k - 1), and each τ² contributes a normal with variance
    τ² + se².

    Args:
        effects: One effect a domain, shape (k,).
        variances: Their sampling variances, shape (k,).
        level: Nominal coverage.
        bounds: Range that an effect can have; intervals are cut there.

    Raises:
        TooFewUnits: Fewer than 3 domains.
        Undefined: A variance is not positive.

    Source: IntHout et al. 2014 (mean); Nagashima, Noma & Furukawa 2019, section 2 (prediction).
    """
    y, v = np.asarray(effects, dtype=float), np.asarray(variances, dtype=float)
    k = len(y)
    if k < MIN_DOMAINS:
        raise TooFewUnits(f"a summary over domains needs {MIN_DOMAINS} of them, got {k}.")
    if not (np.isfinite(y).all() and (v > 0).all()):
        raise Undefined("every domain needs a finite effect with a positive variance.")
    tau2 = between_variance(y, v)
    w = 1 / (v + tau2)
    mean = float((w * y).sum() / w.sum())
    knapp = float((w * (y - mean) ** 2).sum() / ((k - 1) * w.sum()))
    variance = max(knapp, 1 / float(w.sum()))
    quantile = t_quantile((1 - level) / 2, k - 1)
    fixed = 1 / v
    q = float((fixed * (y - (fixed * y).sum() / fixed.sum()) ** 2).sum())

    def cut(half: float) -> tuple[float, float]:
        low, high = mean - half, mean + half
        return (low, high) if bounds is None else (max(low, bounds[0]), min(high, bounds[1]))

    half = quantile * math.sqrt(variance)
    ahead = None
    if k >= MIN_FOR_NEXT:
        low, high = _next(y, v, level)
        low, high = (low, high) if bounds is None else (max(low, bounds[0]), min(high, bounds[1]))
        method = "prediction for one further domain, confidence distribution of the variance between domains"
        ahead = Estimate(mean, low, high, k, method, level)
    return Summary(
        Estimate(mean, *cut(half), k, "mean over domains, random effects (Paule-Mandel, Hartung-Knapp)", level),
        ahead,
        math.sqrt(tau2),
        max(0.0, (q - (k - 1)) / q) if q > 0 else 0.0,
        two_sided_t(mean / math.sqrt(variance), k - 1),
    )


def mean_of_few(
    effects: ArrayLike, variances: ArrayLike, *, level: float = 0.95, shared: float = 0.0
) -> tuple[Estimate, float]:
    """The population mean from a handful of domains whose sampling variances are well known, and its two-sided p-value.

    Hartung and Knapp's t with k - 1 degrees of freedom takes the whole variance as estimated from k effects; where most
    of it is sampling noise that is known from many rows, and k is 3, it never errs and finds little. Here only τ² is
    taken as unknown: each value of its confidence distribution, Q(τ²) ~ χ²(k - 1), contributes a normal around the mean
    under that τ².

    Args:
        effects: Shape (k,).
        variances: Their sampling variances, from many rows each, shape (k,).
        level: Nominal coverage.
        shared: Variance of the mean that all domains have in common.

    Raises:
        TooFewUnits: Fewer than 3 domains.
        Undefined: A variance is not positive.

    Source: Iyer, Wang & Mathew 2004, section 3 (generalised interval of a common mean); the distribution of τ² as in
    Nagashima, Noma & Furukawa 2019, section 2.

    >>> effects, variances = [0.1, 0.2, 0.15], [0.003, 0.003, 0.003]
    >>> mean_of_few(effects, variances)[0].format(3), random_effects(effects, variances).mean.format(3)
    ('0.150 [0.026, 0.274]', '0.150 [0.014, 0.286]')
    """
    from scipy import special

    y, v = np.asarray(effects, dtype=float), np.asarray(variances, dtype=float)
    summary = random_effects(y, v, level=level)
    mean, _, total = _under_each_variance(y, v)
    error = np.sqrt(1 / total + shared)
    low, high = (_mixture_quantile(mean, error, p) for p in ((1 - level) / 2, (1 + level) / 2))
    below = float(special.ndtr(-mean / error).mean())
    value = min(max(summary.mean.value, low), high)
    method = "mean over domains, confidence distribution of the variance between domains"
    return Estimate(value, low, high, len(y), method, level), min(1.0, 2 * min(below, 1 - below))


def _next(y: FloatArray, v: FloatArray, level: float) -> tuple[float, float]:
    """Quantiles of the true effect of one further domain: a mixture of normals over the distribution of τ²."""
    mean, tau2, total = _under_each_variance(y, v)
    spread = np.sqrt(tau2 + 1 / total)
    low, high = (_mixture_quantile(mean, spread, p) for p in ((1 - level) / 2, (1 + level) / 2))
    return low, high


def _under_each_variance(y: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means, values of τ² and sums of the weights, along the confidence distribution of τ²; each of shape (GRID,)."""
    from scipy import stats

    k, grid = len(y), (np.arange(GRID) + 0.5) / GRID
    target = stats.chi2.ppf(grid, k - 1)

    def weighted(tau2: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        w = 1 / (v + tau2[:, None])
        mean = (w * y).sum(1) / w.sum(1)
        return mean, (w * (y - mean[:, None]) ** 2).sum(1), w.sum(1)

    low, high = np.zeros(GRID), np.full(GRID, float(np.var(y)) + 1e-12)
    while (above := weighted(high)[1] > target).any():
        high[above] *= 2
    for _ in range(45):
        middle = (low + high) / 2
        above = weighted(middle)[1] > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    # Where even τ² = 0 leaves less spread than the quantile asks for, 0 it is: the bisection has gone there.
    mean, _, total = weighted(high)
    return mean, high, total


def _mixture_quantile(mean: FloatArray, spread: FloatArray, p: float) -> float:
    """Quantile of an equal mixture of normals."""
    from scipy import special

    a, b = float((mean - 12 * spread).min()), float((mean + 12 * spread).max())
    for _ in range(60):
        c = (a + b) / 2
        a, b = (c, b) if float(special.ndtr((c - mean) / spread).mean()) < p else (a, c)
    return (a + b) / 2


def left_out_coverage(effects: ArrayLike, variances: ArrayLike, *, level: float = 0.95) -> tuple[int, int]:
    """How often the prediction from the other domains covers the one left out: (covered, domains).

    The observed effect of the domain left out carries its own sampling noise, which is added to the interval.

    Raises:
        TooFewUnits: Fewer than 6 domains.
    """
    y, v = np.asarray(effects, dtype=float), np.asarray(variances, dtype=float)
    k = len(y)
    if k < MIN_FOR_NEXT + 1:
        raise TooFewUnits(f"a back-test over domains needs {MIN_FOR_NEXT + 1} of them, got {k}.")
    covered = 0
    for i in range(k):
        rest = np.arange(k) != i
        found = random_effects(y[rest], v[rest], level=level)
        quantile = t_quantile((1 - level) / 2, k - 2)
        assert found.next is not None, "at least 5 domains are left"  # noqa: S101
        half = math.sqrt((found.next.width / 2) ** 2 + quantile**2 * v[i])
        covered += abs(y[i] - found.mean.value) <= half
    return int(covered), k
