"""What a variant is: a rewriting of an item that keeps its right answer, says where it does not apply, and checks itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from unseen.learners.questions.forms import Form, Style
from unseen.learners.questions.items import Item


class Broken(AssertionError):
    """A variant did not keep what it promises: a fault of its code, never of the data."""


class Variant(ABC):
    """A kind of rewriting. It is pure: equal items and generators give equal forms.

    Attributes:
        name: On the command line.
        title: What it does, in a few words.
        invariant: What it keeps, as a sentence; ``keeps`` checks it for each form.
        same_answer: Whether the right answer has the same text as that of the original.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    invariant: ClassVar[str]
    same_answer: ClassVar[bool] = True

    @abstractmethod
    def why_not(self, item: Item) -> str:
        """Why it does not apply to an item; empty where it does."""

    @abstractmethod
    def rewrite(self, item: Item, rng: np.random.Generator) -> Sequence[Form]:
        """The forms of an item that it applies to."""

    @abstractmethod
    def keeps(self, item: Item, form: Form) -> bool:
        """Whether a form meets the invariant."""

    def forms(self, item: Item, rng: np.random.Generator) -> list[Form]:
        """The forms of an item, checked; none where it does not apply.

        Raises:
            Broken: A form does not keep what the variant promises.
        """
        if self.why_not(item):
            return []
        made = list(self.rewrite(item, rng))
        for form in made:
            same = form.item.target == item.target if self.same_answer else True
            # Whatever it does, the right answer stays one of the same options.
            held = sorted(form.item.options) == sorted(item.options) if self.same_answer else True
            if not (same and held and self.keeps(item, form)):
                raise Broken(f"the variant {self.name} of item {item.name!r} breaks its promise: {self.invariant}")
        return made

    def form(self, item: Item, level: str, *, style: Style | None = None, **changed: object) -> Form:
        """A form with these fields of the item changed."""
        return Form(replace(item, **changed), item.name, self.name, level, style or Style())  # type: ignore[arg-type]
