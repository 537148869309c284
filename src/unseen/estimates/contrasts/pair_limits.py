"""Limits and p-values of differences between two means, for many pairs at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
# Two-sided p-values below this are not told apart.
SMALLEST_P = 2e-16


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of groups, the higher mean first; means as shares of the range where there is one. Each of shape (pairs,).

    Attributes:
        first: Mean of the group with the higher mean.
        second: Mean of the other.
        first_size: Effective rows of the first.
        second_size: Of the second.
        error: Standard error of the difference, in score units.
        dof: Its degrees of freedom.
        width: Range of the scores.
        bounded: Whether they have a range.
        exact: Whether rows are independent and binary.
    """

    first: FloatArray
    second: FloatArray
    first_size: FloatArray
    second_size: FloatArray
    error: FloatArray
    dof: FloatArray
    width: FloatArray
    bounded: BoolArray
    exact: BoolArray

    def __len__(self) -> int:
        return len(self.first)

    def take(self, at: NDArray[np.integer] | BoolArray) -> Pairs:
        """Some of the pairs."""
        return Pairs(*(getattr(self, f.name)[at] for f in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Pairs]) -> Pairs:
        """All pairs of several batches."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    @property
    def gap(self) -> FloatArray:
        """The differences, in score units."""
        return (self.first - self.second) * self.width

    def method(self, at: int) -> str:
        """How the limits of a pair are computed."""
        if not self.bounded[at]:
            return "cluster-robust, t"
        return "Clopper–Pearson limits" if self.exact[at] else "Wilson limits at the effective sample size, t"

    def lows(self, tail: FloatArray) -> FloatArray:
        """Lower limits of the differences, each missed with at most this probability."""
        return self._ends(self.first, self.second, self.first_size, self.second_size, tail)

    def highs(self, tail: FloatArray) -> FloatArray:
        """Upper limits."""
        return -self._ends(self.second, self.first, self.second_size, self.first_size, tail)

    def _ends(self, a: FloatArray, b: FloatArray, m: FloatArray, n: FloatArray, tail: FloatArray) -> FloatArray:
        from scipy.special import stdtrit

        if self.exact.all():
            down, up = clopper_pearson_lows(a, m, tail), clopper_pearson_lows(1 - b, n, tail)
        else:
            quantile = -stdtrit(self.dof, tail)
            if not self.bounded.any():
                return (a - b) * self.width - quantile * self.error
            if self.exact.any() or not self.bounded.all():
                out = np.empty(len(self))
                for kind in (self.exact, self.bounded & ~self.exact, ~self.bounded):
                    if kind.any():
                        out[kind] = self.take(kind)._ends(a[kind], b[kind], m[kind], n[kind], tail[kind])
                return out
            down, up = wilson_lows(a, m, quantile), wilson_lows(1 - b, n, quantile)
        return np.maximum(-1.0, a - b - np.hypot(a - down, 1 - b - up)) * self.width

    def p_values(self) -> FloatArray:
        """The levels at which the intervals start to exclude zero; two-sided."""
        from scipy.special import stdtr

        p = np.ones(len(self))
        some = self.gap > 0
        free = np.flatnonzero(some & ~self.bounded)
        if len(free):
            p[free] = 2 * stdtr(self.dof[free], -self.gap[free] / self.error[free])
        at = np.flatnonzero(some & self.bounded)
        if not len(at):
            return p
        small, large = math.log(SMALLEST_P / 2), math.log(0.5)
        ends = [self.take(at).lows(np.full(len(at), math.exp(end))) for end in (small, large)]
        p[at[ends[0] > 0]] = SMALLEST_P
        within = (ends[0] <= 0) & (ends[1] > 0)
        at = at[within]
        if len(at):
            pairs = self.take(at)
            log = zeros(lambda x, k: pairs.take(k).lows(np.exp(x)), small, large, ends[0][within], ends[1][within])
            p[at] = 2 * np.exp(log)
        return p


def clopper_pearson_lows(p: FloatArray, n: FloatArray, tail: FloatArray) -> FloatArray:
    """Lower limits of proportions p of n rows, n not necessarily whole, missed with at most these probabilities.

    >>> clopper_pearson_lows(np.array([0.1, 0.0]), np.array([10.0, 10.0]), np.array([0.025, 0.025])).round(4).tolist()
    [0.0025, 0.0]
    """
    import scipy.special

    hits = p * n
    some = hits > 1e-9
    safe = np.where(some, hits, 1.0)
    return np.where(some, np.minimum(p, scipy.special.betaincinv(safe, n - safe + 1, tail)), 0.0)


def wilson_lows(p: FloatArray, n: FloatArray, quantile: FloatArray) -> FloatArray:
    """Lower ends of Wilson's limits of proportions p of n rows, n not necessarily whole.

    >>> wilson_lows(np.array([0.1]), np.array([10.0]), np.array([1.959964])).round(4).tolist()
    [0.0179]
    """
    return wilsons(p, n, quantile)[0]


def wilsons(p: FloatArray, n: FloatArray, quantile: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Wilson's limits of proportions, as :func:`unseen.estimates.intervals.means.wilson` of each."""
    z2 = quantile * quantile
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = quantile / (1 + z2 / n) * np.sqrt(np.maximum(0.0, p * (1 - p) / n + z2 / (4 * n * n)))
    return np.minimum(p, np.maximum(0.0, centre - half)), np.maximum(p, np.minimum(1.0, centre + half))


def zeros(
    of: Callable[[FloatArray, NDArray[np.intp]], FloatArray], low: float, high: float, at_low: FloatArray,
    at_high: FloatArray, *, within: float = 1e-9,
) -> FloatArray:  # fmt: skip
    """Where each of many continuous functions is zero, each of which changes its sign in the same interval.

    Args:
        of: Values of some of the functions: (x, which ones) → shape of x.
        low: Lower end of the interval.
        high: Upper end.
        at_low: Value of each function at the lower end, shape (k,).
        at_high: At the upper end, of the other sign or zero.
        within: How near to the zero.

    Source: Chandrupatla (1997), A new hybrid quadratic/bisection algorithm for finding the zero of a nonlinear function.

    >>> two = np.array([2.0, 9.0])
    >>> zeros(lambda x, k: x * x - two[k], 0.0, 4.0, -two, 16 - two).round(6).tolist()
    [1.414214, 3.0]
    """
    k = len(at_low)
    a, b = np.full(k, high), np.full(k, low)
    fa, fb = at_high.astype(np.float64), at_low.astype(np.float64)
    c, fc, t = a.copy(), fa.copy(), np.full(k, 0.5)
    out = np.where(np.abs(fa) < np.abs(fb), a, b)
    active = np.arange(k)
    for _ in range(200):
        x = a + t * (b - a)
        fx = of(x, active)
        same = np.sign(fx) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, fx
        nearest = np.abs(fa) < np.abs(fb)
        out[active] = np.where(nearest, a, b)
        limit = within / np.maximum(np.abs(b - a), 1e-300)
        go = (limit <= 0.5) & (np.where(nearest, fa, fb) != 0)
        if not go.any():
            break
        if not go.all():
            active = active[go]
            a, b, c, fa, fb, fc, limit = (v[go] for v in (a, b, c, fa, fb, fc, limit))
        with np.errstate(divide="ignore", invalid="ignore"):
            xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
            inverse = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
            usable = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi) & np.isfinite(inverse)
        t = np.clip(np.where(usable, inverse, 0.5), limit, 1 - limit)
    return out


__all__ = ["Pairs", "clopper_pearson_lows", "wilson_lows", "wilsons", "zeros"]
