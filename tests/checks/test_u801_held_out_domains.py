"""U801: a planted loss is found where it is, a null seldom, and the next domain falls into its interval."""

import learner_cases as lc
import numpy as np
import polars as pl
import pytest

from unseen.checks.base import Clear, Found, NotApplicable, Settings
from unseen.checks.u801_held_out_domains import HeldOutDomains


def over(outcomes):
    return next(o for o in outcomes if o.about.kind == "factor")


def test_a_loss_on_one_domain_is_found_there(tmp_path):
    rng = np.random.default_rng(0)
    table = lc.sites(rng, k=6, n=100, slope=3)
    # At one site the outcome goes the other way: who has not seen it is wrong there.
    turned = pl.when(pl.col("y") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
    table = table.with_columns(y=pl.when(pl.col("site") == "s05").then(turned).otherwise(pl.col("y")))
    # The site is known from another column, so that a learner can do right once it has seen it.
    table = table.with_columns(x1=pl.when(pl.col("site") == "s05").then(5.0).otherwise(pl.col("x1")))
    outcomes = lc.run(HeldOutDomains(), lc.under(table, tmp_path, "gradient-boosting", refits=1))
    named = {o.about.name: o for o in outcomes}
    assert isinstance(named["site=s05"], Found)
    assert named["site=s05"].estimate.value > 0.3
    assert not any(isinstance(named[f"site=s0{k}"], Found) for k in range(5))
    assert "x1, which lies elsewhere there (median 5" in named["site=s05"].next_step


def test_a_mean_loss_is_estimated_without_bias():
    losses = np.random.default_rng(3).normal(0.08, 0.03, 12)
    values = []
    for seed in range(10):
        found = over(lc.run(HeldOutDomains(), lc.law(np.random.default_rng(seed), [150] * 12, 0.8, losses)))
        assert isinstance(found, Found)
        values.append(found.estimate.value)
    assert abs(np.mean(values) - losses.mean()) < 4 * np.std(values) / 10**0.5 + 0.003


@pytest.mark.parametrize("refits", [1, 2])
def test_without_a_loss_false_findings_stay_below_the_nominal_rate(refits):
    # smallest_gap at nearly zero: the p-value alone decides.
    settings = Settings(smallest_gap=1e-9)
    single, joint, trials = 0, 0, 60
    for seed in range(trials):
        u = lc.law(np.random.default_rng([seed, refits]), [60, 80, 100, 120, 150, 200], 0.75, 0.0, refits=refits)
        outcomes = lc.run(HeldOutDomains(), u, settings)
        joint += isinstance(over(outcomes), Found)
        single += sum(isinstance(o, Found) for o in outcomes if o.about.kind == "slice")
    # Found needs a two-sided p below 5 % and a positive loss: 2.5 %; three binomial deviations above.
    assert joint / trials <= 0.025 + 3 * (0.025 * 0.975 / trials) ** 0.5
    assert single / (6 * trials) <= 0.025 + 3 * (0.025 * 0.975 / (6 * trials)) ** 0.5


def test_the_next_domain_falls_into_its_interval():
    inside, trials = 0, 70
    for seed in range(trials):
        rng = np.random.default_rng([7, seed])
        means = np.clip(rng.normal(0.75, 0.06, 11), 0.3, 0.98)
        u = lc.law(rng, [150] * 10, means[:10], 0.0)
        ahead = over(lc.run(HeldOutDomains(), u)).details["next_score"]
        inside += ahead["low"] <= means[10] <= ahead["high"]
    # Nominal 95 %: 0.87 is 3 binomial deviations below.
    assert inside / trials >= 0.87


def test_what_to_expect_of_the_next_domain_is_said_even_where_nothing_is_lost():
    outcome = over(lc.run(HeldOutDomains(), lc.law(np.random.default_rng(5), [200] * 8, 0.8, 0.0)))
    assert isinstance(outcome, Clear)
    assert "for the next one expect accuracy 0.8" in outcome.statement
    assert outcome.details["backtest"]["domains"] == 8


def test_few_domains_get_no_prediction_and_two_no_summary():
    four = over(lc.run(HeldOutDomains(), lc.law(np.random.default_rng(6), [300] * 4, 0.8, 0.2)))
    assert "a prediction for the next one needs 5 domains, these are 4" in four.statement
    two = over(lc.run(HeldOutDomains(), lc.law(np.random.default_rng(6), [300] * 2, 0.8, 0.2)))
    assert isinstance(two, NotApplicable)
    assert "needs 3 of them, got 2" in two.statement


def test_rows_of_one_cluster_count_once():
    wide = []
    for cluster in (None, "patient"):
        rng = np.random.default_rng(9)
        u = lc.law(rng, [100] * 6, 0.8, 0.1)
        if cluster:
            # Ten rows a patient that are right or wrong together.
            table = u.problem.examples.table.with_columns(patient=pl.Series(np.arange(600) // 10).cast(pl.String))
            from unseen.refitting import UnderShift, plan, problem_of

            problem = problem_of(table, "y", cluster="patient").without_inputs(["site"])
            made = lc.Law(problem, u.runner.seen, u.runner.unseen, np.random.default_rng(9))
            made.shared = np.repeat(np.random.default_rng(9).random(60), 10)
            u = UnderShift(made, plan(problem, lc.held_out(problem, "site"), refits=2))
        outcomes = lc.run(HeldOutDomains(), u)
        wide.append(np.mean([o.estimate.width for o in outcomes if o.about.name.startswith("site=")]))
    assert wide[1] > 1.3 * wide[0]


def test_equal_seeds_give_equal_outcomes(tmp_path):
    table = lc.sites(np.random.default_rng(0), k=4, n=60)
    first, second = (lc.run(HeldOutDomains(), lc.under(table, tmp_path / str(i), "forest")) for i in range(2))
    assert [(o.statement, o.p_value) for o in first] == [(o.statement, o.p_value) for o in second]


def test_without_a_held_out_shift_it_does_not_apply(tmp_path):
    from unseen.refitting import Case

    u = lc.law(np.random.default_rng(0), [200] * 3, 0.8, 0.0)
    rows = np.arange(600)
    from unseen.refitting import UnderShift, plan

    case = Case("later x", "later x", ("x",), rows[:400], rows[400:], "later")
    (outcome,) = lc.run(HeldOutDomains(), UnderShift(u.runner, plan(u.problem, [case])))
    assert isinstance(outcome, NotApplicable)
    assert "No held-out domain was asked for" in outcome.statement


def test_variance_between_refits_is_told_from_that_of_rows():
    from unseen.checks._domains import _pooled

    rng = np.random.default_rng(0)
    # Refits differ by 0.05 as a whole and by 0.4 on each row; the latter alone moves their means by 0.4² / 200.
    found = [
        _pooled([rng.normal(0, spread, (2, 1)) + rng.normal(0, 0.4, (2, 200)) for _ in range(3000)])
        for spread in (0.0, 0.05)
    ]
    assert found[0] < 0.1 * 0.4**2 / 200
    assert found[1] == pytest.approx(0.05**2, rel=0.1)
    # With a single set there is nothing to tell the two apart by, and all of it counts.
    single = [_pooled([rng.normal(0, 0.4, (2, 200))]) for _ in range(3000)]
    assert np.mean(single) == pytest.approx(0.4**2 / 200, rel=0.1)


def test_each_finding_blames_the_rows_of_its_domains(tmp_path):
    from unseen.items import answers_of, behind

    # Two sites turn the outcome round: each loses for itself, and both fall behind the others.
    table = lc.sites(np.random.default_rng(2), k=6, n=80, slope=4)
    turned = pl.when(pl.col("y") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
    away = pl.col("site").is_in(["s04", "s05"])
    table = table.with_columns(y=pl.when(away).then(turned).otherwise(pl.col("y")))
    u = lc.under(table, tmp_path)
    answers = answers_of(u.responses())
    domains = {}
    for o in lc.run(HeldOutDomains(), u):
        entry = {"code": "U801", "details": o.details, "subject": {"kind": o.about.kind, "name": o.about.name}}
        known = behind(entry, answers)
        domains[o.about.name] = set(answers.frame["site"].to_numpy()[known.rows])
    assert all(domains[f"site=s0{k}"] == {f"s0{k}"} for k in range(6))
    assert domains["worst of held-out site"] == {"s04", "s05"}
    assert domains["held-out site"] == {f"s0{k}" for k in range(6)}


def test_a_mean_error_of_the_next_domain_is_not_expected_below_zero(tmp_path):
    rng = np.random.default_rng(4)
    site = np.repeat(np.arange(6), 60)
    # One site is far off: the spread of the errors reaches below 0.
    y = rng.normal(size=360) + np.where(site == 0, 30.0, 0.0)
    table = pl.DataFrame({"site": [f"s{v}" for v in site], "x": rng.normal(size=360), "y": y})
    outcome = over(lc.run(HeldOutDomains(), lc.under(table, tmp_path)))
    assert outcome.details["next_score"]["high"] == 0.0
    assert ", from 0 to " in outcome.details["expectation"]


def test_a_domain_that_is_behind_seen_or_not_is_not_called_nothing_to_do():
    seen = [0.9, 0.9, 0.9, 0.9, 0.9, 0.6]
    outcomes = lc.run(HeldOutDomains(), lc.law(np.random.default_rng(1), [400] * 6, seen, 0.0))
    named = {o.about.name: o for o in outcomes}
    assert isinstance(named["worst of held-out site"], Found)
    assert isinstance(named["site=s05"], Clear)
    assert "falls behind the other domains, seen or not" in named["site=s05"].statement
    assert "U803" in named["site=s05"].next_step
    assert named["site=s00"].next_step == "Nothing to do."
