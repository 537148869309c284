"""Kronecker factors are those of brute force, equal the exact matrix where their assumption holds, and are best in their basis."""

import copy
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.errors import BadInput  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.influence import Kronecker, ekfac, exact, gradient_dot, kfac  # noqa: E402
from unseen.measures.influence.gauss_newton import GaussNewton  # noqa: E402
from unseen.measures.influence.layers import Layers  # noqa: E402
from unseen.measures.influence.output_curvature import directions  # noqa: E402


def images(n, seed, classes=3):
    rng = np.random.default_rng(seed)
    return Sample(torch.tensor(rng.normal(size=(n, 2, 5, 5))), torch.tensor(rng.integers(0, classes, n)))


def double(network):
    return replace(network, module=copy.deepcopy(network.module).double())


def read(module, sample, **more):
    given = Sample(sample.inputs.float(), sample.targets if sample.classes else sample.targets.float())
    return double(Network.of(module, given, **more))


def convolutional():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, stride=2, padding=1, padding_mode="reflect"), nn.ReLU(inplace=True),
        nn.Conv2d(3, 4, 2, dilation=2, padding="same", bias=False), nn.Tanh(), nn.Flatten(), nn.Linear(36, 3),
    )  # fmt: skip


class Shared(nn.Module):
    """One linear layer called twice, over tokens, then pooled."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.head = nn.Linear(5, 5), nn.Linear(5, 3)

    def forward(self, x):
        x = x.flatten(1, 2)
        return self.head(torch.tanh(self.layer(torch.tanh(self.layer(x)))).mean(1))


def by_layer(network, sample):
    """Gradients of single examples as matrices, the bias last, through autograd."""
    layers = Layers.of(network, sample).layers
    names = {id(p): k for k, p in network.module.named_parameters()}
    where, at = {}, 0
    for k, p in network.trained.items():
        where[k] = (at, p)
        at += p.numel()
    flat = torch.cat([g for _, g in network.gradients(sample)])
    made = []
    for layer in layers:
        start, weight = where[layer.name]
        part = [flat[:, start : start + weight.numel()].reshape(len(flat), len(weight), -1)]
        if layer.bias:
            start, bias = where[names[id(layer.modules[0].bias)]]
            part.append(flat[:, start : start + bias.numel(), None])
        made.append(torch.cat(part, 2))
    return made


@pytest.mark.parametrize("build", [convolutional, Shared])
def test_gradients_by_layers_are_those_of_autograd(build):
    sample = images(7, 0)
    network = read(build(), sample)
    layers = Layers.of(network, sample)
    assert layers.left_out == ()
    assert layers.parameters == network.parameters
    wanted, at = by_layer(network, sample), 0
    for rows, passed in layers.passes(sample, 3):
        for one, whole in zip(passed, wanted, strict=True):
            assert torch.allclose(one.of_weights(), whole[rows], atol=1e-12)
        at += 1
    assert at == 3


def test_what_is_no_linear_layer_is_named_and_left_out():
    sample = images(6, 0)
    module = nn.Sequential(nn.Flatten(), nn.LayerNorm(50), nn.Linear(50, 3))
    found = ekfac(read(module, sample), sample, sample)
    assert found.left_out == ("1.weight", "1.bias")
    grouped = nn.Sequential(nn.Conv2d(2, 2, 5, groups=2), nn.Flatten(), nn.LayerNorm(2))
    with pytest.raises(BadInput, match="has no linear or convolutional layer whose weight is trained"):
        ekfac(read(grouped, images(6, 0, 2)), images(6, 0, 2), images(6, 1, 2))


@pytest.mark.parametrize("build", [convolutional, Shared])
def test_factors_and_eigenvalues_are_those_of_brute_force(build):
    """einsum over every example, place and class; eigenvalues from whole gradients in the basis of the factors."""
    sample = images(6, 0)
    network = read(build(), sample)
    layers, n = Layers.of(network, sample), len(sample)
    plain, fitted = (Kronecker.fit(network, sample, corrected=c, draws=0, memory=50_000) for c in (False, True))
    (_, passed), = layers.passes(sample, n, lambda z, y: directions(network, z, y, 0, None))  # fmt: skip
    for layer, one, p, f in zip(layers.layers, passed, plain.factors, fitted.factors, strict=True):
        a = torch.einsum("nti,ntj->ij", one.inputs, one.inputs) / n
        s = torch.einsum("knti,kntj->ij", one.gradients, one.gradients) / n / layer.places
        whole = torch.kron(s, a)
        turned = torch.kron(p.outwards, p.inwards)
        assert torch.allclose(turned @ torch.diag(p.eigenvalues.flatten()) @ turned.T, whole, atol=1e-10)
        # Squares of gradients of single examples, one class at a time, each made whole.
        g = torch.einsum("knto,nti->knoi", one.gradients, one.inputs)
        turned_g = torch.einsum("op,knoi,ij->knpj", f.outwards, g, f.inwards)
        assert torch.allclose(f.eigenvalues, turned_g.square().sum((0, 1)) / n, atol=1e-10)
        assert f.damping == pytest.approx(0.1 * float(f.eigenvalues.mean()))


def test_eigenvalues_are_the_best_diagonal_in_their_basis():
    """‖G − Q diag(λ) Qᵀ‖ is least at λ = diag(QᵀGQ); any other, that of K-FAC too, is farther."""
    sample = images(8, 0)
    network = read(
        nn.Sequential(nn.Flatten(), nn.Linear(50, 4, bias=False), nn.Tanh(), nn.Linear(4, 3, bias=False)), sample
    )
    plain, fitted = (Kronecker.fit(network, sample, corrected=c, draws=0) for c in (False, True))
    whole = GaussNewton(network, sample).dense()
    at = 0
    for p, f in zip(plain.factors, fitted.factors, strict=True):
        block = whole[at : at + f.layer.size, at : at + f.layer.size]
        at += f.layer.size
        q = torch.kron(f.outwards, f.inwards)
        assert torch.allclose((q.T @ block @ q).diagonal(), f.eigenvalues.flatten(), atol=1e-9)

        def far(values, q=q, block=block):
            return float((block - q @ torch.diag(values.flatten()) @ q.T).norm())

        nudge = (
            0.01 * f.eigenvalues.mean() * torch.randn(f.eigenvalues.shape, generator=torch.Generator().manual_seed(0))
        )
        assert far(f.eigenvalues) < min(far(p.eigenvalues), far(f.eigenvalues + nudge), far(f.eigenvalues - nudge))


def test_in_linear_regression_all_of_them_are_exact():
    """One linear layer and squared error: G is 2·I ⊗ mean(xxᵀ), a Kronecker product, whatever the inputs are."""
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(30, 5)) @ rng.normal(size=(5, 5)))
    train = Sample(x[:25], torch.tensor(rng.normal(size=(25, 3))))
    test = Sample(x[25:], torch.tensor(rng.normal(size=(5, 3))))
    network = read(nn.Linear(5, 3, bias=False), train)
    wanted = exact(network, train, test, damping=0.3).scores
    for method in (kfac, ekfac):
        found = method(network, train, test, damping=0.3, draws=0)
        assert np.allclose(found.scores, wanted, rtol=1e-9), method
        default = Kronecker.fit(network, train, draws=0).damping
        assert default == pytest.approx(0.1 * GaussNewton(network, train).mean_eigenvalue())


def test_the_correction_brings_scores_nearer_to_the_exact_ones():
    train, test = images(60, 0), images(20, 1)
    network = read(nn.Sequential(nn.Flatten(), nn.Linear(50, 8), nn.Tanh(), nn.Linear(8, 3)), train)
    wanted = exact(network, train, test, damping=0.05).scores.ravel()
    fitted = [np.corrcoef(m(network, train, test, damping=0.05).scores.ravel(), wanted)[0, 1] for m in (ekfac, kfac)]
    plain = np.corrcoef(gradient_dot(network, train, test).scores.ravel(), wanted)[0, 1]
    assert fitted[0] > fitted[1] > plain


def test_drawn_pseudo_targets_come_to_the_expectation():
    """1,000 draws an example: entries that are means of 20,000 squares lie within a few percent of the expectation's trace."""
    train = images(20, 0)
    network = read(nn.Sequential(nn.Flatten(), nn.Linear(50, 3)), train)
    generator = torch.Generator().manual_seed(0)
    drawn = Kronecker.fit(network, train, draws=1000, generator=generator).factors[0]
    whole = Kronecker.fit(network, train, draws=0).factors[0]

    def matrix(f):
        q = torch.kron(f.outwards, f.inwards)
        return q @ torch.diag(f.eigenvalues.flatten()) @ q.T

    assert float((matrix(drawn) - matrix(whole)).norm() / matrix(whole).norm()) < 0.05


def test_scores_do_not_depend_on_the_memory_nor_on_examples_beside():
    train, test = images(9, 0), images(5, 1)
    network = read(convolutional(), train)
    fitted = Kronecker.fit(network, train)
    wide = fitted.scores(train, test).scores
    assert np.allclose(fitted.scores(train, test, memory=30_000).scores, wide, atol=1e-10)
    assert np.allclose(fitted.scores(train.take([4]), test.take([2])).scores, wide[2:3, 4:5], atol=1e-10)
    assert np.allclose(fitted.own(train), np.diag(fitted.scores(train, train).scores), atol=1e-10)


def test_pseudo_targets_have_the_variance_of_the_hessian():
    """Of each known loss: the mean of vvᵀ over 40,000 draws lies within 4 standard errors (≤ 0.05) of the Hessian."""
    torch.manual_seed(0)
    for loss, targets in (("cross-entropy", torch.tensor([0])), ("squared", torch.zeros(1, 3)), ("absolute", torch.zeros(1, 3)), ("binary", torch.tensor([1]))):  # fmt: skip
        wide = 1 if loss == "binary" else 3
        network = Network.of(nn.Linear(2, wide), Sample(torch.zeros(1, 2), targets), loss=loss)
        outputs = torch.tensor([[0.5, -1.0, 2.0][:wide]])
        many = outputs.expand(40_000, wide), targets.expand(40_000, *targets.shape[1:])
        drawn = directions(network, *many, 1, torch.Generator().manual_seed(0))[0] / 200
        whole = directions(network, outputs, targets, 0, None)
        assert torch.allclose(drawn.T @ drawn, whole[:, 0].T @ whole[:, 0], atol=0.05), loss
    with pytest.raises(BadInput, match="give a generator"):
        directions(network, outputs, targets, 1, None)
