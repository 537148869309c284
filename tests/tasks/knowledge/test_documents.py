"""What documents tell is true: facts are those of the world, and each step and result of a calculation is right."""

import re

import numpy as np
import pytest

from unseen.tasks.knowledge import documents as told_in
from unseen.tasks.knowledge.documents import PROCEDURES, VALUES, Facts, problems, result, worked


def number(words):
    return int("".join(words))


def answer(document):
    end = document.tokens[document.prompt :]
    if "so" in end:
        end = end[end.index("so") + 1 :]
    return [w for w in end if w not in (".", ",")]


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_results_and_steps_are_those_of_the_numbers(procedure):
    signs = {"plus": lambda a, b: a + b, "less": lambda a, b: a - b}
    for key in problems(procedure, 60, np.random.default_rng(0)):
        if procedure == "sum":
            wanted = list(f"{key[0] + key[1]:02d}")
        elif procedure == "equation":
            wanted = list(f"{key[1] - key[0]:02d}")
        else:
            wanted = [str(key[3] - key[1]), "over", str(key[2] - key[0])]
        whole = worked(procedure, key)
        assert answer(whole) == wanted
        assert answer(result(procedure, key)) == answer(result(procedure, key, 1)) == wanted
        steps = " ".join(whole.tokens[whole.prompt :]).split(" ; ")[:-1]
        assert len(steps) == 2
        for step in steps:
            left, made = step.split(" is ")
            first, *rest = re.findall(r"(plus|less)? ?(\d)", left)
            total = int(first[1])
            for sign, digit in rest:
                total = signs[sign](total, int(digit))
            assert total == number(made.split())


def test_facts_are_told_as_they_are_with_or_without_a_phrase_beside_them():
    facts = Facts.drawn(5, np.random.default_rng(1))
    for entity in facts.entities:
        for relation in VALUES:
            value = facts.values[entity, relation].split()
            for wording in (*told_in.FORWARDS, *told_in.BACKWARDS):
                for aside, behind in (("", False), (told_in.ASIDES[0], False), (told_in.ASIDES[0], True)):
                    told = facts.told(entity, relation, wording, aside=aside, behind=behind)
                    assert list(told.tokens[told.prompt : told.prompt + len(value)]) == value
                    assert entity in told.tokens
                    assert (wording in told_in.FORWARDS) == (entity in told.tokens[: told.prompt])
                    assert told.text.count(aside) >= 1
