"""A plan in the terminal: the answer and what the design shows; in full all tables, and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from unseen.report.plan import NONE, reading, sheets, statement, subtitle, title
from unseen.report.screens import MAX_WIDTH, as_text, fitting, on_screen, safe

if TYPE_CHECKING:
    from rich.console import Console

MORE = "Items for each gap, and what the numbers rest on: --full"


def text(document: Mapping[str, Any], *, color: bool = False, width: int = MAX_WIDTH, full: bool = False) -> str:
    """The first screen as text, with colours (ANSI codes) or without; in full every table."""
    return as_text(lambda console: _write(document, console, full=full), color=color, width=width)


def show(document: Mapping[str, Any], file: IO[str] | None = None, *, full: bool = False) -> None:
    """Write the same to standard output: in colour where it is a terminal, in ASCII where it knows no more."""
    on_screen(lambda console: _write(document, console, full=full), file, otherwise=MAX_WIDTH)


def _write(document: Mapping[str, Any], console: Console, *, full: bool) -> None:
    from rich.table import Table

    console.print(safe(title(document), console, "bold"))
    console.print(safe(subtitle(document), console, "dim"))
    console.print()
    console.print(safe(statement(document), console))
    # The first table is what the design shows; what is too few is always told.
    for heading, heads, rows in sheets(document)[: None if full else 1]:
        console.print()
        console.print(safe(heading, console, "bold"))
        grid = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
        for i, head in enumerate(heads):
            numeric = i > 0 and all(
                not row[i] or row[i][0] in f"0123456789-{NONE}" or row[i] == "no end" for row in rows
            )
            grid.add_column(fitting(head, console), justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            grid.add_row(*(safe(cell, console) for cell in row))
        console.print(grid)
    console.print()
    for line in reading(document) if full else [*document["notes"], MORE]:
        console.print(safe(line, console, "yellow" if line.startswith("Too few") else "dim"))
