"""What continuous integration reads: SARIF by its schema, counts by code, annotations without what is accepted."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pytest

import unseen
from unseen.report import accepted, github, sarif, statistics
from unseen.report.plain import to_json

SCHEMA = json.loads((Path(__file__).parent / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    table = pl.DataFrame(
        {
            "model": [m for m in ("a", "b <i>") for _ in range(200)], "item": [f"i{k}" for _ in range(2) for k in range(200)],
            "score": [float(k < 100 or k % 10 == 0) for _ in range(2) for k in range(200)],
            "split": ["seen" if k < 100 else "unseen" for _ in range(2) for k in range(200)],
        }
    )  # fmt: skip
    return unseen.audit(table, select="U1,U7", sources=["runs/log one.csv"]).document


def known(document: dict[str, Any]) -> dict[str, Any]:
    taken = accepted.taken(document, reason="known", expires=dt.date(2099, 1, 1))
    return accepted.applied(document, accepted.Accepted(taken.entries[:1], "known.toml"))


def test_sarif_keeps_its_schema_with_and_without_what_is_accepted(document: dict[str, Any]):
    validator = jsonschema.Draft4Validator(SCHEMA)
    empty = {**document, "findings": [], "sources": []}
    for doc in (document, known(document), empty, {**document, "sources": ["/tmp/x y"]}):
        validator.validate(json.loads(sarif.render(doc)))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"version": "2.1.0", "runs": [{"results": []}]})


def test_sarif_has_a_rule_for_each_code_and_a_result_for_each_finding(document: dict[str, Any]):
    [run] = json.loads(sarif.render(known(document)))["runs"]
    found = [f for f in document["findings"] if f["outcome"] == "found"]
    assert len(run["results"]) == len(found) >= 2
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "runs/log%20one.csv"
    prints = [r["partialFingerprints"]["finding/v1"] for r in run["results"]]
    assert len(set(prints)) == len(prints)
    assert [r["suppressions"][0]["justification"] for r in run["results"] if "suppressions" in r] == [
        "known (until 2099-01-01)"
    ]


def test_statistics_count_by_code_and_leave_accepted_ones_apart(document: dict[str, Any]):
    rows = {row["code"]: row for row in statistics.counts(known(document))}
    assert (rows["U101"]["found"], rows["U101"]["accepted"]) == (1, 1)
    assert statistics.text(document).splitlines()[0] == "2  U101  seen to unseen gap"
    assert statistics.text({**document, "findings": []}) == "Nothing found.\n"
    assert json.loads(to_json(statistics.counts(document)))[0]["code"] == "U101"


def test_what_is_accepted_warns_nobody(document: dict[str, Any]):
    assert github.render(document).count("::warning") - github.render(known(document)).count("::warning") == 1
