"""Token sequences as one tree, so that what they share is computed once; and the packs in which the tree is walked."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

# A pass of its own for what is shared pays from about so many tokens on; less is computed again in each pack.
WORTH_A_PASS = 32


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

    def path(self, node: int) -> np.ndarray:
        """Nodes from the first token to this one.

        >>> TokenTree.of([[5, 6, 7], [5, 6, 8, 9]]).path(4).tolist()
        [0, 1, 3, 4]
        """
        found = np.empty(self.depth[node] + 1, dtype=np.int64)
        for place in range(len(found) - 1, -1, -1):
            found[place], node = node, int(self.parent[node])
        return found

    def sees(self, nodes: np.ndarray) -> np.ndarray:
        """Which node sees which: itself and those before it in its sequences, bool (n, n)."""
        return (nodes[None, :] <= nodes[:, None]) & (nodes[:, None] < self.end[nodes][None, :])


@dataclass(frozen=True, slots=True)
class Pack:
    """One pass of the model.

    Attributes:
        nodes: What is computed, in depth-first order.
        behind: So many nodes from the first token on are known from earlier passes.
        extends: Whether the nodes are one line that later packs continue.
    """

    nodes: np.ndarray
    behind: int
    extends: bool


def packs(tree: TokenTree, budget: int, worth: int = WORTH_A_PASS) -> Generator[Pack]:
    """The passes that compute every node, at most ``budget`` nodes each (``worth`` more where those are not worth a pass).

    A line of nodes that more than one pack needs is computed once and continued; what a pack continues is always the
    line of the last packs that extend, cut to ``behind``.

    >>> tree = TokenTree.of([[1] * 40 + [2, 3, 4, i] for i in range(40)])
    >>> [(len(p.nodes), p.behind, p.extends) for p in packs(tree, 30)]
    [(30, 0, True), (13, 30, True), (30, 43, False), (10, 43, False)]
    """
    yield from _forest(tree, 0, len(tree.tokens), 0, np.empty(0, dtype=np.int64), budget, worth)


def _forest(
    tree: TokenTree, low: int, high: int, behind: int, carried: np.ndarray, budget: int, worth: int
) -> Generator[Pack]:
    """Packs of the trees side by side in ``low … high``, whose line is known but for the nodes carried along."""
    begun, at = low, low
    while at < high:
        end = int(tree.end[at])
        if end - begun + len(carried) <= budget:
            at = end
            continue
        if at > begun:
            yield Pack(np.concatenate([carried, np.arange(begun, at)]), behind, extends=False)
            begun = at
            continue
        # One tree is too large for a pack: its line up to the first fork comes first.
        forks = np.flatnonzero(tree.end[at:end] != end)
        line = np.concatenate([carried, np.arange(at, at + (int(forks[0]) if len(forks) else end - at))])
        below = int(line[-1]) + 1
        if len(line) >= worth or below == end:
            for start in range(0, len(line), budget):
                yield Pack(line[start : start + budget], behind + start, extends=True)
            yield from _forest(tree, below, end, behind + len(line), line[:0], budget, worth)
        else:
            yield from _forest(tree, below, end, behind, line, budget, worth)
        begun = at = end
    if at > begun:
        yield Pack(np.concatenate([carried, np.arange(begun, at)]), behind, extends=False)


def _common(a: np.ndarray, b: np.ndarray) -> int:
    """Length of what two sequences begin with alike."""
    short = min(len(a), len(b))
    differ = np.flatnonzero(a[:short] != b[:short])
    return int(differ[0]) if len(differ) else short
