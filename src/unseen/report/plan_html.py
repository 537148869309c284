"""A plan as one HTML file: no network, no library, light and dark; everything from outside is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from unseen.plain_text import counted
from unseen.report.pages import asset, content_policy, template
from unseen.report.plain import number
from unseen.report.plan import (
    Sheet,
    at_gap,
    gap_words,
    level_words,
    reading,
    sheets,
    size_words,
    statement,
    subtitle,
    title,
)
from unseen.report.plan_picture import caption, picture
from unseen.report.tables import Cell, Column, Table


def render(document: Mapping[str, Any], *, theme: Literal["light", "dark"] | None = None) -> str:
    """The whole page.

    Args:
        document: What ``unseen.report.plan.summarise`` returned, or such a document read back from JSON.
        theme: A fixed theme; the reader's own by default.
    """
    from markupsafe import Markup

    style, script = asset("style.css"), asset("script.js")
    q = document["questions"][0]
    matters = document["settings"]["gap_that_matters"]
    tables = [_table(sheet) for sheet in sheets(document)]
    return template("plan.html.j2").render(
        title=title(document), subtitle=subtitle(document), statement=statement(document), theme=theme,
        version=document["unseen_version"], policy=content_policy(style, script),
        # Both are files of this package, not input; escaping would break them.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        # The picture escapes every text it holds itself.
        picture=Markup(picture(document)), caption=caption(document),  # noqa: S704
        facts=[
            ("smallest gap found", gap_words(q["found"])), ("decided from", gap_words(q["decided"])),
            ("level of one model's gap", level_words(q["level"])), ("tests", number(sum(document["tests"].values()))),
            (f"to decide at {matters:g}", size_words(at_gap(q["to_decide"], matters))),
            ("models", counted(document["models"], "model")),
        ],
        overview=tables[0], tables=tables[1:-1], basis=tables[-1], notes=reading(document), few=len(document["notes"]),
    )  # fmt: skip


def _table(sheet: Sheet) -> Table:
    heading, heads, rows = sheet
    numeric = [i > 0 and all(row[i][:1] in tuple("0123456789–") for row in rows) for i in range(len(heads))]
    columns = [Column(head, is_number) for head, is_number in zip(heads, numeric, strict=True)]
    body = [
        [
            Cell(cell, _value(cell), "n") if is_number else Cell(cell)
            for cell, is_number in zip(row, numeric, strict=True)
        ]
        for row in rows
    ]
    return Table(heading, columns, body)


def _value(words: str) -> float | None:
    """The number that a cell begins with, to sort by."""
    try:
        return float(words.split(" ")[0].replace(",", ""))
    except ValueError:
        return None
