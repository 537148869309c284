"""What a reader is: it recognises its format by content and turns one file into rows with our column names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.responses.mapping import Mapping

HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader got out of a file.

    Attributes:
        table: Rows; our column names where the format fixes them.
        notes: What was decided, in plain sentences.
        hashed: Whether ``item`` is a hash of the content, so that it matches across files.
    """

    table: pl.DataFrame
    notes: tuple[str, ...] = ()
    hashed: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """A format.

    Attributes:
        name: How ``--format-in`` and messages call it.
        sniff: Whether a path (file or folder) holds this format; looks at the content, never at the name.
        read: Read it.
    """

    name: str
    sniff: Callable[[Path, bytes], bool]
    read: Callable[[Path, Mapping], Read]


def head_of(path: Path) -> bytes:
    """The first bytes of a file; none of a folder."""
    if path.is_dir():
        return b""
    with path.open("rb") as file:
        return file.read(HEAD)


def decoded(path: Path, data: bytes) -> str:
    """Text in UTF-8 or, by its byte-order mark, UTF-16.

    Raises:
        BadInput: The bytes are in another encoding; the message names the offset.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInput(
            f"{path}, line {line}: byte {data[error.start]:#04x} is not {encoding.removesuffix('-sig').upper()}. "
            "Save the file as UTF-8 (it may be Latin-1: iconv -f latin1 -t utf8)."
        ) from None


def first_object(head: bytes) -> dict[str, Any] | None:
    """The object on the first line of JSON lines, or None. A first line longer than the head counts if it begins so."""
    text = head.decode("utf-8-sig", errors="replace").lstrip()
    line = text.split("\n", 1)[0]
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and objects of a JSON lines file; empty lines are skipped.

    Raises:
        BadInput: A line is not a JSON object; the message names the line.
    """
    text = decoded(path, path.read_bytes())
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            cut = " The file seems cut off." if number == text.count("\n") + 1 and not text.endswith("\n") else ""
            raise BadInput(
                f"{path}, line {number}: not valid JSON ({error.msg} at column {error.colno}).{cut}"
            ) from None
        if not isinstance(value, dict):
            raise BadInput(f"{path}, line {number}: a JSON object was expected, got {line.strip()[:40]!r}.")
        yield number, value


def frame_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows with differing keys and mixed types as a table: where types clash within a column, text wins."""
    names = list(dict.fromkeys(k for row in rows for k in row))
    columns: dict[str, pl.Series] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            columns[name] = pl.Series(name, values, strict=True)
        except (TypeError, pl.exceptions.PolarsError):
            if all(v is None or isinstance(v, int | float) for v in values):
                columns[name] = pl.Series(name, [None if v is None else float(v) for v in values], dtype=pl.Float64)
            else:
                text = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values]
                columns[name] = pl.Series(name, text, dtype=pl.String)
    return pl.DataFrame(columns)


def scalars(values: dict[str, Any], taken: set[str], prefix: str = "") -> dict[str, Any]:
    """The scalar entries of a nested mapping as flat columns; lists of text are sets; long text is left out."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if name in taken:
            name = f"doc_{name}"
        if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= 80):
            flat[name] = value
        elif (
            isinstance(value, list)
            and value
            and len(value) <= 20
            and all(isinstance(v, str) and len(v) <= 40 for v in value)
        ):
            flat[name] = value
        elif isinstance(value, dict) and not prefix:
            flat |= scalars(value, taken, f"{name}.")
    return flat
