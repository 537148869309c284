"""Other labels, other layouts, another type of question."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from unseen.learners.questions.forms import Form, Style
from unseen.learners.questions.items import Item
from unseen.probing.variants.base import Variant

LABELS: dict[str, Style] = {
    "(a) (b)": Style("bracketed"), "1. 2.": Style("numbers"), "bullets": Style("bullets"), "no options shown": Style("hidden"),
}  # fmt: skip
# In the prompt of a log the letters stay, since it asks for letters.
MARKS: dict[str, Style] = {"other marks": Style("other")}
LAYOUTS: dict[str, Style] = {
    "Q: A:": Style(frame="Q: {}\nA:"), "heading": Style(frame="### Question\n{}\n\n### Answer\n"),
}  # fmt: skip
# Without its options such a question has no answer.
NEEDS_OPTIONS = re.compile(
    r"\b(which|what) (one )?of (the|these|those)\b|\bfollowing\b|\b(best|most|least) \w+|\bexcept\b|\bnot\b|[_]{2,}|\.\.\.$",
    re.IGNORECASE,
)


class Format(Variant):
    """Labels, layout and type of question; the words of the item stay."""

    name = "format"
    title = "other labels, layout or type of question"
    invariant = "question, options, their order and the key are the same; only what stands around them differs."

    def why_not(self, item: Item) -> str:
        """Why it does not apply."""
        if item.frame is not None and not (_marked(item) or (item.frame.bare and not item.options)):
            return "the prompt of the log has a layout of its own"
        if not item.options and item.question.rstrip().endswith(("A:", "Answer:")):
            return "the question brings a layout of its own"
        return ""

    def rewrite(self, item: Item, rng: np.random.Generator) -> Sequence[Form]:
        """Each layout once; a question that needs its options is not asked without them."""
        del rng
        styles = (MARKS if item.frame is not None else LABELS) if item.options else LAYOUTS
        return [
            self.form(item, level, style=style)
            for level, style in styles.items()
            if style.labels != "hidden" or not NEEDS_OPTIONS.search(item.question)
        ]

    def keeps(self, item: Item, form: Form) -> bool:
        """The item is untouched and stands in the text; shown options stand in their order."""
        shown = form.item.options if form.shows_options else ()
        places = [f"{form.text}\n".find(f" {o}\n", len(item.question)) for o in shown]
        return form.item == item and item.question in form.text and all(p >= 0 for p in places)


def _marked(item: Item) -> bool:
    """Whether the prompt of the log shows options with letters, whose marks may be others."""
    return bool(item.options and item.frame and item.frame.labels and item.frame.labels.alphabet)
