"""Columns that alone predict the target too well to be true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

# One column that predicts the target this well leaves nothing to learn: it is the target in another form.
LEAK = 0.999
# One column that alone removes this share of the error of a constant answer is named: is it known in time?
SUSPECT = 0.9
LEAK_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Leak:
    """A column that alone predicts the target suspiciously well.

    Attributes:
        name: The column.
        right: Share of the rows that it predicts; of a number, share of its variance.
        removed: Share of the error of the best constant answer that it removes.
        given_away: Whether nothing is left to learn: it is the target in another form.
        base: Share of the rows with the most frequent class; None for a number.
    """

    name: str
    right: float
    removed: float
    given_away: bool
    base: float | None

    @property
    def statement(self) -> str:
        """What it does, with the numbers."""
        if self.base is None:
            return f"{self.name} alone removes {self.removed:.1%} of the error that the best constant leaves"
        return (
            f"{self.name} alone predicts {_share(self.right)} of the rows, where the most frequent class makes up "
            f"{_share(self.base)}: it removes {self.removed:.1%} of the error"
        )


def _share(value: float) -> str:
    """A share in per cent, with the digits that tell it from one.

    >>> _share(0.9984), _share(0.943), _share(1.0)
    ('99.84%', '94.3%', '100%')
    """
    return f"{value:.2%}" if 0.99 < value < 1 else f"{value:.1%}" if value < 1 else "100%"


def leaking(table: pl.DataFrame, inputs: Sequence[str], target: str, *, regression: bool) -> list[Leak]:
    """Columns that alone remove at least 90 % of the error of the best constant answer, best first.

    A small tree of one column, and for names and columns of few values the most frequent class (the mean) of each
    value, are cross-fitted over two halves. The error is the share of wrong rows, for a number the mean absolute
    error. A class is given away where at least 99.9 % of the rows are right, a number where 99.9 % of its variance
    is explained.

    >>> frame = pl.DataFrame({"a": [i % 2 for i in range(99)], "b": [i % 7 for i in range(99)], "y": ["no", "yes"] * 49 + ["no"]})
    >>> [(leak.name, leak.right, leak.given_away) for leak in leaking(frame, ["a", "b"], "y", regression=False)]
    [('a', 1.0, True)]
    """
    sample = table.sample(min(LEAK_ROWS, table.height), seed=0, shuffle=True)
    classes = np.empty(0)
    if regression:
        y = sample[target].to_numpy().astype(np.float64)
        base, error = None, float(np.abs(y - np.median(y)).mean())
    else:
        classes, y = np.unique(sample[target].to_numpy(), return_inverse=True)
        base = float(np.bincount(y).max() / len(y))
        error = 1 - base
    found: list[Leak] = []
    for name in inputs:
        if isinstance(sample.schema[name], pl.Array | pl.List):
            continue
        column = sample[name]
        numeric = column.dtype.is_numeric() or column.dtype.is_temporal() or column.dtype == pl.Boolean
        few = column.n_unique() <= 0.2 * sample.height
        if not numeric and not few:
            continue
        guesses = [_by_tree(column, y, len(classes))] if numeric else []
        if few:
            guesses.append(_by_value(column.rank("dense").fill_null(0).to_numpy().astype(np.int64), y, len(classes)))
        for predicted in guesses:
            right = 1 - float(np.var(y - predicted) / np.var(y)) if regression else float((predicted == y).mean())
            left = float(np.abs(y - predicted).mean()) if regression else 1 - right
            removed = 1 - left / error if error > 0 else 0.0
            if removed >= SUSPECT:
                found.append(Leak(name, right, removed, right >= LEAK, base))
    best = {leak.name: leak for leak in sorted(found, key=lambda leak: leak.removed)}
    return sorted(best.values(), key=lambda leak: (-leak.given_away, -leak.removed))


def _by_tree(column: pl.Series, y: np.ndarray, classes: int) -> np.ndarray:
    """The target as a small tree of one column predicts it, each half by the other."""
    from sklearn.model_selection import cross_val_predict
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    codes = column.cast(pl.Float64, strict=False) if column.dtype.is_numeric() else column.rank("dense")
    # Trees compute in 32 bits: what is larger, or infinite, is very large.
    x = codes.cast(pl.Float64).fill_null(-1e18).fill_nan(-1e18).clip(-1e30, 1e30).to_numpy()[:, None]
    tree: Any = (
        DecisionTreeClassifier(max_leaf_nodes=max(32, 2 * classes), random_state=0)
        if classes
        else DecisionTreeRegressor(max_leaf_nodes=512, min_samples_leaf=2, random_state=0)
    )
    return np.asarray(cross_val_predict(tree, x, y, cv=2))


def _by_value(codes: np.ndarray, y: np.ndarray, classes: int) -> np.ndarray:
    """The most frequent class, or the mean, of each value in the other half of the rows."""
    predicted = np.zeros(len(y))
    half, size = np.arange(len(y)) % 2 == 0, int(codes.max(initial=0)) + 1
    for own in (half, ~half):
        known, truth = codes[~own], y[~own]
        count = np.bincount(known, minlength=size)
        if classes:
            cells = np.bincount(known * classes + truth, minlength=size * classes).reshape(size, classes)
            guess = np.where(count > 0, cells.argmax(1), np.bincount(truth, minlength=classes).argmax())
        else:
            means = np.bincount(known, weights=truth, minlength=size) / np.maximum(count, 1)
            guess = np.where(count > 0, means, np.median(truth))
        predicted[own] = guess[codes[own]]
    return predicted
