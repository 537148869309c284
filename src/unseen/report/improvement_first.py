"""The first screen of what trying remedies came to: the verdict, the best remedies, what to do; 23 lines of 80 at most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unseen.plain_text import counted
from unseen.report.improvement import (
    cost_heads,
    costs_shown,
    gain_heads,
    gains_shown,
    scored,
    subject,
    subtitle,
    title,
    with_errors,
)
from unseen.report.plain import interval
from unseen.report.screens import MAX_LINES, aligned, can_show, fitting, safe, wrapped

if TYPE_CHECKING:
    from rich.console import Console

# Remedies shown where some gain, and where none does.
MOST, FEWEST = 5, 3
STYLES = {"gains": "green", "loses": "red", "helped": "green"}


def write_first(document: Mapping[str, Any], console: Console) -> None:
    """Verdict and honest gain, the best remedies by themselves, what was tried, what to do."""
    families = document["families"]
    arrow = "→" if can_show("→", console) else "->"
    one = families[0]
    opening = [(line, "bold") for line in wrapped(title(document), console, most=2)]
    if len(families) == 1:
        style = STYLES.get(one["verdict"], "")
        opening += [(line, style) for line in wrapped(one["statement"], console, most=7)]
        table = _ranked(one, console)
        told = wrapped(f"{subtitle(document)} {_judged(one)}", console, most=3)
    else:
        one = next((f for f in families if f["verdict"] == "helped"), one)
        told = wrapped(subtitle(document), console, most=2)
        table = _shifts(families, console)
    step = f"{one['family']}: {one['next_step']}" if len(families) > 1 else one["next_step"]
    closing = [(line, "dim") for line in told]
    closing += [(line, "") for line in wrapped(f"{arrow} {step}", console, most=3, hanging="  ")]
    name = _example(one)
    explained = not name or "unseen explain" in step
    more = "All remedies: --full" + ("" if explained else f" · what one does: unseen explain remedy:{name}")
    closing += [(line, "dim") for line in wrapped(more, console, most=2)]
    room = MAX_LINES - len(opening) - len(closing) - 2
    for line, style in (*opening, ("", ""), *table[: max(room, 2)], ("", ""), *closing):
        console.print(safe(line, console, style))


def _example(family: Mapping[str, Any]) -> str:
    """A remedy that is spoken of: the advised one where one helped, else the first."""
    names = [r["remedy"] for r in family["ranking"]]
    advised = str(family["procedure"]["advised"]).split(" ")[0]
    return advised if family["verdict"] == "helped" and advised in names else names[0] if names else ""


def _judged(family: Mapping[str, Any]) -> str:
    """How many held-out sets, and what the unchanged subject scores there; what went wrong."""
    held = counted(family["held_out"], "held-out set")
    told = f"{held}; the unchanged {subject(family)} scores {scored(family, 'unchanged')} there."
    wrong = list(dict.fromkeys(name for name, _, _ in with_errors(family)))
    return told + (f" Failed in some fits: {', '.join(wrong)}." if wrong else "")


def _ranked(family: Mapping[str, Any], console: Console) -> list[tuple[str, str]]:
    """The remedies that gain, or the first ones where none does, and how many more there are by verdict."""
    ranking = family["ranking"]
    gaining = [r for r in ranking if r["verdict"] == "gains"]
    shown = gaining[:MOST] or [r for r in ranking if r["gain"]][:FEWEST]
    lines = list[tuple[str, str]]()
    if shown:
        heads = ["remedy", gain_heads(family)[0], cost_heads(family)[0], "verdict"]
        rows = [[r["remedy"], gains_shown(r, family)[0], costs_shown(r, family)[0], r["verdict"]] for r in shown]
        lines = _lines([heads, *rows], console)
    rest = Counter(r["verdict"] for r in ranking if r not in shown)
    if rest:
        told = ", ".join(f"{n} {verdict}" for verdict, n in rest.most_common())
        lines.append((fitting(f"{sum(rest.values())} more: {told}" if shown else f"Tried: {told}", console), "dim"))
    return lines


def _shifts(families: Sequence[Mapping[str, Any]], console: Console) -> list[tuple[str, str]]:
    """A line a shift: the honest gain and what was advised."""
    rows = [["shift", "honest gain", "advised", "verdict"]]
    rows += [
        [f["family"], interval(f["procedure"]["gain"]) or "–", str(f["procedure"]["advised"]), f["verdict"]]
        for f in families[:10]
    ]
    lines = _lines(rows, console)
    if len(families) > 10:
        lines.append((f"{len(families) - 10} more shifts", "dim"))
    return lines


def _lines(rows: Sequence[Sequence[str]], console: Console) -> list[tuple[str, str]]:
    """Rows as lines, the head dim, others in the colour of their last cell."""
    width = max(console.width, 20)
    made = aligned([[fitting(cell, console) for cell in row] for row in rows], [False] * len(rows[0]))
    cut = [line if len(line) <= width else line[: width - 1] + "…" for line in made]
    return [(cut[0], "dim"), *((line, STYLES.get(row[-1], "")) for line, row in zip(cut[1:], rows[1:], strict=True))]


__all__ = ["write_first"]
