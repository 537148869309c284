"""Intervals for means, differences and ratios cover the truth at their stated rate and never lose their width."""

import numpy as np
import pytest

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.intervals.means import cluster_robust, difference, mean_estimate, share_retained

RUNS = 600
# 95 % nominal: four binomial standard deviations at 600 runs are 3.6 points.
LOW = 0.95 - 4 * np.sqrt(0.95 * 0.05 / RUNS)


def clustered(rng, units, p, spread, mean_rows=4):
    sizes = rng.integers(1, 2 * mean_rows, units)
    chance = rng.beta(p / spread, (1 - p) / spread, units)
    cluster = np.repeat(np.arange(units), sizes)
    return (rng.random(len(cluster)) < chance[cluster]).astype(float), cluster


@pytest.mark.parametrize(("units", "p"), [(15, 0.5), (40, 0.9), (40, 0.1), (200, 0.97)])
def test_clustered_proportions_are_covered(units, p):
    rng = np.random.default_rng(units)
    hits = sum(_covers(mean_estimate(*clustered(rng, units, p, 0.3)), p) for _ in range(RUNS))
    # Wilson's coverage swings with p by a point or two even where rows are independent.
    assert hits / RUNS >= LOW - 0.015


def test_ignoring_clusters_would_cover_far_less():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(RUNS):
        score, _ = clustered(rng, 40, 0.5, 0.5, mean_rows=10)
        hits += _covers(mean_estimate(score, np.arange(len(score))), 0.5)
    assert hits / RUNS < 0.8


@pytest.mark.parametrize("units", [5, 12, 60])
def test_few_clusters_of_real_scores_are_covered(units):
    rng = np.random.default_rng(units)
    hits = 0
    for _ in range(RUNS):
        cluster = np.repeat(np.arange(units), 5)
        score = 3 + rng.normal(size=units)[cluster] + rng.normal(size=len(cluster))
        hits += _covers(mean_estimate(score, cluster), 3)
    assert hits / RUNS >= LOW


def test_shared_clusters_of_repeated_items_give_what_their_means_give():
    """With equally many rows a cluster, CR2 is the textbook variance of the cluster means, whatever the model."""
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(12), 5)
    score = rng.normal(size=12)[cluster] + rng.normal(size=60)
    means = score.reshape(12, 5).mean(axis=1)
    mean, variance, dof, units = cluster_robust(score, cluster)
    assert (mean, units) == (pytest.approx(score.mean()), 12)
    assert variance == pytest.approx(means.var(ddof=1) / 12)
    assert dof == pytest.approx(11)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("pa", "pb"), [(0.9, 0.6), (0.5, 0.5), (0.97, 0.9)])
def test_differences_are_covered_with_and_without_shared_clusters(shared, pa, pb):
    rng = np.random.default_rng(11)
    hits = rejected = 0
    for _ in range(RUNS):
        u = rng.random(60)
        v = u if shared else rng.random(60)
        a, b = (u < pa).astype(float), (v < pb).astype(float)
        estimate, p = difference(a, np.arange(60), b, np.arange(60) + (0 if shared else 100))
        hits += _covers(estimate, pa - pb)
        rejected += p <= 0.05
    assert hits / RUNS >= LOW - 0.015
    if pa == pb:
        assert rejected / RUNS <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / RUNS)


def test_shared_clusters_narrow_the_interval_of_a_difference():
    rng = np.random.default_rng(2)
    level = rng.normal(size=80)
    a, b = level + 0.1 * rng.normal(size=80), level + 0.1 * rng.normal(size=80)
    together, _ = difference(a, np.arange(80), b, np.arange(80))
    apart, _ = difference(a, np.arange(80), b, np.arange(80) + 80)
    assert together.width < apart.width / 4
    change = a - b
    assert together.width == pytest.approx(2 * 1.9905 * change.std(ddof=1) / np.sqrt(80), rel=1e-3)


@pytest.mark.parametrize(("pa", "pb"), [(0.9, 0.45), (0.8, 0.1)])
def test_the_share_retained_is_covered(pa, pb):
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(RUNS):
        a, b = (rng.random(120) < pa).astype(float), (rng.random(80) < pb).astype(float)
        hits += _covers(share_retained(a, np.arange(120), b, 200 + np.arange(80)), pb / pa)
    assert hits / RUNS >= LOW - 0.015


def test_fieller_agrees_with_the_classical_formula_for_real_scores():
    rng = np.random.default_rng(4)
    a, b = 5 + rng.normal(size=50), 2 + rng.normal(size=50)
    estimate = share_retained(a, np.arange(50), b, 100 + np.arange(50))
    t, va, vb = 2.00957524, a.var(ddof=1) / 50, b.var(ddof=1) / 50
    roots = np.roots([a.mean() ** 2 - t**2 * va, -2 * a.mean() * b.mean(), b.mean() ** 2 - t**2 * vb])
    assert [estimate.low, estimate.high] == pytest.approx(sorted(roots), rel=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_scores_that_agree_keep_a_width(value):
    """Other tools report a standard error of zero here."""
    score = np.full(30, value)
    for cluster in (np.arange(30), np.arange(30) // 5):
        estimate = mean_estimate(score, cluster)
        assert estimate.width > 0.1
        gap, p = difference(score, cluster, score, cluster)
        assert gap.width > 0.1
        assert p == 1.0


def test_one_unit_or_no_variation_is_refused_with_the_numbers():
    with pytest.raises(TooFewUnits, match=r"at least 2 independent units for an interval, got 1 \(3 rows\)"):
        mean_estimate([1, 0, 1], [7, 7, 7])
    with pytest.raises(Undefined, match=r"all 3 units have the mean 0\.5"):
        mean_estimate([0.5, 0.5, 0.5], [0, 1, 2])
    with pytest.raises(TooFewUnits, match="the side unseen"):
        difference([1, 0], [0, 1], [1.0], [2], names=("seen", "unseen"))
    with pytest.raises(Undefined, match="base clearly above zero"):
        share_retained([0, 0, 0], [0, 1, 2], [1, 0, 1], [3, 4, 5])


def test_missing_scores_and_missing_clusters_are_no_surprise():
    score = np.array([1.0, np.nan, 0.0, 1.0, 1.0])
    assert mean_estimate(score, [0, 1, 2, -1, -1]).units == 4
    assert mean_estimate(score, np.array([0, 1, 2, 3, 4]) * 10**12).units == 4


def _covers(estimate, truth):
    return estimate.low <= truth <= estimate.high
