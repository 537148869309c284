"""Token sequences as one tree, so that what they share is computed once; and the packs in which the tree is walked."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class TokenTree:
    """Sequences that begin alike share their first nodes. Nodes stand in depth-first order.

    Attributes:
        tokens: Token of each node, int64 (nodes,).
        depth: Its place in its sequences, from 0, int64 (nodes,).
        parent: The node before it, -1 for a first token, int64 (nodes,).
        end: One past the last node below it, int64 (nodes,).
        last: Node of the last token of each sequence, in the order given, int64 (sequences,).
    """

    tokens: np.ndarray
    depth: np.ndarray
    parent: np.ndarray
    end: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> TokenTree:
        """The tree of sequences, none of which is empty.

        >>> tree = TokenTree.of([[5, 6, 7], [5, 6, 8, 9], [5]])
        >>> tree.tokens.tolist(), tree.depth.tolist(), tree.last.tolist()
        ([5, 6, 7, 8, 9], [0, 1, 2, 2, 3], [2, 4, 0])
        >>> tree.parent.tolist(), tree.end.tolist()
        ([-1, 0, 1, 1, 3], [5, 5, 3, 5, 5])
        """
        as_tuples = [tuple(s) for s in sequences]
        total = sum(map(len, as_tuples))
        tokens, depth, parent, end = (np.empty(total, dtype=np.int64) for _ in range(4))
        where = np.empty(max(map(len, as_tuples), default=0), dtype=np.int64)
        last = np.empty(len(as_tuples), dtype=np.int64)
        nodes, before, node_of = 0, np.empty(0, dtype=np.int64), dict[tuple[int, ...], int]()
        for sequence in sorted(set(as_tuples)):
            own = np.asarray(sequence, dtype=np.int64)
            shared = _common(before, own)
            end[where[shared : len(before)]] = nodes
            new = len(own) - shared
            places = np.arange(nodes, nodes + new)
            where[shared : len(own)] = places
            tokens[places], depth[places], parent[places] = own[shared:], np.arange(shared, len(own)), places - 1
            parent[nodes] = where[shared - 1] if shared else -1
            nodes, before = nodes + new, own
            node_of[sequence] = nodes - 1
        end[where[: len(before)]] = nodes
        last[:] = [node_of[s] for s in as_tuples]
        return cls(tokens[:nodes], depth[:nodes], parent[:nodes], end[:nodes], last)

    def path(self, node: int, since: int = 0) -> np.ndarray:
        """Nodes from the one at depth ``since`` (by default the first token) to this one; none for -1.

        >>> tree = TokenTree.of([[5, 6, 7], [5, 6, 8, 9]])
        >>> tree.path(4).tolist(), tree.path(4, since=2).tolist(), tree.path(-1).tolist()
        ([0, 1, 3, 4], [3, 4], [])
        """
        if node < 0:
            return np.empty(0, dtype=np.int64)
        found = np.empty(int(self.depth[node]) + 1 - since, dtype=np.int64)
        for place in range(len(found) - 1, -1, -1):
            found[place], node = node, int(self.parent[node])
        return found

    def sees(self, nodes: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Which node sees which other: itself and those before it in its sequences, bool (nodes, others)."""
        return (others[None, :] <= nodes[:, None]) & (nodes[:, None] < self.end[others][None, :])


@dataclass(frozen=True, slots=True)
class Pack:
    """One pass of a model.

    Attributes:
        nodes: What is computed, in depth-first order.
        line: Nodes from the first token to the parent of the first of them, computed in earlier passes. In depth-first
            order every node that one of these sees is among both.
    """

    nodes: np.ndarray
    line: np.ndarray


def packs(tree: TokenTree, budget: int) -> Generator[Pack]:
    """The passes that compute every node once, ``budget`` nodes each.

    >>> tree = TokenTree.of([[1] * 40 + [2, 3, 4, i] for i in range(40)])
    >>> [(len(p.nodes), len(p.line)) for p in packs(tree, 30)]
    [(30, 0), (30, 30), (23, 43)]
    """
    for start in range(0, len(tree.tokens), budget):
        nodes = np.arange(start, min(start + budget, len(tree.tokens)))
        yield Pack(nodes, tree.path(int(tree.parent[start])))


def _common(a: np.ndarray, b: np.ndarray) -> int:
    """Length of what two sequences begin with alike."""
    short = min(len(a), len(b))
    differ = np.flatnonzero(a[:short] != b[:short])
    return int(differ[0]) if len(differ) else short
