"""Ratings from comparisons, against slower ways to the same numbers and against simulated truth."""

import numpy as np
import pytest
from scipy.optimize import minimize

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.intervals.means import t_quantile
from unseen.estimates.models.pairwise_ratings import pairwise_ratings, tiers


def drawn(rng, rating, clusters, each, first=0.0, spread=0.0, ties=0.0):
    """Comparisons in clusters that share a shift of the models' strengths."""
    m = len(rating)
    g = np.repeat(np.arange(clusters), each)
    one = rng.integers(m, size=len(g))
    pairs = np.stack([one, (one + rng.integers(1, m, size=len(g))) % m], axis=1)
    shift = rng.normal(0, spread, (clusters, m))
    strength = rating + shift
    difference = strength[g, pairs[:, 0]] - strength[g, pairs[:, 1]] + first
    score = (rng.random(len(g)) < 1 / (1 + np.exp(-difference))).astype(float)
    score[rng.random(len(g)) < ties] = 0.5
    return pairs[:, 0], pairs[:, 1], score, g


def test_ratings_are_the_maximum_of_the_penalised_likelihood():
    rng = np.random.default_rng(0)
    a, b, y, g = drawn(rng, np.array([1.0, 0.2, -0.4, -0.8]), 60, 3, first=0.3, ties=0.1)
    fit = pairwise_ratings(a, b, y, g, models=4)

    def loss(theta):
        r, d = theta[:4], theta[4]
        x = r[a] - r[b] + d
        # log P = y·x − log(1 + eˣ); a drawn game each: x/2 − log(1 + eˣ).
        return -(y * x - np.logaddexp(0, x)).sum() - (r / 2 - np.logaddexp(0, r)).sum()

    slow = minimize(loss, np.zeros(5), tol=1e-12).x
    # Where the mean of the ratings is free, the prior puts it at almost zero; ours is exactly there.
    assert fit.rating == pytest.approx(slow[:4] - slow[:4].mean(), abs=1e-3)
    assert fit.first == pytest.approx(slow[4], abs=1e-3)


def test_the_covariance_is_that_of_the_jackknife_over_clusters():
    rng = np.random.default_rng(1)
    a, b, y, g = drawn(rng, np.array([0.6, 0.0, -0.6]), 80, 4, spread=0.5)
    fit = pairwise_ratings(a, b, y, g, models=3, order=False)
    left = np.array([
        pairwise_ratings(a[g != k], b[g != k], y[g != k], g[g != k], models=3, order=False).rating for k in range(80)
    ])  # fmt: skip
    slow = (left - fit.rating).T @ (left - fit.rating)
    # One Newton step against whole refits: they part by the square of a cluster's pull, about 1/80.
    assert np.diag(fit.covariance) == pytest.approx(np.diag(slow), rel=0.06)


@pytest.mark.parametrize(("clusters", "each", "spread"), [(25, 8, 0.8), (150, 1, 0.0), (60, 3, 1.0)])
def test_intervals_cover_the_ratings_of_the_expected_score(clusters, each, spread):
    rng = np.random.default_rng(2)
    true = np.array([0.7, 0.1, -0.8])
    # With strengths that vary between questions the target is the rating that fits an endless table.
    a, b, y, g = drawn(rng, true, 40_000, 1, first=0.2, spread=spread)
    target = pairwise_ratings(a, b, y, g, models=3).rating if spread else true - true.mean()
    hits, total = 0, 0
    for _ in range(80):
        a, b, y, g = drawn(rng, true, clusters, each, first=0.2, spread=spread)
        fit = pairwise_ratings(a, b, y, g, models=3)
        half = np.sqrt(np.diag(fit.covariance)) * t_quantile(0.025, clusters - 1)
        hits += int((np.abs(fit.rating - target) <= half).sum())
        total += 3
    # 95 % nominal; the three ratings of a table go together, so 80 tables: 0.88 is 2.9 binomial sd below.
    assert 0.88 <= hits / total <= 0.995


def test_tiers_draw_no_border_between_equals_more_often_than_stated():
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(120):
        a, b, y, g = drawn(rng, np.zeros(5), 60, 4, spread=0.5)
        fit = pairwise_ratings(a, b, y, g, models=5)
        wrong += max(tiers(fit.rating, fit.covariance, 59.0)) > 1
    # 5 % nominal: 14 of 120 are 3.4 binomial sd above.
    assert wrong <= 14


def test_a_model_that_won_all_has_a_finite_rating_and_groups_that_never_met_have_none():
    fit = pairwise_ratings([0] * 20, [1] * 20, [1.0] * 20, range(20), models=2, order=False)
    assert 1 < fit.rating[0] < 5
    with pytest.raises(Undefined, match=r"4 models fall into 2 groups that never met \(of 2, 2 models\)"):
        pairwise_ratings([0, 0, 2, 2], [1, 1, 3, 3], [1, 0, 1, 0], range(4), models=4)
    with pytest.raises(TooFewUnits, match="2 models and 2 questions, got 2 and 1"):
        pairwise_ratings([0], [1], [1], [0], models=2)
