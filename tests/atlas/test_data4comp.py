"""The training sets of the study on data factors hold what they are compared for, and nothing else."""

import pytest

pytest.importorskip("torch")

from unseen.atlas.studies.training.data4comp import (
    FEW,
    TEST,
    composed,
    jump_test,
    with_lone_jump,
    with_lone_primitives,
)


def commands(examples):
    return [tuple(row) for row in examples.table["input"].to_list()]


def combined(examples):
    """Primitives that occur in a command of more than one word."""
    rows = zip(examples.table["input"].to_list(), examples.table["primitives"].to_list(), strict=True)
    return {verb for command, verbs in rows if len(command) > 1 for verb in verbs}


def test_jump_is_shown_alone_only_and_in_the_share_asked_for():
    train = with_lone_jump(composed(500, 8, 3)[0], 8, 0.1)
    lone = [c for c in commands(train) if "jump" in c]
    assert set(lone) == {("jump",)}
    assert len(lone) / len(train) == pytest.approx(0.1, abs=0.001)
    assert "jump" not in combined(train)


def test_held_out_commands_are_not_trained_on():
    train, left = composed(2000, FEW, 4)
    assert len(left) == TEST
    assert not set(commands(train)) & set(commands(left))


def test_the_cut_shows_every_word_and_combines_the_three_first_alone():
    plain = composed(300, FEW, 5)[0]
    cut = with_lone_primitives(plain, 20)
    assert {c[0] for c in commands(cut) if len(c) == 1} >= {"jump", *(f"verb{i}" for i in range(5, 21))}
    assert combined(cut) == combined(plain) == {"walk", "look", "run", "turn"}


def test_every_test_command_combines_jump():
    assert all("jump" in c and len(c) > 1 for c in commands(jump_test(100, 6)))
