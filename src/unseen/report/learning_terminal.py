"""What a table to learn from was taken for, in the terminal: features, what was left out, domains, suspected leaks."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from unseen.plain_text import names
from unseen.report.plain import number
from unseen.report.screens import on_screen, safe

if TYPE_CHECKING:
    from rich.console import Console

    from unseen.refitting import Case, Problem

# Classes and shifts beyond these are counted, not listed.
MOST = 12


def described(problem: Problem, cases: Sequence[Case] = (), refused: Sequence[tuple[Case, str]] = ()) -> dict[str, Any]:
    """A problem as plain data: target, features, what was left out, cluster, shifts, suspected leaks, notes.

    Args:
        problem: The data.
        cases: Held-out sets that were asked for.
        refused: Those that can't be formed, with the reason.
    """
    from unseen.refitting import possible_shifts, proposed_clusters
    from unseen.refitting.design import too_little

    table, target = problem.examples.table, problem.target
    without = problem.unlabelled
    held = [
        {"shift": c.family, "held_out": c.name, "rows": len(c.beyond), "problem": too_little(problem, c)} for c in cases
    ]
    held += [{"shift": c.family, "held_out": c.name, "rows": 0, "problem": why} for c, why in refused]
    classes = [] if problem.regression else table[target].value_counts(sort=True).rows()
    domains = [factor for c in (*cases, *(c for c, _ in refused)) if c.kind == "held-out" for factor in c.factors]
    proposed = proposed_clusters(problem, domains)
    return {
        "target": target, "regression": problem.regression, "measure": problem.measure,
        "rows": len(problem), "unlabelled": 0 if without is None else len(without),
        "classes": [{"name": str(name), "share": n / len(problem)} for name, n in classes],
        "features": [{"name": n, "type": str(table.schema[n]), "levels": _levels(problem, n)} for n in problem.examples.inputs],
        "left_out": dict(problem.left_out),
        "cluster": problem.cluster, "clusters": int(problem.clusters().max()) + 1,
        "proposed_clusters": [{"name": name, "why": why} for name, why in proposed],
        "shifts": [{"phrase": phrase, "holds_out": what} for phrase, what in possible_shifts(problem)],
        "held_out": held,
        "suspects": [
            {"name": s.name, "statement": s.statement, "removed": s.removed, "given_away": s.given_away} for s in problem.suspects
        ],
        "notes": list(problem.notes),
    }  # fmt: skip


def describe(document: Mapping[str, Any], file: IO[str] | None = None) -> None:
    """Write it to standard output."""
    on_screen(lambda console: _write(document, console), file or sys.stdout, otherwise=100)


def _write(d: Mapping[str, Any], console: Console) -> None:
    kind = "a number" if d["regression"] else f"{len(d['classes'])} classes: {_classes(d['classes'])}"
    rows = number(d["rows"]) + (f", and {number(d['unlabelled'])} without a target" if d["unlabelled"] else "")
    units = f"{number(d['clusters'])} clusters, by column {d['cluster']}" if d["cluster"] else "rows, each by itself"
    _pairs(console, [
        ("target", f"{d['target']}, {kind}"), ("rows", rows), ("scored by", d["measure"]), ("units", units),
        ("features", f"{len(d['features'])}"),
    ])  # fmt: skip
    _pairs(console, [(f"  {f['name']}", _feature(f)) for f in d["features"][:30]])
    if len(d["features"]) > 30:
        _say(console, f"  and {names([f['name'] for f in d['features'][30:]])}")
    _section(console, "Left out", [(f"  {name}", why) for name, why in d["left_out"].items()], "  nothing")
    leaks = [("  !", f"{s['statement']}{_leak_step(s)}") for s in d["suspects"]]
    _section(
        console, "Suspected leaks", leaks, "  none: no feature alone removes 90 % of the error of a constant answer"
    )
    if not d["cluster"]:
        proposed = [(f"  --cluster {p['name']}", p["why"]) for p in d["proposed_clusters"]]
        _section(console, "Sampled together, perhaps", proposed, "  no column of repeated names")
    shifts = [(f"  --shift '{s['phrase']}'", s["holds_out"]) for s in d["shifts"]]
    more = [("", f"and {len(shifts) - MOST} more")] if len(shifts) > MOST else []
    _section(console, "Shifts that the columns allow", shifts[:MOST] + more, "  none by domain or time; see --help")
    if d["held_out"]:
        held = [(f"  {h['held_out']}", f"{number(h['rows'])} rows{_why(h)}") for h in d["held_out"]]
        more = [("", f"and {len(held) - 30} more")] if len(held) > 30 else []
        _section(console, "Held out, as asked", held[:30] + more, "")
    said = (*(s["statement"] for s in d["suspects"]), *(f"{p['name']}: {p['why']}" for p in d["proposed_clusters"]))
    for note in d["notes"]:
        if not note.startswith(said) and not note.endswith(", left out."):
            _say(console, f"Note: {note}")


def _levels(problem: Problem, name: str) -> int | None:
    import polars as pl

    column = problem.examples.table[name]
    return None if isinstance(column.dtype, pl.Array | pl.List | pl.Struct) else column.n_unique()


def _feature(feature: Mapping[str, Any]) -> str:
    levels = feature["levels"]
    return feature["type"] + ("" if levels is None else f", {number(levels)} values")


def _classes(classes: Sequence[Mapping[str, Any]]) -> str:
    shown = ", ".join(f"{c['name']} {c['share']:.0%}" for c in classes[:MOST])
    return shown + (f" and {len(classes) - MOST} more" if len(classes) > MOST else "")


def _leak_step(suspect: Mapping[str, Any]) -> str:
    if suspect["given_away"]:
        return f". An audit refuses it: --drop {suspect['name']}, or name all features with --inputs."
    return f". If it is known only afterwards: --drop {suspect['name']}."


def _why(held: Mapping[str, Any]) -> str:
    return f", not judged: {held['problem']}" if held["problem"] else ""


def _section(console: Console, title: str, rows: Sequence[tuple[str, str]], nothing: str) -> None:
    from rich.text import Text

    console.print(Text(f"\n{title}", style="bold"))
    if rows:
        _pairs(console, rows)
    else:
        _say(console, nothing)


def _pairs(console: Console, rows: Sequence[tuple[str, str]]) -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold")
    for left, right in rows:
        grid.add_row(safe(left, console), safe(right, console))
    console.print(grid)


def _say(console: Console, words: str) -> None:
    console.print(safe(words, console))


__all__ = ["describe", "described"]
