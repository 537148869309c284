"""Each bad input of the tables ends as its line says: no traceback, no hang, no escape code, no endless message.

A line is a name, a command, what the files hold, the exit code, and a part of what is printed; see tables_cases.py.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import logs_cases
import pytest
import settings_cases
import tables_cases
import typer
from made import GOOD, LONG

import unseen.cli.app
from unseen.cli import main
from unseen.plain_text import MAX_MESSAGE

CLASSES = {**tables_cases.CLASSES, **logs_cases.CLASSES, **settings_cases.CLASSES}
CASES = [pytest.param(case, id=f"{name}: {case[0]}") for name, cases in CLASSES.items() for case in cases]
# No command of the tables may take longer, on a machine that does other work besides.
SECONDS = 60


@pytest.fixture(scope="module")
def command():
    """The command line, put together once."""
    return typer.main.get_command(unseen.cli.app.build())


def laid_out(folder, files):
    for name, content in (files if isinstance(files, dict) else {"x": files}).items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir()
            continue
        path.parent.mkdir(exist_ok=True)
        made = content() if callable(content) else content
        path.write_bytes(made if isinstance(made, bytes) else made.encode())


def hangs(*_):
    raise TimeoutError(f"no answer within {SECONDS} s")


@pytest.mark.parametrize("case", CASES)
def test_a_bad_input_ends_as_the_table_says(case, command, tmp_path, monkeypatch, capsys):
    _, words, files, code, says, *rest = case
    laid_out(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(unseen.cli.app, "build", lambda: command)
    monkeypatch.setattr(sys, "argv", ["unseen", *shlex.split(words)])
    for name, value in {"UNSEEN_CACHE": str(tmp_path / "cache"), "COLUMNS": "200", **(rest[0] if rest else {})}.items():
        monkeypatch.setenv(name, value)
    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(SECONDS)
    try:
        with pytest.raises(SystemExit) as stop:
            main()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    printed = capsys.readouterr()
    said = " ".join(re.sub("[│╭╮╰╯─]", " ", printed.out + " " + printed.err).split())
    assert (stop.value.code or 0) == code, said[:2000]
    assert says in said
    assert "Traceback" not in said
    assert "\x1b" not in printed.out + printed.err
    assert not any(line.startswith("::") for line in printed.err.splitlines())
    assert len(printed.err) <= MAX_MESSAGE + 100


def test_the_table_has_at_least_250_lines_of_16_classes_and_each_refusal_its_words():
    assert len(CASES) >= 250
    assert len(CLASSES) >= 16
    assert sum(not case[4] and case[3] for cases in CLASSES.values() for case in cases) == 0


def run(folder, *words, **environment):
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "unseen", *words], cwd=folder, capture_output=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(unseen.__file__).parent.parent), **environment},
    )  # fmt: skip


def test_an_ascii_terminal_is_no_error(tmp_path):
    laid_out(tmp_path, {"x": LONG.replace("x", "né"), "bad": GOOD + "b,q3,nö\n"})
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    good = run(tmp_path, "audit", "x", "--describe", **plain)
    bad = run(tmp_path, "audit", "bad", "--describe", **plain)
    assert (good.returncode, bad.returncode) == (0, 2)
    assert b"Traceback" not in good.stderr + bad.stderr
    assert b"is not a number" in bad.stderr
