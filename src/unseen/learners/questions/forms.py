"""A question as it is asked: an item, its rewriting and how it is laid out."""

from __future__ import annotations

from dataclasses import dataclass

from unseen.learners.language.base import Prompt
from unseen.learners.questions.frames import Frame
from unseen.learners.questions.items import Item
from unseen.learners.questions.layout import ASKED, KINDS, Kind, Labels

ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class Style:
    """How an item is laid out.

    Attributes:
        labels: In front of the options; ``hidden`` shows no options.
        frame: Text around all of it, with ``{}`` in its place.
    """

    labels: Kind = "letters"
    frame: str = "{}"

    def label(self, place: int) -> str:
        """What stands before an option.

        >>> Style("bracketed").label(1), Style("numbers").label(1), Style("bullets").label(1)
        ('(b)', '2.', '-')
        """
        return KINDS[self.labels].at(place)

    @property
    def labelled(self) -> bool:
        """Whether an option can be named by its label."""
        return self.labels in ("letters", "bracketed", "numbers", "other")


@dataclass(frozen=True, slots=True)
class Form:
    """One way of asking an item.

    Attributes:
        item: What is asked: the original, or the item as it is rewritten.
        of: Name of the original.
        kind: Name of the variant, or ``original``.
        level: Which of its forms.
        style: How it is laid out.
    """

    item: Item
    of: str
    kind: str = ORIGINAL
    level: str = ORIGINAL
    style: Style = Style()

    @property
    def name(self) -> str:
        """Name in tables.

        >>> Form(Item("7", "2 + 2 =", "4"), "7", "typos", "few").name
        '7~typos:few'
        """
        return self.of if self.kind == ORIGINAL else f"{self.of}~{self.kind}:{self.level}"

    @property
    def text(self) -> str:
        """What the model is asked.

        >>> print(Form(Item("1", "Capital of Italy?", "Rome", ("Paris", "Rome")), "1").text)
        Capital of Italy?
        <BLANKLINE>
        A. Paris
        B. Rome
        <BLANKLINE>
        Answer with the letter of the right option alone.
        """
        question, frame = self.style.frame.replace("{}", self.item.question), self.item.frame
        if not self.item.options or (frame is not None and frame.labels is None):
            return question
        if frame is not None:
            return f"{question}\n\n{self._labels(frame).lines(self.item.options)}"
        shown = KINDS[self.style.labels].lines(self.item.options)
        parts = [question, *([] if self.style.labels == "hidden" else [shown]), ASKED[self.style.labels]]
        return "\n\n".join(parts)

    @property
    def framed(self) -> Prompt | None:
        """The prompt of the log with this form in the item's place; None where the log shows none."""
        frame = self.item.frame
        if frame is None:
            return None
        question = self.style.frame.replace("{}", self.item.question)
        return frame.prompt(question, self.item.options, None if frame.labels is None else self._labels(frame))

    @property
    def shows_options(self) -> bool:
        """Whether who is asked sees the options."""
        frame = self.item.frame
        return bool(self.item.options) and (frame.labels is not None if frame else self.style.labels != "hidden")

    def _labels(self, frame: Frame) -> Labels:
        own = frame.labels or Labels()
        return own.other() if self.style.labels == "other" else own
