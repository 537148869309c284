"""The instance score and the choice by coverage against their definitions, written out naively."""

import numpy as np
import pytest

from unseen.errors import BadInput, TooFewUnits
from unseen.measures.structure.local_structures import (
    ObservedStructures,
    compound_scores,
    contexts,
    hold_out_unlike,
    ngram_structures,
    predicts,
    select_by_coverage,
    symbols_of,
)
from unseen.shifts import divergence
from unseen.tasks import load
from unseen.tasks.grammar.trees import Tree, local_structures


def naive_similarity(structure: str, observed: set[str]) -> float:
    """Compare with every observed structure, contexts gathered anew for every pair of symbols."""

    def held(symbol: str) -> set[tuple[str, tuple[str, ...], int]]:
        out = set()
        for other in observed:
            joint, parts = symbols_of(other)
            out |= {(joint, (*parts[:i], *parts[i + 1 :]), i) for i, p in enumerate(parts) if p == symbol}
        return out

    joint, parts = symbols_of(structure)
    best = 0.0
    for other in observed:
        other_joint, others = symbols_of(other)
        if other_joint != joint or len(others) != len(parts):
            continue
        differing = [(a, b) for a, b in zip(parts, others, strict=True) if a != b]
        if not differing:
            return 1.0
        if len(differing) == 1:
            a, b = held(differing[0][0]), held(differing[0][1])
            best = max(best, len(a & b) / len(a | b))
    return best


@pytest.mark.parametrize("seed", range(3))
def test_similarity_equals_its_naive_twin_on_random_programs(seed):
    rng = np.random.default_rng(seed)

    def tree(depth: int) -> Tree:
        n = int(rng.integers(0, 3)) if depth else 0
        return Tree("abcdef"[rng.integers(6)], tuple(tree(depth - 1) for _ in range(n)))

    train = [local_structures(tree(2), order=3) for _ in range(8)]
    seen = ObservedStructures(train)
    observed = set().union(*train)
    tested = [local_structures(tree(3), order=3) for _ in range(20)]
    values = {s: naive_similarity(s, observed) for program in tested for s in program}
    assert {s: seen.similarity(s) for s in values} == pytest.approx(values)
    assert any(0 < v < 1 for v in values.values())
    assert seen.scores(tested).tolist() == pytest.approx([min(values[s] for s in p) for p in tested])


def test_training_programs_score_one_and_unknown_symbols_zero():
    rows = load("query-programs").sample(50, 1).table["structures"].to_list()
    seen = ObservedStructures(rows)
    assert (seen.scores(rows) == 1).all()
    assert seen.score(["find>unheard"]) == 0
    assert seen.score([]) == 1


def test_contexts_name_the_gap():
    assert contexts(["<root>>count", "a>b>c"]) == {
        "<root>": {"_>count"}, "count": {"<root>>_"}, "a": {"_>b>c"}, "b": {"a>_>c"}, "c": {"a>b>_"},
    }  # fmt: skip


def test_compound_score_is_one_minus_the_divergence():
    train, one = [["a", "b", "b"], ["c"]], ["a", "b", "d"]
    p, q = np.array([1, 2, 1, 0]), np.array([1, 1, 0, 1])
    assert compound_scores([one], train)[0] == pytest.approx(1 - divergence(p, q, 0.1))


def test_coverage_takes_the_row_that_adds_most_and_begins_anew_when_all_is_covered():
    rng = np.random.default_rng(0)
    pool = [frozenset("abcdefghij"[i] for i in rng.choice(10, rng.integers(1, 4), replace=False)) for _ in range(30)]
    rows = select_by_coverage(pool, 25, np.random.default_rng(1))
    assert len(set(rows.tolist())) == 25
    missing = set().union(*pool)
    for step, row in enumerate(rows):
        left = [pool[i] for i in range(30) if i not in rows[:step]]
        if not any(p & missing for p in left):
            missing = set().union(*pool)
        assert len(pool[row] & missing) == max(len(p & missing) for p in left)
        missing -= pool[row]


def test_a_covering_choice_observes_more_than_a_random_one():
    rows = load("query-programs").sample(400, 2).table["structures"].to_list()
    rng = np.random.default_rng(3)
    covered = set().union(*(rows[i] for i in select_by_coverage(rows, 30, rng)))
    by_chance = [len(set().union(*(rows[i] for i in rng.choice(400, 30, replace=False)))) for _ in range(20)]
    assert len(covered) > max(by_chance)


def test_score_tells_right_from_wrong():
    assert predicts(np.array([0.1, 0.9, 0.8, 0.2]), np.array([0, 1, 1, 0])).value == 1.0
    with pytest.raises(TooFewUnits, match="and 0 with wrong"):
        predicts(np.array([0.1, 0.2, 0.3]), np.array([1, 1, 1]))


def test_bad_requests_are_told_with_their_numbers():
    with pytest.raises(BadInput, match="no local structure is observed"):
        ObservedStructures([[]])
    with pytest.raises(BadInput, match="9 examples can't be chosen from a pool of 2"):
        select_by_coverage([["a"], ["b"]], 9, np.random.default_rng(0))
    with pytest.raises(BadInput, match="at least 2 tokens, got n=1"):
        ngram_structures(["a"], 1)


def test_held_out_families_leave_training_nothing_near_and_all_symbols():
    rows = [set(r) for r in load("query-programs").sample(600, 4, depth=(0, 1)).table["structures"].to_list()]
    inside, beyond = hold_out_unlike(rows, np.random.default_rng(0))
    assert sorted([*inside, *beyond]) == list(range(600))
    assert 60 <= len(beyond) <= 210
    train = [rows[i] for i in inside]
    scores = ObservedStructures(train).scores([rows[i] for i in beyond])
    assert scores.mean() < 0.5
    assert contexts(set().union(*train)).keys() == contexts(set().union(*rows)).keys()
    with pytest.raises(BadInput, match="holds out 99% to 100% of 600 examples"):
        hold_out_unlike(rows, np.random.default_rng(0), share=(0.99, 1.0))
