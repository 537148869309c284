"""Checks of data, gap, variants and comparison find what was planted, and stay quiet where nothing was."""

import numpy as np
import polars as pl
import pytest

from unseen import auditing
from unseen.checks.base import Clear, Context, Found, NotApplicable, Settings, Subject
from unseen.checks.registry import all_checks
from unseen.responses import Responses

SETTINGS = Settings(n_resamples=300)


def run(code, table):
    return list(all_checks()[code].run(Subject(responses=Responses.of(pl.DataFrame(table))), SETTINGS))


def answers(chances, items=400, seed=0, **columns):
    """One row a model and item; chances maps a model to its chance per item (a number or an array)."""
    rng = np.random.default_rng(seed)
    frames = [
        pl.DataFrame({
            "model": name, "item": [f"i{j:04}" for j in range(items)],
            "score": (rng.random(items) < chance).astype(float), **columns,
        })
        for name, chance in chances.items()
    ]  # fmt: skip
    return pl.concat(frames)


HALF = np.arange(400) < 200
SPLIT = {"split": np.where(HALF, "seen", "unseen")}


def test_u001_counts_copies_and_conflicts():
    table = answers({"m": 0.5}, items=50)
    copies = pl.concat([table, table.head(3), table[[3]].with_columns(score=1 - pl.col("score"))])
    (found,) = run("U001", copies)
    assert isinstance(found, Found)
    assert (found.details["surplus"], found.details["conflicts"]) == (4, 1)
    assert found.details["examples"][0]["item"] == "i0003"
    assert isinstance(run("U001", table)[0], Clear)
    repeats = pl.concat([table.with_columns(repeat=pl.lit(r)) for r in range(2)])
    assert isinstance(run("U001", repeats)[0], Clear)


def test_u002_names_floor_and_ceiling():
    outcomes = {o.about.name: o for o in run("U002", answers({"low": 0.0, "mid": 0.5, "top": 1.0}))}
    assert {name: o.details["where"] for name, o in outcomes.items()} == {"low": "floor", "mid": None, "top": "ceiling"}


def test_u003_asks_for_as_many_units_as_the_gap_needs():
    (small,) = run("U003", answers({"m": 0.5}, items=40, split=["seen", "unseen"] * 20))
    assert isinstance(small, Found)
    # Every gap is told from zero or from 0.1 where SE·(1.96 + 1.96) = 0.1: 768 rows a side at a score of 0.5. The margin
    # for a standard error that is known from 40 rows is 39 over the 20 % quantile of chi²; Newcombe's intervals are narrower.
    needed = small.details["units_needed"]
    assert needed == pytest.approx(2 * 768 * 39 / 31.4, rel=0.3)
    (enough,) = run("U003", answers({"m": 0.5}, items=1200, split=["seen", "unseen"] * 600))
    assert isinstance(enough, Clear)


def test_u003_finds_nothing_where_the_gap_is_decided():
    # Twenty units a side could show little, and show it: 0.95 on the seen side, 0.1 on the unseen one.
    sides = ["seen", "unseen"] * 20
    table = pl.DataFrame(
        {"model": "m", "item": [f"i{k}" for k in range(40)], "split": sides,
         "score": [float((k // 2) % 20 != 0) if k % 2 == 0 else float((k // 2) % 10 == 0) for k in range(40)]}
    )  # fmt: skip
    subject = Subject(responses=Responses.of(table))
    (alone,) = auditing.run(subject, Settings(), select=["U003"]).outcomes
    assert isinstance(alone, Found)
    by = {o.code: o for o in auditing.run(subject, Settings(), select=["U003", "U101"]).outcomes}
    assert isinstance(by["U101"], Found)
    assert isinstance(by["U003"], Clear)
    assert "its gap is decided without more: found (U101)" in by["U003"].statement


def test_u003_names_no_gap_beyond_the_range_of_the_score():
    # Ten units a side at the level of a large audit: nothing that a score can differ by would be found.
    (tiny,) = run("U003", answers({"m": 0.5}, items=12, split=["seen", "unseen"] * 6))
    (told,) = [all_checks()["U003"].at_level(tiny, 1e-4)]
    assert told.details["smallest_detectable"] > 1
    assert "could show no gap at all (6 seen and 6 unseen units" in told.statement


def test_u003_is_context_where_nobody_asked_for_a_gap():
    (told,) = run("U003", answers({"m": 0.5}, items=40))
    assert isinstance(told, Context)
    assert told.details["counts"] == "two halves of 40 independent units"


def test_u004_counts_what_was_left_out():
    table = answers({"a": 0.5, "b": 0.5}, items=100).head(190)
    (found,) = run("U004", table)
    assert (found.details["common"], found.details["union"]) == (90, 100)
    assert found.details["examples"][0] == {"item": "i0090", "missing_from": "b"}


def test_u005_finds_copies_across_the_split_and_groups_that_move_together():
    words = np.random.default_rng(0).integers(0, 500, (400, 12))
    question = [" ".join(f"w{w}" for w in row) for row in words]
    question[250], question[251] = question[3].upper() + "?", question[4] + " please"
    outcome = run("U005", answers({"m": 0.5}, question=question, **SPLIT))[0]
    assert isinstance(outcome, Found)
    assert outcome.details["leaked"] == 2
    assert {e["unseen"] for e in outcome.details["examples"]} == {"i0250", "i0251"}
    chance = np.repeat(np.random.default_rng(1).choice([0.05, 0.95], 40), 10)
    site = [f"s{j // 10}" for j in range(400)]
    grouped = [o for o in run("U005", answers({"m": chance}, site=site)) if o.about.kind == "factor"]
    assert isinstance(grouped[0], Found)
    independent = [o for o in run("U005", answers({"m": 0.5}, site=site)) if o.about.kind == "factor"]
    assert isinstance(independent[0], Clear)


def patients(sd, seed, per=3, groups=150):
    """Answers about patients, three each, who differ by so many logits; identifiers are whole numbers without order."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(rng.permutation(groups) + 10_000, per)
    own = np.repeat(rng.normal(0, sd, groups), per)
    score = (rng.random(len(own)) < 1 / (1 + np.exp(-0.5 - own))).astype(float)
    return pl.DataFrame({"model": "m", "item": range(len(own)), "score": score, "patient_id": patient})


def groupings(table):
    subject = Subject(responses=Responses.of(table))
    return [o for o in all_checks()["U005"].run(subject, Settings()) if o.about.kind == "factor"]


@pytest.mark.parametrize("as_text", [False, True])
def test_u005_looks_at_identifiers_that_repeat_though_they_are_no_factors(as_text):
    table = patients(1.5, 0, groups=1_200)
    if as_text:
        table = table.with_columns(pl.format("P{}", "patient_id").alias("patient_id"))
    assert not Responses.of(table).factors
    (found,) = groupings(table)
    assert isinstance(found, Found)
    assert found.about.name == "patient_id"
    assert "--cluster patient_id" in found.next_step
    # One answer a patient can't be alike.
    assert groupings(patients(1.5, 0, per=1)) == []


def test_u005_of_identifiers_keeps_its_level_and_finds_what_widens_intervals():
    level = np.mean([isinstance(groupings(patients(0.0, k))[0], Found) for k in range(100)])
    power = np.mean([isinstance(groupings(patients(1.5, k))[0], Found) for k in range(20)])
    assert level <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 100)
    assert power >= 0.9


def test_u005_keeps_its_level_near_the_ceiling_in_uneven_groups():
    def told(seed):
        rng = np.random.default_rng(seed)
        weight = rng.lognormal(0, 1.2, 120)
        patient = rng.choice(120, 400, p=weight / weight.sum()) + 1_000
        score = (rng.random(400) < 0.97).astype(float)
        return groupings(pl.DataFrame({"model": "m", "item": range(400), "score": score, "patient_id": patient}))

    # F alone finds 16 of these 100.
    assert np.mean([isinstance(o, Found) for k in range(100) for o in told(k)]) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 100)


def test_u005_leaves_groups_within_the_declared_clusters_to_them():
    table = patients(1.5, 0).with_columns(cluster=(pl.col("item") // 30))
    assert groupings(table) == []
    crossed = patients(1.5, 0).with_columns(cluster=(pl.col("item") % 30))
    assert [o.about.name for o in groupings(crossed)] == ["patient_id"]


def test_u101_finds_a_loss_and_only_a_loss():
    outcomes = {
        o.about.name: o
        for o in run("U101", answers({
            "worse": np.where(HALF, 0.9, 0.4), "same": 0.98, "better": np.where(HALF, 0.4, 0.9)}, **SPLIT))
    }  # fmt: skip
    assert isinstance(outcomes["worse"], Found)
    assert isinstance(outcomes["same"], Clear)
    assert isinstance(outcomes["better"], Clear)
    details = outcomes["worse"].details
    assert details["gap"]["value"] == pytest.approx(details["seen"]["value"] - details["unseen"]["value"])
    assert details["retained"]["low"] < 0.4 / 0.9 < details["retained"]["high"]


def test_u101_says_that_few_units_do_not_carry_a_gap():
    (outcome,) = run("U101", answers({"m": 0.5}, items=12, split=["seen", "unseen"] * 6))
    assert isinstance(outcome, NotApplicable)
    assert "6 independent seen units" in outcome.statement


def variants(loss):
    rng = np.random.default_rng(0)
    frames = []
    for name, drop in loss.items():
        right = rng.random(200) < 0.85
        kept = right & (rng.random(200) >= drop)
        item = [f"i{j:03}" for j in range(200)]
        frames += [
            pl.DataFrame({"model": name, "item": item, "score": right.astype(float), "variant_of": pl.Series([None] * 200, dtype=pl.String)}),
            pl.DataFrame({"model": name, "item": [f"{i}v" for i in item], "score": kept.astype(float), "variant_of": item}),
        ]  # fmt: skip
    return pl.concat(frames)


def test_u401_counts_flips_both_ways():
    fragile, steady = run("U401", variants({"fragile": 0.3, "steady": 0.0}))
    assert isinstance(fragile, Found)
    assert isinstance(steady, Clear)
    lost = fragile.details["flips_to_wrong"]
    assert fragile.details["pairs"] == 200
    assert fragile.details["flips_to_right"] == 0
    assert fragile.estimate.value == pytest.approx(lost / 200)
    assert fragile.details["worst"] == pytest.approx(fragile.details["mean_original"] - lost / 200)


def test_u501_takes_the_difficulty_of_variants_off():
    shared = run("U501", variants({"a": 0.2, "b": 0.2, "c": 0.2}))
    assert not any(isinstance(o, Found) for o in shared)
    outcomes = {o.about.name: o for o in run("U501", variants({"a": 0.05, "b": 0.05, "rote": 0.5}))}
    assert isinstance(outcomes["rote"], Found)
    assert not isinstance(outcomes["a"], Found)


def test_u701_forms_tiers():
    base = np.random.default_rng(0).random(400)
    outcomes = run("U701", answers({"a": base > 0.1, "b": base > 0.11, "z": base > 0.6}))
    assert outcomes[0].details["tiers"] == [["a", "b"], ["z"]]
    assert [type(o) for o in outcomes] == [Clear, Found]
    assert outcomes[1].statement.startswith("b is ahead of z")


def test_u701_tells_of_benchmarks_that_are_not_of_one_size():
    rng = np.random.default_rng(0)
    task = np.where(np.arange(400) < 340, "large", "small")
    a, b = rng.random(400) < np.where(task == "large", 0.6, 0.9), rng.random(400) < np.where(task == "large", 0.6, 0.2)
    (o,) = run("U701", answers({"a": a, "b": b}, task=task))
    assert "85 % of the items are large" in o.statement
    assert o.details["benchmarks"] == {"large": 340, "small": 60}
    assert o.details["evenly"]["value"] == pytest.approx(
        (a[:340].mean() - b[:340].mean() + a[340:].mean() - b[340:].mean()) / 2
    )


def test_u701_does_not_find_what_is_too_small_to_report():
    base = np.random.default_rng(0).random(20_000)
    (o,) = run("U701", answers({"a": base > 0.300, "b": base > 0.307}, items=20_000))
    assert isinstance(o, Clear)
    assert o.estimate.low > 0
    assert "ahead of b, but by less than the 0.1 that matters" in o.statement


def test_u702_wants_a_flip_on_both_sides():
    flipped = answers({"a": np.where(HALF, 0.9, 0.3), "b": np.where(HALF, 0.5, 0.7)}, **SPLIT)
    assert isinstance(run("U702", flipped)[0], Found)
    narrowed = answers({"a": np.where(HALF, 0.9, 0.6), "b": np.where(HALF, 0.5, 0.6)}, **SPLIT)
    assert not isinstance(run("U702", narrowed)[0], Found)


def test_u702_keeps_its_level_where_models_are_equal():
    found = sum(
        isinstance(run("U702", answers(dict.fromkeys("abcd", 0.6), seed=seed, **SPLIT))[0], Found) for seed in range(40)
    )
    # Two true ties must both come out significant and opposite: far rarer than 5 %; 6 of 40 is 3 sd above 5 %.
    assert found <= 6


def repeated(spread, models=("a", "b"), runs=8):
    rng = np.random.default_rng(0)
    return pl.concat(
        answers({name: np.clip(0.6 + 0.02 * (name == "a") + spread * rng.normal(), 0, 1)}, seed=r).with_columns(
            repeat=pl.lit(r)
        )
        for name in models
        for r in range(runs)
    )


def test_u703_and_u704_see_seeds_that_matter():
    noisy, calm = repeated(0.1), repeated(0.0, models=("a",))
    assert all(isinstance(o, Found) for o in run("U703", noisy))
    runs = run("U703", noisy)[0].details["runs"]
    assert max(runs) == run("U703", noisy)[0].details["best"]
    (outcome,) = run("U704", noisy)
    assert isinstance(outcome, Found)
    assert 0.05 < outcome.details["reversed"] < 0.95
    apart = pl.concat([calm, calm.with_columns(model=pl.lit("z"), score=pl.lit(0.0))])
    (clear,) = run("U704", apart)
    assert isinstance(clear, Clear)
    assert clear.details["reversed"] == 0
