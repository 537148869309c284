"""What models answered, as codes against the key, and how many options an item has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unseen.checks._irt import Grid, correct_rows
from unseen.checks._rows import first_positions, scored
from unseen.checks.base import Subject
from unseen.estimates.difficulty.contradiction import Answers
from unseen.responses import Responses

IntArray = NDArray[np.int64]
# Fewer items than this share that are right exactly where the answer is the key: the scorer does something else.
AGREEING = 0.9
MAX_OPTIONS = 40
FEW_ANSWERS = 10
OPTION_COLUMNS = ("options", "choices", "n_options", "n_choices", "num_options", "num_choices", "answer_choices")
LETTER = re.compile(r"^\(?([a-j])[).:]?$")
TWO = ({"yes", "no"}, {"true", "false"}, {"0", "1"})


@dataclass(frozen=True, eq=False)
class Keyed:
    """Answers of all models, and where each was said.

    Attributes:
        answers: Items with equal answers kept once.
        copies: Row of ``answers`` of each item, shape (items,).
        texts: What a code stands for, by (item, code).
    """

    answers: Answers
    copies: IntArray
    texts: Mapping[tuple[int, int], str]


def keyed(subject: Subject, g: Grid) -> Keyed | None:
    """Answers as codes (0 the key), or None where predictions and targets are missing or do not explain the scores."""
    responses, rows = subject.answers, scored(subject)
    if not (responses.has("prediction") and responses.has("target")) or not len(rows.row):
        return None
    said, target = _coded_texts(responses, rows.row)
    items, models = g.right.shape
    key = np.full(items, -1, dtype=np.int64)
    key[rows.item] = target
    right = correct_rows(subject) > 0.5
    agrees = (said == key[rows.item]) == right
    consistent = np.bincount(rows.item, weights=~agrees & (said >= 0), minlength=items) == 0
    consistent &= key >= 0
    present = g.row >= 0
    if consistent[present].mean() < AGREEING or (said >= 0).mean() < 0.5:
        return None
    model = np.repeat(np.arange(models), np.diff(rows.starts))
    cell = rows.item.astype(np.int64) * models + model
    # Of repeats, the first answer counts.
    first = first_positions(cell, items * models)
    used = first[first >= 0]
    used = used[consistent[rows.item[used]] & (said[used] >= 0)]
    wrong = used[~right[used]]
    if not len(wrong):
        return None
    width = int(said.max()) + 1
    pair, place, of = np.unique(
        rows.item[wrong].astype(np.int64) * width + said[wrong], return_index=True, return_inverse=True
    )
    item = pair // width
    rank = np.arange(len(pair)) - np.searchsorted(item, item) + 1
    known = len(np.unique(np.concatenate([said[used], key[consistent]])))
    options = known if known <= FEW_ANSWERS else min(MAX_OPTIONS, int(rank.max()) + 1)
    options = max(options, int(min(rank.max(), MAX_OPTIONS - 1)) + 1, 2)
    code = np.full(items * models, -1, dtype=np.int64)
    code[cell[used]] = 0
    code[cell[wrong]] = np.minimum(rank[of], options - 1)
    code = code.reshape(items, models)
    names = responses.table["prediction"]
    at = rows.row[wrong[place]]
    texts = _Texts(names, {(int(i), int(r)): int(a) for i, r, a in zip(item, rank, at, strict=True)})
    rows_of, copies = _once(code)
    kept = code[rows_of]
    answers = Answers((kept == 0).astype(np.float64), (kept >= 0).astype(np.float64), kept, options)
    return Keyed(answers, copies, texts)


def option_count(subject: Subject) -> NDArray[np.float64] | None:
    """Number of options of each row, shape (rows,), from a column of them or from targets such as A, B, C; else None.

    Columns: ``options`` or ``choices`` (a list, or their number), ``n_options`` and alike.
    """
    return subject.shared("option_count", lambda: _option_count(subject.answers))


def _option_count(responses: Responses) -> NDArray[np.float64] | None:
    table = responses.table
    for name in OPTION_COLUMNS:
        if name not in table.columns:
            continue
        column = table[name]
        if column.dtype == pl.List:
            number = column.list.len().cast(pl.Float64)
        elif column.dtype.is_numeric():
            number = column.cast(pl.Float64)
        else:
            text = column.cast(pl.String).str.strip_chars()
            number = text.cast(pl.Float64, strict=False)
            if number.null_count() == len(number):
                # A list written out: its quoted or separated parts.
                number = text.str.count_matches(r"\||;|\n|,").cast(pl.Float64) + 1
        values = number.fill_null(np.nan).to_numpy()
        if np.nanmin(values, initial=np.inf) >= 2 and np.nanmax(values, initial=0) <= MAX_OPTIONS:
            return values.astype(np.float64)
    if "target" not in table.columns:
        return None
    levels = table["target"].drop_nulls().unique()
    if not 2 <= len(levels) <= FEW_ANSWERS:
        return None
    words = {str(v).strip().casefold() for v in levels.to_list()}
    letters = [m.group(1) for m in (LETTER.match(w) for w in words) if m]
    if len(letters) == len(words):
        return np.full(len(table), float(ord(max(letters)) - ord("a") + 1))
    return np.full(len(table), 2.0) if words in TWO else None


class _Texts(Mapping[tuple[int, int], str]):
    """Texts that are read from the table when they are asked for."""

    def __init__(self, column: pl.Series, at: dict[tuple[int, int], int]) -> None:
        self._column, self._at = column, at

    def __getitem__(self, key: tuple[int, int]) -> str:
        return str(self._column[self._at[key]])[:300]

    def __iter__(self):  # noqa: ANN204
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)


def _coded_texts(responses: Responses, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Predictions and targets as integers of one numbering, blanks and case aside; -1 where missing."""
    both = pl.concat([
        responses.table[name].gather(rows).cast(pl.String).str.strip_chars().str.to_lowercase()
        for name in ("prediction", "target")
    ])  # fmt: skip
    levels = both.unique().drop_nulls().sort()
    numbers = pl.DataFrame({"text": both}).join(
        pl.DataFrame({"text": levels, "n": np.arange(len(levels))}), on="text", how="left", maintain_order="left"
    )["n"]
    codes = numbers.fill_null(-1).to_numpy().astype(np.int64)
    return codes[: len(rows)], codes[len(rows) :]


def _once(code: IntArray) -> tuple[IntArray, IntArray]:
    """First row of each distinct one, and for every row its place among them."""
    names = np.random.default_rng(20240229).uniform(1, 2, size=code.shape[1])
    _, first, copies = np.unique(np.round(code @ names, 9), return_index=True, return_inverse=True)
    return first.astype(np.int64), copies.astype(np.int64)
