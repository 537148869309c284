import numpy as np
import polars as pl

from unseen.auditing import run_check
from unseen.checks.base import Found, NotApplicable, Settings, Subject
from unseen.checks.u105_valley import Valley
from unseen.responses import Responses


def _audit(gap, n=6000, seed=0, clean=False):
    rng = np.random.default_rng(seed)
    steps = rng.integers(0, 5, n)
    unseen = steps > 2 if clean else rng.random(n) < 0.5
    score = (rng.random(n) < 0.8 - np.array(gap)[steps] * unseen).astype(float)
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "score": score, "steps": steps,
        "split": np.where(unseen, "unseen", "seen"),
    })  # fmt: skip
    return run_check(Valley(), Subject(Responses.of(table)), Settings(), strict=True)[0]


def test_a_planted_peak_is_found_with_its_place():
    out = _audit([0.0, 0.1, 0.4, 0.1, 0.0])
    assert isinstance(out, Found)
    critical = out.details["critical"]
    assert critical["value"] == 2
    assert critical["low"] < 2 < critical["high"]


def test_a_gap_that_only_grows_is_no_valley():
    assert not isinstance(_audit([0.0, 0.1, 0.2, 0.3, 0.4]), Found)


def test_a_constant_gap_is_rarely_called_a_valley():
    assert sum(isinstance(_audit([0.2] * 5, 1500, s), Found) for s in range(60)) <= 8  # 5 % of 60, 3 sd above


def test_a_split_by_the_factor_itself_is_not_applicable():
    assert isinstance(_audit([0.0] * 5, clean=True), NotApplicable)
