"""Ghost batch normalisation equals torch's batch normalisation run over the parts one after another."""

import pytest
import torch
from torch import nn

from unseen.engine.seeds import seeded_torch
from unseen.errors import BadInput
from unseen.learners.architectures.featured import FeaturedCNN
from unseen.learners.architectures.ghost_norm import GhostBatchNorm, with_ghost_norm


@pytest.mark.parametrize(("shape", "plain"), [((64, 5), nn.BatchNorm1d), ((64, 5, 4, 3), nn.BatchNorm2d)])
@pytest.mark.parametrize("virtual", [64, 16, 10, 9, 21])
def test_it_is_batch_norm_over_the_parts_in_turn(shape, plain, virtual):
    with seeded_torch(0):
        x = (3 * torch.randn(shape, dtype=torch.float64) + 1).requires_grad_()
    ghost, naive = GhostBatchNorm(5, virtual).double(), plain(5).double()
    with torch.no_grad():
        ghost.weight += torch.arange(5)
        naive.weight += torch.arange(5)
    parts = list(x.split(virtual))
    if len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    want = torch.cat([naive(part) for part in parts])
    got = ghost(x)
    assert torch.allclose(got, want)
    assert torch.allclose(ghost.running_mean, naive.running_mean)
    assert torch.allclose(ghost.running_var, naive.running_var)
    (a,) = torch.autograd.grad(got.square().sum() + got[0].sum(), x, retain_graph=True)
    (b,) = torch.autograd.grad(want.square().sum() + want[0].sum(), x)
    assert torch.allclose(a, b)
    assert torch.allclose(ghost.eval()(x), naive.eval()(x))


def test_replacing_keeps_weights_and_evaluation():
    with seeded_torch(0):
        model = FeaturedCNN(1, 8, 3, 4, batch_norm=True)
        x = torch.randn(40, 64)
    model(x)
    before = model.eval()(x)
    assert torch.allclose(with_ghost_norm(model, 8)(x), before, atol=1e-6)
    assert sum(isinstance(m, GhostBatchNorm) for m in model.modules()) == 2
    assert not torch.allclose(model.train()(x), before, atol=1e-3)


def test_parts_need_two_rows():
    with pytest.raises(BadInput, match="at least 2 rows, got 1"):
        GhostBatchNorm(3, 1)
