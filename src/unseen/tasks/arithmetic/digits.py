"""Sums, differences and products of numbers with many digits, with carries as a factor and scratchpad formats."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, content_id, of_tokens
from unseen.tasks.draws import Draws

MANY = 10_000


def carries_of(a: int, b: int, operation: str) -> int:
    """Columns that pass something on in the written method: carries of a sum or a product, borrows of a difference.

    >>> carries_of(95, 17, "+"), carries_of(100, 1, "-"), carries_of(12, 34, "*")
    (2, 2, 1)
    """
    if operation == "-":
        return carries_of(a - b, b, "+") if a >= b else carries_of(b - a, a, "+")
    left, right = [int(c) for c in reversed(str(a))], [int(c) for c in reversed(str(b))]
    columns = [0] * (len(left) + len(right))
    if operation == "+":
        for side in (left, right):
            for i, digit in enumerate(side):
                columns[i] += digit
    else:
        for i, x in enumerate(left):
            for j, y in enumerate(right):
                columns[i + j] += x * y
    carry = count = 0
    for column in columns:
        carry = (column + carry) // 10
        count += carry > 0
    return count


@cache
def _pairs(carry_in: int, carry_out: int, leading: bool) -> list[tuple[int, int]]:
    """Digit pairs that turn one carry into the other; a leading pair holds no zero."""
    low = 1 if leading else 0
    return [(x, y) for x in range(low, 10) for y in range(low, 10) if (x + y + carry_in >= 10) == bool(carry_out)]


def with_carries(d: Draws, digits: int, carries: int, *, last: bool) -> tuple[int, int]:
    """Two numbers of this many digits whose sum has exactly so many carries.

    ``last`` allows a carry out of the highest column. Carries stand at random columns; digits are even over the
    pairs that fit.
    """
    columns = set(d.pick(range(digits if last else digits - 1), carries))
    a = b = carry = 0
    for i in range(digits):
        out = int(i in columns)
        x, y = d.choice(_pairs(carry, out, i == digits - 1 and digits > 1))
        a, b, carry = a + x * 10**i, b + y * 10**i, out
    return a, b


class MultiDigit(Generated):
    """One operation on two numbers.

    Where ``carries`` is asked for, sums and differences are built digit by digit with operands of equal length,
    products by
    rejection. ``reverse`` writes the answer, or all numbers, lowest digit first; ``index_hints`` marks digits by
    ``a``, ``b``, …
    from a random first letter at the lowest digit (RASP-L); ``scratchpad`` writes each column with its carry before
    the answer
    of a sum.
    """

    name = "multi-digit"
    title = "Add, subtract or multiply numbers of several digits"
    source = "Zhou et al. (2023), What Algorithms can Transformers Learn?, section 5; carries as in the long method"
    separator = ""
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "operation": "categorical",
        "digits": "ordered",
        "carries": "ordered",
        "length": "ordered",
    }
    settings: ClassVar[Mapping[str, Any]] = {"reverse": "none", "index_hints": False, "scratchpad": False}
    options: ClassVar[Mapping[str, Any]] = {"digits": (1, 4), "operation": ("+", "-", "*"), "carries": (0, MANY)}
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "reverse": ("none", "answer", "all"),
        "operation": ("+", "-", "*"),
    }
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"digits": (1, 1000), "carries": (0, MANY)}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Operands, then the written form."""
        # A sum of n digits has at most n carries, a difference n - 1 borrows; products take what chance gives.
        able = [
            sign
            for sign in o["operation"]
            if o["carries"][0] == 0 or sign == "*" or o["carries"][0] + (sign == "-") <= o["digits"][1]
        ]
        if not able:
            raise self.impossible(f"{o['carries'][0]} carries in {', '.join(o['operation'])} of {o['digits']} digits")
        operation = able[d.below(len(able))]
        a, b = self._operands(d, operation, o["digits"], o["carries"])
        result = {"+": a + b, "-": a - b, "*": a * b}[operation]
        factors = {
            "operation": operation,
            "digits": max(len(str(a)), len(str(b))),
            "carries": carries_of(a, b, operation),
        }
        tokens, target = self.write(d, a, b, operation, result)
        return of_tokens(tokens, target, {**factors, "length": len(tokens)}, {"result": str(result)})

    def _operands(self, d: Draws, operation: str, digits: tuple[int, int], carries: tuple[int, int]) -> tuple[int, int]:
        free = carries == (0, MANY)
        # A difference without a leading borrow has one column less that can borrow.
        spare = int(operation == "-")
        if not free and operation != "*":
            n = d.between(max(digits[0], carries[0] + spare), digits[1])
            a, b = with_carries(d, n, d.between(carries[0], min(carries[1], n - spare)), last=not spare)
            return (a + b, b) if spare else (a, b)
        for _ in range(1 if free else 3000):
            # One operand has the drawn number of digits, the other at most as many within the range.
            n = d.between(*digits)
            a, b = self._with_digits(d, n), self._with_digits(d, d.between(digits[0], n))
            if d.below(2):
                a, b = b, a
            if free or carries[0] <= carries_of(a, b, operation) <= carries[1]:
                return a, b
        raise self.impossible(f"no product of {digits} digits with {carries} carries in 3,000 draws")

    def _with_digits(self, d: Draws, digits: int) -> int:
        low = 10 ** (digits - 1) if digits > 1 else 0
        if digits < 18:
            return low + d.below(10**digits - low)
        return int("".join(map(str, [1 + d.below(9), *d.many(digits - 1, 10)])))

    def write(self, d: Draws, a: int, b: int, operation: str, result: int) -> tuple[list[str], list[str]]:
        """Input and target in the format that the settings ask for."""
        reverse = self.given["reverse"]
        left, right = (str(x)[::-1] if reverse == "all" else str(x) for x in (a, b))
        answer = str(result)[::-1] if reverse != "none" else str(result)
        if self.given["index_hints"]:
            longest = max(len(left), len(right), len(answer))
            first = d.below(max(1, 200 - longest))
            left, right = (_marked(x, first, lowest_first=reverse == "all") for x in (left, right))
            answer = _marked(answer, first, lowest_first=reverse != "none")
        steps = list(_columns(a, b)) if self.given["scratchpad"] and operation == "+" else []
        return [*left, operation, *right, "="], [*steps, *answer]

    def oracle(self, example: Example) -> list[str] | None:
        """Python's own arithmetic on the text, for the plain format."""
        if self.given["index_hints"] or self.given["scratchpad"] or self.given["reverse"] != "none":
            return None
        a, b = "".join(example.input[:-1]).replace("*", "+").replace("-", "+").split("+")
        operation = example.factors["operation"]
        return list(str({"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[str(operation)](int(a), int(b))))


def _marked(digits: str, first: int, *, lowest_first: bool) -> str:
    """Digits with an index mark before each; the same mark means the same power of ten.

    Marks are the characters from U+0100 on, one for each index.
    """
    n = sum(c != "-" for c in digits)
    out, place = "", 0
    for c in digits:
        if c == "-":
            out += c
            continue
        index = place if lowest_first else n - 1 - place
        out += chr(0x100 + first + index) + c
        place += 1
    return out


def _columns(a: int, b: int) -> str:
    """Columns of a sum from the lowest: both digits, carry in, sum; closed by a bar."""
    out, carry = "", 0
    left, right = str(a)[::-1], str(b)[::-1]
    for i in range(max(len(left), len(right))):
        x, y = int(left[i]) if i < len(left) else 0, int(right[i]) if i < len(right) else 0
        out += f"{x}{y}{carry}{(x + y + carry) % 10};"
        carry = (x + y + carry) // 10
    return out + "|"


class Addition(MultiDigit):
    """Sums alone, the answer lowest digit first, as the study of RASP-L writes them."""

    name = "addition"
    title = "Add two numbers, answer lowest digit first"
    settings: ClassVar[Mapping[str, Any]] = {"reverse": "answer", "index_hints": False, "scratchpad": False}
    options: ClassVar[Mapping[str, Any]] = {"digits": (1, 10), "operation": ("+",), "carries": (0, MANY)}
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"reverse": ("none", "answer", "all"), "operation": ("+",)}


class ChainSum(Generated):
    """A sum and difference of several numbers, as text."""

    name = "chain-sum"
    title = "Add and subtract several numbers in a row"
    source = "Reasoning Gym, chain_sum (same ranges)"
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"terms": "ordered", "digits": "ordered"}
    options: ClassVar[Mapping[str, Any]] = {"terms": (2, 6), "digits": (1, 4)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"terms": (1, 1000), "digits": (1, 18)}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Numbers of one number of digits, joined by signs."""
        terms, digits = d.between(*o["terms"]), d.between(*o["digits"])
        low = 10 ** (digits - 1) if digits > 1 else 0
        total = d.between(low, 10**digits - 1)
        text = str(total)
        # Magnitude and sign come from one draw: half the cost.
        span = 10**digits - low
        for value in d.many(terms - 1, 2 * span):
            if value < span:
                value += low
                total += value
                text += f" + {value}"
            else:
                value += low - span
                total -= value
                text += f" - {value}"
        text += " ="
        return Example(content_id(text), text, str(total), {"terms": terms, "digits": digits})

    def oracle(self, example: Example) -> str:
        """Sum the signed terms of the text."""
        words = ["+", *str(example.input).removesuffix("=").split()]
        return str(sum(int(n) if s == "+" else -int(n) for s, n in zip(words[::2], words[1::2], strict=True)))
