"""Columns with a meaning of their own, what a score can be, and which other columns are factors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from unseen.errors import BadInput
from unseen.factors import Factor, Factors, Kind, infer_factor
from unseen.plain_text import value as shortened

Split = Literal["train", "seen", "unseen"]
SPLITS: tuple[str, ...] = ("train", "seen", "unseen")
# Columns with a meaning of their own; every other column may be a factor.
ROLES: tuple[str, ...] = (
    "model", "item", "score", "confidence", "prediction", "target", "repeat", "split",
    "cluster", "parent", "variant_of", "time", "question", "choices", "labelled", "similarity",
    "human_score", "opponent", "shown_first", "unparsable", "raw_answer", "p_true", "p_ik", "p_ik_stated",
    "abstained", "steps_valid", "human_steps_valid", "constraints_met", "as_asked", "checks",
)  # fmt: skip


# Names of right answers: many levels of them tell items apart by what is to be said, not by what makes them hard.
ANSWER_KEYS = ("answer", "answers", "answer_key", "correct_answer", "gold_answer")
FEW_ANSWERS = 20
# Names of identifiers: patient_id, Patient-ID, patientId; neither grid nor acid.
IDENTIFIER = re.compile(r"(?:^|[^A-Za-z])(?:id|ID|Id|key)$|(?<=[a-z])I[Dd]$")
# A column of texts is one of numbers where so many of its levels are numbers, and so large a share of them.
FEW_NUMBERS, NEARLY_ALL = 3, 0.8


@dataclass(frozen=True, slots=True)
class ScoreKind:
    """What a score can be: binary (0 or 1), bounded (within low and high) or unbounded; higher is always better."""

    name: Literal["binary", "bounded", "unbounded"]
    low: float = 0.0
    high: float = 1.0


def is_text(column: pl.Series) -> bool:
    """Whether a column holds texts or categories.

    >>> is_text(pl.Series(["a"])), is_text(pl.Series([1]))
    (True, False)
    """
    return isinstance(column.dtype, pl.String | pl.Categorical | pl.Enum)


def answer_keys(table: pl.DataFrame, factors: Factors, kinds: Mapping[str, Kind]) -> dict[str, int]:
    """Factors that read as the answer key, with their levels: named so, of more than a few levels, not asked for by the user.

    >>> table = pl.DataFrame({"answer": [str(k % 30) for k in range(90)], "topic": ["a", "b", "c"] * 30})
    >>> answer_keys(table, infer_factors(table, {}), {})
    {'answer': 30}
    """
    named = [name for name in factors if name.casefold().removeprefix("doc_") in ANSWER_KEYS and name not in kinds]
    return {name: levels for name in named if (levels := table[name].drop_nulls().n_unique()) > FEW_ANSWERS}


def texts_of_numbers(table: pl.DataFrame, factors: Factors, kinds: Mapping[str, Kind]) -> dict[str, str]:
    """Factors whose levels are texts, and nearly all of them numbers, each with what its texts are.

    >>> table = pl.DataFrame({"length": ["0,5", "1,5", "2", "3"] * 9, "steps": ["1", "2", "3", "4", "many"] * 7 + ["1"]})
    >>> texts_of_numbers(table, infer_factors(table, {}), {})
    {'length': "numbers like '0,5'", 'steps': "numbers but for 'many'"}
    """
    found: dict[str, str] = {}
    for name, factor in factors.items():
        if factor.kind != "categorical" or name in kinds or not is_text(table[name]):
            continue
        levels = table[name].cast(pl.String).str.strip_chars().unique(maintain_order=True).drop_nulls()
        plain = levels.cast(pl.Float64, strict=False)
        numeric = (
            levels.str.replace(",", ".", literal=True)
            .str.strip_suffix("%")
            .str.strip_chars()
            .cast(pl.Float64, strict=False)
        )
        if len(levels) - numeric.null_count() >= max(FEW_NUMBERS, NEARLY_ALL * len(levels)):
            odd = levels.filter(numeric.is_null()) if numeric.null_count() else levels.filter(plain.is_null())
            first = repr(shortened(odd[0], 20)) if len(odd) else ""
            found[name] = (
                f"numbers {'but for' if numeric.null_count() else 'like'} {first}" if first else "numbers as texts"
            )
    return found


def _inferred(column: pl.Series) -> Factor | None:
    """The kind of a factor; whole numbers that a name calls identifiers group rows or name them, and have no order."""
    if not column.dtype.is_integer() or IDENTIFIER.search(column.name) is None:
        return infer_factor(column)
    found = infer_factor(column.cast(pl.String))
    return found and replace(found, why=f"identifiers, {column.n_unique()} distinct")


def infer_factors(table: pl.DataFrame, kinds: Mapping[str, Kind]) -> Factors:
    """Infer the factors of a table: every column without a role of its own that groups rows, plus what the user set."""
    for name in kinds:
        if name not in table.columns:
            raise BadInput(f"no column {name!r} for a factor; the columns are {', '.join(table.columns)}.")
    found = [_inferred(table[c]) for c in table.columns if c not in ROLES]
    factors = Factors(f for f in found if f is not None)
    for name, kind in kinds.items():
        factors = factors.with_kind(name, kind)
    return factors
