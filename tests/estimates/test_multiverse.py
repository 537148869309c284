"""Answers under many settings: shares, influence, and the test of a whole curve."""

import itertools

import numpy as np
import pytest

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.multiverse.grid import Axis, Grid, explained, explored, main_effects
from unseen.estimates.multiverse.null import Rows, curve_test


def at(value, width=0.1):
    return Estimate(value, value - width, value + width, 20, "t")


def by_hand(codes, values):
    """Sum of squares of each main effect over the total, from the means of the analysis of variance."""
    total = ((values - values.mean()) ** 2).sum()
    shares = []
    for k in range(codes.shape[1]):
        means = [values[codes[:, k] == c].mean() for c in codes[:, k]]
        shares.append(((np.array(means) - values.mean()) ** 2).sum() / total)
    return np.array(shares)


@pytest.mark.parametrize("seed", range(3))
def test_on_a_full_grid_influence_is_the_analysis_of_variance(seed):
    codes = np.array(list(itertools.product(range(3), range(2), range(4))))
    values = np.random.default_rng(seed).normal(size=len(codes))
    assert main_effects(codes, values) == pytest.approx(by_hand(codes, values), abs=1e-12)


def test_what_choices_do_together_is_told_apart_from_what_each_does():
    made = explored({"a": [0, 1], "b": [0, 1]}, lambda s: at(float(s["a"] != s["b"])))
    assert [i.share for i in made.influence] == pytest.approx([0, 0], abs=1e-12)
    assert made.together == pytest.approx(1)
    added = explored({"a": [0, 1], "b": [0, 1]}, lambda s: at(2.0 * s["a"] + s["b"]))
    assert {i.axis: i.share for i in added.influence} == pytest.approx({"a": 0.8, "b": 0.2})
    assert added.together == pytest.approx(0, abs=1e-12)


def test_where_settings_are_missing_a_choice_counts_for_what_the_others_do_not_explain():
    # Only a moves anything; b goes with it because two settings have no answer.
    codes = np.array([(0, 0), (0, 0), (1, 1), (1, 1), (1, 0)])
    values = codes[:, 0].astype(float)
    assert main_effects(codes, values) == pytest.approx([1 - explained(codes, values, [1]), 0], abs=1e-12)


def test_the_conclusion_that_was_drawn_is_what_holds_or_not():
    found = explored({"by": [0.3, 0.2, 0.05, -0.3]}, lambda s: at(s["by"]))
    assert (found.holds, found.found, found.same_sign, found.range) == (2, 2, 3, (-0.3, 0.3))
    assert [a.estimate.value for a in found.curve] == [-0.3, 0.05, 0.2, 0.3]
    nothing = explored({"by": [0.05, 0.0, 0.3]}, lambda s: at(s["by"]))
    assert (nothing.holds, nothing.found) == (2, 1)


def test_settings_without_an_answer_are_kept_with_the_reason():
    def gap(setting):
        if setting["by"] > 1:
            raise TooFewUnits("one cluster")
        return at(setting["by"])

    made = explored({"by": [0.5, 2.0]}, gap)
    assert [a.why for a in made.answers] == ["", "one cluster"]
    assert len(made.answered) == 1
    assert made.rows()[1] == {"by": "2.0", "value": None, "low": None, "high": None, "found": None}
    with pytest.raises(Undefined, match="no setting of 1 has an answer: one cluster"):
        explored({"by": [2.0]}, gap)


def test_grids_that_can_not_be_are_refused():
    with pytest.raises(BadInput, match="10 × 10 × 10 × 10 = 10,000 settings are more than 2,000"):
        Grid.of({name: range(10) for name in "abcd"})
    with pytest.raises(BadInput, match="must be one or more different names"):
        Axis("level", ("0.05", "0.05"))
    with pytest.raises(BadInput, match="two axes have the same name"):
        Grid((Axis("a", ("x",)), Axis("a", ("y",))))


def gap_of(rows, sides):
    """The gap of one setting from its rows."""
    side = sides[rows.row, rows.split]
    means = []
    for one in (0, 1):
        score, cluster = rows.score[side == one], rows.cluster[side == one]
        if rows.once:
            score = np.array([score[cluster == c].mean() for c in np.unique(cluster)])
        means.append(score.mean())
    return means[0] - means[1]


def design(rng, *, divided):
    sizes = rng.integers(2, 9, 12)
    unit = np.repeat(np.arange(12), sizes)
    n = np.arange(len(unit))
    side = (rng.random(len(unit)) < 0.5 if divided else (np.arange(12) % 2 == 0)[unit]).astype(np.int8)
    other = np.where(rng.random(len(unit)) < 0.2, -1, side) if divided else np.where(unit == 3, -1, side)
    sides = np.stack([side, other], 1).astype(np.int8)
    score = rng.normal(size=len(unit)) + rng.normal(size=12)[unit]
    kept = n[rng.random(len(n)) < 0.8]
    settings = [
        Rows(n, score, unit), Rows(n, score, n), Rows(n, score, unit, once=True), Rows(kept, score[kept], unit[kept]),
        Rows(n, 2 * score, unit, split=1),
    ]  # fmt: skip
    return unit, n, sides, settings


@pytest.mark.parametrize("divided", [False, True])
def test_the_gaps_of_a_curve_are_those_of_its_rows(divided):
    unit, item, sides, settings = design(np.random.default_rng(4), divided=divided)
    made = curve_test(unit, item, sides, settings, draws=50, rng=np.random.default_rng(0))
    assert made.gaps == pytest.approx([gap_of(rows, sides) for rows in settings], abs=1e-12)
    assert made.median.value == pytest.approx(np.median(made.gaps))


def test_the_p_value_is_that_of_all_permutations_of_whole_clusters():
    """Eight clusters, four of them unseen: the seventy ways to assign them are the null."""
    rng = np.random.default_rng(3)
    unit = np.repeat(np.arange(8), 5)
    score = rng.normal(size=40) + rng.normal(size=8)[unit] + (unit < 4) * 0.9
    item = np.arange(40)
    settings = [Rows(item, score, unit), Rows(item, score, item), Rows(item, np.minimum(score, 1.0), unit)]

    def statistic(unseen):
        side = np.isin(unit, unseen).astype(np.int8)[:, None]
        gaps = [gap_of(rows, side) for rows in settings]
        means = np.array([score[unit == u].mean() for u in range(8)])
        variance = sum(
            means[[u in unseen for u in range(8)] if inside else [u not in unseen for u in range(8)]].var(ddof=1) / 4
            for inside in (0, 1)
        )
        return abs(np.median(gaps)) / np.sqrt(variance)

    own = (4, 5, 6, 7)
    exact = np.mean([statistic(s) >= statistic(own) - 1e-9 for s in itertools.combinations(range(8), 4)])
    draws = 4000
    sides = np.isin(unit, own).astype(np.int8)[:, None]
    made = curve_test(unit, item, sides, settings, draws=draws, rng=rng)
    assert made.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / draws) + 1 / draws)


def simulated(kind, gap, replicates):
    covers, rejected, shares = [], [], []
    for k in range(replicates):
        rng = np.random.default_rng([k, 11])
        sizes = np.maximum(1, rng.geometric(1 / 6, 24))
        unit = np.repeat(np.arange(24), sizes)
        n = np.arange(len(unit))
        unseen = rng.permutation(24) < 10
        side = unseen[unit] if kind == "whole clusters" else rng.random(len(unit)) < 0.4
        score = (rng.normal(0, 0.8, 24)[unit] + rng.normal(size=len(unit)) > 0) & ~(
            side & (rng.random(len(unit)) < 2 * gap)
        )
        settings = [Rows(n, score.astype(float), c, once=once) for c, once in ((unit, False), (n, False), (unit, True))]
        made = curve_test(unit, n, side[:, None].astype(np.int8), settings, draws=99, rng=rng)
        rejected.append(made.p_value <= 0.05)
        shares.append(made.p_share <= 0.05)
        covers.append(made.median.low <= gap <= made.median.high)
    return np.mean(rejected), np.mean(shares), np.mean(covers)


@pytest.mark.parametrize("kind", ["whole clusters", "within clusters"])
def test_the_curve_is_refuted_at_its_level_and_its_interval_covers(kind):
    """200 draws: at 5 % more than 9.6 % is 3 standard errors away; items taken alone would be significant in a third."""
    rejected, shares, covers = simulated(kind, 0.0, 200)
    assert rejected <= 0.096
    assert shares <= 0.096
    assert covers >= 0.904
    rejected, _, covers = simulated(kind, 0.2, 200)
    assert covers >= 0.904
    assert rejected > 0.2


def test_few_units_and_scores_that_agree_are_refused():
    n = np.arange(6)
    sides = (n % 2).astype(np.int8)[:, None]
    with pytest.raises(TooFewUnits, match="2 units can exchange their sides; a test of the curve needs 4"):
        curve_test(
            n // 3,
            n,
            np.repeat([0, 1], 3).astype(np.int8)[:, None],
            [Rows(n, n * 1.0, n // 3)],
            rng=np.random.default_rng(0),
        )
    with pytest.raises(Undefined, match="has no error"):
        curve_test(n, n, sides, [Rows(n, np.ones(6), n)], rng=np.random.default_rng(0))


def test_many_units_joined_at_random_give_the_same_answer():
    """Beyond 2,000 units some exchange sides together; the interval moves by less than its simulation error (5 %)."""
    rng = np.random.default_rng(0)
    n = np.arange(6_000)
    side = (rng.random(6_000) < 0.4).astype(np.int8)[:, None]
    score = (rng.random(6_000) < 0.7).astype(float)
    made = curve_test(n, n, side, [Rows(n, score, n)], draws=400, rng=rng)
    error = np.sqrt(sum(score[side[:, 0] == s].var() / (side[:, 0] == s).sum() for s in (0, 1)))
    assert made.median.width == pytest.approx(2 * 1.96 * error, rel=0.15)
