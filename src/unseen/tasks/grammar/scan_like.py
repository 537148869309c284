"""Commands in the manner of SCAN with as many primitives, conjunctions and operations as one asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws
from unseen.tasks.grammar.scan import DIRECTIONS, interpret

NAMED = ("jump", "walk", "look", "run")
MANNERS = ("", "plain", "opposite", "around")
TIMES = ("", "twice", "thrice")


def primitive_names(n: int) -> tuple[str, ...]:
    """The first n primitives: those of SCAN, jump first, then numbered ones.

    >>> primitive_names(6)
    ('jump', 'walk', 'look', 'run', 'verb5', 'verb6')
    """
    return tuple(NAMED[i] if i < len(NAMED) else f"verb{i + 1}" for i in range(n))


class ScanLike(Generated):
    """SCAN with controls for the complexity of a training set.

    ``primitives`` is the number of verbs there are (4 as in SCAN; jump is number 0), ``use`` the numbers that may occur,
    so that ``use=(1, 3)`` leaves jump out. ``conjunctions`` counts ``and`` and ``after`` (SCAN: 0 or 1); with several,
    ``and`` binds looser than ``after``, and the first of each splits first. ``difficulty`` counts the operations:
    directions, ``opposite`` and ``around``, repetitions, conjunctions. Fewer distinct examples at the same size
    (repetition) are made by ``unseen.shifts.repeat_examples``.
    """

    name = "scan-like"
    title = "Commands to actions with as many primitives and as much nesting as asked for"
    source = "Zhou, Jiang & Bansal (2023), Data Factors for Better Compositional Generalization, section 3"
    settings: ClassVar[Mapping[str, Any]] = {"primitives": 20}
    options: ClassVar[Mapping[str, Any]] = {
        "use": (0, 999),
        "conjunctions": (0, 1),
        "difficulty": (0, 40),
        "actions": (1, 200),
        "turn": True,
    }
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "primitives": (1, 1000),
        "use": (0, 999),
        "conjunctions": (0, 8),
        "difficulty": (0, 100),
        "actions": (1, 1000),
    }
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "length": "ordered",
        "actions": "ordered",
        "conjunctions": "ordered",
        "difficulty": "ordered",
        "primitives": "set",
        "modifiers": "set",
        "phrases": "set",
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.verbs = primitive_names(self.given["primitives"])
        self.actions = {verb: [f"I_{verb.upper()}"] for verb in self.verbs}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Phrases and joints until difficulty and number of actions lie in their ranges."""
        low, high = o["use"][0], min(o["use"][1], len(self.verbs) - 1)
        if low > high:
            raise self.impossible(f"primitives {o['use']} of {len(self.verbs)}")
        # Draws outside the ranges are thrown away: every command of the range stays as likely as without it.
        for _ in range(2000):
            phrases = [self._phrase(d, low, high, o["turn"]) for _ in range(d.between(*o["conjunctions"]) + 1)]
            command = list(phrases[0])
            for phrase in phrases[1:]:
                command += [d.choice(("and", "after")), *phrase]
            difficulty = operations(command)
            if not o["difficulty"][0] <= difficulty <= o["difficulty"][1]:
                continue
            target = interpret(command, self.actions)
            if o["actions"][0] <= len(target) <= o["actions"][1]:
                return of_tokens(command, target, self._factors(command, phrases, target, difficulty))
        raise self.impossible(f"conjunctions {o['conjunctions']}, difficulty {o['difficulty']}, actions {o['actions']}")

    def _phrase(self, d: Draws, low: int, high: int, turn: bool) -> list[str]:
        number = d.between(low, high + turn)
        words = [self.verbs[number] if number <= high else "turn"]
        manner = d.choice(MANNERS) if number <= high else d.choice(MANNERS[1:])
        if manner:
            words += [*([] if manner == "plain" else [manner]), d.choice(DIRECTIONS)]
        times = d.choice(TIMES)
        return [*words, times] if times else words

    def _factors(
        self, command: list[str], phrases: list[list[str]], target: list[str], difficulty: int
    ) -> dict[str, Any]:
        atoms = set(command)
        return {
            "length": len(command),
            "actions": len(target),
            "conjunctions": len(phrases) - 1,
            "difficulty": difficulty,
            "primitives": sorted(atoms & {*self.verbs, "turn"}),
            "modifiers": sorted(atoms & {*DIRECTIONS, *MANNERS, *TIMES}),
            "phrases": sorted({" ".join(p) for p in phrases}),
        }

    def oracle(self, example: Example) -> list[str]:
        """Rewrite the text from the inside out: verbs, repetitions, then after, then and."""
        parts: list[list[str]] = []
        for clause in " ".join(example.input).split(" and "):
            done: list[str] = []
            for phrase in clause.split(" after "):
                done = [*_rewritten(phrase), *done]
            parts.append(done)
        return [action for part in parts for action in part]


def operations(command: list[str]) -> int:
    """How many words of a command are operations on what a verb does.

    >>> operations("jump around left twice and walk".split())
    4
    """
    return sum(w in (*DIRECTIONS, "opposite", "around", "twice", "thrice", "and", "after") for w in command)


def _rewritten(phrase: str) -> list[str]:
    head, *rest = phrase.split()
    act = "" if head == "turn" else f"I_{head.upper()}"
    side = next((f"I_TURN_{w.upper()}" for w in rest if w in DIRECTIONS), "")
    once = f"{side} " * (2 if "opposite" in rest else 1) + act
    times = (4 if "around" in rest else 1) * (2 if "twice" in rest else 3 if "thrice" in rest else 1)
    return f"{once} ".split() * times
