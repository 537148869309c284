"""Tables become learning problems: what is read, left out, and refused."""

import numpy as np
import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.refitting import ask, proposed_clusters
from unseen.refitting.leaks import leaking
from unseen.refitting.problem import problem_of


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
    assert any(note.startswith("copy alone predicts 100% of the rows") for note in kept.notes)


def signal(noise, n=3000):
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    return pl.DataFrame({"x": x, "y": (x + noise * rng.normal(size=n) > 0).astype(str)})


def test_strong_features_are_named_only_where_they_remove_nine_tenths_of_the_error():
    """Of a threshold under noise s, atan(s)/π of the rows are wrong: 3.2 % at 0.1 (6 % of the base error), 10 % at 0.33."""
    assert leaking(signal(0.33), ["x"], "y", regression=False) == []
    (leak,) = leaking(signal(0.1), ["x"], "y", regression=False)
    assert not leak.given_away
    assert leak.removed == pytest.approx(1 - 2 * np.arctan(0.1) / np.pi, abs=0.02)
    assert problem_of(signal(0.1), "y").suspects == (leak,)


def rare(n=20_000, seed=0):
    """A class of 5.7 %, and a flag that agrees with it in 99.84 % of the rows."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.057
    return pl.DataFrame(
        {
            "age": rng.normal(size=n),
            "billed": (y ^ (rng.random(n) < 0.0016)).astype(int),
            "y": np.where(y, "ill", "well"),
        }
    )


def test_a_column_that_is_nearly_always_right_about_a_rare_class_is_named():
    problem = problem_of(rare(), "y")
    (leak,) = problem.suspects
    assert (leak.name, leak.given_away) == ("billed", False)
    assert leak.right == pytest.approx(0.9984, abs=0.001)
    assert leak.removed == pytest.approx(1 - 0.0016 / 0.057, abs=0.015)
    assert any("billed alone predicts 99." in n and "the most frequent class makes up 94." in n for n in problem.notes)
    # Who names the features vouches for them.
    assert problem_of(rare(), "y", inputs=["age", "billed"]).suspects == ()
    assert problem.without_inputs(["billed"]).suspects == ()


def test_a_flag_that_only_tells_the_majority_is_no_leak():
    frame = rare().with_columns(billed=pl.when(pl.int_range(pl.len()) % 3 == 0).then("billed").otherwise(0))
    assert problem_of(frame, "y").suspects == ()


def test_a_code_of_many_names_that_settles_the_target_is_named():
    """A tree over names in alphabetical order would need a leaf for each."""
    rng = np.random.default_rng(0)
    code = rng.integers(0, 300, 6000)
    truth = rng.random(300) < 0.5
    frame = pl.DataFrame(
        {"x": rng.normal(size=6000), "code": [f"k{c}" for c in code], "y": np.where(truth[code], "a", "b")}
    )
    (leak,) = leaking(frame, ["x", "code"], "y", regression=False)
    assert (leak.name, leak.given_away) == ("code", True)


def test_a_number_that_gives_a_number_away():
    x = np.random.default_rng(0).normal(size=3000)
    frame = pl.DataFrame({"x": x, "z": np.random.default_rng(1).normal(size=3000), "y": 3 * x + 1})
    assert [leak.name for leak in leaking(frame, ["x", "z"], "y", regression=True)] == ["x"]


def test_nothing_is_named_where_columns_know_nothing():
    """30 tables of noise with eight columns each, some with many levels, and a rare class: 240 columns, none named."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        y = rng.random(60) < 0.1
        y[:4] = True, True, False, False
        frame = pl.DataFrame({f"c{j}": rng.integers(0, 12, 60) if j % 2 else rng.normal(size=60) for j in range(8)})
        assert leaking(frame.with_columns(y=pl.Series(y.astype(str))), frame.columns, "y", regression=False) == []


def patients(n=400, names=120, seed=0):
    rng = np.random.default_rng(seed)
    return table(n, seed).with_columns(
        patient=pl.Series([f"p{i}" for i in rng.integers(0, names, n)]), age=pl.Series(rng.integers(20, 80, n)),
        ward=pl.Series(rng.choice(["north", "south", "east"], n)),
    )  # fmt: skip


def test_repeated_names_suggest_a_cluster():
    problem = problem_of(patients(), "y")
    assert [name for name, _ in proposed_clusters(problem)] == ["patient"]
    asked = ask(patients(), "logistic", ["held-out site"], target="y")
    assert any(
        n.startswith("patient: ") and "--cluster patient" in n and "else --drop patient" in n
        for n in asked.problem.notes
    )
    # The values tell it too, and a whole number where its name does.
    renamed = patients().rename({"patient": "who"})
    assert [name for name, _ in proposed_clusters(problem_of(renamed, "y"))] == ["who"]
    numbers = patients().with_columns(patient_id=pl.col("patient").str.slice(1).cast(pl.Int64)).drop("patient")
    assert [name for name, _ in proposed_clusters(problem_of(numbers, "y"))] == ["patient_id"]


def test_grades_made_like_names_are_no_cluster():
    """35 grades (A1 to G5), each in many rows."""
    grades = table(3500).with_columns(grade=pl.Series([f"{'ABCDEFG'[i % 7]}{1 + i // 7 % 5}" for i in range(3500)]))
    assert proposed_clusters(problem_of(grades, "y")) == []


def test_no_cluster_is_proposed_where_one_is_known_names_are_unique_or_values_are_measured():
    assert proposed_clusters(problem_of(patients(), "y", cluster="patient")) == []
    assert proposed_clusters(problem_of(patients().drop("patient"), "y")) == []
    assert proposed_clusters(problem_of(patients(), "y"), ["patient"]) == []


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
