"""String edits and truncated arithmetic against slow second implementations."""

import math
import re

import pytest

from unseen.errors import BadInput
from unseen.tasks import load
from unseen.tasks.grammar import hint, pcfg


def python_value(tokens):
    """The same arithmetic through Python's own parser, with operators overloaded: an oracle of precedence."""

    class Number(int):
        def __add__(self, other):
            return Number(int(self) + int(other))

        def __sub__(self, other):
            return Number(max(0, int(self) - int(other)))

        def __mul__(self, other):
            return Number(int(self) * int(other))

        def __truediv__(self, other):
            return Number(math.ceil(int(self) / int(other)))

    text = re.sub(r"(\d+)", r"N(\1)", " ".join(tokens))
    return int(eval(text, {"N": Number}))


def test_hint_agrees_with_pythons_own_parser():
    for example in load("hint-arithmetic").draw_many(500, 0, operators=(1, 8)):
        assert int("".join(example.target)) == python_value(example.input) == hint.evaluate(list(example.input))


def test_hint_sides_are_what_they_say():
    for side in ("I", "SL", "LS", "LL"):
        for example in load("hint-arithmetic").draw_many(20, 1, operators=(1, 20), side=side):
            short, small = example.factors["operators"] <= 10, example.factors["largest"] <= 100
            assert {"I": (True, True), "SL": (True, False), "LS": (False, True), "LL": (False, False)}[side] == (
                short,
                small,
            )


@pytest.mark.parametrize("junk", ["", "1 +", "( 1", "1 2", "1 / 0"])
def test_hint_refuses_what_is_no_expression(junk):
    with pytest.raises(BadInput):
        hint.evaluate(junk.split())


def test_pcfg_agrees_with_a_stack_machine_that_reads_from_the_right():
    def by_stack(tokens):
        stack, run = [], False
        for token in reversed(tokens):
            if token in pcfg.UNARY:
                stack.append(pcfg.UNARY[token](stack.pop()))
            elif token in pcfg.BINARY:
                first = stack.pop()
                assert stack.pop() == ","
                stack.append(pcfg.BINARY[token](first, stack.pop()))
            elif token == ",":
                stack.append(",")
            elif stack and stack[-1] != "," and run:
                stack[-1] = [token, *stack[-1]]
            else:
                stack.append([token])
            run = token not in pcfg.UNARY and token not in pcfg.BINARY and token != ","
        return stack.pop()

    for example in load("pcfg-edits").draw_many(300, 0):
        assert by_stack(list(example.input)) == example.target


def test_pcfg_operations_are_those_of_the_paper():
    assert pcfg.evaluate(["echo", "A1", "B1"]) == ["A1", "B1", "B1"]
    assert pcfg.evaluate(["shift", "A1", "B1", "C1"]) == ["B1", "C1", "A1"]
    assert pcfg.evaluate(["prepend", "A1", ",", "B1"]) == ["B1", "A1"]
    assert pcfg.evaluate(["remove_first", "A1", ",", "B1"]) == ["B1"]
