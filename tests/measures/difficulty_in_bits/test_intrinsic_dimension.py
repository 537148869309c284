"""Two nearest neighbours find the dimension of known shapes, with intervals that cover, and count what was sampled together once."""

import numpy as np
import pytest

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.measures.difficulty_in_bits.intrinsic_dimension import neighbours, separation, two_nn


def torus(n, d, rng):
    """Without ends, so that nothing but chance parts the estimate from d."""
    angle = rng.uniform(0, 2 * np.pi, (n, d))
    return np.concatenate([np.cos(angle), np.sin(angle)], 1)


@pytest.mark.parametrize(("d", "n"), [(1, 60), (2, 200)])
def test_intervals_cover_the_dimension_of_a_torus(d, n):
    rng = np.random.default_rng(d)
    told = [two_nn(torus(n, d, rng)) for _ in range(150)]
    hits = np.mean([e.low <= d <= e.high for e in told])
    # 0.89 (0.03) and 0.98 (0.01) over 100 others (benchmarks/difficulty_in_bits.py): 2.5 standard errors of 150 below 0.92.
    assert hits >= 0.92 - 2.5 * 0.022
    # As wide as the estimates spread, within a fifth.
    assert np.mean([e.width / 2 / 1.98 for e in told]) == pytest.approx(np.std([e.value for e in told]), rel=0.2)


def test_a_plane_rolled_up_or_turned_in_many_columns_stays_a_plane():
    rng = np.random.default_rng(0)
    flat = rng.uniform(0, 1, (1_000, 2))
    turned = flat @ np.linalg.qr(rng.normal(size=(30, 30)))[0][:2]
    angle = 4 + 8 * flat[:, 0]
    rolled = np.c_[angle * np.cos(angle), angle * np.sin(angle), 20 * flat[:, 1]]
    assert two_nn(turned).value == pytest.approx(two_nn(flat).value, rel=1e-6)
    for shape in (turned, rolled):
        told = two_nn(shape)
        assert told.low < 2 < told.high
        assert told.width < 0.6


def test_films_are_counted_once_and_in_the_directions_of_their_places():
    rng = np.random.default_rng(1)
    places = torus(150, 2, rng)
    film = np.repeat(np.arange(150), 8)
    frames = np.c_[places, np.zeros((150, 6))][film] + rng.normal(0, 1e-3, (1_200, 10))
    told = two_nn(frames, film)
    assert told.units == 150
    assert told.low < 2 < told.high
    # Frame by frame it is the noise that is measured, which fills all ten directions.
    assert two_nn(frames).low > 5


def test_copies_and_the_order_of_rows_change_nothing():
    rng = np.random.default_rng(2)
    x = rng.random((120, 3))
    once, order = two_nn(x), rng.permutation(240)
    twice = two_nn(np.r_[x, x][order])
    assert twice.units == 120
    assert (twice.value, twice.low, twice.high) == pytest.approx((once.value, once.low, once.high))
    film = np.arange(120) // 2
    assert two_nn(x[::-1], film[::-1]).value == pytest.approx(two_nn(x, film).value)


def test_neighbours_are_those_of_brute_force():
    rng = np.random.default_rng(3)
    x, own = rng.normal(5, 1, (60, 4)), rng.integers(0, 12, 60)
    own = np.unique(own, return_inverse=True)[1]
    found = neighbours(x, own)
    for i in range(60):
        each = {c: min(np.linalg.norm(x[i] - x[j]) for j in np.flatnonzero(own == c)) for c in set(own) - {own[i]}}
        first, second = sorted(each, key=each.get)[:2]
        assert (found.first[i], found.second[i]) == (first, second)
        assert found.ratio[i] == pytest.approx(each[second] / each[first])


def test_what_has_no_dimension_is_refused():
    with pytest.raises(TooFewUnits, match="3 clusters of different points, 20 are needed"):
        two_nn(np.random.default_rng(0).random((30, 2)), np.arange(30) % 3)
    grid = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), -1).reshape(-1, 2)
    with pytest.raises(Undefined, match="as on a lattice"):
        two_nn(grid)
    with pytest.raises(BadInput, match="30 points, but 29 clusters"):
        two_nn(np.random.default_rng(0).random((30, 2)), np.arange(29))
    with pytest.raises(BadInput, match="not finite"):
        two_nn(np.full((30, 2), np.nan))


def test_the_separation_is_the_smallest_distance_between_classes():
    rng = np.random.default_rng(4)
    x, y = rng.normal(100, 1, (80, 3)), rng.integers(0, 3, 80)
    slow = min(np.linalg.norm(x[i] - x[j]) for i in range(80) for j in range(80) if y[i] != y[j])
    assert separation(x, y) == pytest.approx(slow)
    with pytest.raises(Undefined, match="the same input stands in two classes"):
        separation([[1.0], [1.0], [2.0]], [0, 1, 1])
    with pytest.raises(Undefined, match="one class"):
        separation([[1.0], [2.0]], [1, 1])
