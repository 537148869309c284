"""Ragas: rows of ``evaluate(…).to_pandas()`` as CSV, JSON or JSON lines; the texts, and a column a metric."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import polars as pl

from unseen.responses.mapping import Mapping
from unseen.responses.readers import plain
from unseen.responses.readers._answers import Answer, item_name, model_of, tabled
from unseen.responses.readers._content import peek

NAME = "ragas"
# Names of Ragas 0.1 to 0.4 for one text: those of today first.
QUESTION, RESPONSE = ("user_input", "question"), ("response", "answer")
REFERENCE = ("reference", "ground_truth", "ground_truths")
CONTEXTS = ("retrieved_contexts", "contexts", "reference_contexts", "retrieved_context_ids", "reference_context_ids")
METRICS = (
    "answer_correctness", "factual_correctness", "exact_match", "nv_accuracy", "agent_goal_accuracy", "tool_call_accuracy",
    "tool_call_f1", "semantic_similarity", "answer_similarity", "string_present", "answer_relevancy", "faithfulness",
    "faithfulness_with_hhem", "nv_response_groundedness", "nv_context_relevance", "context_precision", "context_recall",
    "context_utilization", "context_relevancy", "context_entity_recall", "llm_context_precision_with_reference",
    "llm_context_precision_without_reference", "non_llm_context_precision_with_reference", "non_llm_context_recall",
    "id_based_context_precision", "id_based_context_recall", "non_llm_string_similarity", "bleu_score", "chrf_score",
    "rouge_score", "summary_score", "topic_adherence", "data_compare_score", "llm_sql_equivalence_with_reference",
    "noise_sensitivity", "multi_modal_faithful_rate", "multi_modal_relevance_rate", "instance_rubrics",
    "domain_specific_rubrics",
)  # fmt: skip


def sniff(path: Path) -> bool:
    """Whether a file holds rows of Ragas: its names for the texts, and one of its metrics."""
    seen = peek(path)
    names = seen.keys
    if seen.kind == "text" and plain.separator(seen.text) == ",":
        names = frozenset(next(csv.reader([seen.text.lstrip().splitlines()[0][:10_000]]), []))
    elif seen.kind not in ("json-array", "json-lines"):
        return False
    texts = [sum(n in names for n in group) for group in (QUESTION, RESPONSE, REFERENCE, CONTEXTS)]
    ours = bool(names & {"user_input", *CONTEXTS})
    return ours and sum(map(bool, texts)) >= 2 and "score" not in names and any(_is_metric(n) for n in names)


def read(path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read one file.

    Raises:
        BadInput: It is no table, or a metric holds something else than numbers.
    """
    notes: list[str] = []
    table = plain.load(path, mapping, notes)
    found = {n: next((c for c in g if c in table.columns), "") for n, g in
             (("question", QUESTION), ("response", RESPONSE), ("reference", REFERENCE))}  # fmt: skip
    metrics = [c for c in table.columns if _is_metric(c) or c == mapping.metric]
    texts = {*found.values(), *CONTEXTS, *metrics, "model", "item", ""}
    item = next((c for c in ("item", "item_id", "id", "question_id") if c in table.columns), None)
    answers: list[Answer] = []
    for number, row in enumerate(table.iter_rows(named=True), 1):
        asked = row.get(found["question"])
        name = item_name(row[item] if item else None, asked) if item or asked is not None else str(number)
        answers.append(
            Answer(
                f"row {number}", name, {m: row[m] for m in metrics}, question=asked,
                model=None if row.get("model") is None else str(row["model"]),
                prediction=row.get(found["response"]), target=row.get(found["reference"]),
                described={k: v for k, v in row.items() if k not in texts and k != item},
            )
        )  # fmt: skip
    model = model_of(path, mapping, notes, None) if "model" not in table.columns else None
    order = sorted(metrics, key=lambda m: METRICS.index(_base(m)) if _base(m) in METRICS else len(METRICS))
    return tabled(path, answers, mapping, notes, model=model, first=order), tuple(notes)


def _base(name: str) -> str:
    """A metric's name without its settings: ``factual_correctness(mode=f1)``, ``rouge_score(mode=…)``."""
    return re.sub(r"\(.*\)$|_(relevant|irrelevant)$", "", name)


def _is_metric(name: str) -> bool:
    return _base(name) in METRICS


__all__ = ["NAME", "read", "sniff"]
