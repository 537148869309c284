"""The only form in which a number leaves the library as a result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from unseen.errors import Undefined


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval, and what it rests on.

    Attributes:
        value: Point estimate, in the unit of the quantity.
        low: Lower end of the interval.
        high: Upper end of the interval.
        units: Number of independent units (clusters, items, seeds) behind it, not of rows.
        method: How value and interval were computed, in words a reader can look up.
        level: Nominal coverage of the interval.

    Raises:
        Undefined: An end is NaN, the ends are in the wrong order, or the interval has no width.

    >>> print(Estimate(0.125, 0.05, 0.2, units=80, method="paired difference, CR2"))
    0.125 [0.050, 0.200]
    """

    value: float
    low: float
    high: float
    units: int
    method: str
    level: float = 0.95

    def __post_init__(self) -> None:
        if math.isnan(self.value) or math.isnan(self.low) or math.isnan(self.high):
            raise Undefined(f"an estimate of {self.value} [{self.low}, {self.high}] by {self.method} is not a number.")
        if not self.low < self.high:
            raise Undefined(
                f"an interval needs a width, got [{self.low}, {self.high}] by {self.method}: "
                "say that none exists instead of passing one on."
            )
        if not 0 < self.level < 1:
            raise Undefined(f"a level lies between 0 and 1, got {self.level}.")

    def __neg__(self) -> Estimate:
        return Estimate(-self.value, -self.high, -self.low, self.units, self.method, self.level)

    def __str__(self) -> str:
        return self.format()

    @property
    def width(self) -> float:
        """Length of the interval, in the unit of the quantity."""
        return self.high - self.low

    def scaled(self, factor: float) -> Estimate:
        """The same estimate in another unit: multiplied by a constant that is known without error."""
        low, high = sorted((self.low * factor, self.high * factor))
        return Estimate(self.value * factor, low, high, self.units, self.method, self.level)

    def excludes(self, threshold: float) -> bool:
        """Whether the whole interval lies on one side of the threshold."""
        return self.low > threshold or self.high < threshold

    def format(self, digits: int = 3) -> str:
        """The value with its interval: ``0.125 [0.050, 0.200]``."""
        value, low, high = (_plain(v, digits) for v in (self.value, self.low, self.high))
        return f"{value} [{low}, {high}]"

    def to_dict(self) -> dict[str, Any]:
        """Plain data in the order of the JSON schema; an end that is infinite becomes None."""

        def finite(x: float) -> float | None:
            return x if math.isfinite(x) else None

        return {
            "value": finite(self.value),
            "low": finite(self.low),
            "high": finite(self.high),
            "level": self.level,
            "units": self.units,
            "method": self.method,
        }


def _plain(value: float, digits: int) -> str:
    """A number with so many decimals; what rounds to zero has no sign.

    >>> _plain(-0.001, 2), _plain(-0.01, 2)
    ('0.00', '-0.01')
    """
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if not text.strip("-0.") else text
