"""Redundancy of queries against counts by hand."""

import numpy as np
import pytest

from unseen.errors import TooFewUnits
from unseen.measures.structure.query_redundancy import redundancy, seen_before
from unseen.shifts import HeldOutLevel, RandomShift
from unseen.tasks import load


def test_counts_are_those_by_hand():
    found = redundancy(["x"] * 5 + ["y"] + ["z"] * 2)
    assert (found.questions, found.queries, found.most) == (8, 3, 5)
    assert found.mean == pytest.approx(8 / 3)
    assert found.single_share == pytest.approx(1 / 3)
    with pytest.raises(TooFewUnits, match="got none"):
        redundancy([])


def test_question_split_repeats_queries_and_query_split_does_not():
    data, rng = load("sql-questions").sample(1500, 0), np.random.default_rng(0)
    held = sorted(set(data.table["template"]))[::4]
    for shift, share in ((RandomShift(), 1.0), (HeldOutLevel("template", held), 0.0)):
        split = shift.split(data, rng)
        found = seen_before(split.train.table["template"].to_list(), split.unseen.table["template"].to_list())
        assert found.value == share
        assert found.low < found.high
