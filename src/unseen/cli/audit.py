"""``unseen audit SOURCE…``: read answers, run the checks, show the findings."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Format(StrEnum):
    """How findings are written."""

    text = "text"
    json = "json"
    markdown = "markdown"
    html = "html"
    github = "github"
    sarif = "sarif"


COLUMNS = "Columns and factors"
CHECKS = "Checks"
LEARNER = "A learner, refitted under shifts"
NETWORK = "A trained torch network"
OUTPUT = "Output"


def audit(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Logs or tables: files, folders, globs; sample:lm-arithmetic is bundled.", metavar="SOURCE…"),
    ] = None,
    model_column: Annotated[str | None, typer.Option(help="Column with the model's name.", rich_help_panel=COLUMNS)] = None,
    model: Annotated[str | None, typer.Option(help="Name of the one model, where no column has it.", rich_help_panel=COLUMNS)] = None,
    item_column: Annotated[str | None, typer.Option(help="Column that names the item.", rich_help_panel=COLUMNS)] = None,
    score: Annotated[str | None, typer.Option(help="Column with the score, higher is better; -loss negates.", rich_help_panel=COLUMNS)] = None,
    range_: Annotated[str | None, typer.Option("--range", metavar="LOW:HIGH", help="Lowest and highest possible score.", rich_help_panel=COLUMNS)] = None,
    cluster: Annotated[str | None, typer.Option(help="Column of what was sampled together (document, patient, template).", rich_help_panel=COLUMNS)] = None,
    factor: Annotated[list[str] | None, typer.Option(metavar="NAME[:KIND]", help="A factor; KIND is ordered, categorical or set. Repeatable.", rich_help_panel=COLUMNS)] = None,
    unseen: Annotated[str | None, typer.Option(metavar="EXPRESSION", help="Which rows are unseen: 'digits > 2 or steps > 1'; with --target, which are held out.", rich_help_panel=COLUMNS)] = None,
    split: Annotated[str | None, typer.Option(help="Column with train, seen or unseen; with --target, with train and test.", rich_help_panel=COLUMNS)] = None,
    time: Annotated[str | None, typer.Option(help="Column with the time of each item.", rich_help_panel=COLUMNS)] = None,
    confidence: Annotated[str | None, typer.Option(help="Column with the probability of the answer.", rich_help_panel=COLUMNS)] = None,
    human: Annotated[str | None, typer.Option(help="Column with a human's score on some rows, drawn at random; --score is then a judge's.", rich_help_panel=COLUMNS)] = None,
    variant_of: Annotated[str | None, typer.Option(help="Column that names the original of a rewritten item.", rich_help_panel=COLUMNS)] = None,
    parent: Annotated[str | None, typer.Option(help="Column that names the composite item of a part.", rich_help_panel=COLUMNS)] = None,
    question: Annotated[str | None, typer.Option(help="Column with the text of the question.", rich_help_panel=COLUMNS)] = None,
    prediction: Annotated[str | None, typer.Option(help="Column with the model's answer: a class, or the probability of class 1. With --target-column it is scored where there is no score.", rich_help_panel=COLUMNS)] = None,
    target_column: Annotated[str | None, typer.Option(help="Column with the right answer.", rich_help_panel=COLUMNS)] = None,
    repeat: Annotated[str | None, typer.Option(help="Column that numbers repeated runs.", rich_help_panel=COLUMNS)] = None,
    filter_: Annotated[str | None, typer.Option("--filter", help="lm-eval filter to read, where a log has several.", rich_help_panel=COLUMNS)] = None,
    metric: Annotated[str | None, typer.Option(help="Metric or scorer to read, where a log has several.", rich_help_panel=COLUMNS)] = None,
    train: Annotated[Path | None, typer.Option(metavar="FILE", help="Training examples: membership, ranges, similarity.", rich_help_panel=COLUMNS)] = None,
    target: Annotated[str | None, typer.Option(help="SOURCE (or --train) is a table to learn from; this column is predicted.", rich_help_panel=LEARNER)] = None,
    learner: Annotated[str | None, typer.Option(help="logistic, gradient-boosting (default), forest, mlp, nearest-neighbours, or module:object.", rich_help_panel=LEARNER)] = None,
    shift: Annotated[list[str] | None, typer.Option(metavar="PHRASE", help="'held-out COLUMN', 'later COLUMN', 'beyond COLUMN', 'held-out A x B' … Repeatable.", rich_help_panel=LEARNER)] = None,
    inputs: Annotated[list[str] | None, typer.Option(metavar="COLUMNS", help="Only these columns are features (a,b,c).", rich_help_panel=LEARNER)] = None,
    drop: Annotated[list[str] | None, typer.Option(metavar="COLUMNS", help="Columns that are no features (a,b,c).", rich_help_panel=LEARNER)] = None,
    regression: Annotated[bool | None, typer.Option("--regression/--classification", help="What the target is; by default seen from its values.", rich_help_panel=LEARNER)] = None,
    measure: Annotated[str | None, typer.Option(help="accuracy, balanced-accuracy, auroc, average-precision, calibrated-average-precision, log-loss, brier; error (mae) or r2 for numbers.", rich_help_panel=LEARNER)] = None,
    refits: Annotated[int | None, typer.Option(min=1, help="Repetitions under other folds and seeds.", rich_help_panel=LEARNER)] = None,
    executor: Annotated[str | None, typer.Option(help="serial, local or ray; default local.", rich_help_panel=LEARNER)] = None,
    time_limit: Annotated[float | None, typer.Option(metavar="SECONDS", min=1.0, help="Longest time one refit may take; it then fails.", rich_help_panel=LEARNER)] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: as many as cores.", rich_help_panel=LEARNER)] = None,
    module: Annotated[str | None, typer.Option(metavar="MODULE:FUNCTION", help="Code that builds the network; its answers and what is inside it are audited (U9). With --train and --target.", rich_help_panel=NETWORK)] = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE|FOLDER", help="Its weights (safetensors, or a torch file of tensors), or those of several runs, with runs.csv.", rich_help_panel=NETWORK)] = None,
    test: Annotated[Path | None, typer.Option(metavar="FILE", help="Examples that it was not trained on.", rich_help_panel=NETWORK)] = None,
    loss: Annotated[str | None, typer.Option(help="cross-entropy, binary, next-token, squared or absolute; by default seen from the targets.", rich_help_panel=NETWORK)] = None,
    layers: Annotated[str | None, typer.Option(metavar="REGEX", help="Only parameters with this in their names count as trained.", rich_help_panel=NETWORK)] = None,
    memory: Annotated[float | None, typer.Option(metavar="GB", min=0.01, help="Memory that gradients of single examples may take at once; default 0.25, more of large networks.", rich_help_panel=NETWORK)] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="TOML with \\[tool.unseen], every option of this page; default pyproject.toml or unseen.toml here.", rich_help_panel=COLUMNS)] = None,
    describe: Annotated[bool, typer.Option("--describe", help="Show what was read and how, and stop.", rich_help_panel=COLUMNS)] = False,
    select: Annotated[list[str] | None, typer.Option(help="Codes or prefixes to run (U1,U501).", rich_help_panel=CHECKS)] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Codes or prefixes to leave out.", rich_help_panel=CHECKS)] = None,
    smallest_gap: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="Smallest effect worth reporting (share of the score's range); default 0.02.", rich_help_panel=CHECKS)] = None,
    gap_that_matters: Annotated[float | None, typer.Option(min=0.001, max=1.0, help="Effect that the data must be able to show before 'clear' is said; default 0.1.", rich_help_panel=CHECKS)] = None,
    labelled_at_random: Annotated[bool | None, typer.Option("--labelled-at-random", help="The scored unseen rows were drawn at random among all unseen rows, scored or not (U604).", rich_help_panel=CHECKS)] = None,
    multiverse: Annotated[bool | None, typer.Option("--multiverse", help="Ask for the gap under all reasonable settings (U909); in TOML the ways of each choice can be named.", rich_help_panel=CHECKS)] = None,
    budget: Annotated[float | None, typer.Option(metavar="SECONDS", min=0.1, help="Time for the checks together; the dearest run last, and what does not end in time is left out and said.", rich_help_panel=CHECKS)] = None,
    level: Annotated[float | None, typer.Option(min=0.5, max=0.999, help="Coverage of the intervals; default 0.95.", rich_help_panel=CHECKS)] = None,
    fdr: Annotated[float | None, typer.Option(min=0.0001, max=0.5, help="False discovery rate of the whole audit; default 0.05.", rich_help_panel=CHECKS)] = None,
    resamples: Annotated[int | None, typer.Option(min=100, help="Bootstrap and permutation draws; default 1000.", rich_help_panel=CHECKS)] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Source of every random draw; default 0.", rich_help_panel=CHECKS)] = None,
    format: Annotated[Format | None, typer.Option("--format", "--output-format", help="Default: by the ending of --output, else text.", rich_help_panel=OUTPUT)] = None,
    output: Annotated[list[Path] | None, typer.Option("--output", "-o", metavar="FILE", help="File to write; findings are shown here as well. Repeatable: each is then written by its ending.", rich_help_panel=OUTPUT)] = None,
    baseline: Annotated[str | None, typer.Option(metavar="REPORT|LOG", help="An earlier JSON report, or its logs: what each model lost since on shared items (U705), and what else got worse.", rich_help_panel=OUTPUT)] = None,
    accept: Annotated[Path | None, typer.Option(metavar="FILE", help="Write what is found to this TOML file, as known and accepted; its reasons and dates stay.", rich_help_panel=OUTPUT)] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="CODE:SUBJECT", help="With --accept: which findings (U705:new-7b, or U705 for all of a code); what the file holds beside them stays. Repeatable.", rich_help_panel=OUTPUT)] = None,
    accepted: Annotated[Path | None, typer.Option(metavar="FILE", help="What is known and accepted: it does not fail until it grows or expires.", rich_help_panel=OUTPUT)] = None,
    reason: Annotated[str | None, typer.Option(help="With --accept: why; else to be filled in.", rich_help_panel=OUTPUT)] = None,
    expires: Annotated[str | None, typer.Option(metavar="DATE", help="With --accept: the last day, as 2027-01-31; default in 90 days.", rich_help_panel=OUTPUT)] = None,
    statistics: Annotated[bool | None, typer.Option("--statistics", help="Counts of findings by code instead of the findings.", rich_help_panel=OUTPUT)] = None,
    fail_on: Annotated[str | None, typer.Option(metavar="CODES", help="Exit with 1 if one of these is found (U1,U501); with the word undecided, also if it is left open (U101,undecided).", rich_help_panel=OUTPUT)] = None,
    fail_gap: Annotated[float | None, typer.Option(min=0.0, help="Exit with 1 if a found effect is at least this large.", rich_help_panel=OUTPUT)] = None,
    full: Annotated[bool | None, typer.Option("--full", help="Every finding and open question, not only the first screen.", rich_help_panel=OUTPUT)] = None,
    quiet: Annotated[bool | None, typer.Option("--quiet", "-q", help="No progress, and one line instead of the findings.", rich_help_panel=OUTPUT)] = None,
) -> None:  # fmt: skip
    """Audit answers that models already gave: how far they hold on the unseen, where they break, how sure that is.

    With --target, SOURCE is a table (or data:NAME); a learner is refitted to it under shifts and its answers audited.
    With --module and --weights, a trained torch network is audited: what it answers, and what is inside it.

    Exit codes: 0 nothing that --fail-on or --fail-gap asks for, 1 found (or grown beyond --accepted, or expired), 2 bad input or option, 130 interrupted.
    """
    from unseen.cli import auditing

    given: dict[str, Any] = {
        "sources": sources or None, "model_column": model_column, "model": model, "item_column": item_column,
        "score": score, "score_range": range_, "cluster": cluster, "factors": factor or None, "unseen": unseen,
        "split": split, "time": time, "confidence": confidence, "human": human, "variant_of": variant_of,
        "parent": parent, "question": question, "prediction": prediction, "target_column": target_column, "repeat": repeat, "filter": filter_, "metric": metric, "train": train,
        "target": target, "learner": learner, "shifts": shift or None, "inputs": inputs or None, "drop": drop or None,
        "module": module, "weights": weights, "test": test, "loss": loss, "layers": layers, "memory": memory,
        "regression": regression, "measure": measure, "refits": refits, "executor": executor, "workers": workers,
        "time_limit": time_limit, "budget": budget, "select": select or None, "ignore": ignore or None, "smallest_gap": smallest_gap,
        "gap_that_matters": gap_that_matters, "level": level, "fdr": fdr, "resamples": resamples, "seed": seed,
        "labelled_at_random": labelled_at_random, "multiverse": multiverse, "format": format.value if format else None, "output": output or None,
        "baseline": baseline, "accept": accept, "only": only or None, "accepted": accepted, "reason": reason, "expires": expires,
        "statistics": statistics, "fail_on": fail_on, "fail_gap": fail_gap, "full": full, "quiet": quiet,
    }  # fmt: skip
    request = auditing.request_of(given, config)
    if describe:
        auditing.describe(request)
        return
    code = auditing.perform(request)
    if code:
        sys.exit(code)
