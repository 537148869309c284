"""Whole games: who may do what, how it is told and how an answer is read; and players at random or by looking ahead."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import ClassVar, Literal

from unseen.tasks.draws import Draws
from unseen.tasks.games.boards import Board, named, to_move

Outcome = Literal["win", "draw", "loss", "illegal"]
Read = Literal["legal", "illegal", "unreadable"]
COLUMNS = "abcdefghij"


class Match(ABC):
    """One game between a player who is asked in words, and an opponent who plays by rule.

    Attributes:
        name: Of the game.
        opponents: Who can be played against.
        outcome: How it ended for the player; None while it goes on.

    Args:
        opponent: One of ``opponents``.
        first: Whether the player moves first.
        d: Draws of everything that the match draws: a match depends on them and on the player's moves alone.
    """

    name: ClassVar[str]
    opponents: ClassVar[tuple[str, ...]]

    def __init__(self, opponent: str, first: bool, d: Draws) -> None:
        self.opponent, self.first, self.d = opponent, first, d
        self.outcome: Outcome | None = None

    @abstractmethod
    def asked(self) -> str:
        """What the player is asked."""

    @abstractmethod
    def legal(self) -> list[str]:
        """The player's moves, as they are written."""

    @abstractmethod
    def best(self) -> list[str]:
        """The player's best moves, as far as the rule behind them sees; all legal ones where none is better."""

    @abstractmethod
    def take(self, move: str) -> None:
        """The player moves; ``outcome`` tells if that ends the game."""

    @abstractmethod
    def reply(self) -> None:
        """The opponent moves, where the game goes on."""

    def read(self, answer: object) -> tuple[Read, str]:
        """How an answer is read: one move and nothing else, case and a full stop aside.

        Args:
            answer: What the player said.

        Returns:
            ``legal``, ``illegal`` (a move that can't be made: a cell off the board or taken) or ``unreadable``; and the move.
        """
        moves = named(answer)
        if moves is None or len(moves) != 1 or not self.is_move(moves[0]):
            return "unreadable", ""
        return ("legal" if moves[0] in self.legal() else "illegal"), moves[0]

    @abstractmethod
    def is_move(self, word: str) -> bool:
        """Whether a word has the form of a move, on the board or not."""


class RowMatch(Match):
    """So many in a row, against an opponent who plays at random or looks ahead (minimax), evenly among its best moves."""

    opponents = ("random", "minimax")
    board: ClassVar[Board]
    # Moves that minimax looks ahead beyond its own.
    depth: ClassVar[int]
    rules: ClassVar[str]
    # What an answer shall look like.
    form: ClassVar[str]

    def __init__(self, opponent: str, first: bool, d: Draws) -> None:
        super().__init__(opponent, first, d)
        # Marks of the player, and of the opponent.
        self.own = self.others = 0
        if not first:
            self.reply()

    def asked(self) -> str:
        """Rules, board and whose turn it is."""
        mark = to_move(self.own, self.others)
        drawn = self.board.drawn(self.own, self.others)
        return "\n".join([self.rules, *drawn, f"You play {mark}. Which move do you make? {self.form}"])

    def legal(self) -> list[str]:
        """Free cells, or columns that are not full."""
        return [self.written(cell) for cell in sorted(self.board.moves(self.own | self.others))]

    def best(self) -> list[str]:
        """Moves that keep the best result (win, draw, loss), as far as minimax looks."""
        worth = self._worths(self.own, self.others)
        result = max((w > 0) - (w < 0) for w in worth.values())
        return [self.written(cell) for cell, w in worth.items() if (w > 0) - (w < 0) == result]

    def take(self, move: str) -> None:
        """The player's mark is set."""
        cell = next(c for c in self.board.moves(self.own | self.others) if self.written(c) == move)
        self.own |= 1 << cell
        if self.board.wins(self.own, cell):
            self.outcome = "win"
        elif self.own | self.others == self.board.full:
            self.outcome = "draw"

    def reply(self) -> None:
        """A mark at random, or one of most worth."""
        moves = sorted(self.board.moves(self.own | self.others))
        if self.opponent == "minimax":
            worth = self._worths(self.others, self.own)
            moves = [cell for cell in moves if worth[cell] == max(worth.values())]
        cell = self.d.choice(moves)
        self.others |= 1 << cell
        if self.board.wins(self.others, cell):
            self.outcome = "loss"
        elif self.own | self.others == self.board.full:
            self.outcome = "draw"

    def _worths(self, mine: int, other: int) -> dict[int, int]:
        return {
            cell: self.board.worth(mine, other, cell, self.depth) for cell in sorted(self.board.moves(mine | other))
        }

    @abstractmethod
    def written(self, cell: int) -> str:
        """What a move is called."""


@lru_cache(maxsize=100_000)
def _worths(board: Board, mine: int, other: int, depth: int) -> dict[int, int]:
    """What each move is worth."""
    return {cell: board.worth(mine, other, cell, depth) for cell in sorted(board.moves(mine | other))}


class TicTacToeMatch(RowMatch):
    """Tic-tac-toe; minimax looks ahead to the end, so that it never loses."""

    name = "tic-tac-toe"
    board = Board(3, 3, 3, False)
    depth = 8
    rules = (
        "Tic-tac-toe: X and O take turns, X first; three in a row, column or diagonal win. Columns are a, b, c from the left, "
        "rows 1, 2, 3 from the bottom; b1 is the middle of the lowest row. A dot is a free cell."
    )
    form = "Answer with the cell alone: the letter of its column, then the number of its row."

    def is_move(self, word: str) -> bool:
        """A letter and a digit."""
        return len(word) == 2 and word[0].isascii() and word[0].isalpha() and word[1].isdigit()

    def written(self, cell: int) -> str:
        """Column and row."""
        return f"{COLUMNS[cell % 3]}{cell // 3 + 1}"


class ConnectFourMatch(RowMatch):
    """Connect four on the usual board of seven columns and six rows; minimax looks four moves ahead beyond its own."""

    name = "connect-four"
    board = Board(7, 6, 4, True)
    depth = 4
    rules = (
        "Connect four: X and O take turns, X first, and drop a mark into a column, where it falls to the lowest free cell; four in "
        "a row, column or diagonal win. Columns are a to g from the left. A dot is a free cell."
    )
    form = "Answer with the letter of the column alone."

    def is_move(self, word: str) -> bool:
        """A letter."""
        return len(word) == 1 and word.isascii() and word.isalpha()

    def written(self, cell: int) -> str:
        """The column."""
        return COLUMNS[cell % 7]
