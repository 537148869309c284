"""SWE-bench: the report of a run (``resolved_ids``), and the ``report.json`` of each instance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.responses.mapping import Mapping
from unseen.responses.readers._answers import Answer, member, model_of, shown, tabled, whole_object
from unseen.responses.readers._content import peek

NAME = "swe-bench"
# Submitted, and not resolved: the tool's own rate counts them in its denominator.
FAILED = (("unresolved_ids", "unresolved"), ("error_ids", "error"), ("empty_patch_ids", "empty patch"))


def sniff(path: Path) -> bool:
    """Whether a file is a report of SWE-bench, of a run or of an instance."""
    seen = peek(path)
    if seen.kind not in ("json-object", "json-lines"):
        return False
    if {"resolved_ids", "submitted_ids"} <= seen.keys or {"resolved_ids", "unresolved_ids"} <= seen.keys:
        return True
    return '"patch_successfully_applied"' in seen.text and '"resolved"' in seen.text


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read one report. Instances that were submitted and have an error or an empty patch are not resolved.

    Raises:
        BadInput: It is no such file, or a list holds something else than names of instances.
    """
    notes: list[str] = []
    report = whole_object(path)
    if "resolved_ids" in report:
        answers = _of_run(path, report, notes)
        # The tool writes MODEL.RUN.json, with "/" in the model's name as "__".
        guessed = path.stem.rpartition(".")[0] or path.stem
    else:
        answers = [_of_instance(path, name, entry) for name, entry in report.items()]
        # logs/run_evaluation/RUN/MODEL/INSTANCE/report.json
        guessed = (
            path.resolve().parent.parent.name if path.resolve().parent.name in report else path.resolve().parent.name
        )
    model = model_of(path, mapping, notes, None, guessed.replace("__", "/")) if answers else None
    return tabled(path, answers, mapping, notes, model=model, keep=("repository",)), tuple(notes)


def _of_run(path: Path, report: dict[str, Any], notes: list[str]) -> list[Answer]:
    outcome: dict[str, str] = {}
    for key, word in (("resolved_ids", "resolved"), *FAILED):
        for name in member(path, "the report", report, key, list, optional=True):
            if not isinstance(name, str):
                raise BadInput(
                    f"{path}: {key!r} holds {shown(name)}, not the name of an instance. The file may be damaged."
                )
            if outcome.setdefault(name, word) == "resolved" != word:
                raise BadInput(
                    f"{path}: {shown(name)} stands in 'resolved_ids' and in {key!r}. Write the report again."
                )
    failed = {word: sum(o == word for o in outcome.values()) for _, word in FAILED[1:]}
    told = [f"{n:,} with an {word}" for word, n in failed.items() if n]
    if told:
        notes.append(f"{path.name}: counted as not resolved, as SWE-bench itself does: {' and '.join(told)}.")
    left = member(path, "the report", report, "incomplete_ids", list, optional=True)
    if left:
        notes.append(f"{path.name}: {len(left):,} of the instances were not submitted and are left out.")
    return [_answer(f"instance {name}", name, word == "resolved") for name, word in outcome.items()]


def _of_instance(path: Path, name: str, entry: Any) -> Answer:
    place = f"instance {shown(name)}"
    if not isinstance(entry, dict) or not isinstance(entry.get("resolved"), bool):
        raise BadInput(f"{path}, {place}: has no 'resolved' that is true or false, but {shown(entry)}.")
    return _answer(place, name, entry["resolved"])


def _answer(place: str, name: str, resolved: bool) -> Answer:
    # An instance is OWNER__REPOSITORY-NUMBER.
    repository = name.rpartition("-")[0].replace("__", "/")
    return Answer(place, name, {"resolved": resolved}, described={"repository": repository} if repository else {})


__all__ = ["NAME", "read", "sniff"]
