"""The arithmetic tasks against the long method, counts and searches."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from unseen import tasks
from unseen.tasks.arithmetic.digits import carries_of
from unseen.tasks.arithmetic.omega import FAMILIES, Omega


def long_addition(a: int, b: int) -> int:
    """Carries by the school method on the written digits."""
    left, right = str(a).rjust(9, "0"), str(b).rjust(9, "0")
    carry = count = 0
    for x, y in zip(reversed(left), reversed(right), strict=True):
        carry = int(int(x) + int(y) + carry > 9)
        count += carry
    return count


def long_subtraction(a: int, b: int) -> int:
    """Borrows by the school method, the larger number on top."""
    a, b = max(a, b), min(a, b)
    borrow = count = 0
    for x, y in zip(reversed(str(a).rjust(9, "0")), reversed(str(b).rjust(9, "0")), strict=True):
        borrow = int(int(x) - int(y) - borrow < 0)
        count += borrow
    return count


def test_carries_are_those_of_the_school_method_for_all_pairs_up_to_120():
    for a in range(121):
        for b in range(121):
            assert carries_of(a, b, "+") == long_addition(a, b)
            assert carries_of(a, b, "-") == long_subtraction(a, b)


def test_sums_with_few_and_many_carries_can_be_asked_for():
    task = tasks.load("multi-digit")
    for operation, most in (("+", 4), ("-", 3), ("*", 4)):
        for carries in range(most + 1):
            e = task.draw(carries, operation=operation, digits=4, carries=carries)
            assert e.factors["carries"] == carries
            assert e.factors["digits"] in (4, 5)


def test_index_hints_mark_equal_powers_of_ten_alike():
    task = tasks.load("addition", index_hints=True)
    for seed in range(100):
        e = task.draw(seed, digits=(3, 6))
        text = "".join(e.input)[:-1]
        a, b = text.split("+")
        marks_a, marks_b, marks_sum = a[::2], b[::2], "".join(e.target)[::2]
        n = min(len(marks_a), len(marks_b))
        assert marks_a[-n:] == marks_b[-n:]
        # The answer is written lowest digit first.
        assert marks_sum[: len(marks_a)] == marks_a[::-1]
        digits = "".join(e.target)[1::2]
        assert int(digits[::-1]) == int(a[1::2]) + int(b[1::2])


def test_scratchpads_hold_the_columns_of_the_sum():
    task = tasks.load("addition", scratchpad=True)
    for seed in range(100):
        e = task.draw(seed)
        columns, answer = "".join(e.target).split("|")
        a, b = "".join(e.input)[:-1].split("+")
        digits = "".join(column[3] for column in columns.split(";") if column)
        assert int(answer[::-1]) == int(a) + int(b)
        assert answer.startswith(digits)


@pytest.mark.parametrize("operation", ["add", "subtract", "multiply", "divide", "squares", "cubic"])
def test_modular_tables_are_whole_and_right(operation):
    task = tasks.load("modular-arithmetic", p=11, operation=operation)
    for e in task.draw_many(task.size or 0, 1):
        a, b, r = (e.factors[k] for k in ("a", "b", "result"))
        zero = {
            "add": a + b - r,
            "subtract": a - b - r,
            "multiply": a * b - r,
            "divide": b * r - a,
            "squares": a * a + a * b + b * b - r,
            "cubic": a**3 + a * b - r,
        }
        assert zero[operation] % 11 == 0
    assert task.size == (110 if operation == "divide" else 121)


def test_the_asked_share_of_labels_is_wrong_and_none_of_them_right_by_chance():
    task = tasks.load("modular-arithmetic", p=31, corruption=0.3)
    examples = task.draw_many(961, 0)
    wrong = [e for e in examples if e.target[0] != e.hidden["clean"]]
    assert len(wrong) == round(0.3 * 961)
    assert {e.item for e in wrong} == {e.item for e in examples if e.factors["corrupted"] == "yes"}
    # Wrong labels spread over the other residues: 288 in 30 bins, none above 3 times the mean.
    shifts = Counter((int(e.target[0]) - int(e.hidden["clean"])) % 31 for e in wrong)
    assert max(shifts.values()) < 3 * 288 / 30


def test_programs_meet_depth_and_length_apart():
    task = tasks.load("straight-line-program")
    for lines in (6, 9):
        for depth in (1, 3, 6):
            e = task.draw(depth, lines=lines, depth=depth)
            assert (e.factors["lines"], e.factors["depth"]) == (lines, depth)
            assert depth <= e.factors["needed"] <= lines


def test_two_families_a_domain():
    assert Counter(f.domain for f in FAMILIES.values()) == dict.fromkeys(
        ("geometry", "number theory", "algebra", "combinatorics", "logic", "puzzles"), 2
    )


@pytest.mark.parametrize("family", list(FAMILIES))
def test_each_family_agrees_with_its_search_on_plain_items(family):
    task = tasks.load("omega")
    for seed in range(25):
        e = task.draw(seed, family=family, level=(1, 4))
        assert task.oracle(e) == e.target


@pytest.mark.parametrize("family", ["remainders", "linear-system", "root-squares", "satisfying-assignments",
                                    "seating-order", "tilings", "stones"])  # fmt: skip
def test_transformed_items_agree_with_a_second_method(family):
    task = tasks.load("omega")
    for seed in range(10):
        e = task.draw(seed, family=family, kind="transformed")
        assert str(FAMILIES[family].brute(e.hidden["params"])) == e.target


def test_root_squares_agree_with_numerical_roots():
    task = tasks.load("omega")
    for seed in range(20):
        e = task.draw(seed, family="root-squares", kind="transformed")
        roots = np.roots(e.hidden["params"]["coefficients"])
        assert abs((roots**2).sum() - int(e.target)) < 1e-6


def test_composed_items_join_two_answers():
    task = tasks.load("omega")
    for seed in range(40):
        e = task.draw(seed, kind="composed", level=(1, 2))
        assert task.oracle(e) == e.target
        assert e.factors["second"] != "none"


def test_every_pair_can_be_drawn_and_its_sides_differ():
    task = tasks.load("omega")
    for pair in Omega.pairs():
        test = {e.item for e in task.draw_many(5, 1, **pair.test)}
        for options in pair.train:
            assert not test & {e.item for e in task.draw_many(5, 1, **options)}
        assert FAMILIES[pair.name.split(" + ")[0]]
        if pair.axis == "compositional":
            first, second = pair.name.split(" + ")
            assert FAMILIES[first].domain != FAMILIES[second].domain
