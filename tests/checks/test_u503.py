import numpy as np
import polars as pl

from unseen.auditing import run_check
from unseen.checks.base import Found, NotApplicable, Settings, Subject
from unseen.checks.u503_cutoff import Cutoff
from unseen.responses import Responses


def _audit(fall, n=2000, seed=0, clean=True, slope=-0.2):
    rng = np.random.default_rng(seed)
    time = rng.random(n)
    after = time >= 0.5 if clean else rng.random(n) < 0.5
    score = (rng.random(n) < 0.8 + slope * time - fall * (time >= 0.5)).astype(float)
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "score": score, "time": time,
        "split": np.where(after, "unseen", "seen"),
    })  # fmt: skip
    return run_check(Cutoff(), Subject(Responses.of(table)), Settings(), strict=True)[0]


def test_a_planted_fall_at_the_cutoff_is_found():
    out = _audit(0.3)
    assert isinstance(out, Found)
    assert out.estimate.low <= 0.3 <= out.estimate.high
    assert len(out.details["placebos"]) == 4


def test_a_steady_decline_is_no_discontinuity():
    assert sum(isinstance(_audit(0.0, 800, s, slope=-0.4), Found) for s in range(80)) <= 7  # 2.5 %, 3.2 sd above is 6.5


def test_the_fall_is_covered_at_its_rate():
    hits = sum((e := _audit(0.2, 800, s).estimate).low <= 0.2 <= e.high for s in range(100))
    assert hits >= 88  # 95 % nominal; 88 is 3.2 binomial sd below


def test_a_split_that_overlaps_in_time_is_not_applicable():
    out = _audit(0.1, clean=False)
    assert isinstance(out, NotApplicable)
    assert "not a clean cut in time" in out.statement
