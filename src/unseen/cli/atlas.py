"""``unseen atlas``: the published claims behind the checks, and the studies that re-test them."""

from __future__ import annotations

import typer

app = typer.Typer(help="List and run the studies behind the checks.", no_args_is_help=False)


@app.callback(invoke_without_command=True)
def root() -> None:
    """List the studies."""
