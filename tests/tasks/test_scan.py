"""SCAN against its published counts and an interpreter written the other way round."""

import pytest

from unseen.errors import BadInput
from unseen.shifts.official import SPLITS, scan_split
from unseen.tasks import load
from unseen.tasks.grammar.scan import all_commands, interpret


def rewriting_interpreter(command: str) -> str:
    """The same semantics as string rewriting, bottom-up: an oracle that shares no code."""
    import itertools

    table = {p: f"I_{p.upper()}" for p in ("walk", "look", "run", "jump")}
    phrases = {}
    for head, direction in itertools.product((*table, "turn"), ("left", "right")):
        turn, act = f"I_TURN_{direction.upper()}", table.get(head, "")
        phrases[f"{head} {direction}"] = f"{turn} {act}"
        phrases[f"{head} opposite {direction}"] = f"{turn} {turn} {act}"
        phrases[f"{head} around {direction}"] = " ".join([f"{turn} {act}"] * 4)
    phrases |= table
    repeated = {
        f"{k}{n}": " ".join([v] * c) for k, v in phrases.items() for n, c in (("", 1), (" twice", 2), (" thrice", 3))
    }
    for joint in (" and ", " after "):
        if joint in command:
            a, b = command.split(joint)
            return f"{repeated[a]} {repeated[b]}" if joint == " and " else f"{repeated[b]} {repeated[a]}"
    return repeated[command]


def test_there_are_20910_commands_and_each_is_interpreted_as_by_rewriting():
    assert len(set(all_commands())) == 20_910
    assert all(interpret(c) == rewriting_interpreter(" ".join(c)).split() for c in all_commands())


@pytest.mark.parametrize("name", SPLITS)
def test_splits_have_their_published_sizes(name):
    split = scan_split(name)
    assert (len(split.train), len(split.unseen)) == SPLITS[name]
    assert all(g.holds for g in split.guarantees)


def test_the_naive_template_rule_would_give_4620_test_commands():
    # The trap that formats warn of: keeping "turn around right" commands that also hold a primitive's template.
    naive = [
        c for c in all_commands() if any(f"{p} around right" in " ".join(c) for p in ("walk", "look", "run", "jump"))
    ]
    assert len(naive) == 4_620


def test_the_longest_training_target_of_the_length_split_has_22_actions():
    split = scan_split("length")
    assert split.train.column("actions").max() == 22
    assert split.unseen.column("actions").min() == 24


def test_held_out_seen_commands_leave_training():
    split = scan_split("jump", seen_share=0.1)
    assert len(split.seen) > 1_000
    assert not set(split.seen.table["item"]) & set(split.train.table["item"])


def test_an_unknown_split_is_refused_with_a_near_name():
    with pytest.raises(BadInput, match="did you mean 'length'"):
        scan_split("lenght")


def test_a_sample_lists_each_command_once():
    assert load("scan").sample(20_910, 3).table["item"].n_unique() == 20_910


@pytest.mark.parametrize("junk", ["", "jump jump", "turn", "walk and", "left"])
def test_what_is_no_command_is_refused(junk):
    with pytest.raises(BadInput, match="is no command of SCAN"):
        interpret(junk.split())


def test_items_put_together_from_phrases_equal_those_read_from_their_words():
    from unseen.tasks.base import of_tokens
    from unseen.tasks.grammar.scan import Scan, all_commands, factors_of, interpret

    task = Scan()
    for index, command in enumerate(all_commands()):
        if index % 7 and index > 300:
            continue
        target = interpret(command)
        assert task.at(index) == of_tokens(list(command), target, factors_of(command, target))


def test_changing_an_item_leaves_the_next_one_as_it_was():
    from unseen.tasks.grammar.scan import Scan

    task = Scan()
    for index in (5, 20_000):
        before = task.at(index)
        changed = task.at(index)
        changed.input.append("junk")
        changed.target.clear()
        changed.factors["atoms"].append("junk")
        assert task.at(index) == before
