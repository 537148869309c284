"""The first screen of a learner names its measure, what was left out, and both kinds of domains that need a word."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import polars as pl
import pytest

import unseen

SCHEMA = Path(unseen.__file__).parent / "report" / "schema.json"


def table(rng, n=150):
    """Six sites: one in which the number stands in another unit, one in which the cue misleads."""
    site = np.repeat(np.arange(6), n)
    y = rng.random(6 * n) < 0.5
    dose = rng.normal(size=6 * n) + 2 * y
    cue = np.where(rng.random(6 * n) < np.where(site == 5, 0.1, 0.9), y, ~y)
    return pl.DataFrame(
        {
            "site": [f"s{v}" for v in site], "dose": np.where(site == 0, 90 * dose + 400, dose),
            "cue": np.where(cue, "a", "b"), "y": np.where(y, "yes", "no"),
        }
    )  # fmt: skip


def audited(data, **more):
    given = {"target": "y", "learner": "logistic", "shifts": "held-out site", "select": "U800,U801", "refits": 1}
    return unseen.audit(data, progress=False, executor="serial", **(given | more))


@pytest.fixture(scope="module")
def asked():
    return audited(table(np.random.default_rng(0)), measure="auroc")


def test_the_table_names_the_measure_and_holds_it(asked):
    (row,) = asked.scores.rows
    assert asked.scores.measure == "AUROC"
    held = [f.details for f in asked["U801"] if "domain" in f.details]
    # The mean over six domains, weighted by their precision, lies among theirs, and is no share of right rows.
    assert min(d["unseen"] for d in held) <= row.unseen.value <= max(d["unseen"] for d in held)
    assert 0 <= row.unseen.low <= row.unseen.high <= 1
    text = str(asked)
    assert "model · AUROC" in text
    assert "single rows have no AUROC" in " ".join(text.split())


def test_the_document_of_a_measure_of_sets_fits_the_schema(asked):
    jsonschema.validate(json.loads(json.dumps(asked.document)), json.loads(SCHEMA.read_text()))


def test_the_verdict_tells_domains_lost_from_domains_behind(asked):
    said = asked.verdict.sentence
    assert "Lost by not being seen: site=s0" in said
    assert "Behind even where rows of them were seen: site=s5." in said


def test_what_was_left_out_is_on_the_first_screen():
    data = table(np.random.default_rng(1))
    n = len(data)
    number = pl.int_range(pl.len())
    data = data.with_columns(
        case=pl.Series([f"P{i:04d}" for i in range(n)]),
        lab=pl.when(number == 7).then(pl.lit("n/a")).otherwise((number % 400).cast(pl.String)),
        y=pl.when(number % 50 == 0).then(None).otherwise(pl.col("y")),
    )
    data = pl.concat([data, data[1:4].with_columns(site=pl.lit("tiny"), case=pl.Series(["a", "b", "c"]))])
    text = " ".join(str(audited(data)).split())
    for words in (
        "column case (another name in every row)",
        "18 rows without y",
        "site=tiny (3 rows",
        "lab: text, though all but 1 of",
    ):
        assert words in text


def test_one_class_in_most_rows_is_told_on_the_first_screen():
    data = table(np.random.default_rng(2))
    rare = (pl.col("y") == "yes") & (pl.int_range(pl.len()) % 5 > 0)
    text = " ".join(str(audited(data.with_columns(y=pl.when(rare).then(pl.lit("no")).otherwise(pl.col("y"))))).split())
    assert "have one class: accuracy says little here" in text


def test_a_classifier_on_a_number_says_what_is_fitted():
    data = table(np.random.default_rng(3)).with_columns(y=pl.col("dose") * 2 + pl.int_range(pl.len()) % 7)
    text = " ".join(str(audited(data.drop("dose"))).split())
    assert "ridge regression is fitted" in text
    assert "error " in text.partition("seen")[0]
