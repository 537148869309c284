"""From files, folders and globs to one response table; each file's format is detected from its content."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from unseen.errors import BadInput
from unseen.responses.mapping import Mapping, from_table
from unseen.responses.readers import ALL
from unseen.responses.readers.base import Read, Reader, head_of
from unseen.responses.table import Responses

# Beginnings of pickles (protocols 2 to 5) and of archives that hold them; they are never opened.
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
SKIPPED = {".md", ".txt", ".log", ".png", ".html", ".yaml", ".yml", ".toml", ".py", ".lock"}


def read(sources: str | Path | Sequence[str | Path], *, mapping: Mapping | None = None) -> Responses:
    """Read logs and tables into one response table.

    Args:
        sources: Files, folders or globs, of any formats; models and items are put together.
        mapping: Which column is what, and what is unseen.

    Raises:
        BadInput: Nothing is there, a file can't be read, or two files disagree; the message names file, row and value.
    """
    mapping = mapping or Mapping()
    listed = [sources] if isinstance(sources, str | Path) else list(sources)
    found = [pair for source in listed for pair in find(source, mapping)]
    reads = [(path, reader.read(path, mapping)) for reader, path in found]
    tables = [(path, mapping.rename(part.table)) for path, part in reads]
    notes = tuple(dict.fromkeys(note for _, part in reads for note in part.notes))
    table = tables[0][1] if len(tables) == 1 else combine(tables)
    if len(tables) > 1:
        notes = (*notes, f"{len(tables)} files were put together.")
    try:
        return from_table(table, _without_names(mapping), notes)
    except BadInput as error:
        raise BadInput(f"{tables[0][0] if len(tables) == 1 else f'{len(tables)} files'}: {error}") from None


def find(source: str | Path, mapping: Mapping) -> list[tuple[Reader, Path]]:
    """The files behind a source with the reader of each.

    Raises:
        BadInput: Nothing is there, or nothing that a reader knows.
    """
    path = Path(source).expanduser()
    if any(c in str(source) for c in "*?[") and not path.exists():
        matches = sorted(glob.glob(str(path), recursive=True))
        if not matches:
            raise BadInput(f"{source}: no file matches.")
        return [pair for match in matches for pair in find(match, mapping)]
    if not path.exists():
        raise BadInput(f"{source}: no such file or folder.")
    if path.is_file():
        return [(reader_of(path, mapping), path)]
    whole = _folder_reader(path, mapping)
    if whole is not None:
        return [(whole, path)]
    found, unknown = list[tuple[Reader, Path]](), list[str]()
    folders = [path]
    while folders:
        folder = folders.pop(0)
        for child in sorted(folder.iterdir()):
            if child.name.startswith((".", "_")):
                continue
            if child.is_dir():
                inner = _folder_reader(child, mapping)
                if inner is not None:
                    found.append((inner, child))
                else:
                    folders.append(child)
            elif child.is_file() and child.suffix not in SKIPPED:
                try:
                    reader = reader_of(child, mapping)
                except BadInput as error:
                    unknown.append(str(error))
                else:
                    found.append((reader, child))
    specific = [pair for pair in found if pair[0].name not in ("json", "jsonl")]
    # Beside real logs, stray JSON files (results, settings) are not responses.
    found = specific or found
    if not found:
        reason = f" First problem: {unknown[0]}" if unknown else ""
        raise BadInput(
            f"{source}: the folder holds no log or table that can be read ({len(unknown)} unknown files).{reason}"
        )
    return found


def reader_of(path: Path, mapping: Mapping) -> Reader:
    """The reader of a file, by its content.

    Raises:
        BadInput: The file is empty, a pickle, or of no known format.
    """
    head = head_of(path)
    if path.is_file() and not head.strip():
        raise BadInput(f"{path}: the file is empty.")
    if head.startswith(PICKLES):
        raise BadInput(
            f"{path}: is a pickle. Pickles run code when opened and are never read here; "
            "save the table with to_parquet or to_csv instead."
        )
    if mapping.format is not None:
        named = [reader for reader in ALL if reader.name == mapping.format]
        if not named:
            raise BadInput(f"there is no format {mapping.format!r}; there are {', '.join(r.name for r in ALL)}.")
        return named[0]
    for reader in ALL:
        if reader.sniff(path, head):
            return reader
    raise BadInput(
        f"{path}: not a format that is known here. Known are {', '.join(r.name for r in ALL)}; "
        "any other table can be saved as CSV or Parquet with one row a response."
    )


def _folder_reader(path: Path, mapping: Mapping) -> Reader | None:
    return next((reader for reader in ALL if reader.sniff(path, b"")), None) if path.is_dir() else None


def combine(tables: Sequence[tuple[Path, pl.DataFrame]]) -> pl.DataFrame:
    """Tables of several files as one; where two give one column different types, numbers win over text if they can.

    Raises:
        BadInput: Two files give the same answer (model, item, repeat) different scores.
    """
    parts = [_with_model(table, path) for path, table in tables]
    try:
        whole = pl.concat(parts, how="diagonal_relaxed")
    except pl.exceptions.PolarsError:
        clash = {c for p in parts for q in parts for c in p.columns if c in q.columns and p.schema[c] != q.schema[c]}
        whole = pl.concat(
            [p.with_columns(pl.col(c).cast(pl.String, strict=False) for c in clash if c in p.columns) for p in parts],
            how="diagonal_relaxed",
        )
    _require_agreement(tables, whole)
    return whole


def _with_model(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    # Several files of plain tables without a model column are one model each, named by the file.
    return table if "model" in table.columns else table.with_columns(pl.lit(path.stem).alias("model"))


def _require_agreement(tables: Sequence[tuple[Path, pl.DataFrame]], whole: pl.DataFrame) -> None:
    key = [c for c in ("model", "item", "repeat") if c in whole.columns]
    if not {"model", "item", "score"} <= set(whole.columns):
        return
    tagged = pl.concat(
        [
            _with_model(t, p).select(
                *(
                    pl.col(c).cast(pl.String) if c in t.columns or c == "model" else pl.lit(None, pl.String).alias(c)
                    for c in key
                ),
                pl.col("score").cast(pl.Float64, strict=False),
                pl.lit(i).alias("file"),
            )
            for i, (p, t) in enumerate(tables)
        ]
    )
    per_file = tagged.group_by([*key, "file"]).agg(pl.col("score").first())
    clashing = per_file.group_by(key).agg(pl.col("score").n_unique().alias("n"), pl.col("file"), pl.col("score"))
    clashing = clashing.filter((pl.col("n") > 1) & (pl.col("file").list.len() > 1)).sort(key)
    if clashing.height:
        row = clashing.row(0, named=True)
        where = [tables[f][0] for f in row["file"][:2]]
        raise BadInput(
            f"{where[0]} and {where[1]} disagree on item {row['item']!r} of model {row['model']!r}: scores "
            f"{row['score'][0]} and {row['score'][1]} ({clashing.height} such items). "
            "Leave one file out, or number the runs in a column and name it with --repeat."
        )


def _without_names(mapping: Mapping) -> Mapping:
    """The mapping with what ``rename`` has done already taken out."""
    from dataclasses import replace

    from unseen.responses.mapping import RENAMED

    return replace(mapping, **dict.fromkeys(RENAMED), model=None)


def read_examples(path: str | Path) -> pl.DataFrame:
    """Training examples from a table file (CSV, Parquet, JSON lines, Arrow).

    Raises:
        BadInput: The file can't be read.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"{path}: no such file (training examples).")
    reader = reader_of(path, Mapping())
    if reader.name not in ("parquet", "arrow", "csv", "jsonl", "json"):
        raise BadInput(
            f"{path}: training examples are a table (CSV, Parquet, JSON lines, Arrow), this is {reader.name}."
        )
    part: Read = reader.read(path, Mapping(item_column="item", score="score"))
    return part.table
