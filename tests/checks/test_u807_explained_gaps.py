"""U807: the property that makes sites hard is named; where none does, none is."""

import learner_cases as lc
import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from unseen.checks.base import Found, NotApplicable, Settings
from unseen.checks.u807_explained_gaps import ExplainedGaps, _rank_correlation, _slope, distances, properties_of
from unseen.refitting import UnderShift, plan, problem_of


def planted(rng, k=20, n=150, strength=0.15):
    """Sites whose mean age lowers the chance of being right."""
    u = lc.law(rng, [n] * k, 0.8, 0.0)
    age = rng.normal(size=k)
    table = u.problem.examples.table.with_columns(
        age=pl.Series(age[np.repeat(np.arange(k), n)] + rng.normal(size=n * k))
    )
    problem = problem_of(table, "y").without_inputs(["site"])
    unseen = np.clip(0.75 - strength * np.repeat(age, n) / 2, 0.05, 0.98)
    made = lc.Law(problem, np.full(n * k, 0.8), unseen, rng)
    return UnderShift(made, plan(problem, lc.held_out(problem, "site"), refits=2)), age


def test_the_property_that_makes_sites_hard_is_named():
    u, _ = planted(np.random.default_rng(0))
    outcomes = lc.run(ExplainedGaps(), u)
    found = [o for o in outcomes if isinstance(o, Found)]
    assert "the mean of age, held-out site" in [o.about.name for o in found]
    top = next(o for o in found if o.about.name.startswith("the mean of age"))
    assert "where the mean of age is high" in top.statement
    assert "rank correlation -0." in top.statement
    # From the 10 % to the 90 % quantile of a normal there are 2.56 standard deviations, each costs 0.075.
    assert 0.05 < top.estimate.low < 0.075 * 2.56 < top.estimate.high + 0.05
    assert top.estimate.low < top.estimate.value < top.estimate.high
    assert len(top.details["domains"]) == 20
    assert not any("the mean of z" in o.about.name for o in found)


def test_without_an_effect_false_findings_stay_below_the_nominal_rate():
    found, trials = 0, 60
    for seed in range(trials):
        rng = np.random.default_rng([1, seed])
        u = lc.law(rng, rng.integers(40, 160, 10), np.clip(rng.normal(0.75, 0.08, 10), 0.3, 0.98), 0.0, refits=1)
        found += any(isinstance(o, Found) for o in lc.run(ExplainedGaps(), u, Settings(smallest_gap=1e-9)))
    assert found / trials <= 0.05 + 3 * (0.05 * 0.95 / trials) ** 0.5


def test_seven_domains_are_too_few():
    (outcome,) = lc.run(ExplainedGaps(), lc.law(np.random.default_rng(0), [60] * 7, 0.8, 0.0))
    assert isinstance(outcome, NotApplicable)
    assert "8 of them or more; these are 7" in outcome.statement


def test_rank_correlation_and_slope_are_those_of_scipy_and_numpy():
    rng = np.random.default_rng(2)
    x, y, w = rng.integers(0, 6, 15).astype(float), rng.normal(size=15), rng.random(15) + 0.1
    assert _rank_correlation(x, y[None], np.ones(15))[0] == pytest.approx(spearmanr(x, y).statistic)
    assert _slope(x[None], y[None], w[None])[0] == pytest.approx(np.polyfit(x, y, 1, w=np.sqrt(w))[0])
    # Whole weights are repeated rows, but for ranks, which are those of the domains.
    whole = rng.integers(1, 4, 15)
    from scipy.stats import rankdata

    repeated = np.corrcoef(np.repeat(rankdata(x), whole), np.repeat(rankdata(y), whole))[0, 1]
    assert _rank_correlation(x, y[None], whole.astype(float))[0] == pytest.approx(repeated)


def test_the_distance_is_large_for_a_domain_apart_and_zero_on_average_otherwise(tmp_path):
    rng = np.random.default_rng(3)
    table = lc.sites(rng, 9, 200)
    far = table.with_columns(x0=pl.when(pl.col("site") == "s04").then(pl.col("x0") + 2).otherwise(pl.col("x0")))
    out = []
    for frame in (table, far):
        u = lc.under(frame, tmp_path)
        out.append(distances(u, [case.beyond for case in u.plan.cases]))
    assert abs(out[0].mean()) < 0.005
    assert out[1].argmax() == 4
    assert out[1][4] > 10 * np.abs(np.delete(out[1], 4)).max()


def test_the_distance_is_that_of_a_kernel(tmp_path):
    rng = np.random.default_rng(4)
    table = lc.sites(rng, 2, 300).with_columns(x0=pl.col("x0") + (pl.col("site") == "s01"))
    u = lc.under(table, tmp_path)
    rows = [case.beyond for case in u.plan.cases]
    x = table.select("x0", "x1", "x2").to_numpy()
    x = (x - x.mean(0)) / x.std(0)
    squared = ((x[:, None] - x[None]) ** 2).sum(-1)
    kernel = np.exp(-squared / (2 * np.median(squared[np.triu_indices(600, 1)])))
    a, b = rows
    inside = [(kernel[np.ix_(s, s)].sum() - 300) / (300 * 299) for s in (a, b)]
    exact = sum(inside) - 2 * kernel[np.ix_(a, b)].mean()
    assert distances(u, rows)[0] == pytest.approx(exact, rel=0.25)


def test_properties_are_what_they_say(tmp_path):
    table = lc.sites(np.random.default_rng(5), 3, 60)
    table = table.with_columns(
        x1=pl.when((pl.col("site") == "s02") & (pl.col("x1") > 0)).then(None).otherwise(pl.col("x1"))
    )
    u = lc.under(table, tmp_path)
    parts = [case.beyond for case in u.plan.cases]
    found = properties_of(u, parts, ("site",))
    last = table.filter(pl.col("site") == "s02")
    assert found["the mean of x0"][2] == pytest.approx(last["x0"].mean())
    assert found["the share of yes"][2] == pytest.approx((last["y"] == "yes").mean())
    assert found["the share of missing values"].tolist() == pytest.approx([0, 0, last["x1"].null_count() / 60 / 3])
    assert not any("site" in name for name in found)


def test_equal_seeds_give_equal_outcomes():
    first, second = (lc.run(ExplainedGaps(), planted(np.random.default_rng(6), 9, 60)[0]) for _ in range(2))
    assert [(o.statement, o.p_value) for o in first] == [(o.statement, o.p_value) for o in second]
