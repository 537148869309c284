"""Categorical syllogisms, their validity decided by looking at every model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import product
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_text, tokens_of
from unseen.tasks.draws import Draws

QUANTIFIERS = ("all", "no", "some", "some-not")
NOUNS = (
    "artists", "bakers", "cats", "dancers", "eagles", "farmers", "gamblers", "hikers", "islanders", "jugglers", "kings",
    "lawyers", "miners", "nurses", "owls", "pilots", "queens", "robots", "sailors", "tailors", "uncles", "violinists",
    "weavers", "yogis", "zebras",
)  # fmt: skip
# Terms of the first and the second premise by figure: M middle, P predicate and S subject of the conclusion.
FIGURES = {1: ("MP", "SM"), 2: ("PM", "SM"), 3: ("MP", "MS"), 4: ("PM", "MS")}
_REGIONS = tuple(product((False, True), repeat=3))


def holds(quantifier: str, a: int, b: int, model: int) -> bool:
    """Whether a sentence about terms number a and b is true in a model.

    Args:
        quantifier: all, no, some or some-not.
        a: Number of the first term: 0 S, 1 M, 2 P.
        b: Number of the second.
        model: Bit r says that region r of the Venn diagram of the three terms holds something.

    >>> holds("all", 0, 1, 0)
    True
    """
    inside = any(model >> i & 1 and r[a] and r[b] for i, r in enumerate(_REGIONS))
    outside = any(model >> i & 1 and r[a] and not r[b] for i, r in enumerate(_REGIONS))
    return {"all": not outside, "no": not inside, "some": inside, "some-not": outside}[quantifier]


@cache
def valid(first: str, second: str, figure: int, conclusion: str, *, existential_import: bool) -> bool:
    """Whether every model of the premises is one of the conclusion.

    With existential import only models count in which none of the three terms is empty. Of the 256 forms 15 are valid
    without it and 24 with it, the textbook's counts.
    """
    place = {"S": 0, "M": 1, "P": 2}
    (a, b), (c, e) = ((place[x] for x in terms) for terms in FIGURES[figure])
    for model in range(256):
        if existential_import and not all(
            any(model >> i & 1 and r[t] for i, r in enumerate(_REGIONS)) for t in range(3)
        ):
            continue
        if holds(first, a, b, model) and holds(second, c, e, model) and not holds(conclusion, 0, 2, model):
            return False
    return True


@cache
def forms(existential_import: bool) -> dict[bool, list[tuple[str, str, int, str]]]:
    """All 256 forms by validity."""
    out: dict[bool, list[tuple[str, str, int, str]]] = {True: [], False: []}
    for first, second, figure, conclusion in product(QUANTIFIERS, QUANTIFIERS, FIGURES, QUANTIFIERS):
        verdict = valid(first, second, figure, conclusion, existential_import=existential_import)
        out[verdict].append((first, second, figure, conclusion))
    return out


class Syllogism(Generated):
    """Two premises and a conclusion; does it follow? Half the items are valid unless asked otherwise."""

    name = "syllogism"
    title = "Does the conclusion of a syllogism follow"
    source = "Aristotelian syllogisms; validity by enumeration of the 256 models of three terms"
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"figure": "ordered", "mood": "categorical", "valid": "categorical"}
    settings: ClassVar[Mapping[str, Any]] = {"existential_import": False}
    options: ClassVar[Mapping[str, Any]] = {"valid": ("yes", "no"), "figure": (1, 4)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"figure": (1, 4)}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A form of the drawn validity, with three nouns."""
        verdict = d.choice(o["valid"])
        fitting = [
            f
            for f in forms(self.given["existential_import"])[verdict == "yes"]
            if o["figure"][0] <= f[2] <= o["figure"][1]
        ]
        first, second, figure, conclusion = d.choice(fitting)
        terms = dict(zip("SMP", d.pick(NOUNS, 3), strict=True))
        lines = [
            _sentence(q, *(terms[t] for t in pair))
            for q, pair in zip((first, second, conclusion), (*FIGURES[figure], "SP"), strict=True)
        ]
        text = f"{lines[0]} {lines[1]} Does it follow that {lines[2][0].lower()}{lines[2][1:-1]}?"
        letters = {"all": "A", "no": "E", "some": "I", "some-not": "O"}
        mood = letters[first] + letters[second] + letters[conclusion]
        return of_text(text, verdict, {"figure": figure, "mood": mood, "valid": verdict})

    def verify(self, example: Example, answer: object) -> float:
        """Yes or no, whatever the case and a closing full stop."""
        return float(" ".join(tokens_of(answer) or []).strip(" .!").lower() == example.target)


def _sentence(quantifier: str, a: str, b: str) -> str:
    return {
        "all": f"All {a} are {b}.",
        "no": f"No {a} are {b}.",
        "some": f"Some {a} are {b}.",
        "some-not": f"Some {a} are not {b}.",
    }[quantifier]
