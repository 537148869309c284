"""Slips of the finger."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from unseen.learners.questions.forms import Form
from unseen.learners.questions.items import Item
from unseen.probing.variants.base import Variant

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
# Words that turn the sense round when they can't be read.
WEIGHTY = frozenset((
    "never", "except", "without", "unless", "least", "most", "more", "less", "fewer", "before", "after", "above",
    "below", "between", "only", "always", "false", "true", "wrong", "right", "correct", "incorrect", "greater",
    "smaller", "larger", "minus", "plus", "times", "divided",
))  # fmt: skip
WORD = re.compile(r"(?<![\w$\\-])[a-z]{4,}(?![\w$\\-])")
LEVELS = {"few": 0.1, "many": 0.3}


def neighbours(letter: str) -> str:
    """Letters beside one on a keyboard, in its row.

    >>> neighbours("a"), neighbours("d")
    ('s', 'sf')
    """
    row = next(r for r in ROWS if letter in r)
    at = row.index(letter)
    return row[max(0, at - 1) : at] + row[at + 1 : at + 2]


class Typos(Variant):
    """Hits the key beside the right one in some words."""

    name = "typos"
    title = "slips of the finger"
    invariant = (
        "numbers, names, options, short and weighty words stay; a word that is touched differs in one letter inside it."
    )

    def why_not(self, item: Item) -> str:
        """Why it does not apply.

        >>> Typos().why_not(Item("1", "12 + 34 =", "46"))
        'no word that may be touched'
        """
        if re.search(r"```|[;{]\s*$|^\s*(def|class|import|return) ", item.question, re.MULTILINE):
            return "it holds code"
        return "" if _free(item) else "no word that may be touched"

    def rewrite(self, item: Item, rng: np.random.Generator) -> Sequence[Form]:
        """A tenth and three tenths of the words that may be touched, one at least."""
        free = _free(item)
        forms: list[Form] = []
        for level, share in LEVELS.items():
            count = max(1, round(share * len(free)))
            if forms and count == 1:
                break
            letters = list(item.question)
            for at in sorted(int(i) for i in rng.choice(len(free), size=count, replace=False)):
                start, end = free[at].span()
                # The first and the last letter carry most of what a reader needs.
                place = int(rng.integers(start + 1, end - 1))
                near = neighbours(letters[place])
                letters[place] = near[int(rng.integers(len(near)))]
            forms.append(self.form(item, level, question="".join(letters)))
        return forms

    def keeps(self, item: Item, form: Form) -> bool:
        """Equal length, letters differ inside words that may be touched alone, one a word."""
        old, new = item.question, form.item.question
        if len(old) != len(new) or old == new:
            return False
        changed = [i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
        words = [next((m.start() for m in _free(item) if m.start() < i < m.end() - 1), -1) for i in changed]
        return -1 not in words and len(set(words)) == len(words)


def _free(item: Item) -> list[re.Match[str]]:
    """Words of the question that may be touched."""
    # The checks of an instruction name the words that it speaks of, also those that an answer must not hold.
    held = {w for text in (item.target, *item.options, item.checks) for w in re.findall(r"\w+", text.casefold())}
    return [m for m in WORD.finditer(item.question) if m[0] not in held and m[0] not in WEIGHTY]
