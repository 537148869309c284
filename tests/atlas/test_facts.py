"""Facts become tensors without loss, and the reader sees no padding."""

from __future__ import annotations

import torch

from unseen.atlas.studies.learners._grokked_transformers_facts import FactReader, FactSets
from unseen.engine.seeds import seeded_torch
from unseen.tasks.knowledge.facts import TwoHopFacts

TASK = TwoHopFacts(entities=8, relations=4, degree=4, ood_share=0.25, ratio=1.5)


def test_every_fact_lands_in_its_set_with_its_answer() -> None:
    sets = FactSets.of(TASK, atomic_copies=2)
    atomic = sum(row[2] == "atomic" for row in TASK.rows)
    assert len(sets.train[1]) == len(sets.fitted[1]) + 2 * atomic
    assert len(sets.fitted[1]) + len(sets.seen[1]) + len(sets.unseen[1]) + atomic == len(TASK.rows)
    names = {number: word for word, number in sets.words.items()}
    answers = {row[0]: row[1] for row in TASK.rows}
    for part in (sets.train, sets.seen, sets.unseen):
        (tokens, places), targets = part
        for row, place, target in zip(tokens.tolist(), places.tolist(), targets.tolist(), strict=True):
            assert answers[tuple(names[t] for t in row[: place + 1])] == names[target]


def test_what_stands_behind_the_question_plays_no_part() -> None:
    with seeded_torch(0):
        model = FactReader(20)
    place = torch.tensor([1])
    torch.testing.assert_close(model(torch.tensor([[3, 4, 0]]), place), model(torch.tensor([[3, 4, 9]]), place))
    assert model.body.out.weight is model.body.embedding.weight
