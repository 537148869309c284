"""Pairs are ranked within kinds, heads learn what is linear and no more, and answers beneath other questions stay apart."""

import numpy as np
import pytest

pytest.importorskip("torch")

from unseen.atlas.studies.measures import p_true_p_ik as study
from unseen.learners.language.base import Scored
from unseen.tasks.knowledge.short_questions import FACTS, KINDS


class Sure:
    """Gives each continuation half of the probability, or none where it knows nothing."""

    def __init__(self, known):
        self.known = known

    def score(self, prompts, continuations):
        odds = np.log(0.25) if self.known else -50.0
        return [tuple(Scored(o, (o,), (odds,), False) for o in options) for options in continuations]


def test_a_confidence_that_tells_kinds_apart_and_nothing_else_ranks_by_chance():
    kind = np.repeat(["easy", "hard"], 100)
    right = np.r_[np.arange(100) < 90, np.arange(100) < 10].astype(int)
    confidence = np.where(kind == "easy", 0.9, 0.1)
    assert study.ranked(confidence, right, kind) == 0.5
    assert study.ranked(confidence + right, right, kind) == 1.0


def test_pairs_are_counted_as_by_a_loop_over_all_of_them():
    rng = np.random.default_rng(0)
    confidence, right, kind = rng.integers(0, 5, 60) / 5, rng.integers(0, 2, 60), rng.integers(0, 3, 60)
    pairs = [(i, j) for i in range(60) for j in range(60) if kind[i] == kind[j] and right[i] > right[j]]
    ordered = [(confidence[i] > confidence[j]) + (confidence[i] == confidence[j]) / 2 for i, j in pairs]
    assert study.ranked(confidence, right, kind) == pytest.approx(np.mean(ordered), abs=1e-12)


def test_a_head_finds_the_direction_that_soft_labels_follow():
    rng = np.random.default_rng(1)
    states = rng.normal(size=(600, 40)) * 3 + 1
    chance = 1 / (1 + np.exp(-(states[:, 0] - 1)))
    head = study.Head(states[:400], chance[:400], 1e-3)
    assert np.corrcoef(head(states[400:]), chance[400:])[0, 1] > 0.95


def test_a_head_of_an_endless_penalty_says_the_mean():
    rng = np.random.default_rng(2)
    chance = rng.random(200) * 0.5
    said = study.Head(rng.normal(size=(200, 10)), chance, 1e3)(rng.normal(size=(50, 10)))
    assert said == pytest.approx(np.full(50, chance.mean()), abs=1e-3)


def test_what_a_head_says_of_a_row_does_not_depend_on_its_label():
    rng = np.random.default_rng(3)
    states, chance = rng.normal(size=(50, 5)), rng.random(50)
    fold = study.folds(50, np.random.default_rng(0))
    other = chance.copy()
    other[7] = 1 - other[7]
    before, after = (study.across(states, c, 1e-2, fold)[7] for c in (chance, other))
    assert before == after


def test_an_answer_that_is_crossed_is_none_of_the_right_ones_and_notes_hold_the_answer():
    draw = study.Draw(100, 12)
    assert len(draw.asked) == 12 * len(KINDS)
    for question, other in zip(draw.asked, draw.others, strict=True):
        assert other.kind == question.kind
        assert not set(other.answers) & set(question.answers)
        if question.kind in FACTS:
            assert question.answers[0] in question.note


def test_what_is_shown_is_not_asked():
    draw = study.Draw(101, 12)
    for kind in FACTS:
        assert not {q.about for q in draw.shown[kind]} & {q.about for q in draw.asked if q.kind == kind}


def test_the_chance_of_an_answer_sums_over_its_spellings_and_is_no_more_than_one():
    draw = study.Draw(100, 8)
    prompts = draw.prompts()
    assert set(np.round(study.knows(Sure(True), prompts, draw.asked), 6)) == {0.5, 1.0}
    assert study.knows(Sure(False), prompts, draw.asked).max() < 1e-20


def test_worked_judgements_hold_right_and_wrong_answers():
    rows = study.Draw(100, 8).judging(KINDS)
    assert {right for *_, right in rows} == {True, False}


def test_a_worked_question_stands_with_its_answer_alone():
    draw = study.Draw(100, 8)
    shown = draw.shown["birthplace"][0]
    assert draw.prompts(at=[0])[0].startswith(f"Question: {shown.text}\nAnswer: {shown.answers[0]}\n\nQuestion: ")


class Reader:
    """Judges an answer true where a note holds it, and knows nothing else."""

    def score(self, prompts, continuations):
        rows = []
        for prompt, options in zip(prompts, continuations, strict=True):
            note, *_, said = prompt.rsplit("\n\n", 1)[-1].split("Proposed Answer: ")
            found = f" {said.split(chr(10))[0]}." in note.split("\n")[0]
            rows.append(
                tuple(Scored(o, (o,), (0.0 if (i == 0) == found else -5.0,), False) for i, o in enumerate(options))
            )
        return rows


def test_who_reads_the_note_tells_planted_answers_apart_and_who_does_not_ranks_by_chance():
    draw = study.Draw(100, 12)
    places = np.arange(len(draw.asked))
    assert study.planted(Reader(), draw, places) == 1.0
    assert study.planted(Sure(True), draw, places) == 0.5
