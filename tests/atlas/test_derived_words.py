"""Lexicons have the shares that they are drawn with; preferences follow counts; matches and correlations by hand."""

import numpy as np
import pytest

from unseen.atlas.studies.measures._derived_words import (
    BOTH,
    ENDS,
    FEATURES,
    ITY,
    TYPES,
    Lexicon,
    lexicon,
    preferences,
    stems,
)
from unseen.atlas.studies.measures.analogical_derivation import matched, matches, with_frequency
from unseen.engine.seeds import torch_generator


def test_segments_are_told_apart_by_their_features():
    assert len(set(FEATURES.values())) == len(FEATURES)


@pytest.mark.parametrize("origin", ["letters", "families"])
def test_classes_have_the_shares_that_they_are_drawn_with(origin):
    made = lexicon(origin, np.random.default_rng(0))
    assert len(set(made.words)) == len(made.words) == TYPES * len(ENDS)
    for end in ENDS:
        own = made.of(end)
        # Three standard errors of 400 words, and families of unequal size.
        assert np.mean(made.prefers[own] == 0) == pytest.approx(ITY[end], abs=0.1)
        assert np.mean((made.counts[own] > 0).all(1)) <= BOTH[end] + 0.06
    flat = made.flat()
    assert np.ptp(flat.counts.sum(1)) == pytest.approx(0)
    assert (flat.prefers == made.prefers)[(made.counts > 0).sum(1) == 1].all()


def test_rules_made_the_suffix_of_variable_classes():
    made = lexicon("rules", np.random.default_rng(1))
    for end in "IO":
        own = made.of(end)
        own = own[(made.counts[own] > 0).sum(1) == 1]
        by_last = {made.words[i][-2] for i in own[made.prefers[own] == 0]}
        assert by_last.isdisjoint(made.words[i][-2] for i in own[made.prefers[own] == 1])


def test_a_network_prefers_what_it_met():
    words = tuple(s + "I" for s in stems(12, np.random.default_rng(2)))
    first = np.arange(12) % 2 == 0
    counts = np.where(first[:, None], [20.0, 0.0], [0.0, 20.0])
    found = preferences(Lexicon(words, counts, np.ones(12)), words, 150, torch_generator(0))
    assert ((found > 0) == first).all()


def test_matches_and_correlations_by_hand():
    assert matched(np.array([[2, 1], [1, 2], [1, 1]]), np.array([0.3, 0.2, 0.1])) == pytest.approx(0.5)
    words = ("badI", "badigI", "sapI", "sopI")
    known = Lexicon(words, np.array([[3.0, 0], [2, 0], [0, 2], [0, 4]]), np.ones(4))
    found = matches(known, {"I": ["badikI", "sipI"]}, {"I": np.array([1.0, -1.0])})
    assert found.exemplars == {"type": 1.0, "token": 1.0}
    # One word has both suffixes and is left out.
    usual = Lexicon(("baA", "daA", "gaA", "saA"), np.array([[9.0, 0], [5, 0], [1, 0], [3, 3]]), np.ones(4))
    preference, frequency = np.array([3.0, 2.0, 1.0, -9.0]), np.array([30.0, 20.0, 25.0, 99.0])
    assert with_frequency(usual, preference, frequency, "A") == pytest.approx(0.5)
