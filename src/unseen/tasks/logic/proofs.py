"""PrOntoQA-OOD: proofs over fictional ontologies with chosen deduction rules, depth and width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_text, tokens_of
from unseen.tasks.draws import Draws
from unseen.tasks.logic.proof_checker import check_proof
from unseen.tasks.logic.proof_language import (
    Formula,
    Rule,
    both,
    either,
    fact_sentence,
    is_a,
    negated,
    rule_sentence,
)

NAMES = ("Alex", "Fae", "Max", "Polly", "Rex", "Sally", "Sam", "Stella", "Wren")
CONCEPTS = (
    "wumpus", "yumpus", "zumpus", "dumpus", "rompus", "numpus", "tumpus", "vumpus", "impus", "jompus", "gorpus",
    "shumpus", "lempus", "sterpus", "grimpus", "lorpus", "brimpus",
)  # fmt: skip
RULES = ("conjunction-intro", "conjunction-elim", "disjunction-intro", "cases", "contradiction")


class _Builder:
    """Writes premises and the proof of a goal, from the goal backwards."""

    def __init__(self, d: Draws, name: str, width: int, rules: tuple[str, ...]) -> None:
        self.d, self.name, self.width, self.rules = d, name, width, rules
        self.premises: list[str] = []
        self.used: set[str] = set()
        self.concepts = [*d.pick(CONCEPTS, len(CONCEPTS))]
        self.spare = 0

    def fresh(self) -> Formula:
        """A concept that was not used yet; beyond the stock of names, names are made up."""
        if not self.concepts:
            self.spare += 1
            number, made = self.spare, ""
            while number:
                number, digit = divmod(number - 1, 20)
                made += "bcdfghjklmnpqrstvwxz"[digit] + "aeiou"[digit % 5]
            return is_a(made + "mpus")
        return is_a(self.concepts.pop())

    def say(self, formula: Formula) -> str:
        return fact_sentence(self.name, formula)

    def give(self, *sentences: str) -> None:
        self.premises += sentences

    def prove(self, goal: Formula, depth: int) -> list[str]:
        """Lines that end in the goal, of exactly this height (0: the goal is given)."""
        if depth == 0:
            self.give(self.say(goal))
            return [self.say(goal)]
        if goal.connective == "and":
            self.used.add("conjunction-intro")
            deep = self.d.below(len(goal.parts))
            parts = [self.prove(p, depth - 1 if i == deep else 0) for i, p in enumerate(goal.literals())]
            return [*(line for lines in parts for line in lines), self.say(goal)]
        if goal.connective == "or":
            self.used.add("disjunction-intro")
            return [*self.prove(self.d.choice(goal.literals()), depth - 1), self.say(goal)]
        return self._literal(goal, depth)

    def _literal(self, goal: Formula, depth: int) -> list[str]:
        # Only a denial can be shown by contradiction.
        fitting = [rule for rule in self.rules if rule != "contradiction" or goal.connective == "not"]
        rule = self.d.choice(fitting) if depth > 1 and fitting else "implication"
        if rule == "conjunction-elim":
            self.used.add(rule)
            parts = [goal, *(self.fresh() for _ in range(self.width - 1))]
            self.d.shuffle(parts)
            # The conjunction itself comes by implication: as a premise it would be a shortcut.
            return [*self._implied(both(*parts), self.fresh(), depth - 1), self.say(goal)]
        if rule == "cases":
            return self._cases(goal, depth)
        if rule == "contradiction":
            return self._contradiction(goal, depth)
        premise = self.fresh()
        if rule == "conjunction-intro":
            premise = both(*(self.fresh() for _ in range(self.width)))
        elif rule == "disjunction-intro":
            premise = either(*(self.fresh() for _ in range(self.width)))
        return self._implied(goal, premise, depth)

    def _implied(self, goal: Formula, premise: Formula, depth: int) -> list[str]:
        self.used.add("implication")
        sentence = rule_sentence(Rule(premise, goal))
        self.give(sentence)
        return [*self.prove(premise, depth - 1), sentence, self.say(goal)]

    def _chain(self, start: Formula, end: Formula, length: int) -> list[str]:
        """Implications from start to end."""
        lines: list[str] = []
        for i in range(length):
            after = end if i == length - 1 else self.fresh()
            sentence = rule_sentence(Rule(start, after))
            self.give(sentence)
            lines += [sentence, self.say(after)]
            start = after
        self.used.add("implication")
        return lines

    def _cases(self, goal: Formula, depth: int) -> list[str]:
        self.used.add("cases")
        parts = [self.fresh() for _ in range(self.width)]
        self.give(self.say(either(*parts)))
        lines = [self.say(either(*parts))]
        deep = self.d.below(self.width)
        for i, part in enumerate(parts):
            subproof = self._chain(part, goal, depth - 1 if i == deep else self.d.between(1, depth - 1))
            subject, object_ = self.say(part), self.say(goal)
            lines += [f"Assume {subject}", *subproof, f"If {subject[:-1]} then {object_}"]
        return [*lines, f"By cases {self.say(goal)}"]

    def _contradiction(self, goal: Formula, depth: int) -> list[str]:
        self.used.add("contradiction")
        end = self.fresh()
        self.give(self.say(negated(end)))
        lines = [f"Assume {self.say(negated(goal))}", *self._chain(negated(goal), end, depth - 1)]
        return [*lines, self.say(negated(end)), f"By contradiction {self.say(goal)}"]


class Proofs(Generated):
    """Premises and a claim; the answer is a proof of it, sentence by sentence.

    ``depth`` is the height of the proof, ``width`` the number of parts of each conjunction or disjunction (1: there is
    none), ``rules`` what may be used besides implication elimination (at least one of them is used where the depth
    allows, none for ``rules="implication"`` alone), ``distractors`` the number of further rules that lead nowhere.
    ``verify`` checks each step, so that any valid proof scores 1; ``score_steps`` gives the share of licensed lines.
    """

    name = "prontoqa-ood"
    title = "Prove a claim over a fictional ontology"
    source = (
        "Saparov et al. (2023), Testing the General Deductive Reasoning Capacity of Large Language Models Using OOD "
        "Examples, section 3; sentences of subproofs are reconstructed"
    )
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "depth": "ordered",
        "width": "ordered",
        "used": "set",
        "composed": "ordered",
        "steps": "ordered",
        "distractors": "ordered",
    }
    options: ClassVar[Mapping[str, Any]] = {
        "depth": (1, 3),
        "width": (1, 2),
        "rules": ("implication",),
        "distractors": (0, 3),
    }
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"rules": ("implication", *RULES)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"depth": (1, 50), "width": (1, 8), "distractors": (0, 50)}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A goal, its proof and premises, distractors, all premises shuffled."""
        rules = tuple(rule for rule in o["rules"] if rule != "implication")
        lowest = max(o["depth"][0], 2 if rules and "implication" not in o["rules"] else 1)
        if lowest > o["depth"][1]:
            raise self.impossible(f"proofs by {', '.join(rules)} need a depth of 2, asked for {o['depth']}")
        for _ in range(200):
            built = self._build(d, o, rules, d.between(lowest, o["depth"][1]))
            if o["width"][0] <= cast("int", built.factors["width"]) <= o["width"][1]:
                return built
        raise self.impossible(f"proofs by {', '.join(o['rules'])} with a width of {o['width']}")

    def _build(self, d: Draws, o: Mapping[str, Any], rules: tuple[str, ...], depth: int) -> Example:
        width = d.between(max(2, o["width"][0]), max(2, o["width"][1]))
        name = d.choice(NAMES)
        builder = _Builder(d, name, width, rules)
        goal = builder.fresh()
        if "contradiction" in rules and (len(rules) == 1 or d.below(2)):
            goal = negated(goal)
        proof = builder.prove(goal, depth)
        on_path = len(builder.premises)
        extra = d.between(*o["distractors"])
        for _ in range(extra):
            builder.give(rule_sentence(Rule(builder.fresh(), builder.fresh())))
        premises = builder.premises[:]
        d.shuffle(premises)
        claim = fact_sentence(name, goal)
        factors = {
            "depth": depth,
            "width": width if builder.used - {"implication", "contradiction"} else 1,
            "used": sorted(builder.used),
            "composed": len(builder.used),
            "steps": len(proof),
            "distractors": len(premises) - on_path,
        }
        hidden = {"name": name, "premises": premises, "goal": claim}
        return of_text(" ".join([*premises, "Prove:", claim]), " ".join(proof), factors, hidden)

    def verify(self, example: Example, answer: object) -> float:
        """1 for a valid proof of the claim, whoever wrote it."""
        words = tokens_of(answer)
        if not words:
            return 0.0
        hidden = example.hidden
        return float(check_proof(hidden["name"], hidden["premises"], hidden["goal"], " ".join(words))[0])

    def score_steps(self, example: Example, answer: object) -> float:
        """Share of the lines of an answer that are licensed; 0 for no lines."""
        hidden = example.hidden
        verdicts = check_proof(hidden["name"], hidden["premises"], hidden["goal"], " ".join(tokens_of(answer) or []))[1]
        return sum(verdicts) / len(verdicts) if verdicts else 0.0
