"""U006, and what U101 and U701 make of human labels: a judge that is kinder on one side must not make a gap."""

import numpy as np
import polars as pl
import pytest

import unseen
from unseen.checks.base import Clear, Found, NotApplicable, Settings, Subject
from unseen.checks.registry import all_checks
from unseen.responses import Responses

U006, U101, U102, U701 = (all_checks()[code] for code in ("U006", "U101", "U102", "U701"))


def judged(rng, kind=(0.6, 0.05), accuracy=(0.8, 0.8), items=400, share=0.5, models=1, chosen=False):
    """A judge that accepts a share ``kind`` of wrong answers (seen, unseen) and refuses one right answer in fifty."""
    n = items * models
    unseen_row = np.tile(np.arange(items) % 2, models).astype(bool)
    y = rng.random(n) < np.where(unseen_row, accuracy[1], accuracy[0])
    u = rng.random(n)
    f = np.where(y, u > 0.02, u < np.where(unseen_row, kind[1], kind[0]))
    labelled = rng.random(n) < (np.where(f, 1.5 * share, 0.3 * share) if chosen else share)
    return Responses.of(
        pl.DataFrame(
            {
                "model": np.repeat([f"m{i}" for i in range(models)], items), "item": np.tile(np.arange(items), models),
                "score": f.astype(float), "split": np.where(unseen_row, "unseen", "seen"),
                "digits": np.tile(np.arange(items) // 2 % 4, models),
                "human_score": [float(a) if has else None for a, has in zip(y, labelled, strict=True)],
            }
        )
    )  # fmt: skip


def said(check, responses, about=""):
    return [o for o in check.run(Subject(responses=responses), Settings()) if about in o.about.name]


def test_a_judge_that_is_kinder_on_seen_items_is_found_and_its_gap_is_not():
    """Equal true accuracies; the judge adds 0.2 × 0.55 = 0.11 on seen items, which raw means take for a loss."""
    rng, kinder, by_judge, corrected = np.random.default_rng(0), 0, 0, 0
    for _ in range(40):
        table = judged(rng, items=1000)
        kinder += isinstance(said(U006, table, "seen and unseen rows")[0], Found)
        corrected += isinstance(said(U101, table)[0], Found)
        by_judge += isinstance(said(U101, Responses.of(table.table.drop("human_score")))[0], Found)
    assert kinder >= 34
    assert by_judge >= 34
    assert corrected <= 5  # 40 draws at 2.5 % (only a loss is found): more than 5 has a chance of 0.0002


def test_an_even_judge_is_seldom_called_uneven():
    rng = np.random.default_rng(1)
    found = {"model": 0, "slice": 0, "factor": 0, "data": 0}
    for _ in range(60):
        for outcome in said(U006, judged(rng, kind=(0.1, 0.1), items=600)):
            if outcome.about.kind != "model":
                found[outcome.about.kind] += isinstance(outcome, Found)
    # At 5 % a test (two of them for "data"), 60 draws: a binomial above 9 and 14 has a chance below 0.001.
    assert found["slice"] <= 9
    assert found["factor"] <= 9
    assert found["data"] <= 14


def test_labels_chosen_by_the_judges_score_are_told():
    rng = np.random.default_rng(2)
    table = judged(rng, kind=(0.3, 0.3), chosen=True, items=800)
    outcomes = said(U006, table, "human labels")
    assert len(outcomes) == 2
    assert all(isinstance(o, Found) for o in outcomes)
    assert "do not look drawn at random from the seen rows: the judge scores them higher" in outcomes[0].statement
    table = judged(rng, kind=(0.3, 0.3), accuracy=(0.9, 0.4), chosen=True, items=800)
    gap = said(U101, table)[0]
    assert isinstance(gap, Found)
    assert "the labelled rows do not look drawn at random, see U006" in gap.statement
    assert gap.details["corrected"]["chosen"]


def test_agreement_and_bias_are_in_the_sentence():
    table = judged(np.random.default_rng(3), kind=(0.5, 0.5), items=1000)
    outcome = next(o for o in said(U006, table) if o.about.kind == "model")
    assert isinstance(outcome, Found)
    assert outcome.statement.startswith("The judge is kinder to m0 than humans are: by 0.10 [")
    assert "labelled rows, kappa 0." in outcome.statement
    assert outcome.details["share"]["value"] == pytest.approx(0.89, abs=0.04)  # 1 − 0.2 × 0.5 − 0.8 × 0.02


def test_a_level_on_which_the_judge_is_kinder_is_named():
    rng = np.random.default_rng(4)
    table = judged(rng, kind=(0.02, 0.02), accuracy=(0.6, 0.6), items=2000).table
    lenient = (table["digits"] == 2).to_numpy() & (rng.random(table.height) < 0.6)
    table = table.with_columns(score=pl.when(pl.Series(lenient)).then(1.0).otherwise(pl.col("score")))
    outcome = next(o for o in said(U006, Responses.of(table)) if o.about.kind == "factor")
    assert isinstance(outcome, Found)
    assert outcome.about.name == "m0, digits = 2"
    assert "the largest of 4 levels" in outcome.statement


def test_a_corrected_gap_is_marked_in_sentence_method_and_details():
    outcome = said(U101, judged(np.random.default_rng(5), accuracy=(0.9, 0.5), items=600))[0]
    assert isinstance(outcome, Found)
    assert "human labels correct the judge's" in outcome.statement
    assert outcome.estimate.method.startswith("difference, prediction-powered (PPI++)")
    assert 0 < outcome.details["corrected"]["weights"][1] <= 1
    assert outcome.estimate.low < 0.4 < outcome.estimate.high


def test_models_are_compared_by_humans_where_they_scored_both():
    """The judge favours m1, which is no better: corrected, the order is not found."""
    rng, raw, corrected = np.random.default_rng(6), 0, 0
    for _ in range(25):
        a, b = judged(rng, kind=(0.05, 0.05), items=600), judged(rng, kind=(0.7, 0.7), items=600)
        table = Responses.of(pl.concat([a.table, b.table.with_columns(model=pl.lit("m1"))]))
        outcome = said(U701, table)[0]
        corrected += isinstance(outcome, Found)
        raw += isinstance(said(U701, Responses.of(table.table.drop("human_score")))[0], Found)
        assert "by the judge on 600 shared items" in outcome.statement
        assert "that humans scored (PPI++)" in outcome.statement
    assert raw >= 22
    assert corrected <= 5  # 25 draws at 5 %: more than 5 has a chance of 0.001


def test_too_few_labels_and_labels_on_one_side_are_said_with_their_numbers():
    table = judged(np.random.default_rng(7), accuracy=(0.9, 0.5)).table
    few = table.with_columns(human_score=pl.when(pl.col("item").cast(pl.Int64) < 6).then(1.0))
    assert [o.statement for o in unseen.audit(few, select=["U006"]).not_applicable] == [
        "m0 has human scores on 6 independent units (6 rows); 10 are needed to judge the judge."
    ]
    gap = said(U101, Responses.of(few))[0]
    assert isinstance(gap, Found)
    assert "These are the judge's own means: human labels are too few to correct them" in gap.statement
    seen = table.with_columns(human_score=pl.when(pl.col("split") == "seen").then(pl.col("human_score")))
    refused = said(U006, Responses.of(seen), "seen and unseen rows")[0]
    assert isinstance(refused, NotApplicable)
    assert "human labels of m0 lie on seen rows" in refused.statement
    no_labels = unseen.audit(table.drop("human_score"), select=["U006"]).not_applicable[0]
    assert "Let a human score some rows, drawn at random" in no_labels.next_step


def test_graded_scores_have_a_bias_and_a_kappa_too():
    rng = np.random.default_rng(8)
    y = rng.integers(0, 11, 600).astype(float)
    f = np.clip(y + rng.integers(0, 3, 600), 0, 10)
    table = pl.DataFrame(
        {
            "model": "m", "item": np.arange(600), "score": f, "split": ["seen", "unseen"] * 300,
            "human_score": [v if i % 3 == 0 else None for i, v in enumerate(y)],
        }
    )  # fmt: skip
    responses = Responses.of(table, score_range=(0.0, 10.0))
    outcome = next(o for o in said(U006, responses) if o.about.kind == "model")
    assert outcome.estimate.value == pytest.approx((f - y).mean(), abs=0.2)
    assert outcome.details["kappa"]["value"] > 0.8
    gap = said(U101, responses)[0]
    assert "PPI++" in gap.estimate.method
    assert isinstance(said(U006, responses, "seen and unseen")[0], Clear)


def test_levels_are_compared_by_means_that_humans_correct():
    """The judge is kind on one level of four, humans see no difference there: raw means find a gap, corrected ones not."""
    rng, raw, corrected = np.random.default_rng(9), 0, 0
    for _ in range(15):
        table = judged(rng, kind=(0.02, 0.02), accuracy=(0.6, 0.6), items=1200).table
        lenient = (table["digits"] == 2).to_numpy() & (rng.random(table.height) < 0.6)
        table = table.with_columns(score=pl.when(pl.Series(lenient)).then(1.0).otherwise(pl.col("score")))
        outcome = said(U102, Responses.of(table), "digits")[0]
        corrected += isinstance(outcome, Found)
        raw += isinstance(said(U102, Responses.of(table.drop("human_score")), "digits")[0], Found)
        assert outcome.details["corrected"]["labels"] > 400
        assert "PPI++" in outcome.estimate.method
    assert raw == 15
    assert corrected <= 4  # 15 draws at 5 %: more than 4 has a chance of 0.0006
