"""``unseen task``: list, show and sample tasks."""

from __future__ import annotations

import typer

app = typer.Typer(help="List, show and sample tasks.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """List, show and sample tasks."""
