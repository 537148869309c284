"""Differential item functioning: does an item (or a model) behave differently in two groups at equal ability."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.difficulty.irt_em import sigmoid, softplus
from unseen.estimates.difficulty.rasch import RaschFit
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.clustered import require_dof, robust_contrast

FloatArray = NDArray[np.float64]
Ets = Literal["A", "B", "C"]


@dataclass(frozen=True, slots=True)
class MantelHaenszel:
    """Differential functioning at equal matching score.

    Attributes:
        delta: -2.35 · ln(common odds ratio); negative where the focal group does worse than its matches.
        p_value: Of the continuity-corrected χ² test that the common odds ratio is 1.
        ets: A negligible, B moderate, C large.
        strata: Matching scores that hold both groups and both outcomes.
    """

    delta: Estimate
    p_value: float
    ets: Ets
    strata: int


def mantel_haenszel(
    right: ArrayLike, focal: ArrayLike, matching: ArrayLike, weight: ArrayLike | None = None, *, level: float = 0.95
) -> MantelHaenszel:
    """Compare the odds of success of two groups within strata of equal matching score.

    Args:
        right: 0 or 1, shape (n,).
        focal: Whether the unit lies in the focal (not the reference) group, shape (n,).
        matching: Integer stratum (a rest score, say), shape (n,).
        weight: How often each row occurs, shape (n,).
        level: Nominal coverage.

    Raises:
        Undefined: No stratum holds both groups and both outcomes.

    Source: Holland & Thayer (1988), Differential item performance and the Mantel–Haenszel procedure; variance of
    Robins, Breslow & Greenland (1986); classes of Zieky (1993).

    >>> r = mantel_haenszel([1, 1, 0, 1, 0, 0] * 20, [0, 0, 0, 1, 1, 1] * 20, [0] * 120)
    >>> round(r.delta.value, 2), r.ets
    (-3.26, 'C')
    """
    x, g = np.asarray(right, np.float64), np.asarray(focal, np.float64)
    _, stratum = np.unique(np.asarray(matching), return_inverse=True)
    w = np.ones_like(x) if weight is None else np.asarray(weight, np.float64)
    size = int(stratum.max(initial=-1)) + 1
    cell = stratum * 4 + (2 * g + x).astype(np.int64)
    reference_wrong, reference_right, focal_wrong, focal_right = (
        np.bincount(cell, weights=w, minlength=4 * size).reshape(size, 4).T
    )
    n = reference_wrong + reference_right + focal_wrong + focal_right
    usable = (
        (reference_wrong + reference_right > 0) & (focal_wrong + focal_right > 0)
        & (reference_right + focal_right > 0) & (reference_wrong + focal_wrong > 0)
    )  # fmt: skip
    a, b, c, d, n = (v[usable] for v in (reference_right, reference_wrong, focal_right, focal_wrong, n))
    r, s = a * d / np.maximum(n, 1), b * c / np.maximum(n, 1)
    if not len(n) or r.sum() == 0 or s.sum() == 0:
        raise Undefined(
            f"the common odds ratio has no finite value: {len(n)} strata hold both groups and both outcomes. "
            "Use wider strata or more answers."
        )
    log_ratio = math.log(r.sum() / s.sum())
    p, q = (a + d) / n, (b + c) / n
    variance = (
        (p * r).sum() / (2 * r.sum() ** 2)
        + (p * s + q * r).sum() / (2 * r.sum() * s.sum())
        + (q * s).sum() / (2 * s.sum() ** 2)
    )
    from scipy.special import chdtrc, ndtri

    many = n > 1
    spread = ((a + b) * (c + d) * (a + c) * (b + d))[many] / (n[many] ** 2 * (n[many] - 1))
    excess = abs(float((a - (a + b) * (a + c) / n).sum()))
    statistic = max(excess - 0.5, 0.0) ** 2 / float(spread.sum())
    value, error = -2.35 * log_ratio, 2.35 * math.sqrt(float(variance))
    half = float(ndtri(0.5 + level / 2)) * error
    delta = Estimate(value, value - half, value + half, round(float(n.sum())), "Mantel–Haenszel delta", level)
    return MantelHaenszel(delta, float(chdtrc(1, statistic)), _ets(value, error), len(n))


def _ets(delta: float, error: float) -> Ets:
    if abs(delta) < 1 or abs(delta) <= 1.96 * error:
        return "A"
    return "C" if abs(delta) >= 1.5 and abs(delta) - 1 > 1.645 * error else "B"


@dataclass(frozen=True, slots=True)
class LogisticDif:
    """Logistic-regression DIF.

    Attributes:
        uniform: Log odds ratio of the focal group at equal matching score [logits].
        p_uniform: Likelihood-ratio test of a shift (1 degree of freedom).
        p_non_uniform: Likelihood-ratio test of a different slope, given the shift (1 degree of freedom).
        p_any: Both together (2 degrees of freedom).
        r2_change: Gain in Nagelkerke's R² from both terms.
    """

    uniform: Estimate
    p_uniform: float
    p_non_uniform: float
    p_any: float
    r2_change: float


def logistic_dif(right: ArrayLike, focal: ArrayLike, matching: ArrayLike, *, level: float = 0.95) -> LogisticDif:
    """Test whether group, or group by score, predicts success beyond the matching score.

    Args:
        right: 0 or 1, shape (n,).
        focal: Whether the unit lies in the focal group, shape (n,).
        matching: Score or ability, shape (n,).
        level: Nominal coverage.

    Raises:
        TooFewUnits: Fewer than 10 units in a group.
        Undefined: Success can be told from the predictors without error (a separated regression).

    Source: Swaminathan & Rogers (1990), Detecting differential item functioning using logistic regression procedures;
    Nagelkerke (1991) for R².
    """
    from scipy.special import chdtrc, ndtri

    y, g, x = (np.asarray(v, np.float64) for v in (right, focal, matching))
    if min(g.sum(), len(g) - g.sum()) < 10:
        raise TooFewUnits(f"DIF needs 10 units a group, got {int(len(g) - g.sum())} and {int(g.sum())}.")
    z = (x - x.mean()) / (x.std() or 1.0)
    one = np.ones_like(z)
    designs = [np.stack(c, axis=1) for c in ([one], [one, z], [one, z, g], [one, z, g, z * g])]
    fits = [_logistic(design, y) for design in designs]
    null, base, shifted, full = (f[1] for f in fits)
    beta, _, covariance = fits[2]
    error = math.sqrt(float(covariance[2, 2]))
    half = float(ndtri(0.5 + level / 2)) * error
    uniform = Estimate(
        float(beta[2]), float(beta[2]) - half, float(beta[2]) + half, len(y), "logistic DIF, Wald", level
    )
    n = len(y)

    def r2(log_likelihood: float) -> float:
        return (1 - math.exp(2 * (null - log_likelihood) / n)) / (1 - math.exp(2 * null / n))

    def tail(gain: float, dof: int) -> float:
        return float(chdtrc(dof, max(2 * gain, 0.0)))

    return LogisticDif(
        uniform, tail(shifted - base, 1), tail(full - shifted, 1), tail(full - base, 2), r2(full) - r2(base)
    )


def _logistic(design: FloatArray, y: FloatArray) -> tuple[FloatArray, float, FloatArray]:
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        p = sigmoid(design @ beta)
        information = design.T @ (design * (p * (1 - p))[:, None])
        try:
            step = np.linalg.solve(information, design.T @ (y - p))
        except np.linalg.LinAlgError:
            break
        beta = beta + step
        if np.abs(beta).max() > 25:
            break
        if np.abs(step).max() < 1e-9:
            eta = design @ beta
            return beta, float(y @ eta - softplus(eta).sum()), np.linalg.inv(information).astype(np.float64)
    raise Undefined("the regression is separated: group or score tells success without error. Collect more answers.")


def equated_gaps(reference: RaschFit, focal: RaschFit) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Each model's loss from one group of items to another, beyond the mean loss of the models.

    The mean loss is what the models share, harder items and a common weakness alike; what is left is differential.

    Args:
        reference: Fit on the reference group (seen items); clusters numbered as in the other.
        focal: Fit on the focal group (unseen items), same models.

    Returns:
        Extra losses (positive: the model loses more than the others) [logits], shape (models,); their covariance; and
        which models are in it (finite in both groups).

    Raises:
        TooFewUnits: Fewer than 2 such models.

    Source: Lord (1980), Applications of item response theory, ch. 14 (mean–mean equating, difference of parameters).
    """
    used = np.isfinite(reference.ability) & np.isfinite(focal.ability)
    if used.sum() < 2:
        raise TooFewUnits(
            f"equating needs 2 models with right and wrong answers in both groups, got {int(used.sum())}."
        )
    centre = np.eye(int(used.sum())) - 1 / used.sum()
    loss = np.full(len(used), np.nan)
    loss[used] = centre @ (reference.ability[used] - focal.ability[used])
    both = (reference.covariance + focal.covariance)[np.ix_(used, used)]
    if reference.clusters is not None and focal.clusters is not None:
        # A cluster with items in both groups makes the two sides depend on each other.
        _, one, other = np.intersect1d(reference.clusters, focal.clusters, assume_unique=True, return_indices=True)
        cross = reference.influence[one][:, used].T @ focal.influence[other][:, used]
        both = both - cross - cross.T
    covariance = centre @ both @ centre
    full = np.full((len(used), len(used)), np.nan)
    full[np.ix_(used, used)] = covariance
    return loss, full, used


@dataclass(frozen=True, slots=True)
class EquatedLoss:
    """A model's loss beyond the mean loss of the models [logits], positive where it loses more.

    Attributes:
        value: The extra loss.
        error: Standard error.
        dof: Degrees of freedom of the error.
        units: Independent units on the side that has fewer.
    """

    value: float
    error: float
    dof: float
    units: int


def equated_losses(reference: RaschFit, focal: RaschFit) -> dict[int, EquatedLoss]:
    """The losses of :func:`equated_gaps` with errors that hold with few and uneven clusters, by model.

    Each side's abilities are linear in the influence of its items to first order. Their contrast is therefore a
    difference of two means of item values, and gets CR2 with Satterthwaite's degrees of freedom like any other.

    Raises:
        TooFewUnits: Fewer than 2 models, or clusters so few or uneven that fewer than 3 degrees of freedom are left.

    Source: Bell & McCaffrey (2002), through :func:`unseen.estimates.intervals.clustered.robust_contrast`; Hampel (1974) for the
    influence of one item.
    """
    loss, covariance, used = equated_gaps(reference, focal)
    units, at = min(reference.units, focal.units), np.flatnonzero(used)
    if reference.clusters is None or focal.clusters is None:
        return {
            m: EquatedLoss(float(loss[m]), math.sqrt(float(covariance[m, m])), units - 1.0, units) for m in at.tolist()
        }
    centre = np.eye(len(at)) - 1 / len(at)
    sides = [_Side(fit, at) for fit in (reference, focal)]
    size = np.concatenate([side.size for side in sides])
    cluster = np.concatenate([reference.clusters, focal.clusters])
    x = np.repeat(np.eye(2), [len(side.size) for side in sides], axis=0)
    found: dict[int, EquatedLoss] = {}
    for k, m in enumerate(at.tolist()):
        mean = np.concatenate([side.means(centre[k]) for side in sides])
        within = sum(side.within(centre[k]) for side in sides)
        fit = robust_contrast(x, mean, size, cluster, np.array([1.0, -1.0]), size=size, within=within)
        require_dof(fit.dof, fit.units, "the gap at equal difficulty")
        found[m] = EquatedLoss(float(loss[m]), math.sqrt(fit.variance), fit.dof, units)
    return found


class _Side:
    """Influences of one side as values of items, whose mean is the error of an ability."""

    def __init__(self, fit: RaschFit, models: NDArray[np.intp]) -> None:
        self.size, self._items = fit.cluster_items, float(fit.cluster_items.sum())
        self._sums, self._each, self._weight = (
            fit.influence[:, models],
            fit.item_influence[:, models],
            fit.patterns.weight,
        )

    def means(self, contrast: FloatArray) -> FloatArray:
        """Mean value of the items of each cluster, shape (clusters,)."""
        return self._items * (self._sums @ contrast) / self.size

    def within(self, contrast: FloatArray) -> float:
        """Sum of squared deviations of items from the mean of their cluster."""
        each, sums = self._each @ contrast, self._sums @ contrast
        return max(0.0, self._items**2 * float(self._weight @ each**2 - np.sum(sums**2 / self.size)))
