"""Curvature is that of the whole Hessian; adaptive sharpness does not change with the scale of the weights."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.errors import Undefined  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.sharpness.sharpness import Surface, adaptive_sharpness, curvature, fisher_rao  # noqa: E402


def tanh_net(seed=0):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sample = Sample.of((rng.normal(size=(30, 3)).astype("float32"), rng.integers(0, 3, 30)))
    return Network.of(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)), sample), sample


def hessian(network, sample):
    surface = Surface(network, sample)
    p = len(surface.weights)
    return torch.stack([surface.product(surface.weights, row) for row in torch.eye(p)]).double().numpy(), surface


def test_products_are_those_of_the_whole_hessian():
    network, sample = tanh_net()
    made, surface = hessian(network, sample)
    whole = torch.autograd.functional.hessian(
        lambda w: surface._part(w, slice(0, len(sample))) / len(sample), surface.weights
    )
    assert np.allclose(made, whole.numpy(), atol=1e-5)


def test_largest_eigenvalue_and_trace_are_those_of_the_whole_hessian():
    network, sample = tanh_net()
    made, _ = hessian(network, sample)
    found = curvature(network, sample, generator=torch.Generator().manual_seed(0), probes=200)
    assert found.largest == pytest.approx(float(np.linalg.eigvalsh((made + made.T) / 2)[-1]), rel=1e-3)
    assert found.trace.low <= np.trace(made) <= found.trace.high
    assert found.trace.width < abs(np.trace(made))


def rescaled(factor):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 3))
    with torch.no_grad():
        net[0].weight.mul_(factor)
        net[0].bias.mul_(factor)
        net[2].weight.div_(factor)
    return net


def test_rescaling_changes_curvature_and_leaves_adaptive_sharpness_and_fisher_rao_alone():
    sample = tanh_net()[1]
    one, ten = (Network.of(rescaled(f), sample) for f in (1.0, 10.0))
    assert torch.allclose(one.outputs(sample.inputs), ten.outputs(sample.inputs), atol=1e-5)
    drawn = torch.Generator().manual_seed(0)
    assert curvature(ten, sample, generator=drawn).largest > 5 * curvature(one, sample, generator=drawn).largest
    assert adaptive_sharpness(ten, sample) == pytest.approx(adaptive_sharpness(one, sample), rel=1e-3)
    assert fisher_rao(ten, sample) == pytest.approx(fisher_rao(one, sample), rel=1e-3)


def test_adaptive_sharpness_of_a_quadratic_is_the_largest_in_the_ellipse():
    # Loss (w·x)²/2 of one example at w = (a, 0): L(w + |w| e) = (a (1 + e₁) x₁)²/2, largest at e₁ = radius.
    net = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[2.0, 0.0]]))
    sample = Sample.of((np.array([[3.0, 1.0]]), [0.0]))
    network = Network.of(net, sample, loss=lambda o, y: 0.5 * (o[:, 0] - y) ** 2)
    assert adaptive_sharpness(network, sample, radius=0.5) == pytest.approx(18 * (1.5**2 - 1), rel=1e-4)
    # At the radius the ascent has found the maximum over many random directions too.
    assert fisher_rao(network, sample) == pytest.approx(36.0**2, rel=1e-5)


def test_the_ascent_finds_at_least_what_random_directions_find():
    network, sample = tanh_net(3)
    surface = Surface(network, sample)
    rng = torch.Generator().manual_seed(0)
    size, start = surface.weights.abs(), surface.loss(surface.weights)
    drawn = [torch.randn(len(size), generator=rng) for _ in range(300)]
    best = max(surface.loss(surface.weights + 0.5 * size * d / d.norm()) for d in drawn) - start
    assert adaptive_sharpness(network, sample, radius=0.5) >= best


class ByNumpy(nn.Module):
    """Code that leaves torch on the way, which no transform of functions lets through."""

    def __init__(self):
        super().__init__()
        self.net = tanh_net()[0].module

    def forward(self, x):
        scale = 1.0 + float(np.abs(x.detach().numpy()).max() > 0)
        return self.net(x) * scale


def test_code_that_leaves_torch_has_the_same_curvature():
    _, sample = tanh_net()
    odd = Network.of(ByNumpy(), sample)
    plain = Network.of(nn.Sequential(ByNumpy().net, Twice()), sample)
    drawn = [torch.Generator().manual_seed(0) for _ in range(2)]
    assert curvature(odd, sample, generator=drawn[0]) == curvature(plain, sample, generator=drawn[1])
    assert adaptive_sharpness(odd, sample) == adaptive_sharpness(plain, sample)


class Twice(nn.Module):
    def forward(self, x):
        return 2 * x


def test_a_loss_that_is_linear_in_the_weights_has_no_curvature():
    sample = Sample.of((np.ones((12, 2), dtype="float32"), np.ones(12)))
    network = Network.of(nn.Linear(2, 1), sample, loss=lambda o, y: o[:, 0] * y)
    with pytest.raises(Undefined, match="linear in the weights"):
        curvature(network, sample, generator=torch.Generator().manual_seed(0))
