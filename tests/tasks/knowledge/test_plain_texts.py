"""Texts tell what they are said to tell: values behind or in front of their entities, right sums, and the same tokens for a value."""

import re
from itertools import product

import numpy as np
import pytest

from unseen.tasks.knowledge.plain_texts import INVENTED, KNOWN, PROCEDURES, invented, sentence, told, worked

EVERY = [*KNOWN, *INVENTED]


@pytest.mark.parametrize("relation", EVERY)
def test_the_entity_stands_in_front_forwards_and_behind_backwards(relation):
    one = (KNOWN | INVENTED)[relation]
    for form, wordings in (("forwards", one.forwards), ("backwards", one.backwards)):
        for way in range(len(wordings)):
            text = sentence(relation, "Bazoka", "Dunmir", way, form)
            assert text.prompt + text.answer + text.end == text.text
            assert text.answer == " Dunmir"
            assert text.text.count("Bazoka") == text.text.count("Dunmir") == 1
            assert ("Bazoka" in text.prompt) == (form == "forwards")
            # Never at the very start, where a tokenizer has other tokens for it.
            assert text.prompt


@pytest.mark.parametrize("relation", EVERY)
def test_wordings_of_a_relation_differ(relation):
    one = (KNOWN | INVENTED)[relation]
    texts = [sentence(relation, "a", "b", way, form).text for form in ("forwards", "backwards")
             for way in range(len(getattr(one, form)))]  # fmt: skip
    assert len(set(texts)) == len(texts) >= 8


def test_invented_facts_are_different_and_of_their_seed():
    made = invented(100, np.random.default_rng(3))
    assert len(made) == len(set(made.values())) == 100
    assert made == invented(100, np.random.default_rng(3))
    assert made != invented(100, np.random.default_rng(4))


@pytest.mark.parametrize("procedure", list(PROCEDURES))
def test_every_step_is_right_and_results_are_told_without_steps(procedure):
    one = PROCEDURES[procedure]
    assert len(set(one.problems)) == len(one.problems) >= 36
    for key in one.problems:
        text = worked(procedure, key)
        steps = re.findall(r"(\d+) ([+*/]) (\d+) = (\d+)", text.steps + text.answer)
        assert len(steps) == (2 if procedure == "two steps" else 1)
        for a, sign, b, result in steps:
            assert {"+": int(a) + int(b), "*": int(a) * int(b), "/": int(a) / int(b)}[sign] == int(result)
        assert steps[-1][3] == text.answer
        for way in range(len(one.told)):
            short = told(procedure, key, way)
            assert (short.answer, short.key, short.steps) == (text.answer, text.key, "")
            assert "=" not in short.text
    assert len({told(p, PROCEDURES[p].problems[0], way).text for p, way in product([procedure], range(4))}) == 4


def test_texts_stand_in_front_one_a_line():
    first = sentence("capital", "Italy", "Rome")
    one = sentence("capital", "France", "Paris").behind(first, first)
    assert one.text == "The capital of Italy is Rome.\nThe capital of Italy is Rome.\nThe capital of France is Paris."
    assert one.answer == " Paris"
