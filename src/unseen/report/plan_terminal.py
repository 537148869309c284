"""A plan in the terminal: the answer first, then the tables, then what they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from unseen.report.plan import NONE, reading, sheets, statement, subtitle, title
from unseen.report.screens import MAX_WIDTH, as_text, on_screen

if TYPE_CHECKING:
    from rich.console import Console

SIMPLE = ((NONE, "-"), ("−", "-"), ("→", "->"), ("×", "x"), ("·", "|"))


def text(document: Mapping[str, Any], *, color: bool = False, width: int = MAX_WIDTH) -> str:
    """The document as text, with colours (ANSI codes) or without."""
    return as_text(lambda console: _write(document, console), color=color, width=width)


def show(document: Mapping[str, Any], file: IO[str] | None = None) -> None:
    """Write the document to standard output: in colour where it is a terminal, in ASCII where it knows no more."""
    on_screen(lambda console: _write(document, console), file, otherwise=MAX_WIDTH)


def _write(document: Mapping[str, Any], console: Console) -> None:
    from rich.table import Table

    console.print(_safe(title(document), console, "bold"))
    console.print(_safe(subtitle(document), console, "dim"))
    console.print()
    console.print(_safe(statement(document), console))
    for heading, heads, rows in sheets(document):
        console.print()
        console.print(_safe(heading, console, "bold"))
        grid = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
        for i, head in enumerate(heads):
            numeric = i > 0 and all(
                not row[i] or row[i][0] in f"0123456789-{NONE}" or row[i] == "no end" for row in rows
            )
            grid.add_column(_plain(head, console), justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            grid.add_row(*(_safe(cell, console) for cell in row))
        console.print(grid)
    console.print()
    for line in reading(document):
        console.print(_safe(line, console, "yellow" if line.startswith("Too few") else "dim"))


def _safe(words: str, console: Console, style: str = "") -> Any:
    """Text that is shown as it is: no markup, no control characters of a name reach the terminal."""
    from rich.text import Text

    return Text(_plain(words, console), style=style)


def _plain(words: str, console: Console) -> str:
    kept = "".join(c if c.isprintable() else " " for c in words)
    try:
        kept.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        for fancy, simple in SIMPLE:
            kept = kept.replace(fancy, simple)
        return kept.encode(console.encoding, "replace").decode(console.encoding)
    return kept
