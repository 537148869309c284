"""What a finding blames: the rows on which scores are worse, as conditions on columns, and the models."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unseen.checks._numbers import numbers
from unseen.errors import BadInput
from unseen.responses import Responses

BoolArray = NDArray[np.bool_]
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
            whole (items that have parts).
        words: The condition as a reader would say it.
        low: Lowest value of a range.
        high: First value above a range.
        levels: Levels, members or sides, as text.
        excluded: All levels but these.
    """

    column: str
    kind: Literal["range", "levels", "member", "split", "variant", "original", "whole"]
    words: str
    low: float = -math.inf
    high: float = math.inf
    levels: tuple[str, ...] = ()
    excluded: bool = False

    def holds(self, answers: Responses) -> BoolArray:
        """Rows of a table that meet the condition, shape (rows,); a missing value meets none."""
        table = answers.table
        if self.kind == "split":
            return answers.is_split("seen" if self.levels == ("seen",) else "unseen")
        if self.kind == "variant":
            return table["variant_of"].is_not_null().to_numpy()
        if self.kind in ("whole", "original"):
            named = table["parent" if self.kind == "whole" else "variant_of"].cast(pl.String).drop_nulls().unique()
            return table["item"].cast(pl.String).is_in(named.implode()).to_numpy()
        column = table[self.column]
        if self.kind == "range":
            values = numbers_of(answers, self.column)
            return (values >= self.low) & (values < self.high)
        if self.kind == "member":
            inside = column.cast(pl.List(pl.String)).list.contains(self.levels[0])
        else:
            # Checks write False, polars false.
            levels = [v.lower() if column.dtype == pl.Boolean else v for v in self.levels]
            inside = column.cast(pl.String).is_in(levels)
        known = column.is_not_null()
        return (known & (~inside if self.excluded else inside)).fill_null(value=False).to_numpy()

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
        return " and ".join(term.words for term in self.terms)

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
    """

    models: tuple[str, ...] = ()
    condition: Condition | None = None
    against: Condition | None = None
    measure: Measure = "score"
    also: tuple[Condition, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "models": list(self.models),
            "measure": self.measure,
            "condition": None if self.condition is None else self.condition.to_dict(),
            "against": None if self.against is None else self.against.to_dict(),
        }


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


def wholes() -> Condition:
    """Items that have parts."""
    return Condition((Term("parent", "whole", "items with parts"),))


def numbers_of(answers: Responses, name: str) -> NDArray[np.float64]:
    """A column as numbers, times in seconds; the places of its sorted levels where it is text that does not parse."""
    try:
        return numbers(answers.table[name])
    except BadInput:
        codes = answers.codes(name).codes
        return np.where(codes >= 0, codes.astype(np.float64), np.nan)


__all__ = ["Blame", "Condition", "Measure", "Term", "originals", "rows_in", "side", "variants", "wholes"]
