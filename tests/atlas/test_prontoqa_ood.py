"""Proofs that language models write: any that is one counts, nothing else does, and examples show what they are said to."""

import itertools
from collections.abc import Mapping

import pytest

pytest.importorskip("torch")

from unseen.atlas.studies.tasks import prontoqa_ood
from unseen.atlas.studies.tasks._prontoqa_ood_proofs import Derived, proved, written
from unseen.engine.seeds import numpy_generator
from unseen.tasks.logic.proof_checker import proof_lines
from unseen.tasks.logic.proof_language import Formula, fact_sentence, is_a, negated, read_fact, read_rule
from unseen.tasks.logic.proofs import RULES, Proofs

KINDS: list[dict[str, object]] = [{"rules": rule, "depth": 2, "width": (1, 2)} for rule in ("implication", *RULES)]
KINDS += [{"rules": prontoqa_ood.DIRECT, "depth": 4, "width": 2}]


def drawn(options: Mapping[str, object], n: int):
    return Proofs().draw_many(n, 11, distractors=1, **options)


def holds(formula: Formula, world: Mapping[str, bool]) -> bool:
    """Truth of a formula where each concept is said or denied of the individual."""
    if formula.connective == "is":
        return world[str(formula.parts[0])]
    if formula.connective == "not":
        return not world[str(formula.parts[0])]
    parts = [holds(p, world) for p in formula.literals()]
    return all(parts) if formula.connective == "and" else any(parts)


def follows(name: str, premises: list[str], goal: Formula) -> bool:
    """Whether a goal is true in every world in which the premises are, all worlds gone through."""
    texts = [p.rstrip(".") for p in premises]
    words = {
        w
        for t in [*texts, str(goal)]
        for w in t.replace("'", " ").replace(",", " ").replace(")", " ").split()
        if w.endswith("pus")
    }
    for values in itertools.product([False, True], repeat=len(words)):
        world = dict(zip(sorted(words), values, strict=True))
        facts = [f for t in texts if (f := read_fact(t, name))]
        rules = [r for t in texts if (r := read_rule(t))]
        given = all(holds(f, world) for f in facts) and all(
            holds(r.conclusion, world) for r in rules if holds(r.premise, world)
        )
        if given and not holds(goal, world):
            return False
    return True


@pytest.mark.parametrize("options", KINDS)
def test_the_proof_of_the_generator_counts_and_the_claim_alone_does_not(options):
    for item in drawn(options, 30):
        assert proved(item, written(item))
        assert proved(item, written(item), joined=False)
        assert not proved(item, item.hidden["goal"])
        assert not proved(item, f"{item.hidden['goal']} " * 3, tollens=True)


@pytest.mark.parametrize("options", KINDS)
def test_nothing_counts_once_a_premise_is_missing_without_which_the_claim_does_not_follow(options):
    cut = 0
    for item in drawn(options, 12):
        individual, goal = item.hidden["name"], read_fact(item.hidden["goal"].rstrip("."), item.hidden["name"])
        for gone in item.hidden["premises"]:
            left = [p for p in item.hidden["premises"] if p != gone]
            derived = Derived(individual, left, tollens=True)
            for line in proof_lines(written(item)) * 2:
                derived.take(line)
            follows_still = follows(individual, left, goal)
            assert derived.shown(goal) <= follows_still
            cut += not follows_still
    assert cut >= 24


def test_whatever_lines_are_written_only_what_follows_is_shown():
    rng = numpy_generator(5, "any lines")
    shown = 0
    for options in KINDS:
        for item in drawn(options, 10):
            name, premises = item.hidden["name"], item.hidden["premises"]
            literals = [
                is_a(w) for w in sorted({w for p in premises for w in p.rstrip(".").split() if w.endswith("pus")})
            ]
            literals += [negated(f) for f in literals]
            lines = proof_lines(written(item))
            derived = Derived(name, premises, tollens=True)
            for _ in range(60):
                fact = fact_sentence(name, literals[rng.integers(len(literals))])
                said = [fact, f"Assume {fact}", f"Since it must be, {fact}", lines[rng.integers(len(lines))]]
                derived.take(said[rng.integers(4)])
            for literal in literals:
                if derived.shown(literal):
                    shown += 1
                    assert follows(name, premises, literal)
    assert shown > 100


def test_the_words_of_a_subproof_are_free():
    premises = ["Rex is a wumpus or an impus.", "Every wumpus is a lempus.", "Every impus is a lempus."]
    goal = is_a("lempus")
    forms = {
        "Suppose that Rex is a wumpus. Then Rex is a lempus. Suppose Rex is an impus. Then Rex is a lempus. So Rex is a lempus.": True,
        "Assume Rex is a wumpus. Rex is a lempus. Assume Rex is an impus. Rex is a lempus. By cases Rex is a lempus.": True,
        "Rex is a wumpus or an impus. Rex is a lempus.": False,
        "Assume Rex is a wumpus. Rex is a lempus. Therefore, Rex is a lempus.": False,
        # The claim is stated in both cases, and nowhere outside them.
        "Assume Rex is a wumpus. Rex is a lempus. Assume Rex is an impus. Rex is a lempus.": False,
        "Rex is a wumpus. Rex is a lempus. Rex is an impus. Rex is a lempus. Rex is a lempus.": False,
    }
    for text, right in forms.items():
        derived = Derived("Rex", premises)
        for line in proof_lines(text):
            derived.take(line)
        assert derived.shown(goal) == right, text


def test_a_rule_used_backwards_counts_only_where_it_is_asked_for():
    premises = ["Every wumpus is an impus.", "Rex is not an impus."]
    for tollens in (False, True):
        derived = Derived("Rex", premises, tollens=tollens)
        assert derived.take("Rex is not a wumpus.") == tollens


def test_worked_examples_show_the_rules_that_they_are_said_to_show():
    asked = prontoqa_ood.asked_of(numpy_generator(1, "examples"), False)
    used = {name: [set(e.factors["used"]) for e in a.shown] for name, a in asked.items()}
    composed = set().union(*(set(e.factors["used"]) for e in asked["composed"].items))
    assert composed - {"implication"} == set(prontoqa_ood.DIRECT)
    assert composed <= set().union(*used["composed"])
    assert all(len(rules - {"implication"}) <= 1 for rules in used["composed"])
    assert all(e.factors["composed"] >= 3 for e in asked["composed"].items)
    for rule, other in (prontoqa_ood.ASSUMING, prontoqa_ood.ASSUMING[::-1]):
        assert all(rule in rules for rules in used[f"{rule}_shown"])
        assert not any(rule in rules for rules in used[f"{rule}_new"])
        assert any(other in rules for rules in used[f"{rule}_new"])
        assert asked[f"{rule}_shown"].items is asked[f"{rule}_new"].items


def test_claims_are_stated_at_once_where_steps_are_cut():
    asked = prontoqa_ood.asked_of(numpy_generator(2, "examples"), False)
    assert asked["at_once"].shown is asked["composed"].shown
    assert all(e.factors["composed"] >= 3 for e in asked["at_once"].items)
    for cut, whole in zip(asked["at_once"].prompts(), asked["composed"].prompts(), strict=False):
        for example in asked["composed"].shown:
            assert f"Q: {example.input}\nA: {written(example)}\n" in whole
            assert f"Q: {example.input}\nA: {example.hidden['goal']}\n" in cut
