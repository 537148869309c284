"""Games and puzzles against published counts and against trying everything."""

from __future__ import annotations

from collections import Counter
from itertools import permutations, product

import pytest

from unseen import tasks
from unseen.tasks.draws import Draws
from unseen.tasks.games.best_moves import positions, shape, tic_tac_toe
from unseen.tasks.games.boards import Board, named
from unseen.tasks.games.latin import solutions
from unseen.tasks.games.zebra import CLUES, RELATIONS, related, solve


def games(board: Board, mine: int = 0, other: int = 0, known=None) -> Counter[str]:
    """How many games end in which way: the last mover wins with an even or odd number of marks, or nobody does."""
    known = {} if known is None else known
    if (mine, other) not in known:
        ends: Counter[str] = Counter()
        for cell in board.moves(mine | other):
            after = mine | 1 << cell
            if board.wins(after, cell):
                ends["O" if (after | other).bit_count() % 2 == 0 else "X"] += 1
            elif after | other == board.full:
                ends["draw"] += 1
            else:
                ends += games(board, other, after, known)
        known[mine, other] = ends
    return known[mine, other]


def test_tic_tac_toe_has_its_known_numbers_of_positions_shapes_and_games():
    going = positions()
    ended = set()
    for mine, other in going:
        for cell in tic_tac_toe().moves(mine | other):
            after = mine | 1 << cell
            if tic_tac_toe().wins(after, cell) or after | other == 511:
                ended.add((other, after))
    assert len(going) + len(ended) == 5478
    assert len(ended) == 958
    assert len({shape(*p) for p in going} | {shape(*p) for p in ended}) == 765
    assert games(tic_tac_toe()) == {"X": 131_184, "O": 77_904, "draw": 46_080}
    assert tic_tac_toe().value(0, 0) == 0


def test_positions_of_tic_tac_toe_agree_with_a_plain_search():
    task = tasks.load("tic-tac-toe")
    checked = 0
    for i in range(0, task.size, 11):
        e = task.at(i)
        found = task.oracle(e)
        assert found in (None, e.target)
        checked += found is not None
    assert checked > 300


def test_known_openings_of_tic_tac_toe():
    """A corner can only be answered in the middle; the middle only in a corner."""
    board = tic_tac_toe()
    corner = board.judged(0, 1)
    assert [cell for cell, v in corner.items() if v == 0] == [4]
    assert sorted(cell for cell, v in board.judged(0, 1 << 4).items() if v == 0) == [0, 2, 6, 8]


@pytest.mark.parametrize(("columns", "rows", "number"), [(2, 1, 2), (3, 2, 90), (4, 3, 356_232)])
def test_connect_four_has_the_published_number_of_games(columns, rows, number):
    assert sum(games(Board(columns, rows, 4, True)).values()) == number  # OEIS A342329


def test_connect_four_has_the_published_number_of_positions_after_each_move():
    board = Board(7, 6, 4, True)
    layer, counts = {(0, 0)}, []
    for _ in range(6):
        counts.append(len(layer))
        layer = {(o, m | 1 << c) for m, o in layer for c in board.moves(m | o) if not _won(board, o)}
    assert counts == [1, 7, 49, 238, 1120, 4263]  # OEIS A212693


def _won(board: Board, marks: int) -> bool:
    return any(marks & line == line for line in board.lines)


@pytest.mark.parametrize(("n", "k", "lines"), [(4, 4, 10), (5, 4, 17), (5, 5, 28), (6, 5, 39), (7, 6, 69)])
def test_boards_have_the_published_number_of_lines(n, k, lines):
    assert len(Board(n, k, 4, True).lines) == len(Board(k, n, 4, True).lines) == lines  # OEIS A364823


def test_connect_four_on_four_by_four_is_a_draw():
    assert Board(4, 4, 4, True).value(0, 0) == 0


def test_kept_values_equal_values_from_scratch():
    d = Draws("boards")
    board = Board(5, 4, 4, True)
    for _ in range(60):
        found = board.played(d, 14)
        if found is not None:
            assert board.judged(*found) == Board(5, 4, 4, True).judged(*found)


@pytest.mark.parametrize("settings", [{}, {"columns": 4, "rows": 4, "connect": 3}, {"columns": 6, "rows": 3}])
def test_best_columns_agree_with_a_plain_search_and_the_choice_matters(settings):
    task = tasks.load("connect-four", **settings)
    for seed in range(40):
        e = task.draw(seed, empty=(2, 6))
        assert task.oracle(e) == e.target
        assert e.factors["best"] < e.factors["legal"]


def test_moves_are_read_in_any_order_and_one_can_be_asked_for():
    task = tasks.load("tic-tac-toe")
    e = task.draw_many(1, 0, best=(2, 3), marks=3)[0]
    best = str(e.target).split(", ")
    assert task.verify(e, " and ".join(reversed(best)).upper() + ".") == 1.0
    assert task.verify(e, best) == 1.0
    for wrong in (best[0], [*best, best[0]], [*best, "a4"], "", "The best moves are " + str(e.target)):
        assert task.verify(e, wrong) == 0.0
    one = tasks.load("tic-tac-toe", ask="one")
    assert [one.verify(e, move) for move in (*best, str(e.target), "z9")] == [1.0] * len(best) + [0.0, 0.0]
    assert named(["a1", 3]) is None


def test_shapes_are_the_same_for_mirrored_and_turned_positions_alone():
    assert shape(1, 1 << 8) == shape(1 << 8, 1) == shape(1 << 2, 1 << 6)
    assert shape(1, 1 << 8) != shape(1, 1 << 2)
    assert shape(1, 1 << 8) != shape(1, 1 << 4)


ZEBRA = {
    "owner": ["englishman", "spaniard", "ukrainian", "norwegian", "japanese"],
    "colour": ["red", "green", "ivory", "yellow", "blue"],
    "pet": ["dog", "snails", "fox", "horse", "zebra"],
    "drink": ["coffee", "tea", "milk", "juice", "water"],
    "smoke": ["old gold", "kools", "chesterfields", "lucky strike", "parliaments"],
}
THE_ZEBRA_PUZZLE = [
    ("same", "englishman", "red"), ("same", "spaniard", "dog"), ("same", "coffee", "green"), ("same", "ukrainian", "tea"),
    ("left", "ivory", "green"), ("same", "old gold", "snails"), ("same", "kools", "yellow"), ("at", "milk", 2),
    ("at", "norwegian", 0), ("next", "chesterfields", "fox"), ("next", "kools", "horse"), ("same", "lucky strike", "juice"),
    ("same", "japanese", "parliaments"), ("next", "norwegian", "blue"),
]  # fmt: skip


def test_the_zebra_puzzle_has_its_known_solution_alone():
    where = {v: (a, i) for a, values in enumerate(ZEBRA.values()) for i, v in enumerate(values)}
    clues = [
        (kind, *where[a], b, 0) if kind == "at" else (kind, *where[a], *where[b]) for kind, a, b in THE_ZEBRA_PUZZLE
    ]
    (found,) = solve(clues, 5, 5, 10)
    owner = {found[0][i]: name for i, name in enumerate(ZEBRA["owner"])}
    assert owner[found[2][ZEBRA["pet"].index("zebra")]] == "japanese"
    assert owner[found[3][ZEBRA["drink"].index("water")]] == "norwegian"


def by_trying(clues, houses, attributes):
    return {
        t
        for t in product(permutations(range(houses)), repeat=attributes)
        if all(t[a][i] == b if kind == "at" else related(kind, t[a][i], t[b][j]) for kind, a, i, b, j in clues)
    }


def test_the_solver_finds_what_trying_all_arrangements_finds():
    """Clues at random, true or not: the same solutions, none too many and none missing."""
    d = Draws("zebra")
    numbers = Counter()
    for _ in range(400):
        houses, attributes = d.between(2, 3), d.between(1, 3)
        clues = []
        for _ in range(d.between(0, 5)):
            kind, a, i = d.choice(CLUES), d.below(attributes), d.below(houses)
            clues.append(
                (kind, a, i, d.below(houses), 0) if kind == "at" else (kind, a, i, d.below(attributes), d.below(houses))
            )
        right = by_trying(clues, houses, attributes)
        assert set(solve(clues, houses, attributes, 10**6)) == right
        numbers[min(len(right), 2)] += 1
    assert min(numbers.values()) > 10


def test_relations_mean_what_their_words_say():
    held = {kind: {(a, b) for a in range(3) for b in range(3) if related(kind, a, b)} for kind in RELATIONS}
    assert held["same"] == {(0, 0), (1, 1), (2, 2)}
    assert held["left"] == {(0, 1), (1, 2)}
    assert held["next"] == {(0, 1), (1, 0), (1, 2), (2, 1)}
    assert held["before"] == {(0, 1), (0, 2), (1, 2)}
    assert len(held["apart"]) == 6


def test_every_clue_of_a_puzzle_is_needed():
    task = tasks.load("zebra-puzzle")
    for seed in range(30):
        e = task.draw(seed, houses=(2, 3), attributes=(2, 3))
        clues = [tuple(c) for c in e.hidden["clues"]]
        size = (e.factors["houses"], e.factors["attributes"])
        assert len(by_trying(clues, *size)) == 1
        assert all(len(by_trying([c for c in clues if c != gone], *size)) > 1 for gone in clues)


def test_houses_are_read_in_any_order():
    task = tasks.load("zebra-puzzle")
    e = task.draw(1, houses=3, attributes=2)
    lines = str(e.target).split("\n")
    turned = [
        f"House {line.split(': ')[0]} - {' '.join(reversed(line.split(': ')[1].split(', ')))}."
        for line in reversed(lines)
    ]
    assert task.verify(e, "\n\n".join(turned)) == 1.0
    swapped = [
        lines[0].split(": ")[0] + ": " + lines[1].split(": ")[1],
        lines[1].split(": ")[0] + ": " + lines[0].split(": ")[1],
        lines[2],
    ]
    for wrong in (swapped, lines[:2], [*lines, lines[0]], [*lines, "4: red, cat"], ["Answer:", *lines]):
        assert task.verify(e, wrong) == 0.0


def test_latin_squares_are_counted_and_gaps_have_one_filling():
    assert sum(1 for _ in solutions([0] * 16, 4)) == 576
    task = tasks.load("latin-square")
    for seed in range(40):
        e = task.draw(seed, size=(3, 4))
        assert task.oracle(e) == e.target
        assert str(e.input).count("_") == e.factors["gaps"] + 1  # the text shows one
    # The smallest square of order 4 that has one filling shows 4 numbers.
    assert task.draw(0, size=4, gaps=12).factors["gaps"] == 12


def test_squares_that_fit_the_rows_and_not_the_columns_are_wrong():
    task = tasks.load("latin-square")
    e = task.draw(3, size=4)
    rows = str(e.target).split("\n")
    assert task.verify(e, "\n\n".join(f" {row.replace(' ', '  ')} " for row in rows)) == 1.0
    assert task.verify(e, [rows[1], rows[0], *rows[2:]]) == 0.0
    assert task.verify(e, str(e.target).replace(" ", "")) == 0.0
