"""Writing responses: Parquet, and JSON lines of every_eval_ever (instance level, schema 0.2.1)."""

from __future__ import annotations

import hashlib
import io
import json
import math
from pathlib import Path
from typing import Any, Literal

import polars as pl

from unseen.errors import BadInput
from unseen.files import write_atomically
from unseen.responses.columns import ScoreKind

Format = Literal["parquet", "every_eval_ever"]
SCHEMA_VERSION = "instance_level_eval_0.2.1"
SUFFIXES: dict[str, Format] = {".parquet": "parquet", ".pq": "parquet", ".jsonl": "every_eval_ever"}
# What the format has a place for; every other column goes to its metadata, as text.
PLACED = frozenset({"model", "item", "score", "prediction", "target", "question", "choices"})


def write(table: pl.DataFrame, kind: ScoreKind, path: str | Path, *, format: Format | None = None) -> Path:
    """Write responses to a file, whole or not at all.

    Args:
        table: The long table of responses.
        kind: What its scores can be.
        path: The file; ``.parquet`` or ``.jsonl`` says the format.
        format: ``parquet`` keeps everything; ``every_eval_ever`` keeps further columns as texts in its metadata, and
            leaves unlabelled rows out, because the format requires a score.

    Returns:
        The path.

    Raises:
        BadInput: The format is not known, or the file can't be written.

    >>> import tempfile
    >>> rows = pl.DataFrame({"model": ["m", "m"], "item": ["a", "b"], "score": [1.0, 0.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(rows, ScoreKind("binary"), folder + "/r.parquet").name
    'r.parquet'
    """
    path = Path(path)
    chosen = format or SUFFIXES.get(path.suffix.lower())
    if chosen == "parquet":
        buffer = io.BytesIO()
        table.write_parquet(buffer)
        write_atomically(path, buffer.getvalue())
    elif chosen == "every_eval_ever":
        write_atomically(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in instances(table, kind)))
    else:
        raise BadInput(
            f"{path}: no format for {format or path.suffix!r}; write .parquet, or .jsonl for every_eval_ever."
        )
    return path


def instances(table: pl.DataFrame, kind: ScoreKind) -> list[dict[str, Any]]:
    """The labelled rows as instances of every_eval_ever.

    Answers are taken as single turns. A score is correct from the middle of its range on (above 0 where it has none).
    """
    middle = (kind.low + kind.high) / 2 if kind.name != "unbounded" else 0.0

    def right(score: float) -> bool:
        return score > middle if kind.name == "unbounded" else score >= middle

    columns = table.columns
    rest = [c for c in columns if c not in PLACED and c != "task"]
    lines: list[dict[str, Any]] = []
    for row in table.filter(pl.col("score").is_not_null()).iter_rows(named=True):
        question, target = _text(row.get("question")), _text(row.get("target"))
        name = _text(row.get("task")) or "unseen"
        prediction = _text(row.get("prediction"))
        line: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "evaluation_id": f"{name}/{row['model']}",
            "model_id": row["model"],
            "evaluation_name": name,
            "sample_id": row["item"],
            "sample_hash": sample_hash(question, target) if question is not None else None,
            "interaction_type": "single_turn",
            "input": {"raw": question or "", "reference": [] if target is None else [target]},
            "output": {"raw": [] if prediction is None else [prediction]},
            "answer_attribution": [],
            "evaluation": {"score": row["score"], "is_correct": right(row["score"])},
        }  # fmt: skip
        if row.get("choices") is not None:
            line["input"]["choices"] = (
                [str(c) for c in row["choices"]] if isinstance(row["choices"], list) else [str(row["choices"])]
            )
        metadata = {c: _metadata(row[c]) for c in rest if row[c] is not None and not _is_nan(row[c])}
        if metadata:
            line["metadata"] = metadata
        lines.append(line)
    return lines


def sample_hash(question: str, target: str | None) -> str:
    """Hash of input and reference, by which items are matched across files."""
    return hashlib.sha256((question + (target or "")).encode("utf-8", "surrogatepass")).hexdigest()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _metadata(value: Any) -> str:
    """A value as the format wants it: text; lists as JSON, truth values in small letters."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).lower() if isinstance(value, bool) else str(value)


__all__ = ["SCHEMA_VERSION", "instances", "sample_hash", "write"]
