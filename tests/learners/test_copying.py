"""The copying LSTM: a distribution at each step, steps that agree with whole sequences, and words it never wrote."""

import polars as pl
import pytest
import torch

from unseen.data import Examples
from unseen.engine.seeds import torch_generator
from unseen.learners.architectures.copying import CopyingLSTM
from unseen.training import TrainConfig, fit_sequences
from unseen.training.vocabulary import Vocabulary

torch.set_num_threads(1)


@pytest.mark.parametrize("copy", [True, False])
def test_outputs_are_log_probabilities_and_padding_does_not_matter(copy):
    torch.manual_seed(0)
    model = CopyingLSTM(12, 8, copy=copy).eval()
    source, target = torch.tensor([[5, 6, 7], [8, 9, 0]]), torch.tensor([[1, 5, 6], [1, 8, 9]])
    out = model(source, target)
    torch.testing.assert_close(out.exp().sum(-1), torch.ones(2, 3))
    torch.testing.assert_close(model(source[1:, :2], target[1:]), out[1:])


@pytest.mark.parametrize("copy", [True, False])
def test_steps_are_the_whole_sequence(copy):
    torch.manual_seed(1)
    model = CopyingLSTM(12, 8, copy=copy).eval()
    source, target = torch.tensor([[5, 6, 7], [8, 9, 0]]), torch.tensor([[1, 5, 6], [1, 8, 9]])
    whole, state = model(source, target), model.start(source, 9)
    for i in range(3):
        one, state = model.step(target[:, i], state)
        torch.testing.assert_close(one, whole[:, i])


def test_the_mixture_is_that_of_the_slow_way():
    torch.manual_seed(2)
    model = CopyingLSTM(10, 6).eval()
    source, target = torch.tensor([[5, 6, 5]]), torch.tensor([[1]])
    memory, (hidden, cell) = model._encode(source)
    x = model.embedding(target)
    read = model.decoder(x, (hidden, cell))[0][0, 0]
    weight = torch.stack([model.score(read) @ m for m in memory[0]]).softmax(0)
    context = sum(w * m for w, m in zip(weight, memory[0], strict=True))
    written = model.out(torch.tanh(model.mix(torch.cat([read, context])))).softmax(0)
    gate = model.gate(torch.cat([read, context, x[0, 0]])).sigmoid()
    expected = gate * written
    for w, token in zip(weight, source[0], strict=True):
        expected[token] = expected[token] + (1 - gate[0]) * w
    torch.testing.assert_close(model(source, target)[0, 0].exp(), expected)


def test_it_copies_words_that_no_target_held_and_plain_attention_can_not():
    def rows(words):
        # The answer is the word after "is".
        inputs = [f"a {x} is {w} and {y}" for w in words for x in "pq" for y in "rs"]
        return Examples(pl.DataFrame({"input": inputs, "target": [f"say {t.split()[3]}" for t in inputs]}))

    seen, unseen = rows([f"w{i}" for i in range(60)]), rows([f"u{i}" for i in range(10)])
    right = []
    for copy in (True, False):
        fitted = fit_sequences(
            lambda v, copy=copy: CopyingLSTM(len(v), 24, copy=copy), seen, None,
            TrainConfig(steps=250, batch_size=32, lr=1e-2, eval_every=250), torch_generator(0, "copy"),
            vocabulary=Vocabulary.of(seen, unseen),
        )  # fmt: skip
        right.append(fitted.accuracy(unseen).mean())
    assert right[0] > 0.8
    assert right[1] < 0.1
