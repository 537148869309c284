"""Tables that leave out what is plain: the name of their one model, or of items that are rows or stand in a question."""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping

import polars as pl

from unseen.responses.comparisons import names_of
from unseen.responses.notes import Note
from unseen.responses.predictions import beside_truth

# Columns that seem to name who answered, or what was asked, under a name that is not guessed.
SYSTEMS = {
    "model", "llm", "system", "engine", "agent", "learner", "solver", "classifier", "checkpoint", "assistant", "candidate",
}  # fmt: skip
ITEMS = {
    "item", "question", "example", "sample", "doc", "task", "problem", "instance", "q", "u", "row", "record", "test",
}  # fmt: skip
ROWS = "No column names the items, so each row is taken as an item of its own."


def called(
    table: pl.DataFrame, name: str, found: AnyMapping[str, str], *, sure: bool = False, what: str = "the file"
) -> tuple[pl.DataFrame, str]:
    """A table of one model with a column that names it, and a note; the table itself and "" where it may hold several.

    It holds one where each item stands once, or where there are scores and no column that could name items or models.

    Args:
        table: Any table of answers.
        name: What to call the model.
        found: Role → column of what the user named, or what is guessed.
        sure: Whether the table is known to hold one model.
        what: What the name is taken from.

    >>> called(pl.DataFrame({"score": [1, 0], "site": ["a", "b"]}), "run-3", {"score": "score"})[0].columns
    ['score', 'site', 'model']
    """
    if "model" in found or "model" in table.columns or names_of(table.columns) is not None:
        return table, ""
    if not sure and not _one(table, found):
        return table, ""
    told = f"{what} is one model, called by the file ({name!r})"
    if what == "the table":
        told = f"the table is taken as one, called {name!r}"
    note = Note.of(f"No column names the model: {told}.", model="the file's name")
    return table.with_columns(pl.lit(name).alias("model")), note


def _one(table: pl.DataFrame, found: AnyMapping[str, str]) -> bool:
    item = found.get("item")
    if item in table.columns:
        return table[item].n_unique() == table.height > 0
    scored = "score" in found or {"target", "prediction"} <= found.keys() or bool(beside_truth(table.columns))
    return scored and table.height > 0 and not any(_names_several(table[c]) for c in table.columns)


def _names_several(column: pl.Series) -> bool:
    """Whether a column seems to name several models, or items that stand in several rows."""
    words = re.sub(r"[^a-z0-9]+", "_", column.name.strip().lower()).strip("_")
    stem = re.sub(r"_?(name|id|idx|index|no|nr|number)$", "", words)
    if column.dtype.is_nested() or column.dtype.is_float() or column.dtype == pl.Boolean:
        return False
    if (
        words in SYSTEMS
        or (stem in SYSTEMS and stem != words)
        or (words.startswith("model") and column.dtype == pl.String)
    ):
        return column.n_unique() > 1
    naming = words == "item" or stem == "" or (stem in ITEMS and stem != words)
    return naming and column.n_unique() < len(column)


def items_named(table: pl.DataFrame, question: str) -> tuple[pl.DataFrame, str] | None:
    """A table without names of items, with them: each row where there is one model, else the question that models share.

    Args:
        table: A table with our names of columns.
        question: The user's name of the column of questions.

    Returns:
        The table and a note; None where rows of several models can't be matched.
    """
    asked = table["question"] if "question" in table.columns else None
    if "model" in table.columns and table["model"].n_unique() == 1:
        note = ROWS
        if asked is not None and asked.dtype == pl.String and (more := len(asked) - asked.n_unique()):
            note += (
                f" {more:,} rows repeat the question of another: if these are one item, name the column with "
                f"--item-column {question}."
            )
        return table.with_row_index("item", offset=1).with_columns(pl.col("item").cast(pl.String)), Note.of(
            note, item="the row"
        )
    if (
        asked is None
        or "model" not in table.columns
        or asked.null_count()
        or asked.dtype not in (pl.String, pl.Categorical)
    ):
        return None
    unit = ["model", "question", *(["repeat"] if "repeat" in table.columns else [])]
    models = table.group_by("question").agg(pl.col("model").n_unique())["model"]
    if table.select(unit).is_duplicated().any() or models.max() == 1:
        return None
    return (
        table.with_columns(pl.col("question").cast(pl.String).alias("item")),
        Note.of(
            f"No column names the items, so answers of the {table['model'].n_unique()} models are matched by their question "
            f"(column {question!r}).",
            item=repr(question),
        ),
    )


__all__ = ["called", "items_named"]
