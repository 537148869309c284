"""HELM run folders: ``per_instance_stats.json`` with ``run_spec.json`` and ``scenario_state.json`` beside it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.plain_text import value as shown
from unseen.responses.mapping import Mapping
from unseen.responses.readers._content import array_items, json_document, peek
from unseen.responses.readers._fields import choose, listed
from unseen.responses.readers._typed import (
    as_list,
    as_name,
    as_number,
    as_object,
    list_or_empty,
    object_or_empty,
    text_or_none,
)

NAME = "helm"
# Counts of tokens and the like describe the run, not the answer.
NOT_SCORES = (
    "num_",
    "finish_reason",
    "training_",
    "inference_",
    "max_prob",
    "batch_size",
    "prompt_truncated",
    "logprob",
)
Key = tuple[str, str | None, int]


def sniff(path: Path) -> bool:
    """Whether a file holds HELM's statistics per instance."""
    seen = peek(path)
    return seen.kind == "json-array" and seen.keys >= {"instance_id", "stats"}


def companion(path: Path) -> bool:
    """Whether a file belongs to a run folder of HELM."""
    seen = peek(path)
    if seen.kind == "json-array":
        return seen.keys >= {"name", "count"} or seen.keys >= {"input", "references"}
    return seen.kind == "json-object" and (
        seen.keys >= {"adapter_spec"} or seen.keys >= {"scenario_spec"} or seen.keys >= {"definition_path", "name"}
    )


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read one run, however large: lists are streamed.

    Args:
        path: The file ``per_instance_stats.json``.
        mapping: ``metric`` chooses among several statistics.

    Returns:
        One row per instance, perturbation and trial. A perturbed instance is a variant of the unperturbed one.

    Raises:
        BadInput: A list is cut off, or no statistic is a score.
    """
    notes: list[str] = []
    spec = _beside(path, "run_spec.json")
    merged: dict[Key, dict[str, float]] = {}
    splits: dict[Key, str | None] = {}
    for number, entry in enumerate(array_items(path), 1):
        if not isinstance(entry, dict) or "instance_id" not in entry:
            raise BadInput(f"{path}, entry {number}: has no instance_id, as every entry of HELM has.")
        # One instance may stand in several entries, each with some of its statistics.
        where = f"{path}, entry {number}"
        trial = _trial(entry)
        if trial is None:
            raise BadInput(
                f"{where}: train_trial_index is {shown(entry['train_trial_index'], 60)!r}, not a whole number."
            )
        key = (as_name(entry["instance_id"], "instance_id", where), _perturbation(entry), trial)
        row = merged.setdefault(key, {})
        for node in as_list(entry.get("stats"), "stats", where):
            stat = as_object(node, "a statistic", where)
            named = stat.get("name")
            name = as_name(named.get("name") if isinstance(named, dict) else named, "the name of a statistic", where)
            value = as_number(stat.get("mean"), f"the mean of {name}", where)
            count = as_number(stat.get("count"), f"the count of {name}", where)
            total = as_number(stat.get("sum"), f"the sum of {name}", where)
            if value is None and count:
                value = math.nan if total is None else total / count
            if value is not None:
                row[name] = value
            if isinstance(named, dict):
                splits.setdefault(key, text_or_none(named.get("split")))
    if not merged:
        raise BadInput(f"{path}: holds no instance.")
    metric = _metric(path, merged, mapping.metric, notes)
    keys = list(merged)
    texts = _texts(path, set(keys))
    adapter = object_or_empty(spec.get("adapter_spec"))
    model = mapping.model or adapter.get("model")
    if not model:
        model = path.resolve().parent.name
        notes.append(f"{path}: no run_spec.json beside it, so the model is called by its folder (--model sets it).")
    missing = sum(metric not in merged[k] for k in keys)
    if missing:
        notes.append(f"{missing:,} of {len(keys):,} instances have no {metric}; they are unlabelled, not wrong.")
    columns: dict[str, Any] = {
        "model": [str(model)] * len(keys),
        "item": [_item(k) for k in keys],
        "score": pl.Series([merged[k].get(metric) for k in keys], dtype=pl.Float64),
        "task": [_task(spec, path)] * len(keys),
        "instance_split": pl.Series([splits.get(k) for k in keys], dtype=pl.String),
    }
    if any(k[1] for k in keys):
        columns["variant_of"] = pl.Series([k[0] if k[1] else None for k in keys], dtype=pl.String)
        columns["perturbation"] = [k[1] or "none" for k in keys]
    if len({k[2] for k in keys}) > 1:
        columns["repeat"] = [k[2] for k in keys]
    for name in ("question", "target", "prediction", "sub_split"):
        values = [texts.get(k, {}).get(name) for k in keys]
        if any(v is not None for v in values):
            columns[name] = pl.Series(values, dtype=pl.String)
    for name, value in object_or_empty(object_or_empty(spec.get("scenario_spec")).get("args")).items():
        if isinstance(value, str | int | float | bool) and name not in columns:
            columns[name] = [value] * len(keys)
    return pl.DataFrame(columns), tuple(notes)


def _trial(entry: dict[str, Any]) -> int | None:
    given = entry.get("train_trial_index") or 0
    return int(given) if isinstance(given, int) or (isinstance(given, str) and given.isdecimal()) else None


def _item(key: Key) -> str:
    return f"{key[0]}~{key[1]}" if key[1] else key[0]


def _perturbation(entry: dict[str, Any]) -> str | None:
    given = entry.get("perturbation")
    return None if not given else str(given.get("name", given)) if isinstance(given, dict) else str(given)


def _beside(path: Path, name: str) -> dict[str, Any]:
    other = path.parent / name
    document = json_document(other) if other.is_file() else {}
    return document if isinstance(document, dict) else {}


def _task(spec: dict[str, Any], path: Path) -> str:
    name = str(spec.get("name") or path.resolve().parent.name)
    # The name of a run lists its arguments; the model among them would make each model a task of its own.
    head, _, arguments = name.partition(":")
    kept = [a for a in arguments.split(",") if a and not a.startswith(("model=", "model_deployment="))]
    return f"{head}:{','.join(kept)}" if kept else head.split(",model=")[0]


def _metric(path: Path, merged: dict[Key, dict[str, float]], wanted: str | None, notes: list[str]) -> str:
    found = dict.fromkeys(name for row in merged.values() for name in row)
    scores = [name for name in found if not name.startswith(NOT_SCORES)] or list(found)
    metric = wanted if wanted in found else choose(scores, wanted)
    if metric is None:
        asked = f"no statistic {wanted!r}" if wanted else "no statistic that could be a score"
        raise BadInput(f"{path}: {asked}; there are {listed(found) or 'none'}. Choose one with --metric.")
    if wanted is None and len(scores) > 1:
        notes.append(
            f"Statistic {metric!r} was read; the run also has {listed(s for s in scores if s != metric)} (--metric chooses)."
        )
    return metric


def _texts(path: Path, keys: set[Key]) -> dict[Key, dict[str, str | None]]:
    """Question, right answer and answer from the scenario state, where it lies beside."""
    state = path.parent / "scenario_state.json"
    found: dict[Key, dict[str, str | None]] = {}
    if not state.is_file():
        return found
    for entry in array_items(state, "request_states"):
        entry = object_or_empty(entry)
        instance = object_or_empty(entry.get("instance"))
        key = (str(instance.get("id")), _perturbation(instance), _trial(entry) or 0)
        # Multiple choice is asked once per choice; the first stands for the instance.
        if key not in keys or key in found:
            continue
        references = [object_or_empty(r) for r in list_or_empty(instance.get("references"))]
        right = [
            object_or_empty(r.get("output")).get("text")
            for r in references
            if "correct" in list_or_empty(r.get("tags"))
        ]
        completions = list_or_empty(object_or_empty(entry.get("result")).get("completions"))
        found[key] = {
            "question": text_or_none(object_or_empty(instance.get("input")).get("text")),
            "target": text_or_none(right[0]) if right else None,
            "prediction": text_or_none(object_or_empty(completions[0]).get("text")) if completions else None,
            "sub_split": text_or_none(instance.get("sub_split")),
        }
    return found
