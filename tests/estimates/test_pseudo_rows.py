"""Pseudo-values: their mean is the library's statistic, their variance the paper's, their spread the influence of a row."""

import numpy as np
import pytest
from sklearn import metrics

from unseen.estimates.intervals.means import cluster_robust, t_interval
from unseen.estimates.intervals.pseudo_rows import auroc_rows, average_precision_rows, determination_rows, recall_rows


def drawn(seed: int):
    """Classes, tied scores, numbers and predictions of a few rows."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 60))
    y = rng.random(n) < 0.3
    y[:4] = [True, True, False, False]
    s = np.round(rng.normal(size=n) + y, int(rng.integers(0, 3)))
    k, p = rng.integers(0, 3, n), rng.integers(0, 3, n)
    a = rng.normal(size=n)
    return y, s, k, p, a, a + rng.normal(size=n)


@pytest.mark.parametrize("seed", range(20))
def test_means_are_what_scikit_learn_says_ties_included(seed):
    y, s, k, p, a, b = drawn(seed)
    assert auroc_rows(s, y).mean() == pytest.approx(metrics.roc_auc_score(y, s))
    assert average_precision_rows(s, y).mean() == pytest.approx(metrics.average_precision_score(y, s))
    weights = np.where(y, 0.2 / y.mean(), 0.8 / (1 - y.mean()))
    equal = metrics.average_precision_score(y, s, sample_weight=weights)
    assert average_precision_rows(s, y, prevalence=0.2).mean() == pytest.approx(equal)
    assert recall_rows(k == p, k).mean() == pytest.approx(metrics.balanced_accuracy_score(k, p))
    assert determination_rows(a, b).mean() == pytest.approx(metrics.r2_score(a, b))


def delong_slowly(s, y):
    """Variance of the area by the paper's sums over all pairs."""
    pairs = np.array([[(one > zero) + 0.5 * (one == zero) for zero in s[~y]] for one in s[y]], dtype=float)
    return pairs.mean(1).var(ddof=1) / y.sum() + pairs.mean(0).var(ddof=1) / (~y).sum()


@pytest.mark.parametrize("seed", range(5))
def test_the_variance_of_independent_rows_is_delongs(seed):
    y, s, *_ = drawn(seed)
    assert cluster_robust(auroc_rows(s, y), np.arange(len(y)))[1] == pytest.approx(delong_slowly(s, y))


@pytest.mark.parametrize("seed", range(5))
def test_a_rows_deviation_is_the_change_when_it_weighs_more(seed):
    y, s, k, p, a, b = drawn(seed)
    n, step = len(y), 1e-6

    def moved(of):
        made = []
        for j in range(n):
            ends = [np.full(n, (1 - e) / n) + e * (np.arange(n) == j) for e in (step, -step)]
            made.append((of(ends[0]) - of(ends[1])) / (2 * step))
        return np.array(made)

    def widened(groups):
        sizes = np.bincount(groups)[groups]
        return np.where(sizes > 1, np.sqrt(sizes / np.maximum(sizes - 1, 1) * (n - 1) / n), 1)

    for rows, of, groups in (
        (auroc_rows(s, y), lambda w: metrics.roc_auc_score(y, s, sample_weight=w), y.astype(int)),
        (recall_rows(k == p, k), lambda w: metrics.balanced_accuracy_score(k, p, sample_weight=w), k),
    ):
        assert (rows - rows.mean()) / widened(groups) == pytest.approx(moved(of), abs=1e-6)
    rows = determination_rows(a, b)
    assert rows - rows.mean() == pytest.approx(moved(lambda w: metrics.r2_score(a, b, sample_weight=w)), abs=1e-6)
    own, fixed = average_precision_rows(s, y), average_precision_rows(s, y, prevalence=y.mean())
    found = (fixed - fixed.mean()) / widened(y.astype(int)) + (own - fixed)
    assert found == pytest.approx(moved(lambda w: metrics.average_precision_score(y, s, sample_weight=w)), abs=1e-6)


@pytest.mark.parametrize("of", [auroc_rows, average_precision_rows])
def test_the_interval_of_a_difference_covers_at_its_rate(of):
    """Two related learners, 30 positive rows of 200; the truth from 400,000 rows; 300 draws, 2.5 binomial sd below 95 %."""

    def rows(rng, n):
        y = rng.random(n) < 0.15
        first = rng.normal(size=n) + 1.2 * y
        return of(first + 0.3 * y + 0.5 * rng.normal(size=n), y) - of(first, y)

    truth = rows(np.random.default_rng(0), 400_000).mean()
    hits = 0
    for seed in range(300):
        value, variance, dof, _ = cluster_robust(rows(np.random.default_rng([1, seed]), 200), np.arange(200))
        low, high = t_interval(value, variance, dof, 0.95)
        hits += low <= truth <= high
    assert hits / 300 >= 0.95 - 2.5 * (0.95 * 0.05 / 300) ** 0.5


def test_rows_without_both_classes_or_without_spread_have_no_value():
    assert np.isnan(auroc_rows([0.1, 0.2], [True, True])).all()
    assert np.isnan(average_precision_rows([0.1, 0.2], [False, False])).all()
    assert np.isnan(determination_rows([1.0, 1.0], [0.5, 1.0])).all()
