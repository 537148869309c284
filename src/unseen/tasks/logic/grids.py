"""Shortest paths on a grid with blocked cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, content_id, tokens_of
from unseen.tasks.draws import Draws

_NAMES = str.maketrans("01", "XO")
_MOVES = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


class ShortestPath(Generated):
    """A shortest way from ``*`` to ``#`` over open cells ``O``; rows end in ``/``. Where none exists: ``infeasible``.

    ``verify`` takes any shortest way.
    """

    name = "shortest-path"
    title = "A shortest way through a grid"
    source = "Reasoning Gym, shortest_path (same ranges)"
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "rows": "ordered",
        "columns": "ordered",
        "steps": "ordered",
        "feasible": "categorical",
    }
    options: ClassVar[Mapping[str, Any]] = {
        "rows": (5, 8),
        "columns": (5, 8),
        "blocked": 0.4,
        "feasible": ("yes", "no"),
        "steps": (0, 10_000),
    }
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "rows": (1, 100),
        "columns": (2, 100),
        "blocked": (0.0, 0.95),
        "steps": (0, 10_000),
    }

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Blocked cells by chance, two ends, breadth first search; drawn again until the options hold."""
        low, high = o["steps"]
        free = len(o["feasible"]) == 2 and (low, high) == (0, 10_000)
        for _ in range(2000):
            rows, columns = d.between(*o["rows"]), d.between(*o["columns"])
            cells = rows * columns
            start = d.below(cells)
            end = (start + 1 + d.below(cells - 1)) % cells
            grid = ~_blocked(d, cells, o["blocked"]) & ((1 << cells) - 1) | 1 << start | 1 << end
            path = _search(grid, columns, cells, start, end)
            if free or (("no" if path is None else "yes") in o["feasible"] and low <= len(path or ()) <= high):
                return self._write(rows, columns, grid, start, end, path)
        raise self.impossible(f"no grid with {dict(o)} in 2,000 draws")

    def _write(self, rows: int, columns: int, grid: int, start: int, end: int, path: list[str] | None) -> Example:
        # Bit 0 is the first cell: the written number is read backwards.
        cells = list(f"{grid:0{rows * columns}b}"[::-1].translate(_NAMES))
        cells[start], cells[end] = "*", "#"
        text = " / ".join([" ".join(cells[i : i + columns]) for i in range(0, rows * columns, columns)])
        factors = {
            "rows": rows,
            "columns": columns,
            "steps": len(path) if path else 0,
            "feasible": "no" if path is None else "yes",
        }
        return Example(content_id(text), text, " ".join(path) if path else "infeasible", factors)

    def verify(self, example: Example, answer: object) -> float:
        """1 for any walk over open cells from start to end that is as short as the target."""
        moves = tokens_of(answer)
        if not moves or len(moves) != len(str(example.target).split()):
            return 0.0
        if example.target == "infeasible":
            return float(moves == ["infeasible"])
        rows = [row.split() for row in str(example.input).split("/")]
        y, x = next((y, x) for y, row in enumerate(rows) for x, cell in enumerate(row) if cell == "*")
        for move in moves:
            if move not in _MOVES:
                return 0.0
            y, x = y + _MOVES[move][0], x + _MOVES[move][1]
            if not (0 <= y < len(rows) and 0 <= x < len(rows[0])) or rows[y][x] == "X":
                return 0.0
        return float(rows[y][x] == "#")


def _blocked(d: Draws, cells: int, share: float) -> int:
    """A mask in which each cell is set with this chance, resolved to 1/256.

    Eight random words joined by and / or from the lowest binary digit of the share: each step halves and may add a
    half.
    """
    words = d.bits(8 * cells)
    level, mask, full = round(share * 256), 0, (1 << cells) - 1
    for digit in range(8):
        word = words >> (digit * cells) & full
        mask = mask | word if level >> digit & 1 else mask & word
    return mask


def _search(grid: int, columns: int, cells: int, start: int, end: int) -> list[str] | None:
    """Breadth first search on a bit board: all cells of one distance are one integer."""
    left_edge = 0
    for i in range(0, cells, columns):
        left_edge |= 1 << i
    not_left, not_right = ~left_edge, ~(left_edge << (columns - 1))
    front, goal = 1 << start, 1 << end
    open_cells = grid & ~front
    fronts = [front]
    while not front & goal:
        front = ((front & not_right) << 1 | (front & not_left) >> 1 | front << columns | front >> columns) & open_cells
        if not front:
            return None
        open_cells &= ~front
        fronts.append(front)
    path: list[str] = []
    at = end
    for front in reversed(fronts[:-1]):
        x = at % columns
        if x and front >> (at - 1) & 1:
            at, move = at - 1, "right"
        elif x < columns - 1 and front >> (at + 1) & 1:
            at, move = at + 1, "left"
        elif at >= columns and front >> (at - columns) & 1:
            at, move = at - columns, "down"
        else:
            at, move = at + columns, "up"
        path.append(move)
    path.reverse()
    return path
