"""Proofs in the words of PrOntoQA-OOD, and whether what a language model writes is one, whatever words join its steps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from unseen.tasks.base import Example
from unseen.tasks.logic.proof_checker import proof_lines
from unseen.tasks.logic.proof_language import Formula, Rule, negated, read_fact, read_rule

# What a derived line rests on: the assumptions that are still open for it.
Rests = frozenset[object]
# Most sets of assumptions that are kept for a line; proofs here open two.
KEPT = 8
_LEADS = re.compile(
    r"(?:so|then|therefore|thus|hence|by cases|by contradiction|in conclusion|in both cases|in either case|now)\b,? *",
    re.I,
)
_ASSUME = re.compile(r"(?:assume|suppose)(?: that)? (.+)", re.I)
_CONTRADICTS = re.compile(r"this (?:contradicts|is a contradiction)(?: with)?(?: the fact that)? ?(.*)", re.I)
_SINCE = re.compile(r"(?:since|as|because) [^,]+, (.+)", re.I)


def written(item: Example) -> str:
    """The proof of an item in the authors' words: no closing of a case, "Since …, …" after the last one.

    Source: the authors' repository asaparov/prontoqa, proof.py (``linearize_proof_steps``) and syntax.py.
    """
    lines = proof_lines(str(item.target))
    for i, line in enumerate(lines):
        if line.startswith("By contradiction "):
            lines[i - 1] = f"This contradicts with {lines[i - 1]}"
            lines[i] = line.removeprefix("By contradiction ")
        if line.startswith("By cases "):
            lines[i] = f"Since {_disjunction(lines[:i], item.hidden['name'])}, {line.removeprefix('By cases ')}"
    # The disjunction is stated where the cases are closed, not before them.
    after = [*lines[1:], ""]
    stated = [
        _disjunction([line], item.hidden["name"]) != "" and "Assume" in then
        for line, then in zip(lines, after, strict=True)
    ]
    return " ".join(
        f"{line}." for line, first in zip(lines, stated, strict=True) if not first and not line.startswith("If ")
    )


def _disjunction(lines: list[str], name: str) -> str:
    """The first line that says of an individual that it is one thing or another."""
    facts = ((line, read_fact(line, name)) for line in lines)
    return next((line for line, fact in facts if fact is not None and fact.connective == "or"), "")


class Derived:
    """What follows from premises, each formula with the assumptions that it rests on.

    A line counts where one step gives it: implication elimination from a given rule, introduction or elimination of a
    conjunction, introduction of a disjunction, proof by cases (each part of a known disjunction gave it), proof by
    contradiction (an assumption led to a literal and its opposite). Which words join the steps is free, so that a proof may be
    right whose form was never shown.

    Args:
        name: The individual.
        premises: Sentences given.
        joined: Whether a rule may be used together with a conjunction or disjunction that was not written down: on what makes
            up its premise, or for a part of its conclusion. The authors count such steps ("non-atomic").
        tollens: Whether a rule may be used backwards: from the opposite of its conclusion to that of its premise.
    """

    def __init__(self, name: str, premises: list[str], *, joined: bool = True, tollens: bool = False) -> None:
        self.name, self.joined, self.tollens = name, joined, tollens
        self.given = {_clean(p) for p in premises}
        self.rules: list[Rule] = [rule for p in self.given if (rule := read_rule(p))]
        self.known: dict[object, tuple[Formula, set[Rests]]] = {}
        for p in self.given:
            if fact := read_fact(p, name):
                self._note(fact, {frozenset()})
        self._assumed = set[object]()

    def take(self, line: str) -> bool:
        """Take a line; False where nothing licenses it, and then nothing changes."""
        line = _clean(line)
        if line in self.given:
            return True
        if match := _ASSUME.fullmatch(line):
            fact = self._fact(match[1])
            if fact is not None:
                self._assumed.add(fact.key())
                self._note(fact, {frozenset([fact.key()])})
            return fact is not None
        if _CONTRADICTS.fullmatch(line):
            return any(True for _ in self._clashes())
        line = _LEADS.sub("", line, count=1) if _LEADS.match(line) else line
        if match := _SINCE.fullmatch(line):
            line = match[1]
        fact = self._fact(line)
        rests = set[Rests]() if fact is None else set(self._steps(fact))
        if fact is None or not rests:
            return False
        self._note(fact, rests)
        return True

    def shown(self, formula: Formula) -> bool:
        """Whether a formula was derived from the premises alone."""
        return frozenset() in self._rests(formula)

    def _fact(self, text: str) -> Formula | None:
        return read_fact(text[:1].upper() + text[1:], self.name)

    def _note(self, formula: Formula, rests: set[Rests]) -> None:
        all_ = self.known.get(formula.key(), (formula, set()))[1] | rests
        least = {r for r in all_ if not any(other < r for other in all_)}
        self.known[formula.key()] = (formula, set(sorted(least, key=lambda r: (len(r), repr(r)))[:KEPT]))

    def _rests(self, formula: Formula) -> set[Rests]:
        return self.known.get(formula.key(), (formula, set()))[1]

    def _steps(self, goal: Formula) -> Iterator[Rests]:
        key = goal.key()
        yield from self._rests(goal)
        for rule in self.rules:
            yield from self._by(rule, goal)
        yield from self._introduced(goal)
        for formula, rests in list(self.known.values()):
            if formula.connective == "and" and any(part.key() == key for part in formula.literals()):
                yield from rests
            if formula.connective == "or":
                yield from _joint([rests, *(self._case(part, goal) for part in formula.literals())])
        if goal.connective in ("is", "not"):
            opposite = negated(goal).key()
            yield from (clash - {opposite} for clash in self._clashes() if opposite in clash)

    def _case(self, part: Formula, goal: Formula) -> set[Rests]:
        """What a goal rests on beside a part of a disjunction; nothing where that was never assumed."""
        return {r - {part.key()} for r in self._rests(goal)} if part.key() in self._assumed else set()

    def _by(self, rule: Rule, goal: Formula) -> Iterator[Rests]:
        """Rests of a goal that a rule gives."""
        parts = (
            {part.key() for part in rule.conclusion.literals()}
            if rule.conclusion.connective == "and"
            else set[object]()
        )
        if rule.conclusion.key() == goal.key() or (self.joined and goal.key() in parts):
            yield from self._rests(rule.premise)
            if self.joined:
                yield from self._introduced(rule.premise)
        literals = all(f.connective in ("is", "not") for f in (rule.premise, rule.conclusion))
        if self.tollens and literals and negated(rule.premise).key() == goal.key():
            yield from self._rests(negated(rule.conclusion))

    def _introduced(self, goal: Formula) -> Iterator[Rests]:
        """Rests of a conjunction or disjunction that its parts give."""
        if goal.connective == "and":
            yield from _joint([self._rests(part) for part in goal.literals()])
        if goal.connective == "or":
            for part in goal.literals():
                yield from self._rests(part)

    def _clashes(self) -> Iterator[Rests]:
        """Assumptions from which a literal and its opposite follow."""
        for formula, rests in list(self.known.values()):
            if formula.connective == "is":
                yield from _joint([rests, self._rests(negated(formula))])


def _joint(choices: list[set[Rests]]) -> Iterator[Rests]:
    """Unions of one set from each."""
    found: set[Rests] = {frozenset()}
    for options in choices:
        found = {a | b for a in found for b in options}
    yield from found


def _clean(line: str) -> str:
    return " ".join(line.split()).rstrip(". ")


def proved(item: Example, answer: str, *, joined: bool = True, tollens: bool = False) -> bool:
    """Whether an answer holds a proof of an item's claim; lines that nothing licenses lead nowhere and are passed over.

    >>> from unseen.tasks.logic.proofs import Proofs
    >>> item = Proofs().draw_many(1, 3, rules="cases", depth=2, width=2)[0]
    >>> proved(item, written(item)), proved(item, item.hidden["goal"])
    (True, False)
    """
    derived = Derived(item.hidden["name"], item.hidden["premises"], joined=joined, tollens=tollens)
    lines = proof_lines(answer)
    # Where compound premises may be left out, the claim of a short proof takes one step: said alone it is no proof.
    if set(lines) <= {_clean(item.hidden["goal"])}:
        return False
    for line in lines:
        derived.take(line)
    goal = read_fact(_clean(item.hidden["goal"]), item.hidden["name"])
    return goal is not None and derived.shown(goal)
