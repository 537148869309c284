"""Segmented regression: two straight lines that meet at an unknown point, with an interval for that point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unseen.errors import TooFewUnits
from unseen.estimates.curve import Curve
from unseen.estimates.estimate import Estimate

FloatArray = NDArray[np.float64]
GRID = 97


@dataclass(frozen=True, slots=True)
class Break:
    """A broken line.

    Attributes:
        point: Where the lines meet, in the unit of the factor.
        slope_before: Change of the score per unit before the break.
        slope_after: The same after it.
        p_value: Of the null that one straight line fits as well.
    """

    point: Estimate
    slope_before: float
    slope_after: float
    p_value: float


def _whitened(of: Curve) -> tuple[FloatArray, FloatArray]:
    values, vectors = np.linalg.eigh(of.covariance)
    root = vectors / np.sqrt(np.maximum(values, values.max() * 1e-10))
    return root.T, root.T @ of.mean


def _design(x: FloatArray, at: float) -> FloatArray:
    return np.stack([np.ones_like(x), x, np.maximum(x - at, 0.0)], axis=1)


def broken_line(
    of: Curve, *, level: float = 0.95, rng: np.random.Generator, n_draws: int = 500, grid: int = GRID
) -> Break:
    """Fit m(x) = a + b·x + c·max(x − ψ, 0) to clustered level means by generalised least squares.

    Q(ψ) = min over (a, b, c) of the squared distance in the metric of the means' covariance, on a grid of ψ. The
    interval is {ψ: Q(ψ) − Q_min ≤ χ²₁ · s}, with s = max(1, Q_min/(levels − 4)) where the lines fit badly. The null of
    a single line is tested by sup Q_line − Q(ψ) against its simulated distribution, since ψ vanishes under the null.

    Args:
        of: Level means with their covariance; at least 4 levels.
        level: Nominal coverage.
        rng: Source of the simulated null.
        n_draws: Draws for the p-value.
        grid: Points at which ψ is tried.

    Returns:
        The break with its interval, slopes and p-value.

    Raises:
        TooFewUnits: Fewer than 4 levels.

    Source: Muggeo (2003), Estimating regression models with unknown break-points; Hinkley (1971) for the profile
    interval; Davies (1987) for the test.
    """
    if len(of) < 4:
        raise TooFewUnits(f"a break point needs 4 levels of the factor, got {len(of)}. Add values in between.")
    from scipy import special

    root, target = _whitened(of)
    x = of.x
    candidates = np.linspace(x[0], x[-1], grid + 2)[1:-1]
    # The levels themselves are where lines meet most often.
    candidates = np.unique(np.concatenate([candidates, x[1:-1]]))
    bases = np.stack([np.linalg.qr(root @ _design(x, at))[0] for at in candidates])
    profile = np.sum(target**2) - np.sum(np.einsum("glk,l->gk", bases, target) ** 2, axis=1)
    best = int(np.argmin(profile))
    spread = max(1.0, float(profile[best]) / max(len(of) - 4, 1)) if len(of) > 4 else 1.0
    inside = profile - profile[best] <= float(special.chdtri(1, 1 - level)) * spread
    step = (x[-1] - x[0]) / (grid + 1)
    low = max(x[0], float(candidates[inside][0]) - step)
    high = min(x[-1], float(candidates[inside][-1]) + step)
    coefficients = np.linalg.lstsq(root @ _design(x, float(candidates[best])), target, rcond=None)[0]
    line = np.linalg.qr(root @ _design(x, 0.0)[:, :2])[0]
    observed = float(np.sum(target**2) - np.sum((line.T @ target) ** 2) - profile[best])
    noise = rng.standard_normal((n_draws, len(of)))
    captured = np.einsum("glk,nl->ngk", bases, noise)
    null = np.max(np.sum(captured**2, axis=2), axis=1) - np.sum((noise @ line) ** 2, axis=1)
    p_value = (1 + int(np.count_nonzero(null >= observed / spread))) / (n_draws + 1)
    method = "segmented regression of clustered level means, profile interval"
    point = Estimate(float(candidates[best]), low, high, of.clusters, method, level)
    return Break(point, float(coefficients[1]), float(coefficients[1] + coefficients[2]), p_value)
