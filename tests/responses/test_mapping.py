"""The user's names of columns become ours."""

import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.responses import Responses
from unseen.responses.frames import apply_unseen, from_table
from unseen.responses.mapping import Mapping

TABLE = pl.DataFrame({
    "who": ["m", "m", "n", "n"], "what": ["a", "b", "a", "b"], "loss": [0.5, 2.0, 1.0, 0.0], "year": [2019, 2022, 2019, 2022], "tags": ["x;y", "y", "x;y", "y"],
})  # fmt: skip
NAMES = {"model_column": "who", "item_column": "what", "score": "-loss"}


def test_names_are_replaced_and_a_loss_is_negated():
    responses = from_table(TABLE, Mapping.of(**NAMES))
    assert responses.table["score"].to_list() == [-0.5, -2.0, -1.0, 0.0]
    assert responses.models == ("m", "n")
    assert {"who", "what", "loss"}.isdisjoint(responses.table.columns)
    assert "loss is smaller for better answers: its negative is the score." in responses.notes


def test_a_range_is_that_of_the_loss():
    kind = from_table(TABLE, Mapping.of(**NAMES, score_range="0:4")).score_kind
    assert (kind.name, kind.low, kind.high) == ("bounded", -4.0, 0.0)


def test_a_condition_may_use_the_name_that_a_column_had():
    responses = from_table(TABLE, Mapping.of(**NAMES, time="year", unseen="year > 2020"))
    assert responses.table["split"].to_list() == ["seen", "unseen", "seen", "unseen"]
    assert "year" not in responses.table.columns


def test_a_column_may_be_a_role_and_a_factor():
    responses = from_table(TABLE, Mapping.of(**NAMES, time="year", factors=["year:ordered"]))
    assert {"time", "year"} <= set(responses.table.columns)
    assert responses.factors["year"].why == "set by the user"


def test_a_text_column_can_be_a_set():
    responses = from_table(TABLE, Mapping.of(**NAMES, factors=["tags:set"]))
    assert responses.table["tags"].to_list() == [["x", "y"], ["y"], ["x", "y"], ["y"]]


def test_a_factor_that_is_named_is_one_whatever_is_inferred():
    table = TABLE.with_columns(constant=pl.lit("c"))
    assert "constant" not in from_table(table, Mapping.of(**NAMES)).factors
    assert "constant" in from_table(table, Mapping.of(**NAMES, factors=["constant"])).factors


def test_well_known_names_are_taken_and_said():
    table = (
        TABLE.rename({"who": "model_name", "what": "item_id"})
        .with_columns(correct=pl.Series([True, False, True, True]))
        .drop("loss")
    )
    responses = from_table(table)
    assert responses.score_kind.name == "binary"
    assert any("Column 'correct' was taken as the score" in note for note in responses.notes)


def test_wrong_options_are_told_with_near_names():
    with pytest.raises(BadInput, match="no option 'clusters'; did you mean 'cluster'"):
        Mapping.of(clusters="x")
    with pytest.raises(BadInput, match="a score range is written LOW:HIGH"):
        Mapping.of(score_range="ten")
    with pytest.raises(BadInput, match="'categorial' is not a kind"):
        Mapping.of(factors=["site:categorial"])
    with pytest.raises(BadInput, match=r"--cluster: no column 'yaer'; did you mean 'year'"):
        from_table(TABLE, Mapping.of(**NAMES, cluster="yaer"))
    with pytest.raises(BadInput, match="--factor: no column 'tag'; did you mean 'tags'"):
        from_table(TABLE, Mapping.of(**NAMES, factors=["tag"]))


def test_one_model_by_name_conflicts_with_a_column_of_several():
    table = TABLE.rename({"who": "model"})
    with pytest.raises(BadInput, match="names one model, but the column 'model' already holds 2"):
        from_table(table, Mapping(model="x", item_column="what", score="-loss"))


def test_toml_tables_are_read(tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_text(
        '[tool.unseen]\nmodel-column = "who"\nscore = "-loss"\nrange = "0:4"\nsources = ["x"]\n[tool.unseen.factors]\nyear = "ordered"\ntags = ""\n'
    )
    mapping = Mapping.from_toml(path)
    assert (mapping.model_column, mapping.score_range, mapping.factors) == (
        "who",
        (0.0, 4.0),
        {"year": "ordered", "tags": None},
    )
    (tmp_path / "unseen.toml").write_text('cluster = "author"\n')
    assert Mapping.from_toml(tmp_path / "unseen.toml").cluster == "author"
    path.write_text("[tool.unseen]\nmodel-colum = 1\n")
    with pytest.raises(BadInput, match=r"pyproject.toml: no option 'model_colum'; did you mean 'model_column'"):
        Mapping.from_toml(path)


def test_rows_of_training_items_stay_training():
    table = pl.DataFrame(
        {
            "model": ["m"] * 3,
            "item": list("abc"),
            "score": [1, 0, 1],
            "digits": [1, 2, None],
            "split": ["train", None, None],
        }
    )
    responses = apply_unseen(Responses.of(table), "digits > 1")
    assert responses.table["split"].to_list() == ["train", "unseen", "seen"]
    assert any("1 rows lack a value" in note for note in responses.notes)


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_data_frames_of_other_libraries(library):
    native = TABLE.to_pandas() if library == "pandas" else TABLE.to_arrow()
    assert len(from_table(native, Mapping.of(**NAMES))) == 4


def _parts(*words):
    n = len(words)
    return pl.DataFrame({"model": ["m"] * n, "item": [f"i{k}" for k in range(n)], "score": [1.0] * n, "part": words})


def test_a_named_column_of_train_and_test_says_what_is_unseen():
    responses = from_table(_parts("train", "test", "train", "test"), Mapping(split="part"))
    assert responses.table["split"].to_list() == ["seen", "unseen", "seen", "unseen"]
    assert any("Column 'part' holds train and test" in note for note in responses.notes)


def test_a_wrong_word_in_a_named_split_is_told_by_the_users_own_column():
    with pytest.raises(BadInput, match=r"column 'part', row 2: 'dev' is not .* --unseen \"part == 'dev'\""):
        from_table(_parts("train", "dev", "test"), Mapping(split="part"))
