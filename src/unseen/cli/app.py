"""Puts the verbs together."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from unseen import faces
from unseen.version import __version__


def _plugged() -> str | None:
    """What other packages add, where help is asked for: looking for it takes time that other commands need not spend."""
    if len(sys.argv) > 2 or not {"-h", "--help"} & {*sys.argv[1:], *(["--help"] if len(sys.argv) == 1 else [])}:
        return None
    from unseen.engine.plugins import summary

    found = summary()
    return f"Of other packages: {', '.join(found)}." if found else None


def build() -> typer.Typer:
    """The application with all verbs."""
    from unseen.cli import atlas, audit, explain, improve, plan, probe, task, view

    app = typer.Typer(
        name="unseen",
        help="A linter for generalisation: how far a model holds on what it has not seen, where it breaks, and how "
        "sure that is.",
        epilog=_plugged(),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def root(
        context: typer.Context,
        version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    ) -> None:
        if version:
            typer.echo(f"unseen {__version__}")
            raise typer.Exit
        # Advice names options here, and arguments in Python.
        context.with_resource(faces.terminal())

    app.callback(invoke_without_command=True)(root)
    app.command("audit")(audit.audit)
    app.command("improve")(improve.improve)
    app.command("plan")(plan.plan)
    app.command("probe")(probe.probe)
    app.command("explain")(explain.explain)
    app.command("view")(view.view)
    app.add_typer(task.app, name="task")
    app.add_typer(atlas.app, name="atlas")
    return app
