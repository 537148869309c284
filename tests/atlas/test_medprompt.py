"""A model that can only think gains by thoughts, one that favours a letter gains by the vote, one that copies by the nearest."""

import re

import numpy as np
import pytest

from unseen.atlas.studies.adaptation import _lettered as lettered
from unseen.atlas.studies.adaptation import medprompt as study
from unseen.learners.language.base import Answer, Completion, Scored


class Model:
    """Answers right where it may think; else as ``knows`` says, favouring A."""

    def __init__(self, knows):
        self.knows = knows

    def generate(self, prompts, settings):
        return [Answer((Completion(self.thought(p)),)) for p in prompts]

    def score(self, prompts, continuations):
        letters = [self.letter(p) for p in prompts]
        return [
            tuple(Scored(c, (c,), (0.0 if c.endswith(said) else -5.0,), True) for c in row)
            for said, row in zip(letters, continuations, strict=True)
        ]

    def thought(self, messages):
        text = messages[-1]["content"]
        number = self.knows(text.split("\n")[0]) or self.copied(messages)
        options = dict(re.findall(r"^([A-D])\. (.*)$", text, re.M))
        return f"So it is {number}. Answer: {next((c for c, o in options.items() if o == number), 'A')}"

    def copied(self, messages):
        for asked, said in zip(messages[:-1:2], messages[1:-1:2], strict=True):
            if asked["content"].split("\n")[0] == messages[-1]["content"].split("\n")[0]:
                return dict(re.findall(r"^([A-D])\. (.*)$", asked["content"], re.M))[said["content"][-1]]
        return None

    def letter(self, prompt):
        text = prompt if isinstance(prompt, str) else prompt[-1]["content"]
        blocks = text.split("\n\n")
        last = re.findall(r"^[A-D]\. (.*)$", blocks[-1], re.M)
        for block in blocks[:-1]:
            shown = dict(re.findall(r"^([A-D])\. (.*)$", block, re.M))
            if sorted(shown.values()) == sorted(last) and block.split("\n")[0] == blocks[-1].split("\n")[0]:
                return "ABCD"[last.index(shown[block[-1]])]
        return "A"


def solved(seed):
    from unseen.engine.seeds import numpy_generator

    rng = numpy_generator(seed, "medprompt")
    lettered.facts(rng, study.ASKED + study.POOL)
    return {p.question: p.right for p in lettered.problems(rng, study.PROBLEMS + study.WORKED)}


def test_thoughts_that_come_out_right_take_all_errors_and_their_cut_none(monkeypatch):
    known = solved(100)
    monkeypatch.setattr(study, "subject", lambda name: Model(known.get))
    found = study.measure.measure(100, quick=False)
    assert found["whole"] == found["thoughts"] == 1
    assert found["own"] == (1.0, study.WORKED)
    assert found["mute"] == pytest.approx(0)
    # A alone is right in a quarter, by turns as in one order.
    assert found["nearest"] == found["shuffled"] == found["facts"] == pytest.approx(0)
    assert found["planted"] > 0.5
    assert found["by_letter"] == pytest.approx(0)
    assert found["said_A"][0] == 1


def test_a_model_without_right_thoughts_shows_none(monkeypatch):
    monkeypatch.setattr(study, "subject", lambda name: Model(lambda question: None))
    found = study.measure.measure(100, quick=False)
    assert found["own"][0] < 0.6
    # What stands solved above the question is copied, its options in another order.
    assert found["solved"] >= 0.6
    assert abs(found["thoughts"]) < 0.4


def test_a_vote_over_turns_takes_the_lean_to_a_letter_away():
    rng = np.random.default_rng(1)
    items = lettered.facts(rng, 8)

    def leaning(item):
        """Knows half of the options to be wrong, and takes the first of the rest."""
        left = {item.right, sorted(set(item.options) - {item.right})[0]}
        return "ABCD"[next(i for i, o in enumerate(item.options) if o in left)]

    turns = [[leaning(i.turned(by)) for i in items] for by in range(4)]
    assert len(lettered.elected(items, turns)) == len(items)
    always = [[i.turned(by).letter if by else "A" for i in items] for by in range(4)]
    assert lettered.elected(items, always) == [i.right for i in items]


def test_items_are_well_formed_and_no_two_facts_are_about_the_same():
    rng = np.random.default_rng(2)
    facts, problems = lettered.facts(rng, 22), lettered.problems(rng, 30)
    assert len({f.about for f in facts}) == len(facts) == 88
    for item in (*facts, *problems):
        assert len(set(item.options)) == lettered.OPTIONS
        assert item.options.count(item.right) == 1
        assert item.turned(3).right == item.right
    letters = [p.letter for p in (*facts, *problems)]
    assert min(letters.count(c) for c in lettered.LETTERS) > 10


def test_the_nearest_stands_last_and_what_has_no_letter_has_no_vote():
    items = lettered.facts(np.random.default_rng(3), 6)
    assert [row[-1].about for row in lettered.near(items, [i.turned(2) for i in items], 3)] == [i.about for i in items]
    assert lettered.elected(items[:1], [[None], [None]]) == [None]
    assert lettered.elected(items[:1], [[None], ["A"]]) == [items[0].options[1]]
    assert lettered.letter_in("I would answer a question. Answer: (D)") == "D"
