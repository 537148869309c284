"""Tables of predictions are scored by whether the prediction is right, and a prediction is never read as rightness."""

import numpy as np
import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.responses.frames import from_table
from unseen.responses.mapping import Mapping

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 2, 60)
P = RNG.random(60).round(3)
ROWS = {"model": "m", "item": list(range(60)), "y_true": TRUTH}


@pytest.mark.parametrize("name", ["y_score", "y_prob", "y_proba", "y_pred"])
@pytest.mark.parametrize("kind", [pl.Int64, pl.Float64, pl.Boolean])
def test_a_probability_is_scored_by_the_class_that_it_predicts(name, kind):
    table = pl.DataFrame(ROWS | {name: P}).with_columns(pl.col("y_true").cast(kind))
    made = from_table(table)
    assert made.table["score"].to_list() == ((P > 0.5) == (TRUTH == 1)).tolist()
    assert made.table["confidence"].to_numpy() == pytest.approx(np.maximum(P, 1 - P))
    assert not {name, "y_true"} & {*made.table.columns, *made.factors}
    assert any(f"'{name}' > 0.5" in note for note in made.notes)


def test_a_predicted_class_is_right_where_it_equals_the_truth_and_its_probability_is_the_confidence():
    cut = (P > 0.3).astype(int)
    made = from_table(pl.DataFrame(ROWS | {"y_pred": cut, "y_prob": P})).table
    assert made["score"].to_list() == (cut == TRUTH).tolist()
    assert made["confidence"].to_numpy() == pytest.approx(np.where(cut == 1, P, 1 - P))
    words = pl.DataFrame(ROWS).with_columns(pl.Series("y_true", np.array(["no", "yes", "may"])[TRUTH + (P > 0.8)]))
    assert from_table(words.with_columns(y_pred=pl.lit("yes"))).table["score"].sum() == (words["y_true"] == "yes").sum()


def test_a_row_without_a_truth_has_no_score():
    table = pl.DataFrame(ROWS | {"y_score": P}).with_columns(y_true=pl.when(pl.col("item") > 0).then("y_true"))
    assert from_table(table).table["score"].null_count() == 1


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"y_score": P * 8 - 4}, "'y_score' can't be read as the probability"),
        ({"y_true": ["a"] * 60, "y_score": P}, "the classes are not 0 and 1"),
        ({"y_true": RNG.normal(size=60), "y_pred": P}, "holds numbers, not classes"),
        ({"y_true": None, "y_score": P}, "'y_score' is a prediction, which is no score"),
    ],
)
def test_where_rightness_is_not_known_the_message_shows_how_to_make_a_score(columns, why):
    table = pl.DataFrame({name: values for name, values in (ROWS | columns).items() if values is not None})
    with pytest.raises(BadInput, match=rf"{why}.*table\['score'\] = "):
        from_table(table)


def test_a_probability_is_not_taken_as_rightness_and_a_score_that_is_there_is_kept():
    with pytest.raises(BadInput, match=r"not whether that is right\. Leave --score out"):
        from_table(pl.DataFrame(ROWS | {"y_score": P}), Mapping.of(score="y_score"))
    kept = from_table(pl.DataFrame(ROWS | {"y_score": P, "score": [0.25] * 60})).table
    assert set(kept["score"]) == {0.25}


NAMED = {"prediction": "Vorhersage", "target": "Diagnose"}


@pytest.mark.parametrize("as_text", ["", ".", ","])
def test_columns_of_any_name_are_scored_where_the_user_names_both(as_text):
    table = pl.DataFrame({"Diagnose": TRUTH, "Vorhersage": P, "site": ["a", "b"] * 30})
    if as_text:
        table = table.with_columns(
            pl.col("Diagnose", "Vorhersage").cast(pl.String).str.replace(".", as_text, literal=True)
        )
    made = from_table(table, Mapping.of(**NAMED))
    assert made.table["score"].to_list() == ((P > 0.5) == (TRUTH == 1)).tolist()
    assert made.table["confidence"].to_numpy() == pytest.approx(np.maximum(P, 1 - P))
    assert made.table["target"].to_list() == [str(y) for y in TRUTH]
    assert made.table["prediction"].to_list() == [str(int(p > 0.5)) for p in P]
    assert set(made.factors) == {"site"}
    words = pl.DataFrame({"Diagnose": np.array(["nein", "ja"])[TRUTH], "Vorhersage": ["ja"] * 60})
    assert from_table(words, Mapping.of(**NAMED)).table["score"].to_list() == TRUTH.tolist()


def test_a_score_that_is_there_is_kept_beside_named_predictions():
    table = pl.DataFrame({"Diagnose": TRUTH, "Vorhersage": P, "score": [0.25] * 60})
    assert from_table(table, Mapping.of(**NAMED)).table["score"].unique().to_list() == [0.25]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"Diagnose": ["ja", "nein"] * 30, "Vorhersage": P}, "as probabilities they need classes 0 and 1"),
        ({"Diagnose": np.arange(60) / 8, "Vorhersage": P}, "'Diagnose' holds numbers, not classes"),
        ({"Diagnose": [0.5, 1.5] * 30, "Vorhersage": [0.5] * 60}, "'Diagnose' holds numbers, not classes"),
        (
            {"Diagnose": [f"text {i}" for i in range(60)], "Vorhersage": ["text 1"] * 60},
            "60 different texts, not classes",
        ),
        ({"Vorhersage": P}, "--target-column: no column 'Diagnose'"),
        ({"Diagnose": ["ja", "nein"] * 30, "Vorhersage": ["yes", "no"] * 30}, "Write both in the same words"),
    ],
)
def test_named_predictions_that_are_neither_right_nor_wrong_are_refused(columns, why):
    with pytest.raises(BadInput, match=why):
        from_table(pl.DataFrame(columns), Mapping.of(**NAMED))


def test_a_table_without_scores_says_how_to_name_predictions():
    with pytest.raises(BadInput, match="--prediction and the right ones with --target-column"):
        from_table(pl.DataFrame({"model": "m", "item": list(range(60)), "Diagnose": TRUTH, "p": P}))
