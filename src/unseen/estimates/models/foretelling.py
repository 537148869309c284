"""Does a measure of runs foretell their scores: order agreement over all pairs, and over pairs that differ in one setting only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.means import t_quantile, two_sided_t

MIN_RUNS = 8
# Fewest pairs that differ in one setting only, from which that setting is told.
MIN_PAIRS = 10
# Settings that only draw anew.
SEEDS = ("seed", "repeat", "replicate", "fold", "run")
# Least error of a coefficient of n runs on Fisher's scale, times the square root of n.
LEAST = 0.66


@dataclass(frozen=True)
class Foretelling:
    """How far one measure orders runs as their scores do.

    Attributes:
        tau: Share of concordant minus discordant pairs of runs.
        by_setting: The same over pairs that differ in this setting alone.
        worst: The setting where it orders worst; "" where no setting has enough pairs.
        p_value: Of no agreement, two-sided.
    """

    tau: Estimate
    by_setting: Mapping[str, Estimate]
    worst: str
    p_value: float


def foretelling(
    measure: np.ndarray, score: np.ndarray, settings: Sequence[Mapping[str, Any]] = (), *,
    apart: np.ndarray | None = None, groups: np.ndarray | None = None, level: float = 0.95,
) -> Foretelling:  # fmt: skip
    """Agreement of two orders of runs, with intervals from leaving out one configuration at a time.

    Kendall's coefficient without a correction for ties (a tie counts as neither), on the scale of Fisher's z; the jackknife
    knows that each run stands in many pairs. Runs that differ in the seed alone are alike in measure and score for one reason,
    so that they are left out together; the larger of this error and that over single runs counts.

    Args:
        measure: One value a run, larger where a better score is foretold, shape (n,).
        score: Scores of the runs, shape (n,).
        settings: What tells the runs apart, one mapping a run; seeds tell nothing and are passed over. Without settings each
            run counts as a configuration of its own.
        apart: Which pairs of runs have scores that noise does not explain, shape (n, n): among runs that differ in one setting
            only these count, so that a setting without effect makes no measure look bad.
        groups: Which runs are of one configuration, as integers from 0, shape (n,); by default seen from the settings.
        level: Coverage.

    Raises:
        TooFewUnits: Fewer than eight runs.
        Undefined: All runs have the same measure or score, or a value is not finite.

    Source: Jiang et al. (2020), Fantastic generalization measures and where to find them, section 2.2 (granulated coefficient);
    Dziugaite et al. (2020), In search of robust measures of generalization (worst environments).

    >>> rng = np.random.default_rng(0)
    >>> score = rng.normal(size=40)
    >>> foretelling(score + 0.5 * rng.normal(size=40), score).tau.low > 0
    True
    """
    x, y = np.asarray(measure, dtype=float), np.asarray(score, dtype=float)
    if len(x) < MIN_RUNS:
        raise TooFewUnits(f"an order of runs needs {MIN_RUNS} of them, got {len(x)}.")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise Undefined("a measure or a score of a run is not finite.")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise Undefined("all runs have the same measure, or the same score: there is no order to agree with.")
    agree = np.sign(x[:, None] - x[None]) * np.sign(y[:, None] - y[None])
    everyone = ~np.eye(len(x), dtype=bool)
    groups = configurations(settings, len(x)) if groups is None else groups
    count = int(groups.max()) + 1
    tau, single = _jackknifed(agree, everyone, np.arange(len(x)))
    error = max(single, _jackknifed(agree, everyone, groups)[1])
    # What runs of one configuration share widens the spread under the null as it does the interval.
    null_error = _null_error(x, y) * (error / single if single > 0 else 1.0)
    p_value = two_sided_t(tau / null_error, count - 1)
    found: dict[str, Estimate] = {}
    for name, pairs in _pairs_of(settings).items():
        pairs = pairs if apart is None else pairs & apart
        if pairs.sum() / 2 >= MIN_PAIRS:
            value, spread = _jackknifed(agree, pairs, np.arange(len(x)))
            spread = max(spread, _jackknifed(agree, pairs, groups)[1])
            runs, units = int(min(pairs.sum() / 2, pairs.any(1).sum())), len(np.unique(groups[pairs.any(1)]))
            found[name] = _told(value, spread, runs, min(runs, units), level)
    worst = min(found, key=lambda name: found[name].value) if found else ""
    return Foretelling(_told(tau, error, len(x), count, level), found, worst, min(1.0, p_value))


def _null_error(x: np.ndarray, y: np.ndarray) -> float:
    """Spread of the coefficient where the orders have nothing to do with each other, ties known.

    Source: Kendall (1970), Rank correlation methods, equation 4.3.
    """
    n = len(x)

    def sums(values: np.ndarray) -> tuple[float, float, float]:
        t = np.unique(values, return_counts=True)[1].astype(float)
        return (
            float((t * (t - 1)).sum()),
            float((t * (t - 1) * (t - 2)).sum()),
            float((t * (t - 1) * (2 * t + 5)).sum()),
        )

    (x1, x2, x5), (y1, y2, y5) = sums(x), sums(y)
    variance = (n * (n - 1) * (2 * n + 5) - x5 - y5) / 18
    variance += x2 * y2 / (9 * n * (n - 1) * (n - 2)) + x1 * y1 / (2 * n * (n - 1))
    return float(np.sqrt(variance)) / (n * (n - 1) / 2)


def configurations(settings: Sequence[Mapping[str, Any]], n: int) -> np.ndarray:
    """Runs that differ in seeds alone as integers from 0, shape (n,); each by itself where nothing else tells runs apart."""
    told = [str(sorted((k, str(v)) for k, v in one.items() if k.lower() not in SEEDS)) for one in settings]
    return np.unique(told, return_inverse=True)[1] if len(set(told)) > 1 else np.arange(n)


def _jackknifed(agree: np.ndarray, pairs: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Mean over pairs, and its error from leaving out each group of runs that stands in one."""
    total, count = float(agree[pairs].sum()), float(pairs.sum())
    member = np.eye(int(groups.max()) + 1)[groups]

    def gone(values: np.ndarray) -> np.ndarray:
        to = member.T @ values
        return 2 * to.sum(1) - np.einsum("gn,ng->g", to, member)

    removed = gone(pairs.astype(float))
    sums, removed = gone(agree * pairs)[removed > 0], removed[removed > 0]
    left = count - removed
    without = np.where(left > 0, (total - sums) / np.maximum(left, 1), total / count)
    n = len(without)
    return total / count, float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))


def _told(value: float, error: float, runs: int, units: int, level: float) -> Estimate:
    """The interval on Fisher's scale; of a perfect order, in which leaving out runs shows no spread, the exact binomial one.

    Args:
        value: The coefficient.
        error: Its error from leaving out runs, or all runs of a configuration.
        runs: Runs; where each stands in few pairs, pairs.
        units: Configurations among them.
        level: Coverage.

    Source: Fieller, Hartley & Pearson (1957), Tests for rank correlation coefficients (0.437 / n, below which no error falls);
    Clopper & Pearson (1934).
    """
    method = "Kendall's coefficient, jackknife over configurations"
    if abs(value) == 1:
        end = 2 * ((1 - level) / 2) ** (1 / units) - 1
        low, high = (end, value) if value > 0 else (value, -end)
        return Estimate(value, low, high, units, method, level)
    reach = t_quantile((1 - level) / 2, max(1, units - 1)) * max(error / (1 - value**2), LEAST / np.sqrt(runs))
    low, high = np.tanh(np.arctanh(value) - reach), np.tanh(np.arctanh(value) + reach)
    return Estimate(value, float(low), float(high), units, method, level)


def _pairs_of(settings: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """For each setting which pairs of runs differ in it alone."""
    if not settings:
        return {}
    names = sorted({name for one in settings for name in one})
    told = [name for name in names if name.lower() not in SEEDS]
    codes = np.stack([np.unique([str(one.get(name)) for one in settings], return_inverse=True)[1] for name in names], 1)
    differs = codes[:, None, :] != codes[None]
    alone = differs.sum(2) == 1
    return {name: alone & differs[:, :, names.index(name)] for name in told}
