"""gCOG: operator trees over a grid of coloured shapes, with distractor, systematic and productive splits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws

SHAPES = tuple("abcdef")
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")
# Operators that test a scene and give true or false, and those that give a value.
TESTS = ("exist", "sum_even", "sum_odd", "product_even", "product_odd")
VALUES = ("get_shape", "get_colour", "get_location")
OPERATORS = (*TESTS, *VALUES)
EMPTY = "."
Thing = tuple[str, str]


def count_value(operator: str, places: Mapping[int, Thing], wanted: Thing, side: int) -> bool:
    """What a test says of one object in the scene.

    ``exist`` asks whether it stands anywhere; the parity tests take the sum or product of its row and column, counted
    from 1, and are false where the object is missing.
    """
    where = next((p for p, thing in places.items() if thing == wanted), None)
    if where is None:
        return False
    if operator == "exist":
        return True
    row, column = where // side + 1, where % side + 1
    number = row + column if operator.startswith("sum") else row * column
    return (number % 2 == 0) == operator.endswith("even")


def answer_of(operator: str, places: Mapping[int, Thing], wanted: Thing, side: int) -> str:
    """The answer of a final operator: a shape, a colour, a cell or true and false; "none" where the object is missing."""
    if operator in TESTS:
        return "true" if count_value(operator, places, wanted, side) else "false"
    where = next((p for p, thing in places.items() if thing == wanted), None)
    if where is None:
        return "none"
    if operator == "get_shape":
        return wanted[0]
    if operator == "get_colour":
        return wanted[1]
    return f"r{where // side + 1}c{where % side + 1}"


class Gcog(Generated):
    """Instructions such as "if exist red a then get_location blue b else get_colour green c", asked of a grid.

    A task tree of depth 1 is one operator on one object; each level more is a test whose branches are trees of the
    level below (the conditional of the paper), so that depth 3 uses one test and its two branches, depth 5 two levels of
    tests. Distractors are objects that no node names. ``pair`` lists parent and child operators: the systematic split
    holds out pairs whose members are both seen elsewhere.

    The input holds the instruction tokens, then ``|``, then the grid row by row: a shape-and-colour token or a dot.
    """

    name = "gcog"
    title = "Operator trees over a grid of coloured shapes"
    source = (
        "Ito et al. (2024), On the generalization capacity of neural networks during generic multimodal reasoning, "
        "section 2; grid, symbols and the list of operators are reduced and partly reconstructed"
    )
    options: ClassVar[Mapping[str, Any]] = {
        "depth": (1, 3),
        "distractors": (1, 4),
        "operators": OPERATORS,
        "system": ("all", "seen", "unseen"),
    }
    settings: ClassVar[Mapping[str, Any]] = {"side": 5, "held_out": 0.2}
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"system": ("all", "seen", "unseen"), "operators": OPERATORS}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "depth": (1, 4),
        "distractors": (0, 15),
        "side": (3, 9),
        "held_out": (0.0, 0.9),
    }
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "depth": "ordered",
        "distractors": "ordered",
        "nodes": "ordered",
        "operators": "set",
        "pairs": "set",
        "system": "categorical",
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        pairs = [f"{test}>{child}" for test in TESTS for child in OPERATORS]
        order = self.draws("held-out pairs").pick(pairs, len(pairs))
        self.unseen_pairs = frozenset(order[: round(self.given["held_out"] * len(pairs))])

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A tree, the objects that its taken path needs, and distractors."""
        depth = d.between(*o["depth"])
        side = self.given["side"]
        for _ in range(500):
            things = d.pick([(s, c) for s in SHAPES for c in COLOURS], len(SHAPES) * len(COLOURS))
            tokens, nodes, pairs = list[str](), list[tuple[str, Thing]](), list[str]()
            tree = self._tree(d, depth, o["operators"], things, tokens, nodes, pairs, None)
            system = "unseen" if self.unseen_pairs & set(pairs) else "seen"
            if not {"all", system} & set(o["system"]):
                continue
            named = [thing for _, thing in nodes]
            extra = d.between(*o["distractors"])
            present = [t for t in named if d.chance(0.75)] + [t for t in things if t not in named][:extra]
            cells = d.pick(range(side * side), len(present))
            places = dict(zip(cells, present, strict=True))
            answer = evaluate(tree, places, side)
            if answer == "none":
                continue
            grid = ["".join(places[i]) if i in places else EMPTY for i in range(side * side)]
            factors = {
                "depth": depth,
                "distractors": extra,
                "nodes": len(nodes),
                "operators": sorted({op for op, _ in nodes}),
                "pairs": sorted(set(pairs)),
                "system": system,
            }
            return of_tokens([*tokens, "|", *grid], [answer], factors)
        raise self.impossible(f"500 trees of depth {depth} from {', '.join(o['operators'])} had none that fits")

    def _tree(
        self, d: Draws, depth: int, allowed: tuple[str, ...], things: list[Thing], tokens: list[str],
        nodes: list[tuple[str, Thing]], pairs: list[str], parent: str | None,
    ) -> Any:  # fmt: skip
        tests = [op for op in allowed if op in TESTS] if depth > 1 else list(allowed)
        if not tests:
            raise self.impossible(f"depth {depth} needs one of {', '.join(TESTS)} among the operators")
        operator = d.choice(tests)
        thing = things[len(nodes)]
        nodes.append((operator, thing))
        if parent is not None:
            pairs.append(f"{parent}>{operator}")
        if depth == 1:
            tokens += [operator, *thing[::-1]]
            return (operator, thing)
        tokens += ["if", operator, *thing[::-1], "then"]
        then = self._tree(d, depth - 1, allowed, things, tokens, nodes, pairs, operator)
        tokens.append("else")
        other = self._tree(d, depth - 1, allowed, things, tokens, nodes, pairs, operator)
        return (operator, thing, then, other)


def evaluate(tree: Any, places: Mapping[int, Thing], side: int) -> str:
    """The answer of a tree on a scene: tests choose a branch, the leaf that is reached answers."""
    if len(tree) == 2:
        return answer_of(tree[0], places, tree[1], side)
    operator, thing, then, other = tree
    return evaluate(then if count_value(operator, places, thing, side) else other, places, side)
