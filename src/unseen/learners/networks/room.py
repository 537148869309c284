"""Whether the machine has the memory that a measure takes: said before it starts."""

from __future__ import annotations

from unseen.engine import processes
from unseen.errors import BadInput

# Share of what is free that may be taken; the rest is for what is not counted.
SHARE = 0.9


def require_room(needed: float, what: str, remedy: str) -> None:
    """Refuse what would not fit the memory that is free.

    Args:
        needed: Bytes.
        what: What takes them, as the subject of a sentence ("32 copies of the weights").
        remedy: What to do instead, as a sentence.

    Raises:
        BadInput: The machine has less.

    >>> require_room(1e18, "a copy of the network", "Audit fewer layers.")
    Traceback (most recent call last):
    ...
    unseen.errors.BadInput: a copy of the network would take 1,000,000,000.0 GB of memory, and ... GB are free. Audit fewer layers.
    """
    free = processes._free_memory()  # pyright: ignore[reportPrivateUsage]
    if needed > SHARE * free:
        raise BadInput(
            f"{what} would take {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free. {remedy}"
        )
