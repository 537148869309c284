"""Equations of an answer are checked exactly, and nothing else is taken for one."""

import operator

import numpy as np
import pytest

from unseen.tasks.arithmetic.equations import valid_equations

SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def test_random_equations_hold_where_python_says_so():
    rng = np.random.default_rng(0)
    for _ in range(300):
        a, b, c = (int(v) for v in rng.integers(0, 2000, 3))
        s, t = rng.choice(list(SIGNS), 2)
        value = SIGNS[s](SIGNS[t](a, b), c) + int(rng.integers(0, 2))
        text = f"So ({a:,} {t} {b}) {s} {c} = {value}."
        assert valid_equations(text) == [SIGNS[s](SIGNS[t](a, b), c) == value], text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("n = 7, so x = 7", []),
        ("10 / 3 = 3.33", [True]),
        ("10 / 3 = 3.34", [False]),
        ("10 / 3 = 3", [False]),
        ("$5 + $3 = $8", [True]),
        ("- 3 + 4 = 7\n1. 2 + 2 = 5", [True, False]),
        ("1 / 0 = 3 and ) 2 ( = 4", []),
        ("5 apples + 3 apples = 8", []),
        ("2 + 2 = 4 = 8 / 2 = 5", [True, True, False]),
        ("50% * 84 = 42, 2 / 3 = 66.7% and 1 / 4 * 100 = 25%", [True, True, True]),
        ("50% * 84 = 43, 2 / 3 = 66.8% and 1 / 4 = 24%", [False, False, False]),
        ("so x = 50%", []),
        ("", []),
    ],
)
def test_what_is_an_equation_and_what_is_none(text, wanted):
    assert valid_equations(text) == wanted


@pytest.mark.parametrize("text", ["1 + " * 5000 + "= 2", "(" * 20_000 + "= 1", "=" * 20_000, "9" * 20_000 + "+1=2"])
def test_junk_is_read_without_harm(text):
    assert isinstance(valid_equations(text), list)


def test_steps_of_a_plan_are_valid_up_to_the_first_that_can_not_be_taken():
    from unseen.tasks import load

    task = load("blocksworld")
    example = task.draw(3, steps=(3, 6), wording="plain")
    lines = example.target.split("\n")
    assert task.steps_valid(example, example.target) == [True] * len(lines)
    # The first step twice: it can't be taken again.
    assert task.steps_valid(example, "\n".join([lines[0], lines[0], *lines[1:]])) == [True] + [False] * len(lines)
    assert task.steps_valid(example, "I can't say.") == []
