"""Schedules: lengths are shortest, limits are kept hour by hour, and almost-right schedules are told."""

from __future__ import annotations

from itertools import product

import pytest

from unseen import tasks
from unseen.tasks.draws import Draws
from unseen.tasks.scheduling.projects import LIMITS, _drawn
from unseen.tasks.scheduling.search import Project, bounds, shortest


def length(project: Project) -> int:
    found = shortest(project)
    assert found is not None
    end = max(s + h for s, h in zip(found, project.hours, strict=True))
    assert project.keeps(found, end)
    return end


def plain(project: Project, starts) -> bool:
    """The limits by comparing spans, without walking over hours."""
    spans = [(s, s + h) for s, h in zip(starts, project.hours, strict=True)]

    def meet(a, b):
        return a[0] < b[1] and b[0] < a[1]

    return (
        all(spans[a][1] <= spans[b][0] for a, b in project.before)
        and not any(meet(spans[a], spans[b]) for a, b in project.apart)
        and all(starts[j] >= hour for j, hour in project.release)
        and not any(meet(span, closed) for span in spans for closed in project.closed)
        # Use of workers rises only where a job starts.
        and all(
            sum(w for w, (s, e) in zip(project.workers, spans, strict=True) if s <= at < e) <= project.staff
            for at in starts
        )
    )


def test_the_search_finds_the_length_that_trying_all_starting_hours_finds():
    d = Draws("projects")
    checked = 0
    for _ in range(120):
        project, kinds = _drawn(d, d.between(1 + 1, 4), d.between(0, 5), LIMITS)
        end = length(project)
        windows = [range(end - h + 1) for h in project.hours]
        if len(kinds) < 1 or end > 14:
            continue
        fits = [
            max(s + h for s, h in zip(starts, project.hours, strict=True))
            for starts in product(*windows)
            if plain(project, starts)
        ]
        assert min(fits) == end
        assert max(bounds(project)) <= end
        checked += 1
    assert checked > 60


def test_two_ways_to_check_a_schedule_agree():
    d = Draws("two ways")
    outcomes = set()
    for _ in range(1500):
        project, _ = _drawn(d, 3, d.between(0, 3), LIMITS)
        starts = [d.below(9) for _ in range(3)]
        kept = project.keeps(starts, 14)
        assert kept == plain(project, starts)
        outcomes.add(kept)
    assert outcomes == {True, False}


@pytest.mark.parametrize(
    ("project", "hours"),
    [
        # Graham (1969): the longest job first needs 7 hours, the best order 6.
        (Project((3, 3, 2, 2, 2), (1, 1, 1, 1, 1), 2), 6),
        (Project((4, 2, 3), (1, 1, 1), 1), 9),
        (Project((4, 2, 3), (1, 1, 1), 3), 4),
        (Project((4, 2, 3), (1, 1, 1), 3, before=((0, 1), (1, 2))), 9),
        (Project((2, 2), (1, 1), 2, apart=((0, 1),)), 4),
        (Project((2, 1), (1, 1), 2, release=((1, 5),)), 6),
        (Project((2,), (1,), 1, closed=((1, 2),)), 4),
        (Project((2, 1), (1, 1), 1, closed=((1, 2),)), 4),
    ],
)
def test_lengths_known_by_hand(project, hours):
    assert length(project) == hours


def test_an_infeasible_deadline_has_no_schedule_and_a_feasible_one_has():
    task = tasks.load("project-schedule")
    for seed in range(25):
        e = task.draw(seed, jobs=(2, 3), slack=(-1, 1))
        project, deadline = Project(**e.hidden), e.factors["shortest"] + e.factors["slack"]
        windows = [range(max(0, deadline - h + 1)) for h in project.hours]
        exists = any(plain(project, starts) for starts in product(*windows))
        assert exists == (e.factors["feasible"] == "yes") == (e.target != "infeasible")
        assert f"done by hour {deadline}." in e.input
        assert task.oracle(e) in (None, e.target)


TASK = tasks.load("project-schedule")


def example(**wanted):
    return next(e for e in (TASK.draw(s, jobs=3, slack=0, feasible="yes", **wanted) for s in range(50)))


def test_how_an_answer_is_read():
    e = example()
    lines = str(e.target).split("\n")
    assert TASK.verify(e, "\n\n".join(reversed(lines)).lower()) == 1.0
    assert TASK.verify(e, "\n".join(f"Job {line.replace(': ', ' = ')}." for line in lines)) == 1.0
    late = [f"{line.split(': ')[0]}: {int(line.split(': ')[1]) + 1}" for line in lines]
    for wrong in (
        lines[:2],
        [*lines, lines[0]],
        [*lines, "D: 0"],
        ["Schedule:", *lines],
        late,
        "infeasible",
        "A: -1\nB: 0\nC: 0",
        "A: 0.5",
    ):
        assert TASK.verify(e, wrong) == 0.0
    none = TASK.draw(0, feasible="no")
    assert [TASK.verify(none, a) for a in ("Infeasible.", "infeasible", "not infeasible", "", e.target)] == [
        1.0,
        1.0,
        0.0,
        0.0,
        0.0,
    ]


def test_any_schedule_that_keeps_the_limits_is_right():
    e = TASK.draw(3, jobs=3, slack=2, feasible="yes")
    project, deadline = Project(**e.hidden), e.factors["shortest"] + 2
    right = 0
    for starts in product(range(deadline), repeat=3):
        fits = plain(project, starts) and max(s + h for s, h in zip(starts, project.hours, strict=True)) <= deadline
        assert TASK.verify(e, [f"{n}: {s}" for n, s in zip("ABC", starts, strict=True)]) == float(fits)
        right += fits
    assert right > 1


@pytest.mark.parametrize(
    ("project", "starts", "deadline", "kinds"),
    [
        (Project((2, 2), (1, 1), 2), [0, 0], 2, []),
        (Project((2, 2), (1, 1), 2), [0, 1], 2, ["deadline"]),
        (Project((2, 2), (1, 1), 2), [-1, 0], 2, ["deadline"]),
        (Project((2, 2), (1, 2), 2), [0, 1], 9, ["staff"]),
        (Project((2, 2), (1, 1), 2, before=((0, 1),)), [0, 1], 9, ["before"]),
        (Project((2, 2), (1, 1), 2, apart=((0, 1),)), [0, 1], 9, ["apart"]),
        (Project((2, 2), (1, 1), 2, apart=((0, 1),)), [0, 2], 9, []),
        (Project((2, 2), (1, 1), 2, release=((1, 3),)), [0, 2], 9, ["release"]),
        (Project((2, 2), (1, 1), 2, closed=((3, 4),)), [0, 2], 9, ["closed"]),
        (Project((2, 2), (1, 1), 2, closed=((2, 4),)), [0, 4], 9, []),
    ],
)
def test_broken_limits_are_named(project, starts, deadline, kinds):
    assert project.broken(starts, deadline) == kinds


def test_no_order_follows_from_the_others():
    for seed in range(60):
        before = TASK.draw(seed, jobs=(5, 7), limits=6, kinds="before").hidden["before"]
        for pair in before:
            rest, reached = [p for p in before if p != pair], {pair[0]}
            for _ in before:
                reached |= {b for a, b in rest if a in reached}
            assert pair[1] not in reached
