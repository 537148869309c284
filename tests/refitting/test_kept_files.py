"""Kept tables and row files: verified when read, rebuilt when damaged, shared by runs, dispensable."""

import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from unseen.data import Examples
from unseen.engine.store import NotKept, Store, default_folder
from unseen.errors import BadInput
from unseen.refitting.refits import read_rows, read_table, stored_rows, stored_table

TABLE = pl.DataFrame({"x": np.arange(500.0), "y": ["a", "b"] * 250, "item": [str(i) for i in range(500)]})
EXAMPLES = Examples(TABLE, ("x",), "y")
ROWS = {"train": np.arange(0, 400), "test unseen": np.arange(400, 500)}


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def another(path):
    """A sound file of the kind, with other numbers."""
    if path.suffix == ".npz":
        with path.open("wb") as file:
            np.savez(file, train=np.arange(10, dtype=np.uint32))
    else:
        TABLE.with_columns(pl.col("x") + 1).write_ipc(path)


DAMAGES = [cut, flip, empty, another]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_refused_when_read_and_rebuilt_when_stored(tmp_path, damage):
    store = Store(tmp_path)
    table, rows = stored_table(EXAMPLES, store), stored_rows(ROWS, store)
    for path in (table, rows):
        damage(path)
    read_table.cache_clear()
    with pytest.raises(BadInput, match=r"kept table was damaged.*Run again"):
        read_table(str(table))
    with pytest.raises(BadInput, match=r"row numbers were damaged.*Run again"):
        read_rows(str(rows))
    assert (stored_table(EXAMPLES, store), stored_rows(ROWS, store)) == (table, rows)
    assert read_table(str(table)).equals(TABLE.select("x", "y", "item"))
    read = read_rows(str(rows))
    assert all(np.array_equal(read[name], values) for name, values in ROWS.items())


AUDIT = """
import sys, json, numpy as np, polars as pl, unseen
rng = np.random.default_rng(0)
site, x = rng.integers(0, 4, 240), rng.normal(size=240)
frame = pl.DataFrame({"x": x, "site": [f"s{i}" for i in site], "y": np.where(x + rng.normal(size=240) > 0, "p", "n")})
made = unseen.audit(
    frame, target="y", learner="logistic", shifts="held-out site", executor="serial", select="U801", refits=1, progress=False
)
document = made.document
print(json.dumps([[f["statement"], f["estimate"]] for f in document["findings"]]))
"""


def audits(cache, count=1):
    environment = {**os.environ, "UNSEEN_CACHE": str(cache)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", AUDIT], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    ended = [one.communicate(timeout=120) for one in running]
    assert [one.returncode for one in running] == [0] * count, ended
    return ended


@pytest.mark.slow
def test_two_runs_on_one_store_and_one_without_a_store_say_the_same(tmp_path):
    """Also after all that is kept was cut, and with a file in the place of the cache, which is said once."""
    cache = tmp_path / "kept"
    first, second = audits(cache, 2)
    assert first == second
    assert first[1] == ""
    assert not list(cache.rglob("*.part"))
    for path in cache.rglob("*.*"):
        cut(path)
    assert audits(cache)[0] == first
    wrong = tmp_path / "file"
    wrong.write_text("here")
    out, said = audits(wrong)[0]
    assert out == first[0]
    assert said.count("can't be used, so that finished work is not kept between runs") == 1
    assert wrong.read_text() == "here"


@pytest.mark.parametrize("place", ["file", "file/deeper", "/proc/unseen", "/dev/null/unseen", "nul\0byte"])
def test_a_cache_that_cannot_be_used_is_said_once_and_work_goes_on(tmp_path, monkeypatch, place):
    (tmp_path / "file").write_text("in the way")
    if "\0" in place:
        monkeypatch.setattr("unseen.engine.store.default_folder", lambda: tmp_path / place)
    else:
        monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path / place))
    store = Store()
    with pytest.warns(NotKept, match="Set UNSEEN_CACHE to a folder that can be written to"):
        path = stored_rows(ROWS, store)
    # Said once: a second warning would be an error here.
    store.put({"a": 1}, 2)
    stored_table(EXAMPLES, Store())
    assert not store.keeps
    assert np.array_equal(read_rows(str(path))["train"], ROWS["train"])
    assert store.get({"a": 1}) is None


def test_a_folder_that_the_caller_named_is_used_or_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match="can't be made"):
        stored_rows(ROWS, Store(tmp_path / "file"))


def test_what_stands_in_the_place_of_one_piece_costs_that_piece_alone_and_is_said(tmp_path, monkeypatch):
    """Folders where files are looked for, and files where folders: each said once, all else is kept."""
    monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path))
    for store in (Store(), Store(tmp_path)):
        store.put({"a": 1}, 2)
        path = next(tmp_path.glob("*/*.json"))
        path.unlink()
        path.mkdir()
        assert store.get({"a": 1}) is None
        monkeypatch.setattr("unseen.engine.store._told", set())
        with pytest.warns(NotKept, match=f"{path} is a folder where a kept piece should be: .*all else is. Remove it"):
            store.put({"a": 1}, 2)
        store.put({"a": 1}, 2)
        (tmp_path / "data").write_text("in the way")
        with pytest.warns(NotKept, match="data is a file where a folder should be"):
            assert np.array_equal(read_rows(str(stored_rows(ROWS, store)))["train"], ROWS["train"])
        assert store.keeps
        store.put({"a": 2}, 3)
        assert store.get({"a": 2}) == 3
        assert store.clear() == 1
        assert path.is_dir()
        path.rmdir()
        (tmp_path / "data").unlink(missing_ok=True)


def test_an_empty_variable_counts_as_unset_and_a_home_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for nothing in ("", "  "):
        monkeypatch.setenv("UNSEEN_CACHE", nothing)
        assert default_folder() == tmp_path / "unseen"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("UNSEEN_CACHE", "~/mine")
    assert default_folder() == tmp_path / "mine"
    monkeypatch.delenv("UNSEEN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert default_folder() == tmp_path / ".cache" / "unseen"
