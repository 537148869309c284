"""Latin squares with gaps and one solution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any, ClassVar, cast

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_text
from unseen.tasks.draws import Draws

GAP = "_"


class LatinSquare(Generated):
    """Fill the gaps so that each number stands once in each row and column; a complete search shows that one way fits."""

    name = "latin-square"
    title = "Fill a Latin square that has one solution"
    source = "Latin squares; one solution is shown by a complete search"
    separator = "\n"
    options: ClassVar[Mapping[str, Any]] = {"size": (3, 5), "gaps": (1, 14)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"size": (2, 7), "gaps": (1, 36)}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"size": "ordered", "gaps": "ordered"}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A square by chance; cells are emptied in random order where the solution stays the only one."""
        for _ in range(200):
            size = d.between(*o["size"])
            low, high = o["gaps"][0], min(o["gaps"][1], size * size)
            if low > high:
                continue
            wanted = d.between(low, high)
            square = [0] * (size * size)
            full = next(solutions(square, size, d))
            shown = list(full)
            left = wanted
            for cell in d.pick(range(size * size), size * size):
                if left:
                    shown[cell] = 0
                    two = solutions(shown, size)
                    next(two)
                    if next(two, None) is None:
                        left -= 1
                    else:
                        shown[cell] = full[cell]
            if wanted - left >= low:
                return self._write(shown, full, size, wanted - left)
        raise self.impossible(f"no square with {dict(o)} in 200 draws")

    def _write(self, shown: list[int], full: list[int], size: int, gaps: int) -> Example:
        text = [
            f"Fill each gap {GAP} with a number from 1 to {size}, so that each number stands once in each row and column:",
            *_rows(shown, size),
            "Answer with the full square, row by row, and nothing else.",
        ]
        return of_text("\n".join(text), "\n".join(_rows(full, size)), {"size": size, "gaps": gaps})

    def verify(self, example: Example, answer: object) -> float:
        """1 where the rows are those of the solution; blank lines and spaces do not count."""
        return float(_read(answer) == _read(example.target))

    def oracle(self, example: Example) -> str:
        """Every way to choose a permutation for each row."""
        lines = str(example.input).split("\n")[1:-1]
        rows = [line.split() for line in lines]
        fits = [
            [
                p
                for p in permutations(map(str, range(1, len(rows) + 1)))
                if all(a in (GAP, b) for a, b in zip(row, p, strict=True))
            ]
            for row in rows
        ]
        found = [()]
        for options in fits:
            found = [
                (*above, p)
                for above in found
                for p in options
                if not any(a == b for q in above for a, b in zip(p, q, strict=True))
            ]
        return " or ".join("\n".join(" ".join(row) for row in square) for square in found)


def solutions(square: Sequence[int], size: int, d: Draws | None = None) -> Iterator[list[int]]:
    """All ways to fill a square (0 is a gap), cells with the fewest choices first; in random order if draws are given.

    >>> [sum(1 for _ in solutions([0] * n * n, n)) for n in (1, 2, 3, 4)]
    [1, 2, 12, 576]
    """
    cells, rows, columns = list(square), [0] * size, [0] * size
    for i, number in enumerate(cells):
        if number:
            bit = 1 << number
            if (rows[i // size] | columns[i % size]) & bit:
                return
            rows[i // size] |= bit
            columns[i % size] |= bit
    yield from _filled(cells, rows, columns, size, d)


def _filled(cells: list[int], rows: list[int], columns: list[int], size: int, d: Draws | None) -> Iterator[list[int]]:
    every, best, choice = (1 << size + 1) - 2, size + 1, (-1, 0)
    for i, number in enumerate(cells):
        if not number:
            free = every & ~(rows[i // size] | columns[i % size])
            if free.bit_count() < best:
                best, choice = free.bit_count(), (i, free)
                if best < 2:
                    break
    at, free = choice
    if at < 0:
        yield list(cells)
        return
    numbers = [n for n in range(1, size + 1) if free >> n & 1]
    if d is not None:
        d.shuffle(numbers)
    y, x = divmod(at, size)
    for number in numbers:
        cells[at] = number
        rows[y] ^= 1 << number
        columns[x] ^= 1 << number
        yield from _filled(cells, rows, columns, size, d)
        cells[at] = 0
        rows[y] ^= 1 << number
        columns[x] ^= 1 << number


def _rows(cells: Sequence[int], size: int) -> list[str]:
    return [" ".join(str(n or GAP) for n in cells[i : i + size]) for i in range(0, size * size, size)]


def _read(answer: object) -> list[list[str]] | None:
    if isinstance(answer, list | tuple) and all(isinstance(t, str) for t in cast("Sequence[object]", answer)):
        answer = "\n".join(cast("Sequence[str]", answer))
    if not isinstance(answer, str):
        return None
    return [line.split() for line in answer.split("\n") if line.strip()]
