"""Equations that an answer writes down, each checked exactly: a verifier of arithmetic steps."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

# What a side may hold: numbers, signs, brackets; thousands may have commas, sums of money a sign before them.
_HELD = r"[\d.,+*/×÷x·−()$€£%\s-]"
_FIRST = re.compile(rf"{_HELD}*+")
_NUMBERING = re.compile(r"\s*(?:[-*•]|\d+[.):])\s+")
_TOKEN = re.compile(r"\d[\d,]*\.?\d*|\.\d+|[-+*/()]")
_PERCENT = re.compile(r"(\d[\d,]*\.?\d*|\.\d+)\s*%")
_SIGNS = str.maketrans({"×": "*", "x": "*", "·": "*", "÷": "/", "−": "-"})
# Longer texts than this hold no steps that anybody would read.
MOST, MOST_TOKENS = 20_000, 100


def valid_equations(text: str) -> list[bool]:
    """Whether each equation of an answer holds, in their order; of a chain a = b = c each sign of equality counts.

    An equation has an operation on one side at least ("x = 5" says nothing). Numbers are exact; one that is written with fewer
    places than it has ("10 / 3 = 3.33") holds if it is rounded rightly. A percentage may stand for hundredths ("50% * 84 = 42")
    or for its number ("1 / 4 * 100 = 25%"). What names things ("5 apples + 3") is passed over.

    Source: after Boye & Moell (2025), Large language models and mathematical reasoning failures (equation rule of the step
    checker).

    >>> valid_equations("First 12 + 30 = 42. Then 42 * 2 = 85, so 10 / 3 = 3.33 and 1,000 - 1 = 999.")
    [True, False, True, True]
    >>> valid_equations("The answer is 7, as n = 7."), valid_equations("(2 + 3) × 4 = 5 × 4 = 20")
    ([], [True, True])
    >>> valid_equations("50% * 84 = 42, 2 / 3 = 66.7%, 1 / 4 * 100 = 25%, 20% + 30% = 50%, 50% * 84 = 4200.")
    [True, True, True, True, True]
    >>> valid_equations("50% * 84 = 43, and 1 / 4 = 20%.")
    [False, False]
    """
    held: list[bool] = []
    for line in text[:MOST].split("\n"):
        parts = _NUMBERING.sub("", line, count=1).split("=") if _NUMBERING.match(line) else line.split("=")
        for left, right in pairwise(parts):
            texts = _end_of(left), _start_of(right)
            sides = _Side.of(texts[0]), _Side.of(texts[1])
            if sides[0] and sides[1] and (sides[0].operations or sides[1].operations):
                parts_of = [_Side.of(_PERCENT.sub(_hundredths, t)) for t in texts]
                held.append(
                    sides[0].equals(sides[1]) or bool(parts_of[0] and parts_of[1] and parts_of[0].equals(parts_of[1]))
                )
    return held


def _end_of(text: str) -> str:
    """The side before a sign of equality: after the last comma or full stop that ends a clause."""
    at, text = len(text[-1000:]), text[-1000:]
    while at and _FIRST.match(text[at - 1]).end():  # type: ignore[union-attr]
        at -= 1
    return re.split(r"[.,]\s", text[at:])[-1]


def _start_of(text: str) -> str:
    """The side behind a sign of equality: up to the first comma or full stop that ends a clause."""
    found = _FIRST.match(text)
    return re.split(r"[.,]\s", found.group() if found else "")[0]


def _hundredths(found: re.Match[str]) -> str:
    return str(Decimal(found[1].replace(",", "").rstrip(".")).scaleb(-2))


class _Side:
    """A side of an equation: its value, how many operations it has, and how many places its number is written with."""

    def __init__(self, value: Fraction, operations: int, places: int | None) -> None:
        self.value, self.operations, self.places = value, operations, places

    @classmethod
    def of(cls, text: str) -> _Side | None:
        """A side that can be read; None else."""
        plain = re.sub(r"[$€£%]", "", text).translate(_SIGNS).strip().rstrip(".,")
        tokens = [m.group() for m in _TOKEN.finditer(plain)]
        if not 0 < len(tokens) <= MOST_TOKENS or "".join(tokens) != re.sub(r"\s", "", plain):
            return None
        try:
            value, rest = _sum(tokens)
        except (ValueError, ZeroDivisionError, IndexError):
            return None
        if rest:
            return None
        numbers = [t for t in tokens if t[0].isdigit() or t[0] == "."]
        operations = len(numbers) - 1
        places = None if operations else len(numbers[0].partition(".")[2])
        return cls(value, operations, places)

    def equals(self, other: _Side) -> bool:
        """Whether both have one value, rounded where one is a number with so many places."""
        if self.value == other.value:
            return True
        given = self if self.operations == 0 else other
        if given.places is None or given.places == 0:
            return False
        return abs(self.value - other.value) <= Fraction(1, 2 * 10**given.places)


def _sum(tokens: list[str]) -> tuple[Fraction, list[str]]:
    value, rest = _product(tokens)
    while rest and rest[0] in "+-":
        more, after = _product(rest[1:])
        value, rest = (value + more if rest[0] == "+" else value - more), after
    return value, rest


def _product(tokens: list[str]) -> tuple[Fraction, list[str]]:
    value, rest = _factor(tokens)
    while rest and rest[0] in "*/":
        more, after = _factor(rest[1:])
        value, rest = (value * more if rest[0] == "*" else value / more), after
    return value, rest


def _factor(tokens: list[str]) -> tuple[Fraction, list[str]]:
    head, rest = tokens[0], tokens[1:]
    if head in "+-":
        value, rest = _factor(rest)
        return (value if head == "+" else -value), rest
    if head == "(":
        value, rest = _sum(rest)
        if not rest or rest[0] != ")":
            raise ValueError(head)
        return value, rest[1:]
    return Fraction(head.replace(",", "").rstrip(".")), rest


__all__ = ["valid_equations"]
