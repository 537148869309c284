"""The first screen of an audit in a terminal: at most 23 lines, so that the path of a report fits as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from unseen.report import first
from unseen.report.screens import MAX_LINES, aligned, can_show, fitting, safe, wrapped
from unseen.report.words import what

if TYPE_CHECKING:
    from rich.console import Console

# Stories that the score table leaves room for.
MOST_STORIES = 5


def write_first(document: Mapping[str, Any], console: Console) -> None:
    """Verdict, score table, stories, what was audited and is open, what to do first."""
    arrow = "→" if can_show("→", console) else "->"
    verdict = wrapped(document["verdict"]["sentence"], console)
    others = first.rest(document)
    step = first.start(document)
    closing = wrapped(what(document), console) + wrapped(first.counts(document), console, most=2)
    closing += wrapped(first.silent(document), console) if first.silent(document) else []
    closing += wrapped(first.known(document), console, most=2) if first.known(document) else []
    closing += wrapped(f"{arrow} {step}", console, most=2, hanging="  ") if step else []
    closing += wrapped(f"All findings: --full · what a code means: unseen explain {_example(document)}", console)
    also = wrapped(f"also  {' · '.join(others)}", console, most=1, hanging="      ") if others else []
    between = wrapped(first.between(document), console, most=2) if first.between(document) else []
    left = MAX_LINES - len(verdict) - len(closing) - len(also) - len(between) - 2
    # Rows of the score table give way to stories, and stories to the rest.
    wanted = min(len(document["stories"]), MOST_STORIES)
    table = _scores(document, console, max(left - wanted - 2, 2))
    stories = _stories(document, console, max(left - len(table), 2))
    for line in verdict:
        console.print(safe(line, console, style="bold"))
    for i, line in enumerate(["", *table] if table else []):
        console.print(safe(line, console, style="dim" if i == 1 else ""))
    for line in between:
        console.print(safe(line, console))
    if stories or also:
        console.print()
    for line in (*stories, *also):
        console.print(safe(line, console))
    if not stories and not also:
        console.print()
    for line in closing:
        console.print(safe(line, console, style="dim" if not line.startswith((arrow, "  ")) else ""))


def _example(document: Mapping[str, Any]) -> str:
    """A code that is shown."""
    told, findings = document["stories"], document["findings"]
    return str(told[0]["codes"][0] if told else findings[0]["code"] if findings else "U101")


def _scores(document: Mapping[str, Any], console: Console, most: int) -> list[str]:
    """The score table, a heading and one line a model."""
    shown, cut = first.rows(document, min(most, first.MAX_ROWS))
    if not shown:
        return []
    columns, named = first.fitted(document, console.width, shown)
    cells = [[named(c.name) if c.key == "model" else c.name for c in columns]]
    cells += [[named(str(row["model"])) if c.key == "model" else first.cell(row, c) for c in columns] for row in shown]
    lines = aligned([[fitting(t, console) for t in row] for row in cells], [c.numeric for c in columns])
    if cut:
        total = len(document["scores"]["rows"])
        lines.insert(1 + cut, fitting(f"… {total - len(shown)} more between", console))
    return lines


def _stories(document: Mapping[str, Any], console: Console, room: int) -> list[str]:
    """One line a story; the title gives way where there is no room."""
    # Names of models give way to titles.
    for named in (True, False):
        told = first.stories(document, named=named)
        shown = told if len(told) <= room else told[: room - 1]
        if not shown:
            return []
        rows = [[fitting(t, console) for t in row] for row in shown]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        # Codes first, then titles, are cut where lines are short.
        fixed = widths[0] + widths[2] + widths[3] + 2 * 4
        title = min(widths[1], max(24, console.width - fixed - min(widths[4], 9)))
        if title == widths[1]:
            break
    codes = max(4, console.width - fixed - title)
    cut = [[r[0], _cut(r[1], title), r[2], r[3], _codes(r[4], codes)] for r in rows]
    lines = aligned(cut, [False] * 5)
    if len(shown) < len(told):
        lines.append(f"   and {len(told) - len(shown)} more: --full")
    return lines


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _codes(codes: str, room: int) -> str:
    """As many codes as fit, and how many more there are."""
    names = codes.split()
    for kept in range(len(names), 0, -1):
        text = " ".join(names[:kept]) + (f" +{len(names) - kept}" if kept < len(names) else "")
        if len(text) <= room:
            return text
    return f"{len(names)}"


__all__ = ["MAX_LINES", "write_first"]
