"""Rules against the learner as published, which generalises rules with forms until nothing new comes; worked limits."""

import numpy as np
import pytest

from unseen.errors import BadInput
from unseen.measures.analogy.rules import RuleLearner, adjusted_confidence, rule_support

FEATURES = {
    "p": frozenset({"lab", "stop"}), "b": frozenset({"lab", "stop", "voi"}), "t": frozenset({"cor", "stop"}),
    "d": frozenset({"cor", "stop", "voi"}), "s": frozenset({"cor", "fric"}), "a": frozenset({"syl", "voi"}),
}  # fmt: skip


def generalised(rule, form):
    """What a rule (tail, needed features or the whole form where None) shares with a form of the same outcome."""
    tail, needed = rule
    for k in range(len(tail)):
        if k == len(form):
            return form, frozenset()
        if tail[-1 - k] != form[-1 - k]:
            return tail[len(tail) - k :], FEATURES[tail[-1 - k]] & FEATURES[form[-1 - k]]
    before = FEATURES[form[-len(tail) - 1]] if len(form) > len(tail) else frozenset()
    return tail, (frozenset() if needed is None else needed) & before


def by_generalising(form, stored, weights, level=0.75):
    best = np.zeros(weights.shape[1])
    for outcome in range(weights.shape[1]):
        own = [f for f, w in zip(stored, weights[:, outcome], strict=True) if w > 0]
        rules = {generalised((a, None), b) for a in own for b in own if a != b}
        while more := {generalised(r, f) for r in rules for f in own} - rules:
            rules |= more

        def applies(rule, to):
            tail, needed = rule
            before = FEATURES[to[-len(tail) - 1]] if len(to) > len(tail) else frozenset()
            return to.endswith(tail) and needed <= before

        for rule in rules:
            if applies(rule, form):
                inside = np.array([applies(rule, f) for f in stored])
                best[outcome] = max(
                    best[outcome], adjusted_confidence(weights[inside, outcome].sum(), weights[inside].sum(), level)
                )
    return best


@pytest.mark.parametrize("tokens", [False, True])
def test_rules_are_those_of_the_published_learner(tokens):
    rng = np.random.default_rng(0)

    def words(n):
        return ["".join(rng.choice(list(FEATURES), rng.integers(1, 5))) for _ in range(n)]

    found, slow = [], []
    for _ in range(6):
        stored = sorted(set(words(14)))
        counts = rng.integers(1, 50, (len(stored), 2)) * (rng.random((len(stored), 2)) < 0.6)
        weights = np.log10(counts + 1) if tokens else (counts > 0).astype(float)
        asked = words(10)
        found.append(rule_support(asked, stored, counts, FEATURES, tokens=tokens))
        slow.append([by_generalising(form, stored, weights) for form in asked])
    assert np.concatenate(found) == pytest.approx(np.concatenate(slow))
    assert np.std(np.concatenate(found)) > 0.05


def test_limits_are_those_that_were_published():
    # Albright & Hayes (2003): 5 of 5 is worth .825, 1000 of 1000 is worth .999.
    assert adjusted_confidence(5, 5) == pytest.approx(0.825, abs=5e-4)
    assert adjusted_confidence(1000, 1000) == pytest.approx(0.999, abs=5e-4)
    assert adjusted_confidence(1, 1) == 0
    assert adjusted_confidence(9, 10) < 0.9 < adjusted_confidence(900, 1000) + 0.01


def test_a_reliable_rule_stands_against_a_large_one():
    stored = ["ap", "ab", "tap", "at", "ad", "dad", "sat", "tad", "as", "das"]
    counts = np.array([[1, 0]] * 3 + [[0, 1]] * 7)
    known = RuleLearner(stored, counts, FEATURES)
    labial, coronal = known.confidence("sab"), known.confidence("pat")
    assert labial[0] > labial[1]
    assert coronal[1] > coronal[0]
    assert known.confidence("paa") == pytest.approx([0.0, 0.0])


def test_what_does_not_fit_is_refused():
    with pytest.raises(BadInput, match="segment 'q' has no features"):
        RuleLearner(["q"], np.ones((1, 2)), FEATURES)
    with pytest.raises(BadInput, match="holds in 0 to 3"):
        adjusted_confidence(4, 3)
