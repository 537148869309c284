import numpy as np
import pytest
from scipy import optimize

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.difficulty.graded import fit_graded
from unseen.estimates.difficulty.irt import fit_irt


def answers_of(rng, persons, items, cuts, spread=0.3):
    """Answers of a normal population, with slopes and steps; ``cuts`` are the steps around an item's difficulty."""
    ability, slope = rng.normal(size=persons), np.exp(rng.normal(0, spread, items))
    steps = rng.normal(0, 0.7, items)[:, None] + np.asarray(cuts)
    above = 1 / (1 + np.exp(-slope[:, None] * (ability[:, None, None] - steps)))
    return (rng.random((persons, items, 1)) < above).sum(axis=2).astype(float), ability, slope, steps


def brute_log_likelihood(answers, slope, intercept):
    """Marginal log-likelihood by summing category probabilities over a dense grid, one person and item at a time."""
    z = np.linspace(-8, 8, 401)
    density = np.exp(-0.5 * z**2)
    density /= density.sum()
    total = 0.0
    for row in answers:
        joint = density.copy()
        for j, y in enumerate(row):
            if np.isnan(y):
                continue
            above = [np.ones_like(z), *(1 / (1 + np.exp(-slope[j] * z - c)) for c in intercept[j]), np.zeros_like(z)]
            joint = joint * (above[int(y)] - above[int(y) + 1])
        total += np.log(joint.sum())
    return total


def test_two_categories_are_the_2pl():
    answers, *_ = answers_of(np.random.default_rng(1), 300, 25, [0.0])
    answers[np.random.default_rng(2).random(answers.shape) < 0.1] = np.nan
    graded, binary = (fit(answers, prior=False, tolerance=1e-5) for fit in (fit_graded, fit_irt))
    # Both stop within 1e-5 of the same maximum; float32 products leave 1e-4 of a log-likelihood of thousands.
    np.testing.assert_allclose(graded.difficulty[:, 0], binary.difficulty, atol=1e-3)
    np.testing.assert_allclose(graded.discrimination, binary.discrimination, atol=1e-3)
    np.testing.assert_allclose(graded.discrimination_se, binary.discrimination_se, rtol=1e-3)
    np.testing.assert_allclose(graded.difficulty_se[:, 0], binary.difficulty_se, rtol=1e-2)
    np.testing.assert_allclose(graded.ability, binary.ability, atol=1e-3)
    assert graded.log_likelihood == pytest.approx(binary.log_likelihood, abs=0.02)


def test_it_maximises_the_likelihood_that_brute_force_sums():
    answers, *_ = answers_of(np.random.default_rng(3), 60, 4, [-0.8, 0.5])
    answers[0, 1] = np.nan
    fit = fit_graded(answers, prior=False, tolerance=1e-5, max_iterations=2000)
    assert fit.converged
    start = np.concatenate([fit.discrimination, (-fit.discrimination[:, None] * fit.difficulty).ravel()])

    def loss(x):
        return -brute_log_likelihood(answers, x[:4], x[4:].reshape(4, 2))

    # The grids differ in their ends (5 and 8 standard deviations), where 6e-7 of the mass lies.
    assert fit.log_likelihood == pytest.approx(-loss(start), abs=0.01)
    best = optimize.minimize(loss, start, method="L-BFGS-B", options={"maxiter": 30})
    assert -best.fun - fit.log_likelihood < 0.01
    # At the maximum the derivatives vanish; a unit of the score is many times a stop of 1e-5 logits.
    assert np.abs(optimize.approx_fprime(start, loss, 1e-5)).max() < 0.05


def test_steps_and_slopes_are_recovered_with_half_of_the_cells_missing():
    rng = np.random.default_rng(4)
    answers, ability, slope, steps = answers_of(rng, 800, 60, [-1.0, 0.0, 1.0])
    answers[rng.random(answers.shape) < 0.5] = np.nan
    fit = fit_graded(answers)
    assert fit.converged
    # About 400 answers an item: a step of the middle has a standard error near 0.12, against a spread of 1.1.
    assert np.corrcoef(fit.difficulty.ravel(), steps.ravel())[0, 1] > 0.98
    assert np.corrcoef(np.log(fit.discrimination), np.log(slope))[0, 1] > 0.85
    assert np.corrcoef(fit.ability, ability)[0, 1] > 0.93
    assert (np.diff(fit.difficulty, axis=1) > 0).all()


def test_standard_errors_are_those_of_repeated_samples():
    rng = np.random.default_rng(5)
    slope, steps = np.array([0.7, 1.0, 1.4, 1.0, 0.8, 1.2] * 3), np.linspace(-0.8, 0.8, 18)[:, None] + [-0.6, 0.6]
    z = []
    for _ in range(25):
        above = 1 / (1 + np.exp(-slope[:, None] * (rng.normal(size=500)[:, None, None] - steps)))
        fit = fit_graded((rng.random((500, 18, 1)) < above).sum(axis=2), prior=False)
        z.append((fit.difficulty - steps) / fit.difficulty_se)
    covered = np.mean(np.abs(np.array(z)) < 1.96)
    # 25 × 36 intervals; those of one sample share its persons, so count 25 · 8 of them: 0.95 ± 3.2 · 0.0154.
    assert 0.90 < covered < 0.995


def test_categories_that_an_item_never_shows_leave_the_others_as_they_are():
    answers, *_ = answers_of(np.random.default_rng(6), 300, 12, [-0.5, 0.5])
    gap = answers.copy()
    gap[:, 0] = np.where(answers[:, 0] == 2, 3, answers[:, 0])
    gap[:, 1] = answers[:, 1] + 1
    gap[:, 2] = 1
    plain, fit = fit_graded(np.delete(answers, 2, axis=1)), fit_graded(gap)
    assert fit.extreme.tolist() == [j == 2 for j in range(12)]
    assert np.isnan(fit.difficulty[2]).all()
    np.testing.assert_allclose(fit.difficulty[0], plain.difficulty[0, [0, 1, 1]], atol=1e-6)
    np.testing.assert_allclose(fit.difficulty[1], [-np.inf, *plain.difficulty[1]], atol=1e-6)
    np.testing.assert_allclose(fit.difficulty[3], [*plain.difficulty[2], np.inf], atol=1e-6)
    p = fit.probability([0.3])[0]
    np.testing.assert_allclose(p[[0, 1, 3]].sum(axis=1), 1.0)
    assert p[0, 2] == pytest.approx(0)
    assert p[1, 0] == pytest.approx(0)


def test_many_items_place_persons_more_finely_than_the_nodes():
    answers, ability, *_ = answers_of(np.random.default_rng(7), 60, 3000, [-0.7, 0.7])
    fit = fit_graded(answers)
    # Sixty persons leave their own mean and spread open: compare on the scale of the sample.
    line = np.polyfit(fit.ability, ability, 1)
    error = ability - np.polyval(line, fit.ability)
    # The nodes are 0.0625 apart; 3,000 items of information 0.25 a piece or more give 0.036 or less.
    assert error.std() < 0.045
    assert np.median(fit.ability_se) < 0.04


def test_what_is_no_category_is_refused():
    with pytest.raises(BadInput, match=r"categories are whole numbers from 0 to 19, got 0\.5"):
        fit_graded(np.full((60, 3), 0.5))
    with pytest.raises(TooFewUnits, match=r"needs 50 persons \(models\) with answers, got 10"):
        fit_graded(np.zeros((10, 3)))
    with pytest.raises(TooFewUnits, match=r"0 of 3 items show two categories"):
        fit_graded(np.zeros((60, 3)))
