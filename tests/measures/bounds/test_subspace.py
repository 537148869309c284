"""Subspaces have the weights that a whole projection gives, smoothing limits losses, and the bound holds over draws of texts."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.errors import BadInput  # noqa: E402
from unseen.measures.bounds.coding import decode, encode  # noqa: E402
from unseen.measures.bounds.subspace import Subspace, coded, learnt_levels, log_loss_bound, smoothed_bits  # noqa: E402


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
    # What reads the inputs is drawn, what writes starts at nothing: only the second moves the weights at first.
    numbers = torch.zeros(space.numbers, requires_grad=True)
    (space.weights(numbers)["w"] * torch.randn(5, 4, generator=generator(4))).sum().backward()
    assert numbers.grad[:10].abs().min() > 0
    assert numbers.grad[10:18].abs().max() == 0
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


def test_learnt_levels_are_those_of_the_best_partition():
    values = torch.tensor([-2.0, -1.9, -1.8, 0.1, 0.2, 0.3, 0.35, 5.0, 5.2])
    # Levels of sorted numbers cut them into runs: all cuts are tried.
    runs = [(values[:i], values[i:j], values[j:]) for i in range(1, 8) for j in range(i + 1, 9)]
    least = min(sum(float((r - r.mean()).square().sum()) for r in three) for three in runs)
    levels = learnt_levels(values, 3)
    made = (values[:, None] - levels).square().min(1).values.sum()
    assert float(made) == pytest.approx(least, abs=1e-3)
    assert torch.equal(levels, levels.half().float())
    assert learnt_levels(torch.zeros(4), 3).abs().max() == 0


def test_a_codebook_is_paid_for_and_its_letters_can_be_read_back():
    numbers = torch.cat([torch.full((300,), 0.5), torch.full((100,), -1.25)])
    (one,) = coded(numbers, (), (2,))
    assert torch.equal(one.numbers, numbers)
    letters = (numbers > 0).long().tolist()
    bits = encode(letters, 2)
    assert decode(bits, 2, 400) == letters
    assert one.nats / math.log(2) == pytest.approx(2 * 16 + len(bits), abs=3)


def test_a_bound_from_some_texts_pays_for_their_draw():
    chances = np.log(np.full((40, 3), 0.25))
    told = log_loss_bound(chances, 8, 20.0, kind="code", about="one", smoothing=(0.1,), of=360, choices=5)
    span, r = math.log2(1 + 0.9 * 8 / 0.1), 40 / 400
    code = math.sqrt((20 + math.log(1 / (r * 0.05))) / 720)
    draw = math.sqrt(math.log(5 / ((1 - r) * 0.05)) / 80)
    assert told.value == pytest.approx(-math.log2(0.9 * 0.25 + 0.1 / 8) + span * (code + draw))
    assert told.examples == 360
    with pytest.raises(BadInput, match="40 texts can't be drawn from 39"):
        log_loss_bound(chances, 8, 20.0, kind="code", about="one", of=39)


def test_the_best_of_many_codes_is_held_where_it_is_told_from_a_draw():
    # Each predictor knows half of what comes, by chance; the best on 400 texts is chosen, and told from 25 of them.
    rng, held, naive = np.random.default_rng(1), 0, 0
    truth = float(np.mean(smoothed_bits(np.log(np.array([0.99, 0.01])), 2, 0.02)))
    good, bad = np.log(0.99), np.log(0.01)
    for _ in range(200):
        right = np.arange(400) < rng.binomial(400, 0.5, 5_000).max()
        some = np.where(right[rng.permutation(400)[:25]], good, bad)[:, None]
        made = log_loss_bound(some, 2, math.log(5_000), kind="code", about="one", smoothing=(0.02,), of=400)
        held += made.value >= truth
        naive += smoothed_bits(some, 2, 0.02).mean() >= truth
    assert held >= 183
    assert naive < 100


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
