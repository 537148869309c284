"""Tic-tac-toe and connect four: the set of best moves in a position."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Finite, Generated, Task, of_text
from unseen.tasks.draws import Draws
from unseen.tasks.games.boards import VALUES, Board, Position, named, to_move

ASKS = ("all", "one")
COLUMNS = "abcdefg"
_QUESTION = {
    "all": "Which moves are best, if both sides play perfectly from here on? Name all moves that lead to the best result, "
    "and nothing else.",
    "one": "Which move is best, if both sides play perfectly from here on? Name one move that leads to the best result, "
    "and nothing else.",
}


class _BestMoves(Task):
    """What both games share: the answer is a set of moves."""

    separator = "\n"
    settings: ClassVar[Mapping[str, Any]] = {"ask": "all"}
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"ask": ASKS}

    def verify(self, example: Example, answer: object) -> float:
        """1 for the set of best moves in any order; with ``ask="one"`` for any one of them."""
        given, right = named(answer), str(example.target).split(", ")
        if given is None:
            return 0.0
        if self.given["ask"] == "one":
            return float(len(given) == 1 and given[0] in example.hidden["best"])
        return float(sorted(given) == sorted(right))

    def _written(
        self, lines: list[str], names: Mapping[int, str], judged: Mapping[int, int], factors: Mapping[str, Any]
    ) -> Example:
        value = max(judged.values())
        best = sorted(names[cell] for cell, v in judged.items() if v == value)
        shown = {**factors, "value": VALUES[value], "best": len(best), "legal": len(judged)}
        target = ", ".join(best) if self.given["ask"] == "all" else best[0]
        return of_text("\n".join([*lines, _QUESTION[self.given["ask"]]]), target, shown, {"best": best})

    def oracle(self, example: Example) -> str | None:
        """Best moves by plain recursion over marks on a list; None where more than six cells are free."""
        columns, connect, gravity = self._game()
        rows = [line.split() for line in str(example.input).split("\n") if set(line) <= set("XO. ")]
        marks = [mark for row in reversed(rows) for mark in row]
        if marks.count(".") > 6:
            return None
        scores = _plain(marks, columns, connect, gravity)
        best = sorted(self._name(cell) for cell, score in scores.items() if score == max(scores.values()))
        return ", ".join(best) if self.given["ask"] == "all" else best[0]

    @abstractmethod
    def _game(self) -> tuple[int, int, bool]:
        """Columns, how many in a row win, and whether marks fall."""

    @abstractmethod
    def _name(self, cell: int) -> str:
        """What a move is called."""


class TicTacToe(_BestMoves, Finite):
    """All 4,520 positions of tic-tac-toe in which a game can go on, with the set of moves that keep the best result.

    A move is best where it leads to the best of win, draw and loss, however long that takes. ``shape`` names the position up
    to turns and reflections: keep the 627 shapes together in a split, or mirrored positions leak.
    """

    name = "tic-tac-toe"
    title = "Best moves in tic-tac-toe"
    source = (
        "Full search of the game; after ChildPlay (Hora de Carvalho, Knap & Pollice, 2024), whose prompts are not used"
    )
    options: ClassVar[Mapping[str, Any]] = {
        "marks": (0, 8),
        "value": tuple(VALUES.values()),
        "best": (1, 9),
    }
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"marks": (0, 8), "best": (1, 9)}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "marks": "ordered",
        "value": "categorical",
        "best": "ordered",
        "legal": "ordered",
        "shape": "categorical",
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.size = len(positions())

    def at(self, index: int) -> Example:
        """Position number ``index``, from the empty board on."""
        board, (mine, other) = tic_tac_toe(), positions()[index]
        lines = [
            "Tic-tac-toe: X and O take turns, three in a row, column or diagonal win. Columns are a, b, c from the left, rows 1, "
            "2, 3 from the bottom; b1 is the middle of the lowest row.",
            *board.drawn(mine, other),
            f"{to_move(mine, other)} is to move.",
        ]
        factors = {"marks": (mine | other).bit_count(), "shape": shape(mine, other)}
        names = {cell: self._name(cell) for cell in range(9)}
        return self._written(lines, names, board.judged(mine, other), factors)

    def _game(self) -> tuple[int, int, bool]:
        return 3, 3, False

    def _name(self, cell: int) -> str:
        return f"{COLUMNS[cell % 3]}{cell // 3 + 1}"


class ConnectFour(_BestMoves, Generated):
    """A position of connect four on a small board, reached by moves at random, with the set of columns that are best.

    Only positions in which the choice matters are drawn: not every move is best, so that none is lost. A move is best where
    it leads to the best of win, draw and loss, however long that takes.
    """

    name = "connect-four"
    title = "Best moves in connect four on a small board"
    source = (
        "Full search of the game; after ChildPlay (Hora de Carvalho, Knap & Pollice, 2024), whose prompts are not used"
    )
    settings: ClassVar[Mapping[str, Any]] = {"ask": "all", "columns": 5, "rows": 4, "connect": 4}
    options: ClassVar[Mapping[str, Any]] = {
        "empty": (2, 8),
        "value": ("win", "draw"),
        "best": (1, 6),
    }
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "empty": (2, 14),
        "best": (1, 6),
        "columns": (3, 7),
        "rows": (3, 6),
        "connect": (3, 4),
    }
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "empty": "ordered",
        "value": "categorical",
        "best": "ordered",
        "legal": "ordered",
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        given = self.given
        self.board = Board(given["columns"], given["rows"], given["connect"], True)

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Moves at random until a position fits in which the choice matters."""
        low, high = o["best"]
        if low >= self.board.columns:
            raise self.impossible(
                f"no position of {self.board.columns} columns where {low} are best and another is not"
            )
        for _ in range(20_000):
            empty = d.between(*o["empty"])
            found = self.board.played(d, max(0, self.board.cells - empty))
            if found is None:
                continue
            judged = self.board.judged(*found)
            value = max(judged.values())
            best = sum(v == value for v in judged.values())
            if best < len(judged) and low <= best <= high and VALUES[value] in o["value"]:
                return self._write(found, judged, self.board.cells - sum(m.bit_count() for m in found))
        raise self.impossible(f"no position with {dict(o)} in 20,000 games at random")

    def _write(self, found: Position, judged: Mapping[int, int], empty: int) -> Example:
        given = self.given
        last = COLUMNS[given["columns"] - 1]
        lines = [
            f"Connect {given['connect']}: X and O take turns and drop a mark into a column, where it falls to the lowest "
            f"free cell; {given['connect']} in a row, column or diagonal win. Columns are a to {last} from the left.",
            *self.board.drawn(*found),
            f"{to_move(*found)} is to move.",
        ]
        names = {cell: self._name(cell) for cell in range(self.board.cells)}
        return self._written(lines, names, judged, {"empty": empty})

    def _game(self) -> tuple[int, int, bool]:
        return self.given["columns"], self.given["connect"], True

    def _name(self, cell: int) -> str:
        return COLUMNS[cell % self.given["columns"]]


@cache
def tic_tac_toe() -> Board:
    """The board of tic-tac-toe, with the values it learnt."""
    return Board(3, 3, 3, False)


@cache
def positions() -> tuple[Position, ...]:
    """Positions of tic-tac-toe in which a game can go on, by number of marks."""
    board = tic_tac_toe()
    layer: dict[Position, None] = {(0, 0): None}
    found: list[Position] = []
    while layer:
        found += sorted(layer)
        after: dict[Position, None] = {}
        for mine, other in layer:
            for cell in board.moves(mine | other):
                if not board.wins(mine | 1 << cell, cell) and mine | other | 1 << cell != board.full:
                    after[other, mine | 1 << cell] = None
        layer = after
    return tuple(found)


@cache
def shape(mine: int, other: int) -> str:
    """A name that all turns and reflections of a position share."""
    marks = ["x" if mine >> i & 1 else "o" if other >> i & 1 else "-" for i in range(9)]
    return min("".join(marks[i] for i in turn) for turn in _turns())


@cache
def _turns() -> tuple[tuple[int, ...], ...]:
    def walk() -> Iterator[tuple[int, ...]]:
        turn = tuple(range(9))
        for _ in range(4):
            turn = tuple(turn[3 * (2 - x) + y] for y in range(3) for x in range(3))
            yield turn
            yield tuple(turn[3 * y + 2 - x] for y in range(3) for x in range(3))

    return tuple(walk())


def _plain(marks: list[str], columns: int, connect: int, gravity: bool) -> dict[int, int]:
    """The value of each move by its definition."""
    player = "X" if marks.count("X") == marks.count("O") else "O"
    scores: dict[int, int] = {}
    for cell in range(len(marks)):
        if marks[cell] != "." or (gravity and cell >= columns and marks[cell - columns] == "."):
            continue
        after = [*marks[:cell], player, *marks[cell + 1 :]]
        if _in_a_row(after, columns, connect, player):
            scores[cell] = 1
        else:
            scores[cell] = -max(_plain(after, columns, connect, gravity).values(), default=0)
    return scores


def _in_a_row(marks: list[str], columns: int, connect: int, player: str) -> bool:
    rows = len(marks) // columns
    for y in range(rows):
        for x in range(columns):
            for dx, dy in ((1, 0), (0, 1), (1, 1), (-1, 1)):
                run = [(x + i * dx, y + i * dy) for i in range(connect)]
                inside = all(0 <= a < columns and 0 <= b < rows for a, b in run)
                if inside and all(marks[b * columns + a] == player for a, b in run):
                    return True
    return False
