"""Blanks, batches of one length, and scores by length."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from unseen import tasks  # noqa: E402
from unseen.atlas.studies.learners._chomsky_hierarchy_transduction import (  # noqa: E402
    Transduction,
    blanked,
    fit_transducer,
    score_by_length,
    task_vocabulary,
)
from unseen.engine.seeds import torch_generator  # noqa: E402
from unseen.errors import BadInput  # noqa: E402
from unseen.learners.architectures.recurrent import Recurrent  # noqa: E402
from unseen.training.config import TrainConfig  # noqa: E402
from unseen.training.vocabulary import EMPTY, PAD  # noqa: E402


class Backwards(nn.Module):
    """Knows the answer to reverse-string: reads the input from its end at the blanks."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, tokens):
        half = tokens.shape[1] // 2
        answer = torch.cat([tokens[:, :half], tokens[:, :half].flip(1)], 1)
        return nn.functional.one_hot(answer, self.size).float()


def test_blanks_follow_the_input_and_labels_stand_at_the_blanks():
    task = tasks.load("reverse-string")
    vocabulary = task_vocabulary(task, 5)
    example = task.draw(3, length=5)
    tokens, labels = blanked(task, [example], vocabulary)
    assert tokens[0].tolist() == vocabulary.encode(list(example.input)) + [EMPTY] * 5
    assert labels[0].tolist() == [PAD] * 5 + vocabulary.encode(list(example.target))


def test_answers_of_different_lengths_share_blanks_and_only_their_own_count():
    task = tasks.load("stack-manipulation")
    vocabulary = task_vocabulary(task, 8)
    examples = [task.draw(seed, length=8) for seed in range(20)]
    tokens, labels = blanked(task, examples, vocabulary)
    assert ((labels != PAD).sum(1) == torch.tensor([len(e.target) for e in examples])).all()
    assert (tokens[:, 8:] == EMPTY).all()
    assert tokens.shape[1] == 8 + max(len(e.target) for e in examples)


def test_inputs_of_two_lengths_are_refused():
    task = tasks.load("reverse-string")
    with pytest.raises(BadInput, match=r"one length, got \[3, 4\]"):
        blanked(task, [task.draw(0, length=3), task.draw(0, length=4)], task_vocabulary(task, 4))


def test_a_model_that_knows_the_answer_scores_one_at_every_length_and_chance_without():
    task, rng = tasks.load("reverse-string"), np.random.default_rng(0)
    vocabulary = task_vocabulary(task, 5)
    assert score_by_length(Backwards(len(vocabulary)), task, [3, 7, 30], 10, vocabulary, rng) == {3: 1, 7: 1, 30: 1}

    class Always(Backwards):
        def forward(self, tokens):
            return super().forward(torch.full_like(tokens, vocabulary.numbers["a"]))

    # 600 fair bits: a sixteenth of an upper bound of 4 sd, 4 * sqrt(0.25 / 600) = 0.082.
    assert abs(score_by_length(Always(len(vocabulary)), task, [30], 20, vocabulary, rng)[30] - 0.5) < 0.082


def test_loss_and_scores_count_answer_tokens_only():
    task = tasks.load("reverse-string")
    vocabulary = task_vocabulary(task, 4)
    tokens, labels = blanked(task, [task.draw(s, length=4) for s in range(6)], vocabulary)
    wide = {"tokens": nn.functional.pad(tokens, (0, 5))[None], "labels": nn.functional.pad(labels, (0, 5))[None]}
    objective, model = Transduction(), Recurrent(len(vocabulary), 8, "rnn")
    loss, share = objective.scores(model, wide)
    logits = model(tokens)[:, 4:]
    expected = -logits.log_softmax(-1).gather(2, labels[:, 4:, None]).mean()
    torch.testing.assert_close(loss[0], expected)
    torch.testing.assert_close(objective.loss(model, objective.trim(wide)), expected)
    assert float(share) == pytest.approx(float((logits.argmax(-1) == labels[:, 4:]).float().mean()))


def test_an_rnn_learns_parity_and_carries_it_beyond_the_training_length():
    task = tasks.load("parity-check")
    vocabulary = task_vocabulary(task, 6)
    config = TrainConfig(steps=400, batch_size=1, lr=1e-2, clip=1.0, eval_every=50, stop_at=1.0, train_eval=40)

    def run(seed):
        return fit_transducer(
            lambda v: Recurrent(len(v), 24, "lstm"), task, 6, vocabulary, config, torch_generator(seed), batches=200
        )

    model, history = run(0)
    assert history.history[0][3] < 0.8 < history.history[-1][3]
    scores = score_by_length(model, task, [12, 16], 100, vocabulary, np.random.default_rng(1))
    assert min(scores.values()) > 0.8
    again, _ = run(0)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_a_row_is_a_batch_and_other_batch_sizes_are_refused():
    task = tasks.load("parity-check")
    vocabulary = task_vocabulary(task, 4)
    with pytest.raises(BadInput, match="batch_size=1, got 32"):
        fit_transducer(
            Recurrent(len(vocabulary), 8), task, 4, vocabulary, TrainConfig(batch_size=32), torch_generator(0)
        )
