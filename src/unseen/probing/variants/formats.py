"""Other labels, other layouts, another type of question."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from unseen.probing.items import Item
from unseen.probing.variants.base import Form, Style, Variant

LABELS: dict[str, Style] = {
    "(a) (b)": Style("bracketed"), "1. 2.": Style("numbers"), "bullets": Style("bullets"), "no options shown": Style("hidden"),
}  # fmt: skip
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
        if not item.options and item.question.rstrip().endswith(("A:", "Answer:")):
            return "the question brings a layout of its own"
        return ""

    def rewrite(self, item: Item, rng: np.random.Generator) -> Sequence[Form]:
        """Each layout once; a question that needs its options is not asked without them."""
        del rng
        styles = LABELS if item.options else LAYOUTS
        return [
            self.form(item, level, style=style)
            for level, style in styles.items()
            if style.labels != "hidden" or not NEEDS_OPTIONS.search(item.question)
        ]

    def keeps(self, item: Item, form: Form) -> bool:
        """The item is untouched and stands in the text; shown options stand in their order."""
        shown = form.item.options if form.style.labels != "hidden" else ()
        places = [form.text.find(f" {o}\n", len(item.question)) for o in shown]
        return form.item == item and item.question in form.text and all(p >= 0 for p in places)
