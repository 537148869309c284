"""Columns of any type become numbers; what was not seen at fit time does not raise."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.learners import EstimatorLearner, named
from unseen.learners.preprocessing import Numbers, input_table, is_text, preprocessing


def mixed(n=300, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return Examples(
        pl.DataFrame(
            {
                "x": [None if gone else v for gone, v in zip(rng.random(n) < 0.1, x.tolist(), strict=True)],
                "flag": x > 1,
                "site": rng.choice(["a", "b", None], n).tolist(),
                "tail": [f"N{i}" for i in rng.integers(0, 60, n)],
                "day": [dt.date(2020, 1, 1) + dt.timedelta(int(d)) for d in rng.integers(0, 300, n)],
                "note": [f"the {w} patient came in today" for w in rng.choice(["first", "second"], n)],
                "y": np.where(x > 0, "yes", "no"),
            }
        ),
        ("x", "flag", "site", "tail", "day", "note"),
        "y",
    )


@pytest.mark.parametrize("trees", [False, True])
def test_every_type_becomes_a_finite_or_missing_number(trees):
    train, test = mixed(), mixed(50, 1)
    made = preprocessing(train, trees=trees).fit(input_table(train), train.column("y"))
    matrix = made.transform(input_table(test))
    assert matrix.shape[0] == 50
    assert matrix.dtype.kind == "f"
    assert trees or np.isfinite(matrix).all()


@pytest.mark.parametrize("name", ["logistic", "gradient-boosting"])
def test_levels_that_were_not_fitted_on_are_answered(name):
    learner = named(name).fit(mixed(), np.random.default_rng(0))
    other = mixed(40, 2).table.with_columns(site=pl.lit("new"), tail=pl.lit("N-new"), x=pl.lit(None, dtype=pl.Float64))
    assert len(learner.respond(Examples(other, mixed().inputs, "y"))) == 40


def test_times_become_days_and_their_parts():
    frame = pl.DataFrame({"at": [dt.datetime(1970, 1, 2, 12), dt.datetime(1970, 3, 1, 0)], "y": [0, 1]})
    found = input_table(Examples(frame, ("at",), "y"))
    assert found["at [days]"].to_list() == [1.5, 59.0]
    assert found["at month"].to_list() == [1, 3]
    assert found["at hour"].to_list() == [12, 0]


def test_names_are_told_from_text():
    names = pl.Series([f"N{i % 400}" for i in range(1000)])
    assert not is_text(names)
    assert is_text(pl.Series([f"a sentence about {i}" for i in range(1000)]))


def test_weights_count_rows_several_times():
    """Weighted least squares and repetition agree where the estimator takes weights."""
    rng = np.random.default_rng(0)
    data = mixed(200, 3)
    times = rng.integers(1, 4, len(data))
    weighted = named("logistic").fit(data, rng, times.astype(float)).probabilities(data)
    scaled = named("logistic").fit(data, rng).probabilities(data)
    assert not np.allclose(weighted, scaled)
    neighbours = named("nearest-neighbours").fit(data, np.random.default_rng(1), times.astype(float))
    assert neighbours.probabilities(data).shape == (200, 2)


def test_a_pipeline_with_transformers_of_its_own_gets_the_frame():
    pipeline = make_pipeline(
        ColumnTransformer([("site", OneHotEncoder(handle_unknown="ignore"), ["site"])]), LogisticRegression()
    )
    learner = EstimatorLearner(pipeline).fit(mixed(), np.random.default_rng(0))
    assert len(learner.respond(mixed(30, 5))) == 30


def test_an_estimator_without_probabilities_still_answers():
    class Majority:
        def fit(self, x, y):
            values, counts = np.unique(y, return_counts=True)
            self.most = values[counts.argmax()]

        def predict(self, x):
            return np.full(len(x), self.most)

    learner = EstimatorLearner(Majority()).fit(mixed(), np.random.default_rng(0))
    assert not learner.has_probabilities
    assert not learner.respond(mixed(30, 5)).has("confidence")


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32, pl.Int64])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_a_table_of_numbers_is_scaled_as_scikit_learn_does_to_the_last_bit(dtype, missing):
    rng = np.random.default_rng(0)
    columns = {k: [None if rng.random() < missing else v for v in (9 * rng.normal(size=501)).tolist()] for k in "abc"}
    frame = pl.DataFrame(columns).cast(dtype, strict=False)
    frame = frame.with_columns(none=pl.lit(None, dtype=dtype), same=pl.lit(3, dtype=dtype))
    made = preprocessing(Examples(frame, tuple(frame.columns), None))
    assert isinstance(made, Numbers)
    steps = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    theirs = ColumnTransformer([("numbers", steps, frame.columns)], sparse_threshold=0.0)
    assert np.array_equal(made.fit_transform(frame), theirs.fit_transform(frame))
    for part in (frame[:1], frame[100:200]):
        assert np.array_equal(made.transform(part), theirs.transform(part))


def test_infinite_numbers_are_refused_with_a_remedy():
    frame = pl.DataFrame({"a": [1.0, float("inf")], "b": [0.0, 1.0]})
    with pytest.raises(BadInput, match="infinite numbers: replace them by missing ones or by a bound"):
        preprocessing(Examples(frame, ("a", "b"), None)).fit(frame)
