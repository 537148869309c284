"""``unseen improve DATA``: try remedies under shifts, rank them, and say honestly whether one helps."""

from __future__ import annotations

import sys
import time as time_module
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.options import form_of, names_in
from unseen.cli.printing import print_report

if TYPE_CHECKING:
    from unseen.improving import Improvement

DATA = "Data and learner"
TRY = "What is tried"
OUTPUT = "Output"
DEFAULT_HTML = Path("unseen-improve.html")


class Format(StrEnum):
    """How the ranking is written."""

    text = "text"
    json = "json"
    markdown = "markdown"
    html = "html"


class Judge(StrEnum):
    """What choice and verdict rest on."""

    mean = "mean"
    worst = "worst"


def improve(
    sources: Annotated[list[str], typer.Argument(help="A table (CSV, Parquet, JSON, .npz) or data:NAME.", metavar="DATA")],
    target: Annotated[str | None, typer.Option(help="Column to predict.", rich_help_panel=DATA)] = None,
    learner: Annotated[str, typer.Option(help="logistic, gradient-boosting, forest, mlp, nearest-neighbours, or module:object.", rich_help_panel=DATA)] = "gradient-boosting",
    shift: Annotated[list[str] | None, typer.Option(metavar="PHRASE", help="'held-out COLUMN', 'later COLUMN', 'beyond COLUMN', 'broken COLUMN' … Repeatable.", rich_help_panel=DATA)] = None,
    inputs: Annotated[list[str] | None, typer.Option(metavar="COLUMNS", help="Only these columns are features (a,b,c).", rich_help_panel=DATA)] = None,
    drop: Annotated[list[str] | None, typer.Option(metavar="COLUMNS", help="Columns that are no features (a,b,c).", rich_help_panel=DATA)] = None,
    cluster: Annotated[str | None, typer.Option(help="Column of what was sampled together (patient, document).", rich_help_panel=DATA)] = None,
    time: Annotated[str | None, typer.Option(help="Column of time.", rich_help_panel=DATA)] = None,
    regression: Annotated[bool | None, typer.Option("--regression/--classification", help="What the target is; by default seen from its values.", rich_help_panel=DATA)] = None,
    measure: Annotated[str | None, typer.Option(help="accuracy, balanced-accuracy, auroc, average-precision, calibrated-average-precision, log-loss, brier; error (mae) or r2 for numbers.", rich_help_panel=DATA)] = None,
    remedy: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Try only these; `unseen explain remedy` lists all. Repeatable.", rich_help_panel=TRY)] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Repetitions; by default 2 over domains (1 for seven to ten), 5 for a single held-out set.", rich_help_panel=TRY)] = None,
    rows: Annotated[int, typer.Option(min=100, help="Most rows that are used, drawn at random.", rich_help_panel=TRY)] = 20_000,
    smallest_gain: Annotated[float, typer.Option(min=0.0, max=1.0, help="Gain below which nothing counts as help.", rich_help_panel=TRY)] = 0.005,
    judge: Annotated[Judge, typer.Option(help="What decides: the mean over domains, or the worst quarter of them, picked on other rows than those judged.", rich_help_panel=TRY)] = Judge.mean,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Coverage of the intervals.", rich_help_panel=TRY)] = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="Source of every random draw.", rich_help_panel=TRY)] = 0,
    executor: Annotated[str, typer.Option(help="serial, local or ray.", rich_help_panel=TRY)] = "local",
    time_limit: Annotated[float | None, typer.Option(metavar="SECONDS", min=1.0, help="Longest time one fit may take; it then fails.", rich_help_panel=TRY)] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: as many as cores.", rich_help_panel=TRY)] = None,
    format: Annotated[Format | None, typer.Option("--format", help="Default: by the ending of --output, else text.", rich_help_panel=OUTPUT)] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; the ranking is shown here as well.", rich_help_panel=OUTPUT)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and one line instead of the ranking.", rich_help_panel=OUTPUT)] = False,
) -> None:  # fmt: skip
    """Try remedies for a learner under a shift: a ranking with paired intervals, and the honest gain of choosing among them.

    The choice never looks at the domains on which it is judged. A run that was stopped goes on where it was.

    Exit codes: 0 done (whether a remedy helped or not), 2 bad input or option, 130 interrupted.
    """
    from unseen.cli.learning import ask_for, request_of
    from unseen.engine.progress import progress
    from unseen.errors import BadInput
    from unseen.files import require_writable, write_atomically
    from unseen.improved import improve_asked, render
    from unseen.improving import improve as run
    from unseen.plain_text import line
    from unseen.remedies import remedy_named
    from unseen.report import improvement_terminal
    from unseen.report.improvement import title

    if not shift:
        raise BadInput("say which shift to improve under: --shift 'held-out COLUMN', --shift 'later COLUMN' …")
    if output is not None:
        require_writable(output, sources)
    form = format.value if format else form_of(output)
    output = output or (DEFAULT_HTML if form == "html" else None)
    # Wrong names and an unusable output are told before the work, not after it.
    names = list(names_in(remedy))
    for name in names:
        remedy_named(name)
    if output is not None:
        require_writable(output, sources)
    request = request_of(
        tuple(sources), target=target, learner=learner, shifts=shift, inputs=names_in(inputs), drop=names_in(drop),
        cluster=cluster, time=time, regression=regression, measure=measure, seed=seed, executor=executor, workers=workers,
        seconds=time_limit,
    )  # fmt: skip
    asked = ask_for(request)
    started = time_module.monotonic()

    def first(found: Improvement) -> None:
        if not quiet:
            from unseen.improved import first_answer

            sys.stderr.write(first_answer(found, time_module.monotonic() - started))

    with progress("improve", show=False if quiet else None, piece="fit") as done:
        found = improve_asked(
            asked, run, source=sources[0], remedies=names, repeats=seeds, rows=rows, smallest_gain=smallest_gain,
            judge=judge.value, level=level, seed=seed, executor=executor, workers=workers, done=done, seconds=time_limit,
            first=first,
        )  # fmt: skip
    if output is not None:
        write_atomically(output, render(found.document, form))
    if quiet and (form == "text" if output is None else output.is_file()):
        sys.stdout.write(line(title(found.document)) + "\n")
    elif output is None:
        print_report(render(found.document, form, color=sys.stdout.isatty()), form)
    else:
        improvement_terminal.show(found.document)
        sys.stdout.write(f"Report: {output.resolve()}\n")
