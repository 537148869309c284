"""Logs of other tools, made by the tools themselves (tests/fixtures/make_*.py), with the traps of each format."""

import json
import shutil
import zipfile
from pathlib import Path

import polars as pl
import pytest

from unseen.errors import BadInput, MissingExtra
from unseen.responses.mapping import Mapping
from unseen.responses.reading import find, read

FIXTURES = Path(__file__).parent.parent / "fixtures"


def said(responses, words):
    return any(words in note for note in responses.notes)


# lm-evaluation-harness


def lm_eval_files(task):
    return sorted((FIXTURES / "lm_eval").rglob(f"samples_{task}_*.jsonl"))


def test_lm_eval_folder_of_models_and_tasks_becomes_one_table():
    responses = read(FIXTURES / "lm_eval")
    assert responses.models == ("tiny/alpha", "tiny/beta")
    assert responses.table["task"].unique().sort().to_list() == ["tiny_sums", "tiny_words"]
    # The same documents in two tasks are different items; the same document for two models is one item.
    assert (len(responses), responses.n_items) == (24, 12)


def test_lm_eval_scores_are_those_of_the_log():
    path = lm_eval_files("tiny_sums")[0]
    raw = [json.loads(line) for line in path.read_text().splitlines()]
    assert read(path).table["score"].to_list() == [row["acc"] for row in raw]
    assert read(path, mapping=Mapping(metric="acc_norm")).table["score"].to_list() == [row["acc_norm"] for row in raw]


def test_lm_eval_log_probabilities_that_are_texts_become_a_confidence():
    import math

    path = lm_eval_files("tiny_sums")[0]
    raw = [json.loads(line) for line in path.read_text().splitlines()]
    responses = read(path)
    for row, confidence, prediction, target, score in zip(
        raw, *(responses.table[c] for c in ("confidence", "prediction", "target", "score")), strict=True
    ):
        odds = [math.exp(float(pair[0])) for pair in row["filtered_resps"]]
        assert confidence == pytest.approx(max(odds) / sum(odds))
        assert (prediction == target) == (score == 1.0)


def test_lm_eval_several_filters_one_is_taken_and_said():
    path = lm_eval_files("tiny_words")[0]
    strict, loose = read(path), read(path, mapping=Mapping(filter="flexible-extract"))
    assert said(strict, "Filter 'strict-match' was read; the log also has flexible-extract")
    assert len(strict) == len(loose) == 6
    assert strict.score.mean() == 0 < loose.score.mean()
    both = read(path, mapping=Mapping(metric="exact_match,flexible-extract"))
    assert both.table["score"].equals(loose.table["score"])


def test_lm_eval_unknown_filter_and_metric_are_told_with_those_there_are():
    path = lm_eval_files("tiny_words")[0]
    with pytest.raises(BadInput, match="no filter 'x'; the filters are strict-match, flexible-extract"):
        read(path, mapping=Mapping(filter="x"))
    with pytest.raises(BadInput, match="no metric 'f9'; the metrics are exact_match"):
        read(path, mapping=Mapping(metric="f9"))


def test_lm_eval_factors_sit_inside_doc():
    responses = read(lm_eval_files("tiny_sums")[0])
    assert {n: responses.factors[n].kind for n in ("digits", "site", "skills")} == {
        "digits": "ordered",
        "site": "categorical",
        "skills": "set",
    }
    assert "choices" not in responses.factors


def test_lm_eval_model_is_the_folder_where_no_results_file_lies_beside(tmp_path):
    folder = tmp_path / "org__name"
    folder.mkdir()
    shutil.copy(lm_eval_files("tiny_sums")[0], folder / "anything.txt")
    responses = read(folder / "anything.txt")
    assert responses.models == ("org/name",)
    assert said(responses, "no results file beside it")


def test_lm_eval_items_match_by_content_where_numbers_differ(tmp_path):
    raw = [json.loads(line) for line in lm_eval_files("tiny_sums")[0].read_text().splitlines()]
    for name, rows in (("a", raw), ("b", [{**row, "doc_id": 900 - row["doc_id"]} for row in raw])):
        (tmp_path / f"org__{name}").mkdir()
        (tmp_path / f"org__{name}" / "samples_t_2026-01-01T00-00-00.jsonl").write_text(
            "".join(json.dumps(r) + "\n" for r in rows)
        )
    responses = read(tmp_path)
    assert responses.n_items == len(raw)
    assert said(responses, "6 items have different names in different files; they were matched by their content")


# Inspect


@pytest.mark.parametrize("name", ["one.eval", "one-zstd.eval", "two.eval", "two.json"])
def test_inspect_logs_are_read_however_they_are_stored(name):
    responses = read(FIXTURES / "inspect" / name)
    right, epochs = (4, 2) if name.startswith("one") else (2, 1)
    assert responses.models == (f"mockllm/{name[:3]}",)
    assert len(responses) == 5 * epochs
    assert responses.score.sum() == right * epochs
    assert said(responses, "Scorer 'match' was read; the log also has letters, length")


def test_inspect_values_are_letters_and_nan_is_unscored():
    raw = json.loads(zipfile.ZipFile(FIXTURES / "inspect" / "one.eval").read("summaries.json"))
    responses = read(FIXTURES / "inspect" / "one.eval", mapping=Mapping(metric="letters"))
    meaning = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
    values = [row["scores"]["letters"]["value"] for row in raw]
    assert {v for v in values if isinstance(v, str)} == {"C", "I", "P", "N"}
    assert responses.table["score"].to_list() == [meaning.get(v) if isinstance(v, str) else None for v in values]
    assert said(responses, "2 of 10 samples are unscored; they are unlabelled, not wrong")


def test_inspect_epochs_are_repeats_and_metadata_are_factors():
    responses = read(FIXTURES / "inspect" / "one.eval")
    assert sorted(responses.table["repeat"].unique()) == [1, 2]
    assert responses.factors["subject"].kind == "categorical"
    assert responses.factors["skills"].kind == "set"
    assert "author" not in responses.table.columns


def test_inspect_zstd_and_deflated_members_hold_the_same():
    one, other = (read(FIXTURES / "inspect" / n).table for n in ("one.eval", "one-zstd.eval"))
    assert one.equals(other)
    methods = {i.compress_type for i in zipfile.ZipFile(FIXTURES / "inspect" / "one-zstd.eval").infolist()}
    assert methods == {93}


def test_inspect_zstd_without_the_extra_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtra, match=r"pip install 'unseen\[zstd\]'"):
        read(FIXTURES / "inspect" / "one-zstd.eval")


def rewritten(path, change, skip=()):
    with zipfile.ZipFile(FIXTURES / "inspect" / "one.eval") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            if name not in skip:
                new.writestr(name, json.dumps(change(name, json.loads(old.read(name)))))
    return path


def test_inspect_without_summaries_reads_the_sample_files(tmp_path):
    path = rewritten(tmp_path / "x.eval", lambda name, value: value, skip=("summaries.json",))
    assert (
        read(path)
        .table.sort("item", "repeat")["score"]
        .equals(read(FIXTURES / "inspect" / "one.eval").table.sort("item", "repeat")["score"])
    )


def test_inspect_reads_the_newer_layout_of_samples(tmp_path):
    path = tmp_path / "x.eval"
    with zipfile.ZipFile(FIXTURES / "inspect" / "one.eval") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            if name != "summaries.json":
                new.writestr(
                    name.replace(".json", "/sample.json") if name.startswith("samples/") else name, old.read(name)
                )
    assert len(read(path)) == 10


def test_inspect_metadata_that_summaries_lack_come_from_the_samples(tmp_path):
    def change(name, value):
        if name == "summaries.json":
            return [{**row, "metadata": {"digits": 1}} for row in value]
        return value

    path = rewritten(tmp_path / "x.eval", change)
    assert "subject" not in read(path).table.columns
    assert read(path, mapping=Mapping.of(factors=["subject"])).factors["subject"].kind == "categorical"


def test_inspect_of_an_unknown_version_needs_the_extra(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    path = rewritten(
        tmp_path / "x.eval", lambda name, value: {**value, "version": 99} if name == "header.json" else value
    )
    with pytest.raises(MissingExtra, match=r"unknown version 99 needs the extra 'inspect'"):
        read(path)


def test_inspect_unknown_scorer_is_told_with_those_there_are():
    with pytest.raises(BadInput, match="no scorer 'x'; the scorers are match, letters, length"):
        read(FIXTURES / "inspect" / "one.eval", mapping=Mapping(metric="x"))


def test_inspect_two_models_share_items():
    responses = read([FIXTURES / "inspect" / "one.eval", FIXTURES / "inspect" / "two.eval"])
    assert (responses.models, responses.n_items) == (("mockllm/one", "mockllm/two"), 5)


def test_two_runs_of_one_model_are_repeats(tmp_path):
    def other(name, value):
        if name != "summaries.json":
            return value
        return [{**row, "scores": {**row["scores"], "match": {"value": "I"}}} for row in value]

    path = rewritten(tmp_path / "again.eval", other)
    responses = read([FIXTURES / "inspect" / "one.eval", path])
    assert sorted(responses.table["repeat"].unique()) == [1, 2, 3, 4]
    assert said(responses, "8 answers have different scores in different runs")


# HELM


def test_helm_entries_are_merged_and_missing_means_unlabelled():
    responses = read(FIXTURES / "helm")
    assert responses.models == ("tiny/alpha", "tiny/beta")
    # 4 instances and their perturbations for each of 2 models, each in two entries of the list.
    assert len(responses) == 16
    assert responses.table["score"].null_count() == 2
    assert said(responses, "1 of 8 instances have no exact_match; they are unlabelled, not wrong")


def test_helm_perturbed_instances_are_variants():
    table = read(FIXTURES / "helm").table
    variants = table.filter(pl.col("variant_of").is_not_null())
    assert variants["item"].unique().sort().to_list() == [f"id{i}~typos" for i in range(4)]
    assert set(variants["variant_of"]) <= set(table.filter(pl.col("variant_of").is_null())["item"])
    assert (variants["cluster"] == variants["variant_of"]).all()


def test_helm_takes_texts_from_the_scenario_state():
    row = read(FIXTURES / "helm").table.filter(item="id1", model="tiny/alpha").row(0, named=True)
    assert (row["question"], row["target"], row["sub_split"]) == ("1 + 1 =", "2", "easy")


def test_a_list_is_streamed_in_pieces_of_any_size(tmp_path):
    from unseen.responses.readers._content import array_items

    path = tmp_path / "list.json"
    items = [{"a": 'x"]}\\' * i, "b": [{"c": [i]}]} for i in range(20)]
    path.write_text(json.dumps({"other": 1, "rows": items}))
    for chunk in (1, 2, 3, 7, 50, 10_000):
        assert list(array_items(path, "rows", chunk=chunk)) == items
    path.write_text(json.dumps(items)[:-30])
    with pytest.raises(BadInput, match="the list is cut off"):
        list(array_items(path))


# lighteval


def test_lighteval_both_spellings_of_the_columns(tmp_path):
    responses = read(FIXTURES / "lighteval")
    assert (responses.models, len(responses)) == (("tiny/alpha",), 8)
    assert responses.table["confidence"].to_list() == pytest.approx([0.8175744761936437] * 8)
    assert ((responses.table["prediction"] == responses.table["target"]) == (responses.table["score"] == 1)).all()
    assert {"digits", "site"} <= set(responses.factors)
    path = next((FIXTURES / "lighteval").rglob("*.parquet"))
    old = tmp_path / "details" / "tiny" / "beta" / "2026-11-21T05-00-00.000000" / "x.parquet"
    old.parent.mkdir(parents=True)
    table = pl.read_parquet(path)
    table.rename({c: f"__{c}__" for c in table.columns}).write_parquet(old)
    assert read(old).models == ("tiny/beta",)
    assert read([path, old]).n_items == 8


# every_eval_ever, py-irt


def test_every_eval_ever_lines(tmp_path):
    path = tmp_path / "any.name"
    line = {"schema_version": "0.2.1", "evaluation_id": "e", "model_id": "org/m", "evaluation_name": "sums", "sample_id": "s1", "sample_hash": "h1",
            "interaction_type": "single_turn", "input": {"raw": "1 + 1", "reference": ["2"]}, "output": {"raw": ["2"]},
            "answer_attribution": [], "evaluation": {"score": 1.0, "is_correct": True}, "metadata": {"digits": "1", "site": "a"}}  # fmt: skip
    second = {
        **line,
        "sample_id": "s2",
        "sample_hash": "h2",
        "evaluation": {"is_correct": False, "score": None},
        "metadata": {"digits": "2", "site": "b"},
    }
    path.write_text(json.dumps(line) + "\n" + json.dumps(second) + "\n")
    responses = read(path)
    assert responses.table["score"].to_list() == [1.0, 0.0]
    # Metadata are texts in the file; numbers are numbers again.
    assert responses.factors["digits"].kind == "ordered"


def test_py_irt_cells_may_be_missing(tmp_path):
    path = tmp_path / "irt.jsonlines"
    path.write_text(
        '{"subject_id": "m", "responses": {"q1": 1, "q2": 0}}\n{"subject_id": "n", "responses": {"q1": 0}}\n'
    )
    assert read(path).table.rows() == [("m", "q1", 1.0), ("m", "q2", 0.0), ("n", "q1", 0.0)]
    path.write_text('{"subject_id": "m", "responses": {"q1": "yes"}}\n')
    with pytest.raises(BadInput, match=r"irt.jsonlines, line 1: the response to 'q1' is 'yes', not a number"):
        read(path)


def test_formats_are_told_by_content_not_name(tmp_path):
    copies = {"lm-eval": lm_eval_files("tiny_sums")[0], "inspect": FIXTURES / "inspect" / "two.json",
              "helm": next((FIXTURES / "helm").rglob("per_instance_stats.json")), "lighteval": next((FIXTURES / "lighteval").rglob("*.parquet"))}  # fmt: skip
    for i, (name, path) in enumerate(copies.items()):
        other = tmp_path / f"{i}.dat"
        shutil.copy(path, other)
        assert name == find(other)[0][1].NAME


def test_the_fast_path_gives_what_the_interface_of_inspect_gives(monkeypatch):
    pytest.importorskip("inspect_ai")
    from unseen.responses.readers import inspect_log

    paths = [FIXTURES / "inspect" / "one.eval", FIXTURES / "inspect" / "two.json"]
    fast = [read(path).table.sort("item") for path in paths]
    monkeypatch.setattr(inspect_log, "KNOWN_VERSIONS", ())
    assert all(a.equals(read(path).table.sort("item")) for a, path in zip(fast, paths, strict=True))
