"""``unseen view REPORT|LOG``: a report in the browser or the terminal; all answers of a log, page by page, in the browser."""

from __future__ import annotations

import errno
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

PAGES = (".html", ".htm")


def view(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="A report (.html opens in the browser, .json is shown here), or logs: all their answers are served to the "
            "browser on this machine.",
            metavar="SOURCE…",
        ),
    ],
    full: Annotated[
        bool, typer.Option("--full", help="With a .json report: all of it, not only the first screen.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="JSON", help="With logs: the report of their audit, which then is not run again."),
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="With logs: TOML with \\[tool.unseen].")] = None,
    unseen: Annotated[str | None, typer.Option(metavar="EXPRESSION", help="With logs: which rows are unseen.")] = None,
    split: Annotated[str | None, typer.Option(help="With logs: column with train, seen or unseen.")] = None,
    model_column: Annotated[str | None, typer.Option(help="With logs: column with the model's name.")] = None,
    item_column: Annotated[str | None, typer.Option(help="With logs: column that names the item.")] = None,
    score: Annotated[str | None, typer.Option(help="With logs: column with the score; -loss negates.")] = None,
    range_: Annotated[str | None, typer.Option("--range", metavar="LOW:HIGH", help="With logs: range of the score.")] = None,
    cluster: Annotated[str | None, typer.Option(help="With logs: column of what was sampled together.")] = None,
    factor: Annotated[list[str] | None, typer.Option(metavar="NAME[:KIND]", help="With logs: a factor. Repeatable.")] = None,
    filter_: Annotated[str | None, typer.Option("--filter", help="With logs: lm-eval filter to read.")] = None,
    metric: Annotated[str | None, typer.Option(help="With logs: metric or scorer to read.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With logs: 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
) -> None:  # fmt: skip
    """Open a report that an audit, a search for remedies or a plan has written; or look through the answers of a log.

    A log is audited and its report served on 127.0.0.1, under an address with a token, until Ctrl-C.
    """
    from unseen.errors import BadInput

    path = Path(sources[0])
    if len(sources) > 1 or path.suffix not in (".json", *PAGES):
        if len(sources) == 1 and not path.exists() and ":" not in sources[0] and not set("*?[") & set(sources[0]):
            raise BadInput(f"{path}: no such file. Write one with: unseen audit LOGS --output report.html")
        columns = {
            "unseen": unseen, "split": split, "model_column": model_column, "item_column": item_column, "score": score,
            "score_range": range_, "cluster": cluster, "factors": factor or None, "filter": filter_, "metric": metric,
        }  # fmt: skip
        with _ended_by_signals():
            _serve({"sources": sources, **columns}, report, config, port=port, browser=browser)
    elif not path.is_file():
        raise BadInput(f"{path}: no such file. Write one with: unseen audit LOGS --output report.html")
    elif path.suffix == ".json":
        _show(path, full=full)
    else:
        _open(path.resolve().as_uri(), otherwise=str(path.resolve()), browser=browser)


def _show(path: Path, *, full: bool) -> None:
    """A stored document in the terminal."""
    from unseen.api import load_document
    from unseen.errors import BadInput
    from unseen.report import improvement_terminal, plan_terminal, terminal

    document = load_document(path)
    show: dict[str, Callable[[Any], None]] = {
        "improvement": partial(improvement_terminal.show, full=full),
        "plan": partial(plan_terminal.show, full=full),
    }
    try:
        show.get(str(document.get("kind", "")), partial(terminal.show, full=full))(document)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise BadInput(
            f"{path}: is no whole report of unseen ({type(error).__name__}: {error}). Write it again with --format json."
        ) from error


def _open(address: str, *, otherwise: str, browser: bool) -> None:
    import webbrowser

    if not browser or not webbrowser.open(address):
        typer.echo(f"No browser here. Open {otherwise}" if browser else f"Open {otherwise}")


@contextmanager
def _ended_by_signals() -> Generator[None]:
    """A signal to end leaves through the same door as Ctrl-C, so that no answers stay in the folder for temporary files."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), leave) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _serve(given: dict[str, Any], report: Path | None, config: Path | None, *, port: int, browser: bool) -> None:
    """Audit, and serve the report with all answers until Ctrl-C."""
    from unseen.cli.auditing import audited, request_of
    from unseen.errors import BadInput
    from unseen.report import html
    from unseen.report.served import Served
    from unseen.report.server import AnswerServer

    if report is None and not sys.stderr.isatty():
        sys.stderr.write("Auditing first; the address follows (--report JSON takes a report that is written).\n")
    document, responses = audited(request_of(given, config), report)
    answers = Served(document, responses)
    # From here on the file holds the texts.
    del responses
    try:
        with AnswerServer(html.render(document, served=True), answers, port=port) as server:
            sys.stdout.write(f"{answers.total:,} answers at {server.address} until Ctrl-C.\n")
            sys.stdout.flush()
            if browser:
                import webbrowser

                webbrowser.open(server.address)
            server.serve_forever(poll_interval=0.2)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise BadInput(f"--port {port}: {error.strerror}. Leave it out to take a free one.") from None
    except KeyboardInterrupt:
        sys.stdout.write("\nStopped.\n")
    finally:
        answers.close()
