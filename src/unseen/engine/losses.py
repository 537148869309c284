"""Work that takes its worker with it every time is given up: each further try costs a process and tells nothing new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

# Workers that are lost in a row, and nothing else learnt, before the rest is left untried.
DEATHS = 3
# time: longer than its limit. memory: more than its share. left: sys.exit or KeyboardInterrupt. killed: signal 9, which is
# how a system out of memory ends a process. died: any other end of its process.
LostKind = Literal["time", "memory", "left", "killed", "died"]


@dataclass(frozen=True, slots=True)
class Lost:
    """A job without a result: its worker died, ran too long or held too much memory; or it left by ``sys.exit``.

    Attributes:
        why: What befell it, in words.
        kind: What befell it; of a job that was not tried, what befell the last of its group.
        tried: Whether it was begun at all.
    """

    why: str
    kind: LostKind
    tried: bool = True


class Losses:
    """Counts, by group of jobs, the workers that were lost before any job of the group came to an end.

    A group is a tuple of names; jobs of ``(learner, remedy)`` are given up with those of ``(learner,)`` too. Where one job of a
    group has ended, whatever its result, its others are tried to the last. A group without a name is never given up.

    Args:
        most: So many lost workers give a group up.

    >>> losses, killed = Losses(most=2), Lost("was killed", "killed")
    >>> losses.lost(("m",), killed), losses.lost(("m",), killed), losses.untried(("m", "weights")).why
    (None, None, 'was not tried: it took its worker with it 2 times of 2 (the last was killed)')
    >>> losses.ended(("n",)), losses.lost(("n",), killed), losses.lost(("n",), killed), losses.untried(("n",))
    (None, None, None, None)
    """

    def __init__(self, most: int = DEATHS) -> None:
        self.most = most
        self._lost: Counter[tuple[str, ...]] = Counter()
        self._last: dict[tuple[str, ...], Lost] = {}
        self._ended: set[tuple[str, ...]] = set()

    def lost(self, group: Sequence[str], why: Lost) -> None:
        """A job of the group lost its worker."""
        self._lost[tuple(group)] += 1
        self._last[tuple(group)] = why

    def ended(self, group: Sequence[str]) -> None:
        """A job of the group came to an end, whatever its result."""
        self._ended.add(tuple(group))

    def untried(self, group: Sequence[str]) -> Lost | None:
        """What is said of a job of the group that is not tried any further; None where it is to be tried."""
        for end in range(1, len(group) + 1):
            part = tuple(group[:end])
            if part not in self._ended and (count := self._lost[part]) >= self.most:
                last = self._last[part]
                words = f"was not tried: it took its worker with it {count} times of {count} (the last {last.why})"
                return replace(last, why=words, tried=False)
        return None


__all__ = ["DEATHS", "Losses", "Lost", "LostKind"]
