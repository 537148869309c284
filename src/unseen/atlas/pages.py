"""What the terminal shows of the atlas: the table, one row, one result, one pilot."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from unseen.atlas.citing import citations, citers
from unseen.atlas.documents import documents
from unseen.atlas.judging import VERDICTS
from unseen.atlas.ledger import ORDER, Entry, named_entry
from unseen.atlas.own import file_of, reference
from unseen.atlas.plan import FIDELITIES
from unseen.atlas.protocol import code_of, load, study_modules
from unseen.atlas.runner import notes
from unseen.atlas.site import html
from unseen.atlas.sweeping import sweeps_told
from unseen.atlas.wording import (
    claimed_text,
    effect_text,
    held_against,
    machine_text,
    number,
    seeds_text,
    subjects_text,
    verified_texts,
)
from unseen.errors import UnseenError

COLUMNS = 48
# Fewer characters of a claim tell nothing.
LEAST_CLAIM = 24
# The columns of the table that a terminal has room for, from the widest on.
HEADS = ("study", "state", "verdict", "fid.", "effect", "claimed", "refuted", "unit")
SHOWN = (tuple(range(len(HEADS))), (0, 1, 2, 3, 4, 5), (0, 2, 3, 4, 5), (0, 2, 4, 5), (0, 4, 5), (0, 2))


# Under the one screen.
NEXT = (
    "\nOnly fidelity A and B speak of a paper's own claim; C and D say whether its effect is seen in a proxy.\n"
    "What was found, beside what was claimed: unseen atlas --state done. By subject: unseen atlas --search length.\n"
    "One study: unseen atlas show SLUG. Every row: unseen atlas --all"
)
# Under the list, and in the README.
LEGEND = (
    "done: run over its seeds and judged by its plan (the effect is that of the headline that decides); stale: the study or "
    "its code has changed since, so that the result counts for nothing until it is run again; planned: no result yet."
)


def describe(slug: str) -> dict[str, Any]:
    """All that is known of a row, as plain data.

    Raises:
        BadInput: There is no such row.
    """
    known = named_entry(slug)
    row, slug = known.row, known.row.slug
    found: dict[str, Any] = {
        **known.to_dict(), "part": row.part, "testbed": row.testbed, "result": known.result,
        "notes": notes().get(slug, []),
        "cited_by": [
            {"who": who, "direction": citations()[who][slug][0], "sentence": citations()[who][slug][1]}
            for who in citers().get(slug, [])
        ],
    }  # fmt: skip
    if slug in study_modules() or file_of(slug) is not None:
        found["code"] = code_of(slug)
        try:
            definition = load(reference(slug))
            found["study"] = {**definition.plan(), "text": definition.sentences, "unfit": definition.unfit}
        except UnseenError as error:
            # The page of a study can be read without the packages that running it takes.
            plan = (known.result or {}).get("plan")
            found["study"] = plan and {**plan, "text": " ".join(s for s, _ in plan["claim"]), "unfit": ""}
            found["why"] = found["why"] or str(error)
    return found


def screen(entries: Sequence[Entry], columns: int = 100) -> str:
    """One screen over all rows: how many there are, and the studies by their verdicts.

    Args:
        entries: The rows.
        columns: Width that lines are broken at.
    """
    rows = [e.to_dict() for e in entries]
    named = {v: sorted(r["slug"] for r in rows if r["state"] == "done" and r["verdict"] == v) for v in VERDICTS}
    named["stale"] = sorted(r["slug"] for r in rows if r["state"] == "stale")
    done, planned = (sum(r["state"] == state for r in rows) for state in ("done", "planned"))
    heads = {v: f"{v} ({len(slugs)})" for v, slugs in named.items() if slugs}
    wide = max(map(len, heads.values()), default=0) + 2
    lines = [f"{len(rows)} published claims about generalisation: {done} re-tested here, {planned} planned.", ""]
    for verdict, head in heads.items():
        lines += textwrap.wrap(
            ", ".join(named[verdict]), max(columns, wide + 30), initial_indent=f"{head:{wide}}", break_on_hyphens=False,
            subsequent_indent=" " * wide,
        )  # fmt: skip
    return "\n".join(lines)


def table(entries: Sequence[Entry], columns: int | None = None) -> str:
    """Rows for the terminal: done ones first, with the effect beside what was claimed, and the claim where there is room.

    Args:
        entries: The rows.
        columns: Width of the terminal; None for as wide as the rows are.
    """
    rows = [e.to_dict() for e in sorted(entries, key=lambda e: ORDER[e.state])]
    cells = [(r, _cells(r)) for r in rows]
    wide = [max([len(h), *(len(c[i]) for _, c in cells if i < len(c))]) for i, h in enumerate(HEADS)]
    # A narrow terminal shows fewer columns rather than broken lines; the effect stays beside what was claimed.
    shown = next((s for s in SHOWN if columns is None or _width(s, wide) <= columns), SHOWN[-1])
    left = None if columns is None else columns - _width(shown, wide) - 2
    with_claim = len(shown) == len(HEADS) and (left is None or left >= LEAST_CLAIM)
    lines = [("  ".join(f"{HEADS[i]:{wide[i]}}" for i in shown) + "  claim" * with_claim).rstrip()]
    for r, own in cells:
        if len(own) == len(HEADS):
            line = "  ".join(f"{own[i]:{wide[i]}}" for i in shown) + ("  " + _cut(r["claim"], left)) * with_claim
        else:
            # What has no numbers has room for what it is about.
            line = "  ".join(f"{c:{w}}" for c, w in zip(own, wide, strict=False)) + "  "
            line += _cut(r["title"], None if columns is None else columns - len(line))
        lines.append(line.rstrip())
    done = sum(r["state"] == "done" for r in rows)
    lines.append(
        f"\n{len(rows)} row{'s' * (len(rows) != 1)}, {done} done. "
        "Show one: unseen atlas show SLUG. Run one: unseen atlas run SLUG --quick"
    )
    return "\n".join(lines)


def _width(shown: Sequence[int], wide: Sequence[int]) -> int:
    return sum(wide[i] for i in shown) + 2 * (len(shown) - 1)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of a row: two where nothing is known of it yet."""
    if row["state"] != "done":
        return row["slug"], row["state"]
    claimed = claimed_text(row)
    refuted, unit = (number(row["refuted"]), row["unit"] or "") if claimed else ("", "")
    effect = effect_text(row["effect"]) if row["effect"] else ""
    fewer = row["seeds"] is not None and row["seeds"] < row["planned_seeds"]
    state = f"{row['state']} ({row['seeds']} of {row['planned_seeds']} seeds)" if fewer else row["state"]
    return row["slug"], state, row["verdict"] or "", row["fidelity"] or "", effect, claimed, refuted, unit


def _cut(text: str, room: int | None) -> str:
    return text if room is None or len(text) <= room else text[: max(0, room - 1)].rstrip() + "…" * (room > 0)


def text(described: Mapping[str, Any], *, code: bool = False) -> str:
    """A row for the terminal."""
    state = described["state"] + (f" ({described['why']})" if described["why"] else "")
    lines = [f"{described['slug']}: {described['title']}", *_hung(f"state: {state}"), ""]
    study = described.get("study")
    if study is None:
        lines += _wrapped("Claim", described["claim"])
        lines += _wrapped("Source", described["link"]) if described["link"] else []
        lines += [*_wrapped("Part", described["part"]), *_wrapped("Testbed", described["testbed"])]
    else:
        lines += ["Claim"] + [line for s, q in study["claim"] for line in _hung(f"{s}" + (f" [{q}]" if q else ""))]
        lines += ["", *_wrapped("Source", f"{study['source']} {described['link'] or study['link']}".strip())]
        if study["did"]:
            lines += _wrapped("The paper did", study["did"])
        fidelity = f"Fidelity {study['fidelity']}, {FIDELITIES[study['fidelity']]}. " if not study["unfit"] else ""
        lines += _wrapped("Done here", fidelity + study["here"])
        if asked := subjects_text(study):
            lines += _wrapped("Subjects", asked)
        for heading, key in (("Authors' code", "code"), ("Reconstructed", "reconstructed")):
            if study[key]:
                lines += _wrapped(heading, study[key])
        if described["result"] and described["state"] == "done":
            lines.append(result_text(described["result"]))
        else:
            lines += ["Plan"] + [f"  {p['role']:8}  {p['statement']}: {held_against(p)}" for p in study["parts"]]
        if study["history"]:
            lines += ["", "History"] + [x for c in study["history"] for x in _hung(f"{c['date']}: {c['what']}")]
        lines += _cost(described)
    for note in described["notes"]:
        lines += ["", *_wrapped(f"Note ({note['kind']})", note["text"])[:-1]]
    if described["cited_by"]:
        lines += ["", "Rests on it"]
        lines += [x for c in described["cited_by"] for x in _hung(f"{c['who']} ({c['direction']}): {c['sentence']}")]
    if code and described.get("code"):
        lines += ["", described["code"]]
    return "\n".join(lines)


def _cost(described: Mapping[str, Any]) -> list[str]:
    result = described["result"]
    if not result:
        return []
    lines = ["", "Cost and versions"]
    lines += _hung(
        f"{seeds_text(result)}, {result['seconds']:.0f} s, {result['peak_gib']:.1f} GiB; {machine_text(result)}. "
        f"Reproduce: unseen atlas run {reference(described['slug'])}"
    )
    for told in verified_texts(result):
        lines += _hung(told)
    return lines


def result_text(result: Mapping[str, Any]) -> str:
    """A result for the terminal: the verdict, each part with its interval as a picture, sweeps, what intervals cover."""
    slug, verdict = result["slug"], result["verdict"]
    if verdict is None:
        lines = [f"{slug}: no verdict ({result['why']})"]
        for i, measured in zip(result["seeds"], result["measurements"], strict=True):
            shown = ", ".join(f"{k} {number(v[0] if isinstance(v, list) else v)}" for k, v in measured.items())
            lines += _hung(f"seed {i}: {shown}")
        return "\n".join(lines)
    lines = [f"{slug}: {verdict}" + (" (quick: not a verdict to keep)" if result["quick"] else "")]
    lines += _hung(result["why"]) if result["why"] else []
    for part in result["parts"]:
        lines.append(f"  {part['role']:8}  {part['state']:18}  {part['statement']}")
        estimate = part["estimate"]
        if part["problem"]:
            lines.append(f"            {part['problem']}")
        if estimate is None:
            continue
        lines.append(f"            {part['quantity']} = {effect_text(estimate, part['unit'])}, {held_against(part)}")
        lines.append(f"            {bar(estimate, part['claimed'], part['refuted'])}")
    for sweep in result["sweeps"]:
        shown = ", ".join(f"{s['at']}: {number(s['value'])}" for s in sweep["values"])
        lines += _hung(f"{sweep['part']} over {sweep['name']}: {shown}." + (" The sign changes." * sweep["changes"]))
    lines += [x for sentence in sweeps_told(result) for x in _hung(sentence)]
    units = result["plan"]["units"]
    lines += _hung(f"{seeds_text(result)}, {result['seconds']:.0f} s. Intervals cover {units}")
    return "\n".join(lines)


def pilot_text(found: Mapping[str, Any]) -> str:
    """A pilot for the terminal: gates, controls, spread, and the seeds that the plan needs."""
    first, last = found["pilot"][0], found["pilot"][-1]
    lines = [f"{found['slug']}: pilot on seeds {first} to {last}, {found['seconds_each']:.0f} s each"]
    for part in found["parts"]:
        spread = f", spread {number(part['spread'])}" if part["spread"] is not None else ""
        state = f"  {part['state']:18}" if part["role"] in ("gate", "control") else ""
        lines.append(
            f"  {part['role']:8}{state}  {part['quantity']} {number(part['mean'])}{spread}, {held_against(part)}"
        )
        if part["problem"]:
            lines.append(f"            {part['problem']}")
    for sweep in found["sweeps"]:
        shown = ", ".join(f"{s['at']}: {number(s['value'])}" for s in sweep["values"])
        lines += _hung(f"{sweep['part']} over {sweep['name']}: {shown}." + (" The sign changes." * sweep["changes"]))
    if not found["ready"]:
        lines.append("Not ready: a gate or control fails. Change the set-up before any seed is stored.")
    asked = "more than 89" if found["seeds"] is None else str(found["seeds"])
    lines.append(f"Seeds for 80 % power halfway between refuted and claimed: {asked}; the plan has {found['planned']}.")
    return "\n".join(lines)


def verified_text(found: Mapping[str, Any]) -> str:
    """What a verification came to, for the terminal."""
    if found.get("why"):
        return f"{found['slug']}: {found['outcome']}: {found['why']}"
    seeds = ", ".join(map(str, found["seeds"]))
    lines = [f"{found['slug']}: {found['outcome']} (seeds {seeds}, {found['seconds']:.0f} s)"]
    for d in found["differences"][:12]:
        lines.append(f"  {d['quantity']}, seed {d['seed']}: stored {d['stored']:.6g}, now {d['now']:.6g}")
    return "\n".join(lines)


def bar(estimate: Mapping[str, Any], claimed: float, refuted: float) -> str:
    """An interval as a line of text: ``├──●──┤``, with ``|`` where the claim begins and ``:`` where it is refuted."""
    low, high, value = estimate["low"], estimate["high"], estimate["value"]
    ends = (low, high, value, claimed, refuted)
    left, right = min(ends), max(ends)
    span = (right - left) or 1.0

    def place(x: float) -> int:
        return round((x - left) / span * (COLUMNS - 1))

    cells = [" "] * COLUMNS
    for i in range(place(low), place(high) + 1):
        cells[i] = "─"
    for x, mark in ((low, "├"), (high, "┤"), (refuted, ":"), (claimed, "|"), (value, "●")):
        cells[place(x)] = mark
    return "".join(cells).rstrip()


def _hung(content: str) -> list[str]:
    # Names of studies and paths are copied from here: they are not broken at their hyphens.
    return textwrap.wrap(
        content, 100, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
    )


def _wrapped(heading: str, content: str) -> list[str]:
    return [heading, *textwrap.wrap(content, 96, initial_indent="  ", subsequent_indent="  "), ""]


__all__ = [
    "VERDICTS",
    "bar",
    "describe",
    "documents",
    "html",
    "pilot_text",
    "result_text",
    "table",
    "text",
    "verified_text",
]
