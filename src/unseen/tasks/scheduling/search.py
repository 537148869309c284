"""Jobs that share workers: whether a schedule keeps all limits, and the shortest one by a complete search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Project:
    """Jobs, numbered from 0, and what limits them; hours are counted from 0.

    Attributes:
        hours: Duration of each job.
        workers: Workers that each job needs while it runs.
        staff: Workers there are.
        before: Pairs of jobs of which the first has to end before the second starts.
        apart: Pairs of jobs that must not run at the same time.
        release: Earliest start of a job, for those that have one.
        closed: Spans of hours in which nothing runs, each from an hour up to, not including, another.
    """

    hours: tuple[int, ...]
    workers: tuple[int, ...]
    staff: int
    before: tuple[Pair, ...] = ()
    apart: tuple[Pair, ...] = ()
    release: tuple[Pair, ...] = ()
    closed: tuple[Pair, ...] = ()

    def broken(self, starts: Sequence[int], deadline: int) -> list[str]:
        """Kinds of limits that starting hours break: deadline, before, apart, release, closed and staff, looked at hour by hour.

        >>> Project((2, 1), (1, 2), 2, before=((0, 1),)).broken([0, 1], 3)
        ['before', 'staff']
        """
        ends = [s + h for s, h in zip(starts, self.hours, strict=True)]
        wrong = {
            "deadline": min(starts) < 0 or max(ends) > deadline,
            "before": any(ends[a] > starts[b] for a, b in self.before),
            "apart": False,
            "release": any(starts[j] < hour for j, hour in self.release),
            "closed": False,
            "staff": False,
        }
        # A job that starts far too late is told by the deadline; the hours beyond need no look.
        for hour in range(min(max(ends), deadline)):
            running = {j for j, (s, e) in enumerate(zip(starts, ends, strict=True)) if s <= hour < e}
            wrong["apart"] |= any(a in running and b in running for a, b in self.apart)
            wrong["closed"] |= bool(running) and any(low <= hour < high for low, high in self.closed)
            wrong["staff"] |= sum(self.workers[j] for j in running) > self.staff
        return [kind for kind, is_wrong in wrong.items() if is_wrong]

    def keeps(self, starts: Sequence[int], deadline: int) -> bool:
        """Whether starting hours keep every limit and the deadline."""
        return not self.broken(starts, deadline)


def tails(project: Project) -> list[int]:
    """Hours from the start of each job to the end of all that waits for it."""
    after: Mapping[int, list[int]] = {j: [b for a, b in project.before if a == j] for j in range(len(project.hours))}
    known: dict[int, int] = {}

    def tail(j: int) -> int:
        if j not in known:
            known[j] = project.hours[j] + max((tail(k) for k in after[j]), default=0)
        return known[j]

    return [tail(j) for j in range(len(project.hours))]


def bounds(project: Project) -> tuple[int, int]:
    """Two lengths that no schedule beats: of the longest chain of jobs, and of all work shared by all workers."""
    release = dict(project.release)
    chain = max(release.get(j, 0) + tail for j, tail in enumerate(tails(project)))
    work = sum(h * w for h, w in zip(project.hours, project.workers, strict=True))
    return chain, -(-work // project.staff)


def shortest(project: Project, cap: int = 5_000) -> list[int] | None:
    """Starting hours of a shortest schedule, or None where ``cap`` partial schedules do not settle it.

    Jobs are placed one after the other, each as early as it fits, in every order that precedence allows. This makes every
    active schedule, and one of these is shortest: the length is a regular measure. A branch ends where a job's start and its
    tail reach the best length so far; the search ends where the best meets a lower bound.

    Source: Kolisch (1996), Serial and parallel resource-constrained project scheduling methods revisited, section 2.
    """
    jobs = range(len(project.hours))
    tail, least, release = tails(project), max(bounds(project)), dict(project.release)
    before = [[a for a, b in project.before if b == j] for j in jobs]
    apart = [[a if b == j else b for a, b in project.apart if j in (a, b)] for j in jobs]
    horizon = sum(project.hours) + max(release.values(), default=0) + max((e for _, e in project.closed), default=0)
    horizon += max(project.hours) * len(project.closed)
    free = [0 if any(low <= h < high for low, high in project.closed) else project.staff for h in range(horizon + 1)]
    starts: dict[int, int] = {}
    best: list[int] = []
    best_end, seen, left = horizon + 1, set[frozenset[Pair]](), cap

    def earliest(j: int) -> int:
        hour = max([release.get(j, 0), *(starts[a] + project.hours[a] for a in before[j])])
        run = 0
        while run < project.hours[j]:
            at = hour + run
            if (
                at >= horizon
                or free[at] < project.workers[j]
                or any(a in starts and 0 <= at - starts[a] < project.hours[a] for a in apart[j])
            ):
                hour, run = at + 1, 0
                if hour > horizon:
                    break
            else:
                run += 1
        return hour

    def place(end: int) -> None:
        nonlocal best, best_end, left
        if len(starts) == len(jobs):
            best, best_end = [starts[j] for j in jobs], end
            return
        for j in sorted(
            (j for j in jobs if j not in starts and all(a in starts for a in before[j])), key=lambda j: -tail[j]
        ):
            if best_end <= least or left <= 0:
                return
            hour = earliest(j)
            if hour + tail[j] >= best_end:
                continue
            starts[j] = hour
            key = frozenset(starts.items())
            if key not in seen:
                seen.add(key)
                left -= 1
                for h in range(hour, hour + project.hours[j]):
                    free[h] -= project.workers[j]
                place(max(end, hour + project.hours[j]))
                for h in range(hour, hour + project.hours[j]):
                    free[h] += project.workers[j]
            del starts[j]

    place(0)
    return best if best and (left > 0 or best_end <= least) else None
