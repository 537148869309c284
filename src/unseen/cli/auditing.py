"""What ``unseen audit`` does, apart from its options."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from unseen.api import (
    Audit,
    as_examples,
    baseline_of,
    load_document,
    network_subject,
    or_to_learn,
    resolve_sample,
    subject_of,
)
from unseen.auditing import AuditResult, checks_of, run
from unseen.checks.base import Subject
from unseen.checks.registry import selected
from unseen.cli.exits import EXIT_FAILED, EXIT_OK
from unseen.cli.learning import LearningRequest, ask_for, describe_request
from unseen.cli.learning import request_of as learning_of
from unseen.cli.options import form_of
from unseen.cli.printing import print_report
from unseen.errors import BadInput
from unseen.files import require_writable, write_atomically
from unseen.options import Options
from unseen.plain_text import counted, line, names
from unseen.report import accepted
from unseen.report.baseline import Baseline
from unseen.report.failing import UNDECIDED, failures, unasked
from unseen.responses import Responses
from unseen.responses.kept import KeptScores, matched
from unseen.responses.reading import columns_of, read

DEFAULT_HTML = Path("unseen-report.html")


@dataclass(frozen=True)
class Request:
    """One call of ``unseen audit``, options checked.

    Attributes:
        options: All options, those of the TOML file included.
        config: The file that was named.
    """

    options: Options
    config: Path | None = None

    @property
    def outputs(self) -> dict[Path, str]:
        """Where the report goes, if it goes to files, and how each is written: one as asked, several by their endings."""
        given = [Path(name) for name in self.options.output]
        if len(given) == 1:
            return {given[0]: self.format}
        if not given and self.format == "html":
            return {DEFAULT_HTML: "html"}
        return {path: form_of(path) for path in given}

    @property
    def format(self) -> str:
        """How it is written here: as asked, else by the ending of the one file."""
        only = Path(self.options.output[0]) if len(self.options.output) == 1 else None
        return self.options.format or form_of(only)

    @property
    def learning(self) -> LearningRequest | None:
        """What to refit, where a learner was asked for."""
        o = self.options
        if not o.learning:
            return None
        return learning_of(
            o.sources, target=o.target, learner=o.learner, shifts=o.shifts, inputs=o.inputs, drop=o.drop,
            cluster=o.cluster, time=o.time, regression=o.regression, measure=o.measure, refits=o.refits, seed=o.seed,
            executor=o.executor, workers=o.workers, seconds=o.time_limit, unseen=o.unseen, split=o.split,
        )  # fmt: skip


def request_of(given: dict[str, Any], config: Path | None = None) -> Request:
    """A request from the options of the command line and of the TOML file; those of the command line win.

    Factors of both are taken together.

    Raises:
        BadInput: An option of either place does not exist, or its value can't be used.
    """
    configured = {k.replace("-", "_"): v for k, v in Options.from_toml(config).items()}
    own = Options.of(given).factors
    if own and (other := Options.of({k: configured[k] for k in ("factor", "factors") if k in configured}).factors):
        given = {**given, "factors": {**other, **own}}
    made = Options.of(configured, given)
    if made.learning:
        # What the file says of other logs may stand there.
        Options.of(given, {"target": made.target, "learner": made.learner}).refuse_answers()
    return Request(made, config)


def describe(request: Request) -> None:
    """Show what was read: columns, factors with their kinds and why, splits, notes; or what a table to learn from is."""
    from unseen.report import terminal

    if request.learning is not None:
        describe_request(request.learning)
        return
    if request.options.inspecting:
        terminal.describe(_subject(request).responses or _read(request))
        return
    responses, sources = _read(request), [resolve_sample(source) for source in request.options.sources]
    terminal.describe(responses, columns=columns_of(sources, responses, request.options.mapping))


def perform(request: Request) -> int:
    """Audit, show, write; the exit code."""
    from unseen.report import github, statistics, terminal
    from unseen.report.plain import to_json
    from unseen.report.rendered import rendered
    from unseen.report.words import one_line

    # Wrong codes and an unusable baseline are told before the work, not after it.
    o = request.options
    runs = {
        check.code for check in checks_of(o.select, o.ignore, compared=bool(o.baseline), anew=o.asked_anew is not None)
    }
    selected(tuple(c for c in o.fail_on if c != UNDECIDED))
    for code in o.fail_on:
        if code != UNDECIDED and not any(c.startswith(code) for c in runs):
            raise BadInput(f"--fail-on {code}: no such check runs; --select or --ignore leaves it out.")
    given = (*o.sources, o.train, o.test, o.weights, request.config, o.baseline)
    for name in o.output:
        require_writable(Path(name), [s for s in given if s])
    outputs = request.outputs
    for output in outputs:
        require_writable(output, [s for s in given if s])
    known = _accepted(request)
    then = _baseline(request)
    subject = _subject(request)
    subject.baseline = then.scores if then else None
    subject.multiverse = o.asked_anew
    document = Audit(_run(request, subject), o.sources, then, known).document
    if o.accept:
        document = _accept(o, document)
    missing = unasked(document, o.fail_on)
    for output, form in outputs.items():
        # A file has room for everything.
        write_atomically(
            output, rendered(document, form, responses=subject.responses, full=True, color=sys.stdout.isatty())
        )
    if o.statistics:
        form = "json" if not outputs and request.format == "json" else "text"
        print_report(to_json(statistics.counts(document)) if form == "json" else statistics.text(document), form)
    elif o.quiet and (all(o.is_file() for o in outputs) if outputs else request.format == "text"):
        sys.stdout.write(line(one_line(document)) + "\n")
    elif not outputs or (len(outputs) > 1 and o.format):
        shown = rendered(document, request.format, responses=subject.responses, full=o.full, color=sys.stdout.isatty())
        print_report(shown, request.format)
    else:
        terminal.show(document, full=o.full)
        for output in outputs:
            sys.stdout.write(f"Report: {output.resolve()}\n")
    if request.format == "github" and not (o.quiet and not outputs):
        sys.stdout.write(github.unjudged(missing))
    for sentence in missing:
        sys.stderr.write(f"unseen: --fail-on: {line(sentence)}\n")
    if request.format == "github":
        # Last: where it can't be written, that is an error, and the annotations are there.
        github.write_summary(document, missing)
    failed = missing or failures(document, o.fail_on, o.fail_gap)
    return EXIT_FAILED if failed else EXIT_OK


def audited(request: Request, report: Path | None = None) -> tuple[dict[str, Any], Responses]:
    """The document of an audit and the answers behind it; a document that was written before is read instead of made.

    Raises:
        BadInput: The sources can't be read, are a table to learn from, or the report is none of an audit.
    """
    if request.learning is not None or request.options.inspecting:
        raise BadInput(
            "a learner is refitted by unseen audit; write its report with --output report.html and view that."
        )
    responses = _read(request)
    if report is not None:
        document = load_document(report)
        if "findings" not in document:
            raise BadInput(
                f"{report}: is no report of an audit. Write one with: unseen audit LOGS --output report.json"
            )
        if told := _unlike(document, responses):
            named = ", ".join(request.options.sources)
            raise BadInput(
                f"{report} is not the report of {named}: {told}. Give the report of these answers, or leave it out."
            )
        return document, responses
    subject = Subject(responses=responses, multiverse=request.options.asked_anew)
    return Audit(_run(request, subject), request.options.sources).document, responses


def _run(request: Request, subject: Subject) -> AuditResult:
    """The checks that were asked for, with a line that tells how far they are."""
    from unseen.report import terminal

    o = request.options
    with terminal.progress(enabled=not o.quiet) as progress:
        if progress is not None and subject.learner is not None:
            # Checks ask for further refits: shuffled columns, other learners, subsets of the domains.
            subject.learner.runner.done = progress.refitted
        return run(
            subject, o.settings, select=o.select, ignore=o.ignore, progress=progress, budget=o.budget,
            workers=1 if o.executor == "serial" else o.workers,
        )  # fmt: skip


def _unlike(document: dict[str, Any], responses: Responses) -> str:
    """How the answers of a report differ from those at hand; "" where they are the same."""
    if document.get("kept") is None:
        then, rows = document.get("responses") or {}, len(responses)
        if then.get("rows", rows) != rows:
            return f"it is about {then['rows']:,} answers, and here are {rows:,}"
        return ""
    then, now = KeptScores.from_plain(document["kept"], "the report"), KeptScores.of(responses)
    if set(then.models) != set(now.models):
        return f"its models are {names(then.models, 5)}, and those here {names(now.models, 5)}"
    if set(then.items) != set(now.items):
        common = len(set(then.items) & set(now.items))
        return f"it is about {then.total:,} items and here are {now.total:,}, {common:,} of them the same"
    shared = matched(then, now)
    if shared.edited or shared.reworded:
        return f"{len(shared.edited) or shared.reworded:,} items ask or answer something else"
    order = [then.models.index(name) for name in now.models]
    differ = ~np.isclose(then.score[order][:, shared.before], now.score[:, shared.after], equal_nan=True)
    return f"{int(differ.sum()):,} scores differ" if differ.any() else ""


def _accepted(request: Request) -> accepted.Accepted | None:
    """What is known and accepted; told to be unusable before the work."""
    o = request.options
    if o.accept:
        if o.expires and o.expires < (today := date.today()):
            raise BadInput(
                f"--expires {o.expires}: is past (today is {today}), so that nothing would be accepted. Name a day to come, or "
                f"leave it out for {accepted.DAYS} days."
            )
        require_writable(Path(o.accept), [s for s in (*o.sources, o.train, request.config, o.baseline, *o.output) if s])
        # Entries without a reason are what is to be filled in; they are written anew below.
        return None
    if o.reason or o.expires or o.only:
        raise BadInput(
            "--only, --reason and --expires say what is accepted, why and until when: give --accept FILE too."
        )
    return accepted.read(o.accepted) if o.accepted else None


def _accept(options: Options, document: dict[str, Any]) -> dict[str, Any]:
    """Write what is found as accepted; the document with it marked so."""
    taken = accepted.write(
        options.accept or "", document, reason=options.reason, expires=options.expires, only=options.only
    )
    if not taken.entries:
        sys.stderr.write(
            f"unseen: nothing is found, so that there is nothing to accept; {line(taken.source)} holds no entry.\n"
        )
        return accepted.applied(document, taken)
    unfilled = sum(not e.reason for e in taken.entries)
    todo = f" {unfilled:,} of them lack a reason: fill it in." if unfilled else ""
    held = names([f"{e.code} of {e.name}" for e in taken.entries], 6)
    rest = (
        f": {held}." if options.only else "; take out those that are not meant, or name what is: --only CODE:SUBJECT."
    )
    sys.stderr.write(f"unseen: {counted(len(taken.entries), 'finding')} accepted in {line(taken.source)}{rest}{todo}\n")
    return accepted.applied(document, taken)


def _baseline(request: Request) -> Baseline | None:
    o = request.options
    if not o.baseline:
        return None
    return baseline_of(o.baseline, o.mapping, o.settings, select=o.select, ignore=o.ignore, budget=o.budget)


def _subject(request: Request) -> Subject:
    """The answers to audit; with a learner, those of its refits."""
    o = request.options
    if o.inspecting:
        if len(o.sources) > 1:
            raise BadInput(f"a network is judged on one table, got {len(o.sources)} sources. Join them into one file.")
        return network_subject(
            o.module, o.weights, o.train, o.test or (o.sources[0] if o.sources else None), loss=o.loss, memory=o.memory,
            layers=o.layers, options=o, seed=o.seed,
        )  # fmt: skip
    if request.learning is None:
        return Subject(responses=_read(request), train=as_examples(request.options.train))
    from unseen.engine.progress import progress
    from unseen.refitting import refitted_under

    learning = request.learning
    asked = ask_for(learning)
    with progress("refits", show=False if request.options.quiet else None) as done:
        under = refitted_under(
            asked, refits=learning.refits, seed=learning.seed, executor=learning.executor, workers=learning.workers,
            done=done, seconds=learning.seconds,
        )  # type: ignore[arg-type]  # fmt: skip
        subject = subject_of(under)
    under.runner.done = None
    return subject


def _read(request: Request) -> Responses:
    sources = [resolve_sample(source) for source in request.options.sources]
    if not sources:
        raise BadInput("nothing to audit. Name a file or folder of logs, or try: unseen audit sample:lm-arithmetic")
    try:
        return read(sources, mapping=request.options.mapping)
    except BadInput as error:
        raise or_to_learn(error) from None
