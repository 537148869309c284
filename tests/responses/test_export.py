"""What is written is read back."""

import json

import polars as pl
import pytest

from unseen.data.sample import load_sample, sample_path
from unseen.errors import BadInput
from unseen.responses import Responses
from unseen.responses.reading import read


def test_parquet_round_trip_keeps_everything(tmp_path):
    responses = read(sample_path("lm-arithmetic"))
    path = responses.write(tmp_path / "r.parquet")
    again = read(path)
    assert again.table.equals(responses.table)
    assert dict(again.factors) == dict(responses.factors)


def test_every_eval_ever_round_trip_keeps_scores_and_factors(tmp_path):
    responses = Responses.of(load_sample("lm-arithmetic").head(400))
    again = read(responses.write(tmp_path / "r.jsonl"))
    key = ["model", "item"]
    columns = [
        *key,
        "score",
        "prediction",
        "target",
        "question",
        "split",
        "operation",
        "digits",
        "carries",
        "steps",
        "format",
        "variant_of",
        "parent",
        "cluster",
    ]
    left, right = (r.table.select(c for c in columns if c in again.table.columns).sort(key) for r in (responses, again))
    assert left.columns[:4] == ["model", "item", "score", "prediction"]
    assert right.equals(left.cast(dict(right.schema)))
    assert again.table["confidence"].to_list() == pytest.approx(responses.table["confidence"].to_list())


def test_every_eval_ever_has_what_its_schema_requires(tmp_path):
    table = pl.DataFrame(
        {
            "model": ["m", "m", "m"],
            "item": ["a", "b", "c"],
            "score": [0.2, 0.8, None],
            "skills": [["x"], ["y", "z"], []],
        }
    )
    path = Responses.of(table, score_range=(0, 1)).write(tmp_path / "r.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    required = {
        "schema_version",
        "evaluation_id",
        "model_id",
        "evaluation_name",
        "sample_id",
        "interaction_type",
        "input",
        "output",
        "answer_attribution",
        "evaluation",
    }
    # An unlabelled row has no score, which the schema requires: it is left out.
    assert len(lines) == 2
    assert all(required <= line.keys() for line in lines)
    assert [line["evaluation"]["is_correct"] for line in lines] == [False, True]
    assert all(isinstance(v, str) for line in lines for v in line["metadata"].values())
    assert read(path).table["skills"].to_list() == [["x"], ["y", "z"]]


def test_an_unknown_ending_is_told(tmp_path):
    responses = Responses.of(pl.DataFrame({"model": ["m"], "item": ["a"], "score": [1]}))
    with pytest.raises(BadInput, match=r"no format for '.xyz'; write .parquet, or .jsonl"):
        responses.write(tmp_path / "r.xyz")
    with pytest.raises(BadInput, match="can't write there"):
        responses.write(tmp_path / "nowhere" / "r.parquet")
