"""People under other names."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from unseen.learners.questions.forms import Form
from unseen.learners.questions.items import Item
from unseen.probing.variants.base import Variant

# Names of one list take each other's places, so that "she" still fits.
SHE = (
    "Alice", "Anna", "Carla", "Emma", "Grace", "Hannah", "Janet", "Julia", "Laura", "Linda", "Lisa", "Maria", "Mary",
    "Nina", "Olivia", "Rachel", "Sarah", "Sophie", "Susan", "Tina",
)  # fmt: skip
HE = (
    "Adam", "Ben", "Bob", "Carl", "Daniel", "David", "Eric", "George", "Henry", "Jack", "James", "John", "Liam", "Mark",
    "Michael", "Noah", "Oscar", "Paul", "Peter", "Tom",
)  # fmt: skip
GIVEN = re.compile(rf"\b({'|'.join((*SHE, *HE))})\b")


class Names(Variant):
    """Gives the people of a question other given names."""

    name = "names"
    title = "people under other names"
    invariant = "given names alone are replaced, each by one other that stood nowhere in the item; the target holds none of them."

    def why_not(self, item: Item) -> str:
        """Why it does not apply.

        >>> Names().why_not(Item("1", "When was George Washington born?", "1732"))
        'a name is that of a known person, or of something else'
        """
        found = GIVEN.findall(item.question)
        if not found:
            return "no given name of the list"
        if GIVEN.search(" ".join((item.target, *item.options))):
            return "the answer holds a name"
        # "George Washington", "King Henry", "John Deere", "St. Mary": no person of a made-up story.
        known = rf"(?:\b[A-Z][\w.]*\s+(?:{'|'.join(found)})\b)|(?:\b(?:{'|'.join(found)})\s+[A-Z])"
        begins = re.sub(r"(^|[.?!:]\s+)[A-Z][a-z]*(?=\s)", r"\1x", item.question)
        if re.search(known, begins) or re.search(rf"\b(?:{'|'.join(found)})\s+[A-Z]", item.question):
            return "a name is that of a known person, or of something else"
        return ""

    def rewrite(self, item: Item, rng: np.random.Generator) -> Sequence[Form]:
        """One form, with names drawn from the same list."""
        new: dict[str, str] = {}
        for old in dict.fromkeys(GIVEN.findall(item.question)):
            free = [n for n in (SHE if old in SHE else HE) if n not in item.question and n not in new.values()]
            if not free:
                return []
            new[old] = free[int(rng.integers(len(free)))]
        return [self.form(item, "others", question=GIVEN.sub(lambda m: new[m[0]], item.question))]

    def keeps(self, item: Item, form: Form) -> bool:
        """Without names the two are the same, names go one to one, and none stays."""
        old, new = GIVEN.findall(item.question), GIVEN.findall(form.item.question)
        pairs = set(zip(old, new, strict=False))
        one_to_one = len(pairs) == len(set(old)) == len(set(new))
        same = GIVEN.sub("", item.question) == GIVEN.sub("", form.item.question)
        return same and one_to_one and len(old) == len(new) and not set(old) & set(new)
