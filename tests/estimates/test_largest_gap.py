import numpy as np
import pytest
from scipy import stats

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.contrasts.largest_gap import (
    adjusted_means,
    largest_gap,
    largest_gaps,
    level_means,
    widest_gap,
    widest_gaps,
)
from unseen.estimates.contrasts.logistic import regress
from unseen.estimates.contrasts.pair_limits import clopper_pearson_lows, zeros
from unseen.estimates.intervals.one_hot import OneHot


def _clusters(rng, n, clusters):
    share = rng.lognormal(0, 1.0, clusters)
    return rng.choice(clusters, n, p=share / share.sum())


def test_the_limits_of_a_share_are_clopper_and_pearsons():
    hits, n, tail = np.array([0, 3, 10]), np.full(3, 10.0), np.full(3, 0.025)
    exact = [stats.binomtest(int(h), 10).proportion_ci(0.95, method="exact") for h in hits]
    np.testing.assert_allclose(clopper_pearson_lows(hits / n, n, tail), [e.low for e in exact], atol=1e-8)
    np.testing.assert_allclose(1 - clopper_pearson_lows(1 - hits / n, n, tail), [e.high for e in exact], atol=1e-8)


def test_zeros_of_many_functions_are_those_that_brent_finds_of_each():
    from scipy.optimize import brentq

    rng = np.random.default_rng(1)
    shift, power = rng.uniform(-30, -1, 60), rng.choice([1, 3, 5], 60)

    def of(x, k):
        return np.cbrt(x - shift[k]) ** power[k]

    low, high = np.full(60, -36.0), np.full(60, -0.5)
    found = zeros(of, -36.0, -0.5, of(low, np.arange(60)), of(high, np.arange(60)))
    alone = [brentq(lambda x, k=k: float(of(x, k)), -36.0, -0.5, xtol=1e-12) for k in range(60)]
    np.testing.assert_allclose(found, alone, atol=2e-9)


def test_gaps_of_many_groups_of_levels_are_those_of_each():
    rng, asked = np.random.default_rng(2), []
    for k in range(12):
        codes, clustered = rng.integers(0, 3, 240), k % 3 == 0
        score = (rng.random(240) < 0.6 + 0.1 * codes).astype(float) if k % 4 else rng.normal(0, 1, 240)
        cluster = _clusters(rng, 240, 30) if clustered else np.arange(240)
        bounds = (0.0, 1.0) if k % 4 else None
        asked.append((level_means(codes, 3, score, cluster, bounds=bounds, singletons=not clustered), [0, 1, 2]))
    asked.append((level_means(np.arange(40) % 2, 2, np.ones(40), np.arange(40), bounds=None), [0, 1]))
    at_once = largest_gaps(asked)
    assert isinstance(at_once[-1], Undefined)
    for (means, levels), (gap, p, pair) in zip(asked[:-1], at_once[:-1], strict=True):
        alone, p_alone, pair_alone = largest_gap(means, levels)
        assert (gap.low, gap.high, p) == pytest.approx((alone.low, alone.high, p_alone), rel=1e-9)
        assert pair == pair_alone
    assert widest_gaps(asked[:-1]) == pytest.approx([widest_gap(*one) for one in asked[:-1]], rel=1e-12)


def test_the_covariance_is_the_jackknife_over_clusters():
    rng = np.random.default_rng(0)
    codes, cluster = rng.integers(0, 3, 400), _clusters(rng, 400, 25)
    score = (rng.random(400) < 0.6).astype(float)
    means = level_means(codes, 3, score, cluster)
    kept = [cluster != g for g in np.unique(cluster)]
    left = np.array([[score[k & (codes == level)].mean() for level in range(3)] for k in kept])
    # The jackknife without its factor (G - 1)/G, around the whole: Σ (m_-g - m)(m_-g - m)ᵀ.
    expected = (left - means.mean).T @ (left - means.mean)
    np.testing.assert_allclose(means.covariance, expected, rtol=1e-9)


def test_p_value_and_interval_are_the_same_statement():
    rng = np.random.default_rng(1)
    codes = np.repeat([0, 1], 120)
    for cluster in (np.arange(240), rng.integers(0, 30, 240)):
        score = (rng.random(240) < 0.75 - 0.2 * codes).astype(float)
        means = level_means(codes, 2, score, cluster, singletons=len(np.unique(cluster)) == 240)
        _, p, _ = largest_gap(means, [0, 1])
        assert largest_gap(means, [0, 1], level=1 - p * 1.001)[0].low > 0
        assert largest_gap(means, [0, 1], level=1 - p * 0.999)[0].low <= 0


@pytest.mark.parametrize(
    ("levels", "n", "clusters", "mean"), [(30, 300, 0, 0.6), (12, 600, 0, 0.96), (6, 900, 22, 0.7)]
)
def test_the_largest_of_many_gaps_keeps_its_level_and_its_range(levels, n, clusters, mean):
    rng, wrong, runs = np.random.default_rng(levels), 0, 150
    for _ in range(runs):
        codes = rng.integers(0, levels, n)
        cluster = _clusters(rng, n, clusters) if clusters else np.arange(n)
        shift = 0.15 * rng.standard_normal(cluster.max() + 1)[cluster] if clusters else 0.0
        score = (rng.random(n) < mean + shift).astype(float)
        try:
            gap, p, _ = largest_gap(
                level_means(codes, levels, score, cluster, singletons=not clusters), list(range(levels))
            )
        except TooFewUnits:
            continue
        wrong += p <= 0.05
        assert -1 <= gap.low < gap.high <= 1
    assert wrong <= runs * 0.05 + 3.2 * (runs * 0.05 * 0.95) ** 0.5


def test_adjusted_levels_cover_the_true_gap_with_few_uneven_clusters():
    rng, hits, runs = np.random.default_rng(2), 0, 120
    for _ in range(runs):
        a, b, cluster = rng.integers(0, 2, 600), rng.integers(0, 3, 600), _clusters(rng, 600, 25)
        shift = 0.1 * rng.standard_normal(25)[cluster]
        score = (rng.random(600) < 0.6 - 0.2 * a + 0.1 * b + shift).astype(float)
        fit = regress([a, b], [2, 3], score, cluster)
        means = level_means(a, 2, score, cluster)
        gap, _, pair = largest_gap(adjusted_means(fit, 0, means), [0, 1])
        sign = 1 if pair == (0, 1) else -1
        hits += gap.low <= 0.2 * sign <= gap.high
    # 95 % nominal; 0.886 is 3.2 binomial sd below.
    assert hits / runs >= 0.886


def test_one_giant_cluster_is_no_basis_for_a_gap():
    rng = np.random.default_rng(3)
    codes = np.repeat([0, 1], 300)
    cluster = np.where(
        codes == 0, np.where(rng.random(600) < 0.97, 0, rng.integers(1, 12, 600)), 20 + rng.integers(0, 40, 600)
    )
    with pytest.raises(TooFewUnits, match="a few large clusters carry them, so that they count as 1"):
        largest_gap(level_means(codes, 2, (rng.random(600) < 0.5).astype(float), cluster), [0, 1])
    with pytest.raises(Undefined, match="all scores at all levels are equal"):
        largest_gap(level_means(codes, 2, np.full(600, 2.5), np.arange(600), bounds=None), [0, 1])


def test_products_of_the_design_equal_those_of_the_matrix():
    rng = np.random.default_rng(4)
    codes = np.stack([rng.integers(0, k, 50) for k in (2, 4, 3)], axis=1)
    x = OneHot.of(codes, [2, 4, 3])
    full, w, v = x.dense(), rng.random(50), rng.standard_normal((7, 7))
    assert full.shape == (50, x.width) == (50, 7)
    np.testing.assert_allclose(x.gram(w), full.T @ np.diag(w) @ full)
    np.testing.assert_allclose(x.dot(v[0]), full @ v[0])
    np.testing.assert_allclose(x.transposed_dot(w), full.T @ w)
    np.testing.assert_allclose(x.quadratic(v + v.T), np.diag(full @ (v + v.T) @ full.T))
    group, row = rng.integers(0, 5, 80), rng.integers(0, 50, 80)
    expected = np.array([full[row[group == g]].sum(axis=0) for g in range(5)])
    np.testing.assert_allclose(x.grouped(group, row, np.ones(80), 5), expected)


def test_a_rare_level_near_the_ceiling_is_judged_by_the_binomial_distribution():
    codes = np.repeat([0, 1], [5000, 10])
    score = np.concatenate([np.repeat([1.0, 0.0], [4800, 200]), np.repeat([1.0, 0.0], [7, 3])])
    _, p, _ = largest_gap(level_means(codes, 2, score, np.arange(5010), singletons=True), [0, 1])
    # 7 or fewer of 10 right at a share of .96; a normal score test says .00003.
    exact = 2 * stats.binom.cdf(7, 10, 0.96)
    assert exact <= p <= 1.5 * exact
