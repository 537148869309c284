"""every_eval_ever, instance level (schema 0.2.1): JSON lines, one evaluated sample a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.responses.mapping import Mapping
from unseen.responses.readers._content import json_lines, peek
from unseen.responses.readers._fields import text
from unseen.responses.table import ROLES

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
        evaluation = line.get("evaluation")
        if not isinstance(evaluation, dict) or not ("score" in evaluation or "is_correct" in evaluation):
            raise BadInput(f"{path}, line {number}: has no evaluation.score, as every line of this format has.")
        score = evaluation.get("score")
        if score is None and evaluation.get("is_correct") is not None:
            score = float(evaluation["is_correct"])
        given, output = line.get("input") or {}, line.get("output") or {}
        answers = [a.get("extracted_value") for a in line.get("answer_attribution") or [] if isinstance(a, dict)]
        metadata = {str(k): v for k, v in (line.get("metadata") or {}).items()}
        rows.append({
            "model": mapping.model or line.get("model_id"), "item": line.get("sample_id") or line.get("sample_hash"),
            "score": score, "prediction": answers[-1] if answers else text(output.get("raw")),
            "target": text(given.get("reference") or None), "question": given.get("raw"),
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
