import numpy as np
import polars as pl
import pytest

from unseen.auditing import run_check
from unseen.checks.base import Clear, Found, NotApplicable, Settings, Subject
from unseen.checks.u107_decomposed_drop import DecomposedDrop
from unseen.responses import Responses


def _audit(difficulty, n=4000, seed=0, defining=False):
    rng = np.random.default_rng(seed)
    unseen = rng.random(n) < 0.5
    kind = rng.random(n) < np.where(unseen, 0.7, 0.3)
    score = (rng.random(n) < 0.8 - 0.4 * kind - difficulty * unseen).astype(float)
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "score": score,
        "kind": np.where(unseen if defining else kind, "hard", "easy"), "split": np.where(unseen, "unseen", "seen"),
    })  # fmt: skip
    return run_check(DecomposedDrop(), Subject(Responses.of(table)), Settings(), strict=True)[0]


def test_difficulty_is_found_beside_the_mix():
    out = _audit(0.1)
    assert isinstance(out, Found)
    d = out.details
    assert d["mix"]["low"] <= 0.16 <= d["mix"]["high"]
    assert d["difficulty"]["low"] <= 0.1 <= d["difficulty"]["high"]
    assert d["mix"]["value"] + d["difficulty"]["value"] == pytest.approx(d["total"]["value"])
    assert d["remainder"] is None


def test_a_drop_that_is_all_mix_is_clear():
    assert isinstance(_audit(0.0), Clear)


def test_a_factor_that_defines_the_split_is_named():
    out = _audit(0.1, defining=True)
    assert isinstance(out, NotApplicable)
    assert "defines the split (kind)" in out.statement


def test_the_sentence_says_what_is_lost_within_one_kind():
    out = _audit(0.1)
    assert "is lost within the same kind of item (kind)" in out.statement
    assert "difficulty" not in out.statement


def test_many_factors_are_counted_and_zero_has_no_sign():
    rng = np.random.default_rng(1)
    n = 4000
    unseen = rng.random(n) < 0.5
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "score": (rng.random(n) < 0.9 - 0.5 * unseen).astype(float),
        **{f"f{k}": rng.choice(["a", "b"], n) for k in range(6)}, "split": np.where(unseen, "unseen", "seen"),
        **{f"d{k}": np.where(unseen, "x", "y") for k in range(2)},
    })  # fmt: skip
    out = run_check(DecomposedDrop(), Subject(Responses.of(table)), Settings(), strict=True)[0]
    assert "f2 and 3 more)" in out.statement
    assert "d0, d1 define the split" in out.statement
    assert "-0.00" not in out.statement
