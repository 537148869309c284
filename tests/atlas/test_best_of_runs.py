"""Known score distributions and the bootstrap of the plug-in maximum, each against a slow second way."""

import numpy as np
import pytest
from scipy import stats

from unseen.atlas.studies.measures._best_of_runs import KernelScores, bootstrap_maxima, true_expected_maximum
from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.models.expected_max import expected_maximum_value, plug_in_maximum


@pytest.mark.parametrize("n", [1, 5, 50])
def test_uniform_and_exponential_have_closed_forms(n):
    assert true_expected_maximum(lambda x: x, n, 0.0, 1.0) == pytest.approx(n / (n + 1), abs=1e-12)
    harmonic = sum(1 / k for k in range(1, n + 1))
    assert true_expected_maximum(stats.expon.cdf, n, 0.0, 60.0) == pytest.approx(harmonic, abs=1e-9)


def test_beta_agrees_with_many_draws():
    rng = np.random.default_rng(0)
    best = rng.beta(8, 2, (200_000, 10)).max(1)
    true = true_expected_maximum(stats.beta(8, 2).cdf, 10, 0.0, 1.0)
    assert abs(best.mean() - true) < 4 * best.std() / np.sqrt(len(best))


def test_kernel_scores_draw_what_their_distribution_says():
    rng = np.random.default_rng(1)
    made = KernelScores.of([0.2, 0.5, 0.55, 0.6, 0.9])
    drawn = made.draw((40_000, 5), rng)
    assert stats.kstest(drawn[:5000, 0], made.cdf).pvalue > 1e-3
    assert drawn.std() == pytest.approx(made.sd, rel=0.01)
    best = drawn.max(1)
    assert abs(best.mean() - made.expected_maximum(5)) < 4 * best.std() / np.sqrt(len(best))


def test_bootstrap_is_the_plug_in_of_each_resample():
    scores, ns = np.random.default_rng(2).normal(size=12), [1, 4, 12]
    fast = bootstrap_maxima(scores, ns, rng=np.random.default_rng(3), resamples=50)
    places = np.random.default_rng(3).integers(0, 12, (50, 12), dtype=np.uint16)
    slow = [[plug_in_maximum(np.sort(scores)[row], n) for n in ns] for row in places]
    np.testing.assert_allclose(fast, slow, rtol=1e-12)


def test_plug_in_is_too_low_and_the_u_statistic_is_not():
    rng, made = np.random.default_rng(4), KernelScores.of([0.2, 0.5, 0.55, 0.6, 0.9])
    draws, true = made.draw((4000, 20), rng), made.expected_maximum(20)
    low = np.array([plug_in_maximum(d, 20) for d in draws]) - true
    fair = np.array([expected_maximum_value(d, 20) for d in draws]) - true
    assert low.mean() < -5 * low.std() / np.sqrt(4000)
    assert abs(fair.mean()) < 4 * fair.std() / np.sqrt(4000)


def test_bad_input_says_what_to_do():
    with pytest.raises(BadInput, match="n of at least 1"):
        true_expected_maximum(lambda x: x, 0, 0.0, 1.0)
    with pytest.raises(TooFewUnits, match="Add runs"):
        KernelScores.of([1.0, 2.0])
    with pytest.raises(Undefined, match="no width"):
        KernelScores.of([1.0, 1.0, 1.0])
    with pytest.raises(TooFewUnits, match="2 runs"):
        bootstrap_maxima([1.0], [1], rng=np.random.default_rng(0))
