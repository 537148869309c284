import numpy as np
import polars as pl
import pytest

from unseen.auditing import run_check
from unseen.checks.base import Clear, Found, Settings, Subject
from unseen.checks.u104_frontier import Frontier
from unseen.responses import Responses


def _audit(drop, flip=False, n=4000, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 11, n)
    score = (rng.random(n) < 0.85 - drop * np.maximum(x - 5, 0)).astype(float)
    length = -x if flip else x
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "score": score, "length": length,
        "split": np.where(x <= 4, "seen", "unseen"),
    })  # fmt: skip
    return run_check(Frontier(), Subject(Responses.of(table)), Settings(), strict=True)[0]


@pytest.mark.parametrize("flip", [False, True])
def test_the_break_past_the_seen_range_is_found(flip):
    out = _audit(0.14, flip)
    sign = -1 if flip else 1
    assert isinstance(out, Found)
    low, high = sorted((sign * 4.3, sign * 5.5))
    assert out.details["break"]["low"] <= sign * 5 <= out.details["break"]["high"]
    assert low <= out.details["break"]["value"] <= high
    assert out.details["seen_range"] == sorted([sign * 1.0, sign * 4.0])
    # Half of 0.85 is reached 3.04 past the break.
    assert out.details["half"]["low"] <= sign * 8.04 <= out.details["half"]["high"]
    assert "past the range seen" in out.statement


def test_a_model_that_holds_is_clear():
    assert isinstance(_audit(0.0), Clear)
