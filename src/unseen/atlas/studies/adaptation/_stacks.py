"""Blocks on a table and a stack to build: problems, plans, and four prompts from general to specific."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_lowercase

import numpy as np

from unseen.tasks.planning.domains import BLOCKSWORLD
from unseen.tasks.planning.strips import Atom, Problem, solves

PROMPTS = ("direct", "universal", "stacking", "lexicographic")
RULES = (
    "Blocks stand on a table or on each other. Take one block at a time, and only one that has nothing on it. The steps are: pick "
    "up X, put down X, stack X on Y, unstack X from Y.\n\n"
)
_STEPS = (
    ("pick-up", re.compile(r"pick up (\w+)")), ("put-down", re.compile(r"put down (\w+)")),
    ("unstack", re.compile(r"unstack (\w+) from (\w+)")), ("stack", re.compile(r"stack (\w+) on (?:top of )?(\w+)")),
)  # fmt: skip


class Stack:
    """All blocks on the table; the goal is one stack.

    Args:
        order: Blocks of the stack, from the bottom up.
        shown: The order in which the table is told.
        goals: The order in which the goal's pairs are told, as places from the bottom; by default from the top down.

    >>> stack = Stack(("b", "a", "c"), ("a", "b", "c"))
    >>> print(stack.text())
    Blocks a, b and c are on the table.
    Goal: c is on a, a is on b.
    >>> stack.plan()
    'pick up a, stack a on b, pick up c, stack c on a'
    >>> stack.solved_by(stack.plan()), stack.solved_by("pick up c, stack c on a, pick up a, stack a on b")
    (True, False)
    """

    def __init__(self, order: Sequence[str], shown: Sequence[str], goals: Sequence[int] = ()) -> None:
        self.order, self.shown = tuple(order), tuple(shown)
        self.goals = tuple(goals) or tuple(reversed(range(len(self.order) - 1)))

    @property
    def goal(self) -> list[tuple[str, str]]:
        """Which block is on which, from the bottom up."""
        return list(zip(self.order[1:], self.order[:-1], strict=True))

    def text(self) -> str:
        """As it is asked."""
        *first, last = self.shown
        goal = ", ".join("{} is on {}".format(*self.goal[i]) for i in self.goals)
        return f"Blocks {', '.join(first)} and {last} are on the table.\nGoal: {goal}."

    def plan(self) -> str:
        """The only shortest plan."""
        return ", ".join(f"pick up {a}, stack {a} on {b}" for a, b in self.goal)

    def problem(self) -> Problem:
        """The same for the validator of plans."""
        init = {("handempty",), *(("clear", b) for b in self.order), *(("ontable", b) for b in self.order)}
        goal: tuple[Atom, ...] = tuple(("on", a, b) for a, b in self.goal)
        return Problem(BLOCKSWORLD, (("block", tuple(sorted(self.order))),), frozenset(init), goal)

    def solved_by(self, plan: str) -> bool:
        """Whether each step of a plan can be taken, and the stack stands at the end."""
        steps = steps_of(plan)
        return steps is not None and solves(self.problem(), steps)


def steps_of(plan: str) -> list[tuple[str, ...]] | None:
    """Steps of a plan, with commas or line ends between them; None where one can't be read."""
    made = list[tuple[str, ...]]()
    for part in re.split(r"[,\n]", plan.strip().rstrip(".")):
        words = part.strip().lower()
        found = next(((name, m) for name, p in _STEPS if (m := p.fullmatch(words))), None)
        if found is None:
            return None
        made.append((found[0], *found[1].groups()))
    return made


def drawn(rng: np.random.Generator, blocks: int, *, sorted_: bool = False, but: Sequence[Stack] = ()) -> Stack:
    """A stack of blocks named by letters, in the order of the alphabet where asked; none of those of ``but``.

    The pairs of its goal are told in any order: told from the top down they would be a plan read backwards.
    """
    while True:
        names = sorted(ascii_lowercase[int(i)] for i in rng.permutation(26)[:blocks])
        order = names if sorted_ else [names[int(i)] for i in rng.permutation(blocks)]
        if tuple(order) not in [s.order for s in but]:
            shown = names if sorted_ else [names[int(i)] for i in rng.permutation(blocks)]
            return Stack(order, shown, [int(i) for i in rng.permutation(blocks - 1)])


def thought(stack: Stack, prompt: str) -> str:
    """What stands between a problem and its plan, from nothing to what is said of this kind of problem only.

    Source: Stechly, Valmeekam & Kambhampati (2024), Chain of Thoughtlessness, section 4 (universal, stacking and
    lexicographic prompts; shortened).
    """
    low, order = stack.order[0], stack.order
    if prompt == "universal":
        return (
            "First put every block that stands on another down on the table: none does. Then build from the bottom: "
            + "; ".join(f"{b} has to stand still before {a} is put on it" for a, b in stack.goal)
            + ".\n"
        )
    if prompt == "stacking":
        return (
            f"All blocks are on the table, so only stack. {low} stays below. From the bottom up: {', '.join(order)}.\n"
        )
    if prompt == "lexicographic":
        return (
            f"The stack goes by the alphabet from {low} up: {', '.join(order)}. So {low} stays on the table, "
            + ", ".join(f"{a} goes on {b}" for a, b in stack.goal)
            + ".\n"
        )
    return ""


def worked(stack: Stack, prompt: str) -> str:
    """A problem with thought and plan."""
    return f"{stack.text()}\n{thought(stack, prompt)}Plan: {stack.plan()}\n\n"


def asked(stack: Stack, prompt: str, shown: Sequence[Stack]) -> str:
    """A problem behind worked ones."""
    return (
        RULES
        + "".join(worked(s, prompt) for s in shown)
        + stack.text()
        + "\n"
        + ("Plan:" if prompt == "direct" else "")
    )


def plan_in(text: str) -> str:
    """The plan of an answer."""
    return text.rsplit("Plan:", 1)[-1].strip().split("\n")[0]
