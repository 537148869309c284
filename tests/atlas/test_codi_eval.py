"""Constraints are worded without loss, a writer that keeps all has no gap, and one that can't count has the whole of it."""

import numpy as np
import pytest

from unseen.atlas.studies.measures import codi_eval as study
from unseen.learners.language.base import Answer, Completion
from unseen.tasks.instructions.kinds import MANY


class Writer:
    """Writes what is asked; told to, it writes twelve words whatever the length, or no keyword."""

    def __init__(self, *, counts=True, uses=True, seed=100):
        self.counts, self.uses = counts, uses
        self.items = {
            i.prompt(w)[0]["content"]: i
            for i in study.drawn(study.numpy_generator(seed, "codi-eval"), study.EACH)
            for w in range(4)
        }

    def generate(self, prompts, settings):
        return [Answer((Completion(self.text(self.items[p[0]["content"]])),)) for p in prompts]

    def text(self, item):
        if item.mode == "keywords":
            return "It has " + " ".join(item.constraint.words if self.uses else ())
        return " ".join(["so"] * ((item.number or 1) if self.counts else 200))


def measured(monkeypatch, stronger, weaker):
    monkeypatch.setattr(study, "subject", {study.MODEL: stronger, study.WEAKER: weaker}.__getitem__)
    return study.measure.measure(100, quick=False)


def test_each_wording_names_all_that_is_checked():
    for item in study.drawn(np.random.default_rng(1), 60):
        said = [item.prompt(w)[0]["content"] for w in range(4)]
        assert len(set(said)) == 4
        shown = item.constraint.words if item.mode == "keywords" else (str(item.number),)
        assert all(x in text for x in shown for text in said)
        if item.mode == "between":
            assert all(str(item.constraint.high) in text for text in said)
        if item.mode == "around":
            assert item.constraint.fits(item.number)
            assert item.constraint.high - item.constraint.low <= max(2, item.number // 5)
        assert 0 <= item.constraint.low <= item.constraint.high <= MANY


def test_a_writer_that_keeps_all_has_no_gap_and_all_modes_are_met(monkeypatch):
    found = measured(monkeypatch, Writer(), Writer(uses=False))
    assert found["length"] == 0
    assert found["keywords_met"] == (1.0, study.EACH)
    assert found["wording"][0] == 0
    assert found["stronger"] == pytest.approx(0.5)
    assert all(found[f"{m.replace(' ', '_')}_met"] == (1.0, 3) for m in study.MODES)
    # Two instructions may be about one subject, and share a word; whole sets of others are not there.
    assert found["others"][0] < 0.1


def test_a_writer_that_cannot_count_has_the_whole_gap_but_for_the_least_number_of_words(monkeypatch):
    found = measured(monkeypatch, Writer(counts=False), Writer())
    assert found["length"] == pytest.approx(1 - 1 / 5)
    assert found["exact"] == 1.0
    assert found["stronger"] == pytest.approx(-0.4)
