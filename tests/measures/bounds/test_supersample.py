"""Supersample bounds exceed gaps that are known exactly, are ordered as data processing has it, and refuse unfair masks."""

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from unseen.errors import BadInput, TooFewUnits
from unseen.measures.bounds.supersample import KINDS, Supersample, information


def nearest_mean(n, draws, rng, spread=1.0, masks=None, m=None):
    """Classes told by the nearer of two means that are learnt from n points; all masks, or m drawn ones."""
    every = np.array(list(itertools.product((0, 1), repeat=n))) if m is None else None
    losses, told, used = [], [], []
    for _ in range(draws):
        y = rng.integers(0, 2, (n, 2))
        x = rng.normal(size=(n, 2, 2)) * spread + np.stack([2 * y - 1, 0 * y], -1)
        mask = every if every is not None else rng.integers(0, 2, (m, n))
        rows = np.arange(n)
        made = []
        for u in mask:
            seen_x, seen_y = x[rows, u], y[rows, u]
            means = [seen_x[seen_y == k].mean(0) if (seen_y == k).any() else np.zeros(2) for k in (0, 1)]
            far = [((x - mean) ** 2).sum(-1) for mean in means]
            made.append((far[1] < far[0]).astype(int))
        told.append(np.array(made))
        losses.append((np.array(made) != y).astype(int))
        used.append(mask)
    return Supersample(np.array(used), np.array(losses), np.array(told))


def test_information_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    values, masks = rng.integers(0, 4, (200, 3)), rng.integers(0, 2, (200, 3))
    values[:, 1] = np.where(rng.random(200) < 0.7, masks[:, 1], values[:, 1])
    found = information(values, masks)
    assert found == pytest.approx([mutual_info_score(values[:, k], masks[:, k]) for k in range(3)], abs=1e-9)


def test_bias_of_information_is_taken_off_where_nothing_is_shared():
    rng = np.random.default_rng(0)
    values, masks = rng.integers(0, 4, (40, 50, 60)), rng.integers(0, 2, (40, 50, 60))
    plain = information(values, masks).mean()
    assert plain == pytest.approx(3 / 100, rel=0.1)
    for kind in KINDS[1:]:
        # What is below nothing is told as 0, so that not all of the bias goes.
        assert information(values, masks, kind, rng=rng).mean() < 0.45 * plain


def test_every_bound_exceeds_the_exact_gap_and_they_are_ordered():
    # All 2⁴ masks are retrained, so that information and gap of each draw are exact.
    sample = nearest_mean(4, 40, np.random.default_rng(0))
    within = sample.difference(within=True)
    assert sample.gap > 0.02
    assert sample.gap <= within <= sample.evaluated() <= sample.functional() + 1e-12
    # Over all draws at once it is tighter again (Jensen's inequality, masks being drawn apart from the examples).
    assert sample.gap <= sample.difference() <= within
    assert sample.gap <= sample.fast()
    assert sample.gap <= sample.fast(variance=True) <= sample.fast() + 1e-9


def test_the_fast_rate_is_the_least_of_a_grid():
    sample = nearest_mean(4, 20, np.random.default_rng(1))
    shared = np.mean(
        [information(sample.losses[..., k].reshape(-1, 4), sample.masks.reshape(-1, 4)).mean() for k in (0, 1)]
    )
    grid = [
        c1 * sample.training_loss + shared / c2
        for c1 in np.linspace(0, 10, 400)
        for c2 in np.linspace(0.005, 0.345, 300)
        if math.exp(2 * c2) + math.exp(-2 * c2 * (c1 + 1)) <= 2
    ]
    assert sample.fast() <= min(grid) + 1e-9
    assert sample.fast() == pytest.approx(min(grid), rel=0.02)


def test_a_learner_by_heart_has_the_gap_that_the_interpolating_bound_says():
    # Right on what was trained on, and else wrong half of the time: the gap is 1/2.
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 2, (1, 4_000, 6))
    own = np.stack([masks == 0, masks == 1], -1)
    losses = np.where(own, 0, rng.integers(0, 2, own.shape))
    sample = Supersample(masks, losses, losses)
    assert sample.gap == pytest.approx(0.5, abs=0.01)
    # I(difference; mask) = ln 2 / 2 exactly: a difference other than 0 tells the mask.
    assert sample.interpolating() == pytest.approx(0.5, abs=0.015)
    assert sample.difference() == pytest.approx(math.sqrt(math.log(2)), abs=0.01)
    with pytest.raises(BadInput, match="of learners that have none"):
        nearest_mean(4, 5, rng).interpolating()


def test_the_gap_stays_below_the_bounds_over_draws():
    # Two hundred experiments of a hundred retrainings each.
    rng, below = np.random.default_rng(2), 0
    for _ in range(200):
        sample = nearest_mean(3, 3, rng, m=30)
        below += sample.gap <= min(sample.difference(within=True), sample.functional())
    assert below >= 198


def test_masks_that_are_no_coins_are_refused():
    rng = np.random.default_rng(0)
    zeros = np.zeros((2, 100, 5, 2), dtype=int)
    fair = rng.integers(0, 2, (2, 100, 5))
    Supersample(fair, zeros, zeros)
    with pytest.raises(BadInput, match="no fair coins"):
        Supersample((rng.random((2, 100, 5)) < 0.85).astype(int), zeros, zeros)
    # One mask for all places: the same examples always stand together.
    with pytest.raises(BadInput, match="2 of 100 masks differ"):
        Supersample(np.repeat(rng.integers(0, 2, (2, 100, 1)), 5, axis=2), zeros, zeros)
    with pytest.raises(BadInput, match="0 or 1"):
        Supersample(fair, zeros + 2, zeros)
    with pytest.raises(TooFewUnits, match="10 retrainings"):
        Supersample(fair[:, :5], zeros[:, :5], zeros[:, :5])
