"""MLflow: evaluation tables (``eval_results_table.json``), ``columns`` and ``data`` with ``METRIC/score`` among the columns."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl

from unseen.responses.mapping import Mapping
from unseen.responses.readers._answers import Answer, item_name, model_of, split_table, tabled
from unseen.responses.readers._content import peek

NAME = "mlflow"
METRIC = re.compile(r"(?P<name>.+?)(?:/v\d+)?/(?:score|value)$")
QUESTIONS = ("inputs", "input", "question", "prompt", "request", "query")
TARGETS = ("ground_truth", "targets", "target", "expected_response", "reference", "label")
PREDICTIONS = ("predictions", "prediction", "outputs", "output", "response", "answer")
ITEMS = ("item", "item_id", "id", "request_id", "example_id", "question_id")
HEAD = re.compile(r'"columns"\s*:\s*(\[[^\]]*\])')


def sniff(path: Path) -> bool:
    """Whether a file holds an evaluation table of MLflow."""
    seen = peek(path)
    if seen.kind not in ("json-object", "json-lines") or "columns" not in seen.keys:
        return False
    columns = HEAD.search(seen.text)
    return columns is not None and re.search(r'\\?/(?:score|value)"', columns[1]) is not None


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read one table; ``metric`` names one of its metrics, with or without ``/v1/score``.

    Raises:
        BadInput: It is no such file, or a row has another number of cells than there are columns.
    """
    notes: list[str] = []
    columns, rows = split_table(path)
    metrics = {c: m["name"] for c in columns if (m := METRIC.fullmatch(c))}
    hidden = {c for c in columns if any(c.startswith(f"{name}/") for name in metrics.values())}
    question, target, prediction, item, model = (
        next((n for n in names if n in columns), None)
        for names in (QUESTIONS, TARGETS, PREDICTIONS, ITEMS, ("model", "model_name"))
    )
    roles = {question, target, prediction, item, model, *hidden, "trace", "trace_id"}
    answers: list[Answer] = []
    for number, row in enumerate(rows, 1):
        cells: dict[str, Any] = dict(zip(columns, row, strict=True))
        asked = cells.get(question or "")
        answers.append(
            Answer(
                f"row {number}", item_name(cells.get(item or ""), asked) if item or asked is not None else str(number),
                {name: cells[c] for c, name in metrics.items()}, question=asked,
                model=str(cells[model]) if model and cells[model] is not None else None,
                target=cells.get(target or ""), prediction=cells.get(prediction or ""),
                described={k: v for k, v in cells.items() if k not in roles},
            )
        )  # fmt: skip
    # An artifact lies under RUN/artifacts.
    folders = [p for p in path.resolve().parent.parts if p not in ("artifacts", "/")]
    name = None if model else model_of(path, mapping, notes, None, folders[-1] if folders else None)
    return tabled(path, answers, mapping, notes, model=name), tuple(notes)


__all__ = ["NAME", "read", "sniff"]
