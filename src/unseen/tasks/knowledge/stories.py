"""Dyna-bAbI: stories of a small world with chosen events and questions, exact answers and supporting facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_text, tokens_of
from unseen.tasks.draws import Draws

PEOPLE = ("Daniel", "John", "Mary", "Sandra", "Bill", "Fred")
PLACES = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
THINGS = ("apple", "football", "milk")
EVENTS = ("move", "grab", "drop", "give", "coreference", "conjunction", "negation", "indefinite")
QUESTIONS = ("where-person", "where-object", "where-was-object", "yes-no", "count", "list", "give-who")
NEEDS = {
    "where-object": "grab",
    "where-was-object": "grab",
    "count": "grab",
    "list": "grab",
    "give-who": "give",
}
Places = frozenset[str]


@dataclass
class World:
    """What follows from the story so far.

    Attributes:
        where: Places at which each person may be (two after an indefinite sentence), with the sentence that says so.
        holder: Who holds a thing, with the sentences that say so.
        left: Where a thing lies that was dropped, with the sentences.
        trail: Places that a thing was at, each with the sentences that show it.
        gifts: Giver, thing, receiver, with the sentence, in order.
        held_log: For each person, sentences that changed what they hold.
    """

    where: dict[str, tuple[Places, frozenset[int]]] = field(default_factory=dict[str, tuple[Places, frozenset[int]]])
    holder: dict[str, tuple[str, frozenset[int]]] = field(default_factory=dict[str, tuple[str, frozenset[int]]])
    left: dict[str, tuple[str, frozenset[int]]] = field(default_factory=dict[str, tuple[str, frozenset[int]]])
    trail: dict[str, list[tuple[str, frozenset[int]]]] = field(
        default_factory=dict[str, list[tuple[str, frozenset[int]]]]
    )
    gifts: list[tuple[str, str, str, int]] = field(default_factory=list[tuple[str, str, str, int]])
    held_log: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def place_of(self, person: str) -> tuple[str, frozenset[int]] | None:
        """The one place where a person is, with the sentences that show it, or None."""
        known = self.where.get(person)
        return (next(iter(known[0])), known[1]) if known and len(known[0]) == 1 else None

    def put(self, person: str, places: Places, line: int, extra: frozenset[int] = frozenset()) -> None:
        """A person goes to a place, and what they hold with them."""
        self.where[person] = (places, frozenset({line}) | extra)
        for thing, (holder, _) in self.holder.items():
            if holder == person:
                self.note(thing)

    def note(self, thing: str) -> None:
        """Add where a held thing is to its trail, if that is known and new."""
        holder, lines = self.holder[thing]
        here = self.place_of(holder)
        trail = self.trail.setdefault(thing, [])
        if here is None:
            trail.append(("?", frozenset()))
        elif not trail or trail[-1][0] != here[0]:
            trail.append((here[0], here[1] | lines))

    def holds(self, person: str) -> list[str]:
        """What a person holds, in alphabetical order."""
        return sorted(thing for thing, (holder, _) in self.holder.items() if holder == person)


class Stories(Generated):
    """A story, a question about its world, the answer.

    ``events`` says what may happen: move, grab, drop, give; and how it is told: coreference (a sentence about "he"
    or "she"),
    conjunction (two people move together), negation (someone is not somewhere), indefinite (either of two places).
    Any set of
    events meets any question that it can answer, so that compositions can be held out: ``composed`` counts the kinds
    of event
    in the story. ``support`` is the number of sentences that the answer rests on; their numbers stand in ``hidden``.
    """

    name = "dyna-babi"
    title = "Questions about a story of people, places and things"
    source = (
        "Tamari et al. (2022), Dyna-bAbI, sections 3 and 4; world of bAbI (Weston et al. 2015); rules reconstructed"
    )
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "length": "ordered",
        "question": "categorical",
        "events": "set",
        "composed": "ordered",
        "support": "ordered",
    }
    options: ClassVar[Mapping[str, Any]] = {
        "length": (4, 10),
        "question": ("where-person", "where-object"),
        "events": ("move", "grab", "drop"),
        "support": (0, 50),
    }
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"question": QUESTIONS, "events": EVENTS}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"length": (1, 200), "support": (0, 50)}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Events by chance, then a question of the drawn type that the story can answer; drawn again where it can't."""
        fitting = [q for q in o["question"] if NEEDS.get(q, "move") in o["events"] or q not in NEEDS]
        if not fitting:
            raise self.impossible(f"questions {', '.join(o['question'])} need events beyond {', '.join(o['events'])}")
        if "move" not in o["events"]:
            raise self.impossible("nobody is anywhere in a story without the event move")
        for _ in range(1000):
            kind = d.choice(fitting)
            world, lines, told = World(), list[str](), set[str]()
            for number in range(d.between(*o["length"])):
                lines.append(self._event(d, world, number, o["events"], told, lines))
            asked = self._ask(d, world, kind)
            if asked is None:
                continue
            question, answer, support = asked
            if o["support"][0] <= len(support) <= o["support"][1]:
                factors = {
                    "length": len(lines),
                    "question": kind,
                    "events": sorted(told),
                    "composed": len(told),
                    "support": len(support),
                }
                return of_text(
                    " ".join([*lines, question]), answer, factors, {"support": sorted(support), "lines": lines}
                )
        raise self.impossible(f"no story answers {', '.join(fitting)} with {dict(o)} in 1,000 draws")

    def _event(
        self, d: Draws, world: World, number: int, events: tuple[str, ...], told: set[str], lines: list[str]
    ) -> str:
        """One thing that happens, as a sentence; a move where the drawn event is not possible."""
        order = list(events)
        d.shuffle(order)
        for event in [*order, "move"]:
            sentence = getattr(self, f"_{event}")(d, world, number, lines)
            if sentence:
                told.add(event)
                return sentence
        raise AssertionError("a move is always possible")

    def _move(self, d: Draws, world: World, number: int, lines: list[str]) -> str:
        person, place = d.choice(PEOPLE), d.choice(PLACES)
        world.put(person, frozenset({place}), number)
        return f"{person} went to the {place}."

    def _coreference(self, d: Draws, world: World, number: int, lines: list[str]) -> str | None:
        subject = lines[-1].split()[0] if lines else ""
        if subject not in PEOPLE or " and " in lines[-1] or "gave" in lines[-1]:
            return None
        place = d.choice(PLACES)
        # Who "he" is stands in the sentence before: it supports whatever this one says.
        world.put(subject, frozenset({place}), number, frozenset({number - 1}))
        return f"Then {'she' if subject in ('Mary', 'Sandra') else 'he'} went to the {place}."

    def _conjunction(self, d: Draws, world: World, number: int, lines: list[str]) -> str:
        pair, place = d.pick(PEOPLE, 2), d.choice(PLACES)
        for person in pair:
            world.put(person, frozenset({place}), number)
        return f"{pair[0]} and {pair[1]} went to the {place}."

    def _negation(self, d: Draws, world: World, number: int, lines: list[str]) -> str | None:
        # Only what is news: a person leaves the place where they were, or nothing was known of them.
        person = d.choice(PEOPLE)
        here = world.place_of(person)
        if person in world.where and here is None:
            return None
        place = here[0] if here else d.choice(PLACES)
        world.put(person, frozenset(PLACES) - {place}, number)
        return f"{person} is no longer in the {place}."

    def _indefinite(self, d: Draws, world: World, number: int, lines: list[str]) -> str:
        person, places = d.choice(PEOPLE), d.pick(PLACES, 2)
        world.put(person, frozenset(places), number)
        return f"{person} is either in the {places[0]} or the {places[1]}."

    def _grab(self, d: Draws, world: World, number: int, lines: list[str]) -> str | None:
        options = [
            (person, thing)
            for person in PEOPLE
            for thing in THINGS
            if world.place_of(person)
            and thing not in world.holder
            and (thing not in world.left or world.left[thing][0] == (world.place_of(person) or "?")[0])
        ]
        if not options:
            return None
        person, thing = d.choice(options)
        world.left.pop(thing, None)
        world.holder[thing] = (person, frozenset({number}))
        world.held_log.setdefault(person, []).append(number)
        world.note(thing)
        return f"{person} took the {thing}."

    def _drop(self, d: Draws, world: World, number: int, lines: list[str]) -> str | None:
        held = [thing for thing, (person, _) in world.holder.items() if world.place_of(person)]
        if not held:
            return None
        thing = d.choice(held)
        person = world.holder.pop(thing)[0]
        place, shown = world.place_of(person) or ("?", frozenset())
        world.left[thing] = (place, shown | {number})
        world.held_log.setdefault(person, []).append(number)
        return f"{person} dropped the {thing}."

    def _give(self, d: Draws, world: World, number: int, lines: list[str]) -> str | None:
        options = [
            (thing, giver, receiver)
            for thing, (giver, _) in world.holder.items()
            for receiver in PEOPLE
            if receiver != giver and world.place_of(giver) and self._together(world, giver, receiver)
        ]
        if not options:
            return None
        thing, giver, receiver = d.choice(options)
        world.holder[thing] = (receiver, frozenset({number}))
        world.gifts.append((giver, thing, receiver, number))
        for person in (giver, receiver):
            world.held_log.setdefault(person, []).append(number)
        world.note(thing)
        return f"{giver} gave the {thing} to {receiver}."

    @staticmethod
    def _together(world: World, a: str, b: str) -> bool:
        here, there = world.place_of(a), world.place_of(b)
        return here is not None and there is not None and here[0] == there[0]

    def _ask(self, d: Draws, world: World, kind: str) -> tuple[str, str, frozenset[int]] | None:
        """Question, answer and the sentences that it rests on; None where the story answers no such question."""
        match kind:
            case "where-person":
                known = [person for person in world.where if world.place_of(person)]
                if not known:
                    return None
                person = d.choice(known)
                place, shown = world.place_of(person) or ("", frozenset())
                return f"Where is {person}?", place, shown
            case "where-object":
                return self._where_object(d, world)
            case "where-was-object":
                return self._where_was_object(d, world)
            case "yes-no":
                return self._yes_no(d, world)
            case "give-who":
                if not world.gifts:
                    return None
                giver, thing, receiver, number = world.gifts[-1]
                return f"Who did {giver} give the {thing} to?", receiver, frozenset({number})
            case _:
                holders = [person for person in PEOPLE if person in world.held_log]
                if not holders:
                    return None
                person = d.choice(holders)
                held, shown = world.holds(person), frozenset(world.held_log[person])
                if kind == "count":
                    return f"How many objects is {person} carrying?", str(len(held)), shown
                return f"What is {person} carrying?", ", ".join(held) or "nothing", shown

    def _where_object(self, d: Draws, world: World) -> tuple[str, str, frozenset[int]] | None:
        answers: list[tuple[str, str, frozenset[int]]] = []
        for thing in THINGS:
            if thing in world.left:
                answers.append((f"Where is the {thing}?", *world.left[thing]))
            elif thing in world.holder:
                person, lines = world.holder[thing]
                if here := world.place_of(person):
                    answers.append((f"Where is the {thing}?", here[0], here[1] | lines))
        return d.choice(answers) if answers else None

    def _where_was_object(self, d: Draws, world: World) -> tuple[str, str, frozenset[int]] | None:
        answers: list[tuple[str, str, frozenset[int]]] = []
        for thing, trail in world.trail.items():
            for (before, first), (after, second) in pairwise(trail):
                unique = sum(place == after for place, _ in trail) == 1
                if "?" not in (before, after) and unique:
                    answers.append((f"Where was the {thing} before the {after}?", before, first | second))
        return d.choice(answers) if answers else None

    def _yes_no(self, d: Draws, world: World) -> tuple[str, str, frozenset[int]] | None:
        if not world.where:
            return None
        person = d.choice(list(world.where))
        places, shown = world.where[person]
        inside = sorted(places)
        outside = [place for place in PLACES if place not in places]
        place = d.choice(inside if d.below(2) or not outside else outside)
        answer = "no" if place not in places else "yes" if len(places) == 1 else "maybe"
        return f"Is {person} in the {place}?", answer, shown

    def verify(self, example: Example, answer: object) -> float:
        """The same words, whatever the case; a list in any order."""
        words = tokens_of(answer)
        if not words:
            return 0.0
        given, right = " ".join(words).strip(" .").lower(), str(example.target).lower()
        if example.factors["question"] == "list":
            return float(sorted(p.strip() for p in given.split(",")) == sorted(p.strip() for p in right.split(",")))
        return float(given == right)
