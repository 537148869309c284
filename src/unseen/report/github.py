"""Findings as annotations of a GitHub workflow, and as the summary of its step."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unseen.plain_text import line, screened
from unseen.report import first, markdown
from unseen.report.words import by_check, headline

# GitHub shows ten warnings a step; the last one tells of the rest.
MAX_ANNOTATIONS = 10


def render(document: Mapping[str, Any]) -> str:
    """One ``::warning`` line for each finding, the heaviest of each check first, and a ``::notice`` with the verdict.

    Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
    """
    # What is known and accepted warns nobody.
    new = [f for f in document["findings"] if f.get("accepted", {}).get("state") != "accepted"]
    groups = by_check(new, "found")
    # The heaviest of each check first: ten lines about one check would hide the others.
    found = sorted((f for group in groups.values() for f in group), key=lambda f: f is not groups[f["code"]][0])
    shown = found if len(found) <= MAX_ANNOTATIONS else found[: MAX_ANNOTATIONS - 1]
    said = (
        document["verdict"]["sentence"] if first.told(document) and "baseline" not in document else headline(document)
    )
    lines = [f"::notice title=unseen::{data(said)}"]
    lines += [
        f"::warning title={parameter(_title(f))}::{data(f['statement'] + ' Next: ' + f['next_step'])}" for f in shown
    ]
    if len(shown) < len(found):
        lines.append(f"::warning title=unseen::{len(found) - len(shown)} more findings: see the summary of this step.")
    return "\n".join(lines) + "\n"


def unjudged(sentences: Sequence[str]) -> str:
    r"""One ``::error`` line for each check that was to fail the job and could not be judged.

    >>> unjudged(["U705 could not be judged: No baseline is given."])
    '::error title=unseen::U705 could not be judged: No baseline is given.\n'
    """
    return "".join(f"::error title=unseen::{data(line(sentence))}\n" for sentence in sentences)


def write_summary(document: Mapping[str, Any], unjudged: Sequence[str] = ()) -> Path | None:
    """Append the Markdown report to the step's summary, where a workflow names one in GITHUB_STEP_SUMMARY.

    Args:
        document: The audit.
        unjudged: Of the checks that were to fail the job, what says that they could not be judged.

    Returns:
        The file; None where no workflow names one.
    """
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return None
    with Path(name).open("a", encoding="utf-8") as file:
        for sentence in unjudged:
            file.write(f"**Fails:** {markdown.escape(line(sentence))}\n\n")
        file.write(markdown.render(document))
    return Path(name)


def data(text: str) -> str:
    r"""A message on one line: a name can't start a workflow command of its own.

    >>> data("50 %\n::error::x")
    '50 %25%0A:\u200b:error::x'
    """
    return screened(str(text)).replace("%", "%25").replace("\n", "%0A")


def parameter(text: str) -> str:
    """A property of a command, in which colons and commas have a meaning too.

    >>> parameter("a:b,c")
    'a%3Ab%2Cc'
    """
    return data(text).replace(":", "%3A").replace(",", "%2C")


def _title(finding: Mapping[str, Any]) -> str:
    return f"{finding['code']} {finding['title']}, {finding['subject']['name']}"


__all__ = ["data", "parameter", "render", "unjudged", "write_summary"]
