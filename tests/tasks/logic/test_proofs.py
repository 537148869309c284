"""Proofs: what the checker accepts follows, and what it accepts is more than the written proof."""

from __future__ import annotations

from itertools import product

import pytest

from unseen import tasks
from unseen.tasks.draws import Draws
from unseen.tasks.logic.proof_checker import ProofChecker, check_proof, proof_lines
from unseen.tasks.logic.proof_language import (
    Formula,
    Rule,
    both,
    either,
    fact_sentence,
    is_a,
    negated,
    phrase,
    read_fact,
    read_phrase,
    read_rule,
    rule_sentence,
)
from unseen.tasks.logic.proofs import RULES


def true_in(formula: Formula, world: dict[str, bool]) -> bool:
    match formula.connective:
        case "is":
            return world[str(formula.parts[0])]
        case "not":
            return not world[str(formula.parts[0])]
        case "and":
            return all(true_in(p, world) for p in formula.literals())
        case _:
            return any(true_in(p, world) for p in formula.literals())


def concepts_of(sentences: list[str], name: str) -> list[str]:
    words = {w.strip(".,") for s in sentences for w in s.split()}
    return sorted(words - {name, "Every", "Everything", "that", "is", "a", "an", "not", "and", "or"})


def follows(premises: list[str], goal: str, name: str) -> bool:
    """Semantic entailment: the goal holds in every world of the premises."""
    concepts = concepts_of([*premises, goal], name)
    rules = [r for p in premises if (r := read_rule(p.rstrip(".")))]
    facts = [f for p in premises if (f := read_fact(p.rstrip("."), name))]
    target = read_fact(goal.rstrip("."), name)
    assert target is not None
    assert len(rules) + len(facts) == len(premises)
    for values in product((False, True), repeat=len(concepts)):
        world = dict(zip(concepts, values, strict=True))
        if (
            all(true_in(f, world) for f in facts)
            and all(true_in(r.conclusion, world) or not true_in(r.premise, world) for r in rules)
            and not true_in(target, world)
        ):
            return False
    return True


@pytest.mark.parametrize("rule", ["implication", *RULES])
def test_generated_claims_follow_from_their_premises_in_every_world(rule):
    task = tasks.load("prontoqa-ood")
    for seed in range(12):
        e = task.draw(seed, rules=rule, depth=2, distractors=(0, 1))
        assert follows(e.hidden["premises"], e.hidden["goal"], e.hidden["name"])
        assert rule in e.factors["used"]


def random_formula(d: Draws, concepts: list[str]) -> Formula:
    def literal() -> Formula:
        found = is_a(d.choice(concepts))
        return negated(found) if d.below(3) == 0 else found

    kind = d.below(4)
    return literal() if kind < 2 else (both if kind == 2 else either)(literal(), literal())


def test_whatever_the_checker_accepts_at_the_top_follows():
    """Random lines over four concepts: every accepted one is entailed (soundness), by truth tables."""
    concepts, accepted = ["cat", "dog", "fox", "hen"], 0
    for seed in range(400):
        d = Draws(f"sound {seed}")
        premises = [rule_sentence(Rule(random_formula(d, concepts), random_formula(d, concepts))) for _ in range(3)]
        premises += [fact_sentence("Alex", random_formula(d, concepts)) for _ in range(2)]
        checker = ProofChecker("Alex", premises)
        assumed: list[Formula] = []
        for _ in range(25):
            formula = random_formula(d, concepts)
            move = d.below(6)
            if move == 0 and len(assumed) < 2:
                assert checker.step(f"Assume {fact_sentence('Alex', formula)}")
                assumed.append(formula)
            elif move == 1 and assumed:
                if checker.step(f"If Alex is {phrase(assumed[-1])} then Alex is {phrase(formula)}"):
                    assumed.pop()
            elif move == 2 and assumed and assumed[-1].connective in ("is", "not"):
                if checker.step(f"By contradiction Alex is {phrase(negated(assumed[-1]))}"):
                    assumed.pop()
            else:
                word = "By cases " if move == 3 else ""
                if checker.step(f"{word}Alex is {phrase(formula)}"):
                    given = [*premises, *(fact_sentence("Alex", a) for a in assumed)]
                    assert follows(given, fact_sentence("Alex", formula), "Alex")
                    accepted += 1
    assert accepted > 500


def test_any_valid_proof_passes_not_only_the_written_one():
    premises = ["Every cat is a pet.", "Every pet is an animal.", "Alex is a cat."]
    for proof in (
        "Alex is a pet. Alex is an animal.",
        "Alex is a cat. Alex is a cat and a cat. Alex is a pet. Every pet is an animal. Alex is an animal.",
        "Alex is a pet. Alex is a pet or a dog. Alex is an animal.",
        "Assume Alex is not an animal. Alex is a pet. Alex is an animal. By contradiction Alex is an animal.",
    ):
        assert check_proof("Alex", premises, "Alex is an animal.", proof)[0]


@pytest.mark.parametrize(
    ("proof", "line"),
    [
        ("Alex is an animal.", 0),  # skips a step
        ("Alex is a pet. Alex is a dog. Alex is an animal.", 1),
        ("Assume Alex is a dog. Alex is a pet. Alex is an animal.", None),  # left open
        ("Assume Alex is a pet. Alex is an animal. If Alex is a pet then Alex is an animal. Alex is an animal.", 3),
        ("Alex is a pet. Alex is an animal. Alex is a cat.", None),  # ends elsewhere
        ("By cases Alex is an animal.", 0),
        ("By contradiction Alex is an animal.", 0),
        ("Fae is an animal.", 0),
        ("Alex is a pet and a dog. Alex is an animal.", 0),
    ],
)
def test_invalid_proofs_fail_at_the_line_that_is_wrong(proof, line):
    premises = ["Every cat is a pet.", "Every pet is an animal.", "Alex is a cat."]
    right, verdicts = check_proof("Alex", premises, "Alex is an animal.", proof)
    assert not right
    assert (verdicts.index(False) if False in verdicts else None) == line


def test_leaving_out_a_derived_line_breaks_a_proof():
    task = tasks.load("prontoqa-ood")
    broken = 0
    for seed in range(40):
        e = task.draw(seed, rules=["implication", *RULES], depth=(2, 4))
        lines = proof_lines(str(e.target))
        given = {p.rstrip(".") for p in e.hidden["premises"]}
        assert task.score_steps(e, e.target) == 1.0
        for i, line in enumerate(lines):
            if line not in given:
                broken += task.verify(e, ". ".join([*lines[:i], *lines[i + 1 :]]) + ".") == 0.0
                assert i < len(lines) - 1 or task.verify(e, ". ".join(lines[:i]) + ".") == 0.0
    assert broken > 80


def test_sentences_read_back():
    for seed in range(300):
        d = Draws(str(seed))
        a, b = random_formula(d, ["cat", "impus", "dog"]), random_formula(d, ["cat", "impus", "dog"])
        assert read_phrase(phrase(a)) == a
        assert read_rule(rule_sentence(Rule(a, b)).rstrip(".")) == Rule(a, b)
        assert read_fact(fact_sentence("Rex", a).rstrip("."), "Rex") == a


def test_depth_width_and_distractors_are_met():
    task = tasks.load("prontoqa-ood")
    e = task.draw(0, rules="conjunction-intro", depth=4, width=3, distractors=2)
    assert (e.factors["depth"], e.factors["width"], e.factors["distractors"]) == (4, 3, 2)
    assert task.draw(0, depth=30).factors["steps"] == 61


def test_cases_need_a_subproof_for_each_part():
    premises = ["Alex is a cat or a dog.", "Every cat is a pet.", "Every dog is a pet.", "Every fox is a pet."]
    cat = "Assume Alex is a cat. Alex is a pet. If Alex is a cat then Alex is a pet. "
    dog = "Assume Alex is a dog. Alex is a pet. If Alex is a dog then Alex is a pet. "
    fox = "Assume Alex is a fox. Alex is a pet. If Alex is a fox then Alex is a pet. "
    end = "By cases Alex is a pet."
    for proof in (cat + dog, dog + fox + cat):
        assert check_proof("Alex", premises, "Alex is a pet.", proof + end)[0]
    for proof in (cat, cat + fox, cat + cat):
        assert not check_proof("Alex", premises, "Alex is a pet.", proof + end)[0]
