"""What a learner prints: on standard error, line by line, cleaned; never within a report on standard output."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Generator
from typing import TextIO

from unseen.plain_text import message

# Bytes after which a line without an end is taken for whole.
LONGEST = 1 << 16


def printable(text: str) -> str:
    r"""One line as a terminal would show it at last: of a bar that is drawn over and over the last state, and no commands.

    >>> printable("fit 10 %\rfit 99 %"), printable("\x1b[31mred\x1b[0m"), printable("::error::a")
    ('fit 99 %', ' [31mred [0m', ':\u200b:error:\u200b:a')
    """
    states = [part for part in text.split("\r") if part.strip()]
    return message(states[-1]) if states else ""


class Cleaned(io.TextIOBase):
    """A stream that hands on whole lines, cleaned; a line without an end when it is flushed, as a debugger's prompt is.

    Args:
        target: Where to.
    """

    def __init__(self, target: TextIO) -> None:
        self._target, self._open = target, ""

    def writable(self) -> bool:
        """True."""
        return True

    def isatty(self) -> bool:
        """False: colours would be taken out."""
        return False

    def write(self, text: str, /) -> int:
        """Take in text; its whole lines are handed on."""
        *lines, self._open = (self._open + text).split("\n")
        for line in lines:
            self._target.write(printable(line) + "\n")
        if len(self._open) > LONGEST:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Hand on what has no end yet."""
        if self._open:
            self._target.write(printable(self._open))
            self._open = ""
        self._target.flush()


@contextlib.contextmanager
def cleaned_prints() -> Generator[None]:
    """What is printed inside goes to standard error, cleaned, whichever stream it was meant for."""
    stream = Cleaned(sys.stderr)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        try:
            yield
        finally:
            stream.flush()


def hand_on(pipe: int) -> threading.Thread:
    """Print what comes through a pipe on standard error, cleaned, until it ends.

    A thread reads, so that a worker is not held up where the parent is busy.

    Args:
        pipe: File descriptor to read from; closed at its end.
    """

    def read() -> None:
        with os.fdopen(pipe, "rb") as source:
            while line := source.readline(LONGEST):
                with contextlib.suppress(OSError, ValueError):
                    # Standard error may be closed, or stand for another stream by now.
                    sys.stderr.write(printable(line.decode("utf-8", "replace").rstrip("\r\n")) + "\n")

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


__all__ = ["Cleaned", "cleaned_prints", "hand_on", "printable"]
