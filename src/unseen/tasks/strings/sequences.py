"""Sequence tasks with and without a short RASP-L program, their index hints and scratchpads, and sorting with hints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws

RASP = "Zhou et al. (2023), What Algorithms can Transformers Learn?, sections 4 and 5; token formats reconstructed"
HINTING = "Awasthi & Gupta (2023), Improving Length-Generalization in Transformers via Task Hinting, section 3"


class SequenceTask(Generated):
    """Symbols in, symbols out.

    Index hints put ``#i`` before each symbol of input and answer; the first index is random below ``max_index`` less
    the
    length, so that a model meets every index in training whatever the length.
    """

    source = RASP
    rasp: ClassVar[str] = "short"
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"length": "ordered", "rasp": "categorical"}
    options: ClassVar[Mapping[str, Any]] = {"length": (1, 20)}
    settings: ClassVar[Mapping[str, Any]] = {"alphabet": 20}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "length": (1, 10_000),
        "alphabet": (2, 100_000),
        "max_index": (2, 1_000_000),
    }

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Symbols of a random length, their answer, and the marks of input and answer."""
        length = d.between(*o["length"])
        symbols = self.symbols(d, length)
        answer = self.answer(symbols)
        if self.given.get("index_hints"):
            spare = self.given["max_index"] - max(length, len(answer))
            if spare < 0:
                raise self.impossible(f"{max(length, len(answer))} places need a larger max_index")
            first = d.below(spare + 1)
            return of_tokens(hinted(symbols, first), hinted(answer, first), self.realised(symbols), {"answer": answer})
        return of_tokens(symbols, answer, self.realised(symbols))

    def symbols(self, d: Draws, length: int) -> list[str]:
        """Any symbols, repeats allowed."""
        return list(map(str, d.many(length, self.given["alphabet"])))

    def answer(self, symbols: list[str]) -> list[str]:
        """The target."""
        raise NotImplementedError

    def realised(self, symbols: list[str]) -> dict[str, str | int]:
        """Factors of an item."""
        return {"length": len(symbols), "rasp": self.rasp}


def hinted(symbols: list[str], first: int) -> list[str]:
    """Symbols with their indexes.

    >>> hinted(["5", "7"], 3)
    ['#3', '5', '#4', '7']
    """
    return [token for i, symbol in enumerate(symbols, first) for token in (f"#{i}", symbol)]


class _Unique(SequenceTask):
    """Symbols that all differ."""

    def symbols(self, d: Draws, length: int) -> list[str]:
        """A draw without repeats."""
        if length > self.given["alphabet"]:
            raise self.impossible(f"{length} different symbols from an alphabet of {self.given['alphabet']}")
        return list(map(str, d.pick(range(self.given["alphabet"]), length)))


class CopyUnique(_Unique):
    """Copy symbols that all differ."""

    name = "copy-unique"
    title = "Copy symbols that all differ"
    settings: ClassVar[Mapping[str, Any]] = {"alphabet": 100}

    def answer(self, symbols: list[str]) -> list[str]:
        """The same."""
        return list(symbols)


class RepeatedCopy(SequenceTask):
    """Copy symbols that repeat; no short RASP-L program unless index hints are given."""

    name = "repeated-copy"
    title = "Copy symbols that repeat, with optional index hints"
    settings: ClassVar[Mapping[str, Any]] = {"alphabet": 2, "index_hints": False, "max_index": 200}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"length": "ordered", "rasp": "categorical", "distinct": "ordered"}

    def answer(self, symbols: list[str]) -> list[str]:
        """The same."""
        return list(symbols)

    def realised(self, symbols: list[str]) -> dict[str, str | int]:
        """Whether hints shorten the program, and how many symbols differ."""
        rasp = "short" if self.given["index_hints"] else "long"
        return {"length": len(symbols), "rasp": rasp, "distinct": len(set(symbols))}


class Copy(RepeatedCopy):
    """Copy over a middling alphabet."""

    name = "copy"
    title = "Copy a sequence"
    settings: ClassVar[Mapping[str, Any]] = {"alphabet": 20, "index_hints": False, "max_index": 200}


class Reverse(SequenceTask):
    """Write a sequence backwards."""

    name = "reverse"
    title = "Write a sequence backwards"

    def answer(self, symbols: list[str]) -> list[str]:
        """Backwards."""
        return symbols[::-1]


class Counting(SequenceTask):
    """Two numbers a and b; count from a to b. The length is that of the answer."""

    name = "count"
    title = "Count from one number to another"
    settings: ClassVar[Mapping[str, Any]] = {"alphabet": 200}

    def symbols(self, d: Draws, length: int) -> list[str]:
        """The two ends."""
        if length > self.given["alphabet"]:
            raise self.impossible(f"counting {length} numbers needs an alphabet of that size")
        first = d.below(self.given["alphabet"] - length + 1)
        return [str(first), str(first + length - 1)]

    def answer(self, symbols: list[str]) -> list[str]:
        """Every number between, both ends included."""
        return list(map(str, range(int(symbols[0]), int(symbols[1]) + 1)))

    def realised(self, symbols: list[str]) -> dict[str, str | int]:
        """Length of the answer."""
        return {"length": int(symbols[1]) - int(symbols[0]) + 1, "rasp": self.rasp}


class Mode(SequenceTask):
    """The most frequent symbol; sequences with a tie are drawn again."""

    name = "mode"
    title = "The most frequent symbol"
    settings: ClassVar[Mapping[str, Any]] = {"alphabet": 5}

    def symbols(self, d: Draws, length: int) -> list[str]:
        """Symbols with one strict winner; a symbol is raised where chance gives none."""
        found: list[str] = []
        for _ in range(20):
            found = list(map(str, d.many(length, self.given["alphabet"])))
            counts = Counter(found).most_common(2)
            if len(counts) == 1 or counts[0][1] > counts[1][1]:
                return found
        winner = found[d.below(length)]
        while len(set(found)) > 1:
            counts = Counter(found)
            if counts[winner] > max(n for symbol, n in counts.items() if symbol != winner):
                break
            found[d.choice([i for i, symbol in enumerate(found) if symbol != winner])] = winner
        return found

    def answer(self, symbols: list[str]) -> list[str]:
        """The winner."""
        return [Counter(symbols).most_common(1)[0][0]]


class Parity(SequenceTask):
    """Parity of bits; with the scratchpad the answer lists the place of every 1 with the parity so far.

    The scratchpad turns a long program into a short one; ``max_index`` bounds the places.
    """

    name = "parity"
    title = "Parity of bits, with an optional scratchpad"
    settings: ClassVar[Mapping[str, Any]] = {"scratchpad": False, "max_index": 200}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"length": "ordered", "rasp": "categorical", "ones": "ordered"}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Bits, with indexes where the scratchpad needs them."""
        bits = d.many(d.between(*o["length"]), 2)
        factors = {"length": len(bits), "ones": sum(bits), "rasp": "short" if self.given["scratchpad"] else "long"}
        symbols, result = list(map(str, bits)), str(sum(bits) % 2)
        if not self.given["scratchpad"]:
            return of_tokens(symbols, [result], factors)
        spare = self.given["max_index"] - len(bits)
        if spare < 0:
            raise self.impossible(f"{len(bits)} places need a larger max_index")
        first = d.below(spare + 1)
        steps, so_far = list[str](), 0
        for i, bit in enumerate(bits, first):
            if bit:
                so_far ^= 1
                steps += [f"#{i}", "+-"[so_far]]
        return of_tokens(hinted(symbols, first), [*steps, "=", result], factors)

    def answer(self, symbols: list[str]) -> list[str]:
        """Parity of the bits."""
        return [str(symbols.count("1") % 2)]


class Sort(SequenceTask):
    """Sort numbers that all differ; a prefix token may ask for an auxiliary hint task instead.

    Hints: ``successor`` (the next larger number of the sequence after a given one, ``end`` after the largest),
    ``count``
    (how many numbers are smaller than a given one) and ``fill`` (the number missing from the sorted sequence).
    """

    name = "sort"
    title = "Sort numbers, with auxiliary hint tasks chosen by a prefix"
    source = HINTING + "; " + RASP
    settings: ClassVar[Mapping[str, Any]] = {"alphabet": 100}
    options: ClassVar[Mapping[str, Any]] = {"length": (1, 20), "hint": ("none",)}
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"hint": ("none", "successor", "count", "fill")}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"length": "ordered", "rasp": "categorical", "hint": "categorical"}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """The prefix, the sequence and, for a hint, its query."""
        hint = o["hint"][d.below(len(o["hint"]))]
        length = d.between(*o["length"])
        if length > self.given["alphabet"]:
            raise self.impossible(f"{length} different numbers from {self.given['alphabet']}")
        numbers = d.pick(range(self.given["alphabet"]), length)
        ordered = sorted(numbers)
        factors = {"length": length, "rasp": "short", "hint": hint}
        place = d.below(length)
        if hint == "none":
            query, answer = list[int](), list(map(str, ordered))
        elif hint == "successor":
            query, answer = [ordered[place]], [str(ordered[place + 1]) if place + 1 < length else "end"]
        elif hint == "count":
            query, answer = [ordered[place]], [str(place)]
        else:
            query, answer = [x for x in ordered if x != ordered[place]], [str(ordered[place])]
        prefix = {"none": "sort", "successor": "next", "count": "count", "fill": "fill"}[hint]
        tail = [] if hint == "none" else ["?", *map(str, query)]
        return of_tokens([prefix, *map(str, numbers), *tail], answer, factors)
