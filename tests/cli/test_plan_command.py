"""The command: numbers, a pilot, files, and one message for each mistake."""

import json

import pytest


def test_from_numbers(run, tmp_path):
    code, out, err = run(
        "plan", "--models", 4, "--items", 500, "--unseen-share", 0.4, "--clusters", 50, "--rows-per-cluster", 10,
        "--intraclass", 0.1, "--score", 0.7, "--select", "U101,U701", "--format", "json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["layout"] == {"items": 500, "clusters": 50, "rows_per_cluster": 10.0, "unseen_share": 0.4}
    assert [q["code"] for q in document["questions"]] == ["U101", "U701"]
    assert [n["gap"] for n in document["questions"][0]["to_decide"]] == [0.02, 0.05, 0.1, 0.15, 0.2]
    code, out, _ = run("plan", "--items", 500, "--select", "U101", "-o", "plan.html")
    assert code == 0
    assert "Plan: " in out
    assert run("plan", "--items", 500, "--select", "U101", "-o", "plan.json", "-q")[0] == 0
    code, shown, _ = run("view", "plan.json")
    assert code == 0
    assert shown.split("Plan: ")[0].strip() == out.split("Plan: ")[0].strip()
    assert "<svg" in (tmp_path / "plan.html").read_text()


def test_from_a_pilot(run, log):
    code, out, err = run("plan", log, "--unseen", "digits > 3", "--select", "U101,U701,U102")
    assert code == 0, err
    assert "measured in the pilot" in out
    assert "U102" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--items", 500, "--score", 1.2], "the expected score lies above 0, up to 1, got 1.2"),
        (["--items", 500, "--score", "acc"], "--score 'acc' is no number"),
        (["--items", 0], "got 0"),
        (["--items", 500, "--unseen-share", 0], "the unseen share lies between 0 and 1, got 0"),
        (
            ["--items", 500, "--clusters", 50, "--intraclass", 1.1],
            "the intraclass correlation lies from 0 to 1, got 1.1",
        ),
        (["--items", 500, "--clusters", 1], "One cluster tells nothing about others"),
        (["--items", 500, "--cluster", "doc"], "--cluster: says how to read a pilot log, and none is given"),
        ([], "nothing to plan"),
    ],
)
def test_bad_numbers_end_with_two_and_one_line(run, arguments, told):
    code, out, err = run("plan", *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_bad_pilots_end_with_two_and_one_line(run, log):
    for arguments, told in (
        ([], "the pilot has no labelled rows marked seen and unseen"),
        (["--unseen", "digits > 3", "--items", 50], "--items: measured in the pilot log"),
        (["--unseen", "digits > 99"], "'digits > 99' matches no row"),
        (["--unseen", "digits > 3", "--cluster", "model"], "needs at least 2 independent units"),
    ):
        code, out, err = run("plan", log, *arguments, "-q")
        assert (code, out) == (2, "")
        assert told in err
        assert err.count("\n") == 1


def test_a_design_that_an_audit_declines_is_said_to_be_one_before_all(run):
    code, out, _ = run("plan", "--clusters", "7", "--items", "600")
    said = " ".join(out.split())
    assert code == 0
    assert said.startswith("7 clusters are too few: an audit declines the gap")
    assert "the seen side has 3 or 4, and an audit declines a gap below 10. Collect 20 clusters or more in all." in said
    assert run("plan", "--clusters", "60", "--items", "600")[1].startswith("600 items find a gap of")


def test_what_stale_means_is_said_once(run, monkeypatch):
    from unseen.atlas import ledger

    monkeypatch.setattr(ledger, "state_of", lambda slug: {"state": "stale"})
    out = run("explain", "U104")[1]
    assert out.count("Evidence here: stale.") > 1
    assert out.count("has changed since its result was stored") == 1
