"""Questions about a scene, their query programs as trees, and the answers of the programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from unseen.errors import BadInput
from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens, tokens_of
from unseen.tasks.draws import Draws
from unseen.tasks.grammar.trees import Tree, local_structures, parse

NOUNS = ("dog", "cat", "mouse", "bird", "fox")
COLOURS = ("brown", "black", "white", "gray")
SHAPES = ("round", "square", "triangular")
RELATIONS = ("chasing", "watching", "following")
ATTRIBUTES = {"colour": COLOURS, "shape": SHAPES}
TEMPLATES = ("count", "exists", "verify", "query", "compare", "both", "either")


class QueryPrograms(Generated):
    """Questions such as "how many black dog that is chasing a cat" to programs such as count ( filter_colour ( … ) ).

    Noun phrases carry adjectives and nested relative clauses up to a depth. ``structures`` are the local structures of
    the program (parent–child pairs and siblings), ``symbols`` its symbols; splits and scores are computed from them.
    """

    name = "query-programs"
    title = "Questions to query programs with nested relative clauses"
    source = "After COVR: Bogin et al. (2021), Latent Compositional Representations; grammar and lexicon are our own"
    options: ClassVar[Mapping[str, Any]] = {"depth": (0, 2), "template": TEMPLATES}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"depth": (0, 6)}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "template": "categorical",
        "depth": "ordered",
        "length": "ordered",
        "program_size": "ordered",
        "symbols": "set",
        "structures": "set",
    }

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A template with noun phrases, the deepest of which has the drawn depth."""
        template = d.choice(o["template"])
        depth = d.between(*o["depth"])
        words, tree = self._question(d, template, depth)
        factors = {
            "template": template,
            "depth": depth,
            "length": len(words),
            "program_size": tree.size,
            "symbols": sorted(tree.symbols()),
            "structures": sorted(local_structures(tree)),
        }
        return of_tokens(words, tree.tokens(), factors)

    def verify(self, example: Example, answer: object) -> float:
        """1 where the answer is the same program, the arguments of symmetric operations in either order."""
        given, wanted = tokens_of(answer), tokens_of(example.target)
        if given is None or wanted is None:
            return 0.0
        try:
            tree = parse(given)
        except RecursionError:
            return 0.0
        return float(tree is not None and canonical(tree) == canonical(parse(wanted)))

    def _question(self, d: Draws, template: str, depth: int) -> tuple[list[str], Tree]:
        words, phrase = self._phrase(d, depth)
        other_words, other = self._phrase(d, d.below(depth + 1))
        attribute = d.choice(list(ATTRIBUTES))
        value = d.choice(ATTRIBUTES[attribute])
        match template:
            case "count":
                return ["how", "many", *words], Tree("count", (phrase,))
            case "exists":
                return ["is", "there", "a", *words], Tree("exists", (phrase,))
            case "verify":
                unique = Tree("unique", (phrase,))
                return ["is", "the", *words, value], Tree(f"verify_{attribute}", (Tree(value), unique))
            case "query":
                return ["what", "is", "the", attribute, "of", "the", *words], Tree(
                    f"query_{attribute}", (Tree("unique", (phrase,)),)
                )
            case "compare":
                sign = d.choice(["more", "fewer"])
                tree = Tree(
                    "greater" if sign == "more" else "less", (Tree("count", (phrase,)), Tree("count", (other,)))
                )
                return ["are", "there", sign, *words, "than", *other_words], tree
            case "both":
                tree = Tree("and", (Tree("exists", (phrase,)), Tree("exists", (other,))))
                return ["is", "there", "a", *words, "and", "a", *other_words], tree
            case _:
                tree = Tree("or", (Tree("exists", (phrase,)), Tree("exists", (other,))))
                return ["is", "there", "a", *words, "or", "a", *other_words], tree

    def _phrase(self, d: Draws, depth: int) -> tuple[list[str], Tree]:
        noun = d.choice(NOUNS)
        words, tree = [noun], Tree("find", (Tree(noun),))
        for attribute, values in ATTRIBUTES.items():
            if d.below(3) == 0:
                value = d.choice(values)
                words, tree = [value, *words], Tree(f"filter_{attribute}", (Tree(value), tree))
        if depth:
            relation = d.choice(RELATIONS)
            inner_words, inner = self._phrase(d, depth - 1)
            words = [*words, "that", "is", relation, "a", *inner_words]
            tree = Tree("with_relation", (tree, Tree(relation), inner))
        return words, tree


def canonical(tree: Tree | None) -> Tree | None:
    """The tree with the arguments of symmetric operations sorted."""
    if tree is None:
        return None
    children = [c for c in (canonical(child) for child in tree.children) if c is not None]
    if tree.symbol in ("and", "or"):
        children.sort(key=str)
    return Tree(tree.symbol, tuple(children))


Thing = Mapping[str, str]


def run(tree: Tree, things: Sequence[Thing], related: set[tuple[int, str, int]]) -> int | bool | str | list[int]:
    """Execute a program on a scene.

    Args:
        tree: The program.
        things: Objects with noun, colour and shape.
        related: Triples (subject, relation, object) by index.

    Raises:
        BadInput: ``unique`` meets no object or several, or the program has an unknown operation.

    >>> run(Tree("count", (Tree("find", (Tree("dog"),)),)), [{"noun": "dog"}, {"noun": "cat"}], set())
    1
    """
    arguments = tree.children
    symbol = tree.symbol
    if symbol == "find":
        return [i for i, t in enumerate(things) if t["noun"] == arguments[0].symbol]
    if symbol.startswith("filter_"):
        name = symbol.removeprefix("filter_")
        return [i for i in _set(arguments[1], things, related) if things[i][name] == arguments[0].symbol]
    if symbol == "with_relation":
        inner = set(_set(arguments[2], things, related))
        return [
            i for i in _set(arguments[0], things, related) if any((i, arguments[1].symbol, j) in related for j in inner)
        ]
    if symbol in ("count", "exists"):
        n = len(_set(arguments[0], things, related))
        return n if symbol == "count" else n > 0
    if symbol.startswith(("query_", "verify_")):
        operation, name = symbol.split("_", 1)
        only = _set(arguments[-1].children[0], things, related)
        if len(only) != 1:
            raise BadInput(f"unique meets {len(only)} objects.")
        value = things[only[0]][name]
        return value if operation == "query" else value == arguments[0].symbol
    left, right = (run(a, things, related) for a in arguments)
    operations = {
        "greater": lambda: left > right,  # type: ignore[operator]
        "less": lambda: left < right,  # type: ignore[operator]
        "and": lambda: bool(left) and bool(right),
        "or": lambda: bool(left) or bool(right),
    }
    if symbol not in operations:
        raise BadInput(f"{symbol!r} is no operation of a query program.")
    return operations[symbol]()


def _set(tree: Tree, things: Sequence[Thing], related: set[tuple[int, str, int]]) -> list[int]:
    value = run(tree, things, related)
    if not isinstance(value, list):
        raise BadInput(f"{tree.symbol!r} gives no set of objects.")
    return value
