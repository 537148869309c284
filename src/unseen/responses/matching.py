"""Several files as one table: items that are the same are given one name, and files that disagree are told."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from unseen.errors import BadInput
from unseen.responses.readers._fields import content_key

ROLES_OF_TEXT = (
    "model",
    "item",
    "split",
    "cluster",
    "parent",
    "variant_of",
    "prediction",
    "target",
    "question",
    "task",
    "content_key",
)


def matched(
    tables: Sequence[pl.DataFrame], names: Sequence[str], *, runs: bool = False
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Put tables together.

    Items of different tasks are kept apart (``task/item``). Where the texts of the questions are known, an item is its
    content: one name for two contents is divided, two names for one content are joined.

    Args:
        tables: One per file, with our names of columns.
        names: The files.
        runs: Whether each file is a run of an evaluation, so that a second answer to an item is a repeat.

    Returns:
        One table, and notes on items that were joined or divided and on files that disagree.

    Raises:
        BadInput: Two tables give one answer (model, item, repeat) different scores.
    """
    if len(tables) == 1:
        table = tables[0]
        return _without_task(table).drop("content_key", strict=False), ()
    indexed = [t.with_columns(pl.lit(i, dtype=pl.Int32).alias("_file")) for i, t in enumerate(_alike(tables))]
    table = pl.concat(indexed, how="diagonal_relaxed")
    notes: list[str] = []
    if "task" in table.columns and table["task"].n_unique() > 1:
        task = pl.col("task").fill_null("").cast(pl.String)
        links = [c for c in ("item", "variant_of", "parent") if c in table.columns]
        table = table.with_columns((task + "/" + pl.col(c).cast(pl.String)).alias(c) for c in links)
    key = _content(table)
    if key is not None:
        table, said = _by_content(table.with_columns(key.alias("_key")), names)
        notes += said
    table, said = _agreed(table, names, runs=runs)
    notes += said
    notes += _other_targets(table, names)
    return _without_task(table).drop("_file", "_key", "content_key", strict=False), tuple(notes)


def _without_task(table: pl.DataFrame) -> pl.DataFrame:
    one = "task" in table.columns and table["task"].n_unique() < 2
    return table.drop("task") if one else table


def _alike(tables: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """Tables whose columns have types that go together: a column that is text in one file is text in all."""
    types: dict[str, set[pl.DataType]] = {}
    for table in tables:
        for name, dtype in table.schema.items():
            types.setdefault(name, set()).add(dtype)
    mixed = {
        name for name, found in types.items()
        if name in ROLES_OF_TEXT or (len(found) > 1 and not all(map(_counts, found)))
    }  # fmt: skip
    lists = {name for name in mixed if all(isinstance(t, pl.List) or t == pl.Null for t in types[name])}
    return [
        t.with_columns(pl.col(n).cast(pl.String) for n in t.columns if n in mixed - lists and t.schema[n] != pl.String)
        for t in tables
    ]


def _counts(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or isinstance(dtype, pl.Boolean | pl.Null)


def _content(table: pl.DataFrame) -> pl.Expr | None:
    """What an item is, whatever its name: the hash that its log keeps, else its question and right answer."""
    if "content_key" in table.columns and table["content_key"].null_count() == 0:
        key = pl.col("content_key")
    elif "question" in table.columns and table["question"].null_count() == 0:
        question = pl.col("question").str.replace_all(r"\s+", " ").str.strip_chars()
        target = pl.col("target").fill_null("").str.strip_chars() if "target" in table.columns else pl.lit("")
        key = question + "\x1f" + target
    else:
        return None
    # The same words are another item in another task.
    return pl.col("task").fill_null("") + "\x1f" + key if "task" in table.columns else key


def _by_content(table: pl.DataFrame, names: Sequence[str]) -> tuple[pl.DataFrame, list[str]]:
    notes: list[str] = []
    pairs = table.group_by("item", "_key").agg(pl.col("_file").min(), pl.len()).sort("_file", "item", "_key")
    several = (
        pairs.group_by("item", maintain_order=True)
        .agg(pl.col("_key").n_unique().alias("n"), pl.col("_file"))
        .filter(pl.col("n") > 1)
    )
    # One name for several contents inside one file is that file's own way (repeats with another wording): it stays.
    across = several.filter(pl.col("_file").list.n_unique() > 1)
    if across.height:
        first = across.row(0, named=True)
        a, b = sorted(set(first["_file"]))[:2]
        notes.append(
            f"{across.height:,} item names stand for different questions in different files (first: {first['item']!r} in "
            f"{names[a]} and {names[b]}); they are kept apart by a hash of the content."
        )
        divided = pl.col("item").is_in(across["item"].implode())
        keys = table.filter(divided)["_key"].unique()
        tag = pl.col("_key").replace_strict(
            keys, [content_key(k)[:8] for k in keys], default="", return_dtype=pl.String
        )
        table = table.with_columns(
            pl.when(divided).then(pl.col("item") + "#" + tag).otherwise(pl.col("item")).alias("item")
        )
        pairs = table.group_by("item", "_key").agg(pl.col("_file").min(), pl.len()).sort("_file", "item", "_key")
    within = (
        table.group_by("_file", "_key")
        .agg(pl.col("item").n_unique().alias("n"))
        .filter(pl.col("n") > 1)["_key"]
        .unique()
    )
    # Two names for one content in one file are two items of that file; only names of different files are joined.
    free = pairs.filter(~pl.col("_key").is_in(within.implode()))
    joined = (
        free.group_by("_key")
        .agg(pl.col("item").first().alias("name"), pl.col("item").n_unique().alias("n"))
        .filter(pl.col("n") > 1)
    )
    if joined.height:
        notes.append(
            f"{joined.height:,} items have different names in different files; they were matched by their content."
        )
        old = free.join(joined.select("_key", "name"), on="_key").select("item", "name").unique("item")
        table = table.join(joined.select("_key", "name"), on="_key", how="left", maintain_order="left")
        table = table.with_columns(pl.coalesce("name", "item").alias("item")).drop("name")
        for link in ("variant_of", "parent"):
            if link in table.columns:
                renamed = old.rename({"item": link, "name": "_name"})
                table = (
                    table.join(renamed, on=link, how="left", maintain_order="left")
                    .with_columns(pl.coalesce("_name", link).alias(link))
                    .drop("_name")
                )
    return table, notes


def _agreed(table: pl.DataFrame, names: Sequence[str], *, runs: bool) -> tuple[pl.DataFrame, list[str]]:
    """Answers that stand in two files: repeats where the files are runs, an error where tables differ on them."""
    has_repeat = "repeat" in table.columns
    unit = ["model", "item", *(["repeat"] if has_repeat else [])]
    per_file = table.group_by(*unit, "_file").agg(pl.col("score").mean()).sort("_file")
    twice = per_file.group_by(unit, maintain_order=True).agg(
        pl.len().alias("n"), pl.col("score").n_unique().alias("differ"), pl.col("_file"), pl.col("score")
    )
    twice = twice.filter(pl.col("n") > 1).sort(unit)
    if twice.is_empty():
        return table, []
    differ = twice.filter(pl.col("differ") > 1)
    row = (twice if differ.is_empty() else differ).row(0, named=True)
    a, b = (names[file] for file in row["_file"][:2])
    if differ.is_empty():
        return table, [
            f"{twice.height:,} answers stand in two files with the same score (first: model {row['model']!r}, "
            f"item {row['item']!r} in {a} and {b}). Leave one of the files out, or number the runs with --repeat."
        ]
    if not runs:
        raise BadInput(
            f"{a} and {b} disagree on item {row['item']!r} of model {row['model']!r}: scores {_number(row['score'][0])} and "
            f"{_number(row['score'][1])} ({differ.height:,} such answers). Leave one file out, or number the runs in a "
            "column and name it with --repeat."
        )
    number = pl.col("_file").cast(pl.Int64) * 1_000_000 + (
        pl.col("repeat").cast(pl.Int64, strict=False) if has_repeat else 0
    )
    table = table.with_columns(number.rank("dense").over("model", "item").cast(pl.Int64).alias("repeat"))
    return table, [
        f"{differ.height:,} answers have different scores in different runs (first: model {row['model']!r}, item "
        f"{row['item']!r} in {a} and {b}); the runs count as repeats. If one is outdated, leave its file out."
    ]


def _other_targets(table: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """A sentence for items whose right answer differs between files."""
    notes: list[str] = []
    if "target" in table.columns:
        targets = (
            table.filter(pl.col("target").is_not_null())
            .group_by("item")
            .agg(pl.col("target").unique().sort(), pl.col("_file").unique().sort())
        )
        wrong = targets.filter((pl.col("target").list.len() > 1) & (pl.col("_file").list.len() > 1)).sort("item")
        if wrong.height:
            row = wrong.row(0, named=True)
            a, b = row["_file"][:2]
            keys = " and ".join(repr(t) for t in row["target"][:2])
            notes.append(
                f"Files disagree on the right answer of {wrong.height:,} items: {row['item']!r} has {keys} "
                f"in {names[a]} and {names[b]}."
            )
    return notes


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


__all__ = ["matched"]
