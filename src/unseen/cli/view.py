"""``unseen view REPORT``: open a report in the browser, or a stored JSON document in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def view(
    report: Annotated[Path, typer.Argument(help="A report: .html opens in the browser, .json is shown here.")],
) -> None:
    """Open a report that an audit, a search for remedies or a plan has written."""
    import webbrowser

    from unseen.errors import BadInput

    if not report.is_file():
        raise BadInput(f"{report}: no such file. Write one with: unseen audit LOGS --output report.html")
    if report.suffix == ".json":
        from unseen.api import load_document
        from unseen.report import improvement_terminal, plan_terminal, terminal

        document = load_document(report)
        show = {"improvement": improvement_terminal.show, "plan": plan_terminal.show}
        try:
            show.get(str(document.get("kind", "")), terminal.show)(document)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise BadInput(
                f"{report}: is no whole report of unseen ({type(error).__name__}: {error}). Write it again with --format json."
            ) from error
    elif report.suffix in (".html", ".htm"):
        if not webbrowser.open(report.resolve().as_uri()):
            typer.echo(f"No browser here. Open {report.resolve()}")
    else:
        raise BadInput(f"{report}: a report ends in .html or .json.")
