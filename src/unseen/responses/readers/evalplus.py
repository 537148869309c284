"""EvalPlus and BigCodeBench: ``eval_results.json``, each task with its samples and whether they passed the tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.responses.mapping import Mapping
from unseen.responses.readers._answers import Answer, member, model_of, shown, tabled, whole_object
from unseen.responses.readers._content import peek

NAME = "evalplus"
ENDING = re.compile(r"([-_.]?sanitized)?([-_]calibrated)?[-_.]eval_results$")


def sniff(path: Path) -> bool:
    """Whether a file holds results of EvalPlus or BigCodeBench."""
    seen = peek(path)
    statuses = re.search(r'"(base_status|plus_status|status|base|plus)"', seen.text)
    return seen.kind in ("json-object", "json-lines") and {"date", "eval"} <= seen.keys and statuses is not None


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read one file; ``plus`` (base and extra tests passed) is read where it is there, ``--metric base`` takes the other.

    Raises:
        BadInput: It is no such file, or a status is no text.
    """
    notes: list[str] = []
    tasks = member(path, "the results", whole_object(path), "eval", dict)
    answers: list[Answer] = []
    for task, samples in tasks.items():
        for number, sample in enumerate(_samples(path, task, samples), 1):
            place = f"task {shown(task)}, sample {number}"
            if not isinstance(sample, dict):
                raise BadInput(f"{path}, {place}: is {shown(sample)}, not an object ({{…}}). The file may be damaged.")
            status = {
                name: _passed(path, place, sample, key)
                for name, key in (("base", "base_status"), ("plus", "plus_status"), ("status", "status"))
                if sample.get(key) is not None
            }
            if not status:
                raise BadInput(f"{path}, {place}: has no status. Was the evaluation stopped?")
            if "plus" in status:
                # The extra tests count only for what passes the first ones, as the tool itself counts.
                status["plus"] = status["plus"] and status.get("base", True)
            answers.append(Answer(place, task, status, repeat=number, prediction=sample.get("solution")))
    guessed = ENDING.sub("", path.stem) if ENDING.search(path.stem) else path.resolve().parent.name
    # BigCodeBench writes MODEL--REVISION--bigcodebench-SPLIT--BACKEND….
    guessed = re.split(r"--(?:main--)?bigcodebench-", guessed)[0].replace("--", "/")
    model = model_of(path, mapping, notes, None, guessed) if answers else None
    return tabled(path, answers, mapping, notes, model=model, first=("plus", "base", "status")), tuple(notes)


def _samples(path: Path, task: str, samples: Any) -> list[Any]:
    if isinstance(samples, list):
        return samples
    place = f"task {shown(task)}"
    old = member(path, place, {"samples": samples}, "samples", dict)
    # Before version 0.2 a task held the lists "base" and "plus", each sample [status, details].
    base, plus = (member(path, place, old, k, list, optional=True) for k in ("base", "plus"))
    first = [b[0] if isinstance(b, list) and b else b for b in base]
    extra = [p[0] if isinstance(p, list) and p else p for p in plus] or [None] * len(first)
    return [{"base_status": b, "plus_status": p} for b, p in zip(first, extra, strict=False)]


def _passed(path: Path, place: str, sample: dict[str, Any], key: str) -> bool:
    return member(path, place, sample, key, str).lower() == "pass"


__all__ = ["NAME", "read", "sniff"]
