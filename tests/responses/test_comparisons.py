"""Tables of comparisons: who won is read where it can be read in one way only, and refused where a code has two meanings."""

import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.responses.frames import from_table

PAIRS = [("x", "y"), ("y", "z"), ("z", "x"), ("x", "z"), ("y", "x"), ("z", "y")]


def voted(winners, columns=("model_a", "model_b", "winner"), pairs=PAIRS):
    rows = [(*pairs[i % len(pairs)], w) for i, w in enumerate(winners)]
    return pl.DataFrame(rows, schema=list(columns), orient="row", strict=False)


def first_scores(table):
    """Score of the model shown first, row by row."""
    found = from_table(table).table.filter(pl.col("shown_first"))
    return found.with_columns(pl.col("item").cast(pl.Int64)).sort("item")["score"].to_list()


@pytest.mark.parametrize(
    ("winners", "readings"),
    [
        # 1 if the first model won, or the index of the winner from 0.
        ([0, 1, 0], r"holds 0, 1, which have two readings: 1 may say that 'model_a' won and 0 that 'model_b' did; or 0 is the first"),
        (["0", "1"], "or 0 is the first model, 'model_a', and 1 the second"),
        ([0.0, 1.0], "or 0 is the first model"),
        ([0, 0, 0], "or 0 is the first model"),
        ([1, 1, 1], "or 0 is the first model"),
        ([True, False], "true may say that 'model_a' won and false that 'model_b' did; or false is the first model"),
        # The score of the first model, as Elo has it, or the label of the second, as preference learning has it.
        ([0, 0.5, 1], "holds 0, 1, 0.5, which have two readings"),
        (["0", "1", "tie"], "two readings"),
        # A tie is 0, or the third class.
        ([0, 1, 2], "0 may be a tie, 1 a win of 'model_a' and 2 one of 'model_b'; or 0 a win of 'model_a', 1 one of 'model_b' and 2 a tie"),
        ([0, 2], "or 0 a win of 'model_a'"),
        ([2, 2], "or 0 a win of 'model_a'"),
        # A difference of scores, or a scale whose negative end is the first model's.
        ([-1, 0, 1], "1 may be a win of 'model_a', or the end of a scale at which 'model_b' is better"),
        ([-1, 1], "or the end of a scale"),
        (["model_a", "1"], "two readings"),
    ],
)  # fmt: skip
def test_a_code_with_two_readings_is_refused_with_both_and_a_remedy(winners, readings):
    with pytest.raises(BadInput, match=readings) as caught:
        from_table(voted(winners))
    assert "Write who won: 'model_a', 'model_b' or 'tie', or the winner's name" in str(caught.value)
    recipe = str(caught.value).split(".map(")[1].split("), or")[0]
    code = {w: w for w in winners if not isinstance(w, str)}
    assert all(w in eval(recipe) for w in code)


@pytest.mark.parametrize(
    ("winners", "scores"),
    [
        (["model_a", "model_b", "tie"], [1, 0, 0.5]),
        (["A", "B", "tie (bothbad)"], [1, 0, 0.5]),
        (["x", "z", "z"], [1, 0, 1]),
        # One code beside words for both sides can only be the tie.
        (["model_a", "model_b", "0"], [1, 0, 0.5]),
        (["x", "z", "0"], [1, 0, 0.5]),
        # Counted from one: nobody writes a tie as 1 or 2 where the other stands for a win.
        ([1, 2, 1], [1, 0, 1]),
        ([1.0, 2.0, 1.0], [1, 0, 1]),
        (["1", "2", "tie"], [1, 0, 0.5]),
        (["left", "right", "both_bad"], [1, 0, 0.5]),
    ],
)  # fmt: skip
def test_a_winner_with_one_reading_is_read(winners, scores):
    assert first_scores(voted(winners)) == scores


def test_columns_that_are_numbered_say_which_number_is_whose():
    columns = ("model_1", "model_2", "winner")
    assert first_scores(voted([1, 2, 0], columns)) == [1, 0, 0.5]
    assert first_scores(voted([1, 1], columns)) == [1, 1]
    with pytest.raises(BadInput, match="two readings"):
        from_table(voted([0, 1], columns))


def test_models_called_by_numbers_win_by_name_but_a_number_that_names_neither_is_refused():
    pairs = [("1", "2"), ("2", "3"), ("3", "1")]
    assert first_scores(voted(["1", "3", "3"], pairs=pairs)) == [1, 0, 1]
    with pytest.raises(BadInput, match="two readings"):
        from_table(voted(["1", "0", "3"], pairs=pairs))


def test_grades_of_a_scale_are_no_winners():
    with pytest.raises(
        BadInput, match="row 3: '5' is neither one of the two models, nor 'model_a', 'model_b' or 'tie'"
    ):
        from_table(voted([1, 2, 5]))


@pytest.mark.parametrize(
    "columns", [("Model_A", "Model_B", "Winner"), ("MODEL_A", "MODEL_B", "WINNER"), ("Model A", "Model B", "Winner")]
)
def test_names_of_columns_are_known_in_capitals_and_with_spaces(columns):
    assert first_scores(voted(["A", "B", "tie"], columns)) == [1, 0, 0.5]


def test_flags_of_the_winner_are_known_in_capitals():
    table = pl.DataFrame({
        "Model_A": ["x", "y"], "Model_B": ["y", "z"], "Winner_Model_A": [1, 0], "Winner_Model_B": [0, 0], "Winner_Tie": [0, 1],
        "Question_ID": [1, 2],
    })  # fmt: skip
    assert first_scores(table) == [1, 0.5]


@pytest.mark.parametrize(
    ("winners", "told"),
    [
        (["left", "right", "both_bad"], "Of 'winner' was read: 'left' as a win of 'model_a'; 'right' as a win of 'model_b'; 'both_bad' as a tie."),
        ([1, 2, 1], "'1' as a win of 'model_a'; '2' as a win of 'model_b'."),
        (["x", "z", "0"], "was read: the name of a model as a win of that model; '0' as a tie."),
        (["A", "model_a", "B"], "'A', 'model_a' as a win of 'model_a'; 'B' as a win of 'model_b'."),
    ],
)  # fmt: skip
def test_the_note_tells_which_word_was_read_as_which_side(winners, told):
    (note,) = from_table(voted(winners)).notes
    assert note.endswith(told)
