"""What readers of tables pass over in silence, found and said: doubled columns, doubled keys, short and blank rows."""

from __future__ import annotations

import csv
import re
import struct
from collections import Counter
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.plain_text import names, value

# What polars calls the second column of a name.
SUFFIX = re.compile(r"_duplicated_\d+$")
# A whole number beyond 64 bits.
HUGE = re.compile(rb"[:\[,]\s*-?\d{19}")
# Above this size a doubled key is looked for in the first lines only.
WHOLE_BYTES = 64 << 20
# Cells of a table may be long; the parser of the standard library stops at 128 kB by default.
CELL = 1 << 27


def distinct_columns(
    path: Path, table: pl.DataFrame, written: Iterable[str], meant: Container[str], notes: list[str]
) -> pl.DataFrame:
    """A table whose header names each column once; a name that stands twice is an error, or a note where it costs nothing.

    Args:
        path: The file, for messages.
        table: As polars read it: a second column ``a`` is called ``a_duplicated_0``.
        written: Names as the file has them.
        meant: Names that have a meaning of their own (a role, a factor that the user named).
        notes: Sentences to the user, added to.

    Raises:
        BadInput: Two columns bear one such name and hold different values: which one is meant can't be known.
    """
    stripped = [c.strip() for c in table.columns]
    of = dict(zip(table.columns, stripped, strict=True))
    given = {w.strip() for w in written}
    for column in table.columns:
        base = SUFFIX.sub("", of[column])
        if of[column] not in given and base in given:
            of[column] = base
    firsts: dict[str, str] = {}
    gone: list[str] = []
    for column, name in of.items():
        if name not in firsts:
            firsts[name] = column
        elif (
            table[column]
            .cast(pl.String, strict=False)
            .eq_missing(table[firsts[name]].cast(pl.String, strict=False))
            .all()
        ):
            gone.append(column)
        elif name not in meant:
            notes.append(
                f"{path.name}: the column {value(name, 60)!r} stands twice in the header, with different values: the name means "
                f"the first, the other is called {value(column.strip(), 60)!r}."
            )
            of[column] = column.strip() if column.strip() != name else f"{name}_duplicated"
        else:
            raise BadInput(
                f"{path}: the column {value(name, 60)!r} stands twice in the header, with different values. Which one is "
                "meant can't be known: remove one, or give it a name of its own."
            )
    if gone:
        doubled = dict.fromkeys(of[c] for c in gone)
        notes.append(f"{path.name}: {names(doubled)} stands more than once with the same values; one of them is kept.")
        table = table.drop(gone)
    return table.rename({c: of[c] for c in table.columns if c != of[c]})


def whole_rows(path: Path, table: pl.DataFrame, divider: str, encoding: str, notes: list[str]) -> pl.DataFrame:
    """The rows of a CSV file, each as long as the header; blank lines are left out and said.

    A row that is too short lacks its last cells, so only where those are missing is the file looked through again.

    Raises:
        BadInput: A row is shorter than the header; the message names it.
    """
    if table.width < 2 or not table[table.columns[-1]].null_count():
        return table
    blank = table.select(pl.all_horizontal(pl.all().is_null())).to_series()
    limit = csv.field_size_limit(CELL)
    try:
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            for number, row in enumerate(csv.reader(file, delimiter=divider)):
                if 1 < len(row) < table.width or (len(row) == 1 and row[0].strip()):
                    shown = value(divider.join(row), 60)
                    raise BadInput(
                        f"{path}, row {number}: has {len(row)} fields, the header has {table.width}: {shown!r}. Its other "
                        "cells are lost, or stand under a wrong name: mend the row. Is the file cut off there?"
                    )
    except csv.Error:
        pass
    finally:
        csv.field_size_limit(limit)
    if blank.any():
        notes.append(f"{path.name}: {int(blank.sum()):,} blank rows were left out.")
        return table.filter(~blank)
    return table


def lossy_json(path: Path, table: pl.DataFrame) -> bool:
    """Whether polars may have lost something of a JSON-lines file without a word, so that it needs a closer look.

    It keeps one of two equal keys, and reads a whole number beyond 64 bits as missing. A text may look like either.
    """
    with path.open("rb") as file:
        data = file.read(WHOLE_BYTES)
    whole = len(data) < WHOLE_BYTES
    rows = table.height if whole else data.count(b"\n") + 1
    if HUGE.search(data):
        return True
    return any(data.count(f'"{name}"'.encode()) > rows for name in table.columns[:200])


def doubled_in_arrow(path: Path, schema: dict[str, Any]) -> str | None:
    """A name that two columns of an Arrow file bear, seen in its foot; None where there is none.

    Polars stops with a panic on such a file. Nested columns may repeat a name rightly, so files with such are not judged.
    """
    if any(dtype.is_nested() for dtype in schema.values()):
        return None
    data = path.read_bytes()[-(1 << 22) :]
    size = struct.unpack("<i", data[-10:-6])[0] if len(data) > 10 else 0
    foot = data[-10 - size : -10] if 0 < size < len(data) else b""
    times = Counter({name: foot.count(_flat(name)) for name in schema})
    return next((name for name, count in times.items() if count > 1), None)


def _flat(name: str) -> bytes:
    """A text as Arrow's metadata writes it: its length, its bytes, a zero."""
    encoded = name.encode()
    return struct.pack("<I", len(encoded)) + encoded + b"\x00"


__all__ = ["distinct_columns", "doubled_in_arrow", "lossy_json", "whole_rows"]
