import numpy as np
import polars as pl

from unseen.auditing import run_check
from unseen.checks.base import Found, Settings, Subject
from unseen.checks.u108_compounding_pairs import CompoundingPairs
from unseen.responses import Responses


def _audit(extra, n=3000, seed=0):
    rng = np.random.default_rng(seed)
    a, b, c = rng.integers(0, 3, n), rng.random(n) < 0.5, rng.integers(0, 4, n)
    score = (rng.random(n) < 0.9 - 0.1 * (a == 2) - 0.15 * b - extra * (a == 2) * b).astype(float)
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "score": score, "a": a,
        "b": np.where(b, "words", "symbols"), "c": c,
    })  # fmt: skip
    return run_check(CompoundingPairs(), Subject(Responses.of(table)), Settings(), strict=True)


def test_a_planted_interaction_is_found_and_measured():
    found = [o for o in _audit(0.4) if isinstance(o, Found)]
    assert found[0].details["conditions"] == ["a = 2", "b = words"]
    assert found[0].estimate.low <= 0.4 <= found[0].estimate.high


def test_power_over_planted_interactions():
    assert sum(any(isinstance(o, Found) for o in _audit(0.35, seed=s)) for s in range(20)) >= 17


def test_additive_effects_are_rarely_said_to_compound():
    wrong = sum(any(isinstance(o, Found) for o in _audit(0.0, 1000, s)) for s in range(100))
    assert wrong <= 12  # 5 % of 100, 3.2 sd above
