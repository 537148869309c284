"""The first screen of an audit as HTML: verdict, score table with bars, stories with their findings folded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from unseen.plain_text import counted
from unseen.report import first
from unseen.report.plain import interval

Document = Mapping[str, Any]
# Findings under a story beyond these stand in the table of all numbers alone.
MAX_UNDER = 40
# A narrow page shows the first of them.
ORDER = ("model", "overall", "seen", "unseen", "gap", "tier", "calibration", "answers", "units")


@dataclass(frozen=True, slots=True)
class _Bar:
    """An interval on the scale of its column, in percent of the cell."""

    cls: str
    low: str
    width: str
    at: str
    zero: str | None = None


@dataclass(frozen=True, slots=True)
class _Cell:
    """One cell of the score table."""

    text: str
    cls: str
    sort: float | str | None
    bar: _Bar | None


def parts(document: Document, linked: Collection[str]) -> dict[str, Any]:
    """What the template of the first screen is filled with.

    Args:
        document: The document.
        linked: Identifiers of the findings that have a place in the page.
    """
    columns = sorted(first.columns(document), key=lambda c: ORDER.index(c.key)) if document.get("scores") else []
    rows: Sequence[Mapping[str, Any]] = document["scores"]["rows"] if columns else []
    scales = {c.key: _scale(document, rows, c.key) for c in columns if c.key in first.ESTIMATES}
    held = {f["id"]: f for f in document["findings"]}
    return {
        "heads": columns,
        "rows": [[_cell(row, c, scales.get(c.key)) for c in columns] for row in rows],
        "level": f"{100 * document['settings'].get('level', 0.95):.0f}\N{NO-BREAK SPACE}%",
        "lost": _lost(document) if any(c.key == "gap" for c in columns) else "",
        "between": first.between(document),
        "tiers": any(c.key == "tier" for c in columns),
        "stories": [_story(story, held, linked) for story in document["stories"]],
        "rest": [{"code": text.split()[0], "text": text} for text in first.rest(document)],
        # A page has below what the terminal shows on demand.
        "counts": " · ".join(t for t in (first.counts(document), first.silent(document)) if t).replace(
            "--full", "below"
        ),
    }


def _lost(document: Document) -> str:
    return (
        "Lower is better. Rise: unseen minus seen." if document["scores"].get("lower") else "Lost: seen minus unseen."
    )


def _cell(row: Mapping[str, Any], column: first.Column, scale: tuple[float, float] | None) -> _Cell:
    value = row[column.key]
    cls = "n" if column.numeric else ""
    if scale is None or not isinstance(value, Mapping):
        return _Cell(
            first.cell(row, column), cls, None if isinstance(value, Mapping) else "" if value is None else value, None
        )
    low, high = scale

    def at(x: float) -> float:
        return min(1.0, max(0.0, (x - low) / (high - low))) * 98.4

    ends = [at(value["value"] if end is None else end) for end in (value["low"], value["high"])]
    bar = _Bar(column.key, f"{ends[0]:.1f}", f"{max(ends[1] - ends[0], 0.8) + 1.6:.1f}", f"{at(value['value']):.1f}")
    if column.key in ("gap", "calibration"):
        # Where a loss ends and a gain begins.
        bar = replace(bar, zero=f"{at(0.0):.1f}")
    return _Cell(first.cell(row, column), cls, value["value"], bar)


def _scale(document: Document, rows: Sequence[Mapping[str, Any]], key: str) -> tuple[float, float] | None:
    """What the ends of a bar mean: the range of the score, or zero to the largest where it is a difference."""
    known = [row[key] for row in rows if row[key]]
    if not known:
        return None
    low, high = document["scores"]["low"], document["scores"]["high"]
    if key in ("gap", "calibration"):
        most = max(max(abs(e["value"]), abs(e["high"] or 0.0)) for e in known)
        least = min(0.0, *(e["value"] if e["low"] is None else e["low"] for e in known))
        return (least, most) if most > least else None
    if low is not None and high is not None:
        return float(low), float(high)
    ends = [
        e[end] for row in rows for e in (row["overall"], row["seen"], row["unseen"]) if e for end in ("low", "high")
    ]
    ends = [end for end in ends if end is not None]
    return (min(ends), max(ends)) if ends and max(ends) > min(ends) else None


def _story(story: Mapping[str, Any], held: Mapping[str, Mapping[str, Any]], linked: Collection[str]) -> dict[str, Any]:
    own = [held[name] for name in story["findings"] if name in held]
    shown = own[:MAX_UNDER]
    which = first.which(story["models"], story["of_models"])
    return {
        "id": story["id"], "title": story["title"], "sentence": story["sentence"], "next_step": story["next_step"],
        "models": f"{which} models" if len(story["models"]) > 1 else which,
        "count": counted(len(own), "finding"), "codes": ", ".join(story["codes"]),
        "findings": [
            {"id": f["id"], "code": f["code"], "name": f["subject"]["name"], "line": interval(f["estimate"]),
             "linked": f["id"] in linked}
            for f in shown
        ],
        "left_out": len(own) - len(shown),
        # Only rows of the table have answers to look at.
        "about_rows": story["condition"] is not None and any(f.get("items") for f in own),
    }  # fmt: skip


__all__ = ["parts"]
