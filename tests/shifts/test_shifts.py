"""Shifts keep their promises, and say when they can't."""

import itertools

import numpy as np
import polars as pl
import pytest

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.factors import Factor, Factors
from unseen.shifts import (
    CompoundDivergence,
    DeeperAtMatchedLength,
    DifficultyBins,
    HeldOutCombination,
    HeldOutLevel,
    LongerThan,
    RandomShift,
    Split,
    UnobservedLocalStructures,
    UnseenCube,
    corrupt_labels,
    divergence,
    repeat_examples,
)
from unseen.shifts.base import hold_out, no_overlap
from unseen.shifts.by_factor import _has_level


def examples(n=400, seed=0):
    rng = np.random.default_rng(seed)
    length = rng.integers(1, 11, n)
    table = pl.DataFrame({
        "item": [f"i{k}" for k in range(n)], "input": [f"x {k}" for k in range(n)], "target": rng.choice(["a", "b", "c"], n),
        "length": length, "steps": rng.integers(1, 6, n), "colour": rng.choice(["red", "blue", "green"], n),
        "shape": rng.choice(["disc", "square"], n),
    })  # fmt: skip
    kinds = {"length": "ordered", "steps": "ordered", "colour": "categorical", "shape": "categorical"}
    return Examples(table, factors=Factors(Factor(k, v) for k, v in kinds.items()))


def structured(n=300, seed=0):
    rng = np.random.default_rng(seed)
    words = list("abcdefg")
    pairs = [rng.choice(words, 3).tolist() for _ in range(n)]
    table = pl.DataFrame({
        "item": [f"i{k}" for k in range(n)], "input": [" ".join(p) for p in pairs], "target": ["y"] * n,
        "atoms": pairs, "compounds": [[f"{p[0]}>{p[1]}", f"{p[1]}>{p[2]}"] for p in pairs],
    })  # fmt: skip
    return Examples(table)


SHIFTS = [
    RandomShift(),
    LongerThan("length", 6),
    DeeperAtMatchedLength("steps", 3),
    HeldOutLevel("colour", ["red"]),
    HeldOutCombination([{"colour": "red", "shape": "disc"}]),
    DifficultyBins("length", 0.4, 0.6),
]


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda s: s.name)
def test_sides_are_disjoint_and_guarantees_hold(shift):
    split = shift.split(examples(), np.random.default_rng(0))
    items = [set(side.table["item"]) for side in (split.train, split.seen, split.unseen)]
    assert all(not (a & b) for a, b in itertools.combinations(items, 2))
    assert all(g.holds for g in split.guarantees)


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda s: s.name)
def test_equal_seeds_give_equal_splits(shift):
    one, two = (shift.split(examples(), np.random.default_rng(3)) for _ in range(2))
    assert one.train.table.equals(two.train.table)
    assert one.unseen.table.equals(two.unseen.table)


def test_duplicates_of_an_item_stay_on_one_side():
    table = pl.concat([examples(60).table] * 3)
    split = RandomShift().split(Examples(table), np.random.default_rng(0))
    assert len(split.train) + len(split.seen) + len(split.unseen) == 180


def test_depth_shift_matches_length():
    split = DeeperAtMatchedLength("steps", 2).split(examples(4000), np.random.default_rng(0))
    assert abs(split.seen.column("length").mean() - split.unseen.column("length").mean()) < 0.5
    assert split.train.column("steps").max() == 2


def test_depth_shift_refuses_where_length_and_steps_are_tied():
    tied = examples()
    tied = Examples(tied.table.with_columns(steps=pl.col("length")), factors=tied.factors)
    with pytest.raises(BadInput, match="finds no length at which both sides have examples"):
        DeeperAtMatchedLength("steps", 5).split(tied, np.random.default_rng(0))


def test_an_empty_side_is_refused_with_the_counts():
    with pytest.raises(BadInput, match=r"leaves the side 'unseen' empty: 400 of 400 .* 0 beyond"):
        LongerThan("length", 99).split(examples(), np.random.default_rng(0))


@pytest.mark.parametrize("bound", ["a", None, float("nan"), True, [3]])
def test_a_threshold_that_is_no_number_is_refused_with_its_value(bound):
    for shift in (LongerThan("length", bound), DeeperAtMatchedLength("steps", bound)):
        with pytest.raises(BadInput, match=r"the threshold for factor '(length|steps)' must be a number, got"):
            shift.split(examples(), np.random.default_rng(0))


def test_an_unknown_factor_is_refused_with_near_names():
    with pytest.raises(BadInput, match="Did you mean length"):
        LongerThan("lenght", 3).split(examples(), np.random.default_rng(0))


def test_a_combination_whose_part_is_never_seen_is_refused():
    only = Examples(
        examples().table.filter((pl.col("colour") != "red") | (pl.col("shape") == "disc")), factors=examples().factors
    )
    with pytest.raises(BadInput, match=r"matched primitives.*colour='red'"):
        HeldOutCombination([{"colour": "red", "shape": "disc"}]).split(only, np.random.default_rng(0))


def test_divergence_agrees_with_the_written_out_sum():
    rng = np.random.default_rng(0)
    p, q = rng.random(5), rng.random(5)
    by_hand = 1 - sum((a / p.sum()) ** 0.1 * (b / q.sum()) ** 0.9 for a, b in zip(p, q, strict=True))
    assert divergence(p, q, 0.1) == pytest.approx(by_hand)


def test_mcd_keeps_atoms_alike_and_compounds_apart():
    split = CompoundDivergence().split(structured(), np.random.default_rng(0))
    named = {g.name: g for g in split.guarantees}
    assert named["matched atoms"].holds
    assert named["compounds diverge"].holds
    # Random search over splits of the same sizes, the slow way: greedy must beat the best of 200 random ones.
    from unseen.shifts.compound import incidence

    data = structured()
    compounds, _ = incidence(data, "compounds")
    n_test = len(split.unseen)
    rng = np.random.default_rng(1)
    best = max(
        divergence(compounds[o[n_test:]].sum(0), compounds[o[:n_test]].sum(0), 0.1)
        for o in (rng.permutation(len(data)) for _ in range(200))
    )
    index = {name: i for i, name in enumerate(data.table["item"])}
    rows = [[index[i] for i in side.table["item"]] for side in (split.train, split.unseen)]
    assert divergence(compounds[rows[0]].sum(0), compounds[rows[1]].sum(0), 0.1) > best


def test_unobserved_structures_are_absent_from_training():
    data = structured()
    table = data.table.rename({"compounds": "structures", "atoms": "symbols"})
    split = UnobservedLocalStructures().split(Examples(table), np.random.default_rng(0))
    observed = {s for row in split.train.table["structures"] for s in row}
    assert all(not set(row) <= observed for row in split.unseen.table["structures"])


def test_the_unseen_cube_is_its_frozen_complement():
    cube = [" ".join(bits) for bits in itertools.product("01", repeat=5)]
    table = pl.DataFrame({"item": cube, "input": cube, "target": ["0"] * 32})
    split = UnseenCube({0: "1"}).split(Examples(table), np.random.default_rng(0))
    assert len(split.unseen) == 16
    assert all(x.startswith("0") for x in split.unseen.table["input"])


def test_corruption_changes_exactly_the_marked_labels():
    split = RandomShift().split(examples(), np.random.default_rng(0))
    corrupted = corrupt_labels(split, 0.25, np.random.default_rng(1)).train.table
    changed = corrupted["target"] != split.train.table["target"]
    assert (changed == corrupted["corrupted"]).all()
    assert changed.sum() == round(0.25 * len(split.train))


def test_repetition_keeps_the_size():
    split = RandomShift().split(examples(), np.random.default_rng(0))
    repeated = repeat_examples(split, 10, np.random.default_rng(1)).train
    assert len(repeated) == len(split.train)
    assert repeated.table["item"].n_unique() == 10
    with pytest.raises(BadInput, match="distinct examples were asked for"):
        repeat_examples(split, 10_000, np.random.default_rng(1))


@pytest.mark.parametrize(
    "items", [["i10", "i9", "É", "a", "i10", "z"], [10, 9, 100, 10, 1, 2], ["b", None, "a", "b", "ü", "B"]]
)
def test_holding_out_agrees_with_a_sort_of_names_as_text(items):
    table = pl.DataFrame({"item": items * 3, "input": range(3 * len(items)), "target": 0})
    rows = np.arange(0, table.height, 2)
    train, seen = hold_out(Examples(table), rows, 0.4, np.random.default_rng(1))
    names = np.unique(table["item"].to_numpy()[rows].astype(str))
    order = np.random.default_rng(1).permutation(len(names))[: round(0.4 * len(names))]
    assert {str(v) for v in table["item"].gather(seen)} == set(names[order])
    assert sorted([*train.tolist(), *seen.tolist()]) == rows.tolist()
    assert not set(table["item"].gather(train)) & set(table["item"].gather(seen))


@pytest.mark.parametrize("kind", [str, int])
def test_an_item_on_two_sides_is_found(kind):
    def side(names):
        return Examples(pl.DataFrame({"item": [kind(n) for n in names], "input": names, "target": names}))

    assert no_overlap(Split(side([1, 2, 2]), side([3]), side([4, 5]))).holds
    assert no_overlap(Split(side([1, 2, 2]), side([2, 3]), side([3, 5, 1]))).measured.startswith("3 values of 'item'")


@pytest.mark.parametrize(
    ("values", "levels"),
    [(["a", None, "b", "a"], ["a"]), (["a", None, "b"], [None]), ([1, 2, 3], [2.0, 9]), ([True, False], [True]), ([["a", "b"], ["b"], []], ["a"]), ([1.5, float("nan")], [1.5]), (["a"], [])],
)  # fmt: skip
def test_levels_are_found_as_python_would(values, levels):
    examples = Examples(pl.DataFrame({"f": values}), (), None)
    naive = [bool(set(v) & set(levels)) if isinstance(v, list) else v in levels for v in values]
    assert _has_level(examples, "f", levels).tolist() == naive
