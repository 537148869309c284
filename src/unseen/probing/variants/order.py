"""Options in another order."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from unseen.learners.questions.forms import Form
from unseen.learners.questions.items import Item
from unseen.probing.variants.base import Variant

# Options that speak of others lose their sense in another place.
OF_OTHERS = re.compile(
    r"\b(all|none|both|neither|either|any|two|some) of (the|these|those)\b|\bof the above\b|\babove\b|\bbelow\b|"
    r"\bboth [a-f1-6] and\b|\b(options?|choices?|answers?) \(?[a-f1-6]\)?(\b|$)|^\(?[a-f]\)? (and|or|&) \(?[a-f]\)?$",
    re.IGNORECASE,
)
# Questions that speak of places.
OF_PLACES = re.compile(
    r"\b(first|second|third|fourth|last|following) (option|choice|answer)\b|\b(option|choice|answer) \(?[A-F]\b",
    re.IGNORECASE,
)


class Order(Variant):
    """Rotates the options, so that each stands once at each place."""

    name = "order"
    title = "options in another order"
    invariant = "the same options in another order; the key is the same text and moves with it."

    def why_not(self, item: Item) -> str:
        """Why it does not apply.

        >>> Order().why_not(Item("1", "Which?", "x", ("x", "none of the above")))
        'an option speaks of other options'
        """
        if len(item.options) < 2:
            return "no options"
        if item.frame is not None and item.frame.labels is None:
            return "the prompt of the log shows no options"
        if any(OF_OTHERS.search(o) for o in item.options):
            return "an option speaks of other options"
        if OF_PLACES.search(item.question):
            return "the question speaks of places of options"
        return ""

    def rewrite(self, item: Item, rng: np.random.Generator) -> Sequence[Form]:
        """All rotations but the first."""
        del rng
        n = len(item.options)
        return [
            self.form(item, f"moved by {by}", options=tuple(item.options[(i - by) % n] for i in range(n)))
            for by in range(1, n)
        ]

    def keeps(self, item: Item, form: Form) -> bool:
        """The question is as it was, the options are the same in another order."""
        moved = form.item.options
        return form.item.question == item.question and moved != item.options and sorted(moved) == sorted(item.options)
