"""Learners of parities against all worlds one by one; what can be told of them against closed forms."""

import numpy as np
import pytest

from unseen.atlas.studies.measures.fantastic_measures_nowhere import (
    BITS,
    best_of,
    calibrated,
    parity_learners,
    points,
    solved,
    told,
)


def fits(x, y, first):
    """All parities of the first bits that fit a sample, one by one."""
    return [w for w in points(x.shape[1]) if not w[first:].any() and ((x @ w) % 2 == y).all()]


@pytest.mark.parametrize("first", [2, 4, 6])
def test_a_solution_is_one_of_all_that_fit_and_each_is_as_likely(first):
    rng = np.random.default_rng(first)
    for _ in range(10):
        x = points(6)[rng.choice(64, 4, replace=False)]
        y = x @ rng.integers(0, 2, 6) % 2
        every = fits(x, y, first)
        drawn = [solved(x, y, first, rng) for _ in range(200)]
        if not every:
            assert drawn == [None] * 200
            continue
        counts = [sum((one == w).all() for one in drawn) for w in every]
        assert sum(counts) == 200
        # 200 draws over k solutions: five binomial sd about 200 / k.
        share = 1 / len(every)
        assert all(abs(c - 200 * share) <= 5 * np.sqrt(200 * share * (1 - share)) + 1e-9 for c in counts)


def test_what_can_be_told_is_the_mean_distance_from_the_median_over_all_worlds():
    rng = np.random.default_rng(0)
    for sampled in (3, 5, 9):
        x = points(6)[rng.choice(64, sampled, replace=False)]
        y = x @ rng.integers(0, 2, 6) % 2
        answer = solved(x, y, 6, rng)
        losses = [float((x6 @ answer % 2 != x6 @ w % 2).mean()) for w in fits(x, y, 6) for x6 in [points(6)]]
        assert told(x, y, answer) == pytest.approx(np.mean(np.abs(np.array(losses) - np.median(losses))))


def test_one_open_bit_makes_success_a_coin_and_none_makes_it_sure():
    rng = np.random.default_rng(1)
    x = np.eye(BITS, dtype=int)[: BITS - 1]
    y = rng.integers(0, 2, BITS - 1)
    assert told(x, y, solved(x, y, BITS, rng)) == 0.25
    x = np.eye(BITS, dtype=int)
    y = rng.integers(0, 2, BITS)
    assert told(x, y, solved(x, y, BITS, rng)) == 0.0


def test_learners_of_fewer_bits_are_right_less_often_and_surer():
    found = parity_learners(BITS - 1, 200, np.random.default_rng(2))
    gain, error = found[4]
    # Right in 2^-6 of worlds, and told by the sample's fit in all but 2^-5 of these.
    assert gain < 0.03
    assert error < 0.03
    # 9 points leave one bit open or more: right in less than half of the worlds, five sd of 200 draws beyond.
    assert found[10][0] <= 0.25 + 5 * 0.25 / np.sqrt(200)
    assert found[10][1] > 0.12


def test_a_line_foretells_what_lies_on_it():
    reads, losses = np.array([0.0, 1.0, 2.0]), np.array([0.1, 0.3, 0.5])
    assert calibrated(reads, losses, np.array([0.5, 9.0])) == pytest.approx([0.2, 1.0])
    assert calibrated(np.ones(3), losses, np.ones(2)) == pytest.approx([0.3, 0.3])


def test_a_measure_that_two_worlds_share_is_half_their_distance_off_in_the_worse():
    rng = np.random.default_rng(3)
    reads = np.tile(rng.normal(size=40), 2)
    losses, worlds = np.repeat([0.0, 0.46], 40), np.repeat([0, 1], 40)
    half = np.tile(np.arange(40) % 2 == 0, 2)
    # The line through two worlds with the same readings is flat at their middle.
    assert best_of({"m": reads}, losses, worlds, half) == pytest.approx(0.23, abs=1e-9)
    assert best_of({"m": reads, "w": worlds.astype(float)}, losses, worlds, half) == pytest.approx(0.0, abs=1e-9)
