"""py-irt: JSON lines, one subject a line with its responses; missing cells are fine."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from unseen.errors import BadInput
from unseen.plain_text import value as shown
from unseen.responses.mapping import Mapping
from unseen.responses.readers._content import json_lines, peek
from unseen.responses.readers._typed import as_name, as_number

NAME = "py-irt"


def sniff(path: Path) -> bool:
    """Whether a file holds subjects of py-irt."""
    seen = peek(path)
    return seen.kind in ("json-lines", "json-object") and seen.keys >= {"subject_id", "responses"}


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read one file.

    Raises:
        BadInput: A response is no number, or a subject comes twice.
    """
    models: list[str] = []
    items: list[str] = []
    scores: list[float | None] = []
    seen: dict[str, int] = {}
    for number, line in json_lines(path):
        where = f"{path}, line {number}"
        subject, responses = as_name(line.get("subject_id"), "subject_id", where), line.get("responses")
        if not isinstance(responses, dict):
            raise BadInput(
                f"{path}, line {number}: 'responses' of subject {subject!r} is not an object of item: score."
            )
        if subject in seen:
            raise BadInput(
                f"{path}, line {number}: subject {subject!r} stood in line {seen[subject]} already. Give each run its own name."
            )
        seen[subject] = number
        for item, score in responses.items():
            models.append(subject)
            items.append(str(item))
            scores.append(as_number(score, f"the response to {shown(item, 60)!r}", where))
    if not models:
        raise BadInput(f"{path}: holds no response.")
    return pl.DataFrame({"model": models, "item": items, "score": pl.Series(scores, dtype=pl.Float64)}), ()
