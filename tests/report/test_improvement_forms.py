"""The ranking in every form: the same numbers, and nothing that a name can break out of."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from unseen.api import improve
from unseen.engine.store import Store
from unseen.errors import BadInput
from unseen.improved import render
from unseen.report.plain import interval

EVIL = "<script>alert(1)</script>|[x](y)"


@pytest.fixture(scope="module")
def improved(tmp_path_factory):
    rng = np.random.default_rng(0)
    site = rng.integers(4, size=400)
    y = rng.random(400) < np.array([0.1, 0.9, 0.3, 0.7])[site]
    x = rng.normal(size=400) + np.where(y, 1, -1)
    names = np.array([EVIL, "b", "c", "d"])
    table = pl.DataFrame({"x": x, "z": rng.normal(size=400), EVIL: names[site], "y": np.where(y, "p", "q")})
    return improve(
        table, target="y", learner="logistic", shifts=f"held-out {EVIL}", remedies=["em-recalibration", "class-balance"],
        executor="serial", seeds=1, store=Store(tmp_path_factory.mktemp("store")), source="a.csv",
    )  # fmt: skip


@pytest.fixture(scope="module")
def document(improved):
    return improved.document


def test_the_ranking_is_a_frame_of_plain_columns(improved):
    frame = improved.to_frame()
    assert frame["remedy"].to_list() == [row["remedy"] for row in improved.ranking]
    assert frame["gain_low"].to_list() == [row["gain"]["low"] for row in improved.ranking]
    assert not any(t.is_nested() for t in frame.dtypes)


def test_the_document_is_strict_json_and_reads_back_the_same(document):
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["kind"] == "improvement"
    family = document["families"][0]
    assert [r["remedy"] for r in family["ranking"]] == sorted(
        (r["remedy"] for r in family["ranking"]),
        key=lambda n: -next(r["gain"]["value"] for r in family["ranking"] if r["remedy"] == n),
    )
    assert sum(family["procedure"]["chosen"].values()) == len(family["folds"]) == 4
    assert family["validation"] == "leave-one-domain-out"
    assert [a["how"] for a in family["alternatives"]] == [
        "crafted shifts of held-back rows",
        "in-domain rows held back",
    ]


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_every_form_shows_the_verdict_and_every_gain(document, form):
    family = document["families"][0]
    shown = render(document, form, full=True)
    for row in family["ranking"]:
        assert row["remedy"] in shown
        assert interval(row["gain"]).replace("[", "\\[").replace("]", "\\]") in shown or interval(row["gain"]) in shown
    assert ("no remedy helped" in shown) == (family["verdict"] == "no remedy helped")
    assert "crafted shifts of held-back rows" in shown


def many(document, verdicts, shifts=1):
    """The document with as many remedies as there are verdicts, over as many shifts."""
    family = document["families"][0]
    row = family["ranking"][0]
    ranking = [{**row, "remedy": f"remedy-{i}", "verdict": verdict} for i, verdict in enumerate(verdicts)]
    families = [{**family, "family": f"held-out place {i}", "ranking": ranking} for i in range(shifts)]
    return {**document, "families": families}


@pytest.mark.parametrize(
    ("verdicts", "shown", "rest"),
    [
        (["unclear"] * 20 + ["loses"] * 4, ["remedy-0", "remedy-1", "remedy-2"], "21 more: 17 unclear, 4 loses"),
        (["unclear", "gains", *["unclear"] * 20], ["remedy-1"], "21 more: 21 unclear"),
        (["gains"] * 8, [f"remedy-{i}" for i in range(5)], "3 more: 3 gains"),
    ],
)
def test_the_first_screen_names_the_remedies_that_gain_or_the_best_three(document, verdicts, shown, rest):
    text = render(many(document, verdicts), "text")
    assert [line.split()[0] for line in text.splitlines() if line.startswith("remedy-")] == shown
    assert rest in text
    family = document["families"][0]
    assert family["next_step"].split()[0] in text
    assert interval(family["procedure"]["gain"]) in " ".join(text.split())


@pytest.mark.parametrize("shifts", [1, 2, 30])
def test_the_first_screen_is_one_screen(document, shifts):
    lines = render(many(document, ["gains"] * 24, shifts), "text").splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    assert "--full" in lines[-1]
    if shifts > 1:
        assert sum(line.startswith("held-out place") for line in lines) == min(shifts, 10)
        assert ("20 more shifts" in lines) == (shifts == 30)


def test_in_python_the_rest_stands_in_a_frame(improved):
    assert "All remedies: improved.to_frame()" in " ".join(str(improved).split())


def test_names_from_outside_are_escaped(document):
    page = render(document, "html")
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    marked = render(document, "markdown")
    assert "<script>" not in marked
    assert "[x](y)" not in marked


def test_an_unknown_form_is_told(document):
    with pytest.raises(BadInput, match="format 'pdf' is not one of text, json, markdown, html"):
        render(document, "pdf")


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.06, "undecided"), (0.01, "no remedy helped"), (0.001, "no remedy helped")]
)
def test_a_gain_in_reach_of_more_data_is_open_and_says_how_much_more(value, verdict):
    """An interval of ±0.08 is 1.96 standard errors; 80 % power takes 2.80 of them: 3.6 times the data for 0.06."""
    from unseen.report.improvement import _times_more, statement

    gain = {"value": value, "low": value - 0.08, "high": value + 0.08, "width": 0.16, "level": 0.95}
    family = {
        "procedure": {"gain": gain, "gain_worst": None, "gain_mean": gain, "chosen": {"lame": 8}, "advised": "lame"},
        "detectable": 0.08 * 2.80 / 1.96, "single": False, "judge": "mean", "measure": "accuracy", "validation": "v",
        "folds": [{}] * 8, "verdict": verdict, "ranking": [],
    }  # fmt: skip
    times = _times_more(family, 0.005)
    assert (times is not None) == (verdict == "undecided")
    family["times_more"] = times
    if times is not None:
        assert times == pytest.approx((0.08 * 2.80 / 1.96 / 0.06) ** 2)
        assert "About 3.6 times as many domains of this size would show such a gain" in statement(family)


def test_every_form_tells_in_how_many_settings_of_the_search_the_gain_holds():
    from unseen.estimates import Estimate
    from unseen.estimates.multiverse.grid import explored
    from unseen.report.improvement import _over, over_words

    def gain(setting):
        value = 0.04 if setting["validation"] == "domains" else 0.01
        return Estimate(value, value - 0.02, value + 0.02, 9, "t")

    over = explored({"validation": ["domains", "rows"], "judge": ["mean", "worst"]}, gain)
    told = _over(over)
    assert told["statement"] == (
        "The honest gain is help in 2 of 4 reasonable settings of this search: 0.010 to 0.040; the choice of validation moves it most."
    )
    assert over_words({"over_settings": told}) == [told["statement"]]
    assert over_words({}) == over_words({"over_settings": None}) == []


def test_the_one_line_has_the_gain_of_every_shift_that_has_one(document):
    from unseen.report.improvement import one_line

    family = document["families"][0]
    gained = f"{interval(family['procedure']['gain'])} of accuracy"
    assert one_line(document) == f"{family['headline']}. What was chosen gains {gained}."
    none = {**family, "procedure": {**family["procedure"], "gain": None}}
    assert one_line({**document, "families": [none]}) == f"{family['headline']}."
    two = one_line({**document, "families": [family, {**none, "family": "later year"}]})
    assert two.endswith(f"What was chosen gains {gained} under {family['family']}.")
