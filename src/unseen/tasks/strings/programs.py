"""Tasks whose number of steps is set apart from the length of the input: pointer chasing and register programs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar, cast

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws

SOURCE = "Complexity Out of Distribution (2025): steps, structure and length as separate proxies; reconstructed"


class PointerChasing(Generated):
    """A table of arrows and a start; follow the arrows until the node that has none.

    The table always holds ``length`` nodes; the chain from the start takes ``steps`` of them, the rest are decoys
    with the
    same number of arrows in and out. The start is named last. The answer is the end of the chain; with ``trace`` every
    node on the way comes before it.
    """

    name = "pointer-chasing"
    title = "Follow arrows from a start to the end of its chain"
    source = SOURCE
    settings: ClassVar[Mapping[str, Any]] = {"nodes": 64, "trace": False}
    options: ClassVar[Mapping[str, Any]] = {"length": (8, 16), "steps": (1, 6)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "nodes": (3, 10_000),
        "length": (2, 10_000),
        "steps": (1, 9999),
    }
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"length": "ordered", "steps": "ordered", "structure": "ordered"}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """One chain from the start, decoy chains from the other nodes."""
        steps = d.between(o["steps"][0], min(o["steps"][1], max(o["steps"][0], o["length"][1])))
        low, high = max(o["length"][0], steps), min(o["length"][1], self.given["nodes"] - 1)
        if low > high:
            raise self.impossible(f"{steps} steps and length {o['length']} over {self.given['nodes']} nodes")
        length = d.between(low, high)
        # Every arrow needs a place of its own, and each chain one end more than its arrows.
        lengths, left = [steps], length - steps
        while left:
            part = d.between(1, min(left, max(steps, 3)))
            lengths.append(part)
            left -= part
        while length + len(lengths) > self.given["nodes"]:
            lengths = [lengths[0], lengths[1] + lengths.pop()] if len(lengths) == 3 else self._merge(lengths)
        nodes = d.pick(range(self.given["nodes"]), length + len(lengths))
        arrows: list[tuple[int, int]] = []
        chains: list[list[int]] = []
        for size in lengths:
            chains.append(nodes[: size + 1])
            arrows += list(pairwise(nodes[: size + 1]))
            nodes = nodes[size + 1 :]
        d.shuffle(arrows)
        tokens = [token for a, b in arrows for token in (f"n{a}", "→", f"n{b}", ";")]
        chain = [f"n{node}" for node in chains[0]]
        answer = chain[1:] if self.given["trace"] else chain[-1:]
        factors = {"length": length, "steps": steps, "structure": len(lengths)}
        return of_tokens([*tokens, "?", chain[0]], answer, factors)

    def _merge(self, lengths: list[int]) -> list[int]:
        if len(lengths) < 3:
            raise self.impossible(f"{sum(lengths)} arrows need more than {self.given['nodes']} nodes")
        return [*lengths[:-2], lengths[-2] + lengths[-1]]

    def oracle(self, example: Example) -> list[str]:
        """Read the arrows back and walk."""
        tokens = cast("list[str]", example.input)
        arrow = {tokens[i]: tokens[i + 2] for i in range(0, len(tokens) - 2, 4)}
        walk, node = list[str](), tokens[-1]
        while node in arrow:
            node = arrow[node]
            walk.append(node)
        return walk if self.given["trace"] else walk[-1:]


OPERATIONS = ("inc", "dec", "double", "swap", "add")


class RegisterProgram(Generated):
    """A loop over straight-line code on registers modulo ten; the answer is a register at the end.

    ``length`` is the number of instructions written, ``steps`` the number executed, ``structure`` the number of
    different
    operations used. Lines after ``halt`` are written but not executed; a loop ``repeat k`` executes its body k times.
    So steps go above and below the length, at the same primitives.
    """

    name = "register-program"
    title = "Run a small program on registers"
    source = SOURCE
    settings: ClassVar[Mapping[str, Any]] = {"registers": 4, "modulus": 10, "trace": False}
    options: ClassVar[Mapping[str, Any]] = {"length": (4, 10), "steps": (1, 12)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "registers": (2, 26),
        "modulus": (2, 1000),
        "length": (1, 1000),
        "steps": (1, 10_000),
    }
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"length": "ordered", "steps": "ordered", "structure": "ordered"}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Instructions, a loop that makes the executed steps exact, unexecuted lines to fill the length."""
        length, steps = d.between(*o["length"]), d.between(*o["steps"])
        # body lines run `times` each, `after` lines run once, the rest stand behind halt: body * times + after = steps.
        body = d.between(1, min(length, steps))
        times = steps // body
        after = steps - body * times
        if body + after > length:
            body, times, after = 1, steps, 0
        lines = [self._line(d) for _ in range(length)]
        start = d.many(self.given["registers"], self.given["modulus"])
        asked = d.below(self.given["registers"])
        names = [chr(ord("a") + i) for i in range(self.given["registers"])]
        tokens = [token for name, value in zip(names, start, strict=True) for token in (name, str(value))]
        tokens += [
            "repeat",
            str(times),
            "{",
            *_written(lines[:body]),
            "}",
            *_written(lines[body : body + after]),
            "halt",
            ";",
        ]
        tokens += [*_written(lines[body + after :]), "?", names[asked]]
        executed = lines[:body] * times + lines[body : body + after]
        trace = self._run(executed, dict(zip(names, start, strict=True)), names[asked])
        factors = {"length": length, "steps": len(executed), "structure": len({line[0] for line in executed})}
        return of_tokens(tokens, trace if self.given["trace"] else trace[-1:], factors)

    def _line(self, d: Draws) -> list[str]:
        operation = OPERATIONS[d.below(5)]
        names = [chr(ord("a") + i) for i in d.pick(range(self.given["registers"]), 2)]
        return [operation, *names] if operation in ("swap", "add") else [operation, names[0]]

    def _run(self, lines: list[list[str]], state: dict[str, int], asked: str) -> list[str]:
        """Value of the asked register after each step."""
        modulus = self.given["modulus"]
        trace: list[str] = []
        for line in lines:
            match line:
                case ["inc", r]:
                    state[r] = (state[r] + 1) % modulus
                case ["dec", r]:
                    state[r] = (state[r] - 1) % modulus
                case ["double", r]:
                    state[r] = 2 * state[r] % modulus
                case ["swap", r, s]:
                    state[r], state[s] = state[s], state[r]
                case ["add", r, s]:
                    state[r] = (state[r] + state[s]) % modulus
                case _:
                    raise AssertionError(line)
            trace.append(str(state[asked]))
        return trace

    def oracle(self, example: Example) -> list[str]:
        """Interpret the tokens from left to right, jumping back at the end of the loop."""
        tokens = cast("list[str]", example.input)
        begin = tokens.index("repeat")
        state = {tokens[i]: int(tokens[i + 1]) for i in range(0, begin, 2)}
        asked, left = tokens[-1], int(tokens[begin + 1])
        at, word, trace = begin + 3, list[str](), list[str]()
        while tokens[at] != "halt":
            if tokens[at] == "}":
                left -= 1
                at = begin + 3 if left else at + 1
            elif tokens[at] == ";":
                trace += self._run([word], state, asked)
                word = []
                at += 1
            else:
                word.append(tokens[at])
                at += 1
        return trace if self.given["trace"] else trace[-1:]


def _written(lines: list[list[str]]) -> list[str]:
    return [token for line in lines for token in (*line, ";")]
