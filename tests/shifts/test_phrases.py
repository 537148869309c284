"""Shifts in words: each phrase yields its shift, and a wrong word is answered with the right ones."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from unseen.data import Examples
from unseen.data.digits import digit_domains
from unseen.errors import BadInput
from unseen.shifts import PHRASES, parse_shift


def flights(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    table = pl.DataFrame({
        "item": [f"f{k}" for k in range(n)], "distance": rng.gamma(3, 300, n), "hour": rng.integers(5, 23, n),
        "carrier": rng.choice(["AA", "UA", "DL", "OO"], n, p=[0.4, 0.35, 0.245, 0.005]), "origin": rng.choice(["EWR", "JFK", "LGA"], n),
        "month": rng.integers(1, 13, n), "date": [dt.date(2013, 1, 1) + dt.timedelta(int(d)) for d in rng.integers(0, 365, n)],
        "holiday": rng.random(n) < 0.1, "tags": [["a", "b"] if v else ["b"] for v in rng.random(n) < 0.3], "late": rng.random(n) < 0.3,
    })  # fmt: skip
    return Examples.from_table(table, inputs=["distance", "hour", "origin"], target="late")


def only(phrase, examples=None):
    found = parse_shift(phrase, examples or flights())
    assert list(found.shifts) == [found.phrase]
    return found.shifts[found.phrase].split(examples or flights(), np.random.default_rng(0))


def test_held_out_takes_each_level_in_turn():
    found = parse_shift("held-out carrier", flights())
    assert found.in_turn
    assert found.factor == "carrier"
    assert list(found.shifts) == ["held-out carrier=AA", "held-out carrier=UA", "held-out carrier=DL"]
    assert "fewer than the 30" in found.refused["held-out carrier=OO"]
    split = found.shifts["held-out carrier=UA"].split(flights(), np.random.default_rng(0))
    assert set(split.unseen.table["carrier"]) == {"UA"}


@pytest.mark.parametrize(
    ("phrase", "column", "levels"),
    [
        ("held-out carrier=AA", "carrier", {"AA"}), ("held out carrier = AA", "carrier", {"AA"}),
        ("held-out carrier=AA,DL", "carrier", {"AA", "DL"}), ("held-out month=9", "month", {9}), ("held-out holiday=true", "holiday", {True}),
        ("held-out date=2013-03-04", "date", {dt.date(2013, 3, 4)}),
    ],
)  # fmt: skip
def test_named_levels_are_read_in_the_type_of_their_column(phrase, column, levels):
    split = only(phrase)
    assert set(split.unseen.table[column]) == levels
    assert not levels & set(split.train.table[column])


def test_levels_of_a_set_are_levels_too():
    split = only("held-out tags=a")
    assert all("a" in tags for tags in split.unseen.table["tags"].to_list())


def test_times_and_ends():
    assert only("later month").unseen.table["month"].min() == only("later month").train.table["month"].max() + 1
    assert set(only("later month=9").unseen.table["month"]) == {10, 11, 12}
    assert only("later date=2013-09-30").unseen.table["date"].min() == dt.date(2013, 10, 1)
    distance = flights().column("distance")
    assert only("beyond distance").unseen.column("distance").min() > np.quantile(distance, 0.799)
    assert only("below distance").unseen.column("distance").max() < np.quantile(distance, 0.201)
    assert only("beyond distance=1000").unseen.column("distance").min() > 1000
    assert only("below hour=8").unseen.column("hour").max() == 7
    assert len(only("random").unseen) == 600


def test_combinations_are_unseen_while_every_level_is_known():
    split = only("held-out carrier x origin")
    pairs = [set(side.table.select("carrier", "origin").iter_rows()) for side in (split.train, split.unseen)]
    assert not pairs[0] & pairs[1]
    assert {o for _, o in pairs[0]} == {"EWR", "JFK", "LGA"}
    assert 0.05 < len(split.unseen) / 3000 < 0.26
    one = only("held-out carrier=AA x origin=JFK")
    assert set(one.unseen.table.select("carrier", "origin").iter_rows()) == {("AA", "JFK")}


def test_weights_noise_and_perturbations():
    assert only("reweighted distance").unseen.column("distance").mean() > 1.3 * flights().column("distance").mean()
    assert only("reweighted distance=-1").unseen.column("distance").mean() < 0.8 * flights().column("distance").mean()
    assert only("label noise=0.4").train.table["corrupted"].mean() == pytest.approx(0.4, abs=0.001)
    assert only("label noise").train.table["corrupted"].mean() == pytest.approx(0.2, abs=0.001)
    assert set(only("perturbed inversion", digit_domains("blur")).unseen.table["perturbation"]) == {"inversion"}
    broken = only(
        "broken guess",
        Examples(
            flights().table.with_columns(pl.col("late").alias("guess") ^ pl.col("holiday")), ("distance",), "late"
        ),
    )
    assert (broken.train.column("guess") == broken.train.column("late")).mean() == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        (
            "held-out carier",
            "no column 'carier' for a shift \\(did you mean 'carrier'\\?\\); the columns are distance, hour",
        ),
        ("held-out late", "is the target"),
        ("held-out carrier=AB", "column 'carrier' has no level 'AB'"),
        ("later carrier", "holds text"),
        ("later month=June", "'June' is no threshold"),
        ("held-out carrier=AA x origin", "name all or none"),
        ("label noise=lots", "takes a number from 0 to 1"),
        ("reweighted distance=far", "takes a number"),
        ("perturbed blur=3", "takes a number from 0 to 1, got '3'"),
        ("perturbed blurr", "did you mean blur"),
        ("held-out hour x item", "no column 'item'"),
    ],
)
def test_wrong_words_are_answered_with_the_right_ones(phrase, message):
    with pytest.raises(BadInput, match=message):
        parse_shift(phrase, flights())


@pytest.mark.parametrize("phrase", ["", "held-out", "sooner month", "latermonth", "random month"])
def test_an_unknown_phrase_lists_all(phrase):
    with pytest.raises(BadInput) as error:
        parse_shift(phrase, flights())
    assert all(p in str(error.value) for p in PHRASES)


def test_a_misspelt_shift_is_answered_with_the_nearest():
    table = pl.DataFrame({"x": range(90), "site": ["a", "b", "c"] * 30, "target": [0, 1] * 45})
    with pytest.raises(BadInput, match="did you mean 'held-out site'"):
        parse_shift("heldout site", Examples(table, ("x",), "target"))
