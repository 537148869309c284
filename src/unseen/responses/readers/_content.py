"""What a file holds, seen from its first bytes: never from its name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from unseen.errors import BadInput

Kind = Literal[
    "empty", "zip", "parquet", "arrow", "arrow-stream", "json-object", "json-array", "json-lines", "text", "binary"
]
HEAD = 1 << 18
# First bytes of files that are told apart only to say what to do instead.
REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "is compressed with gzip. Unpack it first (gunzip)."),
    (b"BZh", "is compressed with bzip2. Unpack it first (bunzip2)."),
    (b"\xfd7zXZ", "is compressed with xz. Unpack it first (unxz)."),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd. Unpack it first (unzstd)."),
    (b"7z\xbc\xaf", "is a 7z archive. Unpack it first."),
    (b"SQLite format 3", "is an SQLite data base. Export the table of answers as CSV or Parquet."),
    (b"\x89HDF", "is an HDF5 file. Export the table of answers as CSV or Parquet."),
    (b"\x93NUMPY", "is a NumPy array, which has no names of models and items. Write a CSV or Parquet table."),
    (b"FEA1", "is a Feather file of version 1. Write it again with version 2 (pandas does since 1.0)."),
    (b"%PDF", "is a PDF. Export the table of answers as CSV or Parquet."),
    (b"\xd0\xcf\x11\xe0", "is an old Office file. Export the sheet as CSV."),
)  # fmt: skip
PICKLE = (
    "is a pickle, which can run any code when it is opened, so it is refused. "
    "Open it where you trust it and write it as Parquet: pandas.read_pickle(…).to_parquet(…)."
)
TOO_DEEP = "its JSON is nested hundreds of levels deep, as no log is. The file may be damaged; write it again."
STRUCTURE = re.compile(r'["{}\[\]]')
STRING_END = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Peek:
    """What the first bytes of a file say.

    Attributes:
        kind: Container or text form.
        keys: Top-level keys of the first JSON object that begin within the first bytes.
        encoding: Encoding of a text.
        text: The first characters of a text.
        refusal: Why a file of this kind is not read, or "".
    """

    kind: Kind
    keys: frozenset[str] = frozenset()
    encoding: str = "utf-8"
    text: str = ""
    refusal: str = ""


def peek(path: Path) -> Peek:
    """Look at the first bytes of a file; remembered while the file is unchanged.

    Raises:
        BadInput: The file can't be opened.
    """
    try:
        stat = path.stat()
        return _peek(str(path), stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise BadInput(f"{path}: can't be opened ({error.strerror}).") from None


@lru_cache(maxsize=4096)
def _peek(path: str, _modified: int, size: int) -> Peek:
    if size == 0:
        return Peek("empty")
    with open(path, "rb") as file:
        head = file.read(HEAD)
    for magic, reason in REFUSED:
        if head.startswith(magic):
            return Peek("binary", refusal=reason)
    if head[:1] == b"\x80" and len(head) > 1 and 2 <= head[1] <= 5:
        return Peek("binary", refusal=PICKLE)
    if re.match(rb"(\(?c[\w.]+\n\w+\n|\((lp|dp|ip)\d+\n)", head):
        return Peek("binary", refusal=PICKLE)
    if head.startswith(b"PAR1"):
        return Peek("parquet")
    if head.startswith(b"ARROW1"):
        return Peek("arrow")
    if head.startswith(b"\xff\xff\xff\xff") and len(head) > 8:
        return Peek("arrow-stream")
    if head.startswith(b"PK"):
        return Peek("zip")
    encoding = encoding_of(head)
    if encoding is None:
        return Peek("binary", refusal="is binary data of an unknown kind.")
    # The last character may be cut in two by the end of the head.
    text = head.decode(encoding, errors="replace" if len(head) == HEAD else "strict").removeprefix("\ufeff")
    stripped = text.lstrip()
    if not stripped:
        return Peek("empty")
    if stripped[0] == "[":
        return Peek("json-array", _first_keys(stripped, 2), encoding, text)
    if stripped[0] == "{":
        end = _end_of_first(stripped)
        # A second object after the first makes it JSON lines; so does a first line that is whole by itself.
        lines = end is None or stripped[end:].lstrip()[:1] == "{"
        whole = end is not None and not lines
        return Peek(
            "json-object" if whole or _is_spread(stripped) else "json-lines", _first_keys(stripped, 1), encoding, text
        )
    return Peek("text", frozenset(), encoding, text)


def _is_spread(text: str) -> bool:
    """Whether the first object goes over several lines, as an indented file does."""
    line = text.split("\n", 1)[0].rstrip()
    return line in ("{", "[") or line.endswith(("{", "[", ","))


def encoding_of(head: bytes) -> str | None:
    """The encoding of a text by its first bytes, or None where they are no text.

    >>> encoding_of(b"a,b"), encoding_of("é".encode("latin-1")), encoding_of(bytes([0, 1, 2, 0, 0, 7]))
    ('utf-8', 'latin-1', None)
    """
    if head.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\x00" in head:
        # Text in UTF-16 without a mark has a zero in every other byte of its Latin characters.
        for name, part in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
            if part.count(0) > 0.7 * len(part) > 0:
                return name
        return None
    control = sum(head[:4096].count(bytes([b])) for b in range(32) if b not in (9, 10, 12, 13, 27))
    if control > 0.02 * min(len(head), 4096):
        return None
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # Only the cut at the end of the head may break a character of UTF-8.
        if error.start < len(head) - 4 or len(head) < HEAD:
            return "latin-1"
    return "utf-8"


def _first_keys(text: str, depth: int) -> frozenset[str]:
    """Keys at a depth of the first object (1: an object, 2: the first object of an array)."""
    keys: set[str] = set()
    level = at = 0
    while match := STRUCTURE.search(text, at):
        at = match.end()
        char = match.group()
        if char == '"':
            end = STRING_END.match(text, at)
            if end is None:
                break
            word, at = text[at : end.end() - 1], end.end()
            if level == depth and re.compile(r"\s*:").match(text, at):
                keys.add(word)
        elif char in "{[":
            level += 1
        else:
            level -= 1
            if level < depth and char == "}":
                break
    return frozenset(keys)


def _end_of_first(text: str) -> int | None:
    """Where the first JSON value ends, or None where it does not end here."""
    level = at = 0
    while match := STRUCTURE.search(text, at):
        at = match.end()
        char = match.group()
        if char == '"':
            end = STRING_END.match(text, at)
            if end is None:
                return None
            at = end.end()
        elif char in "{[":
            level += 1
        else:
            level -= 1
            if level == 0:
                return at
    return None


def text_of(path: Path, encoding: str | None = None) -> str:
    """The whole text of a file in its own encoding, without a byte-order mark."""
    data = path.read_bytes()
    name = encoding or peek(path).encoding
    try:
        return data.decode(name).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The objects of a JSON-lines file with their line numbers, one at a time.

    Raises:
        BadInput: A line is not JSON; the message names it.
    """
    encoding = peek(path).encoding
    try:
        with path.open(encoding=encoding) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    value = json.loads(line)
                except RecursionError:
                    raise BadInput(f"{path}, line {number}: {TOO_DEEP}") from None
                except ValueError as error:
                    cut = "; the file seems cut off" if not line.endswith("\n") else ""
                    raise BadInput(
                        f"{path}, line {number}: not valid JSON ({error}){cut}. It begins: {line[:60]!r}"
                    ) from None
                if not isinstance(value, dict):
                    raise BadInput(f"{path}, line {number}: {line.strip()[:60]!r} is not an object ({{…}}).")
                yield number, value
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: byte {error.start} is not {encoding}. Write the file again as UTF-8.") from None


def json_document(path: Path) -> Any:
    """A whole JSON file.

    Raises:
        BadInput: It is not JSON; the message says where.
    """
    try:
        return json.loads(text_of(path))
    except RecursionError:
        raise BadInput(f"{path}: {TOO_DEEP}") from None
    except ValueError as error:
        raise BadInput(f"{path}: not valid JSON ({error}). The file may be cut off.") from None


def array_items(path: Path, key: str | None = None, *, chunk: int = 1 << 20) -> Iterator[Any]:
    """The elements of a JSON array one at a time, so that a file may be larger than memory.

    Args:
        path: A file that holds an array, or an object with an array under ``key``.
        key: Name of that array.
        chunk: Characters read at once.

    Raises:
        BadInput: The file is cut off, or holds no such array.
    """
    with path.open(encoding=peek(path).encoding) as file:
        buffer = file.read(chunk)
        if key is not None:
            marker = re.compile(rf'"{re.escape(key)}"\s*:\s*(?=\[)')
            while not (found := marker.search(buffer)):
                more = file.read(chunk)
                if not more:
                    raise BadInput(f"{path}: has no list {key!r}.")
                # The marker may lie across two chunks.
                buffer = buffer[-(len(key) + 64) :] + more
            buffer = buffer[found.end() :]
        start = buffer.find("[")
        if start < 0:
            raise BadInput(f"{path}: is not a list.")
        position, level, begin = start + 1, 0, -1
        while True:
            match = STRUCTURE.search(buffer, position)
            end: re.Match[str] | None = None
            if match is not None and match.group() == '"':
                end = STRING_END.match(buffer, match.end())
            if match is None or (match.group() == '"' and end is None):
                more = file.read(chunk)
                if not more:
                    raise BadInput(f"{path}: the list is cut off. Copy the file again, or run the evaluation again.")
                keep = begin if begin >= 0 else (match.start() if match else len(buffer))
                position = (match.start() if match else len(buffer)) - keep
                begin = 0 if begin >= 0 else -1
                buffer = buffer[keep:] + more
                continue
            position = match.end()
            char = match.group()
            if char == '"':
                position = end.end() if end else position
            elif char in "{[":
                if level == 0:
                    begin = match.start()
                level += 1
            elif level == 0:
                return
            else:
                level -= 1
                if level == 0:
                    try:
                        yield json.loads(buffer[begin:position])
                    except RecursionError:
                        raise BadInput(f"{path}: {TOO_DEEP}") from None
                    except ValueError as error:
                        raise BadInput(f"{path}: not valid JSON ({error}).") from None
                    buffer, position, begin = buffer[position:], 0, -1


__all__ = ["HEAD", "TOO_DEEP", "Peek", "array_items", "encoding_of", "json_document", "json_lines", "peek", "text_of"]
