"""Work that takes its worker with it every time is given up: each further try costs a process and tells nothing new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

# Workers that are lost in a row, and nothing else learnt, before the rest is left untried.
DEATHS = 3


class Losses:
    """Counts, by group of jobs, the workers that were lost before any job of the group came to an end.

    A group is a tuple of names; jobs of ``(learner, remedy)`` are given up with those of ``(learner,)`` too. Where one job of a
    group has ended, whatever its result, its others are tried to the last. A group without a name is never given up.

    Args:
        most: So many lost workers give a group up.

    >>> losses = Losses(most=2)
    >>> losses.lost(("m",), "was killed"), losses.lost(("m",), "was killed"), losses.given_up(("m", "weights"))
    (None, None, 'was not tried: it took its worker with it 2 times of 2 (the last was killed)')
    >>> losses.ended(("n",)), losses.lost(("n",), ""), losses.lost(("n",), ""), losses.given_up(("n",))
    (None, None, None, '')
    """

    def __init__(self, most: int = DEATHS) -> None:
        self.most = most
        self._lost: Counter[tuple[str, ...]] = Counter()
        self._last: dict[tuple[str, ...], str] = {}
        self._ended: set[tuple[str, ...]] = set()

    def lost(self, group: Sequence[str], why: str) -> None:
        """A job of the group lost its worker."""
        self._lost[tuple(group)] += 1
        self._last[tuple(group)] = why

    def ended(self, group: Sequence[str]) -> None:
        """A job of the group came to an end, whatever its result."""
        self._ended.add(tuple(group))

    def given_up(self, group: Sequence[str]) -> str:
        """Why the jobs of a group are not tried any further, or ""."""
        for end in range(1, len(group) + 1):
            part = tuple(group[:end])
            if part not in self._ended and (count := self._lost[part]) >= self.most:
                return (
                    f"was not tried: it took its worker with it {count} times of {count} (the last {self._last[part]})"
                )
        return ""


__all__ = ["DEATHS", "Losses"]
