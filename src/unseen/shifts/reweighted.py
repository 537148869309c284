"""Covariate shift by reweighting: the unseen side is drawn from the same rows under other weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.shifts.base import Guarantee, Shift, Split, hold_out, require_factor


@dataclass
class CovariateReweighted(Shift):
    """The inputs come from another distribution, targets given inputs stay as they are.

    A random share of the rows is put aside and drawn from, with replacement, with weights proportional to exp(a·z) for
    numbers z standardised over all rows, or so that a factor gets a given distribution. As many rows are drawn as the
    weights are worth: the effective sample size (Σw)² / Σw².

    Attributes:
        tilt: Numeric column → a, the pull per standard deviation; a missing value counts as the mean.
        factor: Column that shall get the distribution ``shares``, if any.
        shares: Level → share among the unseen; levels that are not named get none.
        pool_share: Share of the rows that is put aside.
        min_effective: Effective sample sizes below this are refused.

    Source: Shimodaira (2000), section 2 (covariate shift); Kish (1965), section 11.7 (effective sample size).
    """

    name: ClassVar[str] = "covariate-reweighted"
    tilt: Mapping[str, float] = field(default_factory=dict[str, float])
    factor: str | None = None
    shares: Mapping[Any, float] = field(default_factory=dict[Any, float])
    pool_share: float = 0.4
    min_effective: float = 30.0
    seen_share: float = 0.2

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows for training, and rows drawn from the pool by weight."""
        log_weight = self.log_weights(examples)
        inside, pool = hold_out(examples, np.arange(len(examples)), self.pool_share, rng)
        weight = np.exp(log_weight[pool] - log_weight[pool].max(initial=-np.inf, where=np.isfinite(log_weight[pool])))
        if self.factor is not None:
            weight *= self._level_weights(examples.table[self.factor][pool])
        effective = float(weight.sum() ** 2 / (weight**2).sum()) if weight.any() else 0.0
        if effective < self.min_effective:
            raise BadInput(
                f"the shift {self.describe()} leaves an effective sample of {effective:.1f} of {len(pool)} rows, fewer "
                f"than {self.min_effective:g}: a few rows carry all the weight. Ask for a weaker pull, or give more rows."
            )
        return inside, np.sort(rng.choice(pool, size=round(effective), p=weight / weight.sum()))

    def log_weights(self, examples: Examples) -> np.ndarray:
        """Sum of a·z over the tilted columns, shape (n,).

        Raises:
            BadInput: A column is unknown, constant or no number, or there is neither tilt nor distribution.
        """
        if not self.tilt and self.factor is None:
            raise BadInput("a reweighting needs a pull on a column, or a distribution over a factor.")
        total = np.zeros(len(examples))
        for name, pull in self.tilt.items():
            require_factor(examples, name)
            column = examples.table[name]
            if not column.dtype.is_numeric():
                raise BadInput(
                    f"column {name!r} can't be reweighted along a direction: it holds {column.dtype}. "
                    "Give a distribution over its levels instead."
                )
            values = column.cast(pl.Float64).fill_nan(None)
            spread = values.std()
            if not isinstance(spread, float) or spread == 0:
                raise BadInput(f"column {name!r} can't be reweighted: it is constant.")
            total += pull * ((values - values.mean()) / spread).fill_null(0.0).to_numpy()
        return total

    def promises(self, split: Split) -> list[Guarantee]:
        """The unseen side moved as asked; its effective size is stated; every unseen level is known to training."""
        distinct = split.unseen.table["item"].n_unique() if "item" in split.unseen.table.columns else None
        size = f"{len(split.unseen)} rows, as many as the weights are worth"
        size += f", {distinct} of them different" if distinct else ""
        made = [Guarantee("effective sample size", len(split.unseen) >= self.min_effective, size)]
        for name, pull in self.tilt.items():
            before, after = (side.table[name].cast(pl.Float64).fill_nan(None) for side in (split.train, split.unseen))
            spread = float(before.std() or 1.0)  # type: ignore[arg-type]
            moved = (float(after.mean()) - float(before.mean())) / spread  # type: ignore[arg-type]
            made.append(Guarantee(f"{name} moved", bool(moved * pull > 0), f"by {moved:+.2f} standard deviations"))
        if self.factor is not None:
            known = set(split.train.table[self.factor])
            counts = dict(split.unseen.table[self.factor].value_counts().iter_rows())
            total = sum(self.shares.values())
            gap = 0.5 * sum(
                abs(counts.get(v, 0) / len(split.unseen) - self.shares.get(v, 0) / total)
                for v in {*counts, *self.shares}
            )
            # Twice the expected total variation of a sample from the target itself.
            free = (
                2
                * 0.5
                * sum(
                    np.sqrt(2 / np.pi * (s / total) * (1 - s / total) / len(split.unseen)) for s in self.shares.values()
                )
            )
            far = f"total variation distance {gap:.3f} from the asked distribution"
            made.append(Guarantee(f"distribution of {self.factor}", bool(gap <= max(free, 0.02)), far))
            new = [str(v) for v in counts if v not in known]
            made.append(Guarantee("shared support", not new, f"levels unknown to training: {', '.join(new) or 'none'}"))
        return made

    def _level_weights(self, levels: pl.Series) -> np.ndarray:
        counts = dict(levels.value_counts().iter_rows())
        missing = [v for v, share in self.shares.items() if share > 0 and v not in counts]
        if missing or not self.shares or min(self.shares.values()) < 0 or sum(self.shares.values()) <= 0:
            raise BadInput(
                f"{self.describe()}: shares are positive and their levels stand in {self.factor!r}; "
                + (f"no row has {missing[0]!r}." if missing else f"got {dict(self.shares)}.")
            )
        return np.array([self.shares.get(v, 0.0) / counts[v] for v in levels.to_list()])
