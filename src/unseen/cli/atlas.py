"""``unseen atlas``: the published claims behind the checks, and the studies that re-test them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="List, show and run the studies behind the checks.", no_args_is_help=False)


@app.callback(invoke_without_command=True)
def table(
    context: typer.Context,
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    state: Annotated[str, typer.Option(help="Only rows in this state: done, planned or stale.")] = "",
) -> None:
    """List all rows of the atlas: state, verdict, effect, cost."""
    if context.invoked_subcommand is not None:
        return
    from unseen.atlas.ledger import effect_text, ledger
    from unseen.errors import BadInput

    if format not in ("text", "json"):
        raise BadInput(f"--format {format!r} is not one of text, json.")
    if state not in ("", "done", "planned", "stale"):
        raise BadInput(f"--state {state!r} is not one of done, planned, stale.")
    rows = [e.to_dict() for e in ledger() if not state or e.state == state]
    if format == "json":
        typer.echo(json.dumps({"rows": rows}, ensure_ascii=False, indent=1))
        return
    width = max((len(r["slug"]) for r in rows), default=4)
    typer.echo(f"{'study':{width}}  state    verdict       effect               seconds")
    for r in rows:
        seconds = f"{r['seconds']:.0f}" if r["seconds"] is not None else ""
        effect = effect_text(r["effect"]) if r["effect"] else ""
        typer.echo(f"{r['slug']:{width}}  {r['state']:8} {r['verdict'] or '':13} {effect:20} {seconds}".rstrip())
    done = sum(r["state"] == "done" for r in rows)
    typer.echo(
        f"\n{len(rows)} rows, {done} done. Show one: unseen atlas show SLUG. Run one: unseen atlas run SLUG --quick"
    )


@app.command()
def show(
    slug: Annotated[str, typer.Argument(help="Name of the row.")],
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    code: Annotated[bool, typer.Option("--code", help="Show the source of the study as well.")] = False,
) -> None:
    """Show a study: claim, thresholds, what is reduced, evidence, picture, code."""
    from unseen.atlas import pages

    described = pages.describe(slug)
    if format == "json":
        typer.echo(json.dumps(described, ensure_ascii=False, indent=1))
        return
    typer.echo(pages.text(described, code=code))


@app.command()
def run(
    slugs: Annotated[list[str] | None, typer.Argument(help="Names of studies.", metavar="SLUG…")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Run every study that is written.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="The reduced form, 2 seeds; not stored.")] = False,
    seeds: Annotated[int | None, typer.Option(help="How many seeds; default: what each study says.")] = None,
    executor: Annotated[str, typer.Option(help="serial, local or ray.")] = "local",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: as many as cores.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Take seeds that an earlier run has finished.")
    ] = True,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the results; default: the atlas.")
    ] = None,
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Run studies over seeds, judge them by their thresholds, and store full results."""
    from unseen.atlas import pages, runner
    from unseen.atlas.protocol import study_modules
    from unseen.engine.progress import progress
    from unseen.errors import BadInput

    chosen = list(study_modules()) if all_ else list(slugs or [])
    if not chosen:
        raise BadInput("no study is named. List them with: unseen atlas; run all with: unseen atlas run --all --quick")
    if executor not in ("serial", "local", "ray"):
        raise BadInput(f"--executor {executor!r} is not one of serial, local, ray.")
    if output is not None and not output.is_dir():
        raise BadInput(f"{output}: no such folder.")
    with progress("atlas", show=None if format == "text" else False) as done:
        results = runner.run(
            chosen, quick=quick, seeds=seeds, executor=executor, workers=workers, resume=resume, done=done,  # type: ignore[arg-type]
        )  # fmt: skip
    stored = dict[str, str]()
    for result in results:
        if not quick and len(result["seeds"]) >= 5:
            stored[result["slug"]] = str(runner.save(result, output))
    if format == "json":
        typer.echo(json.dumps({"results": results}, ensure_ascii=False, indent=1))
        return
    for result in results:
        typer.echo(pages.result_text(result))
        if result["slug"] in stored:
            typer.echo(f"Stored: {stored[result['slug']]}")
    if not stored:
        typer.echo("Not stored: only full runs over at least 5 seeds are.")


@app.command()
def report(
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.")] = Path("unseen-atlas.html"),
) -> None:
    """Write one HTML page over all rows."""
    from unseen.atlas import pages
    from unseen.files import write_atomically

    write_atomically(output, pages.html())
    sys.stdout.write(f"Report: {output.resolve()}\n")
