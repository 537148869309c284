"""Tokens and their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from unseen.data import Examples

# The first numbers have a meaning of their own in every vocabulary, so that a model need not be told.
PAD, BOS, EOS, EMPTY, UNKNOWN = range(5)
SPECIAL = ("<pad>", "<bos>", "<eos>", "<empty>", "<unk>")


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a task, numbered.

    Numbers 0 to 4 are padding, begin, end, empty (also the mark between question and answer) and unknown;
    the task's tokens follow in sorted order.

    Attributes:
        tokens: All tokens, the special ones first.
        separator: How text falls into tokens: ``" "`` by white space, ``""`` by character.
    """

    tokens: tuple[str, ...]
    separator: str = " "
    numbers: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", {token: i for i, token in enumerate(self.tokens)})

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def of(cls, *examples: Examples, separator: str = " ") -> Vocabulary:
        """All tokens in inputs and targets of these examples.

        >>> import polars as pl
        >>> Vocabulary.of(Examples(pl.DataFrame({"input": ["b a"], "target": ["c"]}))).tokens[5:]
        ('a', 'b', 'c')
        """
        found: set[str] = set()
        for e in examples:
            for name in (*e.inputs, *([e.target] if e.target else [])):
                for value in e.table[name].to_list():
                    found.update(split(value, separator))
        return cls((*SPECIAL, *sorted(found - set(SPECIAL))), separator)

    def encode(self, value: object) -> list[int]:
        """Numbers of the tokens of a text, a list of tokens or a single value."""
        return [self.numbers.get(token, UNKNOWN) for token in split(value, self.separator)]

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Tokens up to the first end mark; padding, begin and empty are left out."""
        found: list[str] = []
        for number in numbers:
            if number == EOS:
                break
            if number not in (PAD, BOS, EMPTY):
                found.append(self.tokens[number])
        return found

    def text(self, tokens: Sequence[str]) -> str:
        """Tokens as one text."""
        return self.separator.join(tokens)


def split(value: object, separator: str = " ") -> list[str]:
    """Tokens of a value: lists as they are, text split, anything else as one token.

    >>> split("ab c"), split("ab c", ""), split(["x", "y z"]), split(7)
    (['ab', 'c'], ['a', 'b', 'c'], ['x', 'y z'], ['7'])
    """
    if isinstance(value, str):
        if separator == " ":
            return value.split()
        return [c for c in value if not c.isspace()] if not separator else [t.strip() for t in value.split(separator)]
    if isinstance(value, list | tuple | np.ndarray):
        return [str(token) for token in value]
    return [str(value)]


def padded(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Rows of numbers as one int64 array of shape (n, longest), filled up with padding.

    >>> padded([[5, 6], [7]]).tolist()
    [[5, 6], [7, 0]]
    """
    lengths = np.fromiter((len(r) for r in rows), np.int64, len(rows))
    out = np.full((len(rows), max(1, int(lengths.max(initial=0)))), PAD, dtype=np.int64)
    out[np.arange(out.shape[1]) < lengths[:, None]] = np.fromiter((x for r in rows for x in r), np.int64, lengths.sum())
    return out
