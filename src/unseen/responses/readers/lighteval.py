"""lighteval: ``details_<task>_<time>.parquet`` with the columns doc, metric and model_response (or in underscores)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.responses.mapping import Mapping
from unseen.responses.readers._content import peek
from unseen.responses.readers._fields import LOSSES, choose, content_key, factor_columns, listed, softmax_max, text
from unseen.responses.readers._typed import as_object, list_or_empty, object_or_empty
from unseen.responses.words import negated

NAME = "lighteval"
SPELLINGS = (("doc", "metric", "model_response"), ("__doc__", "__metric__", "__model_response__"))
TIME = re.compile(r"\d{4}-\d\d-\d\dT")


def _spelling(path: Path) -> tuple[str, str, str] | None:
    try:
        names = pl.read_parquet_schema(path).keys()
    except (pl.exceptions.PolarsError, OSError):
        return None
    return next((s for s in SPELLINGS if names >= set(s)), None)


def sniff(path: Path) -> bool:
    """Whether a file holds details of lighteval."""
    return peek(path).kind == "parquet" and _spelling(path) is not None


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read the details of one task.

    Raises:
        BadInput: There is no such metric, or a metric is no number.
    """
    notes: list[str] = []
    spelling = _spelling(path) or SPELLINGS[0]
    table = pl.read_parquet(path, columns=list(spelling))
    docs, metrics, answers = (table[name].to_list() for name in spelling)
    if not docs:
        raise BadInput(f"{path}: holds no row.")
    doc_name, metric_name, answer_name = spelling
    places = [f"{path}, row {i}" for i in range(1, len(docs) + 1)]
    docs = [as_object(doc, doc_name, where) for doc, where in zip(docs, places, strict=True)]
    metrics = [as_object(row, metric_name, where) for row, where in zip(metrics, places, strict=True)]
    answers = [as_object(row, answer_name, where) for row, where in zip(answers, places, strict=True)]
    if not all(docs):
        raise BadInput(f"{places[docs.index({})]}: {doc_name} is missing or empty.")
    numeric = dict.fromkeys(n for row in metrics for n, v in row.items() if isinstance(v, bool | int | float))
    metric = choose(numeric, mapping.metric)
    if metric is None:
        asked = f"no metric {mapping.metric!r}" if mapping.metric else "no metric that is one number a row"
        raise BadInput(f"{path}: {asked}; the metrics are {listed(numeric) or 'none'}. Choose one with --metric.")
    if mapping.metric is None and len(numeric) > 1:
        notes.append(
            f"Metric {metric!r} was read; the log also has {listed(n for n in numeric if n != metric)} (--metric chooses)."
        )
    sign = -1.0 if metric in LOSSES and not mapping.negated else 1.0
    if sign < 0:
        notes.append(negated(metric))
    model, task = mapping.model or _model(path, notes), _task(path, docs[0])
    scores = [None if row.get(metric) is None else sign * float(row[metric]) for row in metrics]
    said = [_answer(doc, answer) for doc, answer in zip(docs, answers, strict=True)]
    targets = [_target(doc) for doc in docs]
    questions = [text(doc.get("original_query") or doc.get("query")) for doc in docs]
    columns: dict[str, Any] = {
        "model": [model] * len(docs),
        "item": [str(doc.get("id") if doc.get("id") not in (None, "") else i) for i, doc in enumerate(docs)],
        "score": pl.Series(scores, dtype=pl.Float64),
        "prediction": pl.Series([s[0] for s in said], dtype=pl.String),
        "target": pl.Series(targets, dtype=pl.String),
        "question": pl.Series(questions, dtype=pl.String),
        "task": [task] * len(docs),
        "content_key": [content_key(q, t) for q, t in zip(questions, targets, strict=True)],
    }
    if any(s[1] is not None for s in said):
        columns["confidence"] = pl.Series([s[1] for s in said], dtype=pl.Float64)
    factors = factor_columns([object_or_empty(doc.get("specific")) for doc in docs], keep=mapping.factors)
    return pl.DataFrame({**columns, **{n: s for n, s in factors.items() if n not in columns}}), tuple(notes)


def _model(path: Path, notes: list[str]) -> str:
    """The folders between ``details`` and the time: the file itself does not name the model."""
    folders = list(path.resolve().parts[:-1])
    if folders and TIME.match(folders[-1]):
        folders.pop()
    if "details" in folders:
        inner = folders[len(folders) - folders[::-1].index("details") :]
        if inner:
            return "/".join(inner)
    notes.append(
        f"{path.name}: lies in no folder details/<model>/<time>, so the model is called {folders[-1]!r} (--model sets it)."
    )
    return folders[-1]


def _task(path: Path, doc: dict[str, Any]) -> str:
    name = doc.get("task_name")
    return str(name) if name else re.sub(r"^details_|_\d{4}-\d\d-\d\dT.*$", "", path.stem)


def _target(doc: dict[str, Any]) -> str | None:
    gold, choices = doc.get("gold_index"), list_or_empty(doc.get("choices"))
    first = gold[0] if isinstance(gold, list) and gold else gold
    return str(choices[first]).strip() if isinstance(first, int) and 0 <= first < len(choices) else None


def _answer(doc: dict[str, Any], answer: dict[str, Any]) -> tuple[str | None, float | None]:
    """What was answered; the softmax over the choices, where there is one log-probability a choice."""
    logs, choices = list_or_empty(answer.get("logprobs")), list_or_empty(doc.get("choices"))
    texts = answer.get("text_post_processed") or answer.get("text") or []
    texts = [texts] if isinstance(texts, str) else list_or_empty(texts)
    if len(logs) == len(choices) > 1 and all(isinstance(v, int | float) for v in logs):
        best, confidence = softmax_max([float(v) for v in logs])
        return str(choices[best]).strip(), confidence
    return (str(texts[0]).strip() if texts and texts[0] is not None else None), None
