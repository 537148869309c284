"""Behind a finding stand the rows that it blames; of those the worst, the typical and the surprising are shown."""

import numpy as np
import polars as pl
import pytest

import unseen
from unseen.checks.blame import Term
from unseen.checks.details.gaps import Compounding, FactorLevels, Frontier, LevelOfSide, SliceBelow, SlicesBelow
from unseen.estimates import Estimate
from unseen.items import answers_of, behind, blamed_by
from unseen.items.picking import blamed
from unseen.responses import Responses


def finding(code, details=None, kind="model", name="a", **more):
    return {"code": code, "subject": {"kind": kind, "name": name}, "details": details or {}, **more}


def shown(found, responses):
    """Items by why they were picked."""
    answers = answers_of(responses)
    known = behind(found, answers)
    by_why = {}
    for row, why in known.picked:
        by_why.setdefault(why, []).append(answers.frame["item"][row])
    return by_why


@pytest.fixture(scope="module")
def table():
    """Three models; unseen items are failed with chance 0.7, and one unseen item by model a alone."""
    rng = np.random.default_rng(3)
    frames = []
    for model in "abc":
        unseen_side = np.arange(300) % 2 == 1
        score = np.where(unseen_side, rng.random(300) < 0.3, rng.random(300) < 0.9).astype(float)
        score[51] = 0.0 if model == "a" else 1.0
        confidence = np.where(np.arange(300) == 71, 0.99, 0.2)
        frames.append(
            pl.DataFrame(
                {"model": model, "item": [f"i{i:03d}" for i in range(300)], "score": score, "confidence": confidence,
                 "split": np.where(unseen_side, "unseen", "seen"), "digits": np.arange(300) // 60 + 1}
            )
        )  # fmt: skip
    return pl.concat(frames)


def test_the_rows_of_a_gap_are_the_unseen_ones_of_its_model(table):
    answers = answers_of(Responses.of(table))
    rows, cost = blamed(blamed_by(finding("U101")), answers)
    expected = (table["model"] == "a") & (table["split"] == "unseen")
    assert (rows == expected.to_numpy()).all()
    assert (cost == 1 - table["score"].to_numpy()).all()


def test_worst_are_confident_and_wrong_and_surprising_stand_against_the_other_models(table):
    wrong = table.with_columns(
        score=pl.when((pl.col("item") == "i071") & (pl.col("model") == "a")).then(0.0).otherwise("score")
    )
    by_why = shown(finding("U101"), Responses.of(wrong))
    assert by_why["worst"][0] == "i071"
    # The other two models solve i051, and model a solves nine in ten seen items: nothing else is as unexpected.
    all_rows = shown(finding("U101", blames={"models": ["a"], "condition": None}), Responses.of(table))
    assert "i051" in all_rows["surprising"] + all_rows["worst"]
    assert {len(v) for v in by_why.values()} == {3}
    assert len({i for v in by_why.values() for i in v}) == 9


def test_picks_do_not_depend_on_the_order_of_rows(table):
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=4)
    for code in ("U101", "U601"):
        assert shown(finding(code), Responses.of(table)) == shown(finding(code), Responses.of(shuffled))


E = Estimate(0.3, 0.1, 0.5, 40, "t")
WORST = FactorLevels(
    factor="digits", model="a", best="1", worst="5", note="", levels=(), marginal=E, adjusted=None, separated=False,
    left_out=(),
)  # fmt: skip
PAST = Frontier(
    factor="digits", model="a", seen_range=(1, 2), edge="2", break_=None, half=None,
    levels=tuple(LevelOfSide(i, 0.5, 0.4, 0.6, 9, None) for i in range(1, 6)),
)  # fmt: skip
SLICES = SlicesBelow(
    model="a", searched=1, slices=(SliceBelow(("digits ≤ 2",), 0.1, 9, 9, 0.3, 0.1, 0.5, 0.01),)
)  # fmt: skip
BOTH = Compounding(model="a", scale="score", conditions=("digits = 2 to 3",), cells=(), expected=0.5, observed=0.3)


@pytest.mark.parametrize(("details", "lowest", "highest"), [(WORST, 5, 5), (PAST, 3, 5), (SLICES, 1, 2), (BOTH, 2, 3)])
def test_conditions_of_details_are_read(table, details, lowest, highest):
    answers = answers_of(Responses.of(table))
    rows, _ = blamed(blamed_by(finding("U102", dict(details))), answers)
    digits = answers.frame["digits"].to_numpy()[rows]
    assert (digits.min(), digits.max()) == (lowest, highest)


def test_a_record_of_what_is_blamed_goes_before_the_details(table):
    told = {"models": ["b"], "condition": {"terms": [{"column": "digits", "kind": "range", "low": 4.0, "high": None}]}}
    answers = answers_of(Responses.of(table))
    rows, _ = blamed(blamed_by(finding("U102", dict(WORST), blames=told)), answers)
    assert (rows == ((table["model"] == "b") & (table["digits"] >= 4)).to_numpy()).all()


def test_levels_that_are_true_or_false_are_found(table):
    flagged = Responses.of(table.with_columns(long=pl.col("digits") > 3), kinds={"long": "categorical"})
    told = {"models": [], "condition": {"terms": [{"column": "long", "kind": "levels", "levels": ["False"]}]}}
    rows, _ = blamed(blamed_by(finding("U102", kind="factor", blames=told)), answers_of(flagged))
    assert (rows == (table["digits"] <= 3).to_numpy()).all()
    assert (Term("long", "levels", "long = False", levels=("False",)).holds(flagged) == rows).all()


def test_a_pair_shows_items_that_only_the_first_solves(table):
    answers = answers_of(Responses.of(table))
    known = behind(finding("U701", {"a": "b", "b": "a"}, kind="pair", name="b / a"), answers)
    wide = table.pivot(on="model", index="item", values="score")
    for row, _ in known.picked:
        entry = wide.row(by_predicate=pl.col("item") == answers.frame["item"][row], named=True)
        assert (entry["b"], entry["a"]) == (1.0, 0.0)


def test_variants_are_judged_against_their_original():
    names = [f"q{i}" for i in range(40)]
    both = pl.DataFrame(
        {"model": "a", "item": names + [f"{n}v" for n in names], "variant_of": [None] * 40 + names,
         "score": [1.0] * 20 + [0.0] * 20 + [0.0] * 40}
    )  # fmt: skip
    answers = answers_of(Responses.of(both))
    known = behind(finding("U401"), answers)
    assert int(known.rows.sum()) == 20
    assert all(int(answers.frame["item"][row][1:-1]) < 20 for row, _ in known.picked)


def test_large_tables_are_drawn_by_whole_items(table):
    answers = answers_of(Responses.of(table), most=150)
    assert 100 <= len(answers) <= 150
    assert answers.frame["item"].value_counts()["count"].unique().to_list() == [3]


def test_every_finding_of_the_sample_names_its_items():
    audit = unseen.audit("sample:lm-arithmetic", select=["U1", "U301", "U302", "U4", "U6", "U701"])
    found = [f for f in audit.findings if f["outcome"] == "found"]
    named = [f for f in found if f["items"]]
    assert len(named) == len(found) > 30
    answers = audit.document["answers"]
    for f in named:
        own = [answers[i["answer"]] for i in f["items"]]
        assert len({a["item"] for a in own}) == len(own)
        assert all(a["question"] and a["target"] for a in own)
        if f["subject"]["kind"] == "model":
            assert {a["model"] for a in own} == {f["subject"]["name"]}


def test_behind_a_flip_stand_the_answers_of_who_falls_behind_where_it_falls_behind():
    rng = np.random.default_rng(0)
    n = 400
    beyond = np.arange(n) % 2 == 1
    side = np.where(beyond, "unseen", "seen")
    table = pl.concat([
        pl.DataFrame({"model": m, "item": [f"i{k}" for k in range(n)], "split": side,
                      "score": (rng.uniform(size=n) < np.where(beyond, far, near)).astype(int)})
        for m, near, far in (("A", 0.9, 0.3), ("B", 0.6, 0.6))
    ])  # fmt: skip
    audit = unseen.audit(table, select="U702", progress=False)
    shown = audit.found[0].items()
    assert set(shown["model"]) == {"A"}
    assert set(shown["split"]) == {"unseen"}
    right = table.filter((pl.col("model") == "B") & (pl.col("score") == 1))["item"]
    assert set(shown["item"]) <= set(right)
    assert set(shown["score"]) == {0.0}
