"""What a finding blames: the rows on which scores are worse, as conditions on columns, and the models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unseen.checks._numbers import numbers
from unseen.errors import BadInput
from unseen.responses import Responses

BoolArray = NDArray[np.bool_]
# Numbers of columns that are kept beside a table.
MOST_NUMBERS = 8_000_000
# score: the score itself is lower on the rows. excess: it is lower than that of the other models there. parts: wholes
# against their parts. confidence: what a model says of its own answers. other: no rows are blamed.
Measure = Literal["score", "excess", "parts", "confidence", "other"]


@dataclass(frozen=True, slots=True)
class Term:
    """One condition on one column.

    Attributes:
        column: Name of the column.
        kind: range (low ≤ value < high, times in seconds), levels (the value is one of them), member (a set holds it),
            split (``levels`` names the side), variant (rows with an original), original (items that have variants),
            form (either of these), whole (items that have parts).
        words: The condition as a reader would say it.
        low: Lowest value of a range.
        high: First value above a range.
        levels: Levels, members or sides, as text.
        excluded: All levels but these.
    """

    column: str
    kind: Literal["range", "levels", "member", "split", "variant", "original", "form", "whole"]
    words: str
    low: float = -math.inf
    high: float = math.inf
    levels: tuple[str, ...] = ()
    excluded: bool = False

    def holds(self, answers: Responses) -> BoolArray:
        """Rows of a table that meet the condition, shape (rows,); a missing value meets none."""
        if self.kind == "split":
            return answers.is_split("seen" if self.levels == ("seen",) else "unseen")
        if self.kind == "range":
            # Text that does not parse has places, which only the whole table knows.
            values = numbers_of(answers, self.column)
            return (values >= self.low) & (values < self.high)
        inside = expression(self.to_dict(), answers.table.schema)
        if inside is None:
            raise BadInput(f"no column {self.column!r}; the columns are {', '.join(answers.table.columns)}.")
        return answers.table.select(inside.fill_null(value=False).alias("inside"))["inside"].to_numpy()

    def to_dict(self) -> dict[str, Any]:
        """Plain data; an end of a range that is open is None."""
        ends = {"low": self.low, "high": self.high} if self.kind == "range" else {}
        return {
            "column": self.column, "kind": self.kind, "words": self.words,
            **{name: value if math.isfinite(value) else None for name, value in ends.items()},
            **({"levels": list(self.levels), "excluded": self.excluded} if self.levels else {}),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """Rows that meet all of these terms.

    >>> where = Condition((Term("digits", "range", "digits ≥ 2", low=1.5),))
    >>> table = Responses.of(pl.DataFrame({"model": ["m"] * 3, "item": list("abc"), "score": [1, 0, 0], "digits": [1, 2, 3]}))
    >>> str(where), where.mask(table).tolist()
    ('digits ≥ 2', [False, True, True])
    """

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return in_words([term.words for term in self.terms])

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return tuple(dict.fromkeys(term.column for term in self.terms))

    def mask(self, answers: Responses) -> BoolArray:
        """Rows of a table that meet all terms, shape (rows,)."""
        inside = np.ones(len(answers), dtype=bool)
        for term in self.terms:
            inside &= term.holds(answers)
        return inside

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"words": str(self), "terms": [term.to_dict() for term in self.terms]}


@dataclass(frozen=True, slots=True)
class Blame:
    """The rows and models that a finding blames.

    Attributes:
        models: The models.
        condition: The rows; None where no rows are singled out.
        against: The rows that they are compared with; None for all others.
        measure: What is worse there.
        also: Further conditions that the same test confirmed.
        part: Of the effect, what is lost for certain on each of the rows: of two answers that differ, at most one is right.
    """

    models: tuple[str, ...] = ()
    condition: Condition | None = None
    against: Condition | None = None
    measure: Measure = "score"
    also: tuple[Condition, ...] = ()
    part: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "models": list(self.models),
            "measure": self.measure,
            "condition": None if self.condition is None else self.condition.to_dict(),
            "against": None if self.against is None else self.against.to_dict(),
        }


def expression(term: Mapping[str, Any], schema: Mapping[str, Any]) -> pl.Expr | None:
    """One term, as plain data, as an expression; None where its column is not in the table.

    >>> table = pl.DataFrame({"digits": [1, 2, None], "skills": [["a"], ["b"], []]})
    >>> terms = {"column": "digits", "kind": "range", "low": 2}, {"column": "skills", "kind": "member", "levels": ["a"]}
    >>> [table.select(expression(term, table.schema)).to_series().to_list() for term in terms]
    [[False, True, None], [True, False, False]]
    """
    name, kind, levels = str(term["column"]), term["kind"], [str(v) for v in term.get("levels") or ()]
    if name not in schema:
        return None
    column = pl.col(name)
    if kind == "variant":
        return column.is_not_null()
    if kind in ("whole", "original", "form"):
        named = pl.col("item").cast(pl.String).is_in(column.cast(pl.String).drop_nulls().unique().implode())
        return named | column.is_not_null() if kind == "form" else named
    if kind == "range":
        low, high = (math.inf * way if term.get(end) is None else term[end] for end, way in (("low", -1), ("high", 1)))
        value = _seconds(column, schema[name])
        return (value >= low) & (value < high)
    if schema[name] == pl.Boolean:
        # Checks write False, polars false.
        levels = [v.lower() for v in levels]
    inside = (
        column.cast(pl.List(pl.String)).list.contains(levels[0])
        if kind == "member"
        else column.cast(pl.String).is_in(levels)
    )
    return (column.is_not_null() & ~inside) if term.get("excluded") else inside


def _seconds(column: pl.Expr, dtype: Any) -> pl.Expr:
    """A column as numbers; times in seconds."""
    if dtype == pl.Date:
        column = column.cast(pl.Datetime("us"))
    if dtype.is_temporal() and dtype != pl.Time and dtype != pl.Duration:
        return column.dt.epoch("s").cast(pl.Float64)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    return column.cast(pl.Float64, strict=False)


def in_words(conditions: Sequence[str]) -> str:
    """Conditions that must all hold, as one phrase.

    >>> in_words(["b = v2", "c ≥ 3"]), in_words(["unseen rows", "steps = 4"])
    ('b = v2 and c ≥ 3', 'steps = 4 on unseen rows')
    """
    sides = [words for words in conditions if words in ("seen rows", "unseen rows")]
    others = " and ".join(words for words in conditions if words not in sides)
    return " on ".join([part for part in (others, *sides) if part])


def side(name: Literal["seen", "unseen"]) -> Condition:
    """The rows of one side of the split.

    >>> str(side("unseen"))
    'unseen rows'
    """
    return Condition((Term("split", "split", f"{name} rows", levels=(name,)),))


def rows_in(split: str) -> Condition | None:
    """The rows of a side as checks name them: "seen", "unseen", or "all", which are no rows in particular."""
    return side("seen" if split == "seen" else "unseen") if split != "all" else None


def variants() -> Condition:
    """Rewritten items."""
    return Condition((Term("variant_of", "variant", "variants"),))


def originals() -> Condition:
    """Items of which there are variants."""
    return Condition((Term("variant_of", "original", "originals of variants"),))


def several_forms() -> Condition:
    """Items that were asked in several forms: variants and their originals."""
    return Condition((Term("variant_of", "form", "items asked in several forms"),))


def wholes() -> Condition:
    """Items that have parts."""
    return Condition((Term("parent", "whole", "items with parts"),))


def numbers_of(answers: Responses, name: str) -> NDArray[np.float64]:
    """A column as numbers, times in seconds; the places of its sorted levels where it is text that does not parse."""
    kept: dict[str, NDArray[np.float64]] = answers.derived.setdefault("numbers", {})
    if name not in kept:
        try:
            made = numbers(answers.table[name])
        except BadInput:
            codes = answers.codes(name).codes
            made = np.where(codes >= 0, codes.astype(np.float64), np.nan)
        # Hundreds of conditions read the same few columns; of a large table they would fill the memory.
        if (len(kept) + 1) * len(made) > MOST_NUMBERS:
            kept.clear()
        kept[name] = made
    return kept[name]


__all__ = [
    "Blame",
    "Condition",
    "Measure",
    "Term",
    "expression",
    "in_words",
    "originals",
    "rows_in",
    "several_forms",
    "side",
    "variants",
    "wholes",
]
