"""Who chooses by content gains and loses nothing by length; who takes the longest option gains and loses all."""

import numpy as np
import pytest

pytest.importorskip("torch")

from unseen.atlas.studies.shifts import generalization_stress_test as study
from unseen.learners.language.base import Scored


class Chooser:
    """Chooses an option by its text."""

    def __init__(self, prefers):
        self.prefers = prefers

    def score(self, prompts, continuations):
        rows = []
        for prompt, letters in zip(prompts, continuations, strict=True):
            block = prompt.rsplit("\n\n", 1)[1].split("\n")
            options = [line[3:] for line in block[1:-1]]
            best = max(range(4), key=lambda i: self.prefers(block[0], options[i]))
            rows.append(tuple(Scored(x, (x,), (0.0 if i == best else -9.0,), i == best) for i, x in enumerate(letters)))
        return rows


def accuracies(draw, chooser):
    keys = np.array([c.key for c in draw.asked])
    tails = draw.tails[study.SHOTS :]
    forms = [
        draw.asked,
        *([getattr(c, how)(t) for c, t in zip(draw.asked, tails, strict=True)] for how in
          ("right_longer", "wrong_longer", "all_longer")),
    ]  # fmt: skip
    return [float((study.chosen(chooser, draw.worked(), f) == keys).mean()) for f in forms]


@pytest.fixture(scope="module")
def draw():
    return study.Draw(100, 60)


def test_who_knows_the_answer_is_right_at_any_length(draw):
    known = {c.question: c.options[c.key] for c in draw.asked}
    knows = Chooser(lambda question, option: option == known[question] or f"{known[question]}," in option
                    or f"{known[question]} (" in option)  # fmt: skip
    assert accuracies(draw, knows) == [1.0, 1.0, 1.0, 1.0]


def test_who_takes_the_longest_option_is_right_where_it_is_the_right_one_and_never_where_all_others_are(draw):
    original, right, wrong, even = accuracies(draw, Chooser(lambda _, option: len(option)))
    assert (right, wrong) == (1.0, 0.0)
    # Four options: within three standard errors of a guess.
    assert abs(original - 0.25) < 3 * np.sqrt(0.25 * 0.75 / 60) + 0.1
    assert abs(even - original) < 0.2


def test_options_are_four_of_a_kind_with_one_right_answer_at_any_place(draw):
    assert all(len(set(c.options)) == 4 for c in draw.asked)
    assert {c.key for c in draw.asked} == {0, 1, 2, 3}
    digits = [sum(o.lstrip("+.").isdigit() for o in c.options) for c in draw.asked]
    assert set(digits) <= {0, 4}


def test_what_is_shown_is_not_asked(draw):
    assert not {c.question for c in draw.shown} & {c.question for c in draw.asked}
    assert len(draw.shown) == study.SHOTS
