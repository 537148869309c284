"""The answers from which items are picked: all of them, or whole units drawn from a large table, and what to expect of each."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unseen.checks._levels import edges_of
from unseen.responses import Responses
from unseen.responses.table import code

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
# Items are picked from this many answers at most: the work stays small beside the audit of a large table.
MOST_ANSWERS = 100_000
# Conditions are kept until they hold this many values in all.
MOST_KEPT = 50_000_000
# With fewer sampling units than this, single items are drawn instead of whole units.
FEW_UNITS = 2_000
# Weight of what is expected otherwise, in answers.
_PRIOR_CELL, _PRIOR_ITEM = 4.0, 1.0


class Answers:
    """Answers with the numbers by which they are ranked.

    Attributes:
        responses: The table that they were taken from.
        rows: Shape (n,): their rows in that table, ascending.
        frame: Those rows.
        model: Shape (n,): integer of the model.
        item: Shape (n,): integer of the item.
        score: Shape (n,), NaN without a score.
        tie: Shape (n,): a fixed random number of the item, by which ties are broken: it does not depend on the order of rows.
    """

    def __init__(self, responses: Responses, rows: IntArray, *, seed: int = 0) -> None:
        self.responses, self.rows = responses, rows
        self.whole = len(rows) == len(responses)
        self.frame: pl.DataFrame = responses.table if self.whole else responses.table[rows]
        models, items = responses.codes("model"), responses.codes("item")
        self.model: IntArray = models.codes[rows].astype(np.int64)
        self.item: IntArray = items.codes[rows].astype(np.int64)
        self.score: FloatArray = responses.score[rows]
        self._numbers: dict[str, FloatArray] = {}
        self._masks: dict[str, BoolArray] = {}
        self._items: dict[str, IntArray] = {}
        # Places and reasons by what was blamed; see ``unseen.items.picking``.
        self.picks: dict[str, tuple[tuple[int, str], ...]] = {}
        self.n_items, self.n_models = len(items.levels), len(models.levels)
        self.tie: FloatArray = np.random.default_rng([seed, self.n_items]).random(self.n_items)[self.item]

    def __len__(self) -> int:
        return len(self.rows)

    def numbers(self, name: str) -> FloatArray:
        """A column of numbers, shape (n,); NaN where it is missing or not in the table."""
        if name not in self._numbers:
            made = np.full(len(self), np.nan)
            if name in self.frame.columns:
                made = self.frame[name].cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
            self._numbers[name] = made
        return self._numbers[name]

    def of_models(self, names: Iterable[str]) -> BoolArray:
        """Which answers are by these models, shape (n,)."""
        known = {str(name): i for i, name in enumerate(self.responses.codes("model").levels)}
        wanted = np.zeros(self.n_models, dtype=bool)
        wanted[[known[name] for name in names if name in known]] = True
        return wanted[self.model]

    def where(self, key: str, condition: pl.Expr) -> BoolArray:
        """Where an expression holds, shape (n,); evaluated once for each key, since findings share their conditions."""
        if key not in self._masks:
            # Bounded memory: many findings have many conditions.
            if len(self._masks) * len(self) > MOST_KEPT:
                self._masks.clear()
            held = self.frame.select(condition.fill_null(value=False).alias("held"))["held"]
            self._masks[key] = held.to_numpy() if len(held) == len(self) else np.full(len(self), bool(held[0]))
        return self._masks[key]

    def places(self, models: Iterable[str]) -> IntArray:
        """Places of the answers by these models, ascending."""
        order, starts = self._by_model
        known = self._model_numbers
        parts = [order[starts[i] : starts[i + 1]] for i in sorted({known[name] for name in models if name in known})]
        return np.sort(np.concatenate(parts)) if len(parts) > 1 else parts[0] if parts else order[:0]

    def numbers_of_items(self, names: Iterable[str]) -> IntArray:
        """Integers of the items of these names; unknown names have none."""
        return np.array([self._item_numbers[n] for n in names if n in self._item_numbers], dtype=np.int64)

    @cached_property
    def schema(self) -> pl.Schema:
        """Columns of the table and their types."""
        return self.frame.schema

    @cached_property
    def _model_numbers(self) -> dict[str, int]:
        return {str(name): i for i, name in enumerate(self.responses.models)}

    @cached_property
    def _item_numbers(self) -> dict[str, int]:
        return {str(level): i for i, level in enumerate(self.responses.codes("item").levels)}

    @cached_property
    def _by_model(self) -> tuple[IntArray, IntArray]:
        """Places sorted by model, and where each model starts."""
        counts = np.bincount(self.model, minlength=self.n_models)
        return np.argsort(self.model, kind="stable"), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @cached_property
    def scale(self) -> float:
        """Range of the score."""
        kind = self.responses.score_kind
        if kind.name != "unbounded":
            return kind.high - kind.low
        known = self.score[~np.isnan(self.score)]
        span = float(np.subtract(*np.quantile(known, [0.95, 0.05]))) if len(known) else 0.0
        return span if span > 0 else 1.0

    @cached_property
    def pair(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Sorted keys (model and item) with a score, the place of each answer among them (or -1), their mean scores."""
        key = self.model * self.n_items + self.item
        known = ~np.isnan(self.score)
        levels, inverse = np.unique(key[known], return_inverse=True)
        mean = np.bincount(inverse, weights=self.score[known], minlength=len(levels)) / np.maximum(
            np.bincount(inverse, minlength=len(levels)), 1
        )
        place = np.full(len(key), -1, dtype=np.int64)
        place[known] = inverse
        return levels, place, mean

    def score_of(self, model: IntArray, item: IntArray) -> FloatArray:
        """Mean score of models on items, shape of both; NaN where there is none."""
        levels, _, mean = self.pair
        key = model * self.n_items + item
        at = np.searchsorted(levels, key)
        found = (np.append(levels, -1)[at] == key) & (item >= 0) & (model >= 0)
        return np.where(found, np.append(mean, np.nan)[at], np.nan)

    def items_of(self, name: str) -> IntArray:
        """Integer of the item that a column (variant_of, parent) names, shape (n,); -1 where it names none."""
        if name in self._items:
            return self._items[name]
        if name not in self.frame.columns:
            return np.full(len(self), -1, dtype=np.int64)
        coded = self.responses.codes(name)
        number = self._item_numbers
        lookup = np.array([number.get(str(level), -1) for level in coded.levels] + [-1], dtype=np.int64)
        self._items[name] = lookup[coded.codes[self.rows]]
        return self._items[name]

    @cached_property
    def expected(self) -> FloatArray:
        """The score that the model's other answers and the others' answers to the item let expect, shape (n,).

        Mean of the model's other answers at the same levels of the factors (four answers' weight to its mean over all),
        plus the mean residual of the other models on the item (one answer's weight to zero), held inside the range.
        """
        known = ~np.isnan(self.score)
        score = np.where(known, self.score, 0.0)
        total = np.bincount(self.model, weights=score, minlength=self.n_models)
        count = np.bincount(self.model, weights=known, minlength=self.n_models)
        own = (total / np.maximum(count, 1))[self.model]
        cell = _cells(self)
        size = int(cell.max(initial=0)) + 1
        inside, rows = (
            np.bincount(cell, weights=score, minlength=size),
            np.bincount(cell, weights=known, minlength=size),
        )
        base = (inside[cell] - score + _PRIOR_CELL * own) / (rows[cell] - known + _PRIOR_CELL)
        rest = np.where(known, score - base, 0.0)
        _, inverse = np.unique(self.model * self.n_items + self.item, return_inverse=True)
        of_pair = (np.bincount(inverse, weights=rest), np.bincount(inverse, weights=known))
        of_item = (
            np.bincount(self.item, weights=rest, minlength=self.n_items),
            np.bincount(self.item, weights=known, minlength=self.n_items),
        )
        others = [a[self.item] - b[inverse] for a, b in zip(of_item, of_pair, strict=True)]
        # Sums in another order of rows differ in the last digits, and must not break ties.
        made = np.round(base + others[0] / (others[1] + _PRIOR_ITEM), 9)
        kind = self.responses.score_kind
        return made if kind.name == "unbounded" else np.clip(made, kind.low, kind.high)


def answers_of(responses: Responses, *, most: int = MOST_ANSWERS, seed: int = 0) -> Answers:
    """The answers of a table: all where they are at most ``most``, else those to items (or of units) drawn at random.

    >>> r = Responses.of({"model": ["m", "m"], "item": ["a", "b"], "score": [1, 0]})
    >>> answers_of(r).expected.tolist()
    [0.4, 0.6]
    """
    key = ("answers", most, seed)
    if key not in responses.derived:
        # What takes long is kept with the table, without a reference back to it: a report is written in several steps.
        first = Answers(responses, _rows_of(responses, most, seed), seed=seed)
        first.__dict__["expected"] = first.expected
        responses.derived[key] = {name: value for name, value in first.__dict__.items() if name != "responses"}
    made = Answers.__new__(Answers)
    made.__dict__ |= responses.derived[key] | {"responses": responses}
    return made


def _rows_of(responses: Responses, most: int, seed: int) -> IntArray:
    n = len(responses)
    if n <= most:
        return np.arange(n, dtype=np.int64)
    unit = responses.cluster
    size = int(unit.max(initial=0)) + 1
    if size < FEW_UNITS:
        unit = responses.codes("item").codes
        size = int(unit.max(initial=0)) + 1
    count = np.bincount(unit, minlength=size)
    order = np.random.default_rng([seed, size]).permutation(size)
    taken = np.cumsum(count[order]) <= most
    chosen = np.zeros(size, dtype=bool)
    chosen[order[taken]] = True
    rows = np.flatnonzero(chosen[unit])
    # One unit may be larger than what may be taken: then rows are drawn.
    if not len(rows):
        rows = np.sort(np.random.default_rng([seed, n]).choice(n, most, replace=False))
    return rows.astype(np.int64)


def _cells(answers: Answers, bins: int = 5) -> IntArray:
    """Model and levels of as many factors as leave five answers a cell on average, shape (n,)."""
    cell = answers.model.copy()
    for name, factor in answers.responses.factors.items():
        codes = _levels(answers.frame[name], factor.kind, bins)
        if codes is None:
            continue
        _, trial = np.unique(cell * (int(codes.max(initial=0)) + 1) + codes, return_inverse=True)
        if int(trial.max(initial=0)) + 1 > max(answers.n_models, len(answers) / 5):
            continue
        cell = trial.astype(np.int64)
    return cell


def _levels(column: pl.Series, kind: str, bins: int) -> IntArray | None:
    if kind == "set":
        return None
    if kind == "ordered":
        numbers: Any = column.to_physical() if column.dtype.is_temporal() else column.cast(pl.Float64, strict=False)
        if numbers.n_unique() > 2 * bins:
            values = numbers.cast(pl.Float64).fill_null(float("nan")).to_numpy()
            return np.searchsorted(edges_of(values[~np.isnan(values)], bins), values).astype(np.int64)
    return code(column).codes.astype(np.int64) + 1


__all__ = ["MOST_ANSWERS", "Answers", "answers_of"]
