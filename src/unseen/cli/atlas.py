"""``unseen atlas``: the published claims behind the checks, and the studies that re-test them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from unseen.cli.printing import print_json

app = typer.Typer(help="List, show, run and verify the studies behind the checks.", no_args_is_help=False)
EXECUTORS = ("serial", "local", "ray")
Slugs = Annotated[list[str] | None, typer.Argument(help="Names of studies, or files of your own.", metavar="SLUG…")]
Format = Annotated[str, typer.Option("--format", help="text or json.")]
Executor = Annotated[str, typer.Option(help="serial, local or ray.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; default: as many as cores.")]
IntoPackage = Annotated[bool, typer.Option("--into-package", help="Store beside the studies, not among own results.")]


def _one_of(option: str, value: str, known: Sequence[str]) -> None:
    from unseen.errors import BadInput

    if value not in known:
        raise BadInput(f"{option} {value!r} is not one of {', '.join(k for k in known if k)}.")


@app.callback(invoke_without_command=True)
def table(
    context: typer.Context,
    format: Format = "text",
    state: Annotated[str, typer.Option(help="Only rows in this state: done, planned or stale.")] = "",
    family: Annotated[str, typer.Option(help="Only this family: measures, training, tasks, …")] = "",
    verdict: Annotated[str, typer.Option(help="Only this verdict: supported, contradicted, …")] = "",
    fidelity: Annotated[str, typer.Option(help="Only this fidelity: A, B, C or D.")] = "",
    tag: Annotated[str, typer.Option(help="Only this kind of work: method, benchmark, study, …")] = "",
    search: Annotated[str, typer.Option(help="Only rows whose name, title or claim has these words.")] = "",
    all_: Annotated[
        bool, typer.Option("--all", help="Every row with its effect, also those that are planned.")
    ] = False,
) -> None:
    """List the studies of the atlas by their verdicts; with a filter, each with its effect beside what was claimed."""
    if context.invoked_subcommand is not None:
        return
    from unseen.atlas import pages
    from unseen.atlas.documents import reliance
    from unseen.atlas.ledger import ORDER, ledger
    from unseen.atlas.rows import rows
    from unseen.cli.printing import screen_width

    _one_of("--format", format, ("text", "json"))
    _one_of("--state", state, ("", "done", "planned", "stale"))
    _one_of("--family", family, ("", *sorted({r.home for r in rows()})))
    _one_of("--verdict", verdict, ("", *pages.VERDICTS))
    _one_of("--fidelity", fidelity, ("", "A", "B", "C", "D"))
    _one_of("--tag", tag, ("", *sorted({r.kind for r in rows()})))
    wanted = {"state": state, "home": family, "verdict": verdict, "fidelity": fidelity, "kind": tag}
    everything = [(e, e.to_dict()) for e in sorted(ledger(), key=lambda e: ORDER[e.state])]
    words = search.lower().split()
    chosen = [
        (e, d)
        for e, d in everything
        if all(not v or d[k] == v for k, v in wanted.items())
        and all(word in f"{d['slug']} {d['title']} {d['claim']}".lower() for word in words)
    ]
    if format == "json":
        print_json({"rows": [d for _, d in chosen]})
        return
    if not (all_ or search or any(wanted.values())):
        typer.echo(pages.screen([e for e, _ in chosen], screen_width() or 100))
        typer.echo(pages.NEXT)
        return
    typer.echo(pages.table([e for e, _ in chosen], screen_width()))
    if search:
        typer.echo(
            "\n".join(f"{d['slug']}: {d['title']}" for _, d in chosen) + "\n" if chosen else "No row has these words.\n"
        )
    typer.echo(reliance([e for e, _ in everything]))
    typer.echo(pages.LEGEND)


@app.command()
def show(
    slug: Annotated[str, typer.Argument(help="Name of the row, or a file of your own.")],
    format: Format = "text",
    code: Annotated[bool, typer.Option("--code", help="Show the source of the study as well.")] = False,
) -> None:
    """Show a study: claim, plan, evidence, picture, history, who rests on it, code."""
    from unseen.atlas import pages

    _one_of("--format", format, ("text", "json"))
    described = pages.describe(slug)
    if format == "json":
        print_json(described)
        return
    typer.echo(pages.text(described, code=code))


@app.command()
def run(
    slugs: Slugs = None,
    all_: Annotated[bool, typer.Option("--all", help="Run every study whose plan gives a verdict.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="The reduced form, 2 seeds; not stored.")] = False,
    seeds: Annotated[int | None, typer.Option(help="How many seeds of the plan; default: all.")] = None,
    executor: Executor = "local",
    workers: Workers = None,
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Take seeds that an earlier run has finished.")
    ] = True,
    add: Annotated[
        bool,
        typer.Option("--add", help="Keep the stored seeds of the same code and plan, run those that are missing."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the results; default: own results.")
    ] = None,
    into_package: IntoPackage = False,
    format: Format = "text",
) -> None:
    """Run studies over their seeds, judge them by their plans, and store full results among the user's own."""
    from unseen.atlas import pages, runner
    from unseen.atlas.ledger import results_folder
    from unseen.atlas.protocol import is_first_form, study_modules
    from unseen.engine.progress import progress
    from unseen.errors import BadInput, UnseenError

    chosen = [s for s in study_modules() if quick or not is_first_form(s)] if all_ else list(slugs or [])
    if not chosen:
        raise BadInput("no study is named. List them with: unseen atlas; run all with: unseen atlas run --all --quick")
    _one_of("--executor", executor, EXECUTORS)
    _one_of("--format", format, ("text", "json"))
    if output is not None and not output.is_dir():
        raise BadInput(f"{output}: no such folder.")
    if output is not None and into_package:
        raise BadInput("--output and --into-package name two places; give one.")
    if all_:
        missing = dict[str, list[str]]()
        for slug, why in runner.missing(chosen).items():
            missing.setdefault(why, []).append(slug)
            chosen.remove(slug)
        for why, slugs_of in missing.items():
            typer.echo(f"{', '.join(slugs_of)}: {why}", err=True)
    if format == "text":
        for slug in chosen:
            typer.echo(runner.foretold(slug, quick=quick, seeds=seeds, workers=workers), err=True)
    with progress("atlas", show=None if format == "text" else False, piece="seed") as done:
        results, failed = list[dict[str, Any]](), dict[str, UnseenError]()
        for group in [[slug] for slug in chosen] if all_ else [chosen]:
            try:
                results += runner.run(
                    group, quick=quick, seeds=seeds, executor=executor, workers=workers, resume=resume, add=add, done=done,  # type: ignore[arg-type]
                )  # fmt: skip
            except UnseenError as error:
                # One study of all that can't be measured leaves the others theirs.
                if not all_:
                    raise
                failed[group[0]] = error
    stored = dict[str, str]()
    for result in results:
        if not quick and len(result["seeds"]) >= 5:
            stored[result["slug"]] = str(runner.save(result, results_folder() if into_package else output))
    if format == "json":
        print_json({"results": results})
    else:
        for result in results:
            typer.echo(pages.result_text(result))
            if result["slug"] in stored:
                typer.echo(f"Stored: {stored[result['slug']]}")
        if not stored:
            typer.echo("Not stored: only full runs over at least 5 seeds are.")
    for slug, error in failed.items():
        typer.echo(f"{slug}: failed: {error}", err=True)
    if failed:
        raise typer.Exit(1)


@app.command()
def pilot(
    slug: Annotated[str, typer.Argument(help="Name of the study, or a file of your own.")],
    seeds: Annotated[int, typer.Option(help="How many seeds, from 100 on.")] = 4,
    executor: Executor = "local",
    workers: Workers = None,
    format: Format = "text",
) -> None:
    """Try a study on seeds from 100 on: gates, controls, spread, and how many seeds the plan needs."""
    from unseen.atlas import pages, runner
    from unseen.engine.progress import progress

    _one_of("--executor", executor, EXECUTORS)
    _one_of("--format", format, ("text", "json"))
    with progress("pilot", show=None if format == "text" else False, piece="seed") as done:
        found = runner.pilot(slug, count=seeds, executor=executor, workers=workers, done=done)  # type: ignore[arg-type]
    if format == "json":
        print_json(found)
    else:
        typer.echo(pages.pilot_text(found))


@app.command()
def verify(
    slugs: Slugs = None,
    of_the_day: Annotated[int, typer.Option(help="So many cheap studies, other ones each day of the year.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="How many stored seeds of each to measure anew.")] = 2,
    executor: Executor = "local",
    workers: Workers = None,
    into_package: IntoPackage = False,
    renew: Annotated[bool, typer.Option("--renew/--only-look", help="Store the renewed stamp.")] = True,
    format: Format = "text",
) -> None:
    """Measure stored seeds anew; renew the stamp where the numbers are equal. Exits with 1 where one differs."""
    from unseen.atlas import pages, runner
    from unseen.atlas.ledger import results_folder
    from unseen.errors import BadInput

    _one_of("--executor", executor, EXECUTORS)
    _one_of("--format", format, ("text", "json"))
    chosen = [*(slugs or []), *(runner.of_the_day(of_the_day) if of_the_day else [])]
    if not chosen and not of_the_day:
        raise BadInput("no study is named. Verify one: unseen atlas verify SLUG; or three: --of-the-day 3")
    found = list[dict[str, Any]]()
    for slug in dict.fromkeys(chosen):
        checked = runner.verify(slug, count=seeds, executor=executor, workers=workers)  # type: ignore[arg-type]
        if checked["result"] is not None and renew:
            runner.save(checked["result"], results_folder() if into_package else None)
        found.append(checked)
        if format == "text":
            typer.echo(pages.verified_text(checked))
    if format == "json":
        print_json({"verified": found})
    elif not found:
        typer.echo("No cheap study is stored with the package yet.")
    if any(checked["outcome"] == "differs" for checked in found):
        raise typer.Exit(1)


@app.command()
def report(
    slugs: Annotated[
        list[str] | None,
        typer.Argument(help="Only these studies, or files of your own; by default all rows.", metavar="SLUG…"),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.")] = Path("unseen-atlas.html"),
) -> None:
    """Write one HTML page over all rows, or over the studies that are named."""
    from unseen.atlas import pages
    from unseen.files import write_atomically

    write_atomically(output, pages.html(only=slugs or ()))
    sys.stdout.write(f"Report: {output.resolve()}\n")
