"""Whole games: opponents play as they are said to, and tables count what happened."""

from __future__ import annotations

import math
from functools import cache
from itertools import product

import polars as pl
import pytest

import unseen
from unseen import tasks
from unseen.errors import BadInput
from unseen.tasks.draws import Draws
from unseen.tasks.games.battleship import BattleshipMatch, Shots, cell_name
from unseen.tasks.games.boards import Board
from unseen.tasks.games.playing import GAMES, play
from unseen.tasks.games.seas import Sea, bits


@cache
def by_chance(board: Board, mine: int = 0, other: int = 0) -> tuple[float, float]:
    """How often the player to move wins and loses where both move at random, by adding up all games."""
    win = loss = 0.0
    moves = board.moves(mine | other)
    for cell in moves:
        after = mine | 1 << cell
        if board.wins(after, cell):
            win += 1
        elif after | other != board.full:
            theirs, ours = by_chance(board, other, after)
            win, loss = win + ours, loss + theirs
    return win / len(moves), loss / len(moves)


def test_random_play_of_tic_tac_toe_ends_as_often_in_each_way_as_all_games_added_up():
    win, loss = by_chance(GAMES["tic-tac-toe"].board)
    assert (round(win, 4), round(loss, 4)) == (0.5849, 0.2881)
    first, second = play("tic-tac-toe", "random", opponents=("random",), games=3000).counts()
    for found, chance in ((first["win"], win), (first["loss"], loss), (second["win"], loss), (second["loss"], win)):
        assert abs(found / 1500 - chance) < 4 * math.sqrt(chance * (1 - chance) / 1500)


def test_nobody_beats_minimax_in_tic_tac_toe_and_the_best_moves_never_lose():
    assert sum(row["win"] for row in play("tic-tac-toe", "random", opponents=("minimax",), games=300).counts()) == 0
    best = play("tic-tac-toe", "best", games=40)
    assert {row["loss"] for row in best.counts()} == {0}
    assert set(best.table().filter(against="minimax")["score"]) == {0.5}
    assert all(row["best_moves"] == 1 for row in best.counts())


def plain(board: Board, mine: int, other: int, cell: int, depth: int) -> int:
    """What a move is worth, by its definition."""
    mine |= 1 << cell
    if any(mine & line == line for line in board.lines):
        return depth + 1
    moves = board.moves(mine | other) if depth else []
    return -max((plain(board, other, mine, m, depth - 1) for m in moves), default=0)


@pytest.mark.parametrize(
    ("columns", "rows", "connect", "gravity"), [(7, 6, 4, True), (4, 4, 3, True), (3, 3, 3, False)]
)
def test_looking_ahead_with_pruning_finds_what_looking_at_everything_finds(columns, rows, connect, gravity):
    board, d, kinds = Board(columns, rows, connect, gravity), Draws("ahead"), set()
    for _ in range(60):
        found = board.played(d, d.below(board.cells - 1))
        if found is None:
            continue
        depth = d.below(4)
        for cell in board.moves(found[0] | found[1]):
            worth = board.worth(*found, cell, depth)
            assert worth == plain(board, *found, cell, depth)
            kinds.add((worth > 0) - (worth < 0))
    assert kinds == {-1, 0, 1}


def above(board: Board, found: tuple[int, int], cell: int) -> bool:
    """Whether stopping a threat gives way to one in the cell above."""
    mine, other = found[0] | 1 << cell, found[1]
    return any(board.wins(other | 1 << c, c) for c in board.moves(mine | other))


def test_minimax_of_connect_four_takes_a_win_and_stops_one():
    board, d, won, stopped = GAMES["connect-four"].board, Draws("threats"), 0, 0
    for i in range(600):
        found = board.played(d, 11)
        if found is None:
            continue
        match = GAMES["connect-four"]("minimax", True, Draws(f"t{i}"))
        match.others, match.own = found
        wins = {c for c in board.moves(found[0] | found[1]) if board.wins(found[0] | 1 << c, c)}
        threats = {c for c in board.moves(found[0] | found[1]) if board.wins(found[1] | 1 << c, c)}
        if not wins and (len(threats) != 1 or above(board, found, *threats)):
            continue
        before = match.others
        match.reply()
        (cell,) = bits(match.others & ~before)
        if wins:
            assert cell in wins
            assert match.outcome == "loss"
            won += 1
        else:
            assert cell in threats
            stopped += 1
    assert min(won, stopped) > 10


def test_games_of_one_number_are_the_same_for_every_player_until_they_move_otherwise():
    for game in GAMES:
        a, b = (play(game, by, games=6, seed=3) for by in ("random", "best"))
        assert [m.first for m in a.matches.values()] == [m.first for m in b.matches.values()]
        assert [s[0].text for s in a.asked.values()] == [s[0].text for s in b.asked.values()]
        again = play(game, "random", games=6, seed=3)
        assert a.table("legal").equals(again.table("legal"))


def test_answers_that_are_no_legal_moves_are_told_apart_and_end_the_game():
    said = iter(["b2.", "B2", "A move: a1", "z9", "b2 b3", "", "a1 a3", "b4", "a10"])
    match = GAMES["tic-tac-toe"]("random", True, Draws("read"))
    assert match.read(next(said)) == ("legal", "b2")
    match.take("b2")
    assert [match.read(text)[0] for text in said] == [
        "illegal", "unreadable", "illegal", "unreadable", "unreadable", "unreadable", "illegal", "unreadable",
    ]  # fmt: skip
    lost = play("connect-four", lambda texts: ["the third column"] * len(texts), games=4, tries=3)
    table = lost.table()
    assert table["score"].sum() == 0
    assert table["unparsable"].all()
    assert lost.table("legal").height == 3 * 8
    assert lost.table("legal")["score"].sum() == 0
    assert lost.table("best").height == 0
    assert all(row["best_moves"] is None for row in lost.counts())
    for asked in lost.asked.values():
        assert [a.text.endswith("which is no legal move here. Make one that is.") for a in asked] == [False, True, True]
        assert asked[1].text.startswith(asked[0].text)


def test_a_player_who_is_asked_again_goes_on_where_it_then_finds_a_move():
    """Every second answer is no move: all games are played to their end, and half of the answers are legal."""
    turn = 0

    def player(texts):
        nonlocal turn
        turn += 1
        free = [max(c for c in "abcdefg" if columns_free(t, c)) for t in texts]
        return ["well" if turn % 2 else f for f in free]

    def columns_free(text, column):
        top = next(line for line in text.split("\n") if set(line) <= set("XO. ")).split()
        return top["abcdefg".index(column)] == "."

    done = play("connect-four", player, games=5, tries=2)
    assert set(done.table()["prediction"]) <= {"win", "draw", "loss"}
    assert done.table("legal")["score"].mean() == 0.5
    moves = done.table("legal").filter(pl.col("score") == 1)
    assert (moves.group_by("cluster").agg(pl.col("ply").n_unique() == pl.len())["ply"]).all()


def test_an_audit_reads_the_tables_and_finds_who_plays_better():
    tables = [play("tic-tac-toe", by, games=60).table() for by in ("random", "best")]
    audit = unseen.audit(pl.concat(tables), unseen="against == 'minimax'")
    (gap,) = audit["U101"].found
    assert "random scores" in str(gap)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tic-tac-to", "random"), "did you mean 'tic-tac-toe'"),
        (("battleship", "minimax"), "random or best"),
        (("battleship", lambda t: []), "0 answers to"),
    ],
)
def test_what_can_not_be_played_is_refused(arguments, message):
    with pytest.raises(BadInput, match=message):
        play(*arguments, games=1)


def test_wrong_opponents_numbers_and_measures_are_refused():
    with pytest.raises(BadInput, match="battleship has no opponent 'minimax'; it has random and map"):
        play("battleship", "random", opponents=("minimax",))
    with pytest.raises(BadInput, match="1 or more, got 0 and 1"):
        play("battleship", "random", games=0)
    with pytest.raises(BadInput, match="one of outcome, legal, best"):
        play("battleship", "random", games=1).table("wins")


def by_sets(sea: Sea, marks: list[str]) -> list[int]:
    """In how many fleets that fit each cell lies, by trying all ways to lay the ships as sets."""
    grid = [(x, y) for y in range(sea.rows) for x in range(sea.columns)]
    ways = [
        [frozenset((x + k * dx, y + k * dy) for k in range(n)) for x, y in grid for dx, dy in ((1, 0), (0, 1))
         if x + dx * (n - 1) < sea.columns and y + dy * (n - 1) < sea.rows]
        for n in sea.fleet
    ]  # fmt: skip
    seen = dict(zip(grid, marks, strict=True))
    counts = dict.fromkeys(grid, 0)
    for ships in product(*ways):
        covered = frozenset().union(*ships)
        fits = all((seen[c] == "x") == (c in covered) for c in grid if seen[c] != ".")
        if len(covered) == sum(sea.fleet) and fits and all(any(seen[c] == "." for c in s) for s in ships):
            for c in covered:
                counts[c] += 1
    return list(counts.values())


@pytest.mark.parametrize("fleet", [(2,), (3, 2), (3, 2, 2)])
def test_fleets_are_counted_as_by_trying_all_of_them(fleet):
    sea, d, hits = Sea(4, 4, fleet), Draws(f"fleets {fleet}"), 0
    for _ in range(8):
        shots = Shots(sea, sea.drawn(d))
        for cell in d.pick(range(16), d.between(1, 5)):
            if all(ship & ~(shots.shot | 1 << cell) for ship in shots.fleet):
                shots.shoot(cell)
        missed, hit = shots.shot & ~sum(shots.fleet), shots.shot & sum(shots.fleet)
        assert sea.counts(missed, hit)[0] == by_sets(sea, shots.marks())
        hits += hit > 0
    assert hits


def test_the_probability_map_of_one_ship_is_the_exact_count():
    sea, d, hits = Sea(6, 5, (3,)), Draws("map"), set()
    for _ in range(150):
        shots = Shots(sea, sea.drawn(d))
        for cell in d.pick(range(30), d.below(9)):
            if shots.fleet[0] & ~(shots.shot | 1 << cell):
                shots.shoot(cell)
        missed, hit = shots.shot & ~shots.fleet[0], shots.shot & shots.fleet[0]
        counts = sea.counts(missed, hit)[0]
        weights = sea.weights(missed, hit, [3])
        free = shots.free()
        scale = max(weights[c] for c in free) / max(counts[c] for c in free)
        assert [weights[c] for c in free] == pytest.approx([scale * counts[c] for c in free])
        hits.add(hit.bit_count())
    assert hits == {0, 1, 2}


def test_shots_at_random_take_as_long_as_the_formula_says_and_the_map_far_less():
    """The last of k cells among n in random order stands at k(n + 1)/(k + 1) on average."""
    sea, k, n = BattleshipMatch.sea, 9, 36
    lengths: dict[str, list[int]] = {"random": [], "map": []}
    for i in range(400):
        d = Draws(f"shots {i}")
        fleet = sea.drawn(d)
        for by, some in lengths.items():
            shots, number = Shots(sea, fleet), 0
            while shots.left():
                shots.shoot(d.choice(shots.free() if by == "random" else shots.likeliest()))
                number += 1
            some.append(number)
    mean = {by: sum(some) / len(some) for by, some in lengths.items()}
    # The variance of the largest of k of n is k(n - k)(n + 1) / ((k + 1)²(k + 2)).
    error = math.sqrt(k * (n - k) * (n + 1) / ((k + 1) ** 2 * (k + 2)) / 400)
    assert abs(mean["random"] - k * (n + 1) / (k + 1)) < 4 * error
    assert mean["map"] < 0.65 * mean["random"]


def test_fleets_are_drawn_evenly():
    """Two ships of 2 on a board of 3 by 2: each of the pairs of places without a shared cell as often as another."""
    sea, d = Sea(3, 2, (2, 2)), Draws("even")
    pairs = [(a, b) for a in sea.places(2) for b in sea.places(2) if not a & b]
    drawn = [tuple(sea.drawn(d)) for _ in range(2200)]
    counts = [drawn.count(p) for p in pairs]
    expected = 2200 / len(pairs)
    chi = sum((c - expected) ** 2 / expected for c in counts)
    assert len(set(drawn)) == len(pairs) == 22
    assert chi < 21 + 4 * math.sqrt(2 * 21)


def test_likeliest_cells_can_be_asked_for_all_or_one():
    task, one = tasks.load("battleship"), tasks.load("battleship", ask="one")
    e = task.draw(0, best=(2, 4))
    best = str(e.target).split(", ")
    assert task.verify(e, " and ".join(reversed(best)).upper()) == 1.0
    for wrong in (best[:-1], [*best, "a1" if "a1" not in best else "b1"], [], "all"):
        assert task.verify(e, wrong) == 0.0
    assert [one.verify(e, b) for b in best] == [1.0] * len(best)
    sea = Sea(5, 5, (2,))
    assert [cell_name(c, sea) for c in (0, 4, 24)] == ["a1", "e1", "e5"]
