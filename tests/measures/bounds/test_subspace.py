"""Subspaces have the weights that a whole projection gives, smoothing limits losses, and the bound holds over draws of texts."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.errors import BadInput  # noqa: E402
from unseen.measures.bounds.subspace import Subspace, coded, log_loss_bound, smoothed_bits  # noqa: E402


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


START = {"w": torch.randn(5, 4, generator=generator(1)), "b": torch.zeros(5)}


def test_the_projection_is_a_product_of_kronecker():
    space = Subspace.of(START, generator(), size=9)
    z = torch.randn(9, generator=generator(2))
    whole = torch.kron(space.left, space.right) @ z
    made = space.weights(z)
    assert torch.allclose(made["w"], START["w"] + whole[:20].reshape(5, 4), atol=1e-5)
    assert torch.allclose(made["b"], whole[20:25], atol=1e-5)
    assert space.numbers == 9
    # A random direction keeps its length, up to the spread of few of them.
    long = [
        float(torch.kron(s.left, s.right).square().sum(1).mean())
        for s in (Subspace.of(START, generator(k), size=9) for k in range(300))
    ]
    assert np.mean(long) == pytest.approx(1, abs=0.1)


def test_low_rank_changes_have_their_rank_and_start_at_nothing():
    space = Subspace.of(START, generator(), rank=2)
    assert space.numbers == 2 * (5 + 4) + 5
    still = space.weights(torch.zeros(space.numbers))
    assert torch.equal(still["w"], START["w"])
    moved = space.weights(torch.randn(space.numbers, generator=generator(3)))["w"] - START["w"]
    assert int(torch.linalg.matrix_rank(moved, atol=1e-4)) == 2
    both = Subspace.of(START, generator(), rank=2, size=4)
    assert both.numbers == 4
    with pytest.raises(BadInput, match="a square number, at most 25"):
        Subspace.of(START, generator(), size=8)
    with pytest.raises(BadInput, match="at most 25"):
        Subspace.of(START, generator(), size=36)


def test_smoothed_losses_have_the_span_that_the_bound_takes():
    share, letters = 0.05, 30
    worst, best = smoothed_bits(np.array([-1e9, 0.0]), letters, share)
    assert worst - best == pytest.approx(math.log2(1 + (1 - share) * letters / share))


def test_finer_codes_are_longer_and_nearer():
    numbers = torch.randn(400, generator=generator())
    made = coded(numbers, (1, 3, 15))
    far = [float((one.numbers - numbers).norm()) for one in made]
    assert far == sorted(far, reverse=True)
    assert [one.nats for one in made] == sorted(one.nats for one in made)


def test_the_best_of_many_codes_is_held_and_not_without_its_length():
    # Predictors that each know a coin of their own: the best of 20,000 looks better on 50 texts than it is.
    rng, held, naive = np.random.default_rng(0), 0, 0
    truth = float(np.mean(smoothed_bits(np.log(np.array([0.99, 0.01])), 2, 0.02)))
    for _ in range(200):
        right = rng.binomial(50, 0.5, 20_000).max()
        chances = np.log(np.r_[np.full(right, 0.99), np.full(50 - right, 0.01)])[:, None]
        held += log_loss_bound(chances, 2, math.log(20_000), kind="code", about="one", smoothing=(0.02,)).value >= truth
        naive += log_loss_bound(chances, 2, 0.0, kind="code", about="one", smoothing=(0.02,)).value >= truth
    assert held >= 183  # 95 % of 200, less 2.3 standard deviations
    assert naive < 100
