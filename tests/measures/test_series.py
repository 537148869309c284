"""A series' unevenness and its late price, on series whose steps and costs are known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.measures.curves.series import late_price, unevenness


def slow_unevenness(first, second):
    """By going through the steps."""
    found = []
    for own, other in ((first, second), (second, first)):
        steps = [b - a for a, b in pairwise(own)]
        at = steps.index(max(steps))
        found.append((other[at + 1] - other[at]) / (other[-1] - other[0]) * len(steps))
    return sum(found) / 2


def test_it_agrees_with_going_through_the_steps():
    rng = np.random.default_rng(0)
    for _ in range(50):
        runs = np.sort(rng.random((2, 6)), axis=1)
        assert unevenness(*runs) == pytest.approx(slow_unevenness(*runs.tolist()))


def test_steps_of_the_paper():
    abstract, algorithmic = [38.6, 46.8, 66.3], [16.5, 23.1, 32.2]
    assert unevenness(abstract, abstract) == pytest.approx(2 * 19.5 / 27.7)
    assert unevenness(algorithmic, algorithmic) == pytest.approx(2 * 9.1 / 15.7)


def test_noise_alone_is_no_jump():
    rng = np.random.default_rng(1)
    even = np.linspace(0.2, 0.8, 4)
    runs = even + 0.03 * rng.standard_normal((400, 2, 4))
    crossed = np.mean([unevenness(*pair) for pair in runs])
    greedy = np.mean([unevenness(pair[0], pair[0]) for pair in runs])
    # A step has a standard error of 0.03 · √2 · 3 / 0.6 = 0.21 even steps, a mean over two runs and 400 draws below 0.01.
    assert abs(crossed - 1) < 0.05
    assert greedy > 1.1


def test_a_price_is_read_off_lines():
    costs = np.array([1.0, 2.0, 4.0])
    # Marks at 0.25, 0.5 and 0.75 of the rise lie at 2^0.5, 2 and 2^1.5.
    assert late_price([0, 1, 2], costs, margin=0.25) == pytest.approx((2**1.5 - 2) / (2 - 2**0.5))
    assert late_price(np.sqrt(np.arange(1, 200)), np.arange(1, 200)) > 2
    assert late_price(np.arange(1, 200) ** 2, np.arange(1, 200)) < 0.7


def test_a_series_that_falls_back_costs_as_where_it_stood():
    held = late_price([0, 1, 1, 2], [1, 2, 4, 8])
    assert late_price([0, 1.5, 0.5, 2], [1, 2, 4, 8]) == pytest.approx(held)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: unevenness([0, 1, 2], [0, 1]), BadInput, "got 3 and 2 models"),
        (lambda: unevenness([0, 1], [0, 1]), TooFewUnits, "from three models on, got 2"),
        (lambda: unevenness([0, 1, 2], [2, 1, 0.5]), Undefined, "2 at its start and 0.5 at its end"),
        (lambda: late_price([0, 1, 2], [1, 3, 2]), BadInput, "costs rise"),
        (lambda: late_price([2, 1, 0], [1, 2, 3]), Undefined, "does not rise"),
    ],
)
def test_what_is_undefined_is_said(call, error, says):
    with pytest.raises(error, match=says):
        call()
