"""A model's own doubt: the probability that it calls its answer true, and that it says it knows one beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from unseen.errors import BadInput
from unseen.learners.language.base import Answer, LanguageModel, Prompt
from unseen.learners.questions.forms import Form
from unseen.probing.asking import Asking

ORDERS = (("true", "false"), ("false", "true"))
YES = (("yes", "no"), ("no", "yes"))


def question(form: Form, said: str, order: tuple[str, str]) -> str:
    """The question whether an answer is right.

    >>> from unseen.learners.questions.items import Item
    >>> print(question(Form(Item("1", "2 + 2 =", "4"), "1"), "5", ("true", "false")))
    Question: 2 + 2 =
    Proposed answer: 5
    Is the proposed answer true or false?
    (A) true
    (B) false
    Answer with the letter alone.
    """
    lines = (
        f"Question: {form.text}", f"Proposed answer: {said.strip()}", "Is the proposed answer true or false?",
        f"(A) {order[0]}", f"(B) {order[1]}", "Answer with the letter alone.",
    )  # fmt: skip
    return "\n".join(lines)


def beforehand(form: Form, order: tuple[str, str]) -> str:
    """The question whether the answer is known, asked without one.

    >>> from unseen.learners.questions.items import Item
    >>> print(beforehand(Form(Item("1", "2 + 2 =", "4"), "1"), ("yes", "no")))
    Question: 2 + 2 =
    Would you answer this question correctly?
    (A) yes
    (B) no
    Answer with the letter alone.
    """
    lines = (
        f"Question: {form.text}", "Would you answer this question correctly?", f"(A) {order[0]}", f"(B) {order[1]}",
        "Answer with the letter alone.",
    )  # fmt: skip
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Doubt:
    """What a model says of its own answers.

    Attributes:
        p_true: P(True) of each answer of each form.
        p_ik: P(IK) of each form, stated before it answers or told by a head; None where it was not answered.
        stated: What it states, where p_ik is told by a head.
    """

    p_true: tuple[tuple[float | None, ...], ...]
    p_ik: tuple[float | None, ...]
    stated: tuple[float | None, ...] = ()


def doubted(
    forms: Sequence[Form], answers: Sequence[Answer | None], model: LanguageModel, how: Asking
) -> tuple[Doubt | None, str]:
    """P(True) of each answer and P(IK) of each form that was answered, and why they can't be had ("" where they can).

    Asked with "true" (or "yes") as the first and as the second option, and averaged: a model that prefers a letter would else
    be sure of all its answers, or of none.

    Source: Kadavath et al. (2022), Language models (mostly) know what they know, sections 3 and 5 (there P(IK) is a head that
    was trained; here it is what the model states).
    """
    places = [(f, c) for f, a in enumerate(answers) if a is not None for c in range(len(a.completions))]
    asked = [f for f, a in enumerate(answers) if a is not None]
    said = [(forms[f], a.completions[c].text) for f, c in places if (a := answers[f]) is not None]
    try:
        true = _both_orders([[question(form, text, order) for order in ORDERS] for form, text in said], model, how)
        known = _both_orders([[beforehand(forms[f], order) for order in YES] for f in asked], model, how)
    except BadInput as error:
        return None, str(error)
    p_true: list[list[float | None]] = [[] for _ in forms]
    for (f, _), p in zip(places, true, strict=True):
        p_true[f].append(p)
    p_ik = dict(zip(asked, known, strict=True))
    return Doubt(tuple(map(tuple, p_true)), tuple(p_ik.get(f) for f in range(len(forms)))), ""


def _both_orders(texts: Sequence[Sequence[str]], model: LanguageModel, how: Asking) -> list[float]:
    """Mean probability of what stands first in the first order of two, over both orders."""
    chat = how.chats(model)
    prompts: list[Prompt] = [
        [{"role": "user", "content": t}] if chat else f"{t}\nAnswer:" for both in texts for t in both
    ]
    letters = ["A", "B"] if chat else [" A", " B"]
    scored = model.score(prompts, [letters] * len(prompts))
    found: list[float] = []
    for i in range(0, len(prompts), 2):
        (a, b), (c, d) = ((s.logprob for s in scored[j]) for j in (i, i + 1))
        found.append((sure(a, b) + 1 - sure(c, d)) / 2)
    return found


def sure(first: float, second: float) -> float:
    """Probability of the first of two continuations, given that it is one of them.

    >>> round(sure(-1.0, -1.0), 2), round(sure(-0.1, -900.0), 2)
    (0.5, 1.0)
    """
    return 1 / (1 + math.exp(min(700.0, second - first)))


def spread(doubt: Doubt, places: Sequence[int], forms: int) -> Doubt:
    """Doubt of some of many forms, each with one answer, as that of all of them.

    Args:
        doubt: Of the forms at these places.
        places: Of them among all.
        forms: How many there are in all.

    >>> spread(Doubt(((0.9,),), (0.7,)), [1], 3).p_ik
    (None, 0.7, None)
    """
    at = {place: i for i, place in enumerate(places)}
    every = range(forms)
    return Doubt(
        tuple(doubt.p_true[at[f]] if f in at else (None,) for f in every),
        tuple(doubt.p_ik[at[f]] if f in at else None for f in every),
        tuple(doubt.stated[at[f]] if f in at else None for f in every) if doubt.stated else (),
    )
