"""Answers as counts of items by models, and the models fitted to them; computed once per subject."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unseen.checks._rows import first_positions, scored
from unseen.checks.base import Subject
from unseen.errors import Undefined
from unseen.estimates.difficulty.irt import MIN_PERSONS_2PL, IrtFit, fit_irt
from unseen.estimates.difficulty.rasch import Patterns, RaschFit, fit_rasch, patterns_of

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
MAX_CELLS = 50_000_000


@dataclass(frozen=True, eq=False)
class Grid:
    """Number right and number of answers of every item by every model.

    Attributes:
        right: Shape (items, models).
        trials: Shape (items, models); 0 where a model did not answer.
        models: Names, in the order of the columns.
        row: A row of the table for each item, shape (items,), or -1.
        cluster: Sampling unit of each item, shape (items,), or None where each item is its own.
        note: What was done to the scores, in a sentence; empty where nothing.
        solved: What a model does on an item that counts as solved, where scores are a loss; else empty.
    """

    right: FloatArray
    trials: FloatArray
    models: tuple[str, ...]
    row: IntArray
    cluster: IntArray | None
    note: str
    solved: str = ""

    @cached_property
    def patterns(self) -> Patterns:
        """Items with equal answers, kept once."""
        return patterns_of(self.right, self.trials)

    def share(self) -> FloatArray:
        """Share right, shape (items, models); NaN where a model did not answer."""
        return np.where(self.trials > 0, self.right / np.maximum(self.trials, 1), np.nan)


def grid(subject: Subject) -> Grid:
    """The answers of a subject as counts.

    Raises:
        Undefined: Scores have no range, or there are too many cells.
    """
    return subject.shared("irt_grid", lambda: _grid(subject))


def rasch(subject: Subject) -> RaschFit:
    """The Rasch model of all answers, items random."""

    def compute() -> RaschFit:
        g = grid(subject)
        return fit_rasch(g.patterns, cluster=g.cluster)

    return subject.shared("irt", compute)


def two_parameter(subject: Subject) -> IrtFit | None:
    """The 2PL of all answers, or None where models are too few for it."""

    def compute() -> IrtFit | None:
        g = grid(subject)
        return fit_irt(g.share().T) if len(g.models) >= MIN_PERSONS_2PL else None

    return subject.shared("irt_2pl", compute)


def correct_rows(subject: Subject) -> FloatArray:
    """1 or 0 for each labelled row of ``scored``, dichotomised as the grid is."""
    rows = scored(subject)
    kind = subject.answers.score_kind
    if kind.name == "unbounded":
        raise Undefined(
            "item response models need right and wrong answers, and these scores have no range. "
            "Give scores with a range (--range LOW HIGH), or right and wrong."
        )
    return rows.score if rows.binary else (rows.score >= (kind.low + kind.high) / 2).astype(np.float64)


def _grid(subject: Subject) -> Grid:
    rows, answers = scored(subject), subject.answers
    right = correct_rows(subject)
    items, models = int(rows.item.max(initial=-1)) + 1, len(rows.models)
    if items * models > MAX_CELLS:
        raise Undefined(
            f"{items:,} items by {models:,} models are too many cells to hold at once; audit fewer models at a time."
        )
    model = np.repeat(np.arange(models), np.diff(rows.starts))
    cell = rows.item.astype(np.int64) * models + model
    trials = np.bincount(cell, minlength=items * models).astype(np.float64).reshape(items, models)
    total = np.bincount(cell, weights=right, minlength=items * models).astype(np.float64).reshape(items, models)
    first = first_positions(rows.item, items)
    clustered = answers.cluster_column != "item"
    kind = answers.score_kind
    middle = (kind.low + kind.high) / 2
    return Grid(
        right=total,
        trials=trials,
        models=rows.models,
        row=np.where(first >= 0, rows.row[np.maximum(first, 0)], -1),
        cluster=rows.cluster[np.maximum(first, 0)].astype(np.int64) if clustered else None,
        note="" if rows.binary else rows.unit.counted_as(middle),
        solved=f"keeps its {rows.unit.word} within {rows.unit.shown(middle):g}" if rows.unit.lower else "",
    )
