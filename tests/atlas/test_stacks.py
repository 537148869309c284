"""Stacks have one shortest plan, which the validator takes; each prompt holds thoughts that are true of its examples."""

import numpy as np
import pytest

from unseen.atlas.studies.adaptation import _stacks as stacks
from unseen.atlas.studies.adaptation import chain_of_thoughtlessness as study
from unseen.learners.language.base import Answer, Completion
from unseen.tasks.planning.domains import blocks_bound
from unseen.tasks.planning.strips import ground_of, shortest

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("blocks", [3, 4, 5])
def test_the_plan_is_as_short_as_the_shortest_and_leaves_no_step_out(blocks):
    for _ in range(5):
        stack = stacks.drawn(RNG, blocks)
        steps = stacks.steps_of(stack.plan())
        ground, start, goal = ground_of(stack.problem())
        assert len(steps) == len(shortest(ground, start, goal, blocks_bound(ground, stack.problem())))
        parts = stack.plan().split(", ")
        for i in range(len(parts)):
            assert not stack.solved_by(", ".join(parts[:i] + parts[i + 1 :]))


def test_stacks_by_the_alphabet_are_and_others_need_not_be():
    by = [stacks.drawn(RNG, 4, sorted_=True) for _ in range(20)]
    assert all(list(s.order) == sorted(s.order) for s in by)
    assert not all(list(s.order) == sorted(s.order) for s in (stacks.drawn(RNG, 4) for _ in range(20)))


def test_the_goal_of_a_drawn_stack_is_told_in_any_order():
    some = [stacks.drawn(RNG, 5, sorted_=True) for _ in range(20)]
    assert len({s.goals for s in some}) > 10
    for stack in some:
        pairs = stack.text().split("Goal: ")[1].rstrip(".").split(", ")
        assert sorted(pairs) == sorted(f"{a} is on {b}" for a, b in stack.goal)


def test_a_plan_that_can_not_be_read_solves_nothing():
    stack = stacks.Stack("ab", "ab")
    assert stack.solved_by("Pick up b, stack b on top of a.")
    for bad in ("", "lift b", "pick up b", "pick up b, stack b on a, and so on"):
        assert not stack.solved_by(bad)


class Planner:
    """Solves stacks up to a height; without thoughts it swaps the first two blocks."""

    def __init__(self, height):
        self.height = height

    def generate(self, prompts, settings):
        return [Answer((Completion(self.text(p)),)) for p in prompts]

    def text(self, prompt):
        parts = prompt.strip().split("\n\n")
        text, before = parts[-1], parts[:-1]
        pairs = [p.split(" is on ") for p in text.split("Goal: ")[1].split("\n")[0].rstrip(".").split(", ")]
        above = {below: block for block, below in pairs}
        order = [next(b for b in above if b not in above.values())]
        while order[-1] in above:
            order.append(above[order[-1]])
        told = any(text.split("\nPlan:")[0] in b for b in before)
        if not told and (
            text.endswith("Plan:") or len(order) > max(self.height, *(b.count("stack ") + 1 for b in before[1:]))
        ):
            order[:2] = order[1::-1]
        return "Plan: " + stacks.Stack(order, order).plan()


def test_the_study_finds_what_thoughts_bring_and_that_it_ends_with_the_height_shown(monkeypatch):
    monkeypatch.setattr(study, "subject", lambda name: Planner(study.LOW))
    found = study.measure.measure(100, quick=False)
    assert found["specific"] == found["decay"] == found["shown"] == 1
    assert found["told"] == found["general"] == 0
    monkeypatch.setattr(study, "subject", lambda name: Planner(9))
    assert study.measure.measure(100, quick=False)["decay"] == 0
