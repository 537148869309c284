"""Weighted likelihood against closed forms, scipy's optimisers and the theory's rate."""

import numpy as np
import pytest
from scipy import optimize

from unseen.atlas.studies.training._weighted_likelihood import (
    excess_risk,
    fisher_information,
    fisher_rate,
    fit_weighted,
)
from unseen.errors import BadInput, TooFewUnits, Undefined

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
BETA = np.array([1.0, -0.5, 0.8])
WEIGHTS = RNG.uniform(0.1, 3.0, 60)


def outcome(model, x, rng):
    z = x @ BETA
    if model == "logistic":
        return (rng.random(z.shape) < 1 / (1 + np.exp(-z))).astype(float)
    return (z if model == "linear" else z**2) + 0.3 * rng.normal(size=z.shape)


def loss(model, x, y, w, beta):
    z = x @ beta
    if model == "logistic":
        return float(np.sum(w * (np.logaddexp(0, z) - y * z)))
    return float(np.sum(w * (y - (z if model == "linear" else z**2)) ** 2))


def test_linear_is_weighted_least_squares():
    y = outcome("linear", X, RNG)
    root = np.sqrt(WEIGHTS)
    expected = np.linalg.lstsq(X * root[:, None], y * root, rcond=None)[0]
    np.testing.assert_allclose(fit_weighted("linear", X, y, WEIGHTS), expected, rtol=1e-9)


@pytest.mark.parametrize("model", ["logistic", "phase"])
def test_the_maximum_is_that_of_a_general_optimiser(model):
    y = outcome(model, X, RNG)
    found = optimize.minimize(lambda b: loss(model, X, y, WEIGHTS, b), BETA, method="BFGS", tol=1e-10).x
    ours = fit_weighted(model, X, y, WEIGHTS)
    assert min(np.abs(ours - found).max(), np.abs(ours + found).max() if model == "phase" else 9) < 1e-4


@pytest.mark.parametrize("model", ["linear", "logistic", "phase"])
def test_whole_weights_are_repeated_rows_and_batches_are_single_fits(model):
    y, times = outcome(model, X, RNG), RNG.integers(0, 3, 60)
    weighted = fit_weighted(model, X, y, times.astype(float), start=BETA)
    repeated = fit_weighted(model, np.repeat(X, times, axis=0), np.repeat(y, times), start=BETA)
    np.testing.assert_allclose(weighted, repeated, atol=1e-6)
    both = fit_weighted(model, np.stack([X, X[::-1]]), np.stack([y, y[::-1]]), start=BETA)
    np.testing.assert_allclose(both[0], both[1], atol=1e-6)
    np.testing.assert_allclose(both[0], fit_weighted(model, X, y, start=BETA), atol=1e-6)


@pytest.mark.parametrize("model", ["linear", "logistic", "phase"])
def test_information_is_the_variance_of_the_score(model):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200_000, 3))
    y, z, sd = outcome(model, x, rng), x @ BETA, 0.3
    slope = {"linear": (y - z) / sd**2, "logistic": y - 1 / (1 + np.exp(-z)), "phase": 2 * z * (y - z**2) / sd**2}
    score = x * slope[model][:, None]
    information = fisher_information(model, x, BETA, noise=1.0 if model == "logistic" else sd)
    # Fourth moments of normal inputs put the Monte Carlo error of an entry near 1 % of the largest.
    assert np.abs(score.T @ score / len(x) - information).max() < 0.04 * information.max()


@pytest.mark.parametrize("model", ["linear", "logistic", "phase"])
def test_risk_of_many_rows_follows_the_rate(model):
    rng = np.random.default_rng(2)
    sets, n = 300, 1500
    x = rng.normal(size=(sets, n, 3))
    target = rng.normal(size=(20_000, 3)) * 1.3 + 0.3
    fits = fit_weighted(model, x, outcome(model, x, rng), start=BETA)
    noise, z = 1.0 if model == "logistic" else 0.3, target @ BETA
    mean = {"linear": z, "logistic": 1 / (1 + np.exp(-z)), "phase": z**2}[model]
    risk = excess_risk(model, target, mean, fits, noise=noise)
    source = fisher_information(model, x.reshape(-1, 3), BETA, noise=noise)
    rate = fisher_rate(source, fisher_information(model, target, BETA, noise=noise), n)
    # χ² of 3 degrees over 300 sets: a relative error of sqrt(2/3/300) = 4.7 %.
    assert risk.mean() / rate == pytest.approx(1.0, abs=0.15)


def test_bad_input_says_what_to_do():
    y = outcome("logistic", X, RNG)
    with pytest.raises(BadInput, match="one of linear, logistic, phase"):
        fit_weighted("probit", X, y)
    with pytest.raises(BadInput, match="0 or 1, got 2"):
        fit_weighted("logistic", X, y + 1)
    with pytest.raises(BadInput, match="not negative"):
        fit_weighted("linear", X, y, -WEIGHTS)
    with pytest.raises(BadInput, match="one weight a row"):
        fit_weighted("linear", X, y[:5])
    with pytest.raises(TooFewUnits, match="3 parameters"):
        fit_weighted("linear", X[:2], y[:2])
    with pytest.raises(Undefined, match="separated by a plane"):
        fit_weighted("logistic", X, (X[:, 0] > 0).astype(float))
    with pytest.raises(Undefined, match="singular"):
        fisher_rate(np.diag([1.0, 0.0]), np.eye(2), 10)
