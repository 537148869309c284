"""Shifts of groups: each domain left out in turn, and a spurious cue that stops to agree with the label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.shifts.base import Guarantee, Shift, Split, require_factor
from unseen.shifts.by_factor import HeldOutLevel


@dataclass(frozen=True)
class EachOut:
    """The shifts that leave out one level each.

    Attributes:
        shifts: Level → shift, larger levels first.
        refused: Level → why it can't be left out.
    """

    shifts: Mapping[Any, HeldOutLevel]
    refused: Mapping[Any, str] = field(default_factory=dict[Any, str])


@dataclass(frozen=True)
class LeaveEachOut:
    """Leave out every level of a factor in turn (leave one domain out).

    Attributes:
        factor: A categorical, set or ordered factor with few levels.
        min_rows: Levels with fewer rows are refused.
        seen_share: Share of the training distribution that is held out as ``seen``, in each shift.
    """

    factor: str
    min_rows: int = 30
    seen_share: float = 0.2

    def over(self, examples: Examples) -> EachOut:
        """One shift a level, and the levels that are refused: too few rows, or a single class among them.

        Raises:
            BadInput: The factor is unknown, has a single level, or every level is refused.
        """
        require_factor(examples, self.factor)
        table = examples.table.select(self.factor, *([examples.target] if examples.target else []))
        if isinstance(table.schema[self.factor], pl.List):
            table = table.explode(self.factor)
        table = table.filter(pl.col(self.factor).is_not_null())
        classes = pl.col(examples.target).n_unique() if examples.target else pl.lit(2)
        levels = table.group_by(self.factor).agg(pl.len().alias("rows"), classes.alias("classes"))
        levels = levels.sort(["rows", self.factor], descending=[True, False])
        if levels.height < 2:
            raise BadInput(f"leaving out each level of {self.factor!r} needs at least two levels, got {levels.height}.")
        shifts: dict[Any, HeldOutLevel] = {}
        refused: dict[Any, str] = {}
        for level, rows, kinds in levels.iter_rows():
            if rows < self.min_rows:
                refused[level] = f"{rows} rows, fewer than the {self.min_rows} asked for"
            elif kinds < 2:
                refused[level] = f"all its {rows} rows have the same {examples.target}"
            else:
                shifts[level] = HeldOutLevel(self.factor, [level], self.seen_share)
        if not shifts:
            level, why = next(iter(refused.items()))
            raise BadInput(
                f"no level of {self.factor!r} can be left out; the largest is {level!r}: {why}. "
                f"Name levels to be left out together ('held-out {self.factor}=A,B'), or take a coarser factor."
            )
        return EachOut(shifts, refused)


@dataclass
class SpuriousBroken(Shift):
    """A cue agrees with the label at one rate in training, and at another beyond it.

    Rows are thinned, at random among those that agree and among those that do not, to the largest sizes at which both
    sides keep their ratio.

    Attributes:
        spurious: Column with the cue; it agrees where it reads as the label does.
        label: Column with the label; by default the target.
        train_ratio: Share of agreement in training and seen.
        test_ratio: Share of agreement among the unseen.
        test_share: Share of the rows used that are unseen.
    """

    name: ClassVar[str] = "spurious-broken"
    spurious: str
    label: str | None = None
    train_ratio: float = 0.95
    test_ratio: float = 0.5
    test_share: float = 0.3
    seen_share: float = 0.2

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows of both sides, thinned to their ratios."""
        for what, share in (("train_ratio", self.train_ratio), ("test_ratio", self.test_ratio)):
            if not 0 <= share <= 1:
                raise BadInput(f"{self.describe()}: {what} is a share in 0 … 1, got {share}.")
        if not 0 < self.test_share < 1:
            raise BadInput(f"{self.describe()}: test_share lies inside 0 … 1, got {self.test_share}.")
        agrees = self._agrees(examples)
        pools = [rng.permutation(np.flatnonzero(agrees)), rng.permutation(np.flatnonzero(~agrees))]
        # Rows used in all, limited by the pool that runs out first.
        sides = ((1 - self.test_share, self.train_ratio), (self.test_share, self.test_ratio))
        needs = [sum(s * r for s, r in sides), sum(s * (1 - r) for s, r in sides)]
        total = min(len(pool) / need for pool, need in zip(pools, needs, strict=True) if need > 0)
        chosen: list[np.ndarray] = []
        for share, ratio in sides:
            parts: list[np.ndarray] = []
            for k, part in enumerate((ratio, 1 - ratio)):
                count = int(total * share * part + 1e-9)
                parts.append(pools[k][:count])
                pools[k] = pools[k][count:]
            chosen.append(np.sort(np.concatenate(parts)))
        return chosen[0], chosen[1]

    def promises(self, split: Split) -> list[Guarantee]:
        """The ratios are met; the training ratio up to what holding out ``seen`` moves it by chance."""
        found = [float(np.mean(self._agrees(side))) for side in (split.train, split.unseen)]
        slack = 4 * np.sqrt(0.25 / len(split.train)), 2 / len(split.unseen)
        return [
            Guarantee(f"ratio of {side}", bool(abs(have - want) <= free), f"{have:.3f} agree, {want:.3f} asked for")
            for side, have, want, free in zip(
                ("train", "unseen"), found, (self.train_ratio, self.test_ratio), slack, strict=True
            )
        ]

    def _agrees(self, examples: Examples) -> np.ndarray:
        label = self.label or examples.target
        if label is None:
            raise BadInput(f"{self.describe()}: these examples have no target; name the column of the label.")
        require_factor(examples, self.spurious)
        require_factor(examples, label)
        cue, truth = (examples.table[c].cast(pl.String) for c in (self.spurious, label))
        if not set(cue.unique()) & set(truth.unique()):
            raise BadInput(
                f"{self.spurious!r} never reads as {label!r} does: {sorted(map(str, cue.unique()))[:3]} against "
                f"{sorted(map(str, truth.unique()))[:3]}. Give the cue the names of the labels."
            )
        return (cue == truth).fill_null(False).to_numpy()
