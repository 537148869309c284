"""What several verbs do with their options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unseen.errors import BadInput

# Endings of --output that say how it is written; anything else is text.
FORMS = {".html": "html", ".htm": "html", ".json": "json", ".md": "markdown", ".txt": "text", ".sarif": "sarif"}


def form_of(output: Path | None) -> str:
    """The format by the ending of a file; text where there is none.

    >>> form_of(Path("report.HTML")), form_of(None)
    ('html', 'text')
    """
    return FORMS.get(output.suffix.lower() if output else "", "text")


def names_in(given: Sequence[str] | None) -> tuple[str, ...]:
    """Names of one or several options, each possibly a list with commas.

    >>> names_in(["a, b", "c"])
    ('a', 'b', 'c')
    """
    parts = tuple(part.strip() for text in given or () for part in text.split(",") if part.strip())
    if given and not parts:
        raise BadInput(f"{', '.join(given)!r} names nothing. Leave the option out, or name something.")
    return parts
