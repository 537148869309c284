"""OpenAI evals: JSON lines of a run: its specification, then events of the types match, metrics and sampling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.responses.mapping import Mapping
from unseen.responses.readers._answers import Answer, is_score, member, model_of, tabled
from unseen.responses.readers._content import json_lines, peek

NAME = "openai-evals"
EVENT = frozenset({"run_id", "event_id", "sample_id", "type", "data"})


def sniff(path: Path) -> bool:
    """Whether a file holds the record of a run of OpenAI evals."""
    seen = peek(path)
    if seen.kind not in ("json-lines", "json-object"):
        return False
    return seen.keys >= EVENT or ("spec" in seen.keys and '"run_id"' in seen.text and '"eval_name"' in seen.text)


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read one run: the events of a sample become one answer.

    Raises:
        BadInput: An event is of a wrong shape, or no sample has a match or a metric.
    """
    notes: list[str] = []
    spec: dict[str, Any] = {}
    samples: dict[str, dict[str, Any]] = {}
    for number, line in json_lines(path):
        place = f"line {number}"
        if "spec" in line:
            spec = member(path, place, line, "spec", dict)
        if line.get("sample_id") is None or "type" not in line:
            continue
        name = str(line["sample_id"])
        kind, data = member(path, place, line, "type", str), member(path, place, line, "data", dict)
        sample = samples.setdefault(name, {"place": place, "metrics": {}})
        if kind == "match":
            sample["metrics"]["correct"] = data.get("correct")
            sample |= {"target": data.get("expected"), "prediction": data.get("picked") or data.get("sampled")}
        elif kind == "metrics":
            sample["metrics"] |= {k: v for k, v in data.items() if is_score(v)}
            sample["described"] = {k: v for k, v in data.items() if not is_score(v)}
        elif kind == "sampling":
            sample.setdefault("question", data.get("prompt"))
            if sample.get("prediction") is None:
                sample["prediction"] = data.get("sampled")
    judged = {n: s for n, s in samples.items() if s["metrics"]}
    if not judged:
        raise BadInput(
            f"{path}: no sample has an event 'match' or 'metrics' ({len(samples):,} samples). Was the run stopped?"
        )
    functions = member(path, "the spec", spec, "completion_fns", list, optional=True)
    model = model_of(path, mapping, notes, functions[0] if functions else None)
    task = spec.get("base_eval") or spec.get("eval_name")
    answers = [
        Answer(
            s["place"], name, s["metrics"], question=s.get("question"), prediction=s.get("prediction"),
            target=s.get("target"), task=task if isinstance(task, str) else None, described=s.get("described", {}),
        )
        for name, s in judged.items()
    ]  # fmt: skip
    if len(judged) < len(samples):
        notes.append(
            f"{path.name}: {len(samples) - len(judged):,} samples were asked but not judged; they are left out."
        )
    return tabled(path, answers, mapping, notes, model=model, first=("correct",)), tuple(notes)


__all__ = ["NAME", "read", "sniff"]
