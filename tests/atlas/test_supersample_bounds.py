"""The learner of the study is softmax regression as torch trains it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.atlas.studies.measures import supersample_bounds as study  # noqa: E402


def test_descent_on_the_difference_is_descent_on_both_rows():
    rng = np.random.default_rng(0)
    x, y = study.drawn_pairs(8, rng)
    mask = rng.integers(0, 2, (1, 1, 8))
    told = study.retrained(x[None], y[None], mask, 0.1, 40, np.random.default_rng(5))[0, 0]
    # The same initial weights, two outputs, cross-entropy, and the same stop.
    spread = 1 / np.sqrt(5)
    first = np.random.default_rng(5).uniform(-spread, spread, (2, 1, 1, 6)).astype(np.float32)[:, 0, 0]
    net = torch.nn.Linear(5, 2)
    with torch.no_grad():
        net.weight.copy_(torch.tensor(first[:, :5]))
        net.bias.copy_(torch.tensor(first[:, 5]))
    rows = np.arange(8)
    inputs = torch.tensor(x[rows, mask[0, 0]], dtype=torch.float32)
    classes = torch.tensor(y[rows, mask[0, 0]])
    by = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(40):
        by.zero_grad()
        outputs = net(inputs)
        torch.nn.functional.cross_entropy(outputs, classes).backward()
        by.step()
        if float((outputs.argmax(1) == classes).double().mean()) >= study.ENOUGH:
            break
    values = net(torch.tensor(x.reshape(16, 5), dtype=torch.float32))
    assert told.reshape(-1).tolist() == values.argmax(1).tolist()


def test_shuffled_masks_tell_nothing_and_a_learner_by_heart_all():
    rng = np.random.default_rng(0)
    heart = study.by_heart(rng)
    assert heart.interpolating() == pytest.approx(heart.gap, rel=0.1)
    assert study.shuffled(heart, rng).difference() < 0.1 * heart.difference()
    assert study.mean_ratio([1.0, 4.0], [1.0, 1.0]) == pytest.approx(2)
