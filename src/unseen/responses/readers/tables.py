"""Plain tables: Parquet, Arrow, CSV and TSV, JSON lines, JSON arrays; long, or wide (models by items)."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.responses.mapping import RENAMED, Mapping
from unseen.responses.readers.base import Read, Reader, decoded, first_object, frame_of, json_lines

# Text that only a listing of failing items needs; left on disk for tables beyond LARGE rows.
LISTED = ("question", "prediction", "target", "choices")
LARGE = 2_000_000


def read_parquet(path: Path, mapping: Mapping) -> Read:
    """A Parquet file; of a large one, free text stays on disk and names become categories."""
    try:
        lazy = pl.scan_parquet(path, glob=False)
        schema = lazy.collect_schema()
        rows = lazy.select(pl.len()).collect().item()
        if rows <= LARGE:
            return long_or_wide(lazy.collect(), path, mapping)
        named = {getattr(mapping, option) for option in RENAMED}
        left = [c for c in LISTED if c in schema and c not in named]
        kept = [c for c in schema if c not in left]
        category = [c for c in kept if schema[c] == pl.String]
        number = [c for c in kept if schema[c] == pl.Float64]
        table = (
            lazy.select(kept)
            .with_columns(pl.col(category).cast(pl.Categorical), pl.col(number).cast(pl.Float32))
            .collect(engine="streaming")
        )
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"{path}: not a readable Parquet file ({_first_line(error)}).") from None
    note = f"{path.name} has {rows:,} rows: {', '.join(left) or 'no column'} was left on disk."
    return Read(table, (note,) if left else ())


def read_arrow(path: Path, mapping: Mapping) -> Read:
    """An Arrow IPC file (Feather) or stream."""
    try:
        table = pl.read_ipc(path, memory_map=False)
    except pl.exceptions.PolarsError:
        try:
            table = pl.read_ipc_stream(path)
        except pl.exceptions.PolarsError as error:
            raise BadInput(f"{path}: not a readable Arrow file ({_first_line(error)}).") from None
    return long_or_wide(table, path, mapping)


def read_csv(path: Path, mapping: Mapping) -> Read:
    """A CSV or TSV file with a header, in UTF-8 or UTF-16."""
    text = decoded(path, path.read_bytes())
    separator = _separator(text.split("\n", 1)[0])
    if not separator:
        separator = ","
    try:
        table = pl.read_csv(
            io.BytesIO(text.encode()), separator=separator, infer_schema_length=None, try_parse_dates=True
        )
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"{path}: not a readable table ({_first_line(error)}).") from None
    return long_or_wide(table, path, mapping)


def read_json_lines(path: Path, mapping: Mapping) -> Read:
    """JSON lines, one response each."""
    return long_or_wide(frame_of([row for _, row in json_lines(path)]), path, mapping)


def read_json_array(path: Path, mapping: Mapping) -> Read:
    """A JSON array of objects, or an object of columns."""
    try:
        value: Any = json.loads(decoded(path, path.read_bytes()))
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}, line {error.lineno}: not valid JSON ({error.msg}).") from None
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return long_or_wide(frame_of(value), path, mapping)
    if isinstance(value, dict) and value and all(isinstance(v, list) for v in value.values()):
        try:
            return long_or_wide(pl.DataFrame(value, strict=False), path, mapping)
        except pl.exceptions.PolarsError as error:
            raise BadInput(f"{path}: columns of unequal length ({_first_line(error)}).") from None
    raise BadInput(f"{path}: a list of responses was expected. Give one object a response, or a log that a tool wrote.")


def long_or_wide(table: pl.DataFrame, path: Path, mapping: Mapping) -> Read:
    """A long table as it is; a matrix of models by items made long.

    A matrix has a first column of names and numbers in all others, and no column that bears a role.
    """
    if table.height == 0:
        raise BadInput(f"{path}: the table has no rows.")
    roles = {"item", "score", *(v.lstrip("-") for v in (mapping.score, mapping.item_column) if v)}
    numeric = [c for c in table.columns[1:] if table.schema[c].is_numeric() or table.schema[c] in (pl.Boolean, pl.Null)]
    if len(table.columns) >= 3 and not roles & set(table.columns) and len(numeric) == len(table.columns) - 1:
        names = table.columns[0]
        long = table.unpivot(numeric, index=names, variable_name="item", value_name="score").rename({names: "model"})
        long = long.with_columns(pl.col("score").cast(pl.Float64)).drop_nulls("score")
        note = f"{path.name} was read as a matrix: {table.height} models by {len(numeric)} items."
        return Read(long.with_columns(pl.col("model").cast(pl.String)), (note,))
    return Read(table)


def _separator(line: str) -> str:
    counts = {s: line.count(s) for s in (",", "\t", ";")}
    best = max(counts, key=lambda s: counts[s])
    return best if counts[best] else ""


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:160]


def _is_csv(path: Path, head: bytes) -> bool:
    if b"\0" in head and head[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return False
    line = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", errors="replace").split(
        "\n", 1
    )[0]
    return bool(line.strip()) and bool(_separator(line)) and line.lstrip()[:1] not in "{["


PARQUET = Reader("parquet", lambda p, h: h[:4] == b"PAR1", read_parquet)
ARROW = Reader("arrow", lambda p, h: h[:6] == b"ARROW1" or h[:4] == b"\xff\xff\xff\xff", read_arrow)
JSON_LINES = Reader("jsonl", lambda p, h: first_object(h) is not None, read_json_lines)
JSON_ARRAY = Reader("json", lambda p, h: h.decode("utf-8-sig", "replace").lstrip()[:1] in ("[", "{"), read_json_array)
CSV = Reader("csv", _is_csv, read_csv)
