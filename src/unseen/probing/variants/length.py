"""Longer options that say the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unseen.learners.questions.forms import Form
from unseen.learners.questions.items import Item
from unseen.probing.variants.base import Variant
from unseen.probing.variants.order import OF_OTHERS

# What is added says nothing that the option does not say.
TAILS = ("{0}, that is to say {0}", "{0} (in other words, {0})", "{0}, or, to put it at greater length, {0}")


class Length(Variant):
    """Makes the right option longer, or a wrong one, by saying it twice."""

    name = "length"
    title = "a longer option that says the same"
    invariant = "one option is said twice and begins as it did; the others, their order and the place of the key are as they were."
    same_answer = False

    def why_not(self, item: Item) -> str:
        """Why it does not apply."""
        if len(item.options) < 2:
            return "no options"
        if item.frame is not None and item.frame.labels is None and (item.frame.letters or not item.frame.scored):
            return "the prompt of the log shows no options"
        if any(OF_OTHERS.search(o) for o in item.options):
            return "an option speaks of other options"
        return "" if max(map(len, item.options)) <= 80 else "an option is long as it is"

    def rewrite(self, item: Item, rng: np.random.Generator) -> Sequence[Form]:
        """The right option longer; one of the wrong ones longer."""
        key = item.options.index(item.target)
        wrong = [i for i in range(len(item.options)) if i != key]
        other = wrong[int(rng.integers(len(wrong)))]
        tail = TAILS[int(rng.integers(len(TAILS)))]
        return [self._longer(item, key, tail, "right option"), self._longer(item, other, tail, "wrong option")]

    def _longer(self, item: Item, place: int, tail: str, level: str) -> Form:
        options = list(item.options)
        options[place] = tail.replace("{0}", options[place])
        return self.form(item, level, options=tuple(options), target=options[item.options.index(item.target)])

    def keeps(self, item: Item, form: Form) -> bool:
        """One option differs, begins as it did and holds it twice; question and place of the key are the same."""
        old, new = item.options, form.item.options
        differ = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
        longer = len(differ) == 1 and differ[0][1].startswith(differ[0][0]) and differ[0][1].count(differ[0][0]) >= 2
        return longer and form.item.question == item.question and form.item.key == item.key
