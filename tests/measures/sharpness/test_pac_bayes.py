"""The noise that training answers stand, against a closed form."""

import pytest

torch = pytest.importorskip("torch")
from scipy import stats  # noqa: E402
from torch import nn  # noqa: E402

from unseen.engine.seeds import torch_generator  # noqa: E402
from unseen.errors import Undefined  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402
from unseen.measures.sharpness.pac_bayes import noise_radius  # noqa: E402


def line(scale=1.0, margin=1.0):
    """Two classes by the sign of w·x with x = ±1: noise σ on w turns every answer round with probability Φ(−w / σ)."""
    x = torch.tensor([[margin], [-margin]] * 20)
    net = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        net.weight[...] = scale
    sample = Sample(x, torch.tensor([1, 0] * 20))
    return Network.of(net, sample, loss="binary"), sample


def test_the_radius_is_where_a_tenth_of_the_answers_turn_round():
    net, sample = line()
    found = noise_radius(net, sample, generator=torch_generator(0), draws=20_000)
    # Error of a quantile at 0.1 of n normal draws: √(0.09 / n) / φ = 0.012 in units of z = 1.28, so 1 %; four of these.
    assert found.sigma == pytest.approx(1 / -stats.norm.ppf(0.1), rel=0.04)


def test_relative_noise_goes_with_the_weights_and_plain_noise_does_not():
    (small, sample), (large, _) = line(1.0), line(10.0)
    plain = [noise_radius(net, sample, generator=torch_generator(0), draws=2_000).sigma for net in (small, large)]
    relative = [
        noise_radius(net, sample, generator=torch_generator(0), relative=True, draws=2_000).sigma
        for net in (small, large)
    ]
    assert plain[1] / plain[0] == pytest.approx(10, rel=0.01)
    assert relative[1] == pytest.approx(relative[0], rel=0.01)


def test_a_network_that_answers_at_chance_has_none():
    net, _ = line()
    guessing = Sample(torch.tensor([[1.0], [-1.0]] * 20), torch.tensor([1, 0, 0, 1] * 10))
    with pytest.raises(Undefined, match=r"does not raise its training error by 0\.1"):
        noise_radius(net, guessing, generator=torch_generator(0))
