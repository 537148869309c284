"""``unseen plan``: what an audit would show, and how much to collect, before collecting it."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from unseen.cli.options import form_of, names_in
from unseen.cli.printing import print_report

PILOT = "From a pilot log"
NUMBERS = "From numbers"
AUDIT = "The audit that is planned"
OUTPUT = "Output"
DEFAULT_HTML = Path("unseen-plan.html")


class Format(StrEnum):
    """How the plan is written."""

    text = "text"
    json = "json"
    markdown = "markdown"
    html = "html"


def plan(
    sources: Annotated[list[str] | None, typer.Argument(help="A pilot: logs or tables as for audit. None: plan from numbers.", metavar="LOG…")] = None,
    unseen: Annotated[str | None, typer.Option(metavar="EXPRESSION", help="Which rows of the pilot are unseen: 'digits > 2'.", rich_help_panel=PILOT)] = None,
    split: Annotated[str | None, typer.Option(help="Column with train, seen or unseen.", rich_help_panel=PILOT)] = None,
    cluster: Annotated[str | None, typer.Option(help="Column of what was sampled together (document, patient, template).", rich_help_panel=PILOT)] = None,
    model_column: Annotated[str | None, typer.Option(help="Column with the model's name.", rich_help_panel=PILOT)] = None,
    model: Annotated[str | None, typer.Option(help="Name of the one model, where no column has it.", rich_help_panel=PILOT)] = None,
    item_column: Annotated[str | None, typer.Option(help="Column that names the item.", rich_help_panel=PILOT)] = None,
    range_: Annotated[str | None, typer.Option("--range", metavar="LOW:HIGH", help="Lowest and highest possible score.", rich_help_panel=PILOT)] = None,
    factor: Annotated[list[str] | None, typer.Option(metavar="NAME[:KIND]", help="A factor, as for audit. Repeatable.", rich_help_panel=PILOT)] = None,
    metric: Annotated[str | None, typer.Option(help="Metric or scorer to read, where a log has several.", rich_help_panel=PILOT)] = None,
    human: Annotated[str | None, typer.Option(help="Column with a human's score on some rows, drawn at random.", rich_help_panel=PILOT)] = None,
    score: Annotated[str | None, typer.Option(metavar="NUMBER|COLUMN", help="Without a log the expected mean score on seen items (0.7); with one its column.", rich_help_panel=NUMBERS)] = None,
    models: Annotated[int | None, typer.Option(help="Models in the audit; default: 4, or those of the pilot.", rich_help_panel=NUMBERS)] = None,
    items: Annotated[int | None, typer.Option(help="Items of each model, seen and unseen.", rich_help_panel=NUMBERS)] = None,
    unseen_share: Annotated[float | None, typer.Option(help="Share of the items that is unseen; default 0.5.", rich_help_panel=NUMBERS)] = None,
    clusters: Annotated[int | None, typer.Option(help="Clusters of all items; each lies on one side.", rich_help_panel=NUMBERS)] = None,
    rows_per_cluster: Annotated[float | None, typer.Option(help="Mean items per cluster.", rich_help_panel=NUMBERS)] = None,
    uneven: Annotated[float | None, typer.Option(help="Standard deviation of items per cluster over their mean; default 0.", rich_help_panel=NUMBERS)] = None,
    intraclass: Annotated[float | None, typer.Option(help="Correlation of two items of one cluster; default 0.1.", rich_help_panel=NUMBERS)] = None,
    pairing: Annotated[float | None, typer.Option(help="Correlation of two models' scores on one item; default 0.3.", rich_help_panel=NUMBERS)] = None,
    sd: Annotated[float | None, typer.Option(help="Standard deviation of a score (share of the range), where scores are not 0 and 1.", rich_help_panel=NUMBERS)] = None,
    factors: Annotated[int | None, typer.Option(help="Factors of the items; default 1.", rich_help_panel=NUMBERS)] = None,
    power: Annotated[float, typer.Option(help="Chance to find a gap that is there.", rich_help_panel=AUDIT)] = 0.8,
    select: Annotated[list[str] | None, typer.Option(help="Codes or prefixes of the checks that will run (U1,U501).", rich_help_panel=AUDIT)] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Codes or prefixes that will not run.", rich_help_panel=AUDIT)] = None,
    smallest_gap: Annotated[float, typer.Option(min=0.0, max=1.0, help="Smallest effect worth reporting (share of the score's range).", rich_help_panel=AUDIT)] = 0.02,
    gap_that_matters: Annotated[float, typer.Option(min=0.001, max=1.0, help="Effect that is to be found or excluded.", rich_help_panel=AUDIT)] = 0.10,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Coverage of the intervals.", rich_help_panel=AUDIT)] = 0.95,
    fdr: Annotated[float, typer.Option(min=0.0001, max=0.5, help="False discovery rate of the whole audit.", rich_help_panel=AUDIT)] = 0.05,
    seed: Annotated[int, typer.Option(min=0, help="Source of every random draw.", rich_help_panel=AUDIT)] = 0,
    format: Annotated[Format | None, typer.Option("--format", help="Default: by the ending of --output, else text.", rich_help_panel=OUTPUT)] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; the plan is shown here as well.", rich_help_panel=OUTPUT)] = None,
    full: Annotated[bool, typer.Option("--full", help="Every table, not only the first screen.", rich_help_panel=OUTPUT)] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="One line instead of the plan, no progress.", rich_help_panel=OUTPUT)] = False,
) -> None:  # fmt: skip
    """Tell beforehand which gaps an audit would find, and how many items decide: from a pilot log, or from numbers.

    The level is that of the audit's own correction, so that an audit of that size says the same.

    Exit codes: 0 done, 2 bad input or option, 130 interrupted.
    """
    from unseen.api import plan as make
    from unseen.checks.base import Settings
    from unseen.files import require_writable, write_atomically
    from unseen.planned import render
    from unseen.report import plan_terminal, terminal
    from unseen.report.plan import statement, title

    form = format.value if format else form_of(output)
    output = output or (DEFAULT_HTML if form == "html" else None)
    if output is not None:
        require_writable(output)
    columns = {
        "unseen": unseen, "split": split, "cluster": cluster, "model_column": model_column, "model": model,
        "item_column": item_column, "score_range": range_, "factors": factor, "metric": metric, "human": human,
    }  # fmt: skip
    numbers = {
        "items": items, "unseen_share": unseen_share, "clusters": clusters, "rows_per_cluster": rows_per_cluster,
        "uneven": uneven, "intraclass": intraclass, "pairing": pairing, "sd": sd, "factors": factors,
    }  # fmt: skip
    given = _given(sources, columns, numbers, score)
    settings = Settings(level=level, fdr=fdr, smallest_gap=smallest_gap, gap_that_matters=gap_that_matters, seed=seed)
    with terminal.progress(enabled=not quiet and bool(sources)) as progress:
        made = make(
            sources or None, models=models, settings=settings, power=power, select=_codes(select), ignore=_codes(ignore),
            progress=progress, **given,
        )  # fmt: skip
    if quiet and form == "text" and output is None:
        sys.stdout.write(f"{title(made.document)}. {statement(made.document)}\n")
        return
    if output is None:
        print_report(render(made.document, form, color=sys.stdout.isatty(), full=full), form)
        return
    write_atomically(output, render(made.document, form))
    if not quiet:
        plan_terminal.show(made.document, full=full)
        sys.stdout.write(f"Plan: {output.resolve()}\n")


def _given(
    sources: list[str] | None, columns: dict[str, Any], numbers: dict[str, Any], score: str | None
) -> dict[str, Any]:
    """The options of one of the two ways; those of the other are named."""
    from unseen.errors import BadInput

    named = {name: value for name, value in (columns if sources else numbers).items() if value is not None}
    wrong = [name for name, value in (numbers if sources else columns).items() if value is not None]
    if wrong:
        options = ", ".join("--" + ("range" if n == "score_range" else n).replace("_", "-") for n in wrong)
        if sources:
            raise BadInput(f"{options}: measured in the pilot log. Leave the log out to plan from numbers.")
        raise BadInput(f"{options}: says how to read a pilot log, and none is given. Name it: unseen plan LOG.")
    if score is not None and sources:
        named["score"] = score
    elif score is not None:
        try:
            named["score"] = float(score)
        except ValueError:
            raise BadInput(
                f"--score {score!r} is no number. Without a pilot log it is the expected mean score on seen items (0.7)."
            ) from None
    return named


def _codes(given: list[str] | None) -> tuple[str, ...]:
    return tuple(name.upper() for name in names_in(given))
