"""A plan as one JSON document, and the sentences and tables that every format shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unseen.plain_text import counted
from unseen.planning import Plan
from unseen.planning.shapes import DECLINES
from unseen.report.plain import number, plain

SCHEMA_VERSION = 1
NONE = "–"
ORIGINS = {"assumed": "by assumption", "measured": "measured in the pilot", "counted": "counted"}
# A heading, the names of the columns, and the rows.
Sheet = tuple[str, Sequence[str], Sequence[Sequence[str]]]


def summarise(plan: Plan) -> dict[str, Any]:
    """The document: plain data, strict JSON; equal for equal input."""
    from unseen.version import __version__

    return plain(
        {
            "schema_version": SCHEMA_VERSION, "kind": "plan", "unseen_version": __version__,
            "source": plan.source, "models": plan.models,
            "layout": {
                "items": round(plan.layout.items), "clusters": round(plan.layout.clusters) if plan.clustered else None,
                "rows_per_cluster": plan.layout.rows if plan.clustered else None, "unseen_share": plan.unseen_share,
            },
            "settings": {**plain(plan.settings), "power": plan.power}, "basis": plan.basis, "tests": plan.tests,
            "questions": plan.questions, "changes": plan.changes, "mixes": plan.mixes, "lines": plan.lines,
            "notes": plan.notes,
        }
    )  # fmt: skip


def title(document: Mapping[str, Any]) -> str:
    """What the planned audit finds."""
    found = document["questions"][0]["found"]
    if declined(document):
        layout = document["layout"]
        units = counted(layout["clusters"], "cluster") if layout["clusters"] else counted(layout["items"], "item")
        return f"{units} are too few: an audit declines the gap"
    items = counted(document["layout"]["items"], "item")
    if found is None:
        return f"{items} find no gap that the expected score has room for"
    return f"{items} find a gap of {found:.2f} or more"


def declined(document: Mapping[str, Any]) -> str:
    """The note that a side has fewer units than an audit judges a gap by; "" where none has."""
    return next((note for note in document["notes"] if DECLINES in note), "")


def subtitle(document: Mapping[str, Any]) -> str:
    """The design in one sentence, and what its numbers rest on."""
    layout = document["layout"]
    clusters = f" in {counted(layout['clusters'], 'cluster')}" if layout["clusters"] else ""
    rests = f"measured in the pilot {document['source']}" if document["source"] else "by assumption"
    return (
        f"{counted(document['models'], 'model')}, {counted(layout['items'], 'item')} of each "
        f"({layout['unseen_share']:.0%} unseen){clusters}. ".replace("%", " %")
        + f"Numbers {rests}; gaps are shares of "
        "the score's range."
    )


def statement(document: Mapping[str, Any]) -> str:
    """The answer: what is found, at which level, and what it takes to decide."""
    q, matters = document["questions"][0], document["settings"]["gap_that_matters"]
    power = f"{document['settings']['power']:.0%}".replace("%", " %")
    tests = counted(sum(document["tests"].values()), "test")
    rests = "by assumption"
    if q["origin"] == "measured":
        rests = f"measured: [{gap_words(q['found_low'])}, {gap_words(q['found_high'])}], for {q['about']}, the least certain"
    level = f"each model's gap is tested at {level_words(q['level'])} ({tests} in {counted(len(document['tests']), 'check')})"
    if declined(document):
        return f"{declined(document)} {decides(q, matters)}"
    if q["found"] is None:
        return f"Here {level}: no gap that the expected score has room for is found with {power} power ({rests})."
    return f"Here {level}: the smallest gap found with {power} power is {gap_words(q['found'])} ({rests}). " + decides(
        q, matters
    )


def decides(question: Mapping[str, Any], matters: float) -> str:
    """What it takes so that every question is decided at the gap that matters."""
    need = at_gap(question["to_decide"], matters)
    if need["items"] is None:
        return f"No number of items decides every question at {matters:g}."
    return f"To decide every question at {matters:g}: {size_words(need)}."


def at_gap(needs: Sequence[Mapping[str, Any]], gap: float) -> Mapping[str, Any]:
    """The row of a table for this gap."""
    return min(needs, key=lambda need: abs(need["gap"] - gap))


def size_words(need: Mapping[str, Any]) -> str:
    """Items, with their clusters where there are any and with the interval where it was measured.

    >>> size_words({"items": 3830, "clusters": 383, "low": None, "high": None})
    '3,830 items in 383 clusters'
    """
    if need["items"] is None:
        return NONE
    words = counted(need["items"], "item")
    if need["clusters"] != need["items"]:
        words += f" in {counted(need['clusters'], 'cluster')}"
    return words + (f" [{number(need['low'])}, {number(need['high'])}]" if need["low"] is not None else "")


def gap_words(gap: float | None) -> str:
    """A gap with three decimals; a dash where there is none.

    >>> gap_words(0.1234), gap_words(None)
    ('0.123', '–')
    """
    return NONE if gap is None else f"{gap:.3f}"


def level_words(level: float) -> str:
    """A level with two significant digits, never in powers of ten.

    >>> level_words(0.007), level_words(0.0000456)
    ('0.007', '0.000046')
    """
    return f"{float(f'{level:.2g}'):.12f}".rstrip("0")


def sheets(document: Mapping[str, Any]) -> list[Sheet]:
    """All tables of the plan, in order."""
    made = [_questions(document), *(_needs(q, document) for q in document["questions"])]
    if document["changes"]:
        made += [_changes(document), _mixes(document)]
    return [*made, _basis(document)]


def _questions(document: Mapping[str, Any]) -> Sheet:
    power = f"{document['settings']['power']:.0%}".replace("%", " %")
    matters = document["settings"]["gap_that_matters"]
    rows = [
        (
            f"{q['code']} {q['title']}", level_words(q["level"]), number(q["tests"]), _found_words(q), gap_words(q["decided"]),
            size_words(at_gap(q["to_decide"], matters)),
        )
        for q in document["questions"]
    ]  # fmt: skip
    heads = ("question", "level", "tests", f"found ({power})", "decided from", f"to decide at {matters:g}")
    return "What this design shows", heads, rows


def _found_words(q: Mapping[str, Any]) -> str:
    if q["found_low"] is None or q["found"] is None:
        return gap_words(q["found"])
    return f"{gap_words(q['found'])} [{gap_words(q['found_low'])}, {gap_words(q['found_high'])}]"


def _needs(q: Mapping[str, Any], document: Mapping[str, Any]) -> Sheet:
    power = f"{document['settings']['power']:.0%}".replace("%", " %")
    clustered = document["layout"]["clusters"] is not None
    heads = ["gap", f"items to find it ({power})", *(["clusters"] if clustered else [])]
    heads += ["items to decide at it", *(["clusters"] if clustered else [])]
    rows: list[list[str]] = []
    for find, decide in zip(q["to_find"], q["to_decide"], strict=True):
        row = [f"{find['gap']:g}"]
        for need in (find, decide):
            words = NONE if need["items"] is None else number(need["items"])
            row.append(words + (f" [{number(need['low'])}, {number(need['high'])}]" if need["low"] is not None else ""))
            row += [number(need["clusters"])] if clustered else []
        rows.append(row)
    return f"{q['code']} {q['title']}: items of each model that it takes", heads, rows


def _changes(document: Mapping[str, Any]) -> Sheet:
    rows = [
        (
            c["name"], number(c["clusters"]), "no end" if c["rows"] is None else number(c["rows"], 1),
            "no end" if c["items"] is None else number(c["items"]), gap_words(c["found"]), gap_words(c["decided"]),
        )
        for c in document["changes"]
    ]  # fmt: skip
    heads = ("design", "clusters", "rows each", "items", "found", "decided from")
    return "More clusters against more rows per cluster (U101)", heads, rows


def _mixes(document: Mapping[str, Any]) -> Sheet:
    rows = [
        (number(m["rows"], 1) + (" (now)" if m["now"] else ""), number(m["clusters"]), number(m["items"]))
        for m in document["mixes"]
    ]
    matters = document["settings"]["gap_that_matters"]
    return f"Mixes that decide every gap at {matters:g} (U101)", ("rows per cluster", "clusters", "items"), rows


def _basis(document: Mapping[str, Any]) -> Sheet:
    rows: list[tuple[str, ...]] = []
    for b in document["basis"]:
        ends = f" [{number(b['low'])}, {number(b['high'])}]" if b["low"] is not None else ""
        value = number(int(b["value"]) if float(b["value"]).is_integer() else b["value"])
        rows.append((b["name"], f"{value}{ends}", ORIGINS[b["origin"]], b["note"]))
    return "What it rests on", ("number", "value", "basis", "how"), rows


def reading(document: Mapping[str, Any]) -> list[str]:
    """How the words of the tables are meant, and what is too few."""
    settings = document["settings"]
    power = f"{settings['power']:.0%}".replace("%", " %")
    lines = list(document["notes"])
    lines.append(
        f"Found: the test at the audit's level rejects in {power} of audits. Decided: the effect is either found or its "
        "interval excludes the gap, whatever the truth is. Level: that of one subject when nothing else is found; it "
        "rises with every further finding."
    )
    if document["questions"][0]["origin"] == "measured":
        lines.append(
            "Intervals are those of the pilot's standard errors. Items to decide take the upper 80 % limit of the "
            "standard error, as the next step of an undecided question does."
        )
    smallest = settings["smallest_gap"]
    if any(need["gap"] <= smallest for need in document["questions"][0]["to_find"]):
        lines.append(
            f"A gap of {smallest:g} or less is planned for as if smallest_gap, now {smallest:g}, were lowered."
        )
    return lines


__all__ = ["Sheet", "at_gap", "reading", "sheets", "size_words", "statement", "subtitle", "summarise", "title"]
