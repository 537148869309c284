"""Families of the omega task from combinatorics, logic and puzzles, each with a brute-force twin."""

from __future__ import annotations

from itertools import combinations, permutations, product
from math import comb, factorial, prod

from unseen.tasks.arithmetic.omega_family import Family, Params
from unseen.tasks.draws import Draws


# combinatorics -------------------------------------------------------------------------------------------------------
def _draw_letters(d: Draws, level: int, transformed: bool) -> Params:
    counts = [d.between(3 if transformed else 1, 6 if transformed else 2) for _ in range(1 + (level + 1) // 2)]
    return {
        "word": "".join(letter * n for letter, n in zip("abcdef", counts, strict=False)),
        "apart": bool(level % 2 == 0),
    }


def _arrangements(p: Params) -> int:
    """Multinomial; with no two a's together the a's go into the gaps between the others."""
    word = p["word"]
    if not p["apart"]:
        return factorial(len(word)) // prod(factorial(word.count(x)) for x in set(word))
    rest = word.replace("a", "")
    others = factorial(len(rest)) // prod(factorial(rest.count(x)) for x in set(rest))
    return others * comb(len(rest) + 1, word.count("a"))


def _list_arrangements(p: Params) -> int:
    return sum(1 for order in set(permutations(p["word"])) if not p["apart"] or "aa" not in "".join(order))


def _draw_walks(d: Draws, level: int, transformed: bool) -> Params:
    size = 2 + level + (30 if transformed else 0)
    holes = [] if transformed else [(d.between(0, size), d.between(0, size)) for _ in range(level)]
    return {"width": size, "height": size - d.below(2), "holes": [h for h in holes if h != (0, 0)]}


def _count_walks(p: Params) -> int:
    """Pascal's rule over the grid."""
    if not p["holes"]:
        return comb(p["width"] + p["height"], p["width"])
    ways: dict[tuple[int, int], int] = {(0, 0): 1}
    for x, y in product(range(p["width"] + 1), range(p["height"] + 1)):
        if (x, y) in p["holes"]:
            ways[x, y] = 0
        elif (x, y) != (0, 0):
            ways[x, y] = ways.get((x - 1, y), 0) + ways.get((x, y - 1), 0)
    return ways[p["width"], p["height"]]


def _try_walks(p: Params) -> int:
    steps = p["width"] + p["height"]
    count = 0
    for rights in combinations(range(steps), p["width"]):
        x = y = 0
        for i in range(steps):
            x, y = (x + 1, y) if i in rights else (x, y + 1)
            if (x, y) in p["holes"]:
                break
        else:
            count += 1
    return count


# logic ---------------------------------------------------------------------------------------------------------------
def _draw_models(d: Draws, level: int, transformed: bool) -> Params:
    n = 2 + level
    if transformed:
        # An exclusive-or chain over many variables: half of all assignments.
        n = 20 + 10 * level
        return {"n": n, "clauses": None, "wanted": d.below(2)}
    clauses = [[(i, d.below(2)) for i in d.pick(range(n), 2 + d.below(min(2, n - 1)))] for _ in range(level + 1)]
    return {"n": n, "clauses": clauses, "wanted": 1}


def _models_text(p: Params) -> str:
    if p["clauses"] is None:
        odd = "odd" if p["wanted"] else "even"
        return f"In how many ways can {p['n']} switches be set so that the number of those that are on is {odd}?"
    written = " and ".join(
        "(" + " or ".join(f"{'' if sign else 'not '}x{i}" for i, sign in clause) + ")" for clause in p["clauses"]
    )
    return f"How many of the {2 ** p['n']} assignments to x0 … x{p['n'] - 1} make {written} true?"


def _inclusion_exclusion(p: Params) -> int:
    """Assignments less those that falsify some clause."""
    if p["clauses"] is None:
        return 2 ** (p["n"] - 1)
    total = 0
    for k in range(len(p["clauses"]) + 1):
        for chosen in combinations(p["clauses"], k):
            fixed: dict[int, int] = {}
            clash = any(fixed.setdefault(i, 1 - sign) != 1 - sign for clause in chosen for i, sign in clause)
            total += 0 if clash else (-1) ** k * 2 ** (p["n"] - len(fixed))
    return total


def _enumerate_models(p: Params) -> int:
    if p["clauses"] is None:
        counts = [1, 0]
        for _ in range(p["n"]):
            counts = [counts[0] + counts[1], counts[1] + counts[0]]
        return counts[p["wanted"]]
    return sum(
        all(any(x[i] == sign for i, sign in clause) for clause in p["clauses"]) for x in product((0, 1), repeat=p["n"])
    )


def _draw_seating(d: Draws, level: int, transformed: bool) -> Params:
    n = 3 + (level + 1) // 2 + (12 + 4 * level if transformed else 0)
    order = d.pick(range(n), n)
    if transformed:
        clues = [(order[i], order[i + 1]) for i in range(n - 1)]
        d.shuffle(clues)
        return {"n": n, "clues": clues, "asked": d.below(n)}
    pairs = [(order[i], order[j]) for i, j in combinations(range(n), 2)]
    return {"n": n, "clues": d.pick(pairs, min(len(pairs), 1 + level)), "asked": d.below(n)}


def _name(i: int) -> str:
    return chr(ord("A") + i) if i < 26 else f"A{i}"


def _seating_text(p: Params) -> str:
    clues = ", ".join(f"{_name(a)} is left of {_name(b)}" for a, b in p["clues"])
    return (
        f"{p['n']} people {_name(0)} … {_name(p['n'] - 1)} sit in a row. {clues}. At how many different places can "
        f"{_name(p['asked'])} sit?"
    )


def _reachable(p: Params, start: int, *, forward: bool) -> set[int]:
    seen: set[int] = set()
    front = [start]
    while front:
        at = front.pop()
        for a, b in p["clues"]:
            here, there = (a, b) if forward else (b, a)
            if here == at and there not in seen:
                seen.add(there)
                front.append(there)
    return seen


def _places(p: Params) -> int:
    """In a partial order every place between "all below first" and "all above last" is taken by some order."""
    return p["n"] - len(_reachable(p, p["asked"], forward=True)) - len(_reachable(p, p["asked"], forward=False))


def _try_seats(p: Params) -> int:
    places: set[int] = set()
    if p["n"] > 8:
        # A full chain leaves one order: build it and look.
        order = sorted(range(p["n"]), key=lambda i: len(_reachable(p, i, forward=False)))
        return 1 if all(order.index(a) < order.index(b) for a, b in p["clues"]) else 0
    for order in permutations(range(p["n"])):
        if all(order.index(a) < order.index(b) for a, b in p["clues"]):
            places.add(order.index(p["asked"]))
    return len(places)


# puzzles -------------------------------------------------------------------------------------------------------------
def _draw_tiling(d: Draws, level: int, transformed: bool) -> Params:
    return {
        "length": d.between(40, 60 + 10 * level) if transformed else d.between(2 * level, 2 * level + 2),
        "tiles": sorted(d.pick(range(1, 5), 2)),
    }


def _tilings(p: Params) -> int:
    ways = [1]
    for n in range(1, p["length"] + 1):
        ways.append(sum(ways[n - t] for t in p["tiles"] if t <= n))
    return ways[-1]


def _place_tiles(p: Params) -> int:
    def rest(left: int) -> int:
        return 1 if left == 0 else sum(rest(left - t) for t in p["tiles"] if t <= left)

    if p["length"] > 25:
        small, large = p["tiles"]
        return sum(
            comb((p["length"] - large * k) // small + k, k)
            for k in range(p["length"] // large + 1)
            if (p["length"] - large * k) % small == 0
        )
    return rest(p["length"])


def _draw_stones(d: Draws, level: int, transformed: bool) -> Params:
    most = d.between(2, 2 + level)
    return {"stones": d.between(10**9, 10**12) if transformed else d.between(3 * level, 8 * level + 4), "most": most}


def _first_move(p: Params) -> int:
    return p["stones"] % (p["most"] + 1)


def _play_stones(p: Params) -> int:
    """Smallest winning first move by solving every smaller heap; 0 where none wins."""
    if p["stones"] > 10**5:
        period = p["most"] + 1
        return _play_stones({"stones": p["stones"] - (p["stones"] // period - 2) * period, "most": p["most"]})
    wins = [False]
    for n in range(1, p["stones"] + 1):
        wins.append(any(not wins[n - k] for k in range(1, min(p["most"], n) + 1)))
    return next((k for k in range(1, p["most"] + 1) if k <= p["stones"] and not wins[p["stones"] - k]), 0)


COUNTING_FAMILIES: dict[str, Family] = {
    "letter-arrangements": Family(
        "combinatorics", _draw_letters,
        lambda p: f"How many different words can be made of the letters {' '.join(p['word'])}"
        + (" with no two a next to each other?" if p["apart"] else "?"),
        _arrangements, _list_arrangements, "multinomials instead of listing",
    ),
    "lattice-walks": Family(
        "combinatorics", _draw_walks,
        lambda p: f"How many walks by steps right and up lead from (0,0) to ({p['width']},{p['height']})"
        + (" without touching " + ", ".join(f"({x},{y})" for x, y in p["holes"]) if p["holes"] else "") + "?",
        _count_walks, _try_walks, "a binomial instead of a table",
    ),
    "satisfying-assignments": Family(
        "logic", _draw_models, _models_text, _inclusion_exclusion, _enumerate_models, "a symmetry between odd and even"
    ),
    "seating-order": Family("logic", _draw_seating, _seating_text, _places, _try_seats, "a chain leaves one order"),
    "tilings": Family(
        "puzzles", _draw_tiling,
        lambda p: f"In how many ways can a strip of length {p['length']} be covered by tiles of length {p['tiles'][0]} "
        f"and {p['tiles'][1]}, order counting?",
        _tilings, _place_tiles, "a recurrence instead of a search",
    ),
    "stones": Family(
        "puzzles", _draw_stones,
        lambda p: f"Two players take 1 to {p['most']} stones in turn from a heap of {p['stones']}; "
        "who takes the last wins. How many must the first player take to win (the fewest; 0 if no move wins)?",
        _first_move, _play_stones, "the period of the game",
    ),
}  # fmt: skip
