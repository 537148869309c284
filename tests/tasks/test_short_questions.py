"""Short questions have the answer that their words ask for."""

import numpy as np
import pytest

from unseen.tasks.knowledge.short_questions import ELEMENTS, KINDS, SUMS, WORDINGS, drawn


def test_elements_stand_in_the_order_of_their_numbers_once_each():
    names, signs = zip(*(e.split() for e in ELEMENTS), strict=True)
    assert len(set(names)) == len(set(signs)) == len(ELEMENTS) == 54
    known = {"hydrogen": 1, "neon": 10, "calcium": 20, "iron": 26, "zinc": 30, "krypton": 36, "silver": 47, "xenon": 54}
    assert {n: names.index(n) + 1 for n in known} == known


@pytest.mark.parametrize("kind", SUMS)
def test_an_answer_of_arithmetic_is_that_of_python(kind):
    for q in drawn(kind, 200, np.random.default_rng(0)):
        a, b = map(int, q.about)
        assert int(q.answers[0]) == {"sum": a + b, "difference": a - b, "product": a * b}[kind] >= 0
        # "Take 3 away from 7" names the numbers the other way round.
        assert set(q.about) <= set(q.text.replace(".", " ").replace("?", " ").split())


@pytest.mark.parametrize("kind", KINDS)
def test_each_wording_is_drawn_and_no_question_tells_its_answer(kind):
    found = drawn(kind, 50, np.random.default_rng(1))
    assert {q.wording for q in found} == set(range(len(WORDINGS[kind])))
    assert not [q for q in found if kind not in ("symbol", "difference", "product", "sum") and q.answers[0] in q.text]


def test_no_fact_is_drawn_twice():
    for kind in set(KINDS) - set(SUMS):
        found = drawn(kind, 1000, np.random.default_rng(2))
        assert len({q.about for q in found}) == len(found) >= 54
