"""Families of the omega task from geometry, number theory and algebra, each with a brute-force twin."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise, permutations, product
from math import gcd, prod

from unseen.tasks.arithmetic.omega_family import Family, Params
from unseen.tasks.draws import Draws


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


NUMBER_FAMILIES: dict[str, Family] = {
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
}  # fmt: skip
