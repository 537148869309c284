"""From the records of a log to a table: one metric is chosen, values of a wrong type are told with their place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.plain_text import names as named
from unseen.plain_text import value as shortened
from unseen.responses.mapping import Mapping as Columns
from unseen.responses.readers._content import json_document
from unseen.responses.readers._fields import LOSSES, PREFERRED, NoMetric, content_key, factor_columns, text
from unseen.responses.words import RIGHT, WRONG, negated

# What a run costs is no measure of how good an answer is; read only where the user asks for it.
COSTS = ("latency", "cost", "token", "duration", "time", "threshold", "count")
TYPES: dict[type, str] = {dict: "an object ({…})", list: "a list ([…])", str: "a text", int: "a number"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as a log holds it, before a metric is chosen.

    Attributes:
        place: Where it stands in the file, for messages.
        item: What was asked.
        metrics: Name → value as the log has it; a metric that this answer was not judged by is absent.
        model: Who answered; None where the file names one model for all.
        question: Text of the question.
        prediction: What was answered.
        target: The right answer.
        task: Where the log holds several tasks.
        repeat: Number of the run.
        cluster: What was made together, such as one test under several prompts.
        described: Whatever else the log says of the item, possible factors.
    """

    place: str
    item: str
    metrics: Mapping[str, Any]
    model: str | None = None
    question: Any = None
    prediction: Any = None
    target: Any = None
    task: str | None = None
    repeat: int | None = None
    cluster: str | None = None
    described: Mapping[str, Any] = field(default_factory=dict[str, Any])


def tabled(
    path: Path, answers: Sequence[Answer], mapping: Columns, notes: list[str],
    *, model: str | None = None, first: Iterable[str] = (), prefix: str = "metadata_", keep: Iterable[str] = (),
) -> pl.DataFrame:  # fmt: skip
    """A table of answers under one metric.

    Args:
        path: The file.
        answers: At least one.
        mapping: ``metric`` and ``model`` of the user.
        notes: Sentences on what was chosen and left out are added.
        model: Who gave the answers that name no model.
        first: Metrics to take before the usual ones, the best first.
        prefix: Put before a described name that means something else here.
        keep: Described names that are factors however many levels they have.

    Raises:
        BadInput: No answer, no such metric, or a value that is no score; the message names the place.
    """
    if not answers:
        raise BadInput(f"{path}: holds no answer. Was the evaluation stopped before it wrote any?")
    metric = chosen_metric(path, answers, mapping.metric, notes, first)
    kept = [a for a in answers if metric in a.metrics]
    if len(kept) < len(answers):
        missing = next(a for a in answers if metric not in a.metrics)
        notes.append(
            f"{path.name}: {len(answers) - len(kept):,} of {len(answers):,} rows have no {metric!r} "
            f"(first: {missing.place}) and were left out."
        )
    scores = [number(path, a.place, metric, a.metrics[metric]) for a in kept]
    unscored = scores.count(None)
    if unscored == len(scores):
        raise BadInput(
            f"{path}: metric {metric!r} is empty in all of {len(scores):,} rows. Choose another with --metric."
        )
    if unscored:
        notes.append(
            f"{path.name}: {metric!r} is empty in {unscored:,} of {len(scores):,} rows; they are unlabelled, not wrong."
        )
    # "toxicity/v1/score" and "noise_sensitivity(mode=relevant)" are losses by their first word.
    if re.split(r"[(/]", metric.lower())[0] in LOSSES and not mapping.negated:
        scores = [None if s is None else -s for s in scores]
        notes.append(negated(metric))
    columns: dict[str, pl.Series] = {
        "model": pl.Series([mapping.model or a.model or model or path.stem for a in kept], dtype=pl.String),
        "item": pl.Series([a.item for a in kept], dtype=pl.String),
        "score": pl.Series(scores, dtype=pl.Float64),
    }
    texts = {
        "prediction": [text(a.prediction) for a in kept], "target": [text(a.target) for a in kept],
        "question": [text(a.question) for a in kept], "task": [a.task for a in kept],
        "cluster": [a.cluster for a in kept],
    }  # fmt: skip
    columns |= {n: pl.Series(v, dtype=pl.String) for n, v in texts.items() if any(e is not None for e in v)}
    repeats = [a.repeat for a in kept]
    if len({r for r in repeats if r is not None}) > 1:
        columns["repeat"] = pl.Series(repeats, dtype=pl.Int64)
    wanted = {*mapping.factors, *mapping.columns.values(), *keep}
    # The other metrics are no factors of the item, but a user may name one.
    factors = factor_columns([a.described for a in kept], keep=wanted, prefix=prefix)
    return pl.DataFrame({**columns, **{n: s for n, s in factors.items() if n not in columns}})


def model_of(path: Path, mapping: Columns, notes: list[str], found: Any, guessed: str | None = None) -> str:
    """The model's name: the user's, else that in the file, else one from the file's name or folder, which is said."""
    if mapping.model:
        return mapping.model
    if isinstance(found, str) and found.strip():
        return found
    name = guessed or path.stem
    notes.append(f"{path.name}: names no model, so it is called {shown(name)} by its file or folder (--model sets it).")
    return name


def chosen_metric(
    path: Path, answers: Sequence[Answer], wanted: str | None, notes: list[str], first: Iterable[str] = ()
) -> str:
    """The metric that was asked for, else the plainest there is, which is said.

    Raises:
        BadInput: There is no such metric, or none that is a score.
    """
    found = dict.fromkeys(name for a in answers for name in a.metrics)
    if wanted is not None:
        # A metric may be named in full or, where that is clear, by its last part.
        near = [n for n in found if n == wanted] or [
            n for n in found if wanted in n.split("/") or n.endswith(f".{wanted}")
        ]
        if not near:
            raise NoMetric(
                f"{path}: no metric {wanted!r}; the metrics are {named(found) or 'none'}. Choose one with --metric."
            )
        return near[0]
    scored = [n for n in found if any(is_score(a.metrics[n]) for a in answers if n in a.metrics)]
    plain = [n for n in scored if not any(c in n.lower() for c in COSTS)] or scored
    if not plain:
        raise BadInput(
            f"{path}: holds no metric that is one number or pass/fail an answer; the metrics are {named(found) or 'none'}."
        )
    order = [*first, *PREFERRED, "correct", "is_correct", "success", "passed"]

    def rank(name: str) -> tuple[int, bool]:
        # What lies within 0 … 1 everywhere is a share; a length or a count of words is not.
        values = [a.metrics[name] for a in answers if is_score(a.metrics.get(name))]
        wide = any(isinstance(v, int | float) and not 0 <= v <= 1 for v in values)
        return (order.index(name) if name in order else len(order)), wide

    metric = min(plain, key=rank)
    if len(plain) > 1:
        rest = named([n for n in plain if n != metric], 6)
        notes.append(f"Metric {metric!r} was read; the log also has {rest} (--metric chooses).")
    return metric


def is_score(given: Any) -> bool:
    """Whether a value is a number, or a word for right or wrong."""
    if isinstance(given, str):
        return given.strip().lower() in (*RIGHT, *WRONG) or _parsed(given) is not None
    return isinstance(given, bool | int | float)


def number(path: Path, place: str, metric: str, given: Any) -> float | None:
    """A score as a number; None, NaN and "" are unscored, which is not 0.

    Raises:
        BadInput: It is neither a number nor a word for right or wrong.
    """
    if given is None or given == "":
        return None
    try:
        value = (
            _parsed(given)
            if isinstance(given, str)
            else float(given)
            if isinstance(given, bool | int | float)
            else None
        )
    except OverflowError:
        value = None
    if isinstance(given, str) and value is None:
        word = given.strip().lower()
        value = 1.0 if word in RIGHT else 0.0 if word in WRONG else None
    if value is None or math.isinf(value):
        raise BadInput(
            f"{path}, {place}: {metric!r} is {shown(given)}, which is neither a number nor pass or fail. "
            "Choose another with --metric."
        )
    return None if math.isnan(value) else value


def _parsed(given: str) -> float | None:
    try:
        return float(given)
    except ValueError:
        return None


def member(path: Path, place: str, record: Any, key: str, kind: type, *, optional: bool = False) -> Any:
    """One member of an object, of the type that its format says.

    Args:
        path: The file.
        place: Where the object stands.
        record: The object.
        key: Name of the member.
        kind: ``dict``, ``list`` or ``str``.
        optional: Whether it may be missing or null; then the empty value of its type is given.

    Raises:
        BadInput: It is missing, or of another type.
    """
    value = record.get(key) if isinstance(record, dict) else None
    if value is None and optional:
        return kind()
    if not isinstance(value, kind):
        what = f"is {shown(value)}, not {TYPES[kind]}" if value is not None else "is missing"
        raise BadInput(f"{path}, {place}: {key!r} {what}. The file may be damaged, or of another version of the tool.")
    return value


def split_table(path: Path) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of a JSON table written as ``{"columns": […], "data": [[…], …]}``.

    Raises:
        BadInput: A row is no list, or has another number of cells than there are columns.
    """
    document = whole_object(path)
    columns = [str(c) for c in member(path, "the table", document, "columns", list)]
    rows = member(path, "the table", document, "data", list)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != len(columns):
            what = f"has {len(row)} cells, the table {len(columns)} columns" if isinstance(row, list) else "is no list"
            raise BadInput(f"{path}, row {number}: {what}: {shown(row)}. The file may be damaged; write it again.")
    return columns, rows


def shown(given: Any) -> str:
    r"""A wrong value as it stands in a message: in quotes, cut, on one line.

    >>> print(shown({"a": [1, 2]}), shown("x" * 100)[-4:])
    '{"a": [1, 2]}' xx…'
    """
    words = given if isinstance(given, str) else json.dumps(given, default=str)
    return f"'{shortened(words[:400], 60)}'"


def whole_object(path: Path) -> dict[str, Any]:
    """A file that is one JSON object.

    Raises:
        BadInput: It is not JSON, or something else than an object.
    """
    document = json_document(path)
    if not isinstance(document, dict):
        raise BadInput(f"{path}: is {shown(document)}, not an object ({{…}}). The file may be damaged; write it again.")
    return document


def item_name(given: Any, *content: Any) -> str:
    """The name that the log gives an item, else one from its content.

    >>> item_name(7), item_name(None, "2 + 2") == item_name("", "2 +  2")
    ('7', True)
    """
    if given is None or given == "" or isinstance(given, dict | list):
        return content_key(*[text(c) for c in content])
    return str(given)


def flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as one, with dots in the names.

    >>> flat({"a": {"b": 1, "c": {"d": 2}}, "e": [3]})
    {'a.b': 1, 'a.c.d': 2, 'e': [3]}
    """
    result: dict[str, Any] = {}
    stack: list[tuple[str, Any]] = [(prefix, record)]
    while stack:
        name, value = stack.pop()
        if isinstance(value, dict) and value:
            stack += [(f"{name}.{key}" if name else str(key), v) for key, v in reversed(value.items())]
        elif name:
            result[name] = value
    return result


__all__ = [
    "Answer",
    "chosen_metric",
    "flat",
    "is_score",
    "item_name",
    "member",
    "model_of",
    "number",
    "shown",
    "split_table",
    "tabled",
    "whole_object",
]
