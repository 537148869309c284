"""The corpus of the study: networks are the same for the same seed, stop at the common loss, and are ordered as Kendall does."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.atlas.studies.measures import constrained_margins as study  # noqa: E402
from unseen.learners.networks import Network, Sample  # noqa: E402


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 60)
    return Sample.of((rng.normal(size=(60, 64)) + 3 * np.eye(64)[y], y))


def test_a_network_stops_at_the_common_loss_and_is_the_same_twice(sample):
    settings = {"width": 16, "depth": 2, "dropout": 0.2, "decay": 0.0}
    one, loss = study.trained(sample, settings, 3, 2_000)
    two, _ = study.trained(sample, settings, 3, 2_000)
    assert loss <= study.LOSS
    assert not one.training
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    other, _ = study.trained(sample, settings, 4, 2_000)
    assert not torch.equal(one[0].weight, other[0].weight)


def test_margins_are_told_for_every_set_of_directions(sample):
    net, _ = study.trained(sample, {"width": 16, "depth": 1, "dropout": 0.0, "decay": 0.0}, 0, 300)
    bases = {"input": None, "constrained": torch.eye(64)[:5]}
    made = study.margins(Network.of(net, sample), sample, bases)
    assert set(made) == {"input", "constrained", "hidden", "output"}
    assert made["constrained"] > made["input"] > 0


def test_order_is_one_where_the_measure_follows_the_score():
    assert study.order([1.0, 2.0, 3.0], [0.1, 0.2, 0.9]) == 1.0
    assert study.order([3.0, 2.0, 1.0], [0.1, 0.2, 0.9]) == -1.0
