"""Coherence is that of the definition, its interval covers, and wrong labels stand against the rest."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.errors import TooFewUnits, Undefined  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.gradients.chunks import Layered, Made, chunks  # noqa: E402
from unseen.measures.gradients.coherence import alignment_with, coherence  # noqa: E402


def linear(directions, cluster=None):
    """A network of one weight vector whose gradient on example i is minus directions[i]: loss (1 - x·w)²/2 at w = 0."""
    x = torch.as_tensor(np.asarray(directions, dtype="float32"))
    net = nn.Linear(x.shape[1], 1, bias=False)
    with torch.no_grad():
        net.weight.zero_()
    sample = Sample(x, torch.ones(len(x)), cluster=cluster)
    return Network.of(net, sample, loss=lambda o, y: 0.5 * (o[:, 0] - y) ** 2), sample


def slow(g, cluster):
    n = len(g)
    pairs = [float(g[i] @ g[j]) for i in range(n) for j in range(n) if cluster[i] != cluster[j]]
    return np.mean(pairs) / np.mean((g**2).sum(1))


def test_coherence_is_that_of_all_pairs_of_different_clusters():
    rng = np.random.default_rng(0)
    g = rng.normal(size=(40, 6)) + 0.7
    cluster = rng.integers(0, 15, 40)
    network, sample = linear(g, cluster)
    found = coherence(network, sample, memory=16 * 6 * 7)
    assert found.estimate.value == pytest.approx(slow(g, cluster), rel=1e-5)
    assert found.estimate.units == len(set(cluster))


def test_the_jackknife_is_that_of_leaving_each_cluster_out():
    rng = np.random.default_rng(1)
    g = rng.normal(size=(30, 4)) + 0.5
    cluster = np.sort(rng.integers(0, 12, 30))
    _, cluster = np.unique(cluster, return_inverse=True)
    c = cluster.max() + 1
    left = np.array([slow(g[cluster != k], cluster[cluster != k]) for k in range(c)])
    error = np.sqrt((c - 1) / c * ((left - left.mean()) ** 2).sum())
    from scipy import stats

    found = coherence(*linear(g, cluster)).estimate
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, c - 1) * error, rel=1e-4)


def test_the_same_gradient_everywhere_is_one_and_independent_ones_are_zero():
    same = np.tile([[1.0, 2.0]], (20, 1)) * np.linspace(0.999, 1.001, 20)[:, None]
    assert coherence(*linear(same)).estimate.value == pytest.approx(1.0, abs=1e-4)
    assert coherence(*linear(same)).helped == pytest.approx(20, abs=0.01)
    axes = np.eye(30) * np.linspace(0.9, 1.1, 30)[:, None]
    assert abs(coherence(*linear(axes)).estimate.value) < 1e-6


@pytest.mark.parametrize("per_cluster", [1, 4])
def test_the_interval_covers(per_cluster):
    # Mean (1, 0, …, 0) and unit noise in five dimensions: E g·g' = 1, E |g|² = 1 + 5 (cluster noise of 0.5 does not enter pairs).
    rng = np.random.default_rng(2)
    clusters, hits, draws = 60 // per_cluster, 0, 150
    shared = 0.5 if per_cluster > 1 else 0.0
    truth = 1 / (1 + 5 + 5 * shared**2)
    for _ in range(draws):
        c = np.repeat(np.arange(clusters), per_cluster)
        g = rng.normal(size=(len(c), 5)) + shared * rng.normal(size=(clusters, 5))[c]
        g[:, 0] += 1
        found = coherence(*linear(g, c)).estimate
        hits += found.low <= truth <= found.high
    assert 0.89 <= hits / draws <= 0.99


def test_wrong_labels_stand_against_the_rest():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    x = rng.normal(size=(300, 10)).astype("float32") + 1.5 * (2 * y[:, None] - 1) * np.eye(10, dtype="float32")[0]
    given = y.copy()
    given[:30] = 1 - given[:30]
    torch.manual_seed(0)
    net = nn.Linear(10, 2)
    sample = Sample.of((x.astype("float32"), given))
    step = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(20):
        step.zero_grad()
        nn.functional.cross_entropy(net(sample.inputs), sample.targets).backward()
        step.step()
    network = Network.of(net, sample)
    found = coherence(network, sample)
    worst = np.argsort(found.alignment)[:30]
    assert (worst < 30).mean() > 0.7
    held = Sample.of((x[:60].astype("float32"), y[:60]))
    assert np.nanmean(alignment_with(network, held, found.total)[:30]) > np.nanmean(found.alignment[:30])


def test_too_few_clusters_and_zero_gradients_are_told():
    rng = np.random.default_rng(0)
    with pytest.raises(TooFewUnits, match="10 independent examples, got 4"):
        coherence(*linear(rng.normal(size=(20, 3)), np.arange(20) % 4))
    network, sample = linear(np.zeros((20, 3)))
    with pytest.raises(Undefined, match="all gradients are zero"):
        coherence(network, sample)


def problem(*layers, n=30):
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    sample = Sample.of((rng.normal(size=(n, 6)).astype("float32"), rng.integers(0, 3, n)))
    return Network.of(nn.Sequential(*layers), sample), sample


class Twice(nn.Module):
    """A layer that is used twice, as a recurrent one is."""

    def __init__(self):
        super().__init__()
        self.again, self.told = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x):
        return self.told(torch.tanh(self.again(torch.tanh(self.again(x)))))


LAYERS = [
    (nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 9, bias=False), nn.Tanh(), nn.Linear(9, 3)),
    (nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 5, 2, padding=1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(60, 3)),
    (nn.Unflatten(1, (1, 6)), nn.Unflatten(2, (2, 3)), nn.Linear(3, 40), nn.ReLU(), nn.Flatten(), nn.Linear(80, 3)),
    (Twice(),),
]


@pytest.mark.parametrize("layers", LAYERS)
def test_what_layers_tell_of_gradients_is_that_of_each_example(layers):
    network, sample = problem(*layers)
    slow = torch.cat([part for _, part in network.gradients(sample)])
    direction = torch.randn(network.parameters, generator=torch.Generator().manual_seed(1))
    found = list(chunks(network, sample, memory=16 * 4 * network.parameters * 7))
    assert len(found) > 1
    assert all(type(part) is Layered for _, part in found)
    scale = float(slow.norm())
    for rows, part in found:
        assert torch.allclose(part.each(), slow[rows], atol=1e-6)
        assert torch.allclose(part.squares(), slow[rows].square().sum(1), rtol=1e-4)
        assert torch.allclose(part.times(direction), slow[rows] @ direction, atol=1e-5 * scale)
        assert torch.allclose(part.total(), slow[rows].sum(0), atol=1e-5)


@pytest.mark.parametrize("layers", LAYERS)
def test_coherence_by_layers_is_that_of_all_pairs(layers):
    network, sample = problem(*layers)
    g = torch.cat([part for _, part in network.gradients(sample)]).double().numpy()
    assert coherence(network, sample).estimate.value == pytest.approx(slow(g, np.arange(30)), abs=1e-6)
    clustered = Sample(sample.inputs, sample.targets, cluster=np.arange(30) // 2)
    assert coherence(network, clustered).estimate.value == pytest.approx(slow(g, np.arange(30) // 2), abs=1e-6)


class Mixing(nn.Module):
    """Answers that depend on who else is in the batch."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(6, 3)

    def forward(self, x):
        return self.net(x - x.mean(0) / 2)


@pytest.mark.parametrize("module", [Mixing(), nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 3))])
def test_networks_that_layers_do_not_tell_are_taken_example_by_example(module):
    network, sample = problem(module)
    assert all(type(part) is Made for _, part in chunks(network, sample))
    made = torch.cat([part.each() for _, part in chunks(network, sample)])
    assert torch.equal(made, torch.cat([part for _, part in network.gradients(sample)]))
