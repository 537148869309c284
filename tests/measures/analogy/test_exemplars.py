"""Distances by recursion, likeness by loops, and natural classes by trying every set of segments."""

from functools import cache
from itertools import chain, combinations

import numpy as np
import pytest

from unseen.errors import BadInput
from unseen.measures.analogy.exemplars import class_distances, exemplar_support, form_distances, natural_classes

FEATURES = {
    "p": frozenset({"lab", "stop"}), "b": frozenset({"lab", "stop", "voi"}), "t": frozenset({"cor", "stop"}),
    "s": frozenset({"cor", "fric"}), "a": frozenset({"syl", "voi"}),
}  # fmt: skip


def test_natural_classes_are_the_sets_that_features_pick_out():
    every = chain.from_iterable(combinations(FEATURES, k) for k in range(1, 6))
    slow = set()
    for some in every:
        common = frozenset.intersection(*(FEATURES[s] for s in some))
        if frozenset(s for s in FEATURES if common <= FEATURES[s]) == frozenset(some):
            slow.add(frozenset(some))
    assert natural_classes(FEATURES) == slow


def test_segments_are_as_far_as_the_classes_they_do_not_share():
    found = class_distances(FEATURES)
    # p: {p b}, {p b t}, all; b: {b}, {p b}, {b a}, {p b t}, all.
    assert found["p", "b"] == pytest.approx(1 - 3 / 5)
    assert found["p", "b"] < found["p", "t"] < found["p", "a"]
    assert all(found[a, b] == found[b, a] and found[a, a] == 0 for a in FEATURES for b in FEATURES)


def recursion(a, b, distances, gap):
    @cache
    def cost(i, j):
        if not i or not j:
            return gap * (i + j)
        return min(cost(i - 1, j) + gap, cost(i, j - 1) + gap, cost(i - 1, j - 1) + distances[a[i - 1], b[j - 1]])

    return cost(len(a), len(b))


def words(n, rng):
    return ["".join(rng.choice(list(FEATURES), rng.integers(1, 7))) for _ in range(n)]


def test_forms_are_as_far_as_by_recursion():
    rng = np.random.default_rng(0)
    distances, stored = class_distances(FEATURES), words(30, rng)
    for form in words(10, rng):
        slow = [recursion(form, other, distances, 0.6) for other in stored]
        assert form_distances(form, stored, distances) == pytest.approx(slow)


@pytest.mark.parametrize("tokens", [False, True])
def test_support_is_a_sum_over_stored_forms_without_the_form_itself(tokens):
    rng = np.random.default_rng(1)
    distances, stored = class_distances(FEATURES), sorted(set(words(25, rng)))
    counts = rng.integers(0, 200, (len(stored), 2)) * (rng.random((len(stored), 2)) < 0.6)
    asked = [*words(5, rng), stored[3]]
    found = exemplar_support(asked, stored, counts, distances, tokens=tokens)
    for row, form in enumerate(asked):
        for k in range(2):
            slow = sum(
                np.exp(-recursion(form, other, distances, 0.6) / 0.3) * (np.log10(n + 1) if tokens else n > 0)
                for other, n in zip(stored, counts[:, k], strict=True)
                if other != form
            )
            assert found[row, k] == pytest.approx(slow)


def test_what_does_not_fit_is_refused():
    with pytest.raises(BadInput, match="segment 'q' has no distance"):
        form_distances("q", ["p"], class_distances(FEATURES))
    with pytest.raises(BadInput, match=r"got \(1, 2\)"):
        exemplar_support(["p"], ["p", "b"], np.ones((1, 2)), class_distances(FEATURES))
