"""Similarity is a cosine of weighted words; a panel's second round looks for rationales like its own; sums of scores elect."""

import math
from collections import Counter

import numpy as np
import pytest

from unseen.adaptation.panels import Opinion, Worked, elected, nearest, panel, similarity
from unseen.errors import BadInput

RNG = np.random.default_rng(0)


def cosine(a, b, pool):
    """As defined, word by word."""

    def weight(word):
        return math.log((1 + len(pool)) / (1 + sum(word in text for text in pool))) + 1

    x, y = ({w: n * weight(w) for w, n in Counter(text).items()} for text in (a, b))
    norm = math.sqrt(sum(v * v for v in x.values()) * sum(v * v for v in y.values()))
    return sum(v * y.get(w, 0) for w, v in x.items()) / norm if norm else 0.0


def test_similarity_agrees_with_its_definition():
    texts, pool = ([tuple(RNG.integers(9, size=RNG.integers(1, 8)).tolist()) for _ in range(n)] for n in (6, 11))
    expected = [[cosine(t, p, pool) for p in pool] for t in texts]
    np.testing.assert_allclose(similarity(texts, pool), expected, atol=1e-12)
    assert similarity([()], [("a",)]).tolist() == [[0.0]]


def test_what_is_too_near_is_left_out_and_not_replaced():
    pool = [("a", "b"), ("a", "c"), ("d",)]
    assert nearest([("a", "b")], pool, 2) == [[0, 1]]
    assert nearest([("a", "b")], pool, 2, too_near=0.97) == [[1]]


POOL = [Worked("xa", "p", 1), Worked("ya", "q", 2), Worked("zz", "pp", 3)]


def parrot(questions, shown):
    """Says what the last example said; alone it thinks "q" and says 0."""
    return [Opinion(some[-1].rationale, some[-1].answer) if some else Opinion("q", 0) for some in shown]


def test_the_second_round_follows_the_rationale_of_the_first():
    seen = []

    def member(questions, shown):
        seen.append([[w.answer for w in some] for some in shown])
        return [Opinion("q", len(seen)) for _ in questions]

    (said,) = panel(["xb"], [member], POOL, shots=1)
    # "xb" is most like "xa"; the rationale "q" is that of "ya".
    assert seen == [[[1]], [[2]]]
    assert [o.answer for o in said] == [1, 2]


def test_without_examples_both_rounds_are_the_same():
    said = panel(["xb", "yb"], [parrot], POOL, shots=0)
    assert [[o.answer for o in row] for row in said] == [[0, 0], [0, 0]]


def test_opinions_are_in_the_order_of_rounds_and_scored_each():
    members = [lambda q, s, k=k: [Opinion("p", k) for _ in q] for k in (7, 8)]
    (said,) = panel(["xb"], members, POOL, lambda q, o: [x.answer for x in o])
    assert [(o.answer, o.score) for o in said] == [(7, 7.0), (8, 8.0), (7, 7.0), (8, 8.0)]
    assert elected(said) == 8


def test_the_largest_sum_wins_and_ties_go_to_the_first():
    assert elected([Opinion("", "a", 3), Opinion("", "b", 2), Opinion("", "b", 2)]) == "b"
    assert elected([Opinion("", "a", 2), Opinion("", "b", 2)]) == "a"


def test_a_panel_needs_members_and_a_vote_opinions():
    with pytest.raises(BadInput, match=r"a panel needs a member, got none\."):
        panel(["x"], [], POOL)
    with pytest.raises(BadInput, match=r"a vote needs an opinion, got none\."):
        elected([])
