"""Findings as Markdown, for a pull request or a model card."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from unseen.plain_text import screened
from unseen.report import baseline, first
from unseen.report.plain import interval
from unseen.report.words import by_check, expectations, headline, joined_step, subtitle, title_case, what

SIGNS = {"found": "🔴", "undecided": "🟡", "clear": "🟢", "not_applicable": "⚪"}
STATUS = {"found": "found", "undecided": "undecided", "clear": "clear", "not_applicable": "not judged"}
MAX_SUBJECTS = 12
# Models of the score table beyond these are counted.
MAX_MODELS = 30


def render(document: Mapping[str, Any]) -> str:
    """The document as GitHub-flavoured Markdown; names are escaped, so that they can't add links or HTML."""
    if first.told(document) and "baseline" not in document:
        lines = _first(document)
    else:
        lines = [f"# {headline(document)}", "", escape(subtitle(document)), "", *_since(document)]
        lines += ["| | Question | Verdict |", "|---|---|---|"]
        lines += [
            f"| {SIGNS[f['status']]} {STATUS[f['status']]} | {f['title']} | {escape(f['verdict'])} |"
            for f in document["families"]
        ]
    expected = expectations(document)
    if expected:
        lines += ["", "**What to expect.** " + escape(" ".join(expected))]
    for code, findings in by_check(document["findings"], "found").items():
        lines += ["", *_check(code, findings)]
    lines += _open_questions(document)
    lines += ["", f"<sub>unseen {escape(document['unseen_version'])}</sub>", ""]
    return "\n".join(lines)


def _first(document: Mapping[str, Any]) -> list[str]:
    """Verdict, score table, stories, what is open."""
    lines = [f"# {escape(document['verdict']['sentence'])}", ""]
    columns, (shown, cut) = first.columns(document), first.rows(document, MAX_MODELS)
    if shown:
        lines += [
            f"| {' | '.join(c.name for c in columns)} |",
            f"|{'|'.join('---:' if c.numeric else '---' for c in columns)}|",
        ]
        rows = [f"| {' | '.join(escape(first.cell(row, c)) for c in columns)} |" for row in shown]
        if cut:
            left = len(document["scores"]["rows"]) - len(shown)
            rows.insert(cut, f"| … {left} more between |{' |' * (len(columns) - 1)}")
        lines += [*rows, ""]
    lines += [escape(first.between(document)), ""] if first.between(document) else []
    if document["stories"]:
        lines += ["| | Story | Models | | Findings |", "|---|---|---|---|---|"]
        lines += [f"| {' | '.join(escape(cell) for cell in row)} |" for row in first.stories(document)]
        lines += ["", *(f"{n}. {escape(s['sentence'])}" for n, s in enumerate(document["stories"], 1)), ""]
    others = first.rest(document)
    lines += [f"Also: {escape(' · '.join(others))}", ""] if others else []
    step = first.start(document)
    lines += [f"**→ {escape(step)}**", ""] if step else []
    return [
        *lines,
        " · ".join(
            escape(t)
            for t in (what(document), first.counts(document), first.silent(document), first.known(document))
            if t
        ),
    ]


def _since(document: Mapping[str, Any]) -> list[str]:
    """What became of each model since the baseline."""
    told = baseline.rows(document)
    lines = [escape(s) for s in baseline.beside(document)] if "baseline" in document else []
    if not told:
        return [*lines, ""] if lines else []
    heads = baseline.headings(document)
    table = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 2) + "---|"]
    table += [f"| {' | '.join(escape(c) for c in row)} |" for row in told]
    turned = next((f for f in baseline.changes(document) if f["details"]["examples"]), None)
    listed = turned["details"]["examples"][:5] if turned else []
    names = ", ".join(escape(str(row["item"])) for row in listed)
    worse = "from right to wrong" if baseline.of_right_and_wrong(document) else "much worse"
    said = [f"First items of {escape(turned['details']['model'])} that turned {worse}: {names}.", ""] if turned else []
    return [*table, "", *said, *lines, ""]


def escape(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line and inside a table.

    >>> escape("a|b <i> [x](y) *z*")
    'a\\|b &lt;i&gt; \\[x\\](y) \\*z\\*'
    """
    line = " ".join(screened(str(text)).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_\[\]|~])", r"\\\1", line)
    # An address or a mention would become a link or notify somebody.
    return re.sub(r"(?<=http)(s?):(?=//)", r"\1&#58;", line).replace("@", "&#64;")


def _check(code: str, findings: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"## {code} {escape(title_case(findings[0]['title']))}", ""]
    step = joined_step(findings)
    if len(findings) == 1:
        lines.append(escape(findings[0]["statement"]))
    else:
        lines += ["| Subject | Estimate | Units | Statement |", "|---|---|---:|---|"]
        lines += [_row(f) for f in findings[:MAX_SUBJECTS]]
        if len(findings) > MAX_SUBJECTS:
            lines += ["", f"{len(findings) - MAX_SUBJECTS} more stand in the HTML and JSON reports."]
    steps = [step] if step else list(dict.fromkeys(f["next_step"] for f in findings[:MAX_SUBJECTS]))
    return [*lines, "", *(f"- **Next:** {escape(s)}" for s in steps)]


def _row(finding: Mapping[str, Any]) -> str:
    e = finding["estimate"]
    numbers = (escape(interval(e)), f"{e['units']:,}") if e else ("–", "–")
    return f"| {escape(finding['subject']['name'])} | {numbers[0]} | {numbers[1]} | {escape(finding['statement'])} |"


def _open_questions(document: Mapping[str, Any]) -> list[str]:
    undecided = by_check(document["findings"], "undecided")
    lines: list[str] = []
    if undecided:
        lines += ["", "## Undecided", "", "Not a pass: the data exclude neither no effect nor one that matters.", ""]
    lines += [_open(code, findings) for code, findings in undecided.items()]
    unjudged = by_check(document["findings"], "not_applicable")
    if not unjudged:
        return lines
    lines += ["", "## Could not be judged", "", "Not a pass: these questions are open.", ""]
    lines += [f"- {escape(e['how'])} Unlocks {', '.join(e['checks'])}." for e in document["unlock"]]
    for code, findings in unjudged.items():
        own = [f for f in findings if not f["unlocks"]]
        if own:
            lines.append(_open(code, own))
    return lines


def _open(code: str, findings: Sequence[Mapping[str, Any]]) -> str:
    more = f" ({len(findings)} subjects)" if len(findings) > 1 else ""
    first = findings[0]
    return f"- {code} {escape(first['title'])}{more}: {escape(first['statement'])} {escape(first['next_step'])}"


__all__ = ["escape", "render"]
