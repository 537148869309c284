"""Pictures whose question an algorithm answers: rot that spreads, days of a calendar, jugs of water, tiles on a board."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws

SIDE = 4
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
GIVEN = ("nothing", "perception", "rule")
# What is drawn, what is seen, and the answer.
Drawn = tuple[list[str], dict[str, Any], str]
RULE = {
    "rot": "each minute rot spreads to neighbours",
    "calendar": "days repeat after seven",
    "jugs": "pour until one is empty or the other full",
    "tiles": "a tile covers neighbours",
}


def neighbours(cell: int) -> list[int]:
    """Cells beside a cell of the board, up, down, left and right."""
    y, x = divmod(cell, SIDE)
    around = ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
    return [v * SIDE + u for v, u in around if 0 <= v < SIDE and 0 <= u < SIDE]


def minutes(fresh: frozenset[int], rotten: frozenset[int]) -> int:
    """Minutes until nothing that can rot is fresh: the largest distance to what is rotten, over fresh cells."""
    far, queue = dict.fromkeys(rotten, 0), deque(rotten)
    while queue:
        cell = queue.popleft()
        for other in neighbours(cell):
            if other in fresh and other not in far:
                far[other] = far[cell] + 1
                queue.append(other)
    return max(far.values())


def weekday(first: int, day: int, months: Sequence[int]) -> int:
    """Day of the week, from 0, of a day after months of so many days, where the first day of the first has this one."""
    return (first + sum(months) + day - 1) % 7


def pours(sizes: tuple[int, int, int], start: tuple[int, int, int], goal: int) -> int:
    """Fewest pours until some jug holds so much; -1 where none does."""
    far, queue = {start: 0}, deque([start])
    while queue:
        state = queue.popleft()
        if goal in state:
            return far[state]
        for after in poured(sizes, state):
            if after not in far:
                far[after] = far[state] + 1
                queue.append(after)
    return -1


def poured(sizes: tuple[int, int, int], state: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """States after one pour."""
    found: list[tuple[int, int, int]] = []
    for a in range(3):
        for b in range(3):
            much = min(state[a], sizes[b] - state[b])
            if a != b and much:
                after = list(state)
                after[a] -= much
                after[b] += much
                found.append((after[0], after[1], after[2]))
    return found


def tileable(cells: frozenset[int]) -> bool:
    """Whether tiles of two cells cover these cells: a perfect matching of dark with light cells, by augmenting paths."""
    dark = [c for c in cells if sum(divmod(c, SIDE)) % 2 == 0]
    if 2 * len(dark) != len(cells):
        return False
    matched: dict[int, int] = {}

    def placed(cell: int, tried: set[int]) -> bool:
        for other in neighbours(cell):
            if other in cells and other not in tried:
                tried.add(other)
                if other not in matched or placed(matched[other], tried):
                    matched[other] = cell
                    return True
        return False

    return all(placed(cell, set()) for cell in dark)


def _rot(d: Draws) -> Drawn:
    kinds = [d.choice((".", "o", "o", "o")) for _ in range(SIDE * SIDE)]
    for cell in d.pick(range(SIDE * SIDE), d.between(1, 2)):
        kinds[cell] = "x"
    fresh, rotten = (frozenset(i for i, k in enumerate(kinds) if k == mark) for mark in "ox")
    return kinds, {"fresh": sorted(fresh), "rotten": sorted(rotten)}, str(minutes(fresh, rotten))


def _calendar(d: Draws) -> Drawn:
    year, month, ahead, day = d.between(2001, 2099), d.between(1, 12), d.between(0, 3), d.between(1, 28)
    start = date(year, month, 1)
    lengths, at = list[int](), start
    for _ in range(ahead):
        after = (at.replace(day=28) + timedelta(days=4)).replace(day=1)
        lengths.append((after - at).days)
        at = after
    first = start.weekday()
    # Weeks of the month that is shown: a row of seven a week, "-" before the first day.
    shown = ["-"] * first + [str(n) for n in range(1, 29)]
    picture = [*shown, "months", *(str(n) for n in lengths), "day", str(day)]
    return picture, {"first": first, "months": lengths, "day": day}, DAYS[weekday(first, day, lengths)]


def _jugs(d: Draws) -> Drawn:
    while True:
        large = d.between(5, 9)
        middle, small = d.between(3, large - 1), d.between(1, 3)
        sizes, start = (large, middle, small), (large, 0, 0)
        goal = d.between(1, large)
        fewest = pours(sizes, start, goal)
        if fewest >= 0 and small < middle:
            break
    picture = [*(t for size, held in zip(sizes, start, strict=True) for t in ("~" * held + "." * (size - held), "u"))]
    tokens = [pixel for part in picture for pixel in part]
    return [*tokens, "goal", str(goal)], {"sizes": list(sizes), "start": list(start), "goal": goal}, str(fewest)


def _tiles(d: Draws) -> Drawn:
    gone = d.pick(range(SIDE * SIDE), 2 * d.between(1, 3))
    cells = frozenset(range(SIDE * SIDE)) - frozenset(gone)
    picture = ["." if i in cells else "#" for i in range(SIDE * SIDE)]
    return picture, {"gone": sorted(gone)}, "yes" if tileable(cells) else "no"


MAKERS: Mapping[str, Callable[[Draws], Drawn]] = {"rot": _rot, "calendar": _calendar, "jugs": _jugs, "tiles": _tiles}


def _slow_rot(seen: Mapping[str, Any]) -> str:
    """Minute by minute."""
    fresh, rotten, minute = set(seen["fresh"]), set(seen["rotten"]), 0
    while caught := {c for c in fresh if rotten & set(neighbours(c))}:
        fresh, rotten, minute = fresh - caught, rotten | caught, minute + 1
    return str(minute)


def _slow_calendar(seen: Mapping[str, Any]) -> str:
    """Day by day."""
    at = seen["first"]
    for _ in range(sum(seen["months"]) + seen["day"] - 1):
        at = 0 if at == 6 else at + 1
    return DAYS[at]


def _slow_jugs(seen: Mapping[str, Any]) -> str:
    """All sequences of one pour, of two, and so on, without those that come back."""
    sizes, front, count = tuple(seen["sizes"]), {tuple(seen["start"])}, 0
    while not any(seen["goal"] in state for state in front):
        front, count = {after for state in front for after in poured(sizes, state)}, count + 1
    return str(count)


def _slow_tiles(seen: Mapping[str, Any]) -> str:
    """Every way to lay a tile on the first cell that is open."""

    @cache
    def covers(cells: frozenset[int]) -> bool:
        if not cells:
            return True
        first = min(cells)
        return any(covers(cells - {first, other}) for other in neighbours(first) if other in cells)

    return "yes" if covers(frozenset(range(SIDE * SIDE)) - frozenset(seen["gone"])) else "no"


SLOW: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "rot": _slow_rot, "calendar": _slow_calendar, "jugs": _slow_jugs, "tiles": _slow_tiles,
}  # fmt: skip


class AlgorithmicPicture(Generated):
    """A picture and a question that an algorithm answers.

    ``rot``: minutes until rot (``x``) has spread to all fresh cells (``o``) that it reaches, on a board of four by four.
    ``calendar``: a month in rows of seven, the days of months that pass, and a day: which day of the week it is. ``jugs``:
    three jugs as pixels, the first full, and how few pours leave a jug with the goal. ``tiles``: whether tiles of two
    cover the open cells (``.``). ``given`` adds what is seen in words, or that and the rule.
    """

    name = "algorithmic-picture"
    title = "A picture and a question that an algorithm answers"
    source = (
        "Ghosal et al. (2024), AlgoPuzzleVQA (rotting kiwi, calendar, water jugs, board tile), and Toh et al. (2025), The "
        "Jumping Reasoning Curve; four of eighteen puzzles, on smaller boards"
    )
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"kind": "categorical", "given": "categorical"}
    options: ClassVar[Mapping[str, Any]] = {"kind": tuple(MAKERS), "given": ("nothing",)}
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"given": GIVEN}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Kind, picture, stages."""
        kind, given = d.choice(o["kind"]), d.choice(o["given"])
        picture, seen, answer = MAKERS[kind](d)
        tokens = [kind, *picture]
        if given != "nothing":
            tokens.append("seen")
            for name, value in seen.items():
                tokens += [name, *(str(v) for v in (value if isinstance(value, list) else [value]))]
        if given == "rule":
            tokens += ["rule", *RULE[kind].split()]
        return of_tokens(tokens, [answer], {"kind": kind, "given": given}, {"seen": seen})

    def oracle(self, example: Example) -> str | list[str] | None:
        """The answer by going through it step by step, or through every way."""
        return [SLOW[str(example.factors["kind"])](example.hidden["seen"])]
