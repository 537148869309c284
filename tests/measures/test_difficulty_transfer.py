"""Bins and transfer matrices against planted answers."""

import numpy as np
import pytest
from scipy import stats

from unseen.errors import BadInput, TooFewUnits
from unseen.measures.curves.difficulty_transfer import decay_per_bin, equal_bins, item_difficulty, largest_shortfall


def test_difficulty_orders_items_as_planted_though_answers_are_missing():
    rng = np.random.default_rng(0)
    ability, difficulty = rng.normal(size=(120, 1)), rng.normal(size=200)
    matrix = (rng.random((120, 200)) < 1 / (1 + np.exp(difficulty - ability))).astype(float)
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    assert stats.spearmanr(item_difficulty(matrix), difficulty).statistic > 0.95


def test_bins_are_equal_ordered_and_divide_ties_at_random():
    values = np.array([-np.inf] * 50 + [0.0] * 3 + list(np.linspace(1, 2, 50)))
    made = [equal_bins(values, 5, np.random.default_rng(s)) for s in (0, 0, 1)]
    assert np.ptp(np.bincount(made[0])) <= 1
    assert all((values[made[0] == b].max() <= values[made[0] == b + 1].min()) for b in range(4))
    np.testing.assert_array_equal(made[0], made[1])
    assert (made[0] != made[2]).any()


def test_decay_is_the_planted_slope_whatever_test_bins_have_of_their_own():
    rng, place = np.random.default_rng(1), np.arange(6)
    own = rng.normal(size=6)
    assert decay_per_bin(own - 0.3 * np.abs(place[:, None] - place)) == pytest.approx(-0.3)
    assert decay_per_bin(np.tile(own, (6, 1))) == pytest.approx(0.0)


def test_decay_is_that_of_a_regression_with_test_bins_as_factor():
    rng, place = np.random.default_rng(2), np.arange(5)
    gain = rng.normal(size=(5, 5))
    design = np.column_stack([np.abs(place[:, None] - place).ravel(), np.tile(np.eye(5), (5, 1))])
    assert decay_per_bin(gain) == pytest.approx(np.linalg.lstsq(design, gain.ravel(), rcond=None)[0][0])


def test_shortfall_is_zero_for_the_best_and_counts_the_worst_bin():
    gain = np.array([[0.5, 0.4, 0.1], [0.3, 0.4, 0.3], [0.5, 0.4, 0.3]])
    np.testing.assert_allclose(largest_shortfall(gain), [0.2, 0.2, 0.0])
    np.testing.assert_allclose(largest_shortfall(gain[0], gain.max(0)), [0.2])


def test_bad_input_says_what_to_do():
    rng = np.random.default_rng(0)
    with pytest.raises(BadInput, match="item 1 has no difficulty"):
        equal_bins([1.0, np.nan], 1, rng)
    with pytest.raises(TooFewUnits, match="5 bins need as many items"):
        equal_bins([1.0, 2.0], 5, rng)
    with pytest.raises(BadInput, match="as many training as test bins"):
        decay_per_bin(np.ones((2, 3)))
