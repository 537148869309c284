"""Factors: named properties of an example (length, domain, skills used), with their kinds.

They stand below responses and data, because both carry factors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import polars as pl

from unseen.errors import BadInput

Kind = Literal["ordered", "categorical", "set"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Above this share of distinct values a text column names its rows rather than groups them.
MAX_DISTINCT_SHARE = 0.5
MAX_LEVELS = 1000


@dataclass(frozen=True, slots=True)
class Factor:
    """A named property of an example.

    Attributes:
        name: Column that holds it.
        kind: ordered (length, depth, year), categorical (domain, template) or set (skills used).
        why: Why this kind was inferred, or "set by the user".
        is_split: Whether it only says which rows are seen and which unseen, so that it describes no item.
    """

    name: str
    kind: Kind
    why: str = "declared"
    is_split: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadInput(f"factor {self.name!r} has kind {self.kind!r}; a kind is one of {', '.join(KINDS)}.")


class Factors(Mapping[str, Factor]):
    """An immutable mapping from column name to factor, in column order."""

    def __init__(self, factors: Iterable[Factor] = ()) -> None:
        self._factors = {factor.name: factor for factor in factors}

    def __getitem__(self, name: str) -> Factor:
        try:
            return self._factors[name]
        except KeyError:
            raise BadInput(f"no factor {name!r}; the factors are {', '.join(self._factors) or 'none'}.") from None

    def __contains__(self, name: object) -> bool:
        return name in self._factors

    def __iter__(self) -> Iterator[str]:
        return iter(self._factors)

    def __len__(self) -> int:
        return len(self._factors)

    def __repr__(self) -> str:
        return f"Factors({', '.join(f'{f.name}:{f.kind}' for f in self._factors.values())})"

    def of_kind(self, *kinds: Kind) -> tuple[str, ...]:
        """Names of the factors of these kinds, in column order."""
        return tuple(f.name for f in self._factors.values() if f.kind in kinds)

    def with_kind(self, name: str, kind: Kind) -> Factors:
        """The same factors with one kind set by the user (added at the end if the name is new)."""
        return Factors({**self._factors, name: Factor(name, kind, "set by the user")}.values())

    def naming_split(self, name: str) -> Factors:
        """The same factors, of which this one only names the sides of the split."""
        return Factors({**self._factors, name: replace(self[name], is_split=True)}.values())


def infer_factor(column: pl.Series) -> Factor | None:
    """Infer the kind of a factor from its values, or None where the column can't be one.

    Numbers, dates and booleans that order are ordered (booleans: categorical), lists are sets, text is categorical.
    None: a constant column, text that is different in most rows (it names rows), structs and binary data.

    >>> infer_factor(pl.Series("digits", [1, 2, 3, 1])).kind
    'ordered'
    >>> infer_factor(pl.Series("site", ["a", "b", "a", "b"])).kind
    'categorical'
    """
    dtype, name = column.dtype, column.name
    present = column.drop_nulls()
    if present.is_empty() or isinstance(dtype, pl.Struct | pl.Object | pl.Binary):
        return None
    if isinstance(dtype, pl.List | pl.Array):
        return Factor(name, "set", "a list in every row")
    levels = present.n_unique()
    if levels < 2:
        return None
    if dtype == pl.Boolean:
        return Factor(name, "categorical", "true or false")
    if dtype.is_numeric() or dtype.is_temporal():
        return Factor(name, "ordered", f"{'numbers' if dtype.is_numeric() else 'times'}, {levels} distinct")
    if levels > MAX_LEVELS or levels > max(2, MAX_DISTINCT_SHARE * len(present)):
        return None
    return Factor(name, "categorical", f"text, {levels} levels")
