"""Seeds from names: the same everywhere, different for different names."""

import subprocess
import sys

import numpy as np
import pytest

from unseen.engine.progress import progress
from unseen.engine.seeds import numpy_generator, spawn


def test_seeds_do_not_depend_on_the_hash_seed():
    code = "from unseen.engine.seeds import spawn; print(spawn(3, 'fit', 'lstm', 1))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": h}, capture_output=True, text=True, check=True
        ).stdout
        for h in ("0", "1")
    }
    assert found == {f"{spawn(3, 'fit', 'lstm', 1)}\n"}


def test_names_are_told_apart_even_where_their_text_runs_together():
    names = [("a", "b"), ("ab",), ("a|str:1:b",), (1,), ("1",), ("a", 1), ()]
    assert len({spawn(0, *n) for n in names} | {spawn(1, *n) for n in names}) == 2 * len(names)


def test_streams_of_neighbouring_names_are_uncorrelated():
    a, b = (numpy_generator(0, "x", i).normal(size=4000) for i in (1, 2))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.063  # 4 sd of a correlation of independent draws


def test_torch_draws_inside_are_seeded_and_those_outside_untouched():
    torch = pytest.importorskip("torch")
    from unseen.engine.seeds import seeded_torch

    torch.manual_seed(0)
    expected = torch.rand(2)[1]
    torch.manual_seed(0)
    torch.rand(1)
    draws = []
    for _ in range(2):
        with seeded_torch(5):
            draws.append(torch.rand(3))
    assert torch.equal(*draws)
    assert torch.rand(1) == expected


def test_progress_is_silent_without_a_terminal(capsys):
    with progress("fit") as done:
        done("a", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_progress_names_the_piece_and_counts():
    import io

    from rich.console import Console

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with progress("fit", show=True, console=console) as done:
        done("lstm", 1, 2)
    assert "fit: lstm" in screen.getvalue()
    assert "1/2" in screen.getvalue()
