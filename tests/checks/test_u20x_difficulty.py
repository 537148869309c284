"""Checks U201 to U206: what they say of planted tables, and how often they are wrong under the null."""

import numpy as np
import polars as pl
import pytest

from unseen.auditing import run
from unseen.checks.base import Context, Found, NotApplicable, Settings, Subject
from unseen.checks.registry import all_checks
from unseen.responses import Responses

CODES = ("U201", "U202", "U203", "U204", "U205", "U206")


def table(seed=0, models=4, items=600, *, wrong=0, extra=0.0, flat=False, level=0.0):
    """Rasch answers; ``wrong`` items with inverted keys; model 0 loses ``extra`` logits on unseen items."""
    rng = np.random.default_rng(seed)
    ability = level + (np.linspace(-1, 1, models) if models < 10 else rng.normal(0, 1.2, models))
    difficulty, unseen = rng.normal(0, 1.3, items), np.arange(items) % 2 == 1
    logit = ability[:, None] - (difficulty + 0.7 * unseen)
    if flat:
        logit[-1] = 0.25 * logit[-1]
    logit[0] -= extra * unseen
    score = rng.random((models, items)) < 1 / (1 + np.exp(-logit))
    score[:, :wrong] = ~score[:, :wrong]
    return pl.DataFrame({
        "model": np.repeat([f"m{k:03d}" for k in range(models)], items),
        "item": np.tile([f"q{i:04d}" for i in range(items)], models),
        "score": score.ravel().astype(float),
        "split": np.tile(np.where(unseen, "unseen", "seen"), models),
        "question": np.tile([f"What is {i}?" for i in range(items)], models),
        "target": np.tile(["A"] * items, models),
        "prediction": np.where(score.ravel(), "A", "B"),
    })  # fmt: skip


def outcomes(frame, code, **settings):
    result = run(Subject(responses=Responses.of(frame)), Settings(**settings), select=[code], strict=True)
    return [*result.outcomes, *result.context]


def test_models_and_items_stand_on_one_scale():
    (o,) = outcomes(table(), "U201")
    assert isinstance(o, Context)
    ability = [p["ability"] for p in o.details["persons"]]
    assert ability == sorted(ability)
    assert len(o.details["items"]) == o.details["items_shown"] == 500
    assert o.details["items_total"] == 600
    assert sum(o.details["histogram"]["counts"]) == 600
    assert all(i["low"] < i["difficulty"] < i["high"] and i["discrimination"] is None for i in o.details["items"])


def test_items_that_are_too_hard_are_found_and_many_models_get_slopes():
    (o,) = outcomes(table(level=-2.5), "U201")
    assert isinstance(o, Context)
    assert o.statement.startswith("The items are too hard for the mean model.")
    (o,) = outcomes(table(models=60, items=100), "U201")
    assert all(i["discrimination"] is not None for i in o.details["items"])


def test_wrong_keys_are_found_with_their_question_and_few_others():
    hits = false = 0
    for seed in range(6):
        found = [o for o in outcomes(table(seed, models=60, items=200, wrong=8), "U202") if isinstance(o, Found)]
        names = {o.about.name for o in found}
        planted = {f"q{i:04d}" for i in range(8)}
        hits, false = hits + len(names & planted), false + len(names - planted)
        assert all(o.details["question"] == f"What is {int(o.about.name[1:])}?" for o in found)
        assert any("the key says “A”" in o.statement for o in found)
    assert hits >= 0.6 * 48
    assert false <= 0.15 * (hits + false)


def test_without_wrong_keys_hardly_any_audit_names_an_item():
    named = [
        any(isinstance(o, Found) for o in outcomes(table(seed, models=30, items=150), "U202")) for seed in range(100)
    ]
    assert np.mean(named) <= 0.05 + 3 * 0.022


def test_four_models_can_not_prove_a_wrong_key_and_it_is_said():
    (o,) = outcomes(table(), "U202")
    assert isinstance(o, NotApplicable)
    assert "the smallest possible p-value is 0.17" in o.statement
    assert o.details["items"]


def test_the_gap_at_equal_difficulty_names_the_model_that_loses_more():
    found = {o.about.name: o for o in outcomes(table(1, items=3000, extra=1.5), "U203")}
    assert isinstance(found["m000"], Found)
    assert not any(isinstance(found[f"m00{k}"], Found) for k in (1, 2, 3))
    assert found["m000"].details["ets_class"] == "C"
    assert 0.05 < found["m000"].estimate.value < 0.4


def test_harder_unseen_items_alone_are_no_gap():
    wrong = [
        isinstance(o, Found)
        for s in range(60)
        for o in outcomes(table(s, items=800), "U203")
        if o.about.kind == "model"
    ]
    assert np.mean(wrong) < 0.05


def test_a_model_that_misses_easy_items_is_found():
    found = {o.about.name: o for o in outcomes(table(3, items=3000, flat=True, level=0.5), "U204")}
    assert isinstance(found["m003"], Found)
    values = [x["value"] for x in found["m001"].details["levels"]]
    assert values == sorted(values, reverse=True)


def test_models_that_follow_difficulty_are_clear():
    wrong = [isinstance(o, Found) for s in range(60) for o in outcomes(table(s, items=800), "U204")]
    assert np.mean(wrong) < 0.05


def test_saturated_items_are_counted():
    (o,) = outcomes(table(level=4.5), "U205")
    frame = table(level=4.5).group_by("item").agg(pl.col("score").mean())
    alike = frame["score"].is_in([0.0, 1.0])
    assert isinstance(o, Context)
    assert "Replace them" in o.next_step
    assert o.estimate.value == pytest.approx(alike.mean())
    assert o.details["all"] == (frame["score"] == 1).sum()
    assert outcomes(table(), "U205")[0].next_step == "Nothing to do."


def test_mastery_is_told_from_the_way_to_it():
    assert all("lacks" in o.statement and o.estimate.low > 0 for o in outcomes(table(), "U206"))
    assert any("within reach" in o.statement for o in outcomes(table(level=4.0), "U206"))
    o = outcomes(table(items=4000), "U206")[0]
    assert o.details["success"] == pytest.approx(table(items=4000).filter(model="m000")["score"].mean(), abs=0.02)


@pytest.mark.parametrize("code", CODES)
def test_scores_without_a_range_are_refused_and_graded_ones_dichotomised(code):
    frame = table()
    (o,) = outcomes(frame.with_columns(score=pl.Series(np.random.default_rng(0).normal(0, 50, len(frame)))), code)[:1]
    assert isinstance(o, NotApplicable)
    assert "no range" in o.statement
    graded = frame.with_columns(score=pl.col("score") * 0.6 + 0.2)
    assert not any(o.details.get("failed") for o in outcomes(graded, code))


@pytest.mark.parametrize("code", CODES)
def test_every_row_order_repeat_and_gap_is_taken(code):
    frame = pl.concat([table(), table(1)]).sample(fraction=0.8, shuffle=True, seed=3)
    frame = frame.with_columns(repeat=pl.Series(np.arange(len(frame)) % 2))
    first = outcomes(frame, code)
    again = outcomes(frame.sample(fraction=1.0, shuffle=True, seed=4), code)
    assert [o.statement for o in first] == [o.statement for o in again]
    assert not any(isinstance(o, NotApplicable) and code != "U202" for o in first)


@pytest.mark.parametrize("code", CODES)
def test_the_whole_check_is_explained(code):
    check = all_checks()[code]
    assert all(
        getattr(check, name)
        for name in ("title", "question", "null", "interest", "method", "assumptions", "sources", "example", "needs")
    )


@pytest.mark.parametrize("code", CODES)
def test_constant_scores_are_no_crash(code):
    assert all(isinstance(o, NotApplicable | Context) for o in outcomes(table().with_columns(score=pl.lit(1.0)), code))
