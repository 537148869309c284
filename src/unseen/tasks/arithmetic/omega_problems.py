"""The twelve templated families of the omega task: two from each of six domains, each with a brute-force twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, pairwise, permutations, product
from math import comb, factorial, gcd, prod
from typing import Any

from unseen.tasks.draws import Draws

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Family:
    """One template.

    Attributes:
        domain: geometry, number theory, algebra, combinatorics, logic or puzzles.
        draw: Parameters from draws, complexity level (1 … 5) and whether the item is of the transformed kind, for
        which the
            routine of the plain kind is hopeless or wrong and an insight is needed.
        text: The question.
        solve: The answer by the intended method.
        brute: The answer by an independent search, feasible for plain items.
        insight: What the transformed kind asks for.
    """

    domain: str
    draw: Callable[[Draws, int, bool], Params]
    text: Callable[[Params], str]
    solve: Callable[[Params], int]
    brute: Callable[[Params], int]
    insight: str = field(default="")


# geometry ------------------------------------------------------------------------------------------------------------
def _draw_lattice(d: Draws, level: int, transformed: bool) -> Params:
    # The hull of points on a circle-like convex path is not needed: triangles fanned at the origin stay simple polygons
    # when their directions turn in order.
    directions = [(4, 1), (3, 2), (2, 3), (1, 4), (-1, 4), (-2, 3), (-3, 2), (-4, 1)]
    chosen = sorted(d.pick(range(len(directions)), level + 1))
    scale = 10**6 if transformed else 1 + level
    corners = [(0, 0)]
    for i in chosen:
        k = d.between(1, scale)
        corners.append((directions[i][0] * k, directions[i][1] * k))
    return {"corners": corners}


def _pick(p: Params) -> int:
    """Interior lattice points by Pick's theorem."""
    corners = [*p["corners"], p["corners"][0]]
    twice_area = abs(sum(a * y - x * b for (a, b), (x, y) in pairwise(corners)))
    boundary = sum(gcd(x - a, y - b) for (a, b), (x, y) in pairwise(corners))
    return (twice_area - boundary + 2) // 2


def _count_inside(p: Params) -> int:
    """Interior lattice points one by one: crossings of a ray, boundary points left out."""
    corners = [*p["corners"], p["corners"][0]]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    count = 0
    for x, y in product(range(min(xs), max(xs) + 1), range(min(ys), max(ys) + 1)):
        crossings, on_edge = 0, False
        for (a, b), (c, e) in pairwise(corners):
            on_line = (c - a) * (y - b) == (e - b) * (x - a)
            on_edge |= on_line and min(a, c) <= x <= max(a, c) and min(b, e) <= y <= max(b, e)
            if (b > y) != (e > y):
                crossings += Fraction((c - a) * (y - b), e - b) + a > x
        count += not on_edge and crossings % 2 == 1
    return count


def _draw_symmetry(d: Draws, level: int, transformed: bool) -> Params:
    sides = d.between(3 + level, 5 + 2 * level)
    moves = [
        ("rotate", d.between(1, sides - 1)) if d.below(2) else ("reflect", d.below(sides)) for _ in range(level + 1)
    ]
    return {
        "sides": sides,
        "moves": moves,
        "start": d.below(sides),
        "repeat": d.between(10**6, 10**9) if transformed else 1,
    }


def _symmetry_text(p: Params) -> str:
    moves = ", then ".join(
        f"rotate by {k} places" if kind == "rotate" else f"reflect each vertex i to vertex {k} - i"
        for kind, k in p["moves"]
    )
    times = f" Do all this {p['repeat']} times in a row." if p["repeat"] > 1 else ""
    return (
        f"The vertices of a regular polygon with {p['sides']} sides are numbered from 0, modulo {p['sides']}. "
        f"{moves[0].upper()}{moves[1:]}.{times} Where does vertex {p['start']} end?"
    )


def _compose_symmetry(p: Params) -> int:
    """A dihedral element is i → s·i + t; powers by squaring."""
    n = p["sides"]
    s, t = 1, 0
    for kind, k in p["moves"]:
        s, t = (s, t + k) if kind == "rotate" else (-s, k - t)
    power, sign, shift = p["repeat"], 1, 0
    while power:
        if power & 1:
            sign, shift = s * sign, (s * shift + t) % n
        s, t = s * s, (s * t + t) % n
        power >>= 1
    return (sign * p["start"] + shift) % n


def _walk_symmetry(p: Params) -> int:
    at = p["start"]
    for _ in range(p["repeat"]):
        for kind, k in p["moves"]:
            at = (at + k if kind == "rotate" else k - at) % p["sides"]
    return at


# number theory -------------------------------------------------------------------------------------------------------
def _draw_power(d: Draws, level: int, transformed: bool) -> Params:
    exponent = d.between(10**17, 10**18) if transformed else d.between(2, 3 * 2**level)
    return {"base": d.between(2, 20 * level), "exponent": exponent, "modulus": d.between(5, 10 + 40 * level)}


def _multiply_out(p: Params) -> int:
    out = 1 % p["modulus"]
    for _ in range(p["exponent"]):
        out = out * p["base"] % p["modulus"]
    return out


def _draw_remainders(d: Draws, level: int, transformed: bool) -> Params:
    primes = [2, 3, 5, 7, 11, 13, 17, 19, 23]
    # Transformed: many moduli, so that counting up is hopeless.
    moduli = sorted(
        d.pick(primes[: 3 + level], 7 if level > 3 else 3 + level)
        if transformed
        else d.pick(primes[:5], 1 + (level + 1) // 2)
    )
    return {"moduli": moduli, "rests": [d.below(m) for m in moduli]}


def _chinese(p: Params) -> int:
    whole = prod(p["moduli"])
    return sum(r * (whole // m) * pow(whole // m, -1, m) for m, r in zip(p["moduli"], p["rests"], strict=True)) % whole


def _count_up(p: Params) -> int:
    pairs = list(zip(p["moduli"], p["rests"], strict=True))
    return next(x for x in range(prod(p["moduli"])) if all(x % m == r for m, r in pairs))


# algebra -------------------------------------------------------------------------------------------------------------
def _draw_system(d: Draws, level: int, transformed: bool) -> Params:
    n = 1 + (level + 1) // 2
    span = 2 + level
    solution = [d.between(-span, span) for _ in range(n)]
    if transformed:
        # Every equation leaves one unknown out: the sum falls out at once when all are added.
        n = 4 + 4 * level
        solution = [d.between(-span, span) for _ in range(n)]
        return {"left_out": True, "sums": [sum(solution) - x for x in solution], "n": n}
    while True:
        matrix = [[d.between(-3, 3) for _ in range(n)] for _ in range(n)]
        if _determinant(matrix):
            break
    sums = [sum(a * x for a, x in zip(row, solution, strict=True)) for row in matrix]
    return {"left_out": False, "matrix": matrix, "sums": sums, "n": n, "span": span}


def _determinant(matrix: list[list[int]]) -> int:
    n = len(matrix)
    total = 0
    for order in permutations(range(n)):
        sign = (-1) ** sum(order[i] > order[j] for i, j in combinations(range(n), 2))
        total += sign * prod(matrix[i][order[i]] for i in range(n))
    return total


def _system_text(p: Params) -> str:
    n = p["n"]
    if p["left_out"]:
        lines = "; ".join(
            " + ".join(f"x{j}" for j in range(n) if j != i) + f" = {total}" for i, total in enumerate(p["sums"])
        )
    else:
        lines = "; ".join(
            " + ".join(f"{a}*x{j}" for j, a in enumerate(row)) + f" = {total}"
            for row, total in zip(p["matrix"], p["sums"], strict=True)
        )
    return f"Given {lines}. What is the sum of all unknowns?"


def _solve_system(p: Params) -> int:
    if p["left_out"]:
        return sum(p["sums"]) // (p["n"] - 1)
    whole = _determinant(p["matrix"])
    total = Fraction(0)
    for j in range(p["n"]):
        swapped = [[*row[:j], b, *row[j + 1 :]] for row, b in zip(p["matrix"], p["sums"], strict=True)]
        total += Fraction(_determinant(swapped), whole)
    return int(total)


def _search_system(p: Params) -> int:
    if p["left_out"]:
        # x_i = S - sum_i, and S is the only whole number that makes these add up to itself.
        return next(s for s in range(-10_000, 10_000) if sum(s - b for b in p["sums"]) == s)
    values = range(-p["span"], p["span"] + 1)
    return next(
        sum(x)
        for x in product(values, repeat=p["n"])
        if all(
            sum(a * v for a, v in zip(row, x, strict=True)) == b for row, b in zip(p["matrix"], p["sums"], strict=True)
        )
    )


def _draw_roots(d: Draws, level: int, transformed: bool) -> Params:
    n = 1 + level
    if transformed:
        # Random coefficients: the roots are no whole numbers, their power sum is.
        return {"coefficients": [1, *(d.between(-9, 9) for _ in range(n))], "roots": None}
    roots = [d.between(-4, 4) for _ in range(n)]
    coefficients = [1]
    for root in roots:
        coefficients = [a - root * b for a, b in zip([*coefficients, 0], [0, *coefficients], strict=True)]
    return {"coefficients": coefficients, "roots": roots}


def _roots_text(p: Params) -> str:
    n = len(p["coefficients"]) - 1
    terms = " + ".join(f"{c}*x^{n - i}" for i, c in enumerate(p["coefficients"]) if c)
    return f"What is the sum of the squares of all roots, complex ones and repeats counted, of {terms}?"


def _newton(p: Params) -> int:
    """Vieta: e1² - 2 e2."""
    c = [*p["coefficients"], 0]
    return c[1] ** 2 - 2 * c[2]


def _factor_roots(p: Params) -> int:
    """Whole roots by trial division; for transformed items the trace of the squared companion matrix."""
    c = p["coefficients"]
    n = len(c) - 1
    if p["roots"] is None:
        companion = [[-c[j + 1] if i == 0 else int(j == i - 1) for j in range(n)] for i in range(n)]
        return sum(companion[i][j] * companion[j][i] for i in range(n) for j in range(n))
    found: list[int] = []
    while len(c) > 1:
        for root in range(-4, 5):
            quotient = [c[0]]
            for a in c[1:]:
                quotient.append(a + root * quotient[-1])
            if quotient[-1] == 0:
                found.append(root)
                c = quotient[:-1]
                break
    return sum(root * root for root in found)


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


FAMILIES: dict[str, Family] = {
    "lattice-points": Family(
        "geometry", _draw_lattice,
        lambda p: "How many points with whole coordinates lie strictly inside the polygon with corners "
        + ", ".join(f"({x},{y})" for x, y in p["corners"]) + "?",
        _pick, _count_inside, "Pick's theorem instead of counting",
    ),
    "polygon-symmetries": Family(
        "geometry", _draw_symmetry, _symmetry_text, _compose_symmetry, _walk_symmetry, "the order of a symmetry"
    ),
    "modular-power": Family(
        "number theory", _draw_power, lambda p: f"What is {p['base']}^{p['exponent']} modulo {p['modulus']}?",
        lambda p: pow(p["base"], p["exponent"], p["modulus"]), _multiply_out, "squaring or Euler's theorem",
    ),
    "remainders": Family(
        "number theory", _draw_remainders,
        lambda p: "What is the smallest whole number from 0 up that leaves "
        + ", ".join(f"{r} modulo {m}" for m, r in zip(p["moduli"], p["rests"], strict=True)) + "?",
        _chinese, _count_up, "the Chinese remainder theorem",
    ),
    "linear-system": Family("algebra", _draw_system, _system_text, _solve_system, _search_system, "add all equations"),
    "root-squares": Family("algebra", _draw_roots, _roots_text, _newton, _factor_roots, "Vieta instead of the roots"),
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
