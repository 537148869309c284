"""Rows that the user calls unseen, by a condition or a column of sides, are a shift of a learner like any other."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

import unseen
from unseen.checks.base import Found
from unseen.errors import BadInput
from unseen.refitting import ask


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path))


def clinic(rows=900, seed=0, turned=True):
    """Two inputs; from 2018 on, and at site E, the second one means the opposite where it is turned."""
    rng = np.random.default_rng(seed)
    x, site, year = rng.normal(size=(rows, 2)), rng.choice(list("ABCDE"), rows), rng.integers(2012, 2022, rows)
    sign = np.where(turned & ((year > 2017) | (site == "E")), -1, 1)
    return pl.DataFrame({
        "a": x[:, 0], "b": x[:, 1], "site": site, "year": year, "day": [dt.date(int(y), 6, 1) for y in year],
        "fold": np.where(year > 2017, "test", "train"), "y": (x[:, 0] + sign * x[:, 1] + rng.normal(0, 0.3, rows) > 0).astype(int),
    })  # fmt: skip


def asked(table=None, shifts=(), **how):
    return ask(clinic() if table is None else table, "logistic", shifts, target="y", **how)


def case(*args, **how):
    (one,) = asked(*args, **how).cases
    return one


def test_a_condition_holds_out_the_rows_where_it_holds():
    table = clinic()
    one = case(table, unseen="year > 2017 and site in ['A', 'B']")
    wanted = table.select((pl.col("year") > 2017) & pl.col("site").is_in(["A", "B"])).to_series().to_numpy()
    assert np.array_equal(one.beyond, np.flatnonzero(wanted))
    assert np.array_equal(one.inside, np.flatnonzero(~wanted))
    assert one.name == "year > 2017 and site in ['A', 'B']"
    assert case(table, ["where year > 2017"]).beyond.tolist() == case(table, unseen="year > 2017").beyond.tolist()


def test_rows_that_lack_the_value_stand_on_no_side():
    table = clinic().with_columns(year=pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise("year"))
    one = case(table, unseen="year > 2017")
    assert len(one.inside) + len(one.beyond) == 810


@pytest.mark.parametrize(
    ("condition", "kind", "factors"),
    [
        ("year > 2017", "later", ("year",)), ("year >= 2018 and year < 2030", "later", ("year",)), ("year < 2015", "beyond", ("year",)),
        ("a > 1", "beyond", ("a",)), ("day > '2018-01-01'", "later", ("day",)), ("year == 2015", "held-out", ()),
        ("site == 'E'", "held-out", ("site",)), ("site == 'E' or site == 'A'", "held-out", ("site",)),
        ("site == 'E' and year > 2015", "held-out", ("site",)), ("a > 0 and b > 0", "held-out", ()),
    ],
)  # fmt: skip
def test_one_end_of_an_order_is_an_order_and_all_else_is_held_out(condition, kind, factors):
    one = case(unseen=condition)
    assert (one.kind, one.factors) == (kind, factors)


def test_a_column_is_no_input_where_the_unseen_rows_have_levels_of_their_own():
    assert "site" not in asked(unseen="site == 'E'").problem.examples.inputs
    assert "site" in asked(unseen="site == 'E' and year > 2015").problem.examples.inputs
    assert "year" in asked(unseen="year > 2017").problem.examples.inputs


def test_a_column_of_sides_says_what_is_held_out():
    table = clinic()
    assert case(table, split="fold").beyond.tolist() == np.flatnonzero(table["year"] > 2017).tolist()
    assert "fold" not in asked(table, split="fold").problem.examples.inputs
    words = {"train": "seen", "test": "unseen"}
    assert len(case(table.with_columns(pl.col("fold").replace(words)), split="fold").beyond) == len(
        case(table, split="fold").beyond
    )


@pytest.mark.parametrize("condition", ["year > 2017", "site == 'E' and year > 2013", "a > 100 or year > 2017"])
def test_a_planted_loss_is_found(condition):
    late = (pl.col("site") == "E") & (pl.col("year") > 2013)
    table = clinic(1500).with_columns(e=pl.when(late).then("b").otherwise(0.0))
    audit = unseen.audit(
        table, target="y", learner="logistic", unseen=condition, refits=2, executor="serial", select=["U801", "U802"]
    )
    found = [o for o in audit.result.outcomes if isinstance(o, Found) and o.code in ("U801", "U802")]
    assert found
    assert all(condition in o.statement for o in found)
    assert max(o.estimate.value for o in found if o.estimate is not None) > 0.05


def test_nothing_is_found_where_nothing_changes():
    found = 0
    for seed in range(20):
        audit = unseen.audit(
            clinic(400, seed, turned=False), target="y", learner="logistic", unseen="year > 2017", refits=2, executor="serial",
            select=["U801", "U802"],
        )  # fmt: skip
        found += any(isinstance(o, Found) for o in audit.result.outcomes)
    # At 0.05, 20 audits give more than three in 1.6 % of runs.
    assert found <= 3


def test_the_same_rows_give_the_same_numbers_however_they_are_named():
    def loss(**how):
        audit = unseen.audit(
            clinic(), target="y", learner="logistic", refits=2, executor="serial", select="U802", **how
        )
        (one,) = [o.estimate for o in audit.result.outcomes if o.estimate is not None]
        return one.value

    assert loss(unseen="year > 2017") == pytest.approx(loss(shifts="later year=2017"), abs=0.02)


def test_remedies_are_tried_on_it():
    found = unseen.improve(
        clinic(),
        target="y",
        learner="logistic",
        unseen="year > 2017",
        remedies=["regularised"],
        seeds=2,
        executor="serial",
    )
    assert "year > 2017" in str(found)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"unseen": "yeer > 2017"}, "did you mean 'year'"), ({"unseen": "year > 2040"}, "year 2012 to 2021"),
        ({"unseen": "year > 2000"}, "holds in every row"), ({"unseen": "y == 1"}, "asks for the target 'y'"),
        ({"unseen": "1 == 1"}, "names no column"), ({"unseen": "site > 3"}, "Compare texts with a text in quotes"),
        ({"unseen": ""}, "expression is empty"), ({"unseen": "year > 2017", "split": "fold"}, "both say what is unseen"),
        ({"split": "side"}, "no column 'side'"), ({"split": "site"}, "holds A, B, C, D, E"), ({"shifts": ["where"]}, "no shift reads"),
    ],
)  # fmt: skip
def test_what_can_not_be_held_out_is_one_sentence(how, said):
    with pytest.raises(BadInput, match=said):
        asked(**how)


def test_a_column_of_one_side_holds_nothing_out():
    with pytest.raises(BadInput, match="holds in no row"):
        asked(clinic().with_columns(fold=pl.lit("train")), split="fold")


@pytest.mark.parametrize(
    "how",
    [
        {"score": "a"}, {"score_range": "0:1"}, {"prediction": "a"}, {"target_column": "a"}, {"model": "m"}, {"model_column": "a"},
        {"item_column": "a"}, {"confidence": "a"}, {"human": "a"}, {"variant_of": "a"}, {"parent": "a"}, {"question": "a"},
        {"repeat": "a"}, {"filter": "a"}, {"metric": "a"}, {"reader": "table"}, {"factors": ["a"]},
    ],
)  # fmt: skip
def test_what_tells_how_answers_are_read_is_not_passed_over(how):
    with pytest.raises(BadInput, match=f"{next(iter(how))}=… is for answers"):
        unseen.audit(clinic(), target="y", unseen="year > 2017", **how)


def test_a_target_alone_asks_which_shift_to_judge():
    with pytest.raises(BadInput, match=r"say which shift to judge\. With these columns: shifts='held-out site'"):
        unseen.audit(clinic(), target="y")


def test_a_table_without_answers_is_told_how_to_learn_from_it():
    with pytest.raises(
        BadInput, match=r"table to learn from\? Say what to predict .*target='COLUMN' unseen='year > 2017'"
    ):
        unseen.audit(clinic(60))
