"""What results of the library have in common: they print, and are saved, as reports."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from unseen.faces import in_python
from unseen.files import write_atomically


class Reported(ABC):
    """A result that can be printed, and saved as JSON, Markdown or one HTML file."""

    @abstractmethod
    def _rendered(self, form: str) -> str:
        """The report as text, json, markdown or html."""

    def to_json(self, path: str | Path | None = None) -> str:
        """The document as JSON; also written to a file where a path is given."""
        return self._saved("json", path)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """The report as GitHub-flavoured Markdown; also written to a file where a path is given."""
        return self._saved("markdown", path)

    def save_html(self, path: str | Path) -> Path:
        """Write the report as one self-contained HTML file and return its path."""
        self._saved("html", path)
        return Path(path)

    def __str__(self) -> str:
        return in_python(self._rendered("text"))

    def _saved(self, form: str, path: str | Path | None) -> str:
        text = self._rendered(form)
        if path is not None:
            write_atomically(Path(path), text)
        return text


__all__ = ["Reported"]
