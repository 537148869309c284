"""Keeps finished pieces of work under a hash of what they are, so that a killed run goes on where it stopped."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from unseen.errors import BadInput
from unseen.files import write_atomically


def content_hash(key: Mapping[str, Any]) -> str:
    """Hash of plain data; the order of keys plays no part.

    >>> content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    True
    """
    text = json.dumps(key, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class NotKept(UserWarning):
    """The cache folder can't be used: work goes on, and what is finished is not kept for another run."""


class Store:
    """A folder of JSON files, one a finished piece, each written whole or not at all.

    Several runs may use one folder at once: files are moved into place whole, and every file is verified when read.

    Args:
        folder: Made when the first piece is kept. By default ``unseen`` in the user's cache folder; where that can't
            be used, a folder of this process stands in for it, and ``NotKept`` says so once.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self._asked_for = folder is not None
        self._keeps = True
        self.folder = Path(os.path.abspath(folder)) if folder is not None else default_folder()

    @property
    def keeps(self) -> bool:
        """Whether what is put here is still there for another run."""
        return self._keeps

    def get(self, key: Mapping[str, Any]) -> Any:
        """What was kept under a key, or None. A piece that is damaged or was edited counts as absent."""
        path = self._path(key)
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            sound = kept["checksum"] == content_hash({"key": kept["key"], "value": kept["value"]})
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return kept["value"] if sound and kept["key"] == json.loads(json.dumps(key)) else None

    def put(self, key: Mapping[str, Any], value: Any) -> None:
        """Keep a piece of plain data.

        Raises:
            BadInput: The folder can't be written to, the disk is full, or the value is not plain data.
        """
        try:
            content = json.loads(json.dumps({"key": key, "value": value}, allow_nan=True))
        except TypeError as error:
            raise BadInput(f"what is kept must be plain data ({error}).") from None
        content["checksum"] = content_hash(content)
        if not self._keeps:
            return
        try:
            _write(self._path(key), json.dumps(content, ensure_ascii=False).encode())
        except BadInput as error:
            self._lose(self._path(key), error)

    def file(self, name: str, content: Callable[[], bytes], sound: Callable[[Path], bool]) -> Path:
        """A file of this run, which workers read: written where it is absent or damaged.

        Args:
            name: Of the file, from a hash of what it holds.
            content: Makes what is written.
            sound: Whether a file that is there holds what its name says.

        Raises:
            BadInput: It can't be written.
        """
        path = self.folder / "data" / name
        if sound(path):
            return path
        try:
            if self._keeps:
                _write(path, content())
                return path
        except BadInput as error:
            self._lose(path, error)
        path = _own_folder() / name
        if not sound(path):
            _write(path, content())
        return path

    def clear(self) -> int:
        """Forget everything; the number of pieces."""
        paths = [path for path in self.folder.glob("*/*.json") if _is_file(path)]
        for path in [*paths, *self.folder.glob("data/*"), *self.folder.glob("*/.*.part")]:
            if _is_file(path):
                path.unlink(missing_ok=True)
        return len(paths)

    def _lose(self, path: Path, error: BadInput) -> None:
        """Go on without this piece where only its own place is taken, else without keeping; either is said once.

        Raises:
            BadInput: Nothing can be kept in a folder that the caller named.
        """
        taken = path if path.is_dir() else path.parent
        if taken == path or (taken.exists() and not taken.is_dir()):
            if taken not in _told:
                _told.add(taken)
                what = "a folder where a kept piece should be" if taken == path else "a file where a folder should be"
                warnings.warn(
                    f"{taken} is {what}: what belongs there is not kept between runs, all else is. Remove it.", NotKept,
                    stacklevel=3,
                )  # fmt: skip
            return
        self._give_up(error)

    def _give_up(self, error: BadInput) -> None:
        """Go on without keeping, and say so once; a folder that the caller named is no such case.

        Raises:
            BadInput: The caller named the folder.
        """
        if self._asked_for:
            raise error
        self._keeps = False
        if self.folder not in _told:
            _told.add(self.folder)
            warnings.warn(
                f"the cache {self.folder} can't be used, so that finished work is not kept between runs. Set "
                f"UNSEEN_CACHE to a folder that can be written to. ({error})", NotKept, stacklevel=2,
            )  # fmt: skip

    def _path(self, key: Mapping[str, Any]) -> Path:
        digest = content_hash(key)
        return self.folder / digest[:2] / f"{digest}.json"


def default_folder() -> Path:
    """``UNSEEN_CACHE``, else ``unseen`` in the user's cache folder; an empty variable counts as unset."""
    own = os.environ.get("UNSEEN_CACHE", "").strip()
    if own:
        return Path(os.path.abspath(os.path.expanduser(own)))
    cache_home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    # Without a home folder "~" stays as it is; a folder of that name is not what anybody meant.
    return Path(tempfile.gettempdir() if cache_home.startswith("~") else os.path.abspath(cache_home)) / "unseen"


_told: set[Path] = set()


@cache
def _own_folder() -> Path:
    """A folder of this process, gone with it."""
    path = tempfile.mkdtemp(prefix="unseen-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)


def _is_file(path: Path) -> bool:
    return path.is_symlink() or not path.is_dir()


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"{path.parent}: can't be made ({why}). Set UNSEEN_CACHE to another folder.") from None
    write_atomically(path, content)
