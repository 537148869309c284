"""promptfoo: results as JSON (``promptfoo eval -o out.json``) or JSON lines; tests under several prompts and providers."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.responses.mapping import Mapping
from unseen.responses.readers._answers import Answer, member, tabled, whole_object
from unseen.responses.readers._content import json_lines, peek

NAME = "promptfoo"
# What promptfoo calls a call that failed, as against an answer that failed its assertions.
ERROR = 2


def sniff(path: Path) -> bool:
    """Whether a file holds results of promptfoo."""
    seen = peek(path)
    if seen.kind == "json-object" and {"evalId", "results"} <= seen.keys:
        return True
    return seen.kind in ("json-lines", "json-object") and {"promptIdx", "testIdx", "success"} <= seen.keys


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read one file of results.

    A test is a cluster where it was asked under several prompts. Calls that ended in an error are unlabelled.

    Raises:
        BadInput: It is no such file, or a value is of a wrong type.
    """
    notes: list[str] = []
    results = _results(path)
    tests: dict[str, str] = {}
    runs: Counter[tuple[str, str]] = Counter()
    # Each pair of prompt and provider has its own index, so a prompt is known by its text.
    prompts = {t: f"prompt {i}" for i, t in enumerate(dict.fromkeys(_prompt(r) for _, r in results), 1)}
    answers: list[Answer] = []
    errors = 0
    for place, result in results:
        if not isinstance(result, dict):
            raise BadInput(f"{path}, {place}: is no object ({{…}}). The file may be damaged.")
        case = member(path, place, result, "testCase", dict, optional=True)
        variables = member(path, place, result, "vars", dict, optional=True) or member(
            path, place, case, "vars", dict, optional=True
        )
        metadata = member(path, place, case, "metadata", dict, optional=True)
        key = json.dumps([case.get("description"), variables, case.get("assert")], sort_keys=True, default=str)
        test = tests.setdefault(key, f"test {len(tests) + 1}")
        provider = result.get("provider")
        named = provider.get("label") or provider.get("id") if isinstance(provider, dict) else provider
        model, prompt = str(named or "unknown"), prompts[_prompt(result)]
        item = f"{test}, {prompt}" if len(prompts) > 1 else test
        failed = result.get("failureReason") == ERROR
        errors += failed
        scores = member(path, place, result, "namedScores", dict, optional=True)
        own = {"success": result.get("success"), "score": result.get("score")}
        metrics = dict.fromkeys(own) if failed else own | scores
        runs[model, item] += 1
        shown = member(path, place, result, "prompt", dict, optional=True)
        response = result.get("response")
        answers.append(
            Answer(
                place, item, metrics, model=model, question=shown.get("raw"), repeat=runs[model, item],
                prediction=response.get("output") if isinstance(response, dict) else response,
                cluster=test if len(prompts) > 1 else None,
                described={**variables, **metadata, **({"prompt": shown.get("label")} if len(prompts) > 1 else {})},
            )
        )  # fmt: skip
    if errors:
        notes.append(f"{path.name}: {errors:,} calls ended in an error of the provider; they have no score.")
    return tabled(path, answers, mapping, notes, first=("success",), prefix="vars_"), tuple(notes)


def _results(path: Path) -> list[tuple[str, Any]]:
    keys = peek(path).keys
    if "evalId" not in keys or "promptIdx" in keys:
        return [(f"line {number}", row) for number, row in json_lines(path)]
    document = whole_object(path)
    results = document.get("results")
    # Versions before 3 kept the list under the summary as well.
    rows = results if isinstance(results, list) else member(path, "results", results, "results", list)
    return [(f"result {number}", row) for number, row in enumerate(rows, 1)]


def _prompt(result: Any) -> str:
    prompt = result.get("prompt") if isinstance(result, dict) else None
    prompt = prompt if isinstance(prompt, dict) else {}
    return str(prompt.get("label") or result.get("promptId") or "") if isinstance(result, dict) else ""


__all__ = ["NAME", "read", "sniff"]
