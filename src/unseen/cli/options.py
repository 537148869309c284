"""What several verbs do with their options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unseen.errors import BadInput
from unseen.plain_text import value

# Endings of --output that say how it is written.
FORMS = {
    ".html": "html", ".htm": "html", ".json": "json", ".md": "markdown", ".markdown": "markdown", ".sarif": "sarif",
    ".txt": "text", ".text": "text", ".log": "text",
}  # fmt: skip
# Names of formats other than text, and of their endings, with the first ending of each: a file is not meant to be called so.
MEANT = {
    "html": ("html", ".html"), "htm": ("html", ".html"), "json": ("json", ".json"), "markdown": ("markdown", ".md"),
    "md": ("markdown", ".md"), "sarif": ("sarif", ".sarif"), "github": ("github", ".txt"),
}  # fmt: skip


def form_of(output: Path | None) -> str:
    """The format by the ending of a file; text where there is none.

    Raises:
        BadInput: The ending is that of no format: a report in another form than its name says is opened by nothing. Or the
            file has no ending, and is called as a format is: that was meant as the format.

    >>> form_of(Path("report.HTML")), form_of(Path("report")), form_of(None)
    ('html', 'text', 'text')
    """
    ending = output.suffix.lower() if output else ""
    if ending and ending not in FORMS:
        raise BadInput(
            f"--output {output}: no format ends in {ending}; the endings are {', '.join(FORMS)}. Choose one of them, or say how "
            "it is written with --format."
        )
    if output and not ending and output.name.lower() in MEANT:
        form, suffix = MEANT[output.name.lower()]
        raise BadInput(
            f"--output {value(str(output), 60)} names a file, not a format. Write --format {form} for the format, or name the "
            f"file: --output {value(str(output.with_name(output.name + suffix)), 60)}"
        )
    return FORMS.get(ending, "text")


def names_in(given: Sequence[str] | None) -> tuple[str, ...]:
    """Names of one or several options, each possibly a list with commas.

    >>> names_in(["a, b", "c"])
    ('a', 'b', 'c')
    """
    parts = tuple(part.strip() for text in given or () for part in text.split(",") if part.strip())
    if given and not parts:
        raise BadInput(f"{', '.join(given)!r} names nothing. Leave the option out, or name something.")
    return parts
