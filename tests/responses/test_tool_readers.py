"""Results of evaluation tools, made by the tools themselves (tests/fixtures/make_*.py), and what is wrong in such files."""

import json
from pathlib import Path

import pytest

from unseen.errors import BadInput, MissingExtra
from unseen.responses.mapping import Mapping
from unseen.responses.readers import READERS
from unseen.responses.reading import detect, read

FIXTURES = Path(__file__).parent.parent / "fixtures"


def said(responses, words):
    return any(words in note for note in responses.notes)


def scores(responses, model):
    table = responses.table.filter(responses.table["model"] == model)
    return dict(zip(table["item"].to_list(), table["score"].to_list(), strict=True))


def refused(path, **mapping):
    with pytest.raises(BadInput) as caught:
        read(path, mapping=Mapping.of(**mapping))
    assert str(path) in str(caught.value)
    return str(caught.value)


def written(path, document):
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


# promptfoo


@pytest.mark.parametrize("name", ["results.json", "results.jsonl"])
def test_promptfoo_tests_are_clusters_of_their_prompts_and_a_failed_call_is_no_wrong_answer(name):
    responses = read(FIXTURES / "promptfoo" / name)
    assert responses.models == ("alpha", "beta")
    assert responses.n_items == 6
    assert responses.table["cluster"].n_unique() == 3
    assert responses.factors["prompt"].kind == "categorical"
    assert responses.factors["digits"].kind == "ordered"
    assert scores(responses, "alpha")["test 3, prompt 1"] is None
    assert scores(responses, "beta") == {f"test {t}, prompt {p}": float(t != 2) for t in (1, 2, 3) for p in (1, 2)}
    assert said(responses, "2 calls ended in an error of the provider; they have no score")
    assert said(responses, "Metric 'success' was read; the log also has score, right, form")


def test_promptfoo_rows_that_a_metric_does_not_judge_are_left_out_and_told():
    responses = read(FIXTURES / "promptfoo" / "results.json", mapping=Mapping(metric="form"))
    # The second test has no such assertion; the two calls that failed have no score of any kind.
    assert len(responses) == 6
    assert said(responses, "of 12 rows have no 'form' (first: result")


# DeepEval


@pytest.mark.parametrize("name", ["latest_test_run.json", "test_run_20261121_172248.json"])
def test_deepeval_success_is_read_and_each_metric_can_be(name):
    path = FIXTURES / "deepeval" / name
    assert read(path).table["score"].to_list() == [1, 0, 0]
    assert read(path, mapping=Mapping(metric="Pattern Match")).table["score"].to_list() == [1, 1, 0]
    responses = read(path)
    assert responses.models == ("tiny/alpha",)
    assert {"digits", "site"} <= set(responses.factors)
    assert "no metric 'x'; the metrics are success, Exact Match, Pattern Match" in refused(path, metric="x")


# MLflow and tables of columns and data


def test_mlflow_tables_are_one_model_a_folder_and_a_share_goes_before_a_length():
    responses = read(FIXTURES / "mlflow")
    assert responses.models == ("alpha", "beta")
    assert responses.n_items == 4
    assert responses.table.filter(responses.table["model"] == "beta")["score"].to_list() == [1, 0, 1, 1]
    assert said(responses, "Metric 'correct' was read; the log also has length")
    assert said(responses, "names no model, so it is called 'beta'")
    assert set(responses.factors) == {"digits", "site"}


def test_wandb_tables_are_tables_under_the_users_columns(tmp_path):
    responses = read(FIXTURES / "wandb")
    assert scores(responses, "alpha") == {"2 + 2": 1.0, "13 + 9": 0.0}
    named = written(tmp_path / "t.json", {"columns": ["m", "q", "points"], "data": [["a", 1, 0.5], ["a", 2, 1]]})
    columns = Mapping(model_column="m", item_column="q", score="points")
    assert read(named, mapping=columns).table["score"].to_list() == [0.5, 1.0]
    uneven = written(tmp_path / "u.json", {"columns": ["model", "item", "score"], "data": [["a", "q", 1], ["a", "r"]]})
    assert 'row 2: has 2 cells, the table 3 columns: \'["a", "r"]\'' in refused(uneven)


# EvalPlus and BigCodeBench


def test_evalplus_extra_tests_count_only_where_the_first_ones_passed(tmp_path):
    path = next((FIXTURES / "evalplus").iterdir())
    plus, base = read(path), read(path, mapping=Mapping(metric="base"))
    assert plus.models == ("tiny/alpha_temp_0.2",)
    # The tool itself printed pass@1 of 0.667 on the first tests and 0.500 with the extra ones.
    assert (base.score.mean(), plus.score.mean()) == (pytest.approx(4 / 6), 0.5)
    assert plus.table["repeat"].to_list() == [1, 2] * 3
    odd = {"date": "d", "eval": {"HumanEval/0": [{"base_status": "fail", "plus_status": "pass"}]}}
    (tmp_path / "m").mkdir()
    folder = read(written(tmp_path / "m" / "eval_results.json", odd))
    assert folder.models == ("m",)
    assert folder.score.tolist() == [0]


def test_bigcodebench_samples_pass_or_they_do_not():
    responses = read(FIXTURES / "bigcodebench")
    assert scores(responses, "tiny/alpha") == {"BigCodeBench/0": 1.0, "BigCodeBench/1": 0.0, "BigCodeBench/2": 0.0}


def test_evalplus_older_files_hold_lists_of_statuses(tmp_path):
    tasks = {"HumanEval/0": {"nfiles": 2, "base": [["pass", []], ["pass", []]], "plus": [["pass", []], ["fail", []]]}}
    path = written(tmp_path / "m_eval_results.json", {"date": "d", "eval": tasks})
    assert read(path).table["score"].to_list() == [1, 0]


# SWE-bench


def test_swe_bench_reports_count_what_was_submitted_as_the_tool_does():
    responses = read(str(FIXTURES / "swe_bench" / "*.json"))
    assert responses.models == ("tiny/alpha", "tiny/beta")
    assert sorted(scores(responses, "tiny/alpha").values()) == [0, 0, 1, 1]
    assert scores(responses, "tiny/beta")["django__django-13551"] == 0
    assert said(responses, "counted as not resolved, as SWE-bench itself does: 1 with an empty patch")
    assert said(responses, "1 of the instances were not submitted")
    assert responses.factors["repository"].kind == "categorical"


def test_swe_bench_reports_of_instances_agree_with_the_report_of_the_run():
    whole, parts = read(str(FIXTURES / "swe_bench" / "*.json")), read(FIXTURES / "swe_bench" / "logs")
    assert parts.models == whole.models
    for model in parts.models:
        assert scores(parts, model).items() <= scores(whole, model).items()


# OpenAI evals


def test_openai_evals_events_of_a_sample_are_one_answer(tmp_path):
    responses = read(FIXTURES / "openai_evals")
    assert scores(responses, "tiny-beta") == {f"tiny-sums.dev.{i}": float(i != 1) for i in range(3)}
    table = responses.table
    wrong = table.filter(table["score"] == 0).row(0, named=True)
    assert (wrong["question"], wrong["prediction"], wrong["target"]) == ("13 + 9", "21", "22")
    spec = {"spec": {"completion_fns": ["m"], "eval_name": "e", "run_id": "1"}}
    event = {"run_id": "1", "event_id": 0, "sample_id": "a", "type": "metrics", "data": {"score": 0.25, "choice": "B"}}
    path = written(tmp_path / "x.jsonl", f"{json.dumps(spec)}\n{json.dumps(event)}\n")
    assert read(path).table.row(0)[:3] == ("m", "a", 0.25)


# Ragas


@pytest.mark.parametrize("name", ["alpha.csv", "alpha.json", "alpha.jsonl"])
def test_ragas_rows_are_read_however_they_were_saved(name, tmp_path):
    path = FIXTURES / "ragas" / name
    responses = read(path)
    assert detect(path) is READERS["ragas"]
    assert responses.models == ("alpha",)
    assert responses.table["score"].to_list() == [1, 0, 0]
    assert said(responses, "Metric 'exact_match' was read; the log also has non_llm_string_similarity, string_present")
    assert read(path, mapping=Mapping(metric="string_present")).table["score"].to_list() == [1, 0, 1]
    assert "no metric 'f'; the metrics are" in refused(path, metric="f")


def test_ragas_empty_metrics_are_unlabelled_and_sensitivity_to_noise_is_a_loss(tmp_path):
    text = "user_input,response,reference,noise_sensitivity(mode=relevant)\na,b,c,0.25\nd,e,f,\n"
    responses = read(written(tmp_path / "x.csv", text))
    assert responses.table["score"].to_list() == [-0.25, None]
    assert said(responses, "is empty in 1 of 2 rows; they are unlabelled, not wrong")


# Hugging Face evaluate


def test_hf_evaluate_predictions_are_right_where_they_are_the_reference():
    path = FIXTURES / "hf_evaluate"
    labels, spans = read(path / "alpha.json"), read(path / "spans.json")
    assert labels.models == ("tiny/alpha",)
    assert labels.table["score"].to_list() == [1, 1, 1, 0]
    # As SQuAD compares: without articles, case and punctuation.
    assert scores(spans, "spans") == {"q1": 1.0, "q2": 0.0}
    assert said(spans, "an answer is right where the prediction is the reference, or one of them")


def test_hf_evaluate_numbers_are_judged_by_their_distance_and_lists_of_scores_are_metrics(tmp_path):
    document = {"predictions": [1.5, 2.0], "references": [1.0, 2.0], "f1": [0.25, 0.75]}
    path = written(tmp_path / "m.json", document)
    assert read(path).table["score"].to_list() == [-0.5, 0]
    assert read(path, mapping=Mapping(metric="f1")).table["score"].to_list() == [0.25, 0.75]
    short = written(tmp_path / "s.json", {"predictions": [1, 2], "references": [1]})
    assert "2 predictions and 1 references" in refused(short)


# Weave


@pytest.mark.parametrize("name", ["calls.jsonl", "calls.json", "calls.csv"])
def test_weave_calls_of_an_evaluation_are_answers_and_others_are_passed_over(name):
    responses = read(FIXTURES / "weave" / name)
    assert responses.models == ("alpha", "beta")
    assert (len(responses), responses.n_items) == (6, 3)
    assert responses.table.filter(responses.table["score"] == 0).select("model", "question").row(0) == (
        "beta",
        "40 + 1",
    )
    assert said(responses, "Metric 'match.correct' was read; the log also has length")
    assert said(responses, "2 calls of other operations were passed over") is (name != "calls.csv")
    assert set(responses.factors) == {"digits"}


def test_weave_calls_without_an_evaluation_are_told(tmp_path):
    call = {"id": "1", "project_id": "p", "op_name": "chat", "trace_id": "t", "inputs": {}, "output": "x"}
    path = written(tmp_path / "x.jsonl", f"{json.dumps(call)}\n{json.dumps(call)}\n")
    assert "holds no call of Evaluation.predict_and_score, but 2 of 'chat'" in refused(path)


# What was read before, read further


def test_inspect_nested_metadata_has_dots_in_its_names():
    responses = read(FIXTURES / "inspect" / "two.eval")
    assert responses.table["author.name"].to_list() == ["x"] * 5


def test_lm_eval_rows_without_the_metric_are_told_and_left_out(tmp_path):
    source = next((FIXTURES / "lm_eval").rglob("samples_tiny_sums_*.jsonl"))
    rows = [json.loads(line) for line in source.read_text().splitlines()]
    for row in rows[:2]:
        row |= {"f9": 0.5, "metrics": ["f9"]}
        del row["acc"], row["acc_norm"]
    path = written(tmp_path / "samples_x_2026-01-01T00-00-00.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
    responses = read(path)
    assert responses.table["score"].to_list() == [row["acc"] for row in rows[2:]]
    assert said(responses, "2 of 6 rows have no 'acc' (first: doc_id '0') and were left out")
    assert read(path, mapping=Mapping(metric="f9")).table["score"].to_list() == [0.5, 0.5]


# Every format


FILES = {
    "promptfoo": "promptfoo/results.json", "deepeval": "deepeval/latest_test_run.json",
    "mlflow": "mlflow/alpha/artifacts/eval_results_table.json",
    "evalplus": "evalplus/tiny--alpha_temp_0.2_eval_results.json", "swe-bench": "swe_bench/tiny__alpha.first.json",
    "openai-evals": "openai_evals/tiny-alpha.jsonl", "ragas": "ragas/alpha.json", "weave": "weave/calls.jsonl",
    "hf-evaluate": "hf_evaluate/spans.json", "inspect": "inspect/two.json",
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_format_is_known_by_its_content_whatever_the_name(name, tmp_path):
    path = tmp_path / "results.txt"
    path.write_bytes((FIXTURES / FILES[name]).read_bytes())
    assert detect(path) is READERS[name]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_off_is_told(name, tmp_path):
    data = (FIXTURES / FILES[name]).read_bytes()
    path = tmp_path / "cut.json"
    path.write_bytes(data[: int(len(data) * 0.7)])
    assert "not valid JSON" in refused(path, format=name)


def places(value, at=()):
    """Where a document holds values, lists of one kind only once."""
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:2]):
            yield from places(inner, (*at, index))


def changed(document, at, new):
    if not at:
        return new
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[at[0]] = changed(copy[at[0]], at[1:], new)
    return copy


def complaint(path, name):
    try:
        read(path, mapping=Mapping(format=name))
    except (BadInput, MissingExtra) as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", FILES)
def test_a_value_of_a_wrong_type_anywhere_gives_one_error_or_none(name, tmp_path):
    source = FIXTURES / FILES[name]
    lines = source.suffix == ".jsonl"
    texts = source.read_text().splitlines() if lines else [source.read_text()]
    document = [json.loads(text) for text in texts]
    path = tmp_path / "x.json"
    found = [at for at in places(document) if at]
    step = max(1, len(found) // 25)
    for at in found[:12] + found[12::step]:
        for new in (None, 7, "x" * 900, [[1]], {"a": {"b": 1}}, 1e999, 10**400):
            wrong = changed(document, at, new)
            path.write_text("\n".join(json.dumps(row) for row in wrong))
            told = complaint(path, name)
            # The message names the file and is short, whatever it quotes.
            assert told is None or (str(path) in told and len(told) < 700), (at, new, told)
            assert "but not its shape" not in (told or ""), (at, new, told)


@pytest.mark.parametrize("name", FILES)
def test_json_that_is_nested_too_deep_is_told(name, tmp_path):
    path = written(tmp_path / "deep.json", '{"a":' * 100_000 + "1" + "}" * 100_000)
    assert "nested hundreds of levels deep" in refused(path, format=name)


def test_what_no_reader_knows_gets_the_three_columns_to_make_and_a_row(tmp_path):
    message = refused(written(tmp_path / "x.json", {"a": 1, "b" * 900: 2}))
    assert "Write a CSV with three columns" in message
    assert "\n  model,item,score\n  my-model,question-1,1" in message
    assert len(message) < 1500
