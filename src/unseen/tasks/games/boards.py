"""Games of getting so many in a row: lines, positions, and their values by looking at every way to play on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from unseen.tasks.draws import Draws

Position = tuple[int, int]
VALUES = {1: "win", 0: "draw", -1: "loss"}
# Values of this many positions are kept, then forgotten: a long sample must not fill memory.
KEPT = 400_000
# Boards of so few cells have few enough positions to keep them all.
SMALL = 9


class Board:
    """A board on which two players set marks in turn until one has enough in a row.

    A position is two bit masks: marks of the player to move, and marks of the other. Cell ``row * columns + column`` is
    counted from the lowest row.

    Args:
        columns: Width.
        rows: Height.
        connect: How many in a row win.
        gravity: Whether a mark falls to the lowest free cell of its column.

    >>> len(Board(7, 6, 4, True).lines)
    69
    """

    def __init__(self, columns: int, rows: int, connect: int, gravity: bool) -> None:
        self.columns, self.rows, self.gravity = columns, rows, gravity
        self.cells = columns * rows
        self.full = (1 << self.cells) - 1
        self.lines = [
            sum(1 << (y + i * dy) * columns + x + i * dx for i in range(connect))
            for y in range(rows)
            for x in range(columns)
            for dx, dy in ((1, 0), (0, 1), (1, 1), (-1, 1))
            if 0 <= x + (connect - 1) * dx < columns and y + (connect - 1) * dy < rows
        ]
        self._through = [[line for line in self.lines if line >> cell & 1] for cell in range(self.cells)]
        column = sum(1 << y * columns for y in range(rows))
        self._columns = [column << x for x in range(columns)]
        # From the middle outwards: good moves first, so that a win is found early.
        self._order = sorted(range(columns), key=lambda x: abs(2 * x - columns + 1))
        self._values: dict[Position, int] = {}
        self._seen: dict[tuple[int, int, int], int] = {}

    def moves(self, taken: int) -> list[int]:
        """Cells that the next mark can take."""
        free = self.full & ~taken
        if not self.gravity:
            return [cell for cell in range(self.cells) if free >> cell & 1]
        lowest = [free & self._columns[x] for x in self._order]
        return [(some & -some).bit_length() - 1 for some in lowest if some]

    def wins(self, mine: int, cell: int) -> bool:
        """Whether a mark in this cell, which ``mine`` holds, is part of a full line."""
        return any(mine & line == line for line in self._through[cell])

    def value(self, mine: int, other: int) -> int:
        """What the player to move gets if both play perfectly: 1 win, 0 draw, -1 loss. Nobody has won yet."""
        known = self._values.get((mine, other))
        if known is not None:
            return known
        moves = self.moves(mine | other)
        best = -1 if moves else 0
        for cell in moves:
            if self.wins(mine | 1 << cell, cell):
                best = 1
                break
        else:
            for cell in moves:
                best = max(best, -self.value(other, mine | 1 << cell))
                if best == 1:
                    break
        if len(self._values) >= KEPT:
            self._values.clear()
        self._values[mine, other] = best
        return best

    def after(self, mine: int, other: int, cell: int) -> int:
        """What the player to move gets by this move."""
        mine |= 1 << cell
        return 1 if self.wins(mine, cell) else -self.value(other, mine)

    def judged(self, mine: int, other: int) -> dict[int, int]:
        """The value of each move, by cell."""
        return {cell: self.after(mine, other, cell) for cell in sorted(self.moves(mine | other))}

    def worth(self, mine: int, other: int, cell: int, depth: int) -> int:
        """What a move is worth if both sides look so many further moves ahead: a win sooner is worth more, a loss later less bad.

        A win at once is worth ``depth + 1``, a win two moves later ``depth - 1``; a loss is the negative; 0 is a draw, or a
        position beyond what is looked at.

        Source: Knuth & Moore (1975), An analysis of alpha-beta pruning, section 2 (negamax, and pruning in F2).
        """
        mine |= 1 << cell
        if self.wins(mine, cell):
            return depth + 1
        return -self._looked(other, mine, depth, -self.cells - 1, self.cells + 1)

    def _looked(self, mine: int, other: int, depth: int, least: int, most: int) -> int:
        if self.cells <= SMALL:
            # So few positions that all of them are kept; what is kept is exact, so nothing is pruned.
            least, most = -self.cells - 1, self.cells + 1
            known = self._seen.get((mine, other, depth))
            if known is not None:
                return known
        moves = self.moves(mine | other) if depth else []
        best = -self.cells - 1 if moves else 0
        for cell in moves:
            after = mine | 1 << cell
            found = (
                depth if self.wins(after, cell) else -self._looked(other, after, depth - 1, -most, -max(least, best))
            )
            best = max(best, found)
            if best >= most:
                break
        if self.cells <= SMALL:
            self._seen[mine, other, depth] = best
        return best

    def played(self, d: Draws, plies: int) -> Position | None:
        """A position after so many moves at random, or None where somebody wins before."""
        mine = other = 0
        for _ in range(plies):
            cell = d.choice(self.moves(mine | other))
            mine |= 1 << cell
            if self.wins(mine, cell):
                return None
            mine, other = other, mine
        return mine, other

    def drawn(self, mine: int, other: int) -> list[str]:
        """Rows from the top: X moved first, so that X is to move where both have as many marks."""
        x, o = (mine, other) if mine.bit_count() == other.bit_count() else (other, mine)
        marks = ["X" if x >> i & 1 else "O" if o >> i & 1 else "." for i in range(self.cells)]
        return [" ".join(marks[y * self.columns : (y + 1) * self.columns]) for y in reversed(range(self.rows))]


def to_move(mine: int, other: int) -> str:
    """Whose turn it is."""
    return "X" if mine.bit_count() == other.bit_count() else "O"


def named(answer: object) -> list[str] | None:
    """Moves that an answer names: words between commas, spaces or "and", each once and in small letters; else None.

    >>> named("A1, c3 and b2."), named("a1 a1"), named("")
    (['a1', 'c3', 'b2'], None, None)
    """
    if isinstance(answer, list | tuple):
        parts = cast("Sequence[object]", answer)
        if not all(isinstance(part, str) for part in parts):
            return None
        answer = "\n".join(cast("Sequence[str]", parts))
    if not isinstance(answer, str):
        return None
    words = [w for w in answer.lower().strip().removesuffix(".").replace(",", " ").split() if w != "and"]
    return words if words and len(set(words)) == len(words) else None
