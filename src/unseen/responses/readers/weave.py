"""Weave: exported calls of ``Evaluation.predict_and_score`` as JSON lines, JSON or CSV (names with dots)."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.responses.mapping import Mapping
from unseen.responses.readers import plain
from unseen.responses.readers._answers import COSTS, Answer, flat, is_score, item_name, model_of, shown, tabled
from unseen.responses.readers._content import json_document, json_lines, peek

NAME = "weave"
OPERATION = "predict_and_score"
# weave:///ENTITY/PROJECT/object/NAME:VERSION
REFERENCE = re.compile(r"weave:///.+?/(?:object|op)/(?P<name>[^:/]+)(?::[^/]*)?")
OUTPUTS = ("output.output", "output.model_output")
TARGETS = ("target", "expected", "answer", "label", "ground_truth", "reference")
QUESTIONS = ("question", "input", "prompt", "query", "text", "sentence")
ITEMS = ("id", "item", "item_id", "question_id", "example_id")


def sniff(path: Path) -> bool:
    """Whether a file holds calls that Weave traced."""
    seen = peek(path)
    if seen.kind in ("json-lines", "json-array", "json-object"):
        return "op_name" in seen.keys and bool(seen.keys & {"trace_id", "inputs", "project_id"})
    header = seen.text.lstrip().split("\n", 1)[0]
    return seen.kind == "text" and "output.scores." in header and ("op_name" in header or "inputs." in header)


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read one export; every scorer's value is a metric, named ``scorer`` or ``scorer.key``.

    Raises:
        BadInput: No call is one of an evaluation, or a score is of a wrong type.
    """
    notes: list[str] = []
    rows = [(place, flat(row)) for place, row in _rows(path, mapping, notes)]
    named = any("op_name" in row for _, row in rows)
    calls = [(p, r) for p, r in rows if not named or OPERATION in str(r.get("op_name"))]
    if not calls:
        kinds = Counter(str(r.get("op_name")) for _, r in rows).most_common(3)
        told = ", ".join(f"{n:,} of {shown(k)}" for k, n in kinds) or "none at all"
        raise BadInput(
            f"{path}: holds no call of Evaluation.{OPERATION}, but {told}. Export the calls under the evaluation."
        )
    if len(calls) < len(rows):
        notes.append(f"{path.name}: {len(rows) - len(calls):,} calls of other operations were passed over.")
    runs: Counter[tuple[str, str]] = Counter()
    answers: list[Answer] = []
    for place, row in calls:
        example = {k.removeprefix("inputs.example."): v for k, v in row.items() if k.startswith("inputs.example.")}
        reference = row.get("inputs.example")
        lowered = {k.lower(): k for k in example}
        used = [next((lowered[n] for n in names if n in lowered), "") for names in (QUESTIONS, TARGETS, ITEMS)]
        asked, right, own = (example.get(name) for name in used)
        item = item_name(own if own is not None else reference, *(asked,) if asked is not None else example.values())
        scores = {k.removeprefix("output.scores."): v for k, v in row.items() if k.startswith("output.scores.")}
        model = _model(row)
        runs[model or "", item] += 1
        metrics = {k: v for k, v in scores.items() if is_score(v) or v is None or not _is_text(k, v)}
        said = next((row[k] for k in OUTPUTS if row.get(k) is not None), None)
        described = {k: v for k, v in example.items() if k not in used}
        answers.append(
            Answer(
                place, item, metrics, model=model, repeat=runs[model or "", item], question=asked, target=right,
                prediction=said, described=described,
            )
        )  # fmt: skip
    model = None if all(a.model for a in answers) else model_of(path, mapping, notes, None)
    return tabled(path, answers, mapping, notes, model=model, prefix="example_"), tuple(notes)


def _rows(path: Path, mapping: Mapping, notes: list[str]) -> list[tuple[str, dict[str, Any]]]:
    kind = peek(path).kind
    if kind == "text":
        table = plain.load(path, mapping, notes)
        return [(f"row {n}", row) for n, row in enumerate(table.iter_rows(named=True), 1)]
    if kind == "json-lines":
        return [(f"line {n}", row) for n, row in json_lines(path)]
    document = json_document(path)
    rows = document if isinstance(document, list) else [document]
    wrong = next((i for i, row in enumerate(rows, 1) if not isinstance(row, dict)), None)
    if wrong is not None:
        raise BadInput(
            f"{path}, call {wrong}: {shown(rows[wrong - 1])} is not an object ({{…}}). Export the calls again."
        )
    return [(f"call {n}", row) for n, row in enumerate(rows, 1)]


def _model(row: dict[str, Any]) -> str | None:
    named = row.get("inputs.model") or row.get("inputs.model.name") or row.get("inputs.model._class_name")
    if not isinstance(named, str):
        return None
    found = REFERENCE.match(named)
    return found["name"] if found else named


def _is_text(name: str, value: Any) -> bool:
    """Whether a scorer's value is its reason or its cost, not a score."""
    return isinstance(value, str | list | dict) or any(c in name.lower() for c in COSTS)


__all__ = ["NAME", "read", "sniff"]
