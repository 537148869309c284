"""Bad input: one clear error that names file, row, column and value, and what to do; or, where it is no error, a table."""

import gzip
import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.responses.frames import from_table
from unseen.responses.mapping import Mapping
from unseen.responses.reading import read, read_examples

FIXTURES = Path(__file__).parent.parent / "fixtures"


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def refused(path, **mapping):
    with pytest.raises(BadInput) as caught:
        read(path, mapping=Mapping.of(**mapping))
    message = str(caught.value)
    assert str(path if isinstance(path, Path) else path[0]) in message
    return message


def test_an_empty_file(tmp_path):
    assert "the file is empty" in refused(written(tmp_path / "x.csv", ""))
    assert "has columns (model, item, score) but no row" in refused(written(tmp_path / "y.csv", "model,item,score\n"))


def test_a_missing_file():
    with pytest.raises(BadInput, match=r"nowhere\.csv: no such file or folder"):
        read("nowhere.csv")
    with pytest.raises(BadInput, match="no file matches this pattern"):
        read("nowhere/*.csv")


def test_a_missing_column(tmp_path):
    path = written(tmp_path / "x.csv", "model,item,points\na,q1,1\n")
    message = refused(path)
    assert "no column 'score'; the columns are model, item, points" in message
    assert "--score" in message
    assert "no column 'point'; did you mean 'points'?" in refused(path, score="point")
    assert read(path, mapping=Mapping(score="points")).table["score"].to_list() == [1.0]


def test_a_score_outside_its_range(tmp_path):
    path = written(tmp_path / "x.csv", "model,item,score\na,q1,1\na,q2,7\na,q3,9\n")
    message = refused(path, score_range="0:5")
    assert "column 'score', row 2: 7.0 lies outside the range 0 … 5 (2 such rows)" in message
    assert "--range LOW:HIGH" in message


def test_text_in_a_numeric_column(tmp_path):
    path = written(tmp_path / "x.csv", "model,item,score\na,q1,1\na,q2,good\n")
    assert "column 'score', row 2: 'good' is not a number (1 such rows)" in refused(path)
    lines = written(
        tmp_path / "x.jsonl", '{"model":"a","item":"q","score":1}\n{"model":"a","item":"r","score":"good"}\n'
    )
    assert "column 'score', row 2: 'good' is not a number" in refused(lines)


def test_nan_and_null_scores_are_unlabelled(tmp_path):
    path = written(tmp_path / "x.csv", "model,item,score\na,q1,1\na,q2,NaN\na,q3,\na,q4,0\n")
    assert read(path).table["score"].to_list() == [1.0, None, None, 0.0]
    lines = written(tmp_path / "x.jsonl", '{"model":"a","item":"q","score":1}\n{"model":"a","item":"r","score":NaN}\n')
    assert read(lines).table["score"].to_list() == [1.0, None]
    path = written(tmp_path / "y.csv", "model,item,score\na,q1,NaN\na,q2,\n")
    assert "column 'score' holds no number at all" in refused(path)


def test_infinite_scores_and_missing_names(tmp_path):
    assert "column 'score', row 2: inf" in refused(written(tmp_path / "x.csv", "model,item,score\na,q1,1\na,q2,inf\n"))
    assert "column 'item', row 1: missing (1 such rows)" in refused(
        written(tmp_path / "y.csv", "model,item,score\na,,1\na,q2,0\n")
    )


def test_two_files_that_disagree_on_an_item(tmp_path):
    a = written(tmp_path / "a.csv", "model,item,score\nm,q1,1\nm,q2,0\n")
    b = written(tmp_path / "b.csv", "model,item,score\nm,q1,0\nm,q3,0\n")
    message = refused([a, b])
    assert f"{a} and {b} disagree on item 'q1' of model 'm': scores 1 and 0 (1 such answers)" in message
    assert "--repeat" in message


def test_two_files_with_another_right_answer_or_the_same_answer_twice(tmp_path):
    a = written(tmp_path / "a.csv", "model,item,score,target\nm,q1,1,yes\n")
    b = written(tmp_path / "b.csv", "model,item,score,target\nn,q1,0,no\n")
    assert any(
        "disagree on the right answer of 1 items: 'q1' has 'no' and 'yes'" in note for note in read([a, b]).notes
    )
    c = written(tmp_path / "c.csv", "model,item,score,target\nm,q1,1,yes\n")
    assert any("1 answers stand in two files with the same score" in note for note in read([a, c]).notes)


def test_one_name_for_different_questions_is_kept_apart(tmp_path):
    a = written(tmp_path / "a.csv", "model,item,score,question\nm,1,1,What is 1+1?\nm,2,1,What is 2+2?\n")
    b = written(tmp_path / "b.csv", "model,item,score,question\nn,1,0,What is 2+2?\nn,2,0,What is  1+1?\n")
    responses = read([a, b])
    assert responses.n_items == 2
    assert any("2 item names stand for different questions in different files" in note for note in responses.notes)
    wide = responses.table.pivot("model", index="item", values="score")
    assert wide.null_count().sum_horizontal().item() == 0


def test_a_truncated_archive(tmp_path):
    data = (FIXTURES / "inspect" / "one.eval").read_bytes()
    path = tmp_path / "x.eval"
    path.write_bytes(data[: len(data) // 2])
    assert "the zip archive is cut off or damaged" in refused(path)


def test_a_damaged_member(tmp_path):
    path = tmp_path / "x.eval"
    data = bytearray((FIXTURES / "inspect" / "one-zstd.eval").read_bytes())
    with zipfile.ZipFile(FIXTURES / "inspect" / "one-zstd.eval") as archive:
        info = archive.getinfo("summaries.json")
    middle = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
    data[middle : middle + 20] = bytes(20)
    path.write_bytes(data)
    assert "member 'summaries.json' is damaged" in refused(path)


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps({"version": 2, "eval": {"model": "m", "task": "t"}}))
        archive.writestr("summaries.json", b" " * (80 << 20))
    message = refused(path)
    assert "member 'summaries.json' unpacks from 0.1 to 80 MiB" in message
    assert "looks like a zip bomb; it is not read" in message


def test_a_zip_whose_directory_lies_about_sizes(tmp_path):
    # Declared small, unpacks large: reading stops at the declared size, and the checksum tells.
    path = tmp_path / "liar.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps({"version": 2, "eval": {"model": "m", "task": "t"}}))
        archive.writestr("summaries.json", b" " * (1 << 20))
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<L", 1 << 20), struct.pack("<L", 100)))
    assert "member 'summaries.json' is damaged" in refused(path)


def test_too_many_members(tmp_path, monkeypatch):
    from unseen.responses.readers import _archive

    monkeypatch.setattr(_archive, "MAX_MEMBERS", 5)
    assert "members, more than 5" in refused(FIXTURES / "inspect" / "one.eval")


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_is_refused_and_never_opened(tmp_path, protocol):
    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "opened"), "w")

    path = tmp_path / "x.parquet"
    path.write_bytes(pickle.dumps(Trap(), protocol))
    message = refused(path)
    assert "is a pickle, which can run any code when it is opened, so it is refused" in message
    assert "to_parquet" in message
    assert not (tmp_path / "opened").exists()
    with pytest.raises(BadInput, match="is a pickle"):
        read_examples(path)


def test_other_files_say_what_to_do(tmp_path):
    (tmp_path / "x.csv").write_bytes(gzip.compress(b"model,item,score\n"))
    assert "compressed with gzip. Unpack it first" in refused(tmp_path / "x.csv")
    np.save(tmp_path / "x.npy", np.ones(3))
    assert "is a NumPy array" in refused(tmp_path / "x.npy")
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02.")
    assert "is a saved model (a zip that holds a pickle)" in refused(tmp_path / "x.pt")
    assert "json object with the keys a, b is no format that is known" in refused(
        written(tmp_path / "x.json", '{"a": 1, "b": 2}')
    )
    (tmp_path / "x.bin").write_bytes(bytes(range(256)) * 4)
    assert "binary data of an unknown kind" in refused(tmp_path / "x.bin")


def test_a_directory_of_unknown_files(tmp_path):
    written(tmp_path / "notes.md", "# Notes\n\nNothing here.\n")
    written(tmp_path / "settings.json", '{"a": 1}')
    message = refused(tmp_path)
    assert "holds 2 files, none of a known format: settings.json, notes.md" in message
    assert "lm-eval" in message
    (tmp_path / "empty").mkdir()
    assert "the folder is empty" in refused(tmp_path / "empty")


def test_a_directory_of_mixed_formats(tmp_path):
    written(tmp_path / "a.csv", "model,item,score\nm,q1,1\n")
    written(tmp_path / "b.jsonl", '{"subject_id": "m", "responses": {"q1": 1}}\n')
    message = refused(tmp_path)
    assert "holds logs of 2 formats (table: a.csv; py-irt: b.jsonl)" in message
    # Named one by one they are read.
    assert len(read([tmp_path / "a.csv"])) == 1
    written(tmp_path / "c.json", '{"what": "ever"}')
    assert "c.json" in refused(tmp_path)


def test_documents_beside_logs_are_passed_over(tmp_path):
    written(tmp_path / "a.csv", "model,item,score\nm,q1,1\n")
    written(tmp_path / "README.md", "# How these were made\n\nWith care.\n")
    assert len(read(tmp_path)) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_encodings(tmp_path, encoding):
    path = written(tmp_path / "x.csv", "model,item,score\nModèle,é1,1\nModèle,é2,0\n", encoding)
    responses = read(path)
    assert responses.models == ("Modèle",)
    assert responses.table["item"].to_list() == ["é1", "é2"]
    assert any("Latin-1" in note for note in responses.notes) == (encoding == "latin-1")
    lines = written(tmp_path / "x.jsonl", '{"model": "Modèle", "item": "é1", "score": 1}\n', encoding)
    assert read(lines).models == ("Modèle",)


def test_encodings_may_differ_between_files(tmp_path):
    a = written(tmp_path / "a.csv", "model,item,score\nm,é,1\n", "utf-16")
    b = written(tmp_path / "b.csv", "model,item,score\nn,é,0\n", "utf-8-sig")
    assert read([a, b]).n_items == 1


def test_bytes_that_turn_up_late_in_a_file(tmp_path):
    text = "model,item,score\n" + "".join(f"m,q{i},1\n" for i in range(60_000))
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode() + "m,é,0\n".encode("latin-1"))
    assert read(path).table["item"][-1] == "é"


def test_a_million_levels_of_a_factor():
    n = 1_000_000
    table = pl.DataFrame(
        {
            "model": ["m"] * n,
            "item": np.arange(n),
            "score": np.arange(n) % 2,
            "site": pl.Series(np.arange(n)).cast(pl.String),
        }
    )
    assert "site" not in from_table(table).factors
    responses = from_table(table, Mapping.of(factors=["site"]))
    assert responses.factors["site"].kind == "categorical"
    assert len(responses.codes("site").levels) == n


@pytest.mark.parametrize(
    "table",
    [
        {"model": ["m"], "item": ["a"], "score": [1]},
        {"model": ["m", "n"], "item": ["a", "a"], "score": [1, 0]},
        {"model": ["m", "m"], "item": ["a", "b"], "score": [1, 1]},
        {"model": ["m", "m"], "item": ["a", "b"], "score": [0.5, 0.5], "cluster": ["c", "c"]},
    ],
)
def test_one_model_one_item_one_cluster_and_equal_scores_load(table):
    responses = from_table(pl.DataFrame(table))
    assert len(responses) == len(table["model"])
    assert len(responses.cluster) == len(responses)


def test_html_and_formulas_are_only_text(tmp_path):
    names = ["<script>alert(1)</script>", "=HYPERLINK(1)", "@SUM(A1)"]
    table = pl.DataFrame({"model": names, "item": [f"{n} & 'q'" for n in names], "score": [1, 0, 1]})
    table.write_csv(tmp_path / "x.csv")
    responses = read(tmp_path / "x.csv")
    assert sorted(names) == list(responses.models)
    assert responses.table["item"].to_list() == table["item"].to_list()


def test_an_unseen_condition_that_matches_nothing_or_everything():
    table = pl.DataFrame(
        {
            "model": ["m"] * 4,
            "item": list("abcd"),
            "score": [1, 0, 1, 1],
            "digits": [1, 2, 3, 4],
            "site": ["x", "x", "y", "y"],
        }
    )
    with pytest.raises(BadInput) as caught:
        from_table(table, Mapping(unseen="digits > 9"))
    assert "'digits > 9' matches no row (0 of 4)" in str(caught.value)
    assert "digits from 1 to 4" in str(caught.value)
    with pytest.raises(BadInput, match=r"matches every row \(4 of 4\).*site is one of 'x', 'y'"):
        from_table(table, Mapping(unseen="site in ['x', 'y']"))


def test_rows_of_different_length_name_the_row(tmp_path):
    path = written(tmp_path / "x.csv", "model,item,score\na,q1,1\na,what, really?,0\n")
    message = refused(path)
    assert "row 2: has 4 fields, the header has 3: 'a,what, really?,0'. Quote texts" in message


def test_json_that_is_cut_off_names_the_line(tmp_path):
    path = written(tmp_path / "x.jsonl", '{"subject_id": "m", "responses": {"q1": 1}}\n{"subject_id": "n", "resp')
    assert "line 2: not valid JSON" in refused(path)
    assert "cut off" in refused(path)
    path = written(tmp_path / "y.jsonl", '{"model": "m", "item": "a", "score": 1}\n{"model": "m", "item"')
    assert "line 2: not valid JSON" in refused(path)


def test_a_cut_parquet_file(tmp_path):
    pl.DataFrame({"model": ["m"], "item": ["a"], "score": [1]}).write_parquet(tmp_path / "x.parquet")
    data = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "x.parquet").write_bytes(data[:-20])
    assert "can't be read as parquet" in refused(tmp_path / "x.parquet")
