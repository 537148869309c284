"""Bits of linear, polynomial and kernel hypotheses against closed forms, listed classes and plain draws."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.measures.difficulty_in_bits.counted import _log_density, counted_bits, listed_bits, scaled_chi_squared_bits
from unseen.measures.difficulty_in_bits.gaussian import Hypotheses, hypotheses_that_fit, linear, polynomial, radial
from unseen.measures.difficulty_in_bits.tails import Squares


def linear_task(d, n, seed):
    """A linear truth whose test error is |w − w*|², and what of w* the examples leave open."""
    rng = np.random.default_rng(seed)
    x, truth = rng.normal(size=(n, d)), rng.normal(size=d)
    test = math.sqrt(d) * np.eye(d)
    free = np.eye(d) - np.linalg.pinv(x) @ x
    return (x, x @ truth), (test, test @ truth), float(truth @ free @ truth)


@pytest.mark.parametrize("error", [60.0, 30.0, 10.0, 1.0, 1e-2, 1e-6])
def test_of_linear_models_bits_are_those_of_a_noncentral_chi_squared(error):
    """Ten examples fix 10 of 40 weights; the other 30 are as the prior has them."""
    train, test, left = linear_task(40, 10, 0)
    truth = -stats.ncx2.logcdf(error, 30, left) / math.log(2)
    made = hypotheses_that_fit(linear, train, test)
    # The saddlepoint errs by its next term, of the order of a hundredth; tilted draws by their own standard error.
    assert made.bits_by_saddlepoint(error) == pytest.approx(truth, abs=0.02)
    told = made.bits(error, rng=np.random.default_rng(1), draws=20_000)
    assert told.value == pytest.approx(truth, abs=3 * told.width / 3.92 + 1e-3)
    assert told.width < 0.1


def test_each_example_of_a_linear_task_takes_bits_away_and_all_take_all():
    def bits(n):
        train, test, _ = linear_task(20, n, 3)
        return hypotheses_that_fit(linear, train, test).bits_by_saddlepoint(0.1)

    told = [bits(n) for n in (2, 6, 10, 14, 18)]
    assert told == sorted(told, reverse=True)
    train, test, _ = linear_task(20, 60, 3)
    with pytest.raises(Undefined, match="answer alike on the test inputs"):
        hypotheses_that_fit(linear, train, test).bits_by_saddlepoint(0.1)


def test_intervals_of_tilted_draws_cover():
    train, test, left = linear_task(12, 4, 5)
    made, truth = hypotheses_that_fit(linear, train, test), -stats.ncx2.logcdf(0.5, 8, left) / math.log(2)
    told = [made.bits(0.5, rng=np.random.default_rng(k), draws=400) for k in range(200)]
    hits = np.mean([e.low <= truth <= e.high for e in told])
    # 0.95 within three standard errors of 200.
    assert hits >= 0.95 - 3 * 0.0154


def test_unequal_variances_are_met_by_plain_draws_where_these_reach():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(30, 2))
    y = np.sin(2 * x[:, 0])
    made = hypotheses_that_fit(radial(1.0), (x[:8], y[:8]), (x[8:], y[8:]))
    errors = np.mean((made.draw(40_000, rng) - made.targets) ** 2, axis=(1, 2))
    for share in (0.3, 0.01, 0.001):
        error = float(np.quantile(errors, share))
        plain = counted_bits(int(np.sum(errors <= error)), len(errors))
        told = made.bits(error, rng=rng, draws=20_000)
        assert plain.low - told.width < told.value < plain.high + told.width
        assert made.bits_by_saddlepoint(error) == pytest.approx(told.value, abs=0.08)


def test_several_outputs_ask_for_the_bits_of_each():
    train, test, _ = linear_task(10, 4, 2)
    one = hypotheses_that_fit(linear, train, test)
    two = hypotheses_that_fit(linear, (train[0], np.c_[train[1], train[1]]), (test[0], np.c_[test[1], test[1]]))
    squares = two.squares
    twice = Squares(np.repeat(one.squares.scales / 2, 2), np.ones(12), np.repeat(one.squares.offsets / 2, 2))
    assert squares.log_share(0.1) == pytest.approx(twice.log_share(0.1), abs=1e-6)


def test_a_polynomial_of_low_degree_asks_for_fewer_bits_than_one_of_high_degree():
    rng = np.random.default_rng(4)
    x = rng.uniform(-1, 1, (40, 1))
    y = 1 + x[:, 0] - x[:, 0] ** 2
    bits = [
        hypotheses_that_fit(polynomial(degree), (x[:4], y[:4]), (x[4:], y[4:]), noise=1e-6).bits_by_saddlepoint(1e-3)
        for degree in (4, 8, 12)
    ]
    assert bits[0] < bits[1] < bits[2]


def test_a_prior_that_cannot_fit_is_refused_and_errors_below_what_all_share_too():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 2))
    with pytest.raises(BadInput, match="no function of this prior goes through the 6 training examples"):
        hypotheses_that_fit(linear, (x, rng.normal(size=6)), (x, rng.normal(size=6)))
    shared = Hypotheses(np.array([[1.0], [0.0]]), np.diag([0.0, 1.0]), np.zeros((2, 1)))
    with pytest.raises(Undefined, match=r"what all of them get wrong alike is 0\.5 already"):
        shared.bits(0.4, rng=rng)
    with pytest.raises(BadInput, match="3 inputs, but 2 targets"):
        hypotheses_that_fit(linear, (np.ones((3, 1)), [1.0, 2.0]), (np.ones((3, 1)), [1.0, 2.0, 3.0]))


def test_a_class_that_is_listed_whole_has_the_bits_that_draws_from_it_find():
    """Signs of ±1 perceptrons on five inputs: 32 hypotheses, one by one."""
    rng = np.random.default_rng(0)
    every = np.array(list(product([-1, 1], repeat=5)))
    truth = every[11]
    x = rng.choice([-1, 1], (60, 5))
    wrong = np.sign(x @ every.T) != np.sign(x @ truth)[:, None]
    train, test = wrong[:6].mean(0), wrong[6:].mean(0)
    truth_bits = listed_bits(train, test, fit=0.2, error=0.15)
    assert 0 < truth_bits < 5
    hits = 0
    for k in range(100):
        drawn = np.random.default_rng(k).integers(0, 32, 400)
        fits = drawn[train[drawn] <= 0.2]
        told = counted_bits(int(np.sum(test[fits] <= 0.15)), len(fits))
        hits += told.low <= truth_bits <= told.high
    # Exact limits cover at least 0.95, within three standard errors of 100.
    assert hits >= 88


def test_a_prior_over_a_listed_class_weighs_its_hypotheses():
    assert listed_bits([0, 0], [0, 1], fit=0, error=0, prior=[1, 7]) == pytest.approx(3)
    assert listed_bits([0, 0], [1, 1], fit=0, error=0) == math.inf
    with pytest.raises(Undefined, match="none of 2 hypotheses has a training error of 0 at most"):
        listed_bits([1, 1], [0, 0], fit=0, error=0)


def test_the_published_fit_is_right_where_variances_are_equal():
    rng = np.random.default_rng(0)
    errors = 0.1 * rng.noncentral_chisquare(30, 20, 200)
    truth = -stats.ncx2.logcdf(20, 30, 20) / math.log(2)
    told = scaled_chi_squared_bits(errors, 2.0, rng=rng)
    assert told.low < truth < told.high
    far = scaled_chi_squared_bits(errors, 1e-40, rng=rng, resamples=2)
    assert math.isfinite(far.value)
    assert far.value > 1_000


@pytest.mark.parametrize(("df", "nc"), [(700, 0.01), (700, 300), (3_000, 5)])
def test_of_many_degrees_the_published_fit_is_right_too(df, nc):
    """Densities of the library are minus infinity there, so that a fit by them stays where it began."""
    rng = np.random.default_rng(1)
    errors = 1e-4 * rng.noncentral_chisquare(df, nc, 300)
    error = 0.7e-4 * (df + nc)
    truth = -Squares(np.array([1e-4]), np.array([float(df)]), np.array([1e-4 * nc])).log_share(error) / math.log(2)
    told = scaled_chi_squared_bits(errors, error, rng=rng)
    assert told.low < truth < told.high
    assert told.width < truth


def test_where_variances_differ_the_published_fit_is_beside_the_truth_and_draws_are_not():
    made = Hypotheses(np.zeros((30, 1)), np.diag(0.5 ** np.arange(30.0)), np.zeros((30, 1)))
    error = made.squares.mean / 1_000
    rng = np.random.default_rng(0)
    errors = np.mean((made.draw(200, rng) - made.targets) ** 2, axis=(1, 2))
    exact = made.bits(error, rng=rng, draws=20_000)
    assert exact.value == pytest.approx(made.bits_by_saddlepoint(error), abs=0.1)
    assert scaled_chi_squared_bits(errors, error, rng=rng).high < exact.low


@pytest.mark.parametrize(("df", "nc"), [(110, 0), (60, 60), (5, 120)])
def test_the_density_by_the_saddlepoint_is_that_of_the_library(df, nc):
    values = np.linspace(0.5, 1.6, 30) * (df + nc)
    assert _log_density(values, df, nc) == pytest.approx(stats.ncx2.logpdf(values, df, nc), abs=0.005)


def test_errors_that_tell_no_shape_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(TooFewUnits, match="errors of 3 hypotheses, 20 are needed"):
        scaled_chi_squared_bits([1, 2, 3], 0.1, rng=rng)
    with pytest.raises(Undefined, match="do not differ"):
        scaled_chi_squared_bits(np.ones(30), 0.1, rng=rng)
    with pytest.raises(BadInput, match="5 of 3 hypotheses"):
        counted_bits(5, 3)
