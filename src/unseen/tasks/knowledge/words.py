"""Grade-school word problems whose steps are a graph, with each step as a problem of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, cast

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.factors import Factor, Factors, Kind
from unseen.tasks.base import Example, Generated, of_text, tokens_of
from unseen.tasks.draws import Draws
from unseen.tasks.knowledge.word_templates import (
    ASK,
    JOINT,
    PEOPLE,
    THINGS,
    WORDINGS,
    read,
    sentence,
)

# Knowledge points, each with a rank of difficulty that is our own guess.
POINTS: Mapping[str, int] = {"more": 1, "fewer": 1, "together": 1, "apart": 2, "times": 2, "share": 3, "percent": 3}
LANGUAGES = ("english", "chinese")
ORDERS = ("forward", "backward", "shuffled")
_MEANING: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "more": lambda q, n: q + n,
    "fewer": lambda q, n: q - n,
    "times": lambda q, n: q * n,
    "share": lambda q, n: q / n,
    "percent": lambda q, n: q * n / 100,
    "together": lambda q, r: q + r,
    "apart": lambda q, r: q - r,
}


_NUMBER = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.0*)?")


@dataclass(frozen=True, slots=True)
class Node:
    """What one person has.

    Attributes:
        kind: "given" or a knowledge point.
        value: The number.
        by: Nodes that it is told by.
        number: The number in its sentence, 0 where there is none.
    """

    kind: str
    value: int
    by: tuple[int, ...] = ()
    number: int = 0


class WordProblems(Generated):
    """What somebody has follows in steps from what others have; every step is needed.

    Each step is one knowledge point that takes what the step before found. ``parts`` writes the steps as problems of one
    step, the numbers they need given; ``sample_with_parts`` tabulates both, with ``parent``. Wording, language and the order
    of sentences are drawn last: one seed is one problem in all of them. ``difficulty`` sums ranks of the steps
    (``POINTS``), ``largest`` is the largest number on the way.
    """

    name = "word-problems"
    title = "Grade-school word problems in steps, with their parts"
    source = "After Qiao et al. (2024), We-Math (parts and knowledge points), and Cobbe et al. (2021), GSM8K; templates are our own"
    options: ClassVar[Mapping[str, Any]] = {
        "steps": (1, 4),
        "points": tuple(POINTS),
        "distractors": (0, 1),
        "order": ORDERS,
        "wording": WORDINGS,
        "language": ("english",),
    }
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"language": LANGUAGES}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"steps": (1, 8), "distractors": (0, 3)}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "steps": "ordered",
        "points": "set",
        "difficulty": "ordered",
        "largest": "ordered",
        "distractors": "ordered",
        "order": "categorical",
        "wording": "categorical",
        "language": "categorical",
        "part": "categorical",
    }

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A graph, people, then how it is told."""
        steps = d.between(*o["steps"])
        for _ in range(200):
            nodes = _graph(d, steps, o["points"])
            if nodes is not None:
                break
        else:
            raise self.impossible(f"no {steps} steps of {', '.join(o['points'])} in 200 draws")
        extra = d.between(*o["distractors"])
        idle = [(d.choice(("given", "more", "times")), d.below(len(nodes)), d.between(2, 9)) for _ in range(extra)]
        who = d.pick(range(len(PEOPLE["english"])), len(nodes) + extra)
        thing, places = d.below(len(THINGS["english"])), d.pick(range(len(nodes) + extra), len(nodes) + extra)
        order, wording, language = (
            options[d.below(1 << 20) % len(options)] for options in (o["order"], o["wording"], o["language"])
        )
        hidden = {
            "nodes": [(n.kind, n.value, list(n.by), n.number) for n in nodes],
            "idle": idle,
            "who": who,
            "thing": thing,
            "places": places,
        }
        return self._written(nodes, hidden, order, wording, language, "whole")

    def _written(
        self, nodes: Sequence[Node], hidden: Mapping[str, Any], order: str, wording: str, language: str, part: str
    ) -> Example:
        people = [PEOPLE[language][i] for i in hidden["who"]]
        things = THINGS[language][hidden["thing"]]

        def told(kind: str, p: int, by: Sequence[int], number: int) -> str:
            others = {letter: people[i] for letter, i in zip("qr", by, strict=False)}
            return sentence(kind, language, wording, p=people[p], n=number, t=things, **others)

        lines = [told(n.kind, i, n.by, n.number or n.value) for i, n in enumerate(nodes)]
        lines += [told(kind, len(nodes) + i, (by,), n) for i, (kind, by, n) in enumerate(hidden["idle"])]
        if order == "backward":
            lines.reverse()
        elif order == "shuffled":
            lines = [lines[i] for i in hidden["places"]]
        question = sentence("question", language, wording, p=people[len(nodes) - 1], t=things)
        points = [n.kind for n in nodes if n.kind != "given"]
        factors = {
            "steps": len(points),
            "points": sorted(set(points)),
            "difficulty": sum(POINTS[p] for p in points),
            "largest": max(n.value for n in nodes),
            "distractors": len(hidden["idle"]),
            "order": order,
            "wording": wording,
            "language": language,
            "part": part,
        }
        return of_text(JOINT[language].join([*lines, question, ASK[language]]), str(nodes[-1].value), factors, hidden)

    def parts(self, example: Example) -> list[Example]:
        """The steps of a problem as problems of their own, in order; what they need is given. None for a single step.

        Args:
            example: An item of this task.
        """
        h = example.hidden
        nodes = [Node(kind, value, tuple(by), number) for kind, value, by, number in h["nodes"]]
        order, wording, language = (str(example.factors[f]) for f in ("order", "wording", "language"))
        steps = [i for i, n in enumerate(nodes) if n.kind != "given"]
        found: list[Example] = []
        for step, at in enumerate(steps if len(steps) > 1 else [], 1):
            node = nodes[at]
            given = [Node("given", nodes[i].value) for i in node.by]
            alone = [*given, Node(node.kind, node.value, tuple(range(len(given))), node.number)]
            hidden = {
                "nodes": [(n.kind, n.value, list(n.by), n.number) for n in alone],
                "idle": [],
                "who": [h["who"][i] for i in (*node.by, at)],
                "thing": h["thing"],
                "places": sorted(range(len(alone)), key=lambda i, by=(*node.by, at): h["places"].index(by[i])),
            }
            found.append(self._written(alone, hidden, order, wording, language, f"step {step}"))
        return found

    def sample_with_parts(self, n: int, rng: np.random.Generator | int = 0, **options: Any) -> Examples:
        """N problems, each followed by its parts; ``parent`` names the problem of a part and is null for a whole.

        Args:
            n: How many wholes.
            rng: Generator, or an integer seed for one.
            **options: As for ``sample``. A part that belongs to several problems stands once for each.
        """
        rows: list[Example] = []
        parents: list[str | None] = []
        for whole in self.draw_many(n, rng, **options):
            parts = self.parts(whole)
            rows += [whole, *parts]
            parents += [None, *[whole.item] * len(parts)]
        table = self.to_examples(rows).table
        item = [f"{p}/{e.factors['part']}" if p else e.item for e, p in zip(rows, parents, strict=True)]
        table = table.with_columns(pl.Series("item", item), pl.Series("parent", parents, dtype=pl.String))
        factors = Factors(Factor(name, kind) for name, kind in self.factor_kinds.items())
        return Examples(table, ("input",), "target", factors)

    def verify(self, example: Example, answer: object) -> float:
        """1 for the number alone; commas between thousands, a full stop and zeros after the point do not count."""
        words = tokens_of(answer)
        number = _NUMBER.fullmatch(words[0]) if words is not None and len(words) == 1 else None
        return float(number is not None and number[1].replace(",", "") == str(example.target))

    def oracle(self, example: Example) -> str:
        """Read the sentences and put in what is known until the question is answered."""
        statements = read(str(example.input), str(example.factors["language"]))
        known: dict[str, Fraction] = {}
        asked = next(parts["p"] for kind, parts in statements if kind == "question")
        while asked not in known:
            before = len(known)
            for kind, parts in statements:
                if kind == "given":
                    known[parts["p"]] = Fraction(parts["n"])
                elif kind != "question" and parts["q"] in known and parts.get("r", parts["q"]) in known:
                    second = known[parts["r"]] if "r" in parts else Fraction(parts["n"])
                    known[parts["p"]] = _MEANING[kind](known[parts["q"]], second)
            if len(known) == before:
                return "cannot be known"
        return str(known[asked])


def _graph(d: Draws, steps: int, points: Sequence[str]) -> list[Node] | None:
    """A chain of steps over given numbers and earlier results, or None where no point fits."""
    nodes = [Node("given", d.between(4, 30))]
    last = 0
    for _ in range(steps):
        for kind in d.pick(points, len(points)):
            made = _step(d, kind, nodes, last)
            if made is not None:
                nodes += made
                last = len(nodes) - 1
                break
        else:
            return None
    return nodes


def _step(d: Draws, kind: str, nodes: Sequence[Node], last: int) -> list[Node] | None:
    """The node of a step, behind the given number that it takes if it takes one; None where the numbers do not fit."""
    have = nodes[last].value
    if kind in ("together", "apart"):
        earlier = [i for i in range(last) if kind == "together" or nodes[i].value < have - 1]
        if earlier and d.below(2):
            other, new = d.choice(earlier), list[Node]()
        elif have > 3:
            other, new = len(nodes), [Node("given", d.between(2, have - 2 if kind == "apart" else 30))]
        else:
            return None
        second = nodes[other].value if other < len(nodes) else new[0].value
        value = have + second if kind == "together" else have - second
        return [*new, Node(kind, value, (last, other))] if value <= 5000 else None
    choices = {
        "more": range(2, 21),
        "fewer": range(2, min(21, have - 1)),
        "times": [n for n in (2, 3, 4, 5) if have * n <= 5000],
        "share": [n for n in (2, 3, 4, 5, 6) if have % n == 0 and have > n],
        "percent": [n for n in (10, 20, 25, 50, 75) if have * n % 100 == 0 and have * n > 100],
    }[kind]
    if not choices:
        return None
    number = d.choice(choices)
    value = _MEANING[kind](Fraction(have), Fraction(number))
    return [Node(kind, int(value), (last,), number)] if value <= 5000 else None


def step_values(example: Example) -> list[int]:
    """Numbers that the steps of a problem find, in order.

    Args:
        example: An item of ``word-problems``.
    """
    return [cast("int", value) for kind, value, _, _ in example.hidden["nodes"] if kind != "given"]
