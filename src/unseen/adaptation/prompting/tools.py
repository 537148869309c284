"""Tools around a model: a calculator, records to look up, or a pattern that holds it to the form of an answer."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from unseen.adaptation.prompting.base import Asker, Question, Said, Turn, answered, nothing, wanted
from unseen.learners.questions.layout import LETTERS
from unseen.tasks.knowledge.addresses import opened

LONGEST, LARGEST = 300, 10**30
MOST_POWER = 64
# A number as an answer gives it.
NUMBER = r"-?[0-9]{1,15}(\.[0-9]{1,6})?"
TWO: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: lambda a, b: Fraction(a // b), ast.Mod: operator.mod,
}  # fmt: skip
ORDER = (
    "Write one arithmetic expression whose value is the answer, with numbers, + - * / and parentheses only. Write the "
    "expression alone, without its value."
)
LOOK = (
    "Look up what you need, one call at a time; what a call finds is told to you. Then write a line that begins with "
    '"Answer:" and gives'
)
LOOKUP = re.compile(r"\[?\s*(find\s*\([^()\[\]]*\))\s*\]?", re.IGNORECASE)
ANSWERED = re.compile(r"^\W*answer\W*:[\s*]*(?P<said>\S.*)", re.IGNORECASE | re.DOTALL | re.MULTILINE)


def calculator(questions: Sequence[Question], pool: Sequence[Question], asker: Asker) -> list[Said]:
    """The model writes an expression, which is worked out exactly; what is none stays as it was said.

    Args:
        questions: With numbers as answers.
        pool: Not looked at.
        asker: The model.

    Source: Gao et al. (2023), PAL: program-aided language models, section 3 (expressions in place of programs).
    """
    turns = [[(f"{q.shown()}\n\n{ORDER}", "")] for q in questions]
    return answered(questions, turns, asker, asker.long, lambda text: value_in(text) or text)


def lookups(questions: Sequence[Question], pool: Sequence[Question], asker: Asker, *, most: int = 8) -> list[Said]:
    """The model looks records of a small world up, call by call, before it answers; calls in its text are run for it.

    A text that still calls after the last lookup is no answer.

    Args:
        questions: With the address of a world each (``api``).
        pool: Not looked at.
        asker: The model.
        most: Most calls for a question.

    Raises:
        BadInput: A question's ``api`` is no address of a world.

    Source: Jin et al. (2024), GeneGPT, section 2.3 (decoding stops at a call, whose result is put into the text).
    """
    worlds, said = [opened(q.api) for q in questions], nothing(questions)
    turns: list[list[Turn]] = [
        [(f"{w.described} For example, {w.example}\n\n{q.shown()}\n\n{LOOK} {q.wants}.", "")]
        for w, q in zip(worlds, questions, strict=True)
    ]
    settings, waiting = replace(asker.long, stop=(*asker.long.stop, "->")), list(range(len(questions)))
    for step in range(most + 1):
        if not waiting:
            break
        answers = asker.ask([turns[i] for i in waiting], settings, [said[i] for i in waiting])
        calling: list[int] = []
        for i, answer in zip(waiting, answers, strict=True):
            found, call = ANSWERED.search(answer.text), LOOKUP.search(answer.text)
            if found is not None or call is None:
                said[i].text = (found["said"] if found is not None else answer.text).strip()
            elif step < most:
                turns[i][-1] = (turns[i][-1][0], f"{answer.text[: call.end()].strip()}->")
                turns[i].append((f"[{worlds[i].call(call[1])}]", ""))
                calling.append(i)
        waiting = calling
    return said


def constrained(questions: Sequence[Question], pool: Sequence[Question], asker: Asker) -> list[Said]:
    """Nothing but an answer of the right form can be said: a letter of the options, or a number.

    Args:
        questions: With options, or with numbers as answers.
        pool: Not looked at.
        asker: The model, which must run here.

    Source: Willard & Louf (2023), Efficient guided generation for large language models, section 3.
    """
    said = nothing(questions)
    forms: dict[str, list[int]] = {}
    for i, q in enumerate(questions):
        form = f"[A-{LETTERS[len(q.options) - 1]}]" if q.options else NUMBER
        # After a text that is continued an answer begins with a space.
        forms.setdefault(form if asker.chats else f" ?{form}", []).append(i)
    for form, own in forms.items():
        settings = replace(asker.short, pattern=form, stop=())
        turns = [[(wanted(questions[i]), "")] for i in own]
        for i, answer in zip(own, asker.ask(turns, settings, [said[i] for i in own]), strict=True):
            said[i].text = answer.text
    return said


def value_in(text: str) -> str | None:
    r"""The value of the first line that is an arithmetic expression; None where there is none.

    >>> value_in("(3 + 4) * 12"), value_in("So:\n`7 × 8 =`"), value_in("no idea"), value_in("1 / 0")
    ('84', '56', None, None)
    """
    for line in text.splitlines():
        plain = line.replace("×", "*").replace("·", "*").replace("÷", "/").replace("−", "-").strip(" `$.*=")
        plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", plain.split("=")[0]).strip()
        if plain and re.search(r"\d", plain) and (found := worked_out(plain)) is not None:
            return found
    return None


def worked_out(text: str) -> str | None:
    """The value of an arithmetic expression, exactly; None where it is none, or too large to be meant.

    It is parsed, and its nodes are computed here: nothing of it is run.

    >>> worked_out("2 ** 3 + 1 / 2"), worked_out("__import__('os')"), worked_out("9 ** 9 ** 9")
    ('8.5', None, None)
    """
    if len(text) > LONGEST:
        return None
    try:
        value = _value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError, MemoryError):
        return None
    if value.denominator == 1:
        return str(value.numerator)
    return format(Decimal(value.numerator) / Decimal(value.denominator), "f").rstrip("0")


def _value(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        # What is too large for a float is infinite, which is no fraction.
        found = Fraction(str(node.value))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _value(node.operand)
        found = -inner if isinstance(node.op, ast.USub) else inner
    elif isinstance(node, ast.BinOp) and type(node.op) in TWO:
        found = TWO[type(node.op)](_value(node.left), _value(node.right))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base, power = _value(node.left), _value(node.right)
        if power.denominator != 1 or abs(power) > MOST_POWER:
            raise ValueError("no power that an exact answer can be had of")
        found = base**power.numerator
    else:
        raise ValueError("no arithmetic expression")
    if abs(found) > LARGEST or found.denominator > LARGEST:
        raise ValueError("too large to be meant")
    return Fraction(found)
