"""The peak of a gap is found where it was planted, and a flat gap shows none."""

from __future__ import annotations

import numpy as np
import pytest

from unseen.atlas.studies.tasks._scylla_gap_peak import gap_peak
from unseen.errors import TooFewUnits


def scores(rates: list[float], n: int, rng: np.random.Generator) -> list[np.ndarray]:
    return [(rng.random(n) < rate).astype(float) for rate in rates]


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_planted_peak_is_found(place: int) -> None:
    rng = np.random.default_rng(place)
    gap = [0.1] * 5
    gap[place] = 0.5
    heights, places = [], []
    for _ in range(40):
        found = gap_peak(scores([0.8] * 5, 200, rng), scores([0.8 - g for g in gap], 200, rng), rng, 100)
        heights.append(found.height)
        places.append(found.place)
    assert np.mean(heights) == pytest.approx(0.4, abs=0.04)
    assert np.mean(places) == pytest.approx(place, abs=0.05)


def test_a_flat_gap_has_no_height_where_the_plain_maximum_is_biased() -> None:
    rng = np.random.default_rng(1)
    heights, plain = [], []
    for _ in range(400):
        found = gap_peak(scores([0.7] * 5, 60, rng), scores([0.4] * 5, 60, rng), rng, 10)
        heights.append(found.height)
        plain.append(found.gaps[1:-1].max() - found.gaps[[0, -1]].max())
    error = np.std(heights) / 20
    assert abs(np.mean(heights)) < 3 * error
    assert np.mean(plain) > 3 * error


def test_a_rising_gap_has_negative_height_and_its_place_at_the_end() -> None:
    rng = np.random.default_rng(2)
    found = gap_peak(scores([0.9] * 5, 400, rng), scores([0.9, 0.7, 0.5, 0.3, 0.1], 400, rng), rng)
    assert found.height < -0.1
    assert found.place > 3.9


def test_equal_seeds_give_equal_peaks_and_few_items_raise() -> None:
    items = scores([0.5] * 3, 20, np.random.default_rng(3))
    one, two = (gap_peak(items, items[::-1], np.random.default_rng(4)) for _ in range(2))
    assert (one.height, one.place) == (two.height, two.place)
    with pytest.raises(TooFewUnits, match="3 levels"):
        gap_peak(items[:2], items[:2], np.random.default_rng(4))
    with pytest.raises(TooFewUnits, match="got 1"):
        gap_peak([x[:1] for x in items], items, np.random.default_rng(4))
