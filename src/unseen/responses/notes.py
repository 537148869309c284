"""Notes on how a table was read: sentences for people that also say as data what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self


class Note(str):
    """A sentence with facts beside it, for who would else read them out of its words.

    Attributes:
        facts: What was decided → what it came from.
        doubt: Where what was decided may well be wrong, and answers would then be counted for what they are not: the decision
            and how to take the other, in one line for the first screen; else "".

    >>> note = Note.of("Column 'id' was taken as the item.", item="'id'")
    >>> note, dict(note.facts)
    ("Column 'id' was taken as the item.", {'item': "'id'"})
    """

    facts: Mapping[str, str]
    doubt: str

    @classmethod
    def of(cls, words: str, doubt: str = "", /, **facts: str) -> Self:
        """A sentence with its facts, and what is in doubt."""
        note = cls(words)
        note.facts, note.doubt = facts, doubt
        return note


def facts_of(notes: Iterable[str]) -> dict[str, str]:
    """All facts of the notes; a later note goes before an earlier one.

    >>> facts_of(["Rows were dropped.", Note.of("perplexity is a loss.", loss="perplexity")])
    {'loss': 'perplexity'}
    """
    return {name: fact for note in notes if isinstance(note, Note) for name, fact in note.facts.items()}


def doubts_of(notes: Iterable[str]) -> list[str]:
    """What is in doubt, each once.

    >>> doubts_of(["Rows were dropped.", Note.of("A matrix of …", "read as models: a, b")])
    ['read as models: a, b']
    """
    return list(dict.fromkeys(note.doubt for note in notes if isinstance(note, Note) and note.doubt))


__all__ = ["Note", "doubts_of", "facts_of"]
