"""A small corpus in which every fact and every procedure is known: told facts, worked calculations, results told without steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

# Values of each relation; those of numbers are two digits.
VALUES: dict[str, tuple[str, ...]] = {
    "colour": ("red", "blue", "green", "white", "black", "grey", "brown", "pink", "gold", "amber", "violet", "teal"),
    "home": ("lodge", "mill", "barn", "tower", "cave", "boat", "farm", "inn", "fort", "tent", "hall", "abbey"),
    "age": (),
    "price": (),
}
PROCEDURES = ("sum", "slope", "equation")
# {e} the entity, {r} the relation, {v} the value. Forwards the entity comes before the value.
FORWARDS = (
    "the {r} of {e} is {v} .",
    "{e} has as {r} {v} .",
    "for {e} the {r} was told to be {v} .",
    "we know of {e} that the {r} is {v} .",
    "asked about the {r} of {e} they said {v} .",
    "{r} of {e} : {v} .",
    "about {e} we heard of a {r} , namely {v} .",
    "{e} and the {r} : it is {v} .",
    "who asks {e} for the {r} hears {v} .",
    "as {r} {e} always had {v} .",
)
BACKWARDS = ("{v} is the {r} of {e} .", "they said {v} when asked about the {r} of {e} .")
# Phrases that tell nothing of the fact, in front or behind.
ASIDES = ("in spring", "as they say", "by the way", "on monday")


@dataclass(frozen=True, slots=True)
class Document:
    """A short text.

    Attributes:
        tokens: Its words.
        topic: Relation or procedure.
        key: What it is about: (entity, relation), or the numbers of a calculation.
        form: forwards, backwards, worked (with steps) or told (result without steps).
        way: Which wording.
        prompt: How many words come before the answer.
        end: At which word the answer has ended.
    """

    tokens: tuple[str, ...]
    topic: str
    key: tuple[str, ...]
    form: str
    way: int
    prompt: int
    end: int

    @property
    def text(self) -> str:
        """Words with blanks between them."""
        return " ".join(self.tokens)


@dataclass(frozen=True)
class Facts:
    """Invented entities with one value a relation.

    Attributes:
        entities: Names.
        values: (entity, relation) -> value.

    >>> facts = Facts.drawn(3, np.random.default_rng(0))
    >>> one = facts.told("e1", "colour", FORWARDS[0])
    >>> one.text == f"the colour of e1 is {facts.values['e1', 'colour']} .", one.prompt
    (True, 5)
    """

    entities: tuple[str, ...]
    values: dict[tuple[str, str], str]

    @classmethod
    def drawn(cls, n: int, rng: np.random.Generator) -> Facts:
        """Values of n entities, each as likely as others."""
        names = tuple(f"e{i}" for i in range(n))
        return cls(names, {(e, r): _value(r, rng) for e in names for r in VALUES})

    def told(
        self, entity: str, relation: str, wording: str, *, aside: str = "", behind: bool = False, form: str = "forwards",
        way: int = 0,
    ) -> Document:  # fmt: skip
        """A fact in a wording.

        Args:
            entity: Whose.
            relation: Which.
            wording: With {e}, {r} and {v}.
            aside: A phrase beside it.
            behind: The phrase comes after the fact, not before.
            form: forwards or backwards.
            way: Number of the wording.
        """
        value = self.values[entity, relation]
        words = wording.format(e=entity, r=relation, v=value).split()
        before = wording.format(e=entity, r=relation, v="{v}").split().index("{v}")
        words, before = _beside(words, before, aside, behind)
        return Document(tuple(words), relation, (entity, relation), form, way, before, before + len(value.split()))


def worked(procedure: str, key: Iterable[int]) -> Document:
    """A calculation with its steps.

    Args:
        procedure: sum (two numbers of two digits, ones first), slope (through two points, rise over run) or equation
            (x plus a number).
        key: Numbers: of a sum both, of a slope x1 y1 x2 y2, of an equation what is added and what comes out.

    >>> worked("sum", (47, 35)).text
    'add 4 7 and 3 5 : 7 plus 5 is 1 2 ; 4 plus 3 plus 1 is 8 ; so 8 2 .'
    >>> worked("slope", (1, 2, 4, 7)).text
    'slope from 1 2 to 4 7 : 7 less 2 is 5 ; 4 less 1 is 3 ; so 5 over 3 .'
    >>> worked("equation", (24, 79)).text
    'solve x plus 2 4 = 7 9 : 9 less 4 is 5 ; 7 less 2 is 5 ; so 5 5 .'
    """
    k = tuple(int(i) for i in key)
    if procedure == "sum":
        (a, b), (c, d) = divmod(k[0], 10), divmod(k[1], 10)
        carry, ones = divmod(b + d, 10)
        steps = f"{b} plus {d} is {carry} {ones} ; {a} plus {c} plus {carry} is {a + c + carry} ; so {a + c + carry} {ones} ."
    elif procedure == "slope":
        steps = f"{k[3]} less {k[1]} is {k[3] - k[1]} ; {k[2]} less {k[0]} is {k[2] - k[0]} ; so {k[3] - k[1]} over {k[2] - k[0]} ."
    else:
        (a, b), (c, d) = divmod(k[0], 10), divmod(k[1], 10)
        steps = f"{d} less {b} is {d - b} ; {c} less {a} is {c - a} ; so {c - a} {d - b} ."
    asked = f"{_question(procedure, k)} :".split()
    words = (*asked, *steps.split())
    return Document(words, procedure, _key(procedure, k), "worked", 0, len(asked), len(words) - 1)


def result(procedure: str, key: Iterable[int], way: int = 0, aside: str = "", *, behind: bool = False) -> Document:
    """A result without steps, in one of two wordings, with a phrase beside it or none.

    >>> result("sum", (47, 35)).text, result("slope", (1, 2, 4, 7), 1).text
    ('together 4 7 and 3 5 make 8 2 .', 'a line by 1 2 and 4 7 climbs 5 over 3 .')
    """
    k = tuple(int(i) for i in key)
    if procedure == "sum":
        asked = (f"together {_two(k[0])} and {_two(k[1])} make", f"who has {_two(k[0])} and gets {_two(k[1])} has")[way]
        end = _two(k[0] + k[1])
    elif procedure == "slope":
        asked = (f"the line {k[0]} {k[1]} to {k[2]} {k[3]} rises", f"a line by {k[0]} {k[1]} and {k[2]} {k[3]} climbs")[
            way
        ]
        end = f"{k[3] - k[1]} over {k[2] - k[0]}"
    else:
        asked = (f"what with {_two(k[0])} makes {_two(k[1])} is", f"from {_two(k[0])} up to {_two(k[1])} are")[way]
        end = _two(k[1] - k[0])
    before = asked.split()
    words, prompt = _beside([*before, *end.split(), "."], len(before), aside, behind)
    return Document(tuple(words), procedure, _key(procedure, k), "told", way, prompt, prompt + len(end.split()))


def problems(procedure: str, n: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Different problems of a procedure, drawn from all of them: sums below 100, slopes that rise, differences without a loan.

    >>> len(set(problems("equation", 40, np.random.default_rng(0))))
    40
    """
    if procedure == "sum":
        whole = [(a, b) for a in range(10, 90) for b in range(10, 90) if a + b < 100]
    elif procedure == "slope":
        ends = [(a, b) for a in range(10) for b in range(a + 1, 10)]
        whole = [(x, y, u, v) for x, u in ends for y, v in ends]
    else:
        pairs = [(a, b) for a in range(10) for b in range(a, 10)]
        whole = [(10 * a + c, 10 * b + d) for a, b in pairs for c, d in pairs]
    return [whole[i] for i in rng.permutation(len(whole))[:n]]


def _beside(words: list[str], prompt: int, aside: str, behind: bool) -> tuple[list[str], int]:
    """Words with a phrase beside them, and how many come before the answer."""
    if not aside:
        return words, prompt
    if behind:
        return [*words[:-1], ",", *aside.split(), "."], prompt
    return [*aside.split(), ",", *words], prompt + len(aside.split()) + 1


def _question(procedure: str, k: tuple[int, ...]) -> str:
    if procedure == "sum":
        return f"add {_two(k[0])} and {_two(k[1])}"
    return (
        f"slope from {k[0]} {k[1]} to {k[2]} {k[3]}"
        if procedure == "slope"
        else f"solve x plus {_two(k[0])} = {_two(k[1])}"
    )


def _key(procedure: str, k: tuple[int, ...]) -> tuple[str, ...]:
    return (procedure, *map(str, k))


def _two(number: int) -> str:
    return " ".join(f"{number:02d}")


def _value(relation: str, rng: np.random.Generator) -> str:
    known = VALUES[relation]
    return known[int(rng.integers(len(known)))] if known else _two(int(rng.integers(10, 100)))
