"""Checks U201 to U206: what they say of planted tables, and how often they are wrong under the null."""

import numpy as np
import polars as pl
import pytest

from unseen.auditing import run
from unseen.checks.base import Clear, Context, Found, NotApplicable, Settings, Subject, Undecided
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


def keyed(seed, *, models=30, items=400, spread=1.0, wrong=0, options=4, harder=0.0):
    """Answers to multiple choice with guessing; the first ``wrong`` keys name a wrong option."""
    rng = np.random.default_rng(seed)
    ability, difficulty = rng.normal(0, spread, models), rng.normal(harder, 1, items)
    true, distractors = rng.integers(options, size=items), rng.dirichlet(np.full(options - 1, 1.0), size=items)
    solved = rng.random((models, items)) < 1 / options + (1 - 1 / options) / (1 + np.exp(difficulty - ability[:, None]))
    missed = (rng.random((models, items, 1)) > np.cumsum(distractors, axis=1)).sum(axis=2).clip(0, options - 2)
    said = np.where(solved, true, (true + 1 + missed) % options)
    key = np.where(np.arange(items) < wrong, (true + rng.integers(1, options, size=items)) % options, true)
    letters = np.array(list("ABCDEFGHIJ"))
    return pl.DataFrame({
        "model": np.repeat([f"m{k:03d}" for k in range(models)], items),
        "item": np.tile([f"q{i:04d}" for i in range(items)], models),
        "score": (said == key).ravel().astype(float),
        "target": np.tile(letters[key], models),
        "prediction": letters[said].ravel(),
    })  # fmt: skip


def listed(frame, *, wrong):
    """Hits and false items of the list, and the outcome."""
    (o,) = outcomes(frame, "U202")
    names = {row["item"] for row in o.details["items"]} if isinstance(o, Found) else set()
    planted = {f"q{i:04d}" for i in range(wrong)}
    return len(names & planted), len(names - planted), o


def test_wrong_options_are_found_by_what_able_models_agree_on():
    hits, false, told = 0, 0, 0.0
    for seed in range(4):
        hit, extra, o = listed(keyed(seed, wrong=12), wrong=12)
        hits, false, told = hits + hit, false + extra, told + 12 * o.details["detectable"]
        assert isinstance(o, Found)
        assert "able models say" in o.statement
        assert all(row["favourite"] != row["target"] for row in o.details["items"])
    assert hits >= max(0.5 * 48, told - 3 * 48**0.5 / 2)  # as many as foretold, within three standard errors
    assert false <= 0.2 * (hits + false)


def test_scores_the_wrong_way_round_are_found_without_answers():
    hits = false = 0
    for seed in range(4):
        frame = table(seed, models=60, items=200, wrong=8).drop("prediction", "target")
        hit, extra, o = listed(frame, wrong=8)
        hits, false = hits + hit, false + extra
        assert all(row["question"] == f"What is {int(row['item'][1:])}?" for row in o.details["items"])
    assert hits >= 0.7 * 32
    assert false <= 0.2 * (hits + false)


def test_without_wrong_keys_hardly_any_audit_names_an_item():
    named = [isinstance(outcomes(keyed(s, items=150, harder=0.5), "U202")[0], Found) for s in range(20)]
    assert np.mean(named) <= 0.05 + 3 * 0.049


def test_clear_needs_models_that_could_show_a_wrong_key():
    (o,) = outcomes(keyed(0), "U202")
    assert isinstance(o, Clear)
    assert o.details["detectable"] > 0.7
    assert o.estimate.high < 0.1
    (o,) = outcomes(keyed(0, spread=0.3, harder=1.5), "U202")
    assert not isinstance(o, Clear)
    assert o.details["detectable"] < 0.5


def test_from_scores_alone_wrong_options_are_never_cleared():
    (o,) = outcomes(keyed(1, wrong=8).drop("prediction", "target"), "U202")
    assert isinstance(o, Undecided)
    assert "columns for prediction and target" in o.next_step


def test_four_models_can_not_prove_a_wrong_key_and_it_is_said():
    (o,) = outcomes(table(), "U202")
    assert isinstance(o, NotApplicable)
    assert "4 models" in o.statement
    assert "could show 0.00 of all wrong keys" in o.statement
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


def guessed(seed, *, letters=True, extra=0.0, items=800):
    """Four models that guess one time in four; unseen items are harder; model 0 loses ``extra`` logits there."""
    rng = np.random.default_rng(seed)
    unseen, ability = rng.random(items) < 0.5, np.linspace(-0.6, 1.4, 4)
    logit = ability[:, None] - rng.normal(0, 1.2, items) - unseen
    logit[-1] -= extra * unseen
    score = rng.random((4, items)) < 0.25 + 0.75 / (1 + np.exp(-logit))
    frame = pl.DataFrame({
        "model": np.repeat([f"m{k}" for k in range(4)], items), "item": np.tile(np.arange(items), 4),
        "score": score.ravel().astype(float), "split": np.tile(np.where(unseen, "unseen", "seen"), 4),
    })  # fmt: skip
    keys = np.tile(np.array(list("ABCD"))[rng.integers(4, size=items)], 4)
    return frame.with_columns(target=keys) if letters else frame


@pytest.mark.parametrize("letters", [True, False])
def test_guessing_and_harder_items_make_no_gap(letters):
    tests = [o for s in range(25) for o in outcomes(guessed(s, letters=letters), "U203") if o.p_value is not None]
    # Without a floor three of ten such tables had a find.
    assert sum(isinstance(o, Found) for o in tests) <= 4  # 25 tables at 0.05: more in 0.7 % of draws
    assert np.mean([o.p_value < 0.05 for o in tests]) < 0.05 + 3 * 0.022


def test_a_loss_shows_through_guessing():
    found = {o.about.name: o for o in outcomes(guessed(0, extra=1.5, items=4000), "U203")}
    assert isinstance(found["m3"], Found)
    assert not any(isinstance(found[f"m{k}"], Found) for k in range(3))
    assert found["m3"].details["floors"] == [0.25]
    assert "guessing right 0.25 of the time" in found["m3"].statement


def clustered(seed, sizes, effect=0.6):
    """Models that differ from cluster to cluster; whole clusters are unseen."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    unseen = cluster % 2 == 1
    logit = np.linspace(-0.7, 0.7, 4)[:, None] + rng.normal(0, effect, (4, len(sizes)))[:, cluster]
    logit = logit - rng.normal(0, 1, len(cluster)) - 0.7 * unseen
    score = rng.random(logit.shape) < 1 / (1 + np.exp(-logit))
    n = len(cluster)
    return pl.DataFrame({
        "model": np.repeat([f"m{k}" for k in range(4)], n), "item": np.tile(np.arange(n), 4),
        "cluster": np.tile(cluster, 4), "score": score.ravel().astype(float),
        "split": np.tile(np.where(unseen, "unseen", "seen"), 4),
    })  # fmt: skip


def test_uneven_clusters_hold_the_level_and_one_giant_is_refused():
    uneven = np.round(np.exp(np.linspace(0, 3.2, 22))).astype(int) + 5
    order = np.argsort(np.arange(22) % 5, kind="stable")
    tests = [o for s in range(40) for o in outcomes(clustered(s, uneven[order]), "U203") if o.p_value is not None]
    assert len(tests) > 80
    assert np.mean([o.p_value < 0.05 for o in tests]) <= 0.05 + 3 * 0.024
    assert all((o.p_value < 0.05) == (not o.estimate.low <= 0 <= o.estimate.high) for o in tests)
    (o,) = outcomes(clustered(0, [600, *[15] * 29]), "U203")
    assert isinstance(o, NotApplicable)
    assert "so uneven that they count for" in o.statement


def leaked(seed, *, leak=True):
    """Four models on eleven benchmarks; one has every answer of the first right."""
    rng = np.random.default_rng(seed)
    bench = np.repeat(np.arange(11), 60)
    logit = np.linspace(0.0, 0.8, 4)[:, None] + rng.normal(0, 0.4, 11)[bench] - rng.normal(0, 1, 660)
    score = rng.random(logit.shape) < 1 / (1 + np.exp(-logit))
    if leak:
        score[1, bench == 0] = True
    return pl.DataFrame({
        "model": np.repeat([f"m{k}" for k in range(4)], 660), "item": np.tile(np.arange(660), 4),
        "score": score.ravel().astype(float), "bench": np.tile([f"b{k:02d}" for k in bench], 4),
    })  # fmt: skip


def test_a_cell_that_is_all_right_is_named_and_blames_nobody_elsewhere():
    blamed = 0
    for seed in range(12):
        facts = [o for o in outcomes(leaked(seed), "U002") if o.about.kind == "slice"]
        assert [o.about.name for o in facts] == ["m1, bench = b00"]
        assert isinstance(facts[0], Found)
        assert "all 60 rows with bench = b00 right" in facts[0].statement
        (o,) = outcomes(leaked(seed), "U203")
        assert {"level": "b00", "model": "m1", "why": "all right"} in o.details["dropped"]
        assert isinstance(o, NotApplicable) or "m1 at b00 (all right)" in o.statement or not isinstance(o, Found)
        blamed += o.p_value < 0.05
    assert blamed <= 3  # 12 tables at 0.05: more than 3 in 0.2 % of draws


def test_cells_without_a_leak_are_not_named():
    named = [
        o for seed in range(30) for o in outcomes(leaked(seed, leak=False), "U002") if o.about.kind == "slice"
    ]  # fmt: skip
    assert not named


def test_where_models_are_missing_the_next_step_asks_for_models():
    told = list(outcomes(table(0, models=2), "U204"))
    assert all(isinstance(o, NotApplicable) for o in told)
    assert all("more models" in o.next_step and "units" not in o.next_step for o in told)
