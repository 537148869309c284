"""Writing files whole or not at all, and only where that can be done."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from unseen.errors import BadInput


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file beside its place and move it there, so that nothing half-written stays behind.

    Raises:
        BadInput: The folder does not exist or can't be written to, or the disk is full.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent or Path(), prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise BadInput(f"{path}: can't write there ({error.strerror}). Choose another place with --output.") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # mkstemp makes files private; a report gets the rights that any new file would have.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise BadInput(f"{path}: could not be written ({error.strerror}). Nothing half-written was left.") from None
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def require_writable(output: Path) -> None:
    """Refuse a place that a report can't be written to, before the work that it would report.

    Raises:
        BadInput: The folder does not exist or can't be written to, or the place is a folder.
    """
    folder = output.parent
    if not folder.is_dir():
        raise BadInput(f"{output}: the folder {folder} does not exist. Make it, or choose another place with --output.")
    if output.is_dir():
        raise BadInput(f"{output}: is a folder. Name a file in it: --output {output}/report.html")
    if not os.access(folder, os.W_OK):
        raise BadInput(f"{output}: can't write to the folder {folder}. Choose another place with --output.")
