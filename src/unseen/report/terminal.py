"""Findings in the terminal: one screen with the verdict, scores and stories; in full every finding and open question."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from unseen.plain_text import counted, names
from unseen.report import baseline, first
from unseen.report.first_terminal import write_first
from unseen.report.plain import interval, number
from unseen.report.screens import as_text, can_show, fitting, on_screen, safe
from unseen.report.words import by_check, expectations, headline, joined_step, subtitle, title_case

if TYPE_CHECKING:
    from rich.console import Console

    from unseen.responses import Responses

# Subjects of one check beyond these are counted, not listed.
MAX_SUBJECTS = 8
COLOURS = {"found": "bold red", "undecided": "yellow", "clear": "green", "not_applicable": "dim"}
CAME_TO = {"lost": "bold red", "undecided": "yellow", "gained": "green"}
SIGNS = {"found": ("●", "!"), "undecided": ("◐", "~"), "clear": ("✓", "ok"), "not_applicable": ("○", "?")}


def text(document: Mapping[str, Any], *, color: bool = False, width: int = 80, full: bool = False) -> str:
    """The first screen as text, with colours (ANSI codes) or without; in full every finding and open question."""
    return as_text(_writer(document, full=full), color=color, width=width)


def show(document: Mapping[str, Any], file: IO[str] | None = None, *, full: bool = False) -> None:
    """Write the same to standard output: in colour where it is a terminal, in ASCII where it knows no more."""
    on_screen(_writer(document, full=full), file, otherwise=100)


def _writer(document: Mapping[str, Any], *, full: bool) -> Callable[[Console], None]:
    # What became of a baseline is told model by model and finding by finding.
    if full or "baseline" in document or not first.told(document):
        return lambda console: _write(document, console)
    return lambda console: write_first(document, console)


def describe(responses: Responses, file: IO[str] | None = None, *, columns: str = "") -> None:
    """Write what was read: sizes, the columns that were taken, splits, factors with their kinds and why, notes."""
    from rich.console import Console
    from rich.text import Text

    from unseen.report.summary import describe_responses

    console = Console(file=file or sys.stdout, highlight=False, markup=False, emoji=False, force_jupyter=False)
    if not console.is_terminal:
        console.width = 100
    d = describe_responses(responses)
    score, splits = d["score"], ", ".join(f"{name} {number(n)}" for name, n in d["splits"].items())
    ends = "" if score["kind"] == "unbounded" else f", {score['low']:g} to {score['high']:g}"
    rows = [
        ("answers", number(d["rows"]) + (f", {number(d['unlabelled'])} without a score" if d["unlabelled"] else "")),
        ("models", f"{len(d['models'])}: {names(d['models'], 8)}"),
        ("items", number(d["items"])),
        *([("columns", columns)] if columns else []),
        ("units", f"{number(d['clusters'])} independent, by column {d['cluster_column']}"),
        ("score", f"{score['kind']}{ends}"),
        ("splits", splits or "none: say what is unseen with --unseen or --split"),
    ]
    _grid(console, [(Text(a, style="bold"), safe(b, console)) for a, b in rows])
    console.print(Text("\nFactors", style="bold"))
    factors = [(f["name"], f["kind"], f"{number(f['levels'])} levels", f["why"]) for f in d["factors"]]
    if factors:
        _grid(console, [tuple(safe(cell, console) for cell in row) for row in factors])
        console.print(Text("Set a kind with --factor NAME:ordered, NAME:categorical or NAME:set.", style="dim"))
    else:
        console.print(Text("  none: name columns with --factor"))
    for note in d["notes"]:
        console.print(safe(f"Note: {note}", console))


class Checking:
    """Tells which check runs, and how far the refits are that it asks for.

    Args:
        show: Shows one line in place of the last.

    >>> told = Checking(print)
    >>> told("U803", 40, 57)
    U803  41 of 57 checks
    >>> told.refitted("a column shuffled", 3, 30)
    U803  41 of 57 checks, 3 of 30 further refits
    """

    def __init__(self, show: Callable[[str], object]) -> None:
        self._show, self._check = show, ""

    def __call__(self, code: str, done: int, total: int) -> None:
        """A check begins."""
        self._check = f"{code}  {done + 1} of {total} checks"
        self._show(self._check)

    def refitted(self, name: str, finished: int, total: int, /) -> None:
        """A refit of the check that runs is finished."""
        self._show(f"{self._check}, {finished:,} of {total:,} further refits")


@contextmanager
def progress(*, enabled: bool = True) -> Generator[Checking | None]:
    """A line on standard error that tells which check runs; nothing where that is no terminal."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False)
    if not enabled or not console.is_terminal:
        yield None
        return
    with console.status("reading") as status:
        yield Checking(status.update)


def _write(document: Mapping[str, Any], console: Console) -> None:
    from rich.text import Text

    plain = not can_show("●→✓○", console)
    console.print(Text(headline(document), style="bold"))
    console.print(safe(subtitle(document), console, style="dim"))
    console.print()
    _since(document, console)
    _families(document["families"], console, plain)
    expected = expectations(document)
    if expected:
        console.print()
        console.print(Text("What to expect", style="bold"))
        for sentence in expected:
            _indented(sentence, console)
    for code, findings in by_check(document["findings"], "found").items():
        _check(code, findings, console, plain)
    # Ratings are what a table of comparisons was made for, and the inside of a network what it was given for; other context
    # stays in the HTML and JSON reports.
    for entry in document["context"]:
        if entry["code"] == "U707" or entry["code"].startswith("U9"):
            console.print()
            _indented(f"{entry['code']}  {entry['statement']}", console, by=0)
            for line in told_below(entry["details"]):
                _indented(line, console, by=6, style="dim")
    _open_questions(document, console)


def told_below(details: Mapping[str, Any]) -> list[str]:
    """Rows below what is said of the inside of a network: each bound, with the error on training examples.

    >>> told_below({"bounds": [{"kind": "compression", "value": 0.5, "seen": 0.1, "vacuous": False}]})
    ['compression: at most 0.50 (0.10 on training examples)']
    """
    rows: Sequence[Mapping[str, Any]] = details.get("bounds", ())
    return [
        f"{row['kind']}: at most {row['value']:.2f} ({row['seen']:.2f} on training examples{', vacuous' if row['vacuous'] else ''})"
        for row in rows
    ]


def _since(document: Mapping[str, Any], console: Console) -> None:
    """What became of each model since the baseline."""
    from rich.table import Table
    from rich.text import Text

    told = baseline.rows(document)
    if told:
        heads = [safe(h, console, style="bold") for h in baseline.headings(document)]
        # A narrow terminal has no room for the sides; the other formats show them.
        wide = [i for i in range(len(heads)) if console.width >= 110 or i not in (4, 5)]
        shown = told[:MAX_SUBJECTS]
        rows = [[safe(c, console, style=CAME_TO.get(row[-1], "")) for c in row] for row in shown]
        grid = Table.grid(padding=(0, 2, 0, 0))
        for i in wide:
            # Names give way before numbers do.
            grid.add_column(overflow="fold", no_wrap=i > 0)
        for row in (heads, *rows):
            grid.add_row(*(row[i] for i in wide))
        console.print(grid)
        if len(shown) < len(told):
            _indented(
                f"and {counted(len(told) - len(shown), 'more model')}, with smaller losses.", console, style="dim"
            )
    for sentence in baseline.beside(document) if "baseline" in document else ():
        console.print(safe(sentence, console, style="dim"))
    if "baseline" in document:
        console.print(Text())


def _families(families: Sequence[Mapping[str, Any]], console: Console, plain: bool) -> None:
    from rich.text import Text

    rows = [
        (
            Text(SIGNS[f["status"]][plain], style=COLOURS[f["status"]]),
            Text(f["title"], style="bold" if f["status"] == "found" else ""),
            safe(f["verdict"], console),
        )
        for f in families
    ]
    _grid(console, rows)


def _check(code: str, findings: Sequence[Mapping[str, Any]], console: Console, plain: bool) -> None:
    """One check: a heading, its subjects with their numbers, one sentence for each, the next step once."""
    from rich.text import Text

    console.print()
    count = f"  ({len(findings)})" if len(findings) > 1 else ""
    console.print(Text.assemble((code, "bold red"), "  ", (title_case(findings[0]["title"]), "bold"), (count, "dim")))
    step = joined_step(findings)
    listed = findings if len(findings) <= MAX_SUBJECTS else findings[: MAX_SUBJECTS - 1]
    compact = len(findings) > 3
    if compact:
        _grid(console, [_subject_row(f, console) for f in listed])
    for f in listed[:1] if compact else listed:
        if not compact:
            _subject_line(f, console)
        _indented(("Heaviest: " if compact else "") + f["statement"], console)
        if step is None and not compact:
            _next(f["next_step"], console, plain)
    if len(listed) < len(findings):
        _indented(f"and {len(findings) - len(listed)} more: the HTML and JSON reports list them.", console, style="dim")
    if step is not None or compact:
        _next(step or findings[0]["next_step"], console, plain)


def _subject_line(finding: Mapping[str, Any], console: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    e = finding["estimate"]
    numbers = f"  {interval(e)}, {counted(e['units'], 'unit')}" if e else ""
    name = fitting(finding["subject"]["name"], console)
    line = Text.assemble((name, "cyan"), fitting(numbers, console))
    console.print(Padding(line, (0, 0, 0, 2), expand=False))


def _subject_row(finding: Mapping[str, Any], console: Console) -> tuple[Any, ...]:
    from rich.text import Text

    e = finding["estimate"]
    name = safe(finding["subject"]["name"], console, style="cyan")
    return (
        Text(""),
        name,
        Text(fitting(interval(e), console)),
        Text(counted(e["units"], "unit") if e else "", style="dim"),
    )


def _open_questions(document: Mapping[str, Any], console: Console) -> None:
    from rich.text import Text

    undecided = by_check(document["findings"], "undecided")
    if undecided:
        console.print()
        console.print(Text("Undecided", style="bold"), Text("(not a pass)", style="dim"))
    for code, findings in undecided.items():
        _open(code, findings, console)
    unjudged = [f for f in document["findings"] if f["outcome"] == "not_applicable"]
    if not unjudged:
        return
    console.print()
    console.print(Text("Could not be judged", style="bold"), Text("(not a pass)", style="dim"))
    for entry in document["unlock"]:
        _indented(entry["how"], console)
        _indented(f"unlocks {', '.join(entry['checks'])}", console, by=4, style="dim")
    for code, findings in by_check([f for f in unjudged if not f["unlocks"]], "not_applicable").items():
        _open(code, findings, console)


def _open(code: str, findings: Sequence[Mapping[str, Any]], console: Console) -> None:
    """A question that stays open: its subjects, and for the first the reason and what would help."""
    subjects = [f["subject"]["name"] for f in findings if f["subject"]["kind"] != "data"]
    about = f" ({names(subjects, 3)})" if len(subjects) > 1 else ""
    _indented(f"{code}  {title_case(findings[0]['title'])}{about}", console)
    _indented(f"{findings[0]['statement']} {findings[0]['next_step']}", console, by=4, style="dim")


def _next(step: str, console: Console, plain: bool) -> None:
    from rich.padding import Padding

    console.print(Padding(safe(f"{'->' if plain else '→'} {step}", console), (0, 0, 0, 2), expand=False))


def _indented(words: str, console: Console, by: int = 2, style: str = "") -> None:
    from rich.padding import Padding

    console.print(Padding(safe(words, console, style=style), (0, 0, 0, by), expand=False))


def _grid(console: Console, rows: Sequence[Sequence[Any]]) -> None:
    from rich.table import Table

    if not rows:
        return
    grid = Table.grid(padding=(0, 2, 0, 0))
    for i in range(len(rows[0])):
        grid.add_column(overflow="fold", no_wrap=i == 0)
    for row in rows:
        grid.add_row(*row)
    console.print(grid)


__all__ = ["describe", "progress", "show", "text"]
