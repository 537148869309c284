"""A table on disk and a way to call the command in-process."""

import sys

import numpy as np
import polars as pl
import pytest


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    n = 400
    digits = rng.integers(1, 7, n)
    rows = []
    for model, skill in (("amber", 0.2), ("birch", 0.0)):
        p = 1 / (1 + np.exp(-(2.5 + skill - 0.9 * digits)))
        rows.append(
            pl.DataFrame(
                {
                    "model": model,
                    "item": [f"i{k}" for k in range(n)],
                    "digits": digits,
                    "score": (rng.random(n) < p) * 1.0,
                }
            )
        )
    return pl.concat(rows)


@pytest.fixture
def log(table, tmp_path):
    path = tmp_path / "log.parquet"
    table.write_parquet(path)
    return path


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run the command with arguments, in a folder of its own; returns (exit code, stdout, stderr)."""

    def call(*arguments, cwd=None):
        from unseen.cli import main

        monkeypatch.chdir(cwd or tmp_path)
        monkeypatch.setattr(sys, "argv", ["unseen", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
