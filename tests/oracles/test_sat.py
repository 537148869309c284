"""Puzzles with one solution against a SAT solver (python-sat) where it is installed (extra ``oracles``)."""

from __future__ import annotations

from itertools import combinations, count, product

import pytest

pytest.importorskip("pysat")

from pysat.solvers import Cadical153

from unseen import tasks
from unseen.tasks.games.zebra import related


def models(clauses, most=2):
    """Up to so many models; each that is found is forbidden before the next is looked for."""
    with Cadical153(bootstrap_with=clauses) as solver:
        found = []
        while len(found) < most and solver.solve():
            model = solver.get_model()
            found.append({v for v in model if v > 0})
            solver.add_clause([-v for v in model])
        return found


def just_one(variables):
    return [list(variables), *([-a, -b] for a, b in combinations(variables, 2))]


@pytest.mark.parametrize("size", [3, 4, 5, 6])
def test_latin_squares_have_one_solution_by_sat_which_is_the_target_and_each_more_gap_is_looked_at(size):
    task = tasks.load("latin-square")
    n = range(size)

    def var(y, x, k):
        return 1 + (y * size + x) * size + k

    rules = [c for a, b in product(n, n) for line in ([var(a, b, k) for k in n], [var(a, x, b) for x in n], [var(y, a, b) for y in n])
             for c in just_one(line)]  # fmt: skip
    for seed in range(12):
        e = task.draw(seed, size=size, gaps=(size, 3 * size // 2))
        rows = [line.split() for line in str(e.input).split("\n")[1:-1]]
        given = [[var(y, x, int(rows[y][x]) - 1)] for y, x in product(n, n) if rows[y][x] != "_"]
        (found,) = models(rules + given)
        square = "\n".join(" ".join(str(next(k for k in n if var(y, x, k) in found) + 1) for x in n) for y in n)
        assert square == e.target
        # The same encoding sees a second solution where there is one: fewer numbers than it takes.
        assert len(models(rules + given[: size - 2])) == 2


@pytest.mark.parametrize(("houses", "attributes"), [(3, 3), (4, 4), (5, 4), (5, 5)])
def test_zebra_puzzles_have_one_solution_by_sat_and_more_without_any_one_clue(houses, attributes):
    task = tasks.load("zebra-puzzle")
    h = range(houses)

    def var(a, i, house):
        return 1 + (a * houses + i) * houses + house

    rules = [c for a in range(attributes) for i in h for line in ([var(a, i, b) for b in h], [var(a, v, i) for v in h]) for c in just_one(line)]  # fmt: skip

    def said(clue):
        kind, a, i, b, j = clue
        if kind == "at":
            return [[var(a, i, b)]]
        return [[-var(a, i, x), -var(b, j, y)] for x, y in product(h, h) if not related(kind, x, y)]

    for seed in range(6):
        e = task.draw(seed, houses=houses, attributes=attributes)
        clues = [tuple(c) for c in e.hidden["clues"]]
        (found,) = models(rules + [c for clue in clues for c in said(clue)])
        values = e.hidden["values"]
        lines = [
            f"{b + 1}: {', '.join(values[a][next(i for i in h if var(a, i, b) in found)] for a in range(attributes))}"
            for b in h
        ]
        assert "\n".join(lines) == e.target
        for gone in clues:
            assert len(models(rules + [c for clue in clues if clue != gone for c in said(clue)])) == 2


def tseitin(statement, clauses, free):
    """The variable of a statement, its meaning added to the clauses (Tseitin 1968)."""
    kind = statement[0]
    if kind in ("knight", "knave"):
        return statement[1] + 1 if kind == "knight" else -(statement[1] + 1)
    a, b = (tseitin(part, clauses, free) for part in statement[1:])
    v = next(free)
    clauses += {
        "and": [[-v, a], [-v, b], [v, -a, -b]],
        "or": [[-v, a, b], [v, -a], [v, -b]],
        "if": [[-v, -a, b], [v, a], [v, -b]],
        "iff": [[-v, -a, b], [-v, a, -b], [v, a, b], [v, -a, -b]],
    }[kind]
    return v


@pytest.mark.parametrize("people", [2, 4, 6, 8])
def test_knights_and_knaves_have_one_solution_by_sat_which_is_the_target(people):
    task, loose = tasks.load("knights-knaves"), 0
    for seed in range(15):
        e = task.draw(seed, people=people)
        clauses, free = [], count(people + 1)
        for i, statement in enumerate(e.hidden["statements"], 1):
            v = tseitin(statement, clauses, free)
            clauses += [[-i, v], [i, -v]]
        # What helps to write a formula follows from the people: models differ in these alone.
        (found,) = models(clauses)
        said = [f"{n} is a {'knight' if i in found else 'knave'}" for i, n in enumerate(e.hidden["names"], 1)]
        assert ", ".join(said) == e.target
        loose += len(models([c for c in clauses if abs(c[0]) != 1])) == 2
    assert loose
