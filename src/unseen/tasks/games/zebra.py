"""Houses in a row: who has what follows from clues, in one way alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import permutations, product
from typing import Any, ClassVar, cast

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_text
from unseen.tasks.draws import Draws

# What houses differ by: the values, and how a house is called by its value.
ATTRIBUTES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "colour": (("red", "blue", "green", "yellow", "white"), "the {} house"),
    "pet": (("cat", "dog", "horse", "parrot", "snail"), "the house with the {}"),
    "drink": (("tea", "milk", "coffee", "juice", "water"), "the house where {} is drunk"),
    "owner": (("nurse", "baker", "pilot", "judge", "painter"), "the house of the {}"),
    "music": (("jazz", "rock", "opera", "folk", "blues"), "the house where {} is played"),
}
# Clues about two things at houses a and b (numbered from 0), in the order of how much they tell.
RELATIONS = ("same", "left", "next", "before", "apart")
CLUES = ("at", *RELATIONS)
_SAID = {
    "same": "{a} is {b}.",
    "left": "{a} is directly to the left of {b}.",
    "next": "{a} is next to {b}.",
    "before": "{a} is somewhere to the left of {b}.",
    "apart": "{a} is not {b}.",
}
# A clue: its kind, then attribute and value of one thing, then those of the other, or a house and 0 for "at".
Clue = tuple[str, int, int, int, int]
_LINE = re.compile(r"(?:house\s*)?(\d+)\s*[:.)-]\s*(.+?)[.;]?\s*")


def related(kind: str, a: int, b: int) -> bool:
    """Whether a clue holds of two houses."""
    return {"same": a == b, "left": a + 1 == b, "next": abs(a - b) == 1, "before": a < b, "apart": a != b}[kind]


class ZebraPuzzle(Generated):
    """Houses with a value each of several attributes; every clue is needed, and a complete search shows one solution."""

    name = "zebra-puzzle"
    title = "Who has what in a row of houses, from clues with one solution"
    source = (
        "The zebra puzzle (Life International, 1962); after Lin et al. (2025), ZebraLogic, whose puzzles are not used"
    )
    separator = "\n"
    options: ClassVar[Mapping[str, Any]] = {"houses": (2, 4), "attributes": (2, 4), "clues": (1, 40), "kinds": CLUES}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"houses": (2, 5), "attributes": (1, 5), "clues": (1, 40)}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "houses": "ordered",
        "attributes": "ordered",
        "clues": "ordered",
        "kinds": "set",
    }

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """True clues by chance until one solution is left; then those that are not needed go."""
        if not {"at", "left", "before"} & set(o["kinds"]):
            raise self.impossible(
                "its clues would hold of the row read from the other side, too: take at, left or before"
            )
        for _ in range(500):
            houses, count = d.between(*o["houses"]), d.between(*o["attributes"])
            truth = [d.pick(range(houses), houses) for _ in range(count)]
            clues: list[Clue] = []
            for _ in range(600):
                clue = _drawn(d, truth, houses, o["kinds"])
                if clue is not None and clue not in clues:
                    clues.append(clue)
                    if len(clues) >= count and len(solve(clues, houses, count, 2)) == 1:
                        break
            else:
                continue
            for clue in list(clues):
                fewer = [c for c in clues if c != clue]
                if len(solve(fewer, houses, count, 2)) == 1:
                    clues = fewer
            if o["clues"][0] <= len(clues) <= o["clues"][1]:
                d.shuffle(clues)
                return self._write(d, truth, clues, houses)
        raise self.impossible(f"no puzzle with {dict(o)} in 500 draws")

    def _write(self, d: Draws, truth: list[list[int]], clues: list[Clue], houses: int) -> Example:
        chosen = d.pick(list(ATTRIBUTES), len(truth))
        values = [d.pick(ATTRIBUTES[name][0], houses) for name in chosen]

        def thing(attribute: int, value: int) -> str:
            return ATTRIBUTES[chosen[attribute]][1].format(values[attribute][value])

        def said(clue: Clue) -> str:
            kind, a, i, b, j = clue
            return (
                f"{thing(a, i)} is house {b + 1}." if kind == "at" else _SAID[kind].format(a=thing(a, i), b=thing(b, j))
            )

        sentences = [said(clue) for clue in clues]
        listed = "; ".join(f"{name} ({', '.join(sorted(v))})" for name, v in zip(chosen, values, strict=True))
        text = [
            f"{houses} houses stand in a row, numbered 1 to {houses} from left to right. No two share a value of: {listed}.",
            *(f"{n}. {sentence[0].upper()}{sentence[1:]}" for n, sentence in enumerate(sentences, 1)),
            f"Answer with a line for each house: its number, a colon, and its {', '.join(chosen)}.",
        ]
        lines = [
            f"{house + 1}: {', '.join(values[a][truth[a].index(house)] for a in range(len(truth)))}"
            for house in range(houses)
        ]
        factors = {
            "houses": houses,
            "attributes": len(truth),
            "clues": len(clues),
            "kinds": sorted({clue[0] for clue in clues}),
        }
        return of_text(
            "\n".join(text), "\n".join(lines), factors, {"clues": [list(c) for c in clues], "values": values}
        )

    def verify(self, example: Example, answer: object) -> float:
        """1 where each house has one line with just its values, in any order."""
        right = _read(example.target)
        return float(right is not None and _read(answer) == right)

    def oracle(self, example: Example) -> str | None:
        """Try all arrangements, one after the other, against the clues; None where they are more than 13,824."""
        houses, count = int(cast("int", example.factors["houses"])), int(cast("int", example.factors["attributes"]))
        values: list[list[str]] = example.hidden["values"]
        clues: list[Clue] = [tuple(c) for c in example.hidden["clues"]]
        if len(_orders(houses)) ** count > 13_824:
            return None
        fitting = [
            truth
            for truth in product(permutations(range(houses)), repeat=count)
            if all(
                truth[a][i] == b if kind == "at" else related(kind, truth[a][i], truth[b][j])
                for kind, a, i, b, j in clues
            )
        ]
        return " or ".join(
            "\n".join(
                f"{h + 1}: {', '.join(values[a][truth[a].index(h)] for a in range(count))}" for h in range(houses)
            )
            for truth in fitting
        )


def _drawn(d: Draws, truth: list[list[int]], houses: int, kinds: Sequence[str]) -> Clue | None:
    """A clue that holds, or None where the draw does not."""
    kind = d.choice(kinds)
    a, i = d.below(len(truth)), d.below(houses)
    if kind == "at":
        return (kind, a, i, truth[a][i], 0)
    b, j = d.below(len(truth)), d.below(houses)
    if (a, i) == (b, j) or (a == b and kind in ("same", "apart")):
        return None
    if kind in ("same", "next", "apart") and (a, i) > (b, j):
        a, i, b, j = b, j, a, i
    return (kind, a, i, b, j) if related(kind, truth[a][i], truth[b][j]) else None


@cache
def _orders(houses: int) -> tuple[tuple[int, ...], ...]:
    return tuple(permutations(range(houses)))


@cache
def _placed(houses: int, value: int) -> tuple[int, ...]:
    """For each house, the orders (as bits) that put this value there."""
    return tuple(sum(1 << n for n, p in enumerate(_orders(houses)) if p[value] == house) for house in range(houses))


@cache
def _matrix(houses: int, kind: str, i: int, j: int, swapped: bool) -> tuple[int, ...]:
    """For each order of one attribute, the orders of another that a clue allows."""
    at = _placed(houses, j)

    def allowed(house: int) -> int:
        pairs = ((h, house) if swapped else (house, h) for h in range(houses))
        return sum(at[h] for h, (a, b) in enumerate(pairs) if related(kind, a, b))

    by_house = [allowed(house) for house in range(houses)]
    return tuple(by_house[p[i]] for p in _orders(houses))


@cache
def _within(houses: int, kind: str, i: int, j: int) -> int:
    """Orders of one attribute in which a clue about two of its values holds."""
    return sum(1 << n for n, p in enumerate(_orders(houses)) if related(kind, p[i], p[j]))


def solve(clues: Sequence[Clue], houses: int, attributes: int, most: int) -> list[tuple[tuple[int, ...], ...]]:
    """Up to so many solutions: for each attribute, the house of each value.

    All orders of an attribute are bits of one integer; an order that is tried leaves those of the others that every clue
    between the two allows. The search is complete: fewer solutions than asked for are all there are.
    """
    masks = [(1 << len(_orders(houses))) - 1] * attributes
    between: list[list[tuple[int, tuple[int, ...]]]] = [[] for _ in range(attributes)]
    for kind, a, i, b, j in clues:
        if kind == "at":
            masks[a] &= _placed(houses, i)[b]
        elif a == b:
            masks[a] &= _within(houses, kind, i, j)
        else:
            between[a].append((b, _matrix(houses, kind, i, j, False)))
            between[b].append((a, _matrix(houses, kind, j, i, True)))
    found: list[tuple[tuple[int, ...], ...]] = []
    _search(masks, dict[int, int](), between, houses, most, found)
    return found


def _search(
    masks: list[int], chosen: dict[int, int], between: list[list[tuple[int, tuple[int, ...]]]], houses: int, most: int,
    found: list[tuple[tuple[int, ...], ...]],
) -> None:  # fmt: skip
    left = [a for a in range(len(masks)) if a not in chosen]
    if not left:
        found.append(tuple(_orders(houses)[chosen[a]] for a in range(len(masks))))
        return
    at = min(left, key=lambda a: masks[a].bit_count())
    mask = masks[at]
    while mask and len(found) < most:
        low = mask & -mask
        mask ^= low
        order = low.bit_length() - 1
        rest = list(masks)
        for other, matrix in between[at]:
            if other not in chosen:
                rest[other] &= matrix[order]
        if all(rest[a] for a in left):
            _search(rest, {**chosen, at: order}, between, houses, most, found)


def _read(answer: object) -> dict[int, list[str]] | None:
    if isinstance(answer, list | tuple) and all(isinstance(t, str) for t in cast("Sequence[object]", answer)):
        answer = "\n".join(cast("Sequence[str]", answer))
    if not isinstance(answer, str):
        return None
    houses: dict[int, list[str]] = {}
    for line in answer.lower().split("\n"):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or len(match[1]) > 3 or int(match[1]) in houses:
            return None
        houses[int(match[1])] = sorted(match[2].replace(",", " ").split())
    return houses or None
