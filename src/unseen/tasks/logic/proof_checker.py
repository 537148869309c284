"""Checks proofs line by line: any valid proof passes, not only the one that a generator wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from unseen.tasks.logic.proof_language import Formula, negated, read_fact, read_rule

MAX_LINES = 2000


@dataclass
class Scope:
    """What holds at one level of assumptions.

    Attributes:
        assumption: What was assumed to open it; None at the top.
        known: Formulas derived in it, by key.
        conditionals: Pairs (assumption, conclusion) of subproofs that were closed in it.
    """

    assumption: Formula | None
    known: set[object] = field(default_factory=set[object])
    literals: dict[object, Formula] = field(default_factory=dict[object, Formula])
    conditionals: set[tuple[object, object]] = field(default_factory=set[tuple[object, object]])

    def add(self, formula: Formula) -> None:
        """Note a formula as derived."""
        self.known.add(formula.key())
        self.literals[formula.key()] = formula


class ProofChecker:
    """Follows a proof and says of each line whether it is licensed.

    Lines, for an individual Alex:
        a premise, word for word · ``Alex is F.`` by implication elimination from a rule and its premise, by
        introduction or
        elimination of a conjunction, by introduction of a disjunction · ``Assume Alex is F.`` opens a subproof ·
        ``If Alex is F then Alex is G.`` closes the innermost one, F being its assumption and G known in it ·
        ``By cases Alex is G.`` from a known disjunction with a closed subproof of G for each part ·
        ``By contradiction Alex is G.`` closes the innermost subproof, in which a literal and its opposite are known,
        G being
        the opposite of its assumption.

    A closed subproof leaves its lines behind: they can't be used after it.

    Args:
        name: The individual.
        premises: Sentences that may be used at any time.
    """

    def __init__(self, name: str, premises: Iterable[str]) -> None:
        self.name = name
        self.premises = {_clean(p) for p in premises}
        self.rules = [rule for p in self.premises if (rule := read_rule(p))]
        # A rule may be used once it was written or is given: here all given ones are at hand.
        self.scopes = [Scope(None)]
        for p in self.premises:
            if fact := read_fact(p, name):
                self.scopes[0].add(fact)

    def step(self, line: str) -> bool:
        """Take the next line; False where nothing licenses it, and then nothing changes."""
        line = _clean(line)
        if line in self.premises:
            return True
        if line.startswith("Assume "):
            formula = read_fact(line.removeprefix("Assume "), self.name)
            if formula is None:
                return False
            self.scopes.append(Scope(formula))
            self.scopes[-1].add(formula)
            return True
        if match := re.fullmatch(r"If (.+) then (.+)", line):
            return self._discharge(read_fact(match[1], self.name), read_fact(match[2], self.name))
        if line.startswith("By contradiction "):
            return self._contradiction(read_fact(line.removeprefix("By contradiction "), self.name))
        by_cases = line.startswith("By cases ")
        formula = read_fact(line.removeprefix("By cases "), self.name)
        if formula is None or not (self._by_cases(formula) if by_cases else self._follows(formula)):
            return False
        self.scopes[-1].add(formula)
        return True

    def knows(self, formula: Formula) -> bool:
        """Whether a formula was derived in an open scope."""
        key = formula.key()
        return any(key in scope.known for scope in self.scopes)

    def _all_known(self) -> Iterator[Formula]:
        for scope in self.scopes:
            yield from scope.literals.values()

    def _follows(self, formula: Formula) -> bool:
        key = formula.key()
        if self.knows(formula):
            return True
        if any(rule.conclusion.key() == key and self.knows(rule.premise) for rule in self.rules):
            return True
        if formula.connective == "and" and all(self.knows(part) for part in formula.literals()):
            return True
        if formula.connective == "or" and any(self.knows(part) for part in formula.literals()):
            return True
        if formula.connective in ("is", "not"):
            return any(
                known.connective == "and" and any(part.key() == key for part in known.literals())
                for known in self._all_known()
            )
        return False

    def _discharge(self, premise: Formula | None, conclusion: Formula | None) -> bool:
        scope = self.scopes[-1]
        if premise is None or conclusion is None or scope.assumption is None:
            return False
        if scope.assumption.key() != premise.key() or not self.knows(conclusion):
            return False
        self.scopes.pop()
        self.scopes[-1].conditionals.add((premise.key(), conclusion.key()))
        return True

    def _by_cases(self, formula: Formula) -> bool:
        shown: set[tuple[object, object]] = set()
        for scope in self.scopes:
            shown |= scope.conditionals
        return any(
            known.connective == "or" and all((part.key(), formula.key()) in shown for part in known.literals())
            for known in self._all_known()
        )

    def _contradiction(self, formula: Formula | None) -> bool:
        scope = self.scopes[-1]
        if formula is None or scope.assumption is None or scope.assumption.connective not in ("is", "not"):
            return False
        if negated(scope.assumption).key() != formula.key():
            return False
        clash = any(f.connective in ("is", "not") and self.knows(negated(f)) for f in self._all_known())
        if not clash:
            return False
        self.scopes.pop()
        self.scopes[-1].add(formula)
        return True


def _clean(line: str) -> str:
    return " ".join(line.split()).rstrip(". ")


def proof_lines(text: str) -> list[str]:
    """Sentences of a proof."""
    return [line for piece in text.split(".") if (line := " ".join(piece.split()))][:MAX_LINES]


def check_proof(name: str, premises: Iterable[str], goal: str, proof: str) -> tuple[bool, list[bool]]:
    """Whether a proof is valid and reaches the goal, and the verdict on each of its lines.

    Args:
        name: The individual.
        premises: Sentences given.
        goal: The sentence to prove.
        proof: Sentences of the proof.

    Returns:
        True where every line is licensed, no assumption is left open and the last line states the goal; verdicts by
        line.

    Source: Saparov et al. (2023), Testing the General Deductive Reasoning Capacity of Large Language Models Using OOD
    Examples, section 3 and table 1 (the deduction rules); the markers of subproofs are ours.

    >>> check_proof("Alex", ["Every cat is a pet.", "Alex is a cat."], "Alex is a pet.", "Alex is a pet.")
    (True, [True])
    """
    checker = ProofChecker(name, premises)
    lines = proof_lines(proof)
    verdicts = [checker.step(line) for line in lines]
    last = re.sub(r"^By (cases|contradiction) ", "", _clean(lines[-1])) if lines else ""
    closed = len(checker.scopes) == 1 and last == _clean(goal)
    return bool(verdicts) and all(verdicts) and closed, verdicts
