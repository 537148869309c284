"""Progress: a bar or a hook, how long it will take, and what an interrupted run leaves."""

import io
import re
import sys
import types

import pytest
from rich.console import Console

from unseen.engine.executors import Interrupted, Job, run_jobs
from unseen.engine.progress import Line, hooked, in_notebook, progress
from unseen.engine.store import Store


def double(x):
    return {"value": 2 * x, "seconds": 0.5}


def jobs(n=4):
    return [Job(f"job {i}", {"x": i}) for i in range(n)]


def test_the_first_piece_tells_how_long_all_will_take():
    screen = io.StringIO()
    with progress("fit", show=True, console=Console(file=screen, force_terminal=True, width=100)) as done:
        run_jobs(double, jobs(), executor="serial", done=done, cost=lambda result: result["seconds"])
    assert "fit: 4 refits, about 0.5 s each: about 2.0 s" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())


def test_kept_pieces_are_not_counted_in_what_is_expected(tmp_path):
    told = []
    line = Line("fit", write=told.append)
    run_jobs(double, jobs(2), executor="serial", store=Store(tmp_path))
    run_jobs(double, jobs(5), executor="serial", store=Store(tmp_path), done=line, cost=lambda r: r["seconds"])
    line.close()
    text = "".join(told)
    assert "fit: 3 refits, about 0.5 s each: about 1.5 s" in text
    assert "5/5" in text.split("\r")[-1]
    assert text.endswith("\n")


def test_a_hook_gets_every_piece_and_no_bar_is_drawn(capsys):
    told = []
    with hooked("fit", lambda *what: told.append(what)) as done:
        run_jobs(double, jobs(2), executor="serial", done=done, cost=lambda r: r["seconds"])
    assert told == [("job 0", 1, 2), ("job 1", 2, 2)]
    assert capsys.readouterr().err == ""


def test_false_is_silent_and_a_notebook_gets_a_line_of_text(monkeypatch, capsys):
    outputs: list[list[str]] = []

    def display(shown, **_):
        outputs.append([shown["text/plain"]])
        return types.SimpleNamespace(update=lambda later, **_: outputs[-1].append(later["text/plain"]))

    notebook = types.SimpleNamespace(
        get_ipython=lambda: types.SimpleNamespace(kernel=object()), display=types.SimpleNamespace(display=display)
    )
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    assert in_notebook()
    for given, shown in ((False, 0), (None, 1), (True, 1)):
        outputs.clear()
        with hooked("fit", given) as done:
            done.expect(2, 0.5, 1) if shown else None
            done("a", 1, 2)
            done("b", 2, 2)
        # One output, which is replaced, and none in red.
        assert len(outputs) == shown
        assert all(len(lines) > 1 and "2/2" in lines[-1] and "\n" not in "".join(lines) for lines in outputs)
        assert capsys.readouterr().err == ""
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    assert not in_notebook()


def third(x):
    if x == 2:
        raise KeyboardInterrupt
    return x


@pytest.mark.parametrize(
    ("kept", "said"), [(True, "2 of 4 refits are kept: run again to go on"), (False, "none of 4 refits is kept")]
)
def test_an_interrupted_run_tells_what_is_kept(tmp_path, kept, said):
    with pytest.raises(Interrupted, match=said):
        run_jobs(third, jobs(), executor="serial", store=Store(tmp_path) if kept else None, what="refit")


def slow_to_come(x):
    import time

    time.sleep(0.1)
    return {"value": x, "seconds": 0.001}


def test_the_time_that_is_told_counts_what_a_job_does_not_tell():
    told = []

    class Told:
        def __call__(self, name, finished, total):
            pass

        def expect(self, open_, each, workers):
            told.append((open_, each, workers))

    run_jobs(slow_to_come, jobs(4), executor="serial", done=Told(), cost=lambda r: r["seconds"])
    ((open_, each, _),) = told
    # The wall between two jobs, not the millisecond that each claims.
    assert open_ == 4
    assert each >= 0.1


def test_a_learners_further_refits_are_told_too(tmp_path, monkeypatch):
    import numpy as np
    import polars as pl

    import unseen

    monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path))
    rng = np.random.default_rng(0)
    numbers = {name: rng.normal(size=120) for name in "xz"}
    table = pl.DataFrame({"site": ["a", "b", "c"] * 40, "y": rng.choice(["n", "p"], 120), **numbers})

    told = []
    unseen.audit(
        table,
        target="y",
        learner="logistic",
        shifts="held-out site",
        refits=1,
        select="U801,U803",
        executor="serial",
        progress=lambda name, finished, total: told.append((name, finished, total)),
    )
    # U803 asks for refits with its columns shuffled, which the audit's own refits don't hold.
    further = [piece for piece in told if "columns shuffled" in piece[0]]
    assert [finished for _, finished, _ in further] == [1, 2, 3]
    assert {total for *_, total in further} == {3}
