"""Readers of other packages: their faults end as errors of the file, or as "not mine"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from unseen.engine.plugins import Plugin, plugins, refused
from unseen.errors import BadInput, UnseenError
from unseen.responses.mapping import Mapping


class PluggedReader:
    """A reader of another package, with the face of a module of ours.

    Attributes:
        NAME: Name of the format.
    """

    def __init__(self, plugin: Plugin) -> None:
        self.plugin, self.reader = plugin, plugin.value
        self.NAME: str = self.reader.NAME

    def sniff(self, path: Path) -> bool:
        """Whether a file is of this format; a reader that fails here has not known it."""
        try:
            return bool(self.reader.sniff(path))
        except Exception:
            return False

    def read(self, path: Path, mapping: Mapping) -> tuple[pl.DataFrame, tuple[str, ...]]:
        """Read one file.

        Raises:
            BadInput: The reader says so, or fails; the message names its package.
        """
        try:
            table, notes = self.reader.read(path, mapping)
        except UnseenError:
            raise
        except Exception as error:
            raise BadInput(
                f"{path}: the reader {self.NAME!r} of {self.plugin.source} failed on it ({type(error).__name__}: {error}). "
                f"Tell its authors, or read the file in another way (--reader)."
            ) from error
        return table, tuple(str(note) for note in notes)


def plugged(taken: Any) -> dict[str, PluggedReader]:
    """The readers of other packages by name, without those whose name is taken or that are none."""
    found: dict[str, PluggedReader] = {}
    for plugin in plugins("reader"):
        name = getattr(plugin.value, "NAME", None)
        lacking = [part for part in ("sniff", "read") if not callable(getattr(plugin.value, part, None))]
        if not isinstance(name, str) or not name or lacking:
            refused("reader", plugin.name, plugin.package, "a reader has NAME, sniff(path) and read(path, mapping)")
        elif name in taken or name in found:
            refused("reader", plugin.name, plugin.package, f"there is a format {name!r} already")
        else:
            found[name] = PluggedReader(plugin)
    return found


__all__ = ["PluggedReader", "plugged"]
