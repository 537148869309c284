"""An audit in a notebook: verdict, and tabs of stories, scores and findings; no script, no frame, nothing loaded."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from unseen.plain_text import counted
from unseen.report import baseline, first, first_html, tables
from unseen.report.pages import asset, template
from unseen.report.words import headline, subtitle, what

# Findings beyond these are left to the frame.
MAX_ROWS = 200


def render(document: Mapping[str, Any]) -> str:
    """The audit as a piece of HTML that stands in any page: its rules hold for itself alone.

    Tabs are radio buttons: they need no script, which many notebooks do not run. Where styles are stripped (GitHub), all
    panels are shown one after the other.

    Args:
        document: The audit.
    """
    from markupsafe import Markup

    uid = f"unseen-{uuid.uuid4().hex[:8]}"
    findings = document["findings"]
    found = [f for f in findings if f["outcome"] == "found"]
    parts = (
        first_html.parts(document, ()) if first.told(document) else {"heads": [], "rows": [], "stories": [], "rest": []}
    )
    since = tables.since(document)
    responses = document["responses"] or {}
    named = {
        "Since the baseline": since,
        f"Stories ({len(parts['stories'])})": parts["stories"],
        "Scores": parts["heads"],
        f"Findings ({len(found):,})": found,
        "Open": open_ if (open_ := _open(findings)) else None,
        "Data": True,
    }
    tabs = [name for name, there in named.items() if there]
    # One rule a tab: what is checked shows the panel at the same place.
    rules = "".join(
        f"#{uid} .tabs > input:nth-of-type({n}):checked ~ .panel:nth-of-type({n}) {{ display: block; }}\n"
        for n in range(1, len(tabs) + 1)
    )
    told = document.get("verdict")
    return template("notebook.html.j2").render(
        **{name: parts.get(name) for name in ("heads", "rows", "between", "stories", "rest", "level", "lost", "tiers")},
        uid=uid,
        # Both are of this package, not input.
        style=Markup(asset("notebook.css") + rules),  # noqa: S704
        verdict=told["sentence"] if told else headline(document),
        subtitle=subtitle(document) if "baseline" in document or not parts["heads"] else what(document),
        silent=first.silent(document),
        tabs=tabs,
        since=since,
        beside=baseline.beside(document) if "baseline" in document else [],
        found=_found(found) if found else None,
        example=found[0]["code"] if found else "",
        open=_open(findings),
        facts=tables.facts(document["responses"]),
        notes=responses.get("notes", []),
        factors=tables.factors(responses["factors"]) if responses.get("factors") else None,
        sources=document["sources"],
        version=document["unseen_version"],
    )


def _found(findings: Sequence[Mapping[str, Any]]) -> tables.Table:
    rows = [
        [
            tables.Cell(f["code"], None, "code"), tables.text(f["subject"]["name"]), tables.cell(f["estimate"]),
            tables.Cell(f["statement"], None, "text"), tables.Cell(f["next_step"], None, "text"),
        ]
        for f in findings[:MAX_ROWS]
    ]  # fmt: skip
    names = (("code", False), ("subject", False), ("estimate", True), ("statement", False), ("next step", False))
    return tables.Table("", [tables.Column(*name) for name in names], rows, max(0, len(findings) - MAX_ROWS))


def _open(findings: Sequence[Mapping[str, Any]]) -> list[tables.Table]:
    """What is undecided, and what could not be judged."""
    made: list[tables.Table] = []
    for outcome, title, build in (
        ("undecided", "Undecided, which is not a pass", tables.undecided),
        ("not_applicable", "Could not be judged", tables.unjudged),
    ):
        own = [f for f in findings if f["outcome"] == outcome]
        if own:
            table = build(own)
            count = counted(len(own), "question")
            made.append(tables.Table(f"{title} ({count})", table.columns, table.rows[:MAX_ROWS], table.left_out))
    return made


__all__ = ["render"]
