"""Four small worlds after planning competitions, all their states, and problems whose shortest plans have a given length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

State = tuple[int, ...]
Act = tuple[str, State]
ROWS, COLUMNS, HIGHEST, DEPOT = 2, 3, 2, 3
TILES = ROWS * COLUMNS
BOOT, HELD, HUB = 0, 1, 2
TIGHT, LOOSE, OFF = 0, 1, 2
SHOTS, SHAKER = 3, 4
CLEAN, FIRST, SECOND, COCKTAIL, USED, BOTH = range(6)


def beside(a: int, b: int) -> bool:
    """Whether two cells of the grid share a side."""
    (y, x), (v, u) = divmod(a, COLUMNS), divmod(b, COLUMNS)
    return abs(y - v) + abs(x - u) == 1


def above_or_below(a: int, b: int) -> bool:
    """Whether one cell lies right above the other."""
    return abs(a - b) == COLUMNS


def changed(state: State, **to: int) -> State:
    """A state with some variables, named by ``v`` and their number, set anew."""
    after = list(state)
    for name, value in to.items():
        after[int(name[1:])] = value
    return tuple(after)


def termes(state: State, *, free: bool = False) -> Iterator[Act]:
    """A robot (where, with a block or not, heights of cells) that moves on towers, and builds and clears them beside it.

    Free, it goes to and reaches every other cell, whatever the heights.
    """
    at, block, *heights = state
    for cell in range(TILES):
        if cell == at or not (free or beside(at, cell)):
            continue
        step, tower = heights[cell] - heights[at], f"v{cell + 2}"
        if free or abs(step) <= 1:
            yield f"{'move' if free else ('move', 'up', 'down')[step]} {cell}", changed(state, v0=cell)
        if block and (free or step == 0) and cell != DEPOT and heights[cell] < HIGHEST:
            yield f"place {cell}", changed(state, **{tower: heights[cell] + 1}, v1=0)
        if not block and (free or step == 1) and cell != DEPOT and heights[cell]:
            yield f"remove {cell}", changed(state, **{tower: heights[cell] - 1}, v1=1)
    if at == DEPOT:
        yield ("destroy" if block else "create"), changed(state, v1=1 - block)


def floortile(state: State, *, free: bool = False) -> Iterator[Act]:
    """A robot (where, colour, paint of tiles) that paints tiles above and below it and can't walk on what is painted.

    Free, it goes to and paints every other tile.
    """
    at, colour, *paint = state
    for cell in range(TILES):
        if cell == at or paint[cell]:
            continue
        if free or beside(at, cell):
            yield f"move {cell}", changed(state, v0=cell)
        if free or above_or_below(at, cell):
            yield f"paint {cell}", changed(state, **{f"v{cell + 2}": colour + 1})
    yield "change", changed(state, v1=1 - colour)


def tyreworld(state: State) -> Iterator[Act]:
    """A flat wheel to change: boot, wrench, jack, pump, old and new wheel, nut, air in the new wheel."""
    boot, wrench, jack, pump, old, new, nut, air = state
    things = {"wrench": 1, "jack": 2, "pump": 3, "old": 4, "new": 5}
    yield ("close" if boot else "open"), changed(state, v0=1 - boot)
    for name, i in things.items():
        if boot and state[i] == BOOT:
            yield f"fetch {name}", changed(state, **{f"v{i}": HELD})
        if boot and state[i] == HELD:
            yield f"put-away {name}", changed(state, **{f"v{i}": BOOT})
    raised = jack == HUB
    if wrench == HELD and not raised and nut == TIGHT:
        yield "loosen", changed(state, v6=LOOSE)
    if wrench == HELD and not raised and nut == LOOSE:
        yield "tighten", changed(state, v6=TIGHT)
    if jack == HELD:
        yield "jack-up", changed(state, v2=HUB)
    if raised:
        yield "jack-down", changed(state, v2=HELD)
    if raised and wrench == HELD and nut == LOOSE:
        yield "undo", changed(state, v6=OFF)
    if raised and wrench == HELD and nut == OFF:
        yield "do-up", changed(state, v6=LOOSE)
    for name, i in (("old", 4), ("new", 5)):
        if raised and nut == OFF and state[i] == HUB:
            yield f"remove {name}", changed(state, **{f"v{i}": HELD})
        if raised and nut == OFF and state[i] == HELD and HUB not in (old, new):
            yield f"put-on {name}", changed(state, **{f"v{i}": HUB})
    if pump == HELD and not air:
        yield "inflate", changed(state, v7=1)


def barman(state: State) -> Iterator[Act]:
    """Two hands (0 empty, shots 1 to 3, shaker 4), what is in three shots and in the shaker."""
    hands, shots, mixed = state[:2], state[2:5], state[5]
    for i, held in enumerate(hands):
        free = not hands[1 - i]
        for thing in range(1, SHAKER + 1):
            if not held and hands[1 - i] != thing:
                yield f"grasp {i} {thing}", changed(state, **{f"v{i}": thing})
        if held:
            yield f"leave {i}", changed(state, **{f"v{i}": 0})
        if 1 <= held <= SHOTS:
            slot, content = f"v{held + 1}", shots[held - 1]
            for drink in (FIRST, SECOND):
                if free and content == CLEAN:
                    yield f"fill {held} {drink}", changed(state, **{slot: drink})
            if content not in (CLEAN, USED):
                yield f"empty {held}", changed(state, **{slot: USED})
            if free and content == USED:
                yield f"clean {held}", changed(state, **{slot: CLEAN})
            if content in (FIRST, SECOND) and mixed in (CLEAN, FIRST + SECOND - content):
                yield f"pour-in {held}", changed(state, **{slot: USED}, v5=content if mixed == CLEAN else BOTH)
        if held == SHAKER:
            if free and mixed == BOTH:
                yield "shake", changed(state, v5=COCKTAIL)
            if mixed == COCKTAIL:
                for shot in range(SHOTS):
                    if shots[shot] == CLEAN:
                        yield f"pour-out {shot + 1}", changed(state, **{f"v{shot + 2}": COCKTAIL})
            if mixed not in (CLEAN, USED):
                yield "empty-shaker", changed(state, v5=USED)
            if free and mixed == USED:
                yield "clean-shaker", changed(state, v5=CLEAN)


@dataclass(frozen=True)
class World:
    """A world with all states that can be reached.

    Attributes:
        name: Of the world.
        acts: Actions that can be taken in a state, with what follows.
        start: Where all states are reached from.
    """

    name: str
    acts: Callable[[State], Iterator[Act]]
    start: State
    states: np.ndarray = field(init=False)
    actions: tuple[str, ...] = field(init=False)
    after: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """States, shape (states, variables), and what each action makes of each, -1 where it can't be taken."""
        number, edges, names = {self.start: 0}, list[tuple[int, str, int]](), set[str]()
        queue = [self.start]
        for state in queue:
            for name, then in self.acts(state):
                if then not in number:
                    number[then] = len(number)
                    queue.append(then)
                edges.append((number[state], name, number[then]))
                names.add(name)
        actions = sorted(names)
        column = {name: i for i, name in enumerate(actions)}
        after = np.full((len(number), len(actions)), -1)
        for a, name, b in edges:
            after[a, column[name]] = b
        object.__setattr__(self, "states", np.array(queue))
        object.__setattr__(self, "actions", tuple(actions))
        object.__setattr__(self, "after", after)

    def distances(self, goals: np.ndarray) -> np.ndarray:
        """Fewest actions from each state to each goal, shape (goals, states); infinite where there is no way."""
        from scipy.sparse import csr_matrix
        from scipy.sparse.csgraph import dijkstra

        a, action = np.nonzero(self.after >= 0)
        b = self.after[a, action]
        # Edges are turned round: from the goal backwards.
        graph = csr_matrix((np.ones(len(a)), (b, a)), shape=(len(self.states),) * 2)
        return np.asarray(dijkstra(graph, indices=goals, unweighted=True))


def worlds() -> dict[str, World]:
    """The four worlds, and those of space where everything is within reach."""
    flat = (0,) * TILES
    return {
        "barman": World("barman", barman, (0, 0, CLEAN, CLEAN, CLEAN, CLEAN)),
        "tyreworld": World("tyreworld", tyreworld, (0, BOOT, BOOT, BOOT, HUB, BOOT, TIGHT, 0)),
        "termes": World("termes", termes, (DEPOT, 0, *flat)),
        "floortile": World("floortile", floortile, (0, 0, *flat)),
        "termes-free": World("termes-free", partial(termes, free=True), (DEPOT, 0, *flat)),
        "floortile-free": World("floortile-free", partial(floortile, free=True), (0, 0, *flat)),
    }


@dataclass(frozen=True)
class Problems:
    """Starts and goals by number of their states, and the length of a shortest plan."""

    start: np.ndarray
    goal: np.ndarray
    length: np.ndarray


def problems(
    world: World, goals: np.ndarray, lengths: range, each: int, rng: np.random.Generator
) -> tuple[Problems, np.ndarray]:
    """Problems that end in these goals, as many of each length a goal has states for, and distances to the goals."""
    far = world.distances(goals)
    found = list[tuple[int, int, int, int]]()
    for g, row in enumerate(far):
        for length in lengths:
            at = np.flatnonzero(row == length)
            if len(at):
                found += [(int(s), int(goals[g]), length, g) for s in rng.choice(at, min(each, len(at)), replace=False)]
    table = np.array(found)
    return Problems(table[:, 0], table[:, 1], table[:, 2]), far[table[:, 3]]


def walked(
    world: World, asked: Problems, far: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Steps of shortest plans, chosen at random among them: states, goals, actions and what follows."""
    rows, at = np.arange(len(asked.start)), asked.start.copy()
    steps = list[tuple[np.ndarray, ...]]()
    for _ in range(int(asked.length.max())):
        going = far[rows, at] > 0
        rows_now, here = rows[going], at[going]
        then = world.after[here]
        nearer = (then >= 0) & (far[rows_now[:, None], then] == far[rows_now, here][:, None] - 1)
        action = np.where(nearer, rng.random(nearer.shape), -1).argmax(1)
        steps.append((here, asked.goal[rows_now], action, then[np.arange(len(here)), action]))
        at[going] = steps[-1][3]
    states, goals, actions, after = (np.concatenate(part) for part in zip(*steps, strict=True))
    return states, goals, actions, after
