"""Matrices: scores of models by items as spreadsheets hold them, with a header or without, in numbers or in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import polars as pl

from unseen.errors import BadInput
from unseen.plain_text import names as shown_names
from unseen.plain_text import value
from unseen.responses.columns import ROLES
from unseen.responses.comparisons import names_of
from unseen.responses.expressions import unknown_column
from unseen.responses.mapping import Mapping
from unseen.responses.notes import Note
from unseen.responses.predictions import beside_truth
from unseen.responses.readers._described import (
    CELLS,
    DESCRIBED_ITEMS,
    HEADER,
    ITEM_WORDS,
    SHOWN,
    described,
    doubts,
    from_words,
    in_doubt,
    in_words,
    is_scores,
    otherwise_worded,
    unlike,
    within_one,
)
from unseen.responses.words import RIGHT, WRONG

Headless = Literal["", "scores", "named"]
NUMBER = re.compile(r"-?\d+(\.\d+)?")
# What pandas and others call a column that counts rows.
COUNTERS = ("", "Unnamed: 0", "index", "__index_level_0__", "level_0")
# Of these, the ones that nobody gives to a column of their own making.
WRITTEN_COUNTERS = re.compile(r"|Unnamed: 0(\.\d+)?|__index_level_0__")
# What stands before the number in names of items, as q17.
ITEM_STEMS = {
    "",
    "q",
    "i",
    "t",
    "ex",
    "item",
    "question",
    "id",
    "task",
    "example",
    "problem",
    "sample",
    "test",
    "doc",
    "row",
}
# A table with one of these is long, whatever its other columns.
METRICS = {"is_correct", "correct", "passed", "accuracy", "acc", "acc_norm", "exact_match", "em", "f1"}
MODEL_WORDS = ("model", "subject", "system", "person", "learner", "name", "")


def without_header(rows: Sequence[Sequence[str]]) -> Headless:
    """Whether the first line holds scores, not names: "scores" throughout, or after a "named" row's name; else "".

    Args:
        rows: The first lines, as cells.

    >>> without_header([["1", "0", "1"], ["0", "0", "1"]]), without_header([["q0", "1", "0", "1"], ["q1", "0", "0", "1"]])
    ('scores', 'named')
    >>> without_header([["item", "0", "1", "2"], ["q1", "0", "0", "1"]])
    ''
    """
    cells = [[cell.strip().strip('"') for cell in row] for row in rows if row]
    first, *body = cells
    if len(first) < 3:
        return ""
    below = [row for row in body if len(row) == len(first)]
    if first[0] and sum(map(bool, first)) > 2 and all(NUMBER.fullmatch(cell) for cell in first if cell):
        # A counter beside zeros and ones names the rows.
        count = [str(i) for i in range(len(below) + 1)]
        one = [str(i + 1) for i in range(len(below) + 1)]
        ones = {cell for row in [first, *below] for cell in row[1:]} <= {"0", "1", "0.0", "1.0", ""}
        counts = [row[0] for row in [first, *below]] in (count, one)
        return "named" if len(below) > 1 and counts and ones else "scores" if all(first) else ""
    name, *scores = first
    scores = [cell for cell in scores if cell]
    if not below or not scores or not all(NUMBER.fullmatch(c) or c.lower() in (*RIGHT, *WRONG) for c in scores):
        return ""
    shape = re.sub(r"\d+", "#", name)
    alike = "#" in shape and all(re.sub(r"\d+", "#", row[0]) == shape for row in below)
    # Names of columns differ from each other; scores do not.
    return "named" if alike or (len(set(scores)) < len(scores) and all(_is_score(c) for c in scores)) else ""


def _is_score(cell: str) -> bool:
    return cell.lower() in (*RIGHT, *WRONG) or 0 <= float(cell) <= 1


def headed(path: Path, table: pl.DataFrame, headless: Headless, notes: list[str]) -> pl.DataFrame:
    """A table that had no header, with one: rows are models, or items where their names or their number say so."""
    if not headless:
        return table
    if headless == "scores":
        rows = pl.Series("model", [f"row {i + 1}" for i in range(table.height)])
        hint = (
            f" There are {table.height:,} rows and {table.width:,} columns: if rows are items, transpose the table, or write a "
            "header (item,model-1, …) and a first column that names the items."
        )
        words = f"{path.name}: the first line holds numbers, so there is no header: rows are models, columns are items."
        columns, doubted = [f"item {i + 1}" for i in range(table.width)], many_rows(table.height, table.width)
        doubt = _rows_in_doubt(table.height, columns, "transpose the table, or write a header (item,model-1, …)")
        notes.append(Note.of(words + hint, doubt) if doubted else words)
        table.columns = columns
        return table.select(rows, pl.all())
    first = table[table.columns[0]].cast(pl.String)
    stem = re.sub(r"[\W\d_]+$", "", str(first[0]).lower())
    items = stem in ITEM_STEMS or table.height > table.width - 1
    row, column = ("item", "model") if items else ("model", "item")
    notes.append(
        f"{path.name}: the first line holds a name and scores ({value(first[0], 60)!r}, …), so there is no header: rows are "
        f"{row}s, columns are {column}s. If it is the other way round, write a header whose first word is {column!r}."
    )
    table.columns = [row, *(f"{column} {i}" for i in range(1, table.width))]
    return table.with_columns(first.alias(row))


def _rows_in_doubt(rows: int, columns: Sequence[str], remedy: str) -> str:
    """A line on rows that were read as models and may be items."""
    return (
        f"read as models: the {rows:,} rows; as items: {shown_names(columns, SHOWN)}. If the rows are items: {remedy}"
    )


def many_rows(rows: int, columns: int) -> bool:
    """Whether a table is so much longer than wide that its rows are hardly models."""
    return rows >= 20 and rows > 5 * columns


def unpivoted(path: Path, table: pl.DataFrame, mapping: Mapping, notes: list[str]) -> pl.DataFrame:
    """A long table as it is; a matrix of models by items (or items by models) with one row a response."""
    known = {*table.columns}
    for role in ("score", "item"):
        column = mapping.columns.get(role)
        if column is not None and column not in known and role == "score":
            raise BadInput(f"{path}: --score: {unknown_column(column, table.columns)}")
        if (column or role) in known and role == "score":
            return table
    if mapping.score or beside_truth(known) or known & METRICS or table.width < 3:
        return table
    if names_of(table.columns) is not None:
        return table
    table = _without_counter(path, table, notes)
    first, *rest = table.columns
    long = described(table, mapping, notes, path)
    if long is not None:
        return long
    if mapping.model_column in rest or not all(is_scores(table[c]) or in_words(table, c) for c in rest):
        return table
    names = table[first]
    if not isinstance(names.dtype, pl.String | pl.Categorical) or names.n_unique() < table.height or names.null_count():
        return table
    head = first.strip().lower().replace("_id", "")
    by_item = (head in ITEM_WORDS and first != mapping.model_column) or first == mapping.item_column
    if not by_item and head not in MODEL_WORDS and first != mapping.model_column and len(known & set(ROLES)) > 1:
        return table
    row, column = ("item", "model") if by_item else ("model", "item")
    strange = (unlike(rest) or otherwise_worded(table, rest)) if by_item else []
    table = from_words(path, table, [c for c in rest if not is_scores(table[c])], notes)
    long = (
        table.rename({first: row})
        .with_columns(pl.col(c).cast(pl.Float64) for c in rest)
        .unpivot(rest, index=row, variable_name=column, value_name="score")
    )
    empty = long["score"].is_nan().fill_null(value=True).sum()
    words = (
        f"{path.name}: a matrix of {table.height:,} {row}s (rows) by {len(rest):,} {column}s (columns)"
        + (f": {shown_names(rest, SHOWN)}" if by_item else "")
        + (f"; {empty:,} empty cells were left out." if empty else ".") + doubts(strange)
    )  # fmt: skip
    doubt = in_doubt(rest, strange)
    if not by_item and head != "model" and many_rows(table.height, len(rest)):
        words += " There are many more rows than columns: if the rows are items, call the first column 'item'."
        doubt = _rows_in_doubt(table.height, rest, "call the first column 'item'")
    notes.append(Note.of(words, doubt, **{row: repr(first), column: HEADER, "score": CELLS}))
    return long.filter(pl.col("score").is_not_null() & pl.col("score").is_not_nan())


def without_index(name: str, table: pl.DataFrame, mapping: Mapping, notes: list[str]) -> pl.DataFrame:
    """A long table without the index that pandas wrote beside it: whole numbers, each once, under a name that nobody gives.

    Args:
        name: What the table is called in notes.
        table: One row a response.
        mapping: Columns that it names are kept.
        notes: What is left out is added.
    """
    meant = mapping.wanted(table.columns)
    for column in [c for c in table.columns if WRITTEN_COUNTERS.fullmatch(c) and c not in meant]:
        if table[column].dtype.is_integer() and not table[column].null_count() and table[column].is_unique().all():
            notes.append(
                f"{name}: the column {repr(column) if column else 'without a name'} numbers the rows, as pandas writes it, and was "
                "left out."
            )
            table = table.drop(column)
    return table


def _without_counter(path: Path, table: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """A matrix without the column that counts its rows; where nothing else names the rows, that column is the item."""
    counter = next((c for c in COUNTERS if c in table.columns), None)
    if counter is None or not table[counter].dtype.is_integer() or table.width < 3:
        return table
    numbers = table[counter].cast(pl.Int64)
    if not any(numbers.equals(pl.Series(range(start, start + table.height))) for start in (0, 1)):
        return table
    others = table.drop(counter)
    shown = repr(counter) if counter else "without a name"
    texts = [
        c for c in others.columns
        if others[c].dtype == pl.String and others[c].n_unique() == table.height and not in_words(others, c)
    ]  # fmt: skip
    if texts and (texts[0] == others.columns[0] or texts[0].strip().lower() in DESCRIBED_ITEMS):
        notes.append(f"{path.name}: the column {shown} counts the rows, and was left out.")
        return others
    scores = [c for c in others.columns if within_one(others[c]) or in_words(others, c)]
    if len(scores) < 2 or {"item", "model"} & {*others.columns}:
        return table
    notes.append(f"{path.name}: the column {shown} counts the rows, so they are taken as items.")
    return others.select(numbers.cast(pl.String).alias("item"), pl.all())


__all__ = ["METRICS", "Headless", "headed", "many_rows", "unpivoted", "without_header", "without_index"]
