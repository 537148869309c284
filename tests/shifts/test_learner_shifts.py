"""Shifts for a learner's own data: domains, times, ends, weights, cues, noise; each keeps what it promises."""

import datetime as dt
import itertools

import numpy as np
import polars as pl
import pytest

from unseen.data import Examples
from unseen.data.digits import digit_domains
from unseen.data.dominoes import dominoes
from unseen.errors import BadInput
from unseen.factors import Factor, Factors
from unseen.shifts import (
    CovariateReweighted,
    Extrapolated,
    LabelNoise,
    LaterThan,
    LeaveEachOut,
    Perturbed,
    SpuriousBroken,
)


def visits(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    day = rng.integers(0, 365, n)
    site = rng.choice(["north", "south", "west", "tiny"], n, p=[0.5, 0.3, 0.195, 0.005])
    target = rng.choice(["ill", "well"], n)
    target[site == "west"] = "well"
    table = pl.DataFrame({
        "item": [f"i{k}" for k in range(n)], "x": rng.normal(5, 3, n), "target": target, "site": site,
        "month": day // 31 + 1, "date": [dt.date(2020, 1, 1) + dt.timedelta(int(d)) for d in day],
        "when": [dt.datetime(2020, 1, 1, 12) + dt.timedelta(int(d)) for d in day],
        "written": [str(dt.date(2020, 1, 1) + dt.timedelta(int(d))) for d in day],
    })  # fmt: skip
    kinds = {"site": "categorical", "month": "ordered", "date": "ordered", "when": "ordered"}
    return Examples(table, ("x",), "target", Factors(Factor(k, v) for k, v in kinds.items()))


def rng(seed=0):
    return np.random.default_rng(seed)


SHIFTS = [
    LaterThan("month"), LaterThan("date", "2020-09-30"), LaterThan("when", dt.datetime(2020, 6, 1)), LaterThan("when", whole="month"),
    Extrapolated("x"), Extrapolated("x", "lower"), Extrapolated("month", threshold=6), CovariateReweighted({"x": 0.8}),
    CovariateReweighted(factor="site", shares={"north": 0.1, "south": 0.9}), LabelNoise(), Perturbed(perturbation="table-noise"),
]  # fmt: skip


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda s: s.describe())
def test_sides_are_disjoint_equal_seeds_agree_and_guarantees_hold(shift):
    one, two = (shift.split(visits(), rng(5)) for _ in range(2))
    sides = [set(side.table["item"]) for side in (one.train, one.seen, one.unseen)]
    assert all(not (a & b) for a, b in itertools.combinations(sides, 2))
    assert all(g.holds for g in one.guarantees)
    assert len(one.guarantees) > 1
    assert one.unseen.table.equals(two.unseen.table)
    assert one.train.table.equals(two.train.table)


def test_each_level_is_left_out_and_small_or_one_class_levels_are_refused_with_the_reason():
    found = LeaveEachOut("site").over(visits())
    assert list(found.shifts) == ["north", "south"]
    assert found.refused["west"].endswith("rows have the same target")
    assert "fewer than the 30 asked for" in found.refused["tiny"]
    for level, shift in found.shifts.items():
        split = shift.split(visits(), rng())
        assert set(split.unseen.table["site"]) == {level}
        assert level not in set(split.train.table["site"])
    with pytest.raises(BadInput, match="no level of 'site' can be left out; the largest is 'north'"):
        LeaveEachOut("site", min_rows=5000).over(visits())
    with pytest.raises(BadInput, match="Did you mean site"):
        LeaveEachOut("sites").over(visits())


def test_the_cut_is_the_whole_value_nearest_to_the_quantile():
    months = visits().table["month"].to_numpy()
    split = LaterThan("month", quantile=0.7).split(visits(), rng())
    shares = {m: abs((months <= m).mean() - 0.7) for m in range(1, 12)}
    assert split.train.table["month"].max() == min(shares, key=shares.get)


def test_dates_times_and_their_text_cut_at_the_same_row():
    splits = [LaterThan("date", t).split(visits(), rng()) for t in ("2020-09-30", dt.date(2020, 9, 30))]
    splits.append(LaterThan("when", "2020-09-30T23:00").split(visits(), rng()))
    assert len({frozenset(s.unseen.table["item"]) for s in splits}) == 1
    assert splits[0].unseen.table["date"].min() == dt.date(2020, 10, 1)


def test_whole_months_are_not_divided():
    split = LaterThan("when", whole="month").split(visits(), rng())
    assert split.train.table["when"].dt.month().max() < split.unseen.table["when"].dt.month().min()


def test_a_zoned_time_keeps_its_zone_and_rows_without_a_time_stand_nowhere():
    table = visits().table.with_columns(pl.col("when").dt.replace_time_zone("UTC"))
    table = table.with_columns(pl.when(pl.col("month") > 1).then(pl.col("when")).alias("when"))
    split = LaterThan("when", "2020-09-30T23:00").split(Examples(table, ("x",), "target"), rng())
    assert split.unseen.table["when"].min() == dt.datetime(2020, 10, 1, 12, tzinfo=dt.UTC)
    assert len(split.train) + len(split.seen) + len(split.unseen) == (table["month"] > 1).sum()


def test_text_is_no_time_and_the_way_out_is_shown():
    with pytest.raises(BadInput, match=r"column 'written' holds text \('2020-.*pl.col\('written'\).str.to_datetime"):
        LaterThan("written").split(visits(), rng())
    with pytest.raises(BadInput, match="'soon' is no threshold for column 'date', which holds Date"):
        LaterThan("date", "soon").split(visits(), rng())
    with pytest.raises(BadInput, match="has no order"):
        Extrapolated("target").split(
            Examples(visits().table.with_columns(pl.lit([1]).alias("target"))[:50], ("x",), None), rng()
        )


def test_both_ends_are_mirror_images():
    examples = visits()
    mirrored = Examples(examples.table.with_columns(-pl.col("x")), ("x",), "target")
    up, down = Extrapolated("x").split(examples, rng()), Extrapolated("x", "lower").split(mirrored, rng())
    assert up.unseen.table["item"].to_list() == down.unseen.table["item"].to_list()
    assert len(up.unseen) == 400


def test_an_exponential_tilt_moves_a_normal_by_its_pull():
    # exp(a z) φ(z) is a normal around a, and its effective share is exp(-a²).
    examples = visits(20_000)
    split = CovariateReweighted({"x": 0.7}).split(examples, rng())
    z = (split.unseen.column("x") - 5) / 3
    pool = 0.4 * 20_000
    assert len(split.unseen) / pool == pytest.approx(np.exp(-(0.7**2)), abs=0.05)
    # Draws repeat rows of the pool: twice the variance of independent ones is a generous bound.
    assert z.mean() == pytest.approx(0.7, abs=4 * np.sqrt(2 / len(z)))
    assert z.std() == pytest.approx(1, abs=0.06)


def test_a_factor_gets_the_asked_distribution():
    split = CovariateReweighted(factor="site", shares={"north": 1, "west": 3}).split(visits(), rng())
    shares = dict(split.unseen.table["site"].value_counts(normalize=True).iter_rows())
    assert shares["west"] == pytest.approx(0.75, abs=4 * np.sqrt(0.19 / len(split.unseen)))
    assert set(shares) == {"north", "west"}


def test_a_reweighting_that_rests_on_few_rows_is_refused():
    with pytest.raises(BadInput, match=r"effective sample of .* rows, fewer than 30"):
        CovariateReweighted({"x": 6.0}).split(visits(), rng())
    with pytest.raises(BadInput, match="no row has 'east'"):
        CovariateReweighted(factor="site", shares={"east": 1}).split(visits(), rng())
    with pytest.raises(BadInput, match="holds String"):
        CovariateReweighted({"site": 1}).split(visits(), rng())
    with pytest.raises(BadInput, match="needs a pull"):
        CovariateReweighted().split(visits(), rng())


@pytest.mark.parametrize(("train", "test"), [(0.9, 0.5), (0.95, 0.05), (1.0, 0.0)])
def test_the_cue_agrees_at_the_asked_ratios(train, test):
    examples = dominoes(1400, ratio=0.6)
    split = SpuriousBroken("spurious", train_ratio=train, test_ratio=test).split(examples, rng())
    inside = np.concatenate([split.train.column("agrees"), split.seen.column("agrees")])
    assert inside.mean() == pytest.approx(train, abs=2 / len(inside))
    assert split.unseen.column("agrees").mean() == pytest.approx(test, abs=2 / len(split.unseen))
    assert len(split.unseen) / (len(split.unseen) + len(inside)) == pytest.approx(0.3, abs=0.01)
    # One of the two pools is used up: no larger split keeps both ratios.
    used = [
        np.concatenate([inside, split.unseen.column("agrees")]).sum(),
        (~np.concatenate([inside, split.unseen.column("agrees")])).sum(),
    ]
    left = [examples.column("agrees").sum() - used[0], (~examples.column("agrees")).sum() - used[1]]
    assert min(left) <= 2


def test_a_cue_with_other_names_is_refused():
    with pytest.raises(BadInput, match="never reads as 'label' does"):
        SpuriousBroken("agrees").split(dominoes(100), rng())


def test_label_noise_stays_in_training():
    split = LabelNoise(noise=0.3).split(dominoes(500), rng())
    wrong = split.train.column("label") != split.train.column("core")
    assert wrong.sum() == split.train.table["corrupted"].sum() == round(0.3 * len(split.train))
    assert all((side.column("label") == side.column("core")).all() for side in (split.seen, split.unseen))


def test_only_unseen_images_are_perturbed():
    examples = digit_domains("rotation")
    original = dict(zip(examples.table["item"], examples.column("image"), strict=True))
    split = Perturbed(perturbation="inversion", severity=1.0).split(examples, rng())
    for side, sign in ((split.train, False), (split.unseen, True)):
        images = np.stack([original[i] for i in side.table["item"]])
        np.testing.assert_allclose(side.column("image"), 1 - images if sign else images, atol=1e-6)
    assert set(split.seen.table["perturbation"]) == {"none"}
    assert split.train.table.schema == split.unseen.table.schema
    with pytest.raises(BadInput, match="did you mean rotation"):
        Perturbed(perturbation="rotations").split(examples, rng())
