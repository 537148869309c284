"""The context-sensitive tasks of the Chomsky-hierarchy study."""

from __future__ import annotations

from math import isqrt

from unseen.tasks.base import Example
from unseen.tasks.draws import Draws
from unseen.tasks.strings.chomsky import ChomskyTask


class DuplicateString(ChomskyTask):
    """The string twice."""

    name = "duplicate-string"
    title = "Write the string twice"
    level = "context-sensitive"

    def answer(self, tokens: list[str]) -> list[str]:
        """Doubled."""
        return tokens + tokens


class MissingDuplicate(ChomskyTask):
    """A string of the form w w with one symbol hidden; the answer is that symbol."""

    name = "missing-duplicate"
    title = "Fill the gap in a doubled string"
    level = "context-sensitive"
    shortest = 2
    step = 2

    def write(self, d: Draws, length: int) -> list[str]:
        """W w with a gap."""
        half = ["ab"[bit] for bit in d.many(length // 2, 2)]
        tokens = half + half
        tokens[d.below(length)] = "_"
        return tokens

    def answer(self, tokens: list[str]) -> list[str]:
        """The symbol half a string away."""
        gap = tokens.index("_")
        return [tokens[(gap + len(tokens) // 2) % len(tokens)]]


class OddsFirst(ChomskyTask):
    """The symbols at odd places, then those at even places (places count from one)."""

    name = "odds-first"
    title = "Symbols at odd places first"
    level = "context-sensitive"

    def answer(self, tokens: list[str]) -> list[str]:
        """Every other one from the first, then from the second."""
        return tokens[::2] + tokens[1::2]


def _number(bits: list[str]) -> int:
    """Value of bits, lowest first."""
    return int("".join(reversed(bits)), 2)


def _bits(value: int) -> list[str]:
    """Bits of a value, lowest first."""
    return list(reversed(f"{value:b}"))


class _BinaryOperation(ChomskyTask):
    """Two binary numbers, lowest bit first, joined by an operator.

    Each ends in a 1 (no leading zeros) unless it is 0.
    """

    level = "context-sensitive"
    shortest = 3
    operator = "+"

    def write(self, d: Draws, length: int) -> list[str]:
        """Two numbers whose digits add up to the length less one."""
        left = d.between(1, length - 2)
        return [*self._operand(d, left), self.operator, *self._operand(d, length - 1 - left)]

    def _operand(self, d: Draws, digits: int) -> list[str]:
        bits = [str(bit) for bit in d.many(digits, 2)]
        if digits > 1:
            bits[-1] = "1"
        return bits

    def answer(self, tokens: list[str]) -> list[str]:
        """Lowest bit first."""
        at = tokens.index(self.operator)
        left, right = _number(tokens[:at]), _number(tokens[at + 1 :])
        return _bits(left + right if self.operator == "+" else left * right)


class BinaryAddition(_BinaryOperation):
    """Sum of two binary numbers, lowest bit first."""

    name = "binary-addition"
    title = "Add two binary numbers, lowest bit first"

    def oracle(self, example: Example) -> list[str]:
        """Bit by bit with a carry."""
        at = example.input.index("+")
        left, right = list(example.input[:at]), list(example.input[at + 1 :])
        out, carry = list[str](), 0
        for i in range(max(len(left), len(right))):
            total = carry + sum(int(side[i]) for side in (left, right) if i < len(side))
            out.append(str(total % 2))
            carry = total // 2
        return [*out, "1"] if carry else out


class BinaryMultiplication(_BinaryOperation):
    """Product of two binary numbers, lowest bit first."""

    name = "binary-multiplication"
    title = "Multiply two binary numbers, lowest bit first"
    operator = "*"


class ComputeSqrt(ChomskyTask):
    """Whole part of the square root of a binary number, highest bit first."""

    name = "compute-sqrt"
    title = "Whole square root of a binary number"
    level = "context-sensitive"

    def write(self, d: Draws, length: int) -> list[str]:
        """A number without leading zeros (0 itself has one digit)."""
        bits = [str(bit) for bit in d.many(length, 2)]
        if length > 1:
            bits[0] = "1"
        return bits

    def answer(self, tokens: list[str]) -> list[str]:
        """Highest bit first."""
        return list(f"{isqrt(int(''.join(tokens), 2)):b}")

    def oracle(self, example: Example) -> list[str]:
        """Bisection, which shares nothing with the library's root."""
        value = int("".join(example.input), 2)
        low, high = 0, value + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if middle * middle <= value else (low, middle)
        return list(f"{low:b}")


class BucketSort(ChomskyTask):
    """The symbols in order, over five symbols."""

    name = "bucket-sort"
    title = "Sort a string over five symbols"
    level = "context-sensitive"

    def write(self, d: Draws, length: int) -> list[str]:
        """Symbols 0 … 4."""
        return [str(symbol) for symbol in d.many(length, 5)]

    def answer(self, tokens: list[str]) -> list[str]:
        """Sorted."""
        return sorted(tokens)
