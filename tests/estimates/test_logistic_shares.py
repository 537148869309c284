"""Shares of the best score: a row with k of m parts right is m rows of one cluster, of which k are right."""

import numpy as np
import pytest

from unseen.estimates.contrasts.logistic import regress


@pytest.mark.parametrize("clusters", [None, 25])
def test_shares_are_parts_of_one_cluster(clusters):
    rng = np.random.default_rng(0)
    n, parts = 400, 5
    codes = [rng.integers(0, 3, n), rng.integers(0, 2, n)]
    cluster = np.arange(n) if clusters is None else rng.integers(0, clusters, n)
    right = rng.binomial(parts, 1 / (1 + np.exp(-(codes[0] - 1.2 * codes[1]))))
    shares = regress(codes, [3, 2], right / parts, cluster, shares=True)
    each = (np.arange(parts)[None] < right[:, None]).astype(float).ravel()
    rows = regress([np.repeat(c, parts) for c in codes], [3, 2], each, np.repeat(cluster, parts))
    np.testing.assert_allclose(shares.beta, rows.beta, rtol=1e-7)
    np.testing.assert_allclose(shares.covariance, rows.covariance, rtol=1e-6)
    assert shares.link == "logit"
    assert "fractional" in shares.method


def test_expected_shares_stay_within_0_and_1_where_sums_of_means_do_not():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 2, 600), rng.integers(0, 2, 600)
    score = np.clip(0.6 + 0.35 * a + 0.35 * b + rng.normal(0, 0.05, 600), 0, 1)
    kept = (a + b) < 2
    made = [regress([a[kept], b[kept]], [2, 2], score[kept], np.flatnonzero(kept), shares=s) for s in (False, True)]
    sums = [float(np.sum(fit.beta)) for fit in made]
    assert sums[0] > 1.2
    assert 0.95 < 1 / (1 + np.exp(-sums[1])) < 1
