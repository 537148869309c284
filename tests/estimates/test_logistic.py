import numpy as np
import pytest
from scipy.optimize import minimize

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.contrasts.logistic import Design, mixed_radix, one_hot, regress, regress_all, regress_on


def _draw(rng, n=600, clusters=None, strength=0.0):
    a, b = rng.integers(0, 3, n), rng.integers(0, 2, n)
    c = np.arange(n) if clusters is None else rng.integers(0, clusters, n)
    shared = rng.standard_normal(c.max() + 1)[c] * strength
    p = 1 / (1 + np.exp(-(0.4 - 0.7 * (a == 1) - 1.0 * (a == 2) + 0.5 * b + shared)))
    return a, b, (rng.random(n) < p).astype(float), c


def test_the_coefficients_maximise_the_likelihood():
    a, b, y, c = _draw(np.random.default_rng(0))
    fit = regress([a, b], [3, 2], y, c)
    x = one_hot(np.stack([a, b], axis=1), [3, 2], [1, 3])
    loss = lambda beta: np.sum(np.logaddexp(0, x @ beta) - y * (x @ beta))  # noqa: E731
    np.testing.assert_allclose(fit.beta, minimize(loss, np.zeros(4), tol=1e-10).x, atol=1e-4)


def _naive_covariance(a, b, y, c, fit):
    x = one_hot(np.stack([a, b], axis=1), [3, 2], [1, 3])
    mu = 1 / (1 + np.exp(-x @ fit.beta)) if fit.link == "logit" else x @ fit.beta
    w = mu * (1 - mu) if fit.link == "logit" else np.ones(len(y))
    bread = np.linalg.inv((x * w[:, None]).T @ x)
    meat = np.zeros_like(bread)
    for g in np.unique(c):
        m = c == g
        z, r = x[m] * np.sqrt(w[m])[:, None], (y[m] - mu[m]) / np.sqrt(w[m])
        lam, u = np.linalg.eigh(np.eye(m.sum()) - z @ bread @ z.T)
        r = u @ ((u.T @ r) / np.sqrt(lam))
        meat += np.outer(z.T @ r, z.T @ r)
    return bread @ meat @ bread


@pytest.mark.parametrize("binary", [True, False])
def test_the_covariance_equals_the_row_by_row_sandwich(binary):
    rng = np.random.default_rng(1)
    a, b, y, c = _draw(rng, 900, 30, 0.8)
    y = y if binary else y + rng.standard_normal(len(y))
    fit = regress([a, b], [3, 2], y, c)
    assert fit.method.endswith("(CR2)")
    np.testing.assert_allclose(fit.covariance, _naive_covariance(a, b, y, c, fit), rtol=1e-6)


def test_light_clusters_get_nearly_the_full_correction():
    a, b, y, c = _draw(np.random.default_rng(1), 900, 150, 0.8)
    fit = regress([a, b], [3, 2], y, c)
    # Traces of the leverage are 4/150 on average: the number differs from the matrix by less than twice that.
    ratio = fit.covariance.diagonal() / _naive_covariance(a, b, y, c, fit).diagonal()
    assert np.all(np.abs(ratio - 1) < 2 * 4 / 150)


def test_independent_rows_take_the_same_covariance_by_the_short_way():
    a, b, y, c = _draw(np.random.default_rng(2), 400)
    fit = regress([a, b], [3, 2], y, c)
    np.testing.assert_allclose(fit.covariance, _naive_covariance(a, b, y, c, fit), rtol=1e-6)


def test_marginal_effects_have_the_gradient_of_finite_differences():
    from dataclasses import replace

    a, b, y, c = _draw(np.random.default_rng(3))
    fit = regress([a, b], [3, 2], y, c)
    values, gradient = fit.level_means(0)
    for j in range(4):
        step = np.zeros(4)
        step[j] = 1e-6
        moved, _ = replace(fit, beta=fit.beta + step).level_means(0)
        np.testing.assert_allclose((moved - values) / 1e-6, gradient[:, j], atol=1e-5)


@pytest.mark.parametrize("binary", [True, False])
def test_marginal_means_of_several_factors_are_means_of_predictions_with_the_level_set(binary):
    a, b, y, c = _draw(np.random.default_rng(7))
    fit = regress([a, b], [3, 2], y if binary else y + np.random.default_rng(8).normal(size=len(y)), c)
    assert fit.link == ("logit" if binary else "identity")
    # Rows at level 1 of the second factor are not averaged over for it, as those where it is missing.
    asked = [(1, [1]), (0, [])]
    for (factor, leave_out), (values, _) in zip(asked, fit.all_level_means(asked), strict=True):
        for level in range(len(values)):
            moved = np.stack([a, b], axis=1)[~np.isin((a, b)[factor], leave_out)]
            moved[:, factor] = level
            eta = np.column_stack([np.ones(len(moved)), moved[:, :1] == [1, 2], moved[:, 1]]) @ fit.beta
            expected = 1 / (1 + np.exp(-eta)) if binary else eta
            assert values[level] == pytest.approx(expected.mean(), abs=1e-12)


def test_the_interval_of_a_marginal_effect_covers_at_its_rate():
    rng, hits, runs = np.random.default_rng(4), 0, 300
    big = np.random.default_rng(5)
    a, b, y, c = _draw(big, 400_000, 4000, 0.7)
    values, _ = regress([a, b], [3, 2], y, c).level_means(0)
    truth = values[0] - values[2]
    for _ in range(runs):
        a, b, y, c = _draw(rng, 600, 60, 0.7)
        fit = regress([a, b], [3, 2], y, c)
        m, g = fit.level_means(0)
        estimate, _ = fit.effect(m[0] - m[2], g[0] - g[2])
        hits += estimate.low <= truth <= estimate.high
    assert 0.91 <= hits / runs <= 0.985  # 95 % nominal; 0.91 is 3.2 binomial sd below


def test_separation_is_met_with_firths_penalty():
    a = np.repeat([0, 1], 40)
    y = np.r_[np.tile([1.0, 0.0], 20), np.zeros(40)]
    fit = regress([a], [2], y, np.arange(80))
    assert fit.firth
    means, gradient = fit.level_means(0)
    # Firth's fit of a single proportion is (s + 1/2)/(n + 1).
    np.testing.assert_allclose(means, [20.5 / 41, 0.5 / 41], atol=1e-6)
    estimate, p = fit.effect(means[0] - means[1], gradient[0] - gradient[1])
    assert estimate.low > 0.2
    assert p < 1e-4


def test_collinear_factors_are_named_and_not_told_apart():
    rng = np.random.default_rng(6)
    a, b = rng.integers(0, 3, 300), rng.integers(0, 2, 300)
    y = (rng.random(300) < 0.5).astype(float)
    fit = regress([a, (a > 1).astype(int), b], [3, 2, 2], y, np.arange(300))
    assert fit.collinear == (0, 1)
    means, gradient = fit.level_means(1)
    with pytest.raises(Undefined, match="another factor determines this one"):
        fit.effect(means[1] - means[0], gradient[1] - gradient[0])
    means, gradient = fit.level_means(2)
    assert fit.effect(means[1] - means[0], gradient[1] - gradient[0])[0].width > 0
    # Levels 0 and 1 of the first factor are still told apart where effects add up on the scale of the score.
    fit = regress([a, (a > 1).astype(int), b], [3, 2, 2], y + rng.random(300), np.arange(300))
    means, gradient = fit.level_means(0)
    assert fit.effect(means[1] - means[0], gradient[1] - gradient[0])[0].width > 0


def test_bad_input_is_said():
    with pytest.raises(Undefined, match="all 3 scores are 1"):
        regress([np.array([0, 1, 0])], [2], np.ones(3), np.arange(3))
    with pytest.raises(TooFewUnits, match="need 4 independent units, got 2"):
        regress([np.array([0, 1, 0, 1])], [2], np.array([1.0, 0, 0, 1]), np.array([0, 0, 1, 1]))


def test_codes_of_many_factors_do_not_overflow():
    rng = np.random.default_rng(7)
    columns = [rng.integers(0, 1000, 50) for _ in range(12)]
    keys = mixed_radix([np.concatenate([c, c]) for c in columns], [1000] * 12)
    assert len(np.unique(keys)) == 50
    np.testing.assert_array_equal(keys[:50], keys[50:])


@pytest.mark.parametrize("clusters", [None, 60])
def test_models_that_are_regressed_at_once_get_what_each_gets_alone(clusters):
    rng = np.random.default_rng(5)
    a, b, y, c = _draw(rng, 400, clusters)
    # Separated at one level (Firth), constant (refused), not binary (least squares).
    scores = [y, np.where(a == 2, 1.0, y), np.ones(400), y * 0.5 + rng.random(400), 1 - y]
    design = Design.of([a, b], [3, 2], c)
    together = regress_all(design, scores)
    assert isinstance(together[2], Undefined)
    assert [f.firth for f in together if not isinstance(f, Undefined)] == [False, True, False, False]
    for score, fit in zip(scores, together, strict=True):
        if isinstance(fit, Undefined):
            continue
        alone = regress_on(design, score)
        # The same sums in another order: rounding alone.
        np.testing.assert_allclose(fit.beta, alone.beta, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(fit.covariance, alone.covariance, rtol=1e-8, atol=1e-14)
        assert (fit.link, fit.method) == (alone.link, alone.method)
