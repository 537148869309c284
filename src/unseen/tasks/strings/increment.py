"""Increment a number written digit by digit, with a hint task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws


class Increment(Generated):
    """Digits, highest first; the number plus one.

    ``carries`` counts the nines at the end, drawn evenly so that long carry chains are not rare. With the hint
    ``carry`` the prefix asks for the place, from the right and from zero, at which the carry comes to rest.
    """

    name = "increment"
    title = "Add one to a number, with an optional hint task"
    source = (
        "Awasthi & Gupta (2023), Improving Length-Generalization in Transformers via Task Hinting; format reconstructed"
    )
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"length": "ordered", "carries": "ordered", "hint": "categorical"}
    options: ClassVar[Mapping[str, Any]] = {"length": (1, 20), "carries": (0, 10_000), "hint": ("none",)}
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"hint": ("none", "carry")}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"length": (1, 10_000), "carries": (0, 10_000)}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A length, a number of closing nines, random digits before them."""
        low = max(o["length"][0], o["carries"][0])
        if low > o["length"][1]:
            raise self.impossible(f"{o['carries'][0]} nines in a number of length {o['length']}")
        length = d.between(low, o["length"][1])
        nines = d.between(o["carries"][0], min(o["carries"][1], length))
        digits = d.many(length - nines, 10)
        if digits:
            # The digit before the nines is none itself; the first digit of a long number is not zero.
            digits[-1] = d.below(9)
            if length > 1:
                digits[0] = 1 + d.below(8 if len(digits) == 1 else 9)
        tokens = [*map(str, digits), *["9"] * nines]
        hint = d.choice(o["hint"])
        result = [*map(str, digits[:-1]), str(digits[-1] + 1)] if digits else ["1"]
        answer = [*result, *["0"] * nines] if hint == "none" else [str(nines)]
        factors = {"length": length, "carries": nines, "hint": hint}
        return of_tokens(["plus" if hint == "none" else "carry", *tokens], answer, factors)

    def oracle(self, example: Example) -> list[str]:
        """Python's own arithmetic."""
        number = int("".join(example.input[1:]))
        if example.factors["hint"] == "none":
            return list(str(number + 1))
        kept = sum(1 for k in range(1, len(str(number)) + 1) if (number + 1) % 10**k == 0)
        return [str(kept)]
