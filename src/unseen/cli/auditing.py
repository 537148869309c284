"""What ``unseen audit`` does, apart from its options."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unseen.api import Audit, as_examples, load_document, resolve_sample, subject_of
from unseen.auditing import run
from unseen.checks.base import Settings, Subject
from unseen.checks.registry import selected
from unseen.cli import EXIT_FAILED, EXIT_OK
from unseen.cli.learning import LearningRequest, ask_for
from unseen.errors import BadInput
from unseen.files import require_writable, write_atomically
from unseen.plain_text import line
from unseen.responses import Responses
from unseen.responses.mapping import Mapping
from unseen.responses.reading import read

DEFAULT_HTML = Path("unseen-report.html")


# Among the codes of --fail-on: what is undecided fails too.
UNDECIDED = "UNDECIDED"


@dataclass(frozen=True)
class Request:
    """One call of ``unseen audit``, options parsed."""

    sources: tuple[str, ...]
    columns: dict[str, Any]
    train: Path | None
    config: Path | None
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    settings: dict[str, Any]
    format: str
    output: Path | None
    baseline: Path | None
    fail_on: tuple[str, ...]
    fail_gap: float | None
    quiet: bool
    learning: LearningRequest | None = None


def describe(request: Request) -> None:
    """Show what was read: columns, factors with their kinds and why, splits, notes."""
    from unseen.report import terminal

    terminal.describe(_read(request))


def perform(request: Request) -> int:
    """Audit, show, write; the exit code."""
    from unseen.report import github, summary, terminal
    from unseen.report.words import one_line

    # Wrong codes and an unusable baseline are told before the work, not after it.
    for codes in (request.select, request.ignore, tuple(c for c in request.fail_on if c != UNDECIDED)):
        selected(codes)
    baseline = load_document(request.baseline) if request.baseline else None
    output = request.output or (DEFAULT_HTML if request.format == "html" else None)
    if output is not None:
        read = [s for s in (*request.sources, request.train, request.config, request.baseline) if s]
        require_writable(output, read)
    subject = _subject(request)
    with terminal.progress(enabled=not request.quiet) as progress:
        result = run(
            subject, Settings(**request.settings), select=request.select, ignore=request.ignore, progress=progress
        )
    document = Audit(result, request.sources).document
    if baseline is not None:
        document = summary.compare(baseline, document)
    if request.format == "github":
        github.write_summary(document)
    if output is not None:
        write_atomically(output, _render(document, request.format))
    if request.quiet and (request.format == "text" if output is None else output.is_file()):
        sys.stdout.write(line(one_line(document)) + "\n")
    elif output is None:
        sys.stdout.write(_render(document, request.format))
    else:
        terminal.show(document)
        sys.stdout.write(f"Report: {output.resolve()}\n")
    return EXIT_FAILED if fails(document, request.fail_on, request.fail_gap) else EXIT_OK


def _subject(request: Request) -> Subject:
    """The answers to audit; with a learner, those of its refits."""
    if request.learning is None:
        return Subject(responses=_read(request), train=as_examples(request.train))
    from unseen.engine.progress import progress
    from unseen.refitting import refitted_under

    learning = request.learning
    asked = ask_for(learning)
    with progress("refits", show=False if request.quiet else None) as done:
        under = refitted_under(
            asked, refits=learning.refits, seed=learning.seed, executor=learning.executor, workers=learning.workers,
            done=done, seconds=learning.seconds,
        )  # type: ignore[arg-type]  # fmt: skip
        subject = subject_of(under)
    # Further refits that checks ask for report through the line of the checks.
    under.runner.done = None
    return subject


def fails(document: dict[str, Any], codes: tuple[str, ...], gap: float | None) -> bool:
    """Whether a found outcome has one of the codes (prefixes), or an effect of at least the gap.

    With both, a finding must meet both. The word ``undecided`` among the codes lets undecided outcomes of those codes
    (of all, where it stands alone) fail too, whatever their effect: for those who take only clear for a pass.
    """
    if not codes and gap is None:
        return False
    named = tuple(c for c in codes if c != UNDECIDED)
    asked = [f for f in document["findings"] if not named or f["code"].startswith(named)]
    if UNDECIDED in codes and any(f["outcome"] == "undecided" for f in asked):
        return True
    only_word = bool(codes) and not named and gap is None
    return not only_word and any(f["outcome"] == "found" and (gap is None or f["effect"] >= gap) for f in asked)


def _render(document: dict[str, Any], format_: str) -> str:
    import json

    from unseen.report import github, html, markdown, terminal

    if format_ == "json":
        return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    if format_ == "html":
        return html.render(document)
    if format_ == "markdown":
        return markdown.render(document)
    if format_ == "github":
        return github.render(document)
    return terminal.text(document, color=sys.stdout.isatty())


def _read(request: Request) -> Responses:
    configured = _configuration(request.config)
    sources = [resolve_sample(s) for s in request.sources or tuple(configured.get("sources", ()))]
    if not sources:
        raise BadInput("nothing to audit. Name a file or folder of logs, or try: unseen audit sample:lm-arithmetic")
    known = {k: v for k, v in configured.items() if k not in ("sources",)}
    columns = dict(request.columns)
    if "factors" in columns:
        columns["factors"] = [*_as_list(known.pop("factors", [])), *_as_list(columns["factors"])]
    return read(sources, mapping=Mapping.of(**{**known, **columns}))


def _as_list(value: Any) -> list[str]:
    return [f"{k}:{v}" if v else str(k) for k, v in value.items()] if isinstance(value, dict) else list(value)


def _configuration(path: Path | None) -> dict[str, Any]:
    """The table [tool.unseen] of a TOML file (dashes or underscores in names), or the whole of an unseen.toml."""
    candidates = [path] if path else [Path("unseen.toml"), Path("pyproject.toml")]
    for candidate in candidates:
        if not candidate.is_file():
            if path:
                raise BadInput(f"{candidate}: no such file.")
            continue
        try:
            document = tomllib.loads(candidate.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadInput(f"{candidate}: not valid TOML ({error}).") from None
        table = document.get("tool", {}).get("unseen")
        if table is None and candidate.name != "pyproject.toml":
            table = document
        if table is not None:
            return {str(k).replace("-", "_"): v for k, v in table.items()}
    return {}
