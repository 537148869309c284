"""What units add is what taking them out by force takes away, and circuits of all or no units are the network and a constant."""

import numpy as np
import pytest
from scipy.stats import spearmanr

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.errors import BadInput, Undefined  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.pathways.carried import faithfulness  # noqa: E402
from unseen.measures.pathways.units import Units, log_odds  # noqa: E402


def problem(layers, n=40, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    sample = Sample.of((rng.normal(size=(n, 6)).astype("float32"), np.arange(n) % classes))
    network = Network.of(nn.Sequential(*layers()), sample)
    return Units.of(network, sample), sample


def test_below_a_linear_top_of_two_classes_attributions_are_those_of_force():
    # The log odds of two classes are linear in the units, so that taking one out loses exactly what it adds.
    units, sample = problem(lambda: (nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 2)), classes=2)
    assert torch.allclose(units.attributions(sample.inputs, steps=1), units.ablated(sample.inputs), atol=1e-5)


DEEP = [
    lambda: (nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 8), nn.GELU(), nn.Linear(8, 3)),
    lambda: (
        nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 7, 2, padding=1), nn.SiLU(), nn.Flatten(), nn.Linear(84, 5), nn.Tanh(),
        nn.Linear(5, 3),
    ),
    lambda: (nn.Unflatten(1, (2, 3)), nn.Linear(3, 6), nn.Tanh(), nn.Flatten(), nn.Linear(12, 3)),
]  # fmt: skip


@pytest.mark.parametrize("layers", DEEP)
def test_attributions_of_a_layer_add_up_to_what_the_layer_adds(layers):
    units, sample = problem(layers)
    made, x = units.attributions(sample.inputs, steps=64), sample.inputs
    answer = units.answers(x)
    at = 0
    for size in units.sizes:
        kept = torch.ones(units.count, dtype=torch.bool)
        kept[at : at + size] = False
        lost = units.evidence(x, answer) - units.evidence(x, answer, kept)
        assert torch.allclose(made[:, at : at + size].sum(1), lost, atol=1e-3)
        at += size


@pytest.mark.parametrize("layers", DEEP)
def test_attributions_order_units_as_force_does(layers):
    units, sample = problem(layers)
    found, slow = (one.mean(0).numpy() for one in (units.attributions(sample.inputs), units.ablated(sample.inputs)))
    assert spearmanr(found, slow).statistic > 0.8


@pytest.mark.parametrize("layers", DEEP)
def test_all_units_are_the_network_and_none_is_a_constant(layers):
    units, sample = problem(layers)
    everything, nothing = (torch.full((units.count,), v) for v in (True, False))
    with torch.no_grad():
        told = units.network.module(sample.inputs)
    assert torch.allclose(units.scores(sample.inputs), told, atol=1e-6)
    assert torch.allclose(units.scores(sample.inputs, everything), told, atol=1e-6)
    alone = units.scores(sample.inputs, nothing)
    assert torch.allclose(alone, alone[:1].expand_as(alone), atol=1e-6)
    order = torch.arange(units.count)
    assert faithfulness(units, sample.inputs, order, [units.count]) == [1.0]


def test_log_odds_are_those_of_softmax():
    scores = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    p = scores.softmax(1)[:, 1]
    assert torch.allclose(log_odds(scores, torch.ones(5, dtype=torch.long)), (p / (1 - p)).log(), atol=1e-5)


def test_a_network_keeps_its_answers_after_its_units_were_taken_out():
    units, sample = problem(DEEP[0])
    before = units.network.outputs(sample.inputs)
    units.ablated(sample.inputs)
    assert torch.equal(units.network.outputs(sample.inputs), before)


def test_layers_are_those_of_activation_functions_or_else_hidden_linear_ones():
    sample = problem(DEEP[0])[1]
    assert problem(DEEP[0])[0].layers == ("1", "3")
    plain = Network.of(nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3)), sample)
    assert Units.of(plain, sample).layers == ("0",)
    ends = Network.of(nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3), nn.Softplus()), sample)
    assert Units.of(ends, sample).layers == ("1",)


def test_networks_without_hidden_units_or_with_layers_used_twice_are_told():
    sample = problem(DEEP[0])[1]
    with pytest.raises(Undefined, match="has no hidden layer"):
        Units.of(Network.of(nn.Linear(6, 3), sample), sample)
    with pytest.raises(BadInput, match="has no layer 'x'"):
        Units.of(Network.of(nn.Linear(6, 3), sample), sample, layers=["x"])
    again = nn.ReLU()
    twice = Network.of(nn.Sequential(nn.Linear(6, 6), again, nn.Linear(6, 6), again, nn.Linear(6, 3)), sample)
    with pytest.raises(BadInput, match="'1' is used 2 times"):
        Units.of(twice, sample, layers=["1"])
    # Where none are named, linear layers stand in.
    assert Units.of(twice, sample).layers == ("0", "2")


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.read = nn.Embedding(9, 8)
        self.inner = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        self.told = nn.Linear(8, 2)

    def forward(self, x):
        return self.told(self.inner(self.read(x)).mean(1))


def test_features_of_steps_are_units():
    x = np.random.default_rng(0).integers(0, 9, (30, 5))
    sample = Sample.of((x, (x[:, 0] > 4).astype(int)))
    units = Units.of(Network.of(Attending(), sample), sample)
    assert units.layers == (
        "inner.layers.0.linear1",
        "inner.layers.0.linear2",
        "inner.layers.1.linear1",
        "inner.layers.1.linear2",
    )
    assert units.sizes == (16, 8, 16, 8)
    kept = torch.ones(units.count, dtype=torch.bool)
    assert torch.allclose(units.scores(sample.inputs, kept), units.network.outputs(sample.inputs), atol=1e-5)
    found, slow = (one.mean(0).numpy() for one in (units.attributions(sample.inputs), units.ablated(sample.inputs)))
    assert spearmanr(found, slow).statistic > 0.8
