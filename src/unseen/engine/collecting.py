"""Work that makes a million small values and no cycles, without the search for cycles."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Generator


@contextlib.contextmanager
def no_search_for_cycles() -> Generator[None]:
    """Inside, values go when nothing refers to them any more, and Python does not look for those that refer to each other.

    The search walks over all values that are there each time a quarter more has come; where a report is made of an audit
    of hundreds of models, that is half of the time. Only for work that makes plain data and text: cycles stay until the end.

    >>> with no_search_for_cycles():
    ...     gc.isenabled()
    False
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextlib.contextmanager
def rare_search_for_cycles() -> Generator[None]:
    """Inside, Python looks for values that refer to each other less often: at each 20,000 new ones instead of each 700.

    Those that outlive it are looked through again at each million: an audit's outcomes stay, and hold no cycles.

    For work that makes many small values that stay, among few cycles; these still go before they are many.

    >>> with rare_search_for_cycles():
    ...     gc.get_threshold()[:2]
    (20000, 50)
    """
    before = gc.get_threshold()
    gc.set_threshold(20_000, 50, *before[2:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


__all__ = ["no_search_for_cycles", "rare_search_for_cycles"]
