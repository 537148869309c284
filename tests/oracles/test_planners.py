"""Plans against Fast Downward, by way of unified-planning, where both are installed (extra ``oracles``)."""

from __future__ import annotations

import pytest

up = pytest.importorskip("unified_planning")
pytest.importorskip("up_fast_downward")

from unified_planning.engines import PlanGenerationResultStatus  # noqa: E402
from unified_planning.engines.results import ValidationResultStatus  # noqa: E402
from unified_planning.io import PDDLReader  # noqa: E402
from unified_planning.shortcuts import OneshotPlanner, PlanValidator, get_environment  # noqa: E402

from unseen import tasks  # noqa: E402
from unseen.tasks.planning.speech import WORDINGS  # noqa: E402

get_environment().credits_stream = None
NAMES = ("blocksworld", "ferry", "logistics", "keys-and-doors")


def theirs(domain: str, problem: str, optimal: bool):
    """Their reading of our files, and a plan of theirs as our text."""
    read = PDDLReader().parse_problem_string(domain, problem)
    name = "fast-downward-opt" if optimal else "fast-downward"
    with OneshotPlanner(name=name) as planner:
        found = planner.solve(read)
    ends = (PlanGenerationResultStatus.SOLVED_OPTIMALLY, PlanGenerationResultStatus.SOLVED_SATISFICING)
    assert found.status in ends
    lines = [f"({' '.join([a.action.name, *map(str, a.actual_parameters)])})" for a in found.plan.actions]
    return read, found.plan, lines


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(6))
def test_no_optimal_plan_of_fast_downward_is_shorter_than_ours_and_each_side_takes_the_plan_of_the_other(name, seed):
    task = tasks.load(name, ask="optimal")
    e = task.draw(seed, wording=WORDINGS[seed % 3], language="pddl")
    read, plan, lines = theirs(*task.pddl(e), optimal=True)
    assert len(lines) == e.factors["steps"]
    assert task.verify(e, lines) == 1.0
    with PlanValidator(problem_kind=read.kind) as validator:
        ours = up.io.PDDLReader().parse_plan_string(read, str(e.target))
        for one, valid in ((plan, True), (ours, True), (shortened(ours), False)):
            status = validator.validate(read, one).status
            assert (status == ValidationResultStatus.VALID) == valid


def shortened(plan):
    from unified_planning.plans import SequentialPlan

    return SequentialPlan(plan.actions[:-1])


@pytest.mark.parametrize("name", NAMES)
def test_plans_that_are_not_the_shortest_are_taken_as_valid(name):
    task, short = tasks.load(name), tasks.load(name, ask="optimal")
    longer = 0
    for seed in range(4):
        e = task.draw(seed, objects=task.limits["objects"][1] * 2 // 3, wording="plain", language="pddl")
        _, _, lines = theirs(*task.pddl(e), optimal=False)
        assert task.verify(e, lines) == 1.0
        longer += len(lines) > e.factors["steps"]
        assert short.verify(e, lines) == float(len(lines) == e.factors["steps"])
    assert longer or name == "keys-and-doors"
