"""Where a curve stops going straight on: two lines that meet, or a step between two levels, with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.contrasts.curve import Curve
from unseen.estimates.estimate import Estimate

FloatArray = NDArray[np.float64]
GRID = 61
# An interval over more of the range than this says nothing about where the break is.
FLAT = 0.5


@dataclass(frozen=True, slots=True)
class Break:
    """A break of a straight line.

    Attributes:
        kind: "hinge" where two lines that meet fit best, "step" where a jump between two neighbouring levels does.
        either: Whether the data do not tell a hinge from a step: the interval then holds the places of both.
        point: Where it is, in the unit of the factor; of a step the middle of the gap between the two levels.
        slope_before: Change of the score per unit before the break.
        slope_after: The same after it.
        jump: Change of the score at the break; 0 for a hinge.
        p_value: Of the null that one straight line fits as well, whichever kind and place were chosen.
        flat: Whether the interval spans more than half of the range, so that no place can be named.
    """

    kind: Literal["hinge", "step"]
    either: bool
    point: Estimate
    slope_before: float
    slope_after: float
    jump: float
    p_value: float
    flat: bool

    @property
    def falls(self) -> bool:
        """Whether the score falls at the break, or faster after it than before."""
        return self.jump < 0 if self.kind == "step" else self.slope_after < self.slope_before


def broken_line(
    of: Curve,
    *,
    level: float = 0.95,
    rng: np.random.Generator,
    n_draws: int = 500,
    grid: int = GRID,
    alpha: float = 1.0,
) -> Break:
    """Fit a hinge and a step to clustered level means, and keep the better one.

    Hinge: m(x) = a + b·x + c·max(x − ψ, 0). Step: m(x) = a + b·x + c·[x > ψ], ψ between two levels. Both have four
    parameters, so the smaller squared distance is the better fit by any information criterion. Distances are weighted
    by the rows and the spread of each level, not by the covariance of the means, which few clusters leave singular; that
    covariance enters through simulation. Draws e ~ t(0, Σ) with the degrees of freedom of the level with the fewest
    clusters give

    - the critical value c of Q(ψ̂) − min Q where the best fit is the truth: the interval holds every hinge and step
      with Q − Q_min ≤ c, inflated by the misfit of the best;
    - the null distribution of Q_line − Q_min, the maximum over all hinges and steps.

    Args:
        of: Level means with their covariance; at least 4 levels.
        level: Nominal coverage.
        rng: Source of the simulated distributions.
        n_draws: Draws.
        grid: Points at which a hinge is tried.
        alpha: A break with a larger p-value is refused before its interval is computed.

    Returns:
        The break with its interval, slopes and p-value.

    Raises:
        Undefined: The p-value is above ``alpha``.
        TooFewUnits: Fewer than 4 levels.

    Source: Muggeo (2003), Estimating regression models with unknown break-points; Hinkley (1971) for the profile
    interval; Davies (1987) and Andrews (1993) for tests that pay for the search.
    """
    if len(of) < 4:
        raise TooFewUnits(f"a break point needs 4 levels of the factor, got {len(of)}. Add values in between.")
    x, root, tried = of.x, 1 / np.sqrt(_spread(of)), _tried(tuple(of.x.tolist()), grid)
    bends, places, is_step = tried.bends, tried.places, tried.is_step
    line = np.stack([np.ones_like(x), x], axis=1)
    # What a bend adds to the line: one direction each, orthogonal to the line in the metric of the weights.
    base = _orthonormal(x, root)
    extra = bends * root
    extra = extra - (extra @ base) @ base.T
    extra /= np.sqrt(np.einsum("ij,ij->i", extra, extra))[:, None]
    target = root * of.mean
    rest = target - base @ (base.T @ target)
    gains = (extra @ rest) ** 2
    # Of equal fits the step is named: it says between which levels the score changes, and no more.
    best = int(np.flatnonzero(gains >= gains.max() * (1 - 1e-9))[-1])
    noise = of.errors(n_draws, rng) * root
    # The directions are orthogonal to the line, and so blind to what of the noise lies along it.
    captured = noise @ extra.T
    p_value = (1 + int(np.count_nonzero(np.max(np.abs(captured), axis=1) ** 2 >= gains[best]))) / (n_draws + 1)
    if p_value > alpha:
        raise Undefined(f"a straight line fits as well (p = {p_value:.2g}): there is no break.")
    noise = noise - (noise @ base) @ base.T
    fitted = (extra[best] @ rest) * extra[best]
    again = ((fitted + noise) @ extra.T) ** 2
    excess = np.max(again, axis=1) - again[:, best]
    misfit = float(rest @ rest - gains[best])
    left = np.sum((fitted + noise) ** 2, axis=1) - np.max(again, axis=1)
    worse = max(1.0, misfit / max(float(np.mean(left)), 1e-300)) if len(of) > 4 else 1.0
    kept = gains[best] - gains <= float(np.quantile(excess, level)) * worse
    half = (x[-1] - x[0]) / (grid + 1)
    lows = np.where(is_step, x[np.maximum(np.searchsorted(x, places, side="left") - 1, 0)], places - half)
    highs = np.where(is_step, x[np.minimum(np.searchsorted(x, places, side="left"), len(x) - 1)], places + half)
    low, high = max(float(x[0]), float(lows[kept].min())), min(float(x[-1]), float(highs[kept].max()))
    coefficients = np.linalg.lstsq(root[:, None] * np.column_stack([line, bends[best]]), target, rcond=None)[0]
    slope, change = float(coefficients[1]), float(coefficients[2])
    kind: Literal["hinge", "step"] = "step" if is_step[best] else "hinge"
    either = bool(np.any(kept & (is_step != is_step[best])))
    method = "hinge or step through clustered level means, simulated profile interval, t"
    return Break(
        kind, either, Estimate(float(places[best]), low, high, of.clusters, method, level), slope,
        slope + (0.0 if kind == "step" else change), change if kind == "step" else 0.0, p_value,
        high - low > FLAT * float(x[-1] - x[0]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Tried:
    """Every hinge and step that is tried along the levels: one row each.

    Attributes:
        bends: What it adds to a straight line at each level, shape (tried, levels).
        places: Where it is, shape (tried,).
        is_step: Whether it is a step, shape (tried,).
    """

    bends: FloatArray
    places: FloatArray
    is_step: NDArray[np.bool_]


@lru_cache(maxsize=64)
def _tried(levels: tuple[float, ...], grid: int) -> _Tried:
    x = np.array(levels)
    hinges = np.unique(np.concatenate([np.linspace(x[0], x[-1], grid + 2)[1:-1], x[1:-1]]))
    steps = (x > (x[:-1, None] + x[1:, None]) / 2).astype(np.float64)
    bends = np.concatenate([np.maximum(x - hinges[:, None], 0.0), steps])
    places = np.concatenate([hinges, (x[:-1] + x[1:]) / 2])
    return _Tried(bends, places, np.arange(len(places)) >= len(hinges))


def _orthonormal(x: FloatArray, root: FloatArray) -> FloatArray:
    """Two orthonormal directions that span the straight lines over x in the metric of the weights root², shape (levels, 2)."""
    weight = root * root
    slope = root * (x - float(weight @ x) / float(weight.sum()))
    return np.stack([root / math.sqrt(float(weight.sum())), slope / math.sqrt(float(slope @ slope))], axis=1)


def _spread(of: Curve) -> FloatArray:
    """Variance of each level's mean up to a factor: binary scores by their mean, kept off 0 and 1, others equal a row."""
    if not of.binary:
        return 1 / of.rows
    smooth = (of.mean * of.rows + 0.5) / (of.rows + 1)
    return smooth * (1 - smooth) / of.rows
