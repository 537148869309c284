"""Representativeness by Bayes' rule, description lengths by trying every cut, and entropies of pictures that are known."""

import numpy as np
import pytest

from unseen.errors import BadInput, Undefined
from unseen.measures.concepts.representativeness import (
    description_cost,
    description_length,
    picture_entropy,
    representativeness,
)


def test_representativeness_is_the_likelihood_over_the_evidence_of_all_other_concepts():
    rng = np.random.default_rng(0)
    activity = rng.uniform(0.1, 1, (4, 6))
    found = representativeness(activity)
    for c in range(4):
        for a in range(6):
            others = sum(activity[k, a] for k in range(4) if k != c) / activity[:, a].sum()
            assert found[c, a] == pytest.approx(activity[c, a] / activity[c].sum() / others)
    # As strong everywhere: P(a | c) = 1/6 and P(c | a) = 1/4.
    assert representativeness(np.ones((4, 6))) == pytest.approx(np.full((4, 6), 2 / 9))
    # What only one concept has stands for it without end, and for others not at all.
    alone = representativeness(np.array([[1.0, 1.0], [0.0, 1.0]]))
    assert alone[0, 0] == np.inf
    assert alone[1, 0] == 0


def test_lengths_are_those_of_a_search_over_masks():
    rng = np.random.default_rng(1)
    lengths = []
    for concept in range(3):
        x, w, b = rng.random((25, 12)), rng.normal(size=(3, 12)), 0.3 * rng.normal(size=3)
        w[concept] += 0.3
        order = rng.permutation(12)
        for least in (0.3, 0.6, 0.9):
            slow = None
            for k in range(1, 13):
                mask = np.isin(np.arange(12), order[:k])
                told = (x * mask) @ w.T + b
                if np.mean(told.argmax(1) == concept) >= least:
                    slow = k
                    break
            assert description_length(x, w, b, concept, order, least=least) == slow
            lengths.append(slow)
    assert len(set(lengths)) > 3


def test_a_concept_that_nothing_tells_has_no_length_and_ties_are_not_told():
    x, head = np.ones((4, 2)), np.array([[0.0, 0.0], [1.0, 1.0]])
    assert description_length(x, head, np.zeros(2), 0, np.arange(2)) is None
    assert description_length(x, np.zeros((2, 2)), np.zeros(2), 0, np.arange(2)) is None
    with pytest.raises(BadInput, match="an order of 3 attributes don't fit together"):
        description_length(x, head, np.zeros(2), 0, np.arange(3))


def test_costs_are_the_area_that_masks_leave():
    rng = np.random.default_rng(3)
    costs = []
    for concept in [0, 1, 2] * 4:
        x, w, b = rng.random((40, 10)), rng.normal(size=(3, 10)), 0.2 * rng.normal(size=3)
        w[concept] += 0.5
        order = rng.permutation(10)
        shares = [
            np.mean(((x * np.isin(np.arange(10), order[:k])) @ w.T + b).argmax(1) == concept) for k in range(1, 11)
        ]
        slow = sum(shares[-1] - s for s in shares if shares[-1] - s >= 0.1)
        dropped = min(shares[-1] - s for s in shares) < -0.4
        found = description_cost(x, w, b, concept, order)
        assert found is None if dropped else found == pytest.approx(slow)
        costs.append(found)
    assert len({c for c in costs if c}) > 3


def test_a_concept_that_fewer_attributes_tell_better_has_no_cost():
    # The second attribute takes every example away.
    x, head = np.ones((4, 2)), np.array([[1.0, 0.0], [0.0, 3.0]])
    assert description_cost(x, head, np.zeros(2), 0, np.arange(2)) is None
    assert description_cost(x, head, np.zeros(2), 0, np.arange(2), gained=1.0) == 0


def test_entropies_of_noise_and_of_halves():
    rng = np.random.default_rng(2)
    noise = rng.integers(0, 2, (200, 200)).astype(float)
    # A coin for the pixel and a binomial of eight for its neighbours, but for the border.
    eight = np.array([1, 8, 28, 56, 70, 56, 28, 8, 1]) / 256
    assert picture_entropy(noise) == pytest.approx(1 - (eight * np.log2(eight)).sum(), abs=0.03)
    half = np.zeros((200, 200))
    half[:, 100:] = 1
    assert 1 < picture_entropy(half) < 1.4
    assert picture_entropy(half) == pytest.approx(picture_entropy(7 * half - 3))
    assert picture_entropy(np.ones((3, 3))) == 0


def test_what_has_no_value_is_refused():
    with pytest.raises(BadInput, match=r"got \(3,\)"):
        representativeness(np.ones(3))
    with pytest.raises(BadInput, match="take it behind a ReLU"):
        representativeness(np.array([[1.0, -1.0], [1.0, 1.0]]))
    with pytest.raises(Undefined, match="no activity at all"):
        representativeness(np.array([[1.0, 0.0], [1.0, 0.0]]))
    with pytest.raises(BadInput, match=r"got \(2, 2, 3\)"):
        picture_entropy(np.ones((2, 2, 3)))
