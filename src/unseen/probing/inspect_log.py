"""The answers of a probe as a log of Inspect: ``inspect view`` opens it, and so do its readers and ours."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from datetime import UTC, datetime
from typing import Any

import polars as pl

from unseen.learners.questions.layout import LETTERS
from unseen.version import __version__

SCORER = "unseen"
MARK = "unseen_probe"
# Columns that are fields of a sample; all others go to its metadata.
FIELDS = (
    "model", "item", "score", "prediction", "target", "question", "choices", "raw_answer", "as_asked", "repeat",
)  # fmt: skip


def name_of(model: str, when: datetime) -> str:
    """A file name as Inspect gives them, so that its listings sort it.

    >>> name_of("openai/gpt-5", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02T03-04-05-00-00_unseen-probe_openai-gpt-5.eval'
    """
    return f"{when.strftime('%Y-%m-%dT%H-%M-%S')}-00-00_unseen-probe_{re.sub(r'[^A-Za-z0-9.-]+', '-', model)[:60]}.eval"


def written(table: pl.DataFrame, settings: dict[str, Any], when: datetime | None = None) -> bytes:
    """The archive.

    Args:
        table: As ``table.answered`` makes it.
        settings: Of the probe, as plain data: it is shown beside the log.
        when: Of the probe; now by default.
    """
    moment = (when or datetime.now(UTC)).isoformat(timespec="seconds")
    model = str(table["model"][0])
    samples = [_sample(row, model) for row in table.iter_rows(named=True)]
    header = _header(table, model, moment, settings, samples)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        start = {"version": 2, "eval": header["eval"], "plan": header["plan"]}
        archive.writestr("_journal/start.json", _json(start))
        for sample in samples:
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", _json(sample))
        archive.writestr("summaries.json", _json([_summary(sample) for sample in samples]))
        archive.writestr("header.json", _json(header))
    return made.getvalue()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)


def _header(
    table: pl.DataFrame, model: str, moment: str, settings: dict[str, Any], samples: list[Any]
) -> dict[str, Any]:
    # The same answers have the same name.
    digest = hashlib.sha256(_json(samples).encode()).hexdigest()
    score = float(table["score"].to_numpy().mean())
    epochs = max(sample["epoch"] for sample in samples)
    ids = list(dict.fromkeys(sample["id"] for sample in samples))
    plan = {"name": "plan", "steps": [{"solver": "generate", "params": {}}], "config": {}}
    return {
        "version": 2, "status": "success",
        "eval": {
            "eval_id": digest[:22], "run_id": digest[22:44], "created": moment, "task": "unseen-probe", "task_id": digest[:22],
            "task_version": 0, "task_attribs": {}, "task_args": {}, "model": model, "model_args": {},
            "model_generate_config": _generation(settings), "config": {"epochs": epochs}, "packages": {"unseen": __version__},
            "dataset": {"name": "unseen-probe", "samples": len(ids), "sample_ids": ids, "shuffled": False},
            "scorers": [{"name": SCORER, "options": {}, "metrics": [{"name": "accuracy", "options": {}}]}],
            "metadata": {MARK: __version__, **settings},
        },
        "plan": plan,
        "results": {
            "total_samples": len(samples), "completed_samples": len(samples),
            "scores": [{"name": SCORER, "scorer": SCORER, "params": {},
                        "metrics": {"accuracy": {"name": "accuracy", "value": score, "params": {}}}}],
        },
        "stats": {"started_at": moment, "completed_at": moment, "model_usage": {}},
    }  # fmt: skip


def _generation(settings: dict[str, Any]) -> dict[str, Any]:
    return {k: settings[k] for k in ("temperature", "max_tokens") if settings.get(k) is not None}


def _sample(row: dict[str, Any], model: str) -> dict[str, Any]:
    options = row.get("choices")
    target = str(row["target"])
    if options and target in options:
        target = LETTERS[options.index(target)]
    said = {"role": "assistant", "content": row["raw_answer"], "source": "generate", "model": model}
    kept = {k: v for k, v in row.items() if k not in FIELDS and v is not None}
    score = {1.0: "C", 0.0: "I"}.get(row["score"], row["score"])
    return {
        "id": row["item"], "epoch": int(row.get("repeat") or 0) + 1, "input": row["question"], "choices": options,
        "target": target, "messages": [*_prompt(row), said],
        "output": {"model": model, "choices": [{"message": said, "stop_reason": "stop"}], "completion": row["raw_answer"]},
        "scores": {SCORER: {"value": score, "answer": row["prediction"], "explanation": row["raw_answer"]}},
        "metadata": kept, "store": {}, "events": [], "model_usage": {}, "attachments": {},
    }  # fmt: skip


def _prompt(row: dict[str, Any]) -> list[dict[str, str]]:
    """The messages that were sent, as far as the table tells them."""
    told = json.loads(row["as_asked"])["prompt"] if row.get("as_asked") else row["question"]
    messages = [{"role": "user", "content": told}] if isinstance(told, str) else told
    return [{**m, "source": "input"} for m in messages]


def _summary(sample: dict[str, Any]) -> dict[str, Any]:
    kept = ("id", "epoch", "input", "choices", "target", "scores", "model_usage")
    # Summaries hold scalars alone, and short ones.
    scalars = {
        k: v[:1000] if isinstance(v, str) else v
        for k, v in sample["metadata"].items()
        if not isinstance(v, list | dict)
    }
    return {**{k: sample[k] for k in kept}, "metadata": scalars, "completed": True}
