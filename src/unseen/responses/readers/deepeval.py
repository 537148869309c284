"""DeepEval: test runs as JSON (``DEEPEVAL_RESULTS_FOLDER``, ``.deepeval/.latest_test_run.json``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from unseen.responses.mapping import Mapping
from unseen.responses.readers._answers import Answer, item_name, member, model_of, tabled, whole_object
from unseen.responses.readers._content import peek

NAME = "deepeval"


def sniff(path: Path) -> bool:
    """Whether a file holds a test run of DeepEval."""
    seen = peek(path)
    return seen.kind in ("json-object", "json-lines") and (
        "testRunData" in seen.keys or ("testCases" in seen.keys and not seen.keys & {"item", "score"})
    )


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read one test run; ``success`` (all metrics passed) is read unless ``metric`` names one of them.

    Raises:
        BadInput: It is no such file, or a value is of a wrong type.
    """
    notes: list[str] = []
    run = whole_object(path)
    if "testRunData" in run:
        run = member(path, "the test run", run, "testRunData", dict)
    cases = member(path, "the test run", run, "testCases", list, optional=True)
    cases = cases + member(path, "the test run", run, "conversationalTestCases", list, optional=True)
    answers = [_answer(path, f"test case {number}", case) for number, case in enumerate(cases, 1)]
    settings = member(path, "the test run", run, "hyperparameters", dict, optional=True)
    found = next((v for k, v in settings.items() if str(k).lower() in ("model", "model_name", "llm")), None)
    model = model_of(path, mapping, notes, found) if answers else path.stem
    return tabled(path, answers, mapping, notes, model=model, first=("success",)), tuple(notes)


def _answer(path: Path, place: str, case: Any) -> Answer:
    metrics: dict[str, Any] = {}
    judged = member(path, place, {"case": case}, "case", dict)
    if case.get("success") is not None:
        metrics["success"] = case["success"]
    for data in member(path, place, judged, "metricsData", list, optional=True):
        name = member(path, place, data, "name", str)
        metrics[name] = data.get("score")
    described = dict(member(path, place, case, "metadata", dict, optional=True))
    described |= member(path, place, case, "additionalMetadata", dict, optional=True)
    return Answer(
        place, item_name(case.get("name"), case.get("input"), case.get("scenario"), place), metrics,
        question=case.get("input") or case.get("scenario"), prediction=case.get("actualOutput"),
        target=case.get("expectedOutput") or case.get("expectedOutcome"), described=described,
    )  # fmt: skip


__all__ = ["NAME", "read", "sniff"]
