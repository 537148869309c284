"""Four domains: their actions, how a problem is drawn, and a lower bound on the actions still needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from unseen.tasks.draws import Draws
from unseen.tasks.planning.strips import Action, Atom, Domain, Ground, Heuristic, Problem

COLOURS = (
    "red", "blue", "orange", "yellow", "white", "magenta", "black", "cyan", "green", "violet", "silver", "golden",
)  # fmt: skip

BLOCKSWORLD = Domain(
    "blocksworld",
    (
        ("clear", ("block",)),
        ("ontable", ("block",)),
        ("handempty", ()),
        ("holding", ("block",)),
        ("on", ("block", "block")),
    ),
    (
        Action(
            "pick-up",
            (("?x", "block"),),
            (("clear", "?x"), ("ontable", "?x"), ("handempty",)),
            (("holding", "?x"),),
            (("ontable", "?x"), ("clear", "?x"), ("handempty",)),
        ),
        Action(
            "put-down",
            (("?x", "block"),),
            (("holding", "?x"),),
            (("clear", "?x"), ("handempty",), ("ontable", "?x")),
            (("holding", "?x"),),
        ),
        Action(
            "stack",
            (("?x", "block"), ("?y", "block")),
            (("holding", "?x"), ("clear", "?y")),
            (("clear", "?x"), ("handempty",), ("on", "?x", "?y")),
            (("holding", "?x"), ("clear", "?y")),
        ),
        Action(
            "unstack",
            (("?x", "block"), ("?y", "block")),
            (("on", "?x", "?y"), ("clear", "?x"), ("handempty",)),
            (("holding", "?x"), ("clear", "?y")),
            (("clear", "?x"), ("handempty",), ("on", "?x", "?y")),
        ),
    ),
)
FERRY = Domain(
    "ferry",
    (("at-ferry", ("place",)), ("at", ("car", "place")), ("empty-ferry", ()), ("on", ("car",))),
    (
        Action(
            "sail",
            (("?from", "place"), ("?to", "place")),
            (("at-ferry", "?from"),),
            (("at-ferry", "?to"),),
            (("at-ferry", "?from"),),
            ("?from", "?to"),
        ),
        Action(
            "board",
            (("?car", "car"), ("?at", "place")),
            (("at", "?car", "?at"), ("at-ferry", "?at"), ("empty-ferry",)),
            (("on", "?car"),),
            (("at", "?car", "?at"), ("empty-ferry",)),
        ),
        Action(
            "debark",
            (("?car", "car"), ("?at", "place")),
            (("on", "?car"), ("at-ferry", "?at")),
            (("at", "?car", "?at"), ("empty-ferry",)),
            (("on", "?car"),),
        ),
    ),
)
LOGISTICS = Domain(
    "logistics",
    (
        ("airport", ("place",)),
        ("in-city", ("place", "city")),
        ("truck-at", ("truck", "place")),
        ("plane-at", ("plane", "place")),
        ("at", ("package", "place")),
        ("in-truck", ("package", "truck")),
        ("in-plane", ("package", "plane")),
    ),
    (
        Action(
            "load-truck",
            (("?p", "package"), ("?t", "truck"), ("?l", "place")),
            (("truck-at", "?t", "?l"), ("at", "?p", "?l")),
            (("in-truck", "?p", "?t"),),
            (("at", "?p", "?l"),),
        ),
        Action(
            "unload-truck",
            (("?p", "package"), ("?t", "truck"), ("?l", "place")),
            (("truck-at", "?t", "?l"), ("in-truck", "?p", "?t")),
            (("at", "?p", "?l"),),
            (("in-truck", "?p", "?t"),),
        ),
        Action(
            "load-plane",
            (("?p", "package"), ("?a", "plane"), ("?l", "place")),
            (("plane-at", "?a", "?l"), ("at", "?p", "?l"), ("airport", "?l")),
            (("in-plane", "?p", "?a"),),
            (("at", "?p", "?l"),),
        ),
        Action(
            "unload-plane",
            (("?p", "package"), ("?a", "plane"), ("?l", "place")),
            (("plane-at", "?a", "?l"), ("in-plane", "?p", "?a"), ("airport", "?l")),
            (("at", "?p", "?l"),),
            (("in-plane", "?p", "?a"),),
        ),
        Action(
            "drive",
            (("?t", "truck"), ("?from", "place"), ("?to", "place"), ("?c", "city")),
            (("truck-at", "?t", "?from"), ("in-city", "?from", "?c"), ("in-city", "?to", "?c")),
            (("truck-at", "?t", "?to"),),
            (("truck-at", "?t", "?from"),),
            ("?from", "?to"),
        ),
        Action(
            "fly",
            (("?a", "plane"), ("?from", "place"), ("?to", "place")),
            (("plane-at", "?a", "?from"), ("airport", "?from"), ("airport", "?to")),
            (("plane-at", "?a", "?to"),),
            (("plane-at", "?a", "?from"),),
            ("?from", "?to"),
        ),
    ),
    frozenset({"airport", "in-city"}),
)
KEYS_AND_DOORS = Domain(
    "keys-and-doors",
    (
        ("robot-at", ("cell",)),
        ("next-to", ("cell", "cell")),
        ("open", ("cell",)),
        ("locked", ("cell",)),
        ("key-at", ("key", "cell")),
        ("has", ("key",)),
        ("fits", ("key", "cell")),
    ),
    (
        Action(
            "move",
            (("?from", "cell"), ("?to", "cell")),
            (("robot-at", "?from"), ("next-to", "?from", "?to"), ("open", "?to")),
            (("robot-at", "?to"),),
            (("robot-at", "?from"),),
        ),
        Action(
            "take",
            (("?k", "key"), ("?c", "cell")),
            (("robot-at", "?c"), ("key-at", "?k", "?c")),
            (("has", "?k"),),
            (("key-at", "?k", "?c"),),
        ),
        Action(
            "unlock",
            (("?k", "key"), ("?from", "cell"), ("?door", "cell")),
            (
                ("robot-at", "?from"),
                ("next-to", "?from", "?door"),
                ("locked", "?door"),
                ("fits", "?k", "?door"),
                ("has", "?k"),
            ),
            (("open", "?door"),),
            (("locked", "?door"),),
        ),
    ),
    frozenset({"next-to", "fits"}),
)


@cache
def block_states(loose: int, grounded: int) -> int:
    """States that can be made of so many loose towers beside towers that stand on the table.

    Source: Slaney & Thiébaux (2001), Blocks World revisited, section 2.

    >>> [block_states(n, 0) for n in range(1, 7)]
    [1, 3, 13, 73, 501, 4051]
    """
    if not loose:
        return 1
    return (loose - 1 + grounded) * block_states(loose - 1, grounded) + block_states(loose - 1, grounded + 1)


def towers(d: Draws, blocks: Sequence[str]) -> list[Atom]:
    """A state drawn uniformly among all states of these blocks: what each block stands on."""
    loose, grounded, atoms = [(b, b) for b in blocks], list[tuple[str, str]](), list[Atom]()
    while loose:
        top, bottom = loose.pop(d.below(len(loose)))
        if d.below(block_states(len(loose) + 1, len(grounded))) < block_states(len(loose), len(grounded) + 1):
            atoms.append(("ontable", bottom))
            grounded.append((top, bottom))
            continue
        at = d.below(len(loose) + len(grounded))
        pile, i = (loose, at) if at < len(loose) else (grounded, at - len(loose))
        atoms.append(("on", bottom, pile[i][0]))
        pile[i] = (top, pile[i][1])
    return atoms


def blocksworld(d: Draws, objects: int) -> Problem:
    """Two states drawn uniformly; the goal names what each block stands on."""
    blocks = d.pick(COLOURS, objects)
    first, goal = towers(d, blocks), towers(d, blocks)
    covered = {a[2] for a in first if a[0] == "on"}
    init = {*first, *(("clear", b) for b in blocks if b not in covered), ("handempty",)}
    return Problem(BLOCKSWORLD, (("block", tuple(sorted(blocks))),), frozenset(init), tuple(sorted(goal)))


def blocks_bound(ground: Ground, problem: Problem) -> Heuristic:
    """Two actions for each block that stands wrong, or on one that does; one where it is held."""
    rest = {a[1]: a for a in problem.goal if a[0] in ("on", "ontable")}
    order: list[tuple[str, int, int, str]] = []
    placed: set[str] = set()
    while len(order) < len(rest):
        for block, atom in rest.items():
            below = atom[2] if len(atom) > 2 else ""
            if block not in placed and (below not in rest or below in placed):
                order.append((block, ground.bit(atom), ground.bit(("holding", block)), below))
                placed.add(block)

    def bound(state: int) -> int:
        wrong: set[str] = set()
        total = 0
        for block, here, held, below in order:
            if not state & here or below in wrong:
                wrong.add(block)
                total += 1 if state & held else 2
        return total

    return bound


def ferry(d: Draws, objects: int) -> Problem:
    """Cars at random places, each with a place to go to."""
    ways = [(n, objects - n) for n in range(2, objects) if objects - n <= 2 * n + 2]
    at, cars = d.choice(ways)
    places, names = [f"place{i}" for i in range(1, at + 1)], [f"car{i}" for i in range(1, cars + 1)]
    init = {("at", car, d.choice(places)) for car in names} | {("at-ferry", d.choice(places)), ("empty-ferry",)}
    goal = tuple(("at", car, d.choice(places)) for car in names)
    return Problem(FERRY, (("car", tuple(names)), ("place", tuple(places))), frozenset(init), goal)


def ferry_bound(ground: Ground, problem: Problem) -> Heuristic:
    """Board, sail and debark for each car that is elsewhere: the ferry takes one at a time."""
    cars = [(ground.bit(a), ground.bit(("on", a[1])), ground.bit(("at-ferry", a[2]))) for a in problem.goal]

    def bound(state: int) -> int:
        total = 0
        for there, aboard, ferry_there in cars:
            if not state & there:
                total += 3 if not state & aboard else 1 if state & ferry_there else 2
        return total

    return bound


def logistics(d: Draws, objects: int) -> Problem:
    """Cities of a few places with a truck each, one plane between their airports, packages to deliver."""
    ways = [(c, n, objects - c * (n + 2) - 1) for c in (2, 3) for n in (1, 2, 3) if 1 <= objects - c * (n + 2) - 1 <= 4]
    count, size, load = d.choice(ways)
    cities = [f"city{i}" for i in range(1, count + 1)]
    places = {city: [f"{city}-place{i}" for i in range(1, size + 1)] for city in cities}
    all_places = [p for some in places.values() for p in some]
    packages = [f"package{i}" for i in range(1, load + 1)]
    init: set[Atom] = {("in-city", p, city) for city in cities for p in places[city]}
    init |= {("airport", places[city][0]) for city in cities}
    init |= {("truck-at", f"truck{i}", d.choice(places[city])) for i, city in enumerate(cities, 1)}
    init |= {("plane-at", "plane1", places[d.choice(cities)][0])}
    init |= {("at", p, d.choice(all_places)) for p in packages}
    goal = tuple(("at", p, d.choice(all_places)) for p in packages)
    trucks = tuple(f"truck{i}" for i in range(1, count + 1))
    names = (("city", tuple(cities)), ("place", tuple(all_places)), ("truck", trucks), ("plane", ("plane1",)))
    return Problem(LOGISTICS, (*names, ("package", tuple(packages))), frozenset(init), goal)


def logistics_bound(ground: Ground, problem: Problem) -> Heuristic:
    """Loadings that each package still needs, and places at which a truck or plane still has to arrive.

    An arrival at the far end of a leg is needed whatever happens, one at its near end only if no vehicle is there.
    """
    by_type = dict(problem.objects)
    city_of = {a[1]: a[2] for a in problem.init if a[0] == "in-city"}
    airport = {city_of[a[1]]: a[1] for a in problem.init if a[0] == "airport"}
    truck_of = {city_of[a[2]]: a[1] for a in problem.init if a[0] == "truck-at"}
    by_road, by_air = (
        {p: 1 << i for i, p in enumerate(by_type["place"], start)} for start in (0, len(by_type["place"]))
    )

    def legs(city: str, place: str, end: str) -> list[tuple[Mapping[str, int], str, str]]:
        """Legs from a place (or from within its truck or plane, told by an empty name) to the end."""
        goal_city = city_of[end]
        way: list[tuple[Mapping[str, int], str, str]] = []
        if city == goal_city:
            return [(by_road, place, end)] if place != end else []
        if city and place != airport[city]:
            way.append((by_road, place, airport[city]))
        way.append((by_air, airport[city] if city else "", airport[goal_city]))
        return way + ([(by_road, airport[goal_city], end)] if end != airport[goal_city] else [])

    def cost(way: list[tuple[Mapping[str, int], str, str]]) -> tuple[int, int, int]:
        far = near = loads = 0
        for net, start, end in way:
            loads += 2 if start else 1
            near |= net[start] if start else net[end]
            far |= net[end] if start else 0
        return loads, far, near

    packages: list[tuple[int, dict[int, tuple[int, int, int]]]] = []
    for _, package, end in problem.goal:
        spots = {ground.bit(("at", package, p)): cost(legs(city_of[p], p, end)) for p in by_type["place"]}
        for city, truck in truck_of.items():
            spots[ground.bit(("in-truck", package, truck))] = cost(legs(city, "", end))
        spots[ground.bit(("in-plane", package, "plane1"))] = cost(legs("", "", end))
        mask = 0
        for bit in spots:
            mask |= bit
        packages.append((mask, spots))
    vehicles = [(ground.bit(("truck-at", truck_of[city_of[p]], p)), by_road[p]) for p in by_type["place"]]
    vehicles += [(ground.bit(("plane-at", "plane1", p)), by_air[p]) for p in airport.values()]

    def bound(state: int) -> int:
        total = far = near = here = 0
        for mask, spots in packages:
            loads, f, n = spots[state & mask]
            total, far, near = total + loads, far | f, near | n
        for bit, place in vehicles:
            if state & bit:
                here |= place
        return total + (far | near & ~here).bit_count()

    return bound


def keys_and_doors(d: Draws, objects: int) -> Problem:
    """A grid with walls and locked cells, a key for each of these, and a cell to reach."""
    ways = [
        (r, c, walls, objects - r * c + walls)
        for r in range(2, 6)
        for c in range(2, 6)
        for walls in range(r * c // 4 + 1)
        if 0 <= objects - r * c + walls <= min(3, r * c - walls - 3)
    ]
    rows, columns, walls, keys = d.choice(ways)
    spots = d.pick([(y, x) for y in range(1, rows + 1) for x in range(1, columns + 1)], rows * columns)
    free = spots[walls:]
    names = {spot: f"r{spot[0]}c{spot[1]}" for spot in free}
    start, end, doors = free[0], free[1 + (keys > 0 and d.below(2))], free[2 : 2 + keys]
    kept = d.pick(COLOURS, keys)
    open_cells = [spot for spot in free if spot not in doors]
    init: set[Atom] = {("robot-at", names[start]), *(("open", names[s]) for s in open_cells)}
    init |= {
        ("next-to", names[y, x], names[t])
        for y, x in free
        for t in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1))
        if t in names
    }
    for key, door in zip(kept, doors, strict=True):
        # One key in three may lie behind another door, never on its own.
        spots_for = [s for s in (free if d.below(3) == 0 else open_cells) if s != door]
        init |= {("locked", names[door]), ("fits", key, names[door]), ("key-at", key, names[d.choice(spots_for)])}
    cells = tuple(sorted(names.values()))
    objects_by_type = (("cell", cells), ("key", tuple(sorted(kept))))
    return Problem(KEYS_AND_DOORS, objects_by_type, frozenset(init), (("robot-at", names[end]),))


def keys_bound(ground: Ground, problem: Problem) -> Heuristic:
    """Steps to the goal if no cell were locked or walled, and an unlocking if the goal is locked still."""
    end = problem.goal[0][1]
    far = {
        ground.bit(("robot-at", c)): abs(int(c[1]) - int(end[1])) + abs(int(c[3]) - int(end[3]))
        for c in dict(problem.objects)["cell"]
    }
    mask, locked = sum(far), ground.bit(("locked", end))
    return lambda state: far[state & mask] + (1 if state & locked else 0)
