"""Matrices of scores as spreadsheets and pandas write them: words in cells, a counter of rows, no header."""

import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.responses.mapping import Mapping
from unseen.responses.reading import read

CELLS = {
    ("q1", "gpt"): 1.0,
    ("q1", "claude"): 0.0,
    ("q2", "gpt"): 1.0,
    ("q2", "claude"): 1.0,
    ("q3", "gpt"): 0.0,
    ("q3", "claude"): 1.0,
}


def written(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def cells(found):
    return {(i, m): s for i, m, s in found.table.select("item", "model", "score").rows()}


def in_words(right, wrong, extra=("", "", "", "")):
    rows = (("q1", right, wrong), ("q2", right, right), ("q3", wrong, right))
    lines = [
        "item" + extra[0] + ",gpt,claude",
        *(f"{a}{e},{b},{c}" for (a, b, c), e in zip(rows, extra[1:], strict=True)),
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("PASS", "FAIL"), ("true", "false"), ("True", "False"), ("C", "I"), ("yes", "no"), ("correct", "incorrect"), ("✓", "✗"), ("1", "0")],
)  # fmt: skip
@pytest.mark.parametrize("extra", [("", "", "", ""), (",topic", ",law", ",art", ",law")])
def test_words_in_the_cells_of_a_matrix_are_scores(tmp_path, right, wrong, extra):
    found = read(written(tmp_path, in_words(right, wrong, extra)))
    assert cells(found) == CELLS
    assert ("topic" in found.factors) == bool(extra[0])
    assert ("scores were read from words" in " ".join(found.notes)) == (right.lower() not in ("1", "true"))


def test_a_descriptor_in_other_words_is_no_model(tmp_path):
    text = in_words("PASS", "FAIL", (",image", ",yes", ",no", ",yes"))
    assert read(written(tmp_path, text)).models == ("claude", "gpt")
    # Beside models in numbers, words describe the items, as ever.
    numbers = in_words("1", "0", (",image", ",yes", ",no", ",yes"))
    found = read(written(tmp_path, numbers))
    assert found.models == ("claude", "gpt")
    assert "image" in found.table.columns


def test_a_word_that_is_none_among_those_of_a_matrix_is_named(tmp_path):
    text = "item,a,b,c\nq1,PASS,FAIL,PASS\nq2,FAIL,FAIL,FAIL\nq3,PASS,PASS,ERROR\n"
    with pytest.raises(
        BadInput, match=r"column 'c', row 3: 'ERROR' is no word for right or wrong.*leave the cell empty"
    ):
        read(written(tmp_path, text))
    assert len(read(written(tmp_path, text.replace("ERROR", "")))) == 8


def test_classes_beside_predictions_are_no_matrix(tmp_path):
    found = read(written(tmp_path, "id,y_true,y_pred\nq1,yes,yes\nq2,no,yes\n"), mapping=Mapping(model="m"))
    assert found.table["score"].to_list() == [1, 0]


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index", "__index_level_0__"])
@pytest.mark.parametrize("start", [0, 1])
def test_the_counter_that_pandas_writes_is_left_out_or_names_the_items(tmp_path, name, start):
    rows = [(1, 0), (1, 1), (0, 1)]
    alone = f"{name},gpt,claude\n" + "".join(f"{start + k},{a},{b}\n" for k, (a, b) in enumerate(rows))
    found = read(written(tmp_path, alone))
    assert found.models == ("claude", "gpt")
    assert cells(found) == {(str(start + int(i[1]) - 1), m): s for (i, m), s in CELLS.items()}
    assert "counts the rows, so they are taken as items" in " ".join(found.notes)
    beside = f"{name},item,gpt,claude\n" + "".join(f"{start + k},q{k + 1},{a},{b}\n" for k, (a, b) in enumerate(rows))
    found = read(written(tmp_path, beside))
    assert cells(found) == CELLS
    assert not found.factors
    assert "counts the rows, and was left out" in " ".join(found.notes)
    described = f"{name},topic,gpt,claude\n" + "".join(
        f"{start + k},{'ab'[k % 2]},{x},{y}\n" for k, (x, y) in enumerate(rows)
    )
    assert "topic" in read(written(tmp_path, described)).factors


def test_a_frame_that_pandas_saves_is_read_as_it_was(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"gpt": [1, 1, 0], "claude": [0, 1, 1]}, index=["q1", "q2", "q3"])
    frame.rename_axis("item").to_csv(tmp_path / "named.csv")
    assert cells(read(tmp_path / "named.csv")) == CELLS
    frame.reset_index(names="item").to_csv(tmp_path / "counted.csv")
    assert cells(read(tmp_path / "counted.csv")) == CELLS
    frame.reset_index(names="item").to_parquet(tmp_path / "counted.parquet")
    assert cells(read(tmp_path / "counted.parquet")) == CELLS


@pytest.mark.parametrize(
    "names", [["q1", "q2", "q3"], ["0", "1", "2"], ["1", "2", "3"], ["item-7", "item-8", "item-9"]]
)
def test_names_of_rows_without_a_header_lose_no_row(tmp_path, names):
    rows = ["1,0,1,1", "0,0,1,1", "1,1,0,0"]
    found = read(written(tmp_path, "".join(f"{n},{r}\n" for n, r in zip(names, rows, strict=True))))
    assert found.models == ("model 1", "model 2", "model 3", "model 4")
    assert cells(found) == {
        (n, f"model {k + 1}"): float(c) for n, r in zip(names, rows, strict=True) for k, c in enumerate(r.split(","))
    }
    assert "there is no header: rows are items, columns are models" in " ".join(found.notes)


def test_rows_of_few_models_without_a_header_are_models(tmp_path):
    found = read(written(tmp_path, "gpt,1,0,1,1\nclaude,0,0,1,1\n"))
    assert found.models == ("claude", "gpt")
    assert found.n_items == 4
    worded = read(written(tmp_path, "gpt,PASS,FAIL,PASS\nclaude,FAIL,FAIL,PASS\n"))
    assert worded.table["score"].sum() == 3


@pytest.mark.parametrize("head", ["item,0,1,2,3", "model,gpt,claude,x,y", "q,1,2,3,4"])
def test_a_header_of_names_stays_one(tmp_path, head):
    found = read(written(tmp_path, f"{head}\nq0,1,0,1,1\nq1,0,0,1,1\n"))
    assert len(found) == 8
    assert "there is no header" not in " ".join(found.notes)


def test_a_matrix_much_longer_than_wide_is_doubted_aloud(tmp_path):
    rows = ["1,0,1", "0,0,1", "1,1,0"] * 10
    bare = read(written(tmp_path, "\n".join(rows) + "\n"))
    assert "There are 30 rows and 3 columns: if rows are items, transpose the table" in " ".join(bare.notes)
    named = read(written(tmp_path, "name,a,b,c\n" + "".join(f"r{k},{r}\n" for k, r in enumerate(rows))))
    assert "if the rows are items, call the first column 'item'" in " ".join(named.notes)
    assert "transpose" not in " ".join(read(written(tmp_path, "\n".join(rows[:3]) + "\n")).notes)


def test_frames_and_long_tables_keep_their_columns(tmp_path):
    long = "index,model,item,score\n0,m,a,1\n1,m,b,0\n"
    found = read(written(tmp_path, long))
    assert found.n_items == 2
    assert "index" in found.table.columns
    assert isinstance(found.table, pl.DataFrame)


def test_two_rows_of_words_are_no_names(tmp_path):
    found = read(written(tmp_path, ",a,b\n0,PASS,FAIL\n1,FAIL,FAIL\n"))
    assert cells(found) == {("0", "a"): 1, ("0", "b"): 0, ("1", "a"): 0, ("1", "b"): 0}


@pytest.mark.parametrize("names", [["q0", "q1", "q2"], ["0", "1", "2"]])
def test_an_empty_cell_in_the_first_row_makes_it_no_header(tmp_path, names):
    rows = ["1,,1", "0,0,", "0,1,1"]
    found = read(written(tmp_path, "".join(f"{n},{r}\n" for n, r in zip(names, rows, strict=True))))
    assert (len(found), found.n_items) == (7, 3)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("id,y_true,y_pred\nr0,1,1\nr1,0,1\nr2,0,0\n", {"r0": 1, "r1": 0, "r2": 1}),
        ("item,exact_match,f1\nr0,1,1.0\nr1,0,0.4\nr2,1,0.5\n", {"r0": 1, "r1": 0, "r2": 1}),
    ],
)
def test_predictions_beside_the_truth_and_metrics_are_no_models(tmp_path, text, right):
    found = read(written(tmp_path, text))
    assert len(found.models) == 1
    assert dict(found.table.select("item", "score").iter_rows()) == right
