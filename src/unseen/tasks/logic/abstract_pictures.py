"""Pictures of six parts in a ring that follow a pattern in number, colour, shape or size; one part is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws

PLACES = 6
VALUES: Mapping[str, tuple[str, ...]] = {
    "number": tuple(str(n) for n in range(1, 10)),
    "colour": ("red", "green", "blue", "yellow"),
    "shape": ("square", "cross", "corners", "diagonal"),
    "size": ("small", "medium", "large"),
}
# Which of nine pixels a shape fills; any two differ in three or more, so that one that is wrong does not hide it.
SHAPES = {"square": (0, 1, 2, 3, 5, 6, 7, 8), "cross": (1, 3, 4, 5, 7), "corners": (0, 2, 6, 8), "diagonal": (0, 4, 8)}
RULES = ("alternate", "opposite", "mirror", "progress")
GIVEN = ("nothing", "perception", "rule")


def follows(rule: str, values: Sequence[str], concept: str) -> bool:
    """Whether the values of all six parts follow a rule.

    >>> follows("alternate", ["red", "blue"] * 3, "colour"), follows("opposite", ["red", "blue"] * 3, "colour")
    (True, False)
    """
    n, kinds = len(values), len(set(values))
    if rule == "alternate":
        return kinds == 2 and all(values[i] == values[(i + 2) % n] for i in range(n))
    if rule == "opposite":
        return kinds == 3 and all(values[i] == values[(i + 3) % n] for i in range(n))
    if rule == "mirror":
        return kinds == 3 and all(values[i] == values[n - 1 - i] for i in range(n))
    steps = {int(b) - int(a) for a, b in pairwise(values)} if concept == "number" else {0}
    return len(steps) == 1 and steps != {0}


def possible(values: Sequence[str | None], concept: str) -> set[tuple[str, str]]:
    """Every rule with every value of the missing part (None) under which all six follow it, by trying all."""
    return {
        (rule, value)
        for rule in RULES
        for value in VALUES[concept]
        if follows(rule, [value if v is None else v for v in values], concept)
    }


class AbstractPicture(Generated):
    """Six parts in a ring, each nine pixels, one of them "?"; the answer names the missing part.

    A pixel is ``.``, ``#`` or the first letter of a colour. A number is as many pixels by chance, a size a filled square of
    one, two or three pixels aside by chance; of shapes one pixel is wrong, of colours that stand alone three are of others.
    With two concepts, each has a rule of its own and the answer two words. ``given`` adds what the stages before the
    answer come to: the parts in words, or these and the rules.
    """

    name = "abstract-picture"
    title = "The missing part of a picture with a pattern"
    source = (
        "Chia et al. (2024), PuzzleVQA, sections 2 and 3 (concepts, dual concepts, stages), and Toh et al. (2025), The "
        "Jumping Reasoning Curve; layouts are reduced to a ring of six"
    )
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "concept": "categorical",
        "second": "categorical",
        "rule": "categorical",
        "given": "categorical",
    }
    options: ClassVar[Mapping[str, Any]] = {
        "concept": ("number", "colour", "shape", "size"),
        "second": ("no",),
        "rule": RULES,
        "given": ("nothing",),
    }
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"second": ("no", "colour"), "given": GIVEN}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Concepts, rules, a gap that leaves one answer, pixels."""
        fitting = [
            (concept, second)
            for concept in o["concept"]
            for second in o["second"]
            if concept != second and (concept == "number" or o["rule"] != ("progress",))
        ]
        if not fitting:
            raise self.impossible(
                f"no picture of {', '.join(o['concept'])} with {', '.join(o['second'])} as second concept follows "
                f"{', '.join(o['rule'])}; only numbers progress, and colour does not stand beside itself."
            )
        concept, second = d.choice(fitting)
        gap = d.below(PLACES)
        concepts = [concept] if second == "no" else [concept, second]
        rules, parts = list[str](), list[list[str]]()
        for i, one in enumerate(concepts):
            rule, values = _pattern(d, one, o["rule"] if not i else RULES, gap)
            rules.append(rule)
            parts.append(values)
        tokens: list[str] = []
        for place in range(PLACES):
            mine = [values[place] for values in parts]
            tokens += [*(["?"] * 9 if place == gap else _pixels(d, concepts, mine)), "|"]
        given = d.choice(o["given"])
        words = [["?"] if i == gap else [values[i] for values in parts] for i in range(PLACES)]
        if given != "nothing":
            tokens += ["seen", *(w for part in words for w in part)]
        if given == "rule":
            tokens += ["rule", *rules]
        factors = {"concept": concept, "second": second, "rule": rules[0], "given": given}
        hidden = {"gap": gap, "concepts": concepts, "parts": words, "rules": rules}
        return of_tokens(tokens, [values[gap] for values in parts], factors, hidden)

    def oracle(self, example: Example) -> str | list[str] | None:
        """The one value of each concept for which some rule holds, by trying all of them."""
        found: list[str] = []
        for i, concept in enumerate(example.hidden["concepts"]):
            values = [None if part == ["?"] else part[i] for part in example.hidden["parts"]]
            (value,) = {v for _, v in possible(values, concept)}
            found.append(value)
        return found


def _pattern(d: Draws, concept: str, rules: Sequence[str], gap: int) -> tuple[str, list[str]]:
    """A rule and values of all parts; drawn again until the other five parts leave one answer."""
    fitting = [r for r in rules if r != "progress" or concept == "number"]
    while True:
        rule = d.choice(fitting)
        if rule == "progress":
            start, step = d.between(1, 4), 1
            values = [str(start + step * i) for i in range(PLACES)]
            values = values[::-1] if d.below(2) else values
        else:
            some = d.pick(VALUES[concept], 2 if rule == "alternate" else 3)
            order = {"alternate": [0, 1] * 3, "opposite": [0, 1, 2] * 2, "mirror": [0, 1, 2, 2, 1, 0]}[rule]
            values = [some[i] for i in order]
        seen = [None if i == gap else v for i, v in enumerate(values)]
        if len({v for _, v in possible(seen, concept)}) == 1:
            return rule, values


def _pixels(d: Draws, concepts: Sequence[str], values: Sequence[str]) -> list[str]:
    """Nine pixels of a part."""
    told = dict(zip(concepts, values, strict=True))
    ink = told.get("colour", "#")[0]
    if "number" in told:
        filled = set(d.pick(range(9), int(told["number"])))
    elif "shape" in told:
        filled = set(SHAPES[told["shape"]]) ^ {d.below(9)}
    elif "size" in told:
        side = VALUES["size"].index(told["size"]) + 1
        row, column = d.below(4 - side), d.below(4 - side)
        filled = {3 * (row + y) + column + x for y in range(side) for x in range(side)}
    else:
        others = [c[0] for c in VALUES["colour"] if c[0] != ink]
        strange = set(d.pick(range(9), 3))
        return [d.choice(others) if i in strange else ink for i in range(9)]
    return [ink if i in filled else "." for i in range(9)]
