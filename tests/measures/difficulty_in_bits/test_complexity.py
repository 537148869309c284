"""Inductive-bias complexity is the paper's formula, and grows as it says."""

import math

import pytest
from scipy.special import binom

from unseen.errors import BadInput
from unseen.estimates import Estimate
from unseen.measures.difficulty_in_bits.complexity import (
    Task,
    complexity_over,
    eigenfunctions,
    inductive_bias_complexity,
)


@pytest.mark.parametrize("m", [2, 3, 5])
def test_eigenfunctions_are_counted_as_spherical_harmonics_degree_by_degree(m):
    for degree in range(1, 6):
        one_by_one = sum(binom(m + k, m) - (binom(m + k - 2, m) if k > 1 else 0) for k in range(degree + 1))
        top, log_count = eigenfunctions(m, math.sqrt(degree * (degree + m - 1)))
        assert top == pytest.approx(degree)
        assert math.exp(log_count) == pytest.approx(one_by_one)


@pytest.mark.parametrize(("m", "n", "classes", "resolution", "error"), [(3, 50, 2, 0.4, 0.01), (8, 500, 10, 0.9, 0.05)])
def test_bits_are_those_of_the_published_approximation(m, n, classes, resolution, error):
    """(2d²E − nd)(log b + 3/2 log d + log K − log n / m − log ε + log c), with as many outputs as classes."""
    task = Task(examples=n, radius=1.5, resolution=resolution, outputs=classes, sheets=classes, error=error)
    degree, log_count = eigenfunctions(m, task.frequency)
    c = math.sqrt(m / 6) * (2 * math.pi ** ((m + 1) / 2) * classes / math.gamma((m + 1) / 2)) ** (1 / m)
    each = 1.5 * math.log(classes) + math.log(degree) - math.log(n) / m - math.log(error) + math.log(c)
    published = (2 * classes**2 * math.exp(log_count) - n * classes) * each / math.log(2)
    assert inductive_bias_complexity(m, task) == pytest.approx(published, rel=1e-9)


def test_bits_grow_exponentially_with_the_dimension_and_as_a_power_of_the_resolution():
    def bits(m, resolution):
        task = Task.classification(examples=100, radius=1.0, separation=resolution, classes=2)
        return inductive_bias_complexity(m, task)

    steps = [bits(m + 1, 0.01) / bits(m, 0.01) for m in (4, 5, 6, 7)]
    # One direction more multiplies by about M / m, M = 200π.
    assert min(steps) > 50
    for m in (3, 5):
        power = math.log2(bits(m, 0.005) / bits(m, 0.01))
        assert power == pytest.approx(m, abs=0.15)


def test_examples_take_bits_away_until_none_are_left():
    def bits(n):
        return inductive_bias_complexity(1, Task.classification(examples=n, radius=1.0, separation=0.5, classes=2))

    assert bits(10) > bits(50) > bits(100) > 0
    assert bits(1_000) == 0


def test_the_interval_of_the_dimension_is_carried_through_and_what_is_too_large_is_infinite():
    task = Task.classification(examples=100, radius=1.0, separation=0.1, classes=3)
    told = complexity_over(Estimate(4.0, 3.5, 4.5, 60, "x"), task)
    assert told.low == pytest.approx(inductive_bias_complexity(3.5, task))
    assert told.high == pytest.approx(inductive_bias_complexity(4.5, task))
    assert told.units == 60
    assert (
        inductive_bias_complexity(900.0, Task.classification(examples=9, radius=1.0, separation=1e-3, classes=2))
        == math.inf
    )
    with pytest.raises(BadInput, match="a task's resolution is a positive number, got 0"):
        Task(examples=3, radius=1.0, resolution=0.0)
    with pytest.raises(BadInput, match="an intrinsic dimension is positive"):
        inductive_bias_complexity(0.0, task)
