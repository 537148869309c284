"""Planning: plans are shortest, the validator and the search agree, and published figures come out."""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from itertools import pairwise

import pytest

from unseen import tasks
from unseen.tasks.draws import Draws
from unseen.tasks.planning import domains
from unseen.tasks.planning.domains import BLOCKSWORLD, block_states, towers
from unseen.tasks.planning.speech import LANGUAGES, WORDINGS, plan_text, symbols
from unseen.tasks.planning.strips import (
    Action,
    Domain,
    Problem,
    breadth_first,
    execute,
    ground_of,
    reachable,
    shortest,
    solves,
)

NAMES = ("blocksworld", "ferry", "logistics", "keys-and-doors")
SMALL = {"blocksworld": (2, 5), "ferry": (3, 7), "logistics": (8, 11), "keys-and-doors": (4, 16)}


def blocks(init: str, goal: str) -> Problem:
    """Towers from the bottom up: "ab c" is b on a, and c."""

    def stands(text: str) -> set[tuple[str, ...]]:
        on = {("on", high, low) for tower in text.split() for low, high in pairwise(tower)}
        return on | {("ontable", tower[0]) for tower in text.split()}

    first = stands(init) | {("clear", tower[-1]) for tower in init.split()} | {("handempty",)}
    names = tuple(sorted(init.replace(" ", "")))
    return Problem(BLOCKSWORLD, (("block", names),), frozenset(first), tuple(sorted(stands(goal))))


@pytest.mark.parametrize(("n", "states", "with_hand"), [(1, 1, 2), (2, 3, 5), (3, 13, 22), (4, 73, 125), (5, 501, 866)])
def test_blocksworld_has_the_published_number_of_states(n, states, with_hand):
    names = "abcde"[:n]
    ground, start, _ = ground_of(blocks(" ".join(names), names))
    found = reachable(ground, start)
    assert len(found) == with_hand
    assert sum(state & ground.bit(("handempty",)) > 0 for state in found) == states == block_states(n, 0)


def test_first_states_are_drawn_uniformly():
    d = Draws("towers")
    counts = Counter(frozenset(towers(d, ["a", "b", "c"])) for _ in range(13 * 200))
    assert len(counts) == 13
    # 12 degrees of freedom: 1e-5 lies beyond 46
    assert sum((c - 200) ** 2 / 200 for c in counts.values()) < 46


@pytest.mark.parametrize(
    ("init", "goal", "steps"),
    [
        ("ac b", "cba", 6),  # the Sussman anomaly
        ("a b c d", "abcd", 6),  # competition of 2000, 4-0
        ("dacb", "bacd", 10),  # 4-1
        ("a bc d", "dcba", 6),  # 4-2
    ],
)
def test_published_blocksworld_problems_have_their_published_optimum(init, goal, steps):
    problem = blocks(init, goal)
    ground, start, end = ground_of(problem)
    plan = shortest(ground, start, end, domains.blocks_bound(ground, problem))
    assert plan is not None
    assert len(plan) == len(breadth_first(ground, start, end)) == steps
    assert solves(problem, plan)


GRIPPER = Domain(
    "gripper",
    (("robot", ("room",)), ("at", ("ball", "room")), ("free", ("hand",)), ("holds", ("ball", "hand"))),
    (
        Action("move", (("?a", "room"), ("?b", "room")), (("robot", "?a"),), (("robot", "?b"),), (("robot", "?a"),), ("?a", "?b")),
        Action("pick", (("?b", "ball"), ("?r", "room"), ("?h", "hand")), (("at", "?b", "?r"), ("robot", "?r"), ("free", "?h")),
               (("holds", "?b", "?h"),), (("at", "?b", "?r"), ("free", "?h"))),
        Action("drop", (("?b", "ball"), ("?r", "room"), ("?h", "hand")), (("holds", "?b", "?h"), ("robot", "?r")),
               (("at", "?b", "?r"), ("free", "?h")), (("holds", "?b", "?h"),)),
    ),
)  # fmt: skip


@pytest.mark.parametrize(("balls", "steps"), [(2, 5), (4, 11), (6, 17)])
def test_the_search_finds_the_known_optimum_of_gripper(balls, steps):
    names = tuple(f"b{i}" for i in range(balls))
    objects = (("room", ("x", "y")), ("hand", ("l", "r")), ("ball", names))
    init = {("robot", "x"), ("free", "l"), ("free", "r"), *(("at", b, "x") for b in names)}
    problem = Problem(GRIPPER, objects, frozenset(init), tuple(("at", b, "y") for b in names))
    ground, start, goal = ground_of(problem)
    assert len(shortest(ground, start, goal, lambda _: 0)) == len(breadth_first(ground, start, goal)) == steps


def distances(ground, start, goal):
    """Steps to the goal from every reachable state, by walking backwards from all goal states."""
    before = defaultdict(set)
    states = reachable(ground, start)
    for state in states:
        for _, need, add, keep in ground.actions:
            if state & need == need:
                before[state & keep | add].add(state)
    far = {state: 0 for state in states if state & goal == goal}
    queue = deque(far)
    while queue:
        state = queue.popleft()
        for earlier in before[state]:
            if earlier not in far:
                far[earlier] = far[state] + 1
                queue.append(earlier)
    return far


@pytest.mark.parametrize("name", NAMES)
def test_lower_bounds_never_exceed_the_distance_from_any_state(name):
    task = tasks.load(name)
    checked = 0
    for seed in range(12):
        problem = task.problem(task.draw(seed, objects=(SMALL[name][0], SMALL[name][1] - 1)))
        ground, start, goal = ground_of(problem)
        bound = type(task).bound(ground, problem)
        for state, steps in distances(ground, start, goal).items():
            assert bound(state) <= steps
            checked += 1
    assert checked > 100


@pytest.mark.parametrize("name", NAMES)
def test_plans_are_as_short_as_a_search_of_all_states_finds(name):
    task = tasks.load(name)
    for seed in range(150):
        e = task.draw(seed, objects=SMALL[name])
        assert task.oracle(e) == e.target
        assert e.factors["steps"] == len(str(e.target).split("\n"))
        assert task.verify(e, e.target) == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_validator_and_search_agree_on_random_walks(name):
    """Sets of atoms and integers are two implementations of one meaning."""
    task, d, taken = tasks.load(name), Draws(name), 0
    for seed in range(15):
        problem = task.problem(task.draw(seed))
        ground, state, _ = ground_of(problem)
        walk = []
        for _ in range(60):
            step, need, add, keep = d.choice(ground.actions)
            if state & need != need:
                assert execute(problem, [*walk, step]) is None
                continue
            walk.append(step)
            state, taken = state & keep | add, taken + 1
            holds = execute(problem, walk)
            assert holds is not None
            assert ground.state(a for a in holds if a[0] not in problem.domain.static) == state
    assert taken > 20


@pytest.mark.parametrize("name", NAMES)
def test_one_seed_is_one_problem_in_every_wording_and_language(name):
    task = tasks.load(name)
    for seed in range(10):
        drawn = [task.draw(seed, wording=w, language=x) for w in WORDINGS for x in LANGUAGES]
        assert len({e.input for e in drawn}) == 6
        assert len({(e.factors["steps"], e.factors["objects"], str(e.hidden["init"])) for e in drawn}) == 1
        for e in drawn:
            words, objects = symbols(task.problem(e))
            shown = [e.hidden["names"].get(w, w) for w in (*words, *objects)]
            assert len(set(shown)) == len(words) + len(objects)
            if e.factors["wording"] != "plain":
                assert not set(words) & set(re.findall(r"[\w-]+", str(e.target)))


def read(text: str):
    """S-expressions of a PDDL text."""
    stack = [[]]
    for token in re.findall(r"[()]|[^\s()]+", text):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    assert len(stack) == 1
    return stack[0]


def typed(items):
    kinds, waiting = {}, []
    for item, after in zip(items, [*items[1:], ""], strict=True):
        if item == "-":
            kinds |= dict.fromkeys(waiting, after)
            waiting = []
        elif not kinds or item != list(kinds.values())[-1] or waiting:
            waiting.append(item)
    return kinds


@pytest.mark.parametrize("name", NAMES)
def test_the_pddl_that_is_shown_alone_accepts_the_target_and_no_prefix(name):
    """A reader of PDDL that knows nothing of our domains executes the plan by the text."""
    for seed in range(20):
        e = tasks.load(name).draw(seed, language="pddl")
        domain, problem = read(str(e.input).rsplit("\n", 1)[0])
        actions = {part[1]: part for part in domain if part[0] == ":action"}
        parts = {part[0]: part[1:] for part in problem if isinstance(part, list)}
        objects, goal = typed(parts[":objects"]), {tuple(a) for a in parts[":goal"][0][1:]}
        state = {tuple(a) for a in parts[":init"]}
        for step in str(e.target).split("\n"):
            assert not goal <= state
            ((head, *values),) = read(step)
            _, _, _, parameters, _, needs, _, effects = actions[head]
            variables = [v for v in parameters if v.startswith("?")]
            binding = dict(zip(variables, values, strict=True))
            assert [objects[v] for v in values] == [typed(parameters)[v] for v in variables]
            for need in needs[1:]:
                if need[0] == "not":
                    assert binding[need[1][1]] != binding[need[1][2]]
                else:
                    assert (need[0], *(binding[v] for v in need[1:])) in state
            gone = [a[1] for a in effects[1:] if a[0] == "not"]
            state -= {(a[0], *(binding[v] for v in a[1:])) for a in gone}
            state |= {(a[0], *(binding[v] for v in a[1:])) for a in effects[1:] if a[0] != "not"}
        assert goal <= state


def test_cells_of_the_grid_are_next_to_each_other_as_the_text_says():
    task = tasks.load("keys-and-doors")
    for seed in range(40):
        problem = task.problem(task.draw(seed))
        cells = dict(problem.objects)["cell"]
        near = {(a[1], a[2]) for a in problem.init if a[0] == "next-to"}
        assert near == {
            (a, b) for a in cells for b in cells if abs(int(a[1]) - int(b[1])) + abs(int(a[3]) - int(b[3])) == 1
        }
        assert {a[1] for a in problem.init if a[0] in ("open", "locked")} == set(cells)


def test_some_grids_need_a_key():
    task = tasks.load("keys-and-doors")
    locked = sum("unlock" in str(task.draw(s, wording="plain").target) for s in range(200))
    assert locked > 10


PLAN = ["unstack the red block from on top of the blue block", "put down the red block"]


def example():
    """Two blocks, red on blue, to be put side by side."""
    task = tasks.load("blocksworld")
    for seed in range(2000):
        e = task.draw(seed, objects=2, steps=2, wording="plain", language="english")
        if str(e.target) == "\n".join(PLAN):
            return task, e
    raise AssertionError("no such item")


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("\n".join(PLAN), 1.0),
        (f"1. {PLAN[0].upper()}.\n\n2) {PLAN[1]}.\n", 1.0),
        (f"```\n- {PLAN[0]}\n- {PLAN[1]}\n```", 1.0),
        ("(unstack red blue)\n( put-down  red ) ; done", 1.0),
        ("step 1: unstack red blue\nstep 2: put-down red", 1.0),
        ("\n".join([*PLAN, "pick up the red block", "put down the red block"]), 1.0),
        (PLAN[0], 0.0),
        ("\n".join(reversed(PLAN)), 0.0),
        ("\n".join([PLAN[0], *PLAN]), 0.0),
        (f"Here is the plan:\n{PLAN[0]}\n{PLAN[1]}", 0.0),
        (f"{PLAN[0]}, {PLAN[1]}", 0.0),
        ("(unstack blue red)\n(put-down blue)", 0.0),
        ("(unstack red)\n(put-down red)", 0.0),
        ("(unstack red blue)\n(put-down green)", 0.0),
        ("(unstack red blue)\n(put-down red) (pick-up blue)", 0.0),
        ("(unstack red blue)\n(holding red)", 0.0),
        ("unstack the red block from on top of the blue blocks\nput down the red block", 0.0),
        ("", 0.0),
    ],
)  # fmt: skip
def test_how_an_answer_is_read(answer, score):
    task, e = example()
    assert task.verify(e, answer) == score


def test_optimal_plans_can_be_asked_for():
    _, e = example()
    longer = "\n".join([*PLAN, "pick up the red block", "put down the red block"])
    task = tasks.load("blocksworld", ask="optimal")
    assert task.verify(e, longer) == 0.0
    assert task.verify(e, e.target) == 1.0


def test_a_right_plan_in_one_wording_is_no_plan_in_another():
    task = tasks.load("ferry")
    for seed in range(20):
        plain, mystery = (task.draw(seed, wording=w, language="pddl") for w in ("plain", "mystery"))
        assert task.verify(mystery, plain.target) == 0.0
        plan = [tuple(line.strip("()").split()) for line in str(plain.target).split("\n")]
        assert plan_text(plan, task._names(mystery), "pddl").count("\n") == len(plan) - 1
