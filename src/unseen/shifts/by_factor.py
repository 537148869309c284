"""Shifts along factors: longer, deeper at matched length, held-out levels and combinations, difficulty bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.shifts.base import Guarantee, Shift, Split, matched_marginals, require_factor


@dataclass
class RandomShift(Shift):
    """No shift: unseen is another random part of the same distribution. The baseline of every comparison."""

    name: ClassVar[str] = "random"
    share: float = 0.2
    seen_share: float = 0.2

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A random share of the items is unseen."""
        from unseen.shifts.base import hold_out

        return hold_out(examples, np.arange(len(examples)), self.share, rng)


@dataclass
class LongerThan(Shift):
    """Train on values up to a threshold of an ordered factor, test beyond it.

    Attributes:
        factor: An ordered factor (length, digits, year).
        threshold: Largest value in training.
        at_most: Largest value among the unseen, if any.
    """

    name: ClassVar[str] = "longer-than"
    factor: str
    threshold: float
    at_most: float | None = None
    seen_share: float = 0.2

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows at most the threshold, and rows beyond it."""
        values = _numbers(examples, self.factor)
        threshold = _bound(self.threshold, "threshold", self.factor)
        beyond = values > threshold
        if self.at_most is not None:
            beyond &= values <= _bound(self.at_most, "at_most", self.factor)
        return np.flatnonzero(values <= threshold), np.flatnonzero(beyond)

    def promises(self, split: Split) -> list[Guarantee]:
        """Training values stop at the threshold, unseen ones begin beyond it."""
        top, bottom = split.train.column(self.factor).max(), split.unseen.column(self.factor).min()
        return [Guarantee("separated", bool(top < bottom), f"train reaches {top}, unseen begins at {bottom}")]


@dataclass
class DeeperAtMatchedLength(Shift):
    """Train on few steps, test on more, with the same distribution of other factors on both sides.

    Rows are drawn within each cell of the matched factors, as many unseen as seen ones are in share, so that length
    alone can't explain a gap. Cells that lack one side are dropped.

    Attributes:
        factor: Number of steps or depth.
        threshold: Largest number of steps in training.
        matched: Factors whose distribution is equalised.
        exact: Further factors that must agree in distribution and are checked only (primitives used).
    """

    name: ClassVar[str] = "deeper-at-matched-length"
    factor: str
    threshold: float
    matched: tuple[str, ...] = ("length",)
    seen_share: float = 0.2

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Within each cell, inside and beyond are thinned to the same share of their sides."""
        values = _numbers(examples, self.factor)
        for name in self.matched:
            require_factor(examples, name)
        _, cell = np.unique(
            np.array([repr(r) for r in examples.table.select(*self.matched).iter_rows()]), return_inverse=True
        )
        threshold = _bound(self.threshold, "threshold", self.factor)
        inside, beyond = values <= threshold, values > threshold
        counts_in, counts_out = (
            np.bincount(cell[inside], minlength=cell.max() + 1),
            np.bincount(cell[beyond], minlength=cell.max() + 1),
        )
        shared = (counts_in > 0) & (counts_out > 0)
        if not shared.any():
            raise BadInput(
                f"the shift {self.describe()} finds no {', '.join(self.matched)} at which both sides have examples. "
                "Draw examples in which the two factors vary independently."
            )
        # The largest rate at which both sides can follow one common profile over cells.
        profile = np.minimum(counts_in / max(counts_in.sum(), 1), counts_out / max(counts_out.sum(), 1)) * shared
        profile /= profile.sum()
        return tuple(  # type: ignore[return-value]
            _follow(np.flatnonzero(side), cell, profile, counts, rng)
            for side, counts in ((inside, counts_in), (beyond, counts_out))
        )

    def promises(self, split: Split) -> list[Guarantee]:
        """Steps are separated; the matched factors agree."""
        top, bottom = split.train.column(self.factor).max(), split.unseen.column(self.factor).min()
        separated = Guarantee("separated", bool(top < bottom), f"train reaches {top}, unseen begins at {bottom}")
        return [separated, matched_marginals(split, self.matched)]


@dataclass
class HeldOutLevel(Shift):
    """Hold out every example with one of these levels of a factor (a template, task, category, site).

    Attributes:
        factor: A categorical or set factor.
        levels: Levels to hold out.
    """

    name: ClassVar[str] = "held-out-level"
    factor: str
    levels: Sequence[Any]
    seen_share: float = 0.2

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows without and with one of the levels."""
        beyond = _has_level(examples, self.factor, self.levels)
        return np.flatnonzero(~beyond), np.flatnonzero(beyond)

    def promises(self, split: Split) -> list[Guarantee]:
        """No training example has a held-out level."""
        left = int(_has_level(split.train, self.factor, self.levels).sum())
        return [Guarantee("level absent from training", left == 0, f"{left} training examples have it")]


@dataclass
class HeldOutCombination(Shift):
    """Hold out combinations of levels, each of which is seen in other company.

    Attributes:
        combinations: Mappings from factor to level; an example that meets all of one mapping is unseen.
    """

    name: ClassVar[str] = "held-out-combination"
    combinations: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    seen_share: float = 0.2

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows that meet none, and rows that meet one of the combinations."""
        beyond = np.zeros(len(examples), dtype=bool)
        for combination in self.combinations:
            beyond |= np.logical_and.reduce([_has_level(examples, f, [v]) for f, v in combination.items()])
        return np.flatnonzero(~beyond), np.flatnonzero(beyond)

    def promises(self, split: Split) -> list[Guarantee]:
        """Each level of each combination occurs in training, without the others."""
        missing = [
            f"{factor}={level!r}"
            for combination in self.combinations
            for factor, level in combination.items()
            if not _has_level(split.train, factor, [level]).any()
        ]
        return [Guarantee("matched primitives", not missing, f"never seen in training: {', '.join(missing) or 'none'}")]


@dataclass
class DifficultyBins(Shift):
    """Train on the easy quantiles of a difficulty, test on the hard ones (or the reverse).

    Attributes:
        factor: A difficulty, larger is harder.
        train_up_to: Quantile up to which examples are trained on.
        test_from: Quantile from which examples are unseen; between the two they are dropped.
        hard_to_easy: Train on the hard end instead.
    """

    name: ClassVar[str] = "difficulty-bins"
    factor: str
    train_up_to: float = 0.5
    test_from: float = 0.5
    hard_to_easy: bool = False
    seen_share: float = 0.2

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows below the lower and above the upper quantile."""
        if self.train_up_to > self.test_from:
            raise BadInput(f"{self.describe()}: train_up_to must not exceed test_from.")
        values = _numbers(examples, self.factor) * (-1 if self.hard_to_easy else 1)
        low, high = np.quantile(values, [self.train_up_to, self.test_from])
        return np.flatnonzero(values <= low), np.flatnonzero(values > high)


@dataclass
class UnseenCube(Shift):
    """Part of the Boolean cube is unseen: coordinates that are frozen to a value in training.

    Attributes:
        frozen: Coordinate → value that it has in all training examples; unseen ones differ in at least one.
        column: Column with the coordinates, shape (n, d) or text of 0/1 or +/- tokens.
    """

    name: ClassVar[str] = "unseen-cube"
    frozen: Mapping[int, str]
    column: str = "input"
    seen_share: float = 0.2

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows with all coordinates frozen, and the rest."""
        rows = [v.split() if isinstance(v, str) else [str(t) for t in v] for v in examples.table[self.column].to_list()]
        inside = np.array([all(row[i] == str(v) for i, v in self.frozen.items()) for row in rows])
        return np.flatnonzero(inside), np.flatnonzero(~inside)


def _numbers(examples: Examples, name: str) -> np.ndarray:
    values = require_factor(examples, name)
    try:
        return values.astype(float)
    except (TypeError, ValueError):
        raise BadInput(f"factor {name!r} is not ordered: it holds {examples.table[name].dtype}.") from None


def _bound(value: object, what: str, factor: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating) or np.isnan(value):
        raise BadInput(f"the {what} for factor {factor!r} must be a number, got {value!r}.")
    return float(value)


def _has_level(examples: Examples, name: str, levels: Sequence[Any]) -> np.ndarray:
    require_factor(examples, name)
    wanted = set(levels)
    column = examples.table[name]
    if isinstance(column.dtype, pl.List | pl.Array | pl.Object):
        rows = column.to_list()
        return np.array([bool(wanted & set(v)) if isinstance(v, list) else v in wanted for v in rows], dtype=bool)
    # Each distinct value is compared once: a column of a site has many rows and few sites.
    distinct = column.unique()
    hits = distinct.filter(pl.Series([v in wanted for v in distinct.to_list()], dtype=pl.Boolean))
    return column.is_in(hits.implode(), nulls_equal=True).to_numpy()


def _follow(
    rows: np.ndarray, cell: np.ndarray, profile: np.ndarray, counts: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Thin rows so that their shares over cells are the profile's."""
    wanted = profile > 0
    total = np.min(counts[wanted] / profile[wanted])
    take = np.floor(profile * total + 1e-9).astype(int)
    order = rng.permutation(rows)
    kept = [order[cell[order] == c][: take[c]] for c in np.flatnonzero(take)]
    return np.sort(np.concatenate(kept)) if kept else rows[:0]
