"""Knights and knaves: who always tells the truth, who always lies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, ClassVar, cast

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_text, tokens_of
from unseen.tasks.draws import Draws

NAMES = (
    "Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ian", "Jo", "Kim", "Leo", "Mia", "Ned", "Ona", "Pia",
    "Quin", "Rosa", "Sam", "Tess", "Uma", "Vic", "Wen", "Zoe",
)  # fmt: skip
Statement = tuple[Any, ...]
_CLAUSE = re.compile(r"([a-z]+) is a (knight|knave)")


@cache
def _tables(people: int) -> tuple[int, ...]:
    """Truth tables of the claims that person i is a knight: bit w is the value in world w, whose bit i says knight."""
    return tuple(sum(1 << w for w in range(1 << people) if w >> i & 1) for i in range(people))


class KnightsKnaves(Generated):
    """Each person makes one statement; exactly one way to call them knights and knaves fits.

    ``depth`` is the largest nesting of and, or, if and iff in a statement (0: a plain claim about one person).
    Truth tables of statements are integers with one bit a world, so that the uniqueness check looks at every world
    at once.
    """

    name = "knights-knaves"
    title = "Who is a knight and who a knave"
    source = (
        "Xie et al. (2024), On Memorization of Large Language Models in Logical Reasoning, section 2; Reasoning Gym"
    )
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"people": "ordered", "depth": "ordered", "knights": "ordered"}
    options: ClassVar[Mapping[str, Any]] = {"people": (2, 4), "depth": (0, 2), "knights": (0, 8)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"people": (2, 8), "depth": (0, 4), "knights": (0, 8)}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Statements by chance until exactly one world fits."""
        for _ in range(5000):
            people, depth = d.between(*o["people"]), d.between(*o["depth"])
            tables, full = _tables(people), (1 << (1 << people)) - 1
            fits, statements = full, list[Statement]()
            deepest = d.below(people)
            for i in range(people):
                statement, table = self._statement(d, depth if i == deepest else d.below(depth + 1), i, tables, full)
                statements.append(statement)
                fits &= ~(tables[i] ^ table)
                if not fits:
                    break
            if fits and not fits & (fits - 1):
                world = fits.bit_length() - 1
                if o["knights"][0] <= world.bit_count() <= o["knights"][1]:
                    return self._write(d, statements, world, depth)
        raise self.impossible(f"no puzzle with {dict(o)} in 5,000 draws")

    def _statement(
        self, d: Draws, depth: int, speaker: int, tables: tuple[int, ...], full: int
    ) -> tuple[Statement, int]:
        if depth == 0:
            person = d.below(len(tables) - 1)
            person += person >= speaker
            if d.below(2):
                return ("knight", person), tables[person]
            return ("knave", person), full ^ tables[person]
        kind = ("and", "or", "if", "iff")[d.below(4)]
        left, a = self._statement(d, depth - 1, speaker, tables, full)
        right, b = self._statement(d, d.below(depth), speaker, tables, full)
        table = a & b if kind == "and" else a | b if kind == "or" else full ^ a | b if kind == "if" else full ^ a ^ b
        return (kind, left, right), table

    def _write(self, d: Draws, statements: list[Statement], world: int, depth: int) -> Example:
        names = d.pick(NAMES, len(statements))
        said = [f"{name} says: {_phrase(s, names)}." for name, s in zip(names, statements, strict=True)]
        text = " ".join([*said, "Who is a knight and who is a knave?"])
        answer = ", ".join([f"{name} is a {'knight' if world >> i & 1 else 'knave'}" for i, name in enumerate(names)])
        factors = {"people": len(names), "depth": depth, "knights": world.bit_count()}
        return of_text(text, answer, factors, {"statements": statements, "names": names})

    def verify(self, example: Example, answer: object) -> float:
        """1 where every person is named once with the right role, in any order."""
        words = tokens_of(answer)
        if not words:
            return 0.0
        clauses = re.split(r"\s*(?:[,.;]\s*and|[,.;]|\band)\s+", " ".join(words).lower().rstrip(" ."))
        given = [match.groups() if (match := _CLAUSE.fullmatch(clause)) else None for clause in clauses]
        right = [tuple(part.split(" is a ")) for part in str(example.target).lower().split(", ")]
        return float(None not in given and sorted(map(str, given)) == sorted(map(str, right)))

    def oracle(self, example: Example) -> str:
        """Try every world, one after the other, by walking the statements."""
        statements, names = example.hidden["statements"], example.hidden["names"]
        fitting = [
            roles
            for roles in product((False, True), repeat=len(names))
            if all(role == _holds(s, roles) for role, s in zip(roles, statements, strict=True))
        ]
        return " or ".join(
            ", ".join(f"{name} is a {'knight' if role else 'knave'}" for name, role in zip(names, roles, strict=True))
            for roles in fitting
        )


def _phrase(statement: Statement, names: Sequence[str]) -> str:
    kind = statement[0]
    if kind in ("knight", "knave"):
        return f"{names[statement[1]]} is a {kind}"
    left, right = (_phrase(s, names) if len(s) == 2 else f"({_phrase(s, names)})" for s in statement[1:])
    return {
        "and": f"{left} and {right}",
        "or": f"{left} or {right}",
        "if": f"if {left} then {right}",
        "iff": f"{left} if and only if {right}",
    }[kind]


def _holds(statement: Statement, roles: tuple[bool, ...]) -> bool:
    kind = statement[0]
    if kind in ("knight", "knave"):
        return roles[cast("int", statement[1])] == (kind == "knight")
    left, right = _holds(statement[1], roles), _holds(statement[2], roles)
    return {"and": left and right, "or": left or right, "if": not left or right, "iff": left == right}[kind]
