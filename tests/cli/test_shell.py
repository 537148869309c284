"""What the shell sees of every verb: completion, options that name nothing, any encoding, no commands of users."""

import json
import os
import subprocess
import sys

import polars as pl
import pytest


@pytest.mark.parametrize(
    ("typed", "offered"), [("unseen pl", "plan"), ("unseen audit --sel", "--select"), ("unseen atlas ver", "verify")]
)
def test_the_shell_completes_verbs_and_options(run, monkeypatch, typed, offered):
    # The name of the command is read from what was started, which is the command and not "python -m pytest".
    monkeypatch.setattr(sys.modules["__main__"], "__package__", "", raising=False)
    monkeypatch.setenv("_UNSEEN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    code, out, _ = run()
    assert (code, out.split()) == (0, [offered])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--select", ","), "names nothing"),
        (("--ignore", " , "), "names nothing"),
        (("--select", "U101", "--ignore", "U1"), "no check is left: all of U101 begin with U1 too."),
    ],
)
def test_an_audit_without_a_check_is_refused(run, log, options, said):
    code, _, err = run("audit", log, *options)
    assert code == 2
    assert said in err


def test_a_quiet_plan_is_one_line(run):
    code, out, err = run("plan", "-q", "--items", 500)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert out.startswith("500 items find a gap of 0.15 or more. ")


def test_a_number_of_items_that_is_a_slip_of_the_hand_is_refused(run):
    code, _, err = run("plan", "--items", 10**30)
    assert code == 2
    assert "lies from 4 to 1e+12, got 1e+30" in err


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
def test_an_encoding_without_our_signs_gets_twins_and_json_stays_exact(log, encoding):
    def told(*more):
        return subprocess.run(
            [sys.executable, "-m", "unseen", "audit", str(log), "--unseen", "digits > 3", "--select", "U1", *more],
            capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": encoding},
        ).stdout  # fmt: skip

    assert ">=" in told().decode(encoding)
    report = json.loads(told("--format", "json").decode(encoding))
    assert any("≥" in f["statement"] for f in report["findings"])


def test_a_pipe_of_another_encoding_gets_utf8(log):
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONIOENCODING", "PYTHONUTF8", "LANG")}
    run = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-m", "unseen", "audit", str(log), "--unseen", "digits > 3", "--select", "U1"],
        capture_output=True, check=True, env={**environment, "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"},
    )  # fmt: skip
    assert "≥" in run.stdout.decode("utf-8")


def test_names_move_no_cursor_and_command_no_workflow(run, tmp_path, table):
    name = "amber\x1b[31m\x07\n::error::x\n##[error]y"
    table.with_columns(model=pl.lit(name)).unique("item").write_parquet(tmp_path / "odd.parquet")
    for form in ("github", "markdown", "text", "sarif", "json"):
        code, out, err = run("audit", "odd.parquet", "--unseen", "digits > 3", "--format", form)
        assert code == 0, err
        assert not set("\x1b\x07") & set(out), form
        assert not [li for li in out.splitlines() if li.lstrip().startswith("::error")], form
        assert form in ("sarif", "json") or "##[" not in out


def test_a_summary_that_cannot_be_written_keeps_the_annotations(run, log, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nodir" / "x"))
    code, out, err = run("audit", log, "--unseen", "digits > 3", "--format", "github")
    assert code == 2
    assert out.startswith("::notice title=unseen::")
    assert "No such file or directory" in err
