import numpy as np
import pytest

from unseen.errors import TooFewUnits
from unseen.estimates.models.concordance import largest_flip

DOF = (500.0, 500.0)


def _flip(truth, error, rng):
    m = len(truth) // 2
    covariance = np.eye(2 * m) * error**2
    return largest_flip(truth + rng.normal(0, error, 2 * m), covariance, DOF, units=500)


def test_the_flip_of_a_pair_is_the_smaller_difference():
    covariance = np.eye(6) * 1e-6
    # b and c change places by 0.1 and 0.3; a leads on both sides.
    flip = largest_flip(np.array([0.9, 0.5, 0.4, 0.9, 0.3, 0.6]), covariance, DOF, units=500)
    assert flip.size.value == pytest.approx(0.1)
    assert flip.pair == (1, 2)
    # Kept orders: the smallest margin on either side, taken off.
    kept = largest_flip(np.array([0.9, 0.5, 0.8, 0.6]), covariance, DOF, units=500)
    assert kept.size.value == pytest.approx(-0.2)
    assert kept.p_value == 1.0


def test_p_value_and_lower_limit_agree():
    rng = np.random.default_rng(0)
    for _ in range(50):
        flip = _flip(np.array([0.1, 0.0, 0.05, -0.1, 0.0, -0.05]), 0.03, rng)
        assert (flip.p_value <= 0.05) == (flip.size.low > 0)


def test_a_flip_is_excluded_at_no_more_than_half_of_the_stated_error():
    """The least favourable truth: both differences of the only pair that flips equal the size asked about."""
    rng, missed, runs = np.random.default_rng(1), 0, 2000
    for _ in range(runs):
        missed += _flip(np.array([0.05, -0.05, -0.05, 0.05]), 0.04, rng).size.high < 0.1
    assert missed <= runs * 0.025 + 3.2 * (runs * 0.025 * 0.975) ** 0.5


@pytest.mark.parametrize("models", [2, 10])
def test_no_flip_is_claimed_at_more_than_the_stated_rate(models):
    rng, wrong, runs = np.random.default_rng(2), 0, 1000
    # Far apart on one side and equal on the other: the hardest case without a flip.
    truth = np.concatenate([np.arange(models) * 1.0, np.zeros(models)])
    for _ in range(runs):
        wrong += _flip(truth, 0.05, rng).p_value <= 0.05
    assert wrong <= runs * 0.05 + 3.2 * (runs * 0.05 * 0.95) ** 0.5


def test_one_model_has_no_order():
    with pytest.raises(TooFewUnits, match="at least 2 models, got 1"):
        largest_flip(np.zeros(2), np.eye(2), DOF, units=10)
