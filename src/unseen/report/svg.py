"""Small pictures as SVG text: shapes coloured by CSS classes, so that one picture serves the light and the dark theme.

Pictures are written by hand rather than through Altair: measured at 1 s to load and 50 ms a picture and theme,
Altair would make the report the slowest part of an audit, and its text does not follow the theme of the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from unseen.report.plain import number

WIDTH = 440.0
# Mean advance of a character, as a share of the font size, in the widest of the fonts that the page asks for.
ADVANCE = 0.64


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from data to picture units.

    >>> Scale(0, 1, 10, 110)(0.5)
    60.0
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The position of a value."""
        span = self.high - self.low or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)

    def clipped(self, value: float | None, otherwise: float) -> float:
        """The position of a value, held inside the picture; ``otherwise`` is the data value where it is missing."""
        value = otherwise if value is None else value
        return self(min(max(value, min(self.low, self.high)), max(self.low, self.high)))

    def ticks(self, count: int = 5) -> list[float]:
        """Round values inside the scale, about ``count`` of them."""
        return ticks(self.low, self.high, count)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values between low and high.

    >>> ticks(0, 1)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999), 10 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def extent(values: Sequence[float | None], *, include: Sequence[float] = (), pad: float = 0.05) -> tuple[float, float]:
    """Lowest and highest finite value with room around; a flat range is widened.

    >>> extent([1.0, 3.0, None], pad=0.0)
    (1.0, 3.0)
    """
    finite = [float(v) for v in (*values, *include) if v is not None and math.isfinite(v)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    room = (high - low) * pad if high > low else max(abs(high), 1.0) * 0.1
    kept = set(include)
    return (low if low in kept else low - room), (high if high in kept else high + room)


def short(text: object, width: float, size: float = 12.0) -> str:
    """Text cut to about ``width`` picture units, with an ellipsis in the middle (names differ at both ends).

    >>> short("abcdefghij", 40)
    'abc…j'
    """
    words = " ".join(str(text).split())
    room = max(3, int(width / (size * ADVANCE)))
    if len(words) <= room:
        return words
    head = math.ceil((room - 1) * 0.6)
    return f"{words[:head].rstrip()}…{words[len(words) - (room - 1 - head) :].lstrip()}"


def tick_text(value: float) -> str:
    """A tick label without needless zeros.

    >>> [tick_text(v) for v in (0.2, 1.0, 2500.0, 3e6)]
    ['0.2', '1', '2500', '3e+06']
    """
    return f"{value:.4g}".replace("-", "−")


class Tip(str):
    """What a shape says when it is pointed at, with the numbers in it.

    >>> Tip("model A", 0.25, 0.2, 0.3, 120)
    'model A: 0.250 [0.200, 0.300], 120 units'
    """

    __slots__ = ("high", "label", "low", "units", "value")
    label: str
    value: float | None
    low: float | None
    high: float | None
    units: int | None

    def __new__(
        cls,
        label: str,
        value: float | None,
        low: float | None = None,
        high: float | None = None,
        units: int | None = None,
    ) -> Tip:
        """A text made of the numbers."""
        ends = "" if low is None and high is None else f" [{number(low)}, {number(high)}]"
        counted = "" if units is None else f", {number(units)} unit{'' if units == 1 else 's'}"
        made = super().__new__(cls, f"{label}: {number(value)}{ends}{counted}")
        made.label, made.value, made.low, made.high, made.units = label, value, low, high, units
        return made


class Svg(str):
    """A drawing as text, with the numbers in it.

    Attributes:
        tips: What its shapes say, in the order of drawing, each once.
    """

    __slots__ = ("tips",)
    tips: tuple[Tip, ...]

    def __new__(cls, text: str, tips: Iterable[Tip] = ()) -> Svg:
        """A text with the tips in it."""
        made = super().__new__(cls, text)
        made.tips = tuple(dict.fromkeys(tips))
        return made


@dataclass
class Canvas:
    """A picture under construction. Coordinates grow to the right and downwards.

    Attributes:
        height: Height in picture units; the width is 440.
        label: What the picture shows, for people who can't see it.
    """

    height: float
    label: str
    width: float = WIDTH
    parts: list[str] = field(default_factory=list)
    tips: list[Tip] = field(default_factory=list)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str = "axis", title: str = "") -> None:
        """A straight line."""
        self._add(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"', "line", title)

    def rect(self, x: float, y: float, w: float, h: float, kind: str, title: str = "", radius: float = 0) -> None:
        """A rectangle; a negative width is drawn to the left."""
        x, w = (x + w, -w) if w < 0 else (x, w)
        y, h = (y + h, -h) if h < 0 else (y, h)
        self._add(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{radius:g}" class="{kind}"',
            "rect",
            title,
        )

    def dot(self, x: float, y: float, kind: str, title: str = "", radius: float = 4.5) -> None:
        """A filled circle."""
        self._add(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{kind}"', "circle", title)

    def path(self, points: Sequence[tuple[float, float]], kind: str, *, close: bool = False) -> None:
        """A line through points, or an area."""
        if len(points) > 1:
            d = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + ("Z" if close else "")
            self.parts.append(f'<path d="{d}" class="{kind}"/>')

    def text(
        self, x: float, y: float, text: object, kind: str = "t", *,
        anchor: str = "start", room: float = 0, size: float = 12, whole: str = "",
    ) -> None:  # fmt: skip
        """Text, escaped; cut to ``room`` picture units where it is given, with the whole text as a tooltip."""
        shown = short(text, room, size) if room else str(text)
        whole = whole or str(text)
        tip = f"<title>{escape(whole)}</title>" if shown != whole else ""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}"{place}>{tip}{escape(shown)}</text>')

    def interval(
        self, scale: Scale, y: float, value: float | None, low: float | None, high: float | None, kind: str,
        title: str = "",
    ) -> None:  # fmt: skip
        """A point with its interval along a horizontal scale; one end that is missing runs to the edge."""
        if low is None and high is None:
            if value is not None:
                self.dot(scale.clipped(value, value), y, f"dot {kind}", title)
            return
        x1, x2 = scale.clipped(low, scale.low), scale.clipped(high, scale.high)
        self.line(x1, y, x2, y, f"whisker {kind}", title)
        for end, given in ((x1, low), (x2, high)):
            if given is not None:
                self.line(end, y - 3.5, end, y + 3.5, f"whisker {kind}")
        if value is not None:
            self.dot(scale.clipped(value, value), y, f"dot {kind}", title)

    def x_axis(
        self, scale: Scale, top: float, bottom: float, title: str = "", values: Sequence[float] | None = None
    ) -> None:
        """Vertical hairlines with labels under them, and the name of the axis."""
        for v in values if values is not None else scale.ticks():
            x = scale(v)
            self.line(x, top, x, bottom, "grid")
            self.text(x, bottom + 15, tick_text(v), "tick", anchor="middle")
        if title:
            self.text((scale.start + scale.end) / 2, bottom + 31, title, "name", anchor="middle", room=self.width)

    def y_axis(
        self, scale: Scale, left: float, right: float, title: str = "", values: Sequence[float] | None = None
    ) -> None:
        """Horizontal hairlines with labels left of them, and the name of the axis above."""
        for v in values if values is not None else scale.ticks(4):
            y = scale(v)
            self.line(left, y, right, y, "grid")
            self.text(left - 6, y + 4, tick_text(v), "tick", anchor="end")
        if title:
            self.text(2, min(scale.start, scale.end) - 10, title, "name", room=self.width)

    def legend(self, entries: Sequence[tuple[str, str]], y: float, x: float = 2) -> float:
        """Coloured dots (squares for shaded stretches) with names, in rows from ``y`` on; the y under the last row."""
        left = x
        for kind, name in entries:
            shown = short(name, self.width - 24 - left, 12)
            need = 16 + len(shown) * 12 * ADVANCE + 14
            if x > left and x + need > self.width:
                x, y = left, y + 18
            if kind == "reference":
                self.line(x, y - 4, x + 11, y - 4, kind)
            elif kind.startswith("shade"):
                self.rect(x, y - 9, 10, 10, f"swatch {kind.removeprefix('shade ')}", radius=2)
            else:
                self.dot(x + 5, y - 4, f"dot {kind}")
            self.text(x + 14, y, shown, "t")
            x += need
        return y + 18

    def svg(self) -> Svg:
        """The whole picture."""
        head = (
            f'<svg viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'aria-label="{escape(self.label, quote=True)}" xmlns="http://www.w3.org/2000/svg">'
        )
        return Svg(head + "".join(self.parts) + "</svg>", self.tips)

    def _add(self, opened: str, tag: str, title: str) -> None:
        if isinstance(title, Tip):
            self.tips.append(title)
        self.parts.append(f"{opened}><title>{escape(title)}</title></{tag}>" if title else f"{opened}/>")


__all__ = ["WIDTH", "Canvas", "Scale", "Svg", "Tip", "extent", "short", "tick_text", "ticks"]
