"""Pictures of a learner under shift: domains held out in turn with the next one, extrapolation by distance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from unseen.refitting import MEASURES
from unseen.report.forms import Axis, Curve, Mark, curves, forest
from unseen.report.picture import MAX_ROWS, CannotDraw, Finding, Picture, grouped, rows_in, unit_range, value_of


def domains(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U801: each domain not seen, against having seen it, and what to expect of the next one."""
    for f in grouped(findings, "domains"):
        d = f["details"]
        how = MEASURES.get(str(d.get("measure")))
        sign = -1.0 if how is not None and how.lower else 1.0
        rows = [_domain(row, sign) for row in rows_in(d, "domains")[: MAX_ROWS - 1]]
        ahead = d.get("next_score")
        if isinstance(ahead, Mapping):
            rows.append([_interval("the next domain", ahead, sign)])
        word = "score" if how is None else how.word
        svg = forest(
            rows, label=f"{d.get('family', '')}: {word} by domain", axis=word, legend=(("seen", "seen"), ("unseen", "not seen")),
            bounds=unit_range(v for row in rows for m in row for v in (m.low, m.high, m.value)),
        )  # fmt: skip
        left = len(d["domains"]) - (MAX_ROWS - 1)
        more = f" {left} more stand in the table of all numbers." if left > 0 else ""
        yield Picture(
            svg, f"{word[:1].upper()}{word[1:]} on each domain, not having seen it and having seen its like; the last row "
            f"is the prediction for one further domain.{more}",
        )  # fmt: skip


def _domain(row: Mapping[str, Any], sign: float) -> list[Mark]:
    value, seen = value_of(row, "unseen"), value_of(row, "reference")
    if value is None or seen is None:
        raise CannotDraw("a domain without scores")
    half = 1.96 * (value_of(row, "unseen_se") or 0.0)
    name, loss = str(row.get("domain")), value_of(row, "loss") or 0.0
    low, high = sorted((sign * (value - half), sign * (value + half)))
    return [
        Mark(name, sign * value, low, high, "unseen", note=f"loss {loss:+.2f}"),
        Mark(f"{name}, seen", sign * seen, kind="seen"),
    ]


def _interval(label: str, estimate: Mapping[str, Any], sign: float) -> Mark:
    ends = [value_of(estimate, "low"), value_of(estimate, "high")]
    known = sorted(sign * v for v in ends if v is not None)
    value = value_of(estimate, "value")
    if value is None or len(known) < 2:
        raise CannotDraw("no prediction")
    return Mark(label, sign * value, known[0], known[1], "accent", note="prediction")


def extrapolation(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U802: the loss by distance beyond the boundary."""
    for f in grouped(findings, "levels", "factor"):
        d = f["details"]
        points = [
            Mark(f"{d['factor']} {row['at']:g}", row["loss"], row["low"], row["high"], "unseen", x=float(row["at"]))
            for row in rows_in(d, "levels")
        ]
        if len(points) < 2:
            continue
        svg = curves(
            [Curve("", "unseen", points)], label=f"{d.get('family', '')}: loss by {d['factor']}",
            x=Axis(str(d["factor"])), y=Axis("loss"), reference=0.0,
        )  # fmt: skip
        yield Picture(svg, f"What is lost by not having seen values beyond the boundary, by {d['factor']}.")


def shortcuts(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U803: what shuffling a column costs on seen rows and on rows of domains not seen."""
    for f in grouped(findings, "columns"):
        d = f["details"]
        rows = sorted(rows_in(d, "columns"), key=lambda row: -abs(value_of(row, "seen") or 0.0))[:MAX_ROWS]
        marks = [
            [
                Mark(str(row["column"]), value_of(row, "unseen"), kind="unseen", note=""),
                Mark(f"{row['column']}, seen", value_of(row, "seen"), kind="seen"),
            ]
            for row in rows
        ]
        svg = forest(
            marks, label=f"{d.get('family', '')}: fall of the score when a column is shuffled", axis="fall of the score",
            legend=(("seen", "seen"), ("unseen", "not seen")), reference=0.0,
        )  # fmt: skip
        yield Picture(
            svg, "What shuffling each column costs: where a column matters on seen rows only, it is a shortcut."
        )


def validations(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U806: the score lost by picking a learner by each way to validate."""
    for f in grouped(findings, "ways"):
        d = f["details"]
        rows = [
            [
                Mark(
                    str(way),
                    value_of(found["lost"], "value"),
                    value_of(found["lost"], "low"),
                    value_of(found["lost"], "high"),
                )
            ]
            for way, found in d["ways"].items()
            if isinstance(found, Mapping) and isinstance(found.get("lost"), Mapping)
        ]
        if not rows:
            raise CannotDraw("no losses")
        svg = forest(
            rows, label=f"{d.get('family', '')}: score lost by the learner that each validation picks",
            axis="score lost against the best learner", reference=0.0,
        )  # fmt: skip
        yield Picture(
            svg, "Score lost on test domains by the learner that each way to validate picks, against the best one."
        )


def claims(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U808: what is claimed for each domain without its labels, against the truth."""
    for f in grouped(findings, "domains"):
        d = f["details"]
        rows: list[list[Mark]] = []
        for row in rows_in(d, "domains")[:MAX_ROWS]:
            claimed = row.get("claimed")
            if not isinstance(claimed, Mapping):
                continue
            name = str(row.get("domain"))
            ends = value_of(claimed, "low"), value_of(claimed, "high")
            rows.append(
                [
                    Mark(name, value_of(claimed, "value"), *ends, kind="accent", note=""),
                    Mark(f"{name}, true", value_of(row, "actual"), kind="unseen"),
                ]
            )
        if not rows:
            raise CannotDraw("no claims")
        svg = forest(
            rows, label=f"{d.get('family', '')}: accuracy claimed without labels, and true", axis="accuracy",
            legend=(("accent", "claimed without labels"), ("unseen", "true")),
            bounds=unit_range(v for row in rows for m in row for v in (m.low, m.high, m.value)),
        )  # fmt: skip
        yield Picture(svg, "Accuracy claimed for each domain without its labels, with intervals, beside the true one.")
