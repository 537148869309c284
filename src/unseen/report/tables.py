"""Tables of the page: cells with the text to show and the value to sort by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unseen.plain_text import counted
from unseen.report import baseline
from unseen.report.plain import chance, interval, number
from unseen.report.svg import Tip

MAX_ROWS = 1000
MAX_DETAIL_ROWS = 200
MAX_EXAMPLES = 50
MAX_TEXT = 600
OUTCOMES = {"found": "found", "undecided": "undecided", "clear": "clear", "not_applicable": "not judged"}


@dataclass(frozen=True, slots=True)
class Column:
    """A heading."""

    name: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: what is shown, and what it is sorted by where that is a number."""

    text: str
    sort: float | None = None
    cls: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table, with the number of rows that were left out of it."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    left_out: int = 0


def cell(value: Any) -> Cell:
    """A cell from plain data: numbers sort as numbers, estimates show their interval.

    >>> cell(0.25), cell({"value": 0.5, "low": 0.4, "high": 0.6}).text
    (Cell(text='0.250', sort=0.25, cls='n'), '0.500 [0.400, 0.600]')
    """
    if value is None:
        return Cell("–", None, "n")
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, int | float):
        return Cell(number(value), float(value), "n")
    if isinstance(value, Mapping):
        if {"value", "low", "high"} <= set(value):
            return Cell(interval(value), value["value"], "n")
        return text(", ".join(f"{k}: {cell(v).text}" for k, v in value.items()))
    if isinstance(value, list):
        return text(", ".join(cell(v).text for v in value))
    return text(str(value))


def text(words: str) -> Cell:
    """A cell of text, cut where it would fill the page; wide where it is long."""
    cut = words if len(words) <= MAX_TEXT else words[: MAX_TEXT - 1] + "…"
    return Cell(cut, None, "text" if len(words) > 40 else "")


def of_rows(
    title: str, rows: Sequence[Mapping[str, Any]], most: int = MAX_DETAIL_ROWS, names: Mapping[str, str] | None = None
) -> Table:
    """A table from objects: the union of their keys as columns, in order of appearance."""
    keys = list(dict.fromkeys(k for row in rows[:most] for k in row))
    body = [[cell(row.get(k)) for k in keys] for row in rows[:most]]
    numeric = [all(r[i].cls == "n" for r in body) for i in range(len(keys))]
    columns = [Column((names or {}).get(k) or k.replace("_", " "), n) for k, n in zip(keys, numeric, strict=True)]
    return Table(
        f"{title[:1].upper()}{title[1:]} ({counted(len(rows), 'row')})", columns, body, max(0, len(rows) - most)
    )


def of_tips(tips: Sequence[Tip]) -> Table | None:
    """The numbers in a picture; None where it has none.

    >>> [c.name for c in of_tips([Tip("a", 0.5, 0.4, 0.6)]).columns]
    ['what', 'value', 'low', 'high']
    """
    if not tips:
        return None
    numeric = [k for k in ("value", "low", "high", "units") if any(getattr(t, k) is not None for t in tips)]
    body = [[text(t.label), *(cell(getattr(t, k)) for k in numeric)] for t in tips[:MAX_DETAIL_ROWS]]
    columns = [Column("what"), *(Column(k, True) for k in numeric)]
    return Table("", columns, body, max(0, len(tips) - MAX_DETAIL_ROWS))


def is_rows(value: Any) -> bool:
    """Whether plain data is a list of objects.

    >>> is_rows([{"a": 1}]), is_rows([1]), is_rows([])
    (True, False, False)
    """
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def examples(details: Mapping[str, Any]) -> Table | None:
    """The items themselves, where a check left some."""
    rows: Any = details.get("examples")
    if not is_rows(rows):
        return None
    made = of_rows("the items themselves", rows, MAX_EXAMPLES)
    return Table(f"The items themselves ({len(made.rows)})", made.columns, made.rows, made.left_out)


# Names of numbers that speak of right and wrong, where a score is a loss and nothing is either.
OF_A_LOSS = {
    "flips_to_wrong": "turn worse", "flips_to_right": "turn better", "to_wrong": "much worse", "to_right": "much better",
    "weaker_right": "weaker solve it", "stronger_right": "stronger solve it", "parts_right": "wholes with all parts solved",
    "whole_accuracy": "share of wholes solved",
}  # fmt: skip


def of_details(details: Mapping[str, Any]) -> list[Table]:
    """Every other list of objects in the details, and one table of what is a single number."""
    names = OF_A_LOSS if "told_as" in details else {}
    made = [of_rows(k.replace("_", " "), v, names=names) for k, v in details.items() if k != "examples" and is_rows(v)]
    single = {
        names.get(k) or k.replace("_", " "): v
        for k, v in details.items()
        if k not in ("examples", "told_as") and not is_rows(v) and v not in (None, [], {}) and not _is_long(v)
    }
    return [*made, *([pairs(single, "Numbers behind it")] if single else [])]


def _is_long(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 50


def pairs(values: Mapping[str, Any], title: str = "") -> Table:
    """Names and values."""
    body = [[Cell(str(name)), cell(value)] for name, value in values.items()]
    return Table(title, [Column("name"), Column("value")], body)


def numbers(findings: Sequence[Mapping[str, Any]]) -> Table:
    """Every outcome with its estimate; one that says only that an input is missing has none to show."""
    kept = [f for f in findings if f["outcome"] != "not_applicable" or f["estimate"]]
    columns = [
        Column("code"), Column("subject"), Column("outcome"), Column("value", True), Column("low", True),
        Column("high", True), Column("units", True), Column("q", True), Column("weight", True), Column("interval by"),
    ]  # fmt: skip
    return Table("", columns, [_numbers_row(f) for f in kept[:MAX_ROWS]], max(0, len(kept) - MAX_ROWS))


def _numbers_row(f: Mapping[str, Any]) -> list[Cell]:
    e = f["estimate"] or {}
    q = f["q_value"]
    return [
        Cell(f["code"], None, "code"),
        text(f["subject"]["name"]),
        Cell(OUTCOMES[f["outcome"]]),
        *(cell(e.get(k)) for k in ("value", "low", "high", "units")),
        Cell(chance(q), q, "n"),
        cell(f["weight"]),
        text(e.get("method", "")),
    ]


def clear(findings: Sequence[Mapping[str, Any]]) -> Table:
    """What was looked for and not found."""
    body = [
        [
            Cell(f["code"], None, "code"),
            text(f["title"]),
            text(f["subject"]["name"]),
            cell(f["estimate"]) if f["estimate"] else Cell("–", None, "n"),
            Cell(f["statement"], None, "text"),
        ]
        for f in findings[:MAX_ROWS]
    ]
    names = (Column("code"), Column("check"), Column("subject"), Column("estimate", True), Column("statement"))
    return Table("", names, body, max(0, len(findings) - MAX_ROWS))


def undecided(findings: Sequence[Mapping[str, Any]]) -> Table:
    """What the data leave open, and what would decide it."""
    body = [
        [
            Cell(f["code"], None, "code"),
            text(f["subject"]["name"]),
            cell(f["estimate"]) if f["estimate"] else Cell("–", None, "n"),
            Cell(f["statement"], None, "text"),
            Cell(f["next_step"], None, "text"),
        ]
        for f in findings[:MAX_ROWS]
    ]
    names = ("code", "subject", "estimate", "statement", "what would decide it")
    columns = [Column(name, name == "estimate") for name in names]
    return Table("", columns, body, max(0, len(findings) - MAX_ROWS))


def context(entries: Sequence[Mapping[str, Any]]) -> Table:
    """What helps to read the findings."""
    body = [
        [text(e["subject"]["name"]), cell(e["estimate"]), Cell(e["statement"], None, "text")]
        for e in entries[:MAX_ROWS]
    ]
    names = (Column("subject"), Column("estimate", True), Column("statement"))
    return Table("", names, body, max(0, len(entries) - MAX_ROWS))


def unjudged(findings: Sequence[Mapping[str, Any]]) -> Table:
    """What could not be judged, why, and what would help; equal reasons share a row, whichever checks give them.

    What a missing input would open stands in a table of its own (``unlock``), and is not told twice.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    titles: dict[tuple[str, str], dict[str, str]] = {}
    for f in findings:
        if not f["unlocks"]:
            reason = (f["statement"], f["next_step"])
            titles.setdefault(reason, {})[f["code"]] = f["title"]
            groups.setdefault(reason, []).append(f["subject"]["name"])
    body = [
        [
            Cell(", ".join(titles[reason, step]), None, "code"),
            text("; ".join(titles[reason, step].values())),
            text(_some(list(dict.fromkeys(names)))),
            Cell(reason, None, "text"),
            Cell(step, None, "text"),
        ]
        for (reason, step), names in list(groups.items())[:MAX_ROWS]
    ]
    columns = (Column("code"), Column("check"), Column("subject"), Column("reason"), Column("what would help"))
    return Table("", columns, body, max(0, len(groups) - MAX_ROWS))


def _some(names: Sequence[str]) -> str:
    """Names, the first three of very many."""
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def unlock(entries: Sequence[Mapping[str, Any]]) -> Table:
    """Missing inputs and the checks they would unlock."""
    body = [[text(e["input"]), Cell(e["how"], None, "text"), Cell(", ".join(e["checks"]))] for e in entries]
    return Table("", (Column("give"), Column("how"), Column("unlocks")), body)


def factors(entries: Sequence[Mapping[str, Any]]) -> Table:
    """The factors with their kinds."""
    body = [[text(e["name"]), Cell(e["kind"]), cell(e["levels"]), text(e["why"])] for e in entries[:MAX_ROWS]]
    columns = (Column("factor"), Column("kind"), Column("levels", True), Column("why"))
    return Table("", columns, body, max(0, len(entries) - MAX_ROWS))


def since(document: Mapping[str, Any]) -> Table | None:
    """What became of each model since the baseline."""
    told = baseline.rows(document)
    heads = baseline.headings(document)
    last = len(heads) - 1
    columns = [Column(name, 0 < i < last) for i, name in enumerate(heads)]
    body = [[Cell(c, _sort_value(c), "n") if 0 < i < last else Cell(c) for i, c in enumerate(row)] for row in told]
    return Table("", columns, body) if body else None


def _sort_value(text: str) -> float | None:
    try:
        return float(text.split(" ")[0].replace(",", ""))
    except ValueError:
        return None


def facts(responses: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Counts of what was audited, by name."""
    if not responses:
        return []
    score = responses["score"]
    ends = "" if score["kind"] == "unbounded" else f", {number(score['low'], 1)} to {number(score['high'], 1)}"
    splits = [(f"{name} rows", number(count)) for name, count in responses["splits"].items()]
    return [
        ("answers", number(responses["rows"])),
        ("models", number(len(responses["models"]))),
        ("items", number(responses["items"])),
        (f"independent units ({responses['cluster_column']})", number(responses["clusters"])),
        ("score", f"{score['kind']}{ends}"),
        *splits,
        *([("without a score", number(responses["unlabelled"]))] if responses["unlabelled"] else []),
    ]


__all__ = [
    "Cell", "Column", "Table", "cell", "clear", "context", "examples", "factors", "numbers", "of_details", "of_rows", "of_tips",
    "pairs", "undecided", "unjudged", "unlock",
]  # fmt: skip
