"""A time limit on work in this process."""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
from collections.abc import Generator
from types import FrameType


class OutOfTime(BaseException):
    """The time is over. No ``Exception``, so that nothing on the way takes it for a failure of its own."""


# Seconds between one ring that nobody could hear and the next.
AGAIN = 0.01


@contextlib.contextmanager
def limited(seconds: float) -> Generator[bool]:
    """Raise ``OutOfTime`` inside once the seconds are over.

    What is raised in a callback of the garbage collector or in a ``__del__`` would be lost there: the alarm then rings again.

    Only the main thread of a process on a system with alarms can be stopped so; elsewhere there is no limit. An alarm that
    somebody else has set is left alone.

    Args:
        seconds: Of wall-clock time.

    Yields:
        Whether there is a limit.

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
        yield False
        return

    def ring(number: int, frame: FrameType | None) -> None:
        if _deaf(frame):
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
            return
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3))
        yield True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _deaf(frame: FrameType | None) -> bool:
    """Whether Python would swallow what is raised here: in a finalizer or a callback of the garbage collector."""
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        if frame.f_code.co_name == "__del__" or frame.f_code in callbacks:
            return True
        frame = frame.f_back
    return False


__all__ = ["OutOfTime", "limited"]
