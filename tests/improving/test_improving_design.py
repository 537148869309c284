"""What is fitted: no final test is seen by a fit on which its choice rests."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest

from unseen.improving import design
from unseen.refitting import ask
from unseen.remedies import DOMAIN, ORDER


def frame(n: int = 900, sites: int = 7, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return pl.DataFrame(
        {
            "a": x[:, 0],
            "b": x[:, 1],
            "site": [f"s{i}" for i in rng.integers(sites, size=n)],
            "week": rng.integers(20, size=n),
            "cue": rng.choice(["p", "q"], size=n),
            "patient": [f"p{i // 3}" for i in range(n)],
            "y": np.where(x[:, 0] + rng.normal(size=n) > 0, "p", "q"),
        }
    )


def planned(shift: str, **options):
    asked = ask(frame(), "logistic", [shift], target="y", **options)
    return design(asked.problem, asked.cases, repeats=2, rows=20_000, seed=0)


def test_pairs_of_groups_and_groups_are_left_out_of_so_many_fits():
    made = planned("held-out site")
    count = len(made.folds)
    assert count == 7
    assert len(made.fittings) == 2 * (count * (count - 1) // 2 + count)
    assert sorted(i for f in made.folds for i in f.cases) == list(range(7))


@pytest.mark.parametrize(
    "shift", ["held-out site", "later week", "held-out site=s1", "broken cue", "random", "below week"]
)
def test_no_fit_that_a_choice_rests_on_has_seen_a_tested_row(shift):
    made = planned(shift)
    by_name = {(f.name, f.repeat): f for f in made.fittings}
    for fold in made.folds:
        tested = np.unique(np.concatenate([made.cases[c].beyond for c in fold.cases]))
        for repeat in range(made.repeats):
            final = by_name[fold.final, repeat]
            assert not np.isin(final.train, tested).any()
            for name, side, _ in fold.validations:
                one = by_name[name, repeat]
                assert not np.isin(one.train, tested).any()
                if side in one.tests:
                    assert not np.isin(one.tests[side], tested).any()
                    assert not np.isin(one.train, one.tests[side]).any()
            for name in fold.inner:
                assert not np.isin(by_name[name, repeat].tests["seen"], tested).any()
                assert not np.isin(by_name[name, repeat].tests["seen"], by_name[name, repeat].train).any()


def test_an_order_is_validated_by_an_earlier_cut_of_the_same_order():
    for shift, sign in (("later week", 1), ("below week", -1)):
        made = planned(shift)
        week = sign * made.problem.examples.table["week"].to_numpy()
        fold = made.folds[0]
        inner = next(f for f in made.fittings if f.name == fold.validations[0][0])
        assert made.validation == "an earlier cut of the same order"
        assert week[inner.train].max() < week[inner.tests["validation"]].min()
        assert week[inner.tests["validation"]].max() < week[made.cases[0].beyond].min()
        assert made.ordered
        order = made.problem.examples.table[ORDER].to_numpy()
        assert order[made.cases[0].inside].max() < order[made.cases[0].beyond].min()


def test_a_broken_cue_is_validated_with_groups_of_cue_and_class_weighed_the_same():
    made = planned("broken cue")
    weights, inside = made.folds[0].weights, made.cases[0].inside
    table = made.problem.examples.table
    totals = {
        (c, y): weights[inside][((table["cue"] == c) & (table["y"] == y)).to_numpy()[inside]].sum()
        for c, y in itertools.product("pq", "pq")
    }
    assert np.allclose(list(totals.values()), len(inside) / 4)
    assert set(table[DOMAIN].unique()) == {"p", "q"}


def test_a_cluster_is_never_divided_between_fitting_and_held_back_rows():
    made = planned("held-out site", cluster="patient")
    clusters = made.problem.clusters()
    for one in made.fittings:
        if "seen" in one.tests:
            assert not np.isin(clusters[one.train], clusters[one.tests["seen"]]).any()


def test_rows_are_capped_and_the_plan_says_so():
    asked = ask(frame(), "logistic", ["held-out site"], target="y")
    made = design(asked.problem, asked.cases, repeats=1, rows=400, seed=0)
    assert len(made.problem) == 400
    assert made.notes == ("400 of 900 rows were drawn; --rows takes more.",)
    table = made.problem.examples.table
    for case in made.cases:
        assert (table["site"][case.beyond] == case.name.split("=")[1]).all()


def test_what_cannot_be_planned_is_told_with_the_counts():
    asked = ask(frame(), "logistic", ["held-out site"], target="y")
    with pytest.raises(
        ValueError, match=r"no held-out set can be judged: site=s\d: it has \d+ rows; at least 30 are needed"
    ):
        design(asked.problem, asked.cases, repeats=1, rows=110, seed=0)
