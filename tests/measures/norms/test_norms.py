"""Norms of weights against slow ones: matrices, all paths one by one, closed forms."""

import math
from itertools import product

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.engine.seeds import seeded_torch, torch_generator  # noqa: E402
from unseen.errors import BadInput  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.norms.norms import distance, layer_norms, path_norm, products  # noqa: E402


def made(seed=0, *layers):
    with seeded_torch(seed):
        net = nn.Sequential(*(kind() for kind in layers))
        x = torch.randn(6, 5)
    return Network.of(net, Sample(x, torch.tensor([0, 1, 2, 0, 1, 2]))), x


def perceptron(seed=0):
    return made(seed, lambda: nn.Linear(5, 4), nn.ReLU, lambda: nn.Linear(4, 3))


def test_a_path_norm_is_the_sum_over_all_paths():
    net, _ = perceptron()
    first, second = (net.module[k].requires_grad_(False) for k in (0, 2))
    total = 0.0
    for i, h, o in product(range(5), range(4), range(3)):
        total += float(first.weight[h, i] * second.weight[o, h]) ** 2
    for h, o in product(range(4), range(3)):
        total += float(first.bias[h] * second.weight[o, h]) ** 2
    total += sum(float(second.bias[o]) ** 2 for o in range(3))
    assert path_norm(net, (5,)) == pytest.approx(math.sqrt(total), rel=1e-6)


def test_scaling_a_layer_up_and_the_next_one_down_leaves_paths_and_products_alone():
    net, x = perceptron()
    before = path_norm(net, (5,)), products(layer_norms(net, x[:1], generator=torch_generator(0)))["spectral"]
    with torch.no_grad():
        for value, by in ((net.module[0].weight, 3.0), (net.module[0].bias, 3.0), (net.module[2].weight, 1 / 3)):
            value *= by
    assert path_norm(net, (5,)) == pytest.approx(before[0], rel=1e-5)
    assert products(layer_norms(net, x[:1], generator=torch_generator(0)))["spectral"] == pytest.approx(
        before[1], abs=1e-5
    )


def test_the_spectral_norm_of_a_convolution_is_that_of_its_matrix():
    with seeded_torch(3):
        net = nn.Sequential(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(27, 2))
        x = torch.randn(4, 2, 6, 6)
    network = Network.of(net, Sample(x, torch.tensor([0, 1, 0, 1])))
    found = {one.name: one for one in layer_norms(network, x[:1], generator=torch_generator(1))}
    columns = []
    for k in range(72):
        unit = torch.zeros(72)
        unit[k] = 1
        columns.append((net[0](unit.reshape(1, 2, 6, 6)) - net[0](torch.zeros(1, 2, 6, 6))).reshape(-1))
    matrix = torch.stack(columns, 1).double().detach()
    assert found["0"].spectral == pytest.approx(float(torch.linalg.matrix_norm(matrix, 2)), rel=1e-3)
    assert found["3"].spectral == pytest.approx(
        float(torch.linalg.matrix_norm(net[3].weight.detach().double(), 2)), rel=1e-6
    )
    assert math.isnan(found["0"].moved)


def test_distance_is_that_of_all_weights_and_layers_tell_their_own():
    net, x = perceptron()
    first = {k: v - 0.5 for k, v in net.trained.items()}
    assert distance(net, first) == pytest.approx(0.5 * math.sqrt(net.parameters), rel=1e-6)
    found = layer_norms(net, x[:1], generator=torch_generator(0), first=first)
    assert [round(one.moved, 4) for one in found] == [round(0.5 * math.sqrt(20), 4), round(0.5 * math.sqrt(12), 4)]


def test_what_cannot_be_had_is_said():
    net, x = made(0, lambda: nn.Linear(5, 4), nn.Tanh, lambda: nn.Linear(4, 3))
    with pytest.raises(BadInput, match="it has Tanh"):
        path_norm(net, (5,))
    with pytest.raises(BadInput, match=r"the first weights have no 0\.weight"):
        distance(net, {})
    bare, x = made(0, lambda: nn.LayerNorm(5))
    with pytest.raises(BadInput, match="no linear or convolutional layer"):
        layer_norms(bare, x[:1], generator=torch_generator(0))
