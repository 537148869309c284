"""Keeps finished pieces of work under a hash of what they are, so that a killed run goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
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


class Store:
    """A folder of JSON files, one a finished piece, each written whole or not at all.

    Args:
        folder: Made when the first piece is kept. By default ``unseen`` in the user's cache folder.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder is not None else default_folder()

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
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"{path.parent}: can't be made ({error.strerror}). Set UNSEEN_CACHE to another folder."
            ) from None
        write_atomically(path, json.dumps(content, ensure_ascii=False))

    def clear(self) -> int:
        """Forget everything; the number of pieces."""
        paths = list(self.folder.glob("*/*.json"))
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def _path(self, key: Mapping[str, Any]) -> Path:
        digest = content_hash(key)
        return self.folder / digest[:2] / f"{digest}.json"


def default_folder() -> Path:
    """``UNSEEN_CACHE``, else ``unseen`` in the user's cache folder."""
    own = os.environ.get("UNSEEN_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unseen"
