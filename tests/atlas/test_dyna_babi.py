"""Which stories the study asks, and that none of them is trained."""

import pytest

pytest.importorskip("torch")

import polars as pl

from unseen.atlas.studies.tasks.dyna_babi import (
    ASKED,
    EVENTS,
    ORIGINAL,
    PAIRS,
    complex_stories,
    compositions,
    joined,
    last_place,
)
from unseen.data import Examples


def test_diverse_stories_join_two_original_tasks():
    assert len(ORIGINAL) == 6
    assert len(PAIRS) == 15
    assert all(set(events) <= set(EVENTS) and set(asked) <= set(ASKED) for events, asked in PAIRS)
    table = joined(210, 1, ORIGINAL + PAIRS).table
    assert len(table) == 210
    assert set(table["question"]) == set(ASKED)


def test_compositions_hold_five_kinds_of_events_and_originals_never_do():
    found = compositions(200, 2).table
    assert len(found) == 200
    assert found["composed"].min() == 5
    assert joined(300, 3, ORIGINAL).table["composed"].max() <= 3


def test_the_last_place_tells_about_half_of_complex_answers():
    found = Examples(complex_stories(400, 4), ("input",), "target")
    assert found.table["composed"].min() == 5
    slow = [
        [w for w, before in zip(t.split()[2:], t.split()[1:], strict=False) if before == "the"]
        for t in found.table["input"]
    ]
    assert all(len(set(places)) >= 2 for places in slow)
    # 400 stories: 4 standard errors are 0.1.
    assert abs(last_place(found) - 0.5) < 0.15


def test_the_last_place_is_read_from_the_story():
    table = pl.DataFrame({
        "input": ["Mary went to the garden . John went to the office . Where is the milk ?"] * 2, "target": ["office", "garden"],
    })  # fmt: skip
    assert last_place(Examples(table, ("input",), "target")) == 0.5
