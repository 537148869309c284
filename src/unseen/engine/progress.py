"""Progress with the time that remains, in terminals and notebooks; silent where nobody watches."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console

# Shortest time between two lines of a bar in a notebook, in seconds.
PAUSE = 0.1
WIDTH = 20


class Done(Protocol):
    """Told of each finished piece, as ``run_jobs`` does; it may also have a method ``expect``."""

    def __call__(self, name: str, finished: int, total: int, /) -> None:
        """A piece is finished."""
        ...


def expectation(what: str, open_: int, each: float, workers: int) -> str:
    """How long the work will take, in a sentence, from the time of the first piece.

    >>> expectation("refit", 45, 0.8, 2)
    '45 refits, about 0.8 s each, 2 at a time: about 18 s'
    """
    at_once = f", {workers} at a time" if workers > 1 else ""
    total = open_ * each / max(1, workers)
    return f"{open_:,} {what}{'' if open_ == 1 else 's'}, about {duration(each)} each{at_once}: about {duration(total)}"


def duration(seconds: float) -> str:
    """A time with its unit.

    >>> duration(0.04), duration(0.83), duration(18.2), duration(190), duration(7320)
    ('0.04 s', '0.8 s', '18 s', '3 min 10 s', '2 h 2 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s" if seconds >= 0.095 else f"{seconds:.1g} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@contextlib.contextmanager
def progress(
    what: str, *, show: bool | None = None, console: Console | None = None, piece: str = "refit"
) -> Generator[Done]:
    """Show a bar while work is done inside: on standard error, or as one line of a notebook's cell.

    Args:
        what: Name of the work.
        show: Whether to show it; by default where standard error is a terminal or a notebook.
        console: Where to; by default standard error.
        piece: What one piece is called.

    Yields:
        A function of (name of the piece just finished, finished, total), as ``run_jobs`` calls it.

    >>> with progress("fit", show=False) as done:
    ...     done("first", 1, 2)
    """
    notebook = in_notebook()
    if not is_shown(show):
        yield lambda name, finished, total: None
    elif notebook and console is None:
        with contextlib.closing(Line(what, piece, Cell())) as line:
            yield line
    else:
        with _bar(what, console, piece) as done:
            yield done


@contextlib.contextmanager
def hooked(what: str, given: Callable[[str, int, int], None] | bool | None, *, piece: str = "refit") -> Generator[Done]:
    """A user's hook, or the bar: None shows it in terminals and notebooks, True everywhere, False nowhere."""
    if callable(given):
        yield given
        return
    with progress(what, show=given, piece=piece) as done:
        yield done


def is_shown(show: bool | None) -> bool:
    """Whether somebody watches: as asked, or where standard error is a terminal or a notebook."""
    return (in_notebook() or sys.stderr.isatty()) if show is None else show


def in_notebook() -> bool:
    """Whether a notebook runs this."""
    module = sys.modules.get("IPython")
    shell: Any = module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
    return shell is not None and hasattr(shell, "kernel")


class Line:
    """A bar made of one line of text that is written over: what every notebook shows without widgets.

    Args:
        what: Name of the work.
        piece: What one piece is called.
        write: Where to; by default standard error.
    """

    def __init__(self, what: str, piece: str = "refit", write: Callable[[str], object] | None = None) -> None:
        self._what, self._piece, self._write = what, piece, write or sys.stderr.write
        self._started, self._last, self._length, self._first = time.monotonic(), 0.0, 0, -1

    def __call__(self, name: str, finished: int, total: int, /) -> None:
        """Draw the line anew."""
        now = time.monotonic()
        if self._first < 0:
            self._first = finished
        if now - self._last < PAUSE and finished < total:
            return
        self._last = now
        filled = WIDTH * finished // max(1, total)
        spent = now - self._started
        own = finished - self._first
        left = f", {duration(spent / own * (total - finished))} left" if own and finished < total else ""
        self._draw(f"{self._what} [{'#' * filled}{'.' * (WIDTH - filled)}] {finished}/{total}, {duration(spent)}{left}")

    def expect(self, open_: int, each: float, workers: int) -> None:
        """Say how long it will take."""
        self._draw(f"{self._what}: {expectation(self._piece, open_, each, workers)}")
        self._write("\n")
        self._length = 0

    def close(self) -> None:
        """End the line."""
        if self._length:
            self._write("\n")

    def _draw(self, text: str) -> None:
        self._write("\r" + text.ljust(self._length))
        self._length = len(text)


class Cell:
    """One line of a notebook's output that is replaced by each later one; also where the notebook is saved or converted."""

    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, text: str) -> None:
        """Show a line in place of the last one; the end of a line alone shows nothing."""
        said = text.strip()
        if not said:
            return
        shown: Any = {"text/plain": said}
        if self._handle is None:
            # Only a notebook gets here, so that it is there.
            self._handle = sys.modules["IPython"].display.display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


@contextlib.contextmanager
def _bar(what: str, console: Console | None, piece: str) -> Generator[Done]:
    from rich.console import Console as Screen
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console or Screen(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        class Drawn:
            def __call__(self, name: str, finished: int, total: int, /) -> None:
                bar.update(task, description=f"{what}: {name}", completed=finished, total=total)

            def expect(self, open_: int, each: float, workers: int) -> None:
                words = f"{what}: {expectation(piece, open_, each, workers)}"
                bar.console.print(words, markup=False, highlight=False)

        yield Drawn()


__all__ = ["Done", "Line", "duration", "expectation", "hooked", "in_notebook", "is_shown", "progress"]
