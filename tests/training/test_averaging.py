"""Averaged weights against plain means and the loop of the published algorithm."""

import numpy as np
import pytest
import torch
from torch import nn

from unseen.errors import BadInput
from unseen.training.averaging import SWA, SWAD, load_average, loss_valley

torch.set_num_threads(1)


def walk(averaging, values):
    """Feeds weights as if an update had set them."""
    model = nn.Linear(1, 1, bias=False)
    for step, value in enumerate(values, 1):
        with torch.no_grad():
            model.weight.fill_(value)
        averaging(step, model)
    return model


def test_swa_is_the_mean_of_every_kth_weight_from_its_start():
    averaging = SWA(start=3, every=2)
    walk(averaging, range(1, 10))
    assert averaging.weights()["weight"].item() == pytest.approx(np.mean([3, 5, 7, 9]))
    early = SWA(start=50)
    walk(early, range(5))
    assert early.weights() is None
    with pytest.raises(BadInput, match="at least 1, got 0 and 1"):
        SWA(0)


def published(losses, ns, ne, r):
    """Algorithm 1 of Cha et al. (2021), index by index."""
    start, end, threshold = None, len(losses) - 1, None
    for i in range(len(losses)):
        if threshold is None:
            window = [losses[i - k] for k in range(ns) if i - k >= 0]
            if len(window) == ns and losses[i - ns + 1] == min(window):
                start, threshold = i - ns + 1, r / ns * sum(window)
        elif i - start >= ne and threshold < min(losses[i - k] for k in range(ne)):
            end = i - ne
            break
    return None if start is None else (start, end)


def test_the_valley_is_that_of_the_published_loop():
    rng = np.random.default_rng(0)
    for _ in range(200):
        losses = (1 + np.abs(np.linspace(-1, 1.5, 25)) * 3 + rng.normal(scale=0.3, size=25)).tolist()
        ns, ne = int(rng.integers(1, 5)), int(rng.integers(1, 7))
        assert loss_valley(losses, ns, ne, 1.2) == published(losses, ns, ne, 1.2)
    assert loss_valley([5, 4, 3, 2, 1]) is None


def test_swad_averages_all_weights_within_the_valley():
    losses = iter([5, 3, 1, 1.1, 1.2, 9, 9, 9])
    averaging = SWAD(lambda _: next(losses), every=2, start_patience=3, end_patience=2)
    walk(averaging, range(16))
    assert averaging.valley == (2, 4)
    # Stretches 2 to 4 are updates 5 to 10, which held the values 4 to 9.
    assert averaging.weights()["weight"].item() == pytest.approx(np.mean(range(4, 10)))


def test_an_average_brings_batch_statistics_of_its_own():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    x = torch.randn(512, 2)
    weights = {name: p.detach() * 2 for name, p in model.named_parameters()}
    load_average(model, weights, x, batch_size=128)
    hidden = model[0](x)
    np.testing.assert_allclose(model[0].weight.detach(), weights["0.weight"])
    np.testing.assert_allclose(model[1].running_mean, hidden.mean(0).detach(), atol=1e-5)
    assert model[1].momentum == 0.1
    assert not model.training
