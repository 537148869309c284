"""One sentence under several constraints: drawn so that they can all be met, asked of a model, and checked by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unseen.atlas.subjects import Subject
from unseen.engine.seeds import numpy_generator
from unseen.learners.language.base import Generation, Prompt
from unseen.tasks.instructions.kinds import MANY, Constraint
from unseen.tasks.instructions.wordings import LEADS, STYLES, wording
from unseen.tasks.instructions.writer import BEGINNINGS, SUBJECTS

# What a sentence can be asked to be, by the kind of its checker: two kinds of keywords, of length, of style and of ends.
KINDS = ("include", "exclude", "order", "most-words", "least-words", "begin", "case", "no-commas", "letter")
TOGETHER = 5
OPENINGS = (
    "Write one sentence about the {}.",
    "Could you write a single sentence about the {}?",
    "Task: one sentence on the {}.",
    "Please tell me about the {} in one sentence.",
)
# A sentence ends with its line; fifty tokens are more than anybody asks for here.
SETTINGS = Generation(max_tokens=48, stop=("\n",))


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is asked for.

    Attributes:
        subject: What the sentence is about.
        style: One of ``STYLES``.
        constraints: In the order of the text, each with its name among ``KINDS``.
    """

    subject: str
    style: str
    constraints: tuple[tuple[str, Constraint], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the constraints, in the order of the text."""
        return tuple(name for name, _ in self.constraints)

    def told(self, constraints: Sequence[tuple[str, Constraint]]) -> Sentence:
        """The same with these constraints, in this order."""
        return replace(self, constraints=tuple(constraints))

    def prompt(self) -> Prompt:
        """As the model is asked."""
        at = STYLES.index(self.style)
        said, opening = [wording(c, self.style) for _, c in self.constraints], OPENINGS[at].format(self.subject)
        if self.style in ("plain", "polite"):
            return [{"role": "user", "content": " ".join([opening, *said])}]
        marks = [f"{i}." for i in range(1, len(said) + 1)] if self.style == "numbered" else ["-"] * len(said)
        lines = [f"{mark} {line}" for mark, line in zip(marks, said, strict=True)]
        return [{"role": "user", "content": "\n".join([opening, LEADS[at], *lines])}]

    def met(self, answer: str) -> np.ndarray:
        """Which constraints an answer meets, in the order of the text."""
        return np.array([c.met(answer) for _, c in self.constraints])


def drawn(rng: np.random.Generator, number: int, allowed: Sequence[str] = KINDS) -> Sentence:
    """A sentence to be written under so many constraints, which can all be met; their order is drawn."""
    subject, style = str(rng.choice(list(SUBJECTS))), str(rng.choice(STYLES))
    words = [str(w) for w in rng.permutation(SUBJECTS[subject])]
    while True:
        names = [str(n) for n in rng.permutation(list(allowed))[:number]]
        # Two limits of one length can't stand together.
        if not {"most-words", "least-words"} <= set(names):
            break
    made = {name: _one(rng, name, words) for name in sorted(names)}
    if (letter := made.get("letter")) is not None:
        said = subject + "".join("".join(c.words) for n, c in made.items() if n not in ("letter", "exclude"))
        free = [x for x in "bcfgjkmpqvwxz" if x not in said.casefold()]
        made["letter"] = replace(letter, words=(str(rng.choice(free)),))
    return Sentence(subject, style, tuple((n, made[n]) for n in names))


def _one(rng: np.random.Generator, name: str, words: list[str]) -> Constraint:
    made = {
        "include": lambda: Constraint("include", (words.pop(),)),
        "exclude": lambda: Constraint("exclude", (words.pop(), words.pop())),
        "order": lambda: Constraint("order", (words.pop(), words.pop())),
        # A sentence with all that may be asked besides takes about fourteen words; left alone, one has about sixteen.
        "most-words": lambda: Constraint("words", (), 0, int(rng.integers(14, 19))),
        "least-words": lambda: Constraint("words", (), int(rng.integers(14, 19)), MANY),
        "begin": lambda: Constraint("begin", (str(rng.choice(BEGINNINGS)),)),
        "case": lambda: Constraint("case", (str(rng.choice(("lower", "upper"))),)),
        "no-commas": lambda: Constraint("no-commas"),
        "letter": lambda: Constraint("letter", ("z",)),
    }
    return made[name]()


def answers(model: Subject, asked: Sequence[Sentence]) -> list[str]:
    """What a model writes, greedily."""
    return [a.text for a in model.generate([s.prompt() for s in asked], SETTINGS)]


@dataclass(frozen=True, slots=True)
class Asked:
    """Sets of constraints, asked together and each alone in the same wording, and what was written.

    Attributes:
        sets: What was asked together.
        wholes: What was written under all of a set.
        alone: What was written under each of its constraints alone, in their order.
    """

    sets: tuple[Sentence, ...]
    wholes: tuple[str, ...]
    alone: tuple[tuple[str, ...], ...]

    def met_together(self) -> np.ndarray:
        """Which are met where all are asked, shape (sets, constraints)."""
        return np.array([s.met(text) for s, text in zip(self.sets, self.wholes, strict=True)])

    def met_alone(self) -> np.ndarray:
        """Which are met where each is asked alone, shape (sets, constraints)."""
        return np.array([
            [s.met(text)[k] for k, text in enumerate(texts)] for s, texts in zip(self.sets, self.alone, strict=True)
        ])  # fmt: skip

    def names(self) -> np.ndarray:
        """Names of the constraints, shape (sets, constraints)."""
        return np.array([s.names for s in self.sets])


def asked(model: Subject, seed: int, sets: int) -> Asked:
    """Ask a model a seed's sets; studies that take the same seed share its answers."""
    rng = numpy_generator(seed, "constraints of a sentence")
    drawn_sets = tuple(drawn(rng, TOGETHER) for _ in range(sets))
    singles = [s.told([c]) for s in drawn_sets for c in s.constraints]
    said = answers(model, [*drawn_sets, *singles])
    parts = iter(said[sets:])
    return Asked(drawn_sets, tuple(said[:sets]), tuple(tuple(next(parts) for _ in range(TOGETHER)) for _ in drawn_sets))
