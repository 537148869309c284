"""One picture of findings, and what all of them share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, TypeVar

from unseen.checks.details import Details
from unseen.checks.details.gaps import Break, Ends, Level, LevelOfSide
from unseen.checks.details.learner import WithPValue
from unseen.checks.details.models import AtDifficulty
from unseen.estimates import Estimate
from unseen.report.forms import Mark, forest
from unseen.report.svg import Svg

Finding = Mapping[str, Any]
D = TypeVar("D", bound=Details, covariant=True)
# What has a value and an interval.
Interval = Estimate | Ends | Break | Level | LevelOfSide | AtDifficulty | WithPValue
# A page with more pictures of one check than this is scrolled past, not read.
MAX_PICTURES = 6
MAX_ROWS = 24


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture.

    Attributes:
        svg: The drawing, safe to place in a page.
        caption: What to see in it.
    """

    svg: Svg
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Shown(Generic[D]):
    """A finding to draw.

    Attributes:
        entry: Its entry in the document.
        details: Its details.
    """

    entry: Finding
    details: D

    @property
    def name(self) -> str:
        """What it is about."""
        return str(self.entry["subject"]["name"])


Draw = Callable[[Sequence[Shown[Any]]], Iterable[Picture]]


class CannotDraw(ValueError):
    """These findings do not hold what this picture needs."""


def intervals(findings: Sequence[Finding]) -> list[Picture]:
    """The estimates of the findings as rows of intervals."""
    shown = [f for f in findings if f.get("estimate") and f["estimate"]["value"] is not None]
    if not shown:
        return []
    rows = [[_mark(f)] for f in shown[:MAX_ROWS]]
    title = str(shown[0].get("title", shown[0]["code"]))
    covers_zero = any((m.low or 0.0) < 0.0 < (m.high or 0.0) for row in rows for m in row)
    svg = forest(
        rows, label=f"{title}: value and interval of each subject", axis=title, reference=0.0 if covers_zero else None,
        bounds=_alone(rows[0][0]) if len(rows) == 1 else None,
    )  # fmt: skip
    more = f" {len(shown) - MAX_ROWS} more stand in the table of all numbers." if len(shown) > MAX_ROWS else ""
    level = shown[0]["estimate"]["level"]
    return [Picture(svg, f"{title[:1].upper()}{title[1:]}, with {level:.0%} intervals.{more}")]


def _alone(mark: Mark) -> tuple[float, float] | None:
    """An axis for a single point: from zero, or the whole of a share. One stretched to its interval says nothing."""
    ends = [v for v in (mark.value, mark.low, mark.high) if v is not None]
    if min(ends) >= 0.0 and max(ends) <= 1.0:
        return 0.0, 1.0
    return (0.0, 1.05 * max(ends)) if min(ends) >= 0.0 else (1.05 * min(ends), 0.0) if max(ends) < 0.0 else None


def _mark(finding: Finding) -> Mark:
    e = finding["estimate"]
    kind = "accent" if finding["outcome"] == "found" else "mute"
    return Mark(finding["subject"]["name"], e["value"], e["low"], e["high"], kind, units=e.get("units"))


def mark_of(entry: Interval, label: str, kind: str, *, x: float = 0.0, note: str | None = None) -> Mark:
    """A point with its interval; an end that is infinite is not drawn."""
    units = entry.n if isinstance(entry, AtDifficulty) else None if isinstance(entry, Ends | Break) else entry.units
    return Mark(label, entry.value, finite(entry.low), finite(entry.high), kind, note, x, units)


def finite(end: float | None) -> float | None:
    """An end of an interval; None where it is infinite."""
    return end if end is not None and math.isfinite(end) else None


def levels_of(levels: Sequence[str | float]) -> tuple[list[float], dict[float, str]]:
    """Positions of levels on an axis, and their texts where they are no numbers (or are unevenly many).

    >>> levels_of([1, 2])
    ([1.0, 2.0], {1.0: '1', 2.0: '2'})
    >>> levels_of(["a", "b"])
    ([0.0, 1.0], {0.0: 'a', 1.0: 'b'})
    """
    numbers = [_as_number(level) for level in levels]
    at = [v for v in numbers if v is not None]
    known = sorted(set(at))
    if len(known) == len(levels):
        # Every level gets a label where they are few and none would touch its neighbour.
        apart = min((b - a for a, b in pairwise(known)), default=0.0)
        return at, {v: _label(v) for v in at} if len(at) <= 12 and apart * 14 >= known[-1] - known[0] else {}
    return [float(i) for i in range(len(levels))], {float(i): str(v) for i, v in enumerate(levels)}


def _label(level: float) -> str:
    """The text of a level; the mean of several levels, which has digits without end, with one behind the point.

    >>> _label(0.125), _label(2025.0), _label(2.6206896551724137), _label(0.03333333333333333)
    ('0.125', '2025', '2.6', '0.033')
    """
    if abs(level - float(f"{level:.5g}")) <= 1e-9 * abs(level):
        return f"{level:g}"
    return f"{level:.1f}" if abs(level) >= 1 else f"{level:.2g}"


def _as_number(level: str | float) -> float | None:
    # Levels come as labels too: "3" stands where 3 does.
    try:
        return float(level)
    except ValueError:
        return None


def unit_range(values: Iterable[float | None]) -> tuple[float, float] | None:
    """An axis from zero where all values lie in [0, 1] and span a good part of it; None where they do not.

    >>> unit_range([0.1, 0.9]), unit_range([0.0, 0.31]), unit_range([0.5, 0.55])
    ((0.0, 1.0), (0.0, 0.4), None)
    """
    known = [v for v in values if v is not None]
    inside = bool(known) and min(known) >= 0.0 and max(known) <= 1.0
    if not inside or max(known) - min(known) <= 0.25:
        return None
    return 0.0, 1.0 if max(known) > 0.6 else math.ceil(max(known) * 10) / 10
