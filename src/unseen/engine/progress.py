"""Progress with the time that remains; silent where nobody watches."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

Done = Callable[[str, int, int], None]


@contextlib.contextmanager
def progress(what: str, *, show: bool | None = None, console: Console | None = None) -> Generator[Done]:
    """Show a bar on standard error while work is done inside.

    Args:
        what: Name of the work.
        show: Whether to show it; by default where standard error is a terminal.
        console: Where to; by default standard error.

    Yields:
        A function of (name of the piece just finished, finished, total), as ``run_jobs`` calls it.

    >>> with progress("fit", show=False) as done:
    ...     done("first", 1, 2)
    """
    if not (sys.stderr.isatty() if show is None else show):
        yield lambda name, finished, total: None
        return
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
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console or Screen(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def done(name: str, finished: int, total: int) -> None:
            bar.update(task, description=f"{what}: {name}", completed=finished, total=total)

        yield done
