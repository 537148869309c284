"""The forms that pictures take: rows of intervals, curves, bars, points. Data in, one SVG out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from unseen.report.plain import number
from unseen.report.svg import WIDTH, Canvas, Scale, Svg, Tip, extent

LEFT, RIGHT = 46.0, 12.0
ROW = 36.0
# Room for half a tick label at either end of a row of intervals.
EDGE = 16.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A point with its interval.

    Attributes:
        label: Name of the row, or of the point in a tooltip.
        value: Where the point lies.
        low: Lower end of the interval; None where it has none.
        high: Upper end.
        kind: Colour class (seen, unseen, accent, mute, bad, good, c0 … c7).
        note: What stands at the right of the row instead of the value.
        x: Where the point lies on the horizontal axis of a curve.
        units: Independent units behind it.
        said: Its name in a tooltip and in the table, where that is not the label of the row.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    kind: str = "accent"
    note: str | None = None
    x: float = 0.0
    units: int | None = None
    said: str = ""

    def tip(self) -> Tip:
        """The numbers as a tooltip."""
        return Tip(self.said or self.label, self.value, self.low, self.high, self.units)


@dataclass(frozen=True, slots=True)
class Curve:
    """Points joined by a line, with a band where they have intervals."""

    name: str
    kind: str
    points: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class Shade:
    """A stretch of the horizontal axis that means something."""

    low: float
    high: float
    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """A named axis; ``names`` gives the text of positions that are levels rather than numbers."""

    title: str = ""
    low: float | None = None
    high: float | None = None
    names: dict[float, str] = field(default_factory=dict)


def forest(
    rows: Sequence[Sequence[Mark]],
    *,
    label: str,
    axis: str = "",
    reference: float | None = None,
    reference_name: str = "",
    legend: Sequence[tuple[str, str]] = (),
    bounds: tuple[float, float] | None = None,
    apart: bool = False,
) -> Svg:
    """Rows of intervals: the name above, one or more points below it, the first one's numbers at the right.

    Args:
        rows: Each row holds one mark, or several to compare (seen and unseen).
        label: What the picture shows, in words.
        axis: Name of the quantity and its unit.
        reference: Where a dashed line stands (no gap, the mean of all).
        reference_name: What the dashed line is, for the legend.
        legend: Colour class and name.
        bounds: Ends of the axis; from the data otherwise.
        apart: Draw the points of a row under each other rather than on one line.
    """
    step = 9.0 if apart else 0.0
    tall = ROW + step * (max(map(len, rows)) - 1)
    marks = [m for row in rows for m in row]
    include = () if reference is None else (reference,)
    low, high = bounds or extent([v for m in marks for v in (m.value, m.low, m.high)], include=include)
    top = 26.0 if legend or reference_name else 8.0
    canvas = Canvas(top + len(rows) * tall + (40 if axis else 24), label)
    scale = Scale(low, high, EDGE, WIDTH - EDGE)
    entries = [*legend, *([("reference", reference_name)] if reference_name else [])]
    if entries:
        top = canvas.legend(entries, 14) - 2
        canvas.height = top + len(rows) * tall + (40 if axis else 24)
    bottom = top + len(rows) * tall
    canvas.x_axis(scale, top, bottom, axis)
    for i, row in enumerate(rows):
        y = top + i * tall
        if reference is not None:
            # Under the name of the row, so that no line runs through words.
            canvas.line(scale(reference), y + 17, scale(reference), y + tall, "reference")
        first = row[0]
        note = first.note if first.note is not None else number(first.value)
        canvas.text(4, y + 13, first.label, "t", room=WIDTH - 20 - len(note) * 6.6)
        canvas.text(WIDTH - 4, y + 13, note, "value", anchor="end")
        values = [m.value for m in row if m.value is not None]
        if len(values) > 1 and not apart:
            canvas.line(scale(min(values)), y + 25, scale(max(values)), y + 25, "link")
        for k, mark in enumerate(row):
            canvas.interval(scale, y + 25 + k * step, mark.value, mark.low, mark.high, mark.kind, mark.tip())
    return canvas.svg()


def curves(
    lines: Sequence[Curve],
    *,
    label: str,
    x: Axis,
    y: Axis,
    shades: Sequence[Shade] = (),
    reference: float | None = None,
    breaks: Sequence[Mark] = (),
    diagonal: bool = False,
    height: float = 250,
    legend: bool = True,
) -> Svg:
    """Curves over a numeric axis with bands, shaded stretches (what was seen, where it breaks) and a legend."""
    points = [p for line in lines for p in line.points]
    named = sorted(x.names)
    x_low, x_high = extent([p.x for p in points] + named, pad=0.04)
    x_low, x_high = (x_low if x.low is None else x.low), (x_high if x.high is None else x.high)
    y_auto = extent(
        [v for p in points for v in (p.value, p.low, p.high)], include=() if reference is None else (reference,)
    )
    y_low, y_high = (y_auto[0] if y.low is None else y.low), (y_auto[1] if y.high is None else y.high)
    canvas = Canvas(height, label)
    entries = [(f"{line.kind}", line.name) for line in lines if line.name]
    entries += [(f"shade {s.kind}", s.name) for s in shades if s.name]
    top = canvas.legend(entries, 14) if legend and entries else 8.0
    top += 16 if y.title else 4
    canvas.height = height + top - 24
    bottom = canvas.height - (40 if x.title else 24)
    across, up = Scale(x_low, x_high, LEFT, WIDTH - RIGHT), Scale(y_low, y_high, bottom, top)
    for shade in shades:
        x1, x2 = across.clipped(shade.low, x_low), across.clipped(shade.high, x_high)
        if x2 - x1 < 1.5:
            canvas.line(x1, top, x1, bottom, f"cut {shade.kind}", shade.name)
        else:
            canvas.rect(x1, top, x2 - x1, bottom - top, f"shade {shade.kind}", shade.name)
    canvas.y_axis(up, LEFT, WIDTH - RIGHT, y.title)
    if named:
        _named_ticks(canvas, across, bottom, x)
    else:
        for v in across.ticks(6):
            canvas.text(across(v), bottom + 15, f"{v:g}", "tick", anchor="middle")
    canvas.line(LEFT, bottom, WIDTH - RIGHT, bottom, "axis")
    if x.title:
        canvas.text((LEFT + WIDTH - RIGHT) / 2, bottom + 32, x.title, "name", anchor="middle", room=WIDTH - LEFT)
    if reference is not None:
        canvas.line(LEFT, up(reference), WIDTH - RIGHT, up(reference), "reference")
    if diagonal:
        low, high = max(x_low, y_low), min(x_high, y_high)
        canvas.line(across(low), up(low), across(high), up(high), "reference")
    for line in lines:
        _curve(canvas, line, across, up, whiskers=len(lines) <= 2)
    for i, mark in enumerate(breaks):
        canvas.interval(across, top + 8 + 9 * i, mark.value, mark.low, mark.high, mark.kind, mark.tip())
    return canvas.svg()


def _named_ticks(canvas: Canvas, across: Scale, bottom: float, x: Axis) -> None:
    """Labels of levels; every second, third … where they would touch."""
    named = sorted(x.names)
    widest = max(len(x.names[v]) for v in named) * 6.2 + 8
    step = max(1, -(-int(widest * len(named)) // int(WIDTH - LEFT - RIGHT)))
    if step > 1 and len(named) <= 8:
        step = 1
    room = (WIDTH - LEFT - RIGHT) / max(1, len(named) / step) - 2
    for v in named[::step]:
        canvas.text(across(v), bottom + 15, x.names[v], "tick", anchor="middle", room=room, size=11)


def _curve(canvas: Canvas, line: Curve, across: Scale, up: Scale, *, whiskers: bool) -> None:
    drawn = sorted((p for p in line.points if p.value is not None), key=lambda p: p.x)
    banded = [p for p in drawn if p.low is not None and p.high is not None]
    if len(banded) > 1:
        upper = [(across(p.x), up.clipped(p.high, 0)) for p in banded]
        lower = [(across(p.x), up.clipped(p.low, 0)) for p in reversed(banded)]
        canvas.path(upper + lower, f"band {line.kind}", close=True)
    canvas.path([(across(p.x), up.clipped(p.value, 0)) for p in drawn], f"curve {line.kind}")
    for p in drawn if len(drawn) <= 60 else []:
        if whiskers and len(drawn) <= 12 and p.low is not None and p.high is not None:
            canvas.line(across(p.x), up.clipped(p.low, 0), across(p.x), up.clipped(p.high, 0), f"whisker {line.kind}")
        canvas.dot(across(p.x), up.clipped(p.value, 0), f"dot {line.kind}", p.tip(), 4 if len(drawn) <= 30 else 2.5)


def stacked(
    rows: Sequence[tuple[str, Sequence[tuple[str, float]]]],
    *,
    label: str,
    names: Sequence[tuple[str, str]],
    axis: str = "",
) -> Svg:
    """Rows of bars that add up to the whole.

    Args:
        rows: Name of the row, and (colour class, share in [0, 1]) of each part.
        label: What the picture shows, in words.
        names: Colour class and name, for the legend.
        axis: Name of the quantity.
    """
    canvas = Canvas(100, label)
    top = canvas.legend(names, 14)
    scale = Scale(0, 1, EDGE, WIDTH - EDGE)
    bottom = top + len(rows) * 42
    canvas.height = bottom + (40 if axis else 24)
    canvas.x_axis(scale, top, bottom, axis)
    known = dict(names)
    for i, (name, parts) in enumerate(rows):
        y, x = top + i * 42, 0.0
        canvas.text(4, y + 12, name, "t", room=WIDTH - 8)
        for kind, share in parts:
            canvas.rect(
                scale(x),
                y + 18,
                scale(x + share) - scale(x),
                16,
                f"bar {kind}",
                Tip(f"{name}, {known.get(kind, kind)}", share),
            )
            if share > 0.09:
                canvas.text(scale(x + share / 2), y + 30, f"{share:.0%}", "inbar", anchor="middle")
            x += share
    return canvas.svg()


def bars(
    rows: Sequence[Mark], *, label: str, axis: str = "", total_after: int | None = None,
    bounds: tuple[float, float] | None = None,
) -> Svg:  # fmt: skip
    """Bars from zero with whiskers, one a row; a rule before the row ``total_after``."""
    low, high = bounds or extent([v for m in rows for v in (m.value, m.low, m.high)], include=(0.0,))
    canvas = Canvas(8 + len(rows) * 40 + (40 if axis else 24), label)
    scale = Scale(low, high, EDGE, WIDTH - EDGE)
    bottom = 8 + len(rows) * 40
    canvas.x_axis(scale, 8, bottom, axis)
    canvas.line(scale(0), 8, scale(0), bottom, "axis")
    for i, mark in enumerate(rows):
        y = 8 + i * 40
        if i == total_after:
            canvas.line(4, y, WIDTH - 4, y, "axis")
        note = mark.note if mark.note is not None else number(mark.value)
        canvas.text(4, y + 13, mark.label, "t", room=WIDTH - 20 - len(note) * 6.6)
        canvas.text(WIDTH - 4, y + 13, note, "value", anchor="end")
        if mark.value is not None:
            canvas.rect(scale(0), y + 19, scale.clipped(mark.value, 0) - scale(0), 13, f"bar {mark.kind}", mark.tip())
        if mark.low is not None and mark.high is not None:
            canvas.line(
                scale.clipped(mark.low, 0), y + 25.5, scale.clipped(mark.high, 0), y + 25.5, "whisker ink", mark.tip()
            )
    return canvas.svg()


def histogram(values: Sequence[float], low: float, high: float, bins: int = 24) -> list[tuple[float, float, int]]:
    """Counts in equal bins: (start, end, count).

    >>> histogram([0.1, 0.2, 0.9], 0, 1, 2)
    [(0.0, 0.5, 2), (0.5, 1.0, 1)]
    """
    step = (high - low) / bins
    counts = [0] * bins
    for v in values:
        counts[min(bins - 1, max(0, int((v - low) / step)))] += 1
    return [(low + i * step, low + (i + 1) * step, n) for i, n in enumerate(counts)]


__all__ = ["Axis", "Curve", "Mark", "Shade", "bars", "curves", "forest", "histogram", "stacked"]
