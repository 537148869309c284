"""What trying remedies came to in the terminal: one screen; in full every remedy, then other ways to choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any

from unseen.plain_text import counted
from unseen.report.improvement import (
    at_worst,
    cost_heads,
    costs_said,
    costs_shown,
    gain_heads,
    gains_shown,
    over_words,
    scored,
    settings_words,
    subject,
    subtitle,
    taken_words,
    title,
    why_not,
    with_errors,
)
from unseen.report.improvement_first import write_first
from unseen.report.plain import chance, number
from unseen.report.screens import MAX_WIDTH, as_text, fitting, on_screen, safe

if TYPE_CHECKING:
    from rich.console import Console

# Of a first screen where there is no terminal.
FIRST_WIDTH = 80


def text(document: Mapping[str, Any], *, color: bool = False, width: int | None = None, full: bool = False) -> str:
    """The first screen as text, with colours (ANSI codes) or without; in full every remedy and way to choose."""
    return as_text(_writer(document, full=full), color=color, width=width or (MAX_WIDTH if full else FIRST_WIDTH))


def show(document: Mapping[str, Any], file: IO[str] | None = None, *, full: bool = False) -> None:
    """Write the same to standard output: in colour where it is a terminal, in ASCII where it knows no more."""
    on_screen(_writer(document, full=full), file, otherwise=MAX_WIDTH if full else FIRST_WIDTH)


def _writer(document: Mapping[str, Any], *, full: bool) -> Callable[[Console], None]:
    write = _write if full else write_first
    return lambda console: write(document, console)


def _write(document: Mapping[str, Any], console: Console) -> None:
    console.print(safe(title(document), console, "bold"))
    console.print(safe(subtitle(document), console, "dim"))
    for family in document["families"]:
        _family(family, console, alone=len(document["families"]) == 1)


def _family(family: Mapping[str, Any], console: Console, *, alone: bool) -> None:
    console.print()
    if not alone:
        console.print(safe(family["headline"], console, "bold"))
    console.print(safe(family["statement"], console, "green" if family["verdict"] == "helped" else ""))
    console.print(safe(f"→ {family['next_step']}", console))
    console.print()
    console.print(safe("Remedies, each with its settings chosen by validation", console, "bold"))
    _table(
        console,
        ("remedy", *gain_heads(family), "adjusted p", *cost_heads(family), "verdict"),
        [
            (
                r["remedy"], *gains_shown(r, family), chance(r["adjusted_p"]), *costs_shown(r, family), r["verdict"],
            )
            for r in family["ranking"]
        ],
    )  # fmt: skip
    settings = [(r["remedy"], words) for r in family["ranking"] if (words := settings_words(r["chosen"], r["remedy"]))]
    if settings:
        shown = "; ".join(f"{name} {words}" for name, words in settings[:3])
        more = f"; {len(settings) - 3} more stand in the other formats" if len(settings) > 3 else ""
        console.print(safe(f"Settings chosen (tests): {shown}{more}.", console, "dim"))
    for name, why, n in with_errors(family):
        console.print(safe(f"  {name} failed in {counted(n, 'fit')}: {why}", console, "red"))
    console.print()
    console.print(safe("The whole procedure, by how the choice is validated", console, "bold"))
    _table(
        console,
        ("validation", *gain_heads(family, "honest gain"), "chosen"),
        [
            (s["how"], *gains_shown(s, family, "none"), taken_words(s["chosen"], len(family["folds"]), subject(family)))
            for s in (family["procedure"], *family["alternatives"])
        ],
    )
    _small(family, console)


def _small(family: Mapping[str, Any], console: Console) -> None:
    console.print()
    held = counted(family["held_out"], "held-out set")
    tests = "" if family["single"] else f" in {counted(len(family['folds']), 'final test')}"
    lines = [
        f"{held}{tests}, {counted(family['repeats'], 'seed')}; the unchanged {subject(family)} scores "
        f"{scored(family, 'unchanged')} there{at_worst(family)}. A gain below {number(family['smallest_gain'])} is not "
        f"called help. {costs_said(family)}",
        *over_words(family),
        *family["notes"],
    ]
    if family["left_out"]:
        name, why = next(iter(family["left_out"].items()))
        lines.append(f"{counted(len(family['left_out']), 'held-out set')} not judged ({name}: {why}).")
    for why, names in why_not(family["not_tried"]).items():
        lines.append(f"Not tried ({why}): {', '.join(names)}.")
    for line in lines:
        console.print(safe(line, console, "dim"))


def _table(console: Console, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table

    grid = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    for i, head in enumerate(heads):
        grid.add_column(fitting(head, console), overflow="fold", no_wrap=i < len(heads) - 1)
    for row in rows:
        style = {"gains": "green", "loses": "red"}.get(row[-1], "")
        grid.add_row(*(safe(cell, console, style) for cell in row))
    console.print(grid)
