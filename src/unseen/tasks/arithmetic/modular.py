"""Modular arithmetic tables with corrupted labels: the classic of grokking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from unseen.errors import BadInput
from unseen.factors import Kind
from unseen.tasks.base import Example, Finite, of_tokens

OPERATIONS = ("add", "subtract", "multiply", "divide", "squares", "cubic")


class ModularArithmetic(Finite):
    """The table of a∘b modulo p, each cell once.

    Operations: a+b, a-b, a·b, a/b (p prime, b not 0), a²+ab+b², a³+ab. A share ``corruption`` of the cells, fixed by
    ``world``,
    carries a wrong label drawn evenly from the other residues; the clean answer stands in ``hidden``.
    """

    name = "modular-arithmetic"
    title = "a∘b modulo p, with an optional share of corrupted labels"
    source = "Power et al. (2022), Grokking, A.1; Doshi et al. (2024), To grok or not to grok, section 2 (corruption)"
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "a": "ordered",
        "b": "ordered",
        "result": "ordered",
        "corrupted": "categorical",
    }
    settings: ClassVar[Mapping[str, Any]] = {"p": 53, "operation": "add", "corruption": 0.0, "world": 0}
    options: ClassVar[Mapping[str, Any]] = {
        "a": (0, 9999),
        "b": (0, 9999),
        "result": (0, 9999),
        "corrupted": ("no", "yes"),
    }
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"operation": OPERATIONS}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "p": (2, 997),
        "corruption": (0.0, 1.0),
        "world": (0, 2**62),
        "a": (0, 9999),
        "b": (0, 9999),
        "result": (0, 9999),
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        p, operation = self.given["p"], self.given["operation"]
        divides = operation == "divide"
        if divides and any(p % q == 0 for q in range(2, int(p**0.5) + 1)):
            raise BadInput(f"task {self.name!r} can divide modulo a prime only, got p={p}. Take {_next_prime(p)}.")
        self.columns = p - 1 if divides else p
        size = self.size = p * self.columns
        d = self.draws(f"world {sorted(self.given.items())}")
        n_wrong = round(size * self.given["corruption"])
        # Rotating by 1 … p-1 spreads wrong labels evenly over the other residues.
        wrong = d.pick(range(size), n_wrong)
        self.shift = dict(zip(wrong, (1 + s for s in d.many(n_wrong, p - 1)), strict=True))

    def clean(self, a: int, b: int) -> int:
        """The true result of a∘b."""
        p = self.given["p"]
        match self.given["operation"]:
            case "add":
                return (a + b) % p
            case "subtract":
                return (a - b) % p
            case "multiply":
                return a * b % p
            case "divide":
                return a * pow(b, -1, p) % p
            case "squares":
                return (a * a + a * b + b * b) % p
            case _:
                return (a**3 + a * b) % p

    def at(self, index: int) -> Example:
        """Cell (a, b), row by row."""
        a, b = divmod(index, self.columns)
        b += self.columns < self.given["p"]
        true = self.clean(a, b)
        label = (true + self.shift.get(index, 0)) % self.given["p"]
        factors = {"a": a, "b": b, "result": true, "corrupted": "yes" if index in self.shift else "no"}
        sign = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}.get(self.given["operation"], "∘")
        return of_tokens([str(a), sign, str(b), "="], [str(label)], factors, {"clean": str(true)})


def _next_prime(n: int) -> int:
    while any(n % q == 0 for q in range(2, int(n**0.5) + 1)):
        n += 1
    return n
