"""Rows and item means as arrays, computed once per subject and shared by the checks that compare scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from unseen.checks._unit import Unit, unit_of
from unseen.checks.base import Subject
from unseen.estimates import Estimate
from unseen.responses import Responses

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
T = TypeVar("T", bound=np.generic)
# Beyond this many cells a dense model × item table costs more than sorting the rows.
MAX_DENSE = 20_000_000


@dataclass(frozen=True, eq=False)
class Scored:
    """The labelled rows, sorted by model.

    Attributes:
        models: Names of the models.
        starts: Shape (models + 1,): rows of model m are ``starts[m]:starts[m + 1]``.
        row: Shape (n,): row of the table that each labelled row came from.
        item: Shape (n,): integer of the item.
        cluster: Shape (n,): integer of the sampling unit.
        score: Shape (n,).
        scale: Range of the score, so that gaps can be read as shares of it.
        binary: Whether scores are 0 or 1.
        unit: What users know the scores as.
        whole: Whether these are all rows of the table, in its order.
    """

    models: tuple[str, ...]
    starts: IntArray
    row: IntArray
    item: NDArray[np.int32]
    cluster: NDArray[np.int32]
    score: FloatArray
    scale: float
    binary: bool
    unit: Unit
    whole: bool = False

    def take(self, column: NDArray[T]) -> NDArray[T]:
        """A column of the table at the labelled rows, shape (n,); the column itself where those are all rows."""
        return column if self.whole else column[self.row]

    def each(self) -> Iterator[tuple[str, slice]]:
        """Models that have a labelled row, with the slice of their rows."""
        for m, name in enumerate(self.models):
            if self.starts[m] < self.starts[m + 1]:
                yield name, slice(int(self.starts[m]), int(self.starts[m + 1]))


@dataclass(frozen=True, eq=False)
class ItemMeans:
    """Mean score of one model per item.

    Attributes:
        item: Integers of the items, sorted, shape (k,).
        mean: Shape (k,).
        count: Answers per item, shape (k,).
        cluster: Sampling unit of each item, shape (k,).
    """

    item: IntArray
    mean: FloatArray
    count: IntArray
    cluster: IntArray


def scored(subject: Subject) -> Scored:
    """The labelled rows of a subject, sorted by model; computed once."""
    return subject.shared("scored_rows", lambda: _scored(subject))


def item_means(subject: Subject) -> dict[str, ItemMeans]:
    """Mean score per item of each model that has labelled rows; computed once."""
    return subject.shared("item_means", lambda: _item_means(scored(subject)))


def score_scale(answers: Responses) -> float:
    """Range of the score; of an unbounded one the span from its 5 % to its 95 % quantile (1 where that is zero)."""
    kind = answers.score_kind
    if kind.name != "unbounded":
        return kind.high - kind.low
    score = answers.score[~np.isnan(answers.score)]
    span = float(np.subtract(*np.quantile(score, [0.95, 0.05]))) if len(score) else 0.0
    return span if span > 0 else 1.0


def first_positions(keys: NDArray[np.integer], size: int) -> IntArray:
    """Index of the first row of each key below size, or -1 where a key does not occur; shape (size,)."""
    first = np.full(size, -1, dtype=np.int64)
    first[keys[::-1]] = np.arange(len(keys) - 1, -1, -1)
    return first


def shared_items(a: ItemMeans, b: ItemMeans) -> tuple[IntArray, IntArray]:
    """Positions in a and in b of the items that both models answered."""
    if len(a.item) == len(b.item) and np.array_equal(a.item, b.item):
        same = np.arange(len(a.item))
        return same, same
    _, ia, ib = np.intersect1d(a.item, b.item, assume_unique=True, return_indices=True)
    return ia, ib


def texts(answers: Responses, name: str, rows: NDArray[np.integer]) -> list[str | None]:
    """Values of a column as text at these rows, shortened to 300 characters; None where it is missing."""
    if name not in answers.table.columns:
        return [None] * len(rows)
    values = answers.table[name][rows.astype(np.int64)].to_list()
    return [None if v is None else str(v)[:300] for v in values]


def interval(estimate: Estimate) -> dict[str, float | int | str | None]:
    """An estimate as plain data for pictures."""
    return estimate.to_dict()


def percent(share: Estimate) -> str:
    """A share and its interval in percent.

    >>> percent(Estimate(0.07, 0.05, 0.11, 20, "x"))
    '7 % [5 %, 11 %]'
    """
    return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]".replace("%", " %")


def _scored(subject: Subject) -> Scored:
    answers = subject.answers
    models, score = answers.codes("model"), answers.score
    labelled = np.flatnonzero(~np.isnan(score))
    codes = models.codes if len(labelled) == len(score) else models.codes[labelled]
    small = codes.astype(np.int16) if len(models.levels) < 2**15 else codes
    # A stable sort of small integers is a radix sort: one pass over the rows.
    ordered = bool(np.all(codes[1:] >= codes[:-1]))
    row = labelled if ordered else labelled[np.argsort(small, kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(models.levels)))]).astype(np.int64)
    whole = ordered and len(labelled) == len(score)
    item, cluster = answers.codes("item").codes, answers.cluster
    return Scored(
        models=answers.models,
        starts=starts,
        row=row,
        item=item if whole else item[row],
        cluster=cluster if whole else cluster[row],
        score=score if whole else score[row],
        scale=score_scale(answers),
        binary=answers.score_kind.name == "binary",
        unit=unit_of(subject),
        whole=whole,
    )


def _item_means(rows: Scored) -> dict[str, ItemMeans]:
    size = int(rows.item.max(initial=-1)) + 1
    unit = rows.cluster[first_positions(rows.item, size)] if size else rows.cluster
    means: dict[str, ItemMeans] = {}
    for name, part in rows.each():
        item, score = rows.item[part], rows.score[part]
        if size * len(rows.models) <= MAX_DENSE:
            counts = np.bincount(item, minlength=size)
            present = np.flatnonzero(counts)
            count, total = counts[present], np.bincount(item, weights=score, minlength=size)[present]
        else:
            present, inverse, count = np.unique(item, return_inverse=True, return_counts=True)
            total = np.bincount(inverse, weights=score)
        present = present.astype(np.int64)
        means[name] = ItemMeans(present, total / count, count.astype(np.int64), unit[present].astype(np.int64))
    return means
