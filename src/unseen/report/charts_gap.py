"""Pictures of gaps: seen against unseen, levels of a factor, slices, frontier, valley, decay, decomposition."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from unseen.report.forms import Axis, Curve, Mark, Shade, bars, curves, forest
from unseen.report.picture import (
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
from unseen.report.plain import number

# A level that stands for a stretch of an ordered factor, or for one number of it.
STRETCH = re.compile(r"(-?\d+(?:\.\d+)?)(?: to -?\d+(?:\.\d+)?)?")


def detectable(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U003: the smallest gap that the data of each model could show, against the one that matters."""
    shown = grouped(findings, "smallest_detectable", "gap_that_matters")[:MAX_ROWS]
    matters = value_of(shown[0]["details"], "gap_that_matters") or 0.0
    rows: list[list[Mark]] = []
    for f in shown:
        smallest = value_of(f["details"], "smallest_detectable") or 0.0
        # No gap is larger than the whole range: data that could show only such a one show none.
        note = "none" if smallest > 1.0 else None
        kind = "unseen" if smallest > matters else "good"
        rows.append([Mark(f["subject"]["name"], min(smallest, 1.0), kind=kind, note=note)])
    most = max(matters, *(m.value or 0.0 for row in rows for m in row))
    svg = forest(
        rows, label="Smallest gap that the data could show", axis="share of the score's range", reference=matters,
        reference_name="gap that matters", bounds=(0.0, min(1.0, most * 1.1)),
    )  # fmt: skip
    yield Picture(svg, "Smallest gap that these data show with 80 % power; it should lie left of the dashed line.")


def seen_unseen(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U101: the mean on seen and on unseen items, a row a model."""
    rows: list[list[Mark]] = []
    for f in grouped(findings, "seen", "unseen")[:MAX_ROWS]:
        d = f["details"]
        gap = f["estimate"]["value"] if f["estimate"] else None
        note = "" if gap is None else f"gap {number(gap, 2)}"
        rows.append(
            [
                replace(
                    mark_of(d["unseen"], f["subject"]["name"], "unseen", note=note),
                    said=f"{f['subject']['name']}, unseen",
                ),
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
    """U102: the mean at each level, one picture a factor with all models; curves where its levels are numbers."""
    colours = _colours(findings)
    for name, group in _by_factor(findings):
        lines = _lines(group, name, colours)
        bounds = unit_range(v for line in lines for m in line.points for v in (m.value, m.low, m.high))
        names = _level_names(group)
        if names is None:
            at, ticks = _ticks(lines)
            svg = curves(
                lines, label=f"Mean score by {name}", x=Axis(name, names=ticks), y=_score_axis(at), height=250,
            )  # fmt: skip
        else:
            rows = [
                [Mark(m.label, m.value, m.low, m.high, m.kind, "" if len(lines) > 1 else None) for m in marks]
                for marks in _rows_by_level(lines, names)[:MAX_ROWS]
            ]
            legend = [(line.kind, line.name) for line in lines if line.name]
            svg = forest(
                rows, label=f"Mean score by {name}", axis="mean score", bounds=bounds, legend=legend, apart=True
            )
        yield Picture(svg, f"Mean score by {name}{_of_whom(group)}.")


def _by_factor(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """Findings with levels by factor, the heaviest first, at most six models a picture."""
    groups: dict[str, list[Finding]] = {}
    for f in grouped(findings, "levels"):
        groups.setdefault(str(f["details"].get("factor", f["subject"]["name"])), []).append(f)
    return [(name, group[:MAX_PICTURES]) for name, group in groups.items()]


def _model(finding: Finding) -> str:
    return str(finding["details"].get("model", finding["subject"]["name"]))


def _colours(findings: Sequence[Finding]) -> dict[str, str]:
    """A colour for each model, the same in all pictures of a check."""
    return {model: f"c{i % 8}" for i, model in enumerate(sorted({_model(f) for f in findings}))}


def _lines(group: Sequence[Finding], factor: str, colours: Mapping[str, str]) -> list[Curve]:
    """One curve a model; a single one needs no name and no colour of its own."""
    lines: list[Curve] = []
    for f in sorted(group, key=_model):
        model = _model(f) if len(group) > 1 else ""
        kind = colours[model] if model else "accent"
        at, _ = levels_of(f["details"]["levels"])
        prefix = f"{model}, {factor}" if model else factor
        levels = f["details"]["levels"]
        marks = [mark_of(e, f"{prefix} {_level(e)}", kind, x=x) for e, x in zip(levels, at, strict=True)]
        lines.append(Curve(model, kind, marks))
    return lines


def _level_names(group: Sequence[Finding]) -> list[str] | None:
    """The levels in order of appearance, or None where they are at least three numbers."""
    entries = [e for f in group for e in f["details"]["levels"]]
    names = list(dict.fromkeys(str(_level(e)) for e in entries))
    return None if len(names) > 2 and all(_is_number(n) for n in names) else names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _ticks(lines: Sequence[Curve]) -> tuple[list[Mark], dict[float, str]]:
    marks = [m for line in lines for m in line.points]
    _, names = levels_of([{"level": x} for x in sorted({m.x for m in marks})])
    return marks, names


def _rows_by_level(lines: Sequence[Curve], names: Sequence[str]) -> list[list[Mark]]:
    """The marks of all models at each level, the level with the lowest mean first; stretches of an order in that order."""
    rows = []
    for name in names:
        marks = [m for line in lines for m in line.points if m.label.endswith(f" {name}")]
        rows.append([Mark(name if i == 0 else m.label, m.value, m.low, m.high, m.kind) for i, m in enumerate(marks)])
    starts = [STRETCH.fullmatch(name) for name in names]
    if len(names) <= MAX_ROWS and all(starts):
        placed = sorted((float(start[1]), row) for start, row in zip(starts, range(len(rows)), strict=True) if start)
        return [rows[i] for _, i in placed if rows[i]]
    return sorted((r for r in rows if r), key=lambda r: sum(m.value or 0.0 for m in r) / len(r))


def _of_whom(group: Sequence[Finding]) -> str:
    model = group[0]["details"].get("model")
    return f", {model}" if len(group) == 1 and model else ""


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
    """U104: score along an ordered factor, the range that was seen shaded, each model's break with its interval."""
    colours = _colours(findings)
    for name, group in _by_factor(findings):
        lines = _lines(group, name, colours)
        marks, names = _ticks(lines)
        shades: list[Shade] = []
        seen = group[0]["details"].get("seen_range")
        if isinstance(seen, list) and len(seen) == 2 and None not in seen:
            shades.append(Shade(float(seen[0]), float(seen[1]), "seen", "seen range"))
        kinds = {_model(f): f["details"].get("break") for f in group}
        breaks: list[Mark] = []
        for line in lines:
            point = kinds.get(line.name) if len(lines) > 1 else group[0]["details"].get("break")
            if value_of(point) is not None:
                at = mark_of(point, f"{line.name} breaks at {name}".strip(), line.kind)
                breaks.append(at)
        if len(breaks) == 1 and len(lines) == 1:
            only = breaks.pop()
            if only.low is not None and only.high is not None:
                shades.append(Shade(only.low, only.high, "bad", "break, with interval"))
            shades.append(Shade(only.value or 0.0, only.value or 0.0, "bad"))
        svg = curves(
            lines, label=f"Score along {name}", x=Axis(name, names=names), y=_score_axis(marks), shades=shades,
            breaks=breaks,
        )  # fmt: skip
        told = " Marks at the top: where each breaks, with interval." if breaks else ""
        yield Picture(svg, f"Score along {name}{_of_whom(group)}.{told}")


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


def compounding(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U108: the mean with neither, either and both conditions, against what their sum lets expect."""
    for f in grouped(findings, "cells")[:MAX_PICTURES]:
        d = f["details"]
        rows = [[mark_of(e, str(_level(e)), "unseen" if e["level"] == "both" else "accent")] for e in d["cells"]]
        svg = forest(
            rows, label="Mean score with neither, either and both conditions", axis="mean score",
            reference=value_of(d, "expected"), reference_name="expected if the losses add up",
        )  # fmt: skip
        yield Picture(svg, f"{f['subject']['name']}: what both conditions cost together.")


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
