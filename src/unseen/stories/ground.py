"""Rows as cells: how much lower scores are on some rows, other conditions held equal, for each model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import is_
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unseen.checks._levels import describing_levels, ordered_levels, sample_rows, side_levels
from unseen.checks._rows import Scored, first_positions, scored
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
# Scores of contrasts that are taken at once.
MAX_AT_ONCE = 1_000_000
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
        rest: What is left of the contrast at each cell, shape (k,).
        spread: Its sum of squares; 0 where nothing is left to compare.
        asked: What is held equal with a constant, z, of shape (k, p); where rows are their own clusters also z and the
            contrast times ``rest`` squared, shape (k, 2p + 1).
        inverse: Of the products of z, shape (p, p).
        blamed: Sums of z over the rows blamed, shape (p,).
        fit: Of z and the contrast, times ``rest``, what fitted scores add to the squared residuals: their products, shape
            (p + 1, p + 1), where rows are their own clusters, else their sums over each cluster, shape (clusters, p + 1).
    """

    rest: FloatArray
    spread: float
    asked: FloatArray
    inverse: FloatArray
    blamed: FloatArray
    fit: FloatArray


_NOTHING = _Held(np.zeros(0), 0.0, np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0), np.zeros((0, 0)))


@dataclass(eq=False)
class _Known:
    """What was computed of the rows, whichever of them are used.

    Rows of one kind agree in every column that a condition reads, as those of models that answered the same item do:
    what conditions say is computed once for each kind.
    """

    kind: NDArray[np.integer]
    first: NDArray[np.intp]
    values: dict[str, FloatArray] = field(default_factory=dict[str, FloatArray])
    terms: dict[Term, BoolArray] = field(default_factory=dict[Term, BoolArray])
    codes: dict[str, tuple[NDArray[np.integer], int]] = field(
        default_factory=dict[str, tuple[NDArray[np.integer], int]]
    )
    names: dict[Condition, str] = field(default_factory=dict[Condition, str])
    parts: dict[str, slice] = field(default_factory=dict[str, slice])
    held: dict[tuple[int, tuple[str, ...]], _Held] = field(default_factory=dict[tuple[int, tuple[str, ...]], "_Held"])
    frames: int = 0
    room: int = MAX_KEPT
    cells: dict[str, FloatArray] = field(default_factory=dict[str, FloatArray])
    cell: NDArray[np.intp] | None = None
    first_of_cell: NDArray[np.intp] | None = None
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
    _known: _Known = field(repr=False, kw_only=True)
    _frames: dict[tuple[bytes | Condition | None, ...], Frame] = field(
        default_factory=dict[tuple["bytes | Condition | None", ...], "Frame"], repr=False, init=False
    )
    _rows_of: dict[str, tuple[NDArray[np.intp], bytes]] = field(
        default_factory=dict[str, tuple[NDArray[np.intp], bytes]], repr=False, init=False
    )

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
        asked = list(dict.fromkeys(conditions))
        kind, first = _kinds(subject, rows, asked)
        ground = cls(subject, rows, np.ones(len(rows.row), dtype=bool), chosen, _known=_Known(kind, first))
        ground._number_cells(asked)
        return ground

    def where(self, half: BoolArray) -> Ground:
        """The same rows, only those of some clusters used; ``half`` has shape (n,)."""
        return replace(self, kept=self.kept & half)

    def along(self, values: NDArray[T]) -> NDArray[T]:
        """Of an array over all scored rows the part at these rows."""
        return values if self.chosen is None else values[self.chosen]

    def part(self, model: str) -> NDArray[np.intp]:
        """Positions of the rows of a model that are used."""
        return self._part(model)[0]

    def _part(self, model: str) -> tuple[NDArray[np.intp], bytes]:
        """Positions of the rows of a model that are used, and their kinds and clusters in one key."""
        if model not in self._rows_of:
            if not self._known.parts:
                self._known.parts |= dict(self.rows.each())
            inside = self._known.parts.get(model, slice(0, 0))
            at = inside.start + np.flatnonzero(self.kept[inside])
            key = self._known.kind[at].tobytes() + self.rows.cluster[at].tobytes()
            self._rows_of[model] = at, key
        return self._rows_of[model]

    def mask(self, condition: Condition, at: NDArray[np.intp] | None = None) -> BoolArray:
        """The scored rows, or those at some positions, that meet a condition, shape (n,)."""
        if all(term in self._known.terms for term in condition.terms):
            return self.of_kinds(condition)[self._known.kind if at is None else self._known.kind[at]]
        answers = self.subject.answers
        whole = np.logical_and.reduce([self.rows.take(term.holds(answers)) for term in condition.terms])
        return whole if at is None else whole[at]

    def of_kinds(self, condition: Condition) -> BoolArray:
        """The kinds of rows that meet a condition, shape (kinds,)."""
        return np.logical_and.reduce([self._term(term) for term in condition.terms])

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
        return self.columns_of(condition, self._known.kind[at])

    def cells_by(self, conditions: Sequence[Condition], at: NDArray[np.intp]) -> Cells:
        """Cells of rows that agree in some conditions and in all that is held equal with them."""
        first, cell = self._cells_by(conditions)
        return Cells(self, first, cell[self._known.kind[at]])

    def columns_of(self, condition: Condition, kinds: NDArray[np.integer]) -> FloatArray:
        """Indicators of what is held equal at some kinds of rows, shape (len(kinds), k)."""
        codes, size = self._codes(condition)
        return (codes[kinds][:, None] == np.arange(1, size)).astype(np.float64)

    def _codes(self, condition: Condition) -> tuple[NDArray[np.integer], int]:
        """What is held equal as integers below a number, shape (kinds,); 0 and less are no column of their own."""
        name, known = self.held_equal(condition), self._known.codes
        if name not in known:
            only = condition.terms[0]
            ranged = name.startswith("levels of ") and only.column in self.subject.answers.factors
            levels = ordered_levels(self.subject, only.column, bins=BINS) if ranged else None
            if levels is None:
                known[name] = self.of_kinds(condition).view(np.int8), 2
            else:
                known[name] = self.along(levels.codes)[self._known.first], levels.size
        return known[name]

    def conjunctions(self, terms: int) -> int:
        """How many conditions of so many columns the table has: runs from either end of ordered ones, levels of others."""
        polynomial = np.zeros(terms + 1)
        polynomial[0] = 1.0
        split = side_levels(self.subject)
        for levels in [*describing_levels(self.subject), *([] if split is None else [split])]:
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
        at, rows = self._part(model)
        y = self.scores(excess=excess)[at]
        given = ~np.isnan(y) if excess else None
        key = (rows, condition, against, b"" if given is None else given.tobytes())
        if key not in self._frames:
            self._frames[key] = self._frame(at, condition, against, given)
        frame = self._frames[key]
        y = y[frame.used]
        # The constant that is held equal takes the mean; without it sums of squares keep their digits.
        y = y - y.mean() if len(y) else y
        sums = np.asarray(np.bincount(frame.local, weights=y), dtype=np.float64)
        if frame.single:
            return Contrast(frame, sums, np.asarray(np.bincount(frame.local, weights=y * y), dtype=np.float64))
        return Contrast(frame, sums, y[frame.order[0]])

    def _frame(
        self, at: NDArray[np.intp], condition: Condition, against: Condition | None, given: BoolArray | None
    ) -> Frame:
        inside = self.mask(condition, at)
        used = np.ones(len(at), dtype=bool) if against is None else inside | self.mask(against, at)
        if given is not None:
            used &= given
        at, inside = at[used], inside[used]
        assert self._known.cell is not None  # noqa: S101
        # A reference may cut through cells: rows of both sides of a contrast are counted apart.
        number, local = numbered(2 * self._known.cell[self._known.kind[at]] + inside)
        units, group = numbered(self.rows.cluster[at])
        self._known.frames += 1
        return Frame(
            ground=self, number=self._known.frames, used=used, local=local, group=group, units=len(units),
            cells=number // 2, inside=(number % 2).astype(np.float64), size=np.bincount(local).astype(np.float64),
        )  # fmt: skip

    def at_cells(self, condition: Condition) -> FloatArray:
        """Indicators of what is held equal at each cell of the table, shape (cells, k)."""
        name, known = self.held_equal(condition), self._known.cells
        if name not in known:
            assert self._known.first_of_cell is not None  # noqa: S101
            known[name] = self.columns_of(condition, self._known.first_of_cell)
        return known[name]

    def kept_of(self, key: tuple[int, tuple[str, ...]]) -> _Held | None:
        """What is known of contrasts of one frame with conditions held equal."""
        return self._known.held.get(key)

    def keep(self, key: tuple[int, tuple[str, ...]], held: _Held) -> None:
        """Keep it, as far as there is room."""
        size = held.asked.size + held.fit.size + held.inverse.size + held.rest.size
        if size > self._known.room:
            self._known.held.clear()
            self._known.room = MAX_KEPT
        self._known.held[key] = held
        self._known.room -= size

    def _number_cells(self, conditions: Sequence[Condition]) -> None:
        """Number the cells of the table by all conditions that will be asked for."""
        self._known.first_of_cell, self._known.cell = self._cells_by(conditions)

    def _cells_by(self, conditions: Sequence[Condition]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The first kind of each cell, and the cell of each kind; see ``cells_by``."""
        weight, key = np.random.default_rng(1), np.zeros(len(self._known.first))
        for condition in conditions:
            key += weight.uniform(1, 2) * self.of_kinds(condition)
        for condition in {self.held_equal(c): c for c in conditions}.values():
            codes, size = self._codes(condition)
            # Code 0 adds nothing, and -1 finds the last place.
            key += np.concatenate([[0.0], weight.uniform(1, 2, size - 1), [0.0]])[codes]
        _, first, cell = np.unique(np.round(key, 9), return_index=True, return_inverse=True)
        return first, cell

    def _term(self, term: Term) -> BoolArray:
        """The kinds of rows that meet a term, shape (kinds,)."""
        known = self._known.terms
        if term not in known:
            row = self.rows.row[self._known.first]
            if term.kind == "range":
                if term.column not in self._known.values:
                    self._known.values[term.column] = numbers_of(self.subject.answers, term.column)[row]
                values = self._known.values[term.column]
                known[term] = (values >= term.low) & (values < term.high)
            elif term.kind == "levels":
                coded = self.subject.answers.codes(term.column)
                named = np.array([(str(level) in term.levels) != term.excluded for level in coded.levels] + [False])
                known[term] = named[coded.codes[row]]
            else:
                known[term] = term.holds(self.subject.answers)[row]
        return known[term]


@dataclass(frozen=True, eq=False, slots=True)
class Cells:
    """Rows that agree in the conditions at hand, counted once: far fewer than the rows, and than the cells of all conditions.

    Attributes:
        ground: The rows.
        first: The first kind of each cell, shape (k,).
        local: Cell of each row, shape (n,).
    """

    ground: Ground
    first: NDArray[np.intp]
    local: NDArray[np.intp]

    def columns(self, condition: Condition) -> FloatArray:
        """Indicators of what is held equal at each cell, shape (k, p)."""
        return self.ground.columns_of(condition, self.first)

    def mask(self, condition: Condition) -> BoolArray:
        """The cells that meet a condition, shape (k,)."""
        return self.ground.of_kinds(condition)[self.first]


@dataclass(frozen=True, eq=False)
class Frame:
    """Rows blamed and those that they are compared with, as cells, without the scores: models that answered the same share it.

    Attributes:
        ground: The rows.
        number: Of the frame among those of the ground.
        used: Which of the rows of the model that are used, shape (rows,).
        local: Number of each row's cell, shape (n,).
        group: Number of each row's cluster, shape (n,).
        units: Clusters.
        cells: Number of each cell in the table, shape (k,).
        inside: Whether it is blamed, shape (k,).
        size: Its rows, shape (k,).
    """

    ground: Ground
    number: int
    used: BoolArray
    local: NDArray[np.intp]
    group: NDArray[np.intp]
    units: int
    cells: NDArray[np.intp]
    inside: FloatArray
    size: FloatArray
    _stacks: list[_Stack] = field(default_factory=list["_Stack"], repr=False, init=False)

    def stack(self, contrasts: Sequence[Contrast]) -> _Stack:
        """Contrasts of this frame as arrays; those that are asked for again and again, under one condition after another, once."""
        if not (self._stacks and self._stacks[0].of(contrasts)):
            self._stacks[:] = [_Stack(tuple(contrasts))]
        return self._stacks[0]

    def held(self, given: Sequence[Condition]) -> _Held:
        """All of the regression that the scores do not change; computed once."""
        key = (self.number, tuple(self.ground.held_equal(c) for c in given))
        held = self.ground.kept_of(key)
        if held is None:
            held = self._compute(given)
            self.ground.keep(key, held)
        return held

    def _compute(self, given: Sequence[Condition]) -> _Held:
        a, w, n = self.inside, self.size, float(self.size.sum())
        whole = float(w @ (a - (w @ a) / n) ** 2)
        if whole <= 0:
            return _NOTHING
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
            return _NOTHING
        both, blamed = np.concatenate([z, a[:, None]], axis=1), np.asarray(weighted.T @ a, dtype=np.float64)
        if self.single:
            squared = both * (rest * rest)[:, None]
            fit = (both * w[:, None]).T @ squared
            return _Held(rest, spread, np.concatenate([z, squared], axis=1), inverse, blamed, fit)
        order, starts = self.order
        fit = np.add.reduceat((both * rest[:, None])[self.local[order]], starts, axis=0)
        return _Held(rest, spread, z, inverse, blamed, fit)

    @property
    def single(self) -> bool:
        """Whether every row is a cluster of its own."""
        return self.units == len(self.group)

    @cached_property
    def order(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows sorted by cluster, and where each cluster starts."""
        order = np.argsort(self.group, kind="stable")
        return order, np.searchsorted(self.group[order], np.arange(self.units))


@dataclass(frozen=True, eq=False, slots=True)
class Contrast:
    """Scores of one model on the rows blamed and on those they are compared with.

    Attributes:
        frame: The rows.
        sums: Sum of the scores of each cell, less their mean, shape (k,).
        again: The same of their squares, shape (k,), where rows are their own clusters; else the score of each row, less the
            mean, by cluster, shape (n,).
    """

    frame: Frame
    sums: FloatArray
    again: FloatArray

    def left(self, given: Sequence[Condition], *, least: float = -math.inf) -> Left:
        """The contrast with conditions held equal, by least squares; below ``least`` without its standard error."""
        return left_of([self], given, least=least)[0]


@dataclass(frozen=True, eq=False)
class _Stack:
    """Contrasts of one frame, one a row."""

    contrasts: tuple[Contrast, ...]

    def of(self, contrasts: Sequence[Contrast]) -> bool:
        """Whether it holds these and no others, in this order."""
        return len(contrasts) == len(self.contrasts) and all(map(is_, contrasts, self.contrasts))

    @cached_property
    def sums(self) -> FloatArray:
        """Shape (contrasts, cells)."""
        return np.stack([contrast.sums for contrast in self.contrasts])

    @cached_property
    def again(self) -> FloatArray:
        """Shape (contrasts, cells or rows)."""
        return np.stack([contrast.again for contrast in self.contrasts])


def left_of(contrasts: Sequence[Contrast], given: Sequence[Condition], *, least: float = -math.inf) -> list[Left]:
    """Contrasts with conditions held equal, by least squares, those of one frame at once.

    Args:
        contrasts: The contrasts.
        given: What is held equal.
        least: Contrasts below it are given without their standard error.
    """
    places: dict[int, list[int]] = {}
    for i, contrast in enumerate(contrasts):
        places.setdefault(contrast.frame.number, []).append(i)
    out = [Left(0.0, math.inf)] * len(contrasts)
    for own in places.values():
        frame = contrasts[own[0]].frame
        step = max(1, MAX_AT_ONCE // max(len(frame.local), 1))
        for start in range(0, len(own), step):
            some = own[start : start + step]
            for i, left in zip(some, _left(frame, [contrasts[i] for i in some], given, least), strict=True):
                out[i] = left
    return out


def _left(frame: Frame, contrasts: Sequence[Contrast], given: Sequence[Condition], least: float) -> list[Left]:
    nothing = [Left(0.0, math.inf)] * len(contrasts)
    if not len(frame.size):
        return nothing
    held = frame.held(given)
    if held.spread <= 0:
        return nothing
    rest, spread = held.rest, held.spread
    stack = frame.stack(contrasts)
    sums = stack.sums
    slope = (sums @ rest) / spread
    told = np.flatnonzero(-slope >= least)
    error = np.zeros(len(contrasts))
    if len(told):
        own, p = slope[told], len(held.blamed)
        asked = (sums if len(told) == len(sums) else sums[told]) @ held.asked
        fitted = (asked[:, :p] - np.multiply.outer(own, held.blamed)) @ held.inverse
        fitted = np.concatenate([fitted, own[:, None]], axis=1)
        again = stack.again if len(told) == len(sums) else stack.again[told]
        # Of the scores less what is fitted, over all rows: where a search found rows that nearly all fail, these vary
        # too little to tell how uncertain their mean was before it was chosen.
        squares = again.sum(axis=1) if frame.single else np.einsum("ij,ij->i", again, again)
        known = np.einsum("ij,ij->i", fitted[:, :p], asked[:, :p])
        known += own * (sums[told] @ frame.inside)
        alike = np.maximum(squares - known, 0.0) / frame.size.sum() / spread
        if frame.single:
            # Σ rest² (y − fitted)², multiplied out, so that no row is touched; what is lost to rounding is no error of 0.
            whole = again @ (rest * rest)
            square = whole - 2 * np.einsum("ij,ij->i", asked[:, p:], fitted)
            square = np.maximum(square + np.einsum("ij,ij->i", fitted @ held.fit, fitted), 1e-15 * whole)
        else:
            per = (
                np.add.reduceat(again * rest[frame.local[frame.order[0]]], frame.order[1], axis=1) - fitted @ held.fit.T
            )
            square = np.einsum("ij,ij->i", per, per)
        robust = square * frame.units / max(frame.units - 1, 1) / spread**2
        error[told] = np.sqrt(np.where(robust > 0, np.maximum(robust, alike), 0.0))
        error[told[error[told] <= 0]] = math.inf
    return [Left(-v, e) for v, e in zip(slope.tolist(), error.tolist(), strict=True)]


def _kinds(
    subject: Subject, rows: Scored, conditions: Sequence[Condition]
) -> tuple[NDArray[np.integer], NDArray[np.intp]]:
    """Kind of each row (rows of a kind agree in all columns that conditions read), and the first row of each kind."""
    terms = dict.fromkeys(term for condition in conditions for term in condition.terms)
    read: dict[tuple[str, ...], NDArray[Any]] = {}
    for term in terms:
        if term.kind == "range":
            key = ("range", term.column)
            if key not in read:
                read[key] = rows.take(numbers_of(subject.answers, term.column)).view(np.int64)
        elif term.kind == "levels":
            key = ("levels", term.column)
            if key not in read:
                read[key] = rows.take(subject.answers.codes(term.column).codes)
        else:
            key = (term.kind, term.column, *term.levels, str(term.excluded))
            if key not in read:
                read[key] = rows.take(term.holds(subject.answers))
    # Most columns describe items: what the item does not tell is added to it.
    present, kind = numbered(rows.item)
    first = first_positions(kind, len(present))
    for values in read.values():
        if not np.array_equal(values[first][kind], values):
            levels, code = np.unique(values, return_inverse=True)
            _, first, kind = np.unique(kind * np.int64(len(levels)) + code, return_index=True, return_inverse=True)
    return kind, first


def numbered(values: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
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


__all__ = ["Cells", "Contrast", "Frame", "Ground", "Left", "left_of", "numbered"]
