"""Where no question about scores was judged, the first sentence says so: clear data are no clear model."""

import numpy as np
import polars as pl
import pytest

import unseen
from unseen.report.failing import unasked


def log(items, models=("a",), seed=0, **columns):
    rng = np.random.default_rng(seed)
    n = items * len(models)
    return pl.DataFrame({
        "model": np.repeat(models, items), "item": [f"q{i}" for i in range(items)] * len(models),
        "score": (rng.random(n) < 0.6).astype(float), **{k: list(v) * len(models) for k, v in columns.items()},
    })  # fmt: skip


def test_a_bare_log_of_one_model_is_not_called_clear():
    audit = unseen.audit(log(300))
    assert audit.verdict.kind == "unjudged"
    assert str(audit.verdict).startswith("How far the score holds was not asked: no column says what is unseen")
    assert "→ Say which rows are unseen: unseen=" in str(audit)
    assert "Nothing found" not in str(audit)
    assert "Nothing found" not in audit.to_markdown()


@pytest.mark.parametrize("items", [1, 3, 9])
@pytest.mark.parametrize("models", [("a",), ("a", "b")])
def test_a_handful_of_items_is_not_enough_data(items, models):
    audit = unseen.audit(log(items, models))
    assert str(audit.verdict).startswith(f"Not enough data: {items} independent unit")


def test_rows_of_few_clusters_are_few_data():
    audit = unseen.audit(log(300, document=[f"d{i % 4}" for i in range(300)]), cluster="document")
    assert str(audit.verdict).startswith("Not enough data: 4 independent units")


def test_a_factor_with_levels_too_small_to_judge_is_not_called_clear():
    audit = unseen.audit(log(12, topic=[f"t{i % 6}" for i in range(12)]), select=["U0", "U1"])
    assert str(audit.verdict).startswith("How far the score holds could not be judged with 12 independent units")


def test_questions_about_the_data_alone_are_answered_as_asked():
    assert str(unseen.audit(log(300), select="U0").verdict).startswith("Nothing found: ")


def test_a_judged_gap_is_told_as_before():
    audit = unseen.audit(log(3000, length=np.arange(3000) % 10, seed=3), unseen="length > 5")
    assert audit.verdict.kind in ("clear", "open")


@pytest.mark.parametrize("items", [3, 9])
def test_few_items_are_told_how_many_would_decide(items):
    (pair,) = [o for o in unseen.audit(log(items, ("a", "b"))).result.outcomes if o.code == "U701"]
    assert "times as many independent units would decide it" in pair.next_step


@pytest.mark.parametrize(
    ("codes", "missing"),
    [
        (("U1",), ["nothing under U1 could be judged: Needs seen, unseen"]),
        (("U1", "U7", "UNDECIDED"), ["nothing under U1 or U7 could be judged: "]), (("U0",), []), (("U0", "U1"), []),
        (("U101",), ["U101 could not be judged: "]), (("UNDECIDED",), []), ((), []),
    ],
)  # fmt: skip
def test_a_gate_that_asked_nothing_does_not_pass(codes, missing):
    said = unasked(unseen.audit(log(300)).document, codes)
    assert len(said) == len(missing)
    assert all(one.startswith(start) for one, start in zip(said, missing, strict=True))


def test_a_net_over_what_was_judged_passes_where_other_nets_are_empty():
    judged = unseen.audit(log(3000, length=np.arange(3000) % 10, seed=3), unseen="length > 5")
    assert unasked(judged.document, ("U1", "U5")) == []
