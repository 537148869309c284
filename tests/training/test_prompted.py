"""Decoders on generated tasks: items from seeds, positions up to the longest test, answers by exact match."""

import pytest

torch = pytest.importorskip("torch")

from unseen import tasks  # noqa: E402
from unseen.engine.seeds import torch_generator  # noqa: E402
from unseen.training.config import TrainConfig  # noqa: E402
from unseen.training.testbeds.prompted import fit_decoder, items  # noqa: E402


def test_items_are_a_function_of_seed_and_options_and_may_repeat():
    task = tasks.load("parity")
    one, two, other = (items(task, 50, seed, length=(1, 3)) for seed in (0, 0, 1))
    assert one.table.equals(two.table)
    assert not one.table.equals(other.table)
    # 14 different strings of up to three bits.
    assert one.table["item"].n_unique() <= 14
    assert all(len(x) <= 3 for x in one.table["input"])


def test_a_decoder_learns_the_most_frequent_symbol_and_answers_as_it_is_scored():
    task = tasks.load("mode")
    longer = items(task, 100, 1, length=12)
    config = TrainConfig(steps=250, batch_size=64, lr=3e-3, warmup=20, clip=1.0, eval_every=50)
    fitted = fit_decoder(
        items(task, 3000, 0, length=(1, 6)), {"longer": longer}, config, torch_generator(0), width=32, layers=1
    )
    # Begin mark, 12 symbols, question mark, answer, end mark.
    assert fitted.model.positions.longest == 16
    right = fitted.accuracy(longer)
    # Five symbols: a guess is right in 20 %.
    assert right.mean() > 0.6
    assert fitted.final("longer") == pytest.approx(right.mean())
    answers, _ = fitted.predict(longer)
    written = [task.verify(example, answer) for example, answer in zip(_examples(longer), answers, strict=True)]
    assert written == right.tolist()


def _examples(examples):
    from unseen.tasks.base import Example

    return [Example(row["item"], row["input"], row["target"], {}) for row in examples]
