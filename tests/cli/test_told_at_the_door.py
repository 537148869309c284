"""What is refused or noted before the work: endings, codes, dates, reports in the place of logs, files named twice."""

import json
import zipfile

import polars as pl
import pytest

from unseen.errors import MissingExtra
from unseen.report.accepted import read as read_accepted


@pytest.fixture
def report(run, log, tmp_path):
    page, document = tmp_path / "last.html", tmp_path / "last.json"
    run("audit", log, "--select", "U1", "--output", page, "--output", document, "-q")
    return page, document


@pytest.mark.parametrize("ending", ["pdf", "parquet", "doc"])
def test_an_ending_of_no_format_is_refused_and_the_known_ones_are_named(run, log, tmp_path, ending):
    target = tmp_path / f"x.{ending}"
    code, _, err = run("audit", log, "--output", target)
    assert code == 2
    assert f"no format ends in .{ending}; the endings are .html," in err
    assert not target.exists()
    assert run("audit", log, "--select", "U001", "--output", target, "--format", "text")[0] == 0
    assert run("audit", log, "--select", "U001", "--output", tmp_path / "plain")[0] == 0


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("U10l", "'U10l'; did you mean U101?"), ("U1O4", "'U1O4'; did you mean U104?"), ("uIO1", "'uIO1'; did you mean U101?"),
        ("U706", "'U706'; those that begin with U70 are U701, U702, U703, U704, U705, U707."),
    ],
)  # fmt: skip
def test_a_mistyped_code_is_echoed_and_its_neighbours_are_named(run, log, typed, said):
    code, _, err = run("audit", log, "--select", typed)
    assert code == 2
    assert f"no check begins with {said}" in err
    assert len(err) < 200
    assert f"no check begins with {said}" in run("explain", typed)[2]


def test_an_acceptance_that_has_ended_before_it_began_is_refused(run, log, tmp_path):
    code, _, err = run("audit", log, "--accept", tmp_path / "a.toml", "--expires", "2020-01-01")
    assert (code, "--expires 2020-01-01: is past (today is" in err) == (2, True)
    code, _, err = run("audit", log, "--accept", tmp_path / "a.toml", "--expires", "tomorrow")
    assert (code, "--expires takes the last day on which it is accepted, as 20" in err) == (2, True)
    assert not (tmp_path / "a.toml").exists()


def test_what_is_accepted_says_nothing_of_the_baseline_it_was_found_beside(run, table, tmp_path):
    before, after = tmp_path / "before.csv", tmp_path / "after.csv"
    table.with_columns(score=pl.lit(1.0)).write_csv(before)
    table.write_csv(after)
    shared = ("audit", after, "--unseen", "digits > 3", "--select", "U1", "--baseline", before)
    document = json.loads(run(*shared, "--format", "json")[1])
    assert any("baseline" in f["statement"] for f in document["findings"] if f["code"] == "U101")
    run(*shared, "--accept", tmp_path / "known.toml", "-q")
    kept = [e.statement for e in read_accepted(tmp_path / "known.toml", filled=False).entries if e.code != "U705"]
    assert kept
    assert all(said and "baseline" not in said for said in kept)


def test_a_report_in_the_place_of_a_log_is_called_one(run, log, report):
    page, document = report
    assert f"{page}: is a report of unseen, not a log. Look at it: unseen view {page}" in run("audit", page)[2]
    assert f"compare with it: --baseline {document}" in run("audit", document)[2]
    code, _, err = run("audit", log, "--baseline", page)
    assert (code, "as a baseline take the JSON report of that audit" in err) == (2, True)


def test_one_file_without_a_model_is_called_by_its_name_as_several_are(run, tmp_path):
    file = tmp_path / "amber.csv"
    pl.DataFrame({"item": [f"i{k}" for k in range(40)], "score": [k % 2 for k in range(40)]}).write_csv(file)
    document = json.loads(run("audit", file, "--select", "U002", "--format", "json")[1])
    assert document["responses"]["models"] == ["amber"]
    # Where an item stands twice, another column may well be the model: nothing is guessed.
    pl.concat([pl.read_csv(file).with_columns(system=pl.lit(s)) for s in ("x", "y")]).write_csv(file)
    assert run("audit", file, "--select", "U002")[0] == 2


def test_a_file_that_is_named_twice_is_read_once_and_that_is_said(run, log, tmp_path):
    other = tmp_path / "link.parquet"
    other.symlink_to(log)
    for again in (log, other):
        document = json.loads(run("audit", log, again, "--select", "U002", "--format", "json")[1])
        assert document["responses"]["rows"] == 800
        assert "the same file is read once" in document["responses"]["notes"][0]


def test_describe_names_the_columns_that_were_taken(run, table, tmp_path):
    file = tmp_path / "t.csv"
    table.rename({"score": "acc", "item": "q"}).write_csv(file)
    out = run("audit", file, "--item-column", "q", "--describe")[1]
    assert "model from 'model', item from 'q', score from 'acc'" in out


def test_each_file_of_a_folder_that_cannot_be_read_is_named_with_its_own_reason(run, table, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    table.write_csv(folder / "good.csv")
    (folder / "a.jsonl").write_text("")
    (folder / "b.parquet").write_bytes(b"\x1f\x8bxxxx")
    code, _, err = run("audit", folder)
    assert code == 2
    assert "runs: a.jsonl: the file is empty. Was the evaluation" in err
    assert "b.parquet: is compressed with gzip" in err
    assert "no known format" not in err


def test_a_log_that_needs_an_extra_is_named(tmp_path, monkeypatch):
    from unseen.responses.readers import _archive

    path = tmp_path / "one.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", "{}")

    def lacking(packed, size):
        raise MissingExtra("reading logs compressed with zstd", "zstd")

    monkeypatch.setattr(_archive, "unzstd", lacking)
    with _archive.Archive(path) as archive:
        archive._zip.getinfo("header.json").compress_type = _archive.ZSTD
        with pytest.raises(MissingExtra, match=r"one\.eval: .* pip install '\.\[zstd\]'"):
            archive.read("header.json")


def test_models_without_a_common_item_are_not_told_to_compare_on_common_items(run, tmp_path):
    for name, letter in (("a", "i"), ("c", "k")):
        pl.DataFrame({"item": [f"{letter}{k}" for k in range(40)], "score": [k % 2 for k in range(40)]}).write_csv(
            tmp_path / f"{name}.csv"
        )
    out = run("audit", tmp_path / "a.csv", tmp_path / "c.csv", "--select", "U004", "--format", "json")[1]
    (found,) = (f for f in json.loads(out)["findings"] if f["code"] == "U004")
    assert found["next_step"].startswith("No item was answered by all models")


def test_sarif_names_the_files_of_a_folder_and_of_the_model(run, table, tmp_path):
    for name, part in table.group_by("model"):
        folder = tmp_path / "runs" / f"acme__{name[0]}"
        folder.mkdir(parents=True)
        part.with_columns(model=pl.lit(f"acme/{name[0]}")).write_csv(folder / "log.csv")
    out = run("audit", "runs", "--unseen", "digits > 3", "--select", "U101", "--format", "sarif", cwd=tmp_path)[1]
    results = json.loads(out)["runs"][0]["results"]
    assert results
    for result in results:
        places = [p["physicalLocation"]["artifactLocation"]["uri"] for p in result["locations"]]
        name = result["locations"][0]["logicalLocations"][0]["name"]
        assert places == [f"runs/{name.replace('/', '__')}/log.csv"]


def test_a_filter_that_a_log_does_not_have_is_said_not_to_be_there(run, tmp_path):
    rows = [
        {"doc_id": k, "doc": {"question": f"q{k}"}, "target": "1", "arguments": [["q"]], "resps": [["1"]],
         "filtered_resps": ["1"], "filter": "none", "metrics": ["acc"], "acc": float(k % 2)} for k in range(20)
    ]  # fmt: skip
    path = tmp_path / "m" / "samples_t_2026-11-11T05-43-34.768556.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = run("audit", path, "--filter", "strict", "--select", "U002", "--format", "json")[1]
    assert any("has no filter 'strict'" in note for note in json.loads(out)["responses"]["notes"])
