"""Tables as users have them: words for scores, descriptor columns beside models, no header, no item column."""

import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.responses import Responses
from unseen.responses.mapping import Mapping, from_table
from unseen.responses.reading import read


def written(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_descriptor_columns_beside_a_column_a_model(tmp_path):
    path = written(tmp_path, "question,category,words,gpt-x,claude-y\nq1,math,7,1,0\nq2,law,30,1,1\nq3,law,12,0,\n")
    found = read(path)
    assert found.models == ("claude-y", "gpt-x")
    assert len(found) == 5
    assert set(found.factors) == {"category", "words"}
    assert "(column 'question') by 2 models (gpt-x, claude-y); 'category', 'words' describe the items" in " ".join(
        found.notes
    )


def test_a_matrix_without_a_header_is_recognised_and_said(tmp_path):
    found = read(written(tmp_path, "1,0,1,1\n0,0,1,0\n1,1,1,0\n"))
    assert found.models == ("row 1", "row 2", "row 3")
    assert found.n_items == 4
    assert found.table.filter(model="row 1")["score"].to_list() == [1, 0, 1, 1]
    assert "there is no header: rows are models, columns are items" in " ".join(found.notes)


@pytest.mark.parametrize(
    ("words", "scores"),
    [
        ("true,false,true", [1, 0, 1]), ("yes,no,yes", [1, 0, 1]), ("PASS,FAIL,PASS", [1, 0, 1]),
        ("correct,incorrect,", [1, 0, None]), ("C,I,C", [1, 0, 1]),
    ],
)  # fmt: skip
def test_words_are_scores(words, scores):
    frame = pl.DataFrame({"model": "m", "item": list("abc"), "score": [w or None for w in words.split(",")]})
    assert Responses.of(frame).table["score"].to_list() == scores
    assert "Scores were read from words" in " ".join(from_table(frame).notes)


def test_a_word_that_is_no_score_is_named():
    frame = pl.DataFrame({"model": "m", "item": list("ab"), "score": ["pass", "maybe" + "y" * 500]})
    with pytest.raises(BadInput, match=r"row 1: 'pass' is not a number \(2 such rows\)|row 2: 'maybe"):
        Responses.of(frame)


def test_rows_of_one_model_without_an_item_column_are_items():
    found = from_table(pl.DataFrame({"model": "m", "score": [1, 0, 1], "site": ["a", "b", "a"]}))
    assert found.n_items == 3
    assert "each row is taken as an item of its own" in " ".join(found.notes)
    with pytest.raises(BadInput, match="no column 'item'"):
        from_table(pl.DataFrame({"model": ["m", "n"], "score": [1, 0]}))


def test_names_of_other_tools_are_guessed_and_shown():
    frame = pl.DataFrame({
        "model_name": ["a", "b"] * 2, "task_id": ["t1", "t1", "t2", "t2"], "passed": [True, False, True, True],
        "input": ["what?"] * 4, "output": list("wxyz"), "answer": list("wwyy"), "run": [1, 1, 2, 2],
    })  # fmt: skip
    found = from_table(frame)
    notes = " ".join(found.notes)
    for column, role in {
        "model_name": "model", "task_id": "item", "passed": "score", "input": "question", "output": "prediction",
        "answer": "target", "run": "repeat",
    }.items():  # fmt: skip
        assert f"Column {column!r} was taken as the {role}." in notes
        assert role in found.table.columns


def test_a_number_called_input_stays_a_factor():
    found = from_table(pl.DataFrame({"model": "m", "item": list("abc"), "score": [1, 0, 1], "input": [3, 4, 5]}))
    assert "input" in found.factors


def test_words_have_no_order():
    frame = pl.DataFrame({"model": "m", "item": list("abc"), "score": [1, 0, 1], "size": ["small", "large", "small"]})
    with pytest.raises(BadInput, match=r"'small' is neither a number nor a date.*only the alphabet would order it"):
        from_table(frame, Mapping.of(factors=["size:ordered"]))


def test_digits_written_as_text_are_compared_as_numbers():
    frame = pl.DataFrame({
        "model": "m", "item": list("abcd"), "score": [1, 0, 1, 1], "digits": ["2", "10", "5", "3"],
    })  # fmt: skip
    for condition in ("digits > 4", "digits > '4'", "4 < digits"):
        found = from_table(frame, Mapping.of(unseen=condition))
        assert found.table["split"].to_list() == ["seen", "unseen", "unseen", "seen"], condition
    with pytest.raises(BadInput, match="'ten' in column 'digits' is none"):
        from_table(frame.with_columns(digits=pl.Series(["2", "ten", "5", "3"])), Mapping.of(unseen="digits > 4"))


def test_a_message_lists_twenty_names_at_most():
    wide = pl.DataFrame({f"c{i}": [0] for i in range(300)})
    with pytest.raises(BadInput, match="and 280 more") as caught:
        from_table(wide)
    assert len(str(caught.value)) < 400
