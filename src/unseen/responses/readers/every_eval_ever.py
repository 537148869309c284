"""every_eval_ever, instance level (schema 0.2.1): JSON lines, one evaluated sample a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.responses.columns import ROLES
from unseen.responses.mapping import Mapping
from unseen.responses.readers._content import json_lines, peek
from unseen.responses.readers._fields import text
from unseen.responses.readers._typed import as_list, as_name, as_number, as_object

NAME = "every-eval-ever"


def sniff(path: Path) -> bool:
    """Whether a file holds instances of every_eval_ever."""
    seen = peek(path)
    named = {"evaluation_id", "model_id", "evaluation"} <= seen.keys
    return seen.kind in ("json-lines", "json-object") and named and bool(seen.keys & {"sample_id", "sample_hash"})


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read one file.

    Raises:
        BadInput: A line lacks what the schema requires.
    """
    rows: list[dict[str, Any]] = []
    for number, line in json_lines(path):
        where = f"{path}, line {number}"
        evaluation = line.get("evaluation")
        if not isinstance(evaluation, dict) or not ("score" in evaluation or "is_correct" in evaluation):
            raise BadInput(f"{where}: has no evaluation.score, as every line of this format has.")
        score = as_number(evaluation.get("score"), "evaluation.score", where)
        if score is None:
            score = as_number(evaluation.get("is_correct"), "evaluation.is_correct", where)
        given, output = as_object(line.get("input"), "input", where), as_object(line.get("output"), "output", where)
        attributed = as_list(line.get("answer_attribution"), "answer_attribution", where)
        answers = [a.get("extracted_value") for a in attributed if isinstance(a, dict)]
        metadata = as_object(line.get("metadata"), "metadata", where)
        rows.append({
            "model": mapping.model or as_name(line.get("model_id"), "model_id", where),
            "item": as_name(line.get("sample_id") or line.get("sample_hash"), "sample_id", where),
            "score": score, "prediction": answers[-1] if answers else text(output.get("raw")),
            "target": text(given.get("reference") or None), "question": text(given.get("raw")),
            "task": line.get("evaluation_name"), "content_key": line.get("sample_hash"), "metadata": metadata,
        })  # fmt: skip
    if not rows:
        raise BadInput(f"{path}: holds no line.")
    columns: dict[str, Any] = {
        name: pl.Series(
            name, [row[name] for row in rows], dtype=pl.Float64 if name == "score" else pl.String, strict=False
        )
        for name in ("model", "item", "score", "prediction", "target", "question", "task", "content_key")
    }
    columns = {n: s for n, s in columns.items() if n in ("model", "item", "score") or s.null_count() < len(s)}
    names = dict.fromkeys(name for row in rows for name in row["metadata"])
    for name in names:
        values = pl.Series([row["metadata"].get(name) for row in rows], dtype=pl.String, strict=False)
        public = name if name in ROLES and name not in columns else f"metadata_{name}" if name in columns else name
        columns[public] = _typed(public, values)
    return pl.DataFrame(columns), ()


def _typed(name: str, values: pl.Series) -> pl.Series:
    """Numbers and truth values that the format keeps as texts, as what they are."""
    if name in ROLES and name not in ("confidence", "repeat", "time", "similarity"):
        return values.alias(name)
    present = values.drop_nulls()
    if present.is_in(["true", "false"]).all() and len(present):
        return (values == "true").alias(name)
    for dtype in (pl.Int64, pl.Float64):
        numbers = values.cast(dtype, strict=False)
        if numbers.null_count() == values.null_count():
            return numbers.alias(name)
    if len(present) and present.str.starts_with("[").all() and present.str.ends_with("]").all():
        try:
            return values.str.json_decode(pl.List(pl.String)).alias(name)
        except pl.exceptions.PolarsError:
            pass
    return values.alias(name)
