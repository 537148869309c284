"""Battleship: the likeliest cells in a position, and whole games against shots at random or by a probability map."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_text
from unseen.tasks.draws import Draws
from unseen.tasks.games.boards import named
from unseen.tasks.games.matches import COLUMNS, Match
from unseen.tasks.games.seas import Sea, bits

ASKS = ("all", "one")
FLEETS: Mapping[str, tuple[int, ...]] = {
    "2": (2,),
    "3": (3,),
    "3-2": (3, 2),
    "4-2": (4, 2),
    "3-3": (3, 3),
    "3-2-2": (3, 2, 2),
}
_QUESTION = {
    "all": "Which cells not yet shot at are most likely to hold a ship, if all fleets that fit are equally likely? Name all of "
    "these cells, and nothing else.",
    "one": "Which cell not yet shot at is most likely to hold a ship, if all fleets that fit are equally likely? Name one such "
    "cell, and nothing else.",
}


class Battleship(Generated):
    """Shots and what they hit; the cells that hold a ship in most of all fleets that fit, found by looking at every fleet.

    No ship has sunk. ``chance`` is the share of fleets that hold a ship in the best cells; ``fleets`` counts those that fit.
    """

    name = "battleship"
    title = "Likeliest cells in battleship"
    source = (
        "Counting of all fleets; after ChildPlay (Hora de Carvalho, Knap & Pollice, 2024), whose prompts are not used"
    )
    separator = "\n"
    settings: ClassVar[Mapping[str, Any]] = {"ask": "all", "columns": 5, "rows": 5}
    options: ClassVar[Mapping[str, Any]] = {
        "shots": (1, 14),
        "hits": (0, 3),
        "ships": tuple(FLEETS)[:5],
        "best": (1, 6),
    }
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"ask": ASKS, "ships": tuple(FLEETS)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "columns": (4, 7),
        "rows": (4, 7),
        "shots": (0, 40),
        "hits": (0, 4),
        "best": (1, 12),
    }
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "shots": "ordered",
        "hits": "ordered",
        "ships": "categorical",
        "best": "ordered",
        "chance": "ordered",
        "fleets": "ordered",
    }

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A fleet and shots by chance until no ship has sunk and the options hold."""
        columns, rows = self.given["columns"], self.given["rows"]
        for _ in range(4000):
            ships = d.choice(o["ships"])
            sea = Sea(columns, rows, FLEETS[ships])
            fleet, number = sea.drawn(d), d.between(*o["shots"])
            taken, shot = sum(fleet), 0
            hits = d.between(*o["hits"])
            if hits > number or number >= sea.cells:
                continue
            water = [c for c in range(sea.cells) if not taken >> c & 1]
            if hits > taken.bit_count() or number - hits > len(water):
                continue
            for cell in [*d.pick(bits(taken), hits), *d.pick(water, number - hits)]:
                shot |= 1 << cell
            if any(not ship & ~shot for ship in fleet):
                continue
            missed, hit = shot & ~taken, shot & taken
            counts, total = sea.counts(missed, hit)
            most = max(n for c, n in enumerate(counts) if not shot >> c & 1)
            best = [c for c, n in enumerate(counts) if n == most and not shot >> c & 1]
            if o["best"][0] <= len(best) <= o["best"][1] and len(best) < sea.cells - number:
                return self._write(sea, ships, missed, hit, best, most, total)
        raise self.impossible(f"no position with {dict(o)} in 4,000 draws")

    def _write(self, sea: Sea, ships: str, missed: int, hit: int, best: list[int], most: int, total: int) -> Example:
        marks = ["x" if hit >> c & 1 else "o" if missed >> c & 1 else "." for c in range(sea.cells)]
        text = [_rules(sea), "x is a hit, o is water, a dot was not shot at. No ship has sunk yet.", *sea.lines(marks)]
        names = sorted(cell_name(c, sea) for c in best)
        factors = {
            "shots": (missed | hit).bit_count(),
            "hits": hit.bit_count(),
            "ships": ships,
            "best": len(best),
            "chance": round(most / total, 6),
            "fleets": total,
        }
        target = ", ".join(names) if self.given["ask"] == "all" else names[0]
        return of_text(
            "\n".join([*text, _QUESTION[self.given["ask"]]]), target, factors, {"best": names, "marks": marks}
        )

    def verify(self, example: Example, answer: object) -> float:
        """1 for the set of likeliest cells in any order; with ``ask="one"`` for any one of them."""
        given = named(answer)
        if given is None:
            return 0.0
        if self.given["ask"] == "one":
            return float(len(given) == 1 and given[0] in example.hidden["best"])
        return float(sorted(given) == example.hidden["best"])

    def oracle(self, example: Example) -> str | None:
        """Sets of cells: every way to lay the ships, one after the other, held against the drawing; None for three ships."""
        fleet = FLEETS[str(example.factors["ships"])]
        if len(fleet) > 2:
            return None
        sea = Sea(self.given["columns"], self.given["rows"], fleet)
        cells = {(i % sea.columns, i // sea.columns): mark for i, mark in enumerate(example.hidden["marks"])}
        ways = [
            [
                {(x + k * dx, y + k * dy) for k in range(n)}
                for x, y in cells
                for dx, dy in ((1, 0), (0, 1))
                if (x + (n - 1) * dx, y + (n - 1) * dy) in cells
            ]
            for n in fleet
        ]
        often = dict.fromkeys(cells, 0)
        for ships in product(*ways):
            covered: set[tuple[int, int]] = set().union(*ships)
            if (
                len(covered) == sum(fleet)
                and all((cell in covered) == (mark == "x") for cell, mark in cells.items() if mark != ".")
                and all(any(cells[cell] == "." for cell in ship) for ship in ships)
            ):
                for cell in covered:
                    often[cell] += 1
        free = {cell: n for cell, n in often.items() if cells[cell] == "."}
        best = sorted(f"{COLUMNS[x]}{y + 1}" for (x, y), n in free.items() if n == max(free.values()))
        return ", ".join(best) if self.given["ask"] == "all" else best[0]


class BattleshipMatch(Match):
    """Two hidden fleets on boards of six by six; shots take turns, and who first sinks all ships of the other has won.

    The opponent shoots at random among cells that it has not shot at, or by the probability map.
    """

    name = "battleship"
    opponents = ("random", "map")
    sea: ClassVar[Sea] = Sea(6, 6, (4, 3, 2))

    def __init__(self, opponent: str, first: bool, d: Draws) -> None:
        super().__init__(opponent, first, d)
        # What the player shoots at, and what the opponent does.
        self.target, self.own = Shots(self.sea, self.sea.drawn(d)), Shots(self.sea, self.sea.drawn(d))
        if not first:
            self.reply()

    def asked(self) -> str:
        """Rules, what the player's shots told so far, and which ships still float."""
        left = self.target.left()
        return "\n".join(
            [
                _rules(self.sea),
                "You shoot at the other's fleet. x is a hit, # a ship that sank, o is water, a dot was not shot at.",
                *self.sea.lines(self.target.marks()),
                f"Still afloat: {_lengths(left)}. Which cell do you shoot at next? Answer with the cell alone: the letter of its "
                "column, then the number of its row.",
            ]
        )

    def legal(self) -> list[str]:
        """Cells that the player has not shot at."""
        return [cell_name(c, self.sea) for c in self.target.free()]

    def best(self) -> list[str]:
        """Cells of most weight by the probability map."""
        return [cell_name(c, self.sea) for c in self.target.likeliest()]

    def take(self, move: str) -> None:
        """The player shoots."""
        self.target.shoot(next(c for c in range(self.sea.cells) if cell_name(c, self.sea) == move))
        if not self.target.left():
            self.outcome = "win"

    def reply(self) -> None:
        """The opponent shoots."""
        self.own.shoot(self.d.choice(self.own.likeliest() if self.opponent == "map" else self.own.free()))
        if not self.own.left():
            self.outcome = "loss"

    def is_move(self, word: str) -> bool:
        """A letter and a number."""
        return len(word) in (2, 3) and word[0].isascii() and word[0].isalpha() and word[1:].isdigit()


class Shots:
    """A hidden fleet and the shots at it.

    Args:
        sea: The board.
        fleet: Ships as masks.
    """

    def __init__(self, sea: Sea, fleet: list[int]) -> None:
        self.sea, self.fleet, self.shot = sea, fleet, 0

    def shoot(self, cell: int) -> None:
        """Shoot at a cell."""
        self.shot |= 1 << cell

    def free(self) -> list[int]:
        """Cells not shot at."""
        return bits((1 << self.sea.cells) - 1 & ~self.shot)

    def left(self) -> list[int]:
        """Lengths of the ships that float."""
        return [ship.bit_count() for ship in self.fleet if ship & ~self.shot]

    def marks(self) -> list[str]:
        """What is known of each cell: x, #, o or a dot."""
        sunk = sum(ship for ship in self.fleet if not ship & ~self.shot)
        taken = sum(self.fleet)
        return [
            "#" if sunk >> c & 1 else "." if not self.shot >> c & 1 else "x" if taken >> c & 1 else "o"
            for c in range(self.sea.cells)
        ]

    def likeliest(self) -> list[int]:
        """Cells of most weight by the probability map."""
        marks = self.marks()
        hit = sum(1 << c for c, mark in enumerate(marks) if mark == "x")
        gone = sum(1 << c for c, mark in enumerate(marks) if mark in "o#")
        weights = self.sea.weights(gone, hit, self.left())
        free = self.free()
        most = max(weights[c] for c in free)
        return [c for c in free if weights[c] == most]


def cell_name(cell: int, sea: Sea) -> str:
    """Column and row."""
    return f"{COLUMNS[cell % sea.columns]}{cell // sea.columns + 1}"


def _rules(sea: Sea) -> str:
    last, ships = COLUMNS[sea.columns - 1], "1 hidden ship" if len(sea.fleet) == 1 else f"{len(sea.fleet)} hidden ships"
    return (
        f"Battleship: {ships} of length {_lengths(list(sea.fleet))} on a board of columns a to {last} from the left and rows 1 to "
        f"{sea.rows} from the bottom. Ships lie straight, across or up; they may touch, and never share a cell."
    )


def _lengths(lengths: list[int]) -> str:
    words = [str(n) for n in sorted(lengths, reverse=True)]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
