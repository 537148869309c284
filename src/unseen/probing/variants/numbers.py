"""Other numbers, where the right answer can be worked out again."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from unseen.learners.questions.forms import Form
from unseen.learners.questions.items import Item
from unseen.probing.variants.base import Variant

SUM = re.compile(r"(?<![\d.,+*×-])(?<![+*×-] )(\d{1,9}) ?([+*×-]) ?(\d{1,9})(?![\d.,]*\d)(?! ?[+*×/-])")
DRAWS = 50


def solved(text: str) -> int | None:
    """The value of the one sum, difference or product of whole numbers that a text holds; None where it holds no or more.

    >>> solved("What is 12 + 30?"), solved("3 x"), solved("2 + 3 and 4 + 5"), solved("2 + 3 * 4")
    (42, None, None, None)
    """
    found = SUM.findall(text)
    if len(found) != 1 or len(re.findall(r"\d+", text)) != 2:
        return None
    a, sign, b = int(found[0][0]), found[0][1], int(found[0][2])
    return a + b if sign == "+" else a - b if sign == "-" else a * b


class Numbers(Variant):
    """Draws other numbers of as many digits and works the answer out again."""

    name = "numbers"
    title = "other numbers, the answer worked out again"
    invariant = "all but the two numbers stays; the sum, difference or product is worked out again, and is right on the original."
    same_answer = False

    def why_not(self, item: Item) -> str:
        """Why it does not apply.

        >>> Numbers().why_not(Item("1", "What is 12 + 30?", "43"))
        'the answer of the log is not what the numbers give'
        """
        if item.options:
            return "its options would have to be made anew"
        value = solved(item.question)
        if value is None:
            return "it is no single sum, difference or product, which could be worked out again"
        return (
            ""
            if {str(value)} == {t.replace(",", "") for t in item.target.split("; ")}
            else "the answer of the log is not what the numbers give"
        )

    def rewrite(self, item: Item, rng: np.random.Generator) -> Sequence[Form]:
        """One form, with numbers of as many digits; a difference does not fall below zero where it did not."""
        found = SUM.search(item.question)
        value = solved(item.question)
        if found is None or value is None:
            return []
        for _ in range(DRAWS):
            a, b = (_drawn(found[group], rng) for group in (1, 3))
            question = (
                f"{item.question[: found.start(1)]}{a}{item.question[found.end(1) : found.start(3)]}{b}"
                f"{item.question[found.end(3) :]}"
            )
            new = solved(question)
            if new is not None and (new >= 0) == (value >= 0) and (a, b) != (int(found[1]), int(found[3])):
                return [self.form(item, "others", question=question, target=str(new))]
        return []

    def keeps(self, item: Item, form: Form) -> bool:
        """The text without numbers is the same, numbers have as many digits, and the target is their value."""
        old, new = (re.sub(r"\d", "0", i.question) for i in (item, form.item))
        return (
            old == new and form.item.target == str(solved(form.item.question)) and form.item.question != item.question
        )


def _drawn(digits: str, rng: np.random.Generator) -> int:
    low = 10 ** (len(digits) - 1) if len(digits) > 1 else 0
    return int(rng.integers(low, 10 ** len(digits)))
