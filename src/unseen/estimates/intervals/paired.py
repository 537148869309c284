"""Paired comparisons: the same items answered by both sides."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.clustered import require_dof
from unseen.estimates.intervals.codes import dense, distinct
from unseen.estimates.intervals.means import cluster_robust, normal_quantile, t_quantile, two_sided_t, wilson

FloatArray = NDArray[np.float64]
# With so few units all sign patterns are listed instead of drawn.
MAX_LISTED = 12


@dataclass(frozen=True, slots=True)
class Flips:
    """How binary pairs fall: both right, only a right, only b right, both wrong."""

    both: int
    only_a: int
    only_b: int
    neither: int


def flips(a: ArrayLike, b: ArrayLike) -> Flips:
    """Count the four outcomes of binary pairs.

    >>> flips([1, 1, 0, 0], [1, 0, 0, 1])
    Flips(both=1, only_a=1, only_b=1, neither=1)
    """
    x, y = np.asarray(a) > 0.5, np.asarray(b) > 0.5
    counts = np.bincount(2 * x + y, minlength=4)
    return Flips(int(counts[3]), int(counts[2]), int(counts[1]), int(counts[0]))


def paired_difference(
    a: ArrayLike, b: ArrayLike, cluster: ArrayLike, *, rng: np.random.Generator,
    level: float = 0.95, permutations: int = 2000,
) -> tuple[Estimate, float]:  # fmt: skip
    """Estimate the mean of a − b over pairs, and test that it is zero.

    Independent binary pairs get the exact McNemar test and Tango's score interval; all others a permutation that flips
    the sign of whole clusters and a cluster-robust (CR2) interval with Satterthwaite's degrees of freedom. The p-value
    is the larger of the permutation's and that of the interval's own t, so that nothing is significant beside an
    interval that reaches zero. Where no permutation is as extreme as what was seen, t alone tells how far below
    1/(permutations + 1) the p-value lies, so that a correction over many pairs can still reject.

    Args:
        a: Scores of one side, shape (n,); row i of both sides is one pair. Pairs with a NaN are left out.
        b: Scores of the other side, shape (n,).
        cluster: Integer of the sampling unit of each pair, shape (n,).
        rng: Source of the sign flips.
        level: Nominal coverage.
        permutations: Sign flips drawn; all of them are listed up to 12 clusters.

    Returns:
        The mean difference, in score units, with the number of clusters as units; the two-sided p-value.

    Raises:
        TooFewUnits: Fewer than 2 clusters, or so uneven ones that fewer than 2 degrees of freedom are left.
        Undefined: All pairs differ by the same amount and are not binary.

    Source: McNemar (1947), exact by the binomial; Tango (1998), Equivalence test and confidence interval for the
    difference in proportions for the paired-sample design; Good (2005), ch. 3 (sign flips).

    >>> gap, p = paired_difference([1] * 9 + [0], [0] * 9 + [1], range(10), rng=np.random.default_rng(0))
    >>> print(gap, round(p, 4))
    0.800 [0.192, 0.964] 0.0215
    """
    x, y, unit = _pairs(a, b, cluster)
    units = distinct(unit)
    if units < 2:
        raise TooFewUnits(f"a paired comparison needs at least 2 independent units, got {units} ({len(x)} pairs).")
    binary = bool(np.all(((x == 0) | (x == 1)) & ((y == 0) | (y == 1))))
    if binary and units == len(x):
        counts = flips(x, y)
        return _tango(counts, level), mcnemar(counts.only_a, counts.only_b)
    change = x - y
    p, at_floor = sign_flip(change, unit, rng=rng, permutations=permutations)
    if binary:
        estimate, p_t = _clustered_binary(change, unit, level)
    else:
        estimate, p_t = _clustered(change, unit, level)
    return estimate, p_t if at_floor else max(p, p_t)


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p-value that discordant pairs fall either way with equal chance.

    >>> round(mcnemar(9, 1), 4)
    0.0215
    """
    from scipy import special

    n = only_a + only_b
    if n == 0:
        return 1.0
    return min(1.0, 2 * float(special.bdtr(min(only_a, only_b), n, 0.5)))


def sign_flip(
    change: ArrayLike, cluster: ArrayLike, *, rng: np.random.Generator, permutations: int = 2000
) -> tuple[float, bool]:
    """Two-sided p-value that the mean change is zero, flipping the sign of whole clusters.

    Args:
        change: Shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        rng: Source of the flips.
        permutations: Flips drawn beyond the observed one.

    Returns:
        The p-value, and whether it is the smallest that this number of flips can give.
    """
    where, _ = dense(cluster)
    sums = np.bincount(where, weights=np.asarray(change, np.float64))
    sums = sums[sums != 0]
    if not len(sums):
        return 1.0, False
    observed = abs(float(sums.sum())) * (1 - 1e-12)
    if len(sums) <= MAX_LISTED:
        signs = 1 - 2.0 * ((np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums))) & 1)
        return float(np.mean(np.abs(signs @ sums) >= observed)), False
    hits, values, counts = 0, *np.unique(np.abs(sums), return_counts=True)
    if len(values) * 4 < len(sums):
        # Equal sizes are exchangeable: how many of them turn positive is binomial.
        positive = rng.binomial(counts, 0.5, size=(permutations, len(values)))
        hits = int(np.sum(np.abs((2 * positive - counts) @ values) >= observed))
    else:
        block = max(1, 4_000_000 // len(sums))
        for start in range(0, permutations, block):
            size = (min(block, permutations - start), len(sums))
            signs = rng.integers(0, 2, size=size, dtype=np.int8)
            hits += int(np.sum(np.abs(2.0 * (signs @ sums) - sums.sum()) >= observed))
    return (hits + 1) / (permutations + 1), hits == 0


def _pairs(a: ArrayLike, b: ArrayLike, cluster: ArrayLike) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    x, y = np.asarray(a, np.float64).reshape(-1), np.asarray(b, np.float64).reshape(-1)
    unit = np.asarray(cluster).reshape(-1).astype(np.int64)
    if not len(x) == len(y) == len(unit):
        raise BadInput(f"pairs need equal lengths, got {len(x)}, {len(y)} and {len(unit)} clusters.")
    keep = ~(np.isnan(x) | np.isnan(y))
    return x[keep], y[keep], unit[keep]


def _clustered(change: FloatArray, unit: NDArray[np.int64], level: float) -> tuple[Estimate, float]:
    value, variance, dof, units = cluster_robust(change, unit, what="the mean paired change")
    if variance <= 0:
        raise Undefined(
            f"the mean paired change has no interval: it is {value:g} in all {units} units. Give pairs that vary."
        )
    if units < len(change):
        require_dof(dof, units, "the mean paired change")
    error = math.sqrt(variance)
    half = t_quantile((1 - level) / 2, dof) * error
    method = "paired difference, cluster-robust (CR2), t"
    return Estimate(value, value - half, value + half, units, method, level), two_sided_t(value / error, dof)


def _clustered_binary(change: FloatArray, unit: NDArray[np.int64], level: float) -> tuple[Estimate, float]:
    try:
        estimate, p = _clustered(change, unit, level)
    except Undefined:
        # No pair disagrees, or all do in one direction: bound the rate of what was not seen among so many units.
        value, units = float(change.mean()), distinct(unit)
        room = wilson(0.0, float(units), normal_quantile((1 - level) / 2))[1]
        low, high = max(-1.0, value - room), min(1.0, value + room)
        p = 1.0 if value == 0 else 2.0 ** (1 - units)
        return Estimate(value, low, high, units, "paired difference, Wilson bound on unseen flips", level), p
    low, high = max(-1.0, estimate.low), min(1.0, estimate.high)
    return Estimate(estimate.value, low, high, estimate.units, estimate.method, level), p


def _tango(counts: Flips, level: float) -> Estimate:
    """Tango's score interval for the difference of paired proportions, by bisection."""
    n, b, c = counts.both + counts.only_a + counts.only_b + counts.neither, counts.only_a, counts.only_b
    z, value = normal_quantile((1 - level) / 2), (counts.only_a - counts.only_b) / n

    def statistic(delta: float) -> float:
        # The constrained estimate of P(only b) given the difference delta: root of 2n·q² + B·q + C.
        linear = -b - c + (2 * n - b + c) * delta
        q = (math.sqrt(max(0.0, linear**2 - 8 * n * (-c * delta * (1 - delta)))) - linear) / (4 * n)
        variance = n * (2 * q + delta * (1 - delta))
        return (b - c - n * delta) / math.sqrt(variance) if variance > 0 else 0.0

    low = _crossing(statistic, -1.0, value, z)
    high = _crossing(statistic, 1.0, value, -z)
    return Estimate(value, min(low, value), max(high, value), n, "paired difference, Tango's score interval", level)


def _crossing(statistic: Callable[[float], float], end: float, value: float, target: float) -> float:
    """Where the falling statistic meets the target, between the end of the range and the value."""
    outer, inner = end, value
    for _ in range(60):
        middle = (outer + inner) / 2
        if abs(statistic(middle)) > abs(target):
            outer = middle
        else:
            inner = middle
    return (outer + inner) / 2
