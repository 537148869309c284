"""Scene encoders: padding does not count, both streams do, and a scene question is written as tensors and back."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen import tasks, training  # noqa: E402
from unseen.engine.seeds import seeded_torch, torch_generator  # noqa: E402
from unseen.errors import BadInput  # noqa: E402
from unseen.learners.architectures.scenes import (  # noqa: E402
    CrossAttentionScene,
    PerceiverScene,
    RecurrentScene,
    TransformerScene,
)
from unseen.training.config import TrainConfig  # noqa: E402
from unseen.training.testbeds.scenes import SYMBOLS, answers, scene_tensors  # noqa: E402

SIZES = (len(SYMBOLS), len(answers(3)))
BUILD = {
    "rnn": lambda: RecurrentScene(*SIZES, 16, "rnn", longest=24, cells=9),
    "gru": lambda: RecurrentScene(*SIZES, 16, "gru", longest=24, cells=9),
    "transformer": lambda: TransformerScene(*SIZES, 16, 1, 2, longest=24, cells=9),
    "cross": lambda: CrossAttentionScene(*SIZES, 16, 1, 2, longest=24, cells=9),
    "perceiver": lambda: PerceiverScene(*SIZES, 16, 2, 2, longest=24, cells=9),
}


def some(n, depth=2):
    return tasks.load("gcog", side=3).draw_many(n, 0, depth=depth, distractors=(1, 3))


def test_tensors_say_what_the_item_says():
    examples = some(20)
    (words, grid), labels = scene_tensors(examples, 24, side=3)
    for row, e in enumerate(examples):
        at = list(e.input).index("|")
        assert [SYMBOLS[i] for i in words[row] if i] == list(e.input)[:at]
        assert ["".join(SYMBOLS[i] for i in cell).replace("..", ".") for cell in grid[row]] == list(e.input)[at + 1 :]
        assert [answers(3)[labels[row]]] == list(e.target)


def test_a_grid_or_instruction_of_another_size_is_refused():
    with pytest.raises(BadInput, match="9 cells; at most 24 and exactly 25 fit"):
        scene_tensors(some(1), 24, side=5)
    with pytest.raises(BadInput, match="at most 3 and exactly 9 fit"):
        scene_tensors(some(1), 3, side=3)


@pytest.mark.parametrize("name", BUILD)
@torch.no_grad()
def test_padding_is_not_seen_and_both_streams_are(name):
    with seeded_torch(0):
        model = BUILD[name]().eval()
    examples = [e for e in some(40) if list(e.input).index("|") <= 16][:6] or some(6)
    length = max(list(e.input).index("|") for e in examples)
    (short, grid), _ = scene_tensors(examples, length, side=3)
    (long, _), _ = scene_tensors(examples, 24, side=3)
    base = model(short, grid)
    assert base.shape == (len(examples), SIZES[1])
    if name in ("rnn", "gru"):
        # Zeros before the first word move the state through the biases; its words stay in place and order.
        assert torch.isfinite(model(long, grid)).all()
    else:
        torch.testing.assert_close(model(long, grid), base, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(model(short, grid.flip(1)), base, atol=1e-6)
    other = torch.where(short == SYMBOLS.index("red"), SYMBOLS.index("blue"), short)
    changed = (other != short).any(1)
    assert changed.any()
    assert not torch.allclose(model(other, grid)[changed], base[changed], atol=1e-6)


@torch.no_grad()
def test_a_recurrent_scene_reads_the_words_last_to_the_right():
    with seeded_torch(0):
        model = BUILD["gru"]().eval()
    words, grid = torch.tensor([[5, 6, 7, 0, 0]]), torch.randint(1, 9, (1, 9, 2))
    vectors, cells, _ = model.inputs(words, grid)
    turned = torch.cat([torch.zeros(1, 2, 16), vectors[:, :3], cells], 1)
    torch.testing.assert_close(model(words, grid), model.out(model.cell(turned)[0][:, -1]))


@pytest.mark.slow
def test_a_cross_attention_scene_finds_an_object():
    task = tasks.load("gcog", side=3)
    examples = task.draw_many(600, 1, depth=1, distractors=(1, 3), operators="get_location")
    inputs, target = scene_tensors(examples, 3, side=3)
    split = (tuple(x[:500] for x in inputs), target[:500]), (tuple(x[500:] for x in inputs), target[500:])
    fitted = training.fit_tensors(
        lambda: CrossAttentionScene(*SIZES, 32, 1, 2, longest=3, cells=9), split[0], {"seen": split[1]},
        TrainConfig(steps=300, batch_size=64, lr=3e-3, eval_every=50, stop_at=0.9, stop_on="seen"), torch_generator(0),
    )  # fmt: skip
    # Nine cells: a guess is right in 11 % of cases.
    assert fitted.final("seen") > 0.5
    assert np.isfinite(fitted.losses(split[1])).all()
