import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.errors import Undefined
from unseen.estimates.contrasts.decomposition import decompose


def _naive(cell, side, score, min_rows=5):
    shared = [c for c in np.unique(cell) if min((cell[side] == c).sum(), (cell[~side] == c).sum()) >= min_rows]
    inside = np.isin(cell, shared)
    n_a, n_b = (side & inside).sum(), (~side & inside).sum()
    mix = difficulty = 0.0
    for c in shared:
        a, b = side & (cell == c), ~side & (cell == c)
        wa, wb, ra, rb = a.sum() / n_a, b.sum() / n_b, score[a].mean(), score[b].mean()
        mix += (wa - wb) * (ra + rb) / 2
        difficulty += (wa + wb) / 2 * (ra - rb)
    remainder = score[side].mean() - score[side & inside].mean()
    remainder -= score[~side].mean() - score[~side & inside].mean()
    return mix, difficulty, remainder


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_parts_equal_the_formulas_and_add_up(seed):
    rng = np.random.default_rng(seed)
    n = 300
    side = rng.random(n) < 0.5
    cell = np.where(side, rng.integers(0, 6, n), rng.integers(1, 8, n))
    score = rng.random(n)
    parts = decompose(cell, side, score, rng.integers(0, 40, n))
    values = (parts.mix.value, parts.difficulty.value, parts.remainder.value)
    np.testing.assert_allclose(values, _naive(cell, side, score), atol=1e-12)
    assert sum(values) == pytest.approx(parts.total.value, abs=1e-12)


def test_the_delta_variance_equals_the_jackknife():
    rng = np.random.default_rng(0)
    n, groups = 2000, 200
    side, cluster = rng.random(n) < 0.5, rng.integers(0, groups, n)
    cell = np.where(side, rng.integers(0, 4, n), rng.integers(1, 6, n))
    score = rng.random(n) + 0.3 * side + 0.5 * rng.standard_normal(groups)[cluster]
    parts = decompose(cell, side, score, cluster)
    left_out = np.array([_naive(cell[k], side[k], score[k]) for g in range(groups) for k in [cluster != g]])
    jack = np.sqrt((groups - 1) / groups * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
    ours = [e.width / 2 / 1.972 for e in (parts.mix, parts.difficulty, parts.remainder)]
    np.testing.assert_allclose(ours, jack, rtol=0.03)


def test_the_interval_of_difficulty_covers_at_its_rate():
    rng, hits, runs = np.random.default_rng(1), 0, 300
    for _ in range(runs):
        side = np.repeat([True, False], 300)
        cell = np.where(side, rng.random(600) < 0.3, rng.random(600) < 0.7).astype(int)
        score = (rng.random(600) < 0.7 - 0.2 * cell - 0.1 * ~side).astype(float)
        difficulty = decompose(cell, side, score, np.arange(600)).difficulty
        hits += difficulty.low <= 0.1 <= difficulty.high
    assert 0.91 <= hits / runs <= 0.985  # 95 % nominal; 0.91 is 3.2 binomial sd below


def test_no_shared_cell_is_said():
    with pytest.raises(Undefined, match="none of 2 cells has 5 rows on both sides"):
        decompose(np.repeat([0, 1], 20), np.repeat([True, False], 20), np.arange(40.0), np.arange(40))
