"""Composite items with their parts, per model: computed once and shared by the checks on composition."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unseen.checks._unit import answers_unit
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.estimates.intervals.clustered import require_dof
from unseen.estimates.intervals.means import cluster_robust, two_sided_t, two_sided_z
from unseen.responses import Responses

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Wholes:
    """Composite items of one model.

    Attributes:
        model: Its name.
        item: Integer of each composite item (see ``Responses.codes("item")``), shape (n,).
        cluster: Its sampling unit, shape (n,).
        whole: Whether the composite was answered rightly, shape (n,).
        parts: Number of its parts that were answered, shape (n,).
        right: Number of those that are right, shape (n,).
        expected: Product of the model's accuracies on the parts, by their place in the composite, shape (n,).
        note: Which scores by degrees, or which losses, count as right, as a sentence; else "".
        lower: Whether users know scores as a loss, so that nothing is called right or wrong but solved or not.
    """

    model: str
    item: NDArray[np.int64]
    cluster: NDArray[np.int64]
    whole: NDArray[np.bool_]
    parts: NDArray[np.int64]
    right: NDArray[np.int64]
    expected: FloatArray
    note: str = ""
    lower: bool = False

    @property
    def all_right(self) -> NDArray[np.bool_]:
        """Whether all parts are right, shape (n,)."""
        return self.right == self.parts

    @property
    def most_right(self) -> NDArray[np.bool_]:
        """Whether at least half of the parts are right, shape (n,)."""
        return 2 * self.right >= self.parts


class CheckOfWholes(Check):
    """A check that judges the composite items of each model."""

    needs = ("responses", "parent")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model."""
        if subject.answers.score_kind.name == "unbounded":
            unit = answers_unit(subject.answers)
            what = f"The {unit.word} has no range, so that solved and unsolved" if unit.lower else (
                "Scores have no range, so that right and wrong"
            )  # fmt: skip
            return [
                self.not_applicable(f"{what} can't be told apart.", "Give the range of the score (--range LOW:HIGH).")
            ]
        outcomes = [
            guarded(self, About("model", w.model), lambda w=w: self.judge(w, settings)) for w in wholes(subject)
        ]
        return outcomes or [
            self.not_applicable(
                "No model answered a composite item together with its parts.",
                "Add the rows of the composite items: parent names the item of which a row is a part.",
                unlocks=("parent",),
            )
        ]

    @abstractmethod
    def judge(self, w: Wholes, settings: Settings) -> Outcome:
        """What there is to say of one model."""


def wholes(subject: Subject) -> tuple[Wholes, ...]:
    """Composites that a model answered together with at least one of their parts; computed once."""
    return subject.shared("wholes", lambda: tuple(_of(subject.answers)))


def _of(answers: Responses) -> list[Wholes]:
    items = answers.codes("item")
    size, models = len(items.levels), len(answers.models)
    parent = _parent_codes(answers, items.levels)
    model, item = answers.codes("model").codes.astype(np.int64), items.codes.astype(np.int64)
    middle, unit = (answers.score_kind.low + answers.score_kind.high) / 2, answers_unit(answers)
    note, lower = unit.counted_as(middle) if unit.graded or unit.lower else "", unit.lower
    # Only composites and their parts matter: the rest of a large table is left out before anything is counted.
    composite = np.zeros(size, dtype=bool)
    composite[parent[parent >= 0]] = True
    kept = np.flatnonzero((parent >= 0) | composite[item])
    if not len(kept):
        return []
    cell = model[kept] * size + item[kept]
    count = np.bincount(cell, minlength=models * size).reshape(models, size)
    mean = np.bincount(cell, weights=answers.score[kept], minlength=models * size).reshape(models, size)
    with np.errstate(invalid="ignore"):
        correct = mean / np.maximum(count, 1) >= middle
    cluster, parent_of = np.zeros(size, dtype=np.int64), np.full(size, -1, dtype=np.int64)
    cluster[item] = answers.cluster
    linked = kept[parent[kept] >= 0]
    parent_of[item[linked]] = parent[linked]
    part = np.flatnonzero(parent_of >= 0)
    part = part[np.argsort(parent_of[part], kind="stable")]
    owner = parent_of[part]
    first = np.concatenate([[0], np.flatnonzero(np.diff(owner)) + 1])
    place = np.arange(len(part)) - np.repeat(first, np.diff(np.append(first, len(part))))
    found: list[Wholes] = []
    for m, name in enumerate(answers.models):
        answered = count[m, part] > 0
        mine, to, at = part[answered], owner[answered], place[answered]
        ok = correct[m, mine]
        if not len(mine):
            continue
        accuracy = np.bincount(at, weights=ok) / np.maximum(np.bincount(at), 1)
        with np.errstate(divide="ignore"):
            logs = np.bincount(to, weights=np.log(accuracy[at]), minlength=size)
        parts = np.bincount(to, minlength=size)
        both = np.flatnonzero((parts > 0) & (count[m] > 0))
        if len(both):
            right = np.bincount(to, weights=ok, minlength=size)[both].astype(np.int64)
            found.append(
                Wholes(name, both, cluster[both], correct[m, both], parts[both], right, np.exp(logs[both]), note, lower)
            )  # fmt: skip
    return found


def _parent_codes(answers: Responses, levels: tuple[str, ...]) -> NDArray[np.int64]:
    """Item code of each row's parent, shape (rows,); −1 where it has none, or one that nobody answered."""
    lookup = pl.DataFrame({"item": pl.Series(levels, dtype=pl.String), "code": np.arange(len(levels), dtype=np.int64)})
    column = answers.table.select(pl.col("parent").cast(pl.String))
    present = column.with_row_index("row").filter(pl.col("parent").is_not_null())
    joined = present.join(lookup, left_on="parent", right_on="item", how="inner")
    codes = np.full(len(answers), -1, dtype=np.int64)
    codes[joined["row"].to_numpy()] = joined["code"].to_numpy()
    return codes


def above(wrong: np.ndarray, cluster: np.ndarray, threshold: float) -> float:
    """One-sided p-value of "at most threshold": a score test at the effective number of rows, t where clustered.

    Raises:
        TooFewUnits: The clusters are so uneven that fewer than 2 degrees of freedom are left.

    >>> round(above(np.repeat([0.0, 1.0], [90, 10]), np.arange(100), 0.05), 4)
    0.0109
    """
    value, variance, dof, units = cluster_robust(wrong, cluster)
    size = float(len(wrong))
    clustered = units < size
    if clustered:
        require_dof(dof, units, "a share of wrong answers")
        size = min(size, value * (1 - value) / variance) if variance > 0 else float(units)
    z = (value - threshold) / math.sqrt(threshold * (1 - threshold) / size) if threshold > 0 else math.inf * value
    half = (two_sided_t(z, dof) if clustered else two_sided_z(z)) / 2 if not math.isnan(z) else 0.5
    return half if value > threshold else 1 - half
