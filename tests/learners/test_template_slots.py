"""The template baseline: it repeats what it saw, fills slots rightly, and can't write what it did not see."""

import numpy as np
import polars as pl
import pytest

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.learners.base import Learner
from unseen.learners.template_slots import TemplateSlots, fillers
from unseen.shifts import HeldOutLevel, RandomShift
from unseen.tasks import load

DATA = load("sql-questions").sample(900, 0, schema="shop")


def test_it_is_right_on_unseen_questions_of_seen_templates():
    split = RandomShift().split(DATA, np.random.default_rng(0))
    made = TemplateSlots().fit(split.train, np.random.default_rng(0))
    assert isinstance(made, Learner)
    assert made.respond(split.unseen).table["score"].mean() > 0.9
    values = {t for row in DATA.table["input"].to_list() for t in row}
    templates = set(split.train.table["template"])
    for answer, question in zip(made.answers(split.unseen), split.unseen.table["input"].to_list(), strict=True):
        # Whatever it writes is a training template with words of the question in its slots.
        skeleton = next(t for t in templates if _matches(t.split(), answer, set(question)))
        assert skeleton
    assert values


def _matches(template, answer, words):
    return len(template) == len(answer) and all(
        a == t or (t[-1].isdigit() and t[:-1].isalpha() and a in words) for t, a in zip(template, answer, strict=True)
    )


def test_templates_that_it_never_saw_are_beyond_it():
    held = sorted(set(DATA.table["template"]))[::4]
    split = HeldOutLevel("template", held).split(DATA, np.random.default_rng(0))
    made = TemplateSlots().fit(split.train, np.random.default_rng(0))
    assert made.respond(split.unseen).table["score"].sum() == 0


def test_equal_data_give_equal_answers_and_two_slots_take_two_words():
    made = [TemplateSlots().fit(DATA, np.random.default_rng(s)).answers(DATA.take(range(80))) for s in (0, 1)]
    assert made[0] == made[1]
    between = DATA.where(pl.col("form") == "between")
    for answer in TemplateSlots().fit(DATA, np.random.default_rng(0)).answers(between):
        if ">=" in answer:
            assert answer[answer.index(">=") + 1] != answer[-1]


def test_bad_input_says_what_to_do():
    rng = np.random.default_rng(0)
    with pytest.raises(BadInput, match="no column 'shape' of templates"):
        TemplateSlots("shape").fit(DATA, rng)
    with pytest.raises(BadInput, match="nothing to choose"):
        TemplateSlots("schema").fit(DATA, rng)
    with pytest.raises(BadInput, match="call fit first"):
        TemplateSlots().answers(DATA)
    with pytest.raises(BadInput, match="got 2 and 1 words"):
        fillers("a b", ["a"])
    with pytest.raises(BadInput, match="word by word"):
        TemplateSlots("form").fit(Examples(DATA.table, ("input",), "target", DATA.factors), rng)
