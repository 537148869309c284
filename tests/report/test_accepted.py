"""Findings that are known: accepted with a reason and a date; what grows or expires fails, what did not does not."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import unseen
from unseen.errors import BadInput
from unseen.report import accepted
from unseen.report.failing import failures

TODAY = dt.date(2026, 11, 21)
LATER = dt.date(2027, 1, 31)


def finding(
    name: str, value: float, half: float = 0.05, *, outcome: str = "found", code: str = "U101"
) -> dict[str, Any]:
    estimate = {"value": value, "low": value - half, "high": value + half, "level": 0.95, "units": 100, "method": "m"}
    return {
        "id": name, "code": code, "outcome": outcome, "subject": {"kind": "model", "name": name}, "estimate": estimate,
        "effect": abs(value), "statement": f"{name} loses {value}.", "details": {}, "title": "gap", "next_step": "x",
    }  # fmt: skip


def document(*findings: dict[str, Any]) -> dict[str, Any]:
    return {"findings": list(findings), "settings": {"smallest_gap": 0.02, "fdr": 0.05}}


def taken(*findings: dict[str, Any], reason: str = "known weakness") -> accepted.Accepted:
    return accepted.taken(document(*findings), reason=reason, expires=LATER, today=TODAY)


def state(doc: dict[str, Any], known: accepted.Accepted, today: dt.date = TODAY) -> list[str | None]:
    return [f.get("accepted", {}).get("state") for f in accepted.applied(doc, known, today=today)["findings"]]


def test_what_is_accepted_does_not_fail_and_what_is_new_does():
    known = taken(finding("a", 0.3))
    now = accepted.applied(document(finding("a", 0.31), finding("b", 0.3)), known, today=TODAY)
    assert [f["subject"]["name"] for f in failures(now, ("U101",), None)] == ["b"]
    assert now["findings"][0]["statement"] == "a loses 0.31. Accepted until 2027-01-31: known weakness."
    assert (now["accepted"]["accepted"], now["accepted"]["grown"]) == (1, 0)


def test_what_has_grown_fails_whatever_the_codes_are():
    now = accepted.applied(document(finding("a", 0.5)), taken(finding("a", 0.3)), today=TODAY)
    assert failures(now, (), None) == now["findings"]
    assert "grown beyond what was accepted (+0.200 [0.129, 0.271] since)" in now["findings"][0]["statement"]
    assert state(document(finding("a", 0.1)), taken(finding("a", 0.3))) == ["accepted"], "smaller is no growth"


def test_growth_that_is_smaller_than_what_is_worth_reporting_is_none_however_sure():
    assert state(document(finding("a", 0.315, 0.001)), taken(finding("a", 0.3, 0.001))) == ["accepted"]


def test_an_acceptance_ends_after_its_last_day():
    known = taken(finding("a", 0.3))
    assert state(document(finding("a", 0.3)), known, today=LATER) == ["accepted"]
    expired = accepted.applied(document(finding("a", 0.3)), known, today=LATER + dt.timedelta(days=1))
    assert failures(expired, (), None) == expired["findings"]
    assert "which has passed" in expired["findings"][0]["statement"]


def test_a_fact_grows_by_its_effect():
    fact = {**finding("a", 0.1), "estimate": None}
    known = taken(fact)
    assert state(document({**fact, "effect": 0.11}), known) == ["accepted"]
    assert state(document({**fact, "effect": 0.2}), known) == ["grown"]


def test_what_is_no_longer_found_is_said_but_not_what_was_not_asked():
    known = taken(finding("a", 0.3), finding("b", 0.3))
    now = accepted.applied(document(finding("a", 0.01, outcome="clear")), known, today=TODAY)
    assert [g["subject"]["name"] for g in now["accepted"]["no_longer_found"]] == ["a"]
    assert "1 no longer found (U101 of a)" in accepted.beside(now)


def audits(rng: np.random.Generator, effects: np.ndarray, half: float) -> dict[str, Any]:
    values = rng.normal(effects, half / 1.96)
    return document(*(finding(f"m{i}", float(v), half) for i, v in enumerate(values)))


def test_unchanged_findings_seldom_count_as_grown_and_the_upper_limit_would_say_so_often():
    rng = np.random.default_rng(0)
    effects, half, replicates = np.full(10, 0.3), 0.06, 300
    any_grown, past_limit = 0, 0
    for _ in range(replicates):
        then, now = audits(rng, effects, half), audits(rng, effects, half)
        any_grown += "grown" in state(now, accepted.taken(then, reason="r", expires=LATER))
        past_limit += any(
            b["estimate"]["value"] > a["estimate"]["high"]
            for a, b in zip(then["findings"], now["findings"], strict=True)
        )
    # One-sided, at the false discovery rate of 5 % over all ten; three binomial standard errors above it.
    assert any_grown / replicates <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / replicates)
    # An unchanged finding passes the old limit with a chance of P(Z > 1.96 / √2) = 0.083, one of ten with 0.58.
    assert past_limit / replicates > 0.4


def test_a_finding_that_doubled_is_told_from_nine_that_did_not():
    rng = np.random.default_rng(1)
    effects, grown = np.full(10, 0.2), np.r_[0.4, np.full(9, 0.2)]
    hits = [
        state(audits(rng, grown, 0.05), accepted.taken(audits(rng, effects, 0.05), reason="r", expires=LATER))[0]
        == "grown"
        for _ in range(60)
    ]
    assert np.mean(hits) >= 0.95


def test_a_file_comes_back_as_it_went(tmp_path: Path):
    odd = finding('m "quoted"\n\\ 🙂 \x7f', 0.3)
    known = taken(odd, finding("b", 0.1), {**finding("fact", 0.2), "estimate": None})
    (tmp_path / "known.toml").write_text(accepted.to_toml(known), encoding="utf-8")
    assert accepted.read(tmp_path / "known.toml").entries == known.entries


def test_one_finding_is_accepted_beside_what_the_file_holds(tmp_path: Path):
    path = tmp_path / "known.toml"
    now = document(
        finding("new-7b", 0.3), finding("new-7b-chat", 0.2), finding("a", 0.4, code="U705"), finding("b", 0.1, outcome="clear")
    )  # fmt: skip
    accepted.write(path, now, only=["u705"], reason="ticket 7", expires=LATER)
    accepted.write(path, now, only=["U101: New-7b"], reason="old data", expires=LATER)
    assert [(e.key, e.reason) for e in accepted.read(path).entries] == [
        (("U705", "model", "a"), "ticket 7"),
        (("U101", "model", "new-7b"), "old data"),
    ]
    accepted.write(path, now, only=["U101:CHAT"], reason="x")
    assert [e.name for e in accepted.read(path).entries] == ["a", "new-7b", "new-7b-chat"]
    before = path.read_text(encoding="utf-8")
    with pytest.raises(
        BadInput, match=r"--only 'U101:zz': nothing of that name is found\. Found is 'U101:new-7b', 'U101:new"
    ):
        accepted.write(path, document(*now["findings"][:1], now["findings"][1], now["findings"][3]), only=["U101:zz"])
    assert path.read_text(encoding="utf-8") == before


def test_reasons_and_dates_stay_when_a_file_is_written_anew():
    old = taken(finding("a", 0.3), finding("gone", 0.2), reason="because")
    new = accepted.taken(document(finding("a", 0.4), finding("b", 0.2)), today=TODAY, before=old)
    assert [(e.name, e.reason, e.expires, e.effect) for e in new.entries] == [
        ("a", "because", LATER, 0.4),
        ("b", "", TODAY + dt.timedelta(days=accepted.DAYS), 0.2),
    ]


GOOD = '[[accepted]]\ncode = "U101"\nkind = "model"\nname = "a"\nreason = "r"\nexpires = 2027-01-31\neffect = 0.3\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version = 2\n", "version is '2', this version reads 1"),
        ("", "version is 'None'"),
        ("version = 1\nacepted = []\n", "no key 'acepted'; the file holds version and [[accepted]] entries"),
        ("version = 1\naccepted = 3\n", "accepted must be a list of tables"),
        ("version = [\n", "not valid TOML"),
        ("version = 1\n" + GOOD.replace('"U101"', "3"), "entry 1: code must be a text, got '3'"),
        ("version = 1\n" + GOOD.replace("U101", "U999"), "entry 1 (U999 of a): 'U999' is no code of a check"),
        ("version = 1\n" + GOOD.replace('"r"', '" "'), "entry 1 (U101 of a): has no reason"),
        ("version = 1\n" + GOOD.replace("2027-01-31", '"soon"'), "expires must be a date, as in expires = 2027-01-31, got 'soon'"),
        ("version = 1\n" + GOOD.replace("expires = 2027-01-31\n", ""), "expires must be a date"),
        ("version = 1\n" + GOOD.replace("0.3", "nan"), "effect must be a number, got 'nan'"),
        ("version = 1\n" + GOOD + "value = 0.3\n", "has value only; value, low and high go together"),
        ("version = 1\n" + GOOD + "value = 0.3\nlow = 0.4\nhigh = 0.5\n", "needs low ≤ value ≤ high"),
        ("version = 1\n" + GOOD + 'resaon = "x"\n', "no key 'resaon'"),
        ("version = 1\n" + GOOD + GOOD, "entries 1 and 2 are both U101 of a"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_one_clear_error(text: str, said: str, tmp_path: Path):
    path = tmp_path / "known.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as told:
        accepted.read(path)
    assert str(told.value).startswith(str(path))
    assert said in str(told.value)


def table(right: float = 0.3) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    n = 200
    p = np.r_[np.full(n, 0.9), np.full(n, right)]
    return pl.DataFrame(
        {"model": "m", "item": [f"i{k}" for k in range(2 * n)], "score": (rng.random(2 * n) < p).astype(float), "hard": [0] * n + [1] * n}
    )  # fmt: skip


def test_the_command_accepts_then_passes_then_fails_where_it_grew(tmp_path: Path, monkeypatch: Any, capsys: Any):
    import sys

    from unseen.cli import main

    monkeypatch.chdir(tmp_path)
    table().write_csv("log.csv")
    table(0.05).write_csv("worse.csv")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(
            sys, "argv", ["unseen", "audit", *words, "--unseen", "hard > 0", "--select", "U101", "--fail-on", "U1"]
        )
        with pytest.raises(SystemExit) as stop:
            main()
        out = capsys.readouterr()
        return int(stop.value.code or 0), out.out, out.err

    assert run("log.csv")[0] == 1
    code, _, err = run("log.csv", "--accept", "known.toml")
    assert (code, "1 of them lack a reason: fill it in" in err) == (0, True)
    code, _, err = run("log.csv", "--accepted", "known.toml")
    assert (code, "has no reason" in err) == (2, True)
    assert run("log.csv", "--accept", "known.toml", "--reason", "ticket 7", "--expires", "2099-01-01")[0] == 0
    (tmp_path / "unseen.toml").write_text('accepted = "known.toml"\n')
    code, out, _ = run("log.csv")
    assert (code, "1 known and accepted" in out) == (0, True)
    code, out, _ = run("worse.csv", "--format", "json")
    assert (code, json.loads(out)["findings"][0]["accepted"]["state"]) == (1, "grown")
    assert (
        unseen.audit("log.csv", unseen="hard > 0", select="U101", accepted="known.toml").document["accepted"][
            "accepted"
        ]
        == 1
    )
    code, _, err = run("log.csv", "--reason", "x")
    assert (code, "give --accept FILE too" in err) == (2, True)
