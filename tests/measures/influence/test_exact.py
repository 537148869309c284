"""Exact influence is what the algebra says: dense inverse, closed form of ridge regression, retraining of a convex problem."""

import copy
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.errors import BadInput, Undefined  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.influence import exact, gradient_cosine, gradient_dot, lissa, tracin  # noqa: E402
from unseen.measures.influence.gauss_newton import GaussNewton, conjugate_gradients  # noqa: E402


def data(n, seed, classes=3, width=4):
    rng = np.random.default_rng(seed)
    return Sample(torch.tensor(rng.normal(size=(n, width))), torch.tensor(rng.integers(0, classes, n)))


def double(network):
    return replace(network, module=copy.deepcopy(network.module).double())


def small(sample, *layers, loss=None):
    torch.manual_seed(0)
    layers = layers or (nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    given = Sample(sample.inputs.float(), sample.targets if sample.classes else sample.targets.float())
    return double(Network.of(nn.Sequential(*layers), given, loss=loss))


def slow(network, train):
    """The Gauss–Newton matrix with the Hessian of each loss by autograd, one example at a time."""
    names = list(network.trained)
    total = 0
    for i in range(len(train)):
        x, y = train.inputs[i : i + 1], train.targets[i : i + 1]
        output = network.module(x)[0]
        jacobian = torch.stack(
            [
                torch.cat(
                    [
                        g.reshape(-1)
                        for g in torch.autograd.grad(
                            output[c], [network.module.get_parameter(k) for k in names], retain_graph=True
                        )
                    ]
                )
                for c in range(len(output))
            ]
        )
        bent = torch.autograd.functional.hessian(lambda z, y=y: network.loss(z[None], y).sum(), output.detach())
        total = total + jacobian.T @ bent @ jacobian
    return total / len(train)


def gradients(network, sample):
    return torch.cat([part for _, part in network.gradients(sample)])


@pytest.mark.parametrize("solver", ["dense", "cg"])
def test_exact_is_the_dense_inverse(solver):
    train, test = data(30, 0), data(6, 1)
    network = small(train)
    matrix = slow(network, train)
    wanted = gradients(network, test) @ torch.linalg.solve(
        matrix + 0.05 * torch.eye(len(matrix)), gradients(network, train).T
    )
    found = exact(network, train, test, damping=0.05, solver=solver, tolerance=1e-10, memory=200_000)
    assert np.abs(found.scores - wanted.numpy()).max() < 1e-7 * np.abs(wanted.numpy()).max()
    assert found.notes == ()


@pytest.mark.parametrize("loss", ["cross-entropy", "squared", "binary", "own"])
def test_the_matrix_is_that_of_the_slow_sum(loss):
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(12, 4)))
    y = {
        "cross-entropy": torch.tensor(rng.integers(0, 3, 12)),
        "squared": torch.tensor(rng.normal(size=(12, 3))),
        "binary": torch.tensor(rng.integers(0, 2, 12)),
        "own": torch.tensor(rng.normal(size=(12, 3))),
    }[loss]

    def own(z, t):
        # log cosh is convex and no loss that is known by name.
        return (z - t).cosh().log().sum(1)

    train = Sample(x, y)
    layers = (nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1 if loss == "binary" else 3))
    network = small(train, *layers, loss=own if loss == "own" else loss)
    if loss == "binary":
        network = replace(network, loss=lambda z, t: network_loss(z, t))
    matrix = slow(network, train)
    curvature = GaussNewton(network, train, memory=20_000_000)
    assert torch.allclose(curvature.dense(), matrix, atol=1e-10)
    vectors = torch.tensor(rng.normal(size=(3, network.parameters)))
    assert torch.allclose(curvature.product(vectors), vectors @ matrix, atol=1e-9)
    assert curvature.mean_eigenvalue() == pytest.approx(float(matrix.diagonal().mean()))


def network_loss(z, t):
    return nn.functional.binary_cross_entropy_with_logits(z.reshape(t.shape), t.to(z.dtype), reduction="none")


def test_in_ridge_regression_a_score_is_leave_one_out_but_for_the_leverage():
    """Sherman–Morrison: leaving i out of ridge moves w by −H⁻¹xᵢrᵢ/(1 − hᵢ) / n, H the damped mean of xxᵀ."""
    rng = np.random.default_rng(0)
    n, penalty = 40, 0.1
    x, g = rng.normal(size=(n, 3)), rng.normal(size=(5, 3))
    y, t = x @ [1.0, -2.0, 0.5] + rng.normal(size=n), g @ [1.0, -2.0, 0.5] + rng.normal(size=5)
    inverse = np.linalg.inv(x.T @ x / n + penalty * np.eye(3))
    weights = inverse @ x.T @ y / n
    train, test = Sample(torch.tensor(x), torch.tensor(y)), Sample(torch.tensor(g), torch.tensor(t))
    network = small(train, nn.Linear(3, 1, bias=False))
    with torch.no_grad():
        network.module[0].weight.copy_(torch.tensor(weights)[None])
    # The loss r² has the matrix 2·mean(xxᵀ), so that twice the penalty is its damping.
    found = exact(network, train, test, damping=2 * penalty).scores
    leverage = np.einsum("ni,ij,nj->n", x, inverse, x) / n
    for i in range(n):
        rest = np.arange(n) != i
        # The same ridge without i: its sums keep the divisor n.
        without = np.linalg.solve(x[rest].T @ x[rest] / n + penalty * np.eye(3), x[rest].T @ y[rest] / n)
        moved = (g @ without - g @ weights) * 2 * (g @ weights - t)
        assert np.allclose(found[:, i] / n / (1 - leverage[i]), moved, atol=1e-9)


def test_exact_foretells_what_leaving_one_out_does_to_a_convex_problem():
    """Multinomial regression with a penalty, fitted to rest with and without each example."""
    rng = np.random.default_rng(1)
    n, penalty = 60, 0.02
    train, test = data(n, 3), data(8, 4)
    true = torch.tensor(rng.normal(size=(4, 3)))
    train = Sample(train.inputs, torch.multinomial((train.inputs @ true).softmax(1), 1)[:, 0])
    network = small(train, nn.Linear(4, 3, bias=False))

    def fitted(rows):
        weights = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True)
        search = torch.optim.LBFGS([weights], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

        def again():
            search.zero_grad()
            losses = network.loss(train.inputs[rows] @ weights.T, train.targets[rows])
            value = losses.sum() / n + penalty * weights.square().sum()
            value.backward()
            return value

        search.step(again)
        return weights.detach()

    with torch.no_grad():
        network.module[0].weight.copy_(fitted(list(range(n))))
    before = network.losses(test).numpy()
    found = exact(network, train, test, damping=2 * penalty).scores / n
    truth = np.empty_like(found)
    for i in range(n):
        weights = fitted([j for j in range(n) if j != i])
        truth[:, i] = network.loss(test.inputs @ weights.T, test.targets).numpy() - before
    assert min(np.corrcoef(a, b)[0, 1] for a, b in zip(found, truth, strict=True)) >= 0.95
    assert np.polyfit(found.ravel(), truth.ravel(), 1)[0] == pytest.approx(1.0, abs=0.15)


def test_lissa_with_all_examples_converges_to_conjugate_gradients():
    train, test = data(30, 0), data(4, 1)
    network = small(train)
    wanted = exact(network, train, test, damping=0.1, solver="cg", tolerance=1e-10).scores
    generator = torch.Generator().manual_seed(0)

    def far(depth):
        found = lissa(network, train, test, damping=0.1, depth=depth, batch=30, generator=generator).scores
        return np.abs(found - wanted).max() / np.abs(wanted).max()

    assert far(5) > far(20) > far(60)
    assert far(250) < 1e-6


def test_lissa_with_batches_is_near():
    train, test = data(60, 0), data(4, 1)
    network = small(train)
    wanted = exact(network, train, test, damping=0.1).scores
    found = lissa(
        network, train, test, damping=0.1, batch=16, repeats=4, depth=60, generator=torch.Generator().manual_seed(0)
    )
    assert np.corrcoef(found.scores.ravel(), wanted.ravel())[0, 1] > 0.97


def test_lissa_at_too_small_a_scale_says_that_it_diverges():
    train = data(30, 0)
    network = small(train)
    with pytest.raises(Undefined, match=r"does not converge at scale 0\.01.*larger scale or batch"):
        lissa(network, train, train, damping=0.005, scale=0.01, depth=500, generator=torch.Generator().manual_seed(0))


def test_conjugate_gradients_tell_how_many_solves_are_open():
    matrix = torch.diag(torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64))
    right = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
    x, short = conjugate_gradients(lambda v: v @ matrix, right, tolerance=1e-12, steps=1)
    assert short == 1
    assert x[1].tolist() == [1.0, 0.0, 0.0]
    x, short = conjugate_gradients(lambda v: v @ matrix, right, tolerance=1e-10, steps=3)
    assert short == 0
    assert torch.allclose(x[0], torch.tensor([1.0, 0.1, 0.01], dtype=torch.float64))


def test_products_and_cosines_of_gradients_do_not_depend_on_the_memory():
    train, test = data(20, 0), data(7, 1)
    network = small(train)
    a, b = gradients(network, test), gradients(network, train)
    dot = gradient_dot(network, train, test, memory=20_000).scores
    assert np.allclose(dot, (a @ b.T).numpy())
    cosine = gradient_cosine(network, train, test, memory=20_000).scores
    assert np.allclose(cosine, nn.functional.cosine_similarity(a[:, None], b[None], dim=2).numpy())
    assert np.allclose(tracin([network, network], [0.5, 0.25], train, test).scores, 0.75 * dot)
    with pytest.raises(BadInput, match="1 checkpoints and 2 rates"):
        tracin([network], [0.5, 0.25], train, test)


def test_tracin_adds_up_to_the_fall_of_the_test_loss():
    """Plain descent one example at a time at a small rate: each step lowers a test loss by rate · product, to first order."""
    train, test = data(12, 0), data(5, 1)
    network, rate = small(train), 1e-3
    steps, first = [], network.losses(test)
    for i in range(12):
        checkpoint = double(network)
        steps.append(tracin([checkpoint], [rate], train.take([i]), test).scores[:, 0])
        slope = gradients(network, train.take([i]))[0]
        with torch.no_grad():
            at = 0
            for p in network.module.parameters():
                p -= rate * slope[at : at + p.numel()].reshape(p.shape)
                at += p.numel()
    fall = (first - network.losses(test)).numpy()
    assert np.allclose(np.sum(steps, 0), fall, rtol=0.02, atol=1e-5)


def test_a_matrix_that_does_not_fit_is_refused():
    train = data(10, 0)
    with pytest.raises(BadInput, match=r"the matrix of 43 parameters takes 0\.0 GB"):
        GaussNewton(small(train), train, memory=1000).dense()
    with pytest.raises(BadInput, match="damping is a number above 0; got 0"):
        exact(small(train), train, train, damping=0.0)


class Looks(nn.Module):
    """Code that looks at values, which can't be mapped over vectors."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x) * (2.0 if float(x.sum()) > 1e9 else 1.0)


def test_code_that_looks_at_values_is_solved_one_by_one():
    train = data(10, 0)
    network = small(train, Looks())
    plain = small(train, nn.Linear(4, 3))
    plain.module[0].load_state_dict(network.module[0].layer.state_dict())
    a = exact(network, train, train, damping=0.1, solver="cg", tolerance=1e-10).scores
    assert np.allclose(a, exact(plain, train, train, damping=0.1).scores, rtol=1e-6)


def test_products_are_those_of_the_matrix_where_attention_is_fused():
    from unseen.learners.architectures.transformer import Transformer

    rng = np.random.default_rng(0)
    sample = Sample.tokens([list(rng.integers(0, 5, rng.integers(3, 6))) for _ in range(6)])
    torch.manual_seed(0)
    network = double(Network.of(Transformer(5, width=4, layers=1, heads=2, longest=6), sample, layers=r"feed\."))
    curvature = GaussNewton(network, sample)
    vectors = torch.randn(3, network.parameters, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(curvature.product(vectors), vectors @ curvature.dense())
