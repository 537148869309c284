"""Other words for the same request, from templates."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from unseen.learners.questions.forms import Form
from unseen.learners.questions.items import Item
from unseen.probing.variants.base import Variant

FRAMES = (
    "Please answer this question: {}", "Here is a question for you. {}", "I would like to know the answer to this: {}",
    "{} Think of the answer and tell me.", "Question: {}",
)  # fmt: skip
# Whole requests in other words: what they ask for is carried over as it is.
REWRITES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^What is (the [^?]+)\?$"), "Tell me {}."),
    (re.compile(r"^What is (\d[^?]*)\?$"), "Work out {}."),
    (re.compile(r"^What are (the [^?]+)\?$"), "Name {}."),
    (re.compile(r"^Who was (the [^?]+)\?$"), "Name {}."),
    (re.compile(r"^How much is ([^?]+)\?$"), "What does {} come to?"),
    (re.compile(r"^(?:Calculate|Compute|Work out) ([^?.]+)\.?$"), "What is {}?"),
)
TAKEN = 2


class Paraphrase(Variant):
    """Puts a request in other words: two frames, and a rewriting where a pattern fits."""

    name = "paraphrase"
    title = "the same request in other words"
    invariant = "what is asked for stands in it word for word; only the request around it differs."

    def why_not(self, item: Item) -> str:
        """Why it does not apply: around a text that is to be continued, other words would be another text."""
        if _asked_for(item.question) or item.question.rstrip().endswith("?"):
            return ""
        return "it is no question, so that a frame might change what is asked"

    def rewrite(self, item: Item, rng: np.random.Generator) -> Sequence[Form]:
        """Frames drawn for each item, so that no single wording carries the result."""
        forms: list[Form] = []
        if item.question.rstrip().endswith("?"):
            chosen = sorted(int(i) for i in rng.choice(len(FRAMES), size=TAKEN, replace=False))
            forms = [
                self.form(item, f"frame {i + 1}", question=FRAMES[i].replace("{}", item.question.strip()))
                for i in chosen
            ]
        asked = _asked_for(item.question)
        return [*forms, *([self.form(item, "request", question=asked[0].replace("{}", asked[1]))] if asked else [])]

    def keeps(self, item: Item, form: Form) -> bool:
        """The question, or what it asks for, is there in full."""
        asked = _asked_for(item.question)
        return item.question.strip() in form.item.question or bool(asked and asked[1] in form.item.question)


def _asked_for(question: str) -> tuple[str, str] | None:
    """A template and what goes into it; None where no pattern fits."""
    for pattern, template in REWRITES:
        if found := pattern.match(question.strip()):
            return template, found[1]
    return None
