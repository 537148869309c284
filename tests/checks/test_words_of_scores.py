"""Sentences on confidence and composition fit the score: of 0 and 1, an error of 0 and 1, a score by degrees."""

import re

import numpy as np
import polars as pl
import pytest

import unseen
from unseen.report.charts import pictures
from unseen.report.tables import of_details

RIGHT = re.compile(r"\b(right|wrong|accuracy|correct)\b", re.IGNORECASE)


def answers(kind: str, known_unseen: bool) -> pl.DataFrame:
    """Two over-confident models, worse on unseen items; every third item is a whole of the two after it."""
    rng, frames = np.random.default_rng(4), []
    for model, ability in (("a", 0.3), ("b", -0.3)):
        n = 720
        unseen_ = np.arange(n) % 6 >= 3
        logit = ability + 2 * rng.normal(size=n)
        mean = 1 / (1 + np.exp(-(logit - 2.5 * unseen_)))
        hit = (rng.uniform(size=n) < mean).astype(float)
        value = {"right": hit, "error": 1 - hit, "graded": np.round(np.clip(mean + 0.1 * rng.normal(size=n), 0, 1), 2)}[
            "graded" if kind == "out of ten" else kind
        ] * (10 if kind == "out of ten" else 1)
        score = [v if known_unseen or not u else None for v, u in zip(value, unseen_, strict=True)]
        frames.append(
            pl.DataFrame({
                "model": model, "item": [f"i{i}" for i in range(n)], "error" if kind == "error" else "score": score,
                "confidence": (1 + np.exp(-logit)) ** -0.4,
                "split": np.where(unseen_, "unseen", "seen"),
                "parent": [None if i % 3 == 0 else f"i{i - i % 3}" for i in range(n)],
            })
        )  # fmt: skip
    return pl.concat(frames)


def said(kind: str, *, known_unseen: bool = True) -> dict[str, str]:
    """What each check said of the table, all its sentences joined."""
    how = {"error": {"score": "-error"}, "out of ten": {"score_range": (0, 10)}}.get(kind, {})
    codes = ["U301", "U302", "U6"] if known_unseen else ["U604"]
    audit = unseen.audit(answers(kind, known_unseen), **how, select=codes)
    found: dict[str, str] = {}
    for f in audit.document["findings"]:
        found[f["code"]] = f"{found.get(f['code'], '')} {f['statement']}"
    return found


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("right", ("misses the share of right answers", "on unseen rows, is right in 0.", "it is right in 0.", "are wrong in", "")),
        ("error", ("misses the share of answers without error", "on unseen rows, is without error in 0.", "it is without error in 0.",
                   "have an error in", "")),
        ("graded", ("misses the mean score", "on unseen rows, scores 0.", "it scores 0.", "of the score", "Scores count as right from 0.5")),
        ("out of ten", ("misses the mean share of the full score", "on unseen rows, reaches 0.", "it reaches 0.", "of the score",
                        "Scores count as right from 5")),
    ],
)  # fmt: skip
def test_what_a_confidence_is_held_against_bears_the_name_of_the_score(kind, words):
    found = said(kind)
    for code, wanted in zip(("U601", "U603", "U604", "U607", "U301"), words, strict=True):
        assert wanted in found[code], found[code]
    if kind != "right":
        for code in ("U601", "U603", "U604", "U607"):
            assert not RIGHT.search(found[code]), found[code]


def test_of_an_error_parts_and_wholes_are_solved_or_not_everywhere():
    audit = unseen.audit(answers("error", known_unseen=True), score="-error", select=["U301", "U302"])
    assert {f["outcome"] for f in audit.document["findings"]} == {"found"}
    shown = [f["statement"] + f["next_step"] for f in audit.document["findings"]]
    shown += [s["title"] + s["sentence"] + s["next_step"] for s in audit.document["stories"]]
    tables = [t for f in audit.document["findings"] for t in of_details(f["details"])]
    shown += [text for t in tables for text in (*(c.name for c in t.columns), *(c.text for row in t.rows for c in row))]
    shown += [p.caption for f in audit.document["findings"] for p in pictures([f])]
    assert "Parts solved, whole unsolved" in "".join(shown)
    assert not RIGHT.search(" ".join(shown)), [text for text in shown if RIGHT.search(text)]
    assert all("An error of at most 0.5 counts as solved." in f["statement"] for f in audit.document["findings"])


@pytest.mark.parametrize("kind", ["error", "graded"])
def test_nobody_calls_unmarked_answers_right_where_no_answer_is(kind):
    found = said(kind, known_unseen=False)["U604"]
    assert "unlabelled rows" in found
    assert not RIGHT.search(found), found


def test_an_error_of_zero_and_one_has_its_range():
    audit = unseen.audit(answers("error", known_unseen=True), score="-error", select=["U101"])
    assert audit.document["responses"]["score"] == {"kind": "bounded", "low": -1.0, "high": 0.0, "loss": "error"}
