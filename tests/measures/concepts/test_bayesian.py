"""Generalisation by rules against a sum over all conjunctions, by likeness against loops."""

from itertools import chain, combinations

import numpy as np
import pytest

from unseen.errors import BadInput
from unseen.measures.concepts.bayesian import rule_generalization, similarity_generalization


def by_all_rules(examples, items, share, prior):
    d = examples.shape[1]
    total, reached = 0.0, np.zeros(len(items))
    for rule in chain.from_iterable(combinations(range(d), k) for k in range(d + 1)):
        own = list(rule)
        if not examples[:, own].all():
            continue
        weight = prior ** len(own) * (1 - prior) ** (d - len(own)) * np.prod(share[own]) ** -len(examples)
        total += weight
        reached += weight * items[:, own].all(1)
    return reached / total


@pytest.mark.parametrize("prior", [0.2, 0.5])
def test_rules_are_weighed_as_by_a_sum_over_all_conjunctions(prior):
    rng = np.random.default_rng(0)
    told = []
    for _ in range(20):
        examples, items, share = rng.random((3, 6)) < 0.8, rng.random((15, 6)) < 0.6, rng.uniform(0.1, 1, 6)
        found = np.exp(rule_generalization(examples, items, share, prior=prior))
        assert found == pytest.approx(by_all_rules(examples, items, share, prior), rel=1e-9)
        told.append(found)
    assert np.std(np.concatenate(told)) > 0.2


def test_more_examples_and_rarer_attributes_make_generalisation_narrower():
    one, lacking = np.ones((1, 1), bool), np.zeros((1, 1), bool)

    def reach(n, share):
        return float(np.exp(rule_generalization(np.repeat(one, n, 0), lacking, np.array([share])))[0])

    assert reach(1, 0.5) > reach(2, 0.5) > reach(8, 0.5)
    assert reach(2, 0.9) > reach(2, 0.1)
    # 1 / (1 + 0.5**-2)
    assert reach(2, 0.5) == pytest.approx(0.2)


def test_likeness_is_a_mean_over_examples():
    rng = np.random.default_rng(1)
    examples, items = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    slow = [np.mean([np.exp(-np.sqrt(sum((x - e) ** 2)) / 0.7) for e in examples]) for x in items]
    assert similarity_generalization(examples, items, 0.7) == pytest.approx(slow)


def test_what_does_not_fit_is_refused():
    with pytest.raises(BadInput, match=r"examples \(0, 2\)"):
        rule_generalization(np.ones((0, 2)), np.ones((1, 2)), np.ones(2))
    with pytest.raises(BadInput, match="shares of 2 attributes"):
        rule_generalization(np.ones((1, 2)), np.ones((1, 2)), np.zeros(2))
    with pytest.raises(BadInput, match="the scale is a distance above 0"):
        similarity_generalization(np.ones((1, 2)), np.ones((1, 2)), 0.0)
