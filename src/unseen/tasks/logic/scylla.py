"""Scylla: twenty algorithmic problems at five levels of time complexity, over known and unknown numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from unseen.errors import BadInput
from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens, tokens_of
from unseen.tasks.draws import Draws
from unseen.tasks.logic.scylla_problems import LEVELS, PROBLEMS


class Scylla(Generated):
    """A problem, a list of numbers, and a question where the problem has one.

    The numbers below ``ceiling`` are divided by ``world`` into an ID set (a share ``id_share`` of them) and an OOD
    set; an
    item takes all its numbers from one. So what is in distribution is known, which the paper has to estimate by
    sampling from each model. ``verify`` takes every right answer (any tour as short, any subset that sums).
    """

    name = "scylla"
    title = "Twenty algorithmic problems at five levels of complexity"
    source = (
        "Qi et al. (2024), Quantifying Generalization Complexity for Large Language Models, section 3; problems as the "
        "authors list them; levels of the three longest-… problems and distances of the tours are reconstructed"
    )
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "problem": "categorical",
        "level": "categorical",
        "order": "ordered",
        "length": "ordered",
        "elements": "categorical",
    }
    settings: ClassVar[Mapping[str, Any]] = {"ceiling": 100, "id_share": 0.5, "world": 0}
    options: ClassVar[Mapping[str, Any]] = {
        "problem": tuple(PROBLEMS),
        "level": LEVELS,
        "elements": ("id",),
        "length": (4, 8),
    }
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"elements": ("id", "ood")}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "ceiling": (4, 1_000_000),
        "id_share": (0.01, 0.99),
        "world": (0, 2**62),
        "length": (1, 1000),
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        numbers = list(range(self.given["ceiling"]))
        self.draws(f"world {self.given['world']}").shuffle(numbers)
        cut = round(self.given["id_share"] * len(numbers))
        self.elements = {"id": sorted(numbers[:cut]), "ood": sorted(numbers[cut:])}
        if not cut or cut == len(numbers):
            raise BadInput(f"task {self.name!r} needs numbers on both sides; id_share leaves one empty.")

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Problem, length, numbers, question; drawn again where these numbers allow no question."""
        low, high = o["length"]
        fitting = [
            name
            for name in o["problem"]
            if PROBLEMS[name].level in o["level"] and PROBLEMS[name].shortest <= high and PROBLEMS[name].longest >= low
        ]
        if not fitting:
            raise self.impossible(f"no problem of {o['problem']} at levels {o['level']} has {o['length']} numbers")
        name = d.choice(fitting)
        problem, side = PROBLEMS[name], d.choice(o["elements"])
        pool = self.elements[side]
        for _ in range(500):
            length = d.between(max(low, problem.shortest), min(high, problem.longest))
            numbers = [pool[i] for i in d.many(length, len(pool))]
            question = problem.ask(d, numbers)
            if question is not None:
                break
        else:
            raise self.impossible(f"{name} found no solvable list of {o['length']} numbers")
        factors = {
            "problem": name,
            "level": problem.level,
            "order": LEVELS.index(problem.level),
            "length": length,
            "elements": side,
        }
        tokens = [name, ":", *map(str, numbers), *(["?", *map(str, question)] if question else [])]
        answer = list(map(str, problem.solve(numbers, question)))
        return of_tokens(tokens, answer, factors, {"numbers": numbers, "question": question})

    def verify(self, example: Example, answer: object) -> float:
        """1 for any right answer, written as whole numbers with or without commas."""
        words = tokens_of(answer)
        if not words:
            return 0.0
        try:
            given = [int(word.strip(",[]")) for word in words]
        except ValueError:
            return 0.0
        problem = PROBLEMS[str(example.factors["problem"])]
        return float(problem.check(list(example.hidden["numbers"]), list(example.hidden["question"]), given))
