"""PCFG string edits: nested operations over sequences of letters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any, ClassVar

from unseen.errors import BadInput
from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws

UNARY: dict[str, Callable[[list[str]], list[str]]] = {
    "copy": lambda x: x,
    "reverse": lambda x: x[::-1],
    "shift": lambda x: x[1:] + x[:1],
    "swap_first_last": lambda x: [x[-1], *x[1:-1], x[0]] if len(x) > 1 else x,
    "repeat": lambda x: x + x,
    "echo": lambda x: [*x, x[-1]],
}
BINARY: dict[str, Callable[[list[str], list[str]], list[str]]] = {
    "append": lambda x, y: x + y,
    "prepend": lambda x, y: y + x,
    "remove_first": lambda x, y: y,
    "remove_second": lambda x, y: x,
}
LETTERS = tuple(f"{a}{n}" for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for n in range(1, 21))


def evaluate(tokens: list[str]) -> list[str]:
    """The value of an expression in prefix form, the arguments of binary operations parted by a comma.

    Raises:
        BadInput: The tokens are no expression.

    >>> evaluate("append swap_first_last A1 B1 C1 , repeat D1 E1".split())
    ['C1', 'B1', 'A1', 'D1', 'E1', 'D1', 'E1']
    """
    value, rest = _read(tokens)
    if rest:
        raise BadInput(f"{' '.join(rest)!r} is left over after the expression.")
    return value


def _read(tokens: list[str]) -> tuple[list[str], list[str]]:
    if not tokens:
        raise BadInput("the expression ends too early.")
    head, rest = tokens[0], tokens[1:]
    if head in UNARY:
        value, rest = _read(rest)
        return UNARY[head](value), rest
    if head in BINARY:
        left, rest = _read(rest)
        if rest[:1] != [","]:
            raise BadInput(f"{head} lacks the comma between its arguments.")
        right, rest = _read(rest[1:])
        return BINARY[head](left, right), rest
    letters = list(takewhile(lambda t: t not in UNARY and t not in BINARY and t != ",", tokens))
    if not letters:
        raise BadInput(f"{head!r} stands where letters must.")
    return letters, tokens[len(letters) :]


class PcfgEdits(Generated):
    """Expressions of ten operations over letters, nested to a drawn depth; the answer is the resulting sequence.

    ``depth`` counts operations along the longest path, ``operations`` all of them. Splits by these two
    test productivity, held-out pairs in ``pairs`` systematicity.
    """

    name = "pcfg-edits"
    title = "Nested string-edit operations"
    source = "Hupkes et al. (2020), Compositionality Decomposed, section 3; letter probabilities are reconstructed"
    options: ClassVar[Mapping[str, Any]] = {"depth": (1, 4), "letters": (2, 5)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"depth": (1, 12), "letters": (1, 20)}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "depth": "ordered",
        "operations": "ordered",
        "length": "ordered",
        "output_length": "ordered",
        "used": "set",
        "pairs": "set",
    }

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A tree of the drawn depth; side branches are shallower."""
        depth = d.between(*o["depth"])
        used, pairs = list[str](), list[str]()
        tokens = self._tree(d, depth, o["letters"], used, pairs, None)
        target = evaluate(tokens)
        factors = {
            "depth": depth,
            "operations": len(used),
            "length": len(tokens),
            "output_length": len(target),
            "used": sorted(set(used)),
            "pairs": sorted(set(pairs)),
        }
        return of_tokens(tokens, target, factors)

    def _tree(
        self, d: Draws, depth: int, letters: tuple[int, int], used: list[str], pairs: list[str], parent: str | None
    ) -> list[str]:
        if depth == 0:
            return [d.choice(LETTERS) for _ in range(d.between(*letters))]
        name = d.choice([*UNARY, *BINARY])
        used.append(name)
        if parent is not None:
            pairs.append(f"{parent}>{name}")
        deep = self._tree(d, depth - 1, letters, used, pairs, name)
        if name in UNARY:
            return [name, *deep]
        # Side branches stop early, or the number of operations would double with every level.
        other = self._tree(d, d.below(min(depth, 2)), letters, used, pairs, name)
        first, second = (deep, other) if d.below(2) else (other, deep)
        return [name, *first, ",", *second]
