"""The gradient term is exact where the log-Sobolev inequality is, limits the moment elsewhere, and fails where inputs are no Gaussians."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from unseen.errors import BadInput  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.bounds.gradient_norm import Tilted, pac_bayes_loss_bound, strengths, tilted  # noqa: E402


def linear_losses(m, slope, rng):
    """Losses a + b·x of Gaussian inputs, whose moments are known."""
    x = rng.normal(size=(m, len(slope)))
    return Tilted((3 + x @ slope)[None], np.full((1, m), slope @ slope), np.zeros(m, dtype=int))


@pytest.mark.parametrize("tilt", [0.1, 0.5, 1.0])
def test_of_linear_losses_the_term_is_the_moment(tilt):
    slope = np.array([0.3, -0.4])
    found = linear_losses(200_000, slope, np.random.default_rng(0))
    # E ℓ + ln E e^{−αℓ} / α = α |b|² / 2 for a Gaussian.
    assert found.term(tilt)[0] == pytest.approx(tilt * 0.25 / 2, rel=1e-9)
    assert found.moment(tilt)[0] == pytest.approx(tilt * 0.25 / 2, rel=0.03)
    assert found.lipschitz(tilt)[0] == pytest.approx(found.term(tilt)[0])


def test_of_squares_the_term_is_that_of_the_closed_form():
    # ℓ = x²/2: under e^{−sℓ} the variance of x is 1/(1+s), so that the term is ∫ 1/(1+s) ds / 2 = ln(1+α)/2.
    rng = np.random.default_rng(0)
    x = rng.normal(size=400_000)
    found = Tilted(x[None] ** 2 / 2, x[None] ** 2, np.zeros(len(x), dtype=int))
    assert found.term(1.0)[0] == pytest.approx(math.log(2) / 2, rel=0.01)
    # The moment itself: 1/2 − ln(1+α) / 2α.
    assert found.moment(1.0)[0] == pytest.approx(0.5 - math.log(2) / 2, rel=0.02)
    assert found.moment(1.0)[0] <= found.term(1.0)[0]


def classes(m, rng, covariances):
    y = rng.permutation(np.arange(m) % 2)
    x = np.stack([rng.multivariate_normal([2.0 * k - 1, 0.0], covariances[k]) for k in y])
    return Sample.of((x.astype("float32"), y))


COVARIANCES = np.array([[[1.0, 0.3], [0.3, 0.5]], [[0.6, 0.0], [0.0, 1.2]]])


def nets(count, seed, scale=0.7):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 2))
    drawn = [{k: scale * torch.randn(v.shape) for k, v in net.named_parameters()} for _ in range(count)]
    return net, drawn


def test_gradients_are_those_of_differences_and_limit_the_moment_of_every_network():
    rng = np.random.default_rng(0)
    sample = classes(4_000, rng, COVARIANCES)
    net, drawn = nets(20, 0)
    network = Network.of(net, sample)
    found = tilted(network, drawn, sample, torch.tensor(COVARIANCES))
    few = sample.take(range(3))
    step, covariance = 1e-3, COVARIANCES[few.targets.numpy()]
    slopes = np.zeros((3, 2))
    for k in range(2):
        moved = [few.inputs + s * step * torch.eye(2)[k] for s in (1, -1)]
        up, down = (network.loss(network.at(drawn[0], x), few.targets).numpy() for x in moved)
        slopes[:, k] = (up - down) / (2 * step)
    assert found.squares[0, :3] == pytest.approx(
        np.einsum("mi,mij,mj->m", slopes, covariance, slopes), rel=0.02, abs=1e-4
    )
    for tilt in (0.2, 1.0):
        # 4,000 examples leave an error of about 2 % in either.
        assert (found.moment(tilt) <= 1.05 * found.term(tilt) + 1e-3).all()
        assert (found.term(tilt) <= found.lipschitz(tilt) + 1e-9).all()


def test_labels_that_are_drawn_apart_and_not_told_break_the_term():
    # Labels are coins and the network answers with certainty: the loss varies with the label, and no gradient shows it.
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 2_000)
    losses = np.where(y == 1, 0.1, 2.5)[None]
    blind = Tilted(losses, np.zeros_like(losses), np.zeros(2_000, dtype=int))
    assert blind.moment(1.0)[0] > 0.3
    assert blind.term(1.0)[0] == 0
    told = Tilted(losses, np.zeros_like(losses), y)
    assert told.moment(1.0)[0] == pytest.approx(0, abs=1e-9)


def test_the_bound_holds_over_draws_of_the_examples():
    rng = np.random.default_rng(1)
    net, drawn = nets(60, 1, scale=0.5)
    fresh = classes(3_000, rng, COVARIANCES)
    network = Network.of(net, fresh)
    found = tilted(network, drawn, fresh, torch.tensor(COVARIANCES))
    # The posterior is one of the networks of the prior, each as likely: kl = ln 60, whichever the examples speak for.
    n, held, kept = 60, 0, {s: found.term(s / 60) for s in strengths(60)}
    cells = classes(200 * n, rng, COVARIANCES)
    with torch.no_grad():
        every = torch.stack([network.loss(network.at(w, cells.inputs), cells.targets) for w in drawn]).numpy()
    by_class = [np.flatnonzero(cells.targets.numpy() == k).reshape(200, -1)[:, : n // 2] for k in (0, 1)]
    for k in range(200):
        seen = every[:, np.concatenate([by_class[0][k], by_class[1][k]])].mean(1)
        best = int(seen.argmin())
        bound = pac_bayes_loss_bound("gradient norm", float(seen[best]), math.log(60), n, kept, guess=math.log(2))
        held += bound.value >= found.losses[best].mean()
    assert held >= 183  # 95 % of 200, less 2.3 standard deviations
    assert bound.assumes[-1].endswith("without a confidence of their own")


def test_what_does_not_fit_is_refused():
    with pytest.raises(BadInput, match="do not fit"):
        Tilted(np.ones((2, 5)), np.ones((2, 4)), np.zeros(5, dtype=int))
    with pytest.raises(BadInput, match="not negative"):
        Tilted(np.ones((2, 5)), -np.ones((2, 5)), np.zeros(5, dtype=int))
