"""The atlas as Markdown: one page over all rows, and one page a study that is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unseen.atlas.citing import citations, citers
from unseen.atlas.judging import VERDICTS
from unseen.atlas.ledger import ORDER, Entry, counts, ledger
from unseen.atlas.plan import FIDELITIES
from unseen.atlas.runner import notes
from unseen.atlas.sweeping import sweeps_told
from unseen.atlas.wording import (
    effect_text,
    held_against,
    machine_text,
    number,
    seeds_text,
    subjects_text,
    verified_texts,
)


def documents(folder: Path | None = None) -> dict[str, str]:
    """Markdown by path: ``atlas.md``, and ``atlas/SLUG.md`` for every study that is done.

    Args:
        folder: Where results lie; by default with the package, and the user's own.
    """
    entries = ledger(folder)
    made = {"atlas.md": overview(entries)}
    made |= {f"atlas/{e.row.slug}.md": study_page(e) for e in entries if e.state == "done"}
    return made


def reliance(entries: list[Entry] | None = None) -> str:
    """How far the atlas may be relied on, in two sentences with counts by verdict and fidelity."""
    found = counts(entries)
    done = sum(n for k, n in found.items() if k not in ("stale", "planned"))
    listed = list[str]()
    for verdict in VERDICTS:
        by_fidelity = {f: found[key] for f in FIDELITIES if (key := f"{verdict} ({f})") in found}
        if by_fidelity:
            parts = ", ".join(f"{n} {f}" for f, n in by_fidelity.items())
            listed.append(f"{sum(by_fidelity.values())} {verdict} ({parts})")
    return (
        f"Of {sum(found.values())} claims, {done} have a verdict that stands: {', '.join(listed) or 'none'}; "
        f"{found.get('stale', 0)} are stale and {found.get('planned', 0)} planned. Only fidelity A and B speak of a paper's own "
        "claim; C and D say whether the effect is seen in a proxy, and stale or planned rows say nothing."
    )


def overview(entries: list[Entry]) -> str:
    """The page over all rows."""
    lines = [
        "# Atlas",
        "",
        reliance(entries),
        "",
        "A verdict follows by rule from roles and thresholds that were written down before the run: **supported** where "
        "gates and controls hold and every headline lies beyond what is claimed, **weaker than claimed** between refuted "
        "and claimed, **contradicted** beyond refuted, **inconclusive** where the interval reaches over a threshold, **not "
        "testable here** where a gate or control fails. With a proxy (fidelity C or D) the words are **seen here** and "
        "**not seen here**.",
        "",
        "| study | verdict | fidelity | effect | claimed | refuted | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for e in sorted(entries, key=lambda e: ORDER[e.state]):
        if e.state == "done":
            d = e.to_dict()
            cells = (f"[{d['slug']}](atlas/{d['slug']}.md)", d["verdict"], d["fidelity"], effect_text(d["effect"], d["unit"]),
                     number(d["claimed"]), number(d["refuted"]), f"{d['seconds']:.0f}")  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## Stale or planned", "", "| study | state | wave | title |", "|---|---|---|---|"]
    lines += [
        f"| {e.row.slug} | {e.state} | {e.row.wave} | {linked(e)} |"
        for e in sorted(entries, key=lambda e: ORDER[e.state])
        if e.state != "done"
    ]
    return "\n".join(lines) + "\n"


def study_page(e: Entry) -> str:
    """The page of a study that is done."""
    result = e.result or {}
    plan: Mapping[str, Any] = result["plan"]
    link = f" [{e.link}]({e.link})" if e.link else ""
    lines = [
        f"# {e.row.title}",
        "",
        f"**{result['verdict']}**. {result['why']}".rstrip(),
        "",
        f"{plan['source']}{link}",
        "",
    ]
    lines += [*(f"- {sentence} (`{quantity}`)" for sentence, quantity in plan["claim"]), ""]
    lines += [f"**The paper.** {plan['did']}", ""]
    lines += [f"**Here.** Fidelity {plan['fidelity']}, {FIDELITIES[plan['fidelity']]}. {plan['here']}", ""]
    lines += [f"**Subjects.** {subjects_text(plan)}", ""] if subjects_text(plan) else []
    lines += [f"**Authors' code.** {plan['code']}", ""] if plan["code"] else []
    lines += [f"**Reconstructed.** {plan['reconstructed']}", ""] if plan["reconstructed"] else []
    lines += [
        "## Parts",
        "",
        "| role | part | held against | estimate | state | thresholds from |",
        "|---|---|---|---|---|---|",
    ]
    for part in result["parts"]:
        cut = f" Mechanism cut: {part['cuts']}." if part["cuts"] else ""
        cells = (part["role"], _cell(part["statement"] + cut), held_against(part), effect_text(part["estimate"], part["unit"]),
                 part["state"], _cell(part["basis"]))  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    for sweep in result["sweeps"]:
        lines += ["", f"## Swept: {sweep['name']} (`{sweep['part']}`)", "", "| value | estimate |", "|---|---|"]
        lines += [
            f"| {_cell(s['at'])} | {effect_text(s['estimate']) if s['estimate'] else number(s['value'])} |"
            for s in sweep["values"]
        ]
    for sentence in sweeps_told(result):
        lines += ["", _cell(sentence)]
    if plan["history"]:
        lines += ["", "## History", "", *(f"- {c['date']}: {c['what']}" for c in plan["history"])]
    for note in notes().get(e.row.slug, []):
        lines += ["", f"**Note ({note['kind']}).** {note['text']}"]
    lines += [
        "",
        "## Cost",
        "",
        f"{seeds_text(result)}, {result['seconds']:.0f} s, {result['peak_gib']:.1f} GiB; {machine_text(result)}.",
        *verified_texts(result),
    ]
    lines += ["", f"Intervals cover {plan['units']}", "", "```text", f"unseen atlas run {e.row.slug}", "```"]
    who = citers().get(e.row.slug, [])
    if who:
        lines += ["", "## Rests on it", ""]
        lines += [f"- {name} ({citations()[name][e.row.slug][0]}): {citations()[name][e.row.slug][1]}" for name in who]
    return "\n".join(lines) + "\n"


def linked(e: Entry) -> str:
    """The title of a row, with the address of its paper."""
    return f"[{_cell(e.row.title)}]({e.row.link})" if e.row.link else _cell(e.row.title)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
