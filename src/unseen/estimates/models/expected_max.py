"""What the best of n runs is worth: the expected maximum, without the bias of the plug-in estimator."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate

FloatArray = NDArray[np.float64]


def expected_maximum_value(scores: ArrayLike, n: int) -> float:
    """Unbiased estimate of E[max of n runs]: the mean maximum over all subsets of n of the N runs seen.

    Σ_i x_(i)·C(i − 1, n − 1)/C(N, n), a U-statistic, so that its expectation is exact for every N ≥ n.

    Args:
        scores: One score a run, shape (N,); higher is better.
        n: Runs of which the best is reported.

    Raises:
        BadInput: n is below 1.
        TooFewUnits: n is above N: no unbiased estimate exists.

    Source: Tang et al. (2020), Showing your work doesn't always work, section 4.

    >>> expected_maximum_value([1.0, 2.0, 3.0], 2).__round__(4)
    2.6667
    """
    values = _checked(scores, n)
    return float(np.sort(values) @ _subset_weights(len(values), n))


def plug_in_maximum(scores: ArrayLike, n: int) -> float:
    """The estimator of Dodge et al.: Σ_i x_(i)·((i/N)^n − ((i−1)/N)^n). Biased downwards; kept for comparison.

    Source: Dodge et al. (2019), Show your work: improved reporting of experimental results, equation 5.

    >>> plug_in_maximum([1.0, 2.0, 3.0], 2).__round__(4)
    2.4444
    """
    values = np.sort(np.asarray(scores, np.float64))
    edges = (np.arange(len(values) + 1) / len(values)) ** n
    return float(values @ np.diff(edges))


def expected_maximum(scores: ArrayLike, n: int, *, level: float = 0.95) -> Estimate:
    """The unbiased expected maximum of n runs, with an interval.

    The error is the jackknife's over runs, with t of N − 1 degrees of freedom. At n = N a single subset remains and
    leaves the jackknife nothing to see: at least one run beyond n is needed.

    Args:
        scores: One score a run, shape (N,); higher is better.
        n: Runs of which the best is reported, at most N − 1.
        level: Nominal coverage.

    Returns:
        The expected maximum, in score units; ``units`` is the number of runs.

    Raises:
        BadInput: n is below 1.
        TooFewUnits: There are not more than n runs, or fewer than 3.
        Undefined: All runs have the same score.

    Source: Tang et al. (2020), section 4; Arvesen (1969), Jackknifing U-statistics.

    >>> print(expected_maximum([0.70, 0.71, 0.73, 0.74, 0.78, 0.80], 2))
    0.767 [0.715, 0.820]
    """
    from unseen.estimates.intervals.means import t_quantile

    values = np.sort(_checked(scores, n))
    runs = len(values)
    if runs < max(3, n + 1):
        raise TooFewUnits(f"the expected best of {n} needs more than {max(2, n)} runs for an interval, got {runs}.")
    if values[0] == values[-1]:
        raise Undefined(f"all {runs} runs score {values[0]:g}, so that no interval exists. Check that seeds differ.")
    value = float(values @ _subset_weights(runs, n))
    weights = _subset_weights(runs - 1, n)
    left_out = np.array([np.delete(values, i) @ weights for i in range(runs)])
    error = float(np.sqrt((runs - 1) / runs * np.sum((left_out - left_out.mean()) ** 2)))
    half = t_quantile((1 - level) / 2, runs - 1) * error
    return Estimate(value, value - half, value + half, runs, f"expected maximum of {n}, U-statistic, jackknife", level)


def _checked(scores: ArrayLike, n: int) -> FloatArray:
    values = np.asarray(scores, np.float64).reshape(-1)
    values = values[~np.isnan(values)]
    if n < 1:
        raise BadInput(f"the best of n runs needs n of at least 1, got {n}.")
    if n > len(values):
        raise TooFewUnits(f"the expected best of {n} has no unbiased estimate from {len(values)} runs. Add runs.")
    return values


def _subset_weights(runs: int, n: int) -> FloatArray:
    """Share of the n-subsets of N sorted runs whose maximum is the i-th, shape (N,)."""
    from scipy import special

    i = np.arange(1, runs + 1)
    # Logarithms keep binomials of thousands of runs in range.
    log = (
        special.gammaln(np.maximum(i, 1)) - special.gammaln(np.maximum(i - n + 1, 1)) - special.gammaln(n)
        - (special.gammaln(runs + 1) - special.gammaln(n + 1) - special.gammaln(runs - n + 1))
    )  # fmt: skip
    weights = np.where(i >= n, np.exp(log), 0.0)
    return weights / weights.sum()
