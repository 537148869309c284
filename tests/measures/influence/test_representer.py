"""Representer points add up to the outputs of the fitted layer, and planted examples carry what they were planted for."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.errors import BadInput, Undefined  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.influence import Kronecker, representer  # noqa: E402
from unseen.measures.influence.nearest import nearest, sketched  # noqa: E402
from unseen.measures.influence.representer_points import features, fitted  # noqa: E402


def blobs(n, seed, spread=1.0):
    """Three classes around corners, as many of each."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    x = np.eye(3, 6)[y] * 4 + spread * rng.normal(size=(n, 6))
    return Sample(torch.tensor(x).float(), torch.tensor(y))


def network_of(sample, *layers, steps=0):
    torch.manual_seed(0)
    module = nn.Sequential(*(layers or (nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 3))))
    search = torch.optim.Adam(module.parameters(), lr=0.02, weight_decay=1e-3)
    for _ in range(steps):
        search.zero_grad()
        nn.functional.cross_entropy(module(sample.inputs), sample.targets).backward()
        search.step()
    return Network.of(module, sample)


def test_representer_values_add_up_to_the_outputs():
    """Theorem 3.1: the output for a test example is Σᵢ αᵢ (fᵢ · f), to the precision of the fit."""
    train, test = blobs(30, 0), blobs(9, 1)
    network = network_of(train)
    f, g = features(network, train), features(network, test)
    weights = fitted(network, f, train.targets, 0.01, 3)
    alpha = -((f @ weights).softmax(1) - torch.eye(3)[train.targets]) / (2 * 0.01 * 30)
    assert torch.allclose((g @ f.T) @ alpha, g @ weights, atol=1e-4)
    down = torch.eye(3)[test.targets] - (g @ weights).softmax(1)
    wanted = torch.einsum("tc,tn,nc->tn", down, g @ f.T, alpha)
    assert np.allclose(representer(network, train, test, penalty=0.01).scores, wanted, atol=1e-6)


def test_examples_of_the_same_class_carry_an_answer():
    train, test = blobs(60, 0), blobs(30, 1)
    found = representer(network_of(train, steps=100), train, test, penalty=0.01).scores
    same = test.targets[:, None].numpy() == train.targets[None].numpy()
    assert found[same].mean() > 0 > found[~same].mean()


def test_a_network_that_ends_otherwise_is_refused():
    train = blobs(9, 0)
    with pytest.raises(BadInput, match="outputs are not those of a last linear layer"):
        representer(network_of(train, nn.Linear(6, 3), nn.Tanh()), train, train)
    with pytest.raises(BadInput, match="penalty is a number above 0; got 0"):
        representer(network_of(train), train, train, penalty=0)


def test_a_fit_that_has_not_come_to_rest_is_no_sum_over_examples(monkeypatch):
    monkeypatch.setattr("unseen.measures.influence.representer_points.STEPS", 2)
    train = blobs(30, 0)
    with pytest.raises(Undefined, match=r"has not come to rest after 2 steps.*Give a larger penalty than 0\.0001"):
        representer(network_of(train), train, train, penalty=1e-4)


def test_planted_wrong_labels_have_the_largest_influence_on_themselves():
    train = blobs(120, 0)
    wrong = [5, 40, 77, 110]
    targets = train.targets.clone()
    targets[wrong] = (targets[wrong] + 1) % 3
    train = Sample(train.inputs, targets)
    network = network_of(train, steps=150)
    own = Kronecker.fit(network, train).own(train)
    # By chance four of 120 lie within the eight largest in one of 10⁵ draws.
    assert set(wrong) <= set(np.argsort(-own)[:8].tolist())


def test_planted_duplicates_are_each_others_nearest_gradients():
    train = blobs(60, 0)
    x = torch.cat([train.inputs, train.inputs[[3, 17]] + 1e-4])
    train = Sample(x, torch.cat([train.targets, train.targets[[3, 17]]]))
    network = network_of(train, steps=50)
    at, cosine = nearest(sketched(network, train, generator=torch.Generator().manual_seed(0)))
    assert (at[60], at[61], at[3], at[17]) == (3, 17, 60, 61)
    assert cosine[[3, 17, 60, 61]].min() > 0.9999 > np.delete(cosine, [3, 17, 60, 61]).max()


def test_products_of_sketches_are_in_the_mean_products_of_gradients():
    """A sketch with both sides kept is exact; of narrow ones 200 draws' mean is within 4 of its standard errors."""
    train = blobs(6, 0)
    network = network_of(train)
    flat = torch.cat([g for _, g in network.gradients(train)]).double()
    whole = sketched(network, train, generator=torch.Generator().manual_seed(0), side=64).double()
    assert torch.allclose(whole @ whole.T, flat @ flat.T, rtol=1e-4, atol=1e-6)
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack(
        [(s := sketched(network, train, generator=generator, side=4).double()) @ s.T for _ in range(200)]
    )
    error = draws.std(0) / 200**0.5
    assert bool(((draws.mean(0) - flat @ flat.T).abs() <= 4 * error + 1e-6).all())


def test_nearest_does_not_depend_on_the_memory_and_zero_has_no_direction():
    rng = np.random.default_rng(0)
    vectors = torch.tensor(rng.normal(size=(20, 3)))
    vectors[4] = 0
    at, cosine = nearest(vectors)
    few, again = nearest(vectors, memory=400)
    assert np.array_equal(at, few)
    assert np.allclose(cosine, again)
    assert at[4] == -1
    assert 4 not in at
    brute = nn.functional.cosine_similarity(vectors[:, None], vectors[None], dim=2).fill_diagonal_(-2)
    brute[:, 4] = -2
    assert np.array_equal(np.delete(at, 4), np.delete(brute.argmax(1).numpy(), 4))
