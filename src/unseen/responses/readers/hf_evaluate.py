"""Hugging Face evaluate: predictions and references in one JSON object, as ``evaluate.save`` writes them."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.responses.mapping import Mapping
from unseen.responses.readers._answers import Answer, item_name, member, model_of, shown, tabled, whole_object
from unseen.responses.readers._content import peek

NAME = "hf-evaluate"
NAMES = ("model", "model_name", "model_name_or_path", "_name_or_path")
LISTED = ("questions", "question", "inputs", "input", "prompts")


def sniff(path: Path) -> bool:
    """Whether a file holds predictions with their references, in columns."""
    seen = peek(path)
    return seen.kind in ("json-object", "json-lines") and {"predictions", "references"} <= seen.keys


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read one file: an answer is right where the prediction is (one of) the reference(s).

    Texts are compared as SQuAD compares them; of two numbers the negative distance is a metric as well. A list in the
    file that is as long as the predictions is a metric or a factor of its own.

    Raises:
        BadInput: Predictions and references differ in number, or can't be compared.
    """
    notes: list[str] = []
    document = whole_object(path)
    predictions, references = (member(path, "the file", document, k, list) for k in ("predictions", "references"))
    if len(predictions) != len(references):
        raise BadInput(
            f"{path}: holds {len(predictions):,} predictions and {len(references):,} references. Save those of the same rows."
        )
    columns = {
        k: v
        for k, v in document.items()
        if isinstance(v, list) and len(v) == len(predictions) and k not in ("predictions", "references")
    }
    asked = next((columns.pop(k) for k in LISTED if k in columns), None)
    # Lists of numbers beside the predictions are scores of the rows (BERTScore's f1, say).
    metrics = {k: columns.pop(k) for k, v in list(columns.items()) if v and all(isinstance(e, float) for e in v)}
    real = any(isinstance(e, float) and not e.is_integer() for e in [*predictions, *references])
    answers: list[Answer] = []
    for row, (given, right) in enumerate(zip(predictions, references, strict=True)):
        place = f"row {row + 1}"
        identity, said = _prediction(path, place, given)
        wanted = _references(path, place, right)
        own: dict[str, Any] = {"exact_match": None if said is None else any(_same(said, w) for w in wanted)}
        if real:
            own["negative_distance"] = _distance(said, wanted)
        answers.append(
            Answer(
                place, item_name(identity) if identity is not None else str(row + 1), own | {k: v[row] for k, v in metrics.items()},
                question=asked[row] if asked else None, prediction=said, target=wanted[0] if wanted else None,
                described={k: v[row] for k, v in columns.items()},
            )
        )  # fmt: skip
    model = model_of(path, mapping, notes, next((document[k] for k in NAMES if document.get(k)), None))
    first = ("negative_distance", "exact_match") if real else ("exact_match",)
    table = tabled(path, answers, mapping, notes, model=model, first=first)
    if (mapping.metric or first[0]) == "exact_match":
        notes.append(f"{path.name}: an answer is right where the prediction is the reference, or one of them.")
    return table, tuple(notes)


def _prediction(path: Path, place: str, given: Any) -> tuple[Any, Any]:
    """Name of the row, where it has one, and what was answered."""
    if isinstance(given, dict):
        # SQuAD: {"id": …, "prediction_text": …}
        if "prediction_text" not in given:
            raise BadInput(f"{path}, {place}: the prediction {shown(given)} has no 'prediction_text'. {_REMEDY}")
        return given.get("id"), given["prediction_text"]
    return None, given


def _references(path: Path, place: str, right: Any) -> list[Any]:
    if isinstance(right, dict):
        answers = member(path, place, right, "answers", dict)
        texts = member(path, place, answers, "text", list)
        # A question without an answer is answered right by nothing.
        return texts or [""]
    if isinstance(right, list):
        if any(isinstance(r, dict | list) for r in right):
            raise BadInput(f"{path}, {place}: the reference {shown(right)} is a list of lists. {_REMEDY}")
        return right
    return [right]


_REMEDY = "Write the score of each row as a list of numbers beside the predictions, and name it with --metric."


def _same(said: Any, wanted: Any) -> bool:
    if isinstance(said, str) and isinstance(wanted, str):
        return _plain(said) == _plain(wanted)
    return type(said) in (int, float, bool, str) and said == wanted


def _plain(words: str) -> str:
    """Text without case, punctuation, articles and further white space (Rajpurkar et al. 2016)."""
    kept = "".join(c for c in words.lower() if c not in string.punctuation)
    plain = " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())
    # Where nothing else is left, the signs are the answer.
    return plain or words.strip()


def _distance(said: Any, wanted: list[Any]) -> float | None:
    numbers = [w for w in wanted if isinstance(w, int | float)]
    try:
        return -min(abs(float(said) - float(w)) for w in numbers) if isinstance(said, int | float) and numbers else None
    except OverflowError:
        return None


__all__ = ["NAME", "read", "sniff"]
