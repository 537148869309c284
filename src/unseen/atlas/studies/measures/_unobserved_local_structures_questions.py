"""Questions to programs whose operations nest in many ways, and splits of them, for the study on local structures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.measures.structure.local_structures import symbols_of
from unseen.tasks.grammar.trees import Tree, local_structures

NOUNS, RELATIONS, COUNTS = ("dog", "cat", "mouse", "bird"), ("chasing", "watching"), ("two", "three")
VALUES = {"colour": ("black", "white", "brown"), "shape": ("round", "square")}
KINDS = {
    **dict.fromkeys(NOUNS, "N"), **dict.fromkeys(RELATIONS, "R"), **dict.fromkeys(COUNTS, "K"),
    **dict.fromkeys((*VALUES["colour"], *VALUES["shape"]), "V"),
}  # fmt: skip
COMPARED = {"eq": "equals", "gt": "exceeds", "lt": "undercuts"}
QUANTIFIED = ("all", "some", "none")
# Operations that a pair holds out together, so that nothing like what is held out stays in training.
GROUPS = {
    "joints": frozenset({"and", "or"}), "comparisons": frozenset(COMPARED), "quantifiers": frozenset(QUANTIFIED),
    "attributes": frozenset({"query_colour", "query_shape"}), "counts": frozenset({"count"}),
    "existence": frozenset({"exists"}), "adjectives": frozenset({"filter"}), "relations": frozenset({"with_relation"}),
}  # fmt: skip
Drawn = tuple[list[str], Tree]


def question(rng: np.random.Generator) -> Drawn:
    """Words and program of one question, in the manner of COVR: its operations, a lexicon of our own."""
    kind = rng.integers(10)
    if kind < 3:
        words, tree = (_count, _asked)[rng.integers(2)](rng)
        return ["what", "is", *words], tree
    if kind < 6:
        return _single(rng)
    (first, a), (second, b) = _single(rng, 0.1), _single(rng, 0.1)
    joint = ("and", "or")[rng.integers(2)]
    return [{"and": "both", "or": "either"}[joint], *first, joint, *second], Tree(joint, (a, b))


def _single(rng: np.random.Generator, nested: float = 0.3) -> Drawn:
    kind = rng.integers(4)
    if kind == 0:
        words, tree = _things(rng, nested)
        return ["there", "is", *words], Tree("exists", (tree,))
    if kind == 1:
        quantifier = QUANTIFIED[rng.integers(3)]
        words, tree = _things(rng, nested)
        value = _value(rng)[1]
        return [quantifier, "of", *words, "are", value], Tree(quantifier, (tree, Tree("filter", (Tree(value),))))
    if kind == 2:
        sign = tuple(COMPARED)[rng.integers(3)]
        words, tree = _count(rng, nested)
        number = COUNTS[rng.integers(2)]
        return [*words, COMPARED[sign], number], Tree(sign, (tree, Tree(number)))
    name, value = _value(rng)
    words, tree = _things(rng, nested)
    asked = Tree(f"query_{name}", (tree,))
    return ["the", name, "of", *words, "equals", value], Tree("eq", (asked, Tree(value)))


def _count(rng: np.random.Generator, nested: float = 0.3) -> Drawn:
    words, tree = _things(rng, nested)
    return ["the", "number", "of", *words], Tree("count", (tree,))


def _asked(rng: np.random.Generator) -> Drawn:
    name = _value(rng)[0]
    words, tree = _things(rng)
    return ["the", name, "of", *words], Tree(f"query_{name}", (tree,))


def _value(rng: np.random.Generator) -> tuple[str, str]:
    name = ("colour", "shape")[rng.integers(2)]
    return name, VALUES[name][rng.integers(len(VALUES[name]))]


def _things(rng: np.random.Generator, nested: float = 0.3) -> Drawn:
    words, tree = _plain(rng)
    if rng.random() >= nested:
        return words, tree
    relation = RELATIONS[rng.integers(2)]
    others, inner = _plain(rng)
    return [*words, relation, *others], Tree("with_relation", (tree, Tree(relation), inner))


def _plain(rng: np.random.Generator) -> Drawn:
    noun = NOUNS[rng.integers(len(NOUNS))]
    words, tree = [noun], Tree("find", (Tree(noun),))
    if rng.random() < 0.3:
        value = _value(rng)[1]
        return [value, *words], Tree("filter", (Tree(value), tree))
    return words, tree


def pool_of(n: int, rng: np.random.Generator) -> Examples:
    """N different questions; targets are programs in prefix order, with local structures, symbols and template of each."""
    rows = dict[str, dict[str, object]]()
    while len(rows) < n:
        words, tree = question(rng)
        target = [t for t in tree.tokens() if t not in ("(", ")", ",")]
        rows[" ".join(words)] = {
            "item": str(len(rows)), "input": words, "target": target, "structures": sorted(local_structures(tree)),
            "symbols": sorted(tree.symbols()), "shape": " ".join(KINDS.get(t, t) for t in target),
        }  # fmt: skip
    return Examples(pl.DataFrame(list(rows.values())[:n]), ("input",), "target")


def unseen_pairs(
    symbols: Sequence[Sequence[str]], rng: np.random.Generator, *, groups: int = 2, single: int = 3
) -> tuple[list[tuple[frozenset[str], frozenset[str]]], np.ndarray]:  # fmt: skip
    """Pairs of groups of operations, and of single operations, that training shall never see in one program.

    Drawn at random among those that occur in 2 to 20 % of programs (single: 1 to 8 %) and leave every symbol in training.

    Args:
        symbols: Symbols of each program.
        rng: Which pairs.
        groups: How many pairs of groups.
        single: How many of single operations.

    Returns:
        The pairs, and a mask of the programs that hold one, shape (n,).
    """
    held = [frozenset(s) for s in symbols]
    every = frozenset().union(*held)
    chosen, out = list[tuple[frozenset[str], frozenset[str]]](), np.zeros(len(held), dtype=bool)
    alone = [frozenset({s}) for s in sorted(every - KINDS.keys())]
    for units, wanted, low, high in ((list(GROUPS.values()), groups, 0.02, 0.2), (alone, single, 0.01, 0.08)):
        candidates, found = list(combinations(units, 2)), 0
        for i in rng.permutation(len(candidates)):
            a, b = candidates[i]
            with_pair = np.array([not s.isdisjoint(a) and not s.isdisjoint(b) for s in held])
            if found == wanted or not low <= with_pair.mean() <= high or (with_pair & ~out).mean() < low / 2:
                continue
            union = out | with_pair
            if frozenset().union(*(s for s, o in zip(held, union, strict=True) if not o)) == every:
                chosen.append((a, b))
                out, found = union, found + 1
    return chosen, out


def split_of(
    pool: Examples, rng: np.random.Generator, mixed: tuple[float, float] = (0.25, 0.75)
) -> tuple[list[tuple[frozenset[str], frozenset[str]]], np.ndarray]:  # fmt: skip
    """Pairs that training never sees in one program, and the rows that hold one.

    Drawn anew until a share within bounds of these rows has a local structure that the others lack: where all or none
    have one, there is nothing to rank by.
    """
    structures = pool.table["structures"].to_list()
    while True:
        pairs, out = unseen_pairs(pool.table["symbols"].to_list(), rng)
        known = {s for row, o in zip(structures, out, strict=True) if not o for s in row}
        lacking = [not known.issuperset(row) for row, o in zip(structures, out, strict=True) if o]
        if len(pairs) == 5 and mixed[0] <= np.mean(lacking) <= mixed[1]:
            return pairs, out


def matched(rows: np.ndarray, lacking: np.ndarray, size: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows with and without an unobserved structure, as many of each at every size of program, in random order.

    Args:
        rows: Row numbers to choose from.
        lacking: Whether a row of the pool has an unobserved structure.
        size: Size of the program of each row of the pool.
        rng: Which rows.
    """
    chosen = list[int]()
    for each in np.unique(size[rows]):
        here = rng.permutation(rows[size[rows] == each])
        sides = here[lacking[here]], here[~lacking[here]]
        n = min(map(len, sides))
        chosen += [int(row) for side in sides for row in side[:n]]
    return rng.permutation(np.array(chosen, dtype=np.int64))


class Easiness:
    """The authors' score: an unobserved structure is as easy as the likest symbol that makes it an observed one.

    Likeness of two symbols: Jaccard overlap of what stands after them and of what stands before them, each averaged
    over the directions in which one of the two has neighbours, then over parent–child and sibling pairs.

    Args:
        programs: Structures of each training example, of two symbols.
        likeness: ``mean`` as the authors, ``pooled`` for one overlap of all contexts, ``none``: 0 if unobserved.
    """

    def __init__(self, programs: Sequence[Sequence[str]], likeness: str = "mean") -> None:
        self.observed = frozenset(s for program in programs for s in program)
        self.likeness = likeness
        self.near: dict[tuple[str, str], dict[str, frozenset[str]]] = {}
        self.known = dict[str, float]()
        for joint in (">", "~"):
            pairs = [symbols for j, symbols in map(symbols_of, self.observed) if j == joint]
            for way, (own, other) in {"after": (0, 1), "before": (1, 0)}.items():
                found: dict[str, set[str]] = {}
                for symbols in pairs:
                    found.setdefault(symbols[own], set()).add(symbols[other])
                self.near[joint, way] = {s: frozenset(v) for s, v in found.items()}
        self.symbols = sorted({s for near in self.near.values() for s in near})

    def alike(self, a: str, b: str) -> float:
        """Likeness of two symbols, in [0, 1]."""
        if a == b:
            return 1.0
        if self.likeness == "none" or a not in self.symbols:
            return 0.0
        empty = frozenset[str]()
        sides = {key: (near.get(a, empty), near.get(b, empty)) for key, near in self.near.items()}
        if self.likeness == "pooled":
            common, union = (
                sum(len(op(x, y)) for x, y in sides.values()) for op in (frozenset.__and__, frozenset.__or__)
            )
            return common / union if union else 0.0
        means = list[float]()
        for joint in (">", "~"):
            ways = [sides[joint, way] for way in ("after", "before")]
            overlaps = [len(x & y) / len(x | y) for x, y in ways if x or y]
            if overlaps:
                means.append(float(np.mean(overlaps)))
        return float(np.mean(means)) if means else 0.0

    def of(self, structure: str) -> float:
        """Easiness of one structure: 1 where it was observed."""
        if structure in self.observed:
            return 1.0
        if structure not in self.known:
            joint, (first, second) = symbols_of(structure)
            tried = [(f"{s}{joint}{second}", first, s) for s in self.symbols]
            tried += [(f"{first}{joint}{s}", second, s) for s in self.symbols]
            self.known[structure] = max(
                (self.alike(own, s) for text, own, s in tried if text in self.observed), default=0.0
            )
        return self.known[structure]

    def scores(self, programs: Sequence[Sequence[str]]) -> np.ndarray:
        """The least easiness among the structures of each program, shape (n,)."""
        return np.array([min(map(self.of, program)) for program in programs])
