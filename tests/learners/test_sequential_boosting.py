"""Stage-wise networks: each stage lowers the loss, the stages are one plain network, and truncation undoes stages."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_wine, make_regression
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from unseen.errors import BadInput
from unseen.learners.sequential_boosting import SequentialBoostingClassifier, SequentialBoostingRegressor, _fit_stage


def test_each_stage_lowers_the_training_loss():
    x, y = load_wine(return_X_y=True)
    model = SequentialBoostingClassifier(stages=12, neurons=2, shrinkage=0.3, random_state=0).fit(x, y)
    losses = [log_loss(y, model.predict_proba(x, units)) for units in range(0, 25, 2)]
    assert (np.diff(losses) < 0).all()
    assert losses[0] == pytest.approx(-np.mean(np.log(np.bincount(y)[y] / len(y))))  # the start is the class shares


@pytest.mark.parametrize("many", [False, True])
def test_the_stages_are_one_plain_network(many):
    x, y = (load_wine if many else load_breast_cancer)(return_X_y=True)
    model = SequentialBoostingClassifier(stages=5, neurons=2, random_state=0).fit(x, y)
    # scikit-learn's own forward pass over the concatenated weights gives the same probabilities.
    plain = MLPClassifier((10,), activation="tanh", max_iter=1, early_stopping=False, solver="sgd")
    with pytest.warns(match="Maximum iterations"):
        plain.fit((x - model.mean_) / model.spread_, y)
    plain.coefs_, plain.intercepts_ = model.coefs_, model.intercepts_
    assert plain.predict_proba((x - model.mean_) / model.spread_) == pytest.approx(model.predict_proba(x))


def test_dropping_the_last_stages_is_having_trained_fewer():
    x, y = load_wine(return_X_y=True)
    long = SequentialBoostingClassifier(stages=8, neurons=3, random_state=4).fit(x, y)
    short = SequentialBoostingClassifier(stages=4, neurons=3, random_state=4).fit(x, y)
    assert long.predict_proba(x, 12) == pytest.approx(short.predict_proba(x))


def test_regression_follows_a_linear_truth_and_ignores_the_unit_of_the_target():
    x, y = make_regression(300, 5, noise=5.0, random_state=0)
    model = SequentialBoostingRegressor(stages=20, neurons=2, shrinkage=0.5, random_state=0).fit(x[:200], y[:200])
    assert model.score(x[200:], y[200:]) > 0.9 * Ridge().fit(x[:200], y[:200]).score(x[200:], y[200:])
    other = SequentialBoostingRegressor(stages=20, neurons=2, shrinkage=0.5, random_state=0).fit(
        x[:200], 1024 * y[:200]
    )
    assert other.predict(x) / 1024 == pytest.approx(model.predict(x), rel=1e-9)


def test_full_shrinkage_and_one_stage_is_a_least_squares_fit():
    # Without shrinkage the Newton step of squared error on a fitted stage is 1 up to the penalty.
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 3))
    y = np.tanh(x[:, :1] - x[:, 1:2])
    w, b, v, c = _fit_stage(x, y, 1, 1e-8, 500, rng)
    assert np.tanh(x @ w + b) @ v + c == pytest.approx(y, abs=1e-2)


def test_equal_seeds_give_equal_models_and_sklearn_can_clone():
    from sklearn.base import clone

    x, y = load_wine(return_X_y=True)
    model = SequentialBoostingClassifier(stages=3, subsample=0.5, random_state=1)
    assert np.array_equal(model.fit(x, y).raw(x), clone(model).fit(x, y).raw(x))


def test_bad_values_are_named():
    x, y = load_wine(return_X_y=True)
    with pytest.raises(BadInput, match="shrinkage and subsample lie in"):
        SequentialBoostingClassifier(shrinkage=0).fit(x, y)
    with pytest.raises(BadInput, match="at least 1, got 0 and 2"):
        SequentialBoostingClassifier(stages=0).fit(x, y)
    with pytest.raises(BadInput, match="one class only"):
        SequentialBoostingClassifier().fit(x, np.zeros(len(x)))
    with pytest.raises(BadInput, match="constant \\(2\\)"):
        SequentialBoostingRegressor().fit(x, np.full(len(x), 2.0))
    with pytest.raises(BadInput, match="was not fitted"):
        SequentialBoostingClassifier().raw(x)
    with pytest.raises(BadInput, match="between 0 and 2, got 3"):
        SequentialBoostingClassifier(stages=1).fit(x, y).raw(x, 3)
