"""Ratings against Glickman's worked example, stationarity and simulated truth."""

import numpy as np
import pytest

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.difficulty.rasch import fit_rasch
from unseen.estimates.models.ratings import (
    CENTRE,
    POINTS,
    Glicko,
    distance_to_mastery,
    elo_ratings,
    glicko2,
    joint_ratings,
    mastery_ability,
)


def test_glicko2_gives_the_numbers_of_the_paper():
    after = glicko2(Glicko(1500, 200, 0.06), [Glicko(1400, 30), Glicko(1550, 100), Glicko(1700, 300)], [1, 0, 0])
    # The paper rounds on the way: 1464.06, 151.52, 0.05999.
    assert after.rating == pytest.approx(1464.06, abs=0.011)
    assert after.deviation == pytest.approx(151.52, abs=0.005)
    assert after.volatility == pytest.approx(0.05999, abs=1e-5)


def test_without_matches_only_the_deviation_grows():
    after = glicko2(Glicko(1500, 200, 0.06), [], [])
    assert (after.rating, after.volatility) == (1500, 0.06)
    assert after.deviation == pytest.approx(np.hypot(200, 0.06 * 173.7178))
    with pytest.raises(BadInput, match="got 1 scores and 0 opponents"):
        glicko2(Glicko(), [], [1])


def table(seed, models=12, items=300, missing=0.3):
    rng = np.random.default_rng(seed)
    ability, difficulty = rng.normal(size=models), rng.normal(size=items)
    difficulty -= difficulty.mean()
    matrix = (rng.random((models, items)) < 1 / (1 + np.exp(difficulty - ability[:, None]))).astype(float)
    matrix[rng.random(matrix.shape) < missing] = np.nan
    return matrix, ability, difficulty


def test_joint_ratings_solve_the_likelihood_equations_and_do_not_depend_on_order():
    matrix, *_ = table(0)
    r = joint_ratings(matrix, prior_games=1e-3)
    expected = 1 / (1 + np.exp((r.item[None] - r.model[:, None]) / POINTS))
    assert np.abs(np.nansum(matrix - expected, axis=1)).max() < 0.01
    order = np.random.default_rng(1).permutation(300)
    assert joint_ratings(matrix[:, order], prior_games=1e-3).model == pytest.approx(r.model, abs=1e-6)


def test_elo_over_orders_agrees_with_joint_ratings():
    matrix, ability, _ = table(2)
    elo, joint = elo_ratings(matrix, rng=np.random.default_rng(0), orders=30), joint_ratings(matrix)
    assert np.corrcoef(elo.model, joint.model)[0, 1] > 0.97
    assert np.corrcoef(joint.model, ability)[0, 1] > 0.97
    assert np.all(elo.model_low < elo.model_high)
    assert np.array_equal(elo.model, elo_ratings(matrix, rng=np.random.default_rng(0), orders=30).model)
    with pytest.raises(TooFewUnits, match="at least one answer"):
        elo_ratings(np.full((2, 2), np.nan), rng=np.random.default_rng(0))


def test_the_distance_to_mastery_covers_the_truth():
    spread, ability = 1.2, np.array([0.0, 1.0, 2.0])
    z = np.random.default_rng(9).normal(size=400_000)
    grid = np.linspace(2, 6, 401)
    need = grid[np.argmin([abs(np.mean(1 / (1 + np.exp(spread * z[:20_000] - g))) - 0.9) for g in grid])]
    hits = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        difficulty = rng.normal(0, spread, 900)
        fit = fit_rasch((rng.random((900, 3)) < 1 / (1 + np.exp(difficulty[:, None] - ability))).astype(float))
        truth = POINTS * (need - 1.0)
        e = distance_to_mastery(fit, 1)
        hits.append(e.low < truth < e.high)
        assert fit.mean_success([mastery_ability(fit, 0.9)])[0] == pytest.approx(0.9, abs=1e-6)
    assert 0.88 < np.mean(hits) <= 1.0
    assert CENTRE == 1500
