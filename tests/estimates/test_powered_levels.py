"""Levels whose means human labels correct: nominal where a judge is unevenly kind, and never outside the range."""

import numpy as np
import pytest

from unseen.errors import Undefined
from unseen.estimates.intervals.powered_levels import largest_powered_gap, powered_levels


def draw(rng, accuracies, n=80, labels=25):
    """A judge that accepts 5 % of wrong answers on even levels and 60 % on odd ones."""
    level = np.repeat(np.arange(len(accuracies)), n)
    y = (rng.random(len(level)) < np.asarray(accuracies)[level]) * 1.0
    f = np.where(y == 1, rng.random(len(level)) > 0.02, rng.random(len(level)) < np.where(level % 2, 0.6, 0.05)) * 1.0
    return np.where(np.arange(len(level)) % n < labels, y, np.nan), f, np.arange(len(level)), level


def test_a_judge_that_is_unevenly_kind_makes_no_gap():
    rng, found = np.random.default_rng(0), 0
    for _ in range(200):
        sides = powered_levels(*draw(rng, [0.7] * 5), range(5), least=10)
        gap, p, (high, low) = largest_powered_gap(sides)
        found += p <= 0.05
        assert (p <= 0.05) == (gap.low > 0)
        assert -1 <= gap.low <= gap.value <= gap.high <= 1
        assert sides[high].value >= sides[low].value
    assert found / 200 <= 0.096  # 0.05 + 3 binomial standard errors


def test_a_real_gap_is_found_between_the_right_levels():
    rng, found = np.random.default_rng(1), 0
    for _ in range(30):
        _, p, pair = largest_powered_gap(powered_levels(*draw(rng, [0.9, 0.9, 0.3, 0.9]), range(4), least=10))
        found += p <= 0.05 and pair[1] == 2
    assert found >= 28


def test_levels_with_too_few_labels_are_left_out():
    y, f, cluster, level = draw(np.random.default_rng(2), [0.7] * 3)
    y[(level == 1) & (np.arange(len(y)) % 80 > 5)] = np.nan
    sides = powered_levels(y, f, cluster, level, range(3), least=10)
    assert sorted(sides) == [0, 2]
    with pytest.raises(Undefined, match="needs two levels with labels"):
        largest_powered_gap({0: sides[0]})
