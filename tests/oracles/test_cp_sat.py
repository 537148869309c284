"""Schedules against OR-tools' CP-SAT where it is installed (extra ``oracles``)."""

from __future__ import annotations

import pytest

pytest.importorskip("ortools")

from ortools.sat.python import cp_model

from unseen import tasks
from unseen.tasks.draws import Draws
from unseen.tasks.scheduling.projects import LIMITS, _drawn
from unseen.tasks.scheduling.search import Project, bounds, shortest


def solved(project: Project, deadline: int | None = None) -> tuple[int, list[int]] | None:
    """A proven shortest schedule of CP-SAT, or None where it proves that there is none by the deadline."""
    model = cp_model.CpModel()
    last = deadline if deadline is not None else sum(project.hours) * 2 + 40
    starts = [model.new_int_var(0, max(last, 0), f"s{j}") for j in range(len(project.hours))]
    spans = [
        model.new_fixed_size_interval_var(s, h, f"i{j}")
        for j, (s, h) in enumerate(zip(starts, project.hours, strict=True))
    ]
    model.add_cumulative(spans, list(project.workers), project.staff)
    for a, b in project.before:
        model.add(starts[a] + project.hours[a] <= starts[b])
    for a, b in project.apart:
        model.add_no_overlap([spans[a], spans[b]])
    for j, hour in project.release:
        model.add(starts[j] >= hour)
    for low, high in project.closed:
        shut = model.new_fixed_size_interval_var(low, high - low, f"c{low}")
        for span in spans:
            model.add_no_overlap([span, shut])
    end = model.new_int_var(0, max(last, 0), "end")
    model.add_max_equality(end, [s + h for s, h in zip(starts, project.hours, strict=True)])
    model.minimize(end)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return None
    assert status == cp_model.OPTIMAL
    return solver.value(end), [solver.value(s) for s in starts]


def test_lengths_are_those_that_cp_sat_proves_optimal_and_its_schedules_keep_our_limits():
    d, checked = Draws("cp-sat"), 0
    for _ in range(150):
        project, _ = _drawn(d, d.between(2, 8), d.between(0, 10), LIMITS)
        ours, theirs = shortest(project), solved(project)
        if ours is None:
            continue
        assert theirs is not None
        length = max(s + h for s, h in zip(ours, project.hours, strict=True))
        assert theirs[0] == length
        assert project.keeps(theirs[1], length)
        assert max(bounds(project)) <= length
        checked += 1
    assert checked > 120


@pytest.mark.parametrize("proof", ["chain", "work", "search"])
def test_what_the_task_calls_infeasible_cp_sat_refutes_whatever_the_certificate(proof):
    task = tasks.load("project-schedule")
    for seed in range(15):
        e = task.draw(seed, jobs=(4, 6), proof=proof, slack=(-2, 1))
        deadline = e.factors["shortest"] + e.factors["slack"]
        found = solved(Project(**e.hidden), deadline)
        assert (found is not None) == (e.factors["feasible"] == "yes")
        if found is not None:
            said = "\n".join(f"{chr(65 + j)}: {s}" for j, s in enumerate(found[1]))
            assert task.verify(e, said) == 1.0
            assert found[0] == e.factors["shortest"]
