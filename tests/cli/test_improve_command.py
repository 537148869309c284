"""``unseen improve`` and ``unseen explain remedy:NAME`` from the command line."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from unseen import cli


@pytest.fixture
def data(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    site = rng.integers(4, size=400)
    y = rng.random(400) < np.array([0.1, 0.9, 0.3, 0.7])[site]
    x = rng.normal(size=400) + np.where(y, 1, -1)
    path = tmp_path / "rows.csv"
    pl.DataFrame({"x": x, "site": [f"s{i}" for i in site], "y": np.where(y, "p", "q")}).write_csv(path)
    monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return path


def call(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["unseen", *map(str, arguments)])
    try:
        cli.main()
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    captured = capsys.readouterr()
    return code, captured.out, captured.err


SHORT = (
    "--target",
    "y",
    "--learner",
    "logistic",
    "--executor",
    "serial",
    "--seeds",
    "1",
    "--remedy",
    "em-recalibration",
)


def test_the_ranking_is_shown_and_written_by_the_ending_of_the_file(data, tmp_path, monkeypatch, capsys):
    code, out, _ = call(
        monkeypatch, capsys, "improve", data, *SHORT, "--shift", "held-out site", "-o", tmp_path / "r.json"
    )
    assert code == 0
    assert "em-recalibration" in out
    assert f"Report: {tmp_path / 'r.json'}" in out
    code, viewed, _ = call(monkeypatch, capsys, "view", tmp_path / "r.json")
    assert code == 0
    assert viewed == out.partition("Report: ")[0]
    assert "The whole procedure, by how the choice is validated" not in viewed
    code, whole, _ = call(monkeypatch, capsys, "view", tmp_path / "r.json", "--full")
    assert code == 0
    assert "The whole procedure, by how the choice is validated" in whole
    document = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert document["families"][0]["ranking"][0]["remedy"] == "em-recalibration"
    code, out, _ = call(
        monkeypatch, capsys, "improve", data, *SHORT, "--shift", "held-out site", "--format", "markdown"
    )
    assert out.startswith("# held-out site: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say which shift to improve under"),
        (("--shift", "held-out place"), "no column 'place' for a shift"),
        (("--shift", "held-out site", "--remedy", "tend"), "no remedy 'tend' (did you mean tent?)"),
        (("--shift", "held-out site", "-o", "nowhere/r.html"), "nowhere/r.html: the folder"),
        (("--shift", "held-out site", "--learner", "model.pkl"), "a pickle can run any code"),
    ],
)
def test_bad_requests_end_with_2_and_one_sentence(data, monkeypatch, capsys, arguments, message):
    base = ("--target", "y", "--learner", "logistic", "--executor", "serial")
    code, _, err = call(monkeypatch, capsys, "improve", data, *base, *arguments)
    assert code == 2
    assert message in err


def test_a_remedy_is_explained_with_its_studies(monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "explain", "remedy:importance-weights")
    assert code == 0
    assert "mle-covariate-shift contradicts it: Where the model is well specified" in " ".join(out.split())
    assert "Evidence here: " in " ".join(out.split())
    _, out, _ = call(monkeypatch, capsys, "explain", "remedy:em-recalibration", "--format", "json")
    page = json.loads(out)[0]
    assert page["needs"] == ["classes to predict, not a number", "a learner with predict_proba"]
    assert page["settings"] == ["setting=episodic", "setting=online", "setting=continual"]
    code, _, err = call(monkeypatch, capsys, "explain", "remedy:nothing")
    assert code == 2
    assert "no remedy 'nothing'" in err


def test_all_remedies_are_listed(monkeypatch, capsys):
    from unseen.remedies import all_remedies

    _, out, _ = call(monkeypatch, capsys, "explain", "remedy")
    assert [line.split("  ")[0] for line in out.splitlines() if line.startswith("remedy:")] == [
        f"remedy:{name}" for name in all_remedies()
    ]


def test_a_planned_study_is_said_to_be_planned():
    from unseen.atlas.citing import citing_lines

    cited = {"slug": "not-run", "direction": "supports", "sentence": "It helps.", "state": "planned"}
    assert citing_lines(cited) == "not-run supports it: It helps. Evidence here: none, the study is planned."
