"""The Gaussian process over settings against scikit-learn's, and the designs that it chooses."""

import numpy as np
import pytest

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.multiverse.surrogate import chance_that, fitted, likelihood, matern, next_setting


def world(n=25, d=2, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.random((n, d))
    return x, np.sin(4 * x[:, 0]) + x[:, -1] ** 2 + 0.05 * rng.normal(size=n)


def test_it_predicts_what_scikit_learn_predicts_at_the_same_scales():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    x, y = world()
    made = fitted(x, y, np.random.default_rng(0))
    kernel = ConstantKernel(made.variance) * Matern(made.scales, nu=2.5) + WhiteKernel(made.noise)
    peer = GaussianProcessRegressor(kernel, optimizer=None, alpha=0.0).fit(x, y - y.mean())
    at = np.random.default_rng(1).random((40, 2))
    mean, spread = peer.predict(at, return_std=True)
    own, error = made.predicted(at)
    assert own == pytest.approx(mean + y.mean(), abs=1e-6)
    assert error**2 + made.noise == pytest.approx(spread**2, rel=1e-5)
    z = (y - y.mean()) / y.std()
    variance, noise = made.variance / y.var(), made.noise / made.variance
    scaled = ConstantKernel(variance) * Matern(made.scales, nu=2.5) + WhiteKernel(variance * noise)
    alike = GaussianProcessRegressor(scaled, optimizer=None, alpha=0.0).fit(x, z)
    assert likelihood(x, z, made.scales, variance, noise) == pytest.approx(
        alike.log_marginal_likelihood_value_, abs=1e-6
    )


def test_its_likelihood_is_no_lower_than_what_scikit_learn_finds():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    x, y = world()
    z = (y - y.mean()) / y.std()
    made = fitted(x, y, np.random.default_rng(0))
    kernel = ConstantKernel(1.0, (0.05, 20)) * Matern([0.5, 0.5], (0.05, 10), nu=2.5) + WhiteKernel(0.05, (1e-4, 1))
    peer = GaussianProcessRegressor(kernel, n_restarts_optimizer=2, random_state=0, alpha=0.0).fit(x, z)
    own = likelihood(x, z, made.scales, made.variance / y.var(), made.noise / made.variance)
    assert own > peer.log_marginal_likelihood_value_ - 0.05


def test_what_one_more_answer_takes_away_is_what_a_refit_shows():
    """The reduction of the summed variance is that of a process with one row more at the same scales, by brute force."""
    x, y = world()
    made = fitted(x, y, np.random.default_rng(0))
    grid, candidates = np.random.default_rng(2).random((50, 2)), np.random.default_rng(3).random((5, 2))

    def total(rows):
        k = made.variance * matern(rows, rows, made.scales) + made.noise * np.eye(len(rows))
        across = made.covariance(grid, rows)
        return (made.variance - np.einsum("ij,jk,ik->i", across, np.linalg.inv(k), across)).sum()

    before = total(x)
    expected = [before - total(np.vstack([x, one])) for one in candidates]
    assert made.gain(candidates, grid) == pytest.approx(expected, rel=1e-6)
    assert next_setting(made, candidates, grid) == int(np.argmax(expected))


def test_draws_have_the_mean_and_the_covariance_that_are_left():
    x, y = world()
    made = fitted(x, y, np.random.default_rng(0))
    at = np.random.default_rng(4).random((4, 2))
    drawn = made.draws(at, 20_000, np.random.default_rng(5))
    mean, spread = made.predicted(at)
    # Five standard errors of 20,000 draws.
    assert np.abs(drawn.mean(0) - mean).max() < 5 * spread.max() / np.sqrt(20_000)
    assert np.cov(drawn.T) == pytest.approx(made.left(at, at), abs=5 * spread.max() ** 2 * np.sqrt(2 / 20_000))


def test_the_chance_of_a_claim_is_that_of_the_two_arms():
    x, y = world(n=40)
    made = fitted(x, y, np.random.default_rng(0))
    one = np.c_[np.full(20, 0.5), np.linspace(0, 1, 20)]
    other = np.c_[np.full(20, 0.95), np.linspace(0, 1, 20)]
    # sin 2.0 − sin 3.8 = 1.52 everywhere.
    assert chance_that(made, one, other, 1.0, np.random.default_rng(0)) > 0.99
    assert chance_that(made, one, other, 2.0, np.random.default_rng(0)) < 0.01
    # An arm exceeds itself by nothing.
    assert chance_that(made, one, one, 1e-3, np.random.default_rng(0)) == 0.0


def test_too_few_or_broken_answers_are_refused():
    with pytest.raises(TooFewUnits, match="a surrogate needs 3 answers, got 2"):
        fitted(np.zeros((2, 1)), np.zeros(2), np.random.default_rng(0))
    with pytest.raises(BadInput, match="one finite answer a setting, got 4 settings and 3 answers"):
        fitted(np.zeros((4, 1)), np.zeros(3), np.random.default_rng(0))
