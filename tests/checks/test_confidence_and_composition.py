"""U301, U302 and U601 to U604 on tables with known truth."""

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit

from unseen.checks.base import Clear, Found, NotApplicable, Settings, Subject, Undecided
from unseen.checks.registry import all_checks
from unseen.responses import Responses


def outcomes(code, table, **settings):
    return list(all_checks()[code].run(Subject(responses=Responses.of(table)), Settings(**settings)))


def table(n=3000, over=0.0, over_unseen=0.0, rank=True, unlabelled=False, level=None):
    # Evenly spread points (Roberts' R2 sequence) stand for draws: the truth is met almost exactly, whatever the seed.
    k = np.arange(n)
    c, unseen = 0.2 + 0.75 * (k * 0.7548776662466927 % 1), k % 3 == 0
    right = k * 0.5698402909980532 % 1 < (c if rank else np.full(n, 0.5)) - np.where(unseen, over_unseen, over)
    score = pl.Series(right.astype(float))
    frame = pl.DataFrame({
        "model": "m", "item": [f"i{k}" for k in range(n)], "confidence": c, "site": np.array(list("abcd"))[np.arange(n) % 4],
        "score": score, "split": np.where(unseen, "unseen", "seen"),
    })  # fmt: skip
    if unlabelled:
        frame = frame.with_columns(pl.when(pl.Series(unseen)).then(None).otherwise(pl.col("score")).alias("score"))
    if level:
        frame = frame.with_columns(pl.when(pl.Series(unseen)).then(pl.lit(level)).otherwise("site").alias("site"))
    return frame


def test_u601_finds_over_confidence_and_clears_calibration():
    found = outcomes("U601", table(over=0.15, over_unseen=0.15))
    assert [type(o) for o in found] == [Found] * 3
    assert "over-confident by 0.1" in found[0].statement
    assert found[0].details["brier"]["reliability"] > 0
    assert {"confidence", "accuracy", "low", "high", "n"} == set(found[0].details["curve"][0])
    assert all(isinstance(o, Clear) for o in outcomes("U601", table()))


def test_u602_finds_confidence_that_does_not_rank():
    assert all(isinstance(o, Found) for o in outcomes("U602", table(rank=False)))
    clear = outcomes("U602", table())
    assert all(isinstance(o, Clear) for o in clear)
    assert "does not rank" in outcomes("U602", table(rank=False))[0].statement


def test_u603_finds_calibration_that_holds_on_seen_rows_only():
    (found,) = outcomes("U603", table(over_unseen=0.2))
    assert isinstance(found, Found)
    assert found.estimate.low < 0.2 < found.estimate.high
    (clear,) = outcomes("U603", table(over=0.1, over_unseen=0.1))
    assert isinstance(clear, Clear)


def test_u604_calls_an_estimate_without_back_test_an_assumption_and_refuses_unknown_sites():
    (said,) = outcomes("U604", table(unlabelled=True))
    assert isinstance(said, Undecided)
    assert said.p_value is None
    assert said.statement.startswith("By assumption alone: m is right in about 0.5")
    assert "of 1,000 unlabelled rows" in said.statement
    assert (
        "rows of equal confidence are right equally often on both sides, which no unlabelled row can test"
        in said.statement
    )
    # The site has nothing to do with confidence: hiding one tests nothing.
    assert "something shifts in 0 of the 4 levels that could be hidden" in said.statement
    assert said.details["basis"] == "assumption"
    assert said.next_step.startswith(f"Label a random sample of about {said.details['rows_to_label']} of these rows")
    methods = {m["method"]: m for m in said.details["methods"]}
    assert all(methods[k]["low"] < 0.575 < methods[k]["high"] for k in ("CBPE", "ATC", "DoC"))
    (refused,) = outcomes("U604", table(unlabelled=True, level="elsewhere"))
    assert isinstance(refused, NotApplicable)
    assert refused.details["refused"]
    assert "100 % of these rows have a value of site that no labelled row covers" in refused.statement


def monitored(n=3000, *, concept=0.0, labels=0, spread=0.0, place=0.0, move=0.0, seed=0):
    """Sites that differ in confidence (place) and its meaning (spread); unseen rows differ in both, few of them labelled."""
    rng = np.random.default_rng(seed)
    unseen, site = np.arange(n) % 3 == 0, rng.integers(0, 8, n)
    c = expit(0.8 + place * np.linspace(-1, 1, 8)[site] + rng.normal(size=n) + move * unseen)
    y = (rng.random(n) < expit(logit(c) + rng.normal(0, spread, 8)[site] + concept * unseen)).astype(float)
    y[unseen & ~np.isin(np.arange(n), rng.permutation(np.flatnonzero(unseen))[:labels])] = np.nan
    return pl.DataFrame({
        "model": "m", "item": [f"i{k}" for k in range(n)], "confidence": c, "site": [f"s{k}" for k in site],
        "score": y, "split": np.where(unseen, "unseen", "seen"),
    }).with_columns(pl.col("score").fill_nan(None))  # fmt: skip


@pytest.mark.parametrize("concept", [0.0, -1.2])
@pytest.mark.parametrize("place", [0.0, 1.0])
@pytest.mark.parametrize("n", [600, 6000])
def test_u604_never_clears_a_model_by_rows_without_labels(concept, place, n):
    (said,) = outcomes("U604", monitored(n, concept=concept, place=place))
    assert isinstance(said, Undecided)
    assert "no unlabelled row can test" in said.statement
    assert "no drop" not in said.statement


def test_u604_finds_a_drop_of_confidence_that_hidden_levels_back():
    (found,) = outcomes("U604", monitored(place=1.0, spread=0.1, move=-1.0))
    assert isinstance(found, Found)
    assert isinstance(found.otherwise, Undecided)
    assert " hidden levels in which something shifts this missed by 0.0" in found.statement
    assert found.details["basis"] == "back-test"
    # Where meaning differs from site to site, the same drop is not told from its own error.
    (said,) = outcomes("U604", monitored(place=1.0, spread=1.2, move=-0.5))
    assert isinstance(said, Undecided)
    assert said.estimate.width > 2 * found.estimate.width


def test_u604_finds_by_random_labels_what_confidence_cannot_show():
    frame = monitored(concept=-1.2, labels=60)
    (asked,) = outcomes("U604", frame)
    assert isinstance(asked, Undecided)
    assert "60 rows of the unseen side have labels: if these were drawn at random" in asked.next_step
    (found,) = outcomes("U604", frame, labelled_at_random=True)
    assert isinstance(found, Found)
    assert "by 60 labels drawn at random among them" in found.statement
    assert found.details["accuracy"]["low"] < 0.43 < found.details["accuracy"]["high"]
    assert found.details["accuracy"]["high"] < found.details["without_labels"]
    (few,) = outcomes("U604", monitored(concept=-1.2, labels=29), labelled_at_random=True)
    assert isinstance(few, Undecided)
    assert "There are 29 labels on the unseen side; 30 are needed." in few.next_step


def test_u604_clears_by_enough_random_labels():
    (clear,) = outcomes("U604", monitored(labels=500), labelled_at_random=True)
    assert isinstance(clear, Clear)


def test_u604_corrects_for_a_shift_of_labels():
    rng, n = np.random.default_rng(0), 3000
    unseen = np.arange(n) % 3 == 0
    truth = rng.random(n) < np.where(unseen, 0.75, 0.25)
    margin = rng.normal(np.where(truth, 0.4, -1.5), 1.0)
    frame = pl.DataFrame({
        "model": "m", "item": [f"i{k}" for k in range(n)], "confidence": expit(2 * np.abs(margin)),
        "prediction": np.where(margin > 0, "yes", "no"), "target": np.where(truth, "yes", "no"),
        "score": ((margin > 0) == truth).astype(float),
    }).with_columns(pl.when(pl.Series(unseen)).then(None).otherwise(pl.col("score")).alias("score"),
                    pl.when(pl.Series(unseen)).then(None).otherwise(pl.col("target")).alias("target"))  # fmt: skip
    (said,) = outcomes("U604", frame)
    actual = np.mean(((margin > 0) == truth)[unseen])
    best = next(m for m in said.details["methods"] if m["method"] == said.details["best"])
    assert said.details["best"] == "label shift"
    assert best["low"] < actual < best["high"]
    assert not next(m["low"] < actual < m["high"] for m in said.details["methods"] if m["method"] == "CBPE")
    assert "classes are rarer or more frequent but look the same on both sides" in said.statement
    assert isinstance(said, Undecided)


def test_u604_rehearses_on_unseen_rows_and_says_where_it_would_mislead():
    (found,) = outcomes("U604", table(over_unseen=0.2))
    assert isinstance(found, Found)
    assert "label-free estimates mislead here" in found.statement
    (clear,) = outcomes("U604", table())
    assert isinstance(clear, Clear)
    (refused,) = outcomes("U604", table(over_unseen=0.2, level="elsewhere"))
    assert isinstance(refused, NotApplicable)
    assert "the truth is" in refused.statement


def wholes(kinds):
    """Two parts and a whole for each kind: (first right, second right, whole right)."""
    rows = []
    for k, (a, b, whole) in enumerate(kinds):
        rows += [("m", f"w{k}a", a, f"w{k}"), ("m", f"w{k}b", b, f"w{k}"), ("m", f"w{k}", whole, None)]
    return pl.DataFrame(rows, schema=["model", "item", "score", "parent"], orient="row")


def test_u301_counts_the_gap_by_hand():
    (found,) = outcomes("U301", wholes([(1, 1, 0)] * 30 + [(1, 1, 1)] * 20 + [(0, 1, 0)] * 50))
    assert isinstance(found, Found)
    assert found.estimate.value == pytest.approx(0.6)
    assert found.details["predicted"] == pytest.approx(0.5 * 1.0)
    assert found.details["whole_accuracy"]["value"] == pytest.approx(0.2)
    (clear,) = outcomes("U301", wholes([(1, 1, 1)] * 200))
    assert isinstance(clear, Clear)


def test_u302_profiles_by_hand_and_order_of_rows_does_not_matter():
    frame = wholes([(1, 1, 1)] * 40 + [(1, 1, 0)] * 30 + [(0, 1, 0)] * 20 + [(0, 1, 1)] * 6 + [(0, 0, 1)] * 4)
    for rows in (frame, frame.sample(fraction=1.0, shuffle=True, seed=1)):
        (found,) = outcomes("U302", rows)
        assert isinstance(found, Found)
        strict = {k: e["value"] for k, e in found.details["strict"].items()}
        assert strict == pytest.approx({
            "complete mastery": 0.4, "inadequate generalisation": 0.3, "insufficient knowledge": 0.2, "rote memorisation": 0.1,
        })  # fmt: skip
        loose = {k: e["value"] for k, e in found.details["loose"].items()}
        assert loose["complete mastery"] == pytest.approx(0.46)
        assert loose["rote memorisation"] == pytest.approx(0.04)


def test_too_few_wholes_are_named():
    (answer,) = outcomes("U301", wholes([(1, 1, 0)] * 3))
    assert isinstance(answer, NotApplicable)
    assert "got all parts right for only 3 of 3 wholes; 10 are needed" in answer.statement
