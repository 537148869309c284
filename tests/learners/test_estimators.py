"""scikit-learn estimators as learners: from a task through a shift to an audit."""

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

import unseen
from unseen.data import Examples
from unseen.errors import BadInput
from unseen.learners import NAMES, EstimatorLearner, Learner, named
from unseen.shifts import LongerThan


def table(n=500, seed=0):
    rng = np.random.default_rng(seed)
    x, site = rng.normal(size=n), rng.choice(["a", "b"], n)
    frame = pl.DataFrame(
        {"x": x, "site": site, "y": np.where(x + (site == "a") > 0.5, "yes", "no"), "size": rng.integers(1, 9, n)}
    )
    return Examples.from_table(frame, inputs=["x", "site"], target="y")


@pytest.mark.parametrize("name", NAMES)
def test_named_learners_learn_and_respond(name):
    learner = named(name).fit(table(), np.random.default_rng(0))
    assert isinstance(learner, Learner)
    answers = learner.respond(table(200, 1))
    assert answers.score.mean() > 0.8
    assert answers.has("confidence")
    assert "size" in answers.factors


def test_predictions_are_those_of_the_bare_estimator():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    y = (x[:, 0] > 0).astype(int)
    frame = pl.DataFrame({**{f"x{i}": x[:, i] for i in range(4)}, "y": y})
    data = Examples.from_table(frame, inputs=[f"x{i}" for i in range(4)], target="y")
    learner = EstimatorLearner(LogisticRegression()).fit(data, np.random.default_rng(0))
    scaled = StandardScaler().fit_transform(x)
    expected = LogisticRegression().fit(scaled, y).predict(scaled)
    assert learner.respond(data).table["prediction"].to_list() == expected.astype(str).tolist()


def test_equal_generators_give_equal_fits():
    a, b = (
        EstimatorLearner(RandomForestClassifier(20)).fit(table(), np.random.default_rng(3)).respond(table(100, 1))
        for _ in range(2)
    )
    assert a.table.equals(b.table)


def test_regression_is_scored_by_minus_the_absolute_error():
    frame = pl.DataFrame({"x": np.arange(50.0), "y": 2 * np.arange(50.0)})
    data = Examples.from_table(frame, inputs=["x"], target="y")
    answers = EstimatorLearner(Ridge(1e-9)).fit(data, np.random.default_rng(0)).respond(data)
    assert answers.score_kind.name == "unbounded"
    assert answers.score == pytest.approx(np.zeros(50), abs=1e-6)


def test_text_and_images_and_unknown_categories_go_in():
    text = Examples(
        pl.DataFrame(
            {
                "input": [f"good {i}" if i % 2 else f"bad {i}" for i in range(200)],
                "target": ["p" if i % 2 else "n" for i in range(200)],
            }
        )
    )
    assert named("logistic").fit(text, np.random.default_rng(0)).respond(text).score.mean() > 0.95
    image = Examples(
        pl.DataFrame({"input": np.random.default_rng(0).normal(size=(60, 3, 3)), "target": np.arange(60) % 2})
    )
    named("forest").fit(image, np.random.default_rng(0)).respond(image)
    other = table(50, 2)
    novel = Examples(other.table.with_columns(site=pl.lit("new")), other.inputs, other.target, other.factors)
    assert len(named("logistic").fit(table(), np.random.default_rng(0)).respond(novel)) == 50


def test_a_constant_target_is_refused():
    with pytest.raises(BadInput, match="target column 'y' is constant"):
        named("forest").fit(Examples(table().table.with_columns(y=pl.lit("no")), ("x",), "y"), np.random.default_rng(0))


def test_an_unknown_name_is_refused_with_near_ones():
    with pytest.raises(BadInput, match="did you mean forest"):
        named("forst")


def test_responses_of_a_shifted_learner_can_be_audited():
    split = LongerThan("size", 5).split(table(2000), np.random.default_rng(0))
    learner = named("logistic").fit(split.train, np.random.default_rng(0))
    parts = [
        learner.respond(side).table.with_columns(split=pl.lit(name))
        for name, side in (("seen", split.seen), ("unseen", split.unseen))
    ]
    parts[1] = parts[1].with_columns(item=pl.col("item") + "-u")
    audit = unseen.audit(pl.concat(parts), select=["U101"])
    assert audit.findings[0]["code"] == "U101"
