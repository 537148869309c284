"""unseen audit DATA --target --learner --shift, as a user types it: findings, formats, and every wrong input."""

import json
import sys

import numpy as np
import polars as pl
import pytest

SERIAL = ("--executor", "serial")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("learner")
    rng = np.random.default_rng(0)
    n = 900
    site = rng.integers(0, 6, n)
    x = rng.normal(size=(n, 2))
    y = x[:, 0] + 2.0 * (site - 2.5) * x[:, 1] + rng.normal(size=n) > 0
    frame = pl.DataFrame(
        {
            "a": x[:, 0], "b": x[:, 1], "site": [f"s{i}" for i in site],
            "day": [f"2024-{1 + i // 75:02d}-{1 + i % 28:02d}" for i in range(n)], "sick": np.where(y, "yes", "no"),
        }
    )  # fmt: skip
    frame.write_parquet(path / "wards.parquet")
    frame.with_columns(copy=pl.col("sick")).write_csv(path / "leaky.csv")
    frame.with_columns(sick=pl.lit("no")).write_csv(path / "constant.csv")
    (path / "model.pkl").write_bytes(b"x")
    (path / "odd.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "class NoProbabilities:\n"
        "    def fit(self, x, y):\n        self.m = LogisticRegression().fit(x, y)\n        return self\n"
        "    def predict(self, x):\n        return self.m.predict(x)\n"
        "class Fails(LogisticRegression):\n"
        "    def fit(self, x, y, sample_weight=None):\n"
        "        if len(y) < 620:\n            raise RuntimeError('too few for me')\n"
        "        return super().fit(x, y)\n"
    )
    return path


@pytest.fixture
def unseen(run, folder, monkeypatch):
    """The command in this process, one worker, with a cache of its own; (exit code, stdout, stderr)."""
    monkeypatch.setenv("UNSEEN_CACHE", str(folder / "cache"))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(sys, "path", list(sys.path))

    def call(*arguments):
        return run(*arguments, cwd=folder)

    yield call
    sys.modules.pop("odd", None)


def test_findings_on_domains_with_the_expectation_for_the_next(unseen, folder):
    code, out, err = unseen(
        "audit", "wards.parquet", "--target", "sick", "--learner", "logistic", "--shift", "held-out site",
        "--shift", "later day", "--select", "U800,U801,U802", "--format", "json", *SERIAL,
    )  # fmt: skip
    assert code == 0, err
    findings = json.loads(out)["findings"]
    overall = next(f for f in findings if f["code"] == "U801" and f["subject"]["name"] == "held-out site")
    assert overall["outcome"] == "found"
    assert overall["details"]["next_score"]["low"] < overall["details"]["next_score"]["high"]
    assert "for the next one expect accuracy" in overall["statement"]
    assert any(f["code"] == "U802" for f in findings)


def test_the_report_shows_the_domains(unseen, folder):
    code, _out, err = unseen(
        "audit", "wards.parquet", "--target", "sick", "--learner", "logistic", "--shift", "held-out site",
        "--select", "U1,U801", "--output", "r.html", "--quiet", *SERIAL,
    )  # fmt: skip
    assert code == 0, err
    page = (folder / "r.html").read_text()
    assert "the next site" in page
    assert "site=s0" in page


def test_a_learner_without_probabilities_is_judged_by_its_answers(unseen, folder):
    code, out, err = unseen(
        "audit", "wards.parquet", "--target", "sick", "--learner", "odd:NoProbabilities", "--shift",
        "held-out site", "--select", "U801", "--format", "json", *SERIAL,
    )  # fmt: skip
    assert code == 0, err
    assert any(f["outcome"] == "found" for f in json.loads(out)["findings"])


def test_a_learner_that_fails_midway_is_a_finding_and_the_rest_goes_on(unseen, folder):
    code, out, err = unseen(
        "audit", "wards.parquet", "--target", "sick", "--learner", "odd:Fails", "--shift", "held-out site",
        "--select", "U800,U801", "--format", "json", *SERIAL,
    )  # fmt: skip
    assert code == 0, err
    findings = json.loads(out)["findings"]
    assert any(f["code"] == "U800" and "too few for me" in f["statement"] for f in findings)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wards.parquet", "--target", "sik", "--shift", "held-out site"], ["no column 'sik'", "sick"]),
        (["wards.parquet", "--shift", "held-out site"], ["--target COLUMN"]),
        (["wards.parquet", "--target", "sick"], ["say which shift to judge", "held-out site", "later day"]),
        (["wards.parquet", "--target", "sick", "--shift", "held-out sites"], ["no column 'sites'", "'site'"]),
        (["wards.parquet", "--target", "sick", "--shift", "sideways"], ["no shift reads 'sideways'", "held-out COLUMN"]),
        (["wards.parquet", "--target", "sick", "--shift", "held-out site", "--learner", "model.pkl"], ["pickle can run any code", "model_learner:make"]),
        (["wards.parquet", "--target", "sick", "--shift", "held-out site", "--learner", "boosting"], ["no learner 'boosting'"]),
        (["wards.parquet", "--target", "sick", "--shift", "held-out site", "--drop", "a,b,day"], ["no input column is left"]),
        (["leaky.csv", "--target", "sick", "--shift", "held-out site"], ["'copy' gives the target 'sick' away", "--drop 'copy'"]),
        (["constant.csv", "--target", "sick", "--shift", "held-out site"], ["constant", "only 'no'"]),
        (["nowhere.csv", "--target", "sick", "--shift", "held-out site"], ["nowhere.csv", "no such file"]),
        (["wards.parquet", "leaky.csv", "--target", "sick", "--shift", "held-out site"], ["one table, got 2 sources"]),
        (["data:fligths", "--shift", "held-out carrier"], ["no data set 'fligths'", "flights"]),
        (["wards.parquet", "--target", "sick", "--shift", "held-out site", "--measure", "gini"], ["measure"]),
        (["wards.parquet", "--target", "sick", "--shift", "held-out site", "--executor", "cloud"], ["option 'executor'", "'serial', 'local' or 'ray', got 'cloud'"]),
    ],
)  # fmt: skip
def test_wrong_input_is_one_clear_error(unseen, folder, arguments, said):
    code, _, err = unseen("audit", *arguments)
    assert code == 2
    assert "Traceback" not in err
    said_on_one_line = " ".join(err.split())
    for text in said:
        assert text in said_on_one_line


def test_a_table_without_answers_is_told_how_to_learn_from_it(unseen, folder):
    code, _, err = unseen("audit", "wards.parquet")
    assert code == 2
    assert "say what to predict and what is not to be seen: --target COLUMN --unseen" in err.lower().replace(
        "column", "COLUMN"
    )


def test_a_repeated_call_refits_nothing_and_says_the_same(unseen, folder):
    call = ("audit", "wards.parquet", "--target", "sick", "--learner", "forest", "--shift", "later day", "--select", "U802", "--format", "json", *SERIAL)  # fmt: skip
    first = json.loads(unseen(*call)[1])["findings"]
    kept = {path: path.stat().st_mtime_ns for path in (folder / "cache").glob("*/*.json")}
    assert json.loads(unseen(*call)[1])["findings"] == first
    assert {path: path.stat().st_mtime_ns for path in (folder / "cache").glob("*/*.json")} == kept


def test_the_document_says_what_was_refitted_and_keeps_its_schema(unseen, folder):
    import jsonschema

    from unseen.report.summary import schema

    _, out, _ = unseen("audit", "wards.parquet", "--target", "sick", "--learner", "logistic", "--shift", "later day", "--select", "U8,U1", "--format", "json", *SERIAL)  # fmt: skip
    document = json.loads(out)
    jsonschema.validate(document, schema())
    assert document["learner"]["name"] == "logistic"
    assert document["learner"]["rows"] == 900
    assert document["learner"]["shifts"] == ["later day"]
    _, text, _ = unseen("audit", "wards.parquet", "--target", "sick", "--learner", "logistic", "--shift", "later day", "--select", "U802", *SERIAL)  # fmt: skip
    assert "logistic on 900 rows" in text


def test_describe_tells_features_what_is_left_out_a_cluster_domains_and_leaks(run, tmp_path):
    rng = np.random.default_rng(0)
    y = rng.random(1500) < 0.06
    path = tmp_path / "rows.csv"
    pl.DataFrame(
        {
            "row": range(1500), "patient": [f"p{i}" for i in rng.integers(0, 400, 1500)],
            "site": [f"s{i}" for i in rng.integers(0, 5, 1500)], "when": [f"2020-{1 + i % 12:02d}-03" for i in range(1500)],
            "age": rng.normal(size=1500), "billed": (y ^ (np.arange(1500) < 3)).astype(int), "copy": y.astype(int) * 7,
            "y": np.where(y, "ill", "well"),
        }
    ).write_csv(path)  # fmt: skip
    code, out, err = run("audit", path, "--target", "y", "--describe")
    assert (code, err) == (0, "")
    for said in (
        "y, 2 classes: well 94%, ill 6%",
        "row  numbers the rows",
        "--cluster patient",
        "--shift 'held-out site'  5 levels",
        "--shift 'later when'",
        "copy alone predicts 100% of the rows",
        "An audit refuses it: --drop copy",
        "billed alone predicts 99.",
        "it is known only afterwards: --drop billed",
    ):
        assert said in " ".join(out.split()) or said in out, said
    _, out, _ = run("audit", path, "--target", "y", "--describe", "--drop", "copy,billed", "--shift", "held-out site")
    assert "none: no feature alone removes 90 %" in out
    assert "site=s0" in out.partition("Held out, as asked")[2]
    assert "--cluster patient" in out
    code, _, err = run("audit", path, "--target", "z", "--describe")
    assert code == 2
    assert "no column 'z'" in err


def test_ctrl_c_tells_how_many_refits_are_kept(run, monkeypatch, tmp_path):
    """The third fit is interrupted: two are kept, and the next run goes on from there."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    path = tmp_path / "rows.csv"
    pl.DataFrame(
        {"x": rng.normal(size=300), "site": [f"s{i % 3}" for i in range(300)], "y": rng.integers(0, 2, 300)}
    ).write_csv(path)
    monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path / "kept"))
    whole, fits = LogisticRegression.fit, []

    def fit(self, *given, **more):
        fits.append(1)
        if len(fits) == 3:
            raise KeyboardInterrupt
        return whole(self, *given, **more)

    monkeypatch.setattr(LogisticRegression, "fit", fit)
    arguments = (
        "audit",
        path,
        "--target",
        "y",
        "--learner",
        "logistic",
        "--shift",
        "held-out site",
        "--refits",
        "1",
        *SERIAL,
    )
    code, out, err = run(*arguments, "--select", "U800")
    assert (code, out) == (130, "")
    assert err == "unseen: interrupted; 2 of 8 refits are kept: run again to go on.\n"
    assert run(*arguments, "--select", "U800", "-q")[0] == 0
    assert len(fits) == 3 + 6


def test_a_table_is_described_on_a_terminal_that_knows_only_ascii(tmp_path):
    import os
    import subprocess
    import sys

    rows = "".join(f"{i % 7},{i % 3},{i % 2}\n" for i in range(60))
    (tmp_path / "t.csv").write_text("é,b,y\n" + rows, encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-m", "unseen", "audit", "t.csv", "--target", "y", "--describe"], cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "features   2" in told.stdout
    assert "  ?  Int64, 7 values" in told.stdout
