"""Pictures show what they say, patterns leave one answer, and each algorithm agrees with going through it."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations

import pytest

from unseen import tasks
from unseen.tasks.logic.abstract_pictures import PLACES, SHAPES, VALUES, follows, possible
from unseen.tasks.logic.algorithmic_pictures import RULE, SIDE, pours, tileable

ABSTRACT, ALGORITHMIC = tasks.load("abstract-picture"), tasks.load("algorithmic-picture")
INK = {"red": "r", "green": "g", "blue": "b", "yellow": "y"}


def parts(example):
    """Pixels of each part."""
    return [example.input[10 * i : 10 * i + 9] for i in range(PLACES)]


@pytest.mark.parametrize("second", ["no", "colour"])
@pytest.mark.parametrize("concept", ["number", "colour", "shape", "size"])
def test_pixels_show_the_parts(concept, second):
    if concept == second:
        pytest.skip("colour does not stand beside itself")
    for seed in range(40):
        e = ABSTRACT.draw(seed, concept=concept, second=second)
        for pixels, said in zip(parts(e), e.hidden["parts"], strict=True):
            if said == ["?"]:
                assert pixels == ["?"] * 9
                continue
            filled = [i for i, p in enumerate(pixels) if p != "."]
            if concept == "number":
                assert len(filled) == int(said[0])
            elif concept == "shape":
                far = {name: len(set(filled) ^ set(mask)) for name, mask in SHAPES.items()}
                assert far.pop(said[0]) == 1
                assert min(far.values()) > 1
            elif concept == "size":
                side = VALUES["size"].index(said[0]) + 1
                rows, columns = ({i // 3 for i in filled}, {i % 3 for i in filled})
                assert (len(filled), len(rows), len(columns)) == (side * side, side, side)
            else:
                assert Counter(pixels)[INK[said[0]]] == 6
            if second == "colour":
                assert {pixels[i] for i in filled} == {INK[said[1]]}


def test_the_whole_follows_its_rule_and_the_rest_leaves_one_answer():
    for seed in range(200):
        e = ABSTRACT.draw(seed, second=("no", "colour"))
        for i, concept in enumerate(e.hidden["concepts"]):
            rest = [None if part == ["?"] else part[i] for part in e.hidden["parts"]]
            whole = [e.target[i] if v is None else v for v in rest]
            assert follows(e.hidden["rules"][i], whole, concept)
            assert {v for _, v in possible(rest, concept)} == {e.target[i]}


def test_rules_exclude_each_other_on_whole_rings():
    rings = [["red", "blue"] * 3, ["red", "blue", "green"] * 2, ["red", "blue", "green", "green", "blue", "red"]]
    found = [[rule for rule in ("alternate", "opposite", "mirror") if follows(rule, ring, "colour")] for ring in rings]
    assert found == [["alternate"], ["opposite"], ["mirror"]]
    assert follows("progress", list("123456"), "number")
    assert not follows("progress", list("111111"), "number")


def test_stages_are_appended_and_nothing_else_changes():
    for task in (ABSTRACT, ALGORITHMIC):
        bare, seen, rule = (task.draw(5, given=g) for g in ("nothing", "perception", "rule"))
        assert seen.input[: len(bare.input) + 1] == [*bare.input, "seen"]
        assert rule.input[: len(seen.input) + 1] == [*seen.input, "rule"]
        assert bare.target == seen.target == rule.target


def test_algorithms_on_pictures_whose_answer_is_known():
    # Two corners of one colour can't be covered; a corner and the cell at the end of its side can.
    board = frozenset(range(SIDE * SIDE))
    assert not tileable(board - {0, SIDE * SIDE - 1})
    assert tileable(board - {0, SIDE - 1})
    # From eight in the first of jugs of 8, 5 and 3 it takes six pours until one holds four, as every book says.
    assert pours((8, 5, 3), (8, 0, 0), 4) == 6
    assert pours((8, 4, 2), (8, 0, 0), 3) == -1


def test_boards_of_all_pairs_of_gone_cells_are_tileable_where_colours_differ():
    # Gomory: a board of even side without one cell of each colour can be tiled.
    board = frozenset(range(SIDE * SIDE))
    for a, b in combinations(range(SIDE * SIDE), 2):
        differ = sum(divmod(a, SIDE)) % 2 != sum(divmod(b, SIDE)) % 2
        assert tileable(board - {a, b}) == differ


@pytest.mark.parametrize("kind", RULE)
def test_answers_are_of_several_kinds_and_none_is_most_of_them(kind):
    answers = Counter(ALGORITHMIC.draw(seed, kind=kind).target[0] for seed in range(300))
    assert len(answers) > 1
    assert max(answers.values()) < 0.75 * 300
    assert all(re.fullmatch(r"\d+|yes|no|[A-Z][a-z]+day", a) for a in answers)
