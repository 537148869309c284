"""Scores that logs write as words: passed, incorrect, C, yes; and losses, of which the score is the negative."""

from __future__ import annotations

import polars as pl

from unseen.responses.columns import is_text
from unseen.responses.notes import Note

RIGHT = ("true", "t", "yes", "y", "pass", "passed", "correct", "c", "right", "success", "resolved", "✓", "✔", "✅")
WRONG = ("false", "f", "no", "n", "fail", "failed", "incorrect", "i", "wrong", "failure", "unresolved", "✗", "✘", "❌")
MAX_WORDS = 12


def scores_from_words(column: pl.Series) -> tuple[pl.Series, str] | None:
    """A column of words as 1 and 0, with what was read as what; None where it holds anything else.

    Args:
        column: Text; missing values stay missing.

    >>> scores_from_words(pl.Series("score", ["PASS", "fail", None]))[0].to_list()
    [1.0, 0.0, None]
    >>> scores_from_words(pl.Series("score", ["a", "b"])) is None
    True
    """
    if not is_text(column):
        return None
    text = column.cast(pl.String)
    levels = text.drop_nulls().unique().sort().to_list()
    words = {level: level.strip().lower() for level in levels if level.strip()}
    if not words or len(words) > MAX_WORDS or not set(words.values()) <= {*RIGHT, *WRONG}:
        return None
    number = {level: 1.0 if word in RIGHT else 0.0 for level, word in words.items()}
    told = ", ".join(f"{level} as {int(number[level])}" for level in words)
    return text.replace_strict(number, default=None, return_dtype=pl.Float64).alias(column.name), told


def may_be_score(column: pl.Series) -> bool:
    """Whether a column holds numbers, truth values, or at least one word for right or wrong.

    >>> may_be_score(pl.Series(["pass", "error"])), may_be_score(pl.Series(["blue", "Friday"]))
    (True, False)
    """
    if not is_text(column):
        return column.dtype.is_numeric() or column.dtype == pl.Boolean
    levels = column.cast(pl.String).drop_nulls().unique().str.strip_chars()
    return bool(levels.cast(pl.Float64, strict=False).is_not_null().any()) or bool(known_words(levels).any())


def known_words(text: pl.Series) -> pl.Series:
    """Which texts are words for right or wrong."""
    return text.str.strip_chars().str.to_lowercase().is_in([*RIGHT, *WRONG]).fill_null(value=False)


def negated(name: str) -> Note:
    """The note of a table whose score is the negative of a loss.

    >>> negated("perplexity")
    'perplexity is smaller for better answers: its negative is the score.'
    """
    return Note.of(f"{name} is smaller for better answers: its negative is the score.", loss=name)


__all__ = ["known_words", "may_be_score", "negated", "scores_from_words"]
