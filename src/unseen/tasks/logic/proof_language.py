"""Formulas about one individual, rules about all, and the sentences that write them, both ways."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Connective = Literal["is", "not", "and", "or"]


@dataclass(frozen=True, slots=True)
class Formula:
    """What is said of an individual: is X, is not X, is X and Y, is X or Y.

    Attributes:
        connective: is, not, and, or.
        parts: One concept for is and not; literals, in order, for and and or.
    """

    connective: Connective
    parts: tuple[str, ...] | tuple[Formula, ...]

    def key(self) -> tuple[str, frozenset[object]]:
        """Equal for formulas that differ only in the order of their parts."""
        return (self.connective, frozenset(p if isinstance(p, str) else p.key() for p in self.parts))

    def literals(self) -> tuple[Formula, ...]:
        """The parts of a conjunction or disjunction; a literal is its own part."""
        if self.connective in ("is", "not"):
            return (self,)
        return tuple(p for p in self.parts if isinstance(p, Formula))


@dataclass(frozen=True, slots=True)
class Rule:
    """Everything that is the one is the other."""

    premise: Formula
    conclusion: Formula


def is_a(concept: str) -> Formula:
    """The literal "is a concept"."""
    return Formula("is", (concept,))


def negated(literal: Formula) -> Formula:
    """The opposite literal."""
    return Formula("not" if literal.connective == "is" else "is", literal.parts)


def both(*literals: Formula) -> Formula:
    """A conjunction."""
    return Formula("and", literals)


def either(*literals: Formula) -> Formula:
    """A disjunction."""
    return Formula("or", literals)


def phrase(formula: Formula) -> str:
    """A formula without its subject.

    >>> phrase(both(is_a("wumpus"), negated(is_a("impus"))))
    'a wumpus and not an impus'
    """
    if formula.connective in ("is", "not"):
        concept = str(formula.parts[0])
        article = "an" if concept[0] in "aeiou" else "a"
        return f"{'not ' if formula.connective == 'not' else ''}{article} {concept}"
    return f" {formula.connective} ".join(phrase(p) for p in formula.literals())


def read_phrase(text: str) -> Formula | None:
    """The formula of a phrase, or None where it is none.

    >>> read_phrase("a wumpus and not an impus") == both(is_a("wumpus"), negated(is_a("impus")))
    True
    """
    for connective in ("and", "or"):
        pieces = text.split(f" {connective} ")
        if len(pieces) > 1:
            found = [read_phrase(piece) for piece in pieces]
            literals = tuple(f for f in found if f is not None and f.connective in ("is", "not"))
            if len(literals) < len(pieces):
                return None
            return both(*literals) if connective == "and" else either(*literals)
    match = re.fullmatch(r"(not )?an? ([a-z]+)", text.strip())
    if match is None:
        return None
    return Formula("not" if match[1] else "is", (match[2],))


def rule_sentence(rule: Rule) -> str:
    """A rule as a sentence.

    >>> rule_sentence(Rule(is_a("wumpus"), is_a("impus")))
    'Every wumpus is an impus.'
    """
    if rule.premise.connective == "is":
        return f"Every {rule.premise.parts[0]} is {phrase(rule.conclusion)}."
    return f"Everything that is {phrase(rule.premise)} is {phrase(rule.conclusion)}."


def read_rule(text: str) -> Rule | None:
    """The rule of a sentence without its full stop, or None."""
    match = re.fullmatch(r"Every ([a-z]+) is (.+)", text)
    if match:
        conclusion = read_phrase(match[2])
        return None if conclusion is None else Rule(is_a(match[1]), conclusion)
    match = re.fullmatch(r"Everything that is (.+?) is (.+)", text)
    if match:
        premise, conclusion = read_phrase(match[1]), read_phrase(match[2])
        return None if premise is None or conclusion is None else Rule(premise, conclusion)
    return None


def fact_sentence(name: str, formula: Formula) -> str:
    """A formula about an individual as a sentence."""
    return f"{name} is {phrase(formula)}."


def read_fact(text: str, name: str) -> Formula | None:
    """The formula of a sentence about this individual without its full stop, or None."""
    return read_phrase(text.removeprefix(f"{name} is ")) if text.startswith(f"{name} is ") else None
