"""Pictures of gaps: seen against unseen, levels of a factor, slices, frontier, valley, decay, decomposition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from unseen.report.charts import (
    MAX_PICTURES,
    MAX_ROWS,
    CannotDraw,
    Finding,
    Picture,
    grouped,
    levels_of,
    mark_of,
    rows_in,
    unit_range,
    value_of,
)  # fmt: skip
from unseen.report.forms import Axis, Curve, Mark, Shade, bars, curves, forest
from unseen.report.plain import number


def seen_unseen(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U101: the mean on seen and on unseen items, a row a model."""
    rows: list[list[Mark]] = []
    for f in grouped(findings, "seen", "unseen")[:MAX_ROWS]:
        d = f["details"]
        gap = f["estimate"]["value"] if f["estimate"] else None
        note = "" if gap is None else f"gap {number(gap, 2)}"
        rows.append(
            [
                mark_of(d["unseen"], f["subject"]["name"], "unseen", note=note),
                mark_of(d["seen"], f"{f['subject']['name']}, seen", "seen"),
            ]
        )
    svg = forest(
        rows, label="Mean score on seen and on unseen items, by model", axis="mean score",
        legend=(("seen", "seen"), ("unseen", "unseen")),
        bounds=unit_range(v for row in rows for m in row for v in (m.low, m.high)),
    )  # fmt: skip
    yield Picture(svg, "Mean score on seen and on unseen items, with intervals.")


def factor_levels(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U102: the mean at each level of a factor; a curve where the factor orders, rows otherwise."""
    for f in grouped(findings, "levels")[:MAX_PICTURES]:
        levels: list[Any] = f["details"]["levels"]
        name = str(f["details"].get("factor", f["subject"]["name"]))
        at, names = levels_of(levels)
        ordered = len(levels) > 2 and all(isinstance(e.get("level"), int | float) for e in levels)
        title = _title(f, name)
        if ordered:
            marks = [mark_of(e, f"{name} {_level(e)}", "accent", x=x) for e, x in zip(levels, at, strict=True)]
            svg = curves(
                [Curve("", "accent", marks)], label=f"Mean score by {name}", x=Axis(name, names=names),
                y=_score_axis(marks), legend=False, height=220,
            )  # fmt: skip
        else:
            shown = sorted(levels, key=lambda e: value_of(e) or 0.0)[:MAX_ROWS]
            rows = [[mark_of(e, str(_level(e)), "accent", note=_note(e))] for e in shown]
            bounds = unit_range(v for row in rows for m in row for v in (m.low, m.high))
            svg = forest(rows, label=f"Mean score by {name}", axis="mean score", bounds=bounds)
        yield Picture(svg, title)


def slices(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U103: the weakest slices, one row each, worst first."""
    rows: list[tuple[float, list[Mark]]] = []
    for f in findings:
        found = f["details"].get("slices") or ([f["details"]] if "conditions" in f["details"] else [])
        for entry in found:
            conditions = entry["conditions"]
            text = " and ".join(map(str, conditions)) if isinstance(conditions, list) else str(conditions)
            gap = value_of(entry, "gap")
            model = f["subject"]["name"] if f["subject"]["kind"] == "model" else str(f["details"].get("model", ""))
            label = f"{model}: {text}" if model and model not in text else text
            if gap is None:
                row = [mark_of(entry, label, "unseen")]
            else:
                # The interval of a confirmed slice is that of its distance to the rest.
                note = f"mean {number(value_of(entry), 2)}"
                row = [Mark(label, gap, value_of(entry, "low"), value_of(entry, "high"), "unseen", note)]
            rows.append((gap or 0.0, row))
    if not rows:
        raise CannotDraw("no slices")
    shown = [row for _, row in sorted(rows, key=lambda r: -r[0])[:16]]
    svg = forest(shown, label="How far the weakest slices lie below the rest", axis="below the rest", reference=0.0)
    yield Picture(svg, "How far slices lie below the rest of the items, on rows that the search did not see.")


def frontier(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U104: score along an ordered factor, the range that was seen shaded, the break with its interval."""
    for f in grouped(findings, "levels")[:MAX_PICTURES]:
        d = f["details"]
        name = str(d.get("factor", f["subject"]["name"]))
        levels = d["levels"]
        at, names = levels_of(levels)
        marks = [mark_of(e, f"{name} {_level(e)}", "accent", x=x) for e, x in zip(levels, at, strict=True)]
        shades: list[Shade] = []
        seen = d.get("seen_range")
        if seen and all(isinstance(v, int | float) for v in seen):
            shades.append(Shade(float(seen[0]), float(seen[1]), "seen", "seen range"))
        broke = d.get("break")
        value = value_of(broke)
        if value is not None:
            low, high = value_of(broke, "low"), value_of(broke, "high")
            if low is not None and high is not None:
                shades.append(Shade(low, high, "bad", "break, with interval"))
            shades.append(Shade(value, value, "bad", "" if low is not None else "break"))
        svg = curves(
            [Curve("", "accent", marks)], label=f"Score along {name}", x=Axis(name, names=names), y=_score_axis(marks),
            shades=shades,
        )  # fmt: skip
        yield Picture(svg, _title(f, f"along {name}"))


def valley(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U105: seen and unseen scores over complexity; where the gap is widest."""
    for f in grouped(findings)[:MAX_PICTURES]:
        d = f["details"]
        levels = d.get("levels") or d.get("curve") or d["gaps"]
        name = str(d.get("factor", d.get("axis", "complexity")))
        at, names = levels_of(levels, "level", "complexity", "x", "center")
        sides = [
            Curve(side, side, [
                mark_of(e[side], f"{side}, {name} {x:g}", side, x=x)
                for e, x in zip(levels, at, strict=True)
                if isinstance(e.get(side), Mapping)
            ])
            for side in ("seen", "unseen")
        ]  # fmt: skip
        if not all(len(s.points) > 1 for s in sides):
            gaps = [e.get("gap") if isinstance(e.get("gap"), Mapping) else e for e in levels]
            sides = [
                Curve(
                    "gap", "accent", [mark_of(e, f"{name} {x:g}", "accent", x=x) for e, x in zip(gaps, at, strict=True)]
                )
            ]
        critical = value_of(d, "critical", "critical_complexity")
        shades = [] if critical is None else [Shade(critical, critical, "bad", "critical complexity")]
        marks = [p for s in sides for p in s.points]
        y = _score_axis(marks) if len(sides) > 1 else Axis("gap, seen − unseen")
        svg = curves(sides, label=f"Seen and unseen scores over {name}", x=Axis(name, names=names), y=y, shades=shades)
        yield Picture(svg, _title(f, f"over {name}"))


def over_time(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U106: score over periods of time."""
    for f in grouped(findings)[:MAX_PICTURES]:
        d = f["details"]
        periods = rows_in(d, "periods", "levels", "bins", "curve")
        at, names = levels_of(periods, "level", "period", "time", "start")
        marks = [mark_of(e, names.get(x, f"{x:g}"), "accent", x=x) for e, x in zip(periods, at, strict=True)]
        svg = curves(
            [Curve("", "accent", marks)], label="Score over time", x=Axis("time", names=names), y=_score_axis(marks)
        )
        yield Picture(svg, _title(f, "over time"))


def decomposition(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U107: the drop as a sum: mix, difficulty, remainder, total."""
    parts = (("mix", "c2"), ("difficulty", "c1"), ("remainder", "unseen"), ("total", "mute"))
    shown = grouped(findings, "total")[:MAX_PICTURES]
    for f in shown:
        d = f["details"]
        rows = [mark_of(_estimate(d[key]), key, kind) for key, kind in parts if d.get(key) is not None]
        svg = bars(rows, label="Parts of the drop from seen to unseen", axis="loss of score", total_after=len(rows) - 1)
        yield Picture(svg, _title(f, "the drop and its parts"))


def by_similarity(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U502: score against similarity to the training examples."""
    for f in grouped(findings)[:MAX_PICTURES]:
        d = f["details"]
        bins = rows_in(d, "bins", "levels", "curve")
        at, names = levels_of(bins, "similarity", "level", "center", "x")
        marks = [mark_of(e, f"similarity {x:.2g}", "accent", x=x) for e, x in zip(bins, at, strict=True)]
        svg = curves(
            [Curve("", "accent", marks)], label="Score by similarity to training examples",
            x=Axis("similarity to the nearest training example", names=names), y=_score_axis(marks),
        )  # fmt: skip
        yield Picture(svg, _title(f, "by similarity to training examples"))


def at_cutoff(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U503: score over time with the cutoff marked."""
    for f in grouped(findings)[:MAX_PICTURES]:
        d = f["details"]
        bins = rows_in(d, "bins", "levels", "curve", "periods")
        at, names = levels_of(bins, "level", "time", "center", "x", "period")
        marks = [mark_of(e, names.get(x, f"{x:g}"), "accent", x=x) for e, x in zip(bins, at, strict=True)]
        cutoff = value_of(d, "cutoff")
        shades = [] if cutoff is None else [Shade(cutoff, cutoff, "bad", "cutoff")]
        svg = curves(
            [Curve("", "accent", marks)], label="Score before and after the cutoff", x=Axis("time", names=names),
            y=_score_axis(marks), shades=shades,
        )  # fmt: skip
        yield Picture(svg, _title(f, "before and after the cutoff"))


def _score_axis(marks: Sequence[Mark]) -> Axis:
    bounds = unit_range(v for m in marks for v in (m.value, m.low, m.high))
    return Axis("mean score", *(bounds or (None, None)))


def _estimate(entry: Any) -> Mapping[str, Any]:
    return entry if isinstance(entry, Mapping) else {"value": entry}


def _level(entry: Mapping[str, Any]) -> Any:
    level = entry.get("level", entry.get("name", ""))
    return f"{level:g}" if isinstance(level, float) else level


def _note(entry: Mapping[str, Any]) -> str:
    units = entry.get("units")
    return number(value_of(entry), 2) + (f" · {number(units)} units" if isinstance(units, int) else "")


def _title(finding: Finding, what: str) -> str:
    name = finding["subject"]["name"]
    return (
        f"{name} {what}"
        if what.startswith(("along", "over", "by ", "before"))
        else what
        if what == name
        else f"{name}: {what}"
    )


__all__ = [
    "at_cutoff", "by_similarity", "decomposition", "factor_levels", "frontier", "over_time", "seen_unseen", "slices",
    "valley",
]  # fmt: skip
