"""Random effects: published values, closed forms, coverage of the mean and of the next domain."""

import numpy as np
import pytest

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.intervals.meta import between_variance, left_out_coverage, mean_of_few, random_effects

# Log risk ratios and variances of the 13 BCG vaccine trials (Colditz et al. 1994, table 1).
BCG = np.array(
    [
        [-0.8893, 0.3256], [-1.5854, 0.1946], [-1.3481, 0.4154], [-1.4416, 0.0200], [-0.2175, 0.0512],
        [-0.7861, 0.0069], [-1.6209, 0.2230], [0.0120, 0.0040], [-0.4694, 0.0564], [-1.3713, 0.0730],
        [-0.3394, 0.0124], [0.4459, 0.5325], [-0.0173, 0.0714],
    ]
)  # fmt: skip


def test_the_published_summary_of_the_bcg_trials():
    """Viechtbauer 2010 gives mean -0.71 and I² 92 %; Paule-Mandel τ² is 0.318."""
    found = random_effects(BCG[:, 0], BCG[:, 1])
    assert between_variance(BCG[:, 0], BCG[:, 1]) == pytest.approx(0.318, abs=0.002)
    assert found.mean.value == pytest.approx(-0.715, abs=0.003)
    assert found.share_between == pytest.approx(0.921, abs=0.005)
    assert found.next is not None
    assert found.next.low < found.mean.low < found.mean.high < found.next.high


def test_equal_variances_have_a_closed_form():
    y = np.random.default_rng(0).normal(size=12)
    found = random_effects(y, np.full(12, 0.05))
    assert found.mean.value == pytest.approx(y.mean())
    assert found.tau**2 == pytest.approx(y.var(ddof=1) - 0.05)
    half = 2.200985 * y.std(ddof=1) / np.sqrt(12)
    assert found.mean.high - found.mean.value == pytest.approx(half, rel=1e-5)


def test_homogeneous_domains_have_no_spread():
    assert between_variance([0.1, 0.11, 0.09], [0.1, 0.1, 0.1]) == 0


def test_too_few_or_impossible_domains_are_refused():
    with pytest.raises(TooFewUnits, match="needs 3"):
        random_effects([0, 1], [1, 1])
    with pytest.raises(Undefined):
        random_effects([0, 1, 2], [1, 0, 1])
    assert random_effects([0.0, 1.0, 2.0], [1.0, 1, 1]).next is None


@pytest.mark.parametrize(("k", "tau"), [(6, 0.05), (16, 0.05), (16, 0.0)])
def test_coverage_of_the_mean_and_of_the_next_domain(k, tau):
    rng = np.random.default_rng(k)
    inside_mean, inside_next, n = 0, 0, 300
    for _ in range(n):
        v = rng.uniform(0.0005, 0.003, k)
        truth = rng.normal(0.1, tau, k + 1)
        found = random_effects(truth[:k] + rng.normal(size=k) * np.sqrt(v), v)
        inside_mean += found.mean.low <= 0.1 <= found.mean.high
        assert found.next is not None
        inside_next += found.next.low <= truth[k] <= found.next.high
    # Four binomial standard errors of 300 runs below nominal, and no upper bound: without spread intervals are wide.
    assert inside_mean / n > 0.95 - 0.05
    assert inside_next / n > 0.95 - 0.05


def test_each_domain_left_out_is_covered_about_as_often_as_promised():
    rng = np.random.default_rng(0)
    total = np.array(
        [left_out_coverage(rng.normal(0, 0.1, 20) + rng.normal(0, 0.02, 20), np.full(20, 4e-4)) for _ in range(40)]
    )
    share = total[:, 0].sum() / total[:, 1].sum()
    assert 0.92 < share < 0.98


@pytest.mark.parametrize("tau2", [0.0, 0.3, 3.0, 10.0])
def test_the_mean_of_three_covers_at_least_as_promised_and_finds_twice_what_t_finds(tau2):
    rng = np.random.default_rng(int(10 * tau2))
    v, n = np.ones(3), 120
    covered = said = said_by_t = 0
    for _ in range(n):
        noise = rng.normal(size=3) * np.sqrt(1 + tau2)
        found, p = mean_of_few(noise, v)
        covered += found.low <= 0 <= found.high
        assert (p < 0.05) == (found.low > 0 or found.high < 0)
        # Four standard errors of the fixed mean: what is there to be found where domains do not differ.
        said += mean_of_few(noise + 4 / np.sqrt(3), v)[0].low > 0
        said_by_t += random_effects(noise + 4 / np.sqrt(3), v).mean.low > 0
    # Three binomial standard errors of 120 runs below nominal.
    assert covered / n > 0.95 - 0.06
    assert said >= said_by_t
    if tau2 == 0:
        assert said > 2 * said_by_t


def test_where_domains_differ_far_beyond_the_noise_the_mean_of_a_few_is_that_of_t():
    effects, variances = [0.0, 1.0, 2.0], [1e-6] * 3
    few, t = mean_of_few(effects, variances)[0], random_effects(effects, variances).mean
    # A grid of 100 quantiles stands for the distribution of the variance: its tails differ by a few per cent.
    assert few.width == pytest.approx(t.width, rel=0.05)


def test_what_domains_share_widens_the_mean_of_a_few():
    alone, both = (mean_of_few([0.1, 0.2, 0.15], [0.003] * 3, shared=s)[0].width for s in (0.0, 0.002))
    # Variances add up: 3.92 standard errors are the width of a 95 % interval; the tails of a mixture differ a little.
    assert both == pytest.approx((alone**2 + 3.92**2 * 0.002) ** 0.5, rel=0.05)
