"""Whether confidence ranks: right answers above wrong ones, and what abstaining on the least confident buys."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.confidence.calibration import sorted_rows
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.clustered import cell_contrasts, require_dof
from unseen.estimates.intervals.codes import distinct, rising
from unseen.estimates.intervals.means import normal_quantile, t_quantile, two_sided_t, two_sided_z, wilson

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """Error among the most confident answers, as ever more of them are kept.

    Attributes:
        aurc: Mean risk over all coverages; lower is better.
        excess: aurc minus that of a confidence that ranks every right answer above every wrong one.
        curve: Points with coverage, risk, low, high and n.
    """

    aurc: Estimate
    excess: Estimate
    curve: list[dict[str, float | int]]


def auroc(
    confidence: ArrayLike, right: ArrayLike, cluster: ArrayLike, *, level: float = 0.95, against: float = 0.5
) -> tuple[Estimate, float]:
    """Estimate the chance that a right answer is more confident than a wrong one, and test a value of it.

    Placement values give the variance: V₁₀ᵢ is the share of wrong answers below right answer i, V₀₁ⱼ the share of
    right answers above wrong answer j (ties count half). The variance of the sum of their two means is CR2's by cluster
    (Obuchowski's, corrected for few and uneven clusters), which for independent rows is DeLong's. Interval and p-value
    are symmetric in logits, with Satterthwaite's t where rows are clustered; where every pair is in order (or none
    is) it is Wilson's for as many disjoint pairs as the rarer kind allows.

    Args:
        confidence: Shape (n,).
        right: 1 where the answer is right, else 0; shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        level: Nominal coverage.
        against: The area that is tested.

    Returns:
        The area under the curve; the two-sided p-value of ``against``.

    Raises:
        Undefined: Scores are not 0 and 1.
        TooFewUnits: Fewer than 2 clusters with right or with wrong answers, or so uneven ones that fewer than 2
            degrees of freedom are left.

    Source: DeLong, DeLong & Clarke-Pearson (1988); Obuchowski (1997), Nonparametric analysis of clustered ROC curve
    data, equations 3 to 6.

    >>> area, p = auroc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], [0, 1, 2, 3])
    >>> area.value
    0.75
    """
    c, y, g = sorted_rows(confidence, right, cluster)
    if not np.all((y == 0) | (y == 1)):
        raise Undefined(
            "ranking right above wrong answers needs scores of 0 and 1; set a threshold on the score first."
        )
    m = float(y.sum())
    n = len(y) - m
    apart = rising(g)
    if apart:
        i10, i01, units = int(m), int(n), len(y)
    else:
        of_right, rows = np.bincount(g, weights=y), np.bincount(g)
        i10, i01 = int(np.count_nonzero(of_right)), int(np.count_nonzero(rows - of_right))
        units = int(np.count_nonzero(rows))
    if min(i10, i01) < 2:
        raise TooFewUnits(
            f"ranking needs right and wrong answers in 2 independent units each, got {i10} units with right and "
            f"{i01} with wrong answers."
        )
    placement = _placement(c, y, m, n)
    value = float(placement @ y / m)
    fit = cell_contrasts(y.astype(np.int64), placement, g, np.ones((1, 2)))[0]
    variance, clustered = fit.variance, units < len(y)
    method = "AUROC, placement values (DeLong)" if units == len(y) else "AUROC, clustered placement values (Obuchowski)"
    quantile = t_quantile((1 - level) / 2, fit.dof) if clustered else normal_quantile((1 - level) / 2)
    disjoint = float(min(i10, i01, m, n))
    if variance <= 1e-15 or not 0 < value < 1:
        low, high = wilson(value, disjoint, quantile)
        # So many disjoint pairs all fell one way.
        p = min(1.0, 2 * (against if value == 1 else 1 - against) ** disjoint) if value in (0.0, 1.0) else 1.0
        return Estimate(value, low, high, units, method, level), p
    if clustered:
        require_dof(fit.dof, units, "the AUROC")
    place, error = math.log(value / (1 - value)), math.sqrt(variance) / (value * (1 - value))
    low, high = (1 / (1 + math.exp(-(place + s * quantile * error))) for s in (-1, 1))
    z = (place - math.log(against / (1 - against))) / error
    p = two_sided_t(z, fit.dof) if clustered else two_sided_z(z)
    return Estimate(value, low, high, units, method, level), p


def risk_coverage(
    confidence: ArrayLike, right: ArrayLike, cluster: ArrayLike, *, level: float = 0.95, points: int = 10
) -> RiskCoverage:
    """Estimate the risk–coverage curve, the area under it, and its excess over the best ranking.

    AURC = mean over k of the error rate among the k most confident answers; ties share their mean. Its variance comes
    from the influence of each row, ψᵢ = eᵢh(cᵢ) − AURC + ē − mean_j(eⱼ·1[cⱼ ≤ cᵢ]/G(cⱼ)), G(c) the share of rows at
    least as confident as c and h = −ln G, summed within clusters. The excess subtracts r + (1 − r)ln(1 − r), the area
    of the best ranking at error rate r.

    Args:
        confidence: Shape (n,).
        right: Score within 0 … 1, shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        level: Nominal coverage.
        points: Points of the curve.

    Raises:
        TooFewUnits: Fewer than 5 clusters.
        Undefined: No answer is wrong.

    Source: Geifman & El-Yaniv (2017), Selective classification for deep neural networks; Geifman, Uziel & El-Yaniv
    (2019), Bias-reduced uncertainty estimation for deep neural classifiers, section 3 (excess).

    >>> c = np.linspace(0.01, 0.99, 200); y = np.arange(200) >= 40
    >>> bool(abs(risk_coverage(c, y, np.arange(200)).excess.value) < 0.005)
    True
    """
    c, y, g = sorted_rows(confidence, right, cluster)
    error, n = 1 - y, len(c)
    units = distinct(g) if n else 0
    if units < 5:
        raise TooFewUnits(f"a risk-coverage curve needs 5 independent units, got {units}.")
    rate = float(error.mean())
    if rate == 0:
        raise Undefined(f"all {n} answers are right: there is no risk to rank.")
    runs = _Runs.of(c)
    steps = np.cumsum(1 / np.arange(1, n + 1))
    # Rows that tie hold the ranks n − last + 1 … n − first in any order, so each gets the mean over those.
    h = runs.mean_tail(steps)
    aurc = float(error @ h) / n
    share = np.arange(n, 0, -1) / n if runs.length is None else (n - np.repeat(runs.first, runs.length)) / n
    passed = runs.upto(np.cumsum(error / share)) / n
    influence = error * h - aurc + rate - passed
    slope = math.log1p(-rate) if rate < 1 else 0.0
    best = rate + (1 - rate) * slope if rate < 1 else 1.0
    tail = t_quantile((1 - level) / 2, units - 1.0)

    def estimate(value: float, psi: FloatArray, name: str) -> Estimate:
        sums = psi if units == n else np.bincount(g, weights=psi)
        half = tail * math.sqrt(float(sums @ sums) * units / (units - 1)) / n
        return Estimate(value, value - half, value + half, units, f"{name}, clustered influence function, t", level)

    # d/dr [r + (1 − r) ln(1 − r)] = −ln(1 − r)
    return RiskCoverage(
        aurc=estimate(aurc, influence, "area under the risk-coverage curve"),
        excess=estimate(aurc - best, influence + slope * (error - rate), "excess area under the risk-coverage curve"),
        curve=_curve(c, error, g, units, points, level),
    )


def _curve(
    c: FloatArray, error: FloatArray, g: IntArray, units: int, points: int, level: float
) -> list[dict[str, float | int]]:
    n, quantile = len(c), normal_quantile((1 - level) / 2)
    total = np.concatenate([[0.0], np.cumsum(error[::-1])])
    deff = 1.0
    if units < n:
        residual = error - error.mean()
        sums, spread = np.bincount(g, weights=residual), float(residual @ residual)
        deff = 1.0 if spread == 0 else max(1.0, float(sums @ sums) / spread)
    curve: list[dict[str, float | int]] = []
    for k in np.unique(np.ceil(np.linspace(1 / points, 1, points) * n).astype(np.int64)):
        risk = float(total[k] / k)
        low, high = wilson(risk, k / deff, quantile)
        curve.append({"coverage": float(k / n), "risk": risk, "low": low, "high": high, "n": int(k)})
    return curve


def _placement(c: FloatArray, y: FloatArray, m: float, n: float) -> FloatArray:
    """For each right answer the share of wrong ones below it, for each wrong one the share of right ones above."""
    runs, right = _Runs.of(c), np.cumsum(y)
    # Right answers below each row, ties by half: those before its run and those up to its end, over two.
    half = runs.around(right) / 2
    middle = runs.around(np.arange(1, len(c) + 1)) / 2
    return np.where(y > 0.5, (middle - half) / n, 1 - half / m)


@dataclass(frozen=True, eq=False, slots=True)
class _Runs:
    """Runs of equal values of a sorted array.

    Attributes:
        first: First row of each run.
        length: Rows of each run; None where no two rows tie, so that nothing is to be gathered.
    """

    first: IntArray
    length: IntArray | None

    @classmethod
    def of(cls, c: FloatArray) -> _Runs:
        steps = c[1:] != c[:-1]
        if steps.all():
            return cls(np.arange(len(c)), None)
        first = np.concatenate([[0], np.flatnonzero(steps) + 1]).astype(np.int64)
        return cls(first, np.diff(first, append=len(c)))

    def upto(self, total: Any) -> Any:
        """A running total at the last row of the run of each row, shape (n,)."""
        if self.length is None:
            return total
        return np.repeat(total[self.first + self.length - 1], self.length)

    def around(self, total: Any) -> Any:
        """A running total before the run of each row plus that at its end, shape (n,)."""
        before = np.concatenate([[0], total[:-1]])
        if self.length is None:
            return before + total
        return np.repeat(before[self.first] + total[self.first + self.length - 1], self.length)

    def mean_tail(self, steps: FloatArray) -> FloatArray:
        """Mean of Σ_{k ≥ rank} 1/k over the ranks of each row's run, shape (n,); rank 1 is the last row.

        Args:
            steps: Harmonic numbers H₁ … Hₙ.
        """
        n = len(steps)
        before = np.concatenate([[0.0], steps[:-1]])  # H at rank − 1
        if self.length is None:
            return steps[-1] - before[::-1]
        summed = np.concatenate([[0.0], np.cumsum(before)])
        above = n - self.first - self.length
        return np.repeat(steps[-1] - (summed[n - self.first] - summed[above]) / self.length, self.length)
