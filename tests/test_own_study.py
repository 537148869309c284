"""The worked example of the documentation: the page shows the script, and the script says what the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def code_of_script() -> str:
    text = (DOCS / "own_study.py").read_text(encoding="utf-8")
    return text[text.index("import numpy") :]


def test_the_page_shows_the_script_as_it_is():
    page = (DOCS / "own-study.md").read_text(encoding="utf-8")
    assert "```{literalinclude} own_study.py" in page, "the page shows the file itself, and the build runs it"
    assert len([line for line in code_of_script().splitlines() if line.strip()]) <= 40


@pytest.mark.slow
def test_the_script_finds_what_the_page_says(tmp_path):
    pytest.importorskip("torch")
    env = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    made = subprocess.run([sys.executable, str(DOCS / "own_study.py")], cwd=tmp_path, env=env, capture_output=True, text=True)  # fmt: skip
    assert made.returncode == 0, made.stderr
    said = made.stdout[: made.stdout.index("Could not be judged (not a pass)")]
    assert re.search(r"transformer scores (0\.9\d|1\.00) .* on seen items and 0\.[45]\d .* on\n", said)
    assert re.search(r"past\s+length = 1[12]\b", said)
    assert "lstm scores" not in said, "no gap is reported for the LSTM"
    assert "lstm is at the ceiling" in said
    assert (tmp_path / "own-study.html").stat().st_size > 10_000
