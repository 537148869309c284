"""The ranking of remedies as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unseen.plain_text import counted
from unseen.report.improvement import (
    at_worst,
    cost_heads,
    costs_shown,
    gain_heads,
    gains_shown,
    over_words,
    scored,
    settings_words,
    subject,
    subtitle,
    taken_words,
    title,
    why_not,
)
from unseen.report.markdown import escape
from unseen.report.plain import chance, number


def render(document: Mapping[str, Any]) -> str:
    """The document as GitHub-flavoured Markdown; names are escaped, so that they can't add links or HTML."""
    lines = [f"# {escape(title(document))}", "", escape(subtitle(document))]
    for family in document["families"]:
        lines += _family(family)
    lines += ["", f"<sub>unseen {escape(document['unseen_version'])}</sub>", ""]
    return "\n".join(lines)


def _family(family: Mapping[str, Any]) -> list[str]:
    lines = ["", f"## {escape(family['headline'])}", "", escape(family["statement"]), ""]
    lines += [f"- **Next:** {escape(family['next_step'])}", ""]
    heads, costs = gain_heads(family), [h.capitalize() for h in cost_heads(family)]
    lines += [
        f"| Remedy | {' | '.join(h.capitalize() for h in heads)} | Adjusted p | | {' | '.join(costs)} | Settings (tests) |",
        f"|---|{'---|' * len(heads)}---:|---|{'---:|' * len(costs)}---|",
    ]
    for r in family["ranking"]:
        cells = (
            r["remedy"], *gains_shown(r, family), chance(r["adjusted_p"]), r["verdict"], *costs_shown(r, family),
            settings_words(r["chosen"], r["remedy"]),
        )  # fmt: skip
        lines.append(f"| {' | '.join(escape(c) for c in cells)} |")
    heads = [h.capitalize() for h in gain_heads(family, "honest gain")]
    lines += ["", f"| The choice is validated by | {' | '.join(heads)} | Chosen |", f"|---|{'---|' * len(heads)}---|"]
    for s in (family["procedure"], *family["alternatives"]):
        taken = taken_words(s["chosen"], len(family["folds"]), subject(family))
        cells = (s["how"], *gains_shown(s, family, "none"), taken)
        lines.append(f"| {' | '.join(escape(c) for c in cells)} |")
    lines += [
        "",
        f"{counted(family['held_out'], 'held-out set')}, {counted(family['repeats'], 'seed')}; the unchanged {subject(family)} "
        f"scores {scored(family, 'unchanged')}{at_worst(family)}. A gain below {number(family['smallest_gain'])} is not "
        "called help.",
        *(f"\n{escape(sentence)}" for sentence in over_words(family)),
    ]
    for r in family["ranking"]:
        lines += [
            f"- {escape(r['remedy'])} failed in {counted(n, 'fit')}: {escape(w)}" for w, n in r["failures"].items()
        ]
    lines += [f"- {escape(note)}" for note in family["notes"]]
    lines += [
        f"- Not tried ({escape(why)}): {escape(', '.join(n))}." for why, n in why_not(family["not_tried"]).items()
    ]
    return lines
