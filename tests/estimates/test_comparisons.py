"""Paired tests, multiplicity, power, concordance, expected maximum and bootstrap against independent answers."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.intervals.bootstrap import CellSums, cluster_bootstrap, percentile_interval
from unseen.estimates.intervals.paired import mcnemar, paired_difference, sign_flip
from unseen.estimates.models.concordance import kendall_tau, ranking_concordance
from unseen.estimates.models.expected_max import expected_maximum, expected_maximum_value, plug_in_maximum
from unseen.estimates.testing.multiplicity import benjamini_bogomolov, benjamini_hochberg, holm, simes
from unseen.estimates.testing.power import design_effect, smallest_detectable, units_needed

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(p_values)
def test_benjamini_hochberg_agrees_with_scipy_whatever_the_order(p):
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p), abs=1e-12)


@given(p_values)
def test_step_rules_agree_with_their_definitions(p):
    p, m = np.array(p), len(p)
    ranks = np.sort(p)
    assert simes(p) == pytest.approx(min(1, min(ranks[i] * m / (i + 1) for i in range(m))))
    for alpha in (0.01, 0.05, 0.2):
        k = 0
        while k < m and ranks[k] * (m - k) <= alpha:
            k += 1
        assert int(np.sum(holm(p) <= alpha)) in (k, int(np.sum(p <= ranks[k - 1])) if k else 0)


def test_one_argsort_is_not_a_rank():
    p = np.array([0.04, 0.001, 0.03, 0.9])
    wrong = p * 4 / (np.argsort(p) + 1)
    assert not np.allclose(benjamini_hochberg(p), np.minimum(wrong, 1))


def test_two_levels_follow_their_definition():
    families = {"a": [0.001, 0.2], "b": [0.03, 0.9, 0.8], "c": [0.004, 0.005], "d": []}
    # Simes: a 0.002, b 0.09, c 0.005; at q = 0.05 a and c of three families are selected: inner level 0.05·2/3.
    rejected = benjamini_bogomolov(families, 0.05)
    assert {k: v.tolist() for k, v in rejected.items()} == {
        "a": [True, False], "b": [False, False, False], "c": [True, True], "d": [],
    }  # fmt: skip
    with pytest.raises(BadInput, match=r"between 0 and 1, got 1\.5"):
        holm([1.5])


@pytest.mark.parametrize(("b", "c"), [(9, 1), (3, 3), (0, 7), (0, 0), (40, 22)])
def test_mcnemar_is_the_exact_binomial(b, c):
    expected = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert mcnemar(b, c) == pytest.approx(expected)


@pytest.mark.parametrize(("both", "b", "c", "neither"), [(36, 12, 2, 0), (20, 9, 1, 5), (43, 0, 1, 0), (10, 0, 0, 9)])
def test_tangos_interval_inverts_the_score_test(both, b, c, neither):
    n = both + b + c + neither
    x = [1] * both + [1] * b + [0] * c + [0] * neither
    y = [1] * both + [0] * b + [1] * c + [0] * neither
    estimate, _ = paired_difference(x, y, range(n), rng=np.random.default_rng(0))

    def statistic(delta):
        def cost(q):
            same = 1 - 2 * q - delta
            return -sum(k * np.log(max(v, 1e-300)) for k, v in ((b, q + delta), (c, q), (n - b - c, same)) if k)

        bounds = (max(0, -delta), (1 - delta) / 2)
        q = optimize.minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
        return (b - c - n * delta) / np.sqrt(n * (2 * q + delta * (1 - delta)))

    assert statistic(estimate.low) == pytest.approx(1.959964, abs=2e-3)
    assert statistic(estimate.high) == pytest.approx(-1.959964, abs=2e-3)


def test_sign_flips_are_exact_for_few_clusters():
    change, cluster = np.array([1.0, 2.0, -0.5, 3.0, 1.5, 1.0]), np.array([0, 0, 1, 2, 3, 4])
    sums = np.array([3.0, -0.5, 3.0, 1.5, 1.0])
    patterns = np.array(np.meshgrid(*[[-1, 1]] * 5)).reshape(5, -1).T @ sums
    p, _ = sign_flip(change, cluster, rng=np.random.default_rng(0))
    assert p == np.mean(np.abs(patterns) >= abs(sums.sum()) - 1e-9)


@pytest.mark.parametrize("binary", [True, False])
def test_clustered_pairs_keep_their_level_where_an_unpaired_z_does_not(binary):
    rng, rejected, covered, runs = np.random.default_rng(1), 0, 0, 400
    for _ in range(runs):
        cluster = np.repeat(np.arange(25), 4)
        shift = np.repeat(rng.normal(0, 1, 25), 4)
        a, b = shift + rng.normal(size=100), -shift + rng.normal(size=100)
        if binary:
            a, b = (a > 0).astype(float), (b > 0).astype(float)
        estimate, p = paired_difference(a, b, cluster, rng=rng, permutations=300)
        rejected += p <= 0.05
        covered += estimate.low <= 0 <= estimate.high
    margin = 4 * np.sqrt(0.05 * 0.95 / runs)
    assert rejected / runs <= 0.05 + margin
    assert covered / runs >= 0.95 - margin


def test_pairs_that_never_disagree_keep_a_width():
    estimate, p = paired_difference(np.ones(40), np.ones(40), np.arange(40) // 2, rng=np.random.default_rng(0))
    assert estimate.low < 0 < estimate.high
    assert p == 1.0


def test_the_detectable_gap_is_found_with_the_stated_power():
    rng, runs = np.random.default_rng(0), 4000
    delta = smallest_detectable(1.0, 150, 2.0, 300)
    error = np.sqrt(1 / 150 + 4 / 300)
    found = np.abs(delta + error * rng.normal(size=runs)) / error > 1.959964
    assert abs(found.mean() - 0.8) < 4 * np.sqrt(0.16 / runs)
    n = units_needed(0.25, 1.0, 2.0)
    assert smallest_detectable(1.0, n, 2.0, n) <= 0.25 < smallest_detectable(1.0, n - 1, 2.0, n - 1)


def test_the_design_effect_is_the_inflation_of_a_clustered_mean():
    rng = np.random.default_rng(0)
    rho, m, units, runs = 0.3, 6, 40, 4000
    shared = rng.normal(size=(runs, units, 1))
    scores = np.sqrt(rho) * shared + np.sqrt(1 - rho) * rng.normal(size=(runs, units, m))
    means = scores.mean(axis=(1, 2))
    assert means.var() * units * m == pytest.approx(design_effect(m, rho), rel=4 * np.sqrt(2 / runs))


@given(st.lists(st.integers(0, 4), min_size=3, max_size=9), st.randoms())
def test_tau_agrees_with_scipy(x, random):
    y = list(x)
    random.shuffle(y)
    if len(set(x)) > 1:
        assert kendall_tau(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-9)
    else:
        with pytest.raises(Undefined, match="ties all"):
            kendall_tau(x, y)


def test_a_ranking_that_never_moves_keeps_a_width():
    draws = np.tile([0.1, 0.5, 0.9], (50, 1))
    estimate = ranking_concordance(draws[0], draws[0], draws, draws, units=100)
    assert estimate.value == estimate.high == 1.0
    assert estimate.low == pytest.approx(1 - 2 * 2 / 6)


@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_the_expected_maximum_is_the_mean_over_all_subsets(n):
    scores = np.random.default_rng(0).normal(size=6)
    brute = np.mean([max(subset) for subset in combinations(scores, n)])
    assert expected_maximum_value(scores, n) == pytest.approx(brute)


def test_the_expected_maximum_is_unbiased_where_the_plug_in_is_not():
    rng, n, runs = np.random.default_rng(0), 5, 6000
    draws = rng.random((runs, 8))
    ours = np.array([expected_maximum_value(d, n) for d in draws])
    theirs = np.array([plug_in_maximum(d, n) for d in draws])
    truth, error = n / (n + 1), ours.std() / np.sqrt(runs)
    assert abs(ours.mean() - truth) < 4 * error
    assert theirs.mean() < truth - 10 * error


def test_the_interval_of_the_expected_maximum_covers():
    rng, runs, hits = np.random.default_rng(1), 500, 0
    for _ in range(runs):
        estimate = expected_maximum(rng.normal(size=20), 3)
        hits += estimate.low <= 0.8462843753 <= estimate.high
    # The jackknife of a skewed statistic at 20 runs falls a little short of nominal: 0.90 is the floor we accept.
    assert 0.90 <= hits / runs <= 0.99
    with pytest.raises(TooFewUnits, match="more than 5 runs for an interval, got 5"):
        expected_maximum(rng.normal(size=5), 5)


@pytest.mark.parametrize("weights", ["multinomial", "poisson"])
@pytest.mark.parametrize("nested", [True, False])
def test_the_bootstrap_error_is_that_of_resampled_clusters(weights, nested):
    rng = np.random.default_rng(0)
    units, rows = 120, 5
    cluster = np.repeat(np.arange(units), rows)
    cell = cluster % 3 if nested else np.tile(np.arange(rows) % 3, units)
    score = (rng.random(len(cluster)) < np.repeat(rng.random(units), rows)).astype(float)
    fast = cluster_bootstrap(CellSums.of(score, cluster, cell), draws=3000, rng=rng, weights=weights)
    slow = []
    for _ in range(1500):
        drawn = rng.integers(0, units, units)
        at = (drawn[:, None] * rows + np.arange(rows)).reshape(-1)
        slow.append([score[at][cell[at] == k].mean() for k in range(3)])
    # A standard deviation from 1,500 draws has a relative error of 1.8 %: four of them, and the limit of Poisson.
    assert fast.std(axis=0) == pytest.approx(np.std(slow, axis=0), rel=0.09)
    assert fast.mean(axis=0) == pytest.approx(np.mean(slow, axis=0), abs=0.01)


def test_percentiles_cover_with_few_units():
    rng, runs, hits = np.random.default_rng(3), 400, 0
    for _ in range(runs):
        score = rng.normal(size=12)
        cells = CellSums.of(score, np.arange(12), np.zeros(12, int))
        draws = cluster_bootstrap(cells, draws=400, rng=rng)[:, 0]
        estimate = percentile_interval(score.mean(), draws, units=12)
        hits += estimate.low <= 0 <= estimate.high
    assert hits / runs >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / runs)
