"""``unseen explain CODE``: what a check asks, or a remedy does; how, under which assumptions, and what supports it."""

from __future__ import annotations

from typing import Annotated

import typer

from unseen.cli.printing import print_json


def explain(
    code: Annotated[
        str, typer.Argument(help="A code (U104), a prefix (U1), remedy:NAME, remedy, or nothing for the list.")
    ] = "",
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Explain a check (question, null, method, assumptions, sources, an example) or a remedy (what it does and needs)."""
    from unseen.api import explain as look_up
    from unseen.errors import BadInput

    if format not in ("text", "json"):
        raise BadInput(f"--format {format!r} is not one of text, json.")
    pages = look_up(code)
    if format == "json":
        print_json([page.to_dict() for page in pages])
        return
    typer.echo(str(pages))
