import numpy as np
import polars as pl

from unseen.auditing import run_check
from unseen.checks.base import Clear, Found, Settings, Subject
from unseen.checks.u102_factor_gaps import FactorGaps
from unseen.responses import Responses


def _audit(n=1500, seed=0, effect=0.3, confounded=False):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 3, n)
    b = np.where(rng.random(n) < 0.9, a > 0, rng.random(n) < 0.5) if confounded else rng.random(n) < 0.5
    score = (rng.random(n) < 0.7 - effect * (a == 2)).astype(float)
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "score": score, "a": a, "b": np.where(b, "yes", "no"),
    })  # fmt: skip
    return {
        o.details["factor"]: o for o in run_check(FactorGaps(), Subject(Responses.of(table)), Settings(), strict=True)
    }


def test_a_planted_gap_is_found_and_the_other_factor_is_clear():
    out = _audit()
    assert isinstance(out["a"], Found)
    assert out["a"].estimate.low <= 0.3 <= out["a"].estimate.high
    assert (out["a"].details["worst"], len(out["a"].details["levels"])) == ("2", 3)
    assert isinstance(out["b"], Clear)


def test_a_confounded_factor_has_a_marginal_but_no_adjusted_gap():
    b = _audit(n=6000, confounded=True)["b"]
    assert b.details["marginal"]["low"] > 0.05
    assert not isinstance(b, Found)


def test_no_gap_is_found_at_the_stated_rate_where_there_is_none():
    found = sum(isinstance(o, Found) for s in range(100) for o in _audit(600, s, effect=0.0).values())
    assert found <= 200 * 0.05 + 3.2 * (200 * 0.05 * 0.95) ** 0.5
