import numpy as np
import polars as pl
import pytest

from unseen.auditing import run_check
from unseen.checks.base import Clear, Found, NotApplicable, Settings, Subject
from unseen.checks.u102_factor_gaps import FactorGaps
from unseen.checks.u103_weakest_slices import WeakestSlices
from unseen.checks.u303_unseen_combinations import UnseenCombinations
from unseen.responses import Responses
from unseen.responses.frames import apply_unseen


def _audit(shortfall, n=3000, seed=0, combinations=True):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 3, n), rng.integers(0, 3, n)
    new = (a == 2) & (b == 2) if combinations else a == 2
    p = 1 / (1 + np.exp(-(1.5 - 0.5 * (a == 2) - 0.6 * (b == 2)))) - shortfall * new
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "score": (rng.random(n) < p).astype(float),
        "shape": [f"s{v}" for v in a], "colour": [f"c{v}" for v in b], "split": np.where(new, "unseen", "seen"),
    })  # fmt: skip
    return run_check(UnseenCombinations(), Subject(Responses.of(table)), Settings(), strict=True)[0]


def test_a_planted_shortfall_is_found_and_covered():
    out = _audit(0.3)
    assert isinstance(out, Found)
    assert out.estimate.low <= 0.3 <= out.estimate.high
    assert out.details["combinations"] == ["shape = s2 with colour = c2"]


def test_combinations_that_score_as_expected_are_clear():
    assert isinstance(_audit(0.0, 12_000), Clear)
    wrong = sum(isinstance(_audit(0.0, 900, s), Found) for s in range(100))
    assert wrong <= 9  # 2.5 % are on this side, 3.2 sd above is 7.5


def test_an_unseen_level_is_no_new_combination():
    assert isinstance(_audit(0.1, combinations=False), NotApplicable)


def _scan(column, condition=None, n=3000):
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 3, n), rng.integers(0, 3, n)
    new = (a == 2) & (b == 2)
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "score": (rng.random(n) < 0.9 - 0.5 * new).astype(float),
        "shape": [f"s{v}" for v in a], "colour": [f"c{v}" for v in b], column: np.where(new, "test", "train"),
    })  # fmt: skip
    return apply_unseen(Responses.of(table), condition or f"{column} == 'test'")


def test_a_column_that_names_the_split_is_no_level_that_must_have_been_seen():
    answers = _scan("part")
    out = run_check(UnseenCombinations(), Subject(answers), Settings(), strict=True)[0]
    assert isinstance(out, Found)
    assert out.details["combinations"] == ["shape = s2 with colour = c2"]
    assert any("'part' names the sides of the split" in note for note in answers.notes)


@pytest.mark.parametrize("check", [FactorGaps(), WeakestSlices()])
def test_a_column_that_names_the_split_is_not_where_a_model_is_weak(check):
    told = " ".join(o.statement for o in run_check(check, Subject(_scan("part")), Settings(), strict=True))
    assert told
    assert "part" not in told


def test_a_domain_of_several_that_is_held_out_stays_a_factor():
    rng = np.random.default_rng(4)
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(900)], "score": rng.integers(0, 2, 900).astype(float),
        "domain": rng.choice(["law", "news", "medicine"], 900),
    })  # fmt: skip
    assert not apply_unseen(Responses.of(table), "domain == 'medicine'").factors["domain"].is_split


def test_a_shortfall_of_scores_of_0_and_1_lies_within_1():
    # Fifteen clusters, of which thirteen fail on all new combinations: t reaches past what can be.
    rng = np.random.default_rng(8)
    n = 500
    a, b, cluster = rng.integers(0, 2, n), rng.integers(0, 2, n), rng.integers(0, 15, n)
    new = (a == 1) & (b == 1)
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "cluster": [f"c{v}" for v in cluster],
        "score": np.where(new, cluster < 2, 0.95) > rng.random(n),
        "shape": [f"s{v}" for v in a], "colour": [f"c{v}" for v in b], "split": np.where(new, "unseen", "seen"),
    }).with_columns(pl.col("score").cast(float))  # fmt: skip
    out = run_check(UnseenCombinations(), Subject(Responses.of(table)), Settings(), strict=True)[0]
    assert out.estimate is not None, out.statement
    assert out.estimate.high == 1.0
    assert "logit scale" not in out.statement


def _partial_credit(shortfall=0.0, seed=0, n=900, clusters=0):
    """Items of four parts, worth 0 to 10; what each level brings adds up on the logit, up to nearly all right."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 3, n), rng.integers(0, 3, n)
    new = (a == 2) & (b == 2)
    cluster = rng.integers(0, clusters, n) if clusters else np.arange(n)
    right = 1 / (1 + np.exp(-(1.5 + 1.5 * (a == 2) + 1.5 * (b == 2)))) - shortfall * new
    if clusters:
        right = np.where(new, (cluster < 1) * 0.2, right)
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "score": rng.binomial(4, right) * 2.5, "cluster": [f"c{v}" for v in cluster],
        "shape": [f"s{v}" for v in a], "colour": [f"c{v}" for v in b], "split": np.where(new, "unseen", "seen"),
    })  # fmt: skip
    answers = Responses.of(table, score_range=(0, 10))
    return run_check(UnseenCombinations(), Subject(answers), Settings(), strict=True)[0]


def test_partial_credit_near_its_ceiling_is_no_shortfall():
    """Levels that each bring a tenth and more can't bring it twice where 0.99 of all is reached: sums of means say 1.09."""
    told = [_partial_credit(seed=s) for s in range(60)]
    assert all(isinstance(o, Clear) for o in told)
    # 95 % hold 0; 51 of 60 is 3.6 binomial standard deviations below.
    assert sum(o.estimate.low <= 0 <= o.estimate.high for o in told) >= 51


def test_a_shortfall_of_partial_credit_is_found_in_the_unit_of_the_score():
    told = [_partial_credit(0.2, seed=s) for s in range(30)]
    assert all(isinstance(o, Found) for o in told)
    assert sum(o.estimate.low <= 2.0 <= o.estimate.high for o in told) >= 24  # 0.95; 3.8 sd below
    # What is expected is within the range of the score.
    assert all(0 <= o.details["observed"] < o.details["expected"] <= 10 for o in told)


def test_no_shortfall_of_partial_credit_is_more_than_the_whole_score():
    out = _partial_credit(seed=3, n=500, clusters=12)
    assert isinstance(out, Found)
    assert out.estimate.value < out.estimate.high <= 10
