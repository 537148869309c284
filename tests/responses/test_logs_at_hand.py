"""Logs of Inspect and results of lm-eval that are at hand as objects, and folders of logs as Inspect leaves them."""

import json
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from pydantic import BaseModel

import unseen
from unseen.errors import BadInput, UnseenError
from unseen.responses import with_factors
from unseen.responses.reading import read

FIXTURES = Path(__file__).parents[1] / "fixtures"
COLUMNS = ["model", "item", "score", "target", "prediction", "question"]


class Sample(BaseModel, extra="allow"):
    scores: dict[str, Any] | None = None


class Spec(BaseModel, extra="allow"):
    task: str = ""


class EvalLog(BaseModel):
    """What we use of Inspect's class: its name, its module, and these fields."""

    eval: Spec
    samples: list[Sample] | None
    status: str = "success"
    location: str = ""


class EvalLogInfo(BaseModel):
    name: str


for _cls in (EvalLog, EvalLogInfo):
    _cls.__module__ = "inspect_ai.log._log"


def at_hand(**more: Any) -> Any:
    raw = json.loads((FIXTURES / "inspect" / "two.json").read_text(encoding="utf-8"))
    return EvalLog(eval=raw["eval"], samples=raw["samples"], **more)


def same(a: pl.DataFrame, b: pl.DataFrame) -> bool:
    order = [c for c in ("item", "repeat") if c in a.columns]
    return a.sort(order).select(COLUMNS).equals(b.sort(order).select(COLUMNS))


def test_a_log_at_hand_gives_what_its_file_gives():
    from_file = read(FIXTURES / "inspect" / "two.json")
    assert same(read(at_hand()).table, from_file.table)
    assert set(read(at_hand()).factors) == set(from_file.factors)
    together = unseen.read([at_hand(), FIXTURES / "inspect" / "one.eval"])
    assert len(together.models) == 2
    assert unseen.audit([at_hand()], select="U002").document["responses"]["rows"] == len(from_file)


def test_a_log_whose_samples_were_not_loaded_is_read_where_it_lies():
    path = FIXTURES / "inspect" / "two.json"
    whole = read(path)
    for log in (
        at_hand(location=str(path)).model_copy(update={"samples": None}),
        EvalLogInfo(name=path.resolve().as_uri()),
    ):
        assert same(read(log).table, whole.table)
    with pytest.raises(BadInput, match="is not on this machine"):
        read(EvalLogInfo(name="s3://bucket/log.eval"))
    with pytest.raises(BadInput, match="holds no scored sample"):
        read(at_hand().model_copy(update={"samples": None}))


def test_an_unfinished_log_at_hand_says_so():
    assert any("did not finish (cancelled)" in note for note in read(at_hand(status="cancelled")).notes)


def test_a_log_directory_is_read_in_place_beside_listings_and_stopped_runs(tmp_path: Path):
    shutil.copy(FIXTURES / "inspect" / "one.eval", tmp_path / "good.eval")
    (tmp_path / "logs.json").write_text(json.dumps({"good.eval": {"status": "success"}}))
    (tmp_path / "eval-set.json").write_text(json.dumps({"eval_set_id": "x"}))
    (tmp_path / ".eval-set-id").write_text("x")
    with zipfile.ZipFile(FIXTURES / "inspect" / "one.eval") as old, zipfile.ZipFile(tmp_path / "bad.eval", "w") as new:
        for name in old.namelist():
            if not name.startswith("samples/") and "summaries" not in name:
                new.writestr(name, old.read(name))
    responses = read(tmp_path)
    assert same(responses.table, read(FIXTURES / "inspect" / "one.eval").table)
    assert any("1 logs hold no scored sample and were left out" in note for note in responses.notes)
    with pytest.raises(BadInput, match="holds no scored sample"):
        read(tmp_path / "bad.eval")


def test_factors_that_a_scorer_leaves_are_factors_of_the_audit():
    log = at_hand()
    for n, sample in enumerate(log.samples):
        score = SimpleNamespace(metadata={"other": 1})
        with_factors(with_factors(score, tools=("calc", "web")[: 1 + n % 2]), steps=n % 3)
        next(iter(sample.scores.values()))["metadata"] = score.metadata
    responses = read(log)
    assert {"steps", "tools"} <= set(responses.factors)
    assert responses.factors["steps"].kind == "ordered"
    assert responses.factors["tools"].kind == "set"
    with pytest.raises(BadInput, match="factor 'x' is"):
        with_factors(SimpleNamespace(metadata=None), x={"a": 1})


def test_summaries_that_lack_such_factors_are_passed_over_for_the_samples(tmp_path: Path):
    path = tmp_path / "one.eval"
    with zipfile.ZipFile(FIXTURES / "inspect" / "one.eval") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.startswith("samples/"):
                sample = json.loads(data)
                for score in sample["scores"].values():
                    score["metadata"] = {"unseen_factors": {"words": len(sample["input"])}}
                data = json.dumps(sample).encode()
            new.writestr(name, data)
    assert "words" in read(path).table.columns
    assert same(read(path).table, read(FIXTURES / "inspect" / "one.eval").table)


def results(folder: Path) -> dict[str, Any]:
    """What simple_evaluate returns: the results file and the samples by task."""
    whole = json.loads(next(folder.glob("results_*.json")).read_text(encoding="utf-8"))
    samples: dict[str, list[Any]] = {}
    for task in ("tiny_sums", "tiny_words"):
        lines = next(folder.glob(f"samples_{task}_*.jsonl")).read_text(encoding="utf-8").splitlines()
        samples[task] = [json.loads(line) for line in lines]
    return {**whole, "samples": samples}


def test_results_of_a_run_of_lm_eval_are_read_as_its_files():
    folders = [FIXTURES / "lm_eval" / f"tiny__{m}" for m in ("alpha", "beta")]
    whole = read(FIXTURES / "lm_eval")
    together = read([results(folder) for folder in folders])
    key = ["model", "item"]
    assert (
        together.table.sort(key)
        .select([*key, "score", "task"])
        .equals(whole.table.sort(key).select([*key, "score", "task"]))
    )
    audit = unseen.audit(results(folders[0]), select="U002")
    assert audit.sources == ("lm-eval: tiny_sums, tiny_words",)
    with pytest.raises(BadInput, match="Run it with log_samples=True"):
        read({**results(folders[0]), "samples": {}})


def test_a_plan_takes_the_logs_that_an_audit_takes():
    """A log at hand is read as its file is: of both the plan says the same of their one side."""
    said: list[str] = []
    for pilot in (FIXTURES / "inspect" / "two.json", at_hand(), [at_hand()]):
        with pytest.raises(UnseenError) as raised:
            unseen.plan(pilot)
        said.append(str(raised.value))
    assert len(set(said)) == 1, said
