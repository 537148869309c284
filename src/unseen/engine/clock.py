"""A time limit on work in this process."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator
from types import FrameType


class OutOfTime(BaseException):
    """The time is over. No ``Exception``, so that nothing on the way takes it for a failure of its own."""


@contextlib.contextmanager
def limited(seconds: float) -> Generator[None]:
    """Raise ``OutOfTime`` inside once the seconds are over.

    Only the main thread of a process on a system with alarms can be stopped so; elsewhere there is no limit. An alarm that
    somebody else has set is left alone.

    Args:
        seconds: Of wall-clock time.

    >>> with limited(60.0):
    ...     1 + 1
    2
    """
    free = (
        hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        and signal.getitimer(signal.ITIMER_REAL)[0] == 0
    )
    if not free:
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


__all__ = ["OutOfTime", "limited"]
