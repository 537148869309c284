"""``unseen task``: list, show and sample tasks."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unseen.cli.play import play
from unseen.cli.printing import print_json

if TYPE_CHECKING:
    import polars as pl

app = typer.Typer(help="List, show and sample tasks: generators with exact verifiers.", no_args_is_help=True)
app.command("play")(play)


@app.command("list")
def list_tasks(
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """List all tasks, by family."""
    from unseen import tasks

    rows = [_summary(name) for name in tasks.names()]
    if _wants_json(format):
        print_json(rows)
        return
    width = max(len(r["name"]) for r in rows)
    family = ""
    for row in sorted(rows, key=lambda r: (r["family"], r["name"])):
        if row["family"] != family:
            family = row["family"]
            typer.echo(f"\n{family}")
        size = f"{row['size']:,} items" if row["size"] else "endless"
        typer.echo(f"  {row['name']:{width}}  {row['title']} ({size})")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the task.")],
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Show a task: what it asks, where it comes from, its options, its factors, an example."""
    from unseen import tasks
    from unseen.shifts.official import PUBLISHED

    task = tasks.load(name)
    example = task.draw(0)
    described: dict[str, Any] = {
        **_summary(name),
        "source": task.source,
        "about": (type(task).__doc__ or "").strip(),
        "version": task.version,
        "settings": dict(task.settings),
        "options": dict(task.options),
        "factors": dict(task.factor_kinds),
        "splits": list(PUBLISHED.get(name, ())),
        "example": _line(example),
    }
    if _wants_json(format):
        print_json(described, default=str)
        return
    typer.echo(f"{name}: {task.title}\n\n{described['about']}\n\nSource: {task.source}")
    for heading in (h for h in ("settings", "options", "factors") if described[h]):
        typer.echo(f"\n{heading.capitalize()}")
        for key, value in described[heading].items():
            typer.echo(f"  {key} = {value}" if heading != "factors" else f"  {key}: {value}")
    if described["splits"]:
        typer.echo(f"\nSplits (unseen task sample {name} --split NAME)\n  {', '.join(described['splits'])}")
    typer.echo(f"\nExample (seed 0)\n  input   {task.as_text(example.input)}\n  target  {task.as_text(example.target)}")


@app.command()
def sample(
    name: Annotated[str, typer.Argument(help="Name of the task.")],
    n: Annotated[
        int | None,
        typer.Option("--n", "-n", min=0, help="How many items (default 10); of a split: of each part (default all)."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal items.")] = 0,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", metavar="NAME=VALUE", help="Constraint on a factor: length=1:20, level=regular,cf. Repeatable."
        ),
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--setting", metavar="NAME=VALUE", help="Setting of the task. Repeatable.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split", metavar="NAME", help="Published split, part by part: jump, length, ...; `task show` lists them."
        ),
    ] = None,
    part: Annotated[
        str | None, typer.Option("--part", metavar="NAME", help="Of a split only this part: train, test, ...")
    ] = None,
    form: Annotated[str, typer.Option(help="as written, text or tokens.")] = "as written",
    parts: Annotated[
        bool,
        typer.Option(
            "--parts", help="Each problem with its steps as items of their own (column parent): word-problems."
        ),
    ] = False,
    pddl: Annotated[
        Path | None,
        typer.Option("--pddl", metavar="FOLDER", help="Write domain and problem files, too: planning tasks."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .parquet or .jsonl file; default: lines here.")
    ] = None,
) -> None:
    """Draw items as JSON lines (item, input, target, factors), or as a Parquet table."""
    from unseen import tasks
    from unseen.errors import BadInput
    from unseen.files import write_atomically

    task = tasks.load(name, **_assignments(setting, "--setting"))
    options = _assignments(option, "--option")
    if form not in ("as written", "text", "tokens"):
        raise BadInput(f"--form {form!r} is not one of as written, text, tokens.")
    write = {"text": task.as_text, "tokens": task.as_tokens}.get(form, lambda value: value)
    if part is not None and split is None:
        raise BadInput(f"--part {part} is a part of a published split: name it by --split.")
    if split is not None and (option or setting):
        raise BadInput(f"--split {split} is published as it is: leave out --option and --setting.")
    table = None if split is None else _parts(name, split, part, n, seed, write)
    n = 10 if n is None else n
    if parts:
        table = _with_parts(task, n, seed, form, options, split)
    if pddl is not None:
        _write_pddl(task, task.draw_many(n, seed, **options), pddl)
    if output is not None and output.suffix == ".parquet":
        import io

        buffer = io.BytesIO()
        drawn = task.sample(n, seed, form=form, **options).table if table is None else table
        drawn.write_parquet(buffer)
        write_atomically(output, buffer.getvalue())
        return
    if table is None:
        lines = (
            _dumps({**_line(e), "input": write(e.input), "target": write(e.target), **_checks(task, e)})
            for e in task.draw_many(n, seed, **options)
        )
    else:
        plain = ("parent" if parts else "part", "item", "input", "target")
        lines = (_dumps({**{k: row.pop(k) for k in plain}, "factors": row}) for row in table.iter_rows(named=True))
    if output is not None:
        if output.suffix not in (".jsonl", ".json"):
            raise BadInput(f"{output}: a sample is written as .parquet or .jsonl.")
        write_atomically(output, "".join(f"{line}\n" for line in lines))
        return
    for line in lines:
        sys.stdout.write(f"{line}\n")


def _with_parts(task: Any, n: int, seed: int, form: str, options: dict[str, Any], split: str | None) -> pl.DataFrame:
    """Problems and their parts, where the task has parts."""
    from unseen.errors import BadInput

    if split is not None or not hasattr(task, "sample_with_parts") or form == "tokens":
        raise BadInput(
            f"--parts: {task.name} has no parts{', nor a split' if split else ''}; word-problems has, as text."
        )
    return task.sample_with_parts(n, seed, **options).table


def _write_pddl(task: Any, examples: list[Any], folder: Path) -> None:
    """Domain and problem files of planning items, named by item."""
    from unseen.errors import BadInput
    from unseen.files import write_atomically

    if not hasattr(task, "pddl"):
        raise BadInput(
            f"--pddl: {task.name} is no planning task; those are blocksworld, ferry, keys-and-doors and logistics."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for example in examples:
        for what, text in zip(("domain", "problem"), task.pddl(example), strict=True):
            write_atomically(folder / f"{example.item}-{what}.pddl", f"{text}\n")


def _parts(
    name: str, split: str, part: str | None, n: int | None, seed: int, write: Callable[[Any], Any]
) -> pl.DataFrame:
    """Rows of a published split with their part; at most n of each, drawn by the seed, in the split's order."""
    import numpy as np
    import polars as pl

    from unseen.errors import BadInput
    from unseen.shifts.official import is_redrawn, published_parts

    makers = published_parts(name, split, seed)
    if part is not None and part not in makers:
        raise BadInput(f"--part {part!r} is not one of {', '.join(makers)}.")
    tables = list[pl.DataFrame]()
    for one in makers if part is None else (part,):
        table = makers[one]().table
        if n is not None and n < table.height:
            table = table[np.sort(np.random.default_rng(seed).choice(table.height, n, replace=False))]
        written = [pl.Series(c, [write(v) for v in table[c].to_list()], strict=False) for c in ("input", "target")]
        tables.append(table.with_columns(*written).select(pl.lit(one).alias("part"), pl.all()))
    if name != "scan" or is_redrawn(split):
        typer.echo(
            f"{name} {split}: drawn anew by the published rule (--seed {seed}); the released rows differ.", err=True
        )
    return pl.concat(tables)


def _summary(name: str) -> dict[str, Any]:
    from unseen import tasks
    from unseen.tasks.registry import family

    task = tasks.load(name)
    return {"name": name, "family": family(name), "title": task.title, "size": task.size}


def _line(example: Any) -> dict[str, Any]:
    return {"item": example.item, "input": example.input, "target": example.target, "factors": dict(example.factors)}


def _checks(task: Any, example: Any) -> dict[str, str]:
    """What scores an answer where equality with the target does not."""
    return {"checks": task.checks(example)} if hasattr(task, "checks") else {}


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=float)


def _wants_json(format_: str) -> bool:
    from unseen.errors import BadInput

    if format_ not in ("text", "json"):
        raise BadInput(f"--format {format_!r} is not one of text, json.")
    return format_ == "json"


def _assignments(given: list[str] | None, flag: str) -> dict[str, Any]:
    """NAME=VALUE pairs; a value is a number, a range LOW:HIGH, true or false, or text (several with commas)."""
    from unseen.errors import BadInput

    found: dict[str, Any] = {}
    for text in given or []:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise BadInput(f"{flag} takes NAME=VALUE, got {text!r}.")
        found[name.replace("-", "_")] = _value(value)
    return found


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    parts = text.split(":")
    numbers = [_number(p) for p in parts]
    if all(n is not None for n in numbers):
        return numbers[0] if len(numbers) == 1 else tuple(numbers)
    return tuple(text.split(",")) if "," in text else text


def _number(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None
