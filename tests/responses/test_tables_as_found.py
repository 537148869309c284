"""Tables as users have them: words for scores, descriptor columns beside models, no header, no item column."""

import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.responses import Responses
from unseen.responses.frames import from_table
from unseen.responses.mapping import Mapping
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
    with pytest.raises(BadInput, match="row 1: 'pass' is not a number"):
        Responses.of(frame)
    most = pl.DataFrame({"model": "m", "item": list("abcde"), "verdict": ["PASS", "pass", "Fail", "error", None]})
    with pytest.raises(
        BadInput,
        match=r"^column 'verdict' \(the score\), row 4: 'error' is no word for right or wrong.*\(1 such rows\)",
    ):
        from_table(most)
    # A "y" among names of sites is no sign of scores.
    with pytest.raises(BadInput, match=r"row 1: 'x' is not a number \(3 such rows\)"):
        Responses.of(pl.DataFrame({"model": "m", "item": list("abc"), "score": ["x", "y", "z"]}))


def test_rows_of_one_model_without_an_item_column_are_items():
    found = from_table(pl.DataFrame({"model": "m", "score": [1, 0, 1], "site": ["a", "b", "a"]}))
    assert found.n_items == 3
    assert "each row is taken as an item of its own" in " ".join(found.notes)
    with pytest.raises(BadInput, match="no column 'item'"):
        from_table(pl.DataFrame({"model": ["m", "n"], "score": [1, 0]}))


def test_a_table_that_names_neither_model_nor_items_holds_one_model_and_an_item_a_row(tmp_path):
    path = written(tmp_path, "score,category,digits\n1,math,0\n0,law,1\n1,code,2\n1,law,2\n", "run-7.csv")
    found = read(path)
    assert found.models == ("run-7",)
    assert found.n_items == 4
    assert {"category", "digits"} <= {*found.table.columns}
    notes = " ".join(found.notes)
    assert "the file is one model, called by the file ('run-7')" in notes
    assert "each row is taken as an item of its own" in notes
    assert read(path, mapping=Mapping(model="m")).models == ("m",)
    assert read(written(tmp_path, "score\n1\n0\n", "s.csv")).table["score"].to_list() == [1, 0]
    words = written(tmp_path, "question,response,verdict,cat\nwhy?,so,PASS,a\nhow?,thus,FAIL,b\n")
    assert read(words).table["score"].to_list() == [1, 0]


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
def test_a_frame_that_names_neither_model_nor_items(library):
    module = pytest.importorskip(library)
    columns = {"score": [1, 0, 1], "site": ["a", "b", "a"]}
    found = from_table(module.table(columns) if library == "pyarrow" else module.DataFrame(columns))
    assert found.models == ("model",)
    assert found.n_items == 3
    assert "the table is taken as one, called 'model'" in " ".join(found.notes)


@pytest.mark.parametrize(
    "columns",
    [
        # Who answered stands in a column under a name that is not guessed, or an item does, twice.
        {"llm": ["a", "b", "a"]}, {"system": ["a", "b", "a"]}, {"Model": ["a", "b", "a"]}, {"model version": ["a", "b", "a"]},
        {"Item": ["q", "r", "q"]}, {"Question ID": [1, 2, 1]}, {"idx": [1, 1, 2]}, {"model": ["a", "b", "a"]},
        {"item": ["q", "q", "r"]},
    ],
)  # fmt: skip
def test_a_table_that_may_hold_several_models_is_not_taken_for_one(columns):
    with pytest.raises(BadInput, match=r"no column '(item|model)'"):
        from_table(pl.DataFrame({**columns, "score": [1, 0, 1]}))


def test_models_without_names_of_items_are_matched_by_the_question_they_share():
    rows = pl.DataFrame({"model": ["a", "b", "a", "b"], "prompt": ["p", "p", "q", "q"], "score": [1, 0, 1, 1]})
    found = from_table(rows)
    assert found.n_items == 2
    assert "answers of the 2 models are matched by their question (column 'prompt')" in " ".join(found.notes)
    # Two answers of a model to one question are repeats or two items: nobody can tell.
    with pytest.raises(BadInput, match="no column 'item'"):
        from_table(rows.with_columns(prompt=pl.lit("p")))
    assert from_table(rows.with_columns(prompt=pl.lit("p"), run=pl.Series([1, 1, 2, 2]))).n_items == 1
    with pytest.raises(BadInput, match="no column 'item'; the columns are model, prompt, score"):
        from_table(rows.with_columns(prompt=pl.Series(list("wxyz"))))


def test_rows_that_repeat_a_question_are_told():
    rows = pl.DataFrame({"prompt": ["p", "p", "q"], "score": [1, 0, 1]})
    assert "1 rows repeat the question of another" in " ".join(from_table(rows).notes)


@pytest.mark.parametrize(
    "name", ["pass", "success", "result", "verdict", "em", "exact_match", "grade", "is_pass", "passed", "acc"]
)
def test_a_score_is_guessed_by_its_name_and_shown(name):
    found = from_table(pl.DataFrame({"model": "m", "item": list("abc"), name: [True, False, True]}))
    assert found.table["score"].to_list() == [1, 0, 1]
    assert f"Column {name!r} was taken as the score." in found.notes


def test_a_result_in_other_words_is_no_score_and_beside_a_score_it_stays_a_factor():
    base = {"model": "m", "item": list("abcd")}
    with pytest.raises(BadInput, match="no column 'score'; the columns are model, item, result"):
        from_table(pl.DataFrame({**base, "result": ["red", "blue", "red", "blue"]}))
    found = from_table(pl.DataFrame({**base, "grade": [7, 8, 7, 8], "score": [1, 0, 1, 1]}))
    assert "grade" in found.factors


def test_messages_name_the_columns_of_the_user():
    frame = pl.DataFrame({"model": "m", "task_id": ["a", None], "passed": [1, 0]})
    with pytest.raises(BadInput, match=r"^column 'task_id' \(the item\), row 2: missing"):
        from_table(frame)
    with pytest.raises(BadInput, match="no column 'score'; the columns are model, task_id, points"):
        from_table(frame.rename({"passed": "points"}))


def test_a_pandas_frame_with_two_columns_of_one_name_is_refused_in_words():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([["m", "a", 1, 0]], columns=["model", "item", "score", "score"])
    with pytest.raises(BadInput, match="two columns are called 'score'"):
        from_table(frame)


def test_the_index_of_a_pandas_frame_is_used_where_it_is_asked_for():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"model": "m", "id": ["a", "b"], "score": [1, 0]}).set_index("id")
    for mapping in (Mapping(item_column="id"), Mapping()):
        assert from_table(frame, mapping).table["item"].to_list() == ["a", "b"]
    several = pandas.DataFrame({"m": ["x", "y"], "q": ["a", "a"], "score": [1, 0]}).set_index(["m", "q"])
    assert from_table(several, Mapping(model_column="m", item_column="q")).models == ("x", "y")


def test_models_in_the_index_of_a_pandas_frame_are_not_taken_for_one():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"model": ["a", "b"], "score": [1, 0]}).set_index("model")
    with pytest.raises(BadInput, match="no column 'item'; the columns are model, score"):
        from_table(frame)


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
