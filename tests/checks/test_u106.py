from datetime import date, timedelta

import numpy as np
import polars as pl

from unseen.auditing import run_check
from unseen.checks.base import Found, Settings, Subject
from unseen.checks.u106_decay import Decay
from unseen.responses import Responses


def _audit(fall, n=2000, seed=0, text=False):
    rng = np.random.default_rng(seed)
    day = rng.integers(0, 1000, n)
    score = (rng.random(n) < 0.8 - fall * day / 999).astype(float)
    times = [date(2021, 1, 1) + timedelta(days=int(d)) for d in day]
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(n)], "score": score,
        "time": [t.isoformat() for t in times] if text else times,
    })  # fmt: skip
    return run_check(Decay(), Subject(Responses.of(table)), Settings(), strict=True)[0]


def test_a_planted_decay_is_found_whether_times_are_dates_or_text():
    for text in (False, True):
        out = _audit(0.3, text=text)
        assert isinstance(out, Found)
        assert out.estimate.low <= 0.3 <= out.estimate.high
        assert (out.details["start"][:4], len(out.details["levels"])) == ("2021", 8)


def test_no_decay_is_found_at_the_stated_rate_where_there_is_none():
    assert sum(isinstance(_audit(0.0, 400, s), Found) for s in range(100)) <= 12  # 2.5 % are on this side
