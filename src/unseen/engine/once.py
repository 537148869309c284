"""Work on immutable things that is done once for as long as they live: transformed rows, answers to them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any

# Arrays above so many bytes are made anew each time: rows are many then, and their work is not overhead.
LARGEST = 8 * 2**20

_known: dict[Hashable, tuple[list[weakref.ref[Any]], Any]] = {}


def once(name: Hashable, owners: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """The result of ``make``, which is called once for these owners; forgotten when one of them is gone.

    Owners are told apart by identity, and must not change. Results are shared: whoever may change an array takes a copy.

    Args:
        name: What is made of the owners.
        owners: What it is made of. Where one can't be referred to weakly, nothing is kept.
        make: Makes it.

    >>> class Owner: ...
    >>> owner, calls = Owner(), []
    >>> [once("length", (owner,), lambda: calls.append(1) or len(calls)) for _ in range(3)]
    [1, 1, 1]
    """
    key = (name, *(id(o) for o in owners))
    found = _known.get(key)
    if found is not None and all(ref() is o for ref, o in zip(found[0], owners, strict=True)):
        return found[1]
    made = make()
    parts: tuple[Any, ...] = made if isinstance(made, tuple) else (made,)  # type: ignore[assignment]
    if any(getattr(part, "nbytes", 0) > LARGEST for part in parts):
        return made
    try:
        _known[key] = [weakref.ref(o, lambda _, forget=_known.pop: forget(key, None)) for o in owners], made
    except TypeError:
        return made
    return made
