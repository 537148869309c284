"""Pictures grow more complex by level and keep their concept; an arch is told from a line, a U and half of an arch."""

import numpy as np
import pytest

from unseen.atlas.studies.measures._cluttered_concepts import CONCEPTS, pictures
from unseen.atlas.studies.measures.bayesian_generalization_complexity import (
    arch,
    found_among,
    high_less_low,
    planted_length,
    planted_modes,
)
from unseen.data.digits import digit_images
from unseen.measures.concepts.representativeness import picture_entropy


@pytest.mark.parametrize("kind", ["objects", "noise", "waves"])
def test_clutter_makes_pictures_more_complex_and_stays_behind_the_concept(kind):
    every, digits = np.arange(CONCEPTS), digit_images()
    entropy = []
    for level in (0, 1, 3, 5):
        made = pictures(every, kind, level, digits, np.random.default_rng(0))
        assert made.shape == (CONCEPTS, 20, 20)
        entropy.append(np.mean([picture_entropy(x, 32) for x in made]))
    assert (np.diff(entropy) > 0).all()
    plain = pictures(every, "objects", 0, digits, np.random.default_rng(0))
    assert (plain.reshape(CONCEPTS, -1) == 0).mean(1).min() > 0.3
    assert len({x.tobytes() for x in plain}) == CONCEPTS


def test_an_arch_is_the_slope_of_a_parabola_at_its_flatter_end():
    x = np.linspace(2, 7, 6)
    scaled = np.linspace(-1, 1, 6)
    # Slopes at the ends of -x² + 0.3 x: 2.3 upwards, 1.7 downwards.
    assert arch(x, -(scaled**2) + 0.3 * scaled) == pytest.approx(1.7)
    assert arch(x, 2 * scaled) == pytest.approx(-2)
    assert arch(x, scaled**2) == pytest.approx(-2)
    # All of it on the rising side of the peak.
    assert arch(x, -0.2 * scaled**2 + scaled) == pytest.approx(-0.6)


def test_lengths_that_are_planted_come_out():
    rng = np.random.default_rng(1)
    found = [planted_length(m, rng) for m in (2, 5, 10)]
    # Of m + a half attributes on average all but the last leave every example untold.
    assert np.exp(found) == pytest.approx([1.5, 4.5, 9.5], rel=0.25)


def test_rules_beat_likeness_where_concepts_are_conjunctions():
    assert planted_modes(np.random.default_rng(2)) > 0.1


def test_halves_and_areas():
    scores, own = np.array([3.0, 1.0, 2.0, 2.0]), np.array([True, False, True, False])
    assert found_among(scores, own) == pytest.approx((2 + 1.5) / 4)
    cost, values = np.array([1.0, np.nan, 4.0, 2.0, 3.0]), np.array([[1.0], [9.0], [4.0], [2.0], [3.0]])
    assert high_less_low(cost, values) == pytest.approx([2.0])
