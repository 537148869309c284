"""A plan as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unseen.report.markdown import escape
from unseen.report.plan import reading, sheets, statement, subtitle, title


def render(document: Mapping[str, Any]) -> str:
    """The document as GitHub-flavoured Markdown; names are escaped, so that they can't add links or HTML."""
    lines = [f"# {escape(title(document))}", "", escape(subtitle(document)), "", escape(statement(document))]
    for heading, heads, rows in sheets(document):
        lines += ["", f"## {escape(heading)}", "", f"| {' | '.join(map(escape, heads))} |", "|---" * len(heads) + "|"]
        lines += [f"| {' | '.join(map(escape, row))} |" for row in rows]
    lines += ["", *(f"- {escape(line)}" for line in reading(document))]
    return "\n".join([*lines, "", f"<sub>unseen {escape(document['unseen_version'])}</sub>", ""])
