"""Rows as cells: how much lower scores are on some rows, other conditions held equal, for each model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from unseen.checks._levels import all_levels, ordered_levels, sample_rows
from unseen.checks._rows import Scored, scored
from unseen.checks.base import Subject
from unseen.checks.blame import Condition, Term, numbers_of

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
T = TypeVar("T", bound=np.generic)
# Rows of a model beyond these are left out, whole clusters at a time: what is told rests on far larger effects.
MAX_ROWS = 20_000
# Levels in which an ordered column is held equal.
BINS = 12
# Numbers that are kept of contrasts whose rows are the same but for the scores, as those of models that answered the same items.
MAX_KEPT = 8_000_000
# Share of a contrast's variation that must be left for anything to be said of it.
LEAST = 1e-3


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a contrast once conditions are held equal.

    Attributes:
        value: How much lower the score is on the rows blamed; 0 where nothing is left to compare.
        error: Its standard error; infinite where nothing is left to compare.
    """

    value: float
    error: float

    def low(self, quantile: float) -> float:
        """Lower end of the interval."""
        return self.value - quantile * self.error if math.isfinite(self.error) else -math.inf


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """A contrast with conditions held equal, without the scores.

    Attributes:
        z: What is held equal, and a constant, at each cell, shape (k, p).
        inverse: Of its products, shape (p, p).
        rest: What is left of the contrast, shape (k,).
        spread: Its sum of squares; 0 where nothing is left to compare.
    """

    z: FloatArray
    inverse: FloatArray
    rest: FloatArray
    spread: float


@dataclass(eq=False)
class _Known:
    """What was computed of the rows, whichever of them are used."""

    values: dict[str, FloatArray] = field(default_factory=dict[str, FloatArray])
    terms: dict[Term, BoolArray] = field(default_factory=dict[Term, BoolArray])
    masks: dict[Condition, BoolArray] = field(default_factory=dict[Condition, BoolArray])
    codes: dict[str, tuple[NDArray[np.integer], int]] = field(
        default_factory=dict[str, tuple[NDArray[np.integer], int]]
    )
    names: dict[Condition, str] = field(default_factory=dict[Condition, str])
    parts: dict[str, slice] = field(default_factory=dict[str, slice])
    shapes: dict[tuple[bytes, ...], int] = field(default_factory=dict[tuple[bytes, ...], int])
    held: dict[tuple[int, tuple[str, ...]], _Held] = field(default_factory=dict[tuple[int, tuple[str, ...]], "_Held"])
    room: int = MAX_KEPT
    cells: dict[str, FloatArray] = field(default_factory=dict[str, FloatArray])
    cell: NDArray[np.intp] | None = None
    first: NDArray[np.intp] | None = None
    excess: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Ground:
    """The scored rows of a subject, on which contrasts are computed.

    Attributes:
        subject: What was audited.
        rows: Its scored rows, or a random part of the clusters where models have very many.
        kept: Which of these are used, shape (n,).
        chosen: Position of each among all scored rows, shape (n,); None where they are all.
    """

    subject: Subject
    rows: Scored
    kept: BoolArray
    chosen: NDArray[np.integer] | None = None
    _known: _Known = field(default_factory=_Known, repr=False)

    @classmethod
    def of(cls, subject: Subject, conditions: Iterable[Condition]) -> Ground:
        """All rows, or a random part of the clusters of models that have very many.

        Args:
            subject: What was audited.
            conditions: All conditions that will be asked for.
        """
        rows, chosen = scored(subject), None
        most = max((part.stop - part.start for _, part in rows.each()), default=0)
        if most > MAX_ROWS:
            chosen = sample_rows(rows.cluster, int(MAX_ROWS * len(rows.row) / most), np.random.default_rng(0))
        if chosen is not None:
            rows = replace(
                rows, starts=np.searchsorted(chosen, rows.starts), row=rows.row[chosen], item=rows.item[chosen],
                cluster=rows.cluster[chosen], score=rows.score[chosen], whole=False,
            )  # fmt: skip
        ground = cls(subject, rows, np.ones(len(rows.row), dtype=bool), chosen)
        ground._number_cells(list(dict.fromkeys(conditions)))
        return ground

    def where(self, half: BoolArray) -> Ground:
        """The same rows, only those of some clusters used; ``half`` has shape (n,)."""
        return replace(self, kept=self.kept & half)

    def along(self, values: NDArray[T]) -> NDArray[T]:
        """Of an array over all scored rows the part at these rows."""
        return values if self.chosen is None else values[self.chosen]

    def part(self, model: str) -> NDArray[np.intp]:
        """Positions of the rows of a model that are used."""
        if not self._known.parts:
            self._known.parts |= dict(self.rows.each())
        inside = self._known.parts.get(model, slice(0, 0))
        return inside.start + np.flatnonzero(self.kept[inside])

    def mask(self, condition: Condition) -> BoolArray:
        """The scored rows that meet a condition, shape (n,)."""
        known = self._known.masks
        if condition not in known:
            known[condition] = np.logical_and.reduce([self._term(term) for term in condition.terms])
        return known[condition]

    def held_equal(self, condition: Condition) -> str:
        """Name of what is held equal where a condition is: the whole column where it is a range of an ordered one."""
        known = self._known.names
        if condition not in known:
            only = condition.terms[0]
            ranged = len(condition.terms) == 1 and only.kind == "range"
            known[condition] = f"levels of {only.column}" if ranged else str(condition)
        return known[condition]

    def columns(self, condition: Condition, at: NDArray[np.intp]) -> FloatArray:
        """Indicators of what is held equal, at some rows, shape (len(at), k)."""
        codes, size = self._codes(condition)
        return (codes[at][:, None] == np.arange(1, size)).astype(np.float64)

    def _codes(self, condition: Condition) -> tuple[NDArray[np.integer], int]:
        """What is held equal as integers below a number, shape (n,); 0 and less are no column of their own."""
        name, known = self.held_equal(condition), self._known.codes
        if name not in known:
            only = condition.terms[0]
            ranged = name.startswith("levels of ") and only.column in self.subject.answers.factors
            levels = ordered_levels(self.subject, only.column, bins=BINS) if ranged else None
            if levels is None:
                known[name] = self.mask(condition).view(np.int8), 2
            else:
                known[name] = self.along(levels.codes), levels.size
        return known[name]

    def conjunctions(self, terms: int) -> int:
        """How many conditions of so many columns the table has: runs from either end of ordered ones, levels of others."""
        polynomial = np.zeros(terms + 1)
        polynomial[0] = 1.0
        for levels in all_levels(self.subject):
            runs = 2 * (levels.size - 1) if levels.ordered else levels.size
            polynomial[1:] += runs * polynomial[:-1]
        return max(1, int(polynomial[terms]))

    def scores(self, *, excess: bool) -> FloatArray:
        """Score of each row, or by how much it is above the mean of the other models on the item (NaN without any)."""
        if not excess:
            return self.rows.score
        if self._known.excess is None:
            self._known.excess = _above_others(self.rows)
        return self._known.excess

    def contrast(self, model: str, condition: Condition, against: Condition | None, *, excess: bool) -> Contrast:
        """Rows of a model that meet a condition, and those of the reference (all others by default)."""
        at = self.part(model)
        inside = self.mask(condition)[at]
        used = np.ones(len(at), dtype=bool) if against is None else inside | self.mask(against)[at]
        y = self.scores(excess=excess)[at]
        used &= ~np.isnan(y)
        at, y, inside = at[used], y[used], inside[used]
        assert self._known.cell is not None  # noqa: S101
        # A reference may cut through cells: rows of both sides of a contrast are counted apart.
        number, local = _numbered(2 * self._known.cell[at] + inside)
        _, group = _numbered(self.rows.cluster[at])
        return Contrast(
            ground=self, y=y, local=local, group=group, cells=number // 2,
            inside=(number % 2).astype(np.float64), size=np.bincount(local).astype(np.float64),
            sums=np.bincount(local, weights=y).astype(np.float64),
        )  # fmt: skip

    def at_cells(self, condition: Condition) -> FloatArray:
        """Indicators of what is held equal at each cell of the table, shape (cells, k)."""
        name, known = self.held_equal(condition), self._known.cells
        if name not in known:
            assert self._known.first is not None  # noqa: S101
            known[name] = self.columns(condition, self._known.first)
        return known[name]

    @property
    def known_shapes(self) -> dict[tuple[bytes, ...], int]:
        """Numbers of the shapes of contrasts."""
        return self._known.shapes

    def kept_of(self, key: tuple[int, tuple[str, ...]]) -> _Held | None:
        """What is known of contrasts of one shape with conditions held equal."""
        return self._known.held.get(key)

    def keep(self, key: tuple[int, tuple[str, ...]], held: _Held) -> None:
        """Keep it, as far as there is room."""
        size = held.z.size + held.inverse.size + held.rest.size
        if size > self._known.room:
            self._known.held.clear()
            self._known.room = MAX_KEPT
        self._known.held[key] = held
        self._known.room -= size

    def _number_cells(self, conditions: Sequence[Condition]) -> None:
        """Number the cells of the table: rows that agree in all conditions and in all that is held equal with them."""
        weight, key = np.random.default_rng(1), np.zeros(len(self.rows.row))
        for condition in conditions:
            key += weight.uniform(1, 2) * self.mask(condition)
        for condition in {self.held_equal(c): c for c in conditions}.values():
            codes, size = self._codes(condition)
            # Code 0 adds nothing, and -1 finds the last place.
            key += np.concatenate([[0.0], weight.uniform(1, 2, size - 1), [0.0]])[codes]
        _, self._known.first, self._known.cell = np.unique(np.round(key, 9), return_index=True, return_inverse=True)

    def _term(self, term: Term) -> BoolArray:
        known = self._known.terms
        if term not in known:
            if term.kind == "range":
                if term.column not in self._known.values:
                    self._known.values[term.column] = self.rows.take(numbers_of(self.subject.answers, term.column))
                values = self._known.values[term.column]
                known[term] = (values >= term.low) & (values < term.high)
            elif term.kind == "levels":
                coded = self.subject.answers.codes(term.column)
                named = np.array([(str(level) in term.levels) != term.excluded for level in coded.levels] + [False])
                known[term] = named[self.rows.take(coded.codes)]
            else:
                known[term] = self.rows.take(term.holds(self.subject.answers))
        return known[term]


@dataclass(frozen=True, eq=False)
class Contrast:
    """Scores of one model on the rows blamed and on those they are compared with, as cells.

    Attributes:
        ground: The rows.
        y: Score of each row, shape (n,).
        local: Number of each row's cell, shape (n,).
        group: Number of each row's cluster, shape (n,).
        cells: Number of each cell in the table, shape (k,).
        inside: Whether it is blamed, shape (k,).
        size: Its rows, shape (k,).
        sums: Sum of its scores, shape (k,).
    """

    ground: Ground
    y: FloatArray
    local: NDArray[np.intp]
    group: NDArray[np.intp]
    cells: NDArray[np.intp]
    inside: FloatArray
    size: FloatArray
    sums: FloatArray

    def left(self, given: Sequence[Condition], *, least: float = -math.inf) -> Left:
        """The contrast with conditions held equal, by least squares; below ``least`` without its standard error."""
        if not len(self.size):
            return Left(0.0, math.inf)
        held = self._held(given)
        if held.spread <= 0:
            return Left(0.0, math.inf)
        rest, spread, z, inverse, a, w = held.rest, held.spread, held.z, held.inverse, self.inside, self.size
        slope = float(rest @ self.sums) / spread
        if -slope < least:
            return Left(-slope, 0.0)
        fitted = z @ (inverse @ (z.T @ (self.sums - slope * w * a))) + slope * a
        per = np.bincount(self.group, weights=rest[self.local] * (self.y - fitted[self.local]))
        units = len(per)
        error = math.sqrt(float(per @ per) * units / max(units - 1, 1)) / spread
        return Left(-slope, error if error > 0 else math.inf)

    @cached_property
    def _shape(self) -> int:
        """A number that contrasts share whose cells are the same but for the scores."""
        known = self.ground.known_shapes
        return known.setdefault((self.cells.tobytes(), self.inside.tobytes(), self.size.tobytes()), len(known))

    def _held(self, given: Sequence[Condition]) -> _Held:
        """All of the regression that the scores do not change; computed once for contrasts of one shape."""
        key = (self._shape, tuple(self.ground.held_equal(c) for c in given))
        held = self.ground.kept_of(key)
        if held is None:
            held = self._compute(given)
            self.ground.keep(key, held)
        return held

    def _compute(self, given: Sequence[Condition]) -> _Held:
        a, w, n = self.inside, self.size, float(self.size.sum())
        whole = float(w @ (a - (w @ a) / n) ** 2)
        none = np.zeros((0, 0))
        if whole <= 0:
            return _Held(none, none, none[0:0].ravel(), 0.0)
        z = np.concatenate(
            [np.ones((len(a), 1)), *(self.ground.at_cells(c)[self.cells] for c in given)], axis=1
        )  # fmt: skip
        weighted = z * w[:, None]
        gram = weighted.T @ z
        gram.flat[:: len(gram) + 1] += 1e-9 * n
        inverse: FloatArray = np.asarray(np.linalg.inv(gram), dtype=np.float64)
        rest = a - z @ (inverse @ (weighted.T @ a))
        spread = float(w @ rest**2)
        if spread < LEAST * whole:
            return _Held(none, none, none[0:0].ravel(), 0.0)
        return _Held(z, inverse, rest, spread)


def _numbered(values: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The distinct values, none negative, in ascending order, and the place of each among them."""
    size = int(values.max(initial=-1)) + 1
    if size > 16 * len(values) or int(values.min(initial=0)) < 0:
        levels, inverse = np.unique(values, return_inverse=True)
        return levels.astype(np.intp), inverse
    present = np.zeros(size, dtype=bool)
    present[values] = True
    return np.flatnonzero(present), (np.cumsum(present) - 1)[values]


def _above_others(rows: Scored) -> FloatArray:
    size = int(rows.item.max(initial=-1)) + 1
    total, count = np.zeros(size), np.zeros(size)
    own: list[tuple[slice, FloatArray, FloatArray]] = []
    for _, part in rows.each():
        n = np.bincount(rows.item[part], minlength=size)
        mean = np.bincount(rows.item[part], weights=rows.score[part], minlength=size) / np.maximum(n, 1)
        total += np.where(n > 0, mean, 0.0)
        count += n > 0
        own.append((part, mean, n.astype(np.float64)))
    out = np.full(len(rows.score), np.nan)
    for part, mean, _ in own:
        item = rows.item[part]
        others = count[item] - 1
        out[part] = np.where(others > 0, rows.score[part] - (total[item] - mean[item]) / np.maximum(others, 1), np.nan)
    return out


__all__ = ["Contrast", "Ground", "Left"]
