import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.errors import BadInput  # noqa: E402
from unseen.tasks.logic.boolean import cube  # noqa: E402
from unseen.training.boolean import learners  # noqa: E402


def test_random_features_interpolate_and_equal_the_pseudo_inverse_of_the_map():
    points = cube(5)
    values = points[:, 0] * points[:, 1] + points[:, 2]
    seen = points[:, 0] > 0
    found = learners.random_feature_interpolator(points, values, seen, features=60, rng=np.random.default_rng(0))
    rng = np.random.default_rng(0)
    w, b = rng.standard_normal((5, 60)) / 5**0.5, rng.standard_normal(60) / 5**0.5
    mapped = (1 + points @ w + b) ** 6
    np.testing.assert_allclose(found, mapped @ (np.linalg.pinv(mapped[seen]) @ values[seen]), atol=1e-6)
    np.testing.assert_allclose(found[seen], values[seen], atol=1e-7)
    with pytest.raises(BadInput, match="15 random features"):
        learners.random_feature_interpolator(points, values, seen, features=15, rng=rng)


@pytest.mark.parametrize("depth", [2, 3])
def test_diagonal_net_follows_autograd(depth):
    points = cube(3)
    values = points[:, 0] + 2 * points[:, 1]
    seen = points[:, 0] > 0
    found = learners.diagonal_linear_net(points, values, seen, depth=depth, start=0.3, rate=0.05, steps=30)
    layers = torch.full((depth, 3), 0.3, dtype=torch.float64)
    layers[0] = 0
    layers.requires_grad_()
    bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
    x, y = torch.tensor(points[seen]), torch.tensor(values[seen])
    for _ in range(30):
        loss = ((bias + x @ layers.prod(0) - y) ** 2).mean() / 2
        slopes = torch.autograd.grad(loss, [layers, bias])
        with torch.no_grad():
            layers -= 0.05 * slopes[0]
            bias -= 0.05 * slopes[1]
    np.testing.assert_allclose(found, [float(bias.detach()), *layers.prod(0).tolist()], atol=1e-10)


def test_stacked_values_equal_a_plain_network():
    begin = learners.mlp_start(4, 6, torch.Generator().manual_seed(0))
    points = torch.tensor(cube(4)).float()
    plain = [
        sum(float(begin["out"][0, j]) * max(0.0, float(x @ begin["into"][0, :, j] + begin["bias"][0, 0, j])) for j in range(6))
        for x in points
    ]  # fmt: skip
    np.testing.assert_allclose(learners.mlp_values(begin, points)[0], plain, atol=1e-5)


def test_a_curriculum_meets_each_ball_in_turn_and_learns_parity():
    points = torch.tensor(cube(4)).float()
    values = points.prod(1)
    looked = []

    def done(p):
        looked.append(float(((learners.mlp_values(p, points) > 0) == (values > 0)).float().mean()))
        return looked[-1] == 1

    generator = torch.Generator().manual_seed(1)
    made = learners.degree_curriculum(
        points, values, learners.mlp_start(4, 32, generator), [1, 2, 3, 4], lr=0.02, steps=2000, fitted=0.05,
        done=done, batch=32, generator=generator,
    )  # fmt: skip
    assert 0 < made < 2000
    assert looked[0] < looked[-1] == 1


def test_fitting_stops_at_the_loss():
    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Flatten(0))
    x = torch.tensor(cube(2)).float()
    made = learners.fit_module(module, x, x[:, 0], lr=0.05, steps=500, stop_below=1e-3)
    assert 0 < made < 500
    assert float(((module(x) - x[:, 0]) ** 2).mean().detach()) < 1e-3
