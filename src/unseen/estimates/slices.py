"""Slices: conjunctions of up to three conditions on factor levels, searched for where the score is low."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Axis:
    """A factor as the search sees it.

    Attributes:
        codes: Level of each row, shape (n,), from 0.
        size: Number of levels.
        ordered: Whether runs of levels at either end are conditions too.
        skip: Levels that are no condition (missing values).
    """

    codes: IntArray
    size: int
    ordered: bool = False
    skip: tuple[int, ...] = ()

    def conditions(self) -> list[tuple[int, int]]:
        """First and last level of each condition."""
        last = self.size - 1 - len(self.skip)
        single = [(i, i) for i in range(self.size) if i not in self.skip]
        if not self.ordered or last < 2:
            return single
        runs = [(i, last) for i in range(1, last)] + [(0, i) for i in range(1, last)]
        return single + runs


@dataclass(frozen=True, slots=True)
class Slice:
    """A conjunction with what the search saw of it.

    Attributes:
        conditions: (axis, first level, last level) of each condition.
        rows: Rows of the search half in it.
        mean: Their mean score.
        gap: Mean of the other rows minus this mean.
        z: Gap over its standard error, rows taken as independent.
    """

    conditions: tuple[tuple[int, int, int], ...]
    rows: int
    mean: float
    gap: float
    z: float

    def contains(self, other: Slice) -> bool:
        """Whether every row of the other lies in this one, by its conditions alone."""
        theirs = {axis: (first, last) for axis, first, last in other.conditions}
        return all(
            axis in theirs and first <= theirs[axis][0] and theirs[axis][1] <= last
            for axis, first, last in self.conditions
        )

    def mask(self, axes: Sequence[Axis]) -> NDArray[np.bool_]:
        """Which rows of the axes lie in it, shape (n,)."""
        inside = np.ones(len(axes[0].codes), dtype=bool)
        for axis, first, last in self.conditions:
            inside &= (axes[axis].codes >= first) & (axes[axis].codes <= last)
        return inside


def search(
    axes: Sequence[Axis], score: FloatArray, *, max_conditions: int = 3, min_rows: int = 20, smallest_gap: float = 0.0,
    n_best: int = 8, cells: int = 20_000,
) -> list[Slice]:  # fmt: skip
    """Find the conjunctions with the lowest scores; what it returns must be confirmed on other clusters.

    Every conjunction is counted: the cross table of each triple of factors, by one ``bincount``, is summed over the
    runs of levels that conditions allow. Kept are those with a gap of at least ``smallest_gap`` and the largest
    z, then nested ones are merged: a slice is dropped if a kept one contains it and its own mean is
    not lower by more than two standard errors, or if a kept one lies within it and carries it alone.

    Args:
        axes: The factors.
        score: Shape (n,).
        max_conditions: Conditions in a conjunction, 1 to 3.
        min_rows: Fewest rows in a slice and outside it.
        smallest_gap: Smallest gap worth keeping, in score units.
        n_best: Slices to return.
        cells: Largest cross table; triples above it are skipped.

    Returns:
        At most n_best slices, best first.

    Source: Chung et al. (2019), Slice Finder; Eyuboglu et al. (2022), Domino, for the task.

    >>> codes = np.repeat([0, 1, 2], 40)
    >>> found = search([Axis(codes, 3)], np.where(codes == 2, 0.0, 1.0))
    >>> found[0].conditions, found[0].gap
    (((0, 2, 2),), 1.0)
    """
    n, total, squares = len(score), float(score.sum()), float(score @ score)
    binary = bool(np.all((score == 0) | (score == 1)))
    pooled = max(squares / max(n, 1) - (total / max(n, 1)) ** 2, 1e-12)
    if n < 2 * min_rows:
        return []
    found: list[tuple[float, float, float, float, tuple[tuple[int, int, int], ...]]] = []
    allowed = [axis.conditions() for axis in axes]
    spread = [_spread(axis, conditions) for axis, conditions in zip(axes, allowed, strict=True)]
    for depth in range(1, min(max_conditions, len(axes)) + 1):
        for chosen in combinations(range(len(axes)), depth):
            shape = tuple(axes[i].size for i in chosen)
            if int(np.prod(shape)) > cells:
                continue
            count, summed = _table([axes[i].codes for i in chosen], shape, score, binary=binary)
            for position, i in enumerate(chosen):
                count = np.moveaxis(np.tensordot(spread[i], count, axes=(1, position)), 0, position)
                summed = np.moveaxis(np.tensordot(spread[i], summed, axes=(1, position)), 0, position)
            rest = n - count
            fits = (count >= min_rows) & (rest >= min_rows)
            mean = summed / np.maximum(count, 1)
            gap = (total - summed) / np.maximum(rest, 1) - mean
            z = gap / np.sqrt(pooled * (1 / np.maximum(count, 1) + 1 / np.maximum(rest, 1)))
            z = np.where(fits & (gap >= smallest_gap), z, -np.inf)
            flat = z.reshape(-1)
            best = np.argpartition(-flat, min(24, len(flat) - 1))[:24] if len(flat) > 24 else np.arange(len(flat))
            for at in best[np.isfinite(flat[best]) & (flat[best] > 1.0)].tolist():
                where = np.unravel_index(at, z.shape)
                conditions = tuple((i, *allowed[i][int(w)]) for i, w in zip(chosen, where, strict=True))
                found.append((float(flat[at]), float(count[where]), float(mean[where]), float(gap[where]), conditions))
    found.sort(key=lambda f: (-f[0], len(f[4]), f[4]))
    return _merged([Slice(c, int(rows), mean, gap, z) for z, rows, mean, gap, c in found], pooled, n_best)


def _spread(axis: Axis, conditions: list[tuple[int, int]]) -> FloatArray:
    levels = np.arange(axis.size)
    return np.stack([(levels >= first) & (levels <= last) for first, last in conditions]).astype(np.float64)


def _table(
    codes: Sequence[IntArray], shape: tuple[int, ...], score: FloatArray, *, binary: bool
) -> tuple[FloatArray, FloatArray]:
    key = codes[0].astype(np.int32)
    for column, size in zip(codes[1:], shape[1:], strict=True):
        key = key * size + column
    size = int(np.prod(shape))
    if binary:
        both = np.bincount(key * 2 + score.astype(np.int32), minlength=2 * size).reshape(size, 2)
        return both.sum(axis=1).reshape(shape).astype(np.float64), both[:, 1].reshape(shape).astype(np.float64)
    count = np.bincount(key, minlength=size).astype(np.float64)
    summed = np.bincount(key, weights=score, minlength=size).astype(np.float64)
    return count.reshape(shape), summed.reshape(shape)


def _merged(ranked: list[Slice], pooled: float, n_best: int) -> list[Slice]:
    kept: list[Slice] = []
    for candidate in ranked:
        noise = 2 * (pooled / candidate.rows) ** 0.5
        if any(
            (k.contains(candidate) and candidate.mean > k.mean - noise)
            or (candidate.contains(k) and k.rows >= 0.5 * candidate.rows)
            for k in kept
        ):
            continue
        kept.append(candidate)
        if len(kept) == n_best:
            break
    return kept
