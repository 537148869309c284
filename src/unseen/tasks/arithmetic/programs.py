"""Straight-line programs: assignments in order, one variable asked for; depth and number of lines set apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws


class StraightLineProgram(Generated):
    """Assignments modulo m, then a question about one variable.

    ``depth`` is the longest chain of assignments from a constant to the asked variable, ``needed`` the number of
    lines that its
    value depends on; other lines are distractors.
    """

    name = "straight-line-program"
    title = "Value of a variable after a list of assignments"
    source = "Straight-line programs over residues, the usual testbed of multi-step arithmetic; reconstructed"
    settings: ClassVar[Mapping[str, Any]] = {"modulus": 10}
    options: ClassVar[Mapping[str, Any]] = {"lines": (3, 8), "depth": (1, 8)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "modulus": (2, 10_000),
        "lines": (1, 1000),
        "depth": (1, 1000),
    }
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"lines": "ordered", "depth": "ordered", "needed": "ordered"}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A chain of the drawn depth at random lines, distractors between."""
        low, high = max(o["lines"][0], o["depth"][0]), o["lines"][1]
        if low > high:
            raise self.impossible(f"depth {o['depth']} needs more lines than {o['lines']}")
        lines = d.between(low, high)
        depth = d.between(o["depth"][0], min(o["depth"][1], lines))
        chain = sorted(d.pick(range(lines), depth))
        names = [f"v{i}" for i in d.pick(range(lines), lines)]
        depths, needs, values, tokens = list[int](), list[frozenset[int]](), list[int](), list[str]()
        for i in range(lines):
            step = chain.index(i) if i in chain else None
            if step is None:
                operands = [self._operand(d, i, None, depths) for _ in range(2)]
            elif step == 0:
                operands: list[int | None] = [None, None]
            else:
                operands = [chain[step - 1], self._operand(d, i, step, depths)]
                d.shuffle(operands)
            words, numbers = list[str](), list[int]()
            for operand in operands:
                numbers.append(d.below(self.given["modulus"]) if operand is None else values[operand])
                words.append(str(numbers[-1]) if operand is None else names[operand])
            sign = "+-*"[d.below(3)]
            values.append(_apply(sign, numbers[0], numbers[1]) % self.given["modulus"])
            used = [operand for operand in operands if operand is not None]
            depths.append(1 + max((depths[u] for u in used), default=0))
            needs.append(frozenset({i}).union(*(needs[u] for u in used)))
            tokens += [names[i], "=", words[0], sign, words[1], ";"]
        asked = chain[-1]
        factors = {"lines": lines, "depth": depths[asked], "needed": len(needs[asked])}
        return of_tokens([*tokens, "?", names[asked]], [str(values[asked])], factors)

    def _operand(self, d: Draws, line: int, deepest: int | None, depths: list[int]) -> int | None:
        """An earlier line at most so deep, or None for a constant."""
        fitting = [j for j in range(line) if deepest is None or depths[j] <= deepest]
        return d.choice(fitting) if fitting and d.below(2) else None

    def oracle(self, example: Example) -> list[str]:
        """Run the tokens."""
        tokens, values = cast("list[str]", example.input), dict[str, int]()
        for i in range(0, len(tokens) - 2, 6):
            target, _, left, sign, right, _ = tokens[i : i + 6]
            a, b = (values[word] if word in values else int(word) for word in (left, right))
            values[target] = _apply(sign, a, b) % self.given["modulus"]
        return [str(values[tokens[-1]])]


def _apply(sign: str, a: int, b: int) -> int:
    return a + b if sign == "+" else a - b if sign == "-" else a * b
