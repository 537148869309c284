import numpy as np
import polars as pl

from unseen.auditing import run_check
from unseen.checks.base import Found, Settings, Subject
from unseen.checks.u103_weakest_slices import WeakestSlices
from unseen.responses import Responses


def _audit(seed, n=1200, weak=0.0, clusters=None):
    rng = np.random.default_rng(seed)
    f = {name: rng.integers(0, 4, n) for name in "abc"} | {"site": rng.choice(list("xyz"), n)}
    bad = (f["a"] >= 2) & (f["site"] == "y")
    cluster = np.arange(n) if clusters is None else rng.integers(0, clusters, n)
    shift = 0.0 if clusters is None else 0.15 * rng.standard_normal(clusters)[cluster]
    score = (rng.random(n) < 0.7 - weak * bad + shift).astype(float)
    table = pl.DataFrame(
        {"model": "m", "item": [f"i{i}" for i in range(n)], "score": score, "cluster": cluster.astype(str), **f}
    )
    return run_check(WeakestSlices(), Subject(Responses.of(table)), Settings(), strict=True)[0]


def test_a_planted_slice_is_confirmed():
    out = _audit(0, weak=0.45)
    assert isinstance(out, Found)
    assert any(s["conditions"] == ["a ≥ 2", "site = y"] for s in out.details["slices"])
    assert 0.2 < out.estimate.low < out.estimate.high < 0.7


def test_power_over_planted_slices():
    assert sum(isinstance(_audit(s, weak=0.35), Found) for s in range(30)) >= 27


def test_no_slice_is_confirmed_at_more_than_the_stated_rate_where_there_is_none():
    for clusters in (None, 80):
        wrong = sum(isinstance(_audit(s, 800, clusters=clusters), Found) for s in range(150))
        assert wrong <= 150 * 0.05 + 3.2 * (150 * 0.05 * 0.95) ** 0.5


def test_where_nothing_is_confirmed_the_largest_possible_gap_speaks():
    outcomes = [o for o in (_audit(s, n=6000) for s in range(4)) if o.estimate is not None and not isinstance(o, Found)]
    assert outcomes
    for out in outcomes:
        assert out.estimate.high == max(s["high"] for s in out.details["slices"])
        assert -1 <= out.estimate.low < out.estimate.high <= 1
