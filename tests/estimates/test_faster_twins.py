"""What was made faster against the slow way of computing it."""

import numpy as np
import pytest
from scipy import stats

from unseen.errors import Undefined
from unseen.estimates.confidence.calibration import calibration_error, equal_mass_bins, error_of
from unseen.estimates.contrasts.breakpoint import broken_line
from unseen.estimates.contrasts.curve import curve
from unseen.estimates.unlabelled import backtest


@pytest.mark.parametrize("n", [3, 8, 50])
def test_signed_ranks_give_the_exact_p_value(n: int):
    gain = np.random.default_rng(n).normal(0.3, 1, n)
    slow = stats.wilcoxon(gain, alternative="greater").pvalue
    assert backtest._signed_rank(gain) == pytest.approx(slow, abs=1e-12)


def test_a_break_that_is_not_worth_an_interval_is_refused():
    rng = np.random.default_rng(0)
    level = rng.integers(0, 8, 2000)
    straight = curve(np.arange(8.0), level, (rng.random(2000) < 0.5) * 1.0, np.arange(2000))
    p_value = broken_line(straight, rng=np.random.default_rng(1), n_draws=100).p_value
    with pytest.raises(Undefined, match="a straight line fits as well"):
        broken_line(straight, rng=np.random.default_rng(1), n_draws=100, alpha=p_value / 2)


def test_draws_that_are_settled_need_not_be_looked_at_again():
    rng = np.random.default_rng(2)
    c = rng.random(800)
    bins = equal_mass_bins(c, (rng.random(800) < c**2) * 1.0, np.arange(800))
    found = calibration_error(bins, rng=np.random.default_rng(3))
    # At the upper end the outer share of all draws lies at or below the observed error, by the definition of the end.
    values, vectors = np.linalg.eigh(bins.covariance)
    noise = (
        np.random.default_rng(3).standard_normal((1000, len(bins.gap))) @ (vectors * np.sqrt(np.maximum(values, 0))).T
    )
    from unseen.estimates.confidence.calibration import _shape

    shape = _shape(bins) / error_of(_shape(bins), bins.weight)
    below = [
        np.mean(error_of(t * shape + noise, bins.weight) <= error_of(bins.gap, bins.weight))
        for t in (found.high - 1e-6, found.high + 1e-6)
    ]
    assert below[1] <= 0.025 <= below[0] + 1e-3
