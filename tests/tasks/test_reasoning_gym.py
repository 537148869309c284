"""The adapter of reasoning-gym: an allow-list, exact match, no repeats."""

import sys

import pytest

from unseen.errors import BadInput, MissingExtra
from unseen.tasks import load


def test_unsound_and_unknown_data_sets_are_refused():
    with pytest.raises(BadInput, match="reasoning-gym:syllogism is not among the sound tasks"):
        load("reasoning-gym:syllogism")
    with pytest.raises(BadInput, match="did you mean 'chain_sum'"):
        load("reasoning-gym:chain_sun")


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(MissingExtra, match="needs the extra 'reasoning-gym'"):
        load("reasoning-gym:chain_sum")


def test_items_have_factors_and_score_their_own_key():
    pytest.importorskip("reasoning_gym")
    task = load("reasoning-gym:chain_sum")
    examples = task.draw_many(50, 0)
    assert len({e.item for e in examples}) == 50
    assert all(task.verify(e, e.target) == 1.0 and task.verify(e, "junk") == 0.0 for e in examples)
    assert task.draw(7) == task.draw(7)
    assert "num_terms" in task.factor_kinds
