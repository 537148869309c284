"""``unseen probe SOURCE… --model MODEL``: ask the items of a log again and in other forms, and audit the answers."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unseen.cli.audit import Format

if TYPE_CHECKING:
    from unseen.options import ProbeOptions

COLUMNS = "What the log holds"
ASKING = "Asking"
MONEY = "Endpoints"
OUTPUT = "Output"


def probe(
    sources: Annotated[list[str] | None, typer.Argument(help="Logs or tables with the text of questions and their right answers, as for audit.", metavar="SOURCE…")] = None,
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="Who is asked: a folder, a .gguf file, openai:MODEL[@URL] or inspect:PROVIDER/MODEL.")] = "",
    variants: Annotated[list[str] | None, typer.Option(metavar="KINDS", help="order, length, format, context, names, numbers, paraphrase, typos; default: all.", rich_help_panel=ASKING)] = None,
    paraphrase_model: Annotated[str | None, typer.Option(metavar="MODEL", help="A model that puts questions in other words; each proposal is checked twice.", rich_help_panel=ASKING)] = None,
    scorer: Annotated[str | None, typer.Option(help="by-item, exact, choice, letter, likelihood, likelihood-norm, number, regex:PATTERN or module:function; needed where originals score otherwise than in the log.", rich_help_panel=ASKING)] = None,
    prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="Text around each question, with {} in its place; default: the prompt of the log, where it tells one.", rich_help_panel=ASKING)] = None,
    chat: Annotated[bool | None, typer.Option("--chat/--text", help="Send questions as messages, or as text to continue; default: as the model takes them.", rich_help_panel=ASKING)] = None,
    dtype: Annotated[str | None, typer.Option(metavar="TYPE", help="bfloat16, float32 or float16, of a model that runs here; default: bfloat16, or float32 where the processor has no bfloat16.", rich_help_panel=ASKING)] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Most tokens of an answer; default: as in the log, else 64.", rich_help_panel=ASKING)] = None,
    temperature: Annotated[float | None, typer.Option(min=0.0, help="Default 0: the likeliest token each time.", rich_help_panel=ASKING)] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Answers to each form; more than one need a temperature.", rich_help_panel=ASKING)] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Most items, drawn at random.", rich_help_panel=ASKING)] = None,
    parts: Annotated[bool, typer.Option("--parts", help="Ask the parts of composite items too (column parent).", rich_help_panel=ASKING)] = False,
    doubt: Annotated[bool, typer.Option("--doubt", help="Ask for each answer whether it is true, P(True), and for each question beforehand whether it is known, P(IK).", rich_help_panel=ASKING)] = False,
    samples: Annotated[int | None, typer.Option("--samples", min=2, help="Draw so many answers to each form besides: the share that say the same is the confidence.", rich_help_panel=ASKING)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell the count of calls, tokens, time and price, and stop.", rich_help_panel=ASKING)] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Source of every random draw; default 0.", rich_help_panel=ASKING)] = None,
    log_model: Annotated[str | None, typer.Option(metavar="NAME", help="Which model of the log is the one that is asked; default: the one of its name.", rich_help_panel=COLUMNS)] = None,
    model_column: Annotated[str | None, typer.Option(help="Column with the model's name.", rich_help_panel=COLUMNS)] = None,
    item_column: Annotated[str | None, typer.Option(help="Column that names the item.", rich_help_panel=COLUMNS)] = None,
    score: Annotated[str | None, typer.Option(help="Column with the score, higher is better; -loss negates.", rich_help_panel=COLUMNS)] = None,
    question: Annotated[str | None, typer.Option(help="Column with the text of the question.", rich_help_panel=COLUMNS)] = None,
    target_column: Annotated[str | None, typer.Option(help="Column with the right answer.", rich_help_panel=COLUMNS)] = None,
    cluster: Annotated[str | None, typer.Option(help="Column of what was sampled together.", rich_help_panel=COLUMNS)] = None,
    filter_: Annotated[str | None, typer.Option("--filter", help="lm-eval filter to read.", rich_help_panel=COLUMNS)] = None,
    metric: Annotated[str | None, typer.Option(help="Metric or scorer to read, where a log has several.", rich_help_panel=COLUMNS)] = None,
    budget_tokens: Annotated[int | None, typer.Option(min=1, help="Most tokens; what was asked until then is audited.", rich_help_panel=MONEY)] = None,
    budget_money: Annotated[float | None, typer.Option(help="Most money, in the unit of the prices.", rich_help_panel=MONEY)] = None,
    price_in: Annotated[float | None, typer.Option(help="Of a million tokens of prompts.", rich_help_panel=MONEY)] = None,
    price_out: Annotated[float | None, typer.Option(help="Of a million tokens of answers.", rich_help_panel=MONEY)] = None,
    at_once: Annotated[int | None, typer.Option(min=1, help="Calls at a time; default 8.", rich_help_panel=MONEY)] = None,
    table: Annotated[Path | None, typer.Option(metavar="FILE", help="Parquet file for the answers; default unseen-probe.parquet.", rich_help_panel=OUTPUT)] = None,
    log_dir: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write the answers there as a log of Inspect too, for inspect view.", rich_help_panel=OUTPUT)] = None,
    select: Annotated[list[str] | None, typer.Option(help="Codes or prefixes of checks to run.", rich_help_panel=OUTPUT)] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Codes or prefixes to leave out.", rich_help_panel=OUTPUT)] = None,
    format: Annotated[Format | None, typer.Option("--format", help="Default: by the ending of --output, else text.", rich_help_panel=OUTPUT)] = None,
    output: Annotated[list[Path] | None, typer.Option("--output", "-o", metavar="FILE", help="Report to write. Repeatable.", rich_help_panel=OUTPUT)] = None,
    full: Annotated[bool | None, typer.Option("--full", help="Every finding and open question, not only the first screen.", rich_help_panel=OUTPUT)] = None,
    quiet: Annotated[bool | None, typer.Option("--quiet", "-q", help="One line instead of the findings, no progress.", rich_help_panel=OUTPUT)] = None,
) -> None:  # fmt: skip
    """Ask a model the items of a log again and in other forms that keep the right answer; write and audit its answers.

    Answers are kept: a probe that was stopped goes on where it was, and nothing is asked twice.

    Exit codes: 0 done, 2 bad input or option, 130 interrupted.
    """
    from unseen.errors import BadInput
    from unseen.options import ProbeOptions

    if not sources:
        raise BadInput("nothing to probe. Name a log: unseen probe LOG --model openai:gpt-5-mini")
    if not model:
        raise BadInput(
            "--model says who is asked: a folder, a .gguf file, openai:MODEL[@URL] or inspect:PROVIDER/MODEL."
        )
    options = ProbeOptions.of({
        "sources": tuple(sources), "ask": model, "variants": variants, "scorer": scorer, "prompt": prompt, "chat": chat,
        "max_tokens": max_tokens, "temperature": temperature, "repeats": repeats, "limit": limit, "dry_run": dry_run, "parts": parts, "doubt": doubt, "paraphrase_model": paraphrase_model, "samples": samples,
        "seed": seed, "log_model": log_model, "model_column": model_column, "item_column": item_column, "score": score,
        "question": question, "target_column": target_column, "cluster": cluster, "filter": filter_, "metric": metric,
        "budget_tokens": budget_tokens, "budget_money": budget_money, "price_in": price_in, "price_out": price_out,
        "at_once": at_once, "dtype": dtype, "table": table, "log_dir": log_dir, "select": select, "ignore": ignore, "output": output, "full": full,
        "format": format.value if format else None, "quiet": quiet,
    })  # fmt: skip
    raise typer.Exit(perform(options))


def perform(o: ProbeOptions) -> int:
    """Plan, ask, write, audit; the exit code."""
    from unseen.api import items_given
    from unseen.cli import auditing
    from unseen.cli.models import opened
    from unseen.engine.progress import progress
    from unseen.errors import BadInput
    from unseen.files import require_writable, write_atomically
    from unseen.options import Options
    from unseen.plain_text import line
    from unseen.probing import Probing, planned
    from unseen.probing import probe as ask
    from unseen.probing.inspect_log import name_of, written
    from unseen.probing.told import told

    answers = Path(o.table)
    if answers.suffix.lower() != ".parquet":
        raise BadInput(f"--table {answers}: the answers are written as Parquet. Name a file that ends in .parquet.")
    for path in (answers, *map(Path, o.output)):
        require_writable(path, o.sources)
    report = auditing.Request(Options.of({
        "sources": (str(answers),), "score_range": (0.0, 1.0), "select": o.select, "ignore": o.ignore, "seed": o.seed,
        "format": o.format, "output": o.output, "full": o.full, "quiet": o.quiet,
    }))  # fmt: skip
    # Endings that no report has, and codes that no check has, are told before anything is asked.
    _ = report.outputs, auditing.checks_of(o.select, o.ignore)
    if o.log_dir:
        try:
            Path(o.log_dir).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"--log-dir {o.log_dir}: is no folder and can't be made one ({error.strerror}).") from None
    asked = o.sources[0] if len(o.sources) == 1 else list(o.sources)
    responses = items_given(asked, replace(o.mapping, prompts=True))
    how = Probing(
        variants=o.variants, scorer=o.scorer, max_tokens=o.max_tokens, temperature=o.temperature, repeats=o.repeats,
        prompt=o.prompt, chat=o.chat, limit=o.limit, log_model=o.log_model, parts=o.parts, doubt=o.doubt, samples=o.samples,
        seed=o.seed,
    )  # fmt: skip
    bought: dict[str, Any] = {
        "tokens": o.budget_tokens, "money": o.budget_money, "price_in": o.price_in, "price_out": o.price_out,
        "at_once": o.at_once,
    }  # fmt: skip
    rewording = opened(o.paraphrase_model, **bought) if o.paraphrase_model else None
    plan = planned(responses, how, rewording, propose=not o.dry_run)
    lm = opened(o.ask, chat=o.chat, dtype=o.dtype, **bought)
    if o.dry_run:
        sys.stdout.write(told(plan, lm, plan.bill(lm)))
        return 0
    if not o.quiet:
        sys.stderr.write(f"unseen: {plan.bill(lm, timed=False)}\n")
    with progress("answers", show=False if o.quiet else None, piece="answer") as done:
        probed = ask(plan, lm, done)
    buffer = io.BytesIO()
    probed.table.write_parquet(buffer)
    write_atomically(answers, buffer.getvalue())
    log = None
    if o.log_dir:
        log = Path(o.log_dir) / name_of(lm.name, datetime.now(UTC))
        write_atomically(log, written(probed.table, how.plain()))
    if not o.quiet:
        sys.stdout.write("".join(f"{line(note)}\n" for note in probed.notes) + f"Answers: {answers.resolve()}\n")
        if log is not None:
            sys.stdout.write(f"Log of Inspect: {log.resolve()}\n")
        sys.stdout.write("\n")
    return auditing.perform(report)
