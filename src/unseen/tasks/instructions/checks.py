"""The checks of an instruction as a text that travels with it: who scores an answer needs no more than that."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from unseen.errors import BadInput
from unseen.tasks.answers import text_of
from unseen.tasks.instructions.kinds import KINDS, MANY, Constraint
from unseen.tasks.instructions.reading import as_read, occurrences

# More of them no item has, and a table of a stranger's may hold anything.
MOST = 100
WHAT = "a list of constraints as `unseen task sample verifiable-instructions` writes it"


@dataclass(frozen=True, slots=True)
class Checks:
    """What an answer to one instruction has to be.

    Attributes:
        subject: The word that every answer has to hold.
        constraints: In the order of the text.
        every: Whether only meeting all of them counts.
    """

    subject: str
    constraints: tuple[Constraint, ...]
    every: bool = False

    def met(self, answer: object) -> list[bool]:
        """Whether an answer meets each constraint; junk meets none."""
        text = text_of(answer)
        return [c.met(text) for c in self.constraints]

    def about(self, answer: object) -> bool:
        """Whether an answer holds the subject's word: one about something else meets many limits by chance."""
        return bool(occurrences(self.subject, as_read(text_of(answer))))

    def score(self, answer: object) -> float:
        """The share of constraints met (or 1 where all are, if only that counts); 0 without the subject's word."""
        if not self.about(answer):
            return 0.0
        met = self.met(answer)
        return float(all(met)) if self.every else sum(met) / len(met)

    def progress(self, answer: object) -> float:
        """How far an answer is, 0 to 1: the subject's word and each constraint count alike, words to be used one by one.

        >>> two = Checks("dog", (Constraint("include", ("cat", "hen")),))
        >>> two.progress("A dog."), two.progress("A dog and a cat."), two.progress("A dog, a cat, a hen.")
        (0.5, 0.75, 1.0)
        """
        text = text_of(answer)
        parts = [float(self.about(text))]
        for c in self.constraints:
            part = [Constraint(c.kind, (w,)) for w in c.words] if c.kind == "include" else [c]
            parts.append(sum(p.met(text) for p in part) / len(part))
        return sum(parts) / len(parts)

    def told(self) -> str:
        """As JSON; ``read`` reads it.

        >>> Checks("dog", (Constraint("include", ("cat",)),)).told()
        '{"subject": "dog", "credit": "share", "constraints": [["include", ["cat"], 0, 1000000000]]}'
        """
        listed = [[c.kind, list(c.words), c.low, c.high] for c in self.constraints]
        return json.dumps(
            {"subject": self.subject, "credit": "all" if self.every else "share", "constraints": listed}, ensure_ascii=False
        )  # fmt: skip

    @classmethod
    def read(cls, told: str) -> Checks:
        """The checks that a text tells.

        Raises:
            BadInput: It is something else.

        >>> told = Checks("dog", (Constraint("include", ("cat",)),)).told()
        >>> Checks.read(told).score("A dog meets a cat."), Checks.read(told).score("A dog meets nobody.")
        (1.0, 0.0)
        >>> Checks.read("[]")
        Traceback (most recent call last):
        ...
        unseen.errors.BadInput: '[]' is no list of constraints as `unseen task sample verifiable-instructions` writes it.
        """
        try:
            given: Any = json.loads(told)
            listed: Any = given["constraints"]
            made = tuple(_constraint(*one) for one in listed)
            if not (isinstance(given["subject"], str) and given["subject"].strip() and 0 < len(made) <= MOST):
                raise ValueError("no subject, or no constraint")
            return cls(given["subject"], made, given.get("credit") == "all")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise BadInput(f"{told[:60]!r} is no {WHAT.removeprefix('a ')}.") from None


def _constraint(kind: Any, words: Any, low: Any, high: Any) -> Constraint:
    if kind not in KINDS or not isinstance(words, list) or not all(isinstance(w, str) and w for w in words):
        raise ValueError("no kind of constraint, or no words")
    if not all(type(n) is int and 0 <= n <= MANY for n in (low, high)):
        raise ValueError("no range of counts")
    made = Constraint(kind, tuple(words), low, high)
    try:
        # A kind without the words that it speaks of would fail at the first answer.
        made.met("A text.")
    except IndexError:
        raise ValueError("a word is missing") from None
    return made
