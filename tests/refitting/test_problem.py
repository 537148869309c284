"""Tables become learning problems: what is read, left out, and refused."""

import numpy as np
import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.refitting.problem import leaking, problem_of


def table(n=200, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return pl.DataFrame(
        {
            "id": [f"p{i}" for i in range(n)], "row": range(n), "x": x, "site": rng.choice(list("abcd"), n),
            "when": [f"2020-01-{1 + i % 28:02d}" for i in range(n)], "same": [1] * n,
            "y": np.where(x + rng.normal(size=n) > 0, "yes", "no"),
        }
    )  # fmt: skip


def test_names_of_rows_and_constants_are_no_features_and_dates_are_read():
    problem = problem_of(table(), "y")
    assert problem.examples.inputs == ("x", "site", "when")
    assert problem.examples.table.schema["when"] == pl.Date
    assert {note.split(":")[0] for note in problem.notes} == {"id", "row", "same", "when"}
    assert problem.measure == "accuracy"
    assert problem.classes == ("no", "yes")


def test_a_feature_that_gives_the_target_away_is_named():
    leaked = table().with_columns(copy=(pl.col("y") == "yes").cast(pl.Int64) * 3.5)
    with pytest.raises(BadInput, match=r"'copy' gives the target 'y' away.*--drop 'copy'"):
        problem_of(leaked, "y")
    assert problem_of(leaked, "y", drop=["copy"]).examples.inputs == ("x", "site", "when")
    kept = problem_of(leaked, "y", inputs=["x", "copy"])
    assert any(note.startswith("copy: alone predicts") for note in kept.notes)


def test_strong_but_honest_features_are_no_leak():
    rng = np.random.default_rng(0)
    x = rng.normal(size=3000)
    frame = pl.DataFrame({"x": x, "y": (x + 0.1 * rng.normal(size=3000) > 0).astype(str)})
    assert leaking(frame, ["x"], "y", regression=False) == []


def test_a_number_that_gives_a_number_away():
    x = np.random.default_rng(0).normal(size=3000)
    frame = pl.DataFrame({"x": x, "z": np.random.default_rng(1).normal(size=3000), "y": 3 * x + 1})
    assert [name for name, _ in leaking(frame, ["x", "z"], "y", regression=True)] == ["x"]


@pytest.mark.parametrize(
    ("change", "target", "said"),
    [
        (lambda t: t, "yy", "no column 'yy'.*Did you mean y"),
        (lambda t: t, None, "--target COLUMN"),
        (lambda t: t.with_columns(y=pl.lit("no")), "y", "constant: it holds only 'no'"),
        (lambda t: t.with_columns(y=pl.lit(None, dtype=pl.String)), "y", "no value"),
        (lambda t: t.head(20), "y", "20 rows"),
        (lambda t: t.with_columns(y=pl.Series([[1]] * t.height)), "y", "List"),
        (lambda t: t.select("y", "same"), "y", "no input column is left"),
    ],
)
def test_targets_that_cannot_be_learnt_are_refused(change, target, said):
    with pytest.raises(BadInput, match=said):
        problem_of(change(table()), target)


def test_rows_without_a_target_are_kept_apart():
    made = table().with_columns(y=pl.when(pl.col("site") == "d").then(None).otherwise(pl.col("y")))
    problem = problem_of(made, "y")
    assert problem.unlabelled is not None
    assert set(problem.unlabelled.table["site"]) == {"d"}
    assert len(problem) + len(problem.unlabelled) == 200


def test_numbers_with_many_values_are_regression():
    made = table().with_columns(y=pl.col("x") * 2 + np.random.default_rng(5).normal(size=200))
    problem = problem_of(made, "y")
    assert problem.regression
    assert problem.measure == "error"
    values = problem.examples.column("y")
    assert problem.scale == pytest.approx(np.abs(values - np.median(values)).mean())
    with pytest.raises(BadInput, match="its measure is error"):
        problem_of(made, "y", measure="accuracy")
    assert not problem_of(made.with_columns(y=pl.col("row") % 3), "y").regression


def test_factors_that_a_shift_holds_out_leave_the_inputs():
    problem = problem_of(table(), "y").without_inputs(["site"])
    assert "site" not in problem.examples.inputs
    assert "site" in problem.examples.factors
    with pytest.raises(BadInput, match="no input column is left"):
        problem.without_inputs(["x", "when"])
