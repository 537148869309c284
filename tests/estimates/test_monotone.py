import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.contrasts.curve import curve
from unseen.estimates.contrasts.monotone import crossing, isotonic_rows, pava


@pytest.mark.parametrize("increasing", [True, False])
def test_pava_and_the_min_max_formula_equal_sklearn(increasing):
    rng = np.random.default_rng(0)
    for _ in range(20):
        y, w = rng.standard_normal(12), rng.random(12) + 0.1
        oracle = IsotonicRegression(increasing=increasing).fit(np.arange(12), y, w).predict(np.arange(12))
        np.testing.assert_allclose(pava(y, w, increasing=increasing), oracle, atol=1e-10)
        np.testing.assert_allclose(isotonic_rows(y[None], w, increasing=increasing)[0], oracle, atol=1e-10)


def _curve(rng, truth, per=60):
    codes = np.repeat(np.arange(len(truth)), per)
    return curve(
        np.arange(len(truth), dtype=float), codes, (rng.random(len(codes)) < truth[codes]).astype(float),
        np.arange(len(codes)),
    )  # fmt: skip


def test_the_crossing_of_half_is_covered():
    truth, rng, hits, runs = np.array([0.8, 0.8, 0.7, 0.5, 0.3, 0.15, 0.1]), np.random.default_rng(1), 0, 200
    base = np.array([True, True, False, False, False, False, False])
    for _ in range(runs):
        e = crossing(_curve(rng, truth), base, share=0.5, level=0.95, n_draws=300, rng=rng)
        hits += e.low <= 3.5 <= e.high
    assert hits / runs >= 0.90  # 95 % nominal; 0.90 is 3.2 binomial sd below


def test_a_curve_that_holds_has_no_crossing():
    with pytest.raises(Undefined, match=r"does not drop to 0\.5"):
        crossing(
            _curve(np.random.default_rng(2), np.full(5, 0.8)), np.arange(5) < 2, share=0.5, level=0.95, n_draws=10,
            rng=np.random.default_rng(3),
        )  # fmt: skip


def test_the_curves_covariance_equals_the_sum_over_clusters():
    rng = np.random.default_rng(4)
    codes, cluster, y = rng.integers(0, 3, 200), rng.integers(0, 20, 200), rng.random(200)
    c = curve(np.arange(3.0), codes, y, cluster)
    naive = np.zeros((3, 3))
    for g in range(20):
        psi = np.array(
            [((y - c.mean[k]) * ((codes == k) & (cluster == g))).sum() / (codes == k).sum() for k in range(3)]
        )
        naive += np.outer(psi, psi)
    np.testing.assert_allclose(c.covariance, naive * 20 / 19, rtol=1e-10)
    single = curve(np.arange(3.0), codes, y, np.arange(200), singletons=True)
    slow = curve(np.arange(3.0), codes, y, np.arange(200))
    np.testing.assert_allclose(single.covariance, slow.covariance, atol=1e-12)
    with pytest.raises(TooFewUnits, match="a curve needs 2 levels"):
        curve(np.arange(3.0), np.zeros(5, dtype=int), np.ones(5), np.arange(5))
