"""Options, settings and samples of the base class."""

from __future__ import annotations

import numpy as np
import pytest

from unseen import tasks
from unseen.errors import BadInput
from unseen.tasks.base import content_id, tokens_of


def test_one_number_stands_for_a_range_of_one():
    task = tasks.load("reverse-string")
    assert task.draw(5, length=7) == task.draw(5, length=(7, 7)) == task.draw(5, length=[7, 7])
    with pytest.raises(BadInput, match="whole number"):
        task.draw(5, length=True)
    assert task.draw(5, length=np.int64(7)) == task.draw(5, length=7)


def test_options_do_not_leak_into_the_next_draw():
    task = tasks.load("reverse-string")
    plain = task.draw(5)
    assert task.draw(5, length=3).factors["length"] == 3
    assert task.draw(5) == plain
    assert task.draw(5, length=4).factors["length"] == 4


def test_messages_tell_the_value_and_the_limits():
    task = tasks.load("reverse-string")
    with pytest.raises(BadInput, match=r"'length' of task 'reverse-string' takes .* from 1 to 10000.*got 0"):
        task.draw(0, length=0)
    with pytest.raises(BadInput, match=r"a range from low to high, got \(5, 2\)"):
        task.draw(0, length=(5, 2))
    with pytest.raises(BadInput, match=r"no level 'knot'.*did you mean 'none'"):
        tasks.load("sort").draw(0, hint="knot")
    with pytest.raises(BadInput, match="true or false, got 1"):
        tasks.load("parity", scratchpad=1)
    with pytest.raises(BadInput, match=r"about 2 distinct items under {'length': 1}, 3 were asked for"):
        task.sample(3, length=1)
    with pytest.raises(BadInput, match=r"as written, text, tokens; got 'words'"):
        task.sample(3, form="words")


def test_a_sample_reaches_all_items_of_a_small_domain():
    items = tasks.load("reverse-string").sample(16, 0, length=4)
    assert items.table["item"].n_unique() == 16


def test_a_sample_follows_its_generator_alone():
    task = tasks.load("sort")
    a = task.sample(5, np.random.default_rng(3))
    assert a.table.equals(task.sample(5, 3).table)
    assert not a.table.equals(task.sample(5, 4).table)


def test_a_filtered_finite_sample_takes_each_fitting_item_once():
    task = tasks.load("boolean-cube", dimension=5)
    unseen = task.draw_many(16, 0, part="unseen")
    assert {e.factors["part"] for e in unseen} == {"unseen"}
    assert len({e.item for e in unseen}) == 16


def test_identities_tell_contents_apart():
    assert content_id("a b") == content_id("a b") != content_id("ab")
    assert content_id(["a", "b"]) != content_id("a", "b")
    assert content_id("\ud800")  # half a surrogate pair, as broken text brings it


@pytest.mark.parametrize(
    ("answer", "separator", "want"),
    [("a b", " ", ["a", "b"]), ("1 2", "", ["1", "2"]), ("a; b", ";", ["a", "b"]), (["a"], " ", ["a"]), (3, " ", None),
     (["a", 1], " ", None), (None, "", None)],
)  # fmt: skip
def test_tokens_of_answers(answer, separator, want):
    assert tokens_of(answer, separator) == want
