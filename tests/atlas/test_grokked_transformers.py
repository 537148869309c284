"""What the study of grokking measures: when a share is reached, shuffled inferences, facts that are known."""

import pytest

pytest.importorskip("torch")

import polars as pl
import torch

from unseen.atlas.studies.learners._grokked_transformers_facts import FactSets
from unseen.atlas.studies.learners.grokked_transformers import (
    EVERY,
    Grown,
    crossing,
    joined,
    known_facts,
    shuffled,
)
from unseen.engine.seeds import torch_generator
from unseen.tasks.knowledge.facts import TwoHopFacts
from unseen.training.config import TrainConfig
from unseen.training.fitting import Fitted
from unseen.training.objectives.tensors import Tensors


class Knows(torch.nn.Module):
    """Answers by a table of questions; what is not in it is answered with word 1."""

    def __init__(self, sets, part, words):
        super().__init__()
        (tokens, _), answer = part
        self.table = {tuple(t): int(a) for t, a in zip(tokens.tolist(), answer.tolist(), strict=True)}
        self.words = words

    def forward(self, tokens, place):
        answer = torch.tensor([self.table.get(tuple(t), 1) for t in tokens.tolist()])
        return torch.nn.functional.one_hot(answer, self.words).float()


def grown(sets, model=None, curve=()):
    rows = [{"step": s, "split": "seen", "loss": 0.0, "accuracy": a, "seconds": 0.0} for s, a in curve]
    config = TrainConfig(steps=100)
    return Grown(sets, Fitted(model, pl.DataFrame(rows), "", 0.0, 100, Tensors(), config))


@pytest.fixture(scope="module")
def world():
    task = TwoHopFacts(entities=10, relations=6, degree=6, ratio=3.0, ood_share=0.2, world=3)
    return task, FactSets.of(task)


def test_a_share_is_reached_at_its_first_evaluation_or_one_past_the_end(world):
    run = grown(world[1], curve=[(0, 0.0), (25, 0.5), (50, 0.9), (75, 0.8), (100, 1.0)])
    assert (run.reaches("seen", 0.9), run.reaches("seen", 0.4), run.reaches("seen", 0.95)) == (50, 25, 100)
    assert grown(world[1], curve=[(0, 0.0), (100, 0.5)]).reaches("seen", 0.9) == 100 + EVERY
    assert run.at("seen", 60) == 0.9


def test_shuffling_moves_answers_of_inferences_alone(world):
    _, sets = world
    mixed = shuffled(sets, torch_generator(1))
    inferred = sets.train[0][1] == 2
    assert inferred.any()
    assert not inferred.all()
    assert torch.equal(mixed.train[1][~inferred], sets.train[1][~inferred])
    assert torch.equal(mixed.train[1][inferred].sort().values, sets.train[1][inferred].sort().values)
    # Ten entities: by chance about a tenth of the answers stays right.
    assert float((mixed.train[1][inferred] == sets.train[1][inferred]).float().mean()) < 0.35


def test_known_facts_are_the_atomic_ones_out_of_distribution(world):
    task, sets = world
    words = len(sets.words) + 1
    share, n = known_facts(task, grown(sets, Knows(sets, sets.train, words)))
    assert (share, n) == (1.0, 12)
    assert known_facts(task, grown(sets, Knows(sets, sets.seen, words)))[0] < 0.5


def test_facts_are_joined_one_below_the_other(world):
    _, sets = world
    both = joined(sets.seen, sets.unseen)
    assert torch.equal(both[1], torch.cat([sets.seen[1], sets.unseen[1]]))
    assert torch.equal(both[0][0], torch.cat([sets.seen[0][0], sets.unseen[0][0]]))
    assert torch.equal(both[0][1], torch.cat([sets.seen[0][1], sets.unseen[0][1]]))


def test_crossing_inferences_join_one_fact_out_of_distribution_and_one_in_it(world):
    task, sets = world
    (tokens, place), answers = crossing(task, sets.words)
    names = {number: word for word, number in sets.words.items()}
    ood = {row[0] for row in task.rows if row[2] == "atomic" and row[3] == "ood"}
    found = [tuple(names[i] for i in row) for row in tokens.tolist()]
    for (head, first, second), answer in zip(found, answers.tolist(), strict=True):
        middle = task.facts[int(head[1:]), int(first[1:])]
        assert ((head, first) in ood) + ((f"e{middle}", second) in ood) == 1
        assert names[answer] == f"e{task.facts[middle, int(second[1:])]}"
    assert set(place.tolist()) == {2}
    # Every first fact has six that may follow: all chains are ID, OOD, or cross.
    asked = {row[0] for row in task.rows if row[2] == "inferred"}
    assert len(set(found)) == len(found) == 6 * len(task.facts) - len(asked)
    assert not set(found) & asked
