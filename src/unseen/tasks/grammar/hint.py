"""HINT arithmetic: expressions over digits whose minus stops at zero and whose division rounds up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from unseen.errors import BadInput
from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws

OPERATORS = ("+", "-", "*", "/")


def evaluate(symbols: list[str]) -> int:
    """Value of an infix expression of digits, operators and parentheses.

    ``a - b`` is max(0, a - b) and ``a / b`` is a divided by b rounded up; ``*`` and ``/`` bind tighter, and
    operators of one rank go from left to right.

    Raises:
        BadInput: The symbols are no expression, or a division by zero occurs.

    >>> evaluate("2 - 5 + 7 / 2".split())
    4
    """
    output, stack = list[int](), list[str]()

    def apply() -> None:
        operator, right, left = stack.pop(), output.pop(), output.pop()
        if operator == "/" and right == 0:
            raise BadInput("a division by zero occurs.")
        output.append(
            left + right if operator == "+" else max(0, left - right) if operator == "-" else left * right
            if operator == "*" else -(-left // right)
        )  # fmt: skip

    rank = {"+": 1, "-": 1, "*": 2, "/": 2}
    try:
        for symbol in symbols:
            if symbol.isdecimal():
                output.append(int(symbol))
            elif symbol == "(":
                stack.append(symbol)
            elif symbol == ")":
                while stack[-1] != "(":
                    apply()
                stack.pop()
            else:
                while stack and stack[-1] != "(" and rank[stack[-1]] >= rank[symbol]:
                    apply()
                stack.append(symbol)
        while stack:
            apply()
        (value,) = output
    except (IndexError, KeyError, ValueError):
        raise BadInput(f"{' '.join(symbols)!r} is no expression.") from None
    return value


class HintArithmetic(Generated):
    """Infix arithmetic over the ten digits, with the five test sides of the paper as factors.

    ``side`` says where an item lies against training (at most 10 operators, all intermediate results at most ``top``):
    I (as in training), SL (short, larger results), LS (longer, small results), LL (longer, larger results).
    """

    name = "hint-arithmetic"
    title = "HINT: arithmetic with truncated minus and rounded-up division"
    source = "Li et al. (2023), A Minimalist Dataset for Systematic Generalization (HINT), sections 2 and 3"
    settings: ClassVar[Mapping[str, Any]] = {"top": 100, "short": 10}
    options: ClassVar[Mapping[str, Any]] = {"operators": (1, 10), "side": ("I", "SL", "LS", "LL")}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"operators": (1, 40), "top": (10, 10**6), "short": (1, 40)}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "operators": "ordered",
        "length": "ordered",
        "depth": "ordered",
        "largest": "ordered",
        "side": "categorical",
        "used": "set",
    }

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Trees are drawn until one lies on an allowed side; division by zero is drawn again."""
        short, top = self.given["short"], self.given["top"]
        for _ in range(200):
            count = d.between(*o["operators"])
            results, used = list[int](), list[str]()
            built = self._tree(d, count, results, used)
            if built is None:
                continue
            symbols, value, depth = built
            largest = max([value, *results])
            side = ("I" if largest <= top else "SL") if count <= short else ("LS" if largest <= top else "LL")
            if side not in o["side"]:
                continue
            factors = {
                "operators": count,
                "length": len(symbols),
                "depth": depth,
                "largest": largest,
                "side": side,
                "used": sorted(set(used)),
            }
            return of_tokens(symbols, [*str(value)], factors)
        raise self.impossible(f"200 expressions with {o['operators']} operators had none on the sides {o['side']}")

    def _tree(self, d: Draws, count: int, results: list[int], used: list[str]) -> tuple[list[str], int, int] | None:
        if count == 0:
            digit = d.below(10)
            return [str(digit)], digit, 0
        left_count = d.below(count)
        operator = d.choice(OPERATORS)
        left, right = self._tree(d, left_count, results, used), self._tree(d, count - 1 - left_count, results, used)
        if left is None or right is None or (operator == "/" and right[1] == 0):
            return None
        used.append(operator)
        # Parentheses wherever precedence or the left-to-right rule would read the tree differently.
        symbols = [*_guard(left[0], operator, right=False), operator, *_guard(right[0], operator, right=True)]
        value = evaluate([str(left[1]), operator, str(right[1])])
        results.append(value)
        return symbols, value, 1 + max(left[2], right[2])


def _guard(symbols: list[str], parent: str, *, right: bool) -> list[str]:
    level, outer = 0, list[str]()
    for symbol in symbols:
        level += (symbol == "(") - (symbol == ")")
        if level == 0 and symbol in OPERATORS:
            outer.append(symbol)
    low = any(t in "+-" for t in outer)
    needed = bool(outer) and ((parent in "*/" and low) or (right and (parent in "*/" or low)))
    return ["(", *symbols, ")"] if needed else symbols
