"""Shifts along an order: later times, and the upper or lower end of a factor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.shifts.base import Guarantee, Shift, Split, require_factor

Whole = Literal["day", "month", "year"]
WHOLE: dict[str, str] = {"day": "1d", "month": "1mo", "year": "1y"}


@dataclass
class LaterThan(Shift):
    """Train on what came first, test on what came later.

    Attributes:
        factor: A number, date or time.
        threshold: Last value in training: a number, a date, a time, or ISO text for one. By default the value that
            leaves the share ``quantile`` of the rows, as nearly as whole values allow, in training.
        quantile: Share of the rows in training where there is no threshold.
        whole: Round dates and times down to whole days, months or years first, so that none of them is divided.

    Rows without a time stand on no side.
    """

    name: ClassVar[str] = "later-than"
    factor: str
    threshold: Any = None
    quantile: float = 0.8
    whole: Whole | None = None
    seen_share: float = 0.2

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows up to the cut, and rows after it."""
        values, cut = self._cut(examples)
        return np.flatnonzero(values <= cut), np.flatnonzero(values > cut)

    def promises(self, split: Split) -> list[Guarantee]:
        """Training ends before the unseen rows begin."""
        return [_separated(split, self.factor, upper=True)]

    def _cut(self, examples: Examples) -> tuple[np.ndarray, float]:
        column = ordered_column(examples, self.factor, what="a time")
        if self.whole and column.dtype.is_temporal():
            column = column.dt.truncate(WHOLE[self.whole])
        values = _ordinals(column)
        if self.threshold is None:
            return values, nearest_cut(values, self.quantile, self.describe())
        return values, threshold_in(self.threshold, column)


@dataclass
class Extrapolated(Shift):
    """Train on one end of an ordered factor, test beyond it.

    Attributes:
        factor: An ordered factor (distance, length, dose).
        end: "upper": large values are unseen; "lower": small ones are.
        quantile: Share of the rows in training where there is no threshold, as nearly as whole values allow.
        threshold: Last value in training, seen from the other end.

    Rows without a value stand on no side.
    """

    name: ClassVar[str] = "extrapolated"
    factor: str
    end: Literal["upper", "lower"] = "upper"
    quantile: float = 0.8
    threshold: Any = None
    seen_share: float = 0.2

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows up to the cut, and rows beyond it, at the chosen end."""
        if self.end not in ("upper", "lower"):
            raise BadInput(f"an end is 'upper' or 'lower', got {self.end!r}.")
        sign = 1.0 if self.end == "upper" else -1.0
        column = ordered_column(examples, self.factor, what="an order")
        values = sign * _ordinals(column)
        if self.threshold is None:
            cut = nearest_cut(values, self.quantile, self.describe())
        else:
            cut = sign * threshold_in(self.threshold, column)
        return np.flatnonzero(values <= cut), np.flatnonzero(values > cut)

    def promises(self, split: Split) -> list[Guarantee]:
        """No training value lies beyond the first unseen one."""
        return [_separated(split, self.factor, upper=self.end == "upper")]


def ordered_column(examples: Examples, name: str, *, what: str) -> pl.Series:
    """A numeric or temporal column.

    Raises:
        BadInput: It is missing, or it holds text or something else without an order; the message shows a value.
    """
    require_factor(examples, name)
    column = examples.table[name]
    if column.dtype.is_numeric() or column.dtype.is_temporal():
        return column
    first = column.drop_nulls().first()
    if column.dtype == pl.String:
        raise BadInput(
            f"column {name!r} holds text ({first!r}), which has no order as {what}. Convert it first: in polars "
            f"pl.col({name!r}).str.to_datetime(), in pandas pandas.to_datetime; or to a number where it is one."
        )
    raise BadInput(f"column {name!r} has no order: it holds {column.dtype} (such as {first!r}).")


def nearest_cut(values: np.ndarray, quantile: float, shift: str) -> float:
    """The distinct value up to which the share of rows is nearest to a quantile, leaving both sides some rows.

    Raises:
        BadInput: The quantile is not inside (0, 1), or there are fewer than two distinct values.

    >>> nearest_cut(np.array([1.0, 1, 1, 2, 3]), 0.8, "a shift")
    2.0
    """
    if not 0 < quantile < 1:
        raise BadInput(f"{shift}: a quantile lies inside 0 … 1, got {quantile}.")
    levels, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    if len(levels) < 2:
        raise BadInput(f"{shift} needs at least two different values, got {len(levels)}.")
    share = np.cumsum(counts)[:-1] / counts.sum()
    return float(levels[np.argmin(np.abs(share - quantile))])


def _ordinals(column: pl.Series) -> np.ndarray:
    """Numbers or times as floats, shape (n,); a missing value is NaN."""
    numbers = column.to_physical() if column.dtype.is_temporal() else column
    return numbers.cast(pl.Float64).fill_null(np.nan).to_numpy()


def threshold_in(value: Any, column: pl.Series) -> float:
    """A threshold on the scale of the column's ordinals.

    Raises:
        BadInput: The value is no number, date or time as the column holds.
    """
    try:
        if column.dtype.is_numeric():
            if isinstance(value, date):
                raise TypeError
            return float(value)
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(moment, date):
            raise TypeError
        one = pl.Series([moment], dtype=pl.Date if type(moment) is date else None)
        dtype = column.dtype
        if isinstance(dtype, pl.Datetime):
            one = one.cast(pl.Datetime(dtype.time_unit))
            one = one.dt.replace_time_zone(dtype.time_zone) if dtype.time_zone else one
        return float(_ordinals(one.cast(dtype))[0])
    except (TypeError, ValueError):
        raise BadInput(
            f"{value!r} is no threshold for column {column.name!r}, which holds {column.dtype} "
            f"(such as {column.drop_nulls().first()!r})."
        ) from None


def _separated(split: Split, factor: str, *, upper: bool) -> Guarantee:
    train, unseen = split.train.table[factor], split.unseen.table[factor]
    last, first = (train.max(), unseen.min()) if upper else (train.min(), unseen.max())
    a, b = (_ordinals(pl.Series([v], dtype=train.dtype))[0] for v in (last, first))
    verb = "reaches" if upper else "goes down to"
    return Guarantee("separated", bool(a < b if upper else a > b), f"train {verb} {last}, unseen begins at {first}")
