"""Parts and wholes are sorted into four kinds; who knows all points and can't chain them loses all from one step to three."""

import numpy as np
import pytest

from unseen.atlas.studies.measures import we_math as study
from unseen.learners.language.base import Scored


class Pupil:
    """Solves what its rule says: a function of the question and of the cards before it."""

    def __init__(self, solves):
        self.solves = solves

    def score(self, prompts, continuations):
        asked = [p.rsplit("\n\n", 1)[-1] for p in prompts]
        return [
            tuple(Scored(o, (o,), (0.0,), self.solves(p)) for o in options)
            for p, options in zip(asked, continuations, strict=True)
        ]


def steps_in(text):
    """Sentences but the given ones, the question and the order to answer are steps; given ones hold no second person."""
    return text.split("Question: ")[1].count(". ") - 1


def test_the_four_kinds_are_all_and_apart():
    rng = np.random.default_rng(0)
    parts, whole = rng.random((50, 2)) < 0.6, rng.random(50) < 0.5
    kinds = study.four(parts, whole)
    assert sum(kinds.values()) == pytest.approx(1)
    assert kinds["rote"] + kinds["mastery"] == pytest.approx(whole.mean())


def test_the_parts_of_a_problem_lead_to_its_answer_and_cards_name_its_points():
    for e in study.drawn(np.random.default_rng(1), 50, 2):
        first, second = study.task().parts(e)
        assert second.target == e.target
        assert first.target in str(second.input)
        points = {*first.factors["points"], *second.factors["points"]}
        assert points == set(e.factors["points"])
        assert all(study.CARDS[p] in study.card(e) for p in points)
        assert not any(study.CARDS[p] in study.card(e, other=True) for p in points)


def test_a_pupil_of_single_steps_has_the_whole_fall_and_one_who_chains_has_none(monkeypatch):
    def single(text):
        return len(text) < 400 and text.count("?") == 1 and steps_in(text) <= 2

    monkeypatch.setattr(study, "subject", lambda name: Pupil(lambda text: True))
    found = study.measure.measure(100, quick=False)
    assert found["steps"] == found["five"] == found["cards"] == 0
    assert found["rote"] == (0.0, study.ITEMS)
    monkeypatch.setattr(study, "subject", lambda name: Pupil(single))
    found = study.measure.measure(100, quick=False)
    assert found["one"][0] > 0.8
    assert found["steps"] > 0.7


def test_cards_help_who_reads_them_and_those_of_other_knowledge_do_not(monkeypatch):
    def reads(text):
        return "Remember: " in text and all(study.CARDS[p] in text for p in ("times",))

    monkeypatch.setattr(study, "subject", lambda name: Pupil(reads))
    found = study.measure.measure(101, quick=False)
    assert found["kind_insufficient"][0] == 1.0
    assert found["cards"] > 0.1
