import re

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


def _table(p, x, **columns):
    rng = np.random.default_rng(5)
    score = (rng.random(len(x)) < p).astype(float)
    frame = pl.DataFrame(
        {"model": "m", "item": [f"i{i}" for i in range(len(x))], "score": score, "length": x, **columns}
    )
    return run_check(Frontier(), Subject(Responses.of(frame)), Settings(), strict=True)[0]


@pytest.mark.parametrize("flip", [False, True])
def test_a_cliff_is_told_by_the_levels_between_which_it_falls(flip):
    x = np.random.default_rng(6).integers(1, 9, 3000) * (-1 if flip else 1)
    out = _table(np.where(abs(x) <= 5, 0.9, 0.4), x, split=np.where(abs(x) <= 3, "seen", "unseen"))
    assert out.details["break"]["kind"] == "step"
    first, second = ("-5", "-6") if flip else ("5", "6")
    assert f"between length = {first} and length = {second}." in out.statement
    assert f"{'below' if flip else 'past'} length = {'-3' if flip else '3'}." in out.statement


def test_the_edge_is_that_of_the_reference_that_was_used():
    x = np.random.default_rng(7).integers(1, 9, 3000)
    # Seen and unseen rows lie at every length, so that the range seen has no edge to fall past.
    out = _table(np.where(x <= 4, 0.9, 0.5), x, split=np.where(np.arange(3000) % 2, "seen", "unseen"))
    assert (out.details["edge"], out.details["seen_range"]) == ("4", None)
    assert "past length = 4 (no other range is known to be seen: half of the levels is the reference)" in out.statement
    assert "range seen" not in out.statement


def test_where_nothing_falls_no_break_is_named():
    x = np.random.default_rng(8).integers(1, 9, 3000)
    out = _table(np.full(3000, 0.7), x)
    assert out.details["break"] is None
    assert "break" not in out.statement


def test_places_along_time_are_dates():
    day = np.random.default_rng(9).integers(0, 2400, 4000)
    when = np.datetime64("2018-01-01") + day.astype("timedelta64[D]")
    out = _table(0.9 - 0.6 * np.maximum(day / 2400 - 0.5, 0), when)
    # Half of 2,400 days after the first of 2018 lies in April 2021.
    assert "breaks at length 202" in out.statement
    assert re.search(r"past length = 20(20|21)-\d\d-\d\d", out.statement)
    assert not re.search(r"\d{9}", out.statement)


def _sums(n=4000):
    """Twenty carries, of which twelve groups are made; seen up to 9, which no quantile need meet; a cliff past 13."""
    x = np.minimum(np.random.default_rng(11).geometric(0.12, n), 25)
    return _table(np.where(x <= 13, 0.9, 0.1), x, split=np.where(x <= 9, "seen", "unseen"))


def test_the_edge_is_the_largest_value_that_was_seen_also_where_values_are_grouped():
    out = _sums()
    assert (out.details["edge"], out.details["seen_range"]) == ("9", [1.0, 9.0])
    assert "past length = 9." in out.statement
    assert "past the range seen" in out.statement


def test_the_next_step_names_the_break_that_was_found():
    out = _sums()
    last = re.search(r"between length = (\d+) and", out.statement)
    assert last
    assert f"past length = {last[1]};" in out.next_step


def test_groups_respect_the_end_of_the_range_seen_in_either_direction():
    x = np.random.default_rng(12).integers(0, 60, 6000)
    for sign, edge in ((1, "37"), (-1, "-37")):
        out = _table(np.where(x <= 37, 0.9, 0.3), sign * x, split=np.where(x <= 37, "seen", "unseen"))
        assert out.details["edge"] == edge


def test_what_only_unseen_rows_lose_is_no_half_point_within_the_range_seen():
    rng = np.random.default_rng(13)
    x, unseen = rng.integers(0, 8, 4000), np.zeros(4000, dtype=bool)
    # Unseen rows score nothing; they become more frequent, but seen rows score as well at 7 as at 0.
    unseen = rng.random(4000) < np.where(x <= 6, x / 7, 1)
    out = _table(np.where(unseen, 0.0, 0.95), x, split=np.where(unseen, "unseen", "seen"))
    assert out.details["edge"] == "6"
    assert "halves" not in out.statement


def _two_sides(seed, share, cliff, n=2500):
    """Unseen rows of another kind at ``share`` of each length up to 9, all of length 10; a cliff past 4 for both, or none."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.integers(0, 10, n), np.full(n // 10, 10)])
    unseen = rng.random(len(x)) < np.where(x == 10, 1.0, share[np.minimum(x, 9)])
    right = np.where(x < 5, 0.85, 0.45) if cliff else np.where(unseen, 0.45, 0.85)
    table = pl.DataFrame({
        "model": "m", "item": [f"i{i}" for i in range(len(x))], "score": (rng.random(len(x)) < right) * 1.0, "length": x,
        "split": np.where(unseen, "unseen", "seen"),
    })  # fmt: skip
    return run_check(Frontier(), Subject(Responses.of(table)), Settings(), strict=True)[0].details["break"]


@pytest.mark.parametrize("share", [np.where(np.arange(10) < 5, 0.1, 0.7), np.clip((np.arange(10) - 4) / 6, 0, 1) * 0.9])
def test_what_only_unseen_rows_lose_is_no_break_within_the_range_seen(share):
    """Seen rows score as well at 9 as at 0; unseen rows only become more frequent."""
    told = [_two_sides(seed, share, cliff=False) for seed in range(15)]
    assert not any(found and found["high"] < 9 for found in told)


def test_a_break_that_seen_rows_have_is_named_within_the_range_seen():
    told = [_two_sides(seed, np.full(10, 0.5), cliff=True) for seed in range(15)]
    assert all(found and found["low"] <= 4.5 <= found["high"] < 9 for found in told)
