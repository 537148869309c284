"""Weights of training rows against closed forms, a naive leave-one-out and weighted means."""

import numpy as np
import pytest

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.shift.density_ratio import (
    _kernel,
    _leave_one_out,
    balanced_weights,
    classifier_ratio,
    domain_balanced_weights,
    effective_rows,
    gaussian_ratio,
    normalised,
    ulsif,
    ulsif_ratio,
)


def two_normals(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    laws = (np.zeros(2), np.eye(2)), (np.array([0.7, 0.0]), np.diag([0.64, 1.0]))
    source, target = (rng.multivariate_normal(*law, size=n) for law in laws)
    return source, target, gaussian_ratio(source, *laws)


def test_the_closed_form_is_the_quotient_of_normal_densities():
    x = np.array([[-1.0], [0.0], [2.0]])
    found = gaussian_ratio(x, (np.zeros(1), np.eye(1)), (np.ones(1), 4 * np.eye(1)))
    expected = 0.5 * np.exp(-((x[:, 0] - 1) ** 2) / 8 + x[:, 0] ** 2 / 2)
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("method", [classifier_ratio, ulsif_ratio])
def test_estimated_ratios_follow_the_exact_one(method):
    source, target, exact = two_normals()
    found = method(source, target, np.random.default_rng(1))
    assert found.values.mean() == pytest.approx(1)
    assert np.corrcoef(found.values, exact)[0, 1] > 0.9
    # Weighted by a good ratio, the source's mean becomes the target's: 0.7, sd 0.8 / sqrt(1500) = 0.02 and that of the
    # weighted source, 1 / sqrt(effective rows) < 0.04; the plain mean is 0.
    assert abs(np.average(source[:, 0], weights=found.values) - 0.7) < 0.12


def test_ratios_of_one_law_are_nearly_flat():
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(600, 3)), rng.normal(size=(600, 3))
    # 7 coefficients on 2·480 rows: the log odds vary by about 7 · 2/480 = 0.03, more where a squared column is far out.
    assert classifier_ratio(source, target, rng).effective_rows > 0.85 * 600


def test_no_row_is_weighed_by_a_classifier_that_saw_it():
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(400, 2)), rng.normal(size=(400, 2))
    found = classifier_ratio(source, target, rng, classifier=KNeighborsClassifier(1), clip=None)
    # A nearest neighbour knows its own rows: fitted to them it calls none a target row; held out, half of them.
    assert 0.4 < (found.values > 1).mean() < 0.6


def test_leave_one_out_in_closed_form_is_the_naive_one():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(12, 2)), rng.normal(0.5, 1, size=(10, 2))
    centres, ridge = b[:4], 0.1
    ka, kb = _kernel(a, centres, 1.0), _kernel(b, centres, 1.0)
    left, right = np.arange(10), np.arange(10)
    naive = []
    for i in range(10):
        ra, rb = np.delete(ka, i, 0), np.delete(kb, i, 0)
        theta = np.linalg.solve(ra.T @ ra / len(ra) + ridge * np.eye(4), rb.mean(0))
        theta = np.maximum(theta, 0)
        naive.append(0.5 * (ka[i] @ theta) ** 2 - kb[i] @ theta)
    fast = _leave_one_out(ka.T @ ka / 12, kb.mean(0), ka, kb, left, right, ridge)
    assert fast == pytest.approx(np.mean(naive))


def test_ulsif_coefficients_solve_the_ridge_problem_where_none_is_cut():
    source, target, _ = two_normals(300)
    fitted = ulsif(source, target, np.random.default_rng(0), kernels=3, sigmas=(2.0,), ridges=(1.0,))
    a, b = ((v - fitted.mean) / fitted.scale for v in (source, target))
    ka, kb = _kernel(a, fitted.centres, fitted.sigma), _kernel(b, fitted.centres, fitted.sigma)
    gradient = (ka.T @ ka / len(a) + fitted.ridge * np.eye(3)) @ fitted.theta - kb.mean(0)
    assert (fitted.theta > 0).all()
    np.testing.assert_allclose(gradient, 0, atol=1e-10)


def test_groups_and_domains_weigh_the_same():
    rng = np.random.default_rng(0)
    domain, label = rng.choice(["a", "b", "c"], 200, p=[0.7, 0.2, 0.1]), rng.integers(0, 2, 200)
    cells = balanced_weights(domain, label).values
    sums = [cells[(domain == d) & (label == y)].sum() for d in "abc" for y in (0, 1)]
    np.testing.assert_allclose(sums, 200 / 6)
    both = domain_balanced_weights(domain, label).values
    np.testing.assert_allclose([both[domain == d].sum() for d in "abc"], 200 / 3)
    np.testing.assert_allclose(both[(domain == "c") & (label == 0)].sum(), 200 / 6)


def test_a_weighted_fit_on_the_exact_ratio_is_the_closed_form_and_recovers_the_target_slope():
    from sklearn.linear_model import LinearRegression

    rng = np.random.default_rng(3)
    x = rng.normal(size=(4000, 1))
    y = x[:, 0] ** 2
    ratio = gaussian_ratio(x, (np.zeros(1), np.eye(1)), (np.ones(1), 0.25 * np.eye(1)))
    weights = normalised(ratio, "exact").values
    design = np.concatenate([np.ones_like(x), x], 1)
    closed = np.linalg.solve(design.T @ (weights[:, None] * design), design.T @ (weights * y))
    fit = LinearRegression().fit(x, y, sample_weight=weights)
    np.testing.assert_allclose([fit.intercept_, fit.coef_[0]], closed)
    # Under N(1, ¼) the best line through x² has slope 2·mean = 2; under the source it has slope 0.
    assert abs(closed[1] - 2) < 0.25
    assert abs(LinearRegression().fit(x, y).coef_[0]) < 0.15


def test_what_has_no_weights_is_said():
    rng = np.random.default_rng(0)
    with pytest.raises(TooFewUnits, match="at least 5 rows a side for 5 folds, got source=3 and target=9"):
        classifier_ratio(np.zeros((3, 1)), np.zeros((9, 1)), rng)
    with pytest.raises(BadInput, match="source has 2 columns and target 3"):
        ulsif(np.zeros((9, 2)), np.zeros((9, 3)), rng)
    with pytest.raises(BadInput, match="target, row 2: missing or infinite"):
        ulsif(np.zeros((3, 1)), np.array([[0.0], [np.nan], [1.0]]), rng)
    with pytest.raises(Undefined, match="all 4 weights are zero"):
        normalised(np.zeros(4), "m")
    with pytest.raises(BadInput, match="one length"):
        balanced_weights([1, 2], [1])
    assert effective_rows(np.array([1.0, 0.0])) == 1.0
