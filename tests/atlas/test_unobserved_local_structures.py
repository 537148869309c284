"""Splits and score of the study on local structures do what they are taken for."""

import numpy as np
import pytest

pytest.importorskip("torch")

from unseen.atlas.studies.measures._unobserved_local_structures_questions import (
    KINDS,
    Easiness,
    matched,
    pool_of,
    split_of,
    unseen_pairs,
)
from unseen.atlas.studies.measures.unobserved_local_structures import area

OBSERVED = [["and>exists", "and>all", "or>exists", "exists~all"], ["all~all", "find>dog"]]


@pytest.fixture(scope="module")
def pool():
    return pool_of(800, np.random.default_rng(0))


def test_no_training_program_holds_a_pair_and_each_symbol_is_known(pool):
    symbols = pool.table["symbols"].to_list()
    pairs, out = unseen_pairs(symbols, np.random.default_rng(1))
    inside = [set(s) for s, o in zip(symbols, out, strict=True) if not o]
    assert len(pairs) == 5
    assert not any(s & a and s & b for s in inside for a, b in pairs)
    assert set.union(*inside) == {s for row in symbols for s in row}
    assert not KINDS.keys() & {s for pair in pairs for side in pair for s in side}


def test_held_out_programs_differ_in_whether_they_have_an_unobserved_structure(pool):
    _, out = split_of(pool, np.random.default_rng(2))
    rows = pool.table["structures"].to_list()
    known = {s for row, o in zip(rows, out, strict=True) if not o for s in row}
    lacking = np.mean([not known.issuperset(row) for row, o in zip(rows, out, strict=True) if o])
    assert 0.25 <= lacking <= 0.75


def test_ranked_programs_with_and_without_an_unobserved_structure_have_the_same_sizes():
    rng = np.random.default_rng(3)
    size, lacking = rng.integers(3, 9, 200), rng.random(200) < 0.3
    rows = matched(np.arange(0, 200, 2), lacking, size, rng)
    assert len(set(rows.tolist())) == len(rows) > 10
    assert sorted(size[rows[lacking[rows]]]) == sorted(size[rows[~lacking[rows]]])
    assert not (rows % 2).any()


def test_different_questions_have_different_programs(pool):
    """Else a question of the test could have its program in training under other words."""
    assert len({tuple(t) for t in pool.table["target"].to_list()}) == len(pool)


def test_likeness_averages_overlaps_over_directions_then_over_kinds_of_pairs():
    """Worked by hand for ``and`` and ``or``: children {exists, all} against {exists}; nothing before them; no siblings."""
    score = Easiness(OBSERVED)
    assert score.alike("and", "or") == pytest.approx(1 / 2)
    # exists and all: parents {and, or} and {and} give 1/2, children none; siblings after {all}, {all} give 1,
    # before {} and {exists, all} 0, so 1/2: the mean of both is 1/2.
    assert score.alike("exists", "all") == pytest.approx(1 / 2)
    # Pooled: (1 + 1 + 0) of (2 + 1 + 2).
    assert Easiness(OBSERVED, "pooled").alike("exists", "all") == pytest.approx(2 / 5)


def test_a_structure_is_as_easy_as_its_likest_observed_neighbour_and_a_program_as_its_hardest_structure():
    score = Easiness(OBSERVED)
    assert score.of("or>all") == pytest.approx(1 / 2)
    assert score.of("find>exists") == 0.0
    assert list(score.scores([["and>all"], ["and>all", "or>all"]])) == pytest.approx([1.0, 0.5])
    assert Easiness(OBSERVED, "none").of("or>all") == 0.0


def test_an_area_tells_order_and_is_one_half_where_there_is_none():
    assert area([0.1, 0.9, 0.8, 0.2], np.array([0.0, 1.0, 1.0, 0.0])) == 1.0
    assert area([0.1, 0.9], np.ones(2)) == 0.5
