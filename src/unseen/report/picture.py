"""One picture of a finding, and what all of them read from its details."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from unseen.report.forms import Mark, forest
from unseen.report.svg import Svg

Finding = Mapping[str, Any]
Draw = Callable[[Sequence[Finding]], Iterable["Picture"]]
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


class CannotDraw(ValueError):
    """The details of these findings do not hold what this picture needs."""


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


def value_of(entry: Any, *names: str) -> float | None:
    """A number in an object of the details under the first of several names; booleans and text are no numbers.

    >>> value_of({"accuracy": 0.5}, "value", "accuracy")
    0.5
    """
    for name in names or ("value",):
        given = entry.get(name) if isinstance(entry, Mapping) else None
        if isinstance(given, Mapping):
            given = given.get("value")
        if isinstance(given, int | float) and not isinstance(given, bool):
            return float(given)
    return None


def mark_of(entry: Any, label: str, kind: str, *, x: float = 0.0, note: str | None = None) -> Mark:
    """A point from an object with value, low and high.

    Raises:
        CannotDraw: There is no value.
    """
    value = value_of(entry, "value", "accuracy", "score", "mean", "gap", "effect", "rate")
    if value is None:
        raise CannotDraw(f"no value in {label!r}")
    units = value_of(entry, "units", "n")
    return Mark(
        label,
        value,
        value_of(entry, "low"),
        value_of(entry, "high"),
        kind,
        note,
        x,
        None if units is None else int(units),
    )


def levels_of(entries: Sequence[Mapping[str, Any]], *names: str) -> tuple[list[float], dict[float, str]]:
    """Positions of levels on an axis, and their texts where they are no numbers (or are unevenly many).

    >>> levels_of([{"level": 1}, {"level": 2}])
    ([1.0, 2.0], {1.0: '1', 2.0: '2'})
    >>> levels_of([{"level": "a"}, {"level": "b"}])
    ([0.0, 1.0], {0.0: 'a', 1.0: 'b'})
    """
    keys = names or ("level", "value", "x")
    raw = [_as_number(next((e[k] for k in keys if k in e), None)) for e in entries]
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in raw):
        at = [float(v) for v in raw if v is not None]
        known = sorted(set(at))
        # Every level gets a label where they are few and none would touch its neighbour.
        apart = min((b - a for a, b in pairwise(known)), default=0.0)
        if len(known) == len(at):
            return at, {v: _label(v) for v in at} if len(at) <= 12 and apart * 14 >= known[-1] - known[0] else {}
    return [float(i) for i in range(len(raw))], {float(i): str(v) for i, v in enumerate(raw)}


def _label(level: float) -> str:
    """The text of a level; the mean of several levels, which has digits without end, with one behind the point.

    >>> _label(0.125), _label(2025.0), _label(2.6206896551724137), _label(0.03333333333333333)
    ('0.125', '2025', '2.6', '0.033')
    """
    if abs(level - float(f"{level:.5g}")) <= 1e-9 * abs(level):
        return f"{level:g}"
    return f"{level:.1f}" if abs(level) >= 1 else f"{level:.2g}"


def _as_number(level: Any) -> Any:
    # Levels come as labels too: "3" stands where 3 does.
    try:
        return float(level) if isinstance(level, str) else level
    except ValueError:
        return level


def grouped(findings: Iterable[Finding], *keys: str) -> list[Finding]:
    """The findings whose details hold all keys.

    Raises:
        CannotDraw: None does.
    """
    fitting = [f for f in findings if all(f["details"].get(k) not in (None, [], {}) for k in keys)]
    if not fitting:
        raise CannotDraw(f"no details with {', '.join(keys)}")
    return fitting


def rows_in(details: Mapping[str, Any], *keys: str) -> Sequence[Mapping[str, Any]]:
    """The first list of objects in the details under one of several names.

    Raises:
        CannotDraw: There is none.
    """
    for key in keys:
        rows = details.get(key)
        if isinstance(rows, list) and rows and all(isinstance(r, Mapping) for r in rows):
            return rows
    raise CannotDraw(f"no rows under {', '.join(keys)}")


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
