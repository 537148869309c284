"""What a perturbation is: a named change of inputs with a severity, of one family."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.factors import Factor, Factors

Sort = Literal["image", "table", "text"]
# A text column has this many words on average, or is a category.
MIN_WORDS = 3.0
CHANGED = ("perturbation", "severity")


@dataclass(frozen=True, slots=True)
class Perturbation:
    """A change of the inputs of examples that leaves their targets as they are.

    Attributes:
        name: How it is called; the level of the factor ``perturbation``.
        family: Perturbations that resemble each other share a family (noise, light, geometry …): augmenting with one and
            validating on another of the same family is no test of anything new.
        sort: Which inputs it changes.
        title: What severity 1 does.
        change: (examples, columns, severity, rng) to the changed columns.
    """

    name: str
    family: str
    sort: Sort
    title: str
    change: Callable[[Examples, tuple[str, ...], float, np.random.Generator], list[pl.Series]]

    def __call__(self, examples: Examples, severity: float, rng: np.random.Generator) -> Examples:
        """The same examples with changed inputs; items, targets and factors stay.

        Args:
            examples: What to change.
            severity: From 0 (nothing changes) to 1.
            rng: Source of every draw.

        Returns:
            Examples with the factors ``perturbation`` (the name) and ``severity`` added. Items keep their names, so that
            an original and its variants stay on one side of a split.

        Raises:
            BadInput: A severity outside [0, 1], or no input of the right sort.
        """
        if not 0 <= severity <= 1:
            raise BadInput(f"a severity lies in 0 … 1, got {severity} for the perturbation {self.name!r}.")
        columns = columns_of(examples, self.sort)
        if not columns:
            raise BadInput(
                f"the perturbation {self.name!r} changes inputs of sort {self.sort}; these examples have none: "
                + ", ".join(f"{c} ({examples.table.schema[c]})" for c in examples.inputs)
                + "."
            )
        changed = self.change(examples, columns, severity, rng) if severity > 0 else []
        table = examples.table.with_columns(
            *changed, pl.lit(self.name).alias("perturbation"), pl.lit(float(severity)).alias("severity")
        )
        kept = [f for f in examples.factors.values() if f.name not in CHANGED]
        factors = Factors([*kept, Factor("perturbation", "categorical"), Factor("severity", "ordered")])
        return Examples(table, examples.inputs, examples.target, factors)


def columns_of(examples: Examples, sort: Sort) -> tuple[str, ...]:
    """Inputs of a sort: arrays of two dimensions are images, running text is text, the rest is a table."""
    return tuple(c for c in examples.inputs if _sort_of(examples.table[c]) == sort)


def applicable(perturbations: Iterable[Perturbation], examples: Examples) -> list[Perturbation]:
    """Those that find an input to change."""
    sorts = {_sort_of(examples.table[c]) for c in examples.inputs}
    return [p for p in perturbations if p.sort in sorts]


def families(perturbations: Iterable[Perturbation]) -> dict[str, list[Perturbation]]:
    """Perturbations by family, in the order given."""
    found: dict[str, list[Perturbation]] = {}
    for one in perturbations:
        found.setdefault(one.family, []).append(one)
    return found


def family_folds(
    perturbations: Iterable[Perturbation], folds: int, rng: np.random.Generator
) -> list[tuple[list[Perturbation], list[Perturbation]]]:
    """Divide families into folds: in each, one part of the families is held out and the rest is for augmentation.

    Args:
        perturbations: At least two families.
        folds: How many, at most the number of families.
        rng: Which families share a fold.

    Returns:
        One (augment, validate) pair a fold; no family stands in both, and each is held out once.

    Raises:
        BadInput: Fewer than 2 folds, or more folds than families.

    Source: Efthymiadis, Tolias & Chum (2025), Crafting Distribution Shifts for Validation and Training in Single Source
    Domain Generalization (augmentation families split into folds).
    """
    by_family = families(perturbations)
    if not 2 <= folds <= len(by_family):
        raise BadInput(f"{folds} folds were asked for; there are {len(by_family)} families: {', '.join(by_family)}.")
    names = np.array(list(by_family))[rng.permutation(len(by_family))]
    made: list[tuple[list[Perturbation], list[Perturbation]]] = []
    for part in np.array_split(names, folds):
        held = set(part.tolist())
        augment = [p for name, members in by_family.items() if name not in held for p in members]
        made.append((augment, [p for name, members in by_family.items() if name in held for p in members]))
    return made


def _sort_of(column: pl.Series) -> Sort | None:
    dtype = column.dtype
    if isinstance(dtype, pl.Array):
        return {1: "table", 2: "image"}.get(len(dtype.shape))  # type: ignore[return-value]
    if dtype == pl.String:
        words = column.drop_nulls().str.split(" ").list.len().mean()
        return "text" if isinstance(words, float) and words >= MIN_WORDS else "table"
    return "table" if dtype.is_numeric() or dtype in (pl.Boolean, pl.Categorical, pl.Enum) else None
