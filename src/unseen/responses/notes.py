"""Notes on how a table was read: sentences for people that also say as data what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self


class Note(str):
    """A sentence with facts beside it, for who would else read them out of its words.

    Attributes:
        facts: What was decided → what it came from.

    >>> note = Note.of("Column 'id' was taken as the item.", item="'id'")
    >>> note, dict(note.facts)
    ("Column 'id' was taken as the item.", {'item': "'id'"})
    """

    facts: Mapping[str, str]

    @classmethod
    def of(cls, words: str, **facts: str) -> Self:
        """A sentence with its facts."""
        note = cls(words)
        note.facts = facts
        return note


def facts_of(notes: Iterable[str]) -> dict[str, str]:
    """All facts of the notes; a later note goes before an earlier one.

    >>> facts_of(["Rows were dropped.", Note.of("perplexity is a loss.", loss="perplexity")])
    {'loss': 'perplexity'}
    """
    return {name: fact for note in notes if isinstance(note, Note) for name, fact in note.facts.items()}


__all__ = ["Note", "facts_of"]
