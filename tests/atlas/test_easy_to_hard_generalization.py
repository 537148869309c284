"""Hard pairs say the same labels in other words; what easy data recover is 1 where states tell alike, and 0 where they don't."""

import re

import numpy as np
import pytest

from unseen.atlas.studies.shifts import easy_to_hard_generalization as study
from unseen.learners.language.base import Scored

RNG = np.random.default_rng(1)


def test_hard_pairs_are_in_another_form_and_labels_stay_in_equal_parts():
    easy, hard = (study.by_form(90, RNG, hard=h) for h in (False, True))
    for made in (easy, hard):
        assert np.bincount([p.label for p in made]).tolist() == [30, 30, 30]
    assert {p.said.form for p in easy} == {"active"}
    assert "active" not in {p.said.form for p in hard}


def test_no_pair_is_judged_by_a_head_that_saw_it():
    # States say nothing of labels: a head that saw a pair could still have it right by heart.
    x = RNG.normal(size=(60, 400))
    blind = study.Task((x, np.arange(60) % 3), (RNG.normal(size=(60, 400)), np.arange(60) % 3), 1 / 3)
    right = study.judged(blind, RNG)
    # 4 standard errors of 60 guesses at a third.
    assert all(abs(share - 1 / 3) < 0.25 for share in right.values())


def test_so_many_labels_are_wrong_as_is_said():
    x, label = np.zeros((300, 2)), np.arange(300) % 3
    assert (study.mislabelled((x, label), 0.3, RNG)[1] != label).mean() == pytest.approx(0.3)


class States:
    """States that tell the label along one direction in easy pairs, and along the same or another one in hard pairs."""

    def __init__(self, monkeypatch, shared):
        self.shared, self.label = shared, {}
        real = study.by_form
        monkeypatch.setattr(study, "by_form", lambda n, rng, hard: self.note(real(n, rng, hard=hard), hard))
        real_pairs = study.pairs
        monkeypatch.setattr(study, "pairs", lambda d, n, rng, *forms: self.note(real_pairs(d, n, rng, *forms), False))

    def note(self, made, hard):
        self.label |= {study.line(p.premise, p.said.text()): (p.label, hard) for p in made}
        return made

    def hidden(self, prompts, layer):
        rows = []
        for p in prompts:
            label, hard = self.label[p]
            rng = np.random.default_rng(list(re.sub(r"\s", "", p).encode()))
            row = rng.normal(size=8)
            row[label + (4 if hard and not self.shared else 0)] += 4
            rows.append(row)
        return np.array(rows)

    def score(self, prompts, continuations):
        rng = np.random.default_rng(3)
        return [tuple(Scored(c, (c,), (float(rng.normal()),), False) for c in row) for row in continuations]


@pytest.mark.parametrize(("shared", "low", "high"), [(True, 0.9, 1.1), (False, -0.5, 0.4)])
def test_the_study_tells_what_carries_over_from_what_does_not(monkeypatch, shared, low, high):
    monkeypatch.setattr(study, "subject", lambda name: States(monkeypatch, shared))
    found = study.measure.measure(100, quick=False)
    assert low <= found["recovered_form"] <= high
    # Halves by loss differ by noise alone here.
    assert found["recovered_loss"] == pytest.approx(1, abs=0.25)
    assert found["mixed"] > 0.8
    assert found["shuffled"] < 0.3
    assert found["gap_form"] > 0.4
