"""Progress over all waves of remedies: one count, and one word on how long the whole takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from unseen.improving.attempts import Candidate
from unseen.improving.design import Design
from unseen.remedies import remedy_named


class Told:
    """Hands on what ``run_jobs`` tells of each batch as parts of the whole.

    The total is what may come at most: it falls where remedies are dropped.

    Args:
        done: Called with (name, finished, total); where it has a method ``expect``, that is told once.
        made: What is fitted.
        waves: Candidates in the order in which they are tried.
    """

    def __init__(
        self, done: Callable[[str, int, int], None], made: Design, waves: Sequence[Sequence[Candidate]]
    ) -> None:
        self._done, self._made = done, made
        self._waves = [list(wave) for wave in waves]
        self._finished, self._batch, self._expected = 0, 0, False
        self._later = sum(self._jobs(wave) for wave in self._waves) * len(made.fittings)

    def begin(self, candidates: Sequence[Candidate], only: Collection[str] | None) -> None:
        """The next batch begins.

        Args:
            candidates: That it tries.
            only: Names of the fittings in which it tries them; all by default.
        """
        self._finished, self._batch = self._finished + self._batch, 0
        count = sum(only is None or f.name in only for f in self._made.fittings)
        self._later -= self._jobs(list(candidates)) * count

    def __call__(self, name: str, finished: int, total: int, /) -> None:
        """A job of the batch is finished."""
        self._batch = finished
        self._done(name, self._finished + finished, self._finished + total + self._later)

    def expect(self, open_: int, each: float, workers: int) -> None:
        """Say how long the whole takes at most, the first time that a batch says it of itself.

        Args:
            open_: Jobs of the batch.
            each: Seconds of one fit.
            workers: Processes.
        """
        tell = getattr(self._done, "expect", None)
        if self._expected or tell is None:
            return
        self._expected = True
        several = sum(remedy_named(c.remedy).fits - 1 for wave in self._waves for c in wave if not _wraps(c))
        tell(open_ + self._later + several * len(self._made.fittings), each, workers)

    def _jobs(self, wave: list[Candidate]) -> int:
        """Most jobs of one fitting: what wraps the unchanged learner is one with it, and it comes with the first wave."""
        shared = any(_wraps(c) for c in wave) or wave == self._waves[0]
        return sum(not _wraps(c) for c in wave) + shared


def _wraps(candidate: Candidate) -> bool:
    return remedy_named(candidate.remedy).wrap is not None
