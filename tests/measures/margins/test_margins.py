"""Margins are the distances that geometry says, for linear classifiers and for networks whose boundary is known."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.errors import BadInput, Undefined  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.margins.margins import (  # noqa: E402
    hidden_margins,
    input_margins,
    layers,
    output_margins,
    principal_directions,
)


def linear(classes=3, width=5, seed=0):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sample = Sample.of((rng.normal(size=(40, width)).astype("float32"), rng.integers(0, classes, 40)))
    return Network.of(nn.Linear(width, classes), sample), sample


def exact(network, sample, basis=None):
    """Distance to the nearest hyperplane between the answer and another class."""
    weight, bias = (p.detach().double().numpy() for p in network.module.parameters())
    made = []
    for x in sample.inputs.double().numpy():
        f = weight @ x + bias
        i = int(f.argmax())
        gaps = []
        for j in range(len(f)):
            if j != i:
                w = weight[i] - weight[j]
                w = w if basis is None else basis.T @ (basis @ w)
                gaps.append((f[i] - f[j]) / np.linalg.norm(w))
        made.append(min(gaps))
    return np.array(made)


def test_output_margin_is_negative_where_the_answer_is_wrong():
    network, sample = linear()
    right = network.outputs(sample.inputs).argmax(1) == sample.targets
    assert ((output_margins(network, sample) > 0) == right.numpy()).all()


def test_input_margins_of_a_linear_classifier_are_distances_to_hyperplanes():
    network, sample = linear()
    assert np.allclose(input_margins(network, sample), exact(network, sample), rtol=1e-3, atol=1e-4)


def test_constrained_margins_stay_within_the_directions_of_the_data():
    network, sample = linear()
    basis = principal_directions(sample, 0.5)
    assert torch.allclose(basis @ basis.T, torch.eye(len(basis)), atol=1e-5)
    got = input_margins(network, sample, within=basis)
    assert np.allclose(got, exact(network, sample, basis.double().numpy()), rtol=1e-3, atol=1e-4)
    assert (got >= input_margins(network, sample) - 1e-4).all()


def test_principal_directions_are_those_of_scikit_learn():
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6)) * [5, 3, 1, 0.5, 0.2, 0.1]
    ours = principal_directions(Sample.of((x, np.zeros(200, dtype=int))), 0.9).numpy()
    theirs = PCA(0.9).fit(x).components_
    assert ours.shape == theirs.shape
    assert np.allclose(abs((ours * theirs).sum(1)), 1, atol=1e-4)


class Circle(nn.Module):
    """Answers 1 outside a circle of radius 2."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return torch.stack([torch.full((len(x),), 4.0), self.scale * x.square().sum(1)], 1)


def test_the_search_finds_a_curved_boundary():
    x = np.array([[0.5, 0.0], [1.0, 1.0], [3.0, 0.0], [0.0, -1.9]], dtype="float32")
    sample = Sample.of((x, [0, 0, 1, 0]))
    got = input_margins(Network.of(Circle(), sample), sample)
    assert np.allclose(got, abs(np.linalg.norm(x, axis=1) - 2), atol=1e-3)


def test_hidden_margin_of_the_inputs_of_a_linear_network_is_its_distance_over_the_spread():
    network, sample = linear(classes=2)
    got = hidden_margins(network, sample, "")
    x = sample.inputs.double().numpy()
    signed = np.where(output_margins(network, sample) > 0, 1, -1) * exact(network, sample)
    assert np.allclose(got, signed / np.sqrt(x.var(0).sum()), rtol=1e-4)


def test_hidden_margins_do_not_change_with_the_scale_of_a_layer():
    sample = linear()[1]
    torch.manual_seed(0)
    one = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    torch.manual_seed(0)
    two = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    with torch.no_grad():
        two[0].weight.mul_(10)
        two[0].bias.mul_(10)
        two[2].weight.div_(10)
    a, b = (hidden_margins(Network.of(net, sample), sample, "1") for net in (one, two))
    assert np.allclose(a, b, rtol=1e-4)
    assert layers(Network.of(one, sample)) == ("0", "1")


def test_one_logit_has_margins_too():
    sample = Sample.of((np.array([[1.0], [-3.0]], dtype="float32"), [1, 1]))
    net = nn.Linear(1, 1)
    with torch.no_grad():
        net.weight.fill_(2.0)
        net.bias.fill_(0.0)
    network = Network.of(net, sample)
    assert output_margins(network, sample).tolist() == [2.0, -6.0]
    assert np.allclose(input_margins(network, sample), [1.0, 3.0], atol=1e-3)


def test_what_has_no_margin_is_told():
    network, sample = linear()
    with pytest.raises(BadInput, match="no layer 'head'"):
        hidden_margins(network, sample, "head")
    numbers = Sample.of((np.ones((3, 5), dtype="float32"), [0.5, 1.5, 2.5]))
    with pytest.raises(BadInput, match="the targets are numbers"):
        output_margins(network, numbers)


def test_principal_directions_of_few_wide_inputs_span_the_same_space():
    """Made of the small matrix of products; the large one has the same eigenvectors."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(12, 40)) * np.linspace(0.1, 3, 40)).astype("float32")
    found = principal_directions(Sample.of((x, np.arange(12) % 2)))
    values, vectors = np.linalg.eigh(np.cov(x.astype(float).T, bias=True))
    share = values[::-1].cumsum() / values.sum()
    top = vectors[:, ::-1][:, : int((share < 0.9).sum()) + 1]
    assert found.shape == top.T.shape
    assert np.allclose(found.numpy().T @ found.numpy(), top @ top.T, atol=1e-5)


def test_tokens_have_no_directions():
    with pytest.raises(Undefined, match="tokens, which have no directions"):
        principal_directions(Sample.of((np.arange(12).reshape(6, 2), np.arange(6) % 2)))


def test_margins_of_one_output_with_a_loss_of_ones_own_are_distances_to_its_sign():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 2)).astype("float32")
    net = nn.Linear(2, 1)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[2.0, 0.0]]))
        net.bias.zero_()
    sample = Sample.of((x, (x[:, 0] > 0).astype(int)))
    network = Network.of(net, sample, loss=lambda o, y: nn.functional.softplus(-(2 * y - 1) * o[:, 0]))
    assert np.allclose(output_margins(network, sample), 2 * abs(x[:, 0]), atol=1e-5)
    assert np.allclose(input_margins(network, sample), abs(x[:, 0]), atol=1e-3)
