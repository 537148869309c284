"""How many examples a measure of a network looks at: by the multiplications that one takes, not by its weights alone."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.checks._networks import FEW, QUICK, WORK, affordable, multiplications  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402

Y = torch.arange(20) % 2


def network(module, inputs):
    sample = Sample.of((inputs, Y))
    return Network.of(module, sample), sample


def test_a_weight_of_a_convolution_counts_at_each_place():
    conv = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
    # 3·3·3·4 weights at 36 places, 288 once; offsets: 4 and 2.
    assert multiplications(*network(conv, torch.zeros(20, 3, 6, 6))) == 108 * 36 + 288 + 6


def test_a_perceptron_counts_each_weight_once_and_one_that_is_used_at_each_vector_as_often():
    assert multiplications(*network(nn.Linear(5, 2), torch.zeros(20, 5))) == 12
    at_each = nn.Sequential(nn.Linear(5, 3, bias=False), nn.Flatten(), nn.Linear(12, 2, bias=False))
    assert multiplications(*network(at_each, torch.zeros(20, 4, 5))) == 15 * 4 + 24


def test_a_layer_that_is_used_twice_counts_twice():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Linear(2, 2, bias=False)

        def forward(self, x):
            return self.one(self.one(x))

    assert multiplications(*network(Twice(), torch.zeros(20, 2))) == 8


def test_fewer_examples_go_through_what_takes_longer():
    light = network(nn.Linear(5, 2), torch.zeros(20, 5))
    assert affordable(*light, 1_000, 120) == 1_000
    passes = round(QUICK / 6 / 12 / 500)
    assert affordable(*light, 1_000, passes) in (499, 500)
    # Not below what can be told, unless that takes too long altogether.
    assert affordable(*light, 1_000, 10 * passes) == FEW
    assert affordable(*light, 1_000, 10 * passes, 700) == 700
    assert affordable(*light, 1_000, int(WORK / 6 / 12 / 30)) == 30
