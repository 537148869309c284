import numpy as np
import polars as pl
import pytest

import unseen
from unseen.auditing import run, run_check
from unseen.checks.base import Clear, Context, Found, NotApplicable, Settings, Subject, Undecided
from unseen.checks.u707_pairwise_ratings import PairwiseRatingsCheck
from unseen.errors import BadInput
from unseen.responses.frames import from_table
from unseen.responses.reading import read

RATING = {"a": 0.8, "b": 0.3, "c": 0.2, "d": -1.3}


def comparisons(seed=0, questions=400, flip=0.0, first=0.0, turns=2):
    rng = np.random.default_rng(seed)
    rows = []
    for q in range(questions):
        a, b = rng.choice(list(RATING), 2, replace=False)
        kind = "math" if q % 2 else "code"
        rating = RATING | ({"a": RATING["a"] - flip} if kind == "math" else {})
        shift = rng.normal(0, 0.3)
        for turn in range(1, turns + 1):
            chance = 1 / (1 + np.exp(-(rating[a] - rating[b] + shift + first)))
            winner = "tie" if rng.random() < 0.05 else "model_a" if rng.random() < chance else "model_b"
            rows.append((f"q{q}", a, b, winner, turn, kind))
    return pl.DataFrame(rows, schema=["question_id", "model_a", "model_b", "winner", "turn", "kind"], orient="row")


def judged(table):
    outcomes = run_check(PairwiseRatingsCheck(), Subject(from_table(table)), Settings(), strict=True)
    return {o.about.name: o for o in outcomes}


def test_ratings_come_in_tiers_with_intervals():
    outcome = judged(comparisons())["all"]
    assert isinstance(outcome, Context)
    rows = outcome.details["ratings"]
    assert rows[0]["model"] == "a"
    assert rows[-1]["model"] == "d"
    assert rows[-1]["tier"] > rows[1]["tier"]
    # b and c stand 0.1 logits apart, which 400 questions do not tell.
    assert rows[1]["tier"] == rows[2]["tier"]
    assert all(r["low"] < r["rating"] < r["high"] for r in rows)
    assert sum(r["rating"] for r in rows) == pytest.approx(4 * 1500)


def test_an_order_that_flips_with_a_factor_is_found_and_one_that_stays_is_not():
    found = judged(comparisons(flip=2.0, questions=800))["kind = code / other kind"]
    assert isinstance(found, Found)
    assert found.details["pair"][0] == "a"
    assert "so that their order flips" in found.statement
    assert isinstance(found.otherwise, Clear | Undecided)
    same = [judged(comparisons(seed=s, questions=200, turns=1))["kind = code / other kind"] for s in range(25)]
    # 5 % nominal: more than 5 of 25 are 3.4 binomial sd above.
    assert sum(isinstance(o, Found) for o in same) <= 5


def test_the_advantage_of_the_first_place_is_found_and_its_absence_cleared():
    found = judged(comparisons(first=0.6))["order of the answers"]
    assert isinstance(found, Found)
    # 0.6 logits for an even pair: 0.5·tanh(0.3) = 0.146; ties and the spread of questions take from it.
    assert 0.09 <= found.estimate.value <= 0.19
    assert isinstance(judged(comparisons(questions=1500))["order of the answers"], Clear)


def test_few_questions_are_not_rated():
    subject = Subject(from_table(comparisons(questions=6)))
    (outcome,) = run_check(PairwiseRatingsCheck(), subject, Settings(), strict=True)
    assert isinstance(outcome, NotApplicable)
    assert "ratings need 10 independent questions, got 6" in outcome.statement


def test_checks_of_single_answers_do_not_judge_comparisons():
    result = run(Subject(from_table(comparisons())))
    judging = {o.code for o in result.outcomes if not isinstance(o, NotApplicable)}
    assert judging == {"U707"}
    plain = pl.DataFrame({"model": ["a", "b"], "item": ["q", "q"], "score": [1, 0]})
    told = [o for o in run(Subject(from_table(plain))).outcomes if o.code == "U707"]
    assert "Needs opponent" in told[0].statement


# How such tables are written


def rows_of(winner, **more):
    n = len(winner)
    table = pl.DataFrame({"model_a": ["x"] * n, "model_b": ["y"] * n, "winner": winner, **more})
    responses = from_table(table)
    return responses.table.filter(pl.col("model") == "x")["score"].to_list(), responses.notes


@pytest.mark.parametrize(
    "words",
    [
        ["model_a", "model_b", "tie", "tie (bothbad)"], ["A", "B", "tie", "Tie"], ["x", "y", "tie", "both_bad"],
        ["[[A]]", "[[B]]", "tie", "tie"], ["A>B", "B>>A", "A=B", "A=B"],
    ],
)  # fmt: skip
def test_winners_are_sides_names_or_ties(words):
    scores, notes = rows_of(words)
    assert scores == [1, 0, 0.5, 0.5]
    assert "4 comparisons of two models were read" in notes[0]


def test_winners_in_three_columns_of_flags(tmp_path):
    text = "id,model_a,model_b,winner_model_a,winner_model_b,winner_tie\n1,x,y,1,0,0\n2,x,y,0,0,1\n"
    path = tmp_path / "arena.csv"
    path.write_text(text)
    responses = read(path)
    assert responses.table.filter(pl.col("model") == "x")["score"].to_list() == [1, 0.5]


def test_an_unknown_winner_is_told_with_its_row_and_missing_ones_are_left_out():
    with pytest.raises(
        BadInput, match=r"column 'winner', row 2: 'zebra' is neither one of the two models, nor 'model_a'"
    ):
        rows_of(["A", "zebra"])
    scores, notes = rows_of(["A", None, "B"])
    assert scores == [1, 0]
    assert "1 of 3 comparisons were left out" in notes[1]


def test_the_ratings_are_the_score_table_of_every_report(tmp_path):
    table = comparisons(questions=200)
    audit = unseen.audit(table, progress=False)
    given = judged(table)["all"].details["ratings"]
    rows = audit.scores.to_dict()["rows"]
    assert [r["model"] for r in rows] == [r["model"] for r in given]
    assert [r["overall"]["value"] for r in rows] == pytest.approx([r["rating"] for r in given])
    assert [(r["overall"]["low"], r["overall"]["high"]) for r in rows] == [
        pytest.approx((r["low"], r["high"])) for r in given
    ]
    assert [r["tier"] for r in rows] == ["ABCD"[r["tier"] - 1] for r in given]
    # Two turns a question, each once in the row of either model.
    assert sum(r["answers"] for r in rows) == 2 * table.height
    assert all(r["units"] == r["answers"] / 2 for r in rows)
    first = str(audit)
    for text in (first, audit.to_markdown().replace("\\", "")):
        for row in given:
            assert f"{row['rating']:,.0f} [{row['low']:,.0f}, {row['high']:,.0f}]" in text
    assert "comparisons" in first
    page = audit.save_html(tmp_path / "r.html").read_text(encoding="utf-8")
    assert f"{given[0]['rating']:,.0f} [{given[0]['low']:,.0f}, {given[0]['high']:,.0f}]" in page


def test_comparisons_tell_no_story_of_mean_scores():
    """A win rate depends on the opponents, so that no loss of scores is taken apart by conditions."""
    audit = unseen.audit(comparisons(questions=200, flip=2.0), progress=False, ignore="U707")
    assert audit.scores is None
    told = unseen.audit(comparisons(questions=400, flip=2.0), progress=False)
    assert all(story.condition is None for story in told.stories)


def test_the_verdict_tells_the_order_that_the_tiers_show():
    """It said that nothing was found, beside three tiers."""
    rng, strength = np.random.default_rng(0), {"amber": 1.5, "birch": 0.3, "cedar": -1.5}
    rows = []
    for i in range(300):
        a, b = rng.choice(list(strength), 2, replace=False)
        first = rng.random() < 1 / (1 + np.exp(strength[b] - strength[a]))
        rows.append((f"q{i}", a, b, "left" if first else "right"))
    table = pl.DataFrame(rows, schema=["question_id", "model_a", "model_b", "winner"], orient="row")
    said = unseen.audit(table, select="U707").verdict.sentence
    assert said.startswith("amber is ahead of birch, and birch of cedar. Nothing else found: ")
    even = table.with_columns(winner=pl.Series(rng.choice(["left", "right"], 300)))
    assert unseen.audit(even, select="U707").verdict.sentence.startswith("amber, ")
    assert "are not told apart. Nothing else found" in unseen.audit(even, select="U707").verdict.sentence
