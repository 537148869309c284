"""Winsorised and median-of-means descent against brute force on tiny nets."""

import numpy as np
import pytest
import torch
from scipy.stats import mstats
from torch import nn

from unseen.errors import BadInput
from unseen.training.objectives.domains.robust_gradients import MedianOfMeans, Winsorised, winsorised_mean


def tiny(seed=0, rows=20, classes=3):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, classes))
    return net, {"x0": torch.randn(rows, 4), "y": torch.randint(classes, (rows,))}


def by_backward(net, batch, rows):
    """Gradient of the mean loss over rows, by one backward pass, as a vector."""
    net.zero_grad()
    nn.functional.cross_entropy(net(batch["x0"][rows]), batch["y"][rows]).backward()
    return torch.cat([p.grad.reshape(-1) for p in net.parameters()])


def slope_of(objective, net, batch):
    net.zero_grad()
    loss = objective.loss(net, batch)
    loss.backward()
    return loss, torch.cat([p.grad.reshape(-1) for p in net.parameters()])


@pytest.mark.parametrize("percent", [5.0, 10.0, 40.0])
def test_a_winsorised_gradient_is_that_of_rows_one_by_one(percent):
    net, batch = tiny()
    each = np.stack([by_backward(net, batch, [k]).numpy() for k in range(20)])
    c = round(percent / 100 * 20)
    expected = np.asarray(mstats.winsorize(each, limits=(c / 20, c / 20), axis=0)).mean(0)
    loss, found = slope_of(Winsorised(percent), net, batch)
    assert found.numpy() == pytest.approx(expected, abs=1e-6)
    plain = nn.functional.cross_entropy(net(batch["x0"]), batch["y"])
    assert loss.item() == pytest.approx(plain.item(), abs=1e-6)


@pytest.mark.parametrize("groups", [2, 3, 5])
def test_a_median_of_means_is_that_of_groups_one_by_one(groups):
    net, batch = tiny(rows=17)
    parts = np.array_split(np.arange(17), groups)
    expected = np.median(np.stack([by_backward(net, batch, rows).numpy() for rows in parts]), axis=0)
    _, found = slope_of(MedianOfMeans(groups), net, batch)
    assert found.numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("objective", [Winsorised(0.0), Winsorised(4.0), MedianOfMeans(1)])
def test_with_nothing_drawn_in_they_are_plain_descent(objective):
    """Four percent of twenty rows are none."""
    net, batch = tiny()
    assert slope_of(objective, net, batch)[1].numpy() == pytest.approx(
        by_backward(net, batch, range(20)).numpy(), abs=1e-6
    )


@pytest.mark.parametrize("c", [1, 3, 15, 20])
def test_a_winsorised_mean_is_that_of_clamped_values(c):
    values = torch.from_numpy(np.random.default_rng(c).normal(size=(50, 7)))
    ordered = values.sort(0).values
    assert torch.equal(winsorised_mean(values, c), values.clamp(ordered[c], ordered[49 - c]).mean(0))


def test_a_direction_that_one_row_asks_for_does_not_move_the_weights():
    """Ties included: a hundred equal gradients stay, one that stands alone goes."""
    net = nn.Linear(2, 1, bias=False)
    x = torch.zeros(20, 2)
    x[:, 0], x[0, 1] = 1.0, 50.0
    objective = Winsorised(5.0)
    objective.kind = "regress"
    nn.init.zeros_(net.weight)
    _, found = slope_of(objective, net, {"x0": x, "y": torch.ones(20)})
    assert found.tolist() == [-1.0, 0.0]


def test_numbers_dropout_and_frozen_weights_go_through():
    net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    net[0].weight.requires_grad_(False)
    objective = Winsorised(10.0)
    objective.kind = "regress"
    objective.loss(net, {"x0": torch.randn(30, 4), "y": torch.randn(30)}).backward()
    assert net[0].weight.grad is None
    assert net[2].weight.grad.abs().sum() > 0


def test_what_can_not_be_is_told():
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 2))
    batch = {"x0": torch.randn(20, 4), "y": torch.randint(2, (20,))}
    with pytest.raises(BadInput, match="needs the gradient of each row, and 1 takes statistics over the batch"):
        Winsorised(10.0).loss(net, batch)
    assert MedianOfMeans(3).loss(net, batch).requires_grad
    with pytest.raises(BadInput, match="percent is a share of the batch at either end, from 0 to below 50, got 60"):
        Winsorised(60.0)
    with pytest.raises(BadInput, match="groups are one or more parts of a batch, got 0"):
        MedianOfMeans(0)
    with pytest.raises(BadInput, match="into 30 groups; it has 20 rows"):
        MedianOfMeans(30).loss(net, batch)
    with pytest.raises(BadInput, match="winsorising needs more than 4 values, got 4"):
        winsorised_mean(torch.zeros(4, 2), 2)


@pytest.mark.parametrize("objective", [Winsorised(8.0), MedianOfMeans(3)], ids=["winsorised", "median-of-means"])
def test_a_learner_under_it_learns_what_rows_share(objective):
    """A third of the labels are wrong at random: plain training learns some of them, these learn the rule."""
    from unseen.data import Examples
    from unseen.learners.architectures.featured import FeaturedMLP
    from unseen.training.config import TrainConfig
    from unseen.training.domain_learner import DomainLearner

    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 8))
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    told = np.where(rng.random(600) < 0.3, 1 - y, y)
    import polars as pl

    def table(labels, rows):
        return Examples.from_table(
            pl.DataFrame({f"x{k}": x[rows, k] for k in range(8)} | {"y": [str(v) for v in labels[rows]]}),
            inputs=[f"x{k}" for k in range(8)], target="y",
        )  # fmt: skip

    config = TrainConfig(steps=300, batch_size=100, lr=0.1, optimizer="sgd", eval_every=300)
    learner = DomainLearner(lambda i, o: FeaturedMLP(i, o, 32, 1), objective, config=config)
    fitted = learner.fit(table(told, np.arange(400)), np.random.default_rng(1))
    new = table(y, np.arange(400, 600))
    # The rule without noise is right in all; 0.85 is 5 standard errors of 200 rows below 0.95.
    assert (fitted.predict(new) == new.column("y")).mean() > 0.85
