"""Regular expressions over labels, compiled to a deterministic automaton by derivatives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from unseen.errors import BadInput

# A node is a tuple with its kind first: ("none",), ("empty",), ("of", labels), ("then", a, b), ("any", a, b) for a or b,
# ("both", a, b), ("not", a), ("many", a).
Node = tuple[object, ...]
NONE: Node = ("none",)
EMPTY: Node = ("empty",)
_TOKEN = re.compile(r"\s*(\[\^?[^\]]*\]|[A-Za-z0-9_-]+|[.()|&*+?!])")


@dataclass(frozen=True)
class Automaton:
    """A complete deterministic automaton; being deterministic it is unambiguous: a sequence has one run.

    Attributes:
        labels: Names of the labels, in the order of their numbers.
        moves: ``moves[state][label]`` is the next state; state 0 is the start.
        accepting: Whether each state accepts.
    """

    labels: tuple[str, ...]
    moves: tuple[tuple[int, ...], ...]
    accepting: tuple[bool, ...]

    def accepts(self, sequence: Sequence[int]) -> bool:
        """Whether a sequence of label numbers is in the language."""
        state = 0
        for label in sequence:
            state = self.moves[state][label]
        return self.accepting[state]

    def alive(self) -> tuple[bool, ...]:
        """Whether an accepting state can still be reached from each state."""
        good = set[int](i for i, yes in enumerate(self.accepting) if yes)
        while more := {i for i, row in enumerate(self.moves) if i not in good and good & set(row)}:
            good |= more
        return tuple(i in good for i in range(len(self.moves)))


def compile_expression(expression: str, labels: Sequence[str]) -> Automaton:
    """Compile a regular expression over label names.

    Args:
        expression: Label names, ``[A B]`` and ``[^A B]`` for one label of a set or outside it, ``.`` for any label,
            brackets, ``|``, ``&`` (both hold), ``!`` (before an atom: anything else), ``*``, ``+``, ``?``. Names that
            stand beside each other follow each other. ``!`` binds tightest but for brackets, then the repeats, then
            sequence, ``&`` and ``|``.
        labels: All label names.

    Returns:
        The smallest automaton of the language.

    Raises:
        BadInput: A syntax error or an unknown label, with where it stands.

    Source: Brzozowski (1964), Derivatives of Regular Expressions; Owens, Reppy, Turon (2009).

    >>> once = compile_expression("[^A]* A? [^A]*", ["O", "A"])
    >>> once.accepts([0, 1, 0]), once.accepts([1, 0, 1])
    (True, False)
    """
    names = tuple(labels)
    start = _Parser(expression, names).parse()
    states: dict[Node, int] = {start: 0}
    queue, moves = [start], list[tuple[int, ...]]()
    for node in queue:  # grows while it is read
        row: list[int] = []
        for label in range(len(names)):
            after = _derivative(node, label)
            if after not in states:
                states[after] = len(states)
                queue.append(after)
            row.append(states[after])
        moves.append(tuple(row))
    return _smallest(Automaton(names, tuple(moves), tuple(_empty(node) for node in states)))


def _smallest(machine: Automaton) -> Automaton:
    """Merge states that no continuation tells apart (Moore's refinement); numbers follow first appearance."""
    block = [int(yes) for yes in machine.accepting]
    while True:
        seen = dict[tuple[int, ...], int]()
        finer = [
            seen.setdefault((block[i], *(block[j] for j in row)), len(seen)) for i, row in enumerate(machine.moves)
        ]
        if len(set(finer)) == len(set(block)):
            break
        block = finer
    first = {b: i for i, b in reversed(list(enumerate(finer)))}
    moves = tuple(tuple(finer[j] for j in machine.moves[first[b]]) for b in range(len(first)))
    return Automaton(machine.labels, moves, tuple(machine.accepting[first[b]] for b in range(len(first))))


def at_most_once(labels: Sequence[str]) -> str:
    """An expression for sequences in which none of these labels comes twice.

    >>> at_most_once(["A0", "A1"])
    '([^A0]* A0? [^A0]*) & ([^A1]* A1? [^A1]*)'
    """
    return " & ".join(f"([^{name}]* {name}? [^{name}]*)" for name in labels)


class _Parser:
    def __init__(self, text: str, labels: tuple[str, ...]) -> None:
        self.text, self.labels, self.at = text, labels, 0
        self.tokens: list[tuple[str, int]] = []
        position = 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if not found:
                raise BadInput(f"can't read {text[position:].strip()[:10]!r} at position {position} of {text!r}.")
            self.tokens.append((found[1], found.start(1)))
            position = found.end()

    def parse(self) -> Node:
        node = self._or()
        if self.at < len(self.tokens):
            self._fail("nothing more")
        return node

    def _next(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def _fail(self, wanted: str) -> None:
        where = f"{self._next()!r} at position {self.tokens[self.at][1]}" if self._next() else "the end"
        raise BadInput(f"expected {wanted}, found {where} of {self.text!r}.")

    def _or(self) -> Node:
        node = self._both()
        while self._next() == "|":
            self.at += 1
            node = _any(node, self._both())
        return node

    def _both(self) -> Node:
        node = self._then()
        while self._next() == "&":
            self.at += 1
            node = _both(node, self._then())
        return node

    def _then(self) -> Node:
        node = EMPTY
        while self._next() not in ("", "|", "&", ")"):
            node = _then(node, self._repeat())
        return node

    def _repeat(self) -> Node:
        node = self._atom()
        while (sign := self._next()) in ("*", "+", "?") and sign:
            self.at += 1
            node = {"*": _many(node), "+": _then(node, _many(node)), "?": _any(EMPTY, node)}[sign]
        return node

    def _atom(self) -> Node:
        word = self._next()
        if word in ("", ")", "|", "&", "*", "+", "?"):
            self._fail("a label or an opening bracket")
        self.at += 1
        if word == "(":
            node = self._or()
            if self._next() != ")":
                self._fail("a closing bracket")
            self.at += 1
            return node
        if word == "!":
            return _not(self._atom())
        everything = frozenset(range(len(self.labels)))
        if word == ".":
            return ("of", everything)
        inside = word[1:-1].lstrip("^").split() if word[0] == "[" else [word]
        for name in inside:
            if name not in self.labels:
                raise BadInput(f"unknown label {name!r} in {self.text!r}; there are {', '.join(self.labels)}.")
        chosen = frozenset(self.labels.index(name) for name in inside)
        return _of(everything - chosen if word.startswith("[^") else chosen)


def _of(labels: frozenset[int]) -> Node:
    return ("of", labels) if labels else NONE


def _then(a: Node, b: Node) -> Node:
    if NONE in (a, b):
        return NONE
    if a == EMPTY:
        return b
    return a if b == EMPTY else ("then", a, b)


def _parts(kind: str, *nodes: Node) -> list[Node]:
    """Arguments of nested "any" or "both", each once and in one order, so that equal languages meet more often."""
    flat: set[Node] = set()
    for node in nodes:
        flat |= set(_parts(kind, *node[1:])) if node[0] == kind else {node}  # pyright: ignore[reportArgumentType]
    return sorted(flat, key=_text)


@cache
def _text(node: Node) -> str:
    """A node as text that does not depend on how sets are ordered in memory."""
    inner = (
        str(sorted(part)) if isinstance(part, frozenset) else _text(part) if isinstance(part, tuple) else str(part)
        for part in node
    )
    return "(" + " ".join(inner) + ")"


def _any(*nodes: Node) -> Node:
    parts = [p for p in _parts("any", *nodes) if p != NONE]
    if _not(NONE) in parts:
        return _not(NONE)
    return NONE if not parts else parts[0] if len(parts) == 1 else ("any", *parts)


def _both(*nodes: Node) -> Node:
    parts = [p for p in _parts("both", *nodes) if p != _not(NONE)]
    if NONE in parts:
        return NONE
    return _not(NONE) if not parts else parts[0] if len(parts) == 1 else ("both", *parts)


def _not(node: Node) -> Node:
    return node[1] if node[0] == "not" else ("not", node)  # pyright: ignore[reportReturnType]


def _many(node: Node) -> Node:
    if node in (NONE, EMPTY):
        return EMPTY
    return node if node[0] == "many" else ("many", node)


@cache
def _empty(node: Node) -> bool:
    """Whether the empty sequence is in the language of a node."""
    kind, rest = node[0], node[1:]
    if kind in ("empty", "many"):
        return True
    if kind in ("none", "of"):
        return False
    inside = [_empty(part) for part in rest]  # pyright: ignore[reportArgumentType]
    return any(inside) if kind == "any" else not inside[0] if kind == "not" else all(inside)


@cache
def _derivative(node: Node, label: int) -> Node:
    """What may follow a label: the sequences s such that label s is in the language."""
    kind, rest = node[0], node[1:]
    if kind in ("none", "empty"):
        return NONE
    if kind == "of":
        return EMPTY if label in rest[0] else NONE  # pyright: ignore[reportOperatorIssue]
    after = [_derivative(part, label) for part in rest]  # pyright: ignore[reportArgumentType]
    if kind == "many":
        return _then(after[0], node)
    if kind == "then":
        first = _then(after[0], rest[1])  # pyright: ignore[reportArgumentType]
        return _any(first, after[1]) if _empty(rest[0]) else first  # pyright: ignore[reportArgumentType]
    return {"any": _any, "both": _both, "not": _not}[str(kind)](*after)
