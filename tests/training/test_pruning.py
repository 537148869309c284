import itertools

import pytest

torch = pytest.importorskip("torch")

from unseen.errors import BadInput  # noqa: E402
from unseen.training.sparse import pruning  # noqa: E402


@pytest.fixture
def net():
    generator = torch.Generator().manual_seed(0)
    weights = {
        "a": torch.randn(3, 4, generator=generator, dtype=torch.float64),
        "b": torch.randn(4, 2, generator=generator, dtype=torch.float64),
    }
    x = torch.randn(10, 3, generator=generator, dtype=torch.float64)
    y = torch.randn(10, 2, generator=generator, dtype=torch.float64)
    return weights, lambda w: ((torch.tanh(x @ w["a"]) @ w["b"] - y) ** 2).mean()


def nudged(weights, name, index, by):
    return {n: v.clone().index_put([torch.tensor(i) for i in index], v[index] + by) if n == name else v for n, v in weights.items()}  # fmt: skip


def places(weights):
    return [(n, i) for n, v in weights.items() for i in itertools.product(*map(range, v.shape))]


def slope(weights, loss, name, index, h=1e-5):
    return float(loss(nudged(weights, name, index, h)) - loss(nudged(weights, name, index, -h))) / (2 * h)


def test_snip_is_the_slope_of_the_loss_along_each_gate(net):
    weights, loss = net
    scores = pruning.snip_scores(weights, loss)
    for name, index in places(weights):
        # A gate at 1 ± h scales its weight by as much.
        w = float(weights[name][index])
        assert abs(w * slope(weights, loss, name, index)) == pytest.approx(float(scores[name][index]), abs=1e-8)


def test_grasp_is_half_the_slope_of_the_squared_gradient_along_each_gate(net):
    weights, loss = net

    def squared(w):
        leaves = {n: v.clone().requires_grad_() for n, v in w.items()}
        return sum((g**2).sum() for g in torch.autograd.grad(loss(leaves), list(leaves.values())))

    scores = pruning.grasp_scores(weights, loss)
    for name, index in places(weights):
        expected = float(weights[name][index]) * slope(weights, squared, name, index) / 2
        assert expected == pytest.approx(float(scores[name][index]), abs=1e-7)


def test_synflow_of_a_linear_network_sums_products_over_paths(net):
    weights, _ = net
    ones = torch.ones(3, dtype=torch.float64)
    scores = pruning.synflow_scores(weights, lambda w: (ones @ w["a"] @ w["b"]).sum(), 0.5, rounds=1)
    a, b = weights["a"].abs(), weights["b"].abs()
    for i, j in itertools.product(range(3), range(4)):
        assert float(scores["a"][i, j]) == pytest.approx(sum(float(a[i, j] * b[j, k]) for k in range(2)))
    # Each layer carries the whole flow.
    assert float(scores["a"].sum()) == pytest.approx(float(scores["b"].sum()))


def test_synflow_rounds_cut_geometrically_and_agree_with_a_plain_twin(net):
    weights, _ = net
    ones = torch.ones(3, dtype=torch.float64)
    found = pruning.keep_highest(
        pruning.synflow_scores(weights, lambda w: (ones @ w["a"] @ w["b"]).sum(), 0.25, rounds=8), 0.25
    )
    values = {p: abs(float(weights[p[0]][p[1]])) for p in places(weights)}
    alive = set(values)
    for done in range(8):
        v = {p: values[p] if p in alive else 0.0 for p in values}
        score = {}
        for i, j in itertools.product(range(3), range(4)):
            score["a", (i, j)] = sum(v["a", (i, j)] * v["b", (j, k)] for k in range(2))
        for j, k in itertools.product(range(4), range(2)):
            score["b", (j, k)] = sum(v["a", (i, j)] * v["b", (j, k)] for i in range(3))
        alive = set(sorted(score, key=lambda p: -score[p])[: round(20 * 0.25 ** ((done + 1) / 8))])
    assert {p for p in values if found[p[0]][p[1]] == 1} == alive


@pytest.mark.parametrize("density", [0.05, 0.3, 0.5, 1.0])
def test_magnitude_keeps_exactly_the_largest_weights(net, density):
    weights, _ = net
    mask = pruning.keep_highest(pruning.magnitude_scores(weights), density)
    kept = sorted(abs(float(weights[n][i])) for n, i in places(weights) if mask[n][i])
    everything = sorted(abs(float(weights[n][i])) for n, i in places(weights))
    assert kept == everything[-round(density * 20) :]


def test_random_masks_repeat_with_their_generator_and_have_their_density(net):
    weights, _ = net
    one, two, other = (
        pruning.keep_highest(pruning.random_scores(weights, torch.Generator().manual_seed(s)), 0.4) for s in (1, 1, 2)
    )
    assert pruning.overlap(one, two) == 1 > pruning.overlap(one, other)
    assert sum(float(m.sum()) for m in other.values()) == 8


@pytest.mark.parametrize("order", [1, 2])
def test_norms_match_and_directions_stay(net, order):
    weights, _ = net
    matched = pruning.match_norm(weights, 7.5, order)
    assert pruning.joint_norm(matched, order) == pytest.approx(7.5)
    ratio = matched["a"] / weights["a"]
    torch.testing.assert_close(ratio, torch.full_like(ratio, float(ratio[0, 0])))


def test_bad_density_and_bad_scores_are_named():
    with pytest.raises(BadInput, match=r"got 0\.0"):
        pruning.keep_highest({"a": torch.ones(2)}, 0.0)
    with pytest.raises(BadInput, match="1 of 2 scores"):
        pruning.keep_highest({"a": torch.tensor([1.0, float("nan")])}, 0.5)
