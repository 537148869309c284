"""Program trees and their local structures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tree:
    """A node with its children, in order.

    >>> str(Tree("count", (Tree("find", (Tree("dog"),)),)))
    'count ( find ( dog ) )'
    """

    symbol: str
    children: tuple[Tree, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.tokens())

    def tokens(self) -> list[str]:
        """Prefix form with parentheses and commas."""
        out = [self.symbol]
        if self.children:
            out.append("(")
            for i, child in enumerate(self.children):
                out += [*([","] if i else []), *child.tokens()]
            out.append(")")
        return out

    def symbols(self) -> set[str]:
        """All symbols of the tree."""
        return {self.symbol}.union(*(c.symbols() for c in self.children))

    @property
    def depth(self) -> int:
        """Nodes on the longest path from the root."""
        return 1 + max((c.depth for c in self.children), default=0)

    @property
    def size(self) -> int:
        """Number of nodes."""
        return 1 + sum(c.size for c in self.children)


def parse(tokens: list[str]) -> Tree | None:
    """The tree of a prefix form, or None where the tokens are none.

    >>> parse("count ( find ( dog ) )".split()).depth
    3
    """
    tree, rest = _read(tokens)
    return tree if not rest else None


def _read(tokens: list[str]) -> tuple[Tree | None, list[str]]:
    if not tokens or tokens[0] in ("(", ")", ","):
        return None, tokens
    symbol, rest = tokens[0], tokens[1:]
    if rest[:1] != ["("]:
        return Tree(symbol), rest
    children, rest = list[Tree](), rest[1:]
    while True:
        child, rest = _read(rest)
        if child is None or not rest:
            return None, ["unread"]
        children.append(child)
        if rest[0] == ")":
            return Tree(symbol, tuple(children)), rest[1:]
        if rest[0] != ",":
            return None, ["unread"]
        rest = rest[1:]


def local_structures(tree: Tree, order: int = 2) -> set[str]:
    """Local structures: chains of up to ``order`` nodes from parent to child, and neighbouring siblings.

    The root hangs under ``<root>``, and a sibling pair is written with the parent that joins it, as in the paper.

    Args:
        tree: A program.
        order: 2 for parent–child pairs; 3 adds grandparent–parent–child chains.

    Source: Bogin, Gupta & Berant (2022), Unobserved Local Structures, section 3.1.

    >>> sorted(local_structures(Tree("eq", (Tree("a"), Tree("b")))))
    ['<root>>eq', 'a~b', 'eq>a', 'eq>b']
    """
    found: set[str] = set()

    def walk(node: Tree, above: tuple[str, ...]) -> None:
        chain = (*above, node.symbol)
        for n in range(2, order + 1):
            if len(chain) >= n:
                found.add(">".join(chain[-n:]))
        for left, right in zip(node.children, node.children[1:], strict=False):
            found.add(f"{left.symbol}~{right.symbol}")
        for child in node.children:
            walk(child, chain)

    walk(tree, ("<root>",))
    return found
