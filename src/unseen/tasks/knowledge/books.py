"""A made-up world of authors and books, and questions for all books of an author that meet constraints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.answers import text_of
from unseen.tasks.base import Example, Generated, of_text
from unseen.tasks.draws import Draws
from unseen.tasks.knowledge.worlds import Row, World

KIND = "books"
GIVEN = ("facts", "nothing")
WORDINGS = ("list", "which", "give", "need")
_ASK = (
    "List all books written by {}.",
    "Which books were written by {}?",
    "Give me every book by {}.",
    "I need the titles of all books that {} wrote.",
)
_END = "Answer with one title on each line and nothing else."
PEOPLE = ("Anna", "Peter", "Clara", "Hugo", "Maria", "Oscar", "Ruth", "Simon")
CITIES = ("Paris", "Lisbon", "Cairo", "Vienna", "Delhi", "Boston", "Oslo", "Lima")
_WORDS = (
    "Amber", "Bridge", "Cold", "Dust", "Empty", "Field", "Glass", "Harbour", "Iron", "Journey", "Kingdom", "Lantern",
    "Morning", "Night", "Ocean", "Paper", "Quiet", "River", "Silent", "Tower", "Under", "Violet", "Winter", "Yellow",
)  # fmt: skip
_LITTLE = ("of", "and", "in", "without")
_CONSONANTS, _VOWELS = "bdfgjklmnprstvz", "aeiou"


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a title or year has to be.

    Attributes:
        kind: One of ``KINDS``.
        low: A letter, a number of words or the first year; empty where the kind takes nothing.
        high: The last year.
    """

    kind: str
    low: str | int = ""
    high: int = 0

    @property
    def said(self) -> str:
        """In words, to stand after "books"."""
        return KINDS[self.kind].said.format(low=self.low, high=self.high)

    def met(self, title: str, year: int) -> bool:
        """Whether a book meets it."""
        return KINDS[self.kind].met(self, title, year)

    @property
    def query(self) -> tuple[str, list[str | int]]:
        """The same as a condition in SQL, with its values."""
        values: Mapping[str, list[str | int]] = {
            "starts": [f"{self.low}*"],
            "ends": [f"*{str(self.low).lower()}"],
            "words": [self.low],
            "years": [self.low, self.high],
        }
        return KINDS[self.kind].query, values.get(self.kind, [])


@dataclass(frozen=True, slots=True)
class KindOf:
    """What belongs to a kind of constraint: words, meaning, meaning in SQL, and the group of which only one can stand."""

    said: str
    met: Callable[[Constraint, str, int], bool]
    query: str
    group: str


def _any_word(title: str, among: Sequence[str]) -> bool:
    return any(word in among for word in title.split())


def _like(among: Sequence[str]) -> str:
    return "(" + " OR ".join(f"' ' || title || ' ' GLOB '* {word} *'" for word in among) + ")"


KINDS: Mapping[str, KindOf] = {
    "starts": KindOf(
        "whose title begins with the letter {low}", lambda c, t, y: t.startswith(str(c.low)), "title GLOB ?", "begin"
    ),
    "ends": KindOf(
        "whose title ends with the letter {low}",
        lambda c, t, y: t.upper().endswith(str(c.low)),
        "lower(title) GLOB ?",
        "end",
    ),
    "words": KindOf(
        "whose title has exactly {low} words",
        lambda c, t, y: len(t.split()) == c.low,
        "length(title) - length(replace(title, ' ', '')) + 1 = ?",
        "words",
    ),
    "years": KindOf(
        "first published in the years {low} to {high}",
        lambda c, t, y: int(c.low) <= y <= c.high,
        "year BETWEEN ? AND ?",
        "years",
    ),
    "person": KindOf(
        "whose title holds a person's first name", lambda c, t, y: _any_word(t, PEOPLE), _like(PEOPLE), "person"
    ),
    "no-person": KindOf(
        "whose title holds no person's first name",
        lambda c, t, y: not _any_word(t, PEOPLE),
        f"NOT {_like(PEOPLE)}",
        "person",
    ),
    "city": KindOf("whose title holds the name of a city", lambda c, t, y: _any_word(t, CITIES), _like(CITIES), "city"),
    "no-city": KindOf(
        "whose title holds no name of a city", lambda c, t, y: not _any_word(t, CITIES), f"NOT {_like(CITIES)}", "city"
    ),
}


class BookQuestions(Generated):
    """All books of an author of a made-up world that meet none, one or two constraints; some always do.

    ``given="facts"`` puts the author's books, with their years, among books of others before the question; with
    ``given="nothing"`` they have to be looked up (``api`` is the address of the world). ``verify`` wants just the right
    titles; ``tally`` tells apart what is wrong with an answer. ``popularity`` is the tenth of all authors by readers, 10 the
    most read; ``constrainedness`` is the share of the author's books that the constraints rule out.
    """

    name = "book-questions"
    title = "All books of an author that meet constraints, in a made-up world"
    source = (
        "After Abdin et al. (2024), KITAB, sections 3 and 4 (constraints, constrainedness, popularity and measures); authors and "
        "books are made up, its data are not used"
    )
    separator = "\n"
    settings: ClassVar[Mapping[str, Any]] = {"world": 0, "authors": 40}
    options: ClassVar[Mapping[str, Any]] = {
        "number": (0, 2),
        "kinds": tuple(KINDS),
        "books": (4, 24),
        "popularity": (1, 10),
        "distractors": (4, 12),
        "given": ("facts",),
        "wording": WORDINGS,
    }
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"given": GIVEN}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "world": (0, 2**53),
        "authors": (20, 2000),
        "number": (0, 3),
        "books": (4, 24),
        "popularity": (1, 10),
        "distractors": (0, 60),
    }
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "number": "ordered",
        "kinds": "set",
        "books": "ordered",
        "answers": "ordered",
        "constrainedness": "ordered",
        "popularity": "ordered",
        "distractors": "ordered",
        "given": "categorical",
        "wording": "categorical",
        "api": "categorical",
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.world = books(self.given["world"], self.given["authors"])

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """An author and constraints around one of the books, so that at least one title is right."""
        shelf, authors = _shelves(self.world), self.world.tables["author"]
        for _ in range(2000):
            row = d.choice(authors)
            author, books = str(row["name"]), shelf[str(row["name"])]
            decile = _decile(self.world)[author]
            number = d.between(*o["number"])
            fits = o["books"][0] <= len(books) <= o["books"][1] and o["popularity"][0] <= decile <= o["popularity"][1]
            kinds = _apart(d, o["kinds"], number) if fits else None
            if kinds is None:
                continue
            title, year = d.choice(books)
            constraints = [_around(d, kind, title, year) for kind in kinds]
            if all(c is not None and c.met(title, year) for c in constraints):
                break
        else:
            raise self.impossible(f"no author and constraints with {dict(o)} in 2,000 draws")
        asked = [c for c in constraints if c is not None]
        right = [t for t, y in books if all(c.met(t, y) for c in asked)]
        count, places = d.between(*o["distractors"]), d.bits(64)
        given, wording = (options[d.below(1 << 20) % len(options)] for options in (o["given"], o["wording"]))
        question = _ASK[WORDINGS.index(wording)].format(author)
        if asked:
            question += f" Take only those {' and '.join(c.said for c in asked)}."
        told = self._told(Draws(f"{self.name}:{places}"), author, count) if given == "facts" else []
        factors = {
            "number": len(asked),
            "kinds": sorted(kinds),
            "books": len(books),
            "answers": len(right),
            "constrainedness": round(1 - len(right) / len(books), 6),
            "popularity": decile,
            "distractors": count,
            "given": given,
            "wording": wording,
            "api": self.world.address,
        }
        hidden = {"author": author, "constraints": [(c.kind, c.low, c.high) for c in asked]}
        text = "\n".join([*([" ".join(told)] if told else []), f"{question} {_END}"])
        return of_text(text, "\n".join(sorted(right)), factors, hidden)

    def _told(self, d: Draws, author: str, count: int) -> list[str]:
        own = [f"{author} published {t} in {y}." for t, y in _shelves(self.world)[author]]
        others = [r for r in self.world.tables["book"] if r["author"] != author]
        lines = [
            *own,
            *(f"{r['author']} published {r['title']} in {r['year']}." for r in d.pick(others, min(count, len(others)))),
        ]
        d.shuffle(lines)
        return lines

    def verify(self, example: Example, answer: object) -> float:
        """1 where the lines are just the right titles, each once, in any order; case and marks of lists do not count."""
        given = titles_in(answer)
        return float(given is not None and sorted(given) == sorted(titles_in(example.target) or []))

    def tally(self, example: Example, answer: object) -> dict[str, float]:
        """Shares of an answer, as KITAB counts them.

        Args:
            example: An item of this task.
            answer: One title a line.

        Returns:
            ``irrelevant``, ``satisfied`` and ``unsatisfied``: of the titles given, those that are none of the author's, and of
            the author's those that meet all constraints or do not (0 where none is given). ``complete``: of the right
            titles, those given. ``all_correct``: 1 where just the right ones are given.

        Source: Abdin et al. (2024), KITAB, section 4.2.
        """
        shelf = {t.lower(): (t, y) for t, y in _shelves(self.world)[str(example.hidden["author"])]}
        right = set(titles_in(example.target) or [])
        given = set(titles_in(answer, once=False) or [])
        share = 1 / len(given) if given else 0.0
        return {
            "irrelevant": sum(t not in shelf for t in given) * share,
            "satisfied": len(given & right) * share,
            "unsatisfied": sum(t in shelf and t not in right for t in given) * share,
            "complete": len(given & right) / len(right),
            "all_correct": self.verify(example, answer),
        }

    def constraints(self, example: Example) -> list[Constraint]:
        """The constraints of an item, in the order of its text."""
        return [Constraint(*parts) for parts in example.hidden["constraints"]]

    def oracle(self, example: Example) -> str:
        """One query in SQL."""
        conditions = [c.query for c in self.constraints(example)]
        where = " AND ".join(["author = ?", *(f"({sql})" for sql, _ in conditions)])
        values = [str(example.hidden["author"]), *(v for _, some in conditions for v in some)]
        found = self.world.rows(f"SELECT title FROM book WHERE {where}", values)  # noqa: S608
        return "\n".join(sorted(str(row[0]) for row in found))


_MARK = re.compile(r"^(?:\d+\s*[.):]|[-*•])\s*")


def titles_in(answer: object, *, once: bool = True) -> list[str] | None:
    r"""Titles that an answer names, one a line, in small letters; None where there is none, or one stands twice.

    Args:
        answer: Text, or lines.
        once: Whether a title that stands twice makes the answer unreadable.

    >>> titles_in("1. Cold River\n- Iron Tower."), titles_in("A\nA"), titles_in("A\nA", once=False)
    (['cold river', 'iron tower'], None, ['a', 'a'])
    """
    lines = [_MARK.sub("", line.strip()).strip(' ."“”*').lower() for line in text_of(answer).split("\n")]
    lines = [line for line in lines if line]
    return lines if lines and (not once or len(set(lines)) == len(lines)) else None


def _apart(d: Draws, kinds: Sequence[str], number: int) -> list[str] | None:
    """So many kinds of different groups, or None."""
    chosen: list[str] = []
    for kind in d.pick(kinds, len(kinds)):
        if len(chosen) < number and KINDS[kind].group not in {KINDS[c].group for c in chosen}:
            chosen.append(kind)
    return chosen if len(chosen) == number else None


def _around(d: Draws, kind: str, title: str, year: int) -> Constraint | None:
    """A constraint of this kind that may hold of a book."""
    if kind == "starts":
        return Constraint(kind, title[0])
    if kind == "ends":
        return Constraint(kind, title[-1].upper())
    if kind == "words":
        return Constraint(kind, len(title.split()))
    if kind == "years":
        return Constraint(kind, year - d.below(15), year + d.below(15))
    return Constraint(kind)


@lru_cache(maxsize=8)
def _shelves(world: World) -> Mapping[str, list[tuple[str, int]]]:
    shelves: dict[str, list[tuple[str, int]]] = {}
    for row in world.tables["book"]:
        shelves.setdefault(str(row["author"]), []).append((str(row["title"]), int(row["year"])))
    return shelves


@lru_cache(maxsize=8)
def _decile(world: World) -> Mapping[str, int]:
    ranked = sorted(world.tables["author"], key=lambda r: (int(r["readers"]), str(r["name"])))
    return {str(r["name"]): 1 + 10 * i // len(ranked) for i, r in enumerate(ranked)}


@lru_cache(maxsize=8)
def books(seed: int, size: int) -> World:
    """A world of so many authors with 4 to 24 books each; readers fall with the author's rank (Zipf's law).

    Args:
        seed: Of its draws.
        size: Number of authors.
    """
    d = Draws(f"books:{seed}:{size}")
    names: dict[str, None] = {}
    while len(names) < size:
        family = "".join(d.choice(_CONSONANTS) + d.choice(_VOWELS) for _ in range(3)).capitalize()
        names[f"{d.choice(_CONSONANTS).upper()}. {family}"] = None
    author: list[Row] = []
    book: list[Row] = []
    for rank, name in enumerate(names, 1):
        born = d.between(1850, 1960)
        author.append({"name": name, "born": born, "readers": 1_000_000 // rank})
        titles: dict[str, None] = {}
        for _ in range(400):
            if len(titles) >= 4 + (rank * 7 + seed) % 21:
                break
            titles[_titled(d)] = None
        book += [{"title": title, "author": name, "year": born + d.between(20, 70)} for title in titles]
    return World(f"{KIND}/{seed}/{size}", "A library.", {"author": author, "book": book})


def _titled(d: Draws) -> str:
    """Two to five words; about a quarter each holds a person or a city."""
    words: list[str] = d.pick([*_WORDS], d.between(1, 3))
    if d.below(4) == 0:
        words[d.below(len(words))] = d.choice(PEOPLE)
    if d.below(4) == 0:
        words.append(d.choice(CITIES))
    if len(words) > 1 and d.below(2):
        words.insert(1, d.choice(_LITTLE))
    return " ".join(words)
