"""Noise of gradients against closed forms."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.engine.seeds import torch_generator  # noqa: E402
from unseen.errors import TooFewUnits  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.gradients.noise import gradient_noise  # noqa: E402


def line(n, noise, seed=0):
    """A line through 0 with slope 1 where 0 is true: the gradient of an example with x = 1 is 2 (1 − y)."""
    drawn = torch.randn(n, 1, generator=torch_generator(seed, "noise")) * noise
    net = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        net.weight[...] = 1.0
    sample = Sample(torch.ones(n, 1), drawn)
    return Network.of(net, sample, loss="squared"), sample, drawn


def test_it_is_the_variance_of_the_gradients():
    net, sample, y = line(50, 0.7)
    found = gradient_noise(net, sample, memory=1 << 12)
    gradients = 2 * (1 - y[:, 0].double())
    assert found.variance == pytest.approx(float(gradients.var()), rel=1e-5)
    assert found.signal == pytest.approx(float(gradients.mean() ** 2 - gradients.var() / 50), rel=1e-4)


def test_the_scale_is_that_of_the_world_whatever_the_sample():
    # Variance 4·0.49, signal 4: the simple noise scale is 0.49.
    scales = [gradient_noise(*line(400, 0.7, seed)[:2]).scale for seed in range(30)]
    # The relative spread of one scale is about √(2/400 + 4·0.49/400) = 0.1, of their mean 0.018; four of these.
    assert sum(scales) / 30 == pytest.approx(0.49, rel=0.075)


def test_one_example_has_no_noise():
    net, sample, _ = line(8, 1.0)
    with pytest.raises(TooFewUnits, match="needs 2 examples, got 1"):
        gradient_noise(net, sample.take([0]))
