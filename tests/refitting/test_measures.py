"""Measures by name: scikit-learn's numbers, their direction, and where they don't exist."""

import numpy as np
import polars as pl
import pytest
from sklearn import metrics

from unseen.errors import BadInput
from unseen.learners import EstimatorLearner
from unseen.refitting import MEASURES, problem_of
from unseen.refitting.measures import Answered, measure_for, measure_named, scores_of, undefined
from unseen.refitting.refits import score_rows


def answered(classes: int, n: int = 400, seed: int = 0):
    """Labels and probabilities that know a little of them."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(classes, size=n, p=np.array([0.7, *[0.3 / (classes - 1)] * (classes - 1)]))
    logits = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[truth]
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    shares = tuple(np.bincount(truth) / n)
    return Answered(truth, chances.argmax(1), chances, 1, shares)


@pytest.mark.parametrize("classes", [2, 4])
def test_means_over_rows_are_scikit_learns_numbers(classes):
    a = answered(classes)
    mean = {name: float(m.rows(a).mean()) for name, m in MEASURES.items() if not m.numbers}
    y, p = a.truth, a.given
    one_hot = np.eye(classes)[y]
    assert mean["accuracy"] == pytest.approx(metrics.accuracy_score(y, a.prediction))
    assert mean["balanced-accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, a.prediction))
    assert -mean["log-loss"] == pytest.approx(metrics.log_loss(y, p))
    assert mean["brier"] == pytest.approx(1 - 0.5 * np.square(p - one_hot).sum(1).mean())
    if classes == 2:
        assert mean["auroc"] == pytest.approx(metrics.roc_auc_score(y, p[:, 1]))
        assert mean["average-precision"] == pytest.approx(metrics.average_precision_score(y, p[:, 1]))
        assert mean["brier"] == pytest.approx(1 - metrics.brier_score_loss(y, p[:, 1]))
    else:
        assert mean["auroc"] == pytest.approx(metrics.roc_auc_score(y, p, multi_class="ovr", average="macro"))
        assert mean["average-precision"] == pytest.approx(metrics.average_precision_score(one_hot, p, average="macro"))
    # The table's own shares are the fixed ones here.
    assert mean["calibrated-average-precision"] == pytest.approx(mean["average-precision"])


def test_measures_of_numbers_are_scikit_learns_with_higher_for_better():
    rng = np.random.default_rng(0)
    y = rng.normal(size=100)
    f = y + rng.normal(size=100)
    a = Answered(y, f, None)
    assert -MEASURES["error"].rows(a).mean() == pytest.approx(metrics.mean_absolute_error(y, f))
    assert MEASURES["r2"].rows(a).mean() == pytest.approx(metrics.r2_score(y, f))
    assert MEASURES["error"].shown(-2.0) == 2.0


def test_average_precision_at_equal_prevalence_does_not_move_with_the_share_of_a_class():
    """Rows of one law, thinned in one class: precision falls, and at an equal prevalence it does not (4 se apart)."""
    a = answered(2, 20_000)
    kept = (a.truth == 0) | (np.random.default_rng(1).random(20_000) < 0.2)
    plain, equal = MEASURES["average-precision"], MEASURES["calibrated-average-precision"]
    fall = plain.rows(a).mean() - plain.rows(a.part(kept)).mean()
    still = equal.rows(a.part(kept))
    error = still.std() / len(still) ** 0.5
    assert fall > 0.2
    assert abs(equal.rows(a).mean() - still.mean()) < 4 * error


def test_each_domain_is_scored_by_itself():
    a = answered(2)
    a.given[:200, 1] += 5  # Scores of the first domain lie far above those of the second.
    domain = np.repeat(["north", "south"], 200)
    made = scores_of(MEASURES["auroc"], a, domain)
    for one in ("north", "south"):
        own = domain == one
        assert made[own].mean() == pytest.approx(metrics.roc_auc_score(a.truth[own], a.given[own, 1]))


def test_a_measure_that_does_not_exist_on_rows_is_told_with_the_count():
    y = np.array([0] * 40 + [1] * 3)
    assert undefined(MEASURES["auroc"], y, ("no", "yes")) == "it has 3 rows of the class 'yes'; AUROC needs 5 of each"
    assert undefined(MEASURES["accuracy"], y, ("no", "yes")) == ""
    assert undefined(MEASURES["r2"], np.ones(40), ()) == "its target is constant, so it has no R²"
    three = np.array([0] * 40 + [1] * 9 + [2] * 2)
    assert undefined(MEASURES["balanced-accuracy"], three, ("a", "b", "c")) == ""
    assert "of two classes" in undefined(MEASURES["balanced-accuracy"], three[:42], ("a", "b", "c"))


def test_names_are_forgiving_and_refusals_list_what_there_is():
    assert [measure_named(n).name for n in ("MAE", "roc_auc", "AP", "logloss")] == [
        "error", "auroc", "average-precision", "log-loss",
    ]  # fmt: skip
    with pytest.raises(BadInput, match="no measure 'f1'; there are accuracy"):
        measure_named("f1")
    with pytest.raises(BadInput, match="'y' is a number: its measure is error or r2, not auroc"):
        measure_for("auroc", "y", numbers=True)
    with pytest.raises(BadInput, match="'y' holds classes: its measure is accuracy, balanced-accuracy,"):
        measure_for("mae", "y", numbers=False)


def test_the_rarer_class_is_sought_and_named_and_log_loss_is_scaled_by_its_constant():
    rng = np.random.default_rng(0)
    y = np.where(rng.random(400) < 0.2, "fraud", "ok")
    table = pl.DataFrame({"x": rng.normal(size=400), "y": y})
    problem = problem_of(table, "y", measure="average-precision")
    assert problem.classes[problem.positive] == "fraud"
    assert "average-precision: 'fraud' is sought, the rarer class." in problem.notes
    share = (y == "fraud").mean()
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert problem_of(table, "y", measure="log-loss").scale == pytest.approx(entropy)


def test_a_learner_without_probabilities_is_told_which_measures_are_left():
    from sklearn.svm import LinearSVC

    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    problem = problem_of(
        pl.DataFrame({"x": x, "z": x**2, "y": np.where(x + rng.normal(size=200) > 0, "p", "q")}), "y", measure="auroc"
    )
    fitted = EstimatorLearner(LinearSVC(), "svc").fit(problem.examples, rng)
    with pytest.raises(
        Exception, match="no predict_proba, so the measure auroc can't be had; take accuracy or balanced"
    ):
        score_rows(fitted, problem.examples, problem.scoring())
