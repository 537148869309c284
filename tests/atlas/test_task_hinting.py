"""Rows of the study on task hinting say what they are taken for, and what its cut leaves."""

import numpy as np
import pytest

pytest.importorskip("torch")

from unseen.atlas.studies.training.task_hinting import FIRST, NUMBERS, TRAINED, hinting, sorting
from unseen.training.vocabulary import EMPTY, EOS, PAD


def question(tokens):
    """The numbers of a row, and what stands behind its mark."""
    tokens = [int(t) for t in tokens if t != PAD]
    mark = tokens.index(EMPTY)
    return [t - FIRST for t in tokens[1:mark]], [t - FIRST for t in tokens[mark + 1 :]]


def test_answers_are_the_numbers_in_order_each_told_one_place_ahead():
    tokens, labels = sorting(500, 1, 7, np.random.default_rng(0))
    repeated = 0
    for row, label in zip(tokens, labels, strict=True):
        numbers, answer = question(row)
        assert answer == sorted(numbers)
        told = [int(t) for t in label if t != PAD]
        assert told == [*(FIRST + x for x in sorted(numbers)), EOS]
        mark = row.tolist().index(EMPTY)
        assert label[mark] == told[0]
        assert label[mark + len(numbers)] == EOS
        repeated += len(set(numbers)) < len(numbers)
    assert repeated > 100


@pytest.mark.parametrize("kind", ["successor", "count"])
def test_hints_are_answered_by_what_the_sequence_holds(kind):
    for row, label in zip(*hinting(500, kind, np.random.default_rng(1)), strict=True):
        numbers, (query,) = question(row)
        (told,) = (int(t) for t in label if t != PAD)
        assert label[row.tolist().index(EMPTY) + 1] == told
        if kind == "count":
            assert told - FIRST - NUMBERS + 1 == numbers.count(query)
        else:
            larger = [x for x in numbers if x > query]
            assert told == (FIRST + min(larger) if larger else EOS)


def test_shuffled_answers_are_those_of_the_hint_in_other_places():
    """Same draws, so both have the same questions."""
    plain, cut = (hinting(2000, kind, np.random.default_rng(2)) for kind in ("successor", "shuffled"))
    assert (plain[0] == cut[0]).all()
    a, b = (part[1].max(1) for part in (plain, cut))
    assert sorted(a) == sorted(b)
    # The end mark answers about 0.46 of rows (the mean of 1/n), each number above 0.05: 0.46^2 and 12 times 0.05^2 stay.
    assert (a == b).mean() < 0.35


def test_sequences_are_no_longer_than_asked_for():
    tokens, _ = sorting(200, 1, TRAINED, np.random.default_rng(3))
    assert max(len(question(row)[0]) for row in tokens) == TRAINED
