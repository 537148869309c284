"""Adversarial training against the closed forms of a linear model."""

import numpy as np
import pytest
import torch
from torch import nn

from unseen.errors import BadInput
from unseen.learners.architectures.featured import FeaturedMLP
from unseen.training.config import TrainConfig
from unseen.training.loop import train
from unseen.training.objectives.domains.registry import objective_named

torch.set_num_threads(1)


def rows(n=40, d=6):
    g = torch.Generator().manual_seed(0)
    return {"x0": torch.randn(n, d, generator=g), "y": torch.arange(n) % 2}


# Steps that sum to 2.5 epsilon reach every corner of a cube; on a sphere they leave e^-2.5 of the first angle, so that
# the cosine falls short of 1 by less than a hundredth.
@pytest.mark.parametrize(("norm", "order", "tolerance"), [("linf", 1, 1e-5), ("l2", 2, 0.01)])
def test_the_loss_of_a_linear_model_is_that_at_the_margin_less_epsilon_times_the_dual_norm(norm, order, tolerance):
    torch.manual_seed(0)
    model, data = nn.Linear(6, 2), rows()
    objective = objective_named("adversarial", epsilon=0.3, norm=norm, steps=10)
    objective.prepare(model, data, seed=1)
    weight, bias = model.weight[1] - model.weight[0], model.bias[1] - model.bias[0]
    margin = (data["x0"] @ weight + bias) * (2 * data["y"] - 1)
    expected = nn.functional.softplus(-(margin - 0.3 * weight.norm(order))).mean()
    reached = objective.loss(model, data).item()
    assert reached == pytest.approx(expected.item(), rel=tolerance)
    assert reached <= expected.item() + 1e-6


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_moved_inputs_stay_in_the_ball_and_raise_the_loss_of_a_network(norm):
    torch.manual_seed(0)
    model, data = FeaturedMLP(6, 2, 16, batch_norm=True, dropout=0.5), rows()
    objective = objective_named("adversarial", epsilon=0.2, norm=norm)
    objective.prepare(model, data, seed=1)
    model.train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    moved = objective.attacked(model, data)
    assert model.training
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    size = (moved - data["x0"]).norm(p=float("inf") if norm == "linf" else 2, dim=1)
    assert size.max() <= 0.2 + 1e-5
    model.eval()
    each = nn.functional.cross_entropy
    plain = each(model(data["x0"]), data["y"], reduction="none")
    assert (each(model(moved), data["y"], reduction="none") > plain).all()


def test_zero_epsilon_is_plain_training_and_runs_repeat():
    found = []
    for name, hyper in (("adversarial", {"epsilon": 0.0}), ("erm", {}), ("adversarial", {}), ("adversarial", {})):
        torch.manual_seed(0)
        model, data = FeaturedMLP(6, 2, 8), rows()
        objective = objective_named(name, **hyper)
        objective.prepare(model, data, seed=1)
        train(model, objective, data, TrainConfig(steps=20, batch_size=16), torch.Generator().manual_seed(3))
        found.append(model(data["x0"]).detach().numpy())
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    np.testing.assert_array_equal(found[2], found[3])
    assert not np.allclose(found[1], found[2])


def test_what_has_no_meaning_is_refused():
    with pytest.raises(BadInput, match=r"norm is linf or l2; got epsilon=0.1, steps=5, norm='l1'"):
        objective_named("adversarial", norm="l1")
