"""Word problems with their steps written as equations, and what may be wrong with steps that lead to a right number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from unseen import tasks
from unseen.tasks.arithmetic.equations import valid_equations
from unseen.tasks.base import Example
from unseen.tasks.knowledge.word_templates import PEOPLE, THINGS
from unseen.tasks.knowledge.words import WordProblems, step_values

_SIGNS = {"more": "+", "fewer": "-", "times": "*", "share": "/", "percent": "*", "together": "+", "apart": "-"}
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_EQUATION = re.compile(r"((?:[\d.,]+\s*[-+*/×÷]\s*)+[\d.,]*\d%?)\s*=\s*([\d.,]*\d)")
_END = re.compile(r"answer is\D{0,3}(\d[\d,]*(?:\.\d+)?)")


def task() -> WordProblems:
    """Word problems in English, in all wordings."""
    return tasks.load("word-problems")  # type: ignore[return-value]


def drawn(rng: np.random.Generator, count: int, steps: int, *, idle: int) -> list[Example]:
    """Problems of so many steps, told in order, with so many statements that are not needed."""
    return task().draw_many(count, rng, steps=steps, distractors=idle, order="forward")


def without_idle(item: Example) -> Example:
    """The same problem without what is not needed."""
    sentences = str(item.input).split(". ")
    hidden, count = item.hidden, len(item.hidden["nodes"])
    idle = {PEOPLE["english"][hidden["who"][count + i]] for i in range(len(hidden["idle"]))}
    kept = [s for s in sentences if not any(re.search(rf"\b{name}\b", s) for name in idle)]
    return Example(item.item, ". ".join(kept), item.target, item.factors, {**hidden, "idle": []})


def question(item: Example) -> str:
    """Without the wish for a number alone."""
    return str(item.input).removesuffix("Answer with the number alone.").strip()


def equations(item: Example) -> list[str]:
    """The steps of the solver, as equations."""
    nodes, made = item.hidden["nodes"], list[str]()
    for kind, value, by, number in nodes:
        if kind == "given":
            continue
        first = nodes[by[0]][1]
        second = nodes[by[1]][1] if kind in ("together", "apart") else number
        made.append(f"{first} {_SIGNS[kind]} {second}{' / 100' if kind == 'percent' else ''} = {value}")
    return made


def solution(item: Example) -> str:
    """The solver's steps in words, and the answer.

    >>> print(solution(drawn(np.random.default_rng(1), 1, 2, idle=0)[0]))
    Sam has 12 * 5 = 60 coins. Gus has 60 - 34 = 26 coins. The answer is 26.
    """
    nodes, who = item.hidden["nodes"], item.hidden["who"]
    things = THINGS["english"][item.hidden["thing"]]
    steps = [i for i, n in enumerate(nodes) if n[0] != "given"]
    lines = [
        f"{PEOPLE['english'][who[i]]} has {equation} {things}."
        for i, equation in zip(steps, equations(item), strict=True)
    ]
    return " ".join([*lines, f"The answer is {item.target}."])


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer by its number and by its steps.

    Attributes:
        right: Whether the number is right.
        false: Whether an equation does not hold.
        unfounded: Whether an equation takes a number that is neither told nor found before.
        missing: Whether a number that a needed step finds is found by no equation.
    """

    right: bool
    false: bool
    unfounded: bool
    missing: bool

    @property
    def flawed(self) -> bool:
        """Whether a step is invalid or missing."""
        return self.false or self.unfounded or self.missing


def judge(item: Example, text: str) -> Judged:
    """An answer by its number and by its steps.

    Source: after Boye & Moell (2025), Large language models and mathematical reasoning failures (steps are judged beside
    answers; rules on equations, premises and needed values in place of the authors' reading).
    """
    ends = _END.findall(text)
    said = _value(ends[-1]) if ends else None
    known = {_value(n) for n in _NUMBER.findall(question(item))} | {Fraction(100)}
    found, unfounded = Counter[Fraction](), False
    for left, right in _EQUATION.findall(text.replace("%", "")):
        numbers = [_value(n) for n in _NUMBER.findall(left)]
        unfounded |= any(n not in known and n * 100 not in known for n in numbers)
        known.add(_value(right))
        found[_value(right)] += 1
    needed = Counter(map(Fraction, step_values(item)))
    return Judged(said == int(str(item.target)), not all(valid_equations(text)), unfounded, not needed <= found)


def _value(text: str) -> Fraction:
    return Fraction(text.replace(",", "").rstrip("."))


def planted(item: Example, text: str, rng: np.random.Generator) -> str:
    """A text with one flaw: a false equation, a number from nowhere, or a step left out."""
    all_ = _EQUATION.findall(text)
    left, right = all_[int(rng.integers(len(all_)))]
    kind = int(rng.integers(3))
    if kind == 0:
        return text.replace(f"{left} = {right}", f"{left} = {_value(right) + int(rng.integers(1, 10))}", 1)
    if kind == 1:
        known = {_value(n) for n in _NUMBER.findall(f"{question(item)} {text}")}
        strange = next(
            n for n in map(int, rng.permutation(np.arange(2, 400))) if n not in known and n * 100 not in known
        )
        return text.replace(f"{left} = {right}", f"{strange} + {left} = {_value(right) + strange}", 1)
    return text.replace(f"{left} = {right}", right, 1)


def asked(shown: Sequence[Example], items: Sequence[Example], *, told: bool = False) -> list[str]:
    """Prompts with worked problems in front; with ``told`` the solver's steps stand below each question."""
    note = "Solution: {}\n" if told else "{}"
    before = "".join(
        f"Question: {question(e)}\n{note.format(solution(e) if told else '')}Answer: {solution(e)}\n\n" for e in shown
    )
    return [f"{before}Question: {question(e)}\n{note.format(solution(e) if told else '')}Answer:" for e in items]
