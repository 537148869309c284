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
from unseen.plain_text import value as shown

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
# Between the elements of a list: nothing but white space and one comma.
BETWEEN = re.compile(r"\s*,?\s*")


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
    if re.match(rb"(\(?c[\w.]+\n[a-zA-Z_]\w*\n(p\d+\n|\()|\((lp|dp|ip)\d+\n)", head):
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
    # The last character may be cut in two by the end of the head, and a file of UTF-16 at any place.
    text = head.decode(encoding, errors="replace").lstrip("\ufeff")
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
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "utf-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\x00" in head:
        # Text in UTF-16 without a mark has a zero in every other byte of its Latin characters.
        odd, even = head[1::2], head[::2]
        for name, zeros, signs in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
            # Where the other half is zero as well, it is an empty stretch of a binary file.
            if zeros.count(0) > 0.7 * len(zeros) > 0 and signs.count(0) < 0.1 * len(signs):
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
    """The whole text of a file in its own encoding, without byte-order marks.

    Raises:
        BadInput: It is cut within a character of UTF-16 or UTF-32.
    """
    data = path.read_bytes()
    name = encoding or peek(path).encoding
    try:
        return data.decode(name).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        if name.startswith(("utf-16", "utf-32")):
            raise _undecodable(path, name, error) from None
        return data.decode("latin-1")


def _undecodable(path: Path, encoding: str, error: UnicodeError) -> BadInput:
    at = f"byte {error.start:,} is" if isinstance(error, UnicodeDecodeError) else "its bytes are"
    return BadInput(f"{path}: {at} not {encoding}. The file may be cut off; if not, write it again as UTF-8.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. A key that stands twice with two values has no meaning, and the standard library keeps the last."""
    made = dict(pairs)
    if len(made) < len(pairs):
        for name, value in pairs:
            if value != made[name] and not (value != value and made[name] != made[name]):
                raise ValueError(
                    f"the key {shown(name, 60)!r} stands twice in one object, as {shown(value, 60)} and as {shown(made[name], 60)}"
                )
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def parse_json(words: str | bytes) -> Any:
    """JSON as the tools write it, NaN included.

    Raises:
        ValueError: It is none, nests too deeply, or a key stands twice in one object.
    """
    try:
        return json.loads(words, object_pairs_hook=_object) if isinstance(words, bytes) else _DECODER.decode(words)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


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
                    value = parse_json(line)
                except ValueError as error:
                    cut = "; the file seems cut off" if not line.endswith("\n") else ""
                    raise BadInput(
                        f"{path}, line {number}: not valid JSON ({error}){cut}. It begins: {line[:60]!r}"
                    ) from None
                if not isinstance(value, dict):
                    raise BadInput(f"{path}, line {number}: {line.strip()[:60]!r} is not an object ({{…}}).")
                yield number, value
    except UnicodeError as error:
        raise _undecodable(path, encoding, error) from None


def json_document(path: Path) -> Any:
    """A whole JSON file.

    Raises:
        BadInput: It is not JSON; the message says where.
    """
    try:
        return parse_json(text_of(path))
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
    encoding = peek(path).encoding
    try:
        yield from _array_items(path, key, encoding, chunk)
    except UnicodeError as error:
        raise _undecodable(path, encoding, error) from None


def _array_items(path: Path, key: str | None, encoding: str, chunk: int) -> Iterator[Any]:
    with path.open(encoding=encoding) as file:
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
        buffer = buffer[start + 1 :]
        # Where the last element ended: between two of them stands no more than a comma.
        position, level, begin, number = 0, 0, -1, 1
        while True:
            match = STRUCTURE.search(buffer, position)
            if level == 0 and match is not None:
                alone = BETWEEN.sub("", buffer[: match.start()], count=1) or (match.group() == '"' and '"')
                if alone:
                    raise BadInput(f"{path}, entry {number}: {shown(alone, 60)} … is not an object ({{…}}).")
            if level == 0 and len(buffer) > 4 * chunk and match is None:
                raise BadInput(f"{path}, entry {number}: {shown(buffer.strip(), 60)!r} is not an object ({{…}}).")
            end: re.Match[str] | None = None
            if match is not None and match.group() == '"':
                end = STRING_END.match(buffer, match.end())
            if match is None or (match.group() == '"' and end is None):
                more = file.read(chunk)
                if not more:
                    raise BadInput(f"{path}: the list is cut off. Copy the file again, or run the evaluation again.")
                keep = max(begin, 0)
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
                        yield parse_json(buffer[begin:position])
                    except ValueError as error:
                        raise BadInput(f"{path}, entry {number}: not valid JSON ({error}).") from None
                    buffer, position, begin, number = buffer[position:], 0, -1, number + 1


__all__ = [
    "HEAD", "TOO_DEEP", "Peek", "array_items", "encoding_of", "json_document", "json_lines", "parse_json", "peek", "text_of",
]  # fmt: skip
