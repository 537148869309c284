"""Writing files whole or not at all, and only where that can be done and destroys nothing."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from unseen.errors import BadInput

# Endings of logs and tables. A report of ours in a folder of logs is told by its first lines.
LOGS = frozenset({".json", ".jsonl", ".csv", ".tsv", ".parquet", ".eval", ".arrow", ".feather", ".ndjson"})
REPORT_HEAD = 200


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file beside its place and move it there, so that nothing half-written stays behind.

    A symbolic link is followed: the file that it names is replaced, the link stays. Devices and pipes are written to
    directly.

    Raises:
        BadInput: The folder does not exist or can't be written to, or the disk is full.
    """
    data = content.encode() if isinstance(content, str) else content
    if _is_stream(path):
        try:
            with path.open("wb") as stream:
                stream.write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise BadInput(f"{path}: could not be written ({error.strerror}).") from None
        return
    path = Path(os.path.realpath(path))
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


def require_writable(output: Path, inputs: Iterable[str | Path] = ()) -> None:
    """Refuse a place that a report can't be written to, before the work that it would report.

    Args:
        output: Where the report is to go.
        inputs: Files that are read: a report never replaces one of them, not by a link either.

    Raises:
        BadInput: The folder does not exist or can't be written to; or the place is a folder, a file that is read or
            that may not be written, or neither a file, a device nor a pipe.
    """
    if any(_reads(source, output) for given in inputs for source in _named(given)):
        raise BadInput(f"{output}: is read by this command. Choose another place with --output.")
    folder = Path(os.path.realpath(output)).parent
    if not folder.is_dir():
        raise BadInput(f"{output}: the folder {folder} does not exist. Make it, or choose another place with --output.")
    if output.is_dir():
        raise BadInput(f"{output}: is a folder. Name a file in it: --output {output}/report.html")
    if _is_stream(output):
        return
    if output.exists():
        if not stat.S_ISREG(output.stat().st_mode):
            raise BadInput(f"{output}: is neither a file, a device nor a pipe. Choose another place with --output.")
        # An administrator may write to a file that its owner has set read-only; a report still does not.
        if not output.stat().st_mode & 0o222 or not os.access(output, os.W_OK):
            raise BadInput(f"{output}: is read-only. Choose another place with --output.")
    if not os.access(folder, os.W_OK):
        raise BadInput(f"{output}: can't write to the folder {folder}. Choose another place with --output.")


def _named(given: str | Path) -> list[str]:
    """The files or folders that a source names: itself, or what its pattern matches."""
    return [str(given)] if os.path.exists(given) else sorted(glob.glob(str(given), recursive=True))


def _reads(source: str, output: Path) -> bool:
    """Whether a source is the place to write to, or a folder from which that place would be read as a log."""
    try:
        if os.path.samefile(source, output):
            return True
        inside = Path(os.path.realpath(output)).is_relative_to(os.path.realpath(source))
        if not (os.path.isdir(source) and inside and output.suffix.lower() in LOGS):
            return False
        with output.open("rb") as file:
            return b'"unseen_version"' not in file.read(REPORT_HEAD)
    except (OSError, ValueError):
        return False


def _is_stream(path: Path) -> bool:
    """Whether a place is a device or a pipe, which is written to as it is."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)
