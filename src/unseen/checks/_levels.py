"""Factors as integers along the scored rows, computed once per subject and shared by several checks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unseen.checks._numbers import numbers
from unseen.checks._rows import Scored, scored
from unseen.checks.base import Subject
from unseen.checks.blame import Condition, Term, side
from unseen.errors import BadInput
from unseen.responses import Responses

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
MISSING = "missing"
OTHER = "other"
MAX_CATEGORIES = 20
# Above this many rows a model is regressed on a random part: the standard errors are far below any gap of interest.
MAX_ROWS = 20_000
# A factor whose levels lie on one side of the split up to this share of the rows is what the split was made of.
DETERMINED = 0.95
SIDES = ("seen", "unseen")
_SAMPLE = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """One factor along the scored rows.

    Attributes:
        name: Column, or "column has member" for a member of a set.
        ordered: Whether the levels have an order.
        labels: What each level is called; the last is "missing" where values are.
        codes: Level of each scored row, shape (n,), int32.
        x: Mean value of each level (numbers; times in seconds), shape (levels,); positions where there is no order.
        missing: Index of the level "missing", or None.
        cuts: Lowest value of each level but the first, where they are ordered, shape (levels - 1,).
        column: The column, where the name is another.
        member: Of a set, the member.
        of_split: Whether the levels are the sides of the split.
    """

    name: str
    ordered: bool
    labels: tuple[str, ...]
    codes: IntArray
    x: FloatArray
    missing: int | None
    cuts: FloatArray | None = None
    column: str = ""
    member: str = ""
    of_split: bool = False

    @property
    def size(self) -> int:
        """Number of levels, the missing one included."""
        return len(self.labels)

    @property
    def real(self) -> list[int]:
        """Levels that are not "missing"."""
        return [i for i in range(self.size) if i != self.missing]

    def condition(self, first: int, last: int) -> str:
        """A run of levels in words."""
        if self.of_split:
            return f"{self.labels[first]} rows"
        if first == last:
            return f"{self.name} = {self.labels[first]}"
        if last == self.real[-1]:
            return f"{self.name} ≥ {self.labels[first].split(' to ')[0]}"
        return f"{self.name} ≤ {self.labels[last].split(' to ')[-1]}"

    def rows_of(self, first: int, last: int) -> Condition:
        """The rows at a run of levels."""
        return Condition((self.term(first, last),))

    def term(self, first: int, last: int) -> Term:
        """A run of levels as a condition on the column."""
        words = self.condition(first, last)
        if self.of_split:
            return side("unseen" if self.labels[first] == "unseen" else "seen").terms[0]
        if self.member:
            return Term(self.column, "member", words, levels=(self.member,), excluded=first == 0)
        if self.ordered and self.cuts is not None:
            low = float(self.cuts[first - 1]) if first > 0 else -np.inf
            high = float(self.cuts[last]) if last < len(self.cuts) else np.inf
            return Term(self.name, "range", words, low=low, high=high)
        grouped = len(self.real) == MAX_CATEGORIES and last == self.real[-1] and self.labels[last] == OTHER
        if grouped:
            named = tuple(self.labels[i] for i in self.real[:first])
            return Term(self.name, "levels", words, levels=named, excluded=True)
        return Term(self.name, "levels", words, levels=self.labels[first : last + 1])


def all_levels(subject: Subject, *, bins: int = 5) -> list[Levels]:
    """Every factor with at least two levels among the scored rows; ordered ones in at most ``bins`` levels."""

    def compute() -> list[Levels]:
        rows, answers = scored(subject), subject.answers
        found: list[Levels] = []
        for name, factor in answers.factors.items():
            if factor.kind == "ordered":
                one = ordered_levels(subject, name, bins=bins)
                found += [one] if one is not None else []
            elif factor.kind == "set":
                found += _members(answers.table[name], name, rows)
            else:
                found += _categories(answers, name, rows)
        return found

    return subject.shared(f"all_levels_{bins}", compute)


def describing_levels(subject: Subject) -> list[Levels]:
    """``all_levels`` without a column that only names the sides of the split, which says nothing of an item."""
    factors = subject.answers.factors
    return [f for f in all_levels(subject) if f.name not in factors or not factors[f.name].is_split]


def side_levels(subject: Subject) -> Levels | None:
    """The sides of the split as levels, for conditions that hold on one side alone.

    Returns:
        The levels "seen" and "unseen" (then "missing"); None where a side has no row, or where a factor says which side a row is
        on: rows beyond a length are told by the length.
    """

    def compute() -> Levels | None:
        seen, unseen = split_codes(subject)
        known = seen | unseen
        if not seen.any() or not unseen.any():
            return None
        for factor in describing_levels(subject):
            own = ordered_levels(subject, factor.name, bins=12) if factor.ordered else factor
            codes = (own or factor).codes[known]
            size = int(codes.max(initial=0)) + 1
            most = np.maximum(
                np.bincount(codes[seen[known]], minlength=size), np.bincount(codes[unseen[known]], minlength=size)
            )
            if most.sum() >= DETERMINED * len(codes) > max(seen.sum(), unseen.sum()):
                return None
        codes = np.where(seen, 0, np.where(unseen, 1, 2)).astype(np.int32)
        labels = SIDES if known.all() else (*SIDES, MISSING)
        return Levels(
            "split",
            False,
            labels,
            codes,
            np.arange(len(labels), dtype=np.float64),
            None if known.all() else 2,
            of_split=True,
        )

    return subject.shared("side_levels", compute)


def ordered_levels(subject: Subject, name: str, *, bins: int, ends: tuple[float, float] | None = None) -> Levels | None:
    """An ordered factor in at most ``bins`` levels: its values, or quantile groups of them; None below two.

    Args:
        subject: The answers.
        name: The factor.
        bins: Most levels.
        ends: Lowest and highest value of a range; no group holds values on both sides of an end.
    """
    return subject.shared(f"levels_{name}_{bins}_{ends}", lambda: _ordered(subject, name, bins, ends))


def ordered_values(subject: Subject, name: str) -> FloatArray:
    """An ordered factor of each scored row, shape (n,); NaN where it is missing."""
    rows, column = scored(subject), subject.answers.table[name]
    try:
        return rows.take(numbers(column))
    except BadInput:
        coded = subject.answers.codes(name)
        return np.where(coded.codes >= 0, coded.codes.astype(np.float64), np.nan)[rows.row]


def _ordered(subject: Subject, name: str, bins: int, ends: tuple[float, float] | None) -> Levels | None:
    column, values = subject.answers.table[name], ordered_values(subject, name)
    absent = np.isnan(values)
    present = values[~absent] if absent.any() else values
    if not len(present):
        return None
    step = max(1, len(present) // _SAMPLE)
    distinct = np.unique(present[::step])
    edges = edges_of(present[::step], bins)
    if len(distinct) > bins and ends is not None:
        distinct = np.union1d(distinct, present[(present == ends[0]) | (present == ends[1])])
        edges = _ending(edges, distinct, ends)
    size = len(edges) + 1
    # Counting the few edges below each value is several times faster than a binary search in them.
    counted = np.zeros(len(values), dtype=np.int8 if size < 128 else np.int32)
    cuts = np.nextafter(edges, np.inf) if len(distinct) > bins else edges
    for cut in cuts:
        # True is 1 in the same byte: nothing is converted on the way.
        counted += (values >= cut).view(np.int8)
    codes = counted.astype(np.int32)
    if size < 2:
        return None
    kept = codes[~absent] if absent.any() else codes
    count = np.bincount(kept, minlength=size)
    x = np.bincount(kept, weights=present, minlength=size) / np.maximum(count, 1)
    temporal = column.dtype.is_temporal()
    groups = np.searchsorted(edges, distinct, side="left" if len(distinct) > bins else "right")
    spans = [distinct[groups == g] for g in range(size)]
    labels = [
        _label(float(e[0]), temporal)
        if len(e) == 1
        else f"{_label(float(e[0]), temporal)} to {_label(float(e[-1]), temporal)}"
        for e in spans
    ]
    if absent.any():
        codes[absent] = size
        return Levels(name, True, (*labels, MISSING), codes, np.append(x, np.nan), size, cuts)
    return Levels(name, True, tuple(labels), codes, x, None, cuts)


def edges_of(values: FloatArray, bins: int) -> FloatArray:
    """Where numbers are cut into at most ``bins`` levels, ascending.

    Between each two values where there are no more; else the highest value of each quantile group but the last.

    >>> edges_of(np.array([1.0, 2.0, 2.0]), 5), edges_of(np.arange(100.0), 4)
    (array([1.5]), array([24., 49., 74.]))
    """
    distinct = np.unique(values)
    if len(distinct) <= bins:
        return (distinct[1:] + distinct[:-1]) / 2
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    return edges[edges < distinct[-1]]


def _ending(edges: FloatArray, distinct: FloatArray, ends: tuple[float, float]) -> FloatArray:
    """Edges (highest value of each group but the last) of which the nearest gives way to each end of a range.

    >>> _ending(np.array([2.0, 5.0, 8.0]), np.arange(11.0), (0.0, 6.0))
    array([2., 6., 8.])
    """
    below, above = distinct[distinct < ends[0]], distinct[distinct > ends[1]]
    kept: list[float] = [float(below[-1])] if len(below) else []
    kept += [ends[1]] if len(above) else []
    others = edges
    for edge in kept:
        if len(others):
            others = np.delete(others, int(np.argmin(np.abs(others - edge))))
    return np.unique([*others, *kept])


def _label(value: float, temporal: bool) -> str:
    if temporal:
        return str(np.datetime64(int(value), "s"))[:10]
    return f"{value:.4g}"


def _categories(answers: Responses, name: str, rows: Scored) -> list[Levels]:
    coded = answers.codes(name)
    codes, labels = rows.take(coded.codes).astype(np.int32, copy=False), [str(level) for level in coded.levels]
    if len(labels) > MAX_CATEGORIES:
        count = np.bincount(codes[codes >= 0], minlength=len(labels))
        common = np.sort(np.argsort(-count, kind="stable")[: MAX_CATEGORIES - 1])
        lookup = np.full(len(labels), len(common), dtype=np.int32)
        lookup[common] = np.arange(len(common), dtype=np.int32)
        codes = np.where(codes >= 0, lookup[codes], np.int32(-1)).astype(np.int32)
        labels = [labels[i] for i in common.tolist()] + [OTHER]
    size = len(labels)
    missing = None
    if len(codes) and codes.min() < 0:
        codes = np.where(codes < 0, size, codes).astype(np.int32)
        labels, missing = [*labels, MISSING], size
    if size < 2:
        return []
    return [Levels(name, False, tuple(labels), codes, np.arange(len(labels), dtype=np.float64), missing)]


def _members(column: pl.Series, name: str, rows: Scored) -> list[Levels]:
    if not isinstance(column.dtype, pl.List | pl.Array):
        return []
    lists = column.cast(pl.List(pl.String))
    common = lists.explode().drop_nulls().value_counts(sort=True).head(5)[name].to_list()
    found: list[Levels] = []
    for member in sorted(common):
        has = lists.list.contains(member).fill_null(value=False).to_numpy()[rows.row]
        if 0 < has.sum() < len(has):
            codes = has.astype(np.int32)
            found.append(
                Levels(
                    f"{name} has {member}", False, ("no", "yes"), codes, np.arange(2.0), None, column=name,
                    member=member,
                )
            )  # fmt: skip
    return found


def split_codes(subject: Subject) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which scored rows are seen and which unseen, each of shape (n,)."""

    def compute() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        rows, answers = scored(subject), subject.answers
        if not answers.has("split"):
            none = np.zeros(len(rows.row), dtype=bool)
            return none, none
        return rows.take(answers.is_split("seen")), rows.take(answers.is_split("unseen"))

    return subject.shared("split_rows", compute)


def cluster_half(cluster: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.bool_]:
    """A random half of the clusters, as a boolean array of shape (rows,): whole clusters stay on one side."""
    return rng.permutation(int(cluster.max()) + 1)[cluster] % 2 == 0


def sample_rows(cluster: NDArray[np.integer], limit: int, rng: np.random.Generator) -> NDArray[np.integer] | None:
    """Rows of whole clusters drawn at random up to about ``limit`` rows; None where all rows fit."""
    if len(cluster) <= limit:
        return None
    clusters = int(cluster.max()) + 1
    order = rng.permutation(clusters)
    share = limit / len(cluster)
    return np.flatnonzero(order[cluster] < max(2, round(clusters * share)))


def count_units(cluster: NDArray[np.integer]) -> int:
    """Number of distinct clusters; they are numbered densely, so counting is cheaper than sorting."""
    return int(np.count_nonzero(np.bincount(cluster)))


def singletons(cluster: NDArray[np.integer]) -> bool:
    """Whether every row is a cluster of its own."""
    return bool(np.bincount(cluster).max(initial=0) <= 1)
