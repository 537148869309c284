"""Jobs give the same results anywhere, and a killed run goes on where it stopped."""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from unseen.engine.executors import Job, JobFailed, run_jobs
from unseen.engine.store import Store, content_hash
from unseen.errors import BadInput


def draw(seed, n):
    return np.random.default_rng(seed).normal(size=n).tolist()


def fail_on_three(seed, n):
    if seed == 3:
        raise ValueError("three")
    return seed


def jobs(n=6):
    return [Job(f"job {s}", {"seed": s, "n": 3}) for s in range(n)]


def test_one_worker_or_two_give_the_same_results(tmp_path, monkeypatch):
    # Workers import the function by name: it stands in a module of its own, since another package may be called tests.
    (tmp_path / "drawing_jobs.py").write_text(
        "import numpy as np\n\ndef draw(seed, n):\n    return np.random.default_rng(seed).normal(size=n).tolist()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    function = importlib.import_module("drawing_jobs").draw
    alone = run_jobs(function, jobs(), executor="serial")
    assert alone == run_jobs(function, jobs(), executor="local", workers=2)
    assert alone == [draw(seed, 3) for seed in range(6)]


def test_finished_jobs_are_not_run_again(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(JobFailed, match="job 3 failed with ValueError: three"):
        run_jobs(fail_on_three, jobs(), executor="serial", store=store)
    assert len(list(tmp_path.glob("*/*.json"))) == 3
    seen = []
    run_jobs(fail_on_three, jobs(3), executor="serial", store=store, done=lambda name, i, n: seen.append(name))
    assert seen == ["3 jobs from an earlier run"]


def test_a_damaged_or_edited_piece_counts_as_absent(tmp_path):
    store = Store(tmp_path)
    store.put({"a": 1}, {"x": 2.5})
    assert store.get({"a": 1}) == {"x": 2.5}
    (path,) = tmp_path.glob("*/*.json")
    path.write_text(path.read_text().replace("2.5", "9.5"))
    assert store.get({"a": 1}) is None
    path.write_text("{")
    assert store.get({"a": 1}) is None


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(BadInput, match="No space left on device"):
        Store(tmp_path).put({"a": 1}, 1)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file sizes are those of POSIX")
def test_a_file_that_the_system_cuts_short_is_told_and_removed(tmp_path):
    code = (
        "import resource, sys\n"
        "from unseen.engine.store import Store\n"
        "from unseen.errors import BadInput\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
        "try:\n    Store(sys.argv[1]).put({'a': 1}, list(range(1000)))\n"
        "except BadInput as error:\n    print(error)"
    )
    made = subprocess.run([sys.executable, "-B", "-c", code, str(tmp_path)], check=True, capture_output=True, text=True)
    assert "could not be written (File too large). Nothing half-written was left." in made.stdout
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_hashes_do_not_depend_on_hash_seed():
    code = "from unseen.engine.store import content_hash; print(content_hash({'b': [1, 'x'], 'a': {'z': None}}))"
    made = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": s},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for s in "01"
    }
    assert made == {content_hash({"a": {"z": None}, "b": [1, "x"]}) + "\n"}


SCRIPT = """
import sys, time
from unseen.engine.executors import Job, run_jobs
from unseen.engine.store import Store

def slow(seed):
    # The test says how far it comes.
    if len(sys.argv) > 2 and seed >= int(sys.argv[2]):
        time.sleep(60)
    return seed * seed

if __name__ == "__main__":
    store = Store(sys.argv[1])
    print(run_jobs(slow, [Job(str(s), {"seed": s}) for s in range(8)], executor="serial", store=store))
"""


@pytest.mark.parametrize("finished", [1, 5])
def test_a_run_killed_at_any_point_resumes_without_repeating(tmp_path, finished):
    script = tmp_path / "work.py"
    script.write_text(SCRIPT)
    store = tmp_path / "store"
    process = subprocess.Popen([sys.executable, str(script), str(store), str(finished)], stdout=subprocess.PIPE)
    deadline = time.time() + 50
    while len(list(store.glob("*/*.json"))) < finished and time.time() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = {p: p.stat().st_mtime_ns for p in store.glob("*/*.json")}
    assert len(kept) == finished
    assert all(json.loads(p.read_text())["checksum"] for p in kept)
    done = subprocess.run([sys.executable, str(script), str(store)], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == str([s * s for s in range(8)])
    assert all(p.stat().st_mtime_ns == t for p, t in kept.items())


def test_an_unknown_executor_and_equal_names_are_refused():
    with pytest.raises(BadInput, match="executor 'cloud' is not one of serial, local, ray"):
        run_jobs(draw, jobs(), executor="cloud")
    with pytest.raises(BadInput, match="two jobs have the same name"):
        run_jobs(draw, [Job("a", {}), Job("a", {})])


def test_ray_gives_the_same_results():
    pytest.importorskip("ray")
    assert run_jobs(draw, jobs(), executor="ray", workers=2) == run_jobs(draw, jobs(), executor="serial")


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_a_ray_address_where_nothing_listens_is_refused_at_once(monkeypatch, form):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: nobody else gets the port meanwhile
        address = form.format(taken.getsockname()[1])
        monkeypatch.setenv("RAY_ADDRESS", address)
        # The address is looked at before Ray is asked, so the test needs no Ray.
        monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False, shutdown=lambda: None))
        with pytest.raises(BadInput, match=f"no Ray cluster can be reached at {address} .*correct RAY_ADDRESS"):
            run_jobs(draw, jobs(), executor="ray")


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match="the executor ray needs the extra 'ray'"):
        run_jobs(draw, jobs(), executor="ray")


def test_a_store_is_a_folder_of_files(tmp_path):
    store = Store(tmp_path / "deep" / "er")
    store.put({"k": 1}, [1, 2])
    assert store.clear() == 1
    assert isinstance(store.folder, Path)
