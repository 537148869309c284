"""Item response models against naive twins, known truth and nominal coverage."""

import itertools
import math

import numpy as np
import pytest

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.difficulty.irt import fit_irt, ml_abilities
from unseen.estimates.difficulty.irt_fit import item_fit, person_fit
from unseen.estimates.difficulty.rasch import difficulty_without, fit_rasch


def simulated(persons, items, seed, *, missing=0.0, slope_sd=0.3):
    rng = np.random.default_rng(seed)
    ability, slope, difficulty = (
        rng.normal(size=persons),
        np.exp(rng.normal(0, slope_sd, items)),
        rng.normal(size=items),
    )
    p = 1 / (1 + np.exp(-slope * (ability[:, None] - difficulty)))
    matrix = (rng.random(p.shape) < p).astype(float)
    matrix[rng.random(p.shape) < missing] = np.nan
    return matrix, ability, slope, difficulty


def naive_log_likelihood(matrix, slope, intercept):
    """A loop over persons, items and a fine grid of abilities: the definition, for small tables."""
    grid = np.linspace(-7, 7, 401)
    density = np.exp(-(grid**2) / 2) / math.sqrt(2 * math.pi) * (grid[1] - grid[0])
    total = 0.0
    for row in matrix:
        like = np.ones_like(grid)
        for x, a, d in zip(row, slope, intercept, strict=True):
            if not math.isnan(x):
                p = 1 / (1 + np.exp(-(a * grid + d)))
                like *= p if x == 1 else 1 - p
        total += math.log(float(like @ density))
    return total


@pytest.mark.parametrize("kind", ["1pl", "2pl"])
def test_the_solution_has_the_highest_naive_likelihood(kind):
    matrix, *_ = simulated(150, 5, 1, missing=0.1)
    fit = fit_irt(matrix, kind=kind, prior=False, tolerance=1e-5, max_iterations=2000)
    at = naive_log_likelihood(matrix, fit.discrimination, fit.intercept)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(at, abs=0.01)
    for j, step in itertools.product(range(5), (-0.15, 0.15)):
        moved = fit.intercept.copy()
        moved[j] += step
        assert naive_log_likelihood(matrix, fit.discrimination, moved) < at
        slope = fit.discrimination + step * (np.arange(5) == j if kind == "2pl" else 1)
        assert naive_log_likelihood(matrix, slope, fit.intercept) < at


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_truth_is_recovered_at_200_persons_and_2000_items(missing):
    matrix, ability, _, difficulty = simulated(200, 2000, 0, missing=missing)
    fit = fit_irt(matrix.astype(np.float32))
    ok = ~fit.extreme
    assert np.corrcoef(fit.difficulty[ok], difficulty[ok])[0, 1] > 0.965
    assert np.corrcoef(fit.ability, ability)[0, 1] > 0.99


def test_intervals_cover_difficulty_slope_and_ability_at_their_stated_rate():
    hits = []
    for seed in range(25):
        matrix, ability, slope, difficulty = simulated(500, 24, seed, missing=0.1)
        fit = fit_irt(matrix, prior=False)
        hits.append([
            np.mean(np.abs(fit.difficulty - difficulty) < 1.96 * fit.difficulty_se),
            np.mean(np.abs(fit.discrimination - slope) < 1.96 * fit.discrimination_se),
            np.mean(np.abs(fit.ability - ability) < 1.96 * fit.ability_se),
        ])  # fmt: skip
    assert np.all(np.abs(np.mean(hits, axis=0) - 0.95) < 0.03)  # 600 items: 3.4 binomial sd


def test_extreme_items_and_persons_have_no_finite_place():
    matrix, *_ = simulated(60, 20, 3)
    matrix[:, 0], matrix[:, 1], matrix[5] = 1, 0, 1
    matrix[5, 1] = 0
    fit = fit_irt(matrix)
    assert fit.difficulty[0] == -np.inf
    assert fit.difficulty[1] == np.inf
    assert np.isfinite(fit.ability).all()
    ml, error = ml_abilities(matrix, fit)
    assert ml[5] == np.inf
    assert np.isnan(error[5])


def test_a_person_who_guesses_and_an_item_that_is_noise_do_not_fit():
    matrix, *_ = simulated(400, 60, 4)
    rng = np.random.default_rng(0)
    matrix[0], matrix[:, 0] = rng.random(60) < 0.5, rng.random(400) < 0.5
    fit = fit_irt(matrix, kind="1pl")
    assert item_fit(matrix, fit).infit.argmax() == 0
    assert person_fit(matrix, fit).likelihood_z[0] < -2
    assert np.nanmean(item_fit(matrix, fit).infit) == pytest.approx(1, abs=0.05)


def test_what_can_not_be_fitted_is_said():
    with pytest.raises(TooFewUnits, match=r"a 2PL needs 50 persons.*got 20"):
        fit_irt(np.ones((20, 5)))
    with pytest.raises(BadInput, match=r"scores lie in \[0, 1\] here, got 3"):
        fit_irt(np.full((60, 5), 3.0))
    with pytest.raises(TooFewUnits, match="0 of 5 items are solved by some"):
        fit_irt(np.ones((60, 5)))
    with pytest.raises(Undefined, match="0 of 3 models"):
        fit_rasch(np.ones((50, 3)))
    with pytest.raises(TooFewUnits, match="got 1 and 50"):
        fit_rasch(np.ones((50, 1)))


def rasch_data(seed, items=600, repeats=1):
    rng = np.random.default_rng(seed)
    ability = np.array([-1.0, 0.0, 0.5, 1.5])
    difficulty = rng.normal(0, 1.5, items // repeats).repeat(repeats)
    return (rng.random((items, 4)) < 1 / (1 + np.exp(difficulty[:, None] - ability))).astype(float), ability


def test_few_models_have_intervals_that_cover_with_clusters():
    hits = []
    for seed in range(150):
        matrix, ability = rasch_data(seed, repeats=2)
        fit = fit_rasch(matrix, cluster=np.arange(300).repeat(2))
        hits.append(np.abs(fit.ability - ability) < 1.96 * fit.ability_se)
    assert 0.92 < np.mean(hits) < 0.98


def test_the_rasch_likelihood_is_that_of_the_definition_and_at_its_top():
    matrix, _ = rasch_data(0, items=80)
    matrix[3, 1] = np.nan
    fit = fit_rasch(matrix)
    at = naive_log_likelihood(matrix, np.full(4, fit.spread), fit.ability)
    assert fit.log_likelihood == pytest.approx(at, abs=0.01)
    for m, step in itertools.product(range(4), (-0.2, 0.2)):
        assert naive_log_likelihood(matrix, np.full(4, fit.spread), fit.ability + step * (np.arange(4) == m)) < at
    # The curvature of the definition is the inverse of the covariance, but for sampling noise of the sandwich.
    assert np.all(fit.ability_se > 0.1)


def test_success_is_predicted_from_the_other_models_alone():
    matrix, _ = rasch_data(2, items=8000)
    fit = fit_rasch(matrix)
    _, expected = difficulty_without(fit, 2)
    observed = fit.patterns.right[:, 2]
    easy = expected > np.median(expected)
    weight = fit.patterns.weight
    gap = np.average((expected - observed)[easy], weights=weight[easy])
    assert abs(gap) < 0.02  # 3.5 sd of a mean of about 4,000 answers
