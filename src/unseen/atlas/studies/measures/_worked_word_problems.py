"""Word problems with their steps written as equations, and what may be wrong with steps that lead to a right number."""

from __future__ import annotations

import ast
import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from unseen import tasks
from unseen.tasks.arithmetic.equations import valid_equations
from unseen.tasks.base import Example
from unseen.tasks.knowledge.word_templates import PEOPLE, THINGS
from unseen.tasks.knowledge.words import WordProblems, step_values

_SIGNS = {"more": "+", "fewer": "-", "times": "*", "share": "/", "percent": "*", "together": "+", "apart": "-"}
END = "Done."
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_HELD = r"[\d.+*/()\s-]*"
_CHAIN = re.compile(rf"[\d(]{_HELD}(?:=\s*[\d(-]{_HELD})+")
_CLAUSE = re.compile(r"[.,;:]\s|\n")
_UNIT = re.compile(rf"\s*\b(?:{'|'.join(t.removesuffix('s') + 's?' for t in THINGS['english'])})\b")
_PERCENT = re.compile(r"(?<=\d)\s*(?:%|percent\b)")
_OF = re.compile(r"(?<=\d)\s*(?:%|percent) of (\d)")
_ALIKE = str.maketrans({"×": "*", "÷": "/", "−": "-"})
_BY: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_END = re.compile(r"answer is[^\d-]{0,3}(-?\d[\d,]*(?:\.\d+)?)")


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
    """Who has how many, in the order told, each found number with its equation, and the answer.

    >>> print(solution(drawn(np.random.default_rng(1), 1, 2, idle=0)[0]))
    Finn has 12. Sam has 12 * 5 = 60. Tess has 34. Gus has 60 - 34 = 26. The answer is 26.
    """
    found, said = iter(equations(item)), list[str]()
    for node, who in zip(item.hidden["nodes"], item.hidden["who"], strict=False):
        said.append(f"{PEOPLE['english'][who]} has {node[1] if node[0] == 'given' else next(found)}.")
    return " ".join([*said, f"The answer is {item.target}."])


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

    A step is found where an equation or a part of one comes to its value: several steps in one equation are no flaw.

    Source: after Boye & Moell (2025), Large language models and mathematical reasoning failures (steps are judged beside
    answers; rules on equations, premises and needed values in place of the authors' reading).

    >>> item = drawn(np.random.default_rng(1), 1, 2, idle=0)[0]
    >>> judge(item, "12 * 5 - 34 = 60 - 34 = 26 coins. The answer is 26.").flawed, judge(item, "The answer is 26.").missing
    (False, True)
    """
    ends = _END.findall(text)
    said = _value(ends[-1]) if ends else None
    known = {_value(n) for n in _NUMBER.findall(question(item))} | {Fraction(1), Fraction(100)}
    found, unfounded = Counter[Fraction](), False
    for sides in map(_sides, chains(text)):
        for at, (numbers, values) in enumerate(sides):
            # The number that ends a chain is what it comes to, not what it is made from.
            if at == 0 or len(numbers) > 1:
                unfounded |= any(n not in known and n * 100 not in known for n in numbers)
            known |= {*numbers, *values}
            found.update(values)
    return Judged(
        said == int(str(item.target)), not all(valid_equations(plain(text))), unfounded,
        not Counter(map(Fraction, step_values(item))) <= found,
    )  # fmt: skip


def plain(text: str) -> str:
    """A text with one sign for each operation, percentages as hundredths, and no names of things between numbers.

    >>> plain("5 coins × 1,200 shells = 6,000 shells."), plain("20% of 45 = 9, 25% * 8 = 2")
    ('5 * 1200 = 6000.', '20 / 100 * 45 = 9, 25 / 100 * 8 = 2')
    """
    text = _UNIT.sub("", re.sub(r"(?<=\d),(?=\d{3})", "", text.translate(_ALIKE)))
    return _PERCENT.sub(" / 100", _OF.sub(r" / 100 * \1", text))


def chains(text: str) -> list[str]:
    """Equations with numbers alone; of several signs of equality in a row all.

    >>> chains("Ada has 2 + 3 = 1 + 4 = 5 coins, and 5 - 1 = 4. So n = 4.")
    ['2 + 3 = 1 + 4 = 5', '5 - 1 = 4']
    """
    made = (c.strip(" .") for clause in _CLAUSE.split(plain(text)) for c in _CHAIN.findall(clause))
    return [c for c in made if re.search(r"\d\s*\)*\s*[-+*/]", c)]


def _sides(chain: str) -> list[tuple[list[Fraction], list[Fraction]]]:
    """Of each side its numbers, and what its operations come to; one that can't be read comes to nothing."""
    return [([_value(n) for n in _NUMBER.findall(side)], _values(side)) for side in chain.split("=")]


def _values(side: str) -> list[Fraction]:
    values = list[Fraction]()

    def come_to(node: ast.expr) -> Fraction:
        if isinstance(node, ast.Constant):
            return Fraction(str(node.value))
        if isinstance(node, ast.UnaryOp):
            return -come_to(node.operand)
        if not isinstance(node, ast.BinOp):
            raise ValueError(side)
        value = _BY[type(node.op)](come_to(node.left), come_to(node.right))
        values.append(value)
        return value

    try:
        come_to(ast.parse(side.strip().rstrip("."), mode="eval").body)
    except (SyntaxError, ValueError, KeyError, ZeroDivisionError):
        return []
    return values


def _value(text: str) -> Fraction:
    return Fraction(text.replace(",", "").rstrip("."))


def planted(item: Example, text: str, rng: np.random.Generator) -> str:
    """A text with one flaw: a false equation, a number from nowhere, or a step left out."""
    text, all_ = plain(text), chains(text)
    chain = all_[int(rng.integers(len(all_)))]
    left, right = (side.strip() for side in chain.rsplit("=", 1))
    kind = int(rng.integers(3))
    if kind == 0:
        return text.replace(chain, f"{left} = {_value(right) + int(rng.integers(1, 10))}", 1)
    if kind == 1:
        known = {_value(n) for n in _NUMBER.findall(f"{question(item)} {text}")}
        strange = next(
            n for n in map(int, rng.permutation(np.arange(2, 400))) if n not in known and n * 100 not in known
        )
        return text.replace(chain, f"{strange} + {left} = {_value(right) + strange}", 1)
    return text.replace(chain, right, 1)


def asked(shown: Sequence[Example], items: Sequence[Example], *, told: bool = False) -> list[str]:
    """Prompts with worked problems in front; with ``told`` the solver's steps stand below each question.

    A word ends each answer, so that none goes on behind its number.
    """
    note = "Solution: {}\n" if told else "{}"
    before = "".join(
        f"Question: {question(e)}\n{note.format(solution(e) if told else '')}Answer: {solution(e)} {END}\n\n"
        for e in shown
    )
    return [f"{before}Question: {question(e)}\n{note.format(solution(e) if told else '')}Answer:" for e in items]
