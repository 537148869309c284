"""The pool of small classifiers: varied, reproducible, and blind to what it was fitted to."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from unseen.errors import BadInput
from unseen.learners.pool import response_matrix, small_classifiers

X, Y = load_digits(return_X_y=True)


def matrix(seed, n=20):
    rng = np.random.default_rng(seed)
    rows = np.arange(len(Y))
    return response_matrix(small_classifiers(n, rng), X, Y, train=rows, test=rows[:300], sizes=(60, 400), rng=rng)


def test_kinds_differ_and_equal_seeds_give_equal_pools():
    names = {type(c).__name__ for c in small_classifiers(10, np.random.default_rng(0))}
    assert len(names) >= 8
    a, b = matrix(1), matrix(1)
    np.testing.assert_array_equal(a, b)


def test_rows_that_were_fitted_to_are_not_answered():
    made = matrix(2)
    missing = np.isnan(made).mean(axis=1)
    # 60 to 400 of 1797 rows, the same share of the 300 asked for within 4 binomial sd.
    assert missing.min() > 60 / 1797 - 4 * np.sqrt(0.033 / 300)
    assert missing.max() < 400 / 1797 + 4 * np.sqrt(0.22 / 300)


def test_strengths_spread_and_a_single_answer_is_the_classifiers_own():
    made = np.nanmean(matrix(3), axis=1)
    assert made.max() - made.min() > 0.2
    rng = np.random.default_rng(4)
    (one,) = pool = small_classifiers(1, rng)
    rows = np.arange(500)
    got = response_matrix(pool, X, Y, train=rows, test=rows + 500, sizes=(100, 100), rng=rng)
    np.testing.assert_array_equal(got[0], one.predict(X[500:1000]) == Y[500:1000])


def test_more_rows_than_there_are_is_refused():
    with pytest.raises(BadInput, match="between 2 and the 5 training rows"):
        response_matrix([], X, Y, train=np.arange(5), test=np.arange(5), sizes=(3, 9), rng=np.random.default_rng(0))
