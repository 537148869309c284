"""Draws are uniform, keyed and independent of the process."""

from __future__ import annotations

from collections import Counter

import pytest
from scipy.stats import chisquare

from unseen.tasks.draws import Draws


def test_values_are_fixed_for_ever():
    # A change of these numbers changes every item of every task: raise the versions then.
    d = Draws("task:1:7")
    assert [d.below(10) for _ in range(8)] == Draws("task:1:7").many(8, 10)
    assert Draws("a").bits(64) == Draws("a").bits(64) != Draws("b").bits(64)


@pytest.mark.parametrize("n", [2, 3, 7, 100])
def test_draws_are_even(n):
    counts = Counter(v for seed in range(400) for v in Draws(str(seed)).many(100, n))
    # One seed in 10,000 would fail by chance; the seeds are fixed.
    assert chisquare([counts[i] for i in range(n)]).pvalue > 1e-4


def test_long_streams_do_not_repeat():
    d = Draws("x")
    assert len(set(d.many(2000, 2**60))) == 2000


def test_shuffles_reach_every_order_evenly():
    counts: Counter[tuple[int, ...]] = Counter()
    for seed in range(6000):
        values = [0, 1, 2]
        Draws(str(seed)).shuffle(values)
        counts[tuple(values)] += 1
    assert len(counts) == 6
    assert chisquare(list(counts.values())).pvalue > 1e-4


@pytest.mark.parametrize(("size", "k"), [(5, 5), (5, 2), (100, 3), (1, 0)])
def test_picks_are_different_and_even(size, k):
    counts: Counter[int] = Counter()
    for seed in range(500):
        picked = Draws(str(seed)).pick(range(size), k)
        assert len(set(picked)) == k
        counts.update(picked)
    if 0 < k < size:
        assert chisquare([counts[i] for i in range(size)]).pvalue > 1e-4
