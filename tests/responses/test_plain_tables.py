"""Plain tables in every container, long or wide, and training examples."""

import json

import numpy as np
import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.responses.frames import from_table
from unseen.responses.mapping import Mapping
from unseen.responses.readers import plain
from unseen.responses.reading import read, read_examples

LONG = pl.DataFrame({
    "model": ["m", "m", "n", "n"], "item": ["007", "008", "007", "008"], "score": [1.0, 0.0, 1.0, 1.0], "digits": [1, 2, 1, 2],
})  # fmt: skip


def write(table, path):
    match path.name.split(".", 1)[1]:
        case "csv":
            table.write_csv(path)
        case "tsv":
            table.write_csv(path, separator="\t")
        case "semicolon.csv":
            table.write_csv(path, separator=";")
        case "parquet":
            table.write_parquet(path)
        case "jsonl":
            table.write_ndjson(path)
        case "json":
            path.write_text(json.dumps(table.to_dicts()))
        case "indented.json":
            path.write_text(json.dumps(table.to_dicts(), indent=2))
        case "feather":
            table.write_ipc(path)
        case "arrows":
            table.write_ipc_stream(path)
    return path


@pytest.mark.parametrize(
    "ending", ["csv", "tsv", "semicolon.csv", "parquet", "jsonl", "json", "indented.json", "feather", "arrows"]
)
def test_one_table_in_every_container(tmp_path, ending):
    responses = read(write(LONG, tmp_path / f"x.{ending}"))
    # Names stay texts although they look like numbers.
    assert responses.table.select(LONG.columns).equals(LONG)
    assert responses.factors["digits"].kind == "ordered"


def test_globs_and_folders_give_one_table(tmp_path):
    for name in ("m", "n"):
        write(LONG.filter(model=name), tmp_path / f"{name}.parquet")
    assert len(read(str(tmp_path / "*.parquet"))) == len(read(tmp_path)) == 4
    assert len(read(str(tmp_path / "m*"))) == 2


def test_files_without_a_model_column_are_a_model_each(tmp_path):
    for name in ("first", "second"):
        write(LONG.filter(model="m").drop("model"), tmp_path / f"{name}.csv")
    responses = read(tmp_path)
    assert responses.models == ("first", "second")
    assert any("each file is one model" in note for note in responses.notes)
    assert read(tmp_path / "first.csv").models == ("first",)
    assert read(tmp_path / "first.csv", mapping=Mapping(model="x")).models == ("x",)


def test_a_matrix_of_models_by_items(tmp_path):
    wide = pl.DataFrame({"model": ["m", "n"], "q1": [1, 0], "q2": [None, 1], "q3": [1, 1]})
    responses = read(write(wide, tmp_path / "x.csv"))
    assert sorted(responses.table.select("model", "item", "score").rows()) == [
        ("m", "q1", 1.0),
        ("m", "q3", 1.0),
        ("n", "q1", 0.0),
        ("n", "q2", 1.0),
        ("n", "q3", 1.0),
    ]
    assert any(
        "a matrix of 2 models (rows) by 3 items (columns); 1 empty cells were left out" in note
        for note in responses.notes
    )


def test_a_matrix_of_items_by_models(tmp_path):
    wide = pl.DataFrame({"item": ["q1", "q2", "q3"], "m": [1, 0, 1], "n": [1.0, 0.5, 0.0]})
    responses = read(write(wide, tmp_path / "x.parquet"))
    assert responses.models == ("m", "n")
    assert responses.n_items == 3


def test_a_long_table_with_numbers_only_is_no_matrix(tmp_path):
    table = pl.DataFrame({"model": ["m", "n"], "item": [1, 2], "score": [1, 0], "digits": [1, 2]})
    assert len(read(write(table, tmp_path / "x.csv"))) == 2


def test_columns_that_change_type_between_files_become_text(tmp_path):
    write(LONG.filter(model="m").with_columns(site=pl.Series([1, 2])), tmp_path / "a.parquet")
    write(LONG.filter(model="n").with_columns(site=pl.Series(["x", "y"])), tmp_path / "b.parquet")
    assert read(tmp_path).table["site"].to_list() == ["1", "2", "x", "y"]


def test_a_large_table_leaves_texts_on_disk_and_numbers_its_names(tmp_path, monkeypatch):
    monkeypatch.setattr(plain, "LARGE", 1000)
    n = 5000
    rng = np.random.default_rng(0)
    table = pl.DataFrame({
        "model": np.where(np.arange(n) % 2, "m", "n"), "item": np.arange(n) // 2, "score": rng.integers(0, 2, n) * 1.0, "digits": rng.integers(1, 5, n),
        "site": rng.choice(["a", "b"], n), "question": [f"What is {i}?" for i in range(n)], "remark": [f"remark {i}" for i in range(n)],
    })  # fmt: skip
    path = write(table, tmp_path / "x.parquet")
    responses = read(path, mapping=Mapping(unseen="digits > 2"))
    assert any("'question', 'remark' were not read (name a column to keep it)" in note for note in responses.notes)
    assert {"question", "remark"}.isdisjoint(responses.table.columns)
    assert responses.table.schema["site"] == pl.Categorical
    assert "question" in read(path, mapping=Mapping(question="question")).table.columns
    monkeypatch.setattr(plain, "LARGE", n)
    whole = read(path, mapping=Mapping(unseen="digits > 2"))
    assert dict(whole.factors) == dict(responses.factors)
    for name in ("model", "item", "site", "split"):
        few, many = responses.codes(name), whole.codes(name)
        assert few.levels == many.levels
        assert (few.codes == many.codes).all()


def test_codes_of_numbered_columns_agree_with_those_of_text():
    from unseen.responses.table import code

    text = pl.Series("x", ["b", None, "a", "c", "b"])
    numbered = text.cast(pl.Categorical).filter([True, True, True, False, True])
    assert code(numbered).codes.tolist() == [1, -1, 0, 1]
    assert code(numbered).levels == ("a", "b")
    assert code(text.cast(pl.Enum(["c", "b", "a"]))).levels == ("a", "b", "c")


def test_training_examples_from_tables_and_texts(tmp_path):
    assert read_examples(write(pl.DataFrame({"input": ["a"], "digits": [2]}), tmp_path / "x.jsonl")).rows() == [
        ("a", 2)
    ]
    (tmp_path / "x.txt").write_text("What is 1 + 1?\n\nWhat is 2 + 2?\n")
    assert read_examples(tmp_path / "x.txt")["input"].to_list() == ["What is 1 + 1?", "What is 2 + 2?"]
    with pytest.raises(BadInput, match="no such file"):
        read_examples(tmp_path / "nowhere")


def test_decimal_commas_where_semicolons_divide(tmp_path):
    (tmp_path / "x.csv").write_text("model;item;score\nm;a;0,5\nm;b;0,75\n")
    responses = read(tmp_path / "x.csv")
    assert responses.table["score"].to_list() == [0.5, 0.75]
    assert any("commas were read as decimal points" in note for note in responses.notes)


def test_nested_fields_become_columns(tmp_path):
    (tmp_path / "x.jsonl").write_text(
        '{"model":"m","item":"a","score":1,"meta":{"x":1,"score":3}}\n{"model":"m","item":"b","score":0,"meta":{"x":2}}\n'
    )
    table = read(tmp_path / "x.jsonl").table
    assert table.select("score", "x", "meta.score").rows() == [(1.0, 1, 3), (0.0, 2, None)]


def test_a_column_that_repeats_a_block_is_numbered_as_any_other():
    import numpy as np

    from unseen.responses.table import code

    names = pl.Series("x", [f"i{i}" for i in range(1500)]).shuffle(seed=0)
    holed = names.set(pl.Series(np.arange(1500) % 7 == 3), None)
    twice = pl.concat([names[:1000], names[500:1000]])
    for block in (names, holed, twice, pl.Series("x", np.arange(1500) * 0.5).shuffle(seed=1)):
        repeated = pl.concat([block] * 3)
        # Neither the last row missing nor one name changed leaves a block that repeats.
        changed = repeated.scatter(4000, repeated[0])
        for column in (block, repeated, repeated[:-1], changed):
            coded = code(column)
            levels = sorted(set(column.to_list()) - {None})
            assert list(coded.levels) == levels
            place = {level: k for k, level in enumerate(levels)} | {None: -1}
            assert coded.codes.tolist() == [place[x] for x in column.to_list()]


def test_a_column_that_describes_repeated_items_is_numbered_as_any_other():
    import numpy as np

    from unseen.responses.table import code

    rng = np.random.default_rng(0)
    place = pl.Series("x", rng.choice(["b", "a", "d", "c"], 600))
    holed = place.set(pl.Series(rng.random(600) < 0.1), None)
    for block in (place, holed, pl.Series("x", rng.integers(0, 4, 600) / 2)):
        repeated = pl.concat([block] * 4)
        # What only looks like a block that repeats is numbered row by row.
        changed = repeated.scatter(1900, repeated.drop_nulls().max())
        for column in (repeated, changed, repeated[:-1], block):
            whole, by_block = code(column), code(column, 600)
            assert by_block.levels == whole.levels
            assert (by_block.codes == whole.codes).all()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("site_id", "categorical"),
        ("siteID", "categorical"),
        ("Site-Id", "categorical"),
        ("grid", "ordered"),
        ("acid", "ordered"),
    ],
)
def test_whole_numbers_that_a_name_calls_identifiers_have_no_order(name, kind):
    made = from_table(
        pl.DataFrame({"model": "m", "item": range(40), "score": [0.0, 1.0] * 20, name: [7, 9, 11, 12] * 10})
    )
    assert made.factors[name].kind == kind
    assert from_table(made.table, Mapping.of(factors=f"{name}:ordered")).factors[name].kind == "ordered"
    rows = pl.DataFrame({"model": "m", "item": range(40), "score": [0.0, 1.0] * 20, name: range(40)})
    assert (name in from_table(rows).factors) == (kind == "ordered")
