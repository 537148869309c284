"""What a design shows before there are data: the smallest effect found, the units that decide, clusters against rows.

An effect is found where its interval at the tested level excludes zero, and excluded where its interval at the stated
level ends below what matters. Both ends are computed here at the values that are expected, so that a plan and an audit
rest on the same intervals: hybrid Wilson limits at the effective size where scores are 0 and 1, t otherwise, with
1 + (m − 1)ρ for rows of one cluster and the degrees of freedom of clusters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from unseen.errors import BadInput
from unseen.estimates.intervals.means import normal_quantile, t_quantile, wilson
from unseen.estimates.testing.power import design_effect

# Designs larger than this are not planned: whoever needs them knows.
MOST_CLUSTERS = 1e9
# From here on Student's t is the normal distribution for every purpose.
MANY = 1e6
STEPS = 40


@dataclass(frozen=True, slots=True)
class Layout:
    """How many clusters of how many rows.

    Attributes:
        clusters: Sampling units of all sides together; items where each is a unit of its own.
        rows: Mean rows per cluster.
        uneven: Squared coefficient of variation of the rows per cluster, so that Σn²/Σn = rows·(1 + uneven).
    """

    clusters: float
    rows: float = 1.0
    uneven: float = 0.0

    @property
    def items(self) -> float:
        """Rows of one model, on all sides."""
        return self.clusters * self.rows

    @property
    def single(self) -> bool:
        """Whether each row is a unit of its own."""
        return self.rows <= 1 and self.uneven == 0

    def effect(self, intraclass: float) -> float:
        """Design effect of these clusters; 1 where each row is a unit of its own.

        >>> round(Layout(50, 10).effect(0.1), 6), Layout(500).effect(0.1)
        (1.9, 1.0)
        """
        return 1.0 if self.single else design_effect(max(1.0, self.rows * (1 + self.uneven)), intraclass)


class Contrast(Protocol):
    """An effect whose interval follows from a layout."""

    @property
    def pairs(self) -> int:
        """Number of comparisons of which the largest is taken, each paying for all (Bonferroni)."""
        ...

    @property
    def room(self) -> float:
        """Largest effect that the score leaves room for."""
        ...

    def error(self, layout: Layout, effect: float) -> float:
        """Standard error of the estimate where the true effect is this one."""
        ...

    def reach(self, layout: Layout, effect: float, quantile: float) -> tuple[float, float]:
        """Distances from an estimate to the lower and to the upper end of its interval."""
        ...

    def dof(self, layout: Layout) -> float:
        """Degrees of freedom of the standard error; infinite where the interval is normal."""
        ...


@dataclass(frozen=True, slots=True)
class GapContrast:
    """Mean of the seen side minus mean of the unseen side; no cluster lies on both.

    Attributes:
        score: Expected mean of the seen side, in [0, 1].
        share: Share of the items (and of the clusters) that is unseen.
        intraclass: Correlation of two rows of one cluster.
        sd: Standard deviation of a row where scores are not 0 and 1.
    """

    score: float
    share: float
    intraclass: float = 0.0
    sd: float | None = None
    pairs: int = 1

    @property
    def room(self) -> float:
        """The unseen mean can't fall below zero."""
        return self.score

    def sizes(self, layout: Layout) -> tuple[float, float]:
        """Independent rows that would bring as much, of each side."""
        n = layout.items / layout.effect(self.intraclass)
        return (1 - self.share) * n, self.share * n

    def error(self, layout: Layout, effect: float) -> float:
        """√(s_a²/n_a + s_b²/n_b), n the effective sizes."""
        a, b = self.score, max(0.0, self.score - effect)
        variances = (a * (1 - a), b * (1 - b)) if self.sd is None else (self.sd**2, self.sd**2)
        return math.sqrt(sum(v / n for v, n in zip(variances, self.sizes(layout), strict=True)))

    def reach(self, layout: Layout, effect: float, quantile: float) -> tuple[float, float]:
        """Newcombe's hybrid of Wilson limits where scores are 0 and 1, else quantile times standard error."""
        if self.sd is not None:
            half = quantile * self.error(layout, effect)
            return half, half
        a, b = self.score, max(0.0, self.score - effect)
        na, nb = self.sizes(layout)
        (la, ua), (lb, ub) = wilson(a, na, quantile), wilson(b, nb, quantile)
        return math.hypot(a - la, ub - b), math.hypot(ua - a, b - lb)

    def dof(self, layout: Layout) -> float:
        """Welch's, over the effective clusters of each side."""
        if layout.single and self.sd is None:
            return math.inf
        return _welch(layout, (1 - self.share, self.share))


@dataclass(frozen=True, slots=True)
class PairContrast:
    """Mean of the difference of two models on the same items.

    Attributes:
        score: Expected mean of the better one, in [0, 1].
        pairing: Correlation of the two scores of one item.
        intraclass: Correlation of the differences of two items of one cluster.
        sd: Standard deviation of a score where scores are not 0 and 1.
    """

    score: float
    pairing: float
    intraclass: float = 0.0
    sd: float | None = None
    pairs: int = 1

    @property
    def room(self) -> float:
        """The weaker mean can't fall below zero."""
        return self.score

    def variance(self, effect: float) -> float:
        """Of one difference, around its mean."""
        a, b = self.score, max(0.0, self.score - effect)
        sa, sb = (math.sqrt(a * (1 - a)), math.sqrt(b * (1 - b))) if self.sd is None else (self.sd, self.sd)
        spread = sa * sa + sb * sb - 2 * self.pairing * sa * sb
        # Pairs of 0 and 1 that differ in the mean by this much can't differ in fewer than this share of the items.
        return max(spread, effect * (1 - effect), 1e-12) if self.sd is None else max(spread, 1e-12)

    def error(self, layout: Layout, effect: float) -> float:
        """√(variance of a difference / effective items)."""
        return math.sqrt(self.variance(effect) * layout.effect(self.intraclass) / layout.items)

    def reach(self, layout: Layout, effect: float, quantile: float) -> tuple[float, float]:
        """Quantile times standard error; McNemar's exact test takes one half of an item each way on top."""
        above = quantile * self.error(layout, effect)
        if self.sd is not None or not layout.single:
            return above, above
        # Under the null all of the disagreement is variance, the part that the effect explains included.
        null = math.sqrt((self.variance(effect) + effect * effect) / layout.items)
        return quantile * null + 1 / layout.items, above

    def dof(self, layout: Layout) -> float:
        """Effective clusters less one."""
        if layout.single and self.sd is None:
            return math.inf
        return max(1.0, layout.clusters / (1 + layout.uneven) - 1)


@dataclass(frozen=True, slots=True)
class LevelsContrast:
    """Largest difference between the means of equally frequent levels of a factor; a cluster has one level.

    Attributes:
        score: Expected mean of the best level, in [0, 1].
        levels: Number of levels.
        intraclass: Correlation of two rows of one cluster.
        sd: Standard deviation of a row where scores are not 0 and 1.
    """

    score: float
    levels: int
    intraclass: float = 0.0
    sd: float | None = None

    @property
    def pairs(self) -> int:
        """All pairs of levels."""
        return self.levels * (self.levels - 1) // 2

    @property
    def room(self) -> float:
        """The worst level can't fall below zero."""
        return self.score

    def error(self, layout: Layout, effect: float) -> float:
        """That of two means of one level's items."""
        a, b = self.score, max(0.0, self.score - effect)
        total = a * (1 - a) + b * (1 - b) if self.sd is None else 2 * self.sd**2
        return math.sqrt(max(total, 1e-12) * self.levels * layout.effect(self.intraclass) / layout.items)

    def reach(self, layout: Layout, effect: float, quantile: float) -> tuple[float, float]:
        """Quantile times standard error."""
        half = quantile * self.error(layout, effect)
        return half, half

    def dof(self, layout: Layout) -> float:
        """Clusters of both levels less two."""
        return max(1.0, 2 * layout.clusters / (1 + layout.uneven) / self.levels - 2)


@dataclass(frozen=True, slots=True)
class MeasuredContrast:
    """An effect whose standard error was measured in one layout, carried over to others.

    Attributes:
        known: The standard error in ``at``.
        at: The layout in which it was measured.
        intraclass: Correlation of two rows of one cluster, as measured.
        margin: Factor from the standard error to its upper limit, used where a design is to decide.
        room: Largest effect that the score leaves room for.
    """

    known: float
    at: Layout
    intraclass: float = 0.0
    margin: float = 1.0
    room: float = math.inf
    pairs: int = 1

    def error(self, layout: Layout, effect: float) -> float:
        """The measured error times √(design effect / items) of this layout over that of the measured one."""
        per_item = layout.effect(self.intraclass) / layout.items
        return self.known * math.sqrt(per_item * self.at.items / self.at.effect(self.intraclass))

    def reach(self, layout: Layout, effect: float, quantile: float) -> tuple[float, float]:
        """Quantile times standard error."""
        half = quantile * self.error(layout, effect)
        return half, half

    def dof(self, layout: Layout) -> float:
        """The measured interval holds its own quantile."""
        return math.inf


@dataclass(frozen=True, slots=True)
class Rule:
    """When an effect counts as found and when as excluded.

    Attributes:
        alpha: Two-sided level at which its null is tested, the correction for all other tests included.
        level: Coverage of the interval.
        power: Chance to find that is asked for.
        smallest: Smallest estimate that is reported.
    """

    alpha: float
    level: float = 0.95
    power: float = 0.8
    smallest: float = 0.0


def smallest_found(contrast: Contrast, layout: Layout, rule: Rule) -> float | None:
    """Smallest true effect that is found with the power of the rule; None where the score has no room for it.

    >>> round(smallest_found(GapContrast(0.5, 0.5, sd=0.5), Layout(800), Rule(0.05)), 3)
    0.099
    """
    critical = _critical(contrast, layout, rule)
    if critical is None:
        return None
    return _smallest(lambda effect: _power(contrast, layout, effect, critical) >= rule.power, contrast.room)


def smallest_decided(contrast: Contrast, layout: Layout, rule: Rule) -> float | None:
    """Smallest effect that matters at which every estimate is either found or excluded; None where there is no room.

    >>> round(smallest_decided(GapContrast(0.5, 0.5, sd=0.5), Layout(800), Rule(0.05)), 3)
    0.139
    """
    margin = contrast.margin if isinstance(contrast, MeasuredContrast) else 1.0
    critical = _critical(contrast, layout, rule)
    if critical is None:
        return None
    quantile = _quantile((1 - rule.level) / 2 / contrast.pairs, contrast.dof(layout))
    decided = margin * (critical + contrast.reach(layout, critical, quantile)[1])
    return max(decided, rule.smallest)


def power_at(contrast: Contrast, layout: Layout, effect: float, rule: Rule) -> float:
    """Chance that an effect is found: that its estimate lies above the value whose interval touches zero.

    Source: Abramowitz & Stegun (1964), 26.7.10 (noncentral t, at any degrees of freedom).

    >>> round(power_at(GapContrast(0.5, 0.5, sd=0.5), Layout(786), 0.1, Rule(0.05)), 2)
    0.8
    """
    critical = _critical(contrast, layout, rule)
    return 0.0 if critical is None else _power(contrast, layout, effect, critical)


def clusters_needed(
    meets: Callable[[Layout], bool], rows: float, uneven: float = 0.0, *, least: float = 2
) -> int | None:
    """Fewest clusters of so many rows with which a design meets what is asked; None where no number does.

    Args:
        meets: What is asked of a layout; more clusters meet it too.
        rows: Mean rows per cluster.
        uneven: As in ``Layout``.
        least: Fewest clusters that are of use.

    >>> rule, gap = Rule(0.05), GapContrast(0.5, 0.5, sd=0.5)
    >>> clusters_needed(lambda at: (smallest_found(gap, at, rule) or 1) <= 0.1, 1)
    787
    """
    low, high = math.ceil(least) - 1, math.ceil(least)
    while not meets(Layout(high, rows, uneven)):
        low, high = high, 2 * high
        if high > MOST_CLUSTERS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if meets(Layout(middle, rows, uneven)) else (middle, high)
    return high


def _power(contrast: Contrast, layout: Layout, effect: float, critical: float) -> float:
    from scipy import special

    error, dof = contrast.error(layout, effect), contrast.dof(layout)
    if error <= 0:
        return float(effect > critical)
    if dof >= MANY:
        return float(special.ndtr((effect - critical) / error))
    t = critical / error
    # Noncentral t by its normal approximation: the exact series fails at large arguments.
    return float(special.ndtr((effect / error - t * (1 - 1 / (4 * dof))) / math.sqrt(1 + t * t / (2 * dof))))


def _critical(contrast: Contrast, layout: Layout, rule: Rule) -> float | None:
    """The estimate whose interval at the tested level touches zero."""
    quantile = _quantile(rule.alpha / 2 / contrast.pairs, contrast.dof(layout))
    return _smallest(
        lambda effect: effect >= max(rule.smallest, contrast.reach(layout, effect, quantile)[0]), contrast.room
    )


def _smallest(holds: Callable[[float], bool], room: float) -> float | None:
    """Where a condition begins to hold between zero and the room that there is."""
    high = room if math.isfinite(room) else 1.0
    while not holds(high):
        if math.isfinite(room) or high > 1e12:
            return None
        high *= 2
    low = 0.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _quantile(tail: float, dof: float) -> float:
    return normal_quantile(tail) if dof >= MANY else t_quantile(tail, dof)


def _welch(layout: Layout, shares: tuple[float, float]) -> float:
    effective = layout.clusters / (1 + layout.uneven)
    terms = [1 / share**2 / max(0.5, share * effective - 1) for share in shares]
    return max(1.0, sum(1 / share for share in shares) ** 2 / sum(terms))


def checked(name: str, value: float, low: float, high: float, remedy: str, *, open_low: bool = False) -> float:
    """A number that lies in its range.

    Raises:
        BadInput: It does not; the message gives range, value and remedy.

    >>> checked("a share", 1.5, 0, 1, "Give 0.4 for 40 %.")
    Traceback (most recent call last):
    ...
    unseen.errors.BadInput: a share lies from 0 to 1, got 1.5. Give 0.4 for 40 %.
    """
    if not (low < value <= high if open_low else low <= value <= high):
        span = f"above {low:g}" + (f", up to {high:g}" if math.isfinite(high) else "") if open_low else ""
        span = span or (f"from {low:g} to {high:g}" if math.isfinite(high) else f"at {low:g} or above")
        raise BadInput(f"{name} lies {span}, got {value:g}. {remedy}".rstrip())
    return float(value)
