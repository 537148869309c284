"""Documents in each of their forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from unseen.errors import BadInput

if TYPE_CHECKING:
    from unseen.responses import Responses

# Forms of the other documents; an audit has more.
FORMATS = ("text", "json", "markdown", "html")
Written = Callable[[Mapping[str, Any]], str]


def rendered(
    document: Mapping[str, Any],
    form: str,
    *,
    responses: Responses | None = None,
    full: bool = False,
    color: bool = False,
) -> str:
    """A report as json, html, markdown, github, sarif, or else as text.

    Args:
        document: What ``unseen.report.summary.summarise`` returned.
        form: Which of them.
        responses: The answers, which a page shows behind its findings.
        full: Whether text holds every finding and open question.
        color: Whether text has colours (ANSI codes).
    """
    # Each form loads what it needs alone.
    if form == "json":
        from unseen.report.plain import to_json

        return to_json(document)
    if form == "html":
        from unseen.report import html

        return html.render(document, responses=responses)
    if form == "markdown":
        from unseen.report import markdown

        return markdown.render(document)
    if form == "github":
        from unseen.report import github

        return github.render(document)
    if form == "sarif":
        from unseen.report import sarif

        return sarif.render(document)
    from unseen.report import terminal

    return terminal.text(document, color=color, full=full)


def in_form(document: Mapping[str, Any], form: str, *, text: Written, markdown: Written, html: Written) -> str:
    """A document in one of ``FORMATS``.

    Raises:
        BadInput: There is no such format.
    """
    from unseen.report.plain import to_json

    writers = dict(zip(FORMATS, (text, to_json, markdown, html), strict=True))
    if form not in writers:
        raise BadInput(f"format {form!r} is not one of {', '.join(FORMATS)}.")
    return writers[form](document)


__all__ = ["FORMATS", "in_form", "rendered"]
