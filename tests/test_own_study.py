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
    verdict = " ".join(made.stdout.split("\n\n")[0].split())
    assert re.search(
        r"transformer \(1 of 2 models\) scores lower at length ≥ 1[23]: (0\.9\d|1\.00) elsewhere, 0\.[45]\d there",
        verdict,
    )
    rows = {line.split()[0]: line for line in made.stdout.splitlines() if re.match(r"(lstm|transformer) +\d", line)}
    assert re.search(r"(0\.9\d|1\.00) \[.+ 0\.[45]\d \[.+ 0\.[45]\d \[", rows["transformer"])
    assert re.search(r"-?0\.0\d \[\S+ \S+\]$", rows["lstm"].rstrip()), "no gap is reported for the LSTM"
    assert re.search(r"Lower at length ≥ 1[23] +(1 of 2|transformer)", made.stdout)
    assert re.search(r"\n2  Confidence does not match the score", made.stdout), (
        "over-confidence is told after the loss it goes with"
    )
    assert (tmp_path / "own-study.html").stat().st_size > 10_000
