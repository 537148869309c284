"""Coins: states are parities, scratchpads are read step by step, and a writer that keeps count has no drop."""

import re

import numpy as np
import pytest

pytest.importorskip("torch")
from unseen.atlas.studies.shifts import _coin_flips as coins
from unseen.atlas.studies.shifts import llm_length_generalization as study
from unseen.learners.language.base import Answer, Completion


@pytest.fixture
def items():
    return coins.drawn(np.random.default_rng(1), (1, 2, 4, 8), 80)


def test_the_last_state_is_the_parity_of_the_flips(items):
    for item in items:
        assert item.answer == coins.SIDES[sum(item.turns) % 2]
        assert len(item.states) == len(item.names) == len(set(item.names))
    assert {i.answer for i in items} == set(coins.SIDES)
    assert {i.wording for i in items} == {0, 1, 2, 3}


def test_a_question_tells_all_that_its_answer_needs(items):
    for item in items:
        _, flips, _ = coins.WORDINGS[item.wording]
        text = item.question()
        assert sum(flips.format(n) in text for n in item.names) == sum(item.turns)
        assert all(n in text for n in item.names)


def test_tokens_hold_a_step_each_and_the_target_is_one_state_or_all(items):
    table = coins.tokens(items, scratchpad=True).table
    assert [len(x) for x in table["input"]] == [len(i.names) + 1 for i in items]
    assert [list(x) for x in table["target"]] == [i.states for i in items]
    assert [list(x) for x in coins.tokens(items, scratchpad=False).table["target"]] == [[i.answer] for i in items]


def test_a_written_scratchpad_is_read_step_by_step():
    item = coins.Flips(("Ann", "Bob", "Cid"), (True, False, True), 1)
    good = item.worked()
    assert (coins.first_slip(item, good), coins.said(good)) == ("none", "heads")
    assert coins.first_slip(item, good.replace("still tails", "tails to heads")) == "state"
    assert coins.first_slip(item, good.replace("Bob leaves it, still tails. ", "")) == "steps"
    assert coins.first_slip(item, good.replace("Bob leaves", "Bob turns")) == "steps"
    assert coins.first_slip(item, good.replace("Cid turns it, tails to heads. ", "")) == "steps"
    assert coins.first_slip(item, good.replace("answer is heads", "answer is tails")) == "answer"


def test_states_drawn_by_chance_are_told_as_others_are_and_all_examples_end_with_a_word(items):
    item = coins.retold(items[:3], 2)[2]
    other = [s if i else coins.SIDES[s == "heads"] for i, s in enumerate(item.states)]
    said = item.worked(other)
    assert said.endswith(f"The answer is {item.answer}.")
    assert coins.first_slip(item, said) == "state"
    prompt = coins.shown(coins.retold(items[:4], 2), item, scratchpad=True)
    assert prompt.count(f". {coins.END}\n\n") == prompt.count("There is a coin") - 1 == 4


class Counter:
    """Answers rightly behind worked examples, whatever the length; behind answers alone it says heads."""

    def generate(self, prompts, settings):
        return [Answer((Completion(self.said(p)),)) for p in prompts]

    def said(self, prompt):
        examples, question = prompt.rsplit("Question: ", 1)
        flips = [re.escape(w[1]).replace(r"\{\}", r"\w+") for w in coins.WORDINGS]
        count = max(len(re.findall(f, question)) for f in flips)
        sound = all(
            e.split("The answer is ")[1].split(".")[0]
            == coins.SIDES[max(len(re.findall(f, e.split("\nAnswer")[0])) for f in flips) % 2]
            for e in examples.split("Question: ")[1:]
        )
        worked = ", still " in examples or " to " in examples
        return f" The answer is {coins.SIDES[count % 2] if worked and sound else 'heads'}."


def test_a_pretrained_model_that_keeps_count_has_the_whole_advantage(monkeypatch):
    class Net:
        def predict(self, examples, most):
            rows = zip(examples.table["input"], examples.table["target"], strict=True)
            # Right at trained lengths, and always heads beyond.
            return [list(t) if len(i) - 1 <= study.SEEN else ["heads"] for i, t in rows], np.ones(len(examples))

    monkeypatch.setattr(study, "trained", lambda *args, **kwargs: Net())
    monkeypatch.setattr(study, "subject", lambda name: Counter())
    found = study.measure.measure(100, quick=False)
    assert found["learnt"] == (1.0, 3 * study.TEST)
    assert found["drop"] == found["scratch"] == found["fewshot"] == pytest.approx(0.5, abs=0.12)
    assert found["scale"] == 0
    assert found["prompted"] == found["few_beyond"] == (1.0, study.ITEMS)
    assert found["worked"] > 0.15
    assert found["senseless"][0] < 1


def test_a_small_decoder_is_trained_and_writes_states():
    fitted = study.trained(100, 16, scratchpad=True, position="absolute", updates=30)
    items = coins.drawn(np.random.default_rng(0), [3], 20)
    assert 0 <= study.share(fitted, items, scratchpad=True) <= 1
