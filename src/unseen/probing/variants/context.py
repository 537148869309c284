"""A sentence that has nothing to do with the question."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from unseen.learners.questions.forms import Form
from unseen.learners.questions.items import Item
from unseen.probing.variants.base import Variant

WHO = ("My neighbour", "A colleague of mine", "The woman next door", "An old friend", "The librarian")
DID = (
    "painted the garden fence", "forgot an umbrella on the train", "baked a loaf of bread", "repaired a bicycle",
    "watered the plants on the balcony", "lost a glove in the park",
)  # fmt: skip
WHEN = ("yesterday", "this morning", "last weekend", "on a rainy afternoon")
WORD = re.compile(r"[^\W\d_]+")


class Context(Variant):
    """Puts a sentence from a template before or after the question."""

    name = "context"
    title = "an irrelevant sentence before or after the question"
    invariant = "the question stands in it word for word; the sentence holds no number and no word of the item above three letters."

    def why_not(self, item: Item) -> str:
        """Why it does not apply."""
        return "" if len(_free(item)) else "every sentence at hand shares a word with it"

    def rewrite(self, item: Item, rng: np.random.Generator) -> Sequence[Form]:
        """One sentence before; one after, where the question is a whole sentence."""
        free = _free(item)
        before, after = (free[int(i)] for i in rng.integers(len(free), size=2))
        forms = [self.form(item, "before", question=f"{before} {item.question}")]
        if item.question.rstrip().endswith(("?", ".", "!")):
            forms.append(self.form(item, "after", question=f"{item.question.rstrip()} {after}"))
        return forms

    def keeps(self, item: Item, form: Form) -> bool:
        """The question is there in full, and the rest has nothing in common with the item."""
        asked, whole = form.item.question, item.question.rstrip()
        at = asked.find(whole)
        rest = asked[:at] + asked[at + len(whole) :]
        return at >= 0 and not re.search(r"\d", rest) and not _words(rest) & _own(item)


def _words(text: str) -> set[str]:
    return {w.casefold() for w in WORD.findall(text) if len(w) > 3}


def _own(item: Item) -> set[str]:
    return _words(" ".join((item.question, item.target, *item.options)))


def _free(item: Item) -> list[str]:
    """Sentences that share no word with the item."""
    own = _own(item)
    made = (f"{who} {did} {when}." for who in WHO for did in DID for when in WHEN)
    return [s for s in made if not _words(s) & own]
