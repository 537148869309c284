"""``unseen improve DATA``: try remedies under shifts, rank them, and say honestly whether one helps."""

from __future__ import annotations

import sys
import time as time_module
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unseen.cli.options import form_of, names_in
from unseen.cli.printing import print_report

if TYPE_CHECKING:
    from unseen.improved import Improved
    from unseen.improving import Improvement

DATA = "Data and learner"
MODEL = "A language model in place of a learner"
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
    learner: Annotated[str | None, typer.Option(help="gradient-boosting (default), logistic, forest, mlp, nearest-neighbours, or module:object.", rich_help_panel=DATA)] = None,
    shift: Annotated[list[str] | None, typer.Option(metavar="PHRASE", help="'held-out COLUMN', 'later COLUMN', 'beyond COLUMN', 'broken COLUMN' … Repeatable.", rich_help_panel=DATA)] = None,
    unseen: Annotated[str | None, typer.Option(metavar="CONDITION", help="Which rows to hold out as unseen: 'year > 2017'.", rich_help_panel=DATA)] = None,
    split: Annotated[str | None, typer.Option(help="Column with train and test, or seen and unseen: its test rows are held out.", rich_help_panel=DATA)] = None,
    inputs: Annotated[list[str] | None, typer.Option(metavar="COLUMNS", help="Only these columns are features (a,b,c).", rich_help_panel=DATA)] = None,
    drop: Annotated[list[str] | None, typer.Option(metavar="COLUMNS", help="Columns that are no features (a,b,c).", rich_help_panel=DATA)] = None,
    cluster: Annotated[str | None, typer.Option(help="Column of what was sampled together (patient, document).", rich_help_panel=DATA)] = None,
    time: Annotated[str | None, typer.Option(help="Column of time.", rich_help_panel=DATA)] = None,
    regression: Annotated[bool | None, typer.Option("--regression/--classification", help="What the target is; by default seen from its values.", rich_help_panel=DATA)] = None,
    measure: Annotated[str | None, typer.Option(help="accuracy, balanced-accuracy, auroc, average-precision, calibrated-average-precision, log-loss, brier; error (mae) or r2 for numbers.", rich_help_panel=DATA)] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="MODEL", help="Try ways to ask it: a folder, a .gguf file, openai:MODEL or openai:MODEL@URL. DATA is then a log, or a table of questions and right answers.", rich_help_panel=MODEL)] = None,
    second: Annotated[str | None, typer.Option(metavar="MODEL", help="Another one, which answers together with it.", rich_help_panel=MODEL)] = None,
    scorer: Annotated[str | None, typer.Option(help="by-item, exact, choice, number, regex:PATTERN or module:function.", rich_help_panel=MODEL)] = None,
    prompt: Annotated[str, typer.Option(metavar="TEXT", help="Text around each question, with {} in its place.", rich_help_panel=MODEL)] = "{}",
    chat: Annotated[bool | None, typer.Option("--chat/--text", help="Send questions as messages, or as text to continue; default: as the model takes them.", rich_help_panel=MODEL)] = None,
    dtype: Annotated[str | None, typer.Option(metavar="TYPE", help="bfloat16, float32 or float16, of a model that runs here; default: bfloat16, or float32 where the processor has no bfloat16.", rich_help_panel=MODEL)] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Most tokens of a short answer.", rich_help_panel=MODEL)] = 64,
    longest: Annotated[int, typer.Option(min=1, help="Most tokens of an answer that reasons.", rich_help_panel=MODEL)] = 256,
    budget_tokens: Annotated[int | None, typer.Option(min=1, help="Most tokens that an endpoint may be asked for.", rich_help_panel=MODEL)] = None,
    at_once: Annotated[int | None, typer.Option(min=1, help="Calls of an endpoint at a time; default 8.", rich_help_panel=MODEL)] = None,
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
    full: Annotated[bool, typer.Option("--full", help="Every remedy and way to choose, not only the first screen.", rich_help_panel=OUTPUT)] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and one line instead of the ranking.", rich_help_panel=OUTPUT)] = False,
) -> None:  # fmt: skip
    """Try remedies for a learner, or ways to ask a language model, under a shift: a ranking with paired intervals, and the honest gain of choosing among them.

    The choice never looks at the domains on which it is judged. A run that was stopped goes on where it was.

    Exit codes: 0 done (whether a remedy helped or not), 2 bad input or option, 130 interrupted.
    """
    from unseen.cli.learning import ask_for, request_of
    from unseen.engine.progress import progress
    from unseen.errors import BadInput
    from unseen.files import require_writable
    from unseen.improved import improve_asked
    from unseen.improving import improve as run
    from unseen.remedies import remedy_named

    if not shift and unseen is None and split is None:
        raise BadInput(
            "say which shift to improve under: --shift 'held-out COLUMN', --shift 'later COLUMN', --unseen 'year > 2017' …"
        )
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
    if model is not None:
        if learner is not None:
            raise BadInput(
                "--learner and --model are both given; a learner is fitted, a language model is asked. Leave one out."
            )
        given = {"tokens": budget_tokens, "at_once": at_once, "dtype": dtype}
        how = {
            "scorer": scorer,
            "max_tokens": max_tokens,
            "longest": longest,
            "prompt": prompt,
            "chat": chat,
            "seed": seed,
        }
        tried = {
            "remedies": names, "repeats": seeds, "rows": rows, "smallest_gain": smallest_gain, "judge": judge.value,
            "level": level,
        }  # fmt: skip
        _written(
            _prompts(
                sources,
                model,
                second,
                [*(shift or []), *([f"where {unseen}"] if unseen else [])],
                given,
                how,
                tried,
                quiet=quiet,
            ),
            form,
            output,
            full=full,
            quiet=quiet,
        )
        return
    if second is not None:
        raise BadInput("--second is a second language model: name the first one with --model.")
    request = request_of(
        tuple(sources), target=target, learner=learner, shifts=shift, inputs=names_in(inputs), drop=names_in(drop),
        cluster=cluster, time=time, regression=regression, measure=measure, seed=seed, executor=executor, workers=workers,
        seconds=time_limit, unseen=unseen, split=split,
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
    _written(found, form, output, full=full, quiet=quiet)


def _written(found: Improved, form: str, output: Path | None, *, full: bool, quiet: bool) -> None:
    """Write the ranking where it is to go, and show it."""
    from unseen.files import write_atomically
    from unseen.improved import render
    from unseen.plain_text import line
    from unseen.report import improvement_terminal
    from unseen.report.improvement import one_line

    if output is not None:
        write_atomically(output, render(found.document, form))
    if quiet and (form == "text" if output is None else output.is_file()):
        sys.stdout.write(line(one_line(found.document)) + "\n")
    elif output is None:
        print_report(render(found.document, form, color=sys.stdout.isatty(), full=full), form)
    else:
        improvement_terminal.show(found.document, full=full)
        sys.stdout.write(f"Report: {output.resolve()}\n")


def _prompts(
    sources: list[str], model: str, second: str | None, shifts: list[str], given: dict[str, Any],
    how: dict[str, Any], tried: dict[str, Any], *, quiet: bool,
) -> Improved:  # fmt: skip
    """Ways to ask a language model, tried."""
    from unseen.api import items_given
    from unseen.cli.models import opened
    from unseen.engine.progress import progress
    from unseen.errors import BadInput
    from unseen.improved import improve_prompted
    from unseen.improving.prompting import Prompting

    if len(sources) != 1:
        raise BadInput(f"items are taken from one log or table, got {len(sources)} sources.")
    if how["prompt"].count("{}") != 1:
        raise BadInput(f"--prompt {how['prompt'][:60]!r}: must hold {{}} once, where the question goes.")
    items = items_given(sources[0])
    models = [None if name is None else opened(name, chat=how["chat"], **given) for name in (model, second)]

    def told(words: str) -> None:
        if not quiet:
            sys.stderr.write(f"unseen: {words}\n")

    with progress("improve", show=False if quiet else None, piece="way") as done:
        return improve_prompted(
            items,
            models[0],
            shifts,
            Prompting(**how),
            second=models[1],
            source=sources[0],
            told=told,
            done=done,
            **tried,
        )
