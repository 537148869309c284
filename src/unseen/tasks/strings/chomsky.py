"""The regular and the deterministic context-free tasks of the Chomsky-hierarchy study, and what all fifteen share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws

SOURCE = "Delétang et al. (2023), Neural Networks and the Chomsky Hierarchy, section 4 and appendix A"
MODULUS = 5


class ChomskyTask(Generated):
    """One of the fifteen: a string in, a string out, the length drawn evenly from the range.

    Attributes:
        level: regular, context-free (deterministic) or context-sensitive.
        shortest: Smallest length that has items.
        step: Lengths go in steps of this from the shortest.
    """

    source: ClassVar[str] = SOURCE
    level: ClassVar[str]
    shortest: ClassVar[int] = 1
    step: ClassVar[int] = 1
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"length": "ordered", "level": "categorical"}
    options: ClassVar[Mapping[str, Any]] = {"length": (1, 20)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"length": (1, 10_000)}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """One item: a length, a string of that length, its answer."""
        low, high = o["length"]
        first = max(0, -(-(low - self.shortest) // self.step))
        last = (high - self.shortest) // self.step
        if last < first:
            every = f"steps of {self.step} from {self.shortest}" if self.step > 1 else f"{self.shortest} upwards"
            raise self.impossible(f"lengths go in {every}, asked for {low} to {high}")
        tokens = self.write(d, self.shortest + self.step * d.between(first, last))
        return of_tokens(tokens, self.answer(tokens), {"length": len(tokens), "level": self.level})

    def write(self, d: Draws, length: int) -> list[str]:
        """A string of this length; by default bits a and b."""
        return ["ab"[bit] for bit in d.many(length, 2)]

    def answer(self, tokens: list[str]) -> list[str]:
        """The target of a string."""
        raise NotImplementedError


class EvenPairs(ChomskyTask):
    """Are the places where ab or ba stands even in number?"""

    name = "even-pairs"
    title = "Is the number of ab and ba pairs even"
    level = "regular"

    def answer(self, tokens: list[str]) -> list[str]:
        """Even exactly where the first and the last symbol agree."""
        return ["yes" if tokens[0] == tokens[-1] else "no"]

    def oracle(self, example: Example) -> list[str]:
        """Count the pairs."""
        pairs = sum(a != b for a, b in zip(example.input, example.input[1:], strict=False))
        return ["yes" if pairs % 2 == 0 else "no"]


class ParityCheck(ChomskyTask):
    """Is the number of b even?"""

    name = "parity-check"
    title = "Is the number of b even"
    level = "regular"

    def answer(self, tokens: list[str]) -> list[str]:
        """Parity of the count."""
        return ["yes" if tokens.count("b") % 2 == 0 else "no"]


class CycleNavigation(ChomskyTask):
    """Where on a cycle of five one ends after steps of 0, +1 and -1."""

    name = "cycle-navigation"
    title = "Position on a cycle of five after stay, forward and back"
    level = "regular"

    def write(self, d: Draws, length: int) -> list[str]:
        """Moves: stay, forward, back."""
        return [("stay", "forward", "back")[move] for move in d.many(length, 3)]

    def answer(self, tokens: list[str]) -> list[str]:
        """Net displacement modulo five."""
        return [str((tokens.count("forward") - tokens.count("back")) % MODULUS)]


class ModularArithmeticSimple(ChomskyTask):
    """An expression of digits with +, - and * and no brackets, modulo five; * binds tighter."""

    name = "modular-arithmetic-simple"
    title = "Arithmetic modulo five without brackets"
    level = "regular"
    step = 2

    def write(self, d: Draws, length: int) -> list[str]:
        """Digits 0 … 4 and operators in turn."""
        tokens = [str(d.below(MODULUS))]
        for _ in range(length // 2):
            tokens += ["+-*"[d.below(3)], str(d.below(MODULUS))]
        return tokens

    def answer(self, tokens: list[str]) -> list[str]:
        """One pass with a running sum and a running product."""
        total, product = 0, int(tokens[0])
        for operator, digit in zip(tokens[1::2], tokens[2::2], strict=True):
            if operator == "*":
                product = product * int(digit) % MODULUS
            else:
                total, product = total + product, int(digit) if operator == "+" else -int(digit)
        return [str((total + product) % MODULUS)]


class ReverseString(ChomskyTask):
    """The string backwards."""

    name = "reverse-string"
    title = "Write the string backwards"
    level = "context-free"

    def answer(self, tokens: list[str]) -> list[str]:
        """Reversed."""
        return tokens[::-1]


class StackManipulation(ChomskyTask):
    """A stack, bottom to top, and actions on it; the answer is the stack that remains, top to bottom.

    An action pop on an empty stack does nothing; an empty stack is written ``empty``.
    """

    name = "stack-manipulation"
    title = "Apply pushes and pops to a stack"
    level = "context-free"

    def write(self, d: Draws, length: int) -> list[str]:
        """Stack of random height, then actions."""
        height = d.between(1, length)
        return ["ab"[bit] for bit in d.many(height, 2)] + [
            ("pop", "push-a", "push-b")[action] for action in d.many(length - height, 3)
        ]

    def answer(self, tokens: list[str]) -> list[str]:
        """Simulate."""
        stack: list[str] = []
        for symbol in tokens:
            if symbol == "pop":
                del stack[-1:]
            else:
                stack.append(symbol[-1])
        return stack[::-1] or ["empty"]


def bracketed(d: Draws, length: int, operators: str) -> list[str]:
    """An expression of exactly this length: digit, ``-`` expression, or ``(`` expression operator expression ``)``.

    Every length from 1 up is reached: 1 a digit, 2 a minus before a digit, 3 and 4 minuses before shorter ones, 5 a
    bracket.
    """
    if length == 1:
        return [str(d.below(MODULUS))]
    if length < 5 or (length < 8 and d.chance(0.25)):
        return ["-", *bracketed(d, length - 1, operators)]
    left = d.between(1, length - 4)
    operator = operators[d.below(len(operators))]
    return ["(", *bracketed(d, left, operators), operator, *bracketed(d, length - 3 - left, operators), ")"]


def evaluate(tokens: list[str], x: int = 0) -> int:
    """Value modulo five of a bracketed expression, the unknown ``x`` standing for a number; by two stacks."""
    values: list[int] = []
    waiting: list[str] = []
    for symbol in tokens:
        if symbol in "+-*(":
            # A minus after an operand joins two expressions; any other is a sign.
            waiting.append(symbol if symbol != "-" else "sub" if values and waiting[-1:] == ["done"] else "neg")
            if waiting[-1] in ("sub", "+", "*"):
                del waiting[-2]
            continue
        if symbol == ")":
            del waiting[-1]
            right, left = values.pop(), values.pop()
            operator = waiting.pop()
            values.append({"+": left + right, "sub": left - right, "*": left * right}[operator] % MODULUS)
            del waiting[-1]
        else:
            values.append(x if symbol == "x" else int(symbol))
        while waiting[-1:] == ["neg"]:
            waiting.pop()
            values.append(-values.pop() % MODULUS)
        waiting.append("done")
    return values[0] % MODULUS


class ModularArithmeticBrackets(ChomskyTask):
    """A bracketed expression modulo five."""

    name = "modular-arithmetic-brackets"
    title = "Arithmetic modulo five with brackets"
    level = "context-free"

    def write(self, d: Draws, length: int) -> list[str]:
        """Expression of this length."""
        return bracketed(d, length, "+-*")

    def answer(self, tokens: list[str]) -> list[str]:
        """Its value."""
        return [str(evaluate(tokens))]


class SolveEquation(ChomskyTask):
    """A bracketed sum with one unknown and its value modulo five; the unknown stands once, so that one x solves it."""

    name = "solve-equation"
    title = "Solve for x modulo five"
    level = "context-free"
    shortest = 3

    def write(self, d: Draws, length: int) -> list[str]:
        """Expression, equals sign, value."""
        tokens = bracketed(d, length - 2, "+-")
        value = evaluate(tokens)
        digits = [i for i, symbol in enumerate(tokens) if symbol.isdigit()]
        tokens[d.choice(digits)] = "x"
        return [*tokens, "=", str(value)]

    def answer(self, tokens: list[str]) -> list[str]:
        """The expression is x or -x plus a constant."""
        rest, value = tokens[:-2], int(tokens[-1])
        at_zero = evaluate(rest, 0)
        slope = evaluate(rest, 1) - at_zero
        return [str((value - at_zero) * slope % MODULUS)]

    def oracle(self, example: Example) -> list[str]:
        """Try all five."""
        rest, value = list(example.input[:-2]), int(example.input[-1])
        return [str(x) for x in range(MODULUS) if evaluate(rest, x) == value]
