"""Coins that are flipped or not: parity in tokens for small Transformers, and in words for pretrained models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unseen.data import Examples

NAMES = ("Ann", "Bob", "Cid", "Dee", "Eva", "Fay", "Gus", "Hal", "Ida", "Joe", "Kim", "Lee")
SIDES = ("heads", "tails")
# The question around the flips, and the two things that somebody does.
WORDINGS = (
    ("A coin is heads up. {} Which side is up?", "{} flips it.", "{} keeps it."),
    ("A coin shows heads. {} What does it show now?", "{} turns it.", "{} leaves it."),
    ("There is a coin; heads is up. {} Heads or tails?", "{} flips the coin.", "{} does nothing."),
    ("At first it is heads. {} What is it in the end?", "{} turns the coin.", "{} waits."),
)
# Behind it nothing more is written.
END = "End"


@dataclass(frozen=True, slots=True)
class Flips:
    """Who flips a coin that shows heads at first, and who does not.

    Attributes:
        names: One a step.
        turns: Whether each flips.
        wording: One of four.
    """

    names: tuple[str, ...]
    turns: tuple[bool, ...]
    wording: int = 0

    @property
    def states(self) -> list[str]:
        """What the coin shows after each step.

        >>> Flips(("Ann", "Bob"), (True, False)).states
        ['tails', 'tails']
        """
        return [SIDES[int(s) % 2] for s in np.cumsum(self.turns)]

    @property
    def answer(self) -> str:
        """What it shows in the end."""
        return self.states[-1]

    @property
    def told(self) -> list[str]:
        """What each does, in words."""
        _, flips, keeps = WORDINGS[self.wording]
        return [(flips if t else keeps).format(n).rstrip(".") for n, t in zip(self.names, self.turns, strict=True)]

    def question(self) -> str:
        """In words."""
        return WORDINGS[self.wording][0].format(" ".join(f"{step}." for step in self.told))

    def worked(self, states: Sequence[str] = ()) -> str:
        """Its scratchpad: each step with the states before and behind it, then the answer.

        Args:
            states: Other states than the right ones.

        >>> Flips(("Ann", "Bob"), (True, False)).worked()
        'Ann flips it, heads to tails. Bob keeps it, still tails. The answer is tails.'
        """
        shown = list(states) or self.states
        steps = zip(self.told, [SIDES[0], *shown], shown, strict=False)
        made = [f"{step}, {f'still {now}' if now == before else f'{before} to {now}'}." for step, before, now in steps]
        return f"{' '.join(made)} The answer is {shown[-1]}."


def drawn(rng: np.random.Generator, lengths: Sequence[int], count: int) -> list[Flips]:
    """Flips, lengths and wordings by turns; nobody stands twice in one."""
    made = list[Flips]()
    wordings = rng.permutation(len(WORDINGS))
    for i in range(count):
        n = lengths[i % len(lengths)]
        names = tuple(str(x) for x in rng.permutation(NAMES)[:n])
        made.append(Flips(names, tuple(bool(b) for b in rng.integers(2, size=n)), int(wordings[i % len(wordings)])))
    return made


def retold(items: Sequence[Flips], wording: int) -> list[Flips]:
    """The same flips, all in one wording."""
    return [replace(i, wording=wording) for i in items]


def tokens(items: Sequence[Flips], *, scratchpad: bool) -> Examples:
    """As sequences of tokens, one a step; the target is the last state, or all states in order."""
    import polars as pl

    inputs = [[f"{n}{'+' if t else '-'}" for n, t in zip(i.names, i.turns, strict=True)] + ["?"] for i in items]
    targets = [i.states if scratchpad else [i.answer] for i in items]
    return Examples(pl.DataFrame({"input": inputs, "target": targets}), ("input",), "target")


def shown(examples: Sequence[Flips], item: Flips, *, scratchpad: bool, states: Sequence[Sequence[str]] = ()) -> str:
    """Worked examples, each with a word that ends it, and the question of an item.

    Args:
        examples: To be shown.
        item: To be answered.
        scratchpad: Whether the examples show their steps.
        states: Other states of each example than the right ones.
    """
    made = list[str]()
    for k, e in enumerate(examples):
        said = e.worked(states[k] if states else ()) if scratchpad else f"The answer is {e.answer}."
        made.append(f"Question: {e.question()}\nAnswer: {said} {END}\n\n")
    return "".join(made) + f"Question: {item.question()}\nAnswer:"


def said(text: str) -> str:
    """The side that an answer ends with, or nothing.

    >>> said("Ann flips it, heads to tails. The answer is tails."), said("none")
    ('tails', '')
    """
    found = re.findall(r"answer is (heads|tails)", text.lower())
    return found[0] if found else ""


def first_slip(item: Flips, text: str) -> str:
    """What goes wrong first in a written scratchpad.

    Returns:
        "none", "state" (a step with a wrong state), "steps" (another person or action, or one too few or many), or "answer"
        (steps are right, and the answer is not that of the last).
    """
    head = text.split("The answer")[0]
    rows = re.findall(r"(\w[\w ]*), (?:still|\w+ to) (heads|tails)\.", head)
    wanted = list(zip(item.told, item.states, strict=True))
    for row, right in zip(rows, wanted, strict=False):
        if row[0] != right[0]:
            return "steps"
        if row[1] != right[1]:
            return "state"
    if len(rows) != len(wanted):
        return "steps"
    return "none" if said(text) == item.answer else "answer"
