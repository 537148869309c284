"""gCOG against an evaluator that reads the instruction tokens and the drawn grid alone."""

import pytest

from unseen.errors import BadInput
from unseen.tasks import load


def read_and_answer(tokens):
    """Answer from tokens and grid only, by recursive reading: shares no code with the generator."""
    bar = tokens.index("|")
    words, grid = list(tokens[:bar]), tokens[bar + 1 :]
    where = {cell: (i // 5 + 1, i % 5 + 1) for i, cell in enumerate(grid) if cell != "."}

    def test(operator, key):
        if key not in where:
            return False
        row, column = where[key]
        return {
            "exist": True, "sum_even": (row + column) % 2 == 0, "sum_odd": (row + column) % 2 == 1,
            "product_even": (row * column) % 2 == 0, "product_odd": (row * column) % 2 == 1,
        }[operator]  # fmt: skip

    def read(i):
        if words[i] == "if":
            condition = test(words[i + 1], words[i + 3] + words[i + 2])
            then, j = read(i + 5)
            other, j = read(j + 1)
            return (then if condition else other), j
        operator, colour, shape = words[i : i + 3]
        key = shape + colour
        if operator.startswith("get"):
            value = {
                "get_shape": shape,
                "get_colour": colour,
                "get_location": "r{}c{}".format(*where.get(key, (0, 0))),
            }[operator]
            value = value if key in where else "none"
        else:
            value = "true" if test(operator, key) else "false"
        return value, i + 3

    return read(0)[0]


def test_targets_are_what_the_grid_says():
    for example in load("gcog").draw_many(400, 0, depth=(1, 4)):
        assert [read_and_answer(example.input)] == example.target


def test_held_out_pairs_never_occur_on_the_seen_side():
    task = load("gcog")
    for example in task.draw_many(200, 0, depth=(2, 3), system="seen"):
        assert not task.unseen_pairs & set(example.factors["pairs"])
    for example in task.draw_many(50, 0, depth=(2, 3), system="unseen"):
        assert task.unseen_pairs & set(example.factors["pairs"])


def test_distractors_are_counted_as_asked():
    for example in load("gcog").draw_many(50, 0, distractors=(7, 9)):
        assert 7 <= example.factors["distractors"] <= 9


def test_a_deep_tree_without_tests_is_refused():
    with pytest.raises(BadInput, match="needs one of exist"):
        load("gcog").draw(0, depth=3, operators="get_shape")
