"""What is kept with its owners: made once, told apart by identity, gone with them, and not where it is large."""

import gc

import numpy as np

from unseen.engine import once as module
from unseen.engine.once import once


class Owner:
    pass


def test_results_are_made_once_for_the_same_owners_and_forgotten_with_them():
    a, b, made = Owner(), Owner(), []

    def make():
        made.append(len(made))
        return made[-1]

    assert [once("x", (a,), make), once("x", (a,), make), once("x", (b,), make), once("y", (a,), make)] == [0, 0, 1, 2]
    before = len(module._known)
    del a
    gc.collect()
    assert len(module._known) == before - 2


def test_large_arrays_and_owners_that_cannot_be_watched_are_made_anew(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 100)
    owner, calls = Owner(), []
    for _ in range(2):
        once("large", (owner,), lambda: (calls.append(1), np.zeros(1000))[1:])
        once("number", (5,), lambda: calls.append(1))
    assert len(calls) == 4
