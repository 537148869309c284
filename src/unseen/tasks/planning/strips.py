"""Actions with preconditions and effects: grounding, shortest plans, and a validator that executes a plan."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

Atom = tuple[str, ...]
Objects = tuple[tuple[str, tuple[str, ...]], ...]
Heuristic = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Action:
    """A kind of action: parameters with their types, what must hold, what holds and what no longer holds afterwards."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    needs: tuple[Atom, ...]
    adds: tuple[Atom, ...]
    deletes: tuple[Atom, ...]
    differ: tuple[str, ...] = ()

    def bound(self, values: Sequence[str]) -> dict[str, str]:
        """Parameters with their objects."""
        return dict(zip((name for name, _ in self.parameters), values, strict=True))


@dataclass(frozen=True, slots=True)
class Domain:
    """Predicates with the types of their places, and kinds of actions.

    Attributes:
        name: Of the domain.
        predicates: Types of the places of each predicate.
        actions: Kinds of actions.
        static: Predicates that no action changes.
    """

    name: str
    predicates: tuple[tuple[str, tuple[str, ...]], ...]
    actions: tuple[Action, ...]
    static: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Problem:
    """Objects by type, what holds at first, and what shall hold."""

    domain: Domain
    objects: Objects
    init: frozenset[Atom]
    goal: tuple[Atom, ...]


def put(atom: Atom, binding: Mapping[str, str]) -> Atom:
    """An atom with its variables replaced."""
    return (atom[0], *(binding[v] for v in atom[1:]))


class Ground:
    """All actions of a problem's objects, with states as integers: one bit an atom that can change.

    Args:
        domain: The domain.
        objects: Names by type.
        static: Atoms that hold throughout; they thin out the actions.
    """

    def __init__(self, domain: Domain, objects: Objects, static: frozenset[Atom]) -> None:
        self.bits: dict[Atom, int] = {}
        self.actions: list[tuple[Atom, int, int, int]] = []
        by_type = dict(objects)
        for action in domain.actions:
            for values in product(*(by_type.get(kind, ()) for _, kind in action.parameters)):
                binding = action.bound(values)
                if action.differ and binding[action.differ[0]] == binding[action.differ[1]]:
                    continue
                needs = [put(a, binding) for a in action.needs]
                if any(a[0] in domain.static and a not in static for a in needs):
                    continue
                need = self.state(a for a in needs if a[0] not in domain.static)
                add, delete = (self.state(put(a, binding) for a in part) for part in (action.adds, action.deletes))
                self.actions.append(((action.name, *values), need, add, ~delete))

    def bit(self, atom: Atom) -> int:
        """The bit of an atom."""
        return self.bits.setdefault(atom, 1 << len(self.bits))

    def state(self, atoms: Iterable[Atom]) -> int:
        """The integer of a set of atoms."""
        state = 0
        for atom in atoms:
            state |= self.bit(atom)
        return state


@lru_cache(maxsize=64)
def grounded(domain: Domain, objects: Objects, static: frozenset[Atom]) -> Ground:
    """The ground actions; kept, since many items share their objects."""
    return Ground(domain, objects, static)


def ground_of(problem: Problem) -> tuple[Ground, int, int]:
    """Ground actions of a problem, its first state and its goal."""
    static = frozenset(a for a in problem.init if a[0] in problem.domain.static)
    ground = grounded(problem.domain, problem.objects, static)
    return ground, ground.state(problem.init - static), ground.state(problem.goal)


def shortest(ground: Ground, start: int, goal: int, bound: Heuristic, cap: int = 20_000) -> list[Atom] | None:
    """A shortest plan by A*, or None where there is none or ``cap`` states do not suffice.

    Args:
        ground: Ground actions.
        start: First state.
        goal: Atoms that shall hold.
        bound: Never more than the number of actions still needed. States are opened again where a shorter way turns
            up, so that it need not be consistent.
        cap: Largest number of states opened.

    Source: Hart, Nilsson & Raphael (1968).
    """
    best, came = {start: 0}, dict[int, tuple[int, Atom]]()
    heap, pushed = [(bound(start), 0, 0, start)], 0
    while heap and cap:
        _, minus, _, state = heapq.heappop(heap)
        if best[state] < -minus:
            continue
        if state & goal == goal:
            return _back(came, start, state)
        cap -= 1
        cost = 1 - minus
        for name, need, add, keep in ground.actions:
            if state & need == need:
                after = state & keep | add
                if cost < best.get(after, 1 << 30):
                    best[after], came[after] = cost, (state, name)
                    pushed += 1
                    heapq.heappush(heap, (cost + bound(after), -cost, pushed, after))
    return None


def breadth_first(ground: Ground, start: int, goal: int, cap: int = 200_000) -> list[Atom] | None:
    """A shortest plan by looking at all states in the order of their distance, or None."""
    came, queue = dict[int, tuple[int, Atom]](), deque([start])
    seen = {start}
    while queue and len(seen) <= cap:
        state = queue.popleft()
        if state & goal == goal:
            return _back(came, start, state)
        for name, need, add, keep in ground.actions:
            if state & need == need and (after := state & keep | add) not in seen:
                seen.add(after)
                came[after] = (state, name)
                queue.append(after)
    return None


def reachable(ground: Ground, start: int) -> set[int]:
    """All states that actions lead to."""
    seen, queue = {start}, deque([start])
    while queue:
        state = queue.popleft()
        for _, need, add, keep in ground.actions:
            if state & need == need and (after := state & keep | add) not in seen:
                seen.add(after)
                queue.append(after)
    return seen


def execute(problem: Problem, plan: Iterable[Sequence[str]]) -> frozenset[Atom] | None:
    """What holds after a plan, or None where a step is no action or its needs do not hold.

    It walks sets of atoms by the definition and shares nothing with the search.
    """
    kinds = {action.name: action for action in problem.domain.actions}
    by_type = dict(problem.objects)
    state = set(problem.init)
    for name, *values in plan:
        action = kinds.get(name)
        if action is None or len(values) != len(action.parameters):
            return None
        if any(v not in by_type.get(kind, ()) for v, (_, kind) in zip(values, action.parameters, strict=True)):
            return None
        binding = action.bound(values)
        if action.differ and binding[action.differ[0]] == binding[action.differ[1]]:
            return None
        if not state.issuperset(put(a, binding) for a in action.needs):
            return None
        state.difference_update(put(a, binding) for a in action.deletes)
        state.update(put(a, binding) for a in action.adds)
    return frozenset(state)


def solves(problem: Problem, plan: Iterable[Sequence[str]]) -> bool:
    """Whether each step can be taken and the goal holds at the end."""
    state = execute(problem, plan)
    return state is not None and state.issuperset(problem.goal)


def _back(came: Mapping[int, tuple[int, Atom]], start: int, state: int) -> list[Atom]:
    plan: list[Atom] = []
    while state != start:
        state, action = came[state]
        plan.append(action)
    return plan[::-1]
