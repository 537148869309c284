"""The picture of a plan: the smallest gap that is found against the items, on logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from unseen.report.plain import number
from unseen.report.svg import Canvas, Scale, tick_text

LEFT, RIGHT, TOP = 46.0, 14.0, 34.0
HEIGHT = 230.0
GAP_TICKS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0)


def picture(document: Mapping[str, Any]) -> str:
    """One line a number of clusters (or of models); the planned design is a dot, the gap that matters a dashed line."""
    lines = [line for line in document["lines"] if len(line["points"]) > 1]
    matters, q = document["settings"]["gap_that_matters"], document["questions"][0]
    here = (document["layout"]["items"], q["found"])
    points = [p for line in lines for p in line["points"]] + ([here] if here[1] else [])
    canvas = Canvas(TOP + HEIGHT + 40, "Smallest gap that is found, against the items of each model")
    if not points:
        canvas.text(LEFT, TOP + 20, "No gap that the expected score has room for is found.")
        return canvas.svg()
    x = _log(min(p[0] for p in points), max(p[0] for p in points), LEFT, canvas.width - RIGHT)
    gaps = [p[1] for p in points] + [matters]
    y = _log(min(gaps) * 0.9, min(1.0, max(gaps) * 1.1), TOP + HEIGHT, TOP)
    _axes(canvas, x, y)
    canvas.line(LEFT, y(math.log10(matters)), canvas.width - RIGHT, y(math.log10(matters)), "reference")
    others = iter(("c0", "c2", "c3", "c4", "c5", "c6"))
    entries: list[tuple[str, str]] = []
    for line in lines:
        kind = "c1" if line["now"] else next(others)
        canvas.path([(x(math.log10(n)), y(math.log10(gap))) for n, gap in line["points"]], f"curve {kind}")
        entries.append((kind, f"{line['name']}{', as planned' if line['now'] else ''}"))
    if here[1]:
        at = x(math.log10(here[0])), y(math.log10(here[1]))
        canvas.dot(*at, "dot ink", f"{number(here[0])} items: {number(here[1])}", 5.5)
        entries.append(("ink", f"this design: {number(here[1])}"))
    canvas.height = canvas.legend([*entries, ("reference", f"gap that matters, {matters:g}")], TOP + HEIGHT + 54) - 10
    return canvas.svg()


def caption(document: Mapping[str, Any]) -> str:
    """What the picture shows."""
    power = f"{document['settings']['power']:.0%}".replace("%", " %")
    of = "clusters that they come from" if document["changes"] else "models in the audit"
    return f"Smallest gap from seen to unseen found with {power} power, by items of each model and by the {of}."


def _log(low: float, high: float, start: float, end: float) -> Scale:
    return Scale(math.log10(low), math.log10(high), start, end)


def _axes(canvas: Canvas, x: Scale, y: Scale) -> None:
    bottom = TOP + HEIGHT
    for n in _counts(10**x.low, 10**x.high):
        at = x(math.log10(n))
        canvas.line(at, TOP, at, bottom, "grid")
        canvas.text(at, bottom + 15, number(n), "tick", anchor="middle")
    for gap in GAP_TICKS:
        if 10**y.low <= gap <= 10**y.high:
            at = y(math.log10(gap))
            canvas.line(LEFT, at, canvas.width - RIGHT, at, "grid")
            canvas.text(LEFT - 6, at + 4, tick_text(gap), "tick", anchor="end")
    canvas.text((LEFT + canvas.width - RIGHT) / 2, bottom + 31, "items of each model", "name", anchor="middle")
    canvas.text(2, TOP - 14, "smallest gap found (share of the score's range)", "name", room=canvas.width)


def _counts(low: float, high: float) -> list[int]:
    """Round numbers for a logarithmic axis: 1, 2 and 5 of each power of ten, fewer where they would crowd.

    >>> _counts(60, 8000)
    [100, 200, 500, 1000, 2000, 5000]
    """
    wide = math.log10(high / low) > 2.6
    steps = (1,) if math.log10(high / low) > 4 else (1, 3) if wide else (1, 2, 5)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [n for power in powers for s in steps if low <= (n := round(s * 10.0**power)) <= high]
