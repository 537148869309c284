"""The SCAN-like generator against SCAN itself and a second interpreter."""

import pytest

from unseen.errors import BadInput
from unseen.tasks import load
from unseen.tasks.grammar.scan import all_commands, interpret


def test_answers_agree_with_the_rewriting_oracle_also_when_nested():
    task = load("scan-like", primitives=12)
    for seed in range(400):
        example = task.draw(seed, conjunctions=(0, 4))
        assert example.target == task.oracle(example)
        assert task.verify(example, example.target) == 1.0


def test_with_four_primitives_and_at_most_one_conjunction_it_is_scan():
    task = load("scan-like", primitives=4)
    commands = set(all_commands())
    drawn = {tuple(e.input): e.target for e in (task.draw(s) for s in range(3000))}
    assert drawn.keys() <= commands
    assert all(interpret(c) == t for c, t in drawn.items())
    # All 102 simple commands occur among the simple ones drawn: the least likely has a share of 1/180.
    simple = {tuple(task.draw(s, conjunctions=0).input) for s in range(4000)}
    assert simple == {c for c in commands if not {"and", "after"} & set(c)}


def test_controls_are_realised():
    task = load("scan-like", primitives=40)
    rows = task.sample(300, 1, use=(1, 39), conjunctions=(1, 3), difficulty=(3, 6), actions=(2, 12), turn=False).table
    assert rows["difficulty"].is_between(3, 6).all()
    assert rows["actions"].is_between(2, 12).all()
    assert rows["conjunctions"].is_between(1, 3).all()
    used = {p for row in rows["primitives"].to_list() for p in row}
    assert not used & {"jump", "turn"}
    assert len(used) > 30


def test_a_lone_verb_is_the_only_command_of_difficulty_zero():
    task = load("scan-like", primitives=9)
    assert {tuple(task.draw(s, use=0, difficulty=0, turn=False).input) for s in range(30)} == {("jump",)}


def test_ranges_that_exclude_each_other_are_refused():
    with pytest.raises(BadInput, match="no item under these options"):
        load("scan-like").draw(0, difficulty=0, actions=(5, 9))
    with pytest.raises(BadInput, match=r"primitives \(30, 40\) of 20"):
        load("scan-like").draw(0, use=(30, 40))
