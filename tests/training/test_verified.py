"""Scores by verifier agree with decoding everything and verifying all of it."""

from __future__ import annotations

import numpy as np

from unseen.data import Examples
from unseen.engine.seeds import torch_generator
from unseen.learners.architectures.transformer import Transformer
from unseen.tasks.logic.scylla import Scylla
from unseen.training import TrainConfig, fit_sequences
from unseen.training.testbeds.verified import verified


def test_only_missed_items_are_decoded_and_scores_are_those_of_decoding_all() -> None:
    task = Scylla(ceiling=8)
    items = task.draw_many(120, 3, problem="three-sum-multiple-of-ten", length=(6, 7), elements=("id", "ood"))
    examples: Examples = task.to_examples(items)
    config = TrainConfig(steps=80, batch_size=32, lr=1e-2, eval_every=80, train_eval=8)
    fitted = fit_sequences(
        lambda v: Transformer(len(v), width=16, layers=1, heads=2, position="rotary"),
        examples, None, config, torch_generator(0, "verified"), layout="lm",
    )  # fmt: skip
    asked: list[int] = []

    def verify(row: int, answer: list[str]) -> float:
        asked.append(row)
        return task.verify(items[row], answer)

    found = verified(fitted, examples, verify)
    answers, _ = fitted.predict(examples)
    whole = np.array([task.verify(item, answer) for item, answer in zip(items, answers, strict=True)])
    np.testing.assert_array_equal(found, whole)
    exact = fitted.accuracy(examples)
    assert asked == np.flatnonzero(exact < 1).tolist()
    # Other right answers than the target are counted.
    assert found.sum() > exact.sum() > 0
