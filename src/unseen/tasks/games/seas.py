"""Battleship: fleets, what shots tell of them, and how likely each cell is to hold a ship."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from unseen.tasks.draws import Draws


class Sea:
    """A grid on which ships lie straight, across or up; they may touch, and never share a cell. Cells are bits, from below left.

    Args:
        columns: Width.
        rows: Height.
        fleet: Lengths of the ships.

    >>> len(Sea(5, 5, (3, 2)).places(2))
    40
    """

    def __init__(self, columns: int, rows: int, fleet: Sequence[int]) -> None:
        self.columns, self.rows, self.fleet = columns, rows, tuple(sorted(fleet, reverse=True))
        self.cells = columns * rows

    def places(self, length: int) -> tuple[int, ...]:
        """All placements of a ship."""
        return _places(self.columns, self.rows, length)

    def drawn(self, d: Draws) -> list[int]:
        """A fleet, evenly among all that there are: places by chance until no two share a cell."""
        while True:
            ships = [d.choice(self.places(length)) for length in self.fleet]
            if sum(ship.bit_count() for ship in ships) == _union(ships).bit_count():
                return ships

    def fleets(self, missed: int, hit: int) -> Iterator[tuple[int, ...]]:
        """All fleets that fit shots of which none has sunk a ship: no miss covered, each hit covered, each ship somewhere unhit.

        Ships of one length are told apart, which makes no cell likelier.
        """
        fits = [[p for p in self.places(n) if not p & missed and p & ~hit] for n in self.fleet]
        later = [sum(self.fleet[i:]) for i in range(len(self.fleet) + 1)]

        def place(i: int, taken: int, chosen: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
            if (hit & ~taken).bit_count() > later[i]:
                return
            if i == len(self.fleet):
                yield chosen
                return
            for p in fits[i]:
                if not p & taken:
                    yield from place(i + 1, taken | p, (*chosen, p))

        yield from place(0, 0, ())

    def counts(self, missed: int, hit: int) -> tuple[list[int], int]:
        """In how many of the fleets that fit each cell holds a ship, and how many fleets fit."""
        counts, total = [0] * self.cells, 0
        for ships in self.fleets(missed, hit):
            total += 1
            for cell in bits(_union(ships)):
                counts[cell] += 1
        return counts, total

    def weights(self, missed: int, hit: int, left: Iterable[int]) -> list[int]:
        """The probability map: for each cell, placements of the ships that are left which hold it and fit the shots.

        Where there are hits on ships that still float, only placements through one of them count, by the number of hits that
        they explain squared. Ships are placed one by one, without regard to each other, so that this is quick on any board;
        of one ship it is the exact count.

        Args:
            missed: Cells that hold no ship that is left: misses, and ships that sank.
            hit: Hits on ships that still float.
            left: Lengths of the ships that float.

        Source: Berry (2011), Battleship, datagenetics.com (hunt and target by probability density).
        """
        weights, left = [0] * self.cells, list(left)
        # One ship that is left alone explains all hits.
        least = hit.bit_count() if len(left) == 1 else min(1, hit.bit_count())
        for length in left:
            for p in self.places(length):
                explained = (p & hit).bit_count()
                # A ship all of whose cells are hit would have sunk.
                if not p & missed and p & ~hit and explained >= least:
                    for cell in bits(p & ~hit):
                        weights[cell] += explained * explained or 1
        return weights

    def lines(self, marks: Sequence[str]) -> list[str]:
        """Rows from the top, a mark for each cell."""
        return [" ".join(marks[y * self.columns : (y + 1) * self.columns]) for y in reversed(range(self.rows))]


def bits(mask: int) -> list[int]:
    """Numbers of the cells in a mask.

    >>> bits(0b1010)
    [1, 3]
    """
    return [i for i in range(mask.bit_length()) if mask >> i & 1]


def _union(ships: Iterable[int]) -> int:
    mask = 0
    for ship in ships:
        mask |= ship
    return mask


@cache
def _places(columns: int, rows: int, length: int) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for y in range(rows):
        for x in range(columns):
            for dx, dy in ((1, 0), (0, 1)):
                if x + dx * (length - 1) < columns and y + dy * (length - 1) < rows:
                    found[sum(1 << (y + i * dy) * columns + x + i * dx for i in range(length))] = None
    return tuple(found)
