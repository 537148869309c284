"""Small worlds keep the rules of their domains, distances are those of looking at all states, and plans are judged by executing."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.atlas.studies.tasks import _small_worlds as w  # noqa: E402
from unseen.atlas.studies.tasks import o1_planning as study  # noqa: E402
from unseen.atlas.studies.tasks._small_planners import Plans, fitted, planned  # noqa: E402

WORLDS = w.worlds()
TYRE, TERMES, FLOOR, BARMAN = (WORLDS[n] for n in ("tyreworld", "termes", "floortile", "barman"))


def run(world, plan, state=None):
    """The state after a plan."""
    state = world.start if state is None else state
    for action in plan:
        state = dict(world.acts(state))[action]
    return state


def test_a_wheel_is_changed_as_in_tyreworld():
    plan = [
        "open", "fetch wrench", "fetch jack", "fetch pump", "fetch new", "loosen", "jack-up", "undo", "remove old", "put-on new",
        "do-up", "jack-down", "tighten", "inflate", "put-away wrench", "put-away jack", "put-away pump", "put-away old", "close",
    ]  # fmt: skip
    assert run(TYRE, plan) == (0, w.BOOT, w.BOOT, w.BOOT, w.BOOT, w.HUB, w.TIGHT, 1)
    # As many actions as a search over all states needs.
    number = {tuple(s): i for i, s in enumerate(TYRE.states.tolist())}
    goal = number[(0, w.BOOT, w.BOOT, w.BOOT, w.BOOT, w.HUB, w.TIGHT, 1)]
    assert TYRE.distances(np.array([goal]))[0, 0] == len(plan)
    assert "undo" not in dict(TYRE.acts(run(TYRE, plan[:6])))
    assert "loosen" not in dict(TYRE.acts(TYRE.start))


def test_a_cocktail_is_made_as_in_barman():
    plan = [
        "grasp 0 1",
        "fill 1 1",
        "pour-in 1",
        "clean 1",
        "fill 1 2",
        "pour-in 1",
        "leave 0",
        "grasp 0 4",
        "shake",
        "pour-out 2",
    ]
    assert run(BARMAN, plan) == (4, 0, w.USED, w.COCKTAIL, w.CLEAN, w.COCKTAIL)
    both = run(BARMAN, ["grasp 0 1", "grasp 1 2"])
    assert not any(a.startswith(("fill", "grasp")) for a in dict(BARMAN.acts(both)))


def test_towers_are_built_beside_the_robot_at_its_own_height():
    built = run(TERMES, ["create", "place 0"])
    assert built[2] == 1
    assert "up 0" in dict(TERMES.acts(built))
    assert "move 0" not in dict(TERMES.acts(built))
    holding = run(TERMES, ["create"], built)
    # The next block on that tower is put down from its height.
    assert "place 0" not in dict(TERMES.acts(holding))
    assert "place 3" not in dict(TERMES.acts(run(TERMES, ["move 4"], holding)))
    assert run(TERMES, ["up 0", "down 1"], built)[0] == 1
    assert run(TERMES, ["remove 0", "destroy"], built) == TERMES.start


def test_tiles_are_painted_above_and_below_and_not_walked_on():
    assert dict(FLOOR.acts(FLOOR.start)).keys() == {"move 1", "move 3", "paint 3", "change"}
    painted = run(FLOOR, ["change", "paint 3"])
    assert painted[5] == 2
    assert "move 3" not in dict(FLOOR.acts(painted))
    assert {a for a in dict(WORLDS["floortile-free"].acts(FLOOR.start)) if a.startswith("paint")} == {
        f"paint {i}" for i in range(1, 6)
    }


@pytest.mark.parametrize("name", ["tyreworld", "floortile"])
def test_distances_are_those_of_looking_at_all_states(name):
    world = WORLDS[name]
    number = {tuple(s): i for i, s in enumerate(world.states.tolist())}
    goals = np.array([5, 77])
    far = world.distances(goals)
    for start in (0, 33, 200):
        seen, queue = {start: 0}, deque([start])
        while queue:
            here = queue.popleft()
            for _, then in world.acts(tuple(world.states[here].tolist())):
                if number[then] not in seen:
                    seen[number[then]] = seen[here] + 1
                    queue.append(number[then])
        assert [far[i, start] for i in range(2)] == [seen.get(int(g), np.inf) for g in goals]


def test_problems_have_the_length_that_they_tell_and_walks_are_shortest():
    rng = np.random.default_rng(0)
    asked, far = w.problems(FLOOR, rng.choice(len(FLOOR.states), 40, replace=False), range(2, 9), 2, rng)
    assert set(asked.length) == set(range(2, 9))
    assert (far[np.arange(len(asked.start)), asked.start] == asked.length).all()
    states, goals, actions, after = w.walked(FLOOR, asked, far, rng)
    assert len(states) == asked.length.sum()
    assert (FLOOR.after[states, actions] == after).all()
    for s, g, t in list(zip(states, goals, after, strict=True))[::50]:
        row = FLOOR.distances(np.array([g]))[0]
        assert row[t] == row[s] - 1


def test_plans_are_judged_by_what_truly_holds():
    rng = np.random.default_rng(0)
    asked, far = w.problems(TYRE, np.arange(60), range(2, 5), 3, rng)
    net = fitted(TYRE, w.walked(TYRE, asked, far, rng), 150, rng)
    plans = planned(net, TYRE, asked)
    told = planned(net, TYRE, asked, told=True)
    assert told.feasible.mean() > 0.5
    assert not (plans.feasible & plans.broken).any()
    assert (plans.length[plans.feasible] >= asked.length[plans.feasible]).all()
    # Told what holds, a network stops only at the goal, at an action that can't be taken, or at the last.
    assert (told.feasible | told.broken | (told.length == 16)).all()


def test_lengths_count_alike():
    asked = w.Problems(np.zeros(5), np.zeros(5), np.array([2, 2, 2, 2, 3]))
    plans = Plans(np.array([True, True, True, True, False]), np.zeros(5, dtype=bool), np.ones(5))
    assert study.feasible(plans, asked, range(2, 5)) == 0.5


def test_without_space_a_robot_reaches_every_cell_whatever_the_heights():
    free = WORLDS["termes-free"]
    high = run(free, ["create", "place 0", "create", "place 0"])
    assert high[2] == w.HIGHEST
    assert {a for a in dict(free.acts(high)) if a.startswith(("move", "up", "down"))} == {
        f"move {i}" for i in (0, 1, 2, 4, 5)
    }
    assert "remove 0" in dict(free.acts(high))
    assert "place 0" not in dict(free.acts(run(free, ["create"], high)))
