"""Estimators as users hold them answer what they would answer by hand, or are refused by name: never another number in silence."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, LabelEncoder, OneHotEncoder, StandardScaler

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.learners import EstimatorLearner


def table(n=200, seed=0):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.normal(size=n)
    col = rng.choice(["r", "g", "b"], n)
    y = np.where(x + (col == "r") + 0.5 * rng.normal(size=n) > 0.3, "yes", "no")
    return pl.DataFrame({"x": x, "z": z, "col": col, "flag": z > 0, "y": y})


def examples(frame, inputs=("x", "z")):
    return Examples(frame, inputs, "y")


class Bare(ClassifierMixin, BaseEstimator):
    """Logistic regression on what it is given, with answers as a subclass shapes them."""

    def fit(self, x, y):
        self.inner = LogisticRegression().fit(x, y)
        self.classes_ = self.inner.classes_
        return self

    def predict(self, x):
        return self.inner.predict(x)


def of_probabilities(shape):
    return type("Shaped", (Bare,), {"predict_proba": lambda self, x: shape(self.inner.predict_proba(x), self.classes_)})


def of_predictions(shape):
    return type("Shaped", (Bare,), {"predict": lambda self, x: shape(self.inner.predict(x))})


class Mutates(Bare):
    def predict_proba(self, x):
        chances = self.inner.predict_proba(x)
        x[:] = 0
        return chances


class Reversed(Bare):
    """Classes and columns in another order, but the same."""

    def fit(self, x, y):
        super().fit(x, y)
        self.classes_ = self.inner.classes_[::-1]
        return self

    def predict_proba(self, x):
        return self.inner.predict_proba(x)[:, ::-1]


def rows_backwards(given):
    return pd.Series(given, index=np.arange(len(given))[::-1] + 1000)


SHAPES = {
    "a sparse matrix of probabilities": of_probabilities(lambda p, c: sparse.csr_matrix(p)),
    "a frame of probabilities with columns in another order": of_probabilities(
        lambda p, c: pd.DataFrame(p[:, ::-1], columns=c[::-1])
    ),
    "classes in another order": Reversed,
    "changes what it is given": Mutates,
    "a series with another index": of_predictions(rows_backwards),
    "a column": of_predictions(lambda p: p.reshape(-1, 1)),
    "a list": of_predictions(list),
    "bytes": of_predictions(lambda p: p.astype("S")),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_answers_of_any_shape_are_those_of_the_bare_estimator(shape):
    data, asked = examples(table()), examples(table(100, 1))
    fitted = EstimatorLearner(SHAPES[shape]()).fit(data, np.random.default_rng(0))
    wanted = EstimatorLearner(LogisticRegression()).fit(data, np.random.default_rng(0)).respond(asked).table
    for _ in range(2):
        found = fitted.respond(asked).table
        assert found["prediction"].equals(wanted["prediction"])
        assert "confidence" not in found.columns or np.allclose(found["confidence"], wanted["confidence"])


def test_probabilities_in_another_order_than_the_classes_are_refused():
    """Accuracy was then told of the wrong class: 0.14 in place of 0.86."""
    learner = EstimatorLearner(of_probabilities(lambda p, c: p[:, ::-1])()).fit(
        examples(table()), np.random.default_rng(0)
    )
    with pytest.raises(
        BadInput, match=r"not in the order of classes_ \(no, yes\): where that of 'no' is the largest, predict"
    ):
        learner.respond(examples(table(100, 1)))


def test_codes_of_its_own_and_a_generator_are_no_answers():
    class Coded(Bare):
        def fit(self, x, y):
            return super().fit(x, LabelEncoder().fit_transform(y))

        def predict_proba(self, x):
            return self.inner.predict_proba(x)

    from unseen.learners.base import require_classes

    coded = EstimatorLearner(Coded()).fit(examples(table()), np.random.default_rng(0))
    with pytest.raises(BadInput, match=r"no class of the target: '0', '1'. Its classes are no, yes"):
        require_classes([str(c) for c in coded.classes], ["no", "yes"])
    lazy = EstimatorLearner(of_predictions(iter)()).fit(examples(table()), np.random.default_rng(0))
    with pytest.raises(BadInput, match=r"predict returned an answer of shape \(\) for 200 rows"):
        lazy.respond(examples(table()))


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
def test_a_threshold_of_its_own_is_what_is_scored(threshold):
    """The likeliest class was scored whatever the estimator chose; confidence is the probability of its choice."""
    from unseen.refitting.refits import score_rows

    data, asked = examples(table()), examples(table(300, 1))
    model = FixedThresholdClassifier(LogisticRegression(), threshold=threshold, pos_label="yes")
    learner = EstimatorLearner(model).fit(data, np.random.default_rng(0))
    chance = learner.probabilities(asked)[:, 1]
    picked = chance >= threshold
    found = learner.respond(asked).table
    assert (found["prediction"].to_numpy() == np.where(picked, "yes", "no")).all()
    assert np.allclose(found["confidence"], np.where(picked, chance, 1 - chance))
    problem = {"target": "y", "measure": "accuracy", "classes": ["no", "yes"], "positive": 1, "shares": [0.5, 0.5]}
    scored = score_rows(learner, asked, problem)
    truth = asked.column("y") == "yes"
    assert scored["score"].mean() == pytest.approx((picked == truth).mean())
    assert np.allclose(scored["confidence"], found["confidence"], atol=1e-6)


def test_answers_at_random_are_not_the_first_class():
    learner = EstimatorLearner(DummyClassifier(strategy="uniform")).fit(examples(table()), np.random.default_rng(0))
    share = (learner.respond(examples(table(400, 1))).table["prediction"] == "yes").mean()
    assert 0.5 - 4 * 0.025 < share < 0.5 + 4 * 0.025


NUMBERS = ["x", "z"]
KINDS = [
    ("n", StandardScaler(), make_column_selector(dtype_include="number")),
    ("b", "passthrough", make_column_selector(dtype_include=bool)),
    ("c", OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude=["number", "bool"])),
]
NAMED = ColumnTransformer([("n", StandardScaler(), NUMBERS)])
FRAMED = {
    "columns by kind": make_pipeline(ColumnTransformer(KINDS), LogisticRegression()),
    "code of pandas": make_pipeline(
        ColumnTransformer([("f", FunctionTransformer(lambda d: d.fillna(0).clip(-1, 1)), NUMBERS)]),
        LogisticRegression(),
    ),
    "columns picked in the second step": make_pipeline(FunctionTransformer(), NAMED, LogisticRegression()),
    "a pipeline within": make_pipeline(make_pipeline(NAMED), LogisticRegression()),
    "a search": GridSearchCV(make_pipeline(NAMED, LogisticRegression()), {"logisticregression__C": [0.1, 1.0]}, cv=2),
    "calibrated": CalibratedClassifierCV(make_pipeline(NAMED, LogisticRegression()), cv=2),
}


@pytest.mark.parametrize("pipeline", FRAMED)
def test_what_picks_columns_by_name_or_kind_answers_as_it_does_by_hand_on_the_frame(pipeline):
    inputs = ("x", "z", "col", "flag")
    train, asked = table(), table(100, 1)
    learner = EstimatorLearner(FRAMED[pipeline]).fit(examples(train, inputs), np.random.default_rng(0))
    by_hand = FRAMED[pipeline].fit(train.select(inputs).to_pandas(), train["y"].to_numpy())
    wanted = by_hand.predict(asked.select(inputs).to_pandas())
    assert (learner.respond(examples(asked, inputs)).table["prediction"].to_numpy() == wanted).all()


def test_types_reach_a_pipeline_as_they_are_and_missing_text_as_pandas_reads_it():
    """Categories came as text and truth values as numbers, so that a selector by type found none and dropped the column."""
    seen = {}

    def look(frame):
        seen.update(
            {c: frame[c].dtype for c in frame}, missing=frame["col"].isna().sum(), text=frame["word"].isna().sum()
        )
        return frame[["x"]]

    frame = table().with_columns(
        pl.col("col").cast(pl.Categorical), word=pl.when(pl.int_range(200) > 3).then(pl.col("col")),
        when=pl.datetime(2024, 1, 1, time_zone="Europe/Berlin") + pl.duration(hours=pl.int_range(200)),
    )  # fmt: skip
    inputs = ("x", "col", "flag", "word", "when")
    pipeline = make_pipeline(ColumnTransformer([("f", FunctionTransformer(look), list(inputs))]), LogisticRegression())
    EstimatorLearner(pipeline).fit(examples(frame, inputs), np.random.default_rng(0))
    assert (str(seen["col"]), str(seen["flag"]), seen["text"]) == ("category", "bool", 4)
    assert "Europe/Berlin" in str(seen["when"])


def test_code_of_polars_in_a_pipeline_gets_a_frame_of_polars():
    pipeline = make_pipeline(
        ColumnTransformer([("f", FunctionTransformer(lambda d: d.with_columns(pl.all().clip(-1, 1))), NUMBERS)]),
        LogisticRegression(),
    )
    learner = EstimatorLearner(pipeline).fit(examples(table()), np.random.default_rng(0))
    assert learner.respond(examples(table(100, 1))).score.mean() > 0.7


def test_numbers_in_words_are_numbers_of_a_regression():
    import unseen

    class Worded(BaseEstimator):
        def fit(self, x, y):
            self.inner = LinearRegression().fit(x, y)
            return self

        def predict(self, x):
            return [[f"{v:.6f}"] for v in self.inner.predict(x)]

    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"site": [f"s{i % 4}" for i in range(200)], "x": rng.normal(size=200)})
    frame = frame.with_columns(y=2 * pl.col("x") + pl.Series(rng.normal(size=200)))
    told = [
        unseen.audit(
            frame, target="y", learner=learner, shifts="held-out site", refits=1, executor="serial", select="U801"
        ).scores.rows[0].overall.value
        for learner in (Worded(), LinearRegression())
    ]  # fmt: skip
    assert told[0] == pytest.approx(told[1], rel=1e-4)
