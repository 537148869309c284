"""Errors and losses are told in their own unit, lower is better, in every format; nobody reads a loss of -0.40."""

import json
import re

import jsonschema
import numpy as np
import polars as pl
import pytest

import unseen
from unseen.report import summary
from unseen.stories.scores import Unit


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    n = 200
    digits = np.repeat([1, 3], n // 2)
    return pl.concat(
        pl.DataFrame(
            {
                "model": [model] * n, "item": [f"i{k}" for k in range(n)], "digits": digits,
                "loss": np.abs(rng.normal(0.4 + 0.2 * (digits > 2) + worse, 0.15)),
            }
        )
        for model, worse in (("worse", 0.1), ("better", 0.0))
    )  # fmt: skip


@pytest.fixture(scope="module")
def audit(table) -> unseen.Audit:
    return unseen.audit(table, unseen="digits > 2", score="-loss", select="U1,U7")


def test_the_table_holds_the_mean_loss_and_the_best_model_first(table, audit):
    assert audit.scores is not None
    assert [row.model for row in audit.scores.rows] == ["better", "worse"]
    for row in audit.scores.rows:
        own = table.filter(pl.col("model") == row.model)
        for estimate, rows in ((row.overall, own), (row.unseen, own.filter(pl.col("digits") > 2))):
            assert estimate is not None
            assert estimate.value == pytest.approx(rows["loss"].mean())
            assert estimate.low < estimate.value < estimate.high
        # What is lost is still positive where unseen rows are worse.
        assert row.gap is not None
        assert row.seen is not None
        assert row.unseen is not None
        assert row.gap.value == pytest.approx(row.unseen.value - row.seen.value)
    jsonschema.validate(audit.document, summary.schema())
    assert audit.document["scores"]["lower"] is True


def test_no_format_shows_a_negative_loss_on_its_first_screen(audit):
    screen = str(audit)
    stories = audit.document["stories"]
    assert "Both models have a higher loss at digits = 3" in stories[0]["sentence"]
    assert re.fullmatch(r"(all|0\.\d\d) of 0\.\d\d rise", stories[0]["figure"])
    assert " rise " in screen
    first = audit.to_markdown().split("**→")[0]
    tables = [part.split("</table>")[0] for part in audit._repr_html_().split('<table class="scores">')[1:]]
    rows = [str(row) for row in json.loads(audit.to_json())["scores"]["rows"]]
    assert len(tables) == 1
    for text in (screen, first, *tables, *rows, repr(audit.scores), stories[0]["sentence"]):
        assert not re.search(r"(?<![\w.])[-−]\.?\d", text), text


def test_a_comparison_speaks_of_the_loss_too(table):
    later = table.with_columns(loss=pl.col("loss") + 0.3)
    then, now = (unseen.audit(t, unseen="digits > 2", score="-loss", select="U101") for t in (table, later))
    compared = unseen.compare(then, now)
    assert re.search(r": 0\.\d\d then, 0\.\d\d now \(\+0\.300 \[0\.", compared.document["verdict"]["sentence"])
    assert "-0." not in compared._repr_html_().split("<table")[1].split("</table>")[0]


def test_a_brier_score_is_half_the_squared_distance():
    """A row with probability 0.7 for the true one of two classes scores 0.91, and is known as 0.09."""
    from unseen.refitting import MEASURES
    from unseen.refitting.measures import Answered

    rows = MEASURES["brier"].rows(Answered(np.array([0]), np.array([0]), np.array([[0.7, 0.3]])))
    unit = Unit(0.0, 1.0, "Brier score", MEASURES["brier"].perfect)
    assert unit.shown(float(rows[0])) == pytest.approx(0.3**2)
    assert unit.lower


def test_statements_of_findings_speak_of_the_loss(table):
    """Every sentence, in terminal, HTML and JSON, gives the table's own numbers: a mean loss is positive, and rises."""
    audit = unseen.audit(table, unseen="digits > 2", score="-loss")
    said = {o["code"]: o["statement"] for o in audit.document["findings"] if o["outcome"] != "not_applicable"}
    own = table.filter((pl.col("model") == "better") & (pl.col("digits") > 2))["loss"].mean()
    of_better = {
        o["code"]: o["statement"] for o in audit.document["findings"] if "better" in o["statement"] and o["outcome"] == "found"
    }  # fmt: skip
    assert re.match(rf"better has a loss of 0\.\d\d \[.*\] on seen items and {own:.2f} \[.*: it rises by 0\.\d\d", of_better["U101"])  # fmt: skip
    assert "better: the loss is 0." in of_better["U102"]
    assert "higher at digits = 3 than at digits = 1" in of_better["U102"]
    assert re.search(r"better is weakest where digits = 3: mean 0\.\d\d there, 0\.\d+ \[.*\] above the rest", of_better["U103"])  # fmt: skip
    assert of_better["U104"].startswith("better's loss rises by 0.")
    assert {"U002", "U701"} <= set(said)
    signed = re.compile(r"(?<![\w.\[,])[-−]0?\.\d")
    for text in (
        *(o["statement"] for o in audit.document["findings"] if o["outcome"] == "found"),
        said["U002"],
        said["U701"],
    ):
        assert not signed.search(text), text


def test_a_learner_of_numbers_is_told_by_its_error():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(3)
    x, site = rng.normal(size=240), np.repeat([f"s{k}" for k in range(6)], 40)
    table = pl.DataFrame({"x": x, "site": site, "y": x + 0.3 * rng.normal(size=240) + 2.0 * (site == "s5")})
    audit = unseen.audit(table, target="y", learner=Ridge(), shifts="held-out site", select="U002")
    (told,) = [o["statement"] for o in audit.document["findings"] if o["code"] == "U002" and "Ridge" in o["statement"]]
    assert re.search(r"its mean absolute error is [01]\.\d\d \[0\.", told), told
