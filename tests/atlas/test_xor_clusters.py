import numpy as np
import pytest

from unseen.atlas.studies.measures._xor_clusters import GramReluNet, linear_share, xor_clusters
from unseen.errors import BadInput

torch = pytest.importorskip("torch")


def test_sample_space_descent_equals_autograd_on_the_weights():
    rng = np.random.default_rng(0)
    data = xor_clusters(20, 30, separation=3, flips=0.2, rng=rng)
    points = xor_clusters(15, 30, separation=3, rng=rng)
    net = GramReluNet(data.inputs, data.labels, points.inputs, width=12, scale=0.1, rng=np.random.default_rng(1))
    again = np.random.default_rng(1)
    weights = torch.tensor(np.float32(0.1) * again.standard_normal((12, 30), dtype=np.float32), requires_grad=True)
    outer = torch.tensor(net.outer)
    x, y, z = (torch.tensor(v) for v in (data.inputs, data.labels, points.inputs))
    for _ in range(25):
        loss = torch.nn.functional.softplus(-y * (torch.relu(x @ weights.T) @ outer)).mean()
        (gradient,) = torch.autograd.grad(loss, weights)
        weights = (weights - 0.5 * gradient).detach().requires_grad_()
    net.step(0.5, 25)
    np.testing.assert_allclose(net.outputs()[0], (torch.relu(x @ weights.T) @ outer).detach().numpy(), atol=2e-5)
    np.testing.assert_allclose(net.outputs()[1], (torch.relu(z @ weights.T) @ outer).detach().numpy(), atol=2e-5)


def test_odd_part_is_what_reflecting_the_points_gives():
    rng = np.random.default_rng(2)
    data = xor_clusters(10, 6, separation=2, rng=rng)
    points = rng.standard_normal((9, 6)).astype(np.float32)
    one, other = (
        GramReluNet(data.inputs, data.labels, s * points, width=7, scale=1.0, rng=np.random.default_rng(3))
        for s in (1, -1)
    )
    one.step(0.3, 4)
    other.step(0.3, 4)
    odd, even = one.odd_even()
    np.testing.assert_allclose(odd, (one.outputs()[1] - other.outputs()[1]) / 2, atol=1e-5)
    np.testing.assert_allclose(even, (one.outputs()[1] + other.outputs()[1]) / 2, atol=1e-5)


def test_clusters_lie_at_their_means_with_the_stated_share_of_flips():
    data = xor_clusters(4000, 5, separation=4, flips=0.15, rng=np.random.default_rng(4))
    along = data.inputs @ data.means.T / 4
    # The larger coordinate tells the cluster up to an error of P(N(0, 1) > 4/sqrt 2) = 0.2 %, twice.
    assert np.mean((np.abs(along[:, 0]) > np.abs(along[:, 1])) == (data.clean > 0)) > 0.98
    # Binomial standard deviation 0.0056; four of them.
    assert abs(data.flipped.mean() - 0.15) < 0.023


def test_bad_numbers_are_named():
    with pytest.raises(BadInput, match=r"got 1 and 0\.1"):
        xor_clusters(3, 1, separation=1, flips=0.1, rng=np.random.default_rng(0))
    with pytest.raises(BadInput, match="zero at every point"):
        linear_share(np.zeros(3), np.zeros(3))
