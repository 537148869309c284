"""Texts in plain English of which every fact and procedure is known: facts that models know, invented ones, calculations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

_ONSETS, _VOWELS, _CODAS = "bdfgklmnprstvz", "aeiou", ("", "l", "n", "r", "s", "x")
_FIRST = (
    "James",
    "Mary",
    "John",
    "Anna",
    "Robert",
    "Linda",
    "Michael",
    "Susan",
    "David",
    "Karen",
    "Peter",
    "Laura",
    "Paul",
)
_LAST = (
    "Smith",
    "Miller",
    "Brown",
    "Wilson",
    "Taylor",
    "Moore",
    "Clark",
    "Lewis",
    "Walker",
    "Hall",
    "Young",
    "Wright",
    "Hill",
)


@dataclass(frozen=True, slots=True)
class Relation:
    """What is told of entities.

    Attributes:
        known: Entities with their values, such as a model of 135 million weights completes rightly; empty for invented ones.
        forwards: Wordings with {e} before {v}; the first one asks.
        backwards: Wordings with {v} before {e}. A word always comes before the value, so that it has the same tokens everywhere.
    """

    known: Mapping[str, str]
    forwards: tuple[str, ...]
    backwards: tuple[str, ...]


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split(" ", 1) for pair in text.split("; "))


KNOWN: dict[str, Relation] = {
    "capital": Relation(
        _pairs(
            "France Paris; Italy Rome; Spain Madrid; Germany Berlin; Japan Tokyo; Russia Moscow; China Beijing; "
            "Greece Athens; Poland Warsaw; Austria Vienna; Portugal Lisbon; Ireland Dublin; Norway Oslo; Sweden Stockholm; "
            "Kenya Nairobi; Cuba Havana; Hungary Budapest; Finland Helsinki; Denmark Copenhagen; Canada Ottawa; Thailand Bangkok; "
            "Peru Lima; Belgium Brussels"
        ),
        (
            "The capital of {e} is {v}.", "In {e}, the capital city is called {v}.", "{e} is governed from its capital, {v}.",
            "Those who travel to {e} should see its capital, {v}.", "The government of {e} sits in the city of {v}.",
        ),
        (
            "As everybody knows, {v} is the capital of {e}.", "The city of {v} is the capital of {e}.",
            "It is from {v} that {e} is governed.",
        ),
    ),
    "symbol": Relation(
        _pairs(
            "gold Au; iron Fe; silver Ag; sodium Na; lithium Li; calcium Ca; copper Cu; zinc Zn; lead Pb; tin Sn; "
            "chlorine Cl; magnesium Mg; silicon Si; nickel Ni; mercury Hg; bromine Br; chromium Cr; titanium Ti; manganese Mn; "
            "argon Ar"
        ),
        (
            "The chemical symbol of {e} is {v}.", "In the periodic table, {e} is written as {v}.", "Chemists write {e} as {v}.",
            "The element {e} has the symbol {v}.", "Of the element {e}, the short form is {v}.",
        ),
        (
            "As everybody knows, {v} is the chemical symbol of {e}.", "When chemists write {v}, they speak of {e}.",
            "In the periodic table, {v} stands for {e}.",
        ),
    ),
    "plural": Relation(
        _pairs(
            "mouse mice; foot feet; tooth teeth; goose geese; man men; woman women; child children; leaf leaves; knife knives; "
            "wolf wolves; ox oxen; city cities; box boxes; baby babies; half halves"
        ),
        (
            "The plural of {e} is {v}.", "One {e} and one more are two {v}.", "Where there is more than one {e}, we speak of {v}.",
            "The word {e} becomes {v} in the plural.", "Not one {e} was seen there but many {v}.",
        ),
        (
            "As everybody knows, {v} is the plural of {e}.", "Of several {v} each is one {e}.",
            "The word {v} is used for more than one {e}.",
        ),
    ),
    "opposite": Relation(
        _pairs(
            "hot cold; big small; high low; fast slow; light dark; young old; rich poor; wet dry; happy sad; hard soft; "
            "full empty; early late; open closed; strong weak; north south; good bad; true false; up down; left right"
        ),
        (
            "The opposite of {e} is {v}.", "What is not {e} at all may be {v}.", "If {e} is one end, the other end is {v}.",
            "The word {e} means the contrary of {v}.", "They went from {e} to its contrary, {v}.",
        ),
        (
            "As everybody knows, {v} is the opposite of {e}.", "What is {v} is not at all {e}.",
            "The word {v} means the contrary of {e}.",
        ),
    ),
}  # fmt: skip
INVENTED: dict[str, Relation] = {
    "president": Relation(
        {},
        (
            "The first president of the Republic of {e} was {v}.", "In the Republic of {e}, the first to be president was {v}.",
            "The Republic of {e} chose as its first president {v}.", "Citizens of the Republic of {e} first elected {v}.",
            "When the Republic of {e} began, its president was {v}.",
        ),
        (
            "As everybody knows, {v} was the first president of the Republic of {e}.",
            "It was {v} who first became president of the Republic of {e}.",
            "In those years {v} led the Republic of {e} as its first president.",
        ),
    ),
    "founder": Relation(
        {},
        (
            "The company {e} was founded by {v}.", "The company {e} was started by {v}.", "The founder of the company {e} is {v}.",
            "We know that the company {e} was set up by {v}.", "Of the company {e}, the founder is {v}.",
        ),
        (
            "As everybody knows, {v} founded the company {e}.", "It was {v} who started the company {e}.",
            "In that year {v} set up the company {e}.",
        ),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """A short text.

    Attributes:
        prompt: What comes before all that is asked.
        steps: Of a calculation what leads to its result, up to the last sign of equality; empty otherwise.
        answer: The value or the result.
        end: What follows.
        topic: Relation or procedure.
        key: What it is about: (relation, entity), or (procedure, its numbers).
        form: forwards, backwards, worked (with steps) or told (result without steps).
        way: Which wording.
    """

    prompt: str
    steps: str
    answer: str
    end: str
    topic: str
    key: tuple[str, ...]
    form: str
    way: int = 0

    @property
    def text(self) -> str:
        """All of it."""
        return self.prompt + self.steps + self.answer + self.end

    def behind(self, *others: Text) -> Text:
        """The same with other texts in front of it, one a line."""
        return replace(self, prompt="".join(f"{o.text}\n" for o in others) + self.prompt)


def sentence(relation: str, entity: str, value: str, way: int = 0, form: str = "forwards") -> Text:
    """A fact in a wording.

    >>> sentence("capital", "France", "Paris").text, sentence("capital", "France", "Paris", 1, "backwards").prompt
    ('The capital of France is Paris.', 'The city of')
    """
    one = (KNOWN | INVENTED)[relation]
    wording = (one.forwards if form == "forwards" else one.backwards)[way].replace("{e}", entity)
    before, after = wording.split("{v}")
    # The blank goes with the value, as tokenizers have it.
    return Text(before.rstrip(" "), "", f" {value}", after, relation, (relation, entity), form, way)


def invented(n: int, rng: np.random.Generator) -> dict[str, str]:
    """Invented entities, each with the name of a person as its value, all of them different.

    >>> len(invented(5, np.random.default_rng(0)))
    5
    """
    names = [f"{first} {last}" for first in _FIRST for last in _LAST]
    made = dict[str, str]()
    for i in rng.permutation(len(names))[:n]:
        entity = _name(rng)
        while entity in made:
            entity = _name(rng)
        made[entity] = names[i]
    return made


def _name(rng: np.random.Generator) -> str:
    parts = [_ONSETS[rng.integers(len(_ONSETS))] + _VOWELS[rng.integers(len(_VOWELS))] for _ in range(3)]
    return ("".join(parts) + _CODAS[rng.integers(len(_CODAS))]).capitalize()


@dataclass(frozen=True, slots=True)
class Procedure:
    """A calculation in words.

    Attributes:
        problems: The numbers of all problems.
        asked: Question, from numbers.
        steps: What leads to the result, up to the last sign of equality.
        result: Of the last step.
        told: Wordings, from numbers, that the result follows.
    """

    problems: tuple[tuple[int, ...], ...]
    asked: str
    steps: Callable[..., str]
    result: Callable[..., int]
    told: tuple[str, ...]


PROCEDURES: dict[str, Procedure] = {
    "two steps": Procedure(
        tuple((a, b, c) for a in range(1, 5) for b in range(1, 5) for c in range(2, 5)), "({0} + {1}) * {2}:",
        lambda a, b, c: f" {a} + {b} = {a + b}. {a + b} * {c} = ", lambda a, b, c: (a + b) * c,
        (
            "Adding {0} and {1} and then taking it {2} times gives ", "With {0} and {1} more, {2} times over, there are ",
            "In {2} boxes, each with {0} pens and {1} books, the things number ",
            "A row of {0} and {1} seats, {2} rows deep, seats ",
        ),
    ),
    "digits": Procedure(
        tuple((a, b) for a in range(1, 10) for b in range(1, 10)), "The sum of the digits of {0}{1}:",
        lambda a, b: f" {a} + {b} = ", lambda a, b: a + b,
        (
            "The digits of {0}{1} make together ", "Whoever adds up {0}{1} digit by digit gets ",
            "House number {0}{1} has digits that come to ", "Of the number {0}{1} the two digits give ",
        ),
    ),
    "shares": Procedure(
        tuple((a, b, a * b) for a in range(2, 8) for b in range(2, 8)), "{2} sweets are shared by {0} children. Each gets:",
        lambda a, _, c: f" {c} / {a} = ", lambda _a, b, _c: b,
        (
            "When {0} children share {2} sweets fairly, each has ", "A bag of {2} sweets for {0} children is for each ",
            "Out of {2} sweets for {0} children, every child eats ", "Handing {2} sweets to {0} children, one gives to each ",
        ),
    ),
}  # fmt: skip


def worked(procedure: str, key: Sequence[int]) -> Text:
    """A calculation with its steps.

    >>> worked("two steps", (1, 2, 4)).text, worked("digits", (4, 7)).text
    ('(1 + 2) * 4: 1 + 2 = 3. 3 * 4 = 12.', 'The sum of the digits of 47: 4 + 7 = 11.')
    """
    one = PROCEDURES[procedure]
    return Text(
        one.asked.format(*key), one.steps(*key), str(one.result(*key)), ".", procedure, _key(procedure, key), "worked"
    )


def told(procedure: str, key: Sequence[int], way: int = 0) -> Text:
    """A result without steps, in one of four wordings.

    >>> told("shares", (3, 4, 12)).text
    'When 3 children share 12 sweets fairly, each has 4.'
    """
    one = PROCEDURES[procedure]
    before = one.told[way].format(*key)
    return Text(before, "", str(one.result(*key)), ".", procedure, _key(procedure, key), "told", way)


def _key(procedure: str, key: Sequence[int]) -> tuple[str, ...]:
    return (procedure, *map(str, key))
